#include "tunnel/localtunnel-link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_BYTES ((gsize)64 * 1024)
#define BURST 16 /* buffers moved before others have their turn */
#define CONNECT_S 10
#define ALIVE_IDLE_S 30 /* quiet this long, the server is asked whether it is still there... */
#define ALIVE_EVERY_S 10
#define ALIVE_TRIES 3 /* ... so often */
/* A half-closed link without a byte ends after: */
#define LINGER_ANSWERED_S 15
#define LINGER_ASKED_S 300
#define LINGER_LOOK_S 5

static const char nobody[] = "HTTP/1.1 502 Bad Gateway\r\n"
                             "Content-Type: text/plain; charset=utf-8\r\n"
                             "Content-Length: 49\r\n"
                             "Cache-Control: no-store\r\n"
                             "Connection: close\r\n"
                             "\r\n"
                             "The app behind this address does not answer now.\n";

/* GLib's poll tells hang-ups also of what nothing is awaited from, without end: one that hung up is only polled for what
 * it may still do. */
typedef struct {
  GSocketConnection *connection; /* NULL: none (yet) */
  int fd;
  gpointer tag;
  gboolean hung;
  gboolean broken; /* reading or writing failed */
} End;

typedef struct {
  char *bytes; /* BUFFER_BYTES; NULL: empty */
  gsize start, length;
  gboolean ended;  /* nothing more comes in */
  gboolean closed; /* nothing more goes out: what comes is thrown away */
} Flow;

typedef struct {
  GSource source;
  PinoLocaltunnelLink *link;
} Watch;

struct _PinoLocaltunnelLink {
  PinoLocaltunnelEnds ends;
  const PinoLocaltunnelLinkEvents *events;
  gpointer data;
  GCancellable *cancellable;
  End remote, local;
  Flow in, out; /* to the app, to the server */
  Watch *watch;
  guint linger;
  gint64 moved_at;
  gboolean opening; /* the app's connection */
  gboolean used;
  gboolean over;
};

/* --- its end ------------------------------------------------------------------------------------------------------- */

static void end_clear(End *end) {
  g_clear_object(&end->connection);
  end->fd = -1;
  end->tag = NULL;
}

static void link_shut(PinoLocaltunnelLink *link) {
  link->over = TRUE;
  g_cancellable_cancel(link->cancellable);
  if (link->watch != NULL) {
    g_source_destroy(&link->watch->source);
    g_source_unref(&link->watch->source);
  }
  link->watch = NULL;
  g_clear_handle_id(&link->linger, g_source_remove);
  end_clear(&link->remote);
  end_clear(&link->local);
  g_clear_pointer(&link->in.bytes, g_free);
  g_clear_pointer(&link->out.bytes, g_free);
}

static void link_clear(gpointer data) {
  PinoLocaltunnelLink *link = data;
  g_object_unref(link->cancellable);
}

static void link_unref(PinoLocaltunnelLink *link) {
  g_rc_box_release_full(link, link_clear);
}

void pino_localtunnel_link_free(PinoLocaltunnelLink *link) {
  if (link == NULL)
    return;
  if (!link->over)
    link_shut(link);
  link_unref(link);
}

/* The link may be gone afterwards, but for the caller's own reference. */
static void finish(PinoLocaltunnelLink *link, PinoLocaltunnelLinkEnd how, const char *why) {
  if (link->over)
    return;
  link_shut(link);
  link->events->ended(how, why, link->data);
}

/* --- both ways ----------------------------------------------------------------------------------------------------- */

static gboolean would_block(void) {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* FALSE: nothing is there now. */
static gboolean flow_fill(Flow *flow, End *from) {
  if (flow->bytes == NULL)
    flow->bytes = g_malloc(BUFFER_BYTES);
  gssize count = recv(from->fd, flow->bytes, BUFFER_BYTES, 0);
  if (count < 0 && would_block())
    return FALSE;
  from->broken = from->broken || count < 0;
  flow->ended = count <= 0;
  flow->start = 0;
  flow->length = (gsize)MAX(count, 0);
  return TRUE;
}

/* FALSE: nothing is taken now. */
static gboolean flow_drain(Flow *flow, End *to) {
  gssize count = flow->closed ? (gssize)flow->length
                              : send(to->fd, flow->bytes + flow->start, flow->length, MSG_NOSIGNAL);
  if (count < 0 && would_block())
    return FALSE;
  if (count < 0) {
    to->broken = TRUE;
    flow->closed = TRUE;
    count = (gssize)flow->length;
  }
  flow->start += (gsize)count;
  flow->length -= (gsize)count;
  return TRUE;
}

/* Gives whether anything moved. */
static gboolean flow_move(Flow *flow, End *from, End *to) {
  gboolean moved = FALSE;
  for (guint i = 0; i < BURST; i++) {
    if (flow->length == 0 && !flow->ended && !flow_fill(flow, from))
      break;
    if (flow->length > 0 && !flow_drain(flow, to))
      break;
    moved = TRUE;
    if (flow->ended && flow->length == 0)
      break;
  }
  if (flow->length == 0)
    g_clear_pointer(&flow->bytes, g_free);
  if (flow->ended && flow->length == 0 && !flow->closed) {
    (void)shutdown(to->fd, SHUT_WR);
    flow->closed = TRUE;
  }
  return moved;
}

static void end_watch(PinoLocaltunnelLink *link, End *end, gboolean in, gboolean out) {
  GIOCondition wanted = (in ? G_IO_IN : 0) | (out ? G_IO_OUT : 0);
  GSource *source = &link->watch->source;
  if (end->connection == NULL || (wanted == 0 && end->hung)) {
    if (end->tag != NULL)
      g_source_remove_unix_fd(source, end->tag);
    end->tag = NULL;
  } else if (end->tag == NULL) {
    end->tag = g_source_add_unix_fd(source, end->fd, wanted);
  } else {
    g_source_modify_unix_fd(source, end->tag, wanted);
  }
}

static gboolean look_at_linger(gpointer data) {
  PinoLocaltunnelLink *link = data;
  gint64 limit_s = link->out.closed ? LINGER_ANSWERED_S : LINGER_ASKED_S;
  if (g_get_monotonic_time() - link->moved_at < limit_s * G_USEC_PER_SEC)
    return G_SOURCE_CONTINUE;
  link->linger = 0;
  finish(link, PINO_LINK_USED, "the other side did not close");
  return G_SOURCE_REMOVE;
}

static void pump(PinoLocaltunnelLink *link) {
  gboolean in = flow_move(&link->in, &link->remote, &link->local);
  gboolean out = flow_move(&link->out, &link->local, &link->remote);
  if (in || out)
    link->moved_at = g_get_monotonic_time();
  gboolean through = link->in.ended && link->in.closed && link->out.ended && link->out.closed;
  if (link->remote.broken || through) {
    finish(link, PINO_LINK_USED, "closed");
    return;
  }
  if (link->linger == 0 && (link->in.ended || link->out.closed))
    link->linger = g_timeout_add_seconds(LINGER_LOOK_S, look_at_linger, link);
  end_watch(link, &link->remote, !link->in.ended && link->in.length == 0, link->out.length > 0);
  end_watch(link, &link->local, !link->out.ended && link->out.length == 0, link->in.length > 0);
}

/* --- the app's side ------------------------------------------------------------------------------------------------ */

static void end_take(End *end, GSocketConnection *connection) {
  const int yes = 1;
  end->connection = connection;
  end->fd = g_socket_get_fd(g_socket_connection_get_socket(connection));
  (void)setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void connect_end(PinoLocaltunnelLink *link, const char *host, guint16 port,
                        GAsyncReadyCallback callback) {
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_autoptr(GSocketConnectable) address = g_network_address_new(host, port);
  g_socket_client_set_enable_proxy(client, FALSE);
  g_socket_client_set_timeout(client, CONNECT_S);
  g_socket_client_connect_async(client, address, link->cancellable, callback, g_rc_box_acquire(link));
}

static void answer_for_nobody(PinoLocaltunnelLink *link) {
  link->in.closed = TRUE;
  link->out.bytes = g_malloc(BUFFER_BYTES);
  link->out.length = sizeof nobody - 1;
  link->out.ended = TRUE;
  memcpy(link->out.bytes, nobody, link->out.length);
}

static void on_local(GObject *source, GAsyncResult *result, gpointer data) {
  PinoLocaltunnelLink *link = data;
  g_autoptr(GError) error = NULL;
  GSocketConnection *connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
  if (link->over) {
    g_clear_object(&connection);
  } else {
    link->opening = FALSE;
    if (connection != NULL)
      end_take(&link->local, connection);
    else
      answer_for_nobody(link);
    link->events->local(connection != NULL, connection != NULL ? NULL : error->message, link->data);
    if (!link->over)
      pump(link);
  }
  link_unref(link);
}

/* --- the server's side --------------------------------------------------------------------------------------------- */

/* A byte, or the end: only then is it known what for the link is. */
static void look_at_first(PinoLocaltunnelLink *link) {
  char byte;
  gssize count = recv(link->remote.fd, &byte, 1, MSG_PEEK);
  if (count < 0 && would_block())
    return;
  if (count <= 0) {
    finish(link, PINO_LINK_UNUSED, count == 0 ? "closed" : g_strerror(errno));
    return;
  }
  link->used = TRUE;
  link->opening = TRUE;
  link->moved_at = g_get_monotonic_time();
  connect_end(link, link->ends.local, link->ends.local_port, on_local);
  link->remote.hung = TRUE; /* it waits unwatched for the app */
  end_watch(link, &link->remote, FALSE, FALSE);
  link->remote.hung = FALSE;
}

static void note_hung(const Watch *watch, End *end) {
  if (end->tag == NULL)
    return;
  GIOCondition told = g_source_query_unix_fd((GSource *)&watch->source, end->tag);
  end->hung = end->hung || (told & (G_IO_HUP | G_IO_ERR)) != 0;
}

static gboolean watch_dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  Watch *watch = (Watch *)source;
  PinoLocaltunnelLink *link = g_rc_box_acquire(watch->link);
  note_hung(watch, &link->remote);
  note_hung(watch, &link->local);
  if (!link->used)
    look_at_first(link);
  else if (!link->opening)
    pump(link);
  gboolean goes_on = !link->over;
  link_unref(link);
  return goes_on ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void keep_alive(int fd) {
  const int yes = 1, idle = ALIVE_IDLE_S, every = ALIVE_EVERY_S, tries = ALIVE_TRIES;
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

static void watch_begin(PinoLocaltunnelLink *link) {
  static const GSourceFuncs functions = {.dispatch = watch_dispatch};
  link->watch = (Watch *)g_source_new((GSourceFuncs *)&functions, sizeof *link->watch);
  link->watch->link = link;
  end_watch(link, &link->remote, TRUE, FALSE);
  g_source_attach(&link->watch->source, g_main_context_get_thread_default());
}

static void on_remote(GObject *source, GAsyncResult *result, gpointer data) {
  PinoLocaltunnelLink *link = data;
  g_autoptr(GError) error = NULL;
  GSocketConnection *connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
  if (link->over) {
    g_clear_object(&connection);
  } else if (connection == NULL) {
    gboolean refused = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
    finish(link, refused ? PINO_LINK_REFUSED : PINO_LINK_FAILED, error->message);
  } else {
    end_take(&link->remote, connection);
    keep_alive(link->remote.fd);
    watch_begin(link);
    link->events->connected(link->data);
  }
  link_unref(link);
}

PinoLocaltunnelLink *pino_localtunnel_link_new(const PinoLocaltunnelEnds *ends,
                                               const PinoLocaltunnelLinkEvents *events, gpointer data) {
  PinoLocaltunnelLink *link = g_rc_box_new0(PinoLocaltunnelLink);
  link->ends = *ends;
  link->events = events;
  link->data = data;
  link->cancellable = g_cancellable_new();
  link->remote.fd = link->local.fd = -1;
  connect_end(link, link->ends.server, link->ends.server_port, on_remote);
  return link;
}
