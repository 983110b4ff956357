#include <string.h>

#include "base/error.h"
#include "storage/io.h"
#include "storage/naming.h"
#include "storage/round.h"

/* So much new data makes a try a success, though the connection was cut again. */
#define STEP_FORWARD ((guint64)1024 * 1024)
/* The words of a redirect are read over, so that its connection can be used again. */
#define SMALL_BODY 65536
/* A connection that was refused beside others tries again after so many times the usual wait. */
#define REFUSED_FACTOR 10

static PinoPart *part_of(PinoConnection *connection) {
  return &connection->round->transfer->part;
}

static void fail_round(PinoConnection *connection, GError *error) {
  pino_round_end(connection->round, PINO_ROUND_FAILED, error);
}

static gboolean note(PinoConnection *connection) {
  GError *error = NULL;
  guint64 at = pino_round_lane(connection)->at;
  if (!connection->begun || pino_part_note(part_of(connection), connection->noted, at, &error)) {
    connection->noted = at;
    return TRUE;
  }
  fail_round(connection, error);
  return FALSE;
}

static void changed(PinoConnection *connection, const char *how) {
  PinoTransfer *transfer = connection->round->transfer;
  g_autofree char *shown = pino_naming_show_url(transfer->url);
  GError *error =
      g_error_new(PINO_ERROR, PINO_ERROR_NETWORK, "the file on the server changed (%s): %s", how, shown);
  pino_transfer_tell(transfer, "%s; starting anew", error->message);
  pino_round_end(connection->round, PINO_ROUND_CHANGED, error);
}

static gboolean without_ranges(PinoConnection *connection) {
  connection->round->transfer->whole = TRUE;
  pino_round_end(connection->round, PINO_ROUND_WHOLE, NULL);
  return FALSE;
}

static char *choose_target(const PinoConnection *connection) {
  const PinoAnswer *answer = &connection->request.answer;
  g_autofree char *name =
      answer->disposition != NULL ? pino_naming_from_disposition(answer->disposition) : NULL;
  if (name == NULL)
    name = pino_naming_from_url(connection->request.url);
  return g_build_filename(connection->round->transfer->spec->dir, name != NULL ? name : "download", NULL);
}

/* The part, empty, for a file of total bytes of the version that the answer tells. */
static gboolean open_anew(PinoConnection *connection, gint64 total, gboolean known) {
  PinoTransfer *transfer = connection->round->transfer;
  const PinoAnswer *answer = &connection->request.answer;
  GError *error = NULL;
  g_autofree char *target = transfer->part.fd < 0 ? choose_target(connection) : NULL;
  if (target != NULL && !pino_part_open(&transfer->part, target, transfer->url, &error)) {
    fail_round(connection, error);
    return FALSE;
  }
  if (known && transfer->take != NULL && transfer->take(transfer, answer->etag)) {
    pino_round_end(connection->round, PINO_ROUND_TAKEN, NULL);
    return FALSE;
  }
  if (!pino_part_restart(&transfer->part, total, known ? answer->etag : NULL, known ? answer->modified : NULL,
                         &error)) {
    fail_round(connection, error);
    return FALSE;
  }
  return TRUE;
}

/* The first piece of a file of which nothing was known. */
static gboolean begin_first(PinoConnection *connection) {
  PinoRound *round = connection->round;
  const PinoAnswer *answer = &connection->request.answer;
  const PinoDownload *spec = round->transfer->spec;
  PinoLane *lane = pino_round_lane(connection);
  gboolean known = pino_answer_has_version(answer) || spec->sha256 != NULL || spec->md5 != NULL;
  if (!known || answer->range_start != 0 || answer->range_total < 0)
    return without_ranges(connection);
  if (!open_anew(connection, answer->range_total, TRUE))
    return FALSE;
  guint64 total = (guint64)answer->range_total;
  connection->to = MIN(connection->to, total);
  lane->asked = connection->to;
  lane->end = total;
  return TRUE;
}

/* A piece must be the one that was asked for, of the same file. */
static gboolean begin_next(PinoConnection *connection) {
  PinoPart *part = part_of(connection);
  const PinoAnswer *answer = &connection->request.answer;
  PinoLane *lane = pino_round_lane(connection);
  GError *error = NULL;
  if (pino_answer_differs(answer, part->etag, part->modified)) {
    changed(connection, "another version");
    return FALSE;
  }
  if (part->total >= 0 && answer->range_total >= 0 && part->total != answer->range_total) {
    changed(connection, "another length");
    return FALSE;
  }
  if (answer->range_start != (gint64)connection->from)
    return without_ranges(connection);
  if (part->total < 0 && answer->range_total >= 0) {
    part->total = answer->range_total;
    lane->asked = lane->end = (guint64)part->total;
  }
  if (connection->round->begun || pino_part_fits(part, &error))
    return TRUE;
  fail_round(connection, error);
  return FALSE;
}

/* Why a whole file came though a piece was asked for. */
static void tell_whole(PinoConnection *connection) {
  PinoTransfer *transfer = connection->round->transfer;
  const PinoPart *part = &transfer->part;
  const PinoAnswer *answer = &connection->request.answer;
  gint64 length = pino_request_length(&connection->request);
  if (connection->from == 0 && part->have == 0)
    return;
  gboolean other = pino_answer_differs(answer, part->etag, part->modified) ||
                   (length >= 0 && part->total >= 0 && length != part->total);
  pino_transfer_tell(transfer, other ? "the file on the server changed; starting anew"
                                     : "the server cannot go on where it was cut; starting anew");
}

/* Some servers call everything a part. */
static gboolean is_all(const PinoAnswer *answer, gint64 length) {
  return answer->range_start == 0 && length >= 0 && answer->range_total == length;
}

static gboolean begin_whole(PinoConnection *connection) {
  PinoRound *round = connection->round;
  PinoPart *part = part_of(connection);
  const PinoAnswer *answer = &connection->request.answer;
  gint64 length = pino_request_length(&connection->request);
  if (round->live > (connection->live ? 1 : 0)) {
    if (pino_answer_differs(answer, part->etag, part->modified) || (length >= 0 && length != part->total))
      changed(connection, "another version");
    return FALSE;
  }
  if (pino_request_status(&connection->request) == 206 && !is_all(answer, length))
    return FALSE;
  gboolean encoded = answer->encoding != NULL && pino_request_decodes(connection->request.url);
  tell_whole(connection);
  if (!open_anew(connection, encoded ? -1 : length, !encoded))
    return FALSE;
  guint64 end = part->total >= 0 ? (guint64)part->total : G_MAXUINT64;
  pino_lanes_clear(&round->lanes);
  pino_lanes_init(&round->lanes);
  *pino_round_lane(connection) = (PinoLane){0, end, end, TRUE, 0, g_get_monotonic_time()};
  connection->from = 0;
  connection->to = end;
  round->most = 1;
  return TRUE;
}

static gboolean begin_piece(PinoConnection *connection) {
  PinoRound *round = connection->round;
  if (connection->request.answer.encoding != NULL && pino_request_decodes(connection->request.url))
    return without_ranges(connection);
  if (!(round->probing ? begin_first(connection) : begin_next(connection)))
    return FALSE;
  round->probing = FALSE;
  round->most = MAX(round->most, pino_round_worth(round));
  return TRUE;
}

/* Called with the first byte, or at the end of an empty body. */
static gboolean begin(PinoConnection *connection) {
  PinoRound *round = connection->round;
  PinoRequest *request = &connection->request;
  long status = pino_request_status(request);
  if (connection->begun)
    return TRUE;
  if (status < 200 || status > 299 || round->state != PINO_ROUND_GOING)
    return FALSE;
  gboolean piece = status == 206 && request->range != NULL;
  if (!(piece ? begin_piece(connection) : begin_whole(connection)))
    return FALSE;
  curl_off_t first = 0;
  curl_easy_getinfo(request->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
  round->patience = MAX(round->patience, 4 * (gint64)first);
  if (request->hops > 0) {
    g_free(round->transfer->place);
    round->transfer->place = g_strdup(request->url);
  }
  connection->noted = connection->window_from = connection->from;
  connection->window_at = g_get_monotonic_time();
  connection->begun = round->begun = TRUE;
  return TRUE;
}

size_t pino_receive_header(char *data, size_t size, size_t count, void *user) {
  PinoConnection *connection = user;
  pino_answer_read(&connection->request.answer, data, size * count);
  return size * count;
}

static gboolean is_small_redirect(const PinoRequest *request) {
  long status = pino_request_status(request);
  gint64 length = pino_request_length(request);
  return status >= 300 && status <= 399 && length >= 0 && length <= SMALL_BODY;
}

/* Anything but the whole length ends the request. */
size_t pino_receive_body(char *data, size_t size, size_t count, void *user) {
  PinoConnection *connection = user;
  PinoLane *lane = pino_round_lane(connection);
  gsize len = size * count;
  GError *error = NULL;
  if (is_small_redirect(&connection->request))
    return len;
  if (!begin(connection))
    return 0;
  gsize n = (gsize)MIN((guint64)len, lane->asked - lane->at);
  if (!pino_part_write(part_of(connection), lane->at, data, n, &error)) {
    fail_round(connection, error);
    return 0;
  }
  lane->at += n;
  connection->brought += n;
  if (lane->at - connection->noted >= PINO_PART_BLOCK && !note(connection))
    return 0;
  /* Another connection has taken the rest of what was asked for. */
  gboolean over = lane->at == lane->asked && connection->to > lane->asked;
  return n == len && !over ? len : 0;
}

/* Whether all went well: the lane is through, or the answer was shorter than what was asked for, as some servers'
 * answers are. */
static gboolean succeeded(PinoConnection *connection, CURLcode code) {
  PinoLane *lane = pino_round_lane(connection);
  if (!connection->begun)
    return FALSE;
  if (lane->asked == G_MAXUINT64 && code == CURLE_OK) {
    part_of(connection)->total = (gint64)lane->at;
    pino_round_end(connection->round, PINO_ROUND_DONE, NULL);
    return TRUE;
  }
  return lane->at >= lane->asked ||
         (code == CURLE_OK && connection->request.range != NULL && lane->at > connection->from);
}

/* TRUE: the status says more than that the server does not want to. */
static gboolean judge_416(PinoConnection *connection) {
  PinoRound *round = connection->round;
  const PinoPart *part = part_of(connection);
  if (round->probing)
    without_ranges(connection);
  else if (part->total < 0 && connection->request.answer.range_total == (gint64)part->have)
    pino_round_end(round, PINO_ROUND_DONE, NULL);
  else
    changed(connection, "it is shorter now");
  return TRUE;
}

/* Gives what went wrong; *again tells whether another try may do better. */
static GError *judge(PinoConnection *connection, CURLcode code, gboolean *again) {
  PinoTransfer *transfer = connection->round->transfer;
  const PinoPart *part = &transfer->part;
  long status = pino_request_status(&connection->request);
  g_autofree char *shown = pino_naming_show_url(transfer->url);
  GError *error = NULL;
  gboolean answered = code == CURLE_OK || code == CURLE_WRITE_ERROR;
  if (answered && status >= 300) {
    *again = pino_answer_judge_status(status, shown, &error);
    return error;
  }
  *again = TRUE;
  transfer->unresolved = code == CURLE_COULDNT_RESOLVE_HOST;
  if (connection->begun && (answered || code == CURLE_PARTIAL_FILE) && part->total >= 0)
    g_set_error(&error, PINO_ERROR, PINO_ERROR_NETWORK,
                "the connection was cut after %" G_GUINT64_FORMAT " of %" G_GINT64_FORMAT " bytes: %s",
                part->have, part->total, shown);
  else if (answered)
    g_set_error(&error, PINO_ERROR, PINO_ERROR_NETWORK, "the server gave something else than the piece: %s",
                shown);
  else
    *again = pino_answer_judge_code(code, connection->request.detail, shown, &error);
  return error;
}

/* The others go on without it, and with what it had; alone, it ends the round. Takes error. */
static void give_back(PinoConnection *connection, GError *error, gboolean again) {
  PinoRound *round = connection->round;
  PinoTransfer *transfer = round->transfer;
  guint asked_ms = pino_answer_retry_after_ms(&connection->request.answer);
  gboolean forward = connection->brought >= STEP_FORWARD;
  pino_lanes_drop(&round->lanes, connection->index);
  connection->failures = forward ? 0 : connection->failures + 1;
  connection->brought = 0;
  if (round->live == 0) {
    transfer->retry_after_ms = again ? asked_ms : 0;
    pino_round_end(round, again ? PINO_ROUND_RETRY : PINO_ROUND_FAILED, error);
    return;
  }
  g_error_free(error);
  if (forward)
    return;
  gint64 wait_ms = (gint64)pino_transfer_wait_ms(transfer, connection->failures - 1) * REFUSED_FACTOR;
  connection->rest_until = g_get_monotonic_time() + MAX(wait_ms, asked_ms) * 1000;
}

static void fail(PinoConnection *connection, CURLcode code) {
  PinoTransfer *transfer = connection->round->transfer;
  long status = pino_request_status(&connection->request);
  gboolean again = FALSE;
  if (status == 416 && connection->request.range != NULL && judge_416(connection))
    return;
  if (code == CURLE_BAD_CONTENT_ENCODING && connection->request.range != NULL) {
    without_ranges(connection);
    return;
  }
  GError *error = judge(connection, code, &again);
  /* Where redirects led may be good for a while only; the first URL leads to a new one. */
  if (connection->placed) {
    again = TRUE;
    g_clear_pointer(&transfer->place, g_free);
  }
  give_back(connection, error, again);
}

gboolean pino_receive_end(PinoConnection *connection, CURLcode code) {
  PinoRound *round = connection->round;
  GError *error = NULL;
  if (!note(connection) || round->state != PINO_ROUND_GOING)
    return FALSE;
  if (!connection->begun && pino_request_follow(&connection->request, &error))
    return TRUE;
  if (error != NULL) {
    fail_round(connection, error);
    return FALSE;
  }
  if (code == CURLE_OK)
    begin(connection);
  if (round->state == PINO_ROUND_GOING && !succeeded(connection, code))
    fail(connection, code);
  return FALSE;
}
