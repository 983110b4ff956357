#include "runner/link.h"

#include <string.h>

#include "base/error.h"
#include "base/wait.h"
#include "control/channel.h"

#define FIRST_RETRY_MS 200
#define LAST_RETRY_MS 2000

struct _PinoLink {
  char *socket;
  PinoLinkEvents events;
  gpointer data;
  PinoChannel *channel; /* NULL: there is no engine */
  guint retry;          /* source */
  guint retry_ms;
  GMutex lock; /* of the following */
  GCond answered;
  GQueue open; /* Request: asked and not answered, in that order; each holds a reference */
  gint64 last_id;
};

/* A question on its way; shared by the thread that waits and the main thread. */
typedef struct {
  PinoLink *link;
  gint64 id;
  char *json;
  GMainContext *context; /* of who waits, when it is served meanwhile */
  gboolean done;         /* under the lock */
  gboolean served;       /* the same, set in context */
  JsonNode *value;
  char *error;
} Request;

static void request_clear(gpointer data) {
  Request *request = data;
  g_free(request->json);
  g_free(request->error);
  g_clear_pointer(&request->value, json_node_unref);
  g_clear_pointer(&request->context, g_main_context_unref);
}

static void request_unref(gpointer request) {
  g_atomic_rc_box_release_full(request, request_clear);
}

/* --- the line ------------------------------------------------------------------------------------------------------- */

static gboolean on_retry(gpointer data);

static void retry_later(PinoLink *link) {
  if (link->retry == 0)
    link->retry = g_timeout_add(link->retry_ms, on_retry, link);
  link->retry_ms = MIN(link->retry_ms * 2, LAST_RETRY_MS);
}

static GPtrArray *open_requests(PinoLink *link) {
  GPtrArray *requests = g_ptr_array_new_with_free_func(request_unref);
  g_mutex_lock(&link->lock);
  for (GList *at = link->open.head; at != NULL; at = at->next)
    g_ptr_array_add(requests, g_atomic_rc_box_acquire(at->data));
  g_mutex_unlock(&link->lock);
  return requests;
}

static gboolean set_served(gpointer data) {
  Request *request = data;
  request->served = TRUE;
  return G_SOURCE_REMOVE;
}

static Request *take_open(PinoLink *link, gint64 id) {
  for (GList *at = link->open.head; at != NULL; at = at->next) {
    Request *request = at->data;
    if (request->id != id)
      continue;
    g_queue_delete_link(&link->open, at);
    return request;
  }
  return NULL;
}

/* reply {id, value | error}, answer {id, answers | error} */
static void take_answer(PinoLink *link, JsonObject *message, const char *member) {
  gint64 id = json_object_get_int_member_with_default(message, "id", 0);
  const char *error = json_object_get_string_member_with_default(message, "error", NULL);
  JsonNode *value = json_object_get_member(message, member);
  g_mutex_lock(&link->lock);
  Request *request = take_open(link, id);
  if (request != NULL) {
    request->error = g_strdup(error);
    request->value = value != NULL ? json_node_copy(value) : json_node_new(JSON_NODE_NULL);
    request->done = TRUE;
    g_cond_broadcast(&link->answered);
    if (request->context != NULL)
      g_main_context_invoke_full(request->context, G_PRIORITY_DEFAULT, set_served,
                                 g_atomic_rc_box_acquire(request), request_unref);
  }
  g_mutex_unlock(&link->lock);
  if (request != NULL)
    request_unref(request);
}

static void on_message(PinoChannel *channel, JsonObject *message, gpointer data) {
  PinoLink *link = data;
  const char *type = json_object_get_string_member_with_default(message, "type", "");
  if (g_str_equal(type, "reply"))
    take_answer(link, message, "value");
  else if (g_str_equal(type, "answer"))
    take_answer(link, message, "answers");
  else
    link->events.message(link, type, message, link->data);
}

static void on_closed(PinoChannel *channel, const GError *error, gpointer data) {
  PinoLink *link = data;
  if (error != NULL)
    g_printerr("the engine's line was lost: %s\n", error->message);
  g_clear_pointer(&link->channel, pino_channel_free);
  link->retry_ms = FIRST_RETRY_MS;
  retry_later(link);
  link->events.down(link, link->data);
}

static gboolean on_retry(gpointer data) {
  static const PinoChannelEvents events = {.message = on_message, .closed = on_closed};
  PinoLink *link = data;
  link->retry = 0;
  int fd = pino_control_connect(link->socket, NULL);
  if (fd < 0) {
    retry_later(link);
    return G_SOURCE_REMOVE;
  }
  link->channel = pino_channel_new(fd, &events, link);
  link->retry_ms = FIRST_RETRY_MS;
  link->events.up(link, link->data);
  g_autoptr(GPtrArray) requests = open_requests(link);
  for (guint i = 0; i < requests->len; i++)
    pino_link_send(link, ((Request *)requests->pdata[i])->json);
  return G_SOURCE_REMOVE;
}

PinoLink *pino_link_new(const char *socket, const PinoLinkEvents *events, gpointer data) {
  PinoLink *link = g_new0(PinoLink, 1);
  link->socket = g_strdup(socket);
  link->events = *events;
  link->data = data;
  link->retry_ms = FIRST_RETRY_MS;
  g_mutex_init(&link->lock);
  g_cond_init(&link->answered);
  g_queue_init(&link->open);
  link->retry = g_idle_add(on_retry, link);
  return link;
}

void pino_link_free(PinoLink *link) {
  if (link->retry != 0)
    g_source_remove(link->retry);
  pino_channel_free(link->channel);
  g_queue_clear_full(&link->open, request_unref);
  g_cond_clear(&link->answered);
  g_mutex_clear(&link->lock);
  g_free(link->socket);
  g_free(link);
}

void pino_link_count_from(PinoLink *link, gint64 number) {
  g_mutex_lock(&link->lock);
  link->last_id = MAX(link->last_id, number);
  g_mutex_unlock(&link->lock);
}

void pino_link_send(PinoLink *link, const char *json) {
  if (link->channel != NULL)
    pino_channel_send(link->channel, json);
}

gboolean pino_link_flush(PinoLink *link, guint timeout_ms) {
  return link->channel != NULL && pino_channel_flush(link->channel, timeout_ms);
}

/* --- other threads -------------------------------------------------------------------------------------------------- */

void pino_link_invoke(PinoLink *link, GSourceFunc function, gpointer data) {
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, function, data, NULL);
  g_source_attach(source, NULL);
}

typedef struct {
  PinoLink *link;
  char *json;
} Posted;

static gboolean on_posted(gpointer data) {
  Posted *posted = data;
  pino_link_send(posted->link, posted->json);
  g_free(posted->json);
  g_free(posted);
  return G_SOURCE_REMOVE;
}

void pino_link_post(PinoLink *link, char *json) {
  Posted *posted = g_new0(Posted, 1);
  *posted = (Posted){.link = link, .json = json};
  pino_link_invoke(link, on_posted, posted);
}

static gboolean on_request(gpointer data) {
  Request *request = data;
  g_mutex_lock(&request->link->lock);
  gboolean open = g_queue_find(&request->link->open, request) != NULL;
  g_mutex_unlock(&request->link->lock);
  if (open)
    pino_link_send(request->link, request->json);
  request_unref(request);
  return G_SOURCE_REMOVE;
}

static Request *request_new(PinoLink *link, const char *type, const char *members, gboolean serve) {
  Request *request = g_atomic_rc_box_new0(Request);
  request->link = link;
  request->context = serve ? g_main_context_ref_thread_default() : NULL;
  g_mutex_lock(&link->lock);
  request->id = ++link->last_id;
  request->json =
      g_strdup_printf("{\"type\":\"%s\",\"id\":%" G_GINT64_FORMAT ",%s}", type, request->id, members);
  g_queue_push_tail(&link->open, g_atomic_rc_box_acquire(request));
  g_mutex_unlock(&link->lock);
  pino_link_invoke(link, on_request, g_atomic_rc_box_acquire(request));
  return request;
}

static void on_cancelled(GCancellable *cancellable, gpointer data) {
  PinoLink *link = data;
  g_mutex_lock(&link->lock);
  g_cond_broadcast(&link->answered);
  g_mutex_unlock(&link->lock);
}

static void wait_blocked(Request *request, guint timeout_ms, GCancellable *cancellable) {
  PinoLink *link = request->link;
  gint64 deadline_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
  gulong handler =
      cancellable != NULL ? g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), link, NULL) : 0;
  g_mutex_lock(&link->lock);
  gboolean in_time = TRUE;
  while (!request->done && in_time && !g_cancellable_is_cancelled(cancellable)) {
    if (timeout_ms == 0)
      g_cond_wait(&link->answered, &link->lock);
    else
      in_time = g_cond_wait_until(&link->answered, &link->lock, deadline_us);
  }
  g_mutex_unlock(&link->lock);
  if (handler != 0)
    g_cancellable_disconnect(cancellable, handler);
}

/* Nobody waits for it any more; FALSE when it was answered after all. */
static gboolean give_up(Request *request) {
  g_mutex_lock(&request->link->lock);
  Request *open = take_open(request->link, request->id);
  g_mutex_unlock(&request->link->lock);
  if (open != NULL)
    request_unref(open);
  return open != NULL;
}

static JsonNode *result_of(Request *request, GCancellable *cancellable, GError **error) {
  if (give_up(request)) {
    if (g_cancellable_is_cancelled(cancellable))
      g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "cancelled");
    else
      g_set_error_literal(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the engine does not answer");
    return NULL;
  }
  if (request->error == NULL)
    return g_steal_pointer(&request->value);
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, request->error);
  return NULL;
}

JsonNode *pino_link_ask(PinoLink *link, const char *type, const char *members, gboolean serve,
                        guint timeout_ms, GCancellable *cancellable, GError **error) {
  Request *request = request_new(link, type, members, serve);
  if (serve)
    pino_wait(&request->served, cancellable, NULL);
  else
    wait_blocked(request, timeout_ms, cancellable);
  gint64 id = request->id;
  g_autoptr(GError) found = NULL;
  JsonNode *value = result_of(request, cancellable, &found);
  request_unref(request);
  if (found != NULL && !g_error_matches(found, PINO_ERROR, PINO_ERROR_FAILED) && g_str_equal(type, "ask"))
    pino_link_post(link, g_strdup_printf("{\"type\":\"withdraw\",\"id\":%" G_GINT64_FORMAT "}", id));
  if (found != NULL)
    g_propagate_error(error, g_steal_pointer(&found));
  return value;
}
