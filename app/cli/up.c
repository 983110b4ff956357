/* pinokiocloud up, down, status. */
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/say.h"
#include "cli/service.h"
#include "control/protocol.h"

#define PATIENCE_S 5    /* for its answer */
#define POLITE_MS 10000 /* what an engine that was asked to end may take */
#define FIRM_MS 3000    /* and one that was told by a signal */

/* --- up ------------------------------------------------------------------------------------------------------------ */

static void say_where(const PinoEndpoint *place, const char *what) {
  PinoEndpointNote note;
  if (pino_endpoint_read_note(place, &note))
    pino_say("the engine %s: pid %d, port %d, home %s", what, note.pid, note.port, place->home);
  else
    pino_say("the engine %s, home %s", what, place->home);
}

static gboolean engine_answers(void) {
  g_autoptr(PinoClient) client = pino_client_connect(FALSE, NULL);
  g_autoptr(JsonNode) status =
      client != NULL ? pino_client_request(client, "GET", "/v1/status", NULL, NULL, NULL) : NULL;
  return status != NULL;
}

/* A socket that takes connections may be that of an engine which was killed this very moment. */
static PinoEndpointState look(const PinoEndpoint *place, GError **error) {
  PinoEndpointState state = pino_endpoint_look(place, error);
  if (state == PINO_ENDPOINT_SERVED && !engine_answers() && pino_daemon_wait_gone(place, 0, -1, FIRM_MS))
    state = PINO_ENDPOINT_NOBODY;
  return state;
}

static int up(const PinoService *service) {
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) arguments = pino_service_arguments(service);
  gboolean started = FALSE;
  PinoEndpointState state = look(place, &error);
  if (state == PINO_ENDPOINT_REFUSED ||
      (state == PINO_ENDPOINT_NOBODY &&
       !pino_daemon_start(place, (const char *const *)arguments, &started, &error)))
    return pino_say_error(error);
  say_where(place, started ? "runs" : "runs already");
  if (!started && arguments != NULL)
    pino_say("the options given were not applied: `pinokiocloud down` first, the apps go on meanwhile");
  return PINO_EXIT_OK;
}

int pino_command_up(int argc, char **argv) {
  PinoService service = {0};
  gboolean foreground = FALSE;
  int status;
  const GOptionEntry own[] = {
      {"foreground", 0, 0, G_OPTION_ARG_NONE, &foreground, "Stay, and write the log to standard error", NULL},
      G_OPTION_ENTRY_NULL,
  };
  g_autofree GOptionEntry *entries = pino_service_entries(&service, own);
  if (!pino_command_parse(
          "up [OPTIONS]",
          "Starts the engine in the background, unless it runs. Its log is logs/engine.log in the home.",
          entries, 0, &argc, &argv, &status))
    return status;
  if (!pino_service_check(&service))
    status = PINO_EXIT_USAGE;
  else
    status = foreground ? pino_service_run(&service) : up(&service);
  pino_service_clear(&service);
  return status;
}

/* --- down ---------------------------------------------------------------------------------------------------------- */

/* Asks; FALSE when the engine did not take it. */
static gboolean ask_to_end(const PinoEndpoint *place, gboolean apps, GError **error) {
  g_autoptr(PinoClient) client = pino_client_connect(FALSE, error);
  if (client == NULL)
    return FALSE;
  pino_client_set_patience(client, PATIENCE_S);
  g_autoptr(JsonNode) answer = pino_client_request(
      client, "POST", "/v1/shutdown", apps ? "{\"apps\":true}" : "{\"apps\":false}", NULL, error);
  return answer != NULL;
}

/* An engine that does not answer any more. Killing it harms nothing: apps and their output do not hang on it. */
static gboolean make_end(const PinoEndpoint *place, int pid, int process) {
  pino_say("the engine does not end by itself (pid %d): ending it", pid);
  if (pino_daemon_signal(place, pid, SIGTERM) && pino_daemon_wait_gone(place, pid, process, FIRM_MS))
    return TRUE;
  pino_daemon_signal(place, pid, SIGKILL);
  return pino_daemon_wait_gone(place, pid, process, FIRM_MS);
}

/* Apps whose engine has gone can be stopped only by another one. */
static gboolean has_shells(const PinoEndpoint *place) {
  g_autofree char *path = g_build_filename(place->run_dir, PINO_CONTROL_SHELLS, NULL);
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  return folder != NULL && g_dir_read_name(folder) != NULL;
}

static gboolean start_to_stop(const PinoEndpoint *place, GError **error) {
  static const char *const arguments[] = {"--no-autolaunch", NULL};
  pino_say("starting the engine to stop what its predecessor left");
  return pino_daemon_start(place, arguments, NULL, error);
}

static int end_engine(const PinoEndpoint *place, int pid, int process, gboolean apps) {
  g_autoptr(GError) error = NULL;
  gboolean asked = ask_to_end(place, apps, &error);
  if (!asked && (pid == 0 || apps))
    return pino_say_error(error);
  if (asked && apps)
    pino_say("stopping all apps");
  /* Apps take as long as they take: that it goes on is seen by `status`, and Ctrl-C ends only the waiting. */
  guint patience = !asked ? 0 : apps ? G_MAXUINT : POLITE_MS;
  if (!pino_daemon_wait_gone(place, pid, process, patience) && !make_end(place, pid, process)) {
    g_clear_error(&error);
    g_set_error(&error, PINO_ERROR, PINO_ERROR_FAILED, "the engine (pid %d) does not end", pid);
    return pino_say_error(error);
  }
  pino_say(apps ? "the engine and all apps have ended" : "the engine has ended; apps go on");
  return PINO_EXIT_OK;
}

static int down(gboolean apps) {
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  g_autoptr(GError) error = NULL;
  int pid = pino_endpoint_engine(place);
  if (pid == 0 && look(place, NULL) != PINO_ENDPOINT_SERVED) {
    if (!apps || !has_shells(place)) {
      pino_say("no engine runs for %s", place->home);
      return PINO_EXIT_OK;
    }
    if (!start_to_stop(place, &error))
      return pino_say_error(error);
    pid = pino_endpoint_engine(place);
  }
  int process = pino_daemon_open(place, pid);
  int status = end_engine(place, pid, process, apps);
  if (process >= 0)
    close(process);
  return status;
}

int pino_command_down(int argc, char **argv) {
  gboolean apps = FALSE;
  int status;
  const GOptionEntry entries[] = {
      {"apps", 0, 0, G_OPTION_ARG_NONE, &apps, "Stop all apps too; without it they go on", NULL},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse("down [--apps]", "Ends the engine, and waits until it has gone.", entries, 0, &argc,
                          &argv, &status))
    return status;
  return down(apps);
}
