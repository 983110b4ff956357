#include "cli/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define READY_FD 3            /* where the engine finds it */
#define START_LIMIT_MS 120000 /* a large library may have to be rebuilt first */
#define WINNER_LIMIT_US (30 * G_USEC_PER_SEC)
#define LOOK_US 10000
#define REASON_BYTES 4096
#define REASON_MS 3000 /* between two bytes of it, and to its process's end */
#define TAIL_BYTES 4096
#define TAIL_LINES 12

/* --- folders and log ----------------------------------------------------------------------------------------------- */

static gboolean make_folder(const char *path, int mode, GError **error) {
  if (g_mkdir_with_parents(path, mode) == 0)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the folder %s cannot be made: %s", path,
              g_strerror(errno));
  return FALSE;
}

static int open_log(const PinoEndpoint *place, GError **error) {
  g_autofree char *folder = g_path_get_dirname(place->log);
  if (!make_folder(place->home, 0777, error) || !make_folder(folder, 0777, error) ||
      !make_folder(place->run_dir, 0700, error))
    return -1;
  int log = open(place->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0)
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the log %s cannot be written: %s", place->log,
                g_strerror(errno));
  return log;
}

/* The last lines that were added to the log since it had that size. */
static char *log_since(const PinoEndpoint *place, goffset size) {
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents(place->log, &text, &length, NULL) || (goffset)length <= size)
    return g_strdup("it wrote nothing into its log");
  gsize start = MAX((gsize)size, length > TAIL_BYTES ? length - TAIL_BYTES : 0);
  g_autofree char *valid = g_utf8_make_valid(text + start, (gssize)(length - start));
  char *at = g_strchomp(valid) + strlen(valid);
  for (guint lines = 0; at > valid; at--) {
    if (at[-1] == '\n' && ++lines == TAIL_LINES)
      break;
  }
  return g_strdup(at);
}

/* --- the process --------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *program;
  char **argv;
  char **envp;
  int null, log, ready;
} Launch;

static void close_from(guint first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0)
    return;
#endif
  for (guint fd = first; fd < 1024; fd++)
    close((int)fd);
}

/* Between fork and exec: only what is safe there. The process that execs is nobody's child, so that whoever started the
 * engine has no dead process of it to collect. */
static void become(const Launch *launch) {
  static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD};
  struct sigaction plain = {.sa_handler = SIG_DFL};
  sigset_t none;
  setsid();
  umask(077);
  if (chdir("/") != 0 || dup2(launch->null, 0) < 0 || dup2(launch->log, 1) < 0 || dup2(launch->log, 2) < 0 ||
      dup2(launch->ready, READY_FD) < 0)
    _exit(126);
  close_from(READY_FD + 1);
  for (guint i = 0; i < G_N_ELEMENTS(ignored); i++)
    sigaction(ignored[i], &plain, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  pid_t child = fork();
  if (child == 0) {
    execve(launch->program, launch->argv, launch->envp);
    _exit(127);
  }
  _exit(child < 0 ? 126 : 0);
}

/* A low number would be overwritten while the others are put in their places. */
static int lift(int fd) {
  int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, READY_FD + 1) : -1;
  if (fd >= 0)
    close(fd);
  return high;
}

static gboolean spawn(const Launch *launch) {
  pid_t child = fork();
  if (child == 0)
    become(launch);
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Its working folder is the root: what is named relative to ours is named from there. */
static char **make_environment(const PinoEndpoint *place) {
  static const char *const programs[] = {"PINOKIOCLOUD_RUNNER", "PINOKIOCLOUD_KEEPER"};
  char **envp = g_get_environ();
  envp = g_environ_setenv(envp, "PINOKIO_HOME", place->home, TRUE);
  if (g_environ_getenv(envp, "PINOKIO_RUN_DIR") != NULL)
    envp = g_environ_setenv(envp, "PINOKIO_RUN_DIR", place->run_dir, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
    const char *named = g_environ_getenv(envp, programs[i]);
    g_autofree char *path =
        named != NULL && strchr(named, '/') != NULL ? g_canonicalize_filename(named, NULL) : g_strdup(named);
    if (path != NULL)
      envp = g_environ_setenv(envp, programs[i], path, TRUE);
  }
  return envp;
}

static char **make_arguments(const char *program, const char *const *further) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  g_strv_builder_add_many(builder, program, "engine", "--ready-fd", G_STRINGIFY(READY_FD), NULL);
  if (further != NULL)
    g_strv_builder_addv(builder, (const char **)further);
  return g_strv_builder_end(builder);
}

/* One byte; FALSE: there is none, at all or in time. */
static gboolean read_byte(int ready, int ms, char *byte) {
  struct pollfd wait = {.fd = ready, .events = POLLIN};
  int found;
  do {
    found = poll(&wait, 1, ms);
  } while (found < 0 && errno == EINTR);
  return found > 0 && read(ready, byte, 1) == 1;
}

/* The engine's word; 0 when it ended without one. *reason (free it): why it cannot start, NULL when it did not say. */
static char wait_for_word(int ready, char **reason) {
  char word = 0, byte = 0;
  if (!read_byte(ready, START_LIMIT_MS, &word) || word != PINO_DAEMON_FAILED)
    return word;
  GString *text = g_string_new(NULL);
  while (text->len < REASON_BYTES && read_byte(ready, REASON_MS, &byte))
    g_string_append_c(text, byte);
  g_autofree char *said = g_string_free(text, FALSE);
  *reason = *said != '\0' ? g_utf8_make_valid(said, -1) : NULL;
  return word;
}

/* Starts an engine and gives its word; -1 when it could not even be started. */
static int launch_engine(const PinoEndpoint *place, const char *const *arguments, int log, char **reason,
                         GError **error) {
  g_autofree char *program = g_file_read_link("/proc/self/exe", error);
  int ready[2];
  if (program == NULL)
    return -1;
  if (pipe2(ready, O_CLOEXEC) != 0) {
    pino_error_set_errno(error, errno, "pipe", NULL);
    return -1;
  }
  g_auto(GStrv) argv = make_arguments(program, arguments);
  g_auto(GStrv) envp = make_environment(place);
  Launch launch = {.program = program, .argv = argv, .envp = envp};
  launch.null = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
  launch.log = lift(fcntl(log, F_DUPFD_CLOEXEC, 0));
  launch.ready = lift(ready[1]);
  gboolean ok = launch.null >= 0 && launch.log >= 0 && launch.ready >= 0 && spawn(&launch);
  close(launch.null);
  close(launch.log);
  close(launch.ready);
  char word = ok ? wait_for_word(ready[0], reason) : 0;
  close(ready[0]);
  if (ok)
    return word;
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "%s cannot be started in the background", program);
  return -1;
}

/* Another engine has the home and will be served soon. FALSE: it has let go again. */
static gboolean wait_for_winner(const PinoEndpoint *place, gint64 until) {
  while (pino_endpoint_look(place, NULL) != PINO_ENDPOINT_SERVED) {
    if (!pino_endpoint_is_locked(place) || g_get_monotonic_time() > until)
      return FALSE;
    g_usleep(LOOK_US);
  }
  return TRUE;
}

gboolean pino_daemon_start(const PinoEndpoint *place, const char *const *arguments, gboolean *started,
                           GError **error) {
  int log = open_log(place, error);
  if (log < 0)
    return FALSE;
  struct stat info = {0};
  fstat(log, &info);
  gint64 until = g_get_monotonic_time() + WINNER_LIMIT_US;
  g_autofree char *reason = NULL;
  int word = launch_engine(place, arguments, log, &reason, error);
  while (word == PINO_DAEMON_TAKEN && !wait_for_winner(place, until) && g_get_monotonic_time() < until)
    word = launch_engine(place, arguments, log, &reason, error);
  close(log);
  if (started != NULL)
    *started = word == PINO_DAEMON_READY;
  if (word == PINO_DAEMON_READY || (word == PINO_DAEMON_TAKEN && g_get_monotonic_time() < until))
    return TRUE;
  if (word == PINO_DAEMON_TAKEN) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "another engine holds %s and does not answer; `pinokiocloud down` ends it", place->lock);
    return FALSE;
  }
  if (word < 0)
    return FALSE;
  if (reason != NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the engine did not come up: %s", reason);
    return FALSE;
  }
  g_autofree char *tail = log_since(place, info.st_size);
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the engine did not come up; %s says:\n%s",
              place->log, tail);
  return FALSE;
}

/* --- finding and ending -------------------------------------------------------------------------------------------- */

/* An engine that cannot be seen from here (another container's) still holds its lock. */
static gboolean is_there(const PinoEndpoint *place, int pid) {
  return pid > 0 ? pino_endpoint_engine(place) == pid : pino_endpoint_is_locked(place);
}

/* It lets go of its lock a moment before its process ends. */
static gboolean is_alive(int process) {
  struct pollfd end = {.fd = process, .events = POLLIN};
  return process >= 0 && poll(&end, 1, 0) == 0;
}

gboolean pino_daemon_wait_gone(const PinoEndpoint *place, int pid, int process, guint ms) {
  gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;
  while (is_there(place, pid) || is_alive(process)) {
    if (g_get_monotonic_time() > until)
      return FALSE;
    g_usleep(LOOK_US);
  }
  return TRUE;
}

/* The descriptor is taken first: it stays the same process while it is looked at and signalled. */
int pino_daemon_open(const PinoEndpoint *place, int pid) {
  int process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
  if (process < 0 || pino_endpoint_engine(place) == pid)
    return process;
  close(process);
  return -1;
}

gboolean pino_daemon_signal(const PinoEndpoint *place, int pid, int number) {
  int process = pino_daemon_open(place, pid);
  if (process < 0)
    return FALSE;
  gboolean sent = syscall(SYS_pidfd_send_signal, process, number, NULL, 0) == 0;
  close(process);
  return sent;
}
