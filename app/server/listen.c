#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/port.h"

#define BACKLOG 1024

static int failed(int fd, const char *what, const char *on, GError **error) {
  int saved = errno;
  if (fd >= 0)
    close(fd);
  pino_error_set_errno(error, saved, what, on);
  return -1;
}

/* An address of a socket holds 108 bytes, a path may have 4,096: the folder is named by its descriptor. */
static gboolean fill_address(struct sockaddr_un *address, int folder, const char *name) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", folder, name);
  return length > 0 && (gsize)length < sizeof address->sun_path;
}

static gboolean somebody_answers(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  gboolean answers =
      fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
  if (fd >= 0)
    close(fd);
  return answers;
}

static int bind_unix(int folder, const char *path, const char *name, GError **error) {
  struct sockaddr_un address;
  if (!fill_address(&address, folder, name)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is too long for the name of a socket", name);
    return -1;
  }
  if (somebody_answers(&address)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "another engine answers on %s", path);
    return -1;
  }
  if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
    return failed(-1, "unlink", path, error);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return failed(fd, "socket", path, error);
  /* The mode of the descriptor becomes that of the file: there is no moment in which others could connect. */
  if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
    return failed(fd, "bind", path, error);
  if (fchmodat(folder, name, 0600, 0) != 0)
    return failed(fd, "chmod", path, error);
  if (listen(fd, BACKLOG) != 0)
    return failed(fd, "listen", path, error);
  return fd;
}

int pino_listen_unix(const char *folder, const char *name, GError **error) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  int parent = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0)
    return failed(-1, "open", folder, error);
  int fd = bind_unix(parent, path, name, error);
  close(parent);
  return fd;
}

/* errno tells why not. */
static int bind_port(GInetAddress *inet, guint port) {
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new(inet, (guint16)port);
  struct sockaddr_storage native;
  gssize size = g_socket_address_get_native_size(address);
  g_socket_address_to_native(address, &native, sizeof native, NULL);
  int fd = socket(native.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int yes = 1;
  if (fd < 0)
    return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&native, (socklen_t)size) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

/* Nor one that was given to an app, of any engine, which is about to listen there. */
static int bind_port_of_nobody(GInetAddress *inet, guint port) {
  if (!pino_port_is_given(port))
    return bind_port(inet, port);
  errno = EADDRINUSE;
  return -1;
}

int pino_listen_tcp(const char *address, guint first, guint tries, guint *port, GError **error) {
  g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(address);
  if (inet == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is no address to listen on", address);
    return -1;
  }
  for (*port = first; *port < first + tries && *port <= 65535; (*port)++) {
    int fd = bind_port_of_nobody(inet, *port);
    if (fd >= 0)
      return fd;
    if (errno != EADDRINUSE && errno != EACCES)
      return failed(-1, "bind", address, error);
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "no port from %u to %u is free at %s", first,
              first + tries - 1, address);
  return -1;
}
