/* The room `server`: the engine's API over HTTP and WebSocket (docs/openapi.yaml), on libsoup.
 *
 * It listens on HOME/run/engine.sock, for processes of the same user, and on a TCP port of the loopback interface, for
 * whoever knows the token in HOME/run/token. A route parses, calls the engine, and serialises what it gives; nothing
 * here knows more of apps than that. A client that is slow or hostile costs a bounded amount of memory and time.
 *
 * Belongs to the thread of its engine, and to that thread's default main context.
 */
#pragma once

#include "engine/engine.h"

G_BEGIN_DECLS

typedef struct _PinoServer PinoServer;

typedef struct {
  PinoEngine *engine; /* borrowed; outlives the server */
  guint port;         /* first TCP port to try; 0: 42000. A taken one: the next free, up to 99 further */
  const char *listen; /* address; NULL: 127.0.0.1 */
  const char *const *hosts; /* further names that a Host header may have; may be NULL */
  gboolean local_clients;   /* programs without a token may use pterm's endpoints over loopback */
  /* A client asked the engine to end; called from the main loop, after the answer was given. */
  void (*shutdown)(gboolean apps, gpointer data);
  gpointer data;
  const char *version;
  /* Milliseconds; 0: as in parentheses. Tests shorten them. */
  guint stall_ms;  /* how long a reader may take nothing (60 s) */
  guint header_ms; /* how long a request's head may take (10 s) */
  guint body_ms;   /* and its body (30 s) */
} PinoServerOptions;

/* Starts to listen. Errors: PINO_ERRNO (the run folder), PINO_ERROR_UNAVAILABLE (no port is free, the address is not
 * this machine's, another engine answers on the socket). */
PinoServer *pino_server_start(const PinoServerOptions *options, GError **error);

/* The TCP port. */
guint pino_server_port(PinoServer *server);

/* Ends all connections; what apps do goes on. */
void pino_server_free(PinoServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoServer, pino_server_free)

/* All routes, one "METHOD PATH" a line, for the test that compares them with docs/openapi.yaml; a WebSocket is "WS".
 * Free with g_free(). */
char *pino_server_routes(void);

G_END_DECLS
