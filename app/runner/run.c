/* pinokiocloud run TARGET: the main job. An app is fetched if it is a URL, installed if its menu says that it is not,
 * started, and its URL shown. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "environment/env.h"
#include "lifecycle/clone.h"
#include "lifecycle/launcher.h"
#include "lifecycle/target.h"
#include "runner/commands.h"
#include "runner/page.h"
#include "runner/session.h"

typedef struct {
  const char *target;
} Work;

static char *fetch(PinoSession *session, PinoRun *run, const char *target, GError **error) {
  g_autofree char *clone = NULL;
  char *folder = pino_target_find(pino_run_home(run), target, &clone, error);
  if (clone == NULL)
    return folder;
  pino_session_say(session, "cloning %s", clone);
  PinoCloneSpec spec = {.url = clone};
  return pino_clone(run, &spec, error);
}

static gboolean install(PinoSession *session, PinoRun *run, PinoLauncher **launcher, GError **error) {
  PinoLauncher *app = *launcher;
  if (app->install == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "%s is not installed and its menu names no install script", app->title);
    return FALSE;
  }
  pino_session_say(session, "installing %s: %s", app->title, app->install);
  PinoOutcome outcome = pino_run_script(run, app->install, app->install_input, error);
  if (outcome != PINO_OUTCOME_STOPPED && outcome != PINO_OUTCOME_DAEMON) {
    g_prefix_error(error, "the install did not finish: ");
    return FALSE;
  }
  PinoLauncher *again = pino_launcher_read(run, app->folder, error);
  if (again == NULL)
    return FALSE;
  pino_launcher_free(app);
  *launcher = again;
  if (!again->installed)
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "the install script ended, but %s's menu still says that it is not installed", again->title);
  return again->installed;
}

static gboolean is_url(const char *text) {
  return text != NULL && (g_str_has_prefix(text, "http://") || g_str_has_prefix(text, "https://"));
}

/* `local.url`, else the first of the script's local values that is one. */
static char *url_of(const char *local) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!json_parser_load_from_data(parser, local, -1, NULL) ||
      !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
    return NULL;
  JsonObject *object = json_node_get_object(json_parser_get_root(parser));
  g_autoptr(GList) names = json_object_get_members(object);
  names = g_list_prepend(names, (gpointer) "url");
  for (GList *at = names; at != NULL; at = at->next) {
    JsonNode *node = json_object_get_member(object, at->data);
    const char *text =
        node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
    if (is_url(text))
      return g_strdup(text);
  }
  return NULL;
}

/* --- the started app -------------------------------------------------------------------------------------------- */

typedef struct {
  PinoSession *session;
  PinoRun *run;
  const PinoLauncher *app;
  char *shown;    /* its address, once a person has seen it */
  gboolean ready; /* its steps are done */
} Started;

static gboolean is_same_page(const char *one, const char *other) {
  gsize length = strlen(one), other_length = strlen(other);
  length -= length > 0 && one[length - 1] == '/';
  other_length -= other_length > 0 && other[other_length - 1] == '/';
  return length == other_length && strncmp(one, other, length) == 0;
}

static void show_address(Started *started, const char *url) {
  pino_session_say(started->session, "%s %s. Ctrl-C stops it. Its address:", started->app->title,
                   started->ready ? "is ready" : "answers");
  pino_session_print_line(started->session, url);
  g_free(started->shown);
  started->shown = g_strdup(url);
}

static char *named_page(const Started *started) {
  g_autofree char *local = pino_run_local(started->run, started->app->start);
  return url_of(local);
}

/* Older apps name their page and then wait in a step without end. */
static void on_page(const char *url, gpointer data) {
  Started *started = data;
  g_autofree char *named = named_page(started);
  show_address(started, named != NULL ? named : url);
}

/* What the script names goes before what was found in its output, and ends the search. */
static void show_ready(Started *started, PinoPage **page, const char *named) {
  started->ready = TRUE;
  if (named != NULL) {
    g_clear_pointer(page, pino_page_free);
    if (started->shown == NULL || !is_same_page(named, started->shown))
      show_address(started, named);
    return;
  }
  if (started->shown == NULL)
    pino_page_expect(*page);
  if (started->shown == NULL)
    pino_session_say(started->session, "%s is ready; its script gave no address. Ctrl-C stops it.",
                     started->app->title);
}

static gboolean is_switched_on(const PinoEnv *env, const char *name) {
  const char *value = pino_env_get(env, name);
  g_autofree char *text = value != NULL ? g_strstrip(g_strdup(value)) : NULL;
  return text != NULL && (g_ascii_strcasecmp(text, "true") == 0 || g_str_equal(text, "1"));
}

/* Settings of the app that only the service keeps. */
static void say_what_is_not_done(PinoSession *session, PinoRun *run, const PinoLauncher *app) {
  static const char *const names[] = {"PINOKIO_SHARE_CLOUDFLARE", "PINOKIO_SHARE_LOCAL"};
  g_autoptr(PinoEnv) env = pino_env_for_app(pino_run_home(run), app->folder, NULL);
  for (guint i = 0; env != NULL && i < G_N_ELEMENTS(names); i++) {
    if (is_switched_on(env, names[i]))
      pino_session_say(session, "%s is set, but only the service shares apps: `pinokiocloud start` instead",
                       names[i]);
  }
}

static int serve(PinoRun *run, const PinoLauncher *app, GError **error) {
  if (!pino_run_serve(run, TRUE))
    return PINO_EXIT_OK;
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "%s has ended by itself: what it printed last tells why",
              app->title);
  return PINO_EXIT_FAILED;
}

static int start(PinoSession *session, PinoRun *run, const PinoLauncher *app, GError **error) {
  if (app->start == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "%s's menu names no script to start", app->title);
    return PINO_EXIT_FAILED;
  }
  Started started = {.session = session, .run = run, .app = app};
  say_what_is_not_done(session, run, app);
  pino_session_say(session, "starting %s: %s", app->title, app->start);
  g_autoptr(PinoPage) page = pino_page_new(run, on_page, &started);
  int status = PINO_EXIT_FAILED;
  PinoOutcome outcome = pino_run_script(run, app->start, app->start_input, error);
  if (outcome == PINO_OUTCOME_DAEMON) {
    g_autofree char *named = named_page(&started);
    show_ready(&started, &page, named);
    status = serve(run, app, error);
  } else if (outcome == PINO_OUTCOME_STOPPED) {
    status = PINO_EXIT_OK;
  }
  g_free(started.shown);
  return status;
}

static int run_work(PinoSession *session, PinoRun *run, gpointer data) {
  Work *work = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoLauncher) launcher = NULL;
  int status = PINO_EXIT_FAILED;
  g_autofree char *folder =
      pino_env_prepare_home(pino_run_home(run), &error) ? fetch(session, run, work->target, &error) : NULL;
  if (folder != NULL && pino_env_prepare_app(pino_run_home(run), folder, &error))
    launcher = pino_launcher_read(run, folder, &error);
  if (launcher != NULL && (launcher->installed || install(session, run, &launcher, &error)))
    status = start(session, run, launcher, &error);
  if (error != NULL)
    pino_session_say(session, "%s", error->message);
  return status;
}

int pino_command_run(int argc, char **argv) {
  Work work = {0};
  g_autofree char *answers = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"answers", 0, 0, G_OPTION_ARG_FILENAME, &answers, "Answers to what the app's scripts ask",
       "FILE.json"},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse(
          "run TARGET [--answers FILE.json]",
          "TARGET is an app's folder, a name under PINOKIO_HOME/api, or a git URL. The app is installed "
          "if its menu\nsays it is not, then started; its output is shown as it is, and its URL in a "
          "line of its own. Ctrl-C stops all.",
          entries, 1, &argc, &argv, &status))
    return status;
  work.target = argv[1];
  PinoSessionOptions options = {.output = PINO_OUTPUT_RAW, .answers = answers};
  return pino_session_do(&options, run_work, &work);
}
