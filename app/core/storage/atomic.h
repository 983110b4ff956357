/* Files that are either whole or as they were.
 *
 * A write goes to a temporary file in the same folder, reaches the disk, and is renamed over the old one: a crash,
 * a full disk or a missing permission leaves the old content. All errors are PINO_ERRNO (errno as code) and name
 * the path and what to do. Safe from any thread. */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Replaces the content of path with len bytes of data, making parent folders. mode 0 keeps the old file's mode and
 * owner, or takes 0666 less the umask for a new one. A symbolic link at path is followed and stays. What is no
 * regular file (/dev/null, a pipe) is written to as it is. */
gboolean pino_file_write(const char *path, gconstpointer data, gsize len, mode_t mode, GError **error);

/* Adds data at the end, making the file and its parent folders. When not all of it could be written, what was
 * written is taken back. Other appenders of this program wait meanwhile (flock). */
gboolean pino_file_append(const char *path, gconstpointer data, gsize len, GError **error);

/* Gives the content of path. A folder is EISDIR. */
GBytes *pino_file_read(const char *path, GError **error);

/* Makes the folder and its parents. One that is there already is no error. */
gboolean pino_dir_make(const char *path, GError **error);

G_END_DECLS
