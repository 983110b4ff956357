#include "engine/lock.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "engine.lock"
/* Who asks for the holder has the lock for a moment himself; an engine that starts then must not be refused. */
#define TRIES 20
#define PAUSE_US 5000

struct _PinoLock {
  int fd;
};

static int try_lock(int fd, int kind) {
  int state;
  do
    state = flock(fd, kind | LOCK_NB);
  while (state != 0 && errno == EINTR);
  return state == 0 ? 0 : errno;
}

static pid_t written_pid(int fd) {
  char text[32] = "";
  ssize_t length = pread(fd, text, sizeof text - 1, 0);
  long pid = length > 0 ? strtol(text, NULL, 10) : 0;
  return pid > 0 && pid <= G_MAXINT ? (pid_t)pid : -1;
}

/* The holder writes its number right after it has the lock. */
static pid_t wait_for_pid(int fd) {
  pid_t pid = written_pid(fd);
  for (guint i = 0; pid < 0 && i < TRIES; i++) {
    g_usleep(PAUSE_US);
    pid = written_pid(fd);
  }
  return pid;
}

static gboolean write_pid(int fd, const char *path, GError **error) {
  g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
  size_t length = strlen(text);
  if (ftruncate(fd, 0) == 0 && pwrite(fd, text, length, 0) == (ssize_t)length)
    return TRUE;
  pino_error_set_errno(error, errno, "write", path);
  return FALSE;
}

/* Whether the path still leads to the file that was locked. */
static gboolean is_same_file(int fd, const char *path) {
  struct stat open_file, named;
  return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 && open_file.st_ino == named.st_ino &&
         open_file.st_dev == named.st_dev;
}

static void set_held(GError **error, int fd, const char *home) {
  pid_t pid = wait_for_pid(fd);
  if (pid > 0)
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "an engine already runs on %s (process %d): end it first, or give this one another home",
                home, (int)pid);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "an engine already runs on %s: end it first, or give this one another home", home);
}

static void set_lock_error(GError **error, int problem, int fd, const char *path, const char *home) {
  if (problem == EWOULDBLOCK)
    set_held(error, fd, home);
  else if (problem == ENOLCK || problem == ENOTSUP || problem == ENOSYS || problem == EINVAL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "the file system of %s has no locks (%s): put the engine's run folder on a local disk", path,
                g_strerror(problem));
  else
    pino_error_set_errno(error, problem, "flock", path);
}

/* An open, locked file, or -1. */
static int open_locked(const char *path, const char *home, GError **error) {
  int problem = EWOULDBLOCK;
  int fd = -1;
  for (guint i = 0; problem == EWOULDBLOCK && i < TRIES; i++) {
    if (i > 0)
      g_usleep(PAUSE_US);
    if (fd >= 0)
      close(fd);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
      pino_error_set_errno(error, errno, "open", path);
      return -1;
    }
    problem = try_lock(fd, LOCK_EX);
    if (problem == 0 && !is_same_file(fd, path))
      problem = EWOULDBLOCK;
  }
  if (problem == 0)
    return fd;
  set_lock_error(error, problem, fd, path, home);
  close(fd);
  return -1;
}

PinoLock *pino_lock_take(const char *run_dir, const char *home, GError **error) {
  g_autofree char *path = g_build_filename(run_dir, LOCK_NAME, NULL);
  if (g_mkdir_with_parents(run_dir, 0700) != 0) {
    pino_error_set_errno(error, errno, "mkdir", run_dir);
    return NULL;
  }
  int fd = open_locked(path, home, error);
  if (fd < 0)
    return NULL;
  if (!write_pid(fd, path, error)) {
    close(fd);
    return NULL;
  }
  PinoLock *lock = g_new0(PinoLock, 1);
  lock->fd = fd;
  return lock;
}

void pino_lock_free(PinoLock *lock) {
  if (lock == NULL)
    return;
  close(lock->fd);
  g_free(lock);
}

pid_t pino_lock_holder(const char *run_dir) {
  g_autofree char *path = g_build_filename(run_dir, LOCK_NAME, NULL);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return 0;
  pid_t pid = try_lock(fd, LOCK_SH) == EWOULDBLOCK ? wait_for_pid(fd) : 0;
  close(fd);
  return pid;
}
