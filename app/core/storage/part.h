/* The unfinished file of a download: NAME.part, and NAME.part.json that tells which URL and which version of it the
 * data is from. Locked while it is open, so that two downloads never write into one. Not for other rooms. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *target; /* what it becomes */
  char *path;   /* .part */
  char *record; /* .part.json */
  char *url;
  int fd;         /* -1: not open */
  guint64 have;   /* bytes written */
  gint64 total;   /* bytes it is to have, -1: unknown */
  char *etag;     /* strong ones only: a weak one says nothing about bytes */
  char *modified; /* Last-Modified as it came */
} PinoPart;

#define PINO_PART_CLOSED ((PinoPart){.fd = -1, .total = -1})

/* Gives the file in dir that an earlier download of this URL left unfinished, or NULL. */
char *pino_part_find(const char *dir, const char *url);

/* Opens or makes the part of target, with what is there if it is of this URL, else empty. The folder is made.
 * PINO_ERROR_UNAVAILABLE when another download has it. */
gboolean pino_part_open(PinoPart *part, const char *target, const char *url, GError **error);

/* Forgets the data and notes what is to come instead. etag and modified may be NULL. */
gboolean pino_part_restart(PinoPart *part, gint64 total, const char *etag, const char *modified,
                           GError **error);

/* Gives 0 or an errno. */
int pino_part_write(PinoPart *part, gconstpointer data, gsize len);

/* Syncs it and gives it its name. */
gboolean pino_part_finish(PinoPart *part, GError **error);

/* Removes what is there of it. */
void pino_part_discard(PinoPart *part);

void pino_part_clear(PinoPart *part);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPart, pino_part_clear)

G_END_DECLS
