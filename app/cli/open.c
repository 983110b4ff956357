/* pinokiocloud open, recover. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/target.h"

/* --- open ---------------------------------------------------------------------------------------------------------- */

static void quiet(gpointer data) {
  setsid();
}

static void open_in_browser(const char *url) {
  const char *browser = g_getenv("BROWSER");
  gboolean display = g_getenv("DISPLAY") != NULL || g_getenv("WAYLAND_DISPLAY") != NULL;
  gboolean named = browser != NULL && *browser != '\0';
  if (!named && !display)
    return;
  const char *argv[] = {named ? browser : "xdg-open", url, NULL};
  g_autoptr(GError) error = NULL;
  if (!g_spawn_async(NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, quiet,
                     NULL, NULL, &error))
    pino_say("no browser was opened: %s", error->message);
}

/* What runs need not be started: it may tell its address later, on a page of its own, or only in what it prints. */
static void tell_why_not(const char *name, const char *state, GError **error) {
  static const char *const alive[] = {"STARTING", "RUNNING", NULL};
  gboolean runs = state != NULL && g_strv_contains(alive, state);
  g_autofree char *shown = pino_one_line(name);
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              runs ? "%s has told no address yet (%s): `pinokiocloud logs %s` shows what it printed"
                   : "%s has no address now (%s): `pinokiocloud start %s`",
              shown, state, shown);
}

static int open_app(const char *name) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  g_autoptr(JsonNode) app = client != NULL ? pino_target_app(client, name, &error) : NULL;
  if (app == NULL)
    return pino_say_error(error);
  const char *url = pino_text(json_node_get_object(app), "url");
  if (url == NULL || *url == '\0') {
    tell_why_not(name, pino_text(json_node_get_object(app), "state"), &error);
    return pino_say_error(error);
  }
  g_autofree char *line = pino_one_line(url);
  pino_put_line(line);
  open_in_browser(url);
  return PINO_EXIT_OK;
}

int pino_command_open(int argc, char **argv) {
  g_auto(GStrv) names = NULL;
  int status;
  if (!pino_command_parse_names(
          "open APP", "Prints an app's address, and opens it in $BROWSER, or where there is a display.", NULL,
          1, 1, &argc, &argv, &names, &status))
    return status;
  return open_app(names[0]);
}

/* --- recover ------------------------------------------------------------------------------------------------------- */

int pino_command_recover(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  int status;
  if (!pino_command_parse(
          "recover",
          "Builds the library anew from the apps' folders, the runs' journals and what runs, and says "
          "what it found.",
          NULL, 0, &argc, &argv, &status))
    return status;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  g_autoptr(JsonNode) node =
      client != NULL ? pino_client_request(client, "POST", "/v1/recover", NULL, NULL, &error) : NULL;
  if (node == NULL)
    return pino_say_error(error);
  const char *report = JSON_NODE_HOLDS_OBJECT(node) ? pino_text(json_node_get_object(node), "report") : NULL;
  g_autofree char *text = report != NULL ? g_strchomp(g_strdup(report)) : json_to_string(node, TRUE);
  pino_put_line(text);
  return PINO_EXIT_OK;
}
