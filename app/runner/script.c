/* pinokiocloud script run|show: one script, without an app around it. */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "environment/env.h"
#include "runner/commands.h"
#include "runner/session.h"

typedef struct {
  char *path;
  char *input;
} Work;

static int status_of(PinoOutcome outcome) {
  return outcome == PINO_OUTCOME_STOPPED || outcome == PINO_OUTCOME_DAEMON ? PINO_EXIT_OK : PINO_EXIT_FAILED;
}

static int run_work(PinoSession *session, PinoRun *run, gpointer data) {
  Work *work = data;
  g_autoptr(GError) error = NULL;
  if (!pino_env_prepare_home(pino_run_home(run), &error)) {
    pino_session_say(session, "%s", error->message);
    return PINO_EXIT_FAILED;
  }
  PinoOutcome outcome = pino_run_script(run, work->path, work->input, &error);
  if (outcome == PINO_OUTCOME_DAEMON)
    pino_run_serve(run, FALSE);
  return status_of(outcome);
}

static int show_work(PinoSession *session, PinoRun *run, gpointer data) {
  Work *work = data;
  g_autoptr(GError) error = NULL;
  g_autofree char *json = pino_run_show(run, work->path, &error);
  if (json == NULL) {
    pino_command_complain(error != NULL ? error->message : "the script has nothing to show");
    return PINO_EXIT_FAILED;
  }
  pino_session_print_line(session, json);
  return PINO_EXIT_OK;
}

static gboolean is_json(const char *input) {
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = NULL;
  if (input == NULL || json_parser_load_from_data(parser, input, -1, &error))
    return TRUE;
  g_autofree char *text = g_strdup_printf("--input is not JSON: %s", error->message);
  pino_command_complain(text);
  return FALSE;
}

static int command_run(int argc, char **argv) {
  g_autofree char *input = NULL;
  g_autofree char *answers = NULL;
  gboolean events = FALSE;
  int status;
  const GOptionEntry entries[] = {
      {"input", 'i', 0, G_OPTION_ARG_STRING, &input, "What the script gets as input and args", "JSON"},
      {"events", 0, 0, G_OPTION_ARG_NONE, &events, "Print events, one JSON object a line", NULL},
      {"answers", 0, 0, G_OPTION_ARG_FILENAME, &answers, "Answers to what the script asks", "FILE.json"},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse("script run FILE [--input JSON] [--events] [--answers FILE.json]",
                          "Runs one script. A daemon stays until Ctrl-C.", entries, 1, &argc, &argv, &status))
    return status;
  if (!is_json(input))
    return PINO_EXIT_USAGE;
  PinoSessionOptions options = {.output = events ? PINO_OUTPUT_EVENTS : PINO_OUTPUT_RAW, .answers = answers};
  g_autofree char *path = g_canonicalize_filename(argv[1], NULL);
  Work work = {.path = path, .input = input};
  return pino_session_do(&options, run_work, &work);
}

static int command_show(int argc, char **argv) {
  int status;
  if (!pino_command_parse("script show FILE", "Prints a script as loaded, functions dropped.", NULL, 1, &argc,
                          &argv, &status))
    return status;
  g_autofree char *path = g_canonicalize_filename(argv[1], NULL);
  Work work = {.path = path};
  PinoSessionOptions options = {.output = PINO_OUTPUT_NONE};
  return pino_session_do(&options, show_work, &work);
}

int pino_command_script(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "run"))
    return command_run(argc - 1, argv + 1);
  if (argc > 1 && g_str_equal(argv[1], "show"))
    return command_show(argc - 1, argv + 1);
  gboolean help = argc > 1 && (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h"));
  fputs("Usage: pinokiocloud script run FILE [--input JSON] [--events] [--answers FILE.json]\n"
        "       pinokiocloud script show FILE\n",
        help ? stdout : stderr);
  return help ? PINO_EXIT_OK : PINO_EXIT_USAGE;
}
