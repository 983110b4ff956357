/* Apps as the library holds them: what lies under api/, what its launcher says, and the state that its runs give it. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"
#include "script/resolve.h"
#include "state/installation.h"

static PinoApplication *find_row(PinoEngine *engine, const char *app) {
  return g_hash_table_lookup(engine->applications, app);
}

/* --- the state ------------------------------------------------------------------------------------------------- */

/* What one live run makes of its app, or NULL. */
static const char *state_by(const PinoLive *live) {
  static const struct {
    const char *kind, *state;
  } at_work[] = {
      {"install", "INSTALLING"}, {"update", "INSTALLING"},      {"reset", "INSTALLING"},
      {"start", "STARTING"},     {"uninstall", "UNINSTALLING"},
  };
  switch (live->state) {
  case PINO_LIVE_STOPPING:
    return "STOPPING";
  case PINO_LIVE_READY:
    return "RUNNING";
  case PINO_LIVE_WAITING:
  case PINO_LIVE_RUNNING:
    for (guint i = 0; i < G_N_ELEMENTS(at_work); i++)
      if (g_strcmp0(live->row->kind, at_work[i].kind) == 0)
        return at_work[i].state;
    return NULL;
  default:
    return NULL;
  }
}

/* A script of the app that runs inside of another app's run. */
static const char *state_by_guest(PinoEngine *engine, PinoLive *live, const char *app) {
  if (live->state > PINO_LIVE_STOPPING)
    return NULL;
  g_autoptr(GPtrArray) paths = pino_live_guests(live, app);
  const char *state = NULL;
  for (guint i = 0; i < paths->len; i++) {
    JsonObject *entry = NULL;
    if (pino_live_with_script(engine, paths->pdata[i], &entry) != live || entry == NULL)
      continue;
    gboolean ready = json_object_get_boolean_member_with_default(entry, "ready", FALSE);
    state = ready || state != NULL ? "RUNNING" : "STARTING";
  }
  return state;
}

static guint weight_of(const char *state) {
  static const char *const order[] = {"STARTING", "RUNNING", "INSTALLING", "UNINSTALLING", "STOPPING"};
  for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
    if (g_strcmp0(state, order[i]) == 0)
      return i + 1;
  }
  return 0;
}

static const char *state_of_runs(PinoEngine *engine, const char *app) {
  const char *state = NULL;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    const char *given =
        g_strcmp0(live->row->app_id, app) == 0 ? state_by(live) : state_by_guest(engine, live, app);
    if (weight_of(given) > weight_of(state))
      state = given;
  }
  return state;
}

/* ERROR stays until another run of the app, of those that count, ends well. */
static gboolean last_run_failed(PinoEngine *engine, const char *app) {
  g_autoptr(GPtrArray) runs = pino_library_runs(engine->library, app, FALSE, 5, NULL);
  for (guint i = 0; runs != NULL && i < runs->len; i++) {
    const PinoRunRow *row = runs->pdata[i];
    PinoLiveState state;
    if (g_strcmp0(row->kind, "other") == 0 || g_strcmp0(row->kind, "plan") == 0 ||
        !pino_live_state_parse(row->state, &state))
      continue;
    return state == PINO_LIVE_ERROR || state == PINO_LIVE_INTERRUPTED;
  }
  return FALSE;
}

static const char *state_now(PinoEngine *engine, const PinoApplication *row) {
  const char *state = state_of_runs(engine, row->id);
  if (state != NULL)
    return state;
  if (last_run_failed(engine, row->id))
    return "ERROR";
  return row->installed ? "INSTALLED" : "CLONED";
}

/* --- the rows -------------------------------------------------------------------------------------------------- */

static void tell(PinoEngine *engine, const char *app, const char *state) {
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "app");
  pino_json_append_member(event, "app", app);
  pino_json_append_member(event, "state", state);
  g_string_append_c(event, '}');
  pino_engine_tell(engine, g_string_free(event, FALSE));
}

static void put(PinoEngine *engine, PinoApplication *row) {
  g_autoptr(GError) error = NULL;
  pino_engine_set_text(&row->state, state_now(engine, row));
  row->updated_at = pino_engine_now();
  if (!pino_library_put_application(engine->library, row, &error))
    pino_engine_trouble(engine, "the library cannot be written", error);
  tell(engine, row->id, row->state);
}

static gboolean was_installed(PinoEngine *engine, const char *app) {
  g_autoptr(GPtrArray) runs = pino_library_runs(engine->library, app, FALSE, 0, NULL);
  for (guint i = 0; runs != NULL && i < runs->len; i++) {
    const PinoRunRow *row = runs->pdata[i];
    if (g_strcmp0(row->kind, "install") == 0)
      return g_strcmp0(row->state, "finished") == 0;
  }
  return FALSE;
}

static PinoApplication *make_row(PinoEngine *engine, const PinoApp *app) {
  PinoApplication *row = g_new0(PinoApplication, 1);
  row->id = g_strdup(app->id);
  row->size = -1;
  row->installed = was_installed(engine, app->id); /* until its menu is read */
  g_hash_table_insert(engine->applications, row->id, row);
  return row;
}

static void remove_row(PinoEngine *engine, const char *app) {
  g_autoptr(GError) error = NULL;
  if (!pino_library_remove_application(engine->library, app, &error))
    pino_engine_trouble(engine, "the library cannot be written", error);
  tell(engine, app, "GONE");
  g_hash_table_remove(engine->applications, app);
}

void pino_application_look(PinoEngine *engine, const char *id) {
  const PinoApp *app = pino_apps_find(engine->apps, id);
  PinoApplication *row = find_row(engine, id);
  g_clear_pointer(&engine->apps_view, g_bytes_unref);
  if (app == NULL) {
    if (row != NULL)
      remove_row(engine, id);
    return;
  }
  if (row == NULL)
    row = make_row(engine, app);
  pino_engine_set_text(&row->install_path, app->path);
  pino_engine_set_text(&row->repository_url, app->repository);
  pino_engine_set_text(&row->version, app->commit);
  if (app->title != NULL || row->name == NULL)
    pino_engine_set_text(&row->name, app->title != NULL ? app->title : app->id);
  if (app->description != NULL)
    pino_engine_set_text(&row->description, app->description);
  if (app->icon != NULL)
    pino_engine_set_text(&row->icon, app->icon);
  put(engine, row);
  if (row->described_at != app->modified)
    pino_menus_describe(engine->menus, id);
}

void pino_application_follow(PinoEngine *engine, const char *app) {
  PinoApplication *row = find_row(engine, app);
  g_clear_pointer(&engine->apps_view, g_bytes_unref);
  if (row != NULL && g_strcmp0(row->state, state_now(engine, row)) != 0)
    put(engine, row);
}

/* Apps whose scripts it has started keep their state by it, and lose it with it. */
void pino_application_follow_run(PinoLive *live) {
  PinoEngine *engine = live->engine;
  for (guint i = 0; live->scripts != NULL && i < json_array_get_length(live->scripts); i++) {
    JsonNode *node = json_array_get_element(live->scripts, i);
    const char *path =
        JSON_NODE_HOLDS_OBJECT(node)
            ? json_object_get_string_member_with_default(json_node_get_object(node), "path", NULL)
            : NULL;
    char *app = path != NULL ? pino_application_of(engine, path) : NULL;
    if (app != NULL)
      g_hash_table_add(live->apps, app);
  }
  if (live->row->app_id != NULL)
    g_hash_table_add(live->apps, g_strdup(live->row->app_id));
  GHashTableIter iter;
  gpointer app;
  g_hash_table_iter_init(&iter, live->apps);
  while (g_hash_table_iter_next(&iter, &app, NULL))
    pino_application_follow(engine, app);
}

void pino_application_load(PinoEngine *engine) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = pino_library_applications(engine->library, &error);
  if (rows == NULL) {
    pino_engine_trouble(engine, "the library cannot be read", error);
    return;
  }
  g_ptr_array_set_free_func(rows, NULL);
  for (guint i = 0; i < rows->len; i++) {
    PinoApplication *row = rows->pdata[i];
    g_hash_table_insert(engine->applications, row->id, row);
  }
}

void pino_application_follow_all(PinoEngine *engine) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
  gboolean grouped = pino_library_begin(engine->library, &error);
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, engine->applications);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    g_ptr_array_add(known, g_strdup(key));
  for (guint i = 0; i < known->len; i++) {
    if (pino_apps_find(engine->apps, known->pdata[i]) == NULL)
      remove_row(engine, known->pdata[i]);
  }
  g_autoptr(GPtrArray) apps = pino_apps_list(engine->apps);
  for (guint i = 0; i < apps->len; i++)
    pino_application_look(engine, ((const PinoApp *)apps->pdata[i])->id);
  if (grouped)
    grouped = pino_library_commit(engine->library, &error);
  if (!grouped)
    pino_engine_trouble(engine, "the library cannot be written", error);
}

void pino_application_outdate(PinoEngine *engine, const char *app) {
  g_autoptr(GError) error = NULL;
  PinoApplication *row = app != NULL ? find_row(engine, app) : NULL;
  if (row == NULL || row->described_at == 0)
    return;
  row->described_at = 0;
  if (!pino_library_put_application(engine->library, row, &error))
    pino_engine_trouble(engine, "the library cannot be written", error);
}

gboolean pino_application_is_half(PinoEngine *engine, const char *app) {
  PinoInstallation record;
  pino_installation_read(engine->home, app, &record);
  gboolean half = record.installing;
  pino_installation_clear(&record);
  return half;
}

/* menu NULL: it could not be read; that is not tried again before the launcher changes. */
void pino_application_describe(PinoEngine *engine, const char *id, JsonObject *menu) {
  PinoApplication *row = id != NULL ? find_row(engine, id) : NULL;
  const PinoApp *app = row != NULL ? pino_apps_find(engine->apps, id) : NULL;
  if (app == NULL)
    return;
  row->described_at = app->modified;
  g_clear_pointer(&engine->apps_view, g_bytes_unref);
  if (menu != NULL) {
    const char *title = json_object_get_string_member_with_default(menu, "title", NULL);
    /* The menu of an app that runs shows other things than what there is to start or to install. */
    gboolean installed = json_object_get_boolean_member_with_default(menu, "installed", FALSE) ||
                         (row->installed && state_of_runs(engine, id) != NULL);
    if (title != NULL && *title != '\0')
      pino_engine_set_text(&row->name, title);
    if (installed && !row->installed)
      row->installed_at = pino_engine_now();
    row->installed = installed && !pino_application_is_half(engine, id);
  }
  put(engine, row);
}

char *pino_application_path(PinoEngine *engine, const char *app, GError **error) {
  return pino_apps_path(engine->apps, app, error);
}

char *pino_application_of(PinoEngine *engine, const char *path) {
  g_autofree char *api = g_build_filename(engine->home, "api/", NULL);
  if (!g_str_has_prefix(path, api))
    return NULL;
  const char *name = path + strlen(api);
  const char *slash = strchr(name, '/');
  return slash != NULL && slash > name ? g_strndup(name, (gsize)(slash - name)) : NULL;
}
