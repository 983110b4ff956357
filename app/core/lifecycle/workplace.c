#include "lifecycle/workplace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/tree.h"

#define MANY 1000

/* -1 with errno: EWOULDBLOCK when somebody else has it. */
static int lock_folder(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
    int code = errno;
    close(fd);
    errno = code;
    return -1;
  }
  return fd;
}

/* FALSE: somebody has swept it away before it was locked, or is just doing so. */
static gboolean is_mine(int lock) {
  struct stat st;
  return lock >= 0 ? fstat(lock, &st) == 0 && st.st_nlink > 0 : errno != ENOENT && errno != EWOULDBLOCK;
}

char *pino_workplace_make(const char *template, int *lock, GError **error) {
  for (guint i = 0; i < MANY; i++) {
    g_autofree char *path = g_strdup(template);
    if (g_mkdtemp_full(path, 0777) == NULL)
      break;
    *lock = lock_folder(path);
    if (is_mine(*lock))
      return g_steal_pointer(&path);
    if (*lock >= 0)
      close(*lock);
  }
  *lock = -1;
  pino_error_set_errno(error, errno, "make a folder like", template);
  return NULL;
}

void pino_workplace_sweep(const char *parent, const char *mark) {
  g_autoptr(GDir) dir = g_dir_open(parent, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(parent, name, NULL);
    int lock = strstr(name, mark) != NULL ? lock_folder(path) : -1;
    if (lock < 0)
      continue;
    g_autoptr(GError) error = NULL;
    if (!pino_tree_remove(path, NULL, &error))
      g_warning("what an earlier try left stays: %s", error->message);
    close(lock);
  }
}
