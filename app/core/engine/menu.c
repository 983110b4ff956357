/* Menus need JavaScript, which lives in a worker: one process that reads one menu after the other and goes when it has
 * had nothing to do for a while. One that does not answer in time is killed; the next request gets a new one. */
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

#define LOOKS 3 /* at an app, when workers are lost */
#define TIME_LIMIT_S 10

typedef struct {
  PinoMenus *menus;
  gint64 id;
  char *folder;
  char *app; /* of a look in the background */
  GTask *task;
  gboolean sent;
  gboolean again; /* a worker ended while it had it */
  guint timer;
} Request;

struct _PinoMenus {
  PinoEngine *engine;
  GQueue requests; /* Request, the first is the worker's present work */
  char *worker;    /* its name; NULL: none was started */
  pid_t pid;
  PinoChannel *channel;
  guint made;
  gint64 next_id;
  guint lost; /* workers in a row that ended without an answer */
};

PinoMenus *pino_menus_new(PinoEngine *engine) {
  PinoMenus *menus = g_new0(PinoMenus, 1);
  menus->engine = engine;
  g_queue_init(&menus->requests);
  return menus;
}

static void request_free(Request *request) {
  if (request->timer != 0)
    g_source_remove(request->timer);
  g_clear_object(&request->task);
  g_free(request->folder);
  g_free(request->app);
  g_free(request);
}

/* It is a child of this engine; its pid is forgotten when it is reaped. */
static void end_worker(PinoMenus *menus) {
  if (menus->pid != 0)
    kill(menus->pid, SIGKILL);
}

void pino_menus_free(PinoMenus *menus) {
  if (menus == NULL)
    return;
  Request *request;
  while ((request = g_queue_pop_head(&menus->requests)) != NULL) {
    g_task_return_new_error(request->task, PINO_ERROR, PINO_ERROR_CANCELLED, "the engine ends");
    request_free(request);
  }
  if (menus->channel != NULL)
    pino_line_close(menus->engine, menus->channel);
  end_worker(menus);
  g_free(menus->worker);
  g_free(menus);
}

static void go_on(PinoMenus *menus);

static void forget_worker(PinoMenus *menus) {
  PinoChannel *channel = g_steal_pointer(&menus->channel);
  if (channel != NULL)
    pino_line_close(menus->engine, channel);
  g_clear_pointer(&menus->worker, g_free);
  menus->pid = 0;
}

static void fail_first(PinoMenus *menus, PinoError code, const char *text) {
  Request *request = g_queue_pop_head(&menus->requests);
  g_autoptr(GTask) task = g_object_ref(request->task);
  g_autoptr(GError) error = g_error_new(PINO_ERROR, (int)code, "the menu of %s: %s", request->folder, text);
  request_free(request);
  g_task_return_error(task, g_steal_pointer(&error));
}

static gboolean on_late(gpointer data) {
  Request *request = data;
  PinoMenus *menus = request->menus;
  request->timer = 0;
  end_worker(menus);
  forget_worker(menus);
  fail_first(menus, PINO_ERROR_LIMIT, "no answer in 10 s");
  go_on(menus);
  return G_SOURCE_REMOVE;
}

static void send_first(PinoMenus *menus) {
  Request *request = g_queue_peek_head(&menus->requests);
  if (request == NULL || request->sent || menus->channel == NULL)
    return;
  g_autoptr(GString) line = g_string_new("{");
  pino_json_append_member(line, "type", "menu");
  g_string_append_printf(line, ",\"id\":%" G_GINT64_FORMAT, request->id);
  pino_json_append_member(line, "folder", request->folder);
  g_string_append_c(line, '}');
  request->sent = TRUE;
  pino_channel_send(menus->channel, line->str);
}

static void go_on(PinoMenus *menus) {
  Request *request = g_queue_peek_head(&menus->requests);
  if (request == NULL)
    return;
  if (request->timer == 0)
    request->timer = g_timeout_add_seconds(TIME_LIMIT_S, on_late, request);
  if (menus->worker == NULL) {
    g_autoptr(GError) error = NULL;
    /* A worker of an earlier engine must not pass for this one. */
    menus->worker = g_strdup_printf("w%" G_GINT64_FORMAT ".%u", menus->engine->started, ++menus->made);
    menus->pid = pino_runner_spawn_worker(menus->engine, menus->worker, &error);
    if (menus->pid == 0) {
      forget_worker(menus);
      fail_first(menus, PINO_ERROR_UNAVAILABLE, error->message);
      go_on(menus);
      return;
    }
  }
  send_first(menus);
}

gboolean pino_menus_hello(PinoMenus *menus, const char *worker, PinoChannel *channel) {
  if (g_strcmp0(worker, menus->worker) != 0)
    return FALSE;
  menus->channel = channel;
  send_first(menus);
  return TRUE;
}

static PinoError code_of(const char *name) {
  static const struct {
    const char *name;
    PinoError code;
  } codes[] = {
      {"not_found", PINO_ERROR_NOT_FOUND},
      {"limit", PINO_ERROR_LIMIT},
      {"syntax", PINO_ERROR_SCRIPT},
      {"usage", PINO_ERROR_USAGE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
    if (g_strcmp0(name, codes[i].name) == 0)
      return codes[i].code;
  }
  return PINO_ERROR_SCRIPT;
}

void pino_menus_message(PinoMenus *menus, JsonObject *message) {
  Request *request = g_queue_peek_head(&menus->requests);
  if (request == NULL || !request->sent ||
      json_object_get_int_member_with_default(message, "id", -1) != request->id)
    return;
  menus->lost = 0;
  const char *error = json_object_get_string_member_with_default(message, "error", NULL);
  if (error != NULL) {
    fail_first(menus, code_of(json_object_get_string_member_with_default(message, "code", NULL)), error);
  } else {
    g_queue_pop_head(&menus->requests);
    g_autoptr(GTask) task = g_object_ref(request->task);
    request_free(request);
    g_task_return_pointer(task, json_object_ref(message), (GDestroyNotify)json_object_unref);
  }
  go_on(menus);
}

void pino_menus_closed(PinoMenus *menus) {
  menus->channel = NULL;
  forget_worker(menus);
  Request *request = g_queue_peek_head(&menus->requests);
  if (request == NULL)
    return;
  if (request->sent && request->again)
    fail_first(menus, PINO_ERROR_SCRIPT,
               "its worker ended without an answer: see logs/engine.log in the home");
  else if (request->sent)
    request->again = TRUE; /* it may just have gone for want of work */
  request = g_queue_peek_head(&menus->requests);
  if (request != NULL)
    request->sent = FALSE;
  go_on(menus);
}

/* One that never came to say hello is tried again, three times. */
void pino_menus_gone(PinoMenus *menus, pid_t pid) {
  if (menus->pid != pid)
    return;
  menus->pid = 0;
  if (menus->channel != NULL)
    return;
  forget_worker(menus);
  if (++menus->lost >= 3 && !g_queue_is_empty(&menus->requests)) {
    menus->lost = 0;
    fail_first(menus, PINO_ERROR_UNAVAILABLE, "its worker does not start: see logs/engine.log in the home");
  }
  go_on(menus);
}

/* Who asked goes before looks in the background, but for the one that is the worker's present work. */
static GList *first_look(PinoMenus *menus) {
  GList *item = menus->requests.head != NULL ? menus->requests.head->next : NULL;
  while (item != NULL && ((Request *)item->data)->app == NULL)
    item = item->next;
  return item;
}

static void enqueue(PinoMenus *menus, const char *folder, const char *app, GTask *task) {
  Request *request = g_new0(Request, 1);
  *request = (Request){
      .menus = menus,
      .id = ++menus->next_id,
      .folder = g_strdup(folder),
      .app = g_strdup(app),
      .task = g_object_ref(task),
  };
  GList *place = app == NULL ? first_look(menus) : NULL;
  if (place != NULL)
    g_queue_insert_before(&menus->requests, place, request);
  else
    g_queue_push_tail(&menus->requests, request);
  go_on(menus);
}

void pino_menus_read(PinoMenus *menus, const char *folder, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data) {
  g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
  enqueue(menus, folder, NULL, task);
}

JsonObject *pino_menus_read_finish(GAsyncResult *result, GError **error) {
  return g_task_propagate_pointer(G_TASK(result), error);
}

/* --- in the background ----------------------------------------------------------------------------------------- */

typedef struct {
  PinoEngine *engine;
  char *app;
  guint tries; /* before this one */
} Look;

static void describe(PinoMenus *menus, const char *app, guint tries);

/* The launcher's own fault, which another look would find again; else a worker was lost. */
static gboolean is_of_the_launcher(const GError *error) {
  static const int codes[] = {PINO_ERROR_SCRIPT, PINO_ERROR_SYNTAX, PINO_ERROR_NOT_FOUND, PINO_ERROR_LIMIT,
                              PINO_ERROR_USAGE};
  for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
    if (g_error_matches(error, PINO_ERROR, codes[i]))
      return TRUE;
  return FALSE;
}

static void on_looked(GObject *source, GAsyncResult *result, gpointer data) {
  Look *look = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) menu = pino_menus_read_finish(result, &error);
  gboolean again = menu == NULL && look->tries < LOOKS && !is_of_the_launcher(error);
  if (!look->engine->closing && again)
    describe(look->engine->menus, look->app, look->tries + 1);
  else if (!look->engine->closing)
    pino_application_describe(look->engine, look->app, menu);
  pino_engine_drop(look->engine);
  g_free(look->app);
  g_free(look);
}

static gboolean is_waiting(PinoMenus *menus, const char *app) {
  for (GList *item = menus->requests.head; item != NULL; item = item->next) {
    Request *request = item->data;
    if (!request->sent && g_strcmp0(request->app, app) == 0)
      return TRUE;
  }
  return FALSE;
}

static void describe(PinoMenus *menus, const char *app, guint tries) {
  g_autofree char *folder = app != NULL ? pino_application_path(menus->engine, app, NULL) : NULL;
  if (folder == NULL || menus->engine->closing || is_waiting(menus, app))
    return;
  Look *look = g_new0(Look, 1);
  *look = (Look){.engine = pino_engine_hold(menus->engine), .app = g_strdup(app), .tries = tries};
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_looked, look);
  enqueue(menus, folder, app, task);
}

void pino_menus_describe(PinoMenus *menus, const char *app) {
  describe(menus, app, 0);
}

/* --- for those outside ----------------------------------------------------------------------------------------- */

static void on_menu(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(GTask) task = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) menu = pino_menus_read_finish(result, &error);
  JsonNode *shown = menu != NULL ? json_object_get_member(menu, "menu") : NULL;
  if (shown == NULL) {
    if (error == NULL)
      g_set_error_literal(&error, PINO_ERROR, PINO_ERROR_SCRIPT, "the worker gave no menu");
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  char *text = json_to_string(shown, FALSE);
  g_task_return_pointer(task, g_bytes_new_take(text, strlen(text)), (GDestroyNotify)g_bytes_unref);
}

void pino_engine_menu(PinoEngine *engine, const char *app, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer data) {
  g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = pino_application_path(engine, app, &error);
  if (folder == NULL)
    g_task_return_error(task, g_steal_pointer(&error));
  else
    pino_menus_read(engine->menus, folder, cancellable, on_menu, g_object_ref(task));
}

GBytes *pino_engine_menu_finish(PinoEngine *engine, GAsyncResult *result, GError **error) {
  return g_task_propagate_pointer(G_TASK(result), error);
}
