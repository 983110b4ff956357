#include "gate/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/connection.h"

enum { BACKLOG = 1024, ROUND = 64 };

struct _PinoListener {
  PinoWatch watch; /* first */
  PinoGate *gate;
  PinoTimer timer;
  PinoTask task;
  gboolean full; /* that no more can be taken was said */
  guint16 wanted, port;
  gboolean every_interface;
};

/* Connections that cannot be taken wait in the queue of the system. */
static void pause_listening(PinoListener *listener) {
  if (!listener->full)
    fprintf(stderr, "pinokiocloud-gate: cannot take a connection: %s\n", g_strerror(errno));
  listener->full = TRUE;
  pino_timer_set(listener->gate->loop, &listener->timer, PINO_WAIT_ACCEPT);
}

static void on_ready(PinoWatch *watch, guint32 events) {
  PinoListener *listener = (PinoListener *)watch;
  for (guint i = 0; i < ROUND; i++) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int fd = accept4(watch->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      listener->full = FALSE;
      pino_connection_new(listener->gate, fd, (struct sockaddr *)&peer);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause_listening(listener);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
  pino_task_queue(listener->gate->loop, &listener->task); /* there may be more of them */
}

static void on_turn(PinoTask *task) {
  on_ready((PinoWatch *)(void *)((char *)task - G_STRUCT_OFFSET(PinoListener, task)), 0);
}

static void on_timer(PinoTimer *timer) {
  PinoListener *listener = (PinoListener *)(void *)((char *)timer - G_STRUCT_OFFSET(PinoListener, timer));
  on_ready(&listener->watch, 0);
}

static int open_port(int family, const struct sockaddr *address, socklen_t length) {
  const int on = 1, off = 0;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* What is accepted inherits these. */
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (family == AF_INET6)
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, address, length) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

static int open_as_told(const PinoGateConfig *config) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = g_htons(config->port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = g_htons(config->port)};
  int fd = -1;
  if (config->every_interface)
    fd = open_port(AF_INET6, (struct sockaddr *)&six, sizeof six);
  four.sin_addr.s_addr = g_htonl(config->every_interface ? INADDR_ANY : INADDR_LOOPBACK);
  return fd >= 0 ? fd : open_port(AF_INET, (struct sockaddr *)&four, sizeof four);
}

static guint16 port_of(int fd) {
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  (void)getsockname(fd, (struct sockaddr *)&address, &length);
  return g_ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

PinoListener *pino_listener_new(PinoGate *gate, const PinoGateConfig *config, GError **error) {
  int fd = open_as_told(config);
  if (fd < 0) {
    int problem = errno;
    g_autofree char *place = g_strdup_printf("port %u", config->port);
    pino_error_set_errno(error, problem, "listen", place);
    return NULL;
  }
  PinoListener *listener = g_new0(PinoListener, 1);
  listener->watch = (PinoWatch){fd, on_ready};
  listener->gate = gate;
  listener->timer.fired = on_timer;
  listener->task.run = on_turn;
  listener->wanted = config->port;
  listener->every_interface = config->every_interface;
  listener->port = port_of(fd);
  if (pino_loop_watch(gate->loop, &listener->watch, EPOLLIN | EPOLLET))
    return listener;
  pino_error_set_errno(error, errno, "epoll_ctl", NULL);
  pino_listener_close(listener);
  return NULL;
}

gboolean pino_listener_suits(const PinoListener *listener, const PinoGateConfig *config) {
  return listener->wanted == config->port && listener->every_interface == config->every_interface;
}

guint16 pino_listener_port(const PinoListener *listener) {
  return listener->port;
}

void pino_listener_close(PinoListener *listener) {
  pino_timer_set(listener->gate->loop, &listener->timer, PINO_WAIT_NOTHING);
  pino_task_cancel(listener->gate->loop, &listener->task);
  pino_loop_close(listener->gate->loop, &listener->watch);
  pino_loop_bury(listener->gate->loop, listener);
}
