#include "server/connection.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/peer.h"
#include "server/stream.h"

#define ACCEPT_TURN 16      /* then the loop's other work has its turn */
#define ACCEPT_PAUSE_MS 200 /* after an accept that failed */
#define SWEEP_MS 1000
#define LOCAL_ROOM (48 * 1024) /* of the kernel, which doubles it; the default is about twice that */
#define IDLE_MS 60000          /* between two requests */

typedef struct {
  PinoDoor *door;
  int fd;
  gboolean local;
  guint source;
} Opening;

struct _PinoDoor {
  SoupServer *soup;
  guint header_ms;
  GPtrArray *openings;
  GQueue connections;
  guint count[2]; /* by local */
  guint sweep;
};

struct _PinoConnection {
  PinoDoor *door; /* NULL: it has closed */
  GList link;
  GSocket *socket;
  GSocketConnection *stream; /* NULL: it has gone */
  gboolean local, loopback;
  gboolean peer_known, peer_ours; /* asked for once */
  gint64 deadline;                /* monotonic; 0: none */
};

static GQuark connection_quark(void) {
  return g_quark_from_static_string("pino-connection");
}

static void connection_free(gpointer data) {
  PinoConnection *connection = data;
  if (connection->door != NULL) {
    g_queue_unlink(&connection->door->connections, &connection->link);
    connection->door->count[connection->local]--;
  }
  g_clear_weak_pointer(&connection->stream);
  g_object_unref(connection->socket);
  g_free(connection);
}

PinoConnection *pino_connection_of(SoupServerMessage *message) {
  GSocketAddress *address = soup_server_message_get_local_address(message);
  return address != NULL ? g_object_get_qdata(G_OBJECT(address), connection_quark()) : NULL;
}

GObject *pino_connection_hold(SoupServerMessage *message) {
  return G_OBJECT(g_object_ref(soup_server_message_get_local_address(message)));
}

gboolean pino_connection_is_local(const PinoConnection *connection) {
  return connection->local;
}

gboolean pino_connection_is_ours(PinoConnection *connection) {
  if (connection->local || connection->peer_known)
    return connection->local || connection->peer_ours;
  g_autoptr(GSocketAddress) peer = g_socket_get_remote_address(connection->socket, NULL);
  g_autoptr(GSocketAddress) own = g_socket_get_local_address(connection->socket, NULL);
  connection->peer_known = TRUE;
  connection->peer_ours =
      connection->loopback && peer != NULL && own != NULL && pino_peer_is_ours(peer, own, NULL);
  return connection->peer_ours;
}

void pino_connection_cut(PinoConnection *connection) {
  g_socket_shutdown(connection->socket, TRUE, TRUE, NULL); /* libsoup sees the end of the stream */
}

GSocket *pino_connection_spare(PinoConnection *connection) {
  return connection->local ? connection->socket : NULL;
}

void pino_connection_end(PinoConnection *connection) {
  g_socket_shutdown(connection->socket, FALSE, TRUE, NULL);
}

/* --- time ---- */

static gboolean on_sweep(gpointer data) {
  PinoDoor *door = data;
  gint64 now = g_get_monotonic_time();
  guint waiting = 0;
  for (GList *link = door->connections.head; link != NULL; link = link->next) {
    PinoConnection *connection = link->data;
    if (connection->deadline == 0)
      continue;
    waiting++;
    if (now < connection->deadline)
      continue;
    connection->deadline = 0;
    pino_connection_cut(connection);
  }
  if (waiting > 0)
    return G_SOURCE_CONTINUE;
  door->sweep = 0;
  return G_SOURCE_REMOVE;
}

void pino_connection_expect(PinoConnection *connection, guint ms) {
  PinoDoor *door = connection->door;
  connection->deadline = ms > 0 ? g_get_monotonic_time() + (gint64)ms * 1000 : 0;
  if (door != NULL && ms > 0 && door->sweep == 0)
    door->sweep = g_timeout_add(MIN(SWEEP_MS, door->header_ms), on_sweep, door);
}

void pino_connection_begin(PinoConnection *connection) {
  if (connection->stream != NULL)
    pino_stream_set_idle(connection->stream, FALSE);
}

void pino_connection_rest(PinoConnection *connection) {
  if (connection->stream != NULL)
    pino_stream_set_idle(connection->stream, TRUE);
  pino_connection_expect(connection, IDLE_MS);
}

/* --- coming in ---- */

/* Best effort: it is closed whether this goes out or not. */
static void turn_away(int fd, const char *status) {
  g_autofree char *answer = g_strdup_printf(
      "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 5\r\n\r\n", status);
  gssize sent = send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)sent;
  shutdown(fd, SHUT_WR);
  close(fd);
}

static gboolean may_come(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == geteuid() || peer.uid == 0);
}

static gboolean comes_from_here(const struct sockaddr_storage *peer) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
  if (peer->ss_family == AF_INET)
    return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  return peer->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static void take_in(PinoDoor *door, int fd, gboolean local, gboolean loopback) {
  int yes = 1, room = LOCAL_ROOM;
  g_autoptr(GError) error = NULL;
  GSocket *socket = g_socket_new_from_fd(fd, &error);
  if (socket == NULL) {
    close(fd); /* the peer went at once */
    return;
  }
  if (local)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  else
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  PinoConnection *connection = g_new0(PinoConnection, 1);
  connection->door = door;
  connection->link.data = connection;
  connection->socket = socket;
  connection->local = local;
  connection->loopback = loopback;
  g_queue_push_tail_link(&door->connections, &connection->link);
  door->count[local]++;
  /* libsoup 3.0 knows only addresses of the internet family, and takes the host of a request without one from here. */
  g_autoptr(GInetAddress) inet = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new(inet, 0);
  g_autoptr(GSocketAddress) remote = g_inet_socket_address_new(inet, 0);
  g_object_set_qdata_full(G_OBJECT(address), connection_quark(), connection, connection_free);
  pino_connection_expect(connection, door->header_ms);
  g_autoptr(GSocketConnection) stream = pino_stream_new(socket);
  g_set_weak_pointer(&connection->stream, stream);
  if (!soup_server_accept_iostream(door->soup, G_IO_STREAM(stream), address, remote, &error))
    g_warning("api: a connection could not be taken: %s", error->message);
}

static gboolean on_knock(int listener, GIOCondition condition, gpointer data);

static gboolean on_pause_over(gpointer data) {
  Opening *opening = data;
  opening->source = g_unix_fd_add(opening->fd, G_IO_IN, on_knock, opening);
  return G_SOURCE_REMOVE;
}

/* FALSE: nobody is there. */
static gboolean accept_one(Opening *opening) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  int fd = accept4(opening->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0)
    return errno == EINTR || errno == ECONNABORTED;
  if (opening->local && !may_come(fd))
    turn_away(fd, "403 Forbidden");
  else if (opening->door->count[opening->local] >= PINO_CONNECTIONS_MOST)
    turn_away(fd, "503 Service Unavailable");
  else
    take_in(opening->door, fd, opening->local, opening->local || comes_from_here(&peer));
  return TRUE;
}

static gboolean on_knock(int listener, GIOCondition condition, gpointer data) {
  Opening *opening = data;
  for (guint i = 0; i < ACCEPT_TURN; i++)
    if (!accept_one(opening)) {
      if (errno == EAGAIN)
        return G_SOURCE_CONTINUE;
      opening->source =
          g_timeout_add(ACCEPT_PAUSE_MS, on_pause_over, opening); /* no descriptors, no memory */
      return G_SOURCE_REMOVE;
    }
  return G_SOURCE_CONTINUE;
}

static void opening_free(gpointer data) {
  Opening *opening = data;
  g_source_remove(opening->source);
  close(opening->fd);
  g_free(opening);
}

void pino_door_shut(PinoDoor *door) {
  g_ptr_array_set_size(door->openings, 0);
}

PinoDoor *pino_door_new(SoupServer *soup, guint header_ms) {
  PinoDoor *door = g_new0(PinoDoor, 1);
  door->soup = g_object_ref(soup);
  door->header_ms = header_ms;
  door->openings = g_ptr_array_new_with_free_func(opening_free);
  return door;
}

void pino_door_open(PinoDoor *door, int fd, gboolean local) {
  Opening *opening = g_new0(Opening, 1);
  *opening = (Opening){door, fd, local, 0};
  opening->source = g_unix_fd_add(fd, G_IO_IN, on_knock, opening);
  g_ptr_array_add(door->openings, opening);
}

void pino_door_free(PinoDoor *door) {
  if (door == NULL)
    return;
  g_ptr_array_unref(door->openings);
  g_clear_handle_id(&door->sweep, g_source_remove);
  for (GList *link; (link = g_queue_pop_head_link(&door->connections)) != NULL;)
    ((PinoConnection *)link->data)->door = NULL;
  g_object_unref(door->soup);
  g_free(door);
}
