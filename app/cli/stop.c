/* pinokiocloud stop: apps and runs are stopped, and waited for. */
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/target.h"

#define LOOK_US 50000
#define TELL_AFTER_US (5 * G_USEC_PER_SEC)

/* --- what goes on -------------------------------------------------------------------------------------------------- */

/* The live runs of an app (NULL: of all), JsonObject* borrowed from runs. */
static GPtrArray *live_runs(JsonNode *runs, const char *app) {
  GPtrArray *live = g_ptr_array_new();
  JsonArray *array = json_node_get_array(runs);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    JsonObject *run = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (run != NULL && pino_run_is_live(run) && (app == NULL || g_strcmp0(pino_text(run, "app"), app) == 0))
      g_ptr_array_add(live, run);
  }
  return live;
}

/* What of the target is left, as a line for a person; NULL when nothing is, or after an error. */
static char *left_of(PinoClient *client, const char *name, gboolean is_run, GError **error) {
  g_autofree char *path = name == NULL ? g_strdup("/v1/runs")
                          : is_run     ? pino_client_path("/v1/runs/%s", name)
                                       : pino_client_path("/v1/runs?app=%s", name);
  if (is_run) {
    g_autoptr(JsonNode) node = pino_client_get_object(client, path, error);
    JsonObject *run = node != NULL ? json_node_get_object(node) : NULL;
    return run != NULL && pino_run_is_live(run) ? g_strdup_printf("%s (%s)", name, pino_text(run, "state"))
                                                : NULL;
  }
  g_autoptr(JsonNode) runs = pino_client_get_array(client, path, error);
  if (runs == NULL)
    return NULL;
  g_autoptr(GPtrArray) live = live_runs(runs, name);
  g_autoptr(GString) left = g_string_new(NULL);
  for (guint i = 0; i < live->len; i++) {
    JsonObject *run = live->pdata[i];
    g_autofree char *script =
        g_path_get_basename(pino_text(run, "script") != NULL ? pino_text(run, "script") : "?");
    g_string_append_printf(left, "%s%s %s (%s)", left->len > 0 ? ", " : "",
                           pino_text(run, "app") != NULL ? pino_text(run, "app") : "", script,
                           pino_text(run, "state"));
  }
  return live->len > 0 ? pino_one_line(left->str) : NULL;
}

/* The state of an app whose script another app's run has started; NULL when it does not run. */
static char *state_within(PinoClient *client, const char *name) {
  g_autofree char *path = pino_client_path("/v1/apps/%s", name);
  g_autoptr(JsonNode) app = pino_client_request(client, "GET", path, NULL, NULL, NULL);
  const char *state =
      app != NULL && JSON_NODE_HOLDS_OBJECT(app) ? pino_text(json_node_get_object(app), "state") : NULL;
  gboolean runs = g_strcmp0(state, "RUNNING") == 0 || g_strcmp0(state, "STARTING") == 0;
  return runs ? g_strdup(state) : NULL;
}

/* --- stopping ------------------------------------------------------------------------------------------------------ */

static gboolean ask(PinoClient *client, const char *format, const char *name, GError **error) {
  g_autofree char *path = g_strcmp0(format, "run") == 0 ? pino_client_path("/v1/runs/%s/stop", name)
                                                        : pino_client_path("/v1/apps/%s/stop", name);
  g_autoptr(JsonNode) node = pino_client_request(client, "POST", path, NULL, NULL, error);
  return node != NULL;
}

/* Every live run by itself: one may lie outside of any app. */
static gboolean ask_all(PinoClient *client, GError **error) {
  g_autoptr(JsonNode) runs = pino_client_get_array(client, "/v1/runs", error);
  if (runs == NULL)
    return FALSE;
  g_autoptr(GPtrArray) live = live_runs(runs, NULL);
  for (guint i = 0; i < live->len; i++) {
    if (!ask(client, "run", pino_text(live->pdata[i], "id"), error))
      return FALSE;
  }
  return TRUE;
}

/* TRUE once nothing is left. */
static gboolean wait_for_end(PinoClient *client, const char *name, gboolean is_run, int timeout,
                             GError **error) {
  gint64 began = g_get_monotonic_time();
  gboolean told = FALSE;
  for (;;) {
    GError *failed = NULL;
    g_autofree char *left = left_of(client, name, is_run, &failed);
    gint64 waited = g_get_monotonic_time() - began;
    if (left == NULL) {
      if (failed != NULL)
        g_propagate_error(error, failed);
      return failed == NULL;
    }
    if (waited > timeout * G_USEC_PER_SEC) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT,
                  "not stopped within %d s, it goes on being stopped: %s", timeout, left);
      return FALSE;
    }
    if (!told && waited > TELL_AFTER_US)
      pino_say("still there: %s", left);
    told = told || waited > TELL_AFTER_US;
    g_usleep(LOOK_US);
  }
}

static int stop(const char *name, int timeout) {
  g_autoptr(GError) error = NULL;
  g_autofree char *shown = name != NULL ? pino_one_line(name) : NULL;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  gboolean is_run = name != NULL && pino_target_is_run(name);
  if (client == NULL)
    return pino_say_error(error);
  g_autofree char *before = left_of(client, name, is_run, NULL);
  if (before == NULL && name != NULL && !is_run)
    before = state_within(client, name);
  gboolean asked = name == NULL ? ask_all(client, &error) : ask(client, is_run ? "run" : "app", name, &error);
  if (!asked || !wait_for_end(client, name, is_run, timeout, &error))
    return pino_say_error(error);
  if (name == NULL)
    pino_say(before != NULL ? "everything stopped" : "nothing ran");
  else
    pino_say("%s %s", shown, before != NULL ? "stopped" : "did not run");
  return PINO_EXIT_OK;
}

int pino_command_stop(int argc, char **argv) {
  gboolean all = FALSE;
  int timeout = 60, status;
  g_auto(GStrv) names = NULL;
  const GOptionEntry entries[] = {
      {"all", 0, 0, G_OPTION_ARG_NONE, &all, "Everything that runs", NULL},
      {"timeout", 0, 0, G_OPTION_ARG_INT, &timeout, "Seconds to wait for the end (60)", "N"},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names(
          "stop APP|RUN|--all [--timeout N]",
          "Stops all runs of an app, or one run: its processes get SIGTERM, then SIGKILL. Waits "
          "until nothing is left.",
          entries, 0, 1, &argc, &argv, &names, &status))
    return status;
  if (all == (names[0] != NULL) || timeout < 0) {
    pino_command_complain(timeout < 0 ? "--timeout wants a number of seconds"
                                      : "stop wants an app, a run, or --all");
    return PINO_EXIT_USAGE;
  }
  return stop(names[0], timeout);
}
