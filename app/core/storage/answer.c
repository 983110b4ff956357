#include "storage/answer.h"

#include <string.h>
#include <time.h>

#include "base/error.h"

#define MAX_RETRY_AFTER_S 600

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
    CURLE_URL_MALFORMAT,        CURLE_UNSUPPORTED_PROTOCOL,
    CURLE_OUT_OF_MEMORY,        CURLE_PEER_FAILED_VERIFICATION,
    CURLE_SSL_CACERT_BADFILE,   CURLE_SSL_CERTPROBLEM,
    CURLE_BAD_CONTENT_ENCODING,
};

void pino_answer_clear(PinoAnswer *answer) {
  g_free(answer->etag);
  g_free(answer->modified);
  g_free(answer->disposition);
  g_free(answer->retry_after);
  g_free(answer->encoding);
  g_free(answer->location);
  *answer = PINO_ANSWER_NONE;
}

static void keep(char **field, const char *value) {
  g_free(*field);
  *field = g_strdup(value);
}

static void read_etag(PinoAnswer *answer, const char *value) {
  keep(&answer->etag, g_str_has_prefix(value, "W/") ? NULL : value);
}

static void read_modified(PinoAnswer *answer, const char *value) {
  keep(&answer->modified, value);
}

static void read_disposition(PinoAnswer *answer, const char *value) {
  keep(&answer->disposition, value);
}

static void read_retry_after(PinoAnswer *answer, const char *value) {
  keep(&answer->retry_after, value);
}

static void read_location(PinoAnswer *answer, const char *value) {
  keep(&answer->location, value);
}

static void read_encoding(PinoAnswer *answer, const char *value) {
  keep(&answer->encoding, g_ascii_strcasecmp(value, "identity") == 0 || value[0] == '\0' ? NULL : value);
}

static void read_range(PinoAnswer *answer, const char *value) {
  const char *at = value + strcspn(value, "0123456789*");
  if (*at != '*' && *at != '\0')
    answer->range_start = g_ascii_strtoll(at, NULL, 10);
  const char *slash = strchr(at, '/');
  if (slash != NULL && g_ascii_isdigit(slash[1]))
    answer->range_total = g_ascii_strtoll(slash + 1, NULL, 10);
}

static const struct {
  const char *name;
  void (*read)(PinoAnswer *answer, const char *value);
} FIELDS[] = {
    {"etag", read_etag},
    {"last-modified", read_modified},
    {"content-disposition", read_disposition},
    {"retry-after", read_retry_after},
    {"content-encoding", read_encoding},
    {"location", read_location},
    {"content-range", read_range},
};

void pino_answer_read(PinoAnswer *answer, const char *data, gsize len) {
  g_autofree char *line = g_strstrip(g_strndup(data, len));
  if (g_str_has_prefix(line, "HTTP/"))
    pino_answer_clear(answer);
  char *colon = strchr(line, ':');
  if (colon == NULL)
    return;
  *colon = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS(FIELDS); i++)
    if (g_ascii_strcasecmp(line, FIELDS[i].name) == 0)
      FIELDS[i].read(answer, g_strchug(colon + 1));
}

gboolean pino_answer_has_version(const PinoAnswer *answer) {
  return answer->etag != NULL || answer->modified != NULL;
}

gboolean pino_answer_differs(const PinoAnswer *answer, const char *etag, const char *modified) {
  if (answer->etag != NULL && etag != NULL)
    return !g_str_equal(answer->etag, etag);
  return answer->modified != NULL && modified != NULL && !g_str_equal(answer->modified, modified);
}

guint pino_answer_retry_after_ms(const PinoAnswer *answer) {
  const char *value = answer->retry_after;
  if (value == NULL)
    return 0;
  gint64 seconds = g_ascii_isdigit(value[0]) ? g_ascii_strtoll(value, NULL, 10)
                                             : (gint64)curl_getdate(value, NULL) - (gint64)time(NULL);
  return (guint)CLAMP(seconds, 0, MAX_RETRY_AFTER_S) * 1000;
}

gboolean pino_answer_judge_status(long status, const char *shown, GError **error) {
  const char *words = "refused by the server";
  for (gsize i = 0; i < G_N_ELEMENTS(STATUS_WORDS); i++)
    if (STATUS_WORDS[i].status == status)
      words = STATUS_WORDS[i].words;
  gboolean missing = status == 404 || status == 410;
  g_set_error(error, PINO_ERROR, missing ? PINO_ERROR_NOT_FOUND : PINO_ERROR_NETWORK, "%ld %s: %s", status,
              words, shown);
  return status >= 500 || status == 408 || status == 429;
}

gboolean pino_answer_judge_code(CURLcode code, const char *detail, const char *shown, GError **error) {
  const char *plain = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  for (gsize i = 0; i < G_N_ELEMENTS(HOPELESS); i++)
    if (HOPELESS[i] == code) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "cannot download (%s): %s", plain, shown);
      return FALSE;
    }
  if (code == CURLE_COULDNT_RESOLVE_HOST)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK,
                "the host does not resolve; check its name and the network: %s", shown);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "the connection failed (%s): %s", plain, shown);
  return TRUE;
}
