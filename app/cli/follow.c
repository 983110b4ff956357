#include "cli/follow.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/wait.h"
#include "cli/printer.h"
#include "cli/say.h"
#include "cli/slice.h"

#define LOOK_MS 100  /* for an engine that went by itself */
#define CALM_MS 200  /* before a connection that brought nothing is tried again */
#define FRUITLESS 25 /* so many times */
#define ANSWER_PAUSE_MS 200
#define ANSWER_TRIES 25

typedef struct {
  const PinoFollow *what;
  PinoClient **client;
  PinoPrinter printer;
  guint64 offset;
  GCancellable *left; /* Ctrl-C */
  gboolean ready, closed;
  guint code;
  guint fruitless;
  /* questions */
  GHashTable *known; /* ids that were asked already */
  GQueue *waiting;   /* Question */
  struct Question *asking;
  guint signals[3];
} Follower;

/* --- questions ----------------------------------------------------------------------------------------------------- */

typedef struct Question {
  Follower *follower;
  char *id, *request;
  GCancellable *over; /* no answer is wanted any more */
  gboolean elsewhere; /* it was answered by somebody else */
  GThread *thread;
  guint tries;
  char *answers;
  GError *error;
} Question;

static void question_free(Question *question) {
  g_free(question->id);
  g_free(question->request);
  g_object_unref(question->over);
  g_free(question->answers);
  g_clear_error(&question->error);
  g_free(question);
}

static void ask_next(Follower *follower);

static gboolean post_answer(Follower *follower, const Question *question, GError **error) {
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, error);
  if (client == NULL)
    return FALSE;
  g_autoptr(GString) body = g_string_new("{");
  pino_json_append_member(body, "question", question->id);
  if (question->answers != NULL)
    g_string_append_printf(body, ",\"answers\":%s", question->answers);
  else
    pino_json_append_member(body, "refuse", question->error->message);
  g_string_append_c(body, '}');
  g_autofree char *path = pino_client_path("/v1/runs/%s/answer", follower->what->run);
  g_autoptr(JsonNode) answer = pino_client_request(client, "POST", path, body->str, NULL, error);
  return answer != NULL;
}

/* An engine that was started again knows the question as soon as the script's process has found it: until then the answer
 * is tried again. FALSE: not yet. */
static gboolean deliver(Follower *follower, Question *question) {
  g_autoptr(GError) error = NULL;
  if (question->elsewhere) /* also when the run's end has come meanwhile */
    pino_printer_say(&follower->printer, "the question was answered elsewhere");
  if (question->elsewhere || g_cancellable_is_cancelled(follower->left))
    return TRUE;
  if (post_answer(follower, question, &error))
    return TRUE;
  gboolean may_come = g_error_matches(error, PINO_ERROR, PINO_ERROR_NOT_FOUND) ||
                      g_error_matches(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  if (may_come && question->tries++ < ANSWER_TRIES)
    return FALSE;
  pino_printer_say(&follower->printer, error->message);
  return TRUE;
}

static gboolean has_fields(PinoSlice request) {
  PinoSlice at = {0};
  return pino_slice_next(pino_slice_member(request, "form"), &at);
}

/* What has no fields is a message with a button: where nobody can press it, the script goes on, as it does in
 * `pinokiocloud run`. */
static void press_button(Follower *follower, Question *question) {
  PinoSlice request = {.text = question->request, .length = strlen(question->request)};
  if (!g_error_matches(question->error, PINO_ERROR, PINO_ERROR_UNAVAILABLE) || has_fields(request))
    return;
  g_clear_error(&question->error);
  question->answers = g_strdup("{}");
  static const char *const parts[] = {"title", "description"};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *text = pino_slice_text(pino_slice_member(request, parts[i]));
    if (text != NULL && *text != '\0')
      pino_printer_say(&follower->printer, text);
  }
}

static gboolean on_answered(gpointer data) {
  Question *question = data;
  Follower *follower = question->follower;
  g_clear_pointer(&question->thread, g_thread_join);
  press_button(follower, question);
  if (!deliver(follower, question)) {
    g_timeout_add(ANSWER_PAUSE_MS, on_answered, question);
    return G_SOURCE_REMOVE;
  }
  follower->asking = NULL;
  question_free(question);
  ask_next(follower);
  return G_SOURCE_REMOVE;
}

static gpointer ask_thread(gpointer data) {
  Question *question = data;
  question->answers = pino_answers_ask(question->request, question->over, question->follower->what->answers,
                                       &question->error);
  g_idle_add(on_answered, question);
  return NULL;
}

static void ask_next(Follower *follower) {
  if (follower->asking != NULL || g_cancellable_is_cancelled(follower->left))
    return;
  follower->asking = g_queue_pop_head(follower->waiting);
  if (follower->asking == NULL)
    return;
  pino_printer_flush(&follower->printer);
  follower->asking->thread = g_thread_new("ask", ask_thread, follower->asking);
}

/* An engine that was started again asks again: the id is the same. */
static void take_ask(Follower *follower, PinoSlice event) {
  g_autofree char *id = pino_slice_text(pino_slice_member(event, "question"));
  PinoSlice request = pino_slice_member(event, "request");
  if (follower->what->answers == NULL || id == NULL || request.text == NULL ||
      !g_hash_table_add(follower->known, g_strdup(id)))
    return;
  Question *question = g_new0(Question, 1);
  question->follower = follower;
  question->id = g_steal_pointer(&id);
  question->request = g_strndup(request.text, request.length);
  question->over = g_cancellable_new();
  g_queue_push_tail(follower->waiting, question);
  ask_next(follower);
}

static void take_answered(Follower *follower, PinoSlice event) {
  PinoSlice id = pino_slice_member(event, "question");
  if (follower->asking != NULL && pino_slice_is(id, follower->asking->id)) {
    follower->asking->elsewhere = TRUE;
    g_cancellable_cancel(follower->asking->over);
  }
  for (GList *at = follower->waiting->head; at != NULL; at = at->next) {
    Question *question = at->data;
    if (!pino_slice_is(id, question->id))
      continue;
    question_free(question);
    g_queue_delete_link(follower->waiting, at);
    return;
  }
}

/* --- events -------------------------------------------------------------------------------------------------------- */

static void take_end(Follower *follower, PinoSlice event) {
  if (pino_slice_member(event, "script").text == NULL)
    follower->ready = pino_slice_is(pino_slice_member(event, "outcome"), "daemon");
}

/* Older apps stay in a step that never ends: they are ready without an end of their steps. */
static void take_ready(Follower *follower, PinoSlice event) {
  if (pino_slice_member(event, "script").text == NULL)
    follower->ready = TRUE;
}

static void take_event(Follower *follower, PinoSlice event) {
  PinoSlice type = pino_slice_member(event, "type");
  pino_printer_take(&follower->printer, event);
  if (pino_slice_is(type, "ask"))
    take_ask(follower, event);
  else if (pino_slice_is(type, "answered"))
    take_answered(follower, event);
  else if (pino_slice_is(type, "ready"))
    take_ready(follower, event);
  else if (pino_slice_is(type, "end"))
    take_end(follower, event);
}

static void on_message(gboolean is_text, const char *bytes, gsize length, gpointer data) {
  Follower *follower = data;
  PinoSlice message = {.text = bytes, .length = length};
  PinoSlice events = pino_slice_member(message, "events");
  PinoSlice offset = pino_slice_member(message, "offset");
  for (PinoSlice at = {0}; pino_slice_next(events, &at);)
    take_event(follower, at);
  pino_printer_flush(&follower->printer);
  if (offset.text != NULL)
    follower->offset = pino_slice_number(offset);
  follower->fruitless = 0;
}

static void on_closed(guint code, const char *reason, gpointer data) {
  Follower *follower = data;
  follower->closed = TRUE;
  follower->code = code;
}

static gboolean has_left(const Follower *follower) {
  return follower->printer.broken || g_cancellable_is_cancelled(follower->left);
}

/* --- the engine goes and comes ------------------------------------------------------------------------------------- */

static gboolean rest(Follower *follower, guint ms) {
  return pino_wait_ms(ms, follower->left, NULL);
}

/* An engine that ended in order took its note with it; it is not started again against its person's will. */
static gboolean went_by_itself(const PinoEndpoint *place) {
  PinoEndpointNote note;
  return pino_endpoint_look(place, NULL) == PINO_ENDPOINT_NOBODY && !pino_endpoint_read_note(place, &note);
}

static void wait_for_engine(Follower *follower) {
  const PinoEndpoint *place = pino_client_place(*follower->client);
  pino_printer_say(&follower->printer, "the engine has ended, the app goes on; waiting for an engine");
  while (pino_endpoint_look(place, NULL) != PINO_ENDPOINT_SERVED && rest(follower, LOOK_MS))
    ;
}

/* Whether the run is still known as one that goes on: a socket that was closed in order may only mean that the engine
 * goes. */
static gboolean is_over(Follower *follower) {
  static const char *const last[] = {"finished", "stopped", "error", "interrupted", NULL};
  g_autofree char *path = pino_client_path("/v1/runs/%s", follower->what->run);
  g_autoptr(JsonNode) node = pino_client_get_object(*follower->client, path, NULL);
  return node != NULL && g_strv_contains(last, json_object_get_string_member_with_default(
                                                   json_node_get_object(node), "state", ""));
}

/* FALSE: it is no use to go on. */
static gboolean connect_again(Follower *follower, GError **error) {
  if (went_by_itself(pino_client_place(*follower->client)))
    wait_for_engine(follower);
  if (has_left(follower))
    return TRUE;
  if (follower->fruitless++ > 0 && !rest(follower, CALM_MS))
    return TRUE;
  if (follower->fruitless > FRUITLESS) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "the engine closes the events of run %s again and again", follower->what->run);
    return FALSE;
  }
  PinoClient *client = pino_client_connect(TRUE, error);
  if (client == NULL)
    return FALSE;
  pino_client_free(*follower->client);
  *follower->client = client;
  return TRUE;
}

static gboolean is_done(const Follower *follower) {
  return has_left(follower) || (follower->ready && follower->what->until_ready);
}

/* One connection, to its end. FALSE: it could not be made. */
static gboolean follow_once(Follower *follower, GError **error) {
  static const PinoClientEvents events = {.message = on_message, .closed = on_closed};
  g_autofree char *name = pino_client_path("/v1/runs/%s/events", follower->what->run);
  g_autofree char *path = g_strdup_printf("%s?offset=%" G_GUINT64_FORMAT, name, follower->offset);
  follower->closed = FALSE;
  g_autoptr(PinoClientSocket) socket =
      pino_client_open(*follower->client, path, &events, follower, follower->left, error);
  if (socket == NULL)
    return FALSE;
  while (!follower->closed && !is_done(follower))
    g_main_context_iteration(NULL, TRUE);
  return TRUE;
}

static PinoFollowEnd follow_all(Follower *follower, GError **error) {
  for (;;) {
    g_autoptr(GError) failed = NULL;
    gboolean opened = follow_once(follower, &failed);
    if (has_left(follower))
      return PINO_FOLLOW_LEFT;
    if (is_done(follower))
      return PINO_FOLLOW_READY;
    if (!opened && !g_error_matches(failed, PINO_ERROR, PINO_ERROR_UNAVAILABLE)) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return PINO_FOLLOW_FAILED;
    }
    if (opened && follower->code == 1000 && is_over(follower))
      return PINO_FOLLOW_OVER;
    if (!opened)
      follower->code = PINO_CLIENT_BROKEN;
    if (!connect_again(follower, error))
      return PINO_FOLLOW_FAILED;
  }
}

/* --- */

static gboolean on_signal(gpointer data) {
  g_cancellable_cancel(((Follower *)data)->left);
  return G_SOURCE_CONTINUE;
}

static void begin(Follower *follower) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  pino_printer_init(&follower->printer, follower->what->events);
  follower->offset = follower->what->offset;
  follower->left = g_cancellable_new();
  follower->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  follower->waiting = g_queue_new();
  for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
    follower->signals[i] = g_unix_signal_add(signals[i], on_signal, follower);
}

/* A question that is on the terminal is taken back first: it has changed the terminal. */
static void finish(Follower *follower) {
  g_cancellable_cancel(follower->left);
  if (follower->asking != NULL)
    g_cancellable_cancel(follower->asking->over);
  while (follower->asking != NULL)
    g_main_context_iteration(NULL, TRUE);
  g_queue_free_full(follower->waiting, (GDestroyNotify)question_free);
  for (guint i = 0; i < G_N_ELEMENTS(follower->signals); i++)
    g_source_remove(follower->signals[i]);
  g_hash_table_unref(follower->known);
  g_object_unref(follower->left);
  pino_printer_clear(&follower->printer);
}

PinoFollowEnd pino_follow(PinoClient **client, const PinoFollow *follow, GError **error) {
  Follower follower = {.what = follow, .client = client};
  begin(&follower);
  PinoFollowEnd end = follow_all(&follower, error);
  /* What the command says next has a line of its own. */
  if (follower.printer.in_line && !follow->events && (end == PINO_FOLLOW_READY || isatty(STDOUT_FILENO)))
    pino_put(STDOUT_FILENO, "\n", 1);
  finish(&follower);
  return end;
}

gboolean pino_follow_print(PinoClient *client, const PinoFollow *follow, GError **error) {
  PinoPrinter printer;
  guint64 offset = follow->offset, next = 0;
  gboolean more = TRUE;
  g_autofree char *name = pino_client_path("/v1/runs/%s/events", follow->run);
  pino_printer_init(&printer, follow->events);
  while (more && !printer.broken) {
    g_autofree char *path = g_strdup_printf("%s?offset=%" G_GUINT64_FORMAT, name, offset);
    g_autoptr(GBytes) bytes = pino_client_get_bytes(client, path, &next, error);
    if (bytes == NULL)
      break;
    gsize length;
    const char *at = g_bytes_get_data(bytes, &length);
    for (const char *end = at + length; at < end;) {
      const char *newline = memchr(at, '\n', (gsize)(end - at));
      const char *behind = newline != NULL ? newline : end;
      if (behind > at)
        pino_printer_take(&printer, (PinoSlice){.text = at, .length = (gsize)(behind - at)});
      at = behind + 1;
    }
    pino_printer_flush(&printer);
    more = length > 0 && next > offset;
    offset = next;
  }
  pino_printer_clear(&printer);
  return more == FALSE || printer.broken;
}
