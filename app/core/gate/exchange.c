#include "gate/exchange.h"

#include <errno.h>
#include <sys/socket.h>

#include "gate/answer.h"

static void changed(gpointer user) {
  pino_connection_run(user);
}

static void say_unreachable(PinoConnection *connection, const char *what) {
  const char *title = connection->share->title;
  g_autofree char *text = g_strdup_printf(
      "%s %s. It may still be starting: try again in a moment.\nIf it is yours, look at it with "
      "\"pinokiocloud status\" and start it again with \"pinokiocloud start\".",
      title != NULL && *title != '\0' ? title : "The app", what);
  pino_answer_problem(connection, 502, "The app does not answer", text, NULL);
}

static void open_upstream(PinoConnection *connection, gboolean fresh) {
  connection->upstream = pino_upstream_open(connection->gate, connection->share, fresh, changed, connection);
  if (connection->upstream != NULL)
    return;
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EADDRNOTAVAIL)
    pino_answer_refuse(connection, 503);
  else
    say_unreachable(connection, "is not running");
}

void pino_exchange_begin(PinoConnection *connection, const PinoForward *forward) {
  const PinoHead *head = &connection->gate->head;
  PinoStream *up = &connection->up, *down = &connection->down;
  g_string_truncate(up->head, 0);
  g_string_truncate(down->head, 0);
  up->head_sent = down->head_sent = 0;
  up->sent = down->sent = 0;
  connection->looked = 0;
  connection->answered = connection->retried = connection->app_keeps = connection->cut = FALSE;
  connection->told_end = connection->told_back = FALSE;
  connection->upgrade = pino_forward_upgrades(head);
  pino_forward_request(up->head, head, forward);
  connection->place = PINO_AT_EXCHANGE;
  /* A connection that was used before may just be closing. Only what can be asked twice may meet that. */
  open_upstream(connection, !connection->idempotent || head->body != PINO_BODY_NONE || connection->upgrade);
}

/* The answer is through, or as much of it as there is. */
static void finish(PinoConnection *connection) {
  PinoUpstream *upstream = connection->upstream;
  PinoStream *up = &connection->up, *down = &connection->down;
  gboolean all_sent = up->body.done && pino_stream_is_drained(up);
  gboolean clean = down->scan == down->end && !upstream->socket.deaf;
  if (connection->cut && down->body.kind == PINO_BODY_UNTIL_CLOSE) {
    /* Nothing but a reset tells the client that the end is none. */
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(connection->socket.watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    pino_connection_close(connection);
    return;
  }
  if (all_sent && clean && connection->app_keeps) {
    connection->upstream = NULL;
    pino_upstream_keep(upstream);
  }
  connection->keep = connection->keep && all_sent && !connection->cut;
  pino_connection_release(connection);
  pino_stream_drop(down, connection->gate->blocks);
  pino_connection_next(connection);
}

/* Nothing was read of an answer: perhaps the app had closed a connection that was kept. */
static gboolean try_again(PinoConnection *connection) {
  PinoStream *up = &connection->up, *down = &connection->down;
  if (!connection->upstream->reused || connection->retried || down->end > down->scan || down->head->len > 0)
    return FALSE;
  pino_upstream_close(connection->upstream);
  connection->upstream = NULL;
  connection->retried = TRUE;
  up->head_sent = 0;
  open_upstream(connection, TRUE);
  return TRUE;
}

/* The app reads no more, or writes no more. */
static void on_app_end(PinoConnection *connection, PinoIo io) {
  PinoStream *down = &connection->down;
  if (!connection->answered) {
    if (!try_again(connection))
      say_unreachable(connection, "closed the connection without an answer");
    return;
  }
  connection->cut = down->body.kind != PINO_BODY_UNTIL_CLOSE || io == PINO_IO_BROKEN;
  connection->keep = FALSE;
  down->body.done = TRUE;
}

/* A changed protocol: each side is told when the other writes no more. */
static gboolean is_changed(const PinoConnection *connection) {
  return connection->upgrade && connection->answered;
}

static gboolean tell_end(PinoSocket *socket, gboolean *told) {
  if (*told)
    return FALSE;
  *told = TRUE;
  (void)shutdown(socket->watch.fd, SHUT_WR);
  return TRUE;
}

static void on_client_end(PinoConnection *connection) {
  if (is_changed(connection))
    connection->up.body.done = TRUE;
  else
    pino_connection_close(connection); /* in the middle of its request */
}

static gboolean read_body(PinoConnection *connection) {
  PinoStream *up = &connection->up;
  if (pino_body_scan(&up->body, up->block, &up->ready, &up->scan, up->end))
    return TRUE;
  if (connection->answered)
    pino_connection_close(connection);
  else
    pino_answer_refuse(connection, 400);
  return FALSE;
}

/* TRUE when something moved. The place may be another one afterwards. */
static gboolean push_up(PinoConnection *connection) {
  PinoStream *up = &connection->up;
  PinoSocket *to = &connection->upstream->socket;
  if (!read_body(connection))
    return TRUE;
  gsize head = up->head_sent;
  guint64 sent = up->sent;
  PinoIo written = to->deaf ? PINO_IO_BROKEN : pino_stream_drain(up, to);
  if (written == PINO_IO_BROKEN)
    return FALSE; /* it may have answered before it closed: that is read */
  gboolean moved = up->head_sent != head || up->sent != sent;
  if (up->body.done) {
    if (is_changed(connection) && pino_stream_is_drained(up))
      moved = tell_end(to, &connection->told_end) || moved;
    return moved;
  }
  if (connection->upgrade && !connection->answered)
    return moved;
  switch (pino_stream_fill(up, connection->gate->blocks, &connection->socket)) {
  case PINO_IO_MOVED:
    return TRUE;
  case PINO_IO_ENDED:
  case PINO_IO_BROKEN:
    on_client_end(connection);
    return TRUE;
  default:
    return moved;
  }
}

/* After a body that nothing says it read, or with one that nobody reads, the app may still write: the next one's answer
 * must not be that. */
static gboolean app_is_quiet(const PinoConnection *connection, const PinoHead *head) {
  if (connection->up.body.kind != PINO_BODY_NONE || connection->head_only || head->both)
    return FALSE;
  return head->body != PINO_BODY_NONE ||
         (head->length == 0 && pino_head_get(head, PINO_FIELD_TRANSFER_ENCODING).length == 0);
}

static void take_final(PinoConnection *connection) {
  const PinoHead *head = &connection->gate->head;
  PinoStream *down = &connection->down;
  gboolean bare = connection->minor == 0 && head->body == PINO_BODY_CHUNKED;
  pino_body_begin(&down->body, head->body, head->length, bare);
  connection->answered = TRUE;
  connection->keep = connection->keep && !bare && head->body != PINO_BODY_UNTIL_CLOSE;
  connection->app_keeps = !head->close && (head->minor == 1 || head->keep_alive) &&
                          head->body != PINO_BODY_UNTIL_CLOSE && app_is_quiet(connection, head);
  if (head->status == 101)
    pino_body_begin(&connection->up.body, PINO_BODY_UNTIL_CLOSE, 0, FALSE);
  else
    connection->upgrade = FALSE;
  pino_forward_response(
      down->head, head,
      &(PinoBack){connection->keep, connection->minor, bare, connection->share->passcode != NULL});
}

/* The heads that are there: any number of 1xx, and the answer's. FALSE: the app makes no sense. */
static gboolean read_heads(PinoConnection *connection) {
  PinoHead *head = &connection->gate->head;
  PinoStream *down = &connection->down;
  while (!connection->answered && down->end > down->scan) {
    const char *data = down->block + down->scan;
    gsize length = pino_head_end(data, down->end - down->scan, &connection->looked);
    if (length == 0)
      return TRUE;
    if (!pino_head_parse_response(head, data, length, connection->head_only))
      return FALSE;
    if (head->status == 101 && !connection->upgrade)
      return FALSE;
    if (pino_stream_is_drained(down)) { /* interim answers before it */
      g_string_truncate(down->head, 0);
      down->head_sent = 0;
    }
    if (head->status >= 200 || head->status == 101)
      take_final(connection);
    else if (connection->minor == 1)
      pino_forward_response(down->head, head, &(PinoBack){TRUE, 1, FALSE, FALSE});
    down->start = down->ready = down->scan = down->scan + length;
    connection->looked = 0;
  }
  return TRUE;
}

/* Writes what may be written to the client. FALSE: the connection is not here any more. */
static gboolean write_down(PinoConnection *connection, gboolean *moved) {
  PinoStream *down = &connection->down;
  gsize head = down->head_sent;
  guint64 sent = down->sent;
  if (connection->answered &&
      !pino_body_scan(&down->body, down->block, &down->ready, &down->scan, down->end)) {
    connection->cut = down->body.done = TRUE; /* chunks that make no sense: as if it ended here */
    connection->keep = FALSE;
  }
  if (pino_stream_drain(down, &connection->socket) == PINO_IO_BROKEN) {
    pino_connection_close(connection);
    return FALSE;
  }
  *moved = *moved || down->head_sent != head || down->sent != sent;
  return TRUE;
}

static gboolean is_over(const PinoConnection *connection) {
  if (!connection->answered || !connection->down.body.done || !pino_stream_is_drained(&connection->down))
    return FALSE;
  return !is_changed(connection) || connection->cut || connection->upstream->socket.deaf ||
         (connection->up.body.done && pino_stream_is_drained(&connection->up));
}

/* Reads from the app. */
static gboolean read_down(PinoConnection *connection) {
  PinoStream *down = &connection->down;
  PinoIo io = pino_stream_fill(down, connection->gate->blocks, &connection->upstream->socket);
  switch (io) {
  case PINO_IO_MOVED:
    if (!read_heads(connection))
      say_unreachable(connection, "answered what is not HTTP");
    return TRUE;
  case PINO_IO_ENDED:
  case PINO_IO_BROKEN:
    on_app_end(connection, io);
    return TRUE;
  case PINO_IO_FULL:
    if (connection->answered || down->end - down->scan < PINO_BLOCK / 2)
      return FALSE;
    say_unreachable(connection, "answered with headers that are too large");
    return TRUE;
  default:
    return FALSE;
  }
}

static gboolean pull_down(PinoConnection *connection) {
  PinoStream *down = &connection->down;
  gboolean moved = FALSE;
  if (!write_down(connection, &moved))
    return TRUE;
  if (is_over(connection)) {
    finish(connection);
    return TRUE;
  }
  if (connection->answered && down->body.done) {
    if (is_changed(connection) && pino_stream_is_drained(down))
      moved = tell_end(&connection->socket, &connection->told_back) || moved;
    return moved;
  }
  if (!connection->answered && !pino_stream_is_drained(down))
    return moved; /* interim answers that the client does not read */
  return read_down(connection) || moved;
}

gboolean pino_exchange_step(PinoConnection *connection) {
  const PinoUpstream *upstream = connection->upstream;
  if (upstream->socket.broken && !upstream->connected) {
    say_unreachable(connection, "is not running");
    return TRUE;
  }
  if (!upstream->connected)
    return FALSE;
  gboolean moved = push_up(connection);
  if (connection->place != PINO_AT_EXCHANGE || connection->upstream != upstream)
    return TRUE;
  return pull_down(connection) || moved;
}

PinoWait pino_exchange_wait(const PinoConnection *connection) {
  const PinoUpstream *upstream = connection->upstream;
  if (!upstream->connected)
    return PINO_WAIT_CONNECT;
  if (connection->socket.hangup || (is_changed(connection) && upstream->socket.ended))
    return PINO_WAIT_GONE;
  if (connection->answered || !pino_stream_is_drained(&connection->up))
    return PINO_WAIT_NOTHING;
  return connection->up.body.done ? PINO_WAIT_ANSWER : PINO_WAIT_BODY;
}

void pino_exchange_give_up(PinoConnection *connection) {
  say_unreachable(connection,
                  connection->upstream->connected ? "takes too long to answer" : "takes no connection");
}
