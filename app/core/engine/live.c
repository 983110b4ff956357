/* Live runs: their record, written before it is told. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/port.h"
#include "engine/internal.h"

#define SOON_MS 100   /* a step's number may wait that long to be written: the journal has it already */
#define RETRY_MS 3000 /* after the library could not be written: another process locks it, the disk is full */

static const char *const state_names[] = {
    [PINO_LIVE_WAITING] = "waiting",   [PINO_LIVE_RUNNING] = "running",
    [PINO_LIVE_READY] = "ready",       [PINO_LIVE_STOPPING] = "stopping",
    [PINO_LIVE_FINISHED] = "finished", [PINO_LIVE_STOPPED] = "stopped",
    [PINO_LIVE_ERROR] = "error",       [PINO_LIVE_INTERRUPTED] = "interrupted",
};

const char *pino_live_state_name(PinoLiveState state) {
  return state_names[state];
}

gboolean pino_live_state_parse(const char *name, PinoLiveState *state) {
  for (guint i = 0; i < G_N_ELEMENTS(state_names); i++) {
    if (g_strcmp0(name, state_names[i]) != 0)
      continue;
    *state = (PinoLiveState)i;
    return TRUE;
  }
  return FALSE;
}

static void shell_free(gpointer data) {
  PinoLiveShell *shell = data;
  g_clear_pointer(&shell->keeper, pino_keeper_free);
  g_free(shell->id);
  g_free(shell->script);
  g_free(shell->log);
  g_free(shell->command);
  g_free(shell);
}

static void question_free(gpointer data) {
  PinoQuestion *question = data;
  g_free(question->id);
  g_free(question->script);
  g_free(question->request);
  g_free(question);
}

void pino_required_free(gpointer data) {
  PinoRequired *required = data;
  g_free(required->app);
  g_free(required->script);
  g_free(required->run);
  g_free(required->error);
  g_free(required);
}

static JsonArray *ports_of(PinoLive *live) {
  JsonNode *node = live->scripts != NULL && json_array_get_length(live->scripts) > 0
                       ? json_array_get_element(live->scripts, 0)
                       : NULL;
  JsonObject *entry = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonNode *ports = entry != NULL ? json_object_get_member(entry, "ports") : NULL;
  return ports != NULL && JSON_NODE_HOLDS_ARRAY(ports) ? json_node_get_array(ports) : NULL;
}

/* One that is kept fails to be kept again, so nothing is kept twice. */
void pino_live_keep_ports(PinoLive *live) {
  JsonArray *ports = ports_of(live);
  guint count = ports != NULL ? json_array_get_length(ports) : 0;
  for (guint i = 0; live->kept->len < count && i < count; i++) {
    gint64 port = json_array_get_int_element(ports, i);
    int fd = port > 0 && port <= G_MAXUINT16 ? pino_port_keep((guint)port) : -1;
    if (fd >= 0)
      g_array_append_val(live->kept, fd);
  }
}

PinoLive *pino_live_new(PinoEngine *engine, PinoRunRow *row) {
  PinoLive *live = g_new0(PinoLive, 1);
  live->engine = engine;
  live->row = row;
  pino_live_state_parse(row->state, &live->state);
  live->shells = g_ptr_array_new_with_free_func(shell_free);
  live->questions = g_ptr_array_new_with_free_func(question_free);
  live->stoppers = g_ptr_array_new_with_free_func(g_object_unref);
  live->required = g_ptr_array_new_with_free_func(pino_required_free);
  live->kept = g_array_new(FALSE, FALSE, sizeof(int));
  live->apps = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  live->children = g_ptr_array_new_with_free_func(pino_child_stop_free);
  live->checkpoint = (guint64)row->checkpoint;
  live->on_stop = TRUE;
  if (row->scripts != NULL) {
    g_autoptr(JsonNode) node = json_from_string(row->scripts, NULL);
    live->scripts = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_dup_array(node) : NULL;
  }
  if (row->url == NULL)
    row->url = pino_live_local_url(live);
  g_hash_table_insert(engine->lives, row->id, live);
  return live;
}

void pino_live_free(gpointer data) {
  PinoLive *live = data;
  if (live->channel != NULL)
    pino_line_close(live->engine, live->channel);
  g_hash_table_remove(live->engine->dirty, live);
  pino_find_stop(live);
  if (live->health_id != 0)
    pino_health_remove(live->engine->health, live->health_id);
  if (live->stop_source != 0)
    g_source_remove(live->stop_source);
  g_ptr_array_unref(live->shells);
  g_ptr_array_unref(live->questions);
  g_ptr_array_unref(live->stoppers);
  g_ptr_array_unref(live->required);
  g_ptr_array_unref(live->children);
  g_clear_pointer(&live->finished, g_ptr_array_unref);
  g_clear_pointer(&live->failed, g_ptr_array_unref);
  g_clear_pointer(&live->scripts, json_array_unref);
  g_clear_pointer(&live->journal, pino_journal_free);
  g_hash_table_unref(live->apps);
  for (guint i = 0; i < live->kept->len; i++)
    close(g_array_index(live->kept, int, i));
  g_array_unref(live->kept);
  g_free(live->method);
  g_free(live->opened);
  g_free(live->found);
  g_free(live->public_url);
  g_free(live->considered_as);
  g_free(live->health_url);
  pino_run_row_free(live->row);
  g_free(live);
}

/* --- finding --------------------------------------------------------------------------------------------------- */

PinoLive *pino_live_find(PinoEngine *engine, const char *id) {
  return g_hash_table_lookup(engine->lives, id);
}

PinoLive *pino_live_of_script(PinoEngine *engine, const char *path) {
  GHashTableIter iter;
  gpointer value;
  PinoLive *newest = NULL;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    if (g_str_equal(live->row->script, path) &&
        (newest == NULL || strcmp(live->row->id, newest->row->id) > 0))
      newest = live;
  }
  return newest;
}

static JsonObject *entry_of(const PinoLive *live, const char *path) {
  for (guint i = 0; live->scripts != NULL && i < json_array_get_length(live->scripts); i++) {
    JsonNode *node = json_array_get_element(live->scripts, i);
    JsonObject *entry = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (entry != NULL &&
        g_strcmp0(json_object_get_string_member_with_default(entry, "path", NULL), path) == 0)
      return entry;
  }
  return NULL;
}

PinoLive *pino_live_with_script(PinoEngine *engine, const char *path, JsonObject **entry) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    if (live->state > PINO_LIVE_STOPPING)
      continue;
    JsonObject *found = entry_of(live, path);
    if (found == NULL && !g_str_equal(live->row->script, path))
      continue;
    if (entry != NULL)
      *entry = found;
    return live;
  }
  return NULL;
}

GPtrArray *pino_live_guests(PinoLive *live, const char *app) {
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; live->scripts != NULL && i < json_array_get_length(live->scripts); i++) {
    JsonNode *node = json_array_get_element(live->scripts, i);
    const char *path =
        JSON_NODE_HOLDS_OBJECT(node)
            ? json_object_get_string_member_with_default(json_node_get_object(node), "path", NULL)
            : NULL;
    g_autofree char *owner = path != NULL ? pino_application_of(live->engine, path) : NULL;
    if (g_strcmp0(owner, app) == 0 && !g_str_equal(path, live->row->script))
      g_ptr_array_add(paths, g_strdup(path));
  }
  return paths;
}

PinoLiveShell *pino_live_shell(PinoLive *live, const char *id) {
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (g_str_equal(shell->id, id))
      return shell;
  }
  return NULL;
}

PinoLiveShell *pino_live_shell_find(PinoEngine *engine, const char *id) {
  const char *dot = strrchr(id, '.');
  g_autofree char *run = dot != NULL ? g_strndup(id, (gsize)(dot - id)) : NULL;
  PinoLive *live = run != NULL ? pino_live_find(engine, run) : NULL;
  return live != NULL ? pino_live_shell(live, id) : NULL;
}

PinoLiveShell *pino_live_add_shell(PinoLive *live, const char *id) {
  PinoLiveShell *shell = pino_live_shell(live, id);
  if (shell != NULL)
    return shell;
  shell = g_new0(PinoLiveShell, 1);
  shell->live = live;
  shell->id = g_strdup(id);
  shell->exit_code = -1;
  shell->index = -1;
  shell->running = TRUE;
  g_ptr_array_add(live->shells, shell);
  return shell;
}

/* What its keeper left to tell of its end. */
static void remove_status(const PinoLiveShell *shell) {
  g_autofree char *name = g_strconcat(shell->id, ".json", NULL);
  g_autofree char *status = g_build_filename(shell->live->engine->shells_dir, name, NULL);
  unlink(status);
}

void pino_live_drop_shell(PinoLive *live, guint index) {
  remove_status(live->shells->pdata[index]);
  g_ptr_array_remove_index(live->shells, index);
}

guint pino_live_running_shells(const PinoLive *live) {
  guint count = 0;
  for (guint i = 0; i < live->shells->len; i++)
    count += ((PinoLiveShell *)live->shells->pdata[i])->running ? 1 : 0;
  return count;
}

gboolean pino_live_is_over(const PinoLive *live) {
  return live->state > PINO_LIVE_STOPPING && pino_live_running_shells(live) == 0;
}

/* --- writing and telling --------------------------------------------------------------------------------------- */

/* Borrowed; NULL: no script has such a text. */
static const char *local_text(const PinoLive *live, const char *name) {
  for (guint i = 0; live->scripts != NULL && i < json_array_get_length(live->scripts); i++) {
    JsonNode *node = json_array_get_element(live->scripts, i);
    JsonObject *entry = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    JsonNode *local = entry != NULL ? json_object_get_member(entry, "local") : NULL;
    JsonNode *url = local != NULL && JSON_NODE_HOLDS_OBJECT(local)
                        ? json_object_get_member(json_node_get_object(local), name)
                        : NULL;
    if (url != NULL && json_node_get_value_type(url) == G_TYPE_STRING &&
        g_str_has_prefix(json_node_get_string(url), "http"))
      return json_node_get_string(url);
  }
  return NULL;
}

/* What the scripts say themselves, borrowed; NULL: nothing. */
static const char *url_of_scripts(const PinoLive *live) {
  return local_text(live, "url");
}

char *pino_live_local_text(const PinoLive *live, const char *name) {
  return g_strdup(local_text(live, name));
}

/* Of this machine: what a script opens may be any page of the world. */
static gboolean is_local(const char *url) {
  g_autoptr(GUri) uri = url != NULL ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
  const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
  return host != NULL && (g_ascii_strcasecmp(host, "localhost") == 0 || g_str_has_prefix(host, "127.") ||
                          g_str_equal(host, "0.0.0.0") || g_str_equal(host, "::1"));
}

gboolean pino_live_has_own_url(const PinoLive *live) {
  return url_of_scripts(live) != NULL || is_local(live->opened);
}

char *pino_live_local_url(PinoLive *live) {
  const char *own = url_of_scripts(live);
  if (own == NULL && (is_local(live->opened) || live->found == NULL))
    own = live->opened;
  return g_strdup(own != NULL ? own : live->found);
}

static void fill_scripts(PinoRunRow *row, JsonArray *scripts) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_ARRAY);
  json_node_set_array(node, scripts);
  g_free(row->scripts);
  row->scripts = json_to_string(node, FALSE);
}

static void fill_row(PinoLive *live) {
  PinoRunRow *row = live->row;
  pino_engine_set_text(&row->state, pino_live_state_name(live->state));
  row->checkpoint = (gint64)live->checkpoint;
  if (live->scripts != NULL)
    fill_scripts(row, live->scripts);
  if (live->state > PINO_LIVE_STOPPING)
    return;
  g_autofree char *url = pino_live_local_url(live);
  if (url != NULL)
    pino_engine_set_text(&row->url, url);
}

static void tell_run(PinoLive *live) {
  const PinoRunRow *row = live->row;
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "run");
  pino_json_append_member(event, "run", row->id);
  pino_json_append_member(event, "app", row->app_id);
  pino_json_append_member(event, "script", row->script);
  pino_json_append_member(event, "state", row->state);
  g_string_append_printf(event, ",\"step\":%d,\"total\":%d,\"live\":%s", row->step, row->total,
                         pino_live_is_over(live) ? "false" : "true");
  pino_json_append_member(event, "url", row->url);
  pino_json_append_member(event, "error", row->error);
  g_string_append_c(event, '}');
  pino_engine_tell(live->engine, g_string_free(event, FALSE));
}

static gboolean on_flush(gpointer data);

static void flush_in(PinoEngine *engine, guint ms) {
  if (engine->flush_source == 0)
    engine->flush_source = g_timeout_add(ms, on_flush, engine);
}

/* It stays in memory until it is written. */
static void write_again(PinoLive *live, const GError *error) {
  pino_engine_trouble(live->engine, "the library cannot be written", error);
  g_hash_table_add(live->engine->dirty, live);
  flush_in(live->engine, RETRY_MS);
}

gboolean pino_live_save(PinoLive *live, GError **error) {
  fill_row(live);
  return pino_library_put_run(live->engine->library, live->row, error);
}

static void write_run(PinoLive *live) {
  g_autoptr(GError) error = NULL;
  g_hash_table_remove(live->engine->dirty, live);
  if (!pino_live_save(live, &error))
    write_again(live, error);
  for (guint i = 0; error == NULL && i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->unwritten)
      pino_live_shell_changed(shell);
  }
  tell_run(live);
  pino_application_follow_run(live);
}

static gboolean on_flush(gpointer data) {
  PinoEngine *engine = data;
  engine->flush_source = 0;
  pino_live_flush(engine);
  return G_SOURCE_REMOVE;
}

void pino_live_flush(PinoEngine *engine) {
  if (engine->flush_source != 0)
    g_source_remove(engine->flush_source);
  engine->flush_source = 0;
  if (g_hash_table_size(engine->dirty) == 0)
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(GList) lives = g_hash_table_get_keys(engine->dirty);
  gboolean grouped = pino_library_begin(engine->library, &error);
  for (GList *item = lives; grouped && item != NULL; item = item->next)
    write_run(item->data);
  gboolean written = grouped && pino_library_commit(engine->library, &error);
  for (GList *item = lives; item != NULL; item = item->next) {
    if (written)
      pino_live_release(item->data);
    else
      write_again(item->data, error);
  }
}

void pino_live_changed(PinoLive *live, gboolean at_once) {
  PinoEngine *engine = live->engine;
  if (at_once) {
    write_run(live);
    return;
  }
  g_hash_table_add(engine->dirty, live);
  flush_in(engine, SOON_MS);
}

static void tell_shell(const PinoLiveShell *shell) {
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "shell");
  pino_json_append_member(event, "shell", shell->id);
  pino_json_append_member(event, "run", shell->live->row->id);
  pino_json_append_member(event, "app", shell->live->row->app_id);
  g_string_append_printf(event, ",\"running\":%s", shell->running ? "true" : "false");
  if (!shell->running)
    g_string_append_printf(event, ",\"exit\":%d", shell->exit_code);
  g_string_append_c(event, '}');
  pino_engine_tell(shell->live->engine, g_string_free(event, FALSE));
}

void pino_live_shell_changed(PinoLiveShell *shell) {
  PinoLive *live = shell->live;
  g_autoptr(GError) error = NULL;
  PinoProcessRow row = {
      .id = shell->id,
      .run_id = live->row->id,
      .app_id = live->row->app_id,
      .script = shell->script != NULL ? shell->script : live->row->script,
      .pid = shell->pid,
      .command = shell->command,
      .log_file_path = shell->log,
      .start_time = shell->started,
      .end_time = shell->ended,
      .status = (char *)(shell->running ? "running"
                         : shell->lost  ? "lost"
                                        : "ended"),
      .exit_code = shell->exit_code,
      .step = shell->index,
      .log_offset = (gint64)shell->offset,
  };
  shell->unwritten = !pino_library_put_process(live->engine->library, &row, &error);
  if (shell->unwritten)
    write_again(live, error);
  tell_shell(shell);
}

void pino_live_set_state(PinoLive *live, PinoLiveState state) {
  if (live->state == state)
    return;
  live->state = state;
  if (state == PINO_LIVE_READY && live->row->ready_at == 0)
    live->row->ready_at = pino_engine_now();
  pino_live_changed(live, TRUE);
  pino_start_continue(live->engine);
}

/* --- the journal ----------------------------------------------------------------------------------------------- */

PinoJournal *pino_live_journal(PinoLive *live) {
  g_autoptr(GError) error = NULL;
  if (live->journal == NULL)
    live->journal = pino_journal_open(live->row->journal, &error);
  if (live->journal == NULL)
    pino_engine_trouble(live->engine, "a run's journal cannot be written", error);
  return live->journal;
}

void pino_live_note(PinoLive *live, const char *json) {
  g_autoptr(GError) error = NULL;
  PinoJournal *journal = pino_live_journal(live);
  if (journal != NULL && !pino_journal_append(journal, json, strlen(json), &error))
    pino_engine_trouble(live->engine, "a run's journal cannot be written", error);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void note_end(PinoLive *live, const char *error) {
  static const char *const outcomes[] = {
      [PINO_LIVE_FINISHED] = "stopped",
      [PINO_LIVE_STOPPED] = "cancelled",
      [PINO_LIVE_ERROR] = "error",
      [PINO_LIVE_INTERRUPTED] = "interrupted",
  };
  g_autoptr(GString) line = g_string_new("{");
  if (error != NULL) {
    pino_json_append_member(line, "type", "error");
    pino_json_append_member(line, "message", error);
    g_string_append_c(line, '}');
    pino_live_note(live, line->str);
    g_string_assign(line, "{");
  }
  pino_json_append_member(line, "type", "end");
  pino_json_append_member(line, "outcome", outcomes[live->state]);
  g_string_append_c(line, '}');
  pino_live_note(live, line->str);
}

void pino_outcome_note_free(gpointer data) {
  PinoOutcomeNote *note = data;
  g_free(note->global);
  g_free(note);
}

static void remember_one(PinoEngine *engine, const char *path, gboolean finished, gboolean failed,
                         const char *global) {
  PinoOutcomeNote *note = g_new0(PinoOutcomeNote, 1);
  *note = (PinoOutcomeNote){.finished = finished, .failed = failed, .global = g_strdup(global)};
  g_hash_table_insert(engine->outcomes, g_strdup(path), note);
}

static void remember_list(PinoEngine *engine, GPtrArray *paths, gboolean finished) {
  for (guint i = 0; paths != NULL && i < paths->len; i++)
    remember_one(engine, paths->pdata[i], finished, !finished, NULL);
}

/* For templates of other scripts that ask what became of this one. */
static void remember(PinoLive *live) {
  PinoEngine *engine = live->engine;
  JsonObject *entry = entry_of(live, live->row->script);
  JsonNode *global = entry != NULL ? json_object_get_member(entry, "global") : NULL;
  g_autofree char *text = global != NULL ? json_to_string(global, FALSE) : NULL;
  remember_list(engine, live->finished, TRUE);
  remember_list(engine, live->failed, FALSE);
  remember_one(engine, live->row->script, live->state == PINO_LIVE_FINISHED, live->state == PINO_LIVE_ERROR,
               text);
}

void pino_live_release(PinoLive *live) {
  if (!pino_live_is_over(live) || live->channel != NULL || live->pid != 0 ||
      g_hash_table_contains(live->engine->dirty, live))
    return;
  PinoEngine *engine = live->engine;
  for (guint i = 0; i < live->shells->len; i++)
    remove_status(live->shells->pdata[i]);
  pino_stop_done(live);
  g_hash_table_remove(engine->lives, live->row->id);
}

void pino_live_end(PinoLive *live, PinoLiveState state, const char *error) {
  PinoEngine *engine = live->engine;
  gboolean first = live->state <= PINO_LIVE_STOPPING;
  if (first) {
    engine->ended = TRUE;
    live->state = state;
    live->row->ended_at = pino_engine_now();
    pino_engine_set_text(&live->row->error, error);
    g_ptr_array_set_size(live->questions, 0);
    pino_find_stop(live);
    if (live->health_id != 0)
      pino_health_remove(engine->health, live->health_id);
    live->health_id = 0;
    remember(live);
    if (!live->over || live->for_stop)
      note_end(live, error);
    pino_application_outdate(engine, live->row->app_id);
    pino_live_changed(live, TRUE);
    pino_menus_describe(engine->menus, live->row->app_id);
  }
  /* Its runner should have ended them. An app goes on without its runner; what an operation was just doing is of no use. */
  if (live->state != PINO_LIVE_INTERRUPTED || live->row->operation != NULL)
    pino_stop_shells(live);
  if (pino_live_running_shells(live) == 0)
    pino_stop_done(live);
  if (first)
    pino_restart_consider(live);
  if (first)
    pino_tunnels_follow(live);
  pino_live_release(live);
  if (first)
    pino_start_continue(engine); /* last: what it starts may end what this run left */
}
