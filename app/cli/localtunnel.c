/* pinokiocloud localtunnel: a LocalTunnel as a process of its own, as the agents of other providers are; for the engine. */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

#include "cli/commands.h"
#include "tunnel/localtunnel-client.h"

typedef struct {
  GMainLoop *loop;
  gboolean failed;
} Work;

static void on_address(const char *url, gpointer data) {
  printf("your url is: %s\n", url);
  fflush(stdout);
}

static void on_said(const char *line, gpointer data) {
  pino_command_complain(line);
}

static void on_failed(const GError *error, gpointer data) {
  Work *work = data;
  pino_command_complain(error->message);
  work->failed = TRUE;
  g_main_loop_quit(work->loop);
}

static gboolean on_signal(gpointer data) {
  Work *work = data;
  g_main_loop_quit(work->loop);
  return G_SOURCE_CONTINUE;
}

static int serve(const PinoLocaltunnelSpec *spec) {
  static const PinoLocaltunnelEvents events = {on_address, on_said, on_failed};
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_autoptr(GError) error = NULL;
  Work work = {.loop = loop};
  g_unix_signal_add(SIGTERM, on_signal, &work);
  g_unix_signal_add(SIGINT, on_signal, &work);
  PinoLocaltunnel *tunnel = pino_localtunnel_new(spec, &events, &work, &error);
  if (tunnel == NULL) {
    pino_command_complain(error->message);
    return PINO_EXIT_USAGE;
  }
  g_main_loop_run(loop);
  pino_localtunnel_free(tunnel);
  return work.failed ? PINO_EXIT_FAILED : PINO_EXIT_OK;
}

int pino_command_localtunnel(int argc, char **argv) {
  int status, port = 0;
  g_autofree char *host = NULL, *server = NULL, *name = NULL;
  const GOptionEntry entries[] = {
      {"port", 0, 0, G_OPTION_ARG_INT, &port, "Where the app listens", "N"},
      {"host", 0, 0, G_OPTION_ARG_STRING, &host, "On which address (127.0.0.1)", "ADDRESS"},
      {"server", 0, 0, G_OPTION_ARG_STRING, &server,
       "Of LocalTunnel ($PINOKIO_LOCALTUNNEL_SERVER, else " PINO_LOCALTUNNEL_SERVER ")", "URL"},
      {"name", 0, 0, G_OPTION_ARG_STRING, &name, "Wanted in the address; another one when it is taken",
       "NAME"},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse("localtunnel --port N ...", "Opens a tunnel of LocalTunnel, for the engine.",
                          entries, 0, &argc, &argv, &status))
    return status;
  if (port < 1 || port > G_MAXUINT16) {
    pino_command_complain("--port wants a port between 1 and 65535");
    return PINO_EXIT_USAGE;
  }
  const char *named = g_getenv("PINOKIO_LOCALTUNNEL_SERVER");
  PinoLocaltunnelSpec spec = {
      .server = server != NULL                    ? server
                : named != NULL && *named != '\0' ? named
                                                  : NULL,
      .name = name != NULL && *name != '\0' ? name : NULL,
      .host = host != NULL && *host != '\0' ? host : NULL,
      .port = (guint16)port,
  };
  return serve(&spec);
}
