/* What `pterm run` asks before each step: what does this launcher do now?
 *
 * The first item of its menu that is marked as the default; without one, the first that a selector names, in the order
 * of the menu. A selector is an item's href: the same script, without input, or with the input that its query says.
 */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "server/pterm_internal.h"

#define SELECTORS_MAX 64
#define PRINTED_MS 1000 /* pterm prints the URL first, then it may end */

typedef struct {
  PinoPtermClient *client;
  char *app;
  GPtrArray *selectors; /* char * */
} Open;

static void open_free(Open *open) {
  pino_pterm_client_unref(open->client);
  g_free(open->app);
  g_ptr_array_unref(open->selectors);
  g_free(open);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Open, open_free)

static gboolean leads_somewhere(JsonObject *item) {
  return pino_pterm_text(item, "_url") != NULL || pino_pterm_text(item, "_script") != NULL;
}

/* JavaScript's idea of true, for what stands in JSON. */
static gboolean is_truthy(JsonNode *node) {
  if (node == NULL || JSON_NODE_HOLDS_NULL(node))
    return FALSE;
  if (!JSON_NODE_HOLDS_VALUE(node))
    return TRUE;
  GType type = json_node_get_value_type(node);
  if (type == G_TYPE_STRING)
    return *json_node_get_string(node) != '\0';
  return type == G_TYPE_BOOLEAN ? json_node_get_boolean(node) : json_node_get_double(node) != 0;
}

static JsonObject *find_default(JsonArray *items) {
  for (guint i = 0; i < json_array_get_length(items); i++) {
    JsonNode *node = json_array_get_element(items, i);
    if (JSON_NODE_HOLDS_OBJECT(node) &&
        is_truthy(json_object_get_member(json_node_get_object(node), "default")))
      return leads_somewhere(json_node_get_object(node)) ? json_node_get_object(node) : NULL;
  }
  return NULL;
}

static gboolean says(JsonObject *input, const char *name, const char *value) {
  JsonNode *node = input != NULL ? json_object_get_member(input, name) : NULL;
  if (node == NULL)
    return FALSE;
  if (json_node_get_value_type(node) == G_TYPE_STRING)
    return g_str_equal(json_node_get_string(node), value);
  g_autofree char *text = json_to_string(node, FALSE);
  return g_str_equal(text, value);
}

static gboolean input_matches(JsonObject *input, const char *query) {
  if (query == NULL)
    return input == NULL || json_object_get_size(input) == 0;
  g_autoptr(GHashTable) wanted = g_uri_parse_params(query, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
  if (wanted == NULL)
    return FALSE;
  GHashTableIter iter;
  gpointer name, value;
  g_hash_table_iter_init(&iter, wanted);
  while (g_hash_table_iter_next(&iter, &name, &value)) {
    if (!says(input, name, value))
      return FALSE;
  }
  return TRUE;
}

static JsonObject *input_of(JsonObject *item) {
  JsonNode *node = json_object_get_member(item, "_input");
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gboolean is_meant(JsonObject *item, const char *selector) {
  const char *href = pino_pterm_text(item, "href");
  if (href == NULL || !leads_somewhere(item))
    return FALSE;
  const char *query = strchr(selector, '?');
  gsize length = query != NULL ? (gsize)(query - selector) : strlen(selector);
  if (strcspn(href, "?") != length || strncmp(href, selector, length) != 0)
    return FALSE;
  return input_matches(input_of(item), query != NULL ? query + 1 : NULL);
}

static JsonArray *items_of(JsonObject *object, const char *name) {
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

JsonObject *pino_pterm_default_of(JsonObject *menu) {
  JsonArray *items = items_of(menu, "items");
  return items != NULL ? find_default(items) : NULL;
}

static JsonObject *find_selected(JsonArray *items, GPtrArray *selectors) {
  for (guint i = 0; i < json_array_get_length(items); i++) {
    JsonNode *node = json_array_get_element(items, i);
    if (!JSON_NODE_HOLDS_OBJECT(node))
      continue;
    JsonObject *item = json_node_get_object(node);
    for (guint j = 0; j < selectors->len; j++) {
      if (is_meant(item, g_ptr_array_index(selectors, j)))
        return item;
    }
    JsonArray *inner = items_of(item, "menu");
    JsonObject *found = inner != NULL ? find_selected(inner, selectors) : NULL;
    if (found != NULL)
      return found;
  }
  return NULL;
}

/* Remembers that this script is about to be started by `pterm run`. */
static void offer(PinoPterm *pterm, const char *script) {
  gint64 *now = g_new(gint64, 1);
  *now = g_get_monotonic_time();
  g_hash_table_replace(pterm->offered, g_strdup(script), now);
}

static void tell(Open *open, JsonObject *item) {
  PinoPterm *pterm = open->client->pterm;
  const char *url = item != NULL ? pino_pterm_text(item, "_url") : NULL;
  const char *script = item != NULL && url == NULL ? pino_pterm_text(item, "_script") : NULL;
  g_autoptr(GString) packet = g_string_new("{\"data\":{");
  pino_json_append_member(packet, "uri", url != NULL ? url : script);
  JsonObject *input = script != NULL ? input_of(item) : NULL;
  if (input != NULL && json_object_get_size(input) > 0) {
    g_autofree char *json = json_to_string(json_object_get_member(item, "_input"), FALSE);
    g_string_append_printf(packet, ",\"input\":%s", json);
  }
  g_string_append(packet, "}}");
  pino_pterm_client_send(open->client, packet->str);
  if (script != NULL)
    offer(pterm, script);
  else
    pino_pterm_follow_release(pterm, open->app, PRINTED_MS);
}

static void on_menu(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(Open) open = data;
  if (open->client->pterm == NULL)
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) view = pino_engine_menu_finish(open->client->pterm->engine, result, &error);
  g_autoptr(JsonObject) menu = view != NULL ? pino_pterm_object(view) : NULL;
  if (error != NULL)
    g_message("pterm: %s: %s", open->app, error->message);
  JsonObject *item = pino_pterm_default_of(menu);
  JsonArray *items = items_of(menu, "items");
  if (item == NULL && items != NULL)
    item = find_selected(items, open->selectors);
  tell(open, item);
}

static void take_selectors(Open *open, JsonObject *request) {
  JsonNode *node = json_object_get_member(request, "default");
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
    return;
  JsonArray *given = json_node_get_array(node);
  for (guint i = 0; i < json_array_get_length(given) && i < SELECTORS_MAX; i++) {
    JsonNode *element = json_array_get_element(given, i);
    if (json_node_get_value_type(element) == G_TYPE_STRING)
      g_ptr_array_add(open->selectors, g_strstrip(g_strdup(json_node_get_string(element))));
  }
}

void pino_pterm_open(PinoPtermClient *client, JsonObject *request) {
  g_auto(PinoPtermTarget) target = {0};
  g_autoptr(GError) error = NULL;
  if (!pino_pterm_target_parse(client->pterm, pino_pterm_text(request, "uri"), &target, &error) ||
      target.app == NULL || target.script != NULL) {
    g_message("pterm: %s", error != NULL ? error->message : "only the folder of an app has a launcher");
    pino_pterm_client_send(client, "{\"data\":{}}");
    return;
  }
  Open *open = g_new0(Open, 1);
  open->client = pino_pterm_client_ref(client);
  open->app = g_strdup(target.app);
  open->selectors = g_ptr_array_new_with_free_func(g_free);
  take_selectors(open, request);
  pino_engine_menu(client->pterm->engine, target.app, NULL, on_menu, open);
}
