#include <string.h>

#include "base/error.h"
#include "server/body.h"
#include "server/internal.h"
#include "server/problem.h"

#define WRITE_MS 60000 /* for a client to take an answer */

static void call_unref(gpointer data) {
  PinoCall *call = data;
  if (--call->refs > 0)
    return;
  for (guint i = 0; i < PINO_CALL_NAMES; i++)
    g_free(call->names[i]);
  g_clear_pointer(&call->query, g_hash_table_unref);
  g_clear_pointer(&call->raw, g_bytes_unref);
  g_clear_pointer(&call->body, json_object_unref);
  g_free(call);
}

static GQuark call_quark(void) {
  return g_quark_from_static_string("pino-call");
}

PinoCall *pino_call_of(PinoServer *server, SoupServerMessage *message) {
  PinoCall *call = g_object_get_qdata(G_OBJECT(message), call_quark());
  if (call != NULL)
    return call;
  call = g_new0(PinoCall, 1);
  call->refs = 1;
  call->server = server;
  call->engine = server->engine;
  call->message = message;
  call->connection = pino_connection_of(message);
  g_object_set_qdata_full(G_OBJECT(message), call_quark(), call, call_unref);
  return call;
}

/* --- what was asked ---- */

PinoServer *pino_call_server(PinoCall *call) {
  return call->server;
}

PinoEngine *pino_call_engine(PinoCall *call) {
  return call->engine;
}

gboolean pino_call_is_local(PinoCall *call) {
  return pino_connection_is_local(call->connection);
}

const char *pino_call_name(PinoCall *call, guint index) {
  return call->names[index];
}

static JsonNode *member_of(PinoCall *call, const char *member) {
  return call->body != NULL ? json_object_get_member(call->body, member) : NULL;
}

const char *pino_call_text(PinoCall *call, const char *member) {
  JsonNode *node = member_of(call, member);
  return node != NULL ? json_node_get_string(node) : NULL;
}

guint64 pino_call_number(PinoCall *call, const char *member, guint64 otherwise) {
  JsonNode *node = member_of(call, member);
  return node != NULL ? (guint64)json_node_get_int(node) : otherwise;
}

gboolean pino_call_flag(PinoCall *call, const char *member) {
  JsonNode *node = member_of(call, member);
  return node != NULL && json_node_get_boolean(node);
}

char *pino_call_plain(PinoCall *call, const char *member) {
  JsonNode *node = member_of(call, member);
  if (node == NULL)
    return NULL;
  return json_node_get_value_type(node) == G_TYPE_STRING ? json_node_dup_string(node)
                                                         : json_to_string(node, FALSE);
}

char *pino_call_object(PinoCall *call, const char *member) {
  JsonNode *node = member_of(call, member);
  return node != NULL ? json_to_string(node, FALSE) : NULL;
}

GBytes *pino_call_body(PinoCall *call) {
  return call->raw;
}

const char *pino_call_query(PinoCall *call, const char *name) {
  return call->query != NULL ? g_hash_table_lookup(call->query, name) : NULL;
}

gboolean pino_call_query_number(PinoCall *call, const char *name, guint64 otherwise, guint64 most,
                                guint64 *value) {
  const char *text = pino_call_query(call, name);
  *value = otherwise;
  if (text == NULL || g_ascii_string_to_unsigned(text, 10, 0, most, value, NULL))
    return TRUE;
  g_autofree char *detail =
      g_strdup_printf("'%s' must be a whole number from 0 to %" G_GUINT64_FORMAT, name, most);
  pino_call_problem(call, SOUP_STATUS_BAD_REQUEST, detail);
  return FALSE;
}

gboolean pino_call_query_offset(PinoCall *call, const char *name, PinoOffset *offset) {
  const char *text = pino_call_query(call, name);
  *offset = (PinoOffset){.from_end = text != NULL && *text == '-'};
  if (text == NULL || g_ascii_string_to_unsigned(text + (offset->from_end ? 1 : 0), 10,
                                                 offset->from_end ? 1 : 0, G_MAXINT64, &offset->bytes, NULL))
    return TRUE;
  g_autofree char *detail = g_strdup_printf("'%s' must be a whole number up to %" G_GINT64_FORMAT
                                            ", or such a number from 1 on with "
                                            "'-' in front: so many bytes before the end",
                                            name, G_MAXINT64);
  pino_call_problem(call, SOUP_STATUS_BAD_REQUEST, detail);
  return FALSE;
}

gboolean pino_call_read_body(PinoCall *call) {
  g_autoptr(GError) error = NULL;
  SoupMessageBody *body = soup_server_message_get_request_body(call->message);
  if (body->length > 0)
    call->raw = soup_message_body_flatten(body);
  else
    call->raw = g_bytes_new_static("", 0);
  if (call->route->members == NULL)
    return TRUE;
  gsize length;
  const char *text = g_bytes_get_data(call->raw, &length);
  call->body = pino_body_read(text, length, call->route->members, &error);
  if (call->body != NULL)
    return TRUE;
  pino_call_problem(call, pino_problem_status(error), error->message);
  return FALSE;
}

/* --- holding ---- */

static void on_gone(SoupServerMessage *message, gpointer data) {
  ((PinoCall *)data)->answered = TRUE; /* whatever comes has nobody to go to */
}

PinoCall *pino_call_hold(PinoCall *call) {
  call->held = TRUE;
  call->refs++;
  g_object_ref(call->message);
  call->gone_handlers[0] = g_signal_connect(call->message, "finished", G_CALLBACK(on_gone), call);
  call->gone_handlers[1] = g_signal_connect(call->message, "disconnected", G_CALLBACK(on_gone), call);
  g_hash_table_add(call->server->calls, call);
  soup_server_pause_message(call->server->soup, call->message);
  return call;
}

void pino_call_orphan(PinoCall *call) {
  call->server = NULL;
  call->answered = TRUE;
}

static void release(PinoCall *call, gboolean resume) {
  if (!call->held)
    return;
  call->held = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(call->gone_handlers); i++)
    g_signal_handler_disconnect(call->message, call->gone_handlers[i]);
  if (call->server != NULL)
    g_hash_table_remove(call->server->calls, call);
  if (resume)
    soup_server_unpause_message(call->server->soup, call->message);
  SoupServerMessage *message = call->message;
  call_unref(call);
  g_object_unref(message);
}

/* --- the answer ---- */

/* With every answer, unless it says otherwise itself. */
static const struct {
  const char *name, *value;
} always[] = {
    {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}};

void pino_call_header(PinoCall *call, const char *name, const char *value) {
  if (!call->answered)
    soup_message_headers_replace(soup_server_message_get_response_headers(call->message), name, value);
}

void pino_call_answer(PinoCall *call, guint status, const char *type, GBytes *body) {
  g_autoptr(GBytes) taken = body;
  gboolean wanted = !call->answered;
  if (wanted) {
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(call->message);
    SoupMessageBody *response = soup_server_message_get_response_body(call->message);
    call->answered = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(always); i++)
      if (soup_message_headers_get_one(headers, always[i].name) == NULL)
        soup_message_headers_append(headers, always[i].name, always[i].value);
    soup_message_body_truncate(response);
    soup_message_headers_remove(headers, "Content-Type");
    if (taken != NULL && g_bytes_get_size(taken) > 0)
      soup_message_body_append_bytes(response, taken);
    if (taken != NULL)
      soup_message_headers_replace(headers, "Content-Type", type != NULL ? type : "application/json");
    soup_server_message_set_status(call->message, status, pino_problem_title(status));
    pino_connection_expect(call->connection, WRITE_MS);
  }
  release(call, wanted);
}

void pino_call_done(PinoCall *call, guint status) {
  pino_call_answer(call, status, NULL, g_bytes_new_static("{}\n", 3));
}

void pino_call_problem(PinoCall *call, guint status, const char *detail) {
  pino_call_answer(call, status, PINO_PROBLEM_TYPE, pino_problem_new(status, detail));
}

void pino_call_fail(PinoCall *call, GError *error) {
  g_autoptr(GError) taken = error;
  pino_call_problem(call, pino_problem_status(taken), taken->message);
}

void pino_call_upgrade(PinoCall *call, PinoCallOpened opened, gpointer data) {
  call->opened = opened;
  call->opened_data = data;
}
