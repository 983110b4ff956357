#include "runner/registry.h"

#include "base/error.h"
#include "base/json.h"

/* Without an engine a script goes on as if there were no other run. */
#define PATIENCE_MS 10000
/* What a page's public form is worth waiting for. */
#define PAGE_PATIENCE_MS 2000

static char *members_of(const char *what, const char *path) {
  GString *members = g_string_new(NULL);
  pino_json_append_member(members, "what", what);
  pino_json_append_member(members, "path", path);
  return g_string_free(members, FALSE);
}

static JsonNode *ask(PinoRegistrySource *source, const char *what, const char *path) {
  g_autofree char *members = members_of(what, path);
  if (source->before != NULL)
    source->before(source->data);
  return pino_link_ask(source->link, "query", members, FALSE, PATIENCE_MS, NULL, NULL);
}

static char *on_status(const char *path, gpointer data) {
  g_autoptr(JsonNode) node = ask(data, "script", path);
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_to_string(node, FALSE) : NULL;
}

static char **on_running(gpointer data) {
  g_autoptr(JsonNode) node = ask(data, "running", NULL);
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
  JsonArray *list = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  for (guint i = 0; list != NULL && i < json_array_get_length(list); i++) {
    JsonNode *item = json_array_get_element(list, i);
    if (json_node_get_value_type(item) == G_TYPE_STRING)
      g_strv_builder_add(paths, json_node_get_string(item));
  }
  return g_strv_builder_end(paths);
}

static gboolean on_stop(const char *path, GCancellable *cancellable, gboolean *stopped, gpointer data,
                        GError **error) {
  PinoRegistrySource *source = data;
  g_autofree char *members = members_of("stop", path);
  if (source->before != NULL)
    source->before(source->data);
  g_autoptr(JsonNode) node = pino_link_ask(source->link, "query", members, TRUE, 0, cancellable, error);
  if (node == NULL)
    return FALSE;
  *stopped = JSON_NODE_HOLDS_VALUE(node) && json_node_get_boolean(node);
  return TRUE;
}

/* --- tunnels ---------------------------------------------------------------------------------------------------- */

static char *share_members(const char *what, const char *url, const char *passcode) {
  GString *members = g_string_new(NULL);
  pino_json_append_member(members, "what", what);
  pino_json_append_member(members, "url", url);
  pino_json_append_member(members, "passcode", passcode);
  return g_string_free(members, FALSE);
}

static char *text_of(JsonNode *node) {
  gboolean is_text = node != NULL && json_node_get_value_type(node) == G_TYPE_STRING;
  return is_text ? g_strdup(json_node_get_string(node)) : NULL;
}

static char *on_shared(const char *url, gpointer data) {
  PinoRegistrySource *source = data;
  g_autofree char *members = share_members("shared", url, NULL);
  g_autoptr(JsonNode) node =
      pino_link_ask(source->link, "query", members, FALSE, PAGE_PATIENCE_MS, NULL, NULL);
  return text_of(node);
}

static char *on_share(const char *url, const char *passcode, GCancellable *cancellable, gpointer data,
                      GError **error) {
  PinoRegistrySource *source = data;
  g_autofree char *members = share_members("share", url, passcode);
  if (source->before != NULL)
    source->before(source->data);
  g_autoptr(JsonNode) node = pino_link_ask(source->link, "query", members, TRUE, 0, cancellable, error);
  char *public = text_of(node);
  if (node != NULL && public == NULL)
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                        "the engine opens no public addresses: update it, and start it again");
  return public;
}

static gboolean on_unshare(const char *url, gboolean *was_shared, gpointer data, GError **error) {
  PinoRegistrySource *source = data;
  g_autofree char *members = share_members("unshare", url, NULL);
  g_autoptr(JsonNode) node = pino_link_ask(source->link, "query", members, FALSE, PATIENCE_MS, NULL, error);
  if (node == NULL)
    return FALSE;
  *was_shared = json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
  return TRUE;
}

PinoRegistry pino_registry(PinoRegistrySource *source) {
  return (PinoRegistry){
      .status = on_status,
      .running = on_running,
      .stop = on_stop,
      .shared = on_shared,
      .share = on_share,
      .unshare = on_unshare,
      .data = source,
  };
}
