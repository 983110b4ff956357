/* Starting: which script, what it requires, and the run's first record. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"
#include "engine/require.h"
#include "script/resolve.h"

/* --- one start on its way -------------------------------------------------------------------------------------- */

typedef struct {
  PinoEngine *engine;
  char *app, *script, *input; /* script: absolute once it is known */
  guint cols, rows, restarts;
  gboolean no_requirements;
  gboolean of_menu; /* the menu chose the script, or it is what launches the app by other rules */
  gboolean already;
} Start;

static void start_free(gpointer data) {
  Start *start = data;
  pino_engine_drop(start->engine);
  g_free(start->app);
  g_free(start->script);
  g_free(start->input);
  g_free(start);
}

const char *pino_start_kind(const char *path) {
  g_autofree char *name = g_path_get_basename(path);
  if (g_str_has_prefix(name, "install"))
    return "install";
  return g_str_has_prefix(name, "start") ? "start" : "other";
}

char *pino_start_journal(PinoEngine *engine, const char *script, const char *run) {
  g_autofree char *folder = pino_log_folder(engine->home, script);
  g_autofree char *file = g_strdup_printf("run-%s.journal", run);
  return g_build_filename(folder, file, NULL);
}

/* Sorts by the time of its start. */
char *pino_start_new_id(PinoEngine *engine, const char *script) {
  for (;;) {
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
    guint tail = (guint)g_date_time_get_microsecond(now) / 1000 << 6 | (guint)g_random_int_range(0, 64);
    g_autofree char *id = g_strdup_printf("%s-%04x", stamp, tail);
    g_autofree char *journal = pino_start_journal(engine, script, id);
    if (pino_live_find(engine, id) == NULL && !g_file_test(journal, G_FILE_TEST_EXISTS))
      return g_steal_pointer(&id);
  }
}

static PinoLive *record(const Start *start) {
  PinoEngine *engine = start->engine;
  PinoRunRow *row = g_new0(PinoRunRow, 1);
  row->id = pino_start_new_id(engine, start->script);
  row->app_id = g_strdup(start->app);
  row->script = g_strdup(start->script);
  row->kind = g_strdup(start->of_menu ? "start" : pino_start_kind(start->script));
  row->input = g_strdup(start->input);
  row->state = g_strdup("waiting");
  row->journal = pino_start_journal(engine, start->script, row->id);
  row->step = row->total = -1;
  row->restarts = (int)start->restarts;
  row->started_at = pino_engine_now();
  PinoLive *live = pino_live_new(engine, row);
  live->cols = start->cols;
  live->rows = start->rows;
  return live;
}

void pino_start_begin(PinoLive *live) {
  g_autoptr(GError) error = NULL;
  pino_live_set_state(live, PINO_LIVE_RUNNING);
  if (!pino_runner_spawn(live, &error))
    pino_live_end(live, PINO_LIVE_ERROR, error->message);
}

gboolean pino_start_record(PinoLive *live, GError **error) {
  if (!pino_live_save(live, error)) {
    g_hash_table_remove(live->engine->lives, live->row->id);
    g_prefix_error(error, "the run cannot be recorded: ");
    return FALSE;
  }
  pino_live_changed(live, TRUE);
  return TRUE;
}

/* --- what a run requires --------------------------------------------------------------------------------------- */

static gboolean wants_required(const Start *start, const char *folder, GError **error) {
  g_autoptr(PinoLaunch) launch = pino_launch_read(start->engine->home, start->app, error);
  if (launch == NULL)
    return FALSE;
  gsize length = strlen(folder);
  const char *inner = g_str_has_prefix(start->script, folder) ? start->script + length + 1 : start->script;
  return pino_launch_waits(launch, start->of_menu ? NULL : inner) || pino_launch_waits(launch, inner);
}

static gboolean list_required(const Start *start, GPtrArray *required, GError **error) {
  g_autoptr(GError) found = NULL;
  if (start->no_requirements || start->app == NULL)
    return TRUE;
  g_autofree char *folder = pino_application_path(start->engine, start->app, error);
  if (folder == NULL)
    return FALSE;
  gboolean wanted = wants_required(start, folder, &found);
  if (found != NULL) {
    g_propagate_error(error, g_steal_pointer(&found));
    return FALSE;
  }
  g_autoptr(GPtrArray) order = wanted ? pino_require_order(start->engine->home, start->app, error) : NULL;
  for (guint i = 0; order != NULL && i < order->len; i++) {
    const PinoLaunch *launch = order->pdata[i];
    PinoRequired *entry = g_new0(PinoRequired, 1);
    entry->app = g_strdup(launch->app);
    entry->script = g_strdup(launch->script);
    g_ptr_array_add(required, entry);
  }
  return !wanted || order != NULL;
}

typedef struct {
  PinoEngine *engine;
  char *waiting; /* run id */
  char *app;
} Asked;

static PinoRequired *required_of(PinoLive *live, const char *app) {
  for (guint i = 0; live != NULL && i < live->required->len; i++) {
    PinoRequired *required = live->required->pdata[i];
    if (g_str_equal(required->app, app))
      return required;
  }
  return NULL;
}

static void on_required_started(GObject *source, GAsyncResult *result, gpointer data) {
  Asked *asked = data;
  PinoEngine *engine = asked->engine;
  g_autoptr(GError) error = NULL;
  g_autofree char *run = pino_engine_start_finish(engine, result, NULL, &error);
  PinoLive *live = engine->closing ? NULL : pino_live_find(engine, asked->waiting);
  PinoRequired *required = required_of(live, asked->app);
  if (required != NULL) {
    required->run = g_steal_pointer(&run);
    required->error = error != NULL ? g_strdup(error->message) : NULL;
  }
  g_free(asked->waiting);
  g_free(asked->app);
  g_free(asked);
  if (!engine->closing)
    pino_start_continue(engine);
  pino_engine_drop(engine);
}

static void ask_for(PinoLive *live, PinoRequired *required) {
  Asked *asked = g_new0(Asked, 1);
  *asked = (Asked){.engine = pino_engine_hold(live->engine),
                   .waiting = g_strdup(live->row->id),
                   .app = g_strdup(required->app)};
  PinoEngineStart start = {.app = required->app, .script = required->script, .no_requirements = TRUE};
  required->asked = TRUE;
  pino_engine_start(live->engine, &start, NULL, on_required_started, asked);
}

/* READY: ready, or came to its end; WAITING: not yet; ERROR: it will not be. */
static PinoLiveState state_of_required(PinoEngine *engine, const PinoRequired *required) {
  if (required->error != NULL)
    return PINO_LIVE_ERROR;
  if (required->run == NULL)
    return PINO_LIVE_WAITING;
  PinoLiveState state = PINO_LIVE_ERROR;
  PinoLive *live = pino_live_find(engine, required->run);
  if (live != NULL) {
    state = live->state;
  } else {
    g_autoptr(PinoRunRow) row = pino_library_run(engine->library, required->run, NULL);
    if (row != NULL)
      pino_live_state_parse(row->state, &state);
  }
  if (state == PINO_LIVE_READY || state == PINO_LIVE_FINISHED)
    return PINO_LIVE_READY;
  return state <= PINO_LIVE_RUNNING ? PINO_LIVE_WAITING : PINO_LIVE_ERROR;
}

static void fail_required(PinoLive *live, const PinoRequired *required) {
  g_autofree char *text =
      g_strdup_printf("it requires the app %s, which is not ready: %s", required->app,
                      required->error != NULL ? required->error : "it failed or was stopped");
  pino_live_end(live, PINO_LIVE_ERROR, text);
}

/* One after the other, deepest first. The run may be gone afterwards. */
static void go_on_waiting(PinoLive *live) {
  while (live->required->len > 0) {
    PinoRequired *required = live->required->pdata[0];
    if (!required->asked) {
      ask_for(live, required);
      return;
    }
    PinoLiveState state = state_of_required(live->engine, required);
    if (state == PINO_LIVE_WAITING)
      return;
    if (state == PINO_LIVE_ERROR) {
      fail_required(live, required);
      return;
    }
    g_ptr_array_remove_index(live->required, 0);
  }
  pino_start_begin(live);
}

void pino_start_continue(PinoEngine *engine) {
  g_autoptr(GPtrArray) waiting = g_ptr_array_new_with_free_func(g_free);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    if (live->state == PINO_LIVE_WAITING && live->required->len > 0)
      g_ptr_array_add(waiting, g_strdup(live->row->id));
  }
  for (guint i = 0; i < waiting->len; i++) {
    PinoLive *live = pino_live_find(engine, waiting->pdata[i]);
    if (live != NULL && live->state == PINO_LIVE_WAITING && live->required->len > 0)
      go_on_waiting(live);
  }
}

/* --- the script ------------------------------------------------------------------------------------------------ */

static void make_run(GTask *task);

static void on_remains_gone(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(GTask) task = data;
  g_autoptr(GError) error = NULL;
  Start *start = g_task_get_task_data(task);
  if (!pino_engine_stop_finish(start->engine, result, &error)) {
    g_prefix_error(&error, "what an earlier run left cannot be ended: ");
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  make_run(task);
}

/* TRUE: the task has its answer, or will. */
static gboolean is_there_already(GTask *task) {
  Start *start = g_task_get_task_data(task);
  PinoLive *live = pino_live_of_script(start->engine, start->script);
  if (live == NULL || pino_live_is_over(live)) /* another app's run may have it */
    live = pino_live_with_script(start->engine, start->script, NULL);
  if (live == NULL)
    return FALSE;
  if (live->state == PINO_LIVE_STOPPING) {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                            "%s is just being stopped: try again when it is",
                            start->app != NULL ? start->app : start->script);
    return TRUE;
  }
  if (live->state < PINO_LIVE_STOPPING) {
    start->already = TRUE;
    g_task_return_pointer(task, g_strdup(live->row->id), g_free);
    return TRUE;
  }
  if (pino_live_is_over(live))
    return FALSE;
  pino_stop_run(start->engine, live->row->id, on_remains_gone, g_object_ref(task));
  return TRUE;
}

static void make_run(GTask *task) {
  Start *start = g_task_get_task_data(task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) required = g_ptr_array_new_with_free_func(pino_required_free);
  if (is_there_already(task))
    return;
  if (start->app != NULL && !pino_engine_app_is_free(start->engine, start->app, &error)) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  if (!g_file_test(start->script, G_FILE_TEST_IS_REGULAR)) {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no script %s", start->script);
    return;
  }
  if (!list_required(start, required, &error)) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  PinoLive *live = record(start);
  g_autofree char *id = g_strdup(live->row->id);
  g_ptr_array_unref(live->required);
  live->required = g_steal_pointer(&required);
  if (!pino_start_record(live, &error)) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  go_on_waiting(live);
  g_task_return_pointer(task, g_steal_pointer(&id), g_free);
}

static void on_menu(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(GTask) task = data;
  Start *start = g_task_get_task_data(task);
  g_autoptr(GError) error = NULL;
  if (start->engine->closing) {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_CANCELLED, "the engine ends");
    return;
  }
  g_autoptr(JsonObject) menu = pino_menus_read_finish(result, &error);
  if (menu == NULL) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  pino_application_describe(start->engine, start->app, menu);
  const char *script = json_object_get_string_member_with_default(menu, "start", NULL);
  gboolean installable = json_object_get_string_member_with_default(menu, "install", NULL) != NULL &&
                         !json_object_get_boolean_member_with_default(menu, "installed", FALSE);
  /* The menu of an app that runs may offer nothing that tells. */
  gboolean runs = script != NULL && pino_live_of_script(start->engine, script) != NULL;
  if (script == NULL || (installable && !runs)) {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                            installable ? "%s is not installed: `pinokiocloud install %s` does that"
                                        : "the menu of %s offers nothing to start: name a script of it",
                            start->app, start->app);
    return;
  }
  if (!runs && pino_application_is_half(start->engine, start->app)) {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                            "the install of %s did not finish: `pinokiocloud install %s` goes on with it "
                            "(naming a script starts that all the same)",
                            start->app, start->app);
    return;
  }
  JsonNode *input = json_object_get_member(menu, "startInput");
  start->script = g_strdup(script);
  start->of_menu = TRUE;
  if (start->input == NULL && input != NULL && JSON_NODE_HOLDS_OBJECT(input))
    start->input = json_to_string(input, FALSE);
  make_run(task);
}

static gboolean take_input(Start *start, const char *input, GError **error) {
  if (input == NULL)
    return TRUE;
  g_autoptr(JsonNode) node = json_from_string(input, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the input is no JSON object");
    return FALSE;
  }
  start->input = json_to_string(node, FALSE);
  return TRUE;
}

static gboolean take_script(Start *start, const char *folder, const char *script, GError **error) {
  if (folder == NULL) {
    start->script = g_canonicalize_filename(script, "/");
    start->app = pino_application_of(start->engine, start->script);
    return TRUE;
  }
  g_autofree char *path = g_canonicalize_filename(script, folder);
  gsize length = strlen(folder);
  if (strncmp(path, folder, length) != 0 || path[length] != '/') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s is not in the folder of %s", script, start->app);
    return FALSE;
  }
  start->script = g_steal_pointer(&path);
  return TRUE;
}

static void start_task(GTask *task, const PinoEngineStart *wish) {
  Start *start = g_task_get_task_data(task);
  g_autoptr(GError) error = NULL;
  g_autofree char *folder =
      wish->app != NULL ? pino_application_path(start->engine, wish->app, &error) : NULL;
  if (wish->app != NULL && folder == NULL) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  if (wish->app == NULL && (wish->script == NULL || !g_path_is_absolute(wish->script))) {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_USAGE,
                            "name an app, or a script by its absolute path");
    return;
  }
  if (!take_input(start, wish->input, &error) ||
      (wish->script != NULL && !take_script(start, folder, wish->script, &error))) {
    g_task_return_error(task, g_steal_pointer(&error));
    return;
  }
  if (start->script != NULL)
    make_run(task);
  else
    pino_menus_read(start->engine->menus, folder, g_task_get_cancellable(task), on_menu, g_object_ref(task));
}

static GTask *new_task(PinoEngine *engine, const PinoEngineStart *wish, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer data) {
  GTask *task = g_task_new(NULL, cancellable, callback, data);
  Start *start = g_new0(Start, 1);
  *start = (Start){
      .engine = pino_engine_hold(engine),
      .app = g_strdup(wish->app),
      .cols = wish->cols,
      .rows = wish->rows,
      .no_requirements = wish->no_requirements,
  };
  g_task_set_task_data(task, start, start_free);
  return task;
}

void pino_engine_start(PinoEngine *engine, const PinoEngineStart *wish, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer data) {
  g_autoptr(GTask) task = new_task(engine, wish, cancellable, callback, data);
  if (wish->app != NULL)
    pino_restart_forget_app(engine, wish->app);
  start_task(task, wish);
}

char *pino_engine_start_finish(PinoEngine *engine, GAsyncResult *result, gboolean *already, GError **error) {
  const Start *start = g_task_get_task_data(G_TASK(result));
  if (already != NULL)
    *already = start->already;
  return g_task_propagate_pointer(G_TASK(result), error);
}

static void on_again(GObject *source, GAsyncResult *result, gpointer data) {
  PinoEngine *engine = data;
  g_autoptr(GError) error = NULL;
  g_autofree char *run = pino_engine_start_finish(engine, result, NULL, &error);
  const Start *start = g_task_get_task_data(G_TASK(result));
  if (run == NULL && !engine->closing)
    pino_engine_trouble(engine, "an app could not be started", error);
  if (run == NULL)
    pino_tunnels_settle(engine, start->script);
  pino_engine_drop(engine);
}

void pino_start_again(PinoEngine *engine, const PinoEngineStart *wish, guint restarts) {
  g_autoptr(GTask) task = new_task(engine, wish, NULL, on_again, pino_engine_hold(engine));
  Start *start = g_task_get_task_data(task);
  start->restarts = restarts;
  start->of_menu = TRUE; /* whatever the script's name */
  start_task(task, wish);
}
