/* pinokiocloud-gate CONFIG.json: what the internet meets before it meets an app.
 *
 * One listener for all apps that are shared. Tunnels' agents bring requests from outside to it; the public host that a
 * request names leads to its app, where there is a passcode only for who knows it. The file is read again whenever it
 * changes, and no connection ends because of that, but those of who came in before another passcode was set. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/error.h"
#include "gate/connection.h"
#include "gate/listener.h"
#include "gate/upstream.h"
#include "gate/watch.h"

enum {
  CLIENTS_MOST = 1024,
  FILES_WANTED = 4096,
  FILES_OTHER = 256, /* descriptors that are no pair of client and app: kept ones, and those turned away */
};

typedef struct {
  PinoGate gate;
  PinoListener *listener;
  PinoFileWatch *file;
  PinoWatch signals;
  const char *path;
} Program;

typedef struct {
  int waits[PINO_WAITS]; /* milliseconds */
  int clients;
} Options;

static void complain(const char *what, const GError *error) {
  fprintf(stderr, "pinokiocloud-gate: %s%s\n", what, error->message);
}

static gboolean read_options(int *argc, char ***argv, Options *options, GError **error) {
  const GOptionEntry entries[] = {
      {"head-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_HEAD],
       "A request's head must arrive within", "15000"},
      {"idle-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_IDLE],
       "A connection may wait for a request", "60000"},
      {"body-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_BODY],
       "More of an upload must arrive within", "300000"},
      {"connect-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_CONNECT],
       "An app must take a connection", "5000"},
      {"answer-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_ANSWER], "An app must begin to answer",
       "3600000"},
      {"gone-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_GONE],
       "After a client's last byte something must move", "10000"},
      {"pool-ms", 0, 0, G_OPTION_ARG_INT, &options->waits[PINO_WAIT_POOL],
       "A connection to an app is kept for", "15000"},
      {"clients", 0, 0, G_OPTION_ARG_INT, &options->clients, "Connections at a time", "1024"},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GOptionContext) context = g_option_context_new("CONFIG.json");
  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, argc, argv, error))
    return FALSE;
  gboolean sensible = options->clients > 0;
  for (guint i = 1; i < PINO_WAITS; i++)
    sensible = sensible && options->waits[i] > 0;
  if (*argc == 2 && sensible)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "usage: pinokiocloud-gate [--NAME-ms N]... [--clients N] CONFIG.json");
  return FALSE;
}

/* How many clients there may be with as many descriptors as the system gives. */
static guint raise_files(int wanted) {
  struct rlimit limit = {0};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return (guint)wanted;
  limit.rlim_cur = MAX(limit.rlim_cur, MIN(limit.rlim_max, FILES_WANTED));
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  rlim_t pairs = limit.rlim_cur > 2 * FILES_OTHER ? (limit.rlim_cur - FILES_OTHER) / 2 : limit.rlim_cur / 4;
  return (guint)MIN((rlim_t)wanted, pairs);
}

/* What is wrong with the file is said, and the gate goes on as before. */
static void on_changed(gpointer user) {
  Program *program = user;
  PinoGate *gate = &program->gate;
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoGateConfig) config = pino_gate_config_read(program->path, &error);
  if (config == NULL) {
    complain("", error);
    return;
  }
  if (!pino_listener_suits(program->listener, config)) {
    PinoListener *listener = pino_listener_new(gate, config, &error);
    if (listener != NULL) {
      pino_listener_close(program->listener);
      program->listener = listener;
    } else {
      complain("stays at its port: ", error);
    }
  }
  pino_routes_unref(gate->routes);
  gate->routes = pino_routes_new(g_steal_pointer(&config));
  pino_connection_recheck(gate);
  pino_upstream_prune(gate);
}

static void on_signal(PinoWatch *watch, guint32 events) {
  Program *program = (Program *)(void *)((char *)watch - G_STRUCT_OFFSET(Program, signals));
  pino_loop_quit(program->gate.loop);
}

static gboolean take_signals(Program *program, GError **error) {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGINT);
  (void)sigprocmask(SIG_BLOCK, &taken, NULL);
  (void)signal(SIGPIPE, SIG_IGN);
  program->signals = (PinoWatch){signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK), on_signal};
  if (program->signals.fd >= 0 && pino_loop_watch(program->gate.loop, &program->signals, EPOLLIN))
    return TRUE;
  pino_error_set_errno(error, errno, "signalfd", NULL);
  return FALSE;
}

static gboolean begin(Program *program, const Options *options, GError **error) {
  PinoGate *gate = &program->gate;
  guint waits[PINO_WAITS];
  for (guint i = 0; i < PINO_WAITS; i++)
    waits[i] = (guint)options->waits[i];
  gate->loop = pino_loop_new(waits, PINO_WAITS);
  if (gate->loop == NULL) {
    pino_error_set_errno(error, errno, "epoll_create1", NULL);
    return FALSE;
  }
  gate->blocks = pino_blocks_new();
  gate->limiter = pino_limiter_new();
  gate->pools = pino_pools_new();
  gate->clients = g_hash_table_new(NULL, NULL);
  gate->most_clients = raise_files(options->clients);
  /* Watched before it is read, so that no change is missed. */
  program->file = pino_file_watch_new(gate->loop, program->path, on_changed, program, error);
  if (program->file == NULL)
    return FALSE;
  PinoGateConfig *config = pino_gate_config_read(program->path, error);
  if (config == NULL)
    return FALSE;
  gate->routes = pino_routes_new(config);
  program->listener = pino_listener_new(gate, config, error);
  return program->listener != NULL && take_signals(program, error);
}

static void end(Program *program) {
  PinoGate *gate = &program->gate;
  if (gate->loop == NULL)
    return;
  g_autoptr(GList) clients = g_hash_table_get_keys(gate->clients);
  for (GList *client = clients; client != NULL; client = client->next)
    pino_connection_close(client->data);
  if (program->listener != NULL)
    pino_listener_close(program->listener);
  pino_pools_free(gate->pools);
  pino_file_watch_free(program->file);
  pino_loop_close(gate->loop, &program->signals);
  pino_routes_unref(gate->routes);
  pino_limiter_free(gate->limiter);
  pino_blocks_free(gate->blocks);
  g_hash_table_unref(gate->clients);
  pino_loop_free(gate->loop);
}

int main(int argc, char **argv) {
  Options options = {.clients = CLIENTS_MOST,
                     .waits = {[PINO_WAIT_HEAD] = 15000,
                               [PINO_WAIT_IDLE] = 60000,
                               [PINO_WAIT_BODY] = 300000,
                               [PINO_WAIT_CONNECT] = 5000,
                               [PINO_WAIT_ANSWER] = 3600000,
                               [PINO_WAIT_GONE] = 10000,
                               [PINO_WAIT_LINGER] = 5000,
                               [PINO_WAIT_POOL] = 15000,
                               [PINO_WAIT_ACCEPT] = 100}};
  g_autoptr(GError) error = NULL;
  Program program = {.signals = {-1, NULL}};
  (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!read_options(&argc, &argv, &options, &error)) {
    complain("", error);
    return 2;
  }
  program.path = argv[1];
  gboolean begun = begin(&program, &options, &error);
  if (begun) {
    printf("listening on port %u\n", pino_listener_port(program.listener));
    fflush(stdout);
    pino_loop_run(program.gate.loop);
  } else {
    complain("", error);
  }
  end(&program);
  return begun ? 0 : 1;
}
