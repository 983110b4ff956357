/* pterm's WebSocket: a packet in, packets out. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "server/pterm_internal.h"

#define CLIENTS_MAX 64
#define DEPTH_MAX 64

PinoPtermClient *pino_pterm_client_ref(PinoPtermClient *client) {
  return g_rc_box_acquire(client);
}

static void client_clear(gpointer data) {
  PinoPtermClient *client = data;
  g_clear_pointer(&client->follows, g_ptr_array_unref);
}

void pino_pterm_client_unref(PinoPtermClient *client) {
  g_rc_box_release_full(client, client_clear);
}

gboolean pino_pterm_client_has_room(PinoPtermClient *client) {
  return client->socket != NULL && pino_socket_waiting(client->socket) == 0;
}

void pino_pterm_client_send(PinoPtermClient *client, const char *json) {
  if (client->socket != NULL)
    pino_socket_send(client->socket, TRUE, json, strlen(json));
}

void pino_pterm_client_tell(PinoPtermClient *client, const char *id, const char *type, const char *data) {
  g_autoptr(GString) packet = g_string_new("{");
  pino_json_append_member(packet, "id", id);
  pino_json_append_member(packet, "type", type);
  if (data != NULL)
    g_string_append_printf(packet, ",\"data\":%s", data);
  g_string_append_c(packet, '}');
  pino_pterm_client_send(client, packet->str);
}

void pino_pterm_client_print(PinoPtermClient *client, const char *id, const char *text) {
  g_autoptr(GString) data = g_string_new("{");
  pino_json_append_member(data, "raw", text);
  g_string_append_c(data, '}');
  pino_pterm_client_tell(client, id, "stream", data->str);
}

void pino_pterm_client_answer(PinoPtermClient *client, const char *method, const char *type,
                              const char *data) {
  g_autoptr(GString) packet = g_string_new("{\"kernel\":true");
  pino_json_append_member(packet, "id", method);
  pino_json_append_member(packet, "type", type);
  g_string_append_printf(packet, ",\"data\":%s}", data);
  pino_pterm_client_send(client, packet->str);
}

void pino_pterm_client_fail(PinoPtermClient *client, const char *method, const GError *error) {
  g_autoptr(GString) data = g_string_new(NULL);
  pino_json_append_string(data, error->message, strlen(error->message));
  pino_pterm_client_answer(client, method, "error", data->str);
}

/* --- what comes ---- */

/* Programs are installed before apps run, so there is nothing to do. */
static void nothing_to_do(PinoPtermClient *client, JsonObject *request) {
  pino_pterm_client_answer(client, pino_pterm_text(request, "method"), "result", "{}");
}

typedef struct {
  const char *name;
  void (*act)(PinoPtermClient *client, JsonObject *request);
} Method;

static const Method methods[] = {
    {"kernel.api.stop", pino_pterm_stop},   {"app.download", pino_pterm_download},
    {"kernel.bin.install2", nothing_to_do}, {"kernel.bin.path_exists", pino_pterm_path_exists},
    {"shell.run", pino_pterm_clone_line},
};

static void call_method(PinoPtermClient *client, JsonObject *request) {
  const char *name = pino_pterm_text(request, "method");
  for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
    if (name != NULL && g_str_equal(methods[i].name, name)) {
      methods[i].act(client, request);
      return;
    }
  }
  g_autoptr(GError) error =
      g_error_new(PINO_ERROR, PINO_ERROR_UNAVAILABLE, "there is no method %s for pterm here",
                  name != NULL ? name : "without a name");
  pino_pterm_client_fail(client, name, error);
  pino_socket_close(client->socket, PINO_SOCKET_NORMAL, "unknown method"); /* pterm would wait for ever */
}

/* Keys typed and new sizes: for a shell of a run that this client follows. */
static void use_terminal(PinoPtermClient *client, JsonObject *request) {
  const char *shell = pino_pterm_text(request, "id");
  const char *key = pino_pterm_text(request, "key");
  JsonNode *size = json_object_get_member(request, "resize");
  if (shell == NULL || !pino_pterm_follows_shell(client, shell))
    return; /* nothing has been printed yet, or another connection of the same pterm sends the key too */
  g_autoptr(GError) error = NULL;
  if (key != NULL) {
    pino_engine_shell_write(client->pterm->engine, shell, key, strlen(key), &error);
  } else if (size != NULL && JSON_NODE_HOLDS_OBJECT(size)) {
    gint64 cols = json_object_get_int_member_with_default(json_node_get_object(size), "cols", 0);
    gint64 rows = json_object_get_int_member_with_default(json_node_get_object(size), "rows", 0);
    if (cols > 0 && cols <= 1000 && rows > 0 && rows <= 1000)
      pino_engine_shell_resize(client->pterm->engine, shell, (guint)cols, (guint)rows, &error);
  }
  if (error != NULL)
    g_debug("pterm: shell %s: %s", shell, error->message); /* it ended meanwhile */
}

static void take(PinoPtermClient *client, JsonObject *request) {
  if (json_object_has_member(request, "uri")) {
    if (g_strcmp0(pino_pterm_text(request, "mode"), "open") == 0)
      pino_pterm_open(client, request);
    else
      pino_pterm_script(client, request);
  } else if (json_object_has_member(request, "method")) {
    call_method(client, request);
  } else if (json_object_has_member(request, "key") || json_object_has_member(request, "resize")) {
    use_terminal(client, request);
  } else if (!json_object_has_member(request, "response")) { /* an answer: nothing was asked */
    g_autoptr(GError) error =
        g_error_new(PINO_ERROR, PINO_ERROR_USAGE, "a packet has uri, method, key or resize");
    pino_pterm_client_fail(client, NULL, error);
  }
}

/* The parser goes down by recursion. */
static gboolean is_shallow(const char *json, gsize length) {
  guint depth = 0;
  gboolean in_string = FALSE;
  for (gsize i = 0; i < length; i++) {
    if (in_string && json[i] == '\\')
      i++;
    else if (json[i] == '"')
      in_string = !in_string;
    else if (!in_string && (json[i] == '{' || json[i] == '['))
      depth++;
    else if (!in_string && depth > 0 && (json[i] == '}' || json[i] == ']'))
      depth--;
    if (depth > DEPTH_MAX)
      return FALSE;
  }
  return TRUE;
}

static void on_message(PinoSocket *socket, gboolean is_text, const char *bytes, gsize length, gpointer data) {
  g_autoptr(PinoPtermClient) client = pino_pterm_client_ref(data);
  if (client->pterm == NULL)
    return;
  if (!is_text) {
    pino_socket_close(socket, PINO_SOCKET_WRONG_KIND, "packets are text");
    return;
  }
  g_autoptr(JsonObject) request = is_shallow(bytes, length) ? pino_pterm_parse(bytes, (gssize)length) : NULL;
  if (request == NULL) {
    g_autoptr(GError) error = g_error_new(PINO_ERROR, PINO_ERROR_SYNTAX, "a packet is a JSON object");
    pino_pterm_client_fail(client, NULL, error);
    pino_socket_close(socket, PINO_SOCKET_BAD_DATA, "no JSON object");
    return;
  }
  take(client, request);
}

/* --- connections ---- */

static void on_drained(PinoSocket *socket, gpointer data) {
  pino_pterm_follow_on(data);
}

static void on_closed(gpointer data) {
  PinoPtermClient *client = data;
  client->socket = NULL;
  g_ptr_array_set_size(client->follows, 0);
  if (client->pterm != NULL)
    g_ptr_array_remove_fast(client->pterm->clients, client);
  pino_pterm_client_unref(client);
}

static void follow_clear(gpointer follow) {
  pino_pterm_follow_free(follow);
}

static const PinoSocketEvents events = {.message = on_message, .drained = on_drained, .closed = on_closed};

static void on_opened(PinoServer *server, PinoSocket *socket, gpointer data) {
  PinoPterm *pterm = pino_server_pterm(server);
  PinoPtermClient *client = g_rc_box_new0(PinoPtermClient);
  client->pterm = pterm;
  client->socket = socket;
  client->follows = g_ptr_array_new_with_free_func(follow_clear);
  g_ptr_array_add(pterm->clients, pino_pterm_client_ref(client));
  pino_socket_listen(socket, &events, client);
}

void pino_pterm_socket_route(PinoCall *call) {
  if (pino_server_pterm(pino_call_server(call))->clients->len >= CLIENTS_MAX)
    pino_call_problem(call, 503, "too many connections of pterm");
  else
    pino_call_upgrade(call, on_opened, NULL);
}

void pino_pterm_clients_drop(PinoPterm *pterm) {
  for (guint i = 0; i < pterm->clients->len; i++) {
    PinoPtermClient *client = g_ptr_array_index(pterm->clients, i);
    g_ptr_array_set_size(client->follows, 0);
    client->pterm = NULL;
  }
  g_ptr_array_set_size(pterm->clients, 0);
}
