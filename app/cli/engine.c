/* The engine's process: what `up` starts in the background, or is itself with --foreground. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/endpoint.h"
#include "cli/service.h"
#include "config.h"
#include "engine/engine.h"
#include "server/server.h"

#define GOES_ON "what still runs goes on"

typedef struct {
  GMainLoop *loop;
  PinoEndpoint *place;
  PinoEngine *engine;
  PinoServer *server;
  const char *why;  /* it ends */
  const char *left; /* and what becomes of the apps */
} Process;

static void log_line(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void log_line(const char *format, ...) {
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  fprintf(stderr, "%s [%d] %s\n", time, (int)getpid(), text);
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

static void end(Process *process, const char *why, const char *left) {
  process->why = why;
  process->left = left;
  g_main_loop_quit(process->loop);
}

static gboolean on_signal(gpointer data) {
  end(data, "a signal", GOES_ON);
  return G_SOURCE_CONTINUE;
}

/* Started from a terminal that goes, it goes on. */
static gboolean on_hangup(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static void on_stopped(GObject *source, GAsyncResult *result, gpointer data) {
  Process *process = data;
  g_autoptr(GError) error = NULL;
  gboolean stopped = pino_engine_stop_finish(process->engine, result, &error);
  if (!stopped)
    log_line("not all apps could be stopped: %s", error->message);
  end(process, "down --apps", stopped ? "all apps were stopped" : "apps that could not be stopped go on");
}

static void on_shutdown(gboolean apps, gpointer data) {
  Process *process = data;
  if (apps)
    pino_engine_stop_app(process->engine, NULL, on_stopped, process);
  else
    end(process, "down", GOES_ON);
}

/* A handler, and not SIG_IGN: that would be handed on to all that the engine starts. */
static void on_pipe(int number) {
}

static void take_signals(Process *process) {
  struct sigaction pipe = {.sa_handler = on_pipe, .sa_flags = SA_RESTART};
  sigaction(SIGPIPE, &pipe, NULL);
  g_unix_signal_add(SIGTERM, on_signal, process);
  g_unix_signal_add(SIGINT, on_signal, process);
  g_unix_signal_add(SIGHUP, on_hangup, process);
}

/* --- the beginning ------------------------------------------------------------------------------------------------- */

/* Whole or not at all, but not brought to the disk: nothing but a help to others, the lock says whether there is an
 * engine. */
static gboolean replace_file(const char *path, const char *text) {
  g_autofree char *fresh = g_strconcat(path, ".new", NULL);
  gsize length = strlen(text);
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  gboolean written = fd >= 0 && write(fd, text, length) == (gssize)length;
  int problem = errno;
  if (fd >= 0)
    close(fd);
  errno = problem;
  return written && rename(fresh, path) == 0;
}

static gboolean write_note(const Process *process, GError **error) {
  g_autofree char *text = g_strdup_printf(
      "{\"pid\": %d, \"port\": %u, \"started\": %" G_GINT64_FORMAT ", \"version\": \"" PINO_VERSION "\"}\n",
      (int)getpid(), pino_server_port(process->server), g_get_real_time() / 1000);
  if (replace_file(process->place->note, text))
    return TRUE;
  pino_error_set_errno(error, errno, "write", process->place->note);
  return FALSE;
}

/* reason: why it cannot start; with it the descriptor is left to the end of the process, for which is waited. */
static void tell(const PinoService *service, char word, const char *reason) {
  if (service->ready_fd <= 0)
    return;
  g_autofree char *text = g_strdup_printf("%c%s", word, reason != NULL ? reason : "");
  gssize length = (gssize)strlen(text);
  if (write(service->ready_fd, text, (gsize)length) != length)
    log_line("whoever started the engine does not wait for it any more");
  if (reason == NULL)
    close(service->ready_fd);
}

/* Another engine may have let go between our look at its lock and now: then once more. */
static gboolean open_engine(Process *process, const PinoService *service, gboolean *taken, GError **error) {
  PinoEngineOptions options = {
      .home = process->place->home,
      .run_dir = process->place->run_dir,
      .no_autolaunch = service->no_autolaunch,
  };
  for (guint tries = 0; tries < 2; tries++) {
    g_clear_error(error);
    process->engine = pino_engine_open(&options, error);
    if (process->engine != NULL)
      return TRUE;
    *taken = g_error_matches(*error, PINO_ERROR, PINO_ERROR_UNAVAILABLE) &&
             pino_endpoint_is_locked(process->place);
    if (*taken || !g_error_matches(*error, PINO_ERROR, PINO_ERROR_UNAVAILABLE))
      break;
  }
  return FALSE;
}

static gboolean start_server(Process *process, const PinoService *service, GError **error) {
  PinoServerOptions options = {
      .engine = process->engine,
      .port = (guint)service->port,
      .listen = service->listen,
      .hosts = (const char *const *)service->hosts,
      .local_clients = service->local_clients,
      .shutdown = on_shutdown,
      .data = process,
      .version = PINO_VERSION,
  };
  process->server = pino_server_start(&options, error);
  return process->server != NULL && write_note(process, error);
}

/* What starting took is given back: it idles for weeks. */
static gboolean on_started(gpointer data) {
  malloc_trim(0);
  return G_SOURCE_REMOVE;
}

static void serve(Process *process, const PinoService *service) {
  const char *address = service->listen != NULL ? service->listen : "127.0.0.1";
  log_line("engine " PINO_VERSION " serves %s on %s port %u", process->place->home, address,
           pino_server_port(process->server));
  tell(service, PINO_DAEMON_READY, NULL);
  g_timeout_add(1000, on_started, NULL);
  g_main_loop_run(process->loop);
  log_line("engine ends (%s); %s", process->why, process->left);
}

static void let_go(Process *process) {
  if (process->server != NULL)
    (void)unlink(process->place->note);
  g_clear_pointer(&process->server, pino_server_free);
  g_clear_pointer(&process->engine, pino_engine_free);
  g_main_loop_unref(process->loop);
  pino_endpoint_free(process->place);
}

int pino_service_run(const PinoService *service) {
  g_autoptr(GError) error = NULL;
  gboolean taken = FALSE;
  Process process = {.loop = g_main_loop_new(NULL, FALSE), .place = pino_endpoint_new()};
  mallopt(M_ARENA_MAX, 2); /* one busy thread: more arenas would only hold memory */
  umask(077);
  if (service->ready_fd > 0)
    fcntl(service->ready_fd, F_SETFD, FD_CLOEXEC);
  take_signals(&process);
  gboolean ok = open_engine(&process, service, &taken, &error) && start_server(&process, service, &error);
  if (ok)
    serve(&process, service);
  else
    log_line("the engine cannot start: %s", error->message);
  if (!ok)
    tell(service, taken ? PINO_DAEMON_TAKEN : PINO_DAEMON_FAILED, taken ? NULL : error->message);
  let_go(&process);
  return ok ? PINO_EXIT_OK : PINO_EXIT_FAILED;
}

int pino_command_engine(int argc, char **argv) {
  PinoService service = {0};
  int status;
  const GOptionEntry own[] = {
      {"ready-fd", 0, 0, G_OPTION_ARG_INT, &service.ready_fd, "Written to when the API listens", "N"},
      G_OPTION_ENTRY_NULL,
  };
  g_autofree GOptionEntry *entries = pino_service_entries(&service, own);
  if (!pino_command_parse("engine [--ready-fd N] ...", "Is the engine; `up` starts it in the background.",
                          entries, 0, &argc, &argv, &status))
    return status;
  status = pino_service_check(&service) ? pino_service_run(&service) : PINO_EXIT_USAGE;
  pino_service_clear(&service);
  return status;
}
