/* pinokiocloud open, recover. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/qr.h"
#include "cli/say.h"
#include "cli/public.h"
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

/* The tunnel that a person wants to know of: the open one, else one that is being opened. NULL: none. Borrowed. */
static JsonObject *best_tunnel(JsonNode *tunnels, const char *app) {
  g_autoptr(GPtrArray) found = pino_public_find(tunnels, app);
  JsonObject *best = NULL;
  for (guint i = 0; i < found->len; i++) {
    if (best == NULL || pino_public_is_open(found->pdata[i]))
      best = found->pdata[i];
  }
  return best;
}

/* The platform's own that ask for a login; those that do not are the app's public address where they work. */
static GPtrArray *addresses_with_login(JsonObject *app) {
  GPtrArray *found = g_ptr_array_new();
  JsonNode *node = json_object_get_member(app, "platform");
  JsonObject *platform = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonArray *list = platform != NULL ? json_object_get_array_member(platform, "addresses") : NULL;
  for (guint i = 0; list != NULL && i < json_array_get_length(list); i++) {
    JsonObject *address = json_array_get_object_element(list, i);
    if (g_strcmp0(pino_text(address, "auth"), "public") != 0)
      g_ptr_array_add(found, address);
  }
  return found;
}

static void put_login(const GPtrArray *list, gboolean labelled) {
  for (guint i = 0; i < list->len; i++) {
    const char *needs = pino_text(list->pdata[i], "needs");
    pino_put_text("%s%s", labelled ? "by login    " : "", pino_text(list->pdata[i], "url"));
    if (needs != NULL)
      pino_say("%s: %s", pino_text(list->pdata[i], "url"), needs);
  }
}

static void put_addresses(JsonObject *app, const char *local, const char *public) {
  g_autoptr(GPtrArray) logins = addresses_with_login(app);
  gboolean labelled = isatty(STDOUT_FILENO) && (local != NULL) + (public != NULL) + logins->len > 1;
  if (local != NULL)
    pino_put_text("%s%s", labelled ? "here        " : "", local);
  put_login(logins, labelled);
  if (public != NULL)
    pino_put_text("%s%s", labelled ? "everywhere  " : "", public);
  if (public != NULL)
    pino_qr_print(public);
}

static void put_addresses_json(const char *app, const char *local, const char *public) {
  g_autoptr(GString) out = g_string_new("{");
  pino_json_append_member(out, "app", app);
  pino_json_append_nullable(out, "url", local);
  pino_json_append_nullable(out, "public_url", public);
  g_string_append_c(out, '}');
  g_autoptr(JsonNode) node = json_from_string(out->str, NULL);
  pino_put_json(node);
}

/* Why there is no public address yet, where one is wanted. */
static void tell_tunnel(JsonObject *tunnel) {
  const char *trouble = pino_text(tunnel, "trouble");
  if (!pino_public_is_open(tunnel))
    pino_say("its public address is not open (%s)%s%s", pino_text(tunnel, "status"),
             trouble != NULL ? ": " : "", trouble != NULL ? trouble : "");
}

static const char *filled(JsonObject *object, const char *member) {
  const char *text = pino_text(object, member);
  return text != NULL && *text != '\0' ? text : NULL;
}

static int open_app(const char *name, gboolean json) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  g_autoptr(JsonNode) app = client != NULL ? pino_target_app(client, name, &error) : NULL;
  g_autoptr(JsonNode) tunnels = app != NULL ? pino_client_get_array(client, "/v1/tunnels", &error) : NULL;
  if (tunnels == NULL)
    return pino_say_error(error);
  JsonObject *tunnel = best_tunnel(tunnels, name);
  const char *local = filled(json_node_get_object(app), "url");
  const char *public = tunnel != NULL && pino_public_is_open(tunnel)
                           ? pino_public_url(tunnel)
                           : filled(json_node_get_object(app), "public_url");
  if (local == NULL && public == NULL) {
    tell_why_not(name, pino_text(json_node_get_object(app), "state"), &error);
    return pino_say_error(error);
  }
  if (json) {
    put_addresses_json(name, local, public);
    return PINO_EXIT_OK;
  }
  put_addresses(json_node_get_object(app), local, public);
  if (tunnel != NULL)
    tell_tunnel(tunnel);
  open_in_browser(local != NULL ? local : public);
  return PINO_EXIT_OK;
}

int pino_command_open(int argc, char **argv) {
  gboolean json = FALSE;
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print it as JSON, and open nothing", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names("open APP [--json]",
                                "Prints an app's address here and, where it has one, the public one, on a "
                                "terminal also as a QR code. "
                                "Opens the one here\nin $BROWSER, or where there is a display.",
                                entries, 1, 1, &argc, &argv, &names, &status))
    return status;
  return open_app(names[0], json);
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
