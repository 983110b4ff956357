/* child_process: the natives for children that run beside the script and for those it waits for. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "js/node_internal.h"
#include "js/node_process.h"

/* --- options --------------------------------------------------------------------------------------------- */

static char **read_strv(PinoJs *js, JSValueRef list) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  guint count = pino_js_length(js, list);
  for (guint i = 0; i < count; i++) {
    g_autofree char *text = pino_js_to_utf8(js, pino_js_get_index(js, list, i));
    g_strv_builder_add(builder, text != NULL ? text : "");
  }
  return g_strv_builder_end(builder);
}

/* A number is a descriptor of the script's; "pipe" and "ignore" are what they say. */
static gboolean read_stdio(PinoJs *js, JSValueRef list, int stdio[3], GError **error) {
  for (guint i = 0; i < 3; i++) {
    JSValueRef item = pino_js_get_index(js, list, i);
    if (JSValueIsNumber(pino_js_context(js), item)) {
      stdio[i] = pino_node_fd(js, 1, &item, 0, "spawn", error);
      if (stdio[i] < 0)
        return FALSE;
      continue;
    }
    g_autofree char *kind = pino_js_to_utf8(js, item);
    stdio[i] = g_strcmp0(kind, "pipe") == 0 ? PINO_STDIO_PIPE : PINO_STDIO_NULL;
  }
  return TRUE;
}

static gboolean read_options(PinoJs *js, JSValueRef from, PinoChildOptions *options, GError **error) {
  *options = (PinoChildOptions){0};
  options->file = pino_js_get_utf8(js, from, "file");
  options->argv = read_strv(js, pino_js_get(js, from, "args"));
  options->env = read_strv(js, pino_js_get(js, from, "env"));
  options->cwd = pino_js_get_utf8(js, from, "cwd");
  options->detached = pino_js_truthy(js, pino_js_get(js, from, "detached"));
  if (options->file != NULL && options->file[0] != '\0' && options->argv[0] != NULL)
    return read_stdio(js, pino_js_get(js, from, "stdio"), options->stdio, error);
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "a child process needs a program");
  return FALSE;
}

static guint count_outputs(const PinoChildOptions *options) {
  return (options->stdio[1] == PINO_STDIO_PIPE ? 1 : 0) + (options->stdio[2] == PINO_STDIO_PIPE ? 1 : 0);
}

static JSValueRef signal_name(PinoJs *js, int status) {
  const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
  g_autofree char *full = name != NULL ? g_strconcat("SIG", name, NULL) : NULL;
  return pino_js_string(js, full);
}

static JSValueRef exit_code(PinoJs *js, int status) {
  return WIFEXITED(status) ? pino_js_number(js, WEXITSTATUS(status)) : pino_js_null(js);
}

/* --- beside the script ----------------------------------------------------------------------------------- */

struct _NodeChild {
  PinoNode *node;
  PinoChild *process;
  guint id;
  JSValueRef callback;
  gboolean survives; /* detached, and the script does not wait for it */
  guint open;        /* outputs not yet ended */
};

static void node_child_free(NodeChild *child) {
  pino_child_drop(child->process);
  pino_child_unref(child->process);
  g_free(child);
}

static void tell(NodeChild *child, const char *event, JSValueRef first, JSValueRef second) {
  PinoJs *js = child->node->js;
  const JSValueRef argv[] = {pino_js_string(js, event), first, second};
  pino_node_callback(js, child->callback, 3, argv);
}

/* Nothing more can come: the script's function is let go. */
static void finish_if_over(PinoNode *node, guint id) {
  NodeChild *child = g_hash_table_lookup(node->children, GUINT_TO_POINTER(id));
  if (child == NULL || child->open > 0 || pino_child_is_running(child->process))
    return;
  g_hash_table_remove(node->children, GUINT_TO_POINTER(id));
  pino_js_release(node->js, child->callback);
  node_child_free(child);
}

static void on_output(PinoChild *process, int fd, const guint8 *data, gsize len, gpointer user) {
  NodeChild *child = user;
  PinoNode *node = child->node;
  guint id = child->id;
  if (data == NULL)
    child->open--;
  tell(child, fd == 1 ? "stdout" : "stderr",
       data != NULL ? pino_node_array_buffer(node->js, data, len) : pino_js_null(node->js),
       pino_js_undefined(node->js));
  finish_if_over(node, id);
}

static void on_input(PinoChild *process, int problem, gpointer user) {
  NodeChild *child = user;
  PinoJs *js = child->node->js;
  tell(child, "stdin", problem != 0 ? pino_js_string(js, pino_errno_name(problem)) : pino_js_null(js),
       pino_js_undefined(js));
}

static void on_ended(PinoChild *process, int status, gpointer user) {
  NodeChild *child = user;
  PinoNode *node = child->node;
  guint id = child->id;
  pid_t group = pino_child_pid(process);
  if (!child->survives && kill(-group, 0) == 0)
    g_array_append_val(node->groups, group);
  tell(child, "exit", exit_code(node->js, status), signal_name(node->js, status));
  finish_if_over(node, id);
}

/* (options, callback(event, ...)) -> [id, pid] */
static JSValueRef child_start(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  static const PinoChildEvents events = {on_output, on_input, on_ended};
  PinoChildOptions options;
  NodeChild *child = g_new0(NodeChild, 1);
  child->node = js->node;
  if (argc > 1 && read_options(js, argv[0], &options, error))
    child->process = pino_child_start(&options, js->main, &events, child, error);
  if (argc > 1)
    pino_child_options_clear(&options);
  if (child->process == NULL) {
    g_free(child);
    return NULL;
  }
  child->open = count_outputs(&options);
  child->id = ++js->node->last_id;
  child->callback = pino_js_hold(js, argv[1]);
  g_hash_table_insert(js->node->children, GUINT_TO_POINTER(child->id), child);
  const JSValueRef result[] = {pino_js_number(js, child->id),
                               pino_js_number(js, pino_child_pid(child->process))};
  return pino_js_array(js, 2, result);
}

static NodeChild *find_child(PinoJs *js, size_t argc, const JSValueRef argv[]) {
  guint id = (guint)MAX(pino_node_int(js, argc, argv, 0), 0);
  return g_hash_table_lookup(js->node->children, GUINT_TO_POINTER(id));
}

/* (id, bytes) -> how many bytes wait */
static JSValueRef child_write(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  NodeChild *child = find_child(js, argc, argv);
  PinoSpan span;
  if (child == NULL || !pino_node_span(js, argc, argv, 1, &span, error))
    return NULL;
  return pino_js_number(js, (double)pino_child_write(child->process, span.data, span.len));
}

static JSValueRef child_end_input(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  NodeChild *child = find_child(js, argc, argv);
  if (child != NULL)
    pino_child_close_input(child->process);
  return NULL;
}

/* (id, fd, paused) */
static JSValueRef child_pause(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  NodeChild *child = find_child(js, argc, argv);
  if (child != NULL)
    pino_child_pause(child->process, pino_node_int(js, argc, argv, 1), pino_node_flag(js, argc, argv, 2));
  return NULL;
}

/* (id, signal, group) -> whether there was one to receive it */
static JSValueRef child_kill(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  NodeChild *child = find_child(js, argc, argv);
  gboolean group = pino_node_flag(js, argc, argv, 2);
  if (child == NULL || pino_child_kill(child->process, pino_node_int(js, argc, argv, 1), group))
    return pino_js_bool(js, child != NULL);
  return errno == ESRCH ? pino_js_bool(js, FALSE) : pino_node_fail(error, "kill", NULL);
}

/* (id): it may outlive the script */
static JSValueRef child_release(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  NodeChild *child = find_child(js, argc, argv);
  if (child != NULL)
    child->survives = TRUE;
  return NULL;
}

/* Groups whose last process has gone are forgotten. */
static guint count_groups(PinoNode *node) {
  for (guint i = node->groups->len; i > 0; i--) {
    if (kill(-g_array_index(node->groups, pid_t, i - 1), 0) != 0 && errno == ESRCH)
      g_array_remove_index_fast(node->groups, i - 1);
  }
  return node->groups->len;
}

guint pino_node_count_children(PinoNode *node) {
  GHashTableIter iter;
  gpointer value;
  guint count = count_groups(node);
  g_hash_table_iter_init(&iter, node->children);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    NodeChild *child = value;
    count += child->survives ? 0 : 1;
  }
  return count;
}

void pino_node_end_children(PinoNode *node) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, node->children);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    NodeChild *child = value;
    if (!child->survives)
      pino_child_kill(child->process, SIGKILL, TRUE);
    node_child_free(child);
    g_hash_table_iter_remove(&iter);
  }
  for (guint i = 0; i < node->groups->len; i++)
    kill(-g_array_index(node->groups, pid_t, i), SIGKILL);
}

/* --- while the script waits ------------------------------------------------------------------------------ */

typedef struct {
  PinoChild *process;
  GByteArray *outputs[2];
  gsize max_buffer;
  int kill_signal;
  guint open;
  gboolean exited;
  int status;
  const char *problem; /* "ETIMEDOUT" or "ENOBUFS": why it was killed */
} Waiting;

static void stop_waiting(Waiting *waiting, const char *problem) {
  if (waiting->problem != NULL)
    return;
  waiting->problem = problem;
  pino_child_kill(waiting->process, waiting->kill_signal, TRUE);
}

static void collect(PinoChild *process, int fd, const guint8 *data, gsize len, gpointer user) {
  Waiting *waiting = user;
  GByteArray *output = waiting->outputs[fd - 1];
  if (data == NULL) {
    waiting->open--;
    return;
  }
  gsize room = waiting->max_buffer - output->len;
  g_byte_array_append(output, data, (guint)MIN(len, room));
  if (len > room)
    stop_waiting(waiting, "ENOBUFS");
}

/* A child that does not read its input is no error. */
static void ignore_input(PinoChild *process, int problem, gpointer user) {
}

static void note_end(PinoChild *process, int status, gpointer user) {
  Waiting *waiting = user;
  waiting->exited = TRUE;
  waiting->status = status;
}

static gboolean on_timeout(gpointer user) {
  stop_waiting(user, "ETIMEDOUT");
  return G_SOURCE_REMOVE;
}

static gboolean on_cancelled(GCancellable *cancellable, gpointer user) {
  return G_SOURCE_CONTINUE;
}

static GSource *attach(GSource *source, GSourceFunc function, gpointer data, GMainContext *context) {
  g_source_set_callback(source, function, data, NULL);
  g_source_attach(source, context);
  return source;
}

/* After a kill only the exit counts: a grandchild may hold the pipes open for ever. */
static gboolean is_over(const Waiting *waiting) {
  return waiting->exited && (waiting->open == 0 || waiting->problem != NULL);
}

static gboolean wait_for_child(PinoJs *js, Waiting *waiting, double timeout, GMainContext *context,
                               GError **error) {
  GCancellable *cancellable = pino_js_cancellable(js);
  g_autoptr(GSource) stop =
      attach(g_cancellable_source_new(cancellable), G_SOURCE_FUNC(on_cancelled), NULL, context);
  g_autoptr(GSource) timer = NULL;
  if (timeout > 0)
    timer = attach(g_timeout_source_new((guint)MIN(timeout, G_MAXINT)), on_timeout, waiting, context);
  while (!is_over(waiting) && !g_cancellable_is_cancelled(cancellable))
    g_main_context_iteration(context, TRUE);
  g_source_destroy(stop);
  if (timer != NULL)
    g_source_destroy(timer);
  if (is_over(waiting))
    return TRUE;
  pino_child_kill(waiting->process, SIGKILL, TRUE);
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

static JSValueRef describe(PinoJs *js, const Waiting *waiting) {
  JSObjectRef result = pino_js_object(js);
  pino_js_set(js, result, "pid", pino_js_number(js, pino_child_pid(waiting->process)));
  pino_js_set(js, result, "status", exit_code(js, waiting->status));
  pino_js_set(js, result, "signal", signal_name(js, waiting->status));
  pino_js_set(js, result, "problem", pino_js_string(js, waiting->problem));
  for (int i = 0; i < 2; i++)
    pino_js_set(js, result, i == 0 ? "stdout" : "stderr",
                pino_node_array_buffer(js, waiting->outputs[i]->data, waiting->outputs[i]->len));
  return result;
}

static JSValueRef run_and_wait(PinoJs *js, JSValueRef from, const PinoChildOptions *options, Waiting *waiting,
                               GError **error) {
  static const PinoChildEvents events = {collect, ignore_input, note_end};
  g_autoptr(GMainContext) context = g_main_context_new();
  JSValueRef input = pino_js_get(js, from, "input"), result = NULL;
  PinoSpan span = {NULL, 0};
  if (!pino_js_is_nullish(js, input) && !pino_node_span(js, 1, &input, 0, &span, error))
    return NULL;
  waiting->process = pino_child_start(options, context, &events, waiting, error);
  if (waiting->process == NULL)
    return NULL;
  waiting->open = count_outputs(options);
  if (span.len > 0)
    pino_child_write(waiting->process, span.data, span.len);
  pino_child_close_input(waiting->process);
  if (wait_for_child(js, waiting, pino_js_to_number(js, pino_js_get(js, from, "timeout")), context, error))
    result = describe(js, waiting);
  pino_child_drop(waiting->process);
  pino_child_unref(waiting->process);
  return result;
}

/* ({..., input, timeout, maxBuffer, killSignal}) -> {pid, status, signal, problem, stdout, stderr} */
static JSValueRef child_run(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoChildOptions options;
  JSValueRef result = NULL;
  if (argc == 0)
    return NULL;
  if (read_options(js, argv[0], &options, error)) {
    JSValueRef numbers[] = {pino_js_get(js, argv[0], "maxBuffer"), pino_js_get(js, argv[0], "killSignal")};
    Waiting waiting = {.outputs = {g_byte_array_new(), g_byte_array_new()}};
    waiting.max_buffer = (gsize)CLAMP(pino_node_number(js, 2, numbers, 0, G_MAXINT), 0, G_MAXINT);
    waiting.kill_signal = (int)pino_node_number(js, 2, numbers, 1, SIGTERM);
    result = run_and_wait(js, argv[0], &options, &waiting, error);
    g_byte_array_unref(waiting.outputs[0]);
    g_byte_array_unref(waiting.outputs[1]);
  }
  pino_child_options_clear(&options);
  return result;
}

void pino_node_add_child(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"start", child_start}, {"write", child_write}, {"endInput", child_end_input},
      {"pause", child_pause}, {"kill", child_kill},   {"release", child_release},
      {"run", child_run},     {NULL, NULL},
  };
  pino_js_add_natives(js, "child_process", entries);
}
