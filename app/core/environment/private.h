/* Small files that hold settings or secrets: read whole, replaced whole, readable by their owner alone. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The most that is read of such a file, in bytes. */
#define PINO_PRIVATE_FILE_LIMIT (4 * 1024 * 1024)

/* Reads a file. One that is not there gives NULL without an error; a folder, an unreadable file or one over the
 * limit is an error. Free with g_free(); zero-terminated, its length in *len. */
char *pino_private_read(const char *path, gsize *len, GError **error);

/* Replaces a file at once, mode 0600. Through a symbolic link the file it leads to is replaced. What is
 * there and is no plain file (a device, a pipe) is an error. */
gboolean pino_private_write(const char *path, const char *text, gsize len, GError **error);

/* Holds the folder's lock (made if missing) while a file in it is read, changed and written again, against other
 * threads and processes. Gives a descriptor to pino_private_unlock(); -1 with error when the folder cannot be
 * opened, or somebody else holds the lock for 10 s (PINO_ERROR_UNAVAILABLE). Waits, so it is no call for a main loop. A file
 * system without locks is used without. */
int pino_private_lock(const char *folder, GError **error);

/* Ends what pino_private_lock() began. */
void pino_private_unlock(int lock);

G_END_DECLS
