/* A tunnel of LocalTunnel, its protocol spoken by us.
 *
 * The server is asked over HTTP for a name; it answers with a port, to which so many connections are kept open as it wants.
 * Visitors' requests come over those and are handed to the app (localtunnel-link.h). One that closes is opened again: at
 * once when it was of use, else after growing waits. When none holds, the server has forgotten the tunnel: it is asked
 * anew, for the same name first. It gives up when that was in vain several times, or the server refuses.
 * For the main context of the thread that makes it, and that thread alone. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PINO_LOCALTUNNEL_SERVER "https://localtunnel.me"

typedef struct _PinoLocaltunnel PinoLocaltunnel;

typedef struct {
  const char *server; /* http(s)://HOST[:PORT]; NULL: the usual one */
  const char *name;   /* wanted; NULL: any. The server may give another */
  const char *host;   /* of the app; NULL: 127.0.0.1 */
  guint16 port;
} PinoLocaltunnelSpec;

typedef struct {
  /* The tunnel stands. Comes again when it had to be opened anew, often with another URL. */
  void (*address)(const char *url, gpointer data);
  /* A trouble, as one line; the same one is not repeated. */
  void (*said)(const char *line, gpointer data);
  /* It gave up; the last event. PINO_ERROR_LIMIT: the server wants to be left alone for a while; PINO_ERROR_UNAVAILABLE:
   * it refuses; PINO_ERROR_NETWORK: all else. */
  void (*failed)(const GError *error, gpointer data);
} PinoLocaltunnelEvents;

/* Begins; events come from the main context only. NULL with error set (PINO_ERROR_USAGE) when the server's address is
 * none. events is borrowed, spec is copied. */
PinoLocaltunnel *pino_localtunnel_new(const PinoLocaltunnelSpec *spec, const PinoLocaltunnelEvents *events,
                                      gpointer data, GError **error);
/* Closes all connections; no event comes any more. Not from within one. */
void pino_localtunnel_free(PinoLocaltunnel *tunnel);

G_END_DECLS
