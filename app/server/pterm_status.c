/* `pterm status`: an app as desktop Pinokio describes it. */
#include <string.h>

#include "base/error.h"
#include "engine/probe.h"
#include "server/pterm_internal.h"

#define RUNS_MAX 1000
#define PROBE_MS 1500
#define PROBE_MS_MAX 60000
#define DEFAULT_ICON "/pinokio-black.png" /* what the desktop's clients know */

char *pino_pterm_ref(const PinoPtermPlace *place, const char *app) {
  g_autofree char *escaped = g_uri_escape_string(app, NULL, FALSE);
  return g_strdup_printf("pinokio://%s:%u/api/%s", place->host, place->port, escaped);
}

/* --- what runs ---- */

typedef struct {
  JsonArray *runs; /* live ones, newest first */
  char *folder;
  JsonObject *ready; /* the run that has a URL; borrowed from runs */
} Runtime;

static void runtime_clear(Runtime *runtime) {
  g_clear_pointer(&runtime->runs, json_array_unref);
  g_clear_pointer(&runtime->folder, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Runtime, runtime_clear)

/* A script's path in the app's folder; the path itself when it is elsewhere. */
static const char *relative(const Runtime *runtime, const char *script) {
  gsize length = strlen(runtime->folder);
  return strncmp(script, runtime->folder, length) == 0 && script[length] == '/' ? script + length + 1
                                                                                : script;
}

/* runs: views of runs, of this app or of all. */
static void collect(PinoPterm *pterm, JsonArray *runs, const char *app, Runtime *runtime) {
  runtime->folder = g_build_filename(pterm->home, "api", app, NULL);
  runtime->runs = json_array_new();
  for (guint i = 0; runs != NULL && i < json_array_get_length(runs); i++) {
    JsonNode *node = json_array_get_element(runs, i);
    JsonObject *run = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (!pino_pterm_is_live(run) || pino_pterm_text(run, "script") == NULL ||
        g_strcmp0(pino_pterm_text(run, "app"), app) != 0)
      continue;
    json_array_add_object_element(runtime->runs, json_object_ref(run));
    if (runtime->ready == NULL && pino_pterm_text(run, "url") != NULL)
      runtime->ready = run;
  }
}

static void read_runtime(PinoPterm *pterm, const char *app, Runtime *runtime) {
  g_autoptr(GBytes) view = pino_engine_runs(pterm->engine, app, RUNS_MAX, NULL);
  g_autoptr(JsonArray) runs = pino_pterm_array(view);
  collect(pterm, runs, app, runtime);
}

static void add_running(JsonBuilder *builder, const Runtime *runtime) {
  json_builder_set_member_name(builder, "running_scripts");
  json_builder_begin_array(builder);
  for (guint i = 0; i < json_array_get_length(runtime->runs); i++) {
    JsonObject *run = json_array_get_object_element(runtime->runs, i);
    json_builder_add_string_value(builder, relative(runtime, pino_pterm_text(run, "script")));
  }
  json_builder_end_array(builder);
}

static void add_local(JsonBuilder *builder, const Runtime *runtime, JsonNode *node) {
  JsonObject *script = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonNode *local = script != NULL ? json_object_get_member(script, "local") : NULL;
  const char *path = pino_pterm_text(script, "path");
  if (path == NULL || local == NULL)
    return;
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "script", relative(runtime, path));
  json_builder_set_member_name(builder, "local");
  json_builder_add_value(builder, json_node_copy(local));
  json_builder_end_object(builder);
}

static void add_locals_of(JsonBuilder *builder, const Runtime *runtime, PinoEngine *engine, const char *id) {
  g_autoptr(GBytes) view = pino_engine_run(engine, id, NULL);
  g_autoptr(JsonObject) run = pino_pterm_object(view);
  JsonNode *node = run != NULL ? json_object_get_member(run, "scripts") : NULL;
  JsonArray *scripts = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  for (guint i = 0; scripts != NULL && i < json_array_get_length(scripts); i++)
    add_local(builder, runtime, json_array_get_element(scripts, i));
}

/* The memory of the scripts that run. */
static void add_locals(JsonBuilder *builder, const Runtime *runtime, PinoEngine *engine) {
  json_builder_set_member_name(builder, "local_entries");
  json_builder_begin_array(builder);
  for (guint i = 0; i < json_array_get_length(runtime->runs); i++) {
    const char *id = pino_pterm_text(json_array_get_object_element(runtime->runs, i), "id");
    add_locals_of(builder, runtime, engine, id);
  }
  json_builder_end_array(builder);
}

/* --- the app ---- */

static const char *state_name(gboolean running, gboolean ready) {
  return !running ? "offline" : ready ? "online" : "starting";
}

static void add_app(JsonBuilder *builder, JsonObject *app, const char *folder, const PinoPtermPlace *place) {
  const char *id = pino_pterm_text(app, "id"), *title = pino_pterm_text(app, "name");
  const char *description = pino_pterm_text(app, "description"), *icon = pino_pterm_text(app, "icon");
  g_autofree char *ref = pino_pterm_ref(place, id);
  pino_pterm_add_text(builder, "app_id", id);
  pino_pterm_add_text(builder, "name", id);
  pino_pterm_add_text(builder, "title", title != NULL ? title : id);
  pino_pterm_add_text(builder, "description", description != NULL ? description : "");
  pino_pterm_add_text(builder, "icon", icon != NULL ? icon : DEFAULT_ICON);
  pino_pterm_add_text(builder, "path", folder);
  pino_pterm_add_text(builder, "ref", ref);
  json_builder_set_member_name(builder, "source");
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "host", place->host);
  pino_pterm_add_text(builder, "name", place->host);
  pino_pterm_add_flag(builder, "local", TRUE);
  json_builder_end_object(builder);
}

static void add_runtime(JsonBuilder *builder, const Runtime *runtime, gboolean ready) {
  gboolean running = json_array_get_length(runtime->runs) > 0;
  const char *url = pino_pterm_text(runtime->ready, "url");
  pino_pterm_add_flag(builder, "running", running);
  pino_pterm_add_flag(builder, "ready", ready);
  pino_pterm_add_text(builder, "ready_url", url);
  json_builder_set_member_name(builder, "external_ready_urls"); /* nothing leads here from other machines */
  json_builder_begin_array(builder);
  json_builder_end_array(builder);
  pino_pterm_add_text(builder, "state", state_name(running, ready));
  add_running(builder, runtime);
  pino_pterm_add_text(builder, "ready_script",
                      runtime->ready != NULL ? relative(runtime, pino_pterm_text(runtime->ready, "script"))
                                             : NULL);
}

JsonArray *pino_pterm_apps(PinoPterm *pterm, const PinoPtermPlace *place) {
  g_autoptr(GBytes) view = pino_engine_apps(pterm->engine);
  g_autoptr(JsonArray) apps = pino_pterm_array(view);
  g_autoptr(GBytes) all = pino_engine_runs(pterm->engine, NULL, RUNS_MAX, NULL);
  g_autoptr(JsonArray) runs = pino_pterm_array(all);
  JsonArray *out = json_array_new();
  for (guint i = 0; apps != NULL && i < json_array_get_length(apps); i++) {
    JsonNode *node = json_array_get_element(apps, i);
    JsonObject *app = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (pino_pterm_text(app, "id") == NULL)
      continue;
    g_auto(Runtime) runtime = {0};
    collect(pterm, runs, pino_pterm_text(app, "id"), &runtime);
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    add_app(builder, app, runtime.folder, place);
    add_runtime(builder, &runtime, runtime.ready != NULL);
    json_builder_end_object(builder);
    json_array_add_element(out, json_builder_get_root(builder));
  }
  return out;
}

/* --- the whole answer ---- */

typedef struct {
  PinoCall *call;
  char *app;
  PinoPtermPlace place;
  gboolean probes;
  guint timeout_ms;
  gboolean probed, alive;
  char *default_script, *default_url;
} Status;

static void status_free(Status *status) {
  g_free(status->app);
  g_free(status->default_script);
  g_free(status->default_url);
  pino_pterm_place_clear(&status->place);
  g_free(status);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Status, status_free)

static const char *first_of(const char *folder, const char *const *names) {
  for (; *names != NULL; names++) {
    g_autofree char *path = g_build_filename(folder, *names, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
      return *names;
  }
  return NULL;
}

static void add_rest(JsonBuilder *builder, const Status *status, const Runtime *runtime, PinoEngine *engine) {
  static const char *const install[] = {"install.js", "install.json", NULL};
  static const char *const start[] = {"start.js", "start.json", NULL};
  const char *script = status->default_script;
  pino_pterm_add_text(builder, "install_script", first_of(runtime->folder, install));
  pino_pterm_add_text(builder, "start_script", first_of(runtime->folder, start));
  pino_pterm_add_text(builder, "default_target", script != NULL ? script : status->default_url);
  pino_pterm_add_text(builder, "default_script", script != NULL ? relative(runtime, script) : NULL);
  json_builder_set_member_name(builder, "probe");
  if (status->probed)
    json_builder_add_boolean_value(builder, status->alive);
  else
    json_builder_add_null_value(builder);
  pino_pterm_add_text(builder, "last_error", NULL);
  add_locals(builder, runtime, engine);
}

static void answer(Status *taken) {
  g_autoptr(Status) status = taken;
  PinoPterm *pterm = pino_pterm_of(status->call);
  if (pterm == NULL)
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) view = pino_engine_app(pterm->engine, status->app, &error);
  g_autoptr(JsonObject) app = pino_pterm_object(view);
  if (app == NULL || pino_pterm_text(app, "id") == NULL) {
    if (error == NULL)
      g_set_error(&error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no app %s", status->app);
    pino_pterm_reply_error(status->call, error);
    return;
  }
  g_auto(Runtime) runtime = {0};
  read_runtime(pterm, status->app, &runtime);
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  add_app(builder, app, runtime.folder, &status->place);
  add_runtime(builder, &runtime, status->probed ? status->alive : runtime.ready != NULL);
  add_rest(builder, status, &runtime, pterm->engine);
  json_builder_end_object(builder);
  pino_pterm_reply(status->call, 200, builder);
}

static void on_probed(int code, gpointer data) {
  Status *status = data;
  status->probed = TRUE;
  status->alive = code > 0; /* whatever it says, somebody is there */
  answer(status);
}

static void probe(Status *taken, PinoPterm *pterm) {
  g_autoptr(Status) status = taken;
  g_auto(Runtime) runtime = {0};
  read_runtime(pterm, status->app, &runtime);
  const char *url = pino_pterm_text(runtime.ready, "url");
  guint timeout_ms = status->timeout_ms;
  if (status->probes && url != NULL && pino_probe_can_ask(url))
    pino_probe_start(url, TRUE, timeout_ms, on_probed, g_steal_pointer(&status));
  else
    answer(g_steal_pointer(&status));
}

static void on_menu(GObject *source, GAsyncResult *result, gpointer data) {
  Status *status = data;
  PinoPterm *pterm = pino_pterm_of(status->call);
  if (pterm == NULL) {
    status_free(status);
    return;
  }
  g_autoptr(GBytes) view = pino_engine_menu_finish(pterm->engine, result, NULL);
  g_autoptr(JsonObject) menu = pino_pterm_object(view);
  JsonObject *item = pino_pterm_default_of(menu); /* without a launcher that works there is no default */
  status->default_script = g_strdup(pino_pterm_text(item, "_script"));
  status->default_url = g_strdup(pino_pterm_text(item, "_url"));
  probe(status, pterm);
}

static gboolean is_yes(const char *text) {
  static const char *const yes[] = {"1", "true", "yes", "on", NULL};
  return text != NULL && g_strv_contains(yes, text);
}

void pino_pterm_status_answer(PinoCall *call, const char *app, const PinoPtermPlace *place) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) view = pino_engine_app(pino_call_engine(call), app, &error);
  if (view == NULL) {
    pino_pterm_reply_error(call, error);
    return;
  }
  const char *timeout = pino_call_query(call, "timeout");
  guint64 wanted = timeout != NULL ? g_ascii_strtoull(timeout, NULL, 10) : 0;
  Status *status = g_new0(Status, 1);
  *status = (Status){
      .call = pino_call_hold(call),
      .app = g_strdup(app),
      .place = {.host = g_strdup(place->host), .port = place->port},
      .probes = is_yes(pino_call_query(call, "probe")),
      .timeout_ms = wanted > 0 ? (guint)MIN(wanted, PROBE_MS_MAX) : PROBE_MS,
  };
  pino_engine_menu(pino_call_engine(call), app, NULL, on_menu, status);
}
