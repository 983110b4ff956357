/* pinokiocloud logs: what a run printed, and goes on to print. */
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/say.h"
#include "cli/target.h"

#define SHOWN_BEFORE 65536 /* bytes of the journal */

/* Where -f begins. */
static guint64 begin_of(JsonObject *run, gboolean since_start) {
  gint64 size = pino_file_size(run, "journal");
  return since_start || size <= SHOWN_BEFORE ? 0 : (guint64)(size - SHOWN_BEFORE);
}

static int print(PinoClient *client, const PinoFollow *what) {
  g_autoptr(GError) error = NULL;
  return pino_follow_print(client, what, &error) ? PINO_EXIT_OK : pino_say_error(error);
}

static int follow(PinoClient **client, const PinoFollow *what) {
  g_autoptr(GError) error = NULL;
  switch (pino_follow(client, what, &error)) {
  case PINO_FOLLOW_LEFT:
    return PINO_EXIT_INTERRUPTED;
  case PINO_FOLLOW_FAILED:
    return pino_say_error(error);
  default:
    return PINO_EXIT_OK;
  }
}

int pino_command_logs(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) names = NULL;
  gboolean follows = FALSE, events = FALSE, since_start = FALSE;
  int status;
  const GOptionEntry entries[] = {
      {"follow", 'f', 0, G_OPTION_ARG_NONE, &follows, "Go on until the run is over, or Ctrl-C", NULL},
      {"events", 0, 0, G_OPTION_ARG_NONE, &events, "Print events, one JSON object a line", NULL},
      {"since-start", 0, 0, G_OPTION_ARG_NONE, &since_start, "With -f: all of it, not the end of a long one",
       NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse_names("logs APP|RUN [-f] [--since-start] [--events]",
                                "Prints what a run printed, as it was; of an app its newest run.", entries, 1,
                                1, &argc, &argv, &names, &status))
    return status;
  PinoClient *client = pino_client_connect(TRUE, &error);
  g_autoptr(JsonNode) run = client != NULL ? pino_target_newest_run(client, names[0], &error) : NULL;
  if (run == NULL) {
    status = pino_say_error(error);
  } else {
    PinoFollow what = {.run = pino_text(json_node_get_object(run), "id"), .events = events};
    if (follows)
      what.offset = begin_of(json_node_get_object(run), since_start);
    status = follows ? follow(&client, &what) : print(client, &what);
  }
  g_clear_pointer(&client, pino_client_free);
  return status;
}
