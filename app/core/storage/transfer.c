#include "storage/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "storage/io.h"
#include "storage/naming.h"

#define MAX_REDIRECTS 20L
#define CONNECT_SECONDS 30L
/* Less than a byte a second for a minute is a dead connection. */
#define STALL_SECONDS 60L
#define PROGRESS_US (G_USEC_PER_SEC / 10)
#define SPEED_WINDOW_US G_USEC_PER_SEC
#define POLL_MS 250
#define MAX_RETRY_AFTER_S 600

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURL, curl_easy_cleanup)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLM, curl_multi_cleanup)
typedef struct curl_slist Headers;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Headers, curl_slist_free_all)

/* RFC 9110 and what the hosts of models mean by them. */
static const struct {
  long status;
  const char *words;
} STATUS_WORDS[] = {
    {400, "bad request"},
    {401, "not authorized (a login or token is needed)"},
    {402, "payment required"},
    {403, "forbidden (a login, a token or an accepted licence may be needed)"},
    {404, "not found"},
    {405, "method not allowed"},
    {407, "the proxy wants a login"},
    {408, "request timeout"},
    {410, "gone"},
    {416, "range not satisfiable"},
    {429, "too many requests"},
    {451, "unavailable for legal reasons"},
    {500, "internal server error"},
    {502, "bad gateway"},
    {503, "service unavailable"},
    {504, "gateway timeout"},
};

/* What another try does not help with; every other failure of curl is taken for a cut connection. */
static const CURLcode HOPELESS[] = {
    CURLE_TOO_MANY_REDIRECTS,       CURLE_URL_MALFORMAT,
    CURLE_UNSUPPORTED_PROTOCOL,     CURLE_OUT_OF_MEMORY,
    CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
    CURLE_SSL_CERTPROBLEM,          CURLE_BAD_CONTENT_ENCODING,
};

typedef struct {
  PinoTransfer *transfer;
  CURL *easy;
  gboolean begun; /* the body, if any, is for the part */
  gboolean stale; /* the server's file is not the one that the part is of */
  GError *error;  /* what went wrong on our side */
  /* of the answer: */
  gint64 range_start;
  gint64 range_total;
  char *etag;
  char *modified;
  char *disposition;
  char *retry_after;
  /* for the progress: */
  gint64 told_at;
  gint64 window_at;
  guint64 window_have;
  double speed;
} Answer;

static void answer_forget(Answer *answer) {
  g_clear_pointer(&answer->etag, g_free);
  g_clear_pointer(&answer->modified, g_free);
  g_clear_pointer(&answer->disposition, g_free);
  g_clear_pointer(&answer->retry_after, g_free);
  answer->range_start = answer->range_total = -1;
}

static void answer_clear(Answer *answer) {
  answer_forget(answer);
  g_clear_error(&answer->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void read_range(Answer *answer, const char *value) {
  const char *at = value + strcspn(value, "0123456789*");
  if (*at != '*')
    answer->range_start = g_ascii_strtoll(at, NULL, 10);
  const char *slash = strchr(at, '/');
  if (slash != NULL && g_ascii_isdigit(slash[1]))
    answer->range_total = g_ascii_strtoll(slash + 1, NULL, 10);
}

static void keep(char **field, const char *value) {
  g_free(*field);
  *field = g_strdup(value);
}

/* Each answer of a chain of redirects starts anew with its status line. */
static size_t on_header(char *data, size_t size, size_t count, void *user) {
  Answer *answer = user;
  g_autofree char *line = g_strstrip(g_strndup(data, size * count));
  const struct {
    const char *name;
    char **field;
  } fields[] = {
      {"etag", &answer->etag},
      {"last-modified", &answer->modified},
      {"content-disposition", &answer->disposition},
      {"retry-after", &answer->retry_after},
  };
  if (g_str_has_prefix(line, "HTTP/"))
    answer_forget(answer);
  char *colon = strchr(line, ':');
  if (colon == NULL)
    return size * count;
  *colon = '\0';
  const char *value = g_strchug(colon + 1);
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
    if (g_ascii_strcasecmp(line, fields[i].name) == 0)
      keep(fields[i].field, value);
  if (g_ascii_strcasecmp(line, "content-range") == 0)
    read_range(answer, value);
  return size * count;
}

static long status_of(const Answer *answer) {
  long status = 0;
  curl_easy_getinfo(answer->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static gint64 length_of(const Answer *answer) {
  curl_off_t length = -1;
  curl_easy_getinfo(answer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return length;
}

static char *choose_target(const Answer *answer) {
  const char *url = NULL;
  curl_easy_getinfo(answer->easy, CURLINFO_EFFECTIVE_URL, &url);
  g_autofree char *name =
      answer->disposition != NULL ? pino_naming_from_disposition(answer->disposition) : NULL;
  if (name == NULL && url != NULL)
    name = pino_naming_from_url(url);
  return g_build_filename(answer->transfer->spec->dir, name != NULL ? name : "download", NULL);
}

/* A part of an answer: it must go on where the part ends, of the same file. */
static gboolean begin_rest(Answer *answer) {
  PinoPart *part = &answer->transfer->part;
  gboolean fits = part->fd >= 0 && answer->range_start == (gint64)part->have &&
                  (part->total < 0 || answer->range_total < 0 || part->total == answer->range_total);
  answer->stale = !fits;
  if (fits && part->total < 0)
    part->total = answer->range_total;
  return fits;
}

static gboolean begin_whole(Answer *answer) {
  PinoTransfer *transfer = answer->transfer;
  g_autofree char *target = transfer->part.fd < 0 ? choose_target(answer) : NULL;
  if (target != NULL && !pino_part_open(&transfer->part, target, transfer->url, &answer->error))
    return FALSE;
  gboolean weak = answer->etag != NULL && g_str_has_prefix(answer->etag, "W/");
  return pino_part_restart(&transfer->part, length_of(answer), weak ? NULL : answer->etag, answer->modified,
                           &answer->error);
}

/* Called with the first byte, or at the end of an empty body. */
static gboolean begin(Answer *answer) {
  long status = status_of(answer);
  if (answer->begun)
    return TRUE;
  if (status < 200 || status > 299)
    return FALSE;
  answer->begun = status == 206 ? begin_rest(answer) : begin_whole(answer);
  answer->window_at = g_get_monotonic_time();
  answer->window_have = answer->transfer->part.have;
  return answer->begun;
}

static void tell_progress(Answer *answer, gboolean last) {
  const PinoDownload *spec = answer->transfer->spec;
  const PinoPart *part = &answer->transfer->part;
  gint64 now = g_get_monotonic_time();
  if (!answer->begun || spec->progress == NULL || (!last && now - answer->told_at < PROGRESS_US))
    return;
  gint64 span = MAX(now - answer->window_at, 1);
  if (span >= SPEED_WINDOW_US || answer->speed <= 0)
    answer->speed = (double)(part->have - answer->window_have) * G_USEC_PER_SEC / (double)span;
  if (span >= SPEED_WINDOW_US) {
    answer->window_at = now;
    answer->window_have = part->have;
  }
  answer->told_at = now;
  spec->progress(part->have, part->total, answer->speed, spec->progress_data);
}

/* Anything but the whole length ends the transfer. */
static size_t on_body(char *data, size_t size, size_t count, void *user) {
  Answer *answer = user;
  gsize len = size * count;
  if (!begin(answer))
    return 0;
  PinoPart *part = &answer->transfer->part;
  int failed = pino_part_write(part, data, len);
  if (failed != 0) {
    pino_storage_fail(&answer->error, failed, "write", part->path);
    return 0;
  }
  tell_progress(answer, FALSE);
  return len;
}

static gsize curl_ready(void) {
  static gsize ready = 0;
  if (g_once_init_enter(&ready)) {
    gsize result = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 1 : 2;
    g_once_init_leave(&ready, result);
  }
  return ready;
}

static void only_web(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static Headers *add_header(Headers *headers, const char *line) {
  Headers *longer = curl_slist_append(headers, line);
  return longer != NULL ? longer : headers;
}

/* Without something to recognise the file by, the rest of another version could be glued to it; a checksum would
 * show that. */
static gboolean may_resume(const PinoTransfer *transfer) {
  const PinoPart *part = &transfer->part;
  gboolean known = part->etag != NULL || part->modified != NULL || transfer->spec->sha256 != NULL ||
                   transfer->spec->md5 != NULL;
  return part->fd >= 0 && part->have > 0 && known;
}

static Headers *set_range(const PinoTransfer *transfer, CURL *easy, Headers *headers) {
  const PinoPart *part = &transfer->part;
  if (!may_resume(transfer))
    return headers;
  g_autofree char *range = g_strdup_printf("%" G_GUINT64_FORMAT "-", part->have);
  curl_easy_setopt(easy, CURLOPT_RANGE, range);
  const char *version = part->etag != NULL ? part->etag : part->modified;
  g_autofree char *only_if = version != NULL ? g_strconcat("If-Range: ", version, NULL) : NULL;
  return only_if != NULL ? add_header(headers, only_if) : headers;
}

static void set_up(Answer *answer, char *curl_error) {
  CURL *easy = answer->easy;
  only_web(easy);
  curl_easy_setopt(easy, CURLOPT_URL, answer->transfer->url);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_error);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  /* Some hosts hand out a cookie with the redirect and ask for it at its end. */
  curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "PinokioCloud");
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
}

static void wake(GCancellable *cancellable, gpointer multi) {
  curl_multi_wakeup(multi);
}

static CURLcode drive(Answer *answer, CURLM *multi) {
  GCancellable *cancellable = answer->transfer->cancellable;
  int running = 1, left = 0;
  while (running > 0 && !g_cancellable_is_cancelled(cancellable)) {
    if (curl_multi_perform(multi, &running) != CURLM_OK)
      return CURLE_FAILED_INIT;
    tell_progress(answer, FALSE);
    if (running > 0)
      curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  }
  const CURLMsg *message = curl_multi_info_read(multi, &left);
  return message != NULL ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
}

static CURLcode perform(Answer *answer, char *curl_error) {
  PinoTransfer *transfer = answer->transfer;
  g_autoptr(CURLM) multi = curl_multi_init();
  g_autoptr(Headers) headers = NULL;
  const char *const *given = transfer->spec->headers;
  for (gsize i = 0; given != NULL && given[i] != NULL; i++)
    headers = add_header(headers, given[i]);
  headers = set_range(transfer, answer->easy, headers);
  set_up(answer, curl_error);
  curl_easy_setopt(answer->easy, CURLOPT_HTTPHEADER, headers);
  gulong connection = 0;
  if (transfer->cancellable != NULL)
    connection = g_cancellable_connect(transfer->cancellable, G_CALLBACK(wake), multi, NULL);
  curl_multi_add_handle(multi, answer->easy);
  CURLcode code = drive(answer, multi);
  curl_multi_remove_handle(multi, answer->easy);
  /* Both take a missing one. */
  g_cancellable_disconnect(transfer->cancellable, connection);
  return code;
}

static guint retry_after_ms(const char *value) {
  if (value == NULL)
    return 0;
  gint64 seconds = g_ascii_isdigit(value[0]) ? g_ascii_strtoll(value, NULL, 10)
                                             : (gint64)curl_getdate(value, NULL) - (gint64)time(NULL);
  return (guint)CLAMP(seconds, 0, MAX_RETRY_AFTER_S) * 1000;
}

static PinoTransferEnd judge_status(Answer *answer, long status, GError **error) {
  PinoTransfer *transfer = answer->transfer;
  PinoPart *part = &transfer->part;
  if (status == 416 && part->fd >= 0 && part->have > 0) {
    if (answer->range_total == (gint64)part->have)
      return PINO_TRANSFER_DONE;
    answer->stale = TRUE;
  }
  const char *words = "refused by the server";
  for (gsize i = 0; i < G_N_ELEMENTS(STATUS_WORDS); i++)
    if (STATUS_WORDS[i].status == status)
      words = STATUS_WORDS[i].words;
  gboolean again = status >= 500 || status == 408 || status == 429 || answer->stale;
  transfer->retry_after_ms = again ? retry_after_ms(answer->retry_after) : 0;
  g_autofree char *shown = pino_naming_show_url(transfer->url);
  gboolean missing = status == 404 || status == 410;
  g_set_error(error, PINO_ERROR, missing ? PINO_ERROR_NOT_FOUND : PINO_ERROR_NETWORK, "%ld %s: %s", status,
              words, shown);
  return again ? PINO_TRANSFER_RETRY : PINO_TRANSFER_FAILED;
}

static PinoTransferEnd judge_code(const Answer *answer, CURLcode code, const char *detail, GError **error) {
  g_autofree char *shown = pino_naming_show_url(answer->transfer->url);
  const char *plain = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  for (gsize i = 0; i < G_N_ELEMENTS(HOPELESS); i++)
    if (HOPELESS[i] == code) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK,
                  code == CURLE_TOO_MANY_REDIRECTS ? "redirected in a circle (%s): %s; check the URL"
                                                   : "cannot download (%s): %s",
                  plain, shown);
      return PINO_TRANSFER_FAILED;
    }
  answer->transfer->unresolved = code == CURLE_COULDNT_RESOLVE_HOST;
  if (answer->transfer->unresolved)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK,
                "the host does not resolve; check its name and the network: %s", shown);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "the connection failed (%s): %s", plain, shown);
  return PINO_TRANSFER_RETRY;
}

static PinoTransferEnd judge_body(Answer *answer, GError **error) {
  const PinoPart *part = &answer->transfer->part;
  if (part->total < 0 || (guint64)part->total == part->have) {
    tell_progress(answer, TRUE);
    return PINO_TRANSFER_DONE;
  }
  g_autofree char *shown = pino_naming_show_url(answer->transfer->url);
  answer->stale = part->have > (guint64)part->total;
  g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK,
              "the connection was cut after %" G_GUINT64_FORMAT " of %" G_GINT64_FORMAT " bytes: %s",
              part->have, part->total, shown);
  return PINO_TRANSFER_RETRY;
}

static PinoTransferEnd judge(Answer *answer, CURLcode code, const char *detail, GError **error) {
  long status = status_of(answer);
  if (!pino_storage_go_on(answer->transfer->cancellable, error))
    return PINO_TRANSFER_FAILED;
  if (answer->error == NULL && code == CURLE_OK && status < 300)
    begin(answer);
  if (answer->error != NULL) {
    g_propagate_error(error, g_steal_pointer(&answer->error));
    return PINO_TRANSFER_FAILED;
  }
  if (answer->stale) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "the file on the server changed: %s",
                answer->transfer->url);
    return PINO_TRANSFER_RETRY;
  }
  if (status >= 300 && (code == CURLE_OK || code == CURLE_WRITE_ERROR))
    return judge_status(answer, status, error);
  const PinoPart *part = &answer->transfer->part;
  gboolean short_body = code == CURLE_PARTIAL_FILE && part->total >= 0 && part->have < (guint64)part->total;
  return code == CURLE_OK || short_body ? judge_body(answer, error) : judge_code(answer, code, detail, error);
}

PinoTransferEnd pino_transfer_try(PinoTransfer *transfer, GError **error) {
  g_autoptr(CURL) easy = curl_ready() == 1 ? curl_easy_init() : NULL;
  char detail[CURL_ERROR_SIZE] = "";
  transfer->retry_after_ms = 0;
  transfer->unresolved = FALSE;
  if (easy == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED,
                        "libcurl does not start; check its installation");
    return PINO_TRANSFER_FAILED;
  }
  g_auto(Answer) answer = {.transfer = transfer, .easy = easy, .range_start = -1, .range_total = -1};
  PinoTransferEnd end = judge(&answer, perform(&answer, detail), detail, error);
  if (!answer.stale)
    return end;
  g_autoptr(GError) failed = NULL;
  if (pino_part_restart(&transfer->part, -1, NULL, NULL, &failed))
    return end;
  g_clear_error(error);
  g_propagate_error(error, g_steal_pointer(&failed));
  return PINO_TRANSFER_FAILED;
}
