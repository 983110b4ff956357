#include "js/node_process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define CHUNK 65536
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

struct _PinoChild {
  const PinoChildEvents *events;
  gpointer user;
  GMainContext *context;
  pid_t pid;
  gboolean running;
  int fds[3]; /* our ends, -1 when closed */
  GSource *sources[3];
  GSource *watch;
  GByteArray *waiting; /* to be written */
  gboolean closing;    /* the input, once `waiting` is written */
};

void pino_child_options_clear(PinoChildOptions *options) {
  g_clear_pointer(&options->file, g_free);
  g_clear_pointer(&options->argv, g_strfreev);
  g_clear_pointer(&options->env, g_strfreev);
  g_clear_pointer(&options->cwd, g_free);
}

/* --- starting -------------------------------------------------------------------------------------------- */

/* Not g_find_program_in_path(): the PATH is the child's, not ours. NULL with errno. */
static char *find_program(const PinoChildOptions *options) {
  if (strchr(options->file, '/') != NULL)
    return g_strdup(options->file);
  const char *path = g_environ_getenv(options->env, "PATH");
  g_auto(GStrv) folders = g_strsplit(path != NULL ? path : DEFAULT_PATH, ":", -1);
  int problem = ENOENT;
  for (char **folder = folders; *folder != NULL; folder++) {
    g_autofree char *full = g_build_filename(**folder != '\0' ? *folder : ".", options->file, NULL);
    if (g_file_test(full, G_FILE_TEST_IS_DIR))
      continue;
    if (access(full, X_OK) == 0)
      return g_steal_pointer(&full);
    if (errno == EACCES)
      problem = EACCES;
  }
  errno = problem;
  return NULL;
}

static void close_fd(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

/* The input is a socket, as Node's is, because only a socket can be written to without a SIGPIPE. */
static gboolean open_pipe(int target, int *ours, int *theirs) {
  int pair[2];
  int result =
      target == 0 ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) : pipe2(pair, O_CLOEXEC);
  if (result != 0)
    return FALSE;
  *ours = pair[0];
  *theirs = pair[1];
  return g_unix_set_fd_nonblocking(*ours, TRUE, NULL);
}

/* Gives the child's end, numbered above all targets so that no dup2() in the child overwrites a source. */
static gboolean open_stdio(int wanted, int target, int *ours, int *theirs) {
  int source = wanted;
  gboolean ok = TRUE;
  if (wanted == PINO_STDIO_PIPE)
    ok = open_pipe(target, ours, &source);
  else if (wanted == PINO_STDIO_NULL)
    source = open("/dev/null", O_RDWR | O_CLOEXEC);
  *theirs = ok && source >= 0 ? fcntl(source, F_DUPFD_CLOEXEC, 3) : -1;
  if (wanted < 0) {
    int problem = errno;
    close_fd(&source);
    errno = problem;
  }
  return *theirs >= 0;
}

static void prepare_actions(posix_spawn_file_actions_t *actions, const PinoChildOptions *options,
                            const int theirs[3]) {
  posix_spawn_file_actions_init(actions);
  for (int i = 0; i < 3; i++)
    posix_spawn_file_actions_adddup2(actions, theirs[i], i);
#if __GLIBC_PREREQ(2, 34)
  posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
  if (options->cwd != NULL)
    posix_spawn_file_actions_addchdir_np(actions, options->cwd);
}

static void prepare_attributes(posix_spawnattr_t *attributes, gboolean session) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(attributes);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setpgroup(attributes, 0);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  flags |= session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(attributes, (short)flags);
}

/* Gives an errno. */
static int spawn(const PinoChildOptions *options, const int theirs[3], pid_t *pid) {
  g_autofree char *program = find_program(options);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (program == NULL)
    return errno;
  prepare_actions(&actions, options, theirs);
  prepare_attributes(&attributes, options->detached);
  int problem = posix_spawn(pid, program, &actions, &attributes, options->argv, options->env);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return problem;
}

/* --- watching -------------------------------------------------------------------------------------------- */

static void stop_stream(PinoChild *child, int fd) {
  if (child->sources[fd] != NULL)
    g_source_destroy(child->sources[fd]);
  g_clear_pointer(&child->sources[fd], g_source_unref);
}

static void close_stream(PinoChild *child, int fd) {
  stop_stream(child, fd);
  close_fd(&child->fds[fd]);
}

static void watch_stream(PinoChild *child, int fd, GIOCondition condition, GUnixFDSourceFunc function) {
  child->sources[fd] = g_unix_fd_source_new(child->fds[fd], condition);
  g_source_set_callback(child->sources[fd], G_SOURCE_FUNC(function), child, NULL);
  g_source_attach(child->sources[fd], child->context);
}

static gboolean on_readable(int number, GIOCondition condition, gpointer data) {
  g_autoptr(PinoChild) child = pino_child_ref(data);
  int fd = number == child->fds[1] ? 1 : 2;
  g_autofree guint8 *piece = g_malloc(CHUNK);
  gssize len = read(number, piece, CHUNK);
  if (len > 0) {
    child->events->output(child, fd, piece, (gsize)len, child->user);
    return G_SOURCE_CONTINUE;
  }
  if (len < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  close_stream(child, fd);
  child->events->output(child, fd, NULL, 0, child->user);
  return G_SOURCE_REMOVE;
}

static void on_exit_status(GPid pid, int status, gpointer data) {
  g_autoptr(PinoChild) child = pino_child_ref(data);
  child->running = FALSE;
  g_clear_pointer(&child->watch, g_source_unref);
  child->events->ended(child, status, child->user);
}

PinoChild *pino_child_start(const PinoChildOptions *options, GMainContext *context,
                            const PinoChildEvents *events, gpointer user, GError **error) {
  int theirs[3] = {-1, -1, -1}, problem = 0;
  PinoChild *child = g_rc_box_new0(PinoChild);
  *child = (PinoChild){.events = events, .user = user, .fds = {-1, -1, -1}};
  child->context = g_main_context_ref(context);
  child->waiting = g_byte_array_new();
  for (int i = 0; i < 3 && problem == 0; i++)
    problem = open_stdio(options->stdio[i], i, &child->fds[i], &theirs[i]) ? 0 : errno;
  if (problem == 0)
    problem = spawn(options, theirs, &child->pid);
  for (int i = 0; i < 3; i++)
    close_fd(&theirs[i]);
  if (problem != 0) {
    pino_error_set_errno(error, problem, "spawn", options->file);
    pino_child_unref(child);
    return NULL;
  }
  child->running = TRUE;
  child->watch = g_child_watch_source_new(child->pid);
  g_source_set_callback(child->watch, G_SOURCE_FUNC(on_exit_status), child, NULL);
  g_source_attach(child->watch, context);
  for (int fd = 1; fd < 3; fd++)
    if (child->fds[fd] >= 0)
      watch_stream(child, fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
  return child;
}

/* --- the input ------------------------------------------------------------------------------------------- */

/* Gives an errno; 0 also when the rest has to wait. */
static int send_waiting(PinoChild *child) {
  gsize done = 0;
  int problem = 0;
  while (done < child->waiting->len && problem == 0) {
    gssize sent = send(child->fds[0], child->waiting->data + done, child->waiting->len - done, MSG_NOSIGNAL);
    if (sent >= 0)
      done += (gsize)sent;
    else if (errno != EINTR)
      problem = errno;
  }
  g_byte_array_remove_range(child->waiting, 0, (guint)done);
  return problem == EAGAIN ? 0 : problem;
}

static gboolean on_writable(int number, GIOCondition condition, gpointer data) {
  g_autoptr(PinoChild) child = pino_child_ref(data);
  int problem = send_waiting(child);
  if (problem == 0 && child->waiting->len > 0)
    return G_SOURCE_CONTINUE;
  if (problem != 0 || child->closing)
    close_stream(child, 0);
  else
    stop_stream(child, 0);
  child->events->input(child, problem, child->user);
  return G_SOURCE_REMOVE;
}

gsize pino_child_write(PinoChild *child, const guint8 *data, gsize len) {
  if (child->fds[0] < 0 || child->closing)
    return 0;
  g_byte_array_append(child->waiting, data, (guint)len);
  if (child->sources[0] == NULL)
    watch_stream(child, 0, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable);
  return child->waiting->len;
}

void pino_child_close_input(PinoChild *child) {
  child->closing = TRUE;
  if (child->waiting->len == 0)
    close_stream(child, 0);
}

void pino_child_pause(PinoChild *child, int fd, gboolean paused) {
  if (fd != 1 && fd != 2)
    return;
  if (paused)
    stop_stream(child, fd);
  else if (child->fds[fd] >= 0 && child->sources[fd] == NULL)
    watch_stream(child, fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
}

/* --- ending ---------------------------------------------------------------------------------------------- */

pid_t pino_child_pid(const PinoChild *child) {
  return child->pid;
}

gboolean pino_child_is_running(const PinoChild *child) {
  return child->running;
}

gboolean pino_child_kill(PinoChild *child, int signal, gboolean group) {
  /* The group outlives its leader; the leader's own number may be somebody else's by then. */
  if (child->running || group)
    return kill(group ? -child->pid : child->pid, signal) == 0;
  errno = ESRCH;
  return FALSE;
}

static gpointer reap(gpointer data) {
  pid_t pid = GPOINTER_TO_INT(data);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
  return NULL;
}

PinoChild *pino_child_ref(PinoChild *child) {
  return g_rc_box_acquire(child);
}

/* The main loop that would have reaped it may never run again. */
static void leave_to_reaper(PinoChild *child) {
  if (child->running)
    g_thread_unref(g_thread_new("pino-reap", reap, GINT_TO_POINTER(child->pid)));
  child->running = FALSE;
}

void pino_child_drop(PinoChild *child) {
  for (int fd = 0; fd < 3; fd++)
    close_stream(child, fd);
  if (child->watch != NULL)
    g_source_destroy(child->watch);
  g_clear_pointer(&child->watch, g_source_unref);
  leave_to_reaper(child);
}

static void clear_child(gpointer data) {
  PinoChild *child = data;
  pino_child_drop(child);
  g_byte_array_unref(child->waiting);
  g_main_context_unref(child->context);
}

void pino_child_unref(PinoChild *child) {
  g_rc_box_release_full(child, clear_child);
}
