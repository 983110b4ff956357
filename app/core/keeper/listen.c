#include "keeper/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL)
    return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  char folder[PATH_MAX];
  int length = snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
  if (length < 0 || (size_t)length >= sizeof folder) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The folder goes by its descriptor, so only the last name has to fit. */
static bool make_address(struct sockaddr_un *address, int folder, const char *path) {
  const char *slash = strrchr(path, '/');
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", folder,
                        slash == NULL ? path : slash + 1);
  if (length > 0 && (size_t)length < sizeof address->sun_path)
    return true;
  errno = ENAMETOOLONG;
  return false;
}

/* A keeper greets at once. One that is just dying may still take a connection, but says nothing more. */
static bool is_greeted(int fd) {
  enum { PATIENCE_MS = 2000 };
  char byte;
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  return poll(&wait, 1, PATIENCE_MS) <= 0 || recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static bool is_served(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return true;
  bool connected = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
  bool served = connected ? is_greeted(fd) : errno != ECONNREFUSED && errno != ENOENT;
  close(fd);
  return served;
}

static bool bind_private(int fd, const struct sockaddr_un *address) {
  mode_t before = umask(0177);
  bool bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
  if (!bound && errno == EADDRINUSE && !is_served(address)) {
    unlink(address->sun_path);
    bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
  }
  int error = errno;
  umask(before);
  errno = error;
  return bound;
}

int listen_at(const char *path) {
  struct sockaddr_un address;
  int folder = open_folder(path);
  if (folder < 0)
    return -1;
  int fd = -1;
  if (make_address(&address, folder, path))
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool listening = fd >= 0 && bind_private(fd, &address) && listen(fd, 64) == 0;
  int error = errno;
  close(folder);
  if (!listening && fd >= 0)
    close(fd);
  errno = error;
  return listening ? fd : -1;
}

int listen_accept(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
      continue;
    if (fd < 0)
      return -1;
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid())
      return fd;
    close(fd);
  }
}
