#include "engine/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/json.h"
#include "control/protocol.h"
#include "engine/internal.h"
#include "engine/settings.h"

#define CHECKPOINT_S 15

typedef struct {
  guint id;
  PinoEngineWatch watch;
  gpointer data;
} Watch;

gint64 pino_engine_now(void) {
  return g_get_real_time() / 1000;
}

void pino_engine_set_text(char **place, const char *text) {
  if (g_strcmp0(*place, text) == 0)
    return;
  g_free(*place);
  *place = g_strdup(text);
}

const char *pino_engine_home(PinoEngine *engine) {
  return engine->home;
}

const char *pino_engine_run_dir(PinoEngine *engine) {
  return engine->run_dir;
}

int pino_engine_setting(PinoEngine *engine, const char *key) {
  return pino_setting_int(engine->library, key);
}

/* --- watching -------------------------------------------------------------------------------------------------- */

guint pino_engine_watch(PinoEngine *engine, PinoEngineWatch watch, gpointer data) {
  Watch *entry = g_new0(Watch, 1);
  *entry = (Watch){.id = ++engine->next_watch, .watch = watch, .data = data};
  g_ptr_array_add(engine->watches, entry);
  return entry->id;
}

void pino_engine_unwatch(PinoEngine *engine, guint id) {
  for (guint i = 0; i < engine->watches->len; i++) {
    Watch *entry = engine->watches->pdata[i];
    if (entry->id != id)
      continue;
    g_ptr_array_remove_index(engine->watches, i);
    return;
  }
}

static Watch *watch_by_id(PinoEngine *engine, guint id) {
  for (guint i = 0; i < engine->watches->len; i++) {
    Watch *entry = engine->watches->pdata[i];
    if (entry->id == id)
      return entry;
  }
  return NULL;
}

/* A watcher may take itself or others away meanwhile. */
static void tell_all(PinoEngine *engine, const char *event) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint));
  gsize length = strlen(event);
  for (guint i = 0; i < engine->watches->len; i++)
    g_array_append_val(ids, ((Watch *)engine->watches->pdata[i])->id);
  for (guint i = 0; i < ids->len; i++) {
    Watch *entry = watch_by_id(engine, g_array_index(ids, guint, i));
    if (entry != NULL)
      entry->watch(event, length, entry->data);
  }
}

static gboolean on_news(gpointer data) {
  PinoEngine *engine = data;
  engine->news_source = 0;
  char *event;
  while ((event = g_queue_pop_head(engine->news)) != NULL) {
    tell_all(engine, event);
    g_free(event);
  }
  return G_SOURCE_REMOVE;
}

void pino_engine_tell(PinoEngine *engine, char *json) {
  if (engine->watches->len == 0 || engine->closing) {
    g_free(json);
    return;
  }
  g_queue_push_tail(engine->news, json);
  if (engine->news_source == 0)
    engine->news_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_news, engine, NULL);
}

void pino_engine_trouble(PinoEngine *engine, const char *about, const GError *error) {
  enum { MOST = 100 };
  g_autofree char *text = error != NULL ? g_strdup_printf("%s: %s", about, error->message) : g_strdup(about);
  if (g_hash_table_contains(engine->troubles, text))
    return;
  g_message("%s", text);
  if (g_hash_table_size(engine->troubles) < MOST)
    g_hash_table_add(engine->troubles, g_strdup(text));
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "trouble");
  pino_json_append_member(event, "message", text);
  g_string_append_c(event, '}');
  pino_engine_tell(engine, g_string_free(event, FALSE));
}

/* --- health ---------------------------------------------------------------------------------------------------- */

static void on_health(PinoHealth *health, guint id, PinoHealthState state, gpointer data) {
  PinoLive *live = data;
  live->up = state;
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "run");
  pino_json_append_member(event, "run", live->row->id);
  pino_json_append_member(event, "app", live->row->app_id);
  pino_json_append_member(event, "state", live->row->state);
  pino_json_append_member(event, "health", pino_health_state_name(state));
  g_string_append_c(event, '}');
  pino_engine_tell(live->engine, g_string_free(event, FALSE));
}

void pino_health_follow(PinoLive *live) {
  g_autofree char *url = pino_live_local_url(live);
  const char *asked = url != NULL ? url : live->row->url;
  if (live->state != PINO_LIVE_READY || asked == NULL || !g_str_has_prefix(asked, "http") ||
      (live->health_id != 0 && g_strcmp0(live->health_url, asked) == 0))
    return;
  if (live->health_id != 0)
    pino_health_remove(live->engine->health, live->health_id);
  g_free(live->health_url);
  live->health_url = g_strdup(asked);
  live->up = PINO_HEALTH_UNKNOWN;
  live->health_id = pino_health_add(live->engine->health, live->health_url, on_health, live);
}

/* --- what goes on by the clock --------------------------------------------------------------------------------- */

/* The engine alone writes the journal of a run that it keeps, so its end and the offsets in memory belong together. */
static void checkpoint(PinoLive *live) {
  struct stat st;
  pino_live_keep_ports(live); /* of a runner that was no child of this engine and has gone */
  if (live->journal == NULL || live->channel != NULL || stat(live->row->journal, &st) != 0 ||
      (guint64)st.st_size == live->checkpoint)
    return;
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->running)
      pino_live_shell_changed(shell);
  }
  live->checkpoint = (guint64)st.st_size;
  pino_live_changed(live, TRUE);
}

static void prune(PinoEngine *engine) {
  g_autoptr(GError) error = NULL;
  engine->ended = FALSE;
  if (!pino_library_prune_runs(engine->library, (guint)pino_engine_setting(engine, "runs.keep"), &error))
    pino_engine_trouble(engine, "old runs cannot be forgotten", error);
}

static gboolean on_checkpoint(gpointer data) {
  PinoEngine *engine = data;
  g_autoptr(GError) error = NULL;
  GHashTableIter iter;
  gpointer value;
  if (engine->ended)
    prune(engine);
  if (g_hash_table_size(engine->lives) == 0)
    return G_SOURCE_CONTINUE;
  gboolean grouped = pino_library_begin(engine->library, &error);
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    checkpoint(value);
  if (grouped)
    grouped = pino_library_commit(engine->library, &error);
  if (!grouped)
    pino_engine_trouble(engine, "the library cannot be written", error);
  return G_SOURCE_CONTINUE;
}

/* --- apps ------------------------------------------------------------------------------------------------------ */

static void on_app_changed(PinoApps *apps, PinoAppsChange change, const char *id, gpointer data) {
  PinoEngine *engine = data;
  if (!engine->closing)
    pino_application_look(engine, id);
}

static void on_app_trouble(const char *about, const GError *error, gpointer data) {
  pino_engine_trouble(data, about, error);
}

static gboolean on_autolaunch(gpointer data) {
  PinoEngine *engine = data;
  engine->autolaunch_source = 0;
  pino_autolaunch(engine);
  return G_SOURCE_REMOVE;
}

/* --- open and close -------------------------------------------------------------------------------------------- */

/* A program beside this one, or where `make install` puts it. */
static char *program_of(const char *given, const char *variable, const char *name) {
  const char *named = given != NULL ? given : g_getenv(variable);
  if (named != NULL)
    return g_strdup(named);
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : g_strdup(".");
  char *beside = g_build_filename(folder, name, NULL);
  if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
    return beside;
  g_free(beside);
  return g_build_filename(folder, "..", "libexec", "pinokiocloud", name, NULL);
}

static PinoEngine *make(const PinoEngineOptions *options) {
  PinoEngine *engine = g_rc_box_new0(PinoEngine);
  engine->home = g_strdup(options->home);
  engine->run_dir =
      options->run_dir != NULL ? g_strdup(options->run_dir) : g_build_filename(options->home, "run", NULL);
  engine->shells_dir = g_build_filename(engine->run_dir, PINO_CONTROL_SHELLS, NULL);
  engine->runner = program_of(options->runner, "PINOKIOCLOUD_RUNNER", "pinokiocloud-runner");
  engine->keeper = g_strdup(options->keeper);
  engine->gate = program_of(NULL, "PINOKIOCLOUD_GATE", "pinokiocloud-gate");
  engine->started = pino_engine_now();
  engine->control = -1;
  engine->lives = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pino_live_free);
  engine->applications =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)pino_application_free);
  engine->outcomes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, pino_outcome_note_free);
  engine->dirty = g_hash_table_new(NULL, NULL);
  engine->watches = g_ptr_array_new_with_free_func(g_free);
  engine->news = g_queue_new();
  engine->troubles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  engine->again = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pino_restart_again_free);
  engine->catalog = pino_catalog_new(engine->home);
  engine->menus = pino_menus_new(engine);
  engine->meter = pino_meter_new(engine);
  engine->idler = pino_idler_new(engine);
  return engine;
}

static gboolean open_all(PinoEngine *engine, GError **error) {
  const PinoAppsEvents events = {.changed = on_app_changed, .trouble = on_app_trouble};
  engine->lock = pino_lock_take(engine->run_dir, engine->home, error);
  if (engine->lock == NULL)
    return FALSE;
  if (g_mkdir_with_parents(engine->shells_dir, 0700) != 0) {
    pino_error_set_errno(error, errno, "mkdir", engine->shells_dir);
    return FALSE;
  }
  pino_engine_persist_open(engine);
  engine->apps = pino_apps_new(engine->home, &events, engine);
  engine->health = pino_health_new(10);
  if (!pino_recover_open(engine, error) || !pino_control_open(engine, error))
    return FALSE;
  pino_health_set_interval(engine->health, (guint)pino_engine_setting(engine, "health.interval_s"));
  pino_tunnels_new(engine);
  pino_application_follow_all(engine);
  pino_idler_set(engine->idler);
  prune(engine);
  engine->checkpoint_source = g_timeout_add_seconds(CHECKPOINT_S, on_checkpoint, engine);
  return TRUE;
}

PinoEngine *pino_engine_open(const PinoEngineOptions *options, GError **error) {
  PinoEngine *engine = make(options);
  if (!open_all(engine, error)) {
    pino_engine_free(engine);
    return NULL;
  }
  if (!options->no_autolaunch)
    engine->autolaunch_source = g_idle_add(on_autolaunch, engine);
  return engine;
}

PinoEngine *pino_engine_hold(PinoEngine *engine) {
  return g_rc_box_acquire(engine);
}

static void engine_clear(gpointer data) {
  PinoEngine *engine = data;
  g_free(engine->home);
  g_free(engine->run_dir);
  g_free(engine->shells_dir);
  g_free(engine->runner);
  g_free(engine->keeper);
  g_free(engine->gate);
}

void pino_engine_drop(PinoEngine *engine) {
  g_rc_box_release_full(engine, engine_clear);
}

static void remove_source(guint *id) {
  if (*id != 0)
    g_source_remove(*id);
  *id = 0;
}

void pino_engine_free(PinoEngine *engine) {
  if (engine == NULL)
    return;
  if (engine->library != NULL) {
    on_checkpoint(engine);
    pino_live_flush(engine);
  }
  engine->closing = TRUE;
  remove_source(&engine->flush_source);
  remove_source(&engine->checkpoint_source);
  remove_source(&engine->awaited_source);
  remove_source(&engine->autolaunch_source);
  remove_source(&engine->news_source);
  g_clear_pointer(&engine->tunnels, pino_tunnels_free);
  g_clear_pointer(&engine->idler, pino_idler_free);
  g_clear_pointer(&engine->menus, pino_menus_free);
  pino_stop_give_up(engine);
  g_hash_table_remove_all(engine->lives); /* they look for themselves in it */
  pino_control_close(engine);
  g_clear_pointer(&engine->lives, g_hash_table_unref);
  g_clear_pointer(&engine->lines, g_ptr_array_unref);
  g_clear_pointer(&engine->again, g_hash_table_unref);
  g_clear_pointer(&engine->catalog, pino_catalog_free);
  g_clear_pointer(&engine->health, pino_health_free);
  g_clear_pointer(&engine->watcher, pino_watcher_free);
  g_clear_pointer(&engine->meter, pino_meter_free);
  g_clear_pointer(&engine->apps, pino_apps_free);
  g_clear_pointer(&engine->applications, g_hash_table_unref);
  pino_engine_persist_close(engine);
  g_clear_pointer(&engine->library, pino_library_free);
  g_clear_pointer(&engine->outcomes, g_hash_table_unref);
  g_clear_pointer(&engine->dirty, g_hash_table_unref);
  g_clear_pointer(&engine->watches, g_ptr_array_unref);
  g_queue_free_full(engine->news, g_free);
  g_clear_pointer(&engine->troubles, g_hash_table_unref);
  g_clear_pointer(&engine->apps_view, g_bytes_unref);
  g_clear_pointer(&engine->lock, pino_lock_free);
  pino_engine_drop(engine);
}

/* --- shells and settings --------------------------------------------------------------------------------------- */

static PinoKeeper *line_to(PinoEngine *engine, const char *id, GError **error) {
  PinoLiveShell *shell = pino_live_shell_find(engine, id);
  if (shell == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no shell '%s' that runs", id);
    return NULL;
  }
  if (shell->running)
    return pino_adopt_line(shell, error);
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the shell '%s' has ended", id);
  return NULL;
}

gboolean pino_engine_shell_write(PinoEngine *engine, const char *shell, const void *bytes, gsize length,
                                 GError **error) {
  PinoKeeper *keeper = line_to(engine, shell, error);
  return keeper != NULL && pino_keeper_write(keeper, bytes, length, error);
}

gboolean pino_engine_shell_resize(PinoEngine *engine, const char *shell, guint cols, guint rows,
                                  GError **error) {
  PinoKeeper *keeper = line_to(engine, shell, error);
  if (keeper == NULL)
    return FALSE;
  pino_keeper_resize(keeper, cols, rows);
  return TRUE;
}

gboolean pino_engine_shell_stop(PinoEngine *engine, const char *shell, GError **error) {
  PinoKeeper *keeper = line_to(engine, shell, error);
  if (keeper == NULL)
    return FALSE;
  pino_keeper_stop(keeper, (guint)pino_engine_setting(engine, "stop.grace_ms"));
  return TRUE;
}

gboolean pino_engine_set(PinoEngine *engine, const char *key, const char *value, GError **error) {
  if (value != NULL && !pino_setting_check(key, value, error))
    return FALSE;
  if (!pino_library_set_setting(engine->library, key, value, error))
    return FALSE;
  pino_health_set_interval(engine->health, (guint)pino_engine_setting(engine, "health.interval_s"));
  if (g_str_has_prefix(key, "idle."))
    pino_idler_set(engine->idler);
  if (g_str_has_prefix(key, "tunnel."))
    pino_tunnels_set(engine->tunnels);
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "setting");
  pino_json_append_member(event, "key", key);
  g_string_append_c(event, '}');
  pino_engine_tell(engine, g_string_free(event, FALSE));
  return TRUE;
}
