/* What the file system that a path lies on is, how much it still takes, and what works on it.
 *
 * Where it is mounted and what it is comes from /proc/self/mountinfo, sizes from statvfs (which on ext4 and XFS tells a
 * folder's project quota) and from the kernel's quotas where they may be asked. Whether links and clones work is tried with
 * a few empty files, since no table knows it for every mount.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum { PINO_UNKNOWN = -1, PINO_NO = 0, PINO_YES = 1 } PinoAnswer;

typedef struct {
  char *path;   /* as asked for */
  char *folder; /* the nearest folder of it that is there, links resolved */
  char *mount;  /* where the file system is mounted; NULL: not known. So are type and source */
  char *type;   /* "ext4", "overlay", "fuse.drive" */
  char *source; /* what is mounted there */
  const char *
      kind; /* "disk", "network", "memory" (tmpfs: it takes RAM), "layer" (a container's own, goes with it) */
  guint64 total;               /* bytes; 0 when not known. So is free */
  guint64 free;                /* that this user can still write */
  guint64 files_free;          /* files that can still be made; G_MAXUINT64: no limit, or not known */
  gboolean quota;              /* total and free are a quota's and not the file system's */
  gboolean read_only, no_exec; /* how it is mounted */
  gboolean tried;              /* those below were; else they are PINO_UNKNOWN */
  PinoAnswer writable, hard_links, symlinks, reflinks, case_insensitive;
  int error; /* errno when the path could not be asked at all */
} PinoFilesystem;

/* Looks at a path, which need not be there yet. proc is "/" in the product: proc/self/mountinfo is read below it. With try
 * set, a folder .pinokio-XXXXXX is made in the nearest folder that is there, and removed again. Never fails; a dead network
 * mount holds it up: call it on a thread where such may be. */
PinoFilesystem *pino_filesystem_look(const char *proc, const char *path, gboolean try);
void pino_filesystem_free(PinoFilesystem *fs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoFilesystem, pino_filesystem_free)

/* Bytes of the file system that path is on, or will be, and those that may still be written; FALSE and 0 when not known.
 * Quotas count. */
gboolean pino_filesystem_space(const char *path, guint64 *total, guint64 *left);

/* Whether what is written there goes with the container or the machine's RAM. */
gboolean pino_filesystem_is_passing(const PinoFilesystem *fs);

/* Appends {path, mount, type, source, kind, total, free, files_free, quota, read_only, no_exec, writable, hard_links, symlinks,
 * reflinks, case_insensitive}, what is not known null; {path, error: "ENOENT"} when it could not be asked. */
void pino_filesystem_append_json(const PinoFilesystem *fs, GString *out);

G_END_DECLS
