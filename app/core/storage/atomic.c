#include "storage/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/io.h"

/* As many as Linux follows itself before it says ELOOP. */
#define MAX_LINKS 40
#define READ_STEP ((gsize)4096)

gboolean pino_dir_make(const char *path, GError **error) {
  if (g_mkdir_with_parents(path, 0777) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "mkdir", path);
  return FALSE;
}

static gboolean make_parent(const char *path, GError **error) {
  g_autofree char *folder = g_path_get_dirname(path);
  return pino_dir_make(folder, error);
}

/* realpath(3) gives nothing for a link whose target is yet to be made. */
static char *follow_links(const char *path, GError **error) {
  g_autofree char *at = g_strdup(path);
  for (int i = 0; i < MAX_LINKS; i++) {
    char target[4096];
    ssize_t n = readlink(at, target, sizeof target - 1);
    if (n < 0)
      return g_steal_pointer(&at);
    target[n] = '\0';
    g_autofree char *folder = g_path_get_dirname(at);
    g_free(at);
    at = g_path_is_absolute(target) ? g_strdup(target) : g_build_filename(folder, target, NULL);
  }
  pino_storage_fail(error, ELOOP, "open", path);
  return NULL;
}

static gboolean write_in_place(const char *path, gconstpointer data, gsize len, GError **error) {
  g_auto(PinoFd) fd = open(path, O_WRONLY | O_CLOEXEC);
  int failed = fd < 0 ? errno : pino_storage_write_all(fd, data, len);
  if (failed == 0)
    return TRUE;
  pino_storage_fail(error, failed, fd < 0 ? "open" : "write", path);
  return FALSE;
}

/* Gives the name of the call that failed, with errno, or NULL. */
static const char *fill(int fd, gconstpointer data, gsize len, mode_t mode, const struct stat *old) {
  errno = pino_storage_write_all(fd, data, len);
  if (errno != 0)
    return "write";
  /* Only root may give a file away; for others the new owner is who writes it, and that is no failure. */
  if (old != NULL && (old->st_uid != geteuid() || old->st_gid != getegid()) &&
      fchown(fd, old->st_uid, old->st_gid) != 0 && errno != EPERM && errno != EINVAL)
    return "chown";
  if (mode != 0 && fchmod(fd, mode) != 0)
    return "chmod";
  return fsync(fd) == 0 ? NULL : "fsync";
}

static gboolean replace(const char *target, gconstpointer data, gsize len, mode_t mode,
                        const struct stat *old, GError **error) {
  g_autofree char *name = NULL;
  g_auto(PinoFd) folder = pino_storage_open_parent(target, &name, error);
  if (folder < 0)
    return FALSE;
  if (mode == 0 && old != NULL)
    mode = old->st_mode & 07777;
  char temp[PINO_TEMP_NAME];
  g_auto(PinoFd) fd = pino_storage_temp_at(folder, mode != 0 ? 0600 : 0666, temp);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", target);
    return FALSE;
  }
  const char *failed = fill(fd, data, len, mode, old);
  if (failed == NULL && renameat(folder, temp, folder, name) != 0)
    failed = "rename";
  if (failed != NULL) {
    int errnum = errno;
    unlinkat(folder, temp, 0);
    pino_storage_fail(error, errnum, failed, target);
    return FALSE;
  }
  /* The rename itself reaches the disk with the folder; a file system that cannot sync one has no better. */
  (void)fsync(folder);
  return TRUE;
}

gboolean pino_file_write(const char *path, gconstpointer data, gsize len, mode_t mode, GError **error) {
  g_autofree char *target = follow_links(path, error);
  if (target == NULL)
    return FALSE;
  struct stat old;
  gboolean exists = stat(target, &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) {
    pino_storage_fail(error, EISDIR, "open", path);
    return FALSE;
  }
  if (exists && !S_ISREG(old.st_mode))
    return write_in_place(target, data, len, error);
  return make_parent(target, error) && replace(target, data, len, mode, exists ? &old : NULL, error);
}

gboolean pino_file_append(const char *path, gconstpointer data, gsize len, GError **error) {
  g_autofree char *target = follow_links(path, error);
  if (target == NULL || !make_parent(target, error))
    return FALSE;
  g_auto(PinoFd) fd = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  gboolean regular = S_ISREG(st.st_mode);
  if (regular) {
    /* Without the lock, taking back a short write could cut what another appender added. A file system without
     * locks leaves that one gap. */
    (void)flock(fd, LOCK_EX);
    if (fstat(fd, &st) != 0)
      regular = FALSE;
  }
  int failed = pino_storage_write_all(fd, data, len);
  if (failed == 0)
    return TRUE;
  pino_storage_fail(error, failed, "write", path);
  if (regular && ftruncate(fd, st.st_size) != 0)
    g_prefix_error(error, "part of the text stays at the end of the file: ");
  return FALSE;
}

/* Gives 0 or an errno; the size is only a hint, for files that grow and for /proc, which says 0. */
static int read_all(int fd, gsize hint, char **data, gsize *len) {
  gsize room = hint + READ_STEP;
  g_autofree char *buffer = g_try_malloc(room);
  gsize have = 0;
  while (buffer != NULL) {
    ssize_t n = read(fd, buffer + have, room - have);
    if (n < 0 && errno != EINTR)
      return errno;
    if (n == 0)
      break;
    have += n > 0 ? (gsize)n : 0;
    if (have == room) {
      room += room / 2;
      char *grown = g_try_realloc(buffer, room);
      if (grown == NULL)
        return ENOMEM;
      (void)g_steal_pointer(&buffer);
      buffer = grown;
    }
  }
  if (buffer == NULL)
    return ENOMEM;
  *len = have;
  *data = g_steal_pointer(&buffer);
  return 0;
}

GBytes *pino_file_read(const char *path, GError **error) {
  g_auto(PinoFd) fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) {
    pino_storage_fail(error, errno, "open", path);
    return NULL;
  }
  char *data = NULL;
  gsize len = 0;
  int failed = S_ISDIR(st.st_mode) ? EISDIR : read_all(fd, (gsize)MAX(st.st_size, 0), &data, &len);
  if (failed == 0)
    return g_bytes_new_take(data, len);
  pino_storage_fail(error, failed, "read", path);
  return NULL;
}
