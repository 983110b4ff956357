/* Evaluates menus for the engine, one after the other, each in a JavaScript world of its own. */
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "control/protocol.h"
#include "lifecycle/launcher.h"
#include "runner/commands.h"
#include "runner/link.h"
#include "runner/registry.h"
#include "runner/serve.h"

#define ALONE_MS 3000 /* for an engine that does not listen any more */
#define IDLE_MS 5000
#define CPU_SECONDS 5 /* of one entry into JavaScript */
#define LATE_MS 8000  /* a menu that awaits what never comes; the engine waits for 10 s */

typedef struct {
  PinoServeOptions options;
  PinoLink *link;
  GMainLoop *loop;
  GThread *thread;
  GAsyncQueue *orders; /* Order; one without a folder ends the thread */
  guint waiting;       /* orders that were not answered; main thread */
  guint timer;
} Worker;

typedef struct {
  Worker *worker;
  char *id; /* JSON */
  char *folder;
  char *answer;
} Order;

static void order_free(Order *order) {
  g_free(order->id);
  g_free(order->folder);
  g_free(order->answer);
  g_free(order);
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

static const char *code_name(const GError *error) {
  static const char *const names[] = {
      [PINO_ERROR_FAILED] = "failed",
      [PINO_ERROR_USAGE] = "usage",
      [PINO_ERROR_SYNTAX] = "syntax",
      [PINO_ERROR_SCRIPT] = "script",
      [PINO_ERROR_LIMIT] = "limit",
      [PINO_ERROR_NOT_FOUND] = "not_found",
      [PINO_ERROR_UNAVAILABLE] = "unavailable",
      [PINO_ERROR_CANCELLED] = "limit", /* it took too long */
      [PINO_ERROR_NETWORK] = "network",
  };
  return error->domain == PINO_ERROR && (guint)error->code < G_N_ELEMENTS(names) ? names[error->code]
                                                                                 : "failed";
}

static void append_json(GString *out, const char *name, const char *json) {
  g_string_append_printf(out, ",\"%s\":%s", name, json != NULL ? json : "null");
}

/* The menu was laid out for people; a message is one line. */
static char *on_one_line(const char *json) {
  g_autoptr(JsonNode) node = json != NULL ? json_from_string(json, NULL) : NULL;
  return node != NULL ? json_to_string(node, FALSE) : NULL;
}

static void append_menu(GString *out, const PinoLauncher *launcher) {
  g_autofree char *menu = on_one_line(launcher->json);
  append_json(out, "menu", menu);
  pino_json_append_member(out, "title", launcher->title);
  append_json(out, "installed", launcher->installed ? "true" : "false");
  pino_json_append_member(out, "install", launcher->install);
  pino_json_append_member(out, "start", launcher->start);
  append_json(out, "installInput", launcher->install_input);
  append_json(out, "startInput", launcher->start_input);
}

static void append_error(GString *out, const GError *error) {
  gboolean late = g_error_matches(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  pino_json_append_member(out, "error", late ? "the menu took too long and was given up" : error->message);
  pino_json_append_member(out, "code", code_name(error));
}

static gboolean on_late(gpointer cancellable) {
  g_cancellable_cancel(cancellable);
  return G_SOURCE_REMOVE;
}

/* On the main thread's loop, since this one may be in JavaScript. */
static GSource *limit_time(GCancellable *cancellable) {
  GSource *timer = g_timeout_source_new(LATE_MS);
  g_source_set_callback(timer, on_late, g_object_ref(cancellable), g_object_unref);
  g_source_attach(timer, NULL);
  return timer;
}

static void evaluate(Order *order) {
  Worker *worker = order->worker;
  PinoRegistrySource source = {.link = worker->link};
  PinoRegistry registry = pino_registry(&source);
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GSource) timer = limit_time(cancellable);
  PinoRunOptions options = {
      .home = worker->options.home,
      .cancellable = cancellable,
      .time_limit = CPU_SECONDS,
      .terminal = -1,
      .registry = &registry,
  };
  g_autoptr(GError) error = NULL;
  PinoRun *run = pino_run_new(&options);
  g_autoptr(PinoLauncher) launcher = pino_launcher_read(run, order->folder, &error);
  g_source_destroy(timer);
  pino_run_free(run);
  GString *out = g_string_new("{");
  pino_json_append_member(out, "type", "menu");
  append_json(out, "id", order->id);
  if (launcher != NULL)
    append_menu(out, launcher);
  else
    append_error(out, error);
  g_string_append_c(out, '}');
  order->answer = g_string_free(out, FALSE);
}

static gboolean on_answered(gpointer data);

static gpointer work(gpointer data) {
  Worker *worker = data;
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  for (Order *order = g_async_queue_pop(worker->orders); order->folder != NULL;
       order = g_async_queue_pop(worker->orders)) {
    evaluate(order);
    pino_link_invoke(worker->link, on_answered, order);
  }
  g_main_context_pop_thread_default(context);
  return NULL;
}

/* --- the main thread ------------------------------------------------------------------------------------------------ */

static gboolean on_idle(gpointer data) {
  Worker *worker = data;
  worker->timer = 0;
  g_main_loop_quit(worker->loop);
  return G_SOURCE_REMOVE;
}

/* ms 0: none. */
static void set_timer(Worker *worker, guint ms) {
  if (worker->timer != 0)
    g_source_remove(worker->timer);
  worker->timer = ms > 0 ? g_timeout_add(ms, on_idle, worker) : 0;
}

static gboolean on_answered(gpointer data) {
  Order *order = data;
  Worker *worker = order->worker;
  pino_link_send(worker->link, order->answer);
  order_free(order);
  if (--worker->waiting == 0) {
    set_timer(worker, IDLE_MS);
    malloc_trim(0);
  }
  return G_SOURCE_REMOVE;
}

static void on_message(PinoLink *link, const char *type, JsonObject *message, gpointer data) {
  Worker *worker = data;
  JsonNode *id = json_object_get_member(message, "id");
  const char *folder = json_object_get_string_member_with_default(message, "folder", NULL);
  if (!g_str_equal(type, "menu") || id == NULL || folder == NULL)
    return;
  Order *order = g_new0(Order, 1);
  *order = (Order){.worker = worker, .id = json_to_string(id, FALSE), .folder = g_strdup(folder)};
  worker->waiting++;
  set_timer(worker, 0);
  g_async_queue_push(worker->orders, order);
}

static void on_up(PinoLink *link, gpointer data) {
  Worker *worker = data;
  g_autoptr(GString) hello = g_string_new("{");
  pino_json_append_member(hello, "type", "hello");
  pino_json_append_member(hello, "worker", worker->options.id);
  g_string_append_printf(hello, ",\"protocol\":%d,\"pid\":%d}", PINO_CONTROL_PROTOCOL, (int)getpid());
  pino_link_send(link, hello->str);
  if (worker->waiting == 0)
    set_timer(worker, IDLE_MS);
}

/* Whoever asked has gone. A menu that is being evaluated is not waited for. */
static void on_down(PinoLink *link, gpointer data) {
  _exit(PINO_EXIT_OK);
}

int pino_serve_menus(const PinoServeOptions *options) {
  static const PinoLinkEvents events = {.up = on_up, .down = on_down, .message = on_message};
  g_autofree char *socket = g_build_filename(options->run_dir, PINO_CONTROL_SOCKET, NULL);
  Worker worker = {.options = *options};
  mallopt(M_ARENA_MAX, 2);
  worker.loop = g_main_loop_new(NULL, FALSE);
  worker.orders = g_async_queue_new();
  worker.link = pino_link_new(socket, &events, &worker);
  worker.thread = g_thread_new("menus", work, &worker);
  set_timer(&worker, ALONE_MS);
  g_main_loop_run(worker.loop);
  Order *last = g_new0(Order, 1);
  g_async_queue_push(worker.orders, last);
  g_thread_join(worker.thread);
  order_free(last);
  pino_link_free(worker.link);
  g_async_queue_unref(worker.orders);
  g_main_loop_unref(worker.loop);
  return PINO_EXIT_OK;
}
