/* What npm's command line `pterm` (desktop Pinokio's own client) talks to: its HTTP paths and its WebSocket at /.
 *
 * pterm knows no token. So its routes are PINO_ROUTE_LOCAL: there only when the person asked for them, and then for
 * connections of the same user from loopback. docs/pterm.md lists requests and packets.
 */
#pragma once

#include "server/call.h"

G_BEGIN_DECLS

typedef struct _PinoPterm PinoPterm;

/* Adds the routes to server, and what they share. version: of this program. The server keeps what it gets until its
 * connections have gone, frees it before the engine, and gives it back by pino_server_pterm(). */
PinoPterm *pino_pterm_attach(PinoServer *server, PinoEngine *engine, const char *version);
void pino_pterm_free(PinoPterm *pterm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPterm, pino_pterm_free)

/* In server.c. */
PinoPterm *pino_server_pterm(PinoServer *server);

G_END_DECLS
