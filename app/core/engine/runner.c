/* The processes that do scripts, and the lines to them. A runner is started with its run's id and connects back; it may
 * be the child of an engine that is no more. */
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
#include "control/protocol.h"
#include "engine/internal.h"

typedef struct {
  PinoEngine *engine;
  PinoChannel *channel;
  char *run; /* of a runner, once it has said hello */
  gboolean worker;
} Line;

/* --- spawning -------------------------------------------------------------------------------------------------- */

static char **environment_of(PinoEngine *engine) {
  char **env = g_get_environ();
  env = g_environ_setenv(env, PINO_CONTROL_HOME, engine->home, TRUE);
  env = g_environ_setenv(env, PINO_CONTROL_RUN_DIR, engine->run_dir, TRUE);
  if (engine->keeper != NULL)
    env = g_environ_setenv(env, "PINOKIOCLOUD_KEEPER", engine->keeper, TRUE);
  return env;
}

/* In a session of its own, so that what ends the engine's group does not end it. */
static pid_t spawn(PinoEngine *engine, const char *option, const char *value, GError **error) {
  const char *const argv[] = {engine->runner, "serve", option, value, NULL};
  g_auto(GStrv) env = environment_of(engine);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  pid_t pid = 0;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  int failure = posix_spawn(&pid, engine->runner, &actions, &attributes, (char **)argv, env);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == 0)
    return pid;
  pino_error_set_errno(error, failure, "spawn", engine->runner);
  return 0;
}

typedef struct {
  PinoEngine *engine;
  char *run;
} Child;

static void child_free(gpointer data) {
  Child *child = data;
  pino_engine_drop(child->engine);
  g_free(child->run);
  g_free(child);
}

static void never_began(PinoLive *live, int status) {
  g_autofree char *text =
      g_strdup_printf("its runner ended before it began (%s %d): see %s/logs/engine.log",
                      WIFSIGNALED(status) ? "signal" : "exit code",
                      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), live->engine->home);
  if (live->for_stop || live->stop_wanted)
    pino_stop_go_on(live);
  else
    pino_live_end(live, PINO_LIVE_ERROR, text);
}

/* A run can have a second runner, for `on.stop`, while the first is not reaped yet. */
static void on_child(GPid pid, int status, gpointer data) {
  Child *child = data;
  PinoLive *live = child->engine->closing ? NULL : pino_live_find(child->engine, child->run);
  if (live == NULL || live->pid != pid)
    return;
  live->pid = 0;
  live->is_child = FALSE;
  pino_live_keep_ports(live);
  if (!live->came && live->state <= PINO_LIVE_STOPPING)
    never_began(live, status);
  else
    pino_live_release(live);
}

gboolean pino_runner_spawn(PinoLive *live, GError **error) {
  live->came = live->begun = live->leaving = live->over = FALSE;
  live->pid = spawn(live->engine, "--run", live->row->id, error);
  if (live->pid == 0)
    return FALSE;
  live->is_child = TRUE;
  Child *child = g_new0(Child, 1);
  *child = (Child){.engine = pino_engine_hold(live->engine), .run = g_strdup(live->row->id)};
  g_child_watch_add_full(G_PRIORITY_DEFAULT, live->pid, on_child, child, child_free);
  return TRUE;
}

static void on_worker(GPid pid, int status, gpointer data) {
  PinoEngine *engine = data;
  if (!engine->closing)
    pino_menus_gone(engine->menus, pid);
}

static void drop_engine(gpointer data) {
  pino_engine_drop(data);
}

pid_t pino_runner_spawn_worker(PinoEngine *engine, const char *worker, GError **error) {
  pid_t pid = spawn(engine, "--worker", worker, error);
  if (pid != 0)
    g_child_watch_add_full(G_PRIORITY_DEFAULT, pid, on_worker, pino_engine_hold(engine), drop_engine);
  return pid;
}

/* --- processes of earlier engines ------------------------------------------------------------------------------ */

/* The run that a process was started for, from its arguments; NULL for any other process. Free with g_free(). */
static char *run_of_process(const char *pid) {
  g_autofree char *path = g_build_filename("/proc", pid, "cmdline", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents(path, &text, &length, NULL))
    return NULL;
  const char *fields[4] = {NULL};
  gsize at = 0;
  for (guint i = 0; i < G_N_ELEMENTS(fields) && at < length; i++) {
    fields[i] = text + at;
    at += strlen(text + at) + 1;
  }
  gboolean fits = fields[3] != NULL && g_str_has_suffix(fields[0], "pinokiocloud-runner") &&
                  g_str_equal(fields[1], "serve") && g_str_equal(fields[2], "--run");
  return fits ? g_strdup(fields[3]) : NULL;
}

GHashTable *pino_runner_alive(void) {
  GHashTable *runs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    char *run = g_ascii_isdigit(*name) ? run_of_process(name) : NULL;
    if (run != NULL)
      g_hash_table_insert(runs, run, GINT_TO_POINTER((int)g_ascii_strtoll(name, NULL, 10)));
  }
  return runs;
}

/* A process that was killed has no arguments any more by the time that its line is closed. */
gboolean pino_runner_lives(const PinoLive *live) {
  if (live->pid == 0)
    return FALSE;
  g_autofree char *pid = g_strdup_printf("%d", (int)live->pid);
  g_autofree char *run = run_of_process(pid);
  return g_strcmp0(run, live->row->id) == 0;
}

void pino_runner_kill(PinoLive *live) {
  if (pino_runner_lives(live))
    kill(live->pid, SIGKILL);
}

/* --- lines ----------------------------------------------------------------------------------------------------- */

static void line_free(gpointer data) {
  Line *line = data;
  pino_channel_free(line->channel);
  g_free(line->run);
  g_free(line);
}

static PinoLive *live_of(const Line *line) {
  return line->run != NULL ? pino_live_find(line->engine, line->run) : NULL;
}

void pino_line_close(PinoEngine *engine, PinoChannel *channel) {
  for (guint i = 0; i < engine->lines->len; i++) {
    Line *line = engine->lines->pdata[i];
    if (line->channel != channel)
      continue;
    PinoLive *live = live_of(line);
    if (live != NULL && live->channel == channel)
      live->channel = NULL;
    g_ptr_array_remove_index_fast(engine->lines, i);
    return;
  }
}

static gint64 number(JsonObject *object, const char *name) {
  return json_object_get_int_member_with_default(object, name, 0);
}

/* A run that the library does not know: it was replaced while the runner went on. */
static PinoLive *unknown_run(PinoEngine *engine, JsonObject *hello) {
  const char *id = json_object_get_string_member_with_default(hello, "run", NULL);
  const char *path = json_object_get_string_member_with_default(hello, "path", NULL);
  const char *journal = json_object_get_string_member_with_default(hello, "journal", NULL);
  PinoRunRow *row = pino_library_run(engine->library, id, NULL);
  if (row == NULL && (path == NULL || journal == NULL))
    return NULL;
  if (row == NULL) {
    row = g_new0(PinoRunRow, 1);
    row->id = g_strdup(id);
    row->script = g_strdup(path);
    row->journal = g_strdup(journal);
    row->app_id = pino_application_of(engine, path);
    pino_operate_take(row, hello);
    row->started_at = pino_engine_now();
    row->step = row->total = -1;
  }
  g_free(row->state);
  row->state = g_strdup("running");
  return pino_live_new(engine, row);
}

static gboolean take_runner(Line *line, JsonObject *hello) {
  PinoEngine *engine = line->engine;
  const char *id = json_object_get_string_member_with_default(hello, "run", NULL);
  if (id == NULL)
    return FALSE;
  PinoLive *live = pino_live_find(engine, id);
  if (live == NULL)
    live = unknown_run(engine, hello);
  if (live == NULL)
    return FALSE;
  if (live->row->operation == NULL && json_object_has_member(hello, "operation"))
    pino_operate_take(live->row, hello); /* found again by its journal, which does not tell */
  if (live->channel != NULL)
    pino_line_close(engine, live->channel);
  line->run = g_strdup(id);
  live->channel = line->channel;
  live->awaited = FALSE;
  live->came = TRUE;
  if (!live->is_child)
    live->pid = (pid_t)number(hello, "pid");
  pino_runner_hello(live, hello);
  return TRUE;
}

static void take_hello(Line *line, JsonObject *hello) {
  const char *worker = json_object_get_string_member_with_default(hello, "worker", NULL);
  gboolean fits = number(hello, "protocol") == PINO_CONTROL_PROTOCOL && line->run == NULL && !line->worker;
  if (fits && worker != NULL)
    line->worker = fits = pino_menus_hello(line->engine->menus, worker, line->channel);
  else if (fits)
    fits = take_runner(line, hello);
  if (!fits)
    pino_line_close(line->engine, line->channel);
}

static void on_message(PinoChannel *channel, JsonObject *message, gpointer data) {
  Line *line = data;
  PinoLive *live = live_of(line);
  const char *type = json_object_get_string_member_with_default(message, "type", "");
  if (g_str_equal(type, "hello"))
    take_hello(line, message);
  else if (g_str_equal(type, "query"))
    pino_query_answer(line->engine, live, channel, message);
  else if (line->worker)
    pino_menus_message(line->engine->menus, message);
  else if (live != NULL && live->channel == channel)
    pino_runner_message(live, message);
}

static void on_closed(PinoChannel *channel, const GError *error, gpointer data) {
  Line *line = data;
  PinoEngine *engine = line->engine;
  PinoLive *live = live_of(line);
  gboolean current = live != NULL && live->channel == channel;
  gboolean worker = line->worker;
  pino_line_close(engine, channel);
  if (worker)
    pino_menus_closed(engine->menus);
  else if (current)
    pino_runner_closed(live);
}

static gboolean on_connection(int fd, GIOCondition condition, gpointer data) {
  static const PinoChannelEvents events = {.message = on_message, .closed = on_closed};
  PinoEngine *engine = data;
  int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0)
    return G_SOURCE_CONTINUE;
  if (!pino_control_is_ours(client)) {
    close(client);
    return G_SOURCE_CONTINUE;
  }
  Line *line = g_new0(Line, 1);
  line->engine = engine;
  line->channel = pino_channel_new(client, &events, line);
  g_ptr_array_add(engine->lines, line);
  return G_SOURCE_CONTINUE;
}

gboolean pino_control_open(PinoEngine *engine, GError **error) {
  g_autofree char *path = g_build_filename(engine->run_dir, PINO_CONTROL_SOCKET, NULL);
  engine->lines = g_ptr_array_new_with_free_func(line_free);
  engine->control = pino_control_listen(path, error);
  if (engine->control < 0)
    return FALSE;
  engine->control_source = g_unix_fd_add(engine->control, G_IO_IN, on_connection, engine);
  return TRUE;
}

void pino_control_close(PinoEngine *engine) {
  if (engine->control_source != 0)
    g_source_remove(engine->control_source);
  engine->control_source = 0;
  if (engine->control >= 0)
    close(engine->control);
  engine->control = -1;
  if (engine->lines != NULL)
    g_ptr_array_set_size(engine->lines, 0);
}
