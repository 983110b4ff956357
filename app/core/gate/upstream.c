#include "gate/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEPT_MOST = 64 };

/* Of one app. Held by the table and by each of its connections. */
struct _PinoPool {
  char *name; /* "address port" */
  char *address;
  guint16 port;
  gboolean retired; /* no share leads there any more */
  GQueue kept;      /* the one used last is first */
};

static void pool_clear(gpointer data) {
  PinoPool *pool = data;
  g_free(pool->name);
  g_free(pool->address);
}

static void pool_unref(PinoPool *pool) {
  g_rc_box_release_full(pool, pool_clear);
}

static void pool_retire(gpointer data) {
  PinoPool *pool = data;
  pool->retired = TRUE;
  while (!g_queue_is_empty(&pool->kept))
    pino_upstream_close(g_queue_peek_head(&pool->kept));
  pool_unref(pool);
}

GHashTable *pino_pools_new(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pool_retire);
}

void pino_pools_free(GHashTable *pools) {
  g_hash_table_unref(pools);
}

static gboolean is_of_no_use(gpointer name, gpointer data, gpointer routes) {
  const PinoPool *pool = data;
  return !pino_routes_lead_to(routes, pool->address, pool->port);
}

void pino_upstream_prune(PinoGate *gate) {
  g_hash_table_foreach_remove(gate->pools, is_of_no_use, gate->routes);
}

static PinoPool *find_pool(PinoGate *gate, const PinoGateShare *share) {
  char name[80];
  g_snprintf(name, sizeof name, "%s %u", share->address, share->port);
  PinoPool *pool = g_hash_table_lookup(gate->pools, name);
  if (pool != NULL)
    return pool;
  pool = g_rc_box_new0(PinoPool);
  pool->name = g_strdup(name);
  pool->address = g_strdup(share->address);
  pool->port = share->port;
  g_hash_table_insert(gate->pools, pool->name, pool);
  return pool;
}

static gboolean is_kept(const PinoUpstream *upstream) {
  return upstream->link.data != NULL;
}

static void unkeep(PinoUpstream *upstream) {
  g_queue_unlink(&upstream->pool->kept, &upstream->link);
  upstream->link.data = NULL;
  pino_timer_set(upstream->gate->loop, &upstream->timer, 0);
}

void pino_upstream_close(PinoUpstream *upstream) {
  if (is_kept(upstream))
    unkeep(upstream);
  pino_loop_close(upstream->gate->loop, &upstream->socket.watch);
  pool_unref(upstream->pool);
  pino_loop_bury(upstream->gate->loop, upstream);
}

/* An app that closes a connection that is kept, or speaks without being asked. */
static void look_at_kept(PinoUpstream *upstream) {
  char byte;
  gssize got = recv(upstream->socket.watch.fd, &byte, 1, MSG_PEEK);
  if (got >= 0 || errno != EAGAIN)
    pino_upstream_close(upstream);
}

static void finish_connecting(PinoUpstream *upstream) {
  int problem = 0;
  socklen_t length = sizeof problem;
  if (getsockopt(upstream->socket.watch.fd, SOL_SOCKET, SO_ERROR, &problem, &length) != 0 || problem != 0)
    upstream->socket.broken = TRUE;
  else
    upstream->connected = TRUE;
}

static void on_ready(PinoWatch *watch, guint32 events) {
  PinoUpstream *upstream = (PinoUpstream *)watch;
  pino_socket_note(&upstream->socket, events);
  if (is_kept(upstream)) {
    look_at_kept(upstream);
    return;
  }
  if (!upstream->connected && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
    finish_connecting(upstream);
  upstream->changed(upstream->user);
}

static void on_old(PinoTimer *timer) {
  pino_upstream_close(((PinoUpstream *)((char *)timer - G_STRUCT_OFFSET(PinoUpstream, timer))));
}

static socklen_t make_address(const PinoPool *pool, struct sockaddr_storage *storage) {
  struct sockaddr_in *four = (struct sockaddr_in *)storage;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
  memset(storage, 0, sizeof *storage);
  if (inet_pton(AF_INET, pool->address, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = g_htons(pool->port);
    return sizeof *four;
  }
  (void)inet_pton(AF_INET6, pool->address, &six->sin6_addr);
  six->sin6_family = AF_INET6;
  six->sin6_port = g_htons(pool->port);
  return sizeof *six;
}

/* A descriptor that connects, or has; -1 with errno. */
static int start_connecting(const PinoPool *pool) {
  struct sockaddr_storage address;
  const int on = 1;
  socklen_t length = make_address(pool, &address);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (connect(fd, (struct sockaddr *)&address, length) == 0 || errno == EINPROGRESS)
    return fd;
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

static PinoUpstream *connect_new(PinoGate *gate, PinoPool *pool) {
  int fd = start_connecting(pool);
  if (fd < 0)
    return NULL;
  PinoUpstream *upstream = g_new0(PinoUpstream, 1);
  upstream->gate = gate;
  upstream->pool = g_rc_box_acquire(pool);
  upstream->timer.fired = on_old;
  pino_socket_open(&upstream->socket, fd, on_ready);
  upstream->socket.writable = FALSE;
  if (pino_loop_watch(gate->loop, &upstream->socket.watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
    return upstream;
  int problem = errno;
  pino_upstream_close(upstream);
  errno = problem;
  return NULL;
}

/* What speaks without being asked would be taken for the next answer. */
static PinoUpstream *find_kept(PinoPool *pool) {
  PinoUpstream *upstream;
  char byte;
  while ((upstream = g_queue_peek_head(&pool->kept)) != NULL) {
    if (recv(upstream->socket.watch.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN)
      break;
    pino_upstream_close(upstream);
  }
  return upstream;
}

PinoUpstream *pino_upstream_open(PinoGate *gate, const PinoGateShare *share, gboolean fresh,
                                 void (*changed)(gpointer user), gpointer user) {
  PinoPool *pool = find_pool(gate, share);
  PinoUpstream *upstream = fresh ? NULL : find_kept(pool);
  if (upstream != NULL)
    unkeep(upstream);
  else
    upstream = connect_new(gate, pool);
  if (upstream == NULL)
    return NULL;
  upstream->changed = changed;
  upstream->user = user;
  return upstream;
}

void pino_upstream_keep(PinoUpstream *upstream) {
  PinoPool *pool = upstream->pool;
  if (pool->retired || upstream->socket.hangup || upstream->socket.broken) {
    pino_upstream_close(upstream);
    return;
  }
  upstream->reused = TRUE;
  upstream->link.data = upstream;
  g_queue_push_head_link(&pool->kept, &upstream->link);
  pino_timer_set(upstream->gate->loop, &upstream->timer, PINO_WAIT_POOL);
  if (g_queue_get_length(&pool->kept) > KEPT_MOST)
    pino_upstream_close(g_queue_peek_tail(&pool->kept));
}
