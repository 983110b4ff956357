/* Starts that no person asks for: of an app that ended by itself, and with the engine. */
#include "engine/backoff.h"
#include "engine/internal.h"
#include "engine/require.h"
#include "engine/settings.h"

typedef struct {
  PinoEngine *engine;
  PinoBackoff backoff;
  char *app, *script, *input;
  guint source;      /* 0: nothing is to come */
  gboolean unshared; /* a person has closed its address */
} Again;

void pino_restart_again_free(gpointer data) {
  Again *again = data;
  if (again->source != 0)
    g_source_remove(again->source);
  g_free(again->app);
  g_free(again->script);
  g_free(again->input);
  g_free(again);
}

static gboolean on_time(gpointer data) {
  Again *again = data;
  again->source = 0;
  PinoEngineStart start = {.app = again->app, .script = again->script, .input = again->input};
  pino_start_again(again->engine, &start, again->backoff.in_row);
  return G_SOURCE_REMOVE;
}

static gboolean policy_of(PinoLive *live, PinoRestartPolicy *policy) {
  PinoEngine *engine = live->engine;
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoLaunch) launch = pino_launch_read(engine->home, live->row->app_id, NULL);
  const char *text = launch != NULL && launch->restart != NULL
                         ? launch->restart
                         : pino_setting_text(engine->library, "restart.policy");
  if (pino_restart_policy_parse(text, policy, &error))
    return TRUE;
  pino_engine_trouble(engine, "PINOKIO_RESTART", error);
  return FALSE;
}

static Again *again_of(PinoLive *live) {
  GHashTable *all = live->engine->again;
  Again *again = g_hash_table_lookup(all, live->row->script);
  if (again != NULL)
    return again;
  again = g_new0(Again, 1);
  again->engine = live->engine;
  again->app = g_strdup(live->row->app_id);
  again->script = g_strdup(live->row->script);
  again->input = g_strdup(live->row->input);
  g_hash_table_insert(all, again->script, again);
  return again;
}

gboolean pino_restart_is_coming(PinoEngine *engine, const char *script) {
  const Again *again = g_hash_table_lookup(engine->again, script);
  return again != NULL && again->source != 0;
}

gboolean pino_restart_is_unshared(PinoEngine *engine, const char *script) {
  const Again *again = g_hash_table_lookup(engine->again, script);
  return again != NULL && again->unshared;
}

void pino_restart_unshare(PinoEngine *engine, const char *script) {
  Again *again = g_hash_table_lookup(engine->again, script);
  if (again != NULL)
    again->unshared = TRUE;
}

/* Only what is started to stay; an install that failed would fail again. */
void pino_restart_consider(PinoLive *live) {
  PinoRestartPolicy policy;
  if (live->stop_wanted || live->row->app_id == NULL || g_strcmp0(live->row->kind, "start") != 0 ||
      live->state == PINO_LIVE_INTERRUPTED || !policy_of(live, &policy))
    return;
  PinoRunEnd end = {
      .stopped = live->state == PINO_LIVE_STOPPED,
      .failed = live->state == PINO_LIVE_ERROR,
      .ran_ms = live->row->ended_at - live->row->started_at,
  };
  Again *again = again_of(live);
  gboolean gave_up = FALSE;
  gint64 wait = pino_backoff_next(&again->backoff, policy, &end, &gave_up);
  if (gave_up)
    pino_live_note(live, "{\"type\":\"restart\",\"gave_up\":true}");
  again->unshared = wait >= 0 && (again->unshared || live->unshared);
  if (wait < 0 || again->source != 0)
    return;
  g_autofree char *line = g_strdup_printf("{\"type\":\"restart\",\"after_ms\":%" G_GINT64_FORMAT "}", wait);
  pino_live_note(live, line);
  again->source = g_timeout_add((guint)wait, on_time, again);
}

void pino_restart_forget(PinoEngine *engine, const char *script) {
  g_hash_table_remove(engine->again, script);
  pino_tunnels_settle(engine, script);
}

static gboolean is_of_app(gpointer key, gpointer value, gpointer app) {
  return app == NULL || g_strcmp0(((Again *)value)->app, app) == 0;
}

void pino_restart_forget_app(PinoEngine *engine, const char *app) {
  g_hash_table_foreach_remove(engine->again, is_of_app, (gpointer)app);
  pino_tunnels_settle(engine, NULL);
}

/* --- with the engine ------------------------------------------------------------------------------------------- */

void pino_autolaunch(PinoEngine *engine) {
  g_autoptr(GPtrArray) apps = pino_apps_list(engine->apps);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_autoptr(GPtrArray) troubles = NULL;
  for (guint i = 0; i < apps->len; i++)
    g_ptr_array_add(names, ((const PinoApp *)apps->pdata[i])->id);
  g_ptr_array_add(names, NULL);
  g_autoptr(GPtrArray) list =
      pino_autolaunch_list(engine->home, (const char *const *)names->pdata, &troubles);
  for (guint i = 0; troubles != NULL && i < troubles->len; i++)
    pino_engine_trouble(engine, "autolaunch", troubles->pdata[i]);
  for (guint i = 0; list != NULL && i < list->len; i++) {
    const PinoLaunch *launch = list->pdata[i];
    PinoEngineStart start = {.app = launch->app, .script = launch->script};
    pino_start_again(engine, &start, 0);
  }
}
