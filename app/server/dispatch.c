#include <string.h>

#include "server/internal.h"
#include "server/problem.h"

/* --- the head of a request ---- */

static SoupMessageHeaders *head_of(PinoCall *call) {
  return soup_server_message_get_request_headers(call->message);
}

static gboolean is_method(PinoCall *call, const char *method) {
  return strcmp(soup_server_message_get_method(call->message), method) == 0;
}

/* Answers, and lets the connection end: who asks like this shall not keep one. */
static gboolean turn_away(PinoCall *call, guint status, const char *detail) {
  pino_call_header(call, "Connection", "close");
  pino_call_problem(call, status, detail);
  return FALSE;
}

static gboolean refuse(PinoCall *call, guint status, const char *detail) {
  pino_call_problem(call, status, detail);
  return FALSE;
}

static gboolean check_names(PinoCall *call) {
  const char *host = soup_message_headers_get_one(head_of(call), "Host");
  const char *origin = soup_message_headers_get_list(head_of(call), "Origin");
  if (pino_call_is_local(call))
    return TRUE;
  if (!pino_guard_knows_host(call->server->guard, host))
    return turn_away(call, SOUP_STATUS_MISDIRECTED_REQUEST, "the Host header names another server");
  if (origin != NULL && !pino_guard_knows_origin(call->server->guard, origin, host))
    return turn_away(call, SOUP_STATUS_FORBIDDEN, "pages of other servers may not ask here");
  return TRUE;
}

static gboolean check_size(PinoCall *call) {
  SoupMessageHeadersIter iter;
  const char *name, *value;
  GUri *uri = soup_server_message_get_uri(call->message);
  const char *query = g_uri_get_query(uri);
  gsize size = strlen(g_uri_get_path(uri)) + (query != NULL ? strlen(query) : 0);
  soup_message_headers_iter_init(&iter, head_of(call));
  while (soup_message_headers_iter_next(&iter, &name, &value))
    size += strlen(name) + strlen(value) + 4;
  if (size > PINO_HEAD_LARGEST)
    return turn_away(call, 431, "the head of the request is too large");
  return TRUE;
}

static gboolean has_token(PinoCall *call) {
  const char *sent = pino_guard_bearer(soup_message_headers_get_one(head_of(call), "Authorization"));
  if (sent == NULL && call->route != NULL && strcmp(call->route->method, "WS") == 0)
    sent = pino_call_query(call, "token"); /* browsers cannot send headers with a handshake */
  return pino_guard_knows_token(call->server->guard, sent);
}

static gboolean check_token(PinoCall *call) {
  guint flags = call->route != NULL ? call->route->flags : 0;
  if (pino_call_is_local(call) || (flags & PINO_ROUTE_PUBLIC) != 0)
    return TRUE;
  if ((flags & PINO_ROUTE_LOCAL) != 0 && pino_connection_is_ours(call->connection))
    return TRUE;
  if (has_token(call))
    return TRUE;
  pino_call_header(call, "WWW-Authenticate", "Bearer realm=\"pinokiocloud\"");
  return turn_away(call, SOUP_STATUS_UNAUTHORIZED,
                   "the token of this engine is wanted: its file is run/token");
}

static gboolean wants_socket(PinoCall *call) {
  return is_method(call, "GET") &&
         soup_message_headers_header_contains(head_of(call), "Upgrade", "websocket") &&
         soup_message_headers_header_contains(head_of(call), "Connection", "Upgrade");
}

static PinoMatch find_route(PinoCall *call, const char *method, char **allow) {
  g_clear_pointer(allow, g_free);
  for (guint i = 0; i < PINO_CALL_NAMES; i++)
    g_clear_pointer(&call->names[i], g_free);
  const char *path = g_uri_get_path(soup_server_message_get_uri(call->message));
  return pino_route_find(call->server, method, path, &call->route, call->names, allow);
}

/* The route, and whether the request may have it; a stranger does not learn what there is. */
static gboolean check_route(PinoCall *call) {
  g_autofree char *allow = NULL;
  const char *method = soup_server_message_get_method(call->message);
  PinoMatch match = wants_socket(call) ? find_route(call, "WS", &allow) : PINO_MATCH_METHOD;
  if (match == PINO_MATCH_METHOD)
    match = find_route(call, method, &allow);
  if (!check_token(call))
    return FALSE;
  if (match == PINO_MATCH_BAD_NAME)
    return refuse(call, SOUP_STATUS_BAD_REQUEST,
                  "a name in the path holds what no name may have: '/', NUL, '..', or, but for an app, a "
                  "control character");
  if (match == PINO_MATCH_NOT_FOUND)
    return refuse(call, SOUP_STATUS_NOT_FOUND, "there is nothing at this path");
  if (match == PINO_MATCH_FOUND)
    return TRUE;
  pino_call_header(call, "Allow", allow);
  if (is_method(call, "OPTIONS")) {
    pino_call_answer(call, SOUP_STATUS_OK, NULL, NULL);
    return FALSE;
  }
  if (is_method(call, "GET") && find_route(call, "WS", &allow) == PINO_MATCH_FOUND) {
    pino_call_header(call, "Upgrade", "websocket");
    return refuse(call, 426, "this is a WebSocket");
  }
  return refuse(call, SOUP_STATUS_METHOD_NOT_ALLOWED, "this path has not that method");
}

static gboolean has_body(PinoCall *call) {
  SoupEncoding encoding = soup_message_headers_get_encoding(head_of(call));
  return encoding == SOUP_ENCODING_CHUNKED || (encoding == SOUP_ENCODING_CONTENT_LENGTH &&
                                               soup_message_headers_get_content_length(head_of(call)) > 0);
}

static gboolean check_body(PinoCall *call) {
  if (!has_body(call))
    return TRUE;
  if ((call->route->flags & PINO_ROUTE_RAW) != 0)
    return TRUE;
  if (call->route->members == NULL)
    return refuse(call, SOUP_STATUS_BAD_REQUEST, "this takes no body");
  const char *type = soup_message_headers_get_content_type(head_of(call), NULL);
  if (type == NULL || g_ascii_strcasecmp(type, "application/json") != 0)
    return refuse(call, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE, "the body must be application/json");
  return TRUE;
}

/* --- its body ---- */

static void hang_up(PinoCall *call, guint status, const char *detail) {
  call->answered = TRUE;
  pino_connection_expect(call->connection, 0);
  pino_refuse(call->message, status, pino_problem_new(status, detail));
}

static void too_large(PinoCall *call) {
  hang_up(call, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "a body may have 1 MiB");
}

static void on_chunk(SoupServerMessage *message, GBytes *chunk, gpointer data) {
  PinoCall *call = data;
  call->received += g_bytes_get_size(chunk);
  if (call->received > PINO_BODY_LARGEST)
    too_large(call);
}

static gboolean is_number(const char *text) {
  return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Whether it is beyond doubt where the body ends: libsoup takes what is no number, and one of several, for a length. */
static gboolean has_clear_end(PinoCall *call) {
  SoupMessageHeadersIter iter;
  const char *name, *value;
  guint lengths = 0, encodings = 0;
  soup_message_headers_iter_init(&iter, head_of(call));
  while (soup_message_headers_iter_next(&iter, &name, &value)) {
    gboolean is_length = g_ascii_strcasecmp(name, "Content-Length") == 0;
    gboolean is_encoding = g_ascii_strcasecmp(name, "Transfer-Encoding") == 0;
    if ((is_length && !is_number(value)) || (is_encoding && g_ascii_strcasecmp(value, "chunked") != 0))
      return FALSE;
    lengths += is_length;
    encodings += is_encoding;
  }
  return lengths + encodings <= 1;
}

/* FALSE: too much, or nobody knows how much; what comes is not even read. */
static gboolean check_length(PinoCall *call) {
  const char *length = soup_message_headers_get_one(head_of(call), "Content-Length");
  guint64 bytes = 0;
  if (!has_clear_end(call))
    hang_up(call, SOUP_STATUS_BAD_REQUEST, "the request does not tell clearly where its body ends");
  else if (length != NULL && !g_ascii_string_to_unsigned(length, 10, 0, PINO_BODY_LARGEST, &bytes, NULL))
    too_large(call);
  else
    return TRUE;
  return FALSE;
}

static void on_head(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                    gpointer data) {
  static gboolean (*const checks[])(PinoCall * call) = {check_names, check_size, check_route, check_body};
  PinoServer *server = data;
  PinoCall *call = pino_call_of(server, message);
  soup_message_headers_remove(head_of(call),
                              "Range"); /* libsoup would cut the answer into pieces, and copy it */
  pino_connection_expect(call->connection, server->body_ms);
  call->query = query != NULL ? g_hash_table_ref(query) : NULL;
  if (!check_length(call))
    return;
  gboolean good = TRUE;
  for (guint i = 0; good && i < G_N_ELEMENTS(checks); i++)
    good = checks[i](call);
  if (!has_body(call))
    return;
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message), good);
  g_signal_connect(message, "got-chunk", G_CALLBACK(on_chunk), call);
}

/* --- the whole request ---- */

static void on_switched(SoupServerMessage *message, gpointer data) {
  PinoCall *call = data;
  PinoServer *server = call->server;
  if (soup_server_message_get_status(message) != SOUP_STATUS_SWITCHING_PROTOCOLS)
    return;
  g_autoptr(GObject) keep = pino_connection_hold(message);
  g_object_ref(message);
  pino_connection_expect(call->connection, 0);
  g_autoptr(GIOStream) stream = soup_server_message_steal_connection(message);
  call->answered = TRUE;
  PinoSocket *socket = pino_server_adopt(server, stream, keep);
  if (pino_connection_spare(call->connection) != NULL)
    pino_socket_spare(socket, pino_connection_spare(call->connection));
  call->opened(server, socket, call->opened_data);
  g_object_unref(message);
}

/* The route has agreed to a socket. */
static void shake_hands(PinoCall *call) {
  g_autoptr(GError) error = NULL;
  if (!soup_websocket_server_check_handshake(call->message, NULL, NULL, NULL, &error)) {
    pino_call_problem(call, SOUP_STATUS_BAD_REQUEST, error->message);
    return;
  }
  g_signal_connect(call->message, "wrote-informational", G_CALLBACK(on_switched), call);
  soup_websocket_server_process_handshake(call->message, NULL, NULL, NULL, NULL);
}

static void on_request(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                       gpointer data) {
  PinoCall *call = pino_call_of(data, message);
  pino_connection_expect(call->connection, 0);
  if (!pino_call_read_body(call))
    return;
  call->route->handle(call);
  if (call->opened != NULL && !call->answered)
    shake_hands(call);
}

/* --- what libsoup does by itself ---- */

/* A request that cannot be parsed is answered by libsoup, with what stands here already. */
static void on_started(SoupServer *soup, SoupServerMessage *message, gpointer data) {
  PinoConnection *connection = pino_connection_of(message);
  if (connection != NULL)
    pino_connection_begin(connection);
  static const char text[] = "{\"type\":\"about:blank\",\"title\":\"Malformed request\"}\n";
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  g_autoptr(GBytes) body = g_bytes_new_static(text, sizeof text - 1);
  soup_message_headers_replace(headers, "Content-Type", PINO_PROBLEM_TYPE);
  soup_message_body_append_bytes(soup_server_message_get_response_body(message), body);
}

static void on_finished(SoupServer *soup, SoupServerMessage *message, gpointer data) {
  PinoCall *call = pino_call_of(data, message);
  call->finished = TRUE;
  if (call->connection != NULL)
    pino_connection_rest(call->connection);
}

static gboolean on_turn(gpointer data) {
  PinoCall *call = data;
  if (!call->held && !call->finished && call->server != NULL)
    soup_server_unpause_message(call->server->soup, call->message);
  return G_SOURCE_REMOVE;
}

static void message_unref(gpointer data) {
  g_object_unref(((PinoCall *)data)->message);
}

/* libsoup 3.0 begins with the next request of a connection before it has left the one before: who sends thousands at once
 * would have its stack grow with them. A turn of the loop between them prevents that. */
static void on_read(SoupServer *soup, SoupServerMessage *message, gpointer data) {
  PinoCall *call = pino_call_of(data, message);
  g_object_ref(message);
  soup_server_pause_message(soup, message);
  g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, call, message_unref);
}

void pino_dispatch_begin(PinoServer *server) {
  SoupServer *soup = server->soup;
  soup_server_add_early_handler(soup, NULL, on_head, server, NULL);
  soup_server_add_handler(soup, NULL, on_request, server, NULL);
  g_signal_connect(soup, "request-started", G_CALLBACK(on_started), server);
  g_signal_connect(soup, "request-finished", G_CALLBACK(on_finished), server);
  g_signal_connect(soup, "request-aborted", G_CALLBACK(on_finished), server);
  if (!soup_check_version(3, 2, 0))
    g_signal_connect(soup, "request-read", G_CALLBACK(on_read), server);
}
