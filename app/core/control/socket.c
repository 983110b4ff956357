/* The engine's control socket. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "control/channel.h"

#define BACKLOG 128

/* The folder goes by its descriptor, since the path of a socket must be short: only the last name has to fit. */
static int make_address(struct sockaddr_un *address, const char *path, GError **error) {
  g_autofree char *folder = g_path_get_dirname(path);
  g_autofree char *name = g_path_get_basename(path);
  int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    pino_error_set_errno(error, errno, "open", folder);
    return -1;
  }
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = g_snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", fd, name);
  if (length > 0 && (gsize)length < sizeof address->sun_path)
    return fd;
  close(fd);
  pino_error_set_errno(error, ENAMETOOLONG, "bind", path);
  return -1;
}

static int open_socket(const char *path, GError **error) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    pino_error_set_errno(error, errno, "socket", path);
  return fd;
}

gboolean pino_control_is_ours(int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

/* Whether somebody listens there; a full queue is one who does. */
static gboolean is_served(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return TRUE;
  gboolean served = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
                    (errno != ECONNREFUSED && errno != ENOENT);
  close(fd);
  return served;
}

/* A file that is no socket is not ours to remove. */
static void remove_dead(const struct sockaddr_un *address) {
  struct stat info;
  if (lstat(address->sun_path, &info) == 0 && S_ISSOCK(info.st_mode) && !is_served(address))
    (void)unlink(address->sun_path);
}

/* The socket's file has the mode of its descriptor, less the umask, from its first moment: no umask is touched. */
static int bind_private(int fd, const struct sockaddr_un *address) {
  if (fchmod(fd, 0600) != 0)
    return errno;
  if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
    return 0;
  if (errno != EADDRINUSE)
    return errno;
  remove_dead(address);
  return bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
}

int pino_control_listen(const char *path, GError **error) {
  struct sockaddr_un address;
  int folder = make_address(&address, path, error);
  int fd = folder >= 0 ? open_socket(path, error) : -1;
  int failed = 0;
  if (fd >= 0) {
    failed = bind_private(fd, &address);
    if (failed == 0 && (chmod(address.sun_path, 0600) != 0 || listen(fd, BACKLOG) != 0))
      failed = errno;
  }
  if (folder >= 0)
    close(folder);
  if (failed == 0)
    return fd;
  close(fd);
  pino_error_set_errno(error, failed, "bind", path);
  return -1;
}

int pino_control_connect(const char *path, GError **error) {
  struct sockaddr_un address;
  int folder = make_address(&address, path, error);
  int fd = folder >= 0 ? open_socket(path, error) : -1;
  int failed = 0;
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    failed = errno;
  if (folder >= 0)
    close(folder);
  if (fd < 0)
    return -1;
  if (failed == 0 && pino_control_is_ours(fd))
    return fd;
  close(fd);
  if (failed != 0)
    pino_error_set_errno(error, failed, "connect", path);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the socket %s belongs to another user: not used",
                path);
  return -1;
}
