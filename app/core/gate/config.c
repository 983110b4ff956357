#include "gate/config.h"

#include <arpa/inet.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

enum { FILE_MAX = 4 << 20 };

PinoGateConfig *pino_gate_config_new(void) {
  PinoGateConfig *config = g_new0(PinoGateConfig, 1);
  config->key = pino_gate_new_key();
  config->shares = g_ptr_array_new_with_free_func((GDestroyNotify)pino_gate_share_free);
  return config;
}

void pino_gate_config_free(PinoGateConfig *config) {
  if (config == NULL)
    return;
  g_free(config->key);
  g_ptr_array_unref(config->shares);
  g_free(config);
}

PinoGateShare *pino_gate_share_new(void) {
  PinoGateShare *share = g_new0(PinoGateShare, 1);
  share->hosts = g_new0(char *, 1);
  share->address = g_strdup("127.0.0.1");
  return share;
}

void pino_gate_share_free(PinoGateShare *share) {
  if (share == NULL)
    return;
  g_free(share->id);
  g_strfreev(share->hosts);
  g_free(share->address);
  g_free(share->title);
  g_free(share->passcode);
  g_free(share->token);
  g_free(share);
}

static void append_share(GString *out, const PinoGateShare *share) {
  g_string_append(out, "\n{");
  pino_json_append_member(out, "id", share->id);
  g_string_append(out, ",\"hosts\":[");
  for (char **host = share->hosts; *host != NULL; host++) {
    if (host != share->hosts)
      g_string_append_c(out, ',');
    pino_json_append_string(out, *host, strlen(*host));
  }
  g_string_append_c(out, ']');
  pino_json_append_member(out, "address", share->address);
  g_string_append_printf(out, ",\"port\":%u", share->port);
  pino_json_append_member(out, "title", share->title);
  pino_json_append_member(out, "passcode", share->passcode);
  pino_json_append_member(out, "token", share->token);
  g_string_append_c(out, '}');
}

gboolean pino_gate_config_write(const PinoGateConfig *config, const char *path, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_string_append_printf(out, "{\"port\":%u,\"every_interface\":%s", config->port,
                         config->every_interface ? "true" : "false");
  pino_json_append_member(out, "key", config->key);
  g_string_append(out, ",\"shares\":[");
  for (guint i = 0; i < config->shares->len; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_share(out, g_ptr_array_index(config->shares, i));
  }
  g_string_append(out, "]}\n");
  if (g_file_set_contents_full(path, out->str, (gssize)out->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
    return TRUE;
  g_prefix_error(error, "cannot write the gate's configuration: ");
  return FALSE;
}

/* The member's text, or NULL when there is none; FALSE when it is anything else. */
static gboolean read_text(JsonObject *object, const char *name, char **text) {
  JsonNode *node = json_object_get_member(object, name);
  if (node == NULL || JSON_NODE_HOLDS_NULL(node))
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
    return FALSE;
  g_free(*text);
  *text = json_node_dup_string(node);
  return TRUE;
}

static gboolean read_port(JsonObject *object, guint lowest, guint16 *port) {
  JsonNode *node = json_object_get_member(object, "port");
  if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
    return FALSE;
  gint64 number = json_node_get_int(node);
  *port = (guint16)number;
  return number >= (gint64)lowest && number <= G_MAXUINT16;
}

static gboolean read_hosts(JsonObject *object, PinoGateShare *share) {
  JsonNode *node = json_object_get_member(object, "hosts");
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
    return FALSE;
  JsonArray *array = json_node_get_array(node);
  g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *host = json_array_get_element(array, i);
    if (!JSON_NODE_HOLDS_VALUE(host) || json_node_get_value_type(host) != G_TYPE_STRING)
      return FALSE;
    g_ptr_array_add(hosts, g_ascii_strdown(json_node_get_string(host), -1));
  }
  g_ptr_array_add(hosts, NULL);
  g_strfreev(share->hosts);
  share->hosts = (char **)g_ptr_array_free(g_steal_pointer(&hosts), FALSE);
  return TRUE;
}

static gboolean is_address(const char *text) {
  struct in6_addr address;
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* What is wrong with a share; NULL: nothing. */
static const char *read_share(JsonObject *object, PinoGateShare *share) {
  if (!read_text(object, "id", &share->id) || share->id == NULL || *share->id == '\0')
    return "it has no id";
  if (!read_hosts(object, share))
    return "its hosts are no list of names";
  if (!read_text(object, "address", &share->address) || !is_address(share->address))
    return "its address is none";
  if (!read_port(object, 1, &share->port))
    return "its port is none";
  if (!read_text(object, "title", &share->title))
    return "its title is no text";
  if (!read_text(object, "passcode", &share->passcode) ||
      (share->passcode != NULL && !pino_gate_sealed_ok(share->passcode)))
    return "its passcode is not sealed";
  if (!read_text(object, "token", &share->token) || (share->token != NULL && *share->token == '\0'))
    return "its token is no text";
  return NULL;
}

static gboolean read_shares(JsonObject *object, PinoGateConfig *config, GError **error) {
  JsonNode *node = json_object_get_member(object, "shares");
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it has no list of shares");
    return FALSE;
  }
  JsonArray *array = json_node_get_array(node);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    g_autoptr(PinoGateShare) share = pino_gate_share_new();
    JsonNode *element = json_array_get_element(array, i);
    const char *wrong = JSON_NODE_HOLDS_OBJECT(element) ? read_share(json_node_get_object(element), share)
                                                        : "it is no object";
    if (wrong != NULL) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "share %u (%s): %s", i + 1,
                  share->id != NULL ? share->id : "?", wrong);
      return FALSE;
    }
    g_ptr_array_add(config->shares, g_steal_pointer(&share));
  }
  return TRUE;
}

static PinoGateConfig *read_config(const char *text, gsize length, GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (length > FILE_MAX) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "it is larger than %d bytes", FILE_MAX);
    return NULL;
  }
  if (!json_parser_load_from_data(parser, text, (gssize)length, error))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  g_autoptr(PinoGateConfig) config = pino_gate_config_new();
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  if (object == NULL || !read_port(object, 0, &config->port)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it is no object with a port");
    return NULL;
  }
  if (!json_object_has_member(object, "key") || !read_text(object, "key", &config->key) ||
      strlen(config->key) < 32) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it has no key of at least 32 digits");
    return NULL;
  }
  JsonNode *every = json_object_get_member(object, "every_interface");
  config->every_interface = every != NULL && JSON_NODE_HOLDS_VALUE(every) && json_node_get_boolean(every);
  return read_shares(object, config, error) ? g_steal_pointer(&config) : NULL;
}

PinoGateConfig *pino_gate_config_read(const char *path, GError **error) {
  g_autofree char *text = NULL;
  gsize length = 0;
  PinoGateConfig *config = NULL;
  GError *problem = NULL;
  if (g_file_get_contents(path, &text, &length, &problem))
    config = read_config(text, length, &problem);
  if (config == NULL)
    g_propagate_prefixed_error(error, problem, "cannot read the gate's configuration '%s': ", path);
  return config;
}
