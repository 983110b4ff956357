/* The server over a real engine, for the tests that talk to it over sockets.
 *
 *   serve HOME [--port N] [--listen ADDRESS] [--host NAME]... [--local] [--stall MS] [--header MS] [--body MS]
 *              [--ended RUN JOURNAL LOG]...
 *   serve --routes
 *
 * Prints "port N" when it listens, and "shutdown APPS" before it ends because a client asked for that; ends at SIGTERM.
 * --ended puts a run that is over into the library, with a shell RUN.1 that wrote LOG.
 */
#include <glib-unix.h>
#include <malloc.h>
#include <string.h>

#include "server/server.h"
#include "state/library.h"

typedef struct {
  PinoServerOptions options;
  const char *home;
  GPtrArray *hosts;
  GPtrArray *ended; /* triples */
  GMainLoop *loop;
} Serve;

static void on_shutdown(gboolean apps, gpointer data) {
  Serve *serve = data;
  g_print("shutdown %d\n", apps);
  g_main_loop_quit(serve->loop);
}

static gboolean on_signal(gpointer data) {
  g_main_loop_quit(data);
  return G_SOURCE_REMOVE;
}

static gboolean take_number(const char *name, const char *value, Serve *serve) {
  const struct {
    const char *name;
    guint *number;
  } numbers[] = {{"--port", &serve->options.port},
                 {"--stall", &serve->options.stall_ms},
                 {"--header", &serve->options.header_ms},
                 {"--body", &serve->options.body_ms}};
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (strcmp(numbers[i].name, name) == 0)
      *numbers[i].number = (guint)g_ascii_strtoull(value, NULL, 10);
  return TRUE;
}

static void take_arguments(Serve *serve, char **argv) {
  serve->home = argv[1];
  for (guint i = 2; argv[i] != NULL; i++) {
    if (strcmp(argv[i], "--local") == 0) {
      serve->options.local_clients = TRUE;
    } else if (strcmp(argv[i], "--listen") == 0) {
      serve->options.listen = argv[++i];
    } else if (strcmp(argv[i], "--host") == 0) {
      g_ptr_array_add(serve->hosts, argv[++i]);
    } else if (strcmp(argv[i], "--ended") == 0) {
      for (guint j = 0; j < 3; j++)
        g_ptr_array_add(serve->ended, argv[++i]);
    } else {
      take_number(argv[i], argv[i + 1], serve);
      i++;
    }
  }
  g_ptr_array_add(serve->hosts, NULL);
  serve->options.hosts = (const char *const *)serve->hosts->pdata;
}

static void put_run(PinoLibrary *library, char **triple) {
  g_autoptr(GError) error = NULL;
  g_autofree char *shell = g_strconcat(triple[0], ".1", NULL);
  PinoRunRow run = {.id = triple[0],
                    .script = (char *)"/bin/true",
                    .kind = (char *)"other",
                    .state = (char *)"finished",
                    .journal = triple[1],
                    .step = -1,
                    .total = -1,
                    .started_at = 1,
                    .ended_at = 2};
  PinoProcessRow process = {.id = shell,
                            .run_id = triple[0],
                            .script = (char *)"/bin/true",
                            .log_file_path = triple[2],
                            .start_time = 1,
                            .end_time = 2,
                            .status = (char *)"ended",
                            .exit_code = 0};
  if (!pino_library_put_run(library, &run, &error) || !pino_library_put_process(library, &process, &error))
    g_error("%s", error->message);
}

static void put_runs(Serve *serve) {
  g_autoptr(GError) error = NULL;
  PinoLibraryFound found;
  if (serve->ended->len == 0)
    return;
  g_autoptr(PinoLibrary) library = pino_library_open(serve->home, &found, NULL, &error);
  if (library == NULL)
    g_error("%s", error->message);
  for (guint i = 0; i + 2 < serve->ended->len; i += 3)
    put_run(library, (char **)serve->ended->pdata + i);
}

static int serve_until_end(Serve *serve) {
  g_autoptr(GError) error = NULL;
  PinoEngineOptions options = {.home = serve->home,
                               .runner = g_getenv("PINOKIOCLOUD_RUNNER"),
                               .keeper = g_getenv("PINOKIOCLOUD_KEEPER"),
                               .no_autolaunch = TRUE};
  g_autoptr(PinoEngine) engine = pino_engine_open(&options, &error);
  if (engine == NULL) {
    g_printerr("serve: %s\n", error->message);
    return 1;
  }
  serve->options.engine = engine;
  g_autoptr(PinoServer) server = pino_server_start(&serve->options, &error);
  if (server == NULL) {
    g_printerr("serve: %s\n", error->message);
    return 1;
  }
  guint signal = g_unix_signal_add(15, on_signal, serve->loop);
  g_print("port %u\n", pino_server_port(server));
  g_main_loop_run(serve->loop);
  GSource *source = g_main_context_find_source_by_id(NULL, signal);
  if (source != NULL)
    g_source_destroy(source);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  if (strcmp(argv[1], "--routes") == 0) {
    g_autofree char *routes = pino_server_routes();
    g_print("%s", routes);
    return 0;
  }
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_autoptr(GPtrArray) hosts = g_ptr_array_new();
  g_autoptr(GPtrArray) ended = g_ptr_array_new();
  Serve serve = {.hosts = hosts, .ended = ended, .loop = loop};
  serve.options.version = "test";
  serve.options.shutdown = on_shutdown;
  serve.options.data = &serve;
  take_arguments(&serve, argv);
  put_runs(&serve);
  return serve_until_end(&serve);
}
