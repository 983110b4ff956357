#include "cloud/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

enum { OUTPUT_LIMIT = 256 * 1024, AFTER_KILL_MS = 200 };

/* Its own process group, so that what it starts is killed with it. Only async-signal-safe calls here. */
static void lead_group(gpointer data) {
  setpgid(0, 0);
}

static int ms_until(gint64 deadline) {
  gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;
  return (int)CLAMP(left, 0, G_MAXINT);
}

/* FALSE at the deadline. What is beyond the limit is read and dropped, so that the program can end. */
static gboolean read_all(int fd, gint64 deadline, GString *text) {
  char block[4096];
  for (;;) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, ms_until(deadline));
    if (ready == 0)
      return FALSE;
    if (ready < 0 && errno == EINTR)
      continue;
    ssize_t got = read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return TRUE;
    g_string_append_len(text, block, MIN(got, (ssize_t)(OUTPUT_LIMIT - MIN(text->len, OUTPUT_LIMIT))));
    if (ms_until(deadline) == 0)
      return FALSE;
  }
}

static gboolean reap_until(GPid pid, gint64 deadline, int *status) {
  for (;;) {
    pid_t got = waitpid(pid, status, WNOHANG);
    if (got == pid)
      return TRUE;
    if (got < 0 && errno != EINTR)
      return FALSE;
    if (ms_until(deadline) == 0)
      return FALSE;
    g_usleep(1000);
  }
}

static gpointer reap(gpointer data) {
  while (waitpid(GPOINTER_TO_INT(data), NULL, 0) < 0 && errno == EINTR)
    ;
  return NULL;
}

static void put_away(GPid pid) {
  int status;
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  if (reap_until(pid, g_get_monotonic_time() + AFTER_KILL_MS * 1000, &status))
    return;
  GThread *thread = g_thread_try_new("reaper", reap, GINT_TO_POINTER(pid), NULL);
  if (thread != NULL)
    g_thread_unref(thread);
}

static GPid start(const char *const *argv, int out, GError **error) {
  g_autoptr(GError) failed = NULL;
  g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
  GPid pid = 0;
  if (g_spawn_async_with_pipes_and_fds(NULL, argv, (const char *const *)env,
                                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, lead_group, NULL, -1,
                                       out, out, NULL, NULL, 0, &pid, NULL, NULL, NULL, &failed))
    return pid;
  gboolean missing = g_error_matches(failed, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  g_set_error(error, PINO_ERROR, missing ? PINO_ERROR_NOT_FOUND : PINO_ERROR_FAILED,
              missing ? "%s is not here" : "%s cannot be started: %s", argv[0], failed->message);
  return 0;
}

gboolean pino_cloud_ask(const char *const *argv, guint limit_ms, char **output, int *status, GError **error) {
  int ends[2], how = 0;
  gint64 deadline = g_get_monotonic_time() + (gint64)limit_ms * 1000;
  if (!g_unix_open_pipe(ends, FD_CLOEXEC, error))
    return FALSE;
  GPid pid = start(argv, ends[1], error);
  close(ends[1]);
  g_autoptr(GString) text = g_string_new(NULL);
  gboolean ended = pid != 0 && read_all(ends[0], deadline, text) && reap_until(pid, deadline, &how);
  close(ends[0]);
  if (pid == 0)
    return FALSE;
  if (!ended) {
    put_away(pid);
    g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "%s did not answer in %u.%u seconds", argv[0],
                limit_ms / 1000, limit_ms % 1000 / 100);
    return FALSE;
  }
  *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
  *output = g_utf8_make_valid(text->str, (gssize)text->len);
  return TRUE;
}
