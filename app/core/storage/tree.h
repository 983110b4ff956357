/* Whole trees: removed, copied, moved, measured. Everything works by descriptors, so neither depth nor a symbolic
 * link put in somebody's way leads elsewhere. Errors are PINO_ERRNO, or PINO_ERROR_USAGE for what makes no sense
 * and PINO_ERROR_CANCELLED. Any thread; cancellable may be NULL. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
  PINO_COPY_DEFAULT = 0,
  PINO_COPY_KEEP_EXISTING = 1 << 0, /* files that are there already stay as they are */
  PINO_COPY_FAIL_EXISTING = 1 << 1, /* a file that is there already is EEXIST */
  PINO_COPY_KEEP_OWNER = 1 << 2,    /* owner and group too, where the caller may */
} PinoCopyFlags;

/* Removes a file or a folder with all in it, never through a symbolic link. A missing path is no error. Folders of
 * the caller that are read-only are made writable first. "/", "" and paths that end in ".." are refused. */
gboolean pino_tree_remove(const char *path, GCancellable *cancellable, GError **error);

/* Copies a file to the file dest, or the content of a folder into the folder dest, which is merged into when it is
 * there (also through a symbolic link). Parents of dest are made. Modes and times are kept, symbolic links stay
 * links with the same text, each file appears whole or not at all. dest inside src is refused. A folder never
 * replaces a file, nor a file a folder. After a failure what was copied so far stays. */
gboolean pino_tree_copy(const char *src, const char *dest, PinoCopyFlags flags, GCancellable *cancellable,
                        GError **error);

/* Renames src to dest, replacing a file or an empty folder; parents of dest are made. To another file system it is
 * copied beside dest, compared by number and size, renamed, and only then removed: a failure leaves src whole and
 * no dest. */
gboolean pino_tree_move(const char *src, const char *dest, GCancellable *cancellable, GError **error);

/* Gives in *bytes the size of a file, or of all files in a folder, hard links counted once, links not followed. */
gboolean pino_tree_size(const char *path, guint64 *bytes, GCancellable *cancellable, GError **error);

G_END_DECLS
