/* pinokiocloud status, ps: what runs. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/public.h"
#include "cli/table.h"
#include "cli/target.h"

static gint64 seconds_since(gint64 ms) {
  return (g_get_real_time() / 1000 - ms) / 1000;
}

/* Bytes in memory of a process; 0 when they are not known. */
static gint64 memory_of(int pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
  g_autofree char *text = NULL;
  const char *line = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, "\nVmRSS:") : NULL;
  return line != NULL ? g_ascii_strtoll(line + strlen("\nVmRSS:"), NULL, 10) * 1024 : 0;
}

static char *size_text(gint64 bytes) {
  return bytes > 0 ? g_format_size_full((guint64)bytes, G_FORMAT_SIZE_IEC_UNITS) : NULL;
}

/* --- status -------------------------------------------------------------------------------------------------------- */

static gboolean is_idle(JsonObject *app) {
  static const char *const idle[] = {"CLONED", "INSTALLED", NULL};
  const char *state = pino_text(app, "state");
  return state == NULL || g_strv_contains(idle, state);
}

/* Since when an app's run goes on, ms since 1970; 0 when none does. */
static gint64 since(JsonNode *processes, JsonObject *app) {
  const char *run = pino_text(app, "run");
  JsonArray *array = json_node_get_array(processes);
  for (guint i = 0; run != NULL && i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_OBJECT(node) && g_strcmp0(pino_text(json_node_get_object(node), "run"), run) == 0)
      return pino_number(json_node_get_object(node), "started_at");
  }
  return 0;
}

/* The apps that are not idle, with since_ms added. */
static JsonArray *busy_apps(JsonNode *apps, JsonNode *processes) {
  JsonArray *busy = json_array_new();
  JsonArray *array = json_node_get_array(apps);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (!JSON_NODE_HOLDS_OBJECT(node) || is_idle(json_node_get_object(node)))
      continue;
    JsonNode *copy = json_node_copy(node);
    json_object_set_int_member(json_node_get_object(copy), "since",
                               since(processes, json_node_get_object(node)));
    json_array_add_element(busy, copy);
  }
  return busy;
}

/* Whether an object of the array has text there. */
static gboolean has_any(JsonArray *objects, const char *member) {
  for (guint i = 0; i < json_array_get_length(objects); i++) {
    JsonNode *node = json_array_get_element(objects, i);
    const char *text = JSON_NODE_HOLDS_OBJECT(node) ? pino_text(json_node_get_object(node), member) : NULL;
    if (text != NULL && *text != '\0')
      return TRUE;
  }
  return FALSE;
}

static void print_apps(JsonArray *busy) {
  static const char *const heads[] = {"APP", "STATE", "SINCE", "ADDRESS", NULL};
  static const char *const shared_heads[] = {"APP", "STATE", "SINCE", "ADDRESS", "PUBLIC ADDRESS", NULL};
  gboolean shared = has_any(busy, "public_url");
  g_autoptr(PinoTable) table = pino_table_new(shared ? shared_heads : heads);
  for (guint i = 0; i < json_array_get_length(busy); i++) {
    JsonObject *app = json_array_get_object_element(busy, i);
    gint64 began = pino_number(app, "since");
    pino_table_add(table, pino_text(app, "id"));
    pino_table_add(table, pino_text(app, "state"));
    pino_table_take(table, began > 0 ? pino_span(seconds_since(began)) : NULL);
    pino_table_add(table, pino_text(app, "url"));
    if (shared)
      pino_table_add(table, pino_text(app, "public_url"));
  }
  pino_put_line("");
  pino_table_print(table);
}

static void print_engine(const PinoEndpoint *place, JsonObject *status, const PinoEndpointNote *note) {
  int pid = (int)pino_number(status, "pid");
  g_autofree char *up = pino_span(seconds_since(pino_number(status, "started")));
  g_autofree char *size = size_text(memory_of(pid));
  g_autofree char *line =
      g_strdup_printf("The engine runs: pid %d, port %d, for %s, %s of memory, home %s", pid, note->port, up,
                      size != NULL ? size : "unknown size", place->home);
  g_autofree char *shown = pino_one_line(line);
  pino_put_line(shown);
  JsonNode *troubles = json_object_get_member(status, "troubles");
  for (guint i = 0; troubles != NULL && JSON_NODE_HOLDS_ARRAY(troubles) &&
                    i < json_array_get_length(json_node_get_array(troubles));
       i++) {
    const char *text = json_array_get_string_element(json_node_get_array(troubles), i);
    pino_say("%s", text != NULL ? text : "");
  }
}

static void print_status_json(const PinoEndpoint *place, JsonNode *status, const PinoEndpointNote *note,
                              JsonArray *busy) {
  g_autoptr(JsonObject) whole = json_object_new();
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  JsonNode *engine = json_node_copy(status);
  JsonObject *members = json_node_get_object(engine);
  json_object_set_int_member(members, "port", note->port);
  json_object_set_int_member(members, "rss", memory_of((int)pino_number(members, "pid")));
  json_object_set_boolean_member(whole, "running", TRUE);
  json_object_set_member(whole, "engine", engine);
  json_object_set_array_member(whole, "apps", json_array_ref(busy));
  json_node_set_object(node, whole);
  pino_put_json(node);
}

static int tell_not_running(const PinoEndpoint *place, gboolean json) {
  g_autoptr(GString) text = g_string_new("{\"running\":false");
  pino_json_append_member(text, "home", place->home);
  g_string_append_c(text, '}');
  g_autofree char *home = pino_one_line(place->home);
  g_autofree char *plain = g_strdup_printf("No engine runs for %s", home);
  pino_put_line(json ? text->str : plain);
  return PINO_EXIT_NOT_RUNNING;
}

static int show_status(PinoClient *client, gboolean json) {
  g_autoptr(GError) error = NULL;
  const PinoEndpoint *place = pino_client_place(client);
  PinoEndpointNote note;
  pino_endpoint_read_note(place, &note);
  g_autoptr(JsonNode) status = pino_client_get_object(client, "/v1/status", &error);
  g_autoptr(JsonNode) apps = status != NULL ? pino_client_get_array(client, "/v1/apps", &error) : NULL;
  g_autoptr(JsonNode) processes =
      apps != NULL ? pino_client_get_array(client, "/v1/processes", &error) : NULL;
  if (processes == NULL)
    return pino_say_error(error);
  g_autoptr(JsonArray) busy = busy_apps(apps, processes);
  if (json) {
    print_status_json(place, status, &note, busy);
    return PINO_EXIT_OK;
  }
  print_engine(place, json_node_get_object(status), &note);
  if (json_array_get_length(busy) > 0)
    print_apps(busy);
  else
    pino_put_line("No app runs.");
  return PINO_EXIT_OK;
}

int pino_command_status(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  gboolean json = FALSE;
  int status;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print it as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse(
          "status [--json]",
          "Shows whether the engine runs, and the apps that are not idle. Exit status 3: it does not run.",
          entries, 0, &argc, &argv, &status))
    return status;
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  if (pino_endpoint_look(place, NULL) == PINO_ENDPOINT_NOBODY)
    return tell_not_running(place, json);
  g_autoptr(PinoClient) client = pino_client_connect(FALSE, &error);
  return client != NULL ? show_status(client, json) : pino_say_error(error);
}

/* --- ps ------------------------------------------------------------------------------------------------------------ */

static char *pids_text(JsonObject *process) {
  JsonNode *pids = json_object_get_member(process, "pids");
  GString *text = g_string_new(NULL);
  for (guint i = 0;
       pids != NULL && JSON_NODE_HOLDS_ARRAY(pids) && i < json_array_get_length(json_node_get_array(pids));
       i++)
    g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "",
                           json_array_get_int_element(json_node_get_array(pids), i));
  return g_string_free(text, FALSE);
}

static void add_process(PinoTable *table, JsonObject *process, gboolean shared) {
  const char *script = pino_text(process, "script");
  pino_table_add(table, pino_text(process, "app"));
  pino_table_take(table, script != NULL ? g_path_get_basename(script) : NULL);
  pino_table_add(table, pino_text(process, "state"));
  pino_table_take(table, pino_span(seconds_since(pino_number(process, "started_at"))));
  pino_table_take(
      table, g_strdup_printf("%.1f", json_object_get_double_member_with_default(process, "cpu_percent", 0)));
  pino_table_take(table, size_text(pino_number(process, "rss")));
  pino_table_take(table, size_text(pino_number(process, "gpu_memory")));
  pino_table_take(table, g_strdup_printf("%" G_GINT64_FORMAT, pino_number(process, "restarts")));
  pino_table_add(table, pino_text(process, "run"));
  pino_table_take(table, pids_text(process));
  if (shared)
    pino_table_add(table, pino_text(process, "public_url"));
}

/* Adds public_url to each, null where none is known. */
static gboolean add_public(PinoClient *client, JsonNode *processes, GError **error) {
  g_autoptr(JsonNode) tunnels = pino_client_get_array(client, "/v1/tunnels", error);
  g_autoptr(JsonNode) apps = tunnels != NULL ? pino_client_get_array(client, "/v1/apps", error) : NULL;
  JsonArray *array = json_node_get_array(processes);
  for (guint i = 0; apps != NULL && i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    JsonObject *process = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *url = process != NULL ? pino_public_of_run(tunnels, apps, pino_text(process, "run")) : NULL;
    if (url != NULL)
      json_object_set_string_member(process, "public_url", url);
    else if (process != NULL)
      json_object_set_null_member(process, "public_url");
  }
  return apps != NULL;
}

static void print_processes(JsonArray *processes) {
  static const char *const heads[] = {"APP",         "SCRIPT",    "STATE", "FOR",  ">CPU %", ">MEMORY",
                                      ">GPU MEMORY", ">RESTARTS", "RUN",   "PIDS", NULL};
  static const char *const shared_heads[] = {"APP",    "SCRIPT",  "STATE",          "FOR",
                                             ">CPU %", ">MEMORY", ">GPU MEMORY",    ">RESTARTS",
                                             "RUN",    "PIDS",    "PUBLIC ADDRESS", NULL};
  gboolean shared = has_any(processes, "public_url");
  g_autoptr(PinoTable) table = pino_table_new(shared ? shared_heads : heads);
  for (guint i = 0; i < json_array_get_length(processes); i++) {
    if (JSON_NODE_HOLDS_OBJECT(json_array_get_element(processes, i)))
      add_process(table, json_array_get_object_element(processes, i), shared);
  }
  pino_table_print(table);
}

int pino_command_ps(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  gboolean json = FALSE;
  int status;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print it as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse("ps [--json]", "Shows what runs, its processes, and what they take of the machine.",
                          entries, 0, &argc, &argv, &status))
    return status;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  g_autoptr(JsonNode) processes =
      client != NULL ? pino_client_get_array(client, "/v1/processes", &error) : NULL;
  if (processes == NULL || !add_public(client, processes, &error))
    return pino_say_error(error);
  if (json)
    pino_put_json(processes);
  else
    print_processes(json_node_get_array(processes));
  return PINO_EXIT_OK;
}
