/* The ENVIRONMENT of an app, as it is shown and set over the API. Secrets go in and do not come out. */
#include "environment/entries.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

/* A secret's default is told only when it is empty. */
static void append_entry(GString *out, const PinoEnvEntry *entry) {
  gboolean hidden = entry->secret && entry->fallback != NULL && *entry->fallback != '\0';
  g_string_append_c(out, '{');
  pino_json_append_member(out, "key", entry->key);
  pino_json_append_nullable(out, "value", entry->secret ? NULL : entry->value);
  pino_json_append_nullable(out, "default", hidden ? NULL : entry->fallback);
  pino_json_append_member(out, "description", entry->description);
  g_string_append_printf(out, ",\"set\":%s,\"secret\":%s,\"required\":%s,\"known\":%s}",
                         pino_env_entry_is_set(entry) ? "true" : "false", entry->secret ? "true" : "false",
                         entry->required ? "true" : "false", entry->known ? "true" : "false");
}

GBytes *pino_engine_environment(PinoEngine *engine, const char *app, GError **error) {
  g_autofree char *folder = pino_application_path(engine, app, error);
  g_autoptr(GPtrArray) entries = folder != NULL ? pino_env_entries(engine->home, folder, error) : NULL;
  if (entries == NULL)
    return NULL;
  g_autofree char *file = pino_env_file(folder);
  GString *out = g_string_new("{");
  pino_json_append_member(out, "path", file);
  g_string_append(out, ",\"entries\":[");
  for (guint i = 0; i < entries->len; i++) {
    g_string_append(out, i > 0 ? "," : "");
    append_entry(out, entries->pdata[i]);
  }
  g_string_append(out, "]}");
  return g_string_free_to_bytes(out);
}

/* Names and texts are the object's. NULL with error set for a value that is neither text nor null. */
static GArray *pairs_of(JsonObject *values, GError **error) {
  g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(PinoEnvPair));
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  json_object_iter_init(&iter, values);
  while (json_object_iter_next(&iter, &name, &node)) {
    PinoEnvPair pair = {.name = name};
    if (json_node_get_value_type(node) == G_TYPE_STRING)
      pair.value = json_node_get_string(node);
    if (pair.value == NULL && !JSON_NODE_HOLDS_NULL(node)) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the value of '%s' must be a string or null", name);
      return NULL;
    }
    g_array_append_val(pairs, pair);
  }
  return g_steal_pointer(&pairs);
}

gboolean pino_engine_set_environment(PinoEngine *engine, const char *app, const char *values,
                                     GError **error) {
  g_autofree char *folder = pino_application_path(engine, app, error);
  g_autoptr(JsonNode) node = folder != NULL ? json_from_string(values, error) : NULL;
  if (node == NULL)
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT(node)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "the values are no object by name");
    return FALSE;
  }
  g_autoptr(GArray) pairs = pairs_of(json_node_get_object(node), error);
  return pairs != NULL &&
         pino_env_change(engine->home, folder, (const PinoEnvPair *)pairs->data, pairs->len, error);
}
