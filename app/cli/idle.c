/* pinokiocloud idle: what is done with a machine that is paid for and does nothing. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/target.h"

typedef struct {
  char *after, *action;
  gboolean off, yes, lose_data, json;
} Options;

/* "30m", "90s", "2h", "30" (minutes); FALSE for anything else. */
static gboolean parse_span(const char *text, guint64 *seconds) {
  static const struct {
    const char *unit;
    guint64 seconds;
  } units[] = {{"", 60}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  char *end;
  guint64 number = g_ascii_strtoull(text, &end, 10);
  for (guint i = 0; end != text && i < G_N_ELEMENTS(units); i++) {
    if (g_strcmp0(end, units[i].unit) != 0 || number == 0 || number > 604800 / units[i].seconds)
      continue;
    *seconds = number * units[i].seconds;
    return TRUE;
  }
  return FALSE;
}

static gboolean set(PinoClient *client, const char *key, const char *value, GError **error) {
  g_autofree char *path = pino_client_path("/v1/settings/%s", key);
  g_autoptr(GString) body = g_string_new("{");
  pino_json_append_member(body, "value", value);
  g_string_append_c(body, '}');
  g_autoptr(JsonNode) answer = pino_client_request(client, "PUT", path, body->str, NULL, error);
  return answer != NULL;
}

/* What would lose data is agreed to by two options; the mode comes last, when all else is as it is meant. */
static gboolean apply(PinoClient *client, const Options *options, GError **error) {
  const char *mode = options->yes ? (options->lose_data ? "lose-data" : "real") : "dry-run";
  guint64 seconds = 0;
  if (options->off)
    return set(client, "idle.after_s", "0", error) && set(client, "idle.mode", "dry-run", error);
  if (options->after != NULL && !parse_span(options->after, &seconds)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "'%s' is no time: it is a number with s, m, h or d, up to a week (30m)", options->after);
    return FALSE;
  }
  g_autofree char *after = g_strdup_printf("%" G_GUINT64_FORMAT, seconds);
  if (options->action != NULL && !set(client, "idle.action", options->action, error))
    return FALSE;
  if ((options->action != NULL || options->yes) && !set(client, "idle.mode", mode, error))
    return FALSE;
  return seconds == 0 || set(client, "idle.after_s", after, error);
}

/* --- showing ------------------------------------------------------------------------------------------------------- */

static void show_plan(JsonObject *idle) {
  const char *action = pino_text(idle, "action"), *mode = pino_text(idle, "mode");
  gint64 after = pino_number(idle, "after_s");
  JsonNode *node = json_object_get_member(idle, "stop");
  JsonObject *stop = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  gboolean whole = g_strcmp0(action, "stop") == 0;
  g_autofree char *span = pino_span(after);
  if (after == 0) {
    pino_put_line(
        "Nothing is done when this machine is idle. `pinokiocloud idle --after 30m --action stop` would.");
    return;
  }
  pino_put_text("After %s without work: %s%s", span,
                whole                                 ? "the apps are stopped, then this machine"
                : g_strcmp0(action, "stop-apps") == 0 ? "the apps are stopped"
                                                      : "it is told",
                g_strcmp0(mode, "dry-run") == 0 && g_strcmp0(action, "tell") != 0
                    ? " (dry run: only told; --yes does it)"
                    : "");
  if (!whole || stop == NULL)
    return;
  if (pino_text(stop, "request") != NULL)
    pino_put_text("Call    %s", pino_text(stop, "request"));
  if (pino_text(stop, "why_not") != NULL)
    pino_put_text("But     %s", pino_text(stop, "why_not"));
  pino_put_text("Effect  %s", pino_text(stop, "effect"));
  if (json_object_get_boolean_member_with_default(stop, "destroys", FALSE) &&
      g_strcmp0(mode, "lose-data") != 0)
    pino_put_line("        Data would be lost: it is done only with --yes and --lose-data.");
}

static void show_now(JsonObject *idle) {
  g_autofree char *span = pino_span(pino_number(idle, "idle_s"));
  const char *busy = pino_text(idle, "busy"), *outcome = pino_text(idle, "outcome");
  if (pino_number(idle, "after_s") == 0)
    return;
  if (busy != NULL)
    pino_put_text("Now     %s", busy);
  else
    pino_put_text("Now     nothing for %s", span);
  if (outcome != NULL)
    pino_put_text("Last    %s", outcome);
}

static int show(PinoClient *client, gboolean json) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = pino_client_get_object(client, "/v1/idle", &error);
  if (node == NULL)
    return pino_say_error(error);
  if (json) {
    pino_put_json(node);
    return PINO_EXIT_OK;
  }
  show_plan(json_node_get_object(node));
  show_now(json_node_get_object(node));
  return PINO_EXIT_OK;
}

static int perform(const Options *options) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  if (client == NULL)
    return pino_say_error(error);
  if (!apply(client, options, &error)) {
    pino_say_error(error);
    return g_error_matches(error, PINO_ERROR, PINO_ERROR_USAGE) ? PINO_EXIT_USAGE : PINO_EXIT_FAILED;
  }
  return show(client, options->json);
}

int pino_command_idle(int argc, char **argv) {
  Options options = {0};
  int status;
  const GOptionEntry entries[] = {
      {"after", 0, 0, G_OPTION_ARG_STRING, &options.after, "How long nothing must go on: 90s, 30m, 2h",
       "TIME"},
      {"action", 0, 0, G_OPTION_ARG_STRING, &options.action,
       "What is done then: tell, stop-apps, stop (the machine)", "ACTION"},
      {"yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, "Do it for real; without this it is only told", NULL},
      {"lose-data", 0, 0, G_OPTION_ARG_NONE, &options.lose_data,
       "With --yes: also where the platform's stop loses data", NULL},
      {"off", 0, 0, G_OPTION_ARG_NONE, &options.off, "Do nothing any more", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  g_auto(GStrv) names = NULL;
  if (pino_command_parse_names(
          "idle [OPTIONS]",
          "Watches GPU, CPU and network, and stops apps or the rented machine when nothing goes on. Without "
          "options: shows\nwhat is set and what goes on now. The engine must run for it.",
          entries, 0, 0, &argc, &argv, &names, &status))
    status = perform(&options);
  g_free(options.after);
  g_free(options.action);
  return status;
}
