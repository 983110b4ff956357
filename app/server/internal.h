/* What the files of this room share. Nobody else includes it.
 *
 * A request goes: connection.c takes the connection, dispatch.c looks at the head (guard, route, length, type) and
 * refuses what may not be, then reads the body and calls the route's handler (routes-*.c), which answers (call.c). A
 * WebSocket leaves libsoup after its handshake and is followed by streams.c.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "server/call.h"
#include "server/connection.h"
#include "base/follow.h"
#include "server/guard.h"
#include "server/pterm.h"
#include "server/server.h"

G_BEGIN_DECLS

#define PINO_SERVER_SOCKET "engine.sock"
#define PINO_BODY_LARGEST (1024 * 1024)
#define PINO_HEAD_LARGEST (16 * 1024)
#define PINO_LOG_LINE (64 * 1024) /* so far on a line's beginning is looked for in a shell's log */

typedef struct _PinoMachineDesk PinoMachineDesk;

typedef struct {
  const PinoRoute *routes;
  gsize count;
} PinoRouteTable;

struct _PinoServer {
  PinoEngine *engine;
  char *version;
  char *home; /* real path */
  guint port;
  gboolean local_clients;
  void (*shutdown)(gboolean apps, gpointer data);
  gpointer data;
  guint shutdown_source;
  gboolean shutdown_apps;
  guint stall_ms, header_ms, body_ms;
  PinoGuard *guard;
  SoupServer *soup;
  PinoDoor *door;
  int idle_end;     /* of a pair that libsoup takes for a listening socket (server.c) */
  PinoPterm *pterm; /* NULL: not let in */
  PinoWatcher *watcher;
  GArray *tables;     /* PinoRouteTable */
  GHashTable *calls;  /* PinoCall that are held */
  GPtrArray *sockets; /* PinoSocket that live */
  PinoMachineDesk *machine;
  GBytes *tagged; /* list of apps that etag is of; NULL: none yet */
  char *etag;
};

#define PINO_CALL_NAMES 2

struct _PinoCall {
  guint refs;
  PinoServer *server; /* NULL: it has gone */
  PinoEngine *engine;
  SoupServerMessage *message;
  const PinoRoute *route; /* NULL: refused */
  PinoConnection *connection;
  char *names[PINO_CALL_NAMES];
  GHashTable *query; /* of the message; may be NULL */
  GBytes *raw;
  JsonObject *body;
  gsize received;
  gboolean held, answered, finished;
  gulong gone_handlers[2];
  PinoCallOpened opened;
  gpointer opened_data;
};

/* --- call.c ---- */

/* Of a message, made when there is none. */
PinoCall *pino_call_of(PinoServer *server, SoupServerMessage *message);
/* Lets go of a call whose server goes. */
void pino_call_orphan(PinoCall *call);
/* Reads the body by the route's table; FALSE: answered. */
gboolean pino_call_read_body(PinoCall *call);

/* --- route.c ---- */

typedef enum { PINO_MATCH_FOUND, PINO_MATCH_NOT_FOUND, PINO_MATCH_METHOD, PINO_MATCH_BAD_NAME } PinoMatch;

/* The route of a raw path; names are filled with its decoded segments (free each). PINO_MATCH_METHOD: *allow (free)
 * lists the methods that the path has. */
PinoMatch pino_route_find(PinoServer *server, const char *method, const char *path, const PinoRoute **route,
                          char **names, char **allow);

/* --- routes-*.c: the tables ---- */

extern const PinoRoute pino_routes_engine[];
extern const PinoRoute pino_routes_machine[];
extern const PinoRoute pino_routes_drive[];
extern const PinoRoute pino_routes_apps[];
extern const PinoRoute pino_routes_operations[];
extern const PinoRoute pino_routes_catalog[];
extern const PinoRoute pino_routes_runs[];
extern const PinoRoute pino_routes_shells[];
extern const PinoRoute pino_routes_tunnels[];
/* How many rows each of them has: up to the one without a method. */
gsize pino_route_count(const PinoRoute *routes);

/* --- refuse.c ---- */

/* Answers and closes without reading what the client still sends; libsoup is done with the connection. Takes body. */
void pino_refuse(SoupServerMessage *message, guint status, GBytes *body);

/* --- dispatch.c ---- */

/* Makes libsoup hand every request to the routes. */
void pino_dispatch_begin(PinoServer *server);

/* --- routes-machine.c ---- */

/* What GET /v1/machine keeps between two looks at the machine. Freed at any time, a look may still be under way. */
PinoMachineDesk *pino_machine_desk_new(const char *version);
void pino_machine_desk_free(PinoMachineDesk *desk);

/* --- page.c ---- */

/* GET / */
void pino_page_handle(PinoCall *call);

/* --- streams.c: handlers of WebSockets ---- */

/* A run's events. */
void pino_stream_run(PinoCall *call);
/* The engine's. */
void pino_stream_engine(PinoCall *call);
/* A shell's terminal. */
void pino_stream_shell(PinoCall *call);

/* --- server.c ---- */

/* The socket of a handshake, which the server keeps until it is closed. */
PinoSocket *pino_server_adopt(PinoServer *server, GIOStream *stream, GObject *keep);

G_END_DECLS
