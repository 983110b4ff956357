/* What runners tell: always their whole present state, which is taken over as it is. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

#define KEPT_SHELLS 64

static const char *text(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static gint64 number(JsonObject *object, const char *name, gint64 otherwise) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : otherwise;
}

static gboolean flag(JsonObject *object, const char *name) {
  return json_object_get_boolean_member_with_default(object, name, FALSE);
}

static JsonArray *list(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

void pino_runner_send(PinoLive *live, const char *type) {
  g_autofree char *json = g_strdup_printf("{\"type\":\"%s\"}", type);
  if (live->channel != NULL)
    pino_channel_send(live->channel, json);
}

static char *scripts_json(PinoLive *live) {
  if (live->scripts == NULL)
    return g_strdup("[]");
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_ARRAY);
  json_node_set_array(node, live->scripts);
  return json_to_string(node, FALSE);
}

void pino_runner_send_job(PinoLive *live) {
  const PinoRunRow *row = live->row;
  g_autoptr(GString) job = g_string_new("{");
  pino_json_append_member(job, "type", "job");
  pino_json_append_member(job, "mode", live->for_stop ? "stop" : row->operation != NULL ? "operate" : "run");
  pino_json_append_member(job, "path", row->script);
  pino_json_append_member(job, "journal", row->journal);
  g_string_append_printf(job, ",\"input\":%s,\"cols\":%u,\"rows\":%u,\"grace\":%d",
                         row->input != NULL ? row->input : "null", live->cols, live->rows,
                         MAX(pino_engine_setting(live->engine, "stop.grace_ms"), 1));
  if (row->operation != NULL)
    g_string_append_printf(job, ",\"operation\":%s", row->operation);
  if (live->for_stop) {
    g_autofree char *scripts = scripts_json(live);
    g_string_append_printf(job, ",\"scripts\":%s", scripts);
  }
  g_string_append_c(job, '}');
  live->begun = TRUE;
  g_clear_pointer(&live->journal, pino_journal_free);
  pino_channel_send(live->channel, job->str);
}

void pino_runner_hello(PinoLive *live, JsonObject *hello) {
  if (flag(hello, "begun")) {
    live->begun = TRUE;
    live->for_stop = g_strcmp0(text(hello, "mode"), "stop") == 0;
    g_clear_pointer(&live->journal, pino_journal_free);
    live->to_cancel = live->stop_wanted && !live->for_stop;
    live->stop_wanted = live->stop_wanted || live->for_stop;
    return;
  }
  if (live->stop_wanted && !live->for_stop) {
    pino_runner_kill(live);
    return;
  }
  pino_runner_send_job(live);
}

/* --- the state ------------------------------------------------------------------------------------------------- */

/* What is not told stays. */
static void replace(char **place, const char *given) {
  if (given != NULL)
    pino_engine_set_text(place, given);
}

static void take_shell(PinoLive *live, JsonObject *entry) {
  const char *id = text(entry, "id");
  if (id == NULL)
    return;
  gboolean known = pino_live_shell(live, id) != NULL;
  PinoLiveShell *shell = pino_live_add_shell(live, id);
  gboolean was_running = shell->running;
  replace(&shell->script, text(entry, "script"));
  replace(&shell->log, text(entry, "log"));
  replace(&shell->command, text(entry, "command"));
  shell->index = (int)number(entry, "index", -1);
  shell->pid = number(entry, "pid", shell->pid);
  shell->offset = (guint64)number(entry, "offset", (gint64)shell->offset);
  shell->running = flag(entry, "running");
  if (!shell->running)
    shell->exit_code = (int)number(entry, "exit", -1);
  if (!known)
    shell->started = pino_engine_now();
  if (was_running && !shell->running)
    shell->ended = pino_engine_now();
  if (!known || was_running != shell->running)
    pino_live_shell_changed(shell);
}

/* The runner tells of every shell that is there; what it does not name any more has ended. A script that goes round may
 * have thousands: the last ones are kept here, all of them in the library. */
static void take_shells(PinoLive *live, JsonArray *shells) {
  for (guint i = 0; i < json_array_get_length(shells); i++) {
    JsonNode *node = json_array_get_element(shells, i);
    if (JSON_NODE_HOLDS_OBJECT(node))
      take_shell(live, json_node_get_object(node));
  }
  for (guint i = 0; i < live->shells->len; i++) {
    PinoLiveShell *shell = live->shells->pdata[i];
    gboolean named = FALSE;
    for (guint j = 0; j < json_array_get_length(shells) && !named; j++) {
      JsonNode *node = json_array_get_element(shells, j);
      named =
          JSON_NODE_HOLDS_OBJECT(node) && g_strcmp0(text(json_node_get_object(node), "id"), shell->id) == 0;
    }
    if (named)
      continue;
    if (shell->running) {
      shell->running = FALSE;
      shell->ended = pino_engine_now();
      pino_live_shell_changed(shell);
    }
    if (live->shells->len > KEPT_SHELLS)
      pino_live_drop_shell(live, i--);
  }
}

static GPtrArray *paths_of(JsonArray *array) {
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (json_node_get_value_type(node) == G_TYPE_STRING)
      g_ptr_array_add(paths, json_node_dup_string(node));
  }
  return paths;
}

static void take_scripts(PinoLive *live, JsonObject *message) {
  JsonArray *scripts = list(message, "scripts");
  /* The last scripts of a run are what it was; an operation goes on after its script. */
  if (scripts != NULL && (json_array_get_length(scripts) > 0 || live->row->operation != NULL)) {
    g_clear_pointer(&live->scripts, json_array_unref);
    live->scripts = json_array_ref(scripts);
    live->on_stop = FALSE;
    for (guint i = 0; i < json_array_get_length(scripts); i++) {
      JsonNode *node = json_array_get_element(scripts, i);
      JsonObject *entry = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
      live->on_stop = live->on_stop ||
                      (entry != NULL && json_object_get_boolean_member_with_default(entry, "on_stop", TRUE));
    }
  }
  g_clear_pointer(&live->finished, g_ptr_array_unref);
  g_clear_pointer(&live->failed, g_ptr_array_unref);
  live->finished = paths_of(list(message, "finished"));
  live->failed = paths_of(list(message, "failed"));
}

static void take_common(PinoLive *live, JsonObject *message) {
  live->row->step = (int)number(message, "step", live->row->step);
  live->row->total = (int)number(message, "total", live->row->total);
  replace(&live->method, text(message, "method"));
  replace(&live->opened, text(message, "opened"));
  if (live->for_stop)
    return;
  take_scripts(live, message);
  JsonArray *shells = list(message, "shells");
  if (shells != NULL)
    take_shells(live, shells);
}

static PinoLiveState state_of(const PinoLive *live, const char *phase) {
  if (live->stop_wanted || live->for_stop || g_strcmp0(phase, "stopping") == 0)
    return PINO_LIVE_STOPPING;
  return g_strcmp0(phase, "ready") == 0 ? PINO_LIVE_READY : PINO_LIVE_RUNNING;
}

static void take_state(PinoLive *live, JsonObject *message) {
  PinoLiveState before = live->state;
  const char *phase = text(message, "phase");
  take_common(live, message);
  PinoLiveState state = state_of(live, phase);
  /* An earlier engine may have asked it: twice would end `on.stop` too. */
  if (live->to_cancel && g_strcmp0(phase, "stopping") != 0)
    pino_runner_send(live, "cancel");
  live->to_cancel = FALSE;
  if (state != before)
    pino_live_set_state(live, state);
  else
    pino_live_changed(live, FALSE);
  pino_health_follow(live);
  pino_find_follow(live);
  pino_tunnels_follow(live);
  if (flag(message, "settled") && state == PINO_LIVE_READY) {
    live->leaving = TRUE;
    pino_live_keep_ports(live); /* while its runner still has them */
    pino_live_flush(live->engine);
    pino_runner_send(live, "leave");
  }
}

static GPtrArray *take_children(PinoLive *live) {
  GPtrArray *stops = live->children;
  live->children = g_ptr_array_new_with_free_func(pino_child_stop_free);
  return stops;
}

/* The runner hands its shells over. */
static void take_left(PinoLive *live, JsonObject *message) {
  take_common(live, message);
  pino_live_changed(live, TRUE);
  pino_line_close(live->engine, live->channel);
  live->begun = live->leaving = FALSE;
  if (!live->is_child)
    live->pid = 0;
  PinoEngine *engine = live->engine;
  g_autofree char *run = g_strdup(live->row->id);
  GPtrArray *stops = take_children(live);
  pino_adopt_shells(live);
  pino_query_runner_gone(engine, run, stops);
}

static void take_ended(PinoLive *live, JsonObject *message) {
  const char *outcome = text(message, "outcome");
  g_autofree char *error = g_strdup(text(message, "error"));
  live->over = TRUE;
  pino_runner_send(live, "seen");
  if (live->for_stop) {
    pino_stop_go_on(live);
    return;
  }
  take_common(live, message);
  if (g_strcmp0(outcome, "cancelled") == 0 || live->stop_wanted)
    pino_live_end(live, PINO_LIVE_STOPPED, NULL);
  else if (g_strcmp0(outcome, "stopped") == 0)
    pino_live_end(live, PINO_LIVE_FINISHED, NULL);
  else
    pino_live_end(live, PINO_LIVE_ERROR, error != NULL ? error : "the script failed");
}

/* --- questions ------------------------------------------------------------------------------------------------- */

static PinoQuestion *question_of(PinoLive *live, gint64 asked) {
  for (guint i = 0; i < live->questions->len; i++) {
    PinoQuestion *question = live->questions->pdata[i];
    if (question->number == asked)
      return question;
  }
  return NULL;
}

static void tell_question(PinoLive *live, const PinoQuestion *question, const char *state) {
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "question");
  pino_json_append_member(event, "run", live->row->id);
  pino_json_append_member(event, "app", live->row->app_id);
  pino_json_append_member(event, "question", question->id);
  pino_json_append_member(event, "state", state);
  g_string_append_c(event, '}');
  pino_engine_tell(live->engine, g_string_free(event, FALSE));
}

/* The runner asks again when it has found a new engine: the journal names each question once. */
static void take_ask(PinoLive *live, JsonObject *message) {
  JsonNode *request = json_object_get_member(message, "request");
  gint64 asked = number(message, "id", 0);
  if (request == NULL || question_of(live, asked) != NULL)
    return;
  PinoQuestion *question = g_new0(PinoQuestion, 1);
  question->number = asked;
  question->id = g_strdup_printf("q%" G_GINT64_FORMAT, asked);
  question->script = g_strdup(text(message, "script"));
  question->request = json_to_string(request, FALSE);
  g_ptr_array_add(live->questions, question);
  g_autoptr(GString) line = g_string_new("{");
  pino_json_append_member(line, "type", "ask");
  pino_json_append_member(line, "question", question->id);
  pino_json_append_member(line, "script", question->script);
  g_string_append_printf(line, ",\"request\":%s}", question->request);
  pino_live_note(live, line->str);
  tell_question(live, question, "asked");
}

static void drop_question(PinoLive *live, PinoQuestion *question, const char *state) {
  g_autoptr(GString) line = g_string_new("{");
  pino_json_append_member(line, "type", "answered");
  pino_json_append_member(line, "question", question->id);
  pino_json_append_member(line, "how", state);
  g_string_append_c(line, '}');
  pino_live_note(live, line->str);
  tell_question(live, question, state);
  g_ptr_array_remove(live->questions, question);
}

static void take_withdraw(PinoLive *live, JsonObject *message) {
  PinoQuestion *question = question_of(live, number(message, "id", 0));
  if (question != NULL)
    drop_question(live, question, "withdrawn");
}

static PinoQuestion *find_question(PinoEngine *engine, const char *run, const char *id, PinoLive **live,
                                   GError **error) {
  *live = pino_live_find(engine, run);
  for (guint i = 0; *live != NULL && i < (*live)->questions->len; i++) {
    PinoQuestion *question = (*live)->questions->pdata[i];
    if (g_str_equal(question->id, id) && (*live)->channel != NULL)
      return question;
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the run %s asks no question %s now", run, id);
  return NULL;
}

static void send_answer(PinoLive *live, const PinoQuestion *question, const char *name, const char *json) {
  g_autofree char *line = g_strdup_printf("{\"type\":\"answer\",\"id\":%" G_GINT64_FORMAT ",\"%s\":%s}",
                                          question->number, name, json);
  pino_channel_send(live->channel, line);
}

gboolean pino_engine_answer(PinoEngine *engine, const char *run, const char *question, const char *answers,
                            GError **error) {
  PinoLive *live;
  PinoQuestion *asked = find_question(engine, run, question, &live, error);
  if (asked == NULL)
    return FALSE;
  g_autoptr(JsonNode) node = json_from_string(answers, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the answers are no JSON object by the form's keys");
    return FALSE;
  }
  g_autofree char *line = json_to_string(node, FALSE);
  send_answer(live, asked, "answers", line);
  drop_question(live, asked, "answered");
  return TRUE;
}

gboolean pino_engine_refuse(PinoEngine *engine, const char *run, const char *question, const char *reason,
                            GError **error) {
  PinoLive *live;
  PinoQuestion *asked = find_question(engine, run, question, &live, error);
  if (asked == NULL)
    return FALSE;
  g_autoptr(GString) json = g_string_new(NULL);
  pino_json_append_string(json, reason, strlen(reason));
  send_answer(live, asked, "error", json->str);
  drop_question(live, asked, "refused");
  return TRUE;
}

/* --- what is said without asking -------------------------------------------------------------------------------- */

/* It leaves as it came: the runner has bounded it. */
static void take_told(PinoLive *live, JsonObject *message) {
  JsonNode *data = json_object_get_member(message, "data");
  gint64 dropped = number(message, "dropped", 0);
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "told");
  pino_json_append_member(event, "run", live->row->id);
  pino_json_append_member(event, "app", live->row->app_id);
  pino_json_append_member(event, "name", text(message, "name"));
  if (data != NULL && JSON_NODE_HOLDS_OBJECT(data)) {
    g_autofree char *json = json_to_string(data, FALSE);
    g_string_append_printf(event, ",\"data\":%s", json);
  }
  if (flag(message, "cut"))
    g_string_append(event, ",\"cut\":true");
  if (dropped > 0)
    g_string_append_printf(event, ",\"dropped\":%" G_GINT64_FORMAT, dropped);
  g_string_append_c(event, '}');
  pino_engine_tell(live->engine, g_string_free(event, FALSE));
}

/* --- */

void pino_runner_message(PinoLive *live, JsonObject *message) {
  static const struct {
    const char *type;
    void (*take)(PinoLive *live, JsonObject *message);
  } takers[] = {
      {"state", take_state}, {"left", take_left},         {"ended", take_ended},
      {"ask", take_ask},     {"withdraw", take_withdraw}, {"told", take_told},
  };
  const char *type = text(message, "type");
  if (g_strcmp0(type, "stopped") == 0)
    pino_query_stopped(live, message);
  for (guint i = 0; i < G_N_ELEMENTS(takers); i++) {
    if (g_strcmp0(type, takers[i].type) != 0)
      continue;
    takers[i].take(live, message);
    return;
  }
}

/* What follows when the process is gone as well. */
static void go_on_without(PinoLive *live, gboolean began) {
  if (live->state > PINO_LIVE_STOPPING) {
    pino_live_release(live);
  } else if (live->for_stop) {
    if (!live->over)
      pino_adopt_find(live); /* what its steps had started */
    pino_stop_go_on(live);
  } else if (began)
    pino_adopt(live);
  else if (live->stop_wanted)
    pino_live_end(live, PINO_LIVE_STOPPED, NULL);
  else if (live->pid == 0)
    pino_live_end(live, PINO_LIVE_ERROR, "its runner ended before it began: see logs/engine.log in the home");
}

void pino_runner_closed(PinoLive *live) {
  gboolean began = live->begun;
  if (began && !live->over && pino_runner_lives(live)) {
    live->awaited = TRUE;
    pino_recover_await(live->engine);
    return;
  }
  if (!live->is_child)
    live->pid = 0;
  live->begun = live->leaving = FALSE;
  while (live->questions->len > 0)
    drop_question(live, live->questions->pdata[0], "withdrawn");
  PinoEngine *engine = live->engine;
  g_autofree char *run = g_strdup(live->row->id);
  GPtrArray *stops = take_children(live);
  go_on_without(live, began);
  pino_query_runner_gone(engine, run, stops);
}
