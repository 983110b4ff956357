#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wait.h"
#include "cli/daemon.h"

#define ORIGIN "http://localhost"
#define SILENCE_S 120 /* longer than anything that the engine lets a request wait for */

struct _PinoClient {
  PinoEndpoint *place;
  int folder; /* of the socket: its path may be too long for an address */
  GSocketConnectable *address;
  SoupSession *session;
  SoupSession *sockets; /* of WebSockets, which may be silent for ever; made when needed */
};

/* --- making -------------------------------------------------------------------------------------------------------- */

static SoupSession *make_session(PinoClient *client, guint silence) {
  return g_object_new(SOUP_TYPE_SESSION, "remote-connectable", client->address, "proxy-resolver", NULL,
                      "timeout", silence, NULL);
}

PinoClient *pino_client_new(PinoEndpoint *place, GError **error) {
  g_autoptr(PinoEndpoint) own = place;
  int folder = open(place->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the engine's folder %s cannot be used: %s",
                place->run_dir, g_strerror(errno));
    return NULL;
  }
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/engine.sock", folder);
  PinoClient *client = g_new0(PinoClient, 1);
  client->place = g_steal_pointer(&own);
  client->folder = folder;
  client->address = G_SOCKET_CONNECTABLE(g_unix_socket_address_new(path));
  client->session = make_session(client, SILENCE_S);
  return client;
}

PinoClient *pino_client_connect(gboolean start_if_missing, GError **error) {
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  PinoEndpointState state = pino_endpoint_look(place, error);
  if (state == PINO_ENDPOINT_REFUSED)
    return NULL;
  if (state == PINO_ENDPOINT_NOBODY && !start_if_missing) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "no engine runs for %s", place->home);
    return NULL;
  }
  if (state == PINO_ENDPOINT_NOBODY && !pino_daemon_start(place, NULL, NULL, error))
    return NULL;
  return pino_client_new(g_steal_pointer(&place), error);
}

void pino_client_free(PinoClient *client) {
  g_clear_object(&client->session);
  g_clear_object(&client->sockets);
  g_object_unref(client->address);
  close(client->folder);
  pino_endpoint_free(client->place);
  g_free(client);
}

void pino_client_set_patience(PinoClient *client, guint seconds) {
  soup_session_set_timeout(client->session, seconds);
}

const PinoEndpoint *pino_client_place(const PinoClient *client) {
  return client->place;
}

char *pino_client_path(const char *format, ...) {
  va_list arguments;
  GString *path = g_string_new(NULL);
  va_start(arguments, format);
  for (const char *at = format; *at != '\0'; at++) {
    if (at[0] != '%' || at[1] != 's') {
      g_string_append_c(path, *at);
      continue;
    }
    g_string_append_uri_escaped(path, va_arg(arguments, const char *), NULL, FALSE);
    at++;
  }
  va_end(arguments);
  return g_string_free(path, FALSE);
}

/* --- requests ------------------------------------------------------------------------------------------------------ */

/* Dots alone are not encoded by anybody, and a URL's path loses them. */
static SoupMessage *make_message(const char *method, const char *path, GError **error) {
  g_autofree char *uri = g_strconcat(ORIGIN, path, NULL);
  SoupMessage *message = strstr(path, "/./") == NULL && strstr(path, "/../") == NULL &&
                                 !g_str_has_suffix(path, "/.") && !g_str_has_suffix(path, "/..")
                             ? soup_message_new(method, uri)
                             : NULL;
  if (message == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "no such name: %s", path);
  return message;
}

static PinoError code_of(guint status) {
  switch (status) {
  case SOUP_STATUS_NOT_FOUND:
    return PINO_ERROR_NOT_FOUND;
  case SOUP_STATUS_BAD_REQUEST:
  case SOUP_STATUS_UNPROCESSABLE_ENTITY:
    return PINO_ERROR_USAGE;
  case SOUP_STATUS_CONFLICT:
  case SOUP_STATUS_SERVICE_UNAVAILABLE:
    return PINO_ERROR_UNAVAILABLE;
  default:
    return PINO_ERROR_FAILED;
  }
}

static JsonNode *parse(GBytes *bytes) {
  gsize length;
  const char *text = g_bytes_get_data(bytes, &length);
  g_autoptr(JsonParser) parser = json_parser_new();
  if (length == 0 || !json_parser_load_from_data(parser, text, (gssize)length, NULL))
    return NULL;
  return json_parser_steal_root(parser);
}

static void set_problem(GBytes *bytes, guint status, GError **error) {
  static const char *const members[] = {"detail", "title"};
  g_autoptr(JsonNode) node = parse(bytes);
  JsonObject *problem = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *text = NULL;
  for (guint i = 0; problem != NULL && text == NULL && i < G_N_ELEMENTS(members); i++) {
    JsonNode *member = json_object_get_member(problem, members[i]);
    if (member != NULL && json_node_get_value_type(member) == G_TYPE_STRING)
      text = json_node_get_string(member);
  }
  if (text != NULL && *text != '\0')
    g_set_error_literal(error, PINO_ERROR, code_of(status), text);
  else
    g_set_error(error, PINO_ERROR, code_of(status), "the engine answered with status %u", status);
}

static GBytes *exchange(PinoClient *client, SoupMessage *message, guint *status, GError **error) {
  g_autoptr(GError) failed = NULL;
  g_autoptr(GBytes) bytes = soup_session_send_and_read(client->session, message, NULL, &failed);
  guint code = bytes != NULL ? soup_message_get_status(message) : 0;
  if (status != NULL)
    *status = code;
  if (bytes == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the engine does not answer: %s", failed->message);
    return NULL;
  }
  if (code < 400)
    return g_steal_pointer(&bytes);
  set_problem(bytes, code, error);
  return NULL;
}

JsonNode *pino_client_request(PinoClient *client, const char *method, const char *path, const char *body,
                              guint *status, GError **error) {
  if (status != NULL)
    *status = 0;
  g_autoptr(SoupMessage) message = make_message(method, path, error);
  if (message == NULL)
    return NULL;
  if (body != NULL) {
    g_autoptr(GBytes) content = g_bytes_new(body, strlen(body));
    soup_message_set_request_body_from_bytes(message, "application/json", content);
  }
  g_autoptr(GBytes) bytes = exchange(client, message, status, error);
  if (bytes == NULL)
    return NULL;
  if (g_bytes_get_size(bytes) == 0)
    return json_node_new(JSON_NODE_NULL);
  JsonNode *node = parse(bytes);
  if (node == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "the engine's answer to %s is no JSON", path);
  return node;
}

static JsonNode *get_of_type(PinoClient *client, const char *path, JsonNodeType type, GError **error) {
  g_autoptr(JsonNode) node = pino_client_request(client, "GET", path, NULL, NULL, error);
  if (node == NULL || JSON_NODE_TYPE(node) == type)
    return g_steal_pointer(&node);
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "the engine's answer to %s is not what was expected",
              path);
  return NULL;
}

JsonNode *pino_client_get_object(PinoClient *client, const char *path, GError **error) {
  return get_of_type(client, path, JSON_NODE_OBJECT, error);
}

JsonNode *pino_client_get_array(PinoClient *client, const char *path, GError **error) {
  return get_of_type(client, path, JSON_NODE_ARRAY, error);
}

GBytes *pino_client_get_bytes(PinoClient *client, const char *path, guint64 *next, GError **error) {
  g_autoptr(SoupMessage) message = make_message("GET", path, error);
  GBytes *bytes = message != NULL ? exchange(client, message, NULL, error) : NULL;
  if (bytes == NULL || next == NULL)
    return bytes;
  const char *header =
      soup_message_headers_get_one(soup_message_get_response_headers(message), "X-Next-Offset");
  *next = header != NULL ? g_ascii_strtoull(header, NULL, 10) : 0;
  return bytes;
}

/* --- WebSockets ---------------------------------------------------------------------------------------------------- */

struct _PinoClientSocket {
  SoupWebsocketConnection *connection;
  PinoClientEvents events;
  gpointer data;
};

typedef struct {
  SoupSession *session;
  SoupWebsocketConnection *connection;
  GError *error;
  gboolean done;
} Opening;

static void on_opened(GObject *session, GAsyncResult *result, gpointer data) {
  Opening *opening = data;
  opening->connection = soup_session_websocket_connect_finish(SOUP_SESSION(session), result, &opening->error);
  opening->done = TRUE;
}

static void on_message(SoupWebsocketConnection *connection, gint type, GBytes *message, gpointer data) {
  PinoClientSocket *socket = data;
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  socket->events.message(type == SOUP_WEBSOCKET_DATA_TEXT, bytes, length, socket->data);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer data) {
  PinoClientSocket *socket = data;
  guint code = soup_websocket_connection_get_close_code(connection);
  const char *reason = soup_websocket_connection_get_close_data(connection);
  socket->events.closed(code != 0 ? code : PINO_CLIENT_BROKEN, reason != NULL ? reason : "", socket->data);
}

PinoClientSocket *pino_client_open(PinoClient *client, const char *path, const PinoClientEvents *events,
                                   gpointer data, GCancellable *cancellable, GError **error) {
  g_autoptr(SoupMessage) message = make_message("GET", path, error);
  if (message == NULL)
    return NULL;
  if (client->sockets == NULL)
    client->sockets = make_session(client, 0);
  Opening opening = {0};
  soup_session_websocket_connect_async(client->sockets, message, NULL, NULL, G_PRIORITY_DEFAULT, cancellable,
                                       on_opened, &opening);
  pino_wait(&opening.done, NULL, NULL);
  if (opening.connection == NULL) {
    gboolean answered = soup_message_get_status(message) != 0;
    g_set_error(error, PINO_ERROR,
                answered ? code_of(soup_message_get_status(message)) : PINO_ERROR_UNAVAILABLE,
                "the engine does not open %s: %s", path, opening.error->message);
    g_error_free(opening.error);
    return NULL;
  }
  PinoClientSocket *socket = g_new0(PinoClientSocket, 1);
  socket->connection = opening.connection;
  socket->events = *events;
  socket->data = data;
  soup_websocket_connection_set_max_incoming_payload_size(socket->connection, 0);
  g_signal_connect(socket->connection, "message", G_CALLBACK(on_message), socket);
  g_signal_connect(socket->connection, "closed", G_CALLBACK(on_closed), socket);
  return socket;
}

void pino_client_send(PinoClientSocket *socket, gboolean is_text, const char *bytes, gsize length) {
  if (soup_websocket_connection_get_state(socket->connection) != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  g_autoptr(GBytes) message = g_bytes_new(bytes, length);
  soup_websocket_connection_send_message(
      socket->connection, is_text ? SOUP_WEBSOCKET_DATA_TEXT : SOUP_WEBSOCKET_DATA_BINARY, message);
}

void pino_client_close(PinoClientSocket *socket) {
  g_signal_handlers_disconnect_by_data(socket->connection, socket);
  if (soup_websocket_connection_get_state(socket->connection) == SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_close(socket->connection, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
  g_object_unref(socket->connection);
  g_free(socket);
}
