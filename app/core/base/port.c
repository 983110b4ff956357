#include "base/port.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

static gboolean nobody_listens(guint port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((guint16)port)};
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  /* Only bound: a socket that listens, if only for this moment, would be in the way of an app that comes to listen. */
  gboolean is_free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (fd >= 0)
    close(fd);
  return is_free;
}

static int bind_name(const char *kind, guint port) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length =
      g_snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "pinokiocloud-%s-%u", kind, port);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (gsize)length);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

int pino_port_keep(guint port) {
  return bind_name("kept", port);
}

static gboolean is_unbound(const char *kind, guint port) {
  int fd = bind_name(kind, port);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

static gboolean nobody_keeps(guint port) {
  return is_unbound("kept", port);
}

gboolean pino_port_is_given(guint port) {
  return !nobody_keeps(port) || !is_unbound("port", port);
}

/* Taken first and looked at then: who took it before may just have handed it on, or come to listen. */
int pino_port_take(guint *port, GError **error) {
  for (*port = PINO_PORT_FIRST; *port <= PINO_PORT_LAST; (*port)++) {
    int fd = bind_name("port", *port);
    if (fd >= 0 && nobody_keeps(*port) && nobody_listens(*port))
      return fd;
    if (fd >= 0)
      close(fd);
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "no port between %d and %d is free", PINO_PORT_FIRST,
              PINO_PORT_LAST);
  return -1;
}
