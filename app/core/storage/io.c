#include "storage/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"

#define TEMP_PREFIX ".pino-"

void pino_fd_close(PinoFd fd) {
  if (fd >= 0)
    close(fd);
}

int pino_fd_steal(PinoFd *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

static char *advise_space(const char *path) {
  struct statvfs fs;
  g_autofree char *folder = g_path_get_dirname(path);
  if (statvfs(path, &fs) != 0 && statvfs(folder, &fs) != 0)
    return g_strdup("disk full; free some space and try again");
  g_autofree char *size = g_format_size_full((guint64)fs.f_bavail * fs.f_frsize, G_FORMAT_SIZE_IEC_UNITS);
  return g_strdup_printf("disk full: %s free there; free some space and try again", size);
}

static char *advise_permission(const char *path) {
  return g_strdup_printf("not allowed for user %u; check who owns it and its mode", geteuid());
}

static const struct {
  int errnum;
  const char *text;
  char *(*advise)(const char *path);
} ADVICE[] = {
    {ENOSPC, NULL, advise_space},
    {EDQUOT, "the quota is used up; free some space and try again", NULL},
    {EFBIG, "larger than the largest file allowed here (see ulimit -f)", NULL},
    {EACCES, NULL, advise_permission},
    {EPERM, NULL, advise_permission},
    {EROFS, "the file system is mounted read-only; choose another place", NULL},
    {EISDIR, "it is a folder; name a file", NULL},
    {ENOTDIR, "a part of the path is a file; choose another place or move the file away", NULL},
    {ENOTEMPTY, "the folder holds something; choose another name or remove it first", NULL},
    {ELOOP, "symbolic links lead in a circle or were put in its place; check them", NULL},
    {EMFILE, "too many files are open; raise ulimit -n", NULL},
    {EIO, "the disk or the mount has a fault; check that it is still attached", NULL},
};

static GError *plain_error(int errnum, const char *syscall, const char *path) {
  GError *plain = NULL;
  pino_error_set_errno(&plain, errnum, syscall, path);
  return plain;
}

void pino_storage_fail(GError **error, int errnum, const char *syscall, const char *path) {
  g_autoptr(GError) plain = plain_error(errnum, syscall, path);
  for (gsize i = 0; i < G_N_ELEMENTS(ADVICE); i++) {
    if (ADVICE[i].errnum != errnum)
      continue;
    g_autofree char *made = ADVICE[i].advise != NULL ? ADVICE[i].advise(path) : NULL;
    g_set_error(error, plain->domain, plain->code, "%s (%s)", plain->message,
                made != NULL ? made : ADVICE[i].text);
    return;
  }
  g_propagate_error(error, g_steal_pointer(&plain));
}

gboolean pino_storage_go_on(GCancellable *cancellable, GError **error) {
  if (!g_cancellable_is_cancelled(cancellable))
    return TRUE;
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

void pino_storage_temp_name(char name[PINO_TEMP_NAME]) {
  g_snprintf(name, PINO_TEMP_NAME, TEMP_PREFIX "%08x%08x", g_random_int(), g_random_int());
}

gboolean pino_storage_is_temp(const char *name) {
  const char *digits = g_str_has_prefix(name, TEMP_PREFIX) ? name + strlen(TEMP_PREFIX) : "";
  return strlen(digits) == 16 && strspn(digits, "0123456789abcdef") == 16;
}

int pino_storage_temp_at(int dirfd, mode_t mode, char name[PINO_TEMP_NAME]) {
  int fd = -1;
  do {
    pino_storage_temp_name(name);
    fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  } while (fd < 0 && (errno == EEXIST || errno == EINTR));
  return fd;
}

int pino_storage_write_all(int fd, gconstpointer data, gsize len) {
  const char *at = data;
  while (len > 0) {
    ssize_t n = write(fd, at, MIN(len, (gsize)1 << 30));
    if (n < 0 && errno != EINTR)
      return errno;
    if (n > 0) {
      at += n;
      len -= (gsize)n;
    }
  }
  return 0;
}

int pino_storage_rename(int from_dir, const char *from, int to_dir, const char *to, gboolean replace) {
  if (!replace) {
    if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
      return 0;
    if (errno != EINVAL && errno != ENOSYS)
      return errno;
    /* Network and FUSE file systems do not know the flag. */
    struct stat st;
    if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
      return EEXIST;
  }
  return renameat(from_dir, from, to_dir, to) == 0 ? 0 : errno;
}

/* "a/b/./" is a/b for everyone; a last ".." is left for the caller to refuse. */
static char *strip_tail(const char *path) {
  char *text = g_strdup(path != NULL ? path : "");
  gsize len = strlen(text);
  while (len > 1 && (text[len - 1] == '/' || (text[len - 1] == '.' && text[len - 2] == '/')))
    text[--len] = '\0';
  return text;
}

int pino_storage_open_parent(const char *path, char **name, GError **error) {
  g_autofree char *full = strip_tail(path);
  g_autofree char *last = g_path_get_basename(full);
  if (full[0] == '\0' || strchr(last, '/') != NULL || g_str_equal(last, ".") || g_str_equal(last, "..")) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "refused to work on '%s'; name a file or a folder in it",
                path != NULL ? path : "");
    return -1;
  }
  g_autofree char *folder = g_path_get_dirname(full);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == EACCES)
    fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", folder);
    return -1;
  }
  *name = g_steal_pointer(&last);
  return fd;
}
