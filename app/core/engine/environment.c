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

typedef struct {
  char *home, *folder;
  char *values; /* JSON; NULL: nothing is set */
} Request;

static void request_free(gpointer data) {
  Request *request = data;
  g_free(request->home);
  g_free(request->folder);
  g_free(request->values);
  g_free(request);
}

static GBytes *view(const Request *request, GError **error) {
  g_autoptr(GPtrArray) entries = pino_env_entries(request->home, request->folder, error);
  if (entries == NULL)
    return NULL;
  g_autofree char *file = pino_env_file(request->folder);
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

static gboolean change(const Request *request, GError **error) {
  g_autoptr(JsonNode) node = json_from_string(request->values, error);
  if (node == NULL)
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT(node)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "the values are no object by name");
    return FALSE;
  }
  g_autoptr(GArray) pairs = pairs_of(json_node_get_object(node), error);
  return pairs != NULL &&
         pino_env_change(request->home, request->folder, (const PinoEnvPair *)pairs->data, pairs->len, error);
}

/* In a thread: an app's folder may be on a slow disk, and its lock be held by the app. */
static void work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  const Request *request = data;
  GError *error = NULL;
  GBytes *found = request->values == NULL || change(request, &error) ? view(request, &error) : NULL;
  if (found != NULL)
    g_task_return_pointer(task, found, (GDestroyNotify)g_bytes_unref);
  else
    g_task_return_error(task, error);
}

void pino_engine_environment(PinoEngine *engine, const char *app, const char *values,
                             GAsyncReadyCallback callback, gpointer data) {
  g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, data);
  GError *error = NULL;
  char *folder = pino_application_path(engine, app, &error);
  if (folder == NULL) {
    g_task_return_error(task, error);
    return;
  }
  Request *request = g_new0(Request, 1);
  *request = (Request){.home = g_strdup(engine->home), .folder = folder, .values = g_strdup(values)};
  g_task_set_task_data(task, request, request_free);
  g_task_run_in_thread(task, work);
}

GBytes *pino_engine_environment_finish(GAsyncResult *result, GError **error) {
  return g_task_propagate_pointer(G_TASK(result), error);
}
