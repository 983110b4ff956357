/* Whose connection it is. Loopback is open to every user of a machine; the kernel's list of connections names the user
 * of both ends. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whether the other end of a TCP connection on this machine belongs to our own user or to root. peer and own: its
 * address and ours. PINO_ERROR_UNAVAILABLE when it is somebody else's, or nobody can tell. */
gboolean pino_peer_is_ours(GSocketAddress *peer, GSocketAddress *own, GError **error);

G_END_DECLS
