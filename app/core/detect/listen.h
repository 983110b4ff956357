/* The TCP ports on which processes listen, by /proc. For apps that print no address.
 *
 * The kernel lists sockets by inode; which process has one is told by the links in its /proc/PID/fd. What ends meanwhile,
 * and what another user's processes do not show, is left out: that is no error.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct {
  guint16 port;
  char address
      [46]; /* as people write it: "127.0.0.1", "::1", "0.0.0.0"; of an IPv4 address in IPv6 the IPv4 part */
  gboolean every_interface;
  gboolean loopback; /* 127.0.0.0/8 or ::1 */
  pid_t pid;         /* the first of those given that has it open */
} PinoListener;

/* Gives the PinoListeners of these processes, by port and then by address, each address and port once, however many
 * sockets (SO_REUSEPORT) or processes (inherited) share it. "::" stands alone for a socket of both families. Each process
 * is looked at in its own network namespace. Free with g_array_unref(). */
GArray *pino_listen_find(const pid_t *pids, gsize count);

/* Whether anybody, in our network namespace, listens on every interface (0.0.0.0 or ::) at this port. */
gboolean pino_listen_on_all(guint16 port);

/* The loopback address under which this port is reached: "::1" where somebody listens there and nobody on IPv4, as
 * servers do that take the first meaning of localhost; else "127.0.0.1". Static. */
const char *pino_listen_loopback(guint16 port);

G_END_DECLS
