/* The line between the engine and its runners: JSON objects, one a line, both ways, over a Unix socket.
 *
 * A channel belongs to the thread that made it and is served by that thread's default main context.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _PinoChannel PinoChannel;

/* An event may free the channel. */
typedef struct {
  void (*message)(PinoChannel *channel, JsonObject *message, gpointer data);
  /* Once, when the other side has gone, sent what is no JSON object or a line over 64 MiB, or does not read (64 MiB
   * waiting); error tells why, NULL for a plain end. Whole lines that came before are told first. */
  void (*closed)(PinoChannel *channel, const GError *error, gpointer data);
} PinoChannelEvents;

/* Takes the connected socket over. */
PinoChannel *pino_channel_new(int fd, const PinoChannelEvents *events, gpointer data);
/* What was sent and still waits is written as far as the socket takes it. */
void pino_channel_free(PinoChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoChannel, pino_channel_free)

/* Sends one JSON object (text without newlines). Never blocks; after the end it does nothing. */
void pino_channel_send(PinoChannel *channel, const char *json);
/* Waits until all that was sent is with the kernel, timeout_ms at most. */
gboolean pino_channel_flush(PinoChannel *channel, guint timeout_ms);

/* A listening socket at a path of any length, mode 0600; one that a dead engine left is replaced, one that is served is
 * an error. It does not block: accept4() with SOCK_NONBLOCK | SOCK_CLOEXEC, then pino_control_is_ours(). Gives the
 * descriptor, -1 with error set. */
int pino_control_listen(const char *path, GError **error);
/* A connection to it (any user's socket but this user's is refused); -1 with error set: PINO_ERRNO with ENOENT or
 * ECONNREFUSED when nobody listens. Does not wait. */
int pino_control_connect(const char *path, GError **error);
/* Whether a connected socket's other side is a process of this user. */
gboolean pino_control_is_ours(int fd);

G_END_DECLS
