#include "environment/key.h"

#include "base/error.h"
#include "environment/private.h"

#include <json-glib/json-glib.h>

static char *key_file(const char *home) {
  return g_build_filename(home, "key.json", NULL);
}

static JsonNode *parse(const char *text, gssize len, const char *what, GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GError) failed = NULL;
  if (!json_parser_load_from_data(parser, text, len, &failed)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "%s is no JSON: %s", what, failed->message);
    return NULL;
  }
  JsonNode *root = json_parser_steal_root(parser);
  return root ? root : json_node_new(JSON_NODE_NULL);
}

/* The file's object. Never overwritten when it does not parse: it holds what a person typed once. */
static JsonNode *load(const char *file, GError **error) {
  gsize len = 0;
  GError *failed = NULL;
  g_autofree char *text = pino_private_read(file, &len, &failed);
  if (failed) {
    g_propagate_error(error, failed);
    return NULL;
  }
  g_autoptr(JsonNode) root =
      text && len > 0 ? parse(text, (gssize)len, file, error) : json_node_new(JSON_NODE_OBJECT);
  if (!root)
    return NULL;
  if (!JSON_NODE_HOLDS_OBJECT(root)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "'%s' holds no JSON object: repair or remove it", file);
    return NULL;
  }
  if (!text || len == 0)
    json_node_take_object(root, json_object_new());
  return g_steal_pointer(&root);
}

static char *to_text(JsonNode *node, gboolean pretty) {
  g_autoptr(JsonGenerator) generator = json_generator_new();
  json_generator_set_root(generator, node);
  json_generator_set_pretty(generator, pretty);
  json_generator_set_indent(generator, 2);
  return json_generator_to_data(generator, NULL);
}

char *pino_key_get(const char *home, const char *host, GError **error) {
  g_autofree char *file = key_file(home);
  g_autoptr(JsonNode) root = load(file, error);
  if (!root)
    return NULL;
  JsonNode *node = host ? json_object_get_member(json_node_get_object(root), host) : root;
  return node ? to_text(node, FALSE) : NULL;
}

static JsonNode *find_value(JsonNode *entry, const char *key) {
  if (entry && JSON_NODE_HOLDS_OBJECT(entry))
    return json_object_get_member(json_node_get_object(entry), key);
  guint64 index = 0;
  if (!entry || !JSON_NODE_HOLDS_ARRAY(entry) ||
      !g_ascii_string_to_unsigned(key, 10, 0, G_MAXUINT32, &index, NULL))
    return NULL;
  JsonArray *array = json_node_get_array(entry);
  return index < json_array_get_length(array) ? json_array_get_element(array, (guint)index) : NULL;
}

char *pino_key_get_value(const char *home, const char *host, const char *key, GError **error) {
  g_autofree char *file = key_file(home);
  g_autoptr(JsonNode) root = load(file, error);
  if (!root)
    return NULL;
  JsonNode *value = find_value(json_object_get_member(json_node_get_object(root), host), key);
  if (!value || JSON_NODE_HOLDS_NULL(value))
    return NULL;
  return json_node_get_value_type(value) == G_TYPE_STRING ? json_node_dup_string(value)
                                                          : to_text(value, FALSE);
}

/* What the new object of the host starts from. */
static JsonObject *copy_entry(JsonNode *entry) {
  JsonObject *copy = json_object_new();
  if (entry && JSON_NODE_HOLDS_OBJECT(entry)) {
    g_autoptr(GList) names = json_object_get_members(json_node_get_object(entry));
    for (GList *at = names; at; at = at->next)
      json_object_set_member(copy, at->data, json_object_dup_member(json_node_get_object(entry), at->data));
  } else if (entry && JSON_NODE_HOLDS_ARRAY(entry)) {
    JsonArray *array = json_node_get_array(entry);
    for (guint i = 0; i < json_array_get_length(array); i++) {
      g_autofree char *name = g_strdup_printf("%u", i);
      json_object_set_member(copy, name, json_array_dup_element(array, i));
    }
  }
  return copy;
}

/* The file's object with one value changed; the loaded one is immutable. */
static JsonNode *with_value(JsonNode *root, const char *host, const char *key, JsonNode *value) {
  JsonObject *hosts = copy_entry(root);
  JsonObject *entry = copy_entry(json_object_get_member(hosts, host));
  if (value)
    json_object_set_member(entry, key, json_node_copy(value));
  else
    json_object_remove_member(entry, key);
  if (json_object_get_size(entry) > 0)
    json_object_set_object_member(hosts, host, json_object_ref(entry));
  else
    json_object_remove_member(hosts, host);
  json_object_unref(entry);
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(node, hosts);
  return node;
}

static gboolean change(const char *home, const char *host, const char *key, JsonNode *value, GError **error) {
  g_autofree char *file = key_file(home);
  g_autoptr(JsonNode) root = load(file, error);
  if (!root)
    return FALSE;
  g_autoptr(JsonNode) changed = with_value(root, host, key, value);
  g_autofree char *body = to_text(changed, TRUE);
  g_autofree char *text = g_strconcat(body, "\n", NULL);
  return pino_private_write(file, text, strlen(text), error);
}

gboolean pino_key_set(const char *home, const char *host, const char *key, const char *json, GError **error) {
  g_autoptr(JsonNode) value = json ? parse(json, -1, "the value to keep", error) : NULL;
  if (json && !value)
    return FALSE;
  int lock = pino_private_lock(home, error);
  if (lock < 0)
    return FALSE;
  gboolean done = change(home, host, key, value, error);
  pino_private_unlock(lock);
  if (!done)
    g_prefix_error(error, "cannot keep the key of '%s': ", host);
  return done;
}
