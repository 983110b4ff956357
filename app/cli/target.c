#include "cli/target.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/say.h"

const char *pino_text(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

gint64 pino_file_size(JsonObject *object, const char *name) {
  struct stat info;
  const char *path = pino_text(object, name);
  return path != NULL && stat(path, &info) == 0 ? info.st_size : 0;
}

gint64 pino_number(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : 0;
}

#define RUN_FORM "dddddddd-dddddd-xxxx"

static gboolean begins_as_run(const char *name) {
  for (gsize i = 0; i < strlen(RUN_FORM); i++) {
    char form = RUN_FORM[i];
    gboolean fits = form == '-'   ? name[i] == '-'
                    : form == 'd' ? g_ascii_isdigit(name[i])
                                  : g_ascii_isalnum(name[i]);
    if (!fits)
      return FALSE;
  }
  return TRUE;
}

gboolean pino_target_is_run(const char *name) {
  return begins_as_run(name) && name[strlen(RUN_FORM)] == '\0';
}

gboolean pino_target_is_shell(const char *name) {
  if (!begins_as_run(name) || name[strlen(RUN_FORM)] != '.')
    return FALSE;
  const char *number = name + strlen(RUN_FORM) + 1;
  return *number != '\0' && number[strspn(number, "0123456789")] == '\0';
}

JsonNode *pino_target_app(PinoClient *client, const char *name, GError **error) {
  g_autofree char *path = pino_client_path("/v1/apps/%s", name);
  return pino_client_get_object(client, path, error);
}

JsonNode *pino_target_run(PinoClient *client, const char *id, GError **error) {
  g_autofree char *path = pino_client_path("/v1/runs/%s", id);
  return pino_client_get_object(client, path, error);
}

char *pino_target_begin(PinoClient *client, const char *method, const char *path, const char *body,
                        char **app, gboolean *already, GError **error) {
  g_autoptr(JsonNode) node = pino_client_request(client, method, path, body, NULL, error);
  if (node == NULL)
    return NULL;
  JsonObject *answer = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *run = answer != NULL ? pino_text(answer, "run") : NULL;
  if (run == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, "the engine began it, but did not say as what");
    return NULL;
  }
  *already = json_object_get_boolean_member_with_default(answer, "already", FALSE);
  if (app != NULL)
    *app = g_strdup(pino_text(answer, "app"));
  return g_strdup(run);
}

JsonNode *pino_target_newest_run(PinoClient *client, const char *name, GError **error) {
  if (pino_target_is_run(name))
    return pino_target_run(client, name, error);
  g_autoptr(JsonNode) app = pino_target_app(client, name, error);
  if (app == NULL)
    return NULL;
  g_autofree char *path = pino_client_path("/v1/runs?app=%s&limit=1", name);
  g_autoptr(JsonNode) runs = pino_client_get_array(client, path, error);
  if (runs == NULL)
    return NULL;
  JsonArray *array = json_node_get_array(runs);
  if (json_array_get_length(array) > 0 && JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, 0)))
    return json_node_copy(json_array_get_element(array, 0));
  g_autofree char *shown = pino_one_line(name);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "%s has not been started yet", shown);
  return NULL;
}

gboolean pino_run_is_live(JsonObject *run) {
  return json_object_get_boolean_member_with_default(run, "live", FALSE);
}

gboolean pino_shell_runs(JsonObject *shell) {
  return json_object_get_boolean_member_with_default(shell, "running", FALSE);
}
