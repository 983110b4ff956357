/* pinokiocloud start, restart: an app is started and followed until it is ready. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/say.h"
#include "cli/screen.h"
#include "cli/public.h"
#include "cli/target.h"

#define STATE_LOOK_US 20000 /* between the script's word that it is ready and the engine's */
#define STATE_LOOKS 250
#define ADDRESS_LOOK_US 50000 /* between the script's word and an address that the engine finds by itself */
#define ADDRESS_LOOKS 40
#define PUBLIC_S 60 /* for a public address that is being opened; who wants it waits that long */

typedef struct {
  char *input;
  char *answers;
  gboolean detach;
  gboolean events;
} Options;

static gboolean has_url(JsonObject *object) {
  const char *url = pino_text(object, "url");
  return url != NULL && *url != '\0';
}

/* --- asking the engine --------------------------------------------------------------------------------------------- */

static gboolean check_input(const char *input) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = input != NULL ? json_from_string(input, &error) : NULL;
  if (input == NULL || (node != NULL && JSON_NODE_HOLDS_OBJECT(node)))
    return TRUE;
  g_autofree char *text = g_strdup_printf("--input is no JSON object%s%s", error != NULL ? ": " : "",
                                          error != NULL ? error->message : "");
  pino_command_complain(text);
  return FALSE;
}

static char *make_body(const char *script, const char *input) {
  GString *body = g_string_new("{");
  pino_json_append_member(body, "script", script);
  if (input != NULL)
    g_string_append_printf(body, "%s\"input\":%s", body->len > 1 ? "," : "", input);
  pino_screen_append_size(body);
  g_string_append_c(body, '}');
  return g_string_free(body, FALSE);
}

static char *ask(PinoClient *client, const char *app, const char *action, const char *body, gboolean *already,
                 GError **error) {
  g_autofree char *start = pino_client_path("/v1/apps/%s/", app);
  g_autofree char *path = g_strconcat(start, action, NULL);
  return pino_target_begin(client, "POST", path, body, NULL, already, error);
}

/* --- what came of it ----------------------------------------------------------------------------------------------- */

static void put_address(const char *app, const char *how, JsonObject *run) {
  pino_put_text("%s %s: %s", app, how, pino_text(run, "url"));
}

static void put_public(const char *app, const char *url, gboolean quiet) {
  if (quiet)
    pino_say("%s from everywhere: %s", app, url);
  else
    pino_put_text("%s from everywhere: %s", app, url);
}

/* The public address of a run that is ready: of its tunnel, which is waited for while it is being opened, or the one that
 * the app gave itself. That the app runs is no failure of this command, whatever becomes of its tunnel. */
static int tell_public(PinoClient *client, const char *app, JsonObject *run, gboolean quiet) {
  g_autoptr(GError) error = NULL;
  const char *id = pino_text(run, "id");
  g_autoptr(JsonNode) tunnels = pino_client_get_array(client, "/v1/tunnels", &error);
  g_autoptr(JsonNode) apps = tunnels != NULL ? pino_client_get_array(client, "/v1/apps", &error) : NULL;
  if (apps == NULL)
    return pino_say_error(error);
  const char *known = pino_public_of_run(tunnels, apps, id);
  g_autoptr(GPtrArray) opening = pino_public_find(tunnels, id);
  g_autoptr(JsonNode) tunnel = NULL;
  if (known != NULL)
    put_public(app, known, quiet);
  if (known != NULL || opening->len == 0)
    return PINO_EXIT_OK;
  switch (pino_public_follow(client, pino_text(opening->pdata[0], "id"), NULL, PUBLIC_S, &tunnel, &error)) {
  case PINO_PUBLIC_OPEN:
    put_public(app, pino_public_url(json_node_get_object(tunnel)), quiet);
    return PINO_EXIT_OK;
  case PINO_PUBLIC_FAILED:
    pino_say("%s has no public address: %s", app, error->message);
    return PINO_EXIT_OK;
  default:
    pino_say("its public address goes on being opened; `pinokiocloud open %s` shows it", app);
    return PINO_EXIT_OK;
  }
}

static int tell_already(PinoClient *client, const char *name, const char *id) {
  g_autofree char *app = pino_one_line(name);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = pino_target_run(client, id, &error);
  if (node == NULL)
    return pino_say_error(error);
  JsonObject *run = json_node_get_object(node);
  if (has_url(run)) {
    put_address(app, "runs already", run);
    return tell_public(client, app, run, FALSE);
  }
  pino_say("%s runs already (%s, %s); `pinokiocloud logs -f %s` shows what it does", app,
           pino_text(run, "state"), id, app);
  return PINO_EXIT_OK;
}

/* The script's own word is in the journal a moment before the engine has taken it in. */
static JsonNode *settled_run(PinoClient *client, const char *id, GError **error) {
  for (guint looks = 0;; looks++) {
    g_autoptr(JsonNode) node = pino_target_run(client, id, error);
    if (node == NULL)
      return NULL;
    const char *state = pino_text(json_node_get_object(node), "state");
    gboolean early = g_strcmp0(state, "waiting") == 0 || g_strcmp0(state, "running") == 0;
    if (!early || looks == STATE_LOOKS)
      return g_steal_pointer(&node);
    g_usleep(STATE_LOOK_US);
  }
}

static gboolean is_ready(JsonObject *run) {
  return g_strcmp0(pino_text(run, "state"), "ready") == 0;
}

static gboolean has_shells(JsonObject *run) {
  JsonNode *shells = json_object_get_member(run, "shells");
  JsonArray *array = shells != NULL && JSON_NODE_HOLDS_ARRAY(shells) ? json_node_get_array(shells) : NULL;
  for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_OBJECT(node) && pino_shell_runs(json_node_get_object(node)))
      return TRUE;
  }
  return FALSE;
}

/* An app that does not tell its address may have printed it this moment, or listen there: the engine asks whether it
 * answers before it tells. Nobody answers where nothing is left running. */
static JsonNode *addressed_run(PinoClient *client, const char *id, GError **error) {
  JsonNode *node = settled_run(client, id, error);
  for (guint looks = 0; node != NULL && looks < ADDRESS_LOOKS; looks++) {
    JsonObject *run = json_node_get_object(node);
    if (!is_ready(run) || has_url(run) || !has_shells(run))
      return node;
    g_usleep(ADDRESS_LOOK_US);
    json_node_unref(node);
    node = pino_target_run(client, id, error);
  }
  return node;
}

static int tell_outcome(PinoClient *client, const char *name, const char *id, gboolean quiet) {
  g_autofree char *app = pino_one_line(name);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = addressed_run(client, id, &error);
  if (node == NULL)
    return pino_say_error(error);
  JsonObject *run = json_node_get_object(node);
  const char *state = pino_text(run, "state"), *why = pino_text(run, "error");
  if (is_ready(run) && has_url(run)) {
    if (quiet)
      pino_say("%s is ready: %s", app, pino_text(run, "url"));
    else
      put_address(app, "is ready", run);
    return tell_public(client, app, run, quiet);
  } else if (is_ready(run)) {
    pino_say(has_shells(run)
                 ? "%s is ready; it gave no address so far; `pinokiocloud open %s` shows one that comes"
                 : "%s is ready; it gave no address",
             app, app);
  } else if (g_strcmp0(state, "finished") == 0) {
    pino_say("%s: the script has come to its end", app);
  } else {
    g_set_error(&error, PINO_ERROR, PINO_ERROR_FAILED, "%s: %s%s%s", app, state != NULL ? state : "unknown",
                why != NULL ? ": " : "", why != NULL ? why : "");
    return pino_say_error(error);
  }
  return PINO_EXIT_OK;
}

static int follow(PinoClient **client, const char *app, const char *id, const Options *options,
                  PinoAnswers *answers) {
  g_autoptr(GError) error = NULL;
  g_autofree char *shown = pino_one_line(app);
  PinoFollow what = {.run = id, .events = options->events, .until_ready = TRUE, .answers = answers};
  switch (pino_follow(client, &what, &error)) {
  case PINO_FOLLOW_LEFT:
    pino_say("%s goes on without being watched; `pinokiocloud stop %s` stops it, `pinokiocloud logs -f %s` "
             "shows it",
             shown, shown, shown);
    return PINO_EXIT_INTERRUPTED;
  case PINO_FOLLOW_FAILED:
    return pino_say_error(error);
  default:
    return tell_outcome(*client, app, id, options->events);
  }
}

static int start(const char *app, const char *action, const char *body, const Options *options) {
  g_autoptr(GError) error = NULL;
  PinoAnswers *answers = options->detach ? NULL : pino_answers_new(options->answers, &error);
  if (error != NULL) {
    pino_say_error(error);
    return PINO_EXIT_USAGE;
  }
  gboolean already = FALSE;
  PinoClient *client = pino_client_connect(TRUE, &error);
  g_autofree char *id = client != NULL ? ask(client, app, action, body, &already, &error) : NULL;
  int status = PINO_EXIT_OK;
  if (id == NULL)
    status = pino_say_error(error);
  else if (already)
    status = tell_already(client, app, id);
  else if (options->detach)
    pino_put_line(id);
  else
    status = follow(&client, app, id, options, answers);
  g_clear_pointer(&client, pino_client_free);
  g_clear_pointer(&answers, pino_answers_free);
  return status;
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

static void options_clear(Options *options) {
  g_free(options->input);
  g_free(options->answers);
}

int pino_command_start(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"input", 'i', 0, G_OPTION_ARG_FILENAME, &options.input, "What the script gets as input and args",
       "JSON"},
      {"detach", 'd', 0, G_OPTION_ARG_NONE, &options.detach,
       "Do not follow: print the run's id, and leave questions to others", NULL},
      {"answers", 0, 0, G_OPTION_ARG_FILENAME, &options.answers, "Answers to what the script asks",
       "FILE.json"},
      {"events", 0, 0, G_OPTION_ARG_NONE, &options.events, "Print events, one JSON object a line", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names("start APP [SCRIPT] [OPTIONS]",
                                "Starts an app under PINOKIO_HOME/api: SCRIPT, or what its menu would start "
                                "now. Its output is shown as it is "
                                "until it\nis ready or over; then it goes on in the background. Ctrl-C ends "
                                "only the showing. What it asks is "
                                "asked on the\nterminal; without one, and without --answers, the question is "
                                "refused and its step fails.",
                                entries, 1, 2, &argc, &argv, &names, &status)) {
    options_clear(&options);
    return status;
  }
  g_autofree char *body = check_input(options.input) ? make_body(names[1], options.input) : NULL;
  status = body != NULL ? start(names[0], "start", body, &options) : PINO_EXIT_USAGE;
  options_clear(&options);
  return status;
}

int pino_command_restart(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"detach", 'd', 0, G_OPTION_ARG_NONE, &options.detach, "Do not follow: print the run's id", NULL},
      {"answers", 0, 0, G_OPTION_ARG_FILENAME, &options.answers, "Answers to what the script asks",
       "FILE.json"},
      {"events", 0, 0, G_OPTION_ARG_NONE, &options.events, "Print events, one JSON object a line", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (pino_command_parse_names("restart APP [OPTIONS]", "Stops an app and starts it again, as `start` does.",
                               entries, 1, 1, &argc, &argv, &names, &status))
    status = start(names[0], "restart", NULL, &options);
  options_clear(&options);
  return status;
}
