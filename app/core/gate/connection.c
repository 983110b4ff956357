#include "gate/connection.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gate/answer.h"
#include "gate/exchange.h"
#include "gate/visit.h"

enum {
  TURNS = 16,       /* then others are served: a megabyte at most */
  TURNED_AWAY = 64, /* connections beyond the most that are told so */
  LINGER_MOST = 32 << 20,
};

#define CONNECTION_OF(member, pointer)                                                                       \
  ((PinoConnection *)(void *)((char *)(pointer)-G_STRUCT_OFFSET(PinoConnection, member)))

void pino_connection_release(PinoConnection *connection) {
  if (connection->upstream != NULL)
    pino_upstream_close(connection->upstream);
  connection->upstream = NULL;
  connection->share = NULL;
  g_clear_pointer(&connection->routes, pino_routes_unref);
}

void pino_connection_close(PinoConnection *connection) {
  PinoGate *gate = connection->gate;
  if (connection->place == PINO_AT_END)
    return;
  connection->place = PINO_AT_END;
  pino_connection_release(connection);
  pino_timer_set(gate->loop, &connection->timer, PINO_WAIT_NOTHING);
  pino_task_cancel(gate->loop, &connection->task);
  pino_loop_close(gate->loop, &connection->socket.watch);
  pino_stream_clear(&connection->up, gate->blocks);
  pino_stream_clear(&connection->down, gate->blocks);
  g_hash_table_remove(gate->clients, connection);
  pino_loop_bury(gate->loop, connection);
}

void pino_connection_next(PinoConnection *connection) {
  PinoStream *up = &connection->up;
  connection->looked = 0;
  up->start = up->ready = up->scan;
  if (connection->keep) {
    connection->place = PINO_AT_HEAD;
    return;
  }
  connection->place = PINO_AT_LINGER;
  (void)shutdown(connection->socket.watch.fd, SHUT_WR);
}

/* Empty lines before a request: what some clients put behind a form. */
static void skip_empty_lines(PinoStream *up) {
  while (up->end - up->scan >= 2 && up->block[up->scan] == '\r' && up->block[up->scan + 1] == '\n')
    up->start = up->ready = up->scan = up->scan + 2;
}

static void refuse_head(PinoConnection *connection, guint status) {
  connection->minor = 1;
  connection->html = connection->head_only = FALSE;
  pino_body_begin(&connection->up.body, PINO_BODY_UNTIL_CLOSE, 0, FALSE);
  pino_answer_refuse(connection, status);
}

/* TRUE when what has come decides what is next. */
static gboolean take_head(PinoConnection *connection) {
  PinoStream *up = &connection->up;
  skip_empty_lines(up);
  gsize there = MIN(up->end - up->scan, PINO_HEAD_MAX);
  if (there == 0)
    return FALSE;
  const char *data = up->block + up->scan;
  gsize length = pino_head_end(data, there, &connection->looked);
  guint status = 0;
  if (!pino_head_is_token((guchar)data[0]) && !(there == 1 && data[0] == '\r'))
    status = 400; /* such as TLS */
  else if (length > 0)
    status = pino_head_parse_request(&connection->gate->head, data, length);
  else if (there == PINO_HEAD_MAX)
    status = 431;
  else
    return FALSE;
  connection->looked = 0;
  pino_timer_set(connection->gate->loop, &connection->timer, PINO_WAIT_NOTHING);
  if (status != 0) {
    refuse_head(connection, status);
    return TRUE;
  }
  up->start = up->ready = up->scan = up->scan + length;
  pino_visit_begin(connection);
  return TRUE;
}

gboolean pino_connection_read(PinoConnection *connection) {
  switch (pino_stream_fill(&connection->up, connection->gate->blocks, &connection->socket)) {
  case PINO_IO_MOVED:
    return TRUE;
  case PINO_IO_ENDED:
  case PINO_IO_BROKEN:
    pino_connection_close(connection);
    return TRUE;
  default:
    return FALSE;
  }
}

static gboolean at_head(PinoConnection *connection) {
  if (take_head(connection))
    return TRUE;
  return pino_connection_read(connection);
}

static gboolean at_answer(PinoConnection *connection) {
  PinoIo io = pino_stream_drain(&connection->down, &connection->socket);
  if (io == PINO_IO_LATER)
    return FALSE;
  if (io == PINO_IO_BROKEN)
    pino_connection_close(connection);
  else
    pino_connection_next(connection);
  return TRUE;
}

static gboolean at_linger(PinoConnection *connection) {
  PinoStream *up = &connection->up;
  connection->lingered += up->end - up->scan;
  up->start = up->ready = up->scan = up->end;
  if (connection->lingered > LINGER_MOST) {
    pino_connection_close(connection);
    return TRUE;
  }
  return pino_connection_read(connection);
}

static PinoWait wait_of(const PinoConnection *connection) {
  switch (connection->place) {
  case PINO_AT_HEAD:
    return connection->up.end > connection->up.scan ? PINO_WAIT_HEAD : PINO_WAIT_IDLE;
  case PINO_AT_EXCHANGE:
    return pino_exchange_wait(connection);
  case PINO_AT_LINGER:
    return PINO_WAIT_LINGER;
  default:
    return PINO_WAIT_HEAD;
  }
}

/* Nothing can be moved now: says for how long that may stay so, and holds no memory meanwhile. */
static void settle(PinoConnection *connection, gboolean moved) {
  PinoWait wait = wait_of(connection);
  gboolean again = moved && (wait == PINO_WAIT_GONE || wait == PINO_WAIT_BODY);
  if (wait != connection->timer.kind || again)
    pino_timer_set(connection->gate->loop, &connection->timer, wait);
  pino_stream_rest(&connection->up, connection->gate->blocks);
  pino_stream_rest(&connection->down, connection->gate->blocks);
  if (connection->place == PINO_AT_HEAD) {
    pino_stream_shrink(&connection->up);
    pino_stream_shrink(&connection->down);
  }
}

void pino_connection_run(PinoConnection *connection) {
  static gboolean (*const steps[])(PinoConnection *) = {
      [PINO_AT_HEAD] = at_head,
      [PINO_AT_FORM] = pino_visit_read_form,
      [PINO_AT_EXCHANGE] = pino_exchange_step,
      [PINO_AT_ANSWER] = at_answer,
      [PINO_AT_LINGER] = at_linger,
  };
  for (guint turn = 0; connection->place != PINO_AT_END; turn++) {
    if (turn == TURNS) {
      pino_task_queue(connection->gate->loop, &connection->task);
      return;
    }
    if (!steps[connection->place](connection)) {
      settle(connection, turn > 0);
      return;
    }
  }
}

static void on_ready(PinoWatch *watch, guint32 events) {
  PinoConnection *connection = CONNECTION_OF(socket, watch);
  pino_socket_note(&connection->socket, events);
  if (events & EPOLLERR)
    pino_connection_close(connection);
  else
    pino_connection_run(connection);
}

static void on_turn(PinoTask *task) {
  pino_connection_run(CONNECTION_OF(task, task));
}

static void on_timer(PinoTimer *timer) {
  PinoConnection *connection = CONNECTION_OF(timer, timer);
  PinoWait wait = wait_of(connection);
  if (connection->place == PINO_AT_FORM || wait == PINO_WAIT_BODY ||
      (connection->place == PINO_AT_HEAD && wait == PINO_WAIT_HEAD))
    refuse_head(connection, 408);
  else if (connection->place == PINO_AT_EXCHANGE && wait != PINO_WAIT_GONE)
    pino_exchange_give_up(connection);
  else
    pino_connection_close(connection);
  pino_connection_run(connection);
}

static gboolean is_local(const struct sockaddr *address) {
  if (address->sa_family == AF_INET)
    return (g_ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
  const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static void name_peer(PinoConnection *connection, const struct sockaddr *address) {
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
  connection->peer_is_agent = is_local(address);
  if (address->sa_family == AF_INET)
    (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, connection->peer,
                    sizeof connection->peer);
  else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
    (void)inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], connection->peer, sizeof connection->peer);
  else
    (void)inet_ntop(AF_INET6, &six->sin6_addr, connection->peer, sizeof connection->peer);
}

static gboolean is_still_let_in(const PinoConnection *connection, const PinoGateConfig *config) {
  for (guint i = 0; connection->share != NULL && i < config->shares->len; i++) {
    const PinoGateShare *now = g_ptr_array_index(config->shares, i);
    if (strcmp(now->id, connection->share->id) == 0)
      return now->passcode == NULL || g_strcmp0(now->passcode, connection->share->passcode) == 0;
  }
  return TRUE;
}

void pino_connection_recheck(PinoGate *gate) {
  const PinoGateConfig *config = pino_routes_config(gate->routes);
  g_autoptr(GList) all = g_hash_table_get_keys(gate->clients);
  for (GList *link = all; link != NULL; link = link->next) {
    PinoConnection *connection = link->data;
    if (connection->place == PINO_AT_EXCHANGE && !is_still_let_in(connection, config))
      pino_connection_close(connection);
  }
}

/* The one that waits longest for a request makes room: that may happen to it at any time. Else one that does not finish
 * what it began: an honest head is there at once, an honest upload goes on. */
static void make_room(PinoGate *gate) {
  static const struct {
    PinoWait wait;
    gint64 age_us;
  } victims[] = {{PINO_WAIT_IDLE, 0},
                 {PINO_WAIT_LINGER, G_USEC_PER_SEC / 2},
                 {PINO_WAIT_HEAD, G_USEC_PER_SEC / 2},
                 {PINO_WAIT_BODY, 5 * G_USEC_PER_SEC}};
  if (g_hash_table_size(gate->clients) < gate->most_clients)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS(victims); i++) {
    PinoTimer *timer = pino_timer_oldest(gate->loop, victims[i].wait);
    if (timer != NULL && pino_timer_age(gate->loop, timer) >= victims[i].age_us) {
      pino_connection_close(CONNECTION_OF(timer, timer));
      return;
    }
  }
}

void pino_connection_new(PinoGate *gate, int fd, const struct sockaddr *peer) {
  make_room(gate);
  guint others = g_hash_table_size(gate->clients);
  PinoConnection *connection = g_new0(PinoConnection, 1);
  connection->gate = gate;
  connection->timer.fired = on_timer;
  connection->task.run = on_turn;
  name_peer(connection, peer);
  pino_socket_open(&connection->socket, fd, on_ready);
  pino_stream_init(&connection->up);
  pino_stream_init(&connection->down);
  g_hash_table_add(gate->clients, connection);
  if (others >= gate->most_clients + TURNED_AWAY ||
      !pino_loop_watch(gate->loop, &connection->socket.watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
    pino_connection_close(connection);
    return;
  }
  if (others >= gate->most_clients)
    refuse_head(connection, 503);
  pino_connection_run(connection);
}
