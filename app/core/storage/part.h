/* The unfinished file of a download: NAME.part, as long as the whole and with holes where something is still to come,
 * and NAME.part.map, which tells which version of which URL it is of and what of it is there.
 *
 * The map is a line of JSON (url, url_sha256, total, etag, last_modified, boot) and then, one line after the other as
 * things happen, `START END` for bytes that were written and `synced N` when the bytes of its first N ranges have
 * reached the disk. Lines are only ever added, so a process that is killed leaves at most a last line unfinished. What
 * a line says holds while the machine runs (the kernel has the bytes); after another boot only what was synced does.
 *
 * Locked while it is open, so that two downloads never write into one. One thread at a time. Not for other rooms. */
#pragma once

#include <gio/gio.h>

#include "storage/spans.h"

G_BEGIN_DECLS

/* Call pino_part_note() after so many bytes of a connection. */
#define PINO_PART_BLOCK ((guint64)512 * 1024)

typedef struct {
  char *target; /* what it becomes */
  char *path;   /* .part */
  char *record; /* .part.map */
  char *url;
  int fd;          /* -1: not open */
  int map;         /* the record, to add to; -1: not yet */
  guint64 have;    /* bytes written */
  gint64 total;    /* bytes it is to have, -1: unknown */
  char *etag;      /* strong ones only: a weak one says nothing about bytes */
  char *modified;  /* Last-Modified as it came */
  PinoSpans spans; /* what was noted */
  guint64 lines;   /* how many ranges the record has */
  gint64 synced_at;
  gint *syncing; /* atomic, g_atomic_rc_box: a thread syncs now */
} PinoPart;

#define PINO_PART_CLOSED ((PinoPart){.fd = -1, .map = -1, .total = -1})

/* Gives the file in dir that an earlier download of this URL left unfinished, or NULL. */
char *pino_part_find(const char *dir, const char *url);

/* Opens or makes the part of target, with what is there if it is of this URL, else empty. The folder is made.
 * PINO_ERROR_UNAVAILABLE when another download has it. */
gboolean pino_part_open(PinoPart *part, const char *target, const char *url, GError **error);

/* Forgets the data and notes what is to come instead. etag and modified may be NULL. */
gboolean pino_part_restart(PinoPart *part, gint64 total, const char *etag, const char *modified,
                           GError **error);

/* Fails with ENOSPC, and says how much is missing, when the file system has no room for what is still to come. */
gboolean pino_part_fits(const PinoPart *part, GError **error);

/* Writes bytes that are to stand at offset at. */
gboolean pino_part_write(PinoPart *part, guint64 at, gconstpointer data, gsize len, GError **error);

/* Notes bytes that were written. */
gboolean pino_part_note(PinoPart *part, guint64 start, guint64 end, GError **error);

/* Call now and then: every few seconds what was noted is synced, by a thread of its own. */
void pino_part_sync(PinoPart *part);

/* Syncs it, gives it its name and closes it. */
gboolean pino_part_finish(PinoPart *part, GError **error);

/* Removes what is there of it. */
void pino_part_discard(PinoPart *part);

void pino_part_clear(PinoPart *part);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPart, pino_part_clear)

G_END_DECLS
