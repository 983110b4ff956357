/* What is shown of it all, as JSON. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "config.h"
#include "engine/internal.h"
#include "engine/settings.h"

static GBytes *to_bytes(GString *text) {
  return g_string_free_to_bytes(text);
}

static void add_number(GString *out, const char *name, gint64 value) {
  g_string_append_printf(out, ",\"%s\":%" G_GINT64_FORMAT, name, value);
}

static void add_flag(GString *out, const char *name, gboolean value) {
  g_string_append_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void separate(GString *out, char opening) {
  if (out->str[out->len - 1] != opening)
    g_string_append_c(out, ',');
}

/* --- status ---------------------------------------------------------------------------------------------------- */

GBytes *pino_engine_status(PinoEngine *engine) {
  GString *out = g_string_new("{");
  GHashTableIter iter;
  gpointer key, value;
  guint live = 0;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    live += pino_live_is_over(value) ? 0 : 1;
  pino_json_append_member(out, "version", PINO_VERSION);
  add_number(out, "pid", getpid());
  pino_json_append_member(out, "home", engine->home);
  pino_json_append_member(out, "run_dir", engine->run_dir);
  add_number(out, "started", engine->started);
  add_number(out, "now", pino_engine_now());
  add_number(out, "apps", g_hash_table_size(engine->applications));
  add_number(out, "runs", live);
  g_string_append(out, ",\"troubles\":[");
  g_hash_table_iter_init(&iter, engine->troubles);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    separate(out, '[');
    pino_json_append_string(out, key, strlen(key));
  }
  g_string_append(out, "]}");
  return to_bytes(out);
}

/* --- apps ------------------------------------------------------------------------------------------------------ */

static const PinoLive *showing_run(PinoEngine *engine, const char *app) {
  GHashTableIter iter;
  gpointer value;
  const PinoLive *best = NULL;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoLive *live = value;
    if (g_strcmp0(live->row->app_id, app) != 0)
      continue;
    gboolean better = best == NULL || (live->state == PINO_LIVE_READY && best->state != PINO_LIVE_READY) ||
                      (live->state == best->state && strcmp(live->row->id, best->row->id) > 0);
    best = better ? live : best;
  }
  return best;
}

static void append_app(GString *out, PinoEngine *engine, const PinoApplication *app) {
  const PinoLive *live = showing_run(engine, app->id);
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", app->id);
  pino_json_append_nullable(out, "name", app->name);
  pino_json_append_member(out, "state", app->state);
  add_flag(out, "installed", app->installed);
  pino_json_append_nullable(out, "run", live != NULL ? live->row->id : NULL);
  pino_json_append_nullable(out, "url",
                            live != NULL && live->state == PINO_LIVE_READY ? live->row->url : NULL);
  g_autofree char *public_url = pino_share_of_app(engine, app->id, live);
  pino_json_append_nullable(out, "public_url", public_url);
  pino_share_append_addresses(engine, live, out);
  pino_json_append_nullable(out, "description", app->description);
  pino_json_append_nullable(out, "icon", app->icon);
  pino_json_append_nullable(out, "path", app->install_path);
  pino_json_append_nullable(out, "repository_url", app->repository_url);
  pino_json_append_nullable(out, "version", app->version);
  add_number(out, "installed_at", app->installed_at);
  add_number(out, "updated_at", app->updated_at);
  g_string_append_c(out, '}');
}

static int by_id(gconstpointer a, gconstpointer b) {
  return strcmp((*(PinoApplication *const *)a)->id, (*(PinoApplication *const *)b)->id);
}

GBytes *pino_engine_apps(PinoEngine *engine) {
  if (engine->apps_view != NULL)
    return g_bytes_ref(engine->apps_view);
  g_autoptr(GPtrArray) apps = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->applications);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    g_ptr_array_add(apps, value);
  g_ptr_array_sort(apps, by_id);
  GString *out = g_string_new("[");
  for (guint i = 0; i < apps->len; i++) {
    separate(out, '[');
    append_app(out, engine, apps->pdata[i]);
  }
  g_string_append_c(out, ']');
  engine->apps_view = to_bytes(out);
  return g_bytes_ref(engine->apps_view);
}

/* --- runs ------------------------------------------------------------------------------------------------------ */

static void append_shell(GString *out, const PinoLiveShell *shell) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", shell->id);
  pino_json_append_member(out, "run", shell->live->row->id);
  pino_json_append_nullable(out, "app", shell->live->row->app_id);
  pino_json_append_nullable(out, "script", shell->script);
  pino_json_append_nullable(out, "command", shell->command);
  pino_json_append_nullable(out, "log", shell->log);
  add_number(out, "step", shell->index);
  add_number(out, "pid", shell->pid);
  add_number(out, "started_at", shell->started);
  add_number(out, "ended_at", shell->ended);
  add_flag(out, "running", shell->running);
  add_flag(out, "lost", shell->lost);
  add_number(out, "exit_code", shell->exit_code);
  g_string_append_c(out, '}');
}

static void append_shell_row(GString *out, const PinoProcessRow *row) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", row->id);
  pino_json_append_member(out, "run", row->run_id);
  pino_json_append_nullable(out, "app", row->app_id);
  pino_json_append_nullable(out, "script", row->script);
  pino_json_append_nullable(out, "command", row->command);
  pino_json_append_nullable(out, "log", row->log_file_path);
  add_number(out, "step", row->step);
  add_number(out, "pid", row->pid);
  add_number(out, "started_at", row->start_time);
  add_number(out, "ended_at", row->end_time);
  add_flag(out, "running", g_strcmp0(row->status, "running") == 0);
  add_flag(out, "lost", g_strcmp0(row->status, "lost") == 0);
  add_number(out, "exit_code", row->exit_code);
  g_string_append_c(out, '}');
}

static void append_row(GString *out, const PinoRunRow *row) {
  pino_json_append_member(out, "id", row->id);
  pino_json_append_nullable(out, "app", row->app_id);
  pino_json_append_member(out, "script", row->script);
  pino_json_append_member(out, "kind", row->kind);
  g_autofree char *operation = row->operation != NULL ? pino_operate_shown(row->operation) : NULL;
  g_string_append_printf(out, ",\"operation\":%s", operation != NULL ? operation : "null");
  pino_json_append_member(out, "state", row->state);
  add_number(out, "step", row->step);
  add_number(out, "total", row->total);
  pino_json_append_nullable(out, "error", row->error);
  pino_json_append_nullable(out, "url", row->url);
  add_number(out, "restarts", row->restarts);
  add_number(out, "started_at", row->started_at);
  add_number(out, "ready_at", row->ready_at);
  add_number(out, "ended_at", row->ended_at);
}

/* What is in memory is newer than the row, by a tenth of a second. */
static void append_run(GString *out, PinoEngine *engine, const PinoRunRow *row) {
  const PinoLive *live = pino_live_find(engine, row->id);
  g_string_append_c(out, '{');
  append_row(out, live != NULL ? live->row : row);
  add_flag(out, "live", live != NULL && !pino_live_is_over(live));
  pino_json_append_nullable(out, "health",
                            live != NULL && live->health_id != 0 ? pino_health_state_name(live->up) : NULL);
  add_number(out, "questions", live != NULL ? live->questions->len : 0);
  g_string_append_c(out, '}');
}

GBytes *pino_engine_runs(PinoEngine *engine, const char *app, guint limit, GError **error) {
  g_autoptr(GPtrArray) rows = pino_library_runs(engine->library, app, FALSE, limit > 0 ? limit : 100, error);
  if (rows == NULL)
    return NULL;
  GString *out = g_string_new("[");
  for (guint i = 0; i < rows->len; i++) {
    separate(out, '[');
    append_run(out, engine, rows->pdata[i]);
  }
  g_string_append_c(out, ']');
  return to_bytes(out);
}

static void append_questions(GString *out, const PinoLive *live) {
  g_string_append(out, ",\"questions\":[");
  for (guint i = 0; live != NULL && i < live->questions->len; i++) {
    const PinoQuestion *question = live->questions->pdata[i];
    separate(out, '[');
    g_string_append_c(out, '{');
    pino_json_append_member(out, "id", question->id);
    pino_json_append_nullable(out, "script", question->script);
    g_string_append_printf(out, ",\"request\":%s}", question->request);
  }
  g_string_append_c(out, ']');
}

static gboolean append_run_shells(GString *out, PinoEngine *engine, const PinoLive *live, const char *run,
                                  GError **error) {
  g_string_append(out, ",\"shells\":[");
  g_autoptr(GPtrArray) rows = live == NULL ? pino_library_processes(engine->library, run, error) : NULL;
  if (live == NULL && rows == NULL)
    return FALSE;
  for (guint i = 0; i < (live != NULL ? live->shells->len : rows->len); i++) {
    separate(out, '[');
    if (live != NULL)
      append_shell(out, live->shells->pdata[i]);
    else
      append_shell_row(out, rows->pdata[i]);
  }
  g_string_append_c(out, ']');
  return TRUE;
}

GBytes *pino_engine_run(PinoEngine *engine, const char *run, GError **error) {
  const PinoLive *live = pino_live_find(engine, run);
  g_autoptr(PinoRunRow) kept = live == NULL ? pino_library_run(engine->library, run, error) : NULL;
  const PinoRunRow *row = live != NULL ? live->row : kept;
  if (row == NULL)
    return NULL;
  g_autoptr(GString) out = g_string_new("{");
  append_row(out, row);
  add_flag(out, "live", live != NULL && !pino_live_is_over(live));
  pino_json_append_nullable(out, "health",
                            live != NULL && live->health_id != 0 ? pino_health_state_name(live->up) : NULL);
  pino_json_append_nullable(out, "method", live != NULL ? live->method : NULL);
  pino_json_append_nullable(out, "journal", row->journal);
  g_string_append_printf(out, ",\"scripts\":%s", row->scripts != NULL ? row->scripts : "[]");
  append_questions(out, live);
  if (!append_run_shells(out, engine, live, run, error))
    return NULL;
  g_string_append_c(out, '}');
  return to_bytes(g_steal_pointer(&out));
}

static void append_app_runs(GString *out, PinoEngine *engine, const char *app) {
  g_autoptr(GPtrArray) rows = pino_library_runs(engine->library, app, FALSE, 10, NULL);
  g_string_append(out, ",\"runs\":[");
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    separate(out, '[');
    append_run(out, engine, rows->pdata[i]);
  }
  g_string_append_c(out, ']');
}

GBytes *pino_engine_app(PinoEngine *engine, const char *app, GError **error) {
  const PinoApplication *row = g_hash_table_lookup(engine->applications, app);
  if (row == NULL) {
    g_autofree char *path = pino_application_path(engine, app, error);
    if (path != NULL)
      g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "%s is no app: it has no pinokio.js and no script",
                  path);
    return NULL;
  }
  GString *out = g_string_new(NULL);
  append_app(out, engine, row);
  g_string_truncate(out, out->len - 1);
  append_app_runs(out, engine, app);
  g_string_append_c(out, '}');
  return to_bytes(out);
}

/* --- shells ---------------------------------------------------------------------------------------------------- */

GBytes *pino_engine_shells(PinoEngine *engine) {
  GString *out = g_string_new("[");
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoLive *live = value;
    for (guint i = 0; i < live->shells->len; i++) {
      const PinoLiveShell *shell = live->shells->pdata[i];
      if (!shell->running)
        continue;
      separate(out, '[');
      append_shell(out, shell);
    }
  }
  g_string_append_c(out, ']');
  return to_bytes(out);
}

/* A shell that has ended, of a run that the library still knows. */
static PinoProcessRow *shell_row(PinoEngine *engine, const char *id, GError **error) {
  const char *dot = strrchr(id, '.');
  g_autofree char *run = dot != NULL ? g_strndup(id, (gsize)(dot - id)) : NULL;
  g_autoptr(GPtrArray) rows = run != NULL ? pino_library_processes(engine->library, run, NULL) : NULL;
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    PinoProcessRow *row = rows->pdata[i];
    if (!g_str_equal(row->id, id))
      continue;
    g_ptr_array_set_free_func(rows, NULL);
    for (guint j = 0; j < rows->len; j++) {
      if (j != i)
        pino_process_row_free(rows->pdata[j]);
    }
    return row;
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no shell '%s'", id);
  return NULL;
}

GBytes *pino_engine_shell(PinoEngine *engine, const char *id, GError **error) {
  const PinoLiveShell *shell = pino_live_shell_find(engine, id);
  g_autoptr(PinoProcessRow) row = shell == NULL ? shell_row(engine, id, error) : NULL;
  if (shell == NULL && row == NULL)
    return NULL;
  GString *out = g_string_new(NULL);
  if (shell != NULL)
    append_shell(out, shell);
  else
    append_shell_row(out, row);
  return to_bytes(out);
}

char *pino_engine_shell_log(PinoEngine *engine, const char *id, GError **error) {
  const PinoLiveShell *shell = pino_live_shell_find(engine, id);
  g_autoptr(PinoProcessRow) row = shell == NULL ? shell_row(engine, id, error) : NULL;
  const char *log = shell != NULL ? shell->log : row != NULL ? row->log_file_path : NULL;
  if (log == NULL && (shell != NULL || row != NULL))
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the log of the shell '%s' is not known", id);
  return g_strdup(log);
}

char *pino_engine_journal(PinoEngine *engine, const char *run, GError **error) {
  const PinoLive *live = pino_live_find(engine, run);
  if (live != NULL)
    return g_strdup(live->row->journal);
  g_autoptr(PinoRunRow) row = pino_library_run(engine->library, run, error);
  return row != NULL ? g_strdup(row->journal) : NULL;
}

gboolean pino_engine_run_is_live(PinoEngine *engine, const char *run) {
  const PinoLive *live = pino_live_find(engine, run);
  return live != NULL && !pino_live_is_over(live);
}

/* --- the rest -------------------------------------------------------------------------------------------------- */

GBytes *pino_engine_settings(PinoEngine *engine, GError **error) {
  char *json = pino_settings_json(engine->library, error);
  return json != NULL ? g_bytes_new_take(json, strlen(json)) : NULL;
}
