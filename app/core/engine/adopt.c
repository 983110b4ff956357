/* Shells without a runner: the engine holds the lines to their keepers and writes the journal on.
 *
 * A runner that left properly has said how far the journal goes. For one that was lost the journal itself tells: every
 * piece of output in it names its shell and the byte of the log after it. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

/* --- what a journal tells -------------------------------------------------------------------------------------- */

typedef struct {
  PinoLive *live;
  gboolean ready, ended;
  gboolean known_ready; /* it was ready where reading began */
  gboolean left_ended;  /* a command that it left running has ended */
  PinoLiveState outcome;
  char *error;
  int step;
} Story;

/* The value after "name": in a line of our own writing, where it comes before any text of the script's; NULL if none. */
static const char *after(const char *line, gsize length, const char *name) {
  g_autofree char *mark = g_strdup_printf("\"%s\":", name);
  const char *raw = g_strstr_len(line, (gssize)length, "\"raw\":");
  gsize head = raw != NULL ? (gsize)(raw - line) : length;
  const char *found = g_strstr_len(line, (gssize)head, mark);
  return found != NULL ? found + strlen(mark) : NULL;
}

static void take_piece(Story *story, const char *line, gsize length) {
  const char *shell = after(line, length, "shell");
  const char *offset = after(line, length, "offset");
  if (shell == NULL || offset == NULL || *shell != '"')
    return;
  const char *end = memchr(shell + 1, '"', (gsize)(line + length - shell - 1));
  g_autofree char *id = end != NULL ? g_strndup(shell + 1, (gsize)(end - shell - 1)) : NULL;
  if (id != NULL)
    pino_live_add_shell(story->live, id)->offset = g_ascii_strtoull(offset, NULL, 10);
}

static const char *text(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static int number(JsonObject *object, const char *name, int otherwise) {
  return (int)json_object_get_int_member_with_default(object, name, otherwise);
}

static void take_shell(Story *story, JsonObject *event) {
  const char *id = text(event, "shell");
  if (id == NULL)
    return;
  PinoLiveShell *shell = pino_live_add_shell(story->live, id);
  g_free(shell->log);
  shell->log = g_strdup(text(event, "log"));
  g_free(shell->script);
  shell->script = g_strdup(text(event, "script"));
  shell->index = number(event, "index", -1);
  shell->pid = number(event, "pid", 0);
  if (shell->started == 0)
    shell->started = pino_engine_now();
}

static void take_exit(Story *story, JsonObject *event) {
  const char *id = text(event, "shell");
  PinoLiveShell *shell = id != NULL ? pino_live_shell(story->live, id) : NULL;
  if (shell == NULL)
    return;
  gboolean was_running = shell->running;
  shell->running = FALSE;
  shell->exit_code = number(event, "code", -1);
  if (!was_running)
    return;
  shell->ended = pino_engine_now();
  if (story->ready || story->known_ready)
    shell->adopted = story->left_ended = TRUE;
  pino_live_shell_changed(shell);
}

/* What a daemon knew when it became ready, where the library does not tell: its address, what `on.stop` works with. */
static void take_memory(PinoLive *live, JsonObject *event) {
  JsonNode *local = json_object_get_member(event, "local");
  if (live->scripts != NULL || local == NULL || !JSON_NODE_HOLDS_OBJECT(local))
    return;
  JsonObject *script = json_object_new();
  json_object_set_string_member(script, "path", live->row->script);
  json_object_set_boolean_member(script, "main", TRUE);
  json_object_set_boolean_member(script, "ready", TRUE);
  json_object_set_boolean_member(script, "on_stop", TRUE);
  json_object_set_member(script, "local", json_node_copy(local));
  json_object_set_object_member(script, "global", json_object_new());
  live->scripts = json_array_new();
  json_array_add_object_element(live->scripts, script);
}

static void take_end(Story *story, JsonObject *event) {
  const char *outcome = text(event, "outcome");
  if (text(event, "script") != NULL)
    return;
  if (g_strcmp0(outcome, "daemon") == 0) {
    take_memory(story->live, event);
    return;
  }
  story->ended = TRUE;
  story->outcome = g_strcmp0(outcome, "stopped") == 0       ? PINO_LIVE_FINISHED
                   : g_strcmp0(outcome, "cancelled") == 0   ? PINO_LIVE_STOPPED
                   : g_strcmp0(outcome, "interrupted") == 0 ? PINO_LIVE_INTERRUPTED
                                                            : PINO_LIVE_ERROR;
}

static void take_event(Story *story, JsonObject *event) {
  const char *type = text(event, "type");
  gboolean main_script = text(event, "script") == NULL;
  if (g_strcmp0(type, "shell") == 0)
    take_shell(story, event);
  else if (g_strcmp0(type, "exit") == 0)
    take_exit(story, event);
  else if (g_strcmp0(type, "end") == 0)
    take_end(story, event);
  else if (g_strcmp0(type, "step") == 0 && main_script)
    story->step = number(event, "index", story->step);
  else if (g_strcmp0(type, "ready") == 0 &&
           (main_script || g_strcmp0(text(event, "script"), story->live->row->script) == 0))
    story->ready = TRUE;
  else if (g_strcmp0(type, "error") == 0 && main_script) {
    g_free(story->error);
    story->error = g_strdup(text(event, "message"));
  }
}

static gboolean on_line(const char *line, gsize length, gpointer data) {
  Story *story = data;
  if (g_str_has_prefix(line, "{\"type\":\"stream\"")) {
    take_piece(story, line, length);
    return TRUE;
  }
  if (g_str_has_prefix(line, "{\"type\":\"result\""))
    return TRUE;
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!json_parser_load_from_data(parser, line, (gssize)length, NULL))
    return TRUE;
  JsonNode *root = json_parser_get_root(parser);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT(root))
    take_event(story, json_node_get_object(root));
  return TRUE;
}

/* A shell that was started in the very moment in which its runner died is known by its socket alone. */
static void find_unnamed(PinoLive *live) {
  g_autofree char *prefix = g_strconcat(live->row->id, ".", NULL);
  g_autoptr(GDir) dir = g_dir_open(live->engine->shells_dir, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    const char *suffix = strrchr(name, '.');
    if (!g_str_has_prefix(name, prefix) || (!g_str_equal(suffix, ".sock") && !g_str_equal(suffix, ".json")))
      continue;
    g_autofree char *id = g_strndup(name, (gsize)(suffix - name));
    if (pino_live_shell(live, id) != NULL)
      continue;
    PinoLiveShell *shell = pino_live_add_shell(live, id);
    g_autofree char *folder = g_path_get_dirname(live->row->journal);
    g_autofree char *file = g_strdup_printf("shell-%s.log", id);
    shell->log = g_build_filename(folder, file, NULL);
    shell->started = pino_engine_now();
  }
}

/* --- the engine's line to a keeper ------------------------------------------------------------------------------ */

static void note_exit(PinoLiveShell *shell, int signal) {
  g_autoptr(GString) line = g_string_new("{");
  pino_json_append_member(line, "type", "exit");
  pino_json_append_member(line, "shell", shell->id);
  g_string_append_printf(line, ",\"code\":%d,\"signal\":%d}", shell->exit_code, signal);
  pino_live_note(shell->live, line->str);
}

static void on_output(const guint8 *data, gsize length, gpointer user_data) {
  PinoLiveShell *shell = user_data;
  PinoLive *live = shell->live;
  guint64 offset = pino_keeper_log_offset(shell->keeper);
  PinoJournal *journal = shell->adopted && offset > shell->offset ? pino_live_journal(live) : NULL;
  if (journal == NULL)
    return;
  gsize fresh = MIN(length, (gsize)(offset - shell->offset));
  const char *script = g_strcmp0(shell->script, live->row->script) == 0 ? NULL : shell->script;
  PinoJournalPiece piece = {
      .script = script, .shell = shell->id, .log = shell->log, .index = shell->index, .offset = offset};
  g_autoptr(GError) error = NULL;
  if (!pino_journal_output(journal, &piece, data + (length - fresh), fresh, &error))
    pino_engine_trouble(live->engine, "a run's journal cannot be written", error);
  shell->offset = offset;
}

static void shell_over(PinoLiveShell *shell, int exit_code, int signal, gboolean lost) {
  shell->running = FALSE;
  shell->lost = lost;
  shell->exit_code = exit_code;
  shell->ended = pino_engine_now();
  if (shell->adopted)
    note_exit(shell, signal);
  pino_live_shell_changed(shell);
  g_clear_pointer(&shell->keeper, pino_keeper_free);
}

static void on_ended(int wait_status, gboolean stopped, gpointer user_data) {
  PinoLiveShell *shell = user_data;
  PinoLive *live = shell->live;
  int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  if (!shell->adopted) { /* its runner tells */
    g_clear_pointer(&shell->keeper, pino_keeper_free);
    return;
  }
  shell_over(shell, signal != 0 ? 128 + signal : WEXITSTATUS(wait_status), signal, FALSE);
  pino_adopt_settle(live);
}

static void on_trouble(const GError *error, gpointer user_data) {
  PinoLiveShell *shell = user_data;
  if (!shell->adopted)
    return;
  g_autofree char *text = g_strdup_printf("\r\n[pinokiocloud] %s\r\n", error->message);
  g_autoptr(GString) line = g_string_new("{");
  pino_json_append_member(line, "type", "stream");
  g_string_append_printf(line, ",\"index\":%d", shell->index);
  pino_json_append_member(line, "raw", text);
  g_string_append_c(line, '}');
  pino_live_note(shell->live, line->str);
}

PinoKeeper *pino_adopt_line(PinoLiveShell *shell, GError **error) {
  static const PinoKeeperEvents events = {.output = on_output, .ended = on_ended, .trouble = on_trouble};
  if (shell->keeper != NULL)
    return shell->keeper;
  if (shell->log == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the log of the shell %s is not known", shell->id);
    return NULL;
  }
  shell->keeper = pino_keeper_attach(shell->live->engine->shells_dir, shell->id, shell->log, shell->offset,
                                     &events, shell, error);
  return shell->keeper;
}

static void adopt_one(PinoLiveShell *shell) {
  g_autoptr(GError) error = NULL;
  shell->adopted = TRUE;
  /* A line for typing alone began elsewhere in the log. */
  g_clear_pointer(&shell->keeper, pino_keeper_free);
  if (pino_adopt_line(shell, &error) != NULL) {
    shell->pid = pino_keeper_pid(shell->keeper);
    pino_live_shell_changed(shell);
    return;
  }
  if (!g_error_matches(error, PINO_ERROR, PINO_ERROR_NOT_FOUND))
    pino_engine_trouble(shell->live->engine, "a shell cannot be taken up", error);
  shell_over(shell, -1, 0, TRUE);
}

/* --- runs ------------------------------------------------------------------------------------------------------ */

void pino_adopt_all(PinoLive *live) {
  pino_live_keep_ports(live);
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->running && !shell->adopted)
      adopt_one(shell);
  }
  pino_find_follow(live);
}

/* some: there were commands that it had left running. */
static void adopt_left(PinoLive *live, gboolean some) {
  pino_adopt_all(live);
  if (live->stop_wanted)
    pino_stop_go_on(live);
  else if (some && pino_live_running_shells(live) == 0)
    pino_adopt_settle(live);
}

void pino_adopt_shells(PinoLive *live) {
  pino_health_follow(live);
  adopt_left(live, pino_live_running_shells(live) > 0);
}

static void read_journal(PinoLive *live, Story *story) {
  PinoLibrary *library = live->engine->library;
  g_autoptr(GError) error = NULL;
  story->live = live;
  story->step = live->row->step;
  story->known_ready = live->checkpoint > 0 && live->row->ready_at != 0;
  gboolean grouped = pino_library_begin(library, &error);
  live->checkpoint = pino_journal_scan(live->row->journal, live->checkpoint, on_line, story);
  /* Before the checkpoint is in a row: with it and an older offset, a next engine would journal output twice. */
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->running)
      pino_live_shell_changed(shell);
  }
  if (grouped)
    grouped = pino_library_commit(library, &error);
  if (!grouped)
    pino_engine_trouble(live->engine, "the library cannot be written", error);
  find_unnamed(live);
}

void pino_adopt_find(PinoLive *live) {
  Story story = {.live = NULL};
  read_journal(live, &story);
  g_free(story.error);
}

static void interrupt(PinoLive *live, const Story *story) {
  live->row->step = story->step;
  g_autofree char *text =
      story->step >= 0 ? g_strdup_printf("interrupted at step %d: its runner was lost", story->step + 1)
                       : g_strdup("interrupted before its first step: its runner was lost");
  pino_live_end(live, PINO_LIVE_INTERRUPTED, text);
}

void pino_adopt(PinoLive *live) {
  Story story = {.live = NULL};
  read_journal(live, &story);
  gboolean was_ready = live->state == PINO_LIVE_READY || story.ready;
  g_autofree char *error = g_steal_pointer(&story.error);
  if (live->state > PINO_LIVE_STOPPING) {
    adopt_left(live, TRUE);
  } else if (story.ended) {
    live->over = TRUE;
    if (story.outcome == PINO_LIVE_INTERRUPTED)
      pino_adopt_all(live);
    pino_live_end(live, story.outcome, story.outcome == PINO_LIVE_STOPPED ? NULL : error);
  } else if (was_ready || live->stop_wanted) {
    pino_live_set_state(live, live->stop_wanted ? PINO_LIVE_STOPPING : PINO_LIVE_READY);
    pino_live_changed(live, TRUE);
    pino_health_follow(live);
    adopt_left(live, story.left_ended || pino_live_running_shells(live) > 0);
  } else {
    pino_adopt_all(live); /* first, so that the run stays while they do */
    interrupt(live, &story);
  }
}

/* "command of step 2 ended with exit code 1", of the first that did not end well; NULL: all did. */
static char *what_failed(PinoLive *live) {
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    if (!shell->adopted || shell->exit_code == 0)
      continue;
    if (shell->lost)
      return g_strdup_printf("the command of step %d was lost: its keeper is gone", shell->index + 1);
    return g_strdup_printf("the command of step %d ended with exit code %d", shell->index + 1,
                           shell->exit_code);
  }
  return NULL;
}

void pino_adopt_settle(PinoLive *live) {
  if (pino_live_running_shells(live) > 0 || (live->channel != NULL && !live->over))
    return;
  if (live->stop_wanted) {
    pino_stop_go_on(live);
    return;
  }
  if (live->state > PINO_LIVE_STOPPING) {
    pino_stop_done(live);
    pino_live_changed(live, TRUE);
    pino_live_release(live);
    return;
  }
  g_autofree char *failed = what_failed(live);
  pino_live_end(live, failed != NULL ? PINO_LIVE_ERROR : PINO_LIVE_FINISHED, failed);
}
