/* pinokiocloud menu TARGET: what an app's launcher offers now. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "lifecycle/launcher.h"
#include "lifecycle/target.h"
#include "runner/commands.h"
#include "runner/session.h"

typedef struct {
  const char *target;
  gboolean json;
} Work;

static const char *text_member(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, NULL);
}

static void print_item(PinoSession *session, JsonObject *item, guint depth) {
  const char *label = text_member(item, "_label");
  const char *target = text_member(item, "_script");
  if (target == NULL)
    target = text_member(item, "_url");
  gboolean chosen = json_object_get_boolean_member_with_default(item, "default", FALSE);
  g_autofree char *line =
      g_strdup_printf("%*s%s %s%s%s", (int)(depth * 2), "", chosen ? ">" : "-", label != NULL ? label : "",
                      target != NULL ? "  " : "", target != NULL ? target : "");
  pino_session_print_line(session, line);
  JsonNode *inner = json_object_get_member(item, "menu");
  if (inner == NULL || !JSON_NODE_HOLDS_ARRAY(inner))
    return;
  JsonArray *items = json_node_get_array(inner);
  for (guint i = 0; i < json_array_get_length(items); i++) {
    JsonNode *node = json_array_get_element(items, i);
    if (JSON_NODE_HOLDS_OBJECT(node))
      print_item(session, json_node_get_object(node), depth + 1);
  }
}

static void print_menu(PinoSession *session, const char *json) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!json_parser_load_from_data(parser, json, -1, NULL))
    return;
  JsonObject *menu = json_node_get_object(json_parser_get_root(parser));
  gboolean installed = json_object_get_boolean_member_with_default(menu, "installed", FALSE);
  g_autofree char *head =
      g_strdup_printf("%s (%s)", text_member(menu, "title"), installed ? "installed" : "not installed");
  pino_session_print_line(session, head);
  const char *description = text_member(menu, "description");
  if (description != NULL && *description != '\0')
    pino_session_print_line(session, description);
  JsonArray *items = json_object_get_array_member(menu, "items");
  for (guint i = 0; i < json_array_get_length(items); i++) {
    JsonNode *node = json_array_get_element(items, i);
    if (JSON_NODE_HOLDS_OBJECT(node))
      print_item(session, json_node_get_object(node), 0);
  }
}

static int menu_work(PinoSession *session, PinoRun *run, gpointer data) {
  Work *work = data;
  g_autoptr(GError) error = NULL;
  g_autofree char *clone = NULL;
  g_autofree char *folder = pino_target_find(pino_run_home(run), work->target, &clone, &error);
  if (clone != NULL) {
    g_autofree char *text =
        g_strdup_printf("%s is not here yet: `pinokiocloud run %s` fetches it", clone, clone);
    pino_command_complain(text);
    return PINO_EXIT_FAILED;
  }
  g_autoptr(PinoLauncher) launcher = folder != NULL ? pino_launcher_read(run, folder, &error) : NULL;
  if (launcher == NULL) {
    pino_command_complain(error->message);
    return PINO_EXIT_FAILED;
  }
  if (work->json)
    pino_session_print_line(session, launcher->json);
  else
    print_menu(session, launcher->json);
  return PINO_EXIT_OK;
}

int pino_command_menu(int argc, char **argv) {
  Work work = {0};
  int status;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &work.json, "Print the whole menu as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse("menu TARGET [--json]", "Shows what an app's launcher offers now.", entries, 1,
                          &argc, &argv, &status))
    return status;
  work.target = argv[1];
  PinoSessionOptions options = {.output = PINO_OUTPUT_NONE};
  return pino_session_do(&options, menu_work, &work);
}
