/* pinokiocloud install, update, reset, uninstall: what is done to a whole app, followed to its end. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/say.h"
#include "cli/screen.h"
#include "cli/target.h"

typedef struct {
  char *name, *branch, *answers;
  gboolean plan, from_start, force, back, purge, yes, detach, events;
} Options;

static void options_clear(Options *options) {
  g_free(options->name);
  g_free(options->branch);
  g_free(options->answers);
}

/* --- asking the engine ---------------------------------------------------------------------------------------------- */

static void append_flag(GString *body, const char *name, gboolean value) {
  if (value)
    g_string_append_printf(body, "%s\"%s\":true", body->len > 1 ? "," : "", name);
}

/* --- what came of it ------------------------------------------------------------------------------------------------ */

static int tell_outcome(PinoClient *client, const char *id, gboolean events) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = pino_target_run(client, id, &error);
  if (node == NULL)
    return pino_say_error(error);
  JsonObject *run = json_node_get_object(node);
  const char *state = pino_text(run, "state"), *why = pino_text(run, "error");
  if (g_strcmp0(state, "finished") == 0)
    return PINO_EXIT_OK;
  if (g_strcmp0(state, "stopped") == 0) {
    if (!events)
      pino_say("it was stopped before its end");
    return PINO_EXIT_INTERRUPTED;
  }
  if (why == NULL || g_strcmp0(state, "error") != 0) { /* its error was among its events */
    g_set_error_literal(&error, PINO_ERROR, PINO_ERROR_FAILED,
                        why != NULL ? why : "it was interrupted: its process is gone");
    return pino_say_error(error);
  }
  return PINO_EXIT_FAILED;
}

static int follow(PinoClient **client, const char *app, const char *id, const Options *options,
                  PinoAnswers *answers) {
  g_autoptr(GError) error = NULL;
  PinoFollow what = {.run = id, .events = options->events, .answers = answers};
  switch (pino_follow(client, &what, &error)) {
  case PINO_FOLLOW_LEFT:
    pino_say(
        "%s is worked on without being watched; `pinokiocloud stop %s` stops that, `pinokiocloud logs -f %s` "
        "shows it",
        app, id, id);
    return PINO_EXIT_INTERRUPTED;
  case PINO_FOLLOW_FAILED:
    return pino_say_error(error);
  default:
    return tell_outcome(*client, id, options->events);
  }
}

static int perform(const char *method, const char *path, const char *body, const Options *options) {
  g_autoptr(GError) error = NULL;
  PinoAnswers *answers = options->detach ? NULL : pino_answers_new(options->answers, &error);
  if (error != NULL) {
    pino_say_error(error);
    return PINO_EXIT_USAGE;
  }
  gboolean already = FALSE;
  g_autofree char *app = NULL;
  PinoClient *client = pino_client_connect(TRUE, &error);
  g_autofree char *id =
      client != NULL ? pino_target_begin(client, method, path, body, &app, &already, &error) : NULL;
  g_autofree char *shown = pino_one_line(app != NULL ? app : "");
  int status = PINO_EXIT_OK;
  if (already)
    pino_say("this is under way already, as run %s%s", id,
             options->detach ? "" : ": its output from the beginning");
  if (id == NULL)
    status = pino_say_error(error);
  else if (options->detach)
    pino_put_line(id);
  else
    status = follow(&client, shown, id, options, answers);
  g_clear_pointer(&client, pino_client_free);
  g_clear_pointer(&answers, pino_answers_free);
  return status;
}

/* --- commands ------------------------------------------------------------------------------------------------------- */

#define COMMON_ENTRIES                                                                                       \
  {"detach", 'd', 0, G_OPTION_ARG_NONE, &options.detach, "Do not follow: print the run's id", NULL},         \
      {"answers",  0, 0, G_OPTION_ARG_FILENAME, &options.answers, "Answers to what the scripts ask",         \
       "FILE.json"},                                                                                         \
  {                                                                                                          \
    "events", 0, 0, G_OPTION_ARG_NONE, &options.events, "Print events, one JSON object a line", NULL         \
  }

static int install(const char *source, const Options *options) {
  g_autoptr(GString) body = g_string_new("{");
  pino_json_append_member(body, "source", source);
  pino_json_append_member(body, "name", options->name);
  pino_json_append_member(body, "branch", options->branch);
  append_flag(body, "from_start", options->from_start);
  append_flag(body, "force", options->force);
  pino_screen_append_size(body);
  g_string_append_c(body, '}');
  return perform("POST", options->plan ? "/v1/plans" : "/v1/apps", body->str, options);
}

int pino_command_install(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"plan", 'p', 0, G_OPTION_ARG_NONE, &options.plan, "Show what would be done, and do nothing", NULL},
      {"name", 'n', 0, G_OPTION_ARG_STRING, &options.name, "What to call it under api/", "NAME"},
      {"branch", 'b', 0, G_OPTION_ARG_STRING, &options.branch, "The branch or tag to clone", "BRANCH"},
      {"from-start", 0, 0, G_OPTION_ARG_NONE, &options.from_start,
       "Begin anew, also what an earlier try has finished", NULL},
      {"force", 'f', 0, G_OPTION_ARG_NONE, &options.force,
       "Install although the plan says that it cannot work", NULL},
      COMMON_ENTRIES,
      G_OPTION_ENTRY_NULL,
  };
  if (pino_command_parse_names("install APP [OPTIONS]",
                               "Installs an app: APP is its id or name in the catalog (`pinokiocloud "
                               "search`), a git URL, or its name "
                               "under\nPINOKIO_HOME/api. It is cloned, what it needs is shown, and its own "
                               "install script is run, with "
                               "all output as\nit is. When that fails or is cut short, the same command goes "
                               "on at the step that failed.",
                               entries, 1, 1, &argc, &argv, &names, &status))
    status = install(names[0], &options);
  options_clear(&options);
  return status;
}

int pino_command_update(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"back", 0, 0, G_OPTION_ARG_NONE, &options.back, "Return to the commit before the last update", NULL},
      {"force", 'f', 0, G_OPTION_ARG_NONE, &options.force,
       "Put changes to its files aside where they are in the way", NULL},
      COMMON_ENTRIES,
      G_OPTION_ENTRY_NULL,
  };
  if (pino_command_parse_names(
          "update APP [OPTIONS]",
          "Brings an app to its newest version: its files by git, then its own update script.", entries, 1, 1,
          &argc, &argv, &names, &status)) {
    g_autofree char *path =
        pino_client_path(options.back ? "/v1/apps/%s/back" : "/v1/apps/%s/update", names[0]);
    g_autoptr(GString) body = g_string_new("{");
    append_flag(body, "force", options.force);
    pino_screen_append_size(body);
    g_string_append_c(body, '}');
    status = perform("POST", path, body->str, &options);
  }
  options_clear(&options);
  return status;
}

int pino_command_reset(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, "Do not ask", NULL},
      {"purge", 0, 0, G_OPTION_ARG_NONE, &options.purge, "Remove what you have made with it too", NULL},
      COMMON_ENTRIES,
      G_OPTION_ENTRY_NULL,
  };
  if (pino_command_parse_names(
          "reset APP [OPTIONS]",
          "Brings an app back to how it was before it was installed, by its own reset script "
          "where it has one.",
          entries, 1, 1, &argc, &argv, &names, &status)) {
    g_autofree char *path = pino_client_path("/v1/apps/%s/reset", names[0]);
    g_autoptr(GString) body = g_string_new("{");
    append_flag(body, "purge", options.purge);
    append_flag(body, "ask", !options.yes);
    pino_screen_append_size(body);
    g_string_append_c(body, '}');
    status = perform("POST", path, body->str, &options);
  }
  options_clear(&options);
  return status;
}

int pino_command_uninstall(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, "Do not ask", NULL},
      {"purge", 0, 0, G_OPTION_ARG_NONE, &options.purge,
       "Remove what you have made with it too, and its logs", NULL},
      COMMON_ENTRIES,
      G_OPTION_ENTRY_NULL,
  };
  if (pino_command_parse_names("uninstall APP [OPTIONS]",
                               "Removes an app: shows what that frees, and asks. Models on the shared drive "
                               "stay. What you have made with "
                               "it is\nmoved to PINOKIO_HOME/kept.",
                               entries, 1, 1, &argc, &argv, &names, &status)) {
    g_autofree char *app = pino_client_path("/v1/apps/%s", names[0]);
    g_autofree char *path = g_strdup_printf("%s?purge=%d&ask=%d", app, options.purge, !options.yes);
    status = perform("DELETE", path, NULL, &options);
  }
  options_clear(&options);
  return status;
}
