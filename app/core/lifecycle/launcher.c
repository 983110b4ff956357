#include "lifecycle/launcher.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "pinokiocloud-lifecycle.h"
#include "state/installation.h"

void pino_launcher_free(PinoLauncher *launcher) {
  if (launcher == NULL)
    return;
  g_free(launcher->folder);
  g_free(launcher->title);
  g_free(launcher->install);
  g_free(launcher->start);
  g_free(launcher->install_input);
  g_free(launcher->start_input);
  g_free(launcher->json);
  g_free(launcher);
}

static char *member_json(JsonObject *object, const char *name, gboolean pretty) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL ? json_to_string(node, pretty) : NULL;
}

static char *member_text(JsonObject *object, const char *name) {
  return g_strdup(json_object_get_string_member_with_default(object, name, NULL));
}

static PinoLauncher *parse(const char *folder, const char *json, GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!json_parser_load_from_data(parser, json, -1, error))
    return NULL;
  JsonObject *object = json_node_get_object(json_parser_get_root(parser));
  PinoLauncher *launcher = g_new0(PinoLauncher, 1);
  launcher->folder = g_strdup(folder);
  launcher->title = member_text(object, "title");
  launcher->installed = json_object_get_boolean_member_with_default(object, "installed", FALSE);
  launcher->undecided = json_object_get_boolean_member_with_default(object, "undecided", FALSE);
  launcher->install = member_text(object, "install");
  launcher->start = member_text(object, "start");
  launcher->install_input = member_json(object, "installInput", FALSE);
  launcher->start_input = member_json(object, "startInput", FALSE);
  launcher->json = member_json(object, "shown", TRUE);
  return launcher;
}

/* Of an app under HOME/api; others have no record. */
static gboolean is_recorded(const char *home, const char *folder) {
  g_autofree char *name = g_path_get_basename(folder);
  g_autofree char *usual = g_build_filename(home, "api", name, NULL);
  PinoInstallation record = {0};
  if (g_strcmp0(usual, folder) == 0)
    pino_installation_read(home, name, &record);
  gboolean recorded = record.script != NULL && !record.installing && record.ended_at > 0;
  pino_installation_clear(&record);
  return recorded;
}

PinoLauncher *pino_launcher_read(PinoRun *run, const char *folder, GError **error) {
  if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no folder %s", folder);
    return NULL;
  }
  g_resources_register(pinokiocloud_lifecycle_get_resource());
  g_autoptr(GString) argument = g_string_new("{\"folder\":");
  pino_json_append_string(argument, folder, strlen(folder));
  g_string_append_printf(argument, ",\"recorded\":%s}",
                         is_recorded(pino_run_home(run), folder) ? "true" : "false");
  g_autofree char *json = pino_run_call_json(run, "pino:launcher", "read", argument->str, error);
  return json != NULL ? parse(folder, json, error) : NULL;
}
