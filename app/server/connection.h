/* Connections: who may come in, how many, and how long they may take.
 *
 * Accepting is done here and not by libsoup, which stops listening for good when an accept fails (no descriptors left),
 * has no limit, and tells nothing of a connection's peer. A connection that passes is handed to libsoup; what is known
 * of it is found again through the local address that libsoup was given with it.
 */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

#define PINO_CONNECTIONS_MOST 256 /* of each kind: whoever fills one does not shut out the other */

typedef struct _PinoDoor PinoDoor;
typedef struct _PinoConnection PinoConnection;

/* header_ms: how long a connection may take to its first whole head of a request. */
PinoDoor *pino_door_new(SoupServer *soup, guint header_ms);
/* Connections that are still there go on; they are no longer watched. */
void pino_door_free(PinoDoor *door);
/* Closes all listening sockets: nobody comes in any more. */
void pino_door_shut(PinoDoor *door);
/* Accepts from a listening socket, which is taken over. local: a Unix socket, for processes of this user and root. */
void pino_door_open(PinoDoor *door, int fd, gboolean local);

/* The connection of a message. */
PinoConnection *pino_connection_of(SoupServerMessage *message);
/* An object that keeps it counted; for one that libsoup no longer has. Unref it. */
GObject *pino_connection_hold(SoupServerMessage *message);
gboolean pino_connection_is_local(const PinoConnection *connection);
/* Whether the peer is a process of this user (or root's) on this machine. */
gboolean pino_connection_is_ours(PinoConnection *connection);
/* It is cut off in ms milliseconds unless this is called again before; 0: it may take its time. */
void pino_connection_expect(PinoConnection *connection, guint ms);
/* A request begins on it, or has been answered: between two of them it is let go as soon as the client closes it. */
void pino_connection_begin(PinoConnection *connection);
void pino_connection_rest(PinoConnection *connection);
void pino_connection_cut(PinoConnection *connection);
/* Its socket, where the kernel's buffer for what is sent was kept below what is allowed; otherwise NULL. */
GSocket *pino_connection_spare(PinoConnection *connection);
/* Nothing more is sent; the peer learns that. */
void pino_connection_end(PinoConnection *connection);

G_END_DECLS
