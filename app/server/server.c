#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "server/internal.h"
#include "server/listen.h"

#define FIRST_PORT 42000
#define PORTS 100
#define GOODBYE_MS 200 /* for WebSockets to be closed in order */

static const PinoRoute *const tables[] = {pino_routes_engine, pino_routes_machine,    pino_routes_drive,
                                          pino_routes_apps,   pino_routes_operations, pino_routes_catalog,
                                          pino_routes_runs,   pino_routes_shells,     pino_routes_tunnels};

void pino_server_add_routes(PinoServer *server, const PinoRoute *routes, gsize count) {
  PinoRouteTable table = {routes, count};
  g_array_append_val(server->tables, table);
}

char *pino_server_routes(void) {
  GString *out = g_string_new(NULL);
  for (guint t = 0; t < G_N_ELEMENTS(tables); t++)
    for (const PinoRoute *route = tables[t]; route->method != NULL; route++)
      g_string_append_printf(out, "%s %s\n", route->method, route->pattern);
  return g_string_free(out, FALSE);
}

guint pino_server_port(PinoServer *server) {
  return server->port;
}

PinoPterm *pino_server_pterm(PinoServer *server) {
  return server->pterm;
}

/* --- sockets that left libsoup ---- */

static void socket_released(PinoSocket *socket, gpointer data) {
  PinoServer *server = data;
  g_ptr_array_remove_fast(server->sockets, socket);
}

PinoSocket *pino_server_adopt(PinoServer *server, GIOStream *stream, GObject *keep) {
  PinoSocket *socket = pino_socket_new(stream, keep, server->stall_ms, socket_released, server);
  g_ptr_array_add(server->sockets, socket);
  return socket;
}

/* --- beginning ---- */

/* libsoup ends every connection after one answer when it listens on nothing, and here it does not: accepting is done in
 * connection.c. One end of a pair on which nothing ever comes serves it for a socket to listen on. */
static gboolean pretend_to_listen(PinoServer *server, GError **error) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    pino_error_set_errno(error, errno, "socketpair", NULL);
    return FALSE;
  }
  server->idle_end = pair[0];
  g_autoptr(GSocket) socket = g_socket_new_from_fd(pair[1], error);
  if (socket == NULL) {
    close(pair[1]);
    return FALSE;
  }
  return soup_server_listen_socket(server->soup, socket, 0, error);
}

static gboolean open_doors(PinoServer *server, const PinoServerOptions *options, GError **error) {
  const char *run_dir = pino_engine_run_dir(server->engine);
  int fd = pino_listen_unix(run_dir, PINO_SERVER_SOCKET, error);
  if (fd < 0)
    return FALSE;
  pino_door_open(server->door, fd, TRUE);
  guint first = options->port != 0 ? options->port : FIRST_PORT;
  fd = pino_listen_tcp(options->listen != NULL ? options->listen : "127.0.0.1", first, PORTS, &server->port,
                       error);
  if (fd < 0)
    return FALSE;
  pino_door_open(server->door, fd, FALSE);
  g_autofree char *token = pino_token_take(run_dir, error);
  if (token == NULL)
    return FALSE;
  server->guard = pino_guard_new(token, server->port, options->hosts);
  return TRUE;
}

PinoServer *pino_server_start(const PinoServerOptions *options, GError **error) {
  g_autoptr(PinoServer) server = g_new0(PinoServer, 1);
  server->engine = options->engine;
  server->version = g_strdup(options->version);
  server->home = realpath(pino_engine_home(options->engine), NULL);
  server->local_clients = options->local_clients;
  server->shutdown = options->shutdown;
  server->data = options->data;
  server->stall_ms = options->stall_ms != 0 ? options->stall_ms : 60000;
  server->header_ms = options->header_ms != 0 ? options->header_ms : 10000;
  server->body_ms = options->body_ms != 0 ? options->body_ms : 30000;
  server->idle_end = -1;
  server->tables = g_array_new(FALSE, FALSE, sizeof(PinoRouteTable));
  server->calls = g_hash_table_new(NULL, NULL);
  server->sockets = g_ptr_array_new();
  server->watcher = pino_watcher_new();
  server->machine = pino_machine_desk_new(options->version);
  server->soup = soup_server_new("raw-paths", TRUE, NULL);
  server->door = pino_door_new(server->soup, server->header_ms);
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
    pino_server_add_routes(server, tables[i], pino_route_count(tables[i]));
  pino_dispatch_begin(server);
  if (!pretend_to_listen(server, error) || !open_doors(server, options, error))
    return NULL;
  if (server->local_clients)
    server->pterm = pino_pterm_attach(server, server->engine, server->version);
  return g_steal_pointer(&server);
}

/* --- the end ---- */

static gboolean on_patience_over(gpointer data) {
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Tells those who follow, as long as they are quick to hear it. */
static void say_goodbye(PinoServer *server) {
  gboolean over = FALSE;
  if (server->sockets->len == 0)
    return;
  guint patience = g_timeout_add(GOODBYE_MS, on_patience_over, &over);
  for (guint i = 0; i < server->sockets->len; i++)
    pino_socket_close(server->sockets->pdata[i], PINO_SOCKET_GOING_AWAY, "the engine ends");
  while (server->sockets->len > 0 && !over)
    g_main_context_iteration(NULL, TRUE);
  if (!over)
    g_source_remove(patience);
}

static void orphan_calls(PinoServer *server) {
  GHashTableIter iter;
  gpointer call;
  g_hash_table_iter_init(&iter, server->calls);
  while (g_hash_table_iter_next(&iter, &call, NULL))
    pino_call_orphan(call);
  g_hash_table_unref(server->calls);
}

void pino_server_free(PinoServer *server) {
  if (server == NULL)
    return;
  g_clear_handle_id(&server->shutdown_source, g_source_remove);
  server->shutdown = NULL;
  pino_door_shut(server->door);
  say_goodbye(server);
  while (server->sockets->len > 0)
    pino_socket_drop(server->sockets->pdata[0]);
  orphan_calls(server);
  pino_door_free(server->door);
  g_signal_handlers_disconnect_by_data(server->soup, server);
  soup_server_remove_handler(server->soup, NULL);
  soup_server_disconnect(server->soup);
  g_object_unref(server->soup);
  if (server->idle_end >= 0)
    close(server->idle_end);
  g_clear_pointer(&server->pterm, pino_pterm_free);
  pino_watcher_free(server->watcher);
  pino_machine_desk_free(server->machine);
  pino_guard_free(server->guard);
  g_ptr_array_unref(server->sockets);
  g_array_unref(server->tables);
  g_clear_pointer(&server->tagged, g_bytes_unref);
  g_free(server->etag);
  free(server->home);
  g_free(server->version);
  g_free(server);
}
