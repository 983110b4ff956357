/* What the files of this room share: descriptors that close themselves, temporary names beside their target, and
 * failures told with what a person can do about them. Not for other rooms. */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* g_auto(PinoFd) closes at the end of the block; g_autofd came only with GLib 2.76. */
typedef int PinoFd;
void pino_fd_close(PinoFd fd);
/* Gives *fd away and leaves -1. */
int pino_fd_steal(PinoFd *fd);
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(PinoFd, pino_fd_close, -1)

/* Room for a temporary name and its NUL. */
#define PINO_TEMP_NAME 32

/* Sets *error like pino_error_set_errno() (domain PINO_ERRNO, code errnum) and adds what to do: how much is free
 * when the disk is full, who runs this when a permission is missing. path must not be NULL. */
void pino_storage_fail(GError **error, int errnum, const char *syscall, const char *path);

/* Sets PINO_ERROR_CANCELLED and gives FALSE when cancellable (may be NULL) is cancelled. */
gboolean pino_storage_go_on(GCancellable *cancellable, GError **error);

/* Fills name with a new hidden temporary name. */
void pino_storage_temp_name(char name[PINO_TEMP_NAME]);

/* Whether a name is such a one. */
gboolean pino_storage_is_temp(const char *name);

/* Makes a new empty file of a temporary name in the folder dirfd, open for writing. mode as for open(2): the umask
 * holds. Gives the descriptor, or -1 with errno. */
int pino_storage_temp_at(int dirfd, mode_t mode, char name[PINO_TEMP_NAME]);

/* Writes all of it, through interruptions and short writes. Gives 0 or an errno. */
int pino_storage_write_all(int fd, gconstpointer data, gsize len);

/* Renames inside or between folders; with replace FALSE an existing target is EEXIST. Gives 0 or an errno. */
int pino_storage_rename(int from_dir, const char *from, int to_dir, const char *to, gboolean replace);

/* Opens the folder that holds path and gives path's last part in *name (free). The kernel resolves what is before
 * it; slashes at the end do not count. "", "/" and what ends in "." or ".." are refused with PINO_ERROR_USAGE.
 * -1 on failure. */
int pino_storage_open_parent(const char *path, char **name, GError **error);

G_END_DECLS
