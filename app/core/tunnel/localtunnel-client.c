#include "tunnel/localtunnel-client.h"

#include <string.h>

#include "base/error.h"
#include "tunnel/localtunnel-answer.h"
#include "tunnel/localtunnel-link.h"
#include "tunnel/web.h"

#define ASK_SILENT_S 10 /* the server says nothing */
#define ASK_WHOLE_MS 20000
#define ANSWER_MOST ((gsize)64 * 1024)
#define ASK_TRIES 6
#define TUNNEL_TRIES 3 /* tunnels in a row that were of no use */
#define LINK_TRIES 5   /* connections in a row that were of no use, when no other one holds */
#define FIRST_WAIT_MS 250u
#define LAST_WAIT_MS 8000u
#define TOO_MANY_REQUESTS 429        /* libsoup 3.0 has no name for it */
#define GOOD_US (5 * G_USEC_PER_SEC) /* a connection that held so long was of use */

/* A place for one connection. */
typedef struct {
  PinoLocaltunnel *tunnel;
  PinoLocaltunnelLink *link;
  guint timer;
  guint in_vain;
  gint64 up_at; /* 0: it does not stand */
} Slot;

struct _PinoLocaltunnel {
  const PinoLocaltunnelEvents *events;
  gpointer data;
  char *server; /* without a slash at the end */
  char *server_host;
  char *wanted; /* name, may be NULL */
  char *given;  /* name that the server gave, may be NULL: it is asked for that one again */
  char *host;
  guint16 port;
  SoupSession *session;
  GCancellable *asking; /* NULL: not now */
  guint timer;          /* the next question, or its deadline */
  guint asks_in_vain;
  guint tunnels_in_vain;
  PinoLocaltunnelAnswer *answer; /* NULL: no tunnel */
  PinoLocaltunnelEnds ends;
  gboolean announced;
  gboolean app_missing;
  GPtrArray *slots; /* Slot */
  char *last_said;
};

/* A question under way; the tunnel may be gone when its answer comes. */
typedef struct {
  PinoLocaltunnel *tunnel;
  GCancellable *cancellable;
  SoupMessage *message;
  char body[ANSWER_MOST];
} Question;

static void ask_later(PinoLocaltunnel *tunnel, guint wait_ms);
static void slot_open(Slot *slot);

static guint growing_wait(guint tries) {
  return MIN(LAST_WAIT_MS, FIRST_WAIT_MS << MIN(tries, 8u));
}

static void say(PinoLocaltunnel *tunnel, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(PinoLocaltunnel *tunnel, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *line = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  if (g_strcmp0(line, tunnel->last_said) == 0)
    return;
  g_free(tunnel->last_said);
  tunnel->last_said = g_strdup(line);
  tunnel->events->said(line, tunnel->data);
}

/* --- its end ------------------------------------------------------------------------------------------------------- */

static void slot_free(gpointer data) {
  Slot *slot = data;
  pino_localtunnel_link_free(slot->link);
  g_clear_handle_id(&slot->timer, g_source_remove);
  g_free(slot);
}

/* Leaves the tunnel as it was before its first question. */
static void drop(PinoLocaltunnel *tunnel) {
  g_clear_handle_id(&tunnel->timer, g_source_remove);
  if (tunnel->asking != NULL)
    g_cancellable_cancel(tunnel->asking);
  g_clear_object(&tunnel->asking);
  g_ptr_array_set_size(tunnel->slots, 0);
  g_clear_pointer(&tunnel->answer, pino_localtunnel_answer_free);
  tunnel->announced = FALSE;
}

static void give_up(PinoLocaltunnel *tunnel, PinoError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void give_up(PinoLocaltunnel *tunnel, PinoError code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autoptr(GError) error = g_error_new_valist(PINO_ERROR, (gint)code, format, arguments);
  va_end(arguments);
  drop(tunnel);
  tunnel->events->failed(error, tunnel->data);
}

void pino_localtunnel_free(PinoLocaltunnel *tunnel) {
  if (tunnel == NULL)
    return;
  drop(tunnel);
  g_ptr_array_unref(tunnel->slots);
  g_object_unref(tunnel->session);
  g_free(tunnel->server);
  g_free(tunnel->server_host);
  g_free(tunnel->wanted);
  g_free(tunnel->given);
  g_free(tunnel->host);
  g_free(tunnel->last_said);
  g_free(tunnel);
}

/* --- the connections ----------------------------------------------------------------------------------------------- */

/* The server does not know the tunnel any more, or does not let us at it. */
static void ask_anew(PinoLocaltunnel *tunnel, const char *why) {
  g_autofree char *text = g_strdup(why);
  g_autofree char *where = g_strdup_printf("%s port %u", tunnel->ends.server, tunnel->ends.server_port);
  if (++tunnel->tunnels_in_vain >= TUNNEL_TRIES) {
    give_up(tunnel, PINO_ERROR_NETWORK, "gave up after %u tunnels: %s: %s", TUNNEL_TRIES, where, text);
    return;
  }
  say(tunnel, "the tunnel is gone (%s: %s): asking for one anew", where, text);
  drop(tunnel);
  ask_later(tunnel, growing_wait(tunnel->tunnels_in_vain));
}

static gboolean any_up(const PinoLocaltunnel *tunnel) {
  for (guint i = 0; i < tunnel->slots->len; i++) {
    const Slot *slot = g_ptr_array_index(tunnel->slots, i);
    if (slot->up_at != 0)
      return TRUE;
  }
  return FALSE;
}

static void on_connected(gpointer data) {
  Slot *slot = data;
  PinoLocaltunnel *tunnel = slot->tunnel;
  slot->up_at = g_get_monotonic_time();
  if (tunnel->announced)
    return;
  tunnel->announced = TRUE;
  tunnel->events->address(tunnel->answer->url, tunnel->data);
}

static void on_local(gboolean there, const char *why, gpointer data) {
  Slot *slot = data;
  PinoLocaltunnel *tunnel = slot->tunnel;
  if (!there && !tunnel->app_missing)
    say(tunnel, "the app does not answer on %s port %u: %s", tunnel->host, tunnel->port, why);
  if (there && tunnel->app_missing)
    say(tunnel, "the app answers again");
  tunnel->app_missing = !there;
}

static gboolean on_slot_timer(gpointer data) {
  Slot *slot = data;
  slot->timer = 0;
  slot_open(slot);
  return G_SOURCE_REMOVE;
}

static void on_ended(PinoLocaltunnelLinkEnd how, const char *why, gpointer data) {
  Slot *slot = data;
  PinoLocaltunnel *tunnel = slot->tunnel;
  gboolean held = slot->up_at != 0 && g_get_monotonic_time() - slot->up_at >= GOOD_US;
  gboolean good = how == PINO_LINK_USED || held;
  g_autofree char *reason = g_strdup(how == PINO_LINK_UNUSED ? "the server closes connections at once" : why);
  slot->up_at = 0;
  g_clear_pointer(&slot->link, pino_localtunnel_link_free);
  slot->in_vain = good ? 0 : slot->in_vain + 1;
  if (good)
    tunnel->tunnels_in_vain = 0;
  gboolean alone = !any_up(tunnel);
  if (alone && (how == PINO_LINK_REFUSED || slot->in_vain >= LINK_TRIES))
    ask_anew(tunnel, reason);
  else
    slot->timer = g_timeout_add(good ? 0 : growing_wait(slot->in_vain - 1), on_slot_timer, slot);
}

static void slot_open(Slot *slot) {
  static const PinoLocaltunnelLinkEvents events = {on_connected, on_local, on_ended};
  slot->link = pino_localtunnel_link_new(&slot->tunnel->ends, &events, slot);
}

static void establish(PinoLocaltunnel *tunnel) {
  const PinoLocaltunnelAnswer *answer = tunnel->answer;
  tunnel->ends = (PinoLocaltunnelEnds){
      .server = answer->ip != NULL ? answer->ip : tunnel->server_host,
      .server_port = answer->port,
      .local = tunnel->host,
      .local_port = tunnel->port,
  };
  for (guint i = 0; i < answer->connections; i++) {
    Slot *slot = g_new0(Slot, 1);
    slot->tunnel = tunnel;
    g_ptr_array_add(tunnel->slots, slot);
    slot_open(slot);
  }
}

/* --- the question -------------------------------------------------------------------------------------------------- */

static void ask_failed(PinoLocaltunnel *tunnel, const char *why) {
  if (++tunnel->asks_in_vain >= ASK_TRIES) {
    give_up(tunnel, PINO_ERROR_NETWORK, "gave up after %u tries: %s gives no tunnel: %s", ASK_TRIES,
            tunnel->server, why);
    return;
  }
  say(tunnel, "%s gives no tunnel: %s; trying again", tunnel->server, why);
  ask_later(tunnel, growing_wait(tunnel->asks_in_vain));
}

/* The name that it gave before is not to be had any more: then any. */
static gboolean forget_name(PinoLocaltunnel *tunnel) {
  gboolean remembered = tunnel->given != NULL && g_strcmp0(tunnel->given, tunnel->wanted) != 0;
  g_clear_pointer(&tunnel->given, g_free);
  return remembered;
}

static void refused(PinoLocaltunnel *tunnel, guint status, const char *message) {
  const char *mark = message != NULL ? ": " : "";
  const char *text = message != NULL ? message : "";
  if (status == TOO_MANY_REQUESTS)
    give_up(tunnel, PINO_ERROR_LIMIT, "%s was asked too often, it refuses for a while (429%s%s)",
            tunnel->server, mark, text);
  else if (forget_name(tunnel))
    ask_later(tunnel, 0);
  else
    give_up(tunnel, PINO_ERROR_UNAVAILABLE, "%s refuses to give a tunnel (%u%s%s)", tunnel->server, status,
            mark, text);
}

static void answered(PinoLocaltunnel *tunnel, guint status, const char *body, gsize length) {
  g_autoptr(GError) error = NULL;
  if (status >= 400 && status < 500) {
    g_autofree char *message = pino_localtunnel_answer_message(body, length);
    refused(tunnel, status, message);
    return;
  }
  if (status != SOUP_STATUS_OK)
    g_set_error(&error, PINO_ERROR, PINO_ERROR_NETWORK, "it answers with status %u", status);
  else
    tunnel->answer = pino_localtunnel_answer_parse(body, length, &error);
  if (tunnel->answer == NULL) {
    ask_failed(tunnel, error->message);
    return;
  }
  const PinoLocaltunnelAnswer *answer = tunnel->answer;
  tunnel->asks_in_vain = 0;
  if (tunnel->wanted != NULL && answer->id != NULL && !g_str_equal(answer->id, tunnel->wanted))
    say(tunnel, "the name %s is taken, this is another one", tunnel->wanted);
  g_free(tunnel->given);
  tunnel->given = g_strdup(answer->id);
  establish(tunnel);
}

static void question_free(Question *question) {
  g_object_unref(question->cancellable);
  g_object_unref(question->message);
  g_free(question);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Question, question_free)

/* The tunnel; NULL when the answer is not awaited any more. */
static PinoLocaltunnel *question_over(Question *question) {
  PinoLocaltunnel *tunnel = question->tunnel;
  if (g_cancellable_is_cancelled(question->cancellable))
    return NULL;
  g_clear_handle_id(&tunnel->timer, g_source_remove);
  g_clear_object(&tunnel->asking);
  return tunnel;
}

static void on_body(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(Question) question = data;
  g_autoptr(GError) error = NULL;
  gsize length = 0;
  gboolean read = g_input_stream_read_all_finish(G_INPUT_STREAM(source), result, &length, &error);
  PinoLocaltunnel *tunnel = question_over(question);
  if (tunnel == NULL)
    return;
  if (read)
    answered(tunnel, soup_message_get_status(question->message), question->body, length);
  else
    ask_failed(tunnel, error->message);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(Question) question = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(source), result, &error);
  if (body != NULL && !g_cancellable_is_cancelled(question->cancellable)) {
    Question *goes_on = g_steal_pointer(&question);
    g_input_stream_read_all_async(body, goes_on->body, sizeof goes_on->body, G_PRIORITY_DEFAULT,
                                  goes_on->cancellable, on_body, goes_on);
    return;
  }
  PinoLocaltunnel *tunnel = question_over(question);
  if (tunnel != NULL)
    ask_failed(tunnel, error->message);
}

static gboolean on_too_late(gpointer data) {
  PinoLocaltunnel *tunnel = data;
  tunnel->timer = 0;
  g_cancellable_cancel(tunnel->asking);
  g_clear_object(&tunnel->asking);
  ask_failed(tunnel, "it does not come to an end with its answer");
  return G_SOURCE_REMOVE;
}

static gboolean on_ask(gpointer data) {
  PinoLocaltunnel *tunnel = data;
  const char *name = tunnel->given != NULL ? tunnel->given : tunnel->wanted;
  g_autofree char *escaped = name != NULL ? g_uri_escape_string(name, NULL, FALSE) : NULL;
  g_autofree char *url = g_strconcat(tunnel->server, "/", escaped != NULL ? escaped : "?new", NULL);
  Question *question = g_new0(Question, 1);
  question->tunnel = tunnel;
  question->cancellable = g_cancellable_new();
  question->message = soup_message_new(SOUP_METHOD_GET, url);
  tunnel->asking = g_object_ref(question->cancellable);
  tunnel->timer = g_timeout_add(ASK_WHOLE_MS, on_too_late, tunnel);
  soup_session_send_async(tunnel->session, question->message, G_PRIORITY_DEFAULT, question->cancellable,
                          on_answer, question);
  return G_SOURCE_REMOVE;
}

static void ask_later(PinoLocaltunnel *tunnel, guint wait_ms) {
  tunnel->timer = g_timeout_add(wait_ms, on_ask, tunnel);
}

/* --- */

static GUri *parse_server(const char *server) {
  g_autoptr(GUri) uri = g_uri_parse(server, SOUP_HTTP_URI_FLAGS, NULL);
  if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0' ||
      g_uri_get_query(uri) != NULL || g_uri_get_fragment(uri) != NULL)
    return NULL;
  gboolean spoken = g_str_equal(g_uri_get_scheme(uri), "http") || g_str_equal(g_uri_get_scheme(uri), "https");
  return spoken ? g_steal_pointer(&uri) : NULL;
}

PinoLocaltunnel *pino_localtunnel_new(const PinoLocaltunnelSpec *spec, const PinoLocaltunnelEvents *events,
                                      gpointer data, GError **error) {
  const char *server = spec->server != NULL ? spec->server : PINO_LOCALTUNNEL_SERVER;
  g_autoptr(GUri) uri = parse_server(server);
  if (uri == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is no address of a server, as %s is", server,
                PINO_LOCALTUNNEL_SERVER);
    return NULL;
  }
  PinoLocaltunnel *tunnel = g_new0(PinoLocaltunnel, 1);
  gsize length = strlen(server);
  while (server[length - 1] == '/')
    length--;
  tunnel->events = events;
  tunnel->data = data;
  tunnel->server = g_strndup(server, length);
  tunnel->server_host = g_strdup(g_uri_get_host(uri));
  tunnel->wanted = g_strdup(spec->name);
  tunnel->host = g_strdup(spec->host != NULL ? spec->host : "127.0.0.1");
  tunnel->port = spec->port;
  tunnel->session = pino_web_session(ASK_SILENT_S);
  tunnel->slots = g_ptr_array_new_with_free_func(slot_free);
  ask_later(tunnel, 0);
  return tunnel;
}
