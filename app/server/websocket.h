/* One WebSocket connection, from the server's side, after the handshake.
 *
 * libsoup has such a thing, but it queues whatever it is given without a word, collects fragments without a limit, reads
 * for as long as a client is quicker than it, and cannot close with 1013. Here what waits to be written can be asked
 * for, and a sender that sends only when nothing waits holds one message in memory and no more.
 *
 * Protocol errors, oversized messages and a peer that vanished end the connection here; the owner is told once, by
 * closed. No event is called from inside a call into the socket.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoSocket PinoSocket;

#define PINO_SOCKET_LARGEST (1024 * 1024) /* bytes of a message that comes in */

enum {
  PINO_SOCKET_NORMAL = 1000,
  PINO_SOCKET_GOING_AWAY = 1001,
  PINO_SOCKET_PROTOCOL = 1002,
  PINO_SOCKET_WRONG_KIND = 1003,
  PINO_SOCKET_BAD_DATA = 1007,
  PINO_SOCKET_TOO_BIG = 1009,
  PINO_SOCKET_FAILED = 1011,
  PINO_SOCKET_TRY_LATER = 1013,
};

/* Any may be NULL. */
typedef struct {
  /* Without one, whatever comes is refused with 1003. Text is valid UTF-8 and ends with a NUL that length does not
   * count. */
  void (*message)(PinoSocket *socket, gboolean text, const char *bytes, gsize length, gpointer data);
  /* The kernel has taken all that was sent. */
  void (*drained)(PinoSocket *socket, gpointer data);
  /* The peer has taken nothing for the stall time: gives the reason to close with, to be freed; NULL: a plain one. */
  char *(*stalled)(PinoSocket *socket, gpointer data);
  /* The connection is gone, and the socket is freed after this. */
  void (*closed)(gpointer data);
} PinoSocketEvents;

/* keep: an object to hold on to while the connection lives; may be NULL. released is called with owner at the very end,
 * after the closed event. */
PinoSocket *pino_socket_new(GIOStream *stream, GObject *keep, guint stall_ms,
                            void (*released)(PinoSocket *socket, gpointer owner), gpointer owner);
/* raw: its socket, whose sending buffer may still be made larger than it is; then the reason for a reader that stopped
 * does not have to wait for it. */
void pino_socket_spare(PinoSocket *socket, GSocket *raw);
/* events stays; begins to read. */
void pino_socket_listen(PinoSocket *socket, const PinoSocketEvents *events, gpointer data);

/* Sends one message; drained follows. Does nothing when the socket is closing. */
void pino_socket_send(PinoSocket *socket, gboolean text, const void *bytes, gsize length);
/* Bytes that the kernel has not taken yet. */
gsize pino_socket_waiting(const PinoSocket *socket);
/* FALSE once it was closed by either side. */
gboolean pino_socket_is_open(const PinoSocket *socket);
/* Begins to close; what waits is sent before. reason: at most 123 bytes of it go out. */
void pino_socket_close(PinoSocket *socket, guint code, const char *reason);
/* Ends it at once. */
void pino_socket_drop(PinoSocket *socket);

G_END_DECLS
