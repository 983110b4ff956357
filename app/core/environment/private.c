#include "environment/private.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who holds a lock means to write a small file; one that holds it longer does not mean to give it back. */
#define LOCK_WAIT_US (10 * G_USEC_PER_SEC)
#define LOCK_LOOK_US (10 * 1000)

static gboolean read_all(int fd, const char *path, GString *text, GError **error) {
  char block[16384];
  for (;;) {
    ssize_t got = read(fd, block, sizeof block);
    if (got == 0)
      return TRUE;
    if (got < 0) {
      if (errno == EINTR)
        continue;
      pino_error_set_errno(error, errno, "read", path);
      return FALSE;
    }
    g_string_append_len(text, block, got);
    if (text->len > PINO_PRIVATE_FILE_LIMIT) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "'%s' is over %d bytes: that is no settings file",
                  path, PINO_PRIVATE_FILE_LIMIT);
      return FALSE;
    }
  }
}

char *pino_private_read(const char *path, gsize *len, GError **error) {
  *len = 0;
  /* O_NONBLOCK: a named pipe in a file's place must not hold us up. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    if (errno != ENOENT && errno != ENOTDIR)
      pino_error_set_errno(error, errno, "open", path);
    return NULL;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  gboolean whole = read_all(fd, path, text, error);
  close(fd);
  if (!whole)
    return NULL;
  *len = text->len;
  return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Where a symbolic link leads in the end, or, when that is not there yet, in its first step. NULL for no link. */
static char *link_target(const char *path) {
  g_autofree char *first = g_file_read_link(path, NULL);
  if (!first)
    return NULL;
  char *last = realpath(path, NULL);
  if (last) {
    char *copy = g_strdup(last);
    free(last);
    return copy;
  }
  g_autofree char *folder = g_path_get_dirname(path);
  return g_canonicalize_filename(first, folder);
}

gboolean pino_private_write(const char *path, const char *text, gsize len, GError **error) {
  g_autofree char *target = link_target(path);
  const char *name = target ? target : path;
  struct stat st;
  /* A new file would take the place of what every program needs, if a link led to /dev/null. */
  if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "cannot write '%s': it is no plain file", name);
    return FALSE;
  }
  if (!g_file_set_contents_full(name, text, (gssize)len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error)) {
    g_prefix_error(error, "cannot write '%s': ", name);
    return FALSE;
  }
  return TRUE;
}

int pino_private_lock(const char *folder, GError **error) {
  if (g_mkdir_with_parents(folder, 0755) != 0) {
    pino_error_set_errno(error, errno, "mkdir", folder);
    return -1;
  }
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    pino_error_set_errno(error, errno, "open", folder);
    return -1;
  }
  for (gint64 end = g_get_monotonic_time() + LOCK_WAIT_US; flock(fd, LOCK_EX | LOCK_NB) != 0;) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      break; /* no locks here */
    if (g_get_monotonic_time() > end) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                  "another program has held the lock of '%s' for 10 s: end it, then try again", folder);
      close(fd);
      return -1;
    }
    g_usleep(LOCK_LOOK_US);
  }
  return fd;
}

void pino_private_unlock(int lock) {
  if (lock >= 0)
    close(lock);
}
