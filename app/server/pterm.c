/* pterm's HTTP paths. Apps of other machines (refs, NAME@ADDRESS) are refused: this engine knows only its own. */
#include "server/pterm.h"

#include <string.h>

#include "base/error.h"
#include "environment/tools.h"
#include "server/pterm_internal.h"
#include "server/server.h"

/* What Pinokio this one behaves as; apps and tools compare these. `script` is the highest `version` of a pinokio.js
 * that is understood (the reference's kernel says "<=8.0.0"), `pinokiod` the release whose behaviour was the model. */
#define SCRIPT_VERSION "8.0.0"
#define PINOKIOD_VERSION "8.0.40"

#define DEFAULT_PORT 42000

/* --- JSON ---- */

static JsonNode *parse(const char *text, gssize length) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (text == NULL || !json_parser_load_from_data(parser, text, length, NULL))
    return NULL;
  return json_parser_steal_root(parser);
}

static JsonNode *parse_view(GBytes *view) {
  gsize length = 0;
  const char *text = view != NULL ? g_bytes_get_data(view, &length) : NULL;
  return parse(text, (gssize)length);
}

JsonObject *pino_pterm_parse(const char *text, gssize length) {
  g_autoptr(JsonNode) node = parse(text, length);
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_dup_object(node) : NULL;
}

JsonObject *pino_pterm_object(GBytes *view) {
  g_autoptr(JsonNode) node = parse_view(view);
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_dup_object(node) : NULL;
}

JsonArray *pino_pterm_array(GBytes *view) {
  g_autoptr(JsonNode) node = parse_view(view);
  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_dup_array(node) : NULL;
}

const char *pino_pterm_text(JsonObject *object, const char *name) {
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

JsonObject *pino_pterm_object_in(JsonObject *object, const char *name) {
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

void pino_pterm_add_text(JsonBuilder *builder, const char *name, const char *value) {
  json_builder_set_member_name(builder, name);
  if (value != NULL)
    json_builder_add_string_value(builder, value);
  else
    json_builder_add_null_value(builder);
}

void pino_pterm_add_flag(JsonBuilder *builder, const char *name, gboolean value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_boolean_value(builder, value);
}

void pino_pterm_add_number(JsonBuilder *builder, const char *name, gint64 value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, value);
}

PinoPterm *pino_pterm_of(PinoCall *call) {
  PinoServer *server = pino_call_server(call);
  if (server != NULL)
    return pino_server_pterm(server);
  pino_call_problem(call, 503, "the service is ending");
  return NULL;
}

void pino_pterm_reply(PinoCall *call, guint status, JsonBuilder *builder) {
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  char *text = json_to_string(root, FALSE);
  pino_call_answer(call, status, NULL, g_bytes_new_take(text, strlen(text)));
  g_object_unref(builder);
}

void pino_pterm_reply_error(PinoCall *call, const GError *error) {
  static const struct {
    int code;
    guint status;
  } statuses[] = {{PINO_ERROR_USAGE, 400}, {PINO_ERROR_NOT_FOUND, 404}, {PINO_ERROR_UNAVAILABLE, 502}};
  guint status = 500;
  for (gsize i = 0; i < G_N_ELEMENTS(statuses); i++) {
    if (g_error_matches(error, PINO_ERROR, statuses[i].code))
      status = statuses[i].status;
  }
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "error", error->message);
  json_builder_end_object(builder);
  pino_pterm_reply(call, status, builder);
}

/* --- the engine ---- */

static void answer_version(PinoCall *call) {
  PinoPterm *pterm = pino_pterm_of(call);
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "pinokiod", PINOKIOD_VERSION);
  pino_pterm_add_text(builder, "script", SCRIPT_VERSION);
  pino_pterm_add_text(builder, "pinokiocloud", pterm->version);
  json_builder_end_object(builder);
  pino_pterm_reply(call, 200, builder);
}

static void answer_path(PinoCall *call, const char *path) {
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  pino_pterm_add_text(builder, "path", path);
  json_builder_end_object(builder);
  pino_pterm_reply(call, 200, builder);
}

static void answer_home(PinoCall *call) {
  answer_path(call, pino_engine_home(pino_call_engine(call)));
}

static void answer_which(PinoCall *call) {
  g_autoptr(GError) error = NULL;
  const char *name = pino_call_name(call, 0);
  g_autofree char *path = pino_tool_find(pino_engine_home(pino_call_engine(call)), name);
  if (path == NULL) {
    g_set_error(&error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no command %s", name);
    pino_pterm_reply_error(call, error);
    return;
  }
  answer_path(call, path);
}

/* --- apps ---- */

static gboolean is_loopback(const char *host) {
  g_autofree char *bare = g_strdup(host);
  gsize length = strlen(bare);
  if (length > 2 && bare[0] == '[' && bare[length - 1] == ']') {
    memmove(bare, bare + 1, length);
    bare[length - 2] = '\0';
  }
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(bare);
  return address != NULL ? g_inet_address_get_is_loopback(address)
                         : g_ascii_strcasecmp(bare, "localhost") == 0;
}

void pino_pterm_place_clear(PinoPtermPlace *place) {
  g_clear_pointer(&place->host, g_free);
}

/* The machine is this one, or the person is told. */
static gboolean is_here(const char *host, GError **error) {
  if (is_loopback(host))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "apps of other machines (%s) cannot be reached from here", host);
  return FALSE;
}

/* APP, or APP@ADDRESS as other Pinokios name it. Free with g_free(). */
static char *app_of_name(const char *name, GError **error) {
  const char *at = strrchr(name, '@');
  g_autoptr(GInetAddress) address = at != NULL && at > name ? g_inet_address_new_from_string(at + 1) : NULL;
  if (address == NULL)
    return g_strdup(name);
  return is_here(at + 1, error) ? g_strndup(name, (gsize)(at - name)) : NULL;
}

/* pinokio://HOST:PORT/api/APP. Free with g_free(). */
static char *app_of_ref(const char *ref, PinoPtermPlace *place, GError **error) {
  g_autoptr(GUri) uri = ref != NULL ? g_uri_parse(ref, G_URI_FLAGS_NONE, NULL) : NULL;
  const char *path = uri != NULL ? g_uri_get_path(uri) : "";
  const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
  if (host == NULL || g_strcmp0(g_uri_get_scheme(uri), "pinokio") != 0 || g_uri_get_port(uri) <= 0 ||
      !g_str_has_prefix(path, "/api/") || !pino_pterm_name_is_plain(path + strlen("/api/"))) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "invalid ref: it is pinokio://HOST:PORT/api/APP");
    return NULL;
  }
  if (!is_here(host, error))
    return NULL;
  place->host = g_strdup(host);
  place->port = (guint)g_uri_get_port(uri);
  return g_strdup(path + strlen("/api/"));
}

static PinoPtermPlace own_place(PinoCall *call) {
  guint port = pino_server_port(pino_call_server(call));
  return (PinoPtermPlace){.host = g_strdup("127.0.0.1"), .port = port != 0 ? port : DEFAULT_PORT};
}

typedef void (*AppAnswer)(PinoCall *call, const char *app, const PinoPtermPlace *place);

static void answer_named(PinoCall *call, AppAnswer answer) {
  g_autoptr(GError) error = NULL;
  g_auto(PinoPtermPlace) place = own_place(call);
  g_autofree char *app = app_of_name(pino_call_name(call, 0), &error);
  if (app != NULL)
    answer(call, app, &place);
  else
    pino_pterm_reply_error(call, error);
}

static void answer_referred(PinoCall *call, AppAnswer answer) {
  g_autoptr(GError) error = NULL;
  g_auto(PinoPtermPlace) place = {0};
  g_autofree char *app = app_of_ref(pino_call_query(call, "ref"), &place, &error);
  if (app != NULL)
    answer(call, app, &place);
  else
    pino_pterm_reply_error(call, error);
}

static void status_of_app(PinoCall *call) {
  answer_named(call, pino_pterm_status_answer);
}

static void status_of_ref(PinoCall *call) {
  answer_referred(call, pino_pterm_status_answer);
}

static void log_of_app(PinoCall *call) {
  answer_named(call, pino_pterm_log_answer);
}

static void log_of_ref(PinoCall *call) {
  answer_referred(call, pino_pterm_log_answer);
}

static void answer_search(PinoCall *call) {
  g_auto(PinoPtermPlace) place = own_place(call);
  pino_pterm_search_answer(call, &place);
}

static const PinoRoute routes[] = {
    {"GET", "/pinokio/version", answer_version, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/pinokio/home", answer_home, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/pinokio/path/{name}", answer_which, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/pinokio/resource/status", status_of_ref, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/pinokio/resource/logs", log_of_ref, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/apps/status/{app}", status_of_app, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/apps/logs/{app}", log_of_app, PINO_ROUTE_LOCAL, NULL},
    {"GET", "/apps/search", answer_search, PINO_ROUTE_LOCAL, NULL},
    {"WS", "/", pino_pterm_socket_route, PINO_ROUTE_LOCAL, NULL},
};

/* --- life ---- */

/* {"type": ..., "run": ...}: whatever happened to a run, its output and its end may be there. */
static void on_news(const char *event, gsize length, gpointer data) {
  PinoPterm *pterm = data;
  if (pterm->clients->len == 0)
    return;
  g_autoptr(JsonObject) news = pino_pterm_parse(event, (gssize)length);
  const char *run = pino_pterm_text(news, "run");
  if (run != NULL)
    pino_pterm_follow_news(pterm, run);
}

PinoPterm *pino_pterm_attach(PinoServer *server, PinoEngine *engine, const char *version) {
  PinoPterm *pterm = g_new0(PinoPterm, 1);
  g_autofree char *real = realpath(pino_engine_home(engine), NULL);
  pterm->server = server;
  pterm->engine = engine;
  pterm->home = g_canonicalize_filename(pino_engine_home(engine), "/");
  pterm->real_home = g_strdup(real != NULL ? real : pterm->home);
  pterm->version = g_strdup(version);
  pterm->clients = g_ptr_array_new_with_free_func((GDestroyNotify)pino_pterm_client_unref);
  pterm->offered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  pterm->watch = pino_engine_watch(engine, on_news, pterm);
  pino_pterm_download_clean(pterm);
  pino_server_add_routes(server, routes, G_N_ELEMENTS(routes));
  return pterm;
}

void pino_pterm_free(PinoPterm *pterm) {
  if (pterm == NULL)
    return;
  pino_engine_unwatch(pterm->engine, pterm->watch);
  pino_pterm_clients_drop(pterm);
  g_ptr_array_unref(pterm->clients);
  g_hash_table_unref(pterm->offered);
  g_free(pterm->home);
  g_free(pterm->real_home);
  g_free(pterm->version);
  g_free(pterm);
}
