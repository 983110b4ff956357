/* Taking up what an earlier engine left: runs whose runners live, shells whose keepers live; and the library anew from
 * what lies on the disk when it was lost. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

static void load_shells(PinoLive *live) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = pino_library_processes(live->engine->library, live->row->id, &error);
  if (rows == NULL)
    pino_engine_trouble(live->engine, "the library cannot be read", error);
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const PinoProcessRow *row = rows->pdata[i];
    PinoLiveShell *shell = pino_live_add_shell(live, row->id);
    shell->script = g_strdup(row->script);
    shell->log = g_strdup(row->log_file_path);
    shell->command = g_strdup(row->command);
    shell->index = row->step;
    shell->pid = row->pid;
    shell->started = row->start_time;
    shell->ended = row->end_time;
    shell->offset = (guint64)row->log_offset;
    shell->running = g_strcmp0(row->status, "running") == 0;
    shell->exit_code = row->exit_code;
  }
}

/* A run that still waited for others has nothing to be taken up; one that was being stopped is stopped on. */
static void take_up(PinoEngine *engine, PinoRunRow *row, GHashTable *alive) {
  PinoLive *live = pino_live_new(engine, row);
  load_shells(live);
  live->stop_wanted = live->state == PINO_LIVE_STOPPING;
  live->pid = GPOINTER_TO_INT(g_hash_table_lookup(alive, row->id));
  if (live->pid != 0) {
    live->awaited = live->begun = TRUE;
    if (live->stop_wanted)
      pino_stop_watch(live);
  } else if (live->state == PINO_LIVE_WAITING) {
    pino_live_end(live, PINO_LIVE_INTERRUPTED, "interrupted while it waited for the apps that it requires");
  } else {
    pino_adopt(live);
  }
}

static gboolean on_awaited_late(gpointer data) {
  PinoEngine *engine = data;
  g_autoptr(GHashTable) alive = pino_runner_alive();
  g_autoptr(GPtrArray) lost = g_ptr_array_new_with_free_func(g_free);
  gboolean more = FALSE;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoLive *live = value;
    gboolean lives = g_hash_table_contains(alive, live->row->id);
    more = more || (live->awaited && lives);
    if (live->awaited && !lives)
      g_ptr_array_add(lost, g_strdup(live->row->id));
  }
  for (guint i = 0; i < lost->len; i++) {
    PinoLive *live = pino_live_find(engine, lost->pdata[i]);
    if (live == NULL || !live->awaited)
      continue;
    live->awaited = live->begun = FALSE;
    if (!live->is_child)
      live->pid = 0;
    pino_adopt(live);
  }
  if (!more)
    engine->awaited_source = 0;
  return more;
}

/* --- from the disk --------------------------------------------------------------------------------------------- */

typedef struct {
  PinoEngine *engine;
  GHashTable *alive;   /* run ids with a runner */
  GHashTable *sockets; /* run ids with a keeper */
  GPtrArray *journals; /* paths */
  gboolean all;        /* the library knows of none */
  guint taken;
} Search;

typedef struct {
  char *script;
  char *error;
  char *local; /* JSON, of the main script when it was ready */
  gint64 time;
  int step;
  PinoLiveState state;
  gboolean ended;
} Found;

static gboolean on_line(const char *line, gsize length, gpointer data) {
  Found *found = data;
  if (g_str_has_prefix(line, "{\"type\":\"stream\"") || g_str_has_prefix(line, "{\"type\":\"result\""))
    return TRUE;
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!json_parser_load_from_data(parser, line, (gssize)length, NULL) ||
      !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
    return TRUE;
  JsonObject *event = json_node_get_object(json_parser_get_root(parser));
  const char *type = json_object_get_string_member_with_default(event, "type", "");
  gboolean main_script = !json_object_has_member(event, "script");
  if (g_str_equal(type, "run")) {
    g_free(found->script);
    found->script = g_strdup(json_object_get_string_member_with_default(event, "script", NULL));
    found->time = json_object_get_int_member_with_default(event, "time", 0);
  } else if (g_str_equal(type, "step") && main_script) {
    found->step = (int)json_object_get_int_member_with_default(event, "index", -1);
  } else if (g_str_equal(type, "ready") &&
             (main_script || g_strcmp0(json_object_get_string_member_with_default(event, "script", NULL),
                                       found->script) == 0)) {
    JsonNode *local = json_object_get_member(event, "local");
    found->state = PINO_LIVE_READY;
    g_free(found->local);
    found->local = local != NULL ? json_to_string(local, FALSE) : NULL;
  } else if (g_str_equal(type, "error") && main_script) {
    g_free(found->error);
    found->error = g_strdup(json_object_get_string_member_with_default(event, "message", NULL));
  } else if (g_str_equal(type, "end") && main_script) {
    const char *outcome = json_object_get_string_member_with_default(event, "outcome", "");
    found->ended = !g_str_equal(outcome, "daemon");
    if (found->ended)
      found->state = g_str_equal(outcome, "stopped")     ? PINO_LIVE_FINISHED
                     : g_str_equal(outcome, "cancelled") ? PINO_LIVE_STOPPED
                     : g_str_equal(outcome, "error")     ? PINO_LIVE_ERROR
                                                         : PINO_LIVE_INTERRUPTED;
  }
  return TRUE;
}

/* "ID" of ".../run-ID.journal"; NULL for another file. Free with g_free(). */
static char *id_of_journal(const char *path) {
  const char *name = strrchr(path, '/') + 1;
  gsize length = strlen(name), frame = strlen("run-") + strlen(".journal");
  if (length <= frame || !g_str_has_prefix(name, "run-") || !g_str_has_suffix(name, ".journal"))
    return NULL;
  return g_strndup(name + strlen("run-"), length - frame);
}

static void write_live(PinoLive *live) {
  pino_live_changed(live, TRUE);
  for (guint i = 0; i < live->shells->len; i++)
    pino_live_shell_changed(live->shells->pdata[i]);
}

/* The main script's memory, as its runner told it when it was ready. */
static char *scripts_of(const char *script, const char *local) {
  g_autoptr(GString) json = g_string_new("[{");
  pino_json_append_member(json, "path", script);
  g_string_append_printf(json, ",\"main\":true,\"ready\":true,\"local\":%s,\"global\":{}}]", local);
  return g_string_free(g_steal_pointer(&json), FALSE);
}

static void take_journal(Search *search, const char *path) {
  PinoEngine *engine = search->engine;
  g_autofree char *id = id_of_journal(path);
  Found found = {.step = -1, .state = PINO_LIVE_RUNNING};
  PinoLive *live = pino_live_find(engine, id);
  if (live != NULL)
    write_live(live);
  gboolean lives = g_hash_table_contains(search->alive, id) || g_hash_table_contains(search->sockets, id);
  if (live != NULL || !(search->all || lives))
    return;
  g_autoptr(PinoRunRow) known = search->all ? NULL : pino_library_run(engine->library, id, NULL);
  if (known != NULL)
    return;
  pino_journal_scan(path, 0, on_line, &found);
  g_autofree char *script = found.script;
  g_autofree char *failure = found.error;
  g_autofree char *local = found.local;
  if (script == NULL)
    return;
  PinoRunRow *row = g_new0(PinoRunRow, 1);
  row->id = g_strdup(id);
  row->script = g_strdup(script);
  row->app_id = pino_application_of(engine, script);
  row->kind = g_strdup(pino_start_kind(script));
  row->state = g_strdup(pino_live_state_name(found.state));
  row->journal = g_strdup(path);
  row->step = found.step;
  row->total = -1;
  row->scripts = local != NULL ? scripts_of(script, local) : NULL;
  row->started_at = found.time;
  row->ready_at = found.state == PINO_LIVE_READY ? found.time : 0;
  row->ended_at = found.ended ? found.time : 0;
  if (found.ended && found.state >= PINO_LIVE_ERROR)
    row->error = g_steal_pointer(&failure);
  if (found.ended && !lives) {
    g_autoptr(GError) error = NULL;
    if (!pino_library_put_run(engine->library, row, &error))
      pino_engine_trouble(engine, "the library cannot be written", error);
    pino_run_row_free(row);
    return;
  }
  search->taken++;
  pino_library_put_run(engine->library, row, NULL);
  take_up(engine, row, search->alive);
}

static void search_journals(Search *search, const char *folder, guint depth) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *id = id_of_journal(path);
    if (id != NULL)
      g_ptr_array_add(search->journals, g_steal_pointer(&path));
    else if (depth > 0 && g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
      search_journals(search, path, depth - 1);
  }
}

static int by_id(gconstpointer a, gconstpointer b) {
  return strcmp(strrchr(*(char *const *)a, '/'), strrchr(*(char *const *)b, '/'));
}

static GHashTable *runs_with_sockets(PinoEngine *engine) {
  GHashTable *runs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GDir) dir = g_dir_open(engine->shells_dir, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    /* Not what a keeper left at its end: that may be of a run that was forgotten since. */
    if (!g_str_has_suffix(name, ".sock"))
      continue;
    g_autofree char *id = g_strndup(name, strlen(name) - strlen(".sock"));
    char *number = strrchr(id, '.');
    if (number == NULL)
      continue;
    *number = '\0';
    g_hash_table_add(runs, g_strdup(id));
  }
  return runs;
}

static void rebuild(Search *search) {
  enum { DEEPEST = 12 };
  PinoEngine *engine = search->engine;
  g_autofree char *logs = g_build_filename(engine->home, "logs", "api", NULL);
  search->alive = pino_runner_alive();
  search->sockets = runs_with_sockets(engine);
  search->journals = g_ptr_array_new_with_free_func(g_free);
  search_journals(search, logs, DEEPEST);
  g_ptr_array_sort(search->journals, by_id); /* the library counts the last one put as the newest */
  for (guint i = 0; i < search->journals->len; i++)
    take_journal(search, search->journals->pdata[i]);
  g_hash_table_unref(search->alive);
  g_hash_table_unref(search->sockets);
}

void pino_recover_await(PinoEngine *engine) {
  if (engine->awaited_source == 0)
    engine->awaited_source = g_timeout_add(1000, on_awaited_late, engine);
}

static void tell_damage(PinoEngine *engine, const char *aside) {
  if (aside == NULL)
    return;
  g_autoptr(GError) damaged = g_error_new(
      PINO_ERROR, PINO_ERROR_FAILED, "it was damaged: kept as %s, and made anew from what is there", aside);
  pino_engine_trouble(engine, "library.sqlite", damaged);
}

static gboolean take_up_all(PinoEngine *engine, GError **error) {
  g_autoptr(GPtrArray) rows = pino_library_runs(engine->library, NULL, TRUE, 0, error);
  if (rows == NULL)
    return FALSE;
  g_autoptr(GHashTable) alive =
      rows->len > 0 ? pino_runner_alive() : g_hash_table_new(g_str_hash, g_str_equal);
  g_ptr_array_set_free_func(rows, NULL);
  for (guint i = 0; i < rows->len; i++)
    take_up(engine, rows->pdata[i], alive);
  pino_recover_await(engine);
  return TRUE;
}

/* Something lives that the library does not tell of: its newest pages were lost. */
static gboolean knows_all(PinoEngine *engine) {
  g_autoptr(GHashTable) sockets = runs_with_sockets(engine);
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, sockets);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    g_autoptr(PinoRunRow) row =
        pino_live_find(engine, key) == NULL ? pino_library_run(engine->library, key, NULL) : NULL;
    if (pino_live_find(engine, key) == NULL && row == NULL)
      return FALSE;
  }
  return TRUE;
}

gboolean pino_recover_open(PinoEngine *engine, GError **error) {
  PinoLibraryFound found = PINO_LIBRARY_OPENED;
  g_autofree char *aside = NULL;
  engine->library = pino_library_open(engine->home, &found, &aside, error);
  if (engine->library == NULL)
    return FALSE;
  pino_application_load(engine);
  if (found == PINO_LIBRARY_OPENED && !take_up_all(engine, error))
    return FALSE;
  if (found == PINO_LIBRARY_OPENED && knows_all(engine))
    return TRUE;
  tell_damage(engine, aside);
  Search search = {.engine = engine, .all = found != PINO_LIBRARY_OPENED};
  rebuild(&search);
  g_ptr_array_unref(search.journals);
  pino_recover_await(engine);
  return TRUE;
}

static gboolean copy_run(PinoLibrary *from, PinoLibrary *to, const PinoRunRow *row) {
  g_autoptr(GPtrArray) shells = pino_library_processes(from, row->id, NULL);
  gboolean whole = shells != NULL && pino_library_put_run(to, row, NULL);
  for (guint i = 0; whole && i < shells->len; i++)
    whole = pino_library_put_process(to, shells->pdata[i], NULL);
  return whole;
}

/* What the old file still tells, journals do not: a file that was deleted is whole while it is open. FALSE: it tells of no
 * runs. */
static gboolean copy_library(PinoLibrary *from, PinoLibrary *to) {
  g_autoptr(GHashTable) settings = pino_library_settings(from, NULL);
  g_autoptr(GPtrArray) rows = pino_library_runs(from, NULL, FALSE, 0, NULL);
  GHashTableIter iter;
  gpointer key, value;
  if (settings != NULL)
    g_hash_table_iter_init(&iter, settings);
  while (settings != NULL && g_hash_table_iter_next(&iter, &key, &value))
    pino_library_set_setting(to, key, value, NULL);
  gboolean grouped = rows != NULL && pino_library_begin(to, NULL), whole = grouped;
  for (guint i = whole ? rows->len : 0; whole && i > 0; i--)
    whole = copy_run(from, to, rows->pdata[i - 1]);
  if (grouped && !whole)
    pino_library_rollback(to);
  return whole && pino_library_commit(to, NULL);
}

/* Opens the file again, so that one that was deleted or damaged meanwhile is replaced. all: its runs are to be found
 * anew. */
static gboolean reopen(PinoEngine *engine, gboolean *all, GError **error) {
  PinoLibraryFound found = PINO_LIBRARY_OPENED;
  g_autofree char *aside = NULL;
  g_autoptr(PinoLibrary) library = pino_library_open(engine->home, &found, &aside, error);
  if (library == NULL)
    return FALSE;
  tell_damage(engine, aside);
  *all = found != PINO_LIBRARY_OPENED && !copy_library(engine->library, library);
  pino_library_free(engine->library);
  engine->library = g_steal_pointer(&library);
  return TRUE;
}

static void report_lives(PinoEngine *engine, GString *report) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoLive *live = value;
    const char *name = live->row->app_id != NULL ? live->row->app_id : live->row->script;
    g_autofree char *script = g_path_get_basename(live->row->script);
    g_string_append_printf(report, "%s: %s is %s (run %s)\n", name, script, pino_live_state_name(live->state),
                           live->row->id);
  }
}

char *pino_engine_recover(PinoEngine *engine, GError **error) {
  Search search = {.engine = engine};
  pino_live_flush(engine);
  if (!reopen(engine, &search.all, error))
    return NULL;
  pino_apps_refresh(engine->apps, NULL);
  rebuild(&search);
  pino_application_follow_all(engine);
  pino_recover_await(engine);
  g_autoptr(GPtrArray) journals = search.journals;
  GString *report = g_string_new(NULL);
  g_string_printf(report, "%u apps under %s/api\n%u runs found in the journals, %u of them taken up\n",
                  g_hash_table_size(engine->applications), engine->home, journals->len, search.taken);
  report_lives(engine, report);
  return g_string_free(report, FALSE);
}
