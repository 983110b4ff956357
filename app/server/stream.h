/* The stream of a connection, as libsoup gets it.
 *
 * libsoup 3.2 does not let go of a connection that ends between two requests: the message that waits for the next one is
 * told of the end before anybody looks after it, and so the connection, its descriptor and its memory stay for ever.
 * An end that comes while the connection is idle is therefore shown to libsoup as the first byte of a request and then
 * the end: a request that is broken off, which it throws away with its connection in every version.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The stream of a socket, which it closes at its end. */
GSocketConnection *pino_stream_new(GSocket *socket);
/* Whether the next request has not begun; a new stream is not idle. */
void pino_stream_set_idle(GSocketConnection *stream, gboolean idle);

G_END_DECLS
