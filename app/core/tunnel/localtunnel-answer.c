#include "tunnel/localtunnel-answer.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"

#define CONNECTIONS_MOST 64
#define URL_MOST 300
#define MESSAGE_MOST 300 /* characters */

void pino_localtunnel_answer_free(PinoLocaltunnelAnswer *answer) {
  if (answer == NULL)
    return;
  g_free(answer->id);
  g_free(answer->url);
  g_free(answer->ip);
  g_free(answer);
}

static JsonObject *parse_object(const char *body, gsize length) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!g_utf8_validate_len(body, length, NULL) ||
      !json_parser_load_from_data(parser, body, (gssize)length, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  return root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_object_ref(json_node_get_object(root)) : NULL;
}

static const char *text_member(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

static gint64 number_member(JsonObject *object, const char *name, gint64 otherwise) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : otherwise;
}

/* It is printed and opened. */
static gboolean is_url(const char *text) {
  if (text == NULL || strlen(text) > URL_MOST)
    return FALSE;
  for (const char *at = text; *at != '\0'; at++)
    if ((guchar)*at <= ' ' || (guchar)*at >= 0x7f)
      return FALSE;
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0')
    return FALSE;
  return g_str_equal(g_uri_get_scheme(uri), "https") || g_str_equal(g_uri_get_scheme(uri), "http");
}

PinoLocaltunnelAnswer *pino_localtunnel_answer_parse(const char *body, gsize length, GError **error) {
  g_autoptr(JsonObject) object = parse_object(body, length);
  if (object == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "its answer is no JSON object");
    return NULL;
  }
  const char *url = text_member(object, "url");
  const char *ip = text_member(object, "ip");
  gint64 port = number_member(object, "port", 0);
  if (!is_url(url) || port < 1 || port > G_MAXUINT16) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "its answer has no usable url and port");
    return NULL;
  }
  PinoLocaltunnelAnswer *answer = g_new0(PinoLocaltunnelAnswer, 1);
  answer->id = g_strdup(text_member(object, "id"));
  answer->url = g_strdup(url);
  answer->ip = ip != NULL && g_hostname_is_ip_address(ip) ? g_strdup(ip) : NULL;
  answer->port = (guint16)port;
  answer->connections = (guint)CLAMP(number_member(object, "max_conn_count", 1), 1, CONNECTIONS_MOST);
  return answer;
}

char *pino_localtunnel_answer_message(const char *body, gsize length) {
  g_autoptr(JsonObject) object = parse_object(body, length);
  const char *message = object != NULL ? text_member(object, "message") : NULL;
  if (message == NULL || *message == '\0')
    return NULL;
  GString *line = g_string_new(NULL);
  for (guint i = 0; i < MESSAGE_MOST && *message != '\0'; i++, message = g_utf8_next_char(message)) {
    gunichar c = g_utf8_get_char(message);
    g_string_append_unichar(line, g_unichar_isprint(c) ? c : ' ');
  }
  return g_string_free(line, FALSE);
}
