#include "storage/transfer.h"

#include <string.h>

#include "base/error.h"
#include "storage/io.h"
#include "storage/round.h"

#define DEFAULT_CONNECTIONS 8
#define DEFAULT_WAIT_MS 500u
/* 500 ms become at most 30 s. */
#define MAX_WAIT_FACTOR 60u
#define TICK_US (G_USEC_PER_SEC / 10)
#define TICK_MS 100
#define PATIENCE_US (G_USEC_PER_SEC / 10)
#define SPEED_WINDOW_US (G_USEC_PER_SEC / 2)
/* A connection asks for what it gets in so many seconds: one more round trip in that time costs little, and what has not
 * been asked for can go to another. */
#define ASK_SECONDS 8
#define ASK_MOST ((guint64)512 * 1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLM, curl_multi_cleanup)

static void share_free(CURLSH *share) {
  curl_share_cleanup(share);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLSH, share_free)

guint pino_transfer_wait_ms(const PinoTransfer *transfer, guint failures) {
  guint base = transfer->spec->retry_wait_ms != 0 ? transfer->spec->retry_wait_ms : DEFAULT_WAIT_MS;
  guint factor = failures < 6 ? 1u << failures : MAX_WAIT_FACTOR;
  return base * MIN(factor, MAX_WAIT_FACTOR);
}

void pino_transfer_tell(const PinoTransfer *transfer, const char *format, ...) {
  const PinoDownload *spec = transfer->spec;
  if (spec->note == NULL)
    return;
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  spec->note(text, spec->progress_data);
}

void pino_round_end(PinoRound *round, PinoRoundState state, GError *error) {
  if (round->state != PINO_ROUND_GOING) {
    g_clear_error(&error);
    return;
  }
  round->state = state;
  round->error = error;
}

guint pino_round_worth(const PinoRound *round) {
  const PinoTransfer *transfer = round->transfer;
  const PinoPart *part = &transfer->part;
  guint asked = transfer->spec->connections != 0 ? transfer->spec->connections : DEFAULT_CONNECTIONS;
  guint most = CLAMP(asked, 1, PINO_LANES_MAX);
  if (part->total < 0 || (guint64)part->total <= part->have)
    return 1;
  guint64 pieces = ((guint64)part->total - part->have) / PINO_LANES_PIECE;
  return (guint)CLAMP(pieces, 1, most);
}

/* Without something to recognise the file by, the rest of another version could be glued to it; a checksum would
 * show that. */
static gboolean may_resume(const PinoTransfer *transfer) {
  const PinoPart *part = &transfer->part;
  gboolean known = part->etag != NULL || part->modified != NULL || transfer->spec->sha256 != NULL ||
                   transfer->spec->md5 != NULL;
  return part->fd >= 0 && part->have > 0 && known && !transfer->whole;
}

/* What the first connection asks for. */
static void lay_out(PinoRound *round) {
  PinoTransfer *transfer = round->transfer;
  const PinoPart *part = &transfer->part;
  PinoLane *lane = &round->lanes.lanes[0];
  gint64 now = g_get_monotonic_time();
  if (transfer->whole)
    *lane = (PinoLane){0, G_MAXUINT64, G_MAXUINT64, TRUE, 0, now};
  else if (!may_resume(transfer))
    *lane = (PinoLane){0, PINO_LANES_PIECE, PINO_LANES_PIECE, TRUE, 0, now};
  else if (part->total < 0)
    *lane = (PinoLane){part->have, G_MAXUINT64, G_MAXUINT64, TRUE, 0, now};
  else
    pino_lanes_fill(&round->lanes, &part->spans, (guint64)part->total);
  round->probing = lane->taken && !transfer->whole && lane->at == 0;
}

static void start(PinoConnection *connection) {
  PinoRound *round = connection->round;
  const PinoTransfer *transfer = round->transfer;
  const PinoPart *part = &transfer->part;
  const PinoLane *lane = pino_round_lane(connection);
  const char *version = part->etag != NULL ? part->etag : part->modified;
  connection->placed = transfer->place != NULL;
  connection->begun = FALSE;
  connection->from = lane->at;
  connection->to = lane->asked;
  const PinoAsk ask = {.origin = transfer->url,
                       .url = connection->placed ? transfer->place : transfer->url,
                       .headers = transfer->spec->headers,
                       .secure = transfer->spec->secure,
                       .ranged = !transfer->whole,
                       .from = lane->at,
                       .to = lane->asked,
                       .version = round->probing ? NULL : version};
  pino_request_set(&connection->request, &ask);
  curl_multi_add_handle(round->multi, connection->request.easy);
  connection->live = TRUE;
  round->live++;
}

static guint64 worth_asking(const PinoLane *lane) {
  return CLAMP((guint64)(lane->speed * ASK_SECONDS), PINO_LANES_PIECE, ASK_MOST);
}

static gboolean prepare(PinoConnection *connection) {
  const PinoRequestSinks sinks = {pino_receive_header, pino_receive_body, connection,
                                  connection->round->share};
  return connection->request.easy != NULL || pino_request_init(&connection->request, &sinks);
}

/* Gives a connection without a request its next one, if there is something to do. */
static void employ(PinoConnection *connection, gint64 now) {
  PinoRound *round = connection->round;
  PinoLane *lane = pino_round_lane(connection);
  if (connection->live || now < connection->rest_until || round->live >= round->most || !prepare(connection))
    return;
  if (lane->taken && lane->at >= lane->end)
    pino_lanes_drop(&round->lanes, connection->index);
  if (!lane->taken && !pino_lanes_take(&round->lanes, connection->index, now, round->patience))
    return;
  if (!round->probing && lane->end != G_MAXUINT64)
    pino_lanes_ask(&round->lanes, connection->index, worth_asking(lane), now);
  start(connection);
}

static void employ_all(PinoRound *round) {
  gint64 now = g_get_monotonic_time();
  for (guint i = 0; i < PINO_LANES_MAX && round->state == PINO_ROUND_GOING; i++)
    employ(&round->connections[i], now);
}

/* A request that is over before the first window is full has a speed, too. */
static void measure(PinoConnection *connection, gint64 now, gboolean over) {
  PinoLane *lane = pino_round_lane(connection);
  gint64 span = now - connection->window_at;
  if (!connection->begun || (span < SPEED_WINDOW_US && !(over && lane->speed <= 0)))
    return;
  double speed = (double)(lane->at - connection->window_from) * G_USEC_PER_SEC / (double)MAX(span, 1);
  lane->speed = lane->speed > 0 ? (lane->speed + speed) / 2 : speed;
  connection->window_at = now;
  connection->window_from = lane->at;
}

static void tell_progress(PinoRound *round, gboolean last) {
  PinoTransfer *transfer = round->transfer;
  const PinoDownload *spec = transfer->spec;
  const PinoPart *part = &transfer->part;
  gint64 now = g_get_monotonic_time();
  if (!round->begun || (!last && now - round->told_at < TICK_US))
    return;
  round->told_at = now;
  pino_meter_tell(&transfer->meter, part->have, now);
  for (guint i = 0; i < PINO_LANES_MAX; i++)
    measure(&round->connections[i], now, FALSE);
  pino_part_sync(&transfer->part);
  const PinoDownloadState state = {
      .received = part->have,
      .total = part->total,
      .bytes_per_s = transfer->meter.speed,
      .seconds_left = pino_meter_left(&transfer->meter, part->have, part->total),
      .connections = round->live,
  };
  if (spec->progress != NULL)
    spec->progress(&state, spec->progress_data);
}

static void finish_request(PinoRound *round, const CURLMsg *message) {
  PinoConnection *connection = NULL;
  CURLcode code = message->data.result;
  curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&connection);
  curl_multi_remove_handle(round->multi, connection->request.easy);
  connection->live = FALSE;
  round->live--;
  measure(connection, g_get_monotonic_time(), TRUE);
  if (!pino_receive_end(connection, code))
    return;
  curl_multi_add_handle(round->multi, connection->request.easy);
  connection->live = TRUE;
  round->live++;
}

static gboolean is_complete(const PinoRound *round) {
  const PinoPart *part = &round->transfer->part;
  return round->begun && part->total >= 0 && part->have == (guint64)part->total;
}

static void turn(PinoRound *round) {
  int running = 0, left = 0;
  if (curl_multi_perform(round->multi, &running) != CURLM_OK) {
    pino_round_end(
        round, PINO_ROUND_FAILED,
        g_error_new_literal(PINO_ERROR, PINO_ERROR_FAILED, "libcurl failed; check its installation"));
    return;
  }
  for (const CURLMsg *message; (message = curl_multi_info_read(round->multi, &left)) != NULL;)
    if (message->msg == CURLMSG_DONE)
      finish_request(round, message);
  if (round->state == PINO_ROUND_GOING && is_complete(round))
    pino_round_end(round, PINO_ROUND_DONE, NULL);
  tell_progress(round, round->state == PINO_ROUND_DONE);
}

static void drive(PinoRound *round) {
  GCancellable *cancellable = round->transfer->cancellable;
  GError *error = NULL;
  while (round->state == PINO_ROUND_GOING) {
    if (!pino_storage_go_on(cancellable, &error)) {
      pino_round_end(round, PINO_ROUND_FAILED, g_steal_pointer(&error));
      return;
    }
    turn(round);
    employ_all(round);
    if (round->state == PINO_ROUND_GOING && round->live == 0)
      pino_round_end(round, PINO_ROUND_FAILED,
                     g_error_new_literal(PINO_ERROR, PINO_ERROR_FAILED, "nothing is left to ask for"));
    else if (round->state == PINO_ROUND_GOING)
      curl_multi_poll(round->multi, NULL, 0, TICK_MS, NULL);
  }
}

static void wake(GCancellable *cancellable, gpointer multi) {
  curl_multi_wakeup(multi);
}

/* What the connections have brought is noted whatever ended the round; what is left of them goes. */
static void close_down(PinoRound *round) {
  PinoPart *part = &round->transfer->part;
  for (guint i = 0; i < PINO_LANES_MAX; i++) {
    PinoConnection *connection = &round->connections[i];
    if (connection->live)
      curl_multi_remove_handle(round->multi, connection->request.easy);
    if (connection->live && connection->begun)
      /* A line that cannot be written means bytes that come once more. */
      (void)pino_part_note(part, connection->noted, round->lanes.lanes[i].at, NULL);
    pino_request_clear(&connection->request);
  }
  pino_lanes_clear(&round->lanes);
  pino_meter_pause(&round->transfer->meter);
}

static void run_round(PinoRound *round) {
  GCancellable *cancellable = round->transfer->cancellable;
  for (guint i = 0; i < PINO_LANES_MAX; i++) {
    round->connections[i] = (PinoConnection){.round = round, .index = i};
    round->connections[i].request.answer = PINO_ANSWER_NONE;
  }
  curl_share_setopt(round->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
  curl_share_setopt(round->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  lay_out(round);
  gulong handler = 0;
  if (cancellable != NULL)
    handler = g_cancellable_connect(cancellable, G_CALLBACK(wake), round->multi, NULL);
  employ_all(round);
  drive(round);
  /* Both take a missing one. */
  g_cancellable_disconnect(cancellable, handler);
  close_down(round);
}

static const PinoTransferEnd ENDS[] = {
    [PINO_ROUND_GOING] = PINO_TRANSFER_FAILED,  [PINO_ROUND_DONE] = PINO_TRANSFER_DONE,
    [PINO_ROUND_TAKEN] = PINO_TRANSFER_TAKEN,   [PINO_ROUND_WHOLE] = PINO_TRANSFER_RETRY,
    [PINO_ROUND_CHANGED] = PINO_TRANSFER_RETRY, [PINO_ROUND_RETRY] = PINO_TRANSFER_RETRY,
    [PINO_ROUND_FAILED] = PINO_TRANSFER_FAILED,
};

static PinoRoundState one_round(PinoTransfer *transfer, GError **error) {
  /* The share after what uses it. */
  g_autoptr(CURLSH) share = curl_share_init();
  g_autoptr(CURLM) multi = curl_multi_init();
  g_autofree PinoRound *round = g_new0(PinoRound, 1);
  round->transfer = transfer;
  round->multi = multi;
  round->share = share;
  round->most = 1;
  round->patience = PATIENCE_US;
  pino_lanes_init(&round->lanes);
  run_round(round);
  if (round->error != NULL)
    g_propagate_error(error, round->error);
  return round->state;
}

PinoTransferEnd pino_transfer_try(PinoTransfer *transfer, GError **error) {
  transfer->retry_after_ms = 0;
  transfer->unresolved = FALSE;
  if (!pino_request_ready(error))
    return PINO_TRANSFER_FAILED;
  PinoRoundState state = one_round(transfer, error);
  if (state == PINO_ROUND_WHOLE)
    state = one_round(transfer, error);
  if (state != PINO_ROUND_CHANGED)
    return ENDS[state];
  g_autoptr(GError) failed = NULL;
  if (pino_part_restart(&transfer->part, -1, NULL, NULL, &failed))
    return PINO_TRANSFER_RETRY;
  g_clear_error(error);
  g_propagate_error(error, g_steal_pointer(&failed));
  return PINO_TRANSFER_FAILED;
}
