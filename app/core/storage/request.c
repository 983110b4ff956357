#include "storage/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "storage/naming.h"

#define MAX_REDIRECTS 20u
#define CONNECT_SECONDS 30L
/* Less than a byte a second for a minute is a dead connection. */
#define STALL_SECONDS 60L
#define RECEIVE_BUFFER (256L * 1024)

/* What a caller may have given that tells no other host a secret. */
static const char *const HARMLESS[] = {"accept", "accept-language", "user-agent"};

/* Files that are compressed themselves: servers often tell that as their encoding. */
static const char *const COMPRESSED[] = {".gz", ".tgz", ".svgz", ".bz2", ".xz", ".zst", ".br", ".z", ".lz4"};

/* Where programs are told about another authority, as curl and Python are. */
static const char *const CA_VARIABLES[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE"};

typedef char CurlText;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CurlText, curl_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLU, curl_url_cleanup)

gboolean pino_request_ready(GError **error) {
  static gsize ready = 0;
  if (g_once_init_enter(&ready)) {
    gsize result = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 1 : 2;
    g_once_init_leave(&ready, result);
  }
  if (ready != 1)
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED,
                        "libcurl does not start; check its installation");
  return ready == 1;
}

/* "scheme://host:port", or NULL. */
static char *origin_of(const char *url) {
  g_autoptr(CURLU) parts = curl_url();
  g_autoptr(CurlText) scheme = NULL;
  g_autoptr(CurlText) host = NULL;
  g_autoptr(CurlText) port = NULL;
  if (parts == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return NULL;
  g_autofree char *lower = g_ascii_strdown(host, -1);
  return g_strdup_printf("%s://%s:%s", scheme, lower, port);
}

static gboolean same_origin(const char *a, const char *b) {
  g_autofree char *one = origin_of(a);
  g_autofree char *other = origin_of(b);
  return one != NULL && other != NULL && g_str_equal(one, other);
}

static gboolean harmless(const char *line) {
  gsize len = strcspn(line, ":;");
  for (gsize i = 0; i < G_N_ELEMENTS(HARMLESS); i++)
    if (len == strlen(HARMLESS[i]) && g_ascii_strncasecmp(line, HARMLESS[i], len) == 0)
      return TRUE;
  return FALSE;
}

gboolean pino_request_decodes(const char *url) {
  g_autofree char *name = pino_naming_from_url(url);
  g_autofree char *lower = name != NULL ? g_ascii_strdown(name, -1) : NULL;
  for (gsize i = 0; lower != NULL && i < G_N_ELEMENTS(COMPRESSED); i++)
    if (g_str_has_suffix(lower, COMPRESSED[i]))
      return FALSE;
  return TRUE;
}

static void add_header(PinoRequest *request, const char *line) {
  struct curl_slist *longer = curl_slist_append(request->headers, line);
  if (longer != NULL)
    request->headers = longer;
}

static void make_headers(PinoRequest *request, gboolean decodes) {
  gboolean home = same_origin(request->url, request->origin);
  g_clear_pointer(&request->headers, curl_slist_free_all);
  for (gsize i = 0; request->given != NULL && request->given[i] != NULL; i++)
    if (home || harmless(request->given[i]))
      add_header(request, request->given[i]);
  if (request->only_if != NULL)
    add_header(request, request->only_if);
  if (!decodes)
    add_header(request, "Accept-Encoding: identity");
}

/* Sets what depends on where it goes. An encoding is never asked for, but decoded when it comes all the same. */
static void aim(PinoRequest *request) {
  gboolean decodes = pino_request_decodes(request->url);
  make_headers(request, decodes);
  pino_answer_clear(&request->answer);
  request->detail[0] = '\0';
  curl_easy_setopt(request->easy, CURLOPT_URL, request->url);
  curl_easy_setopt(request->easy, CURLOPT_RANGE, request->range);
  curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
  curl_easy_setopt(request->easy, CURLOPT_ACCEPT_ENCODING, decodes ? "identity" : NULL);
}

static void only_web(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void trust(CURL *easy) {
  for (gsize i = 0; i < G_N_ELEMENTS(CA_VARIABLES); i++) {
    const char *file = g_getenv(CA_VARIABLES[i]);
    if (file == NULL || !g_file_test(file, G_FILE_TEST_IS_REGULAR))
      continue;
    curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    return;
  }
}

gboolean pino_request_init(PinoRequest *request, const PinoRequestSinks *sinks) {
  CURL *easy = curl_easy_init();
  *request = (PinoRequest){.easy = easy, .answer = PINO_ANSWER_NONE};
  if (easy == NULL)
    return FALSE;
  only_web(easy);
  trust(easy);
  /* Over HTTP/2 all would go through one connection, and a limit for each connection holds for the sum. */
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->detail);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_SHARE, sinks->share);
  curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "PinokioCloud");
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, sinks->on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, sinks->data);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, sinks->on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, sinks->data);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, sinks->data);
  return TRUE;
}

void pino_request_clear(PinoRequest *request) {
  if (request->easy != NULL)
    curl_easy_cleanup(request->easy);
  curl_slist_free_all(request->headers);
  g_free(request->url);
  g_free(request->origin);
  g_strfreev(request->given);
  g_free(request->range);
  g_free(request->only_if);
  pino_answer_clear(&request->answer);
  *request = (PinoRequest){.answer = PINO_ANSWER_NONE};
}

static char *range_of(const PinoAsk *ask) {
  if (!ask->ranged)
    return NULL;
  if (ask->to == G_MAXUINT64)
    return g_strdup_printf("%" G_GUINT64_FORMAT "-", ask->from);
  return g_strdup_printf("%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, ask->from, ask->to - 1);
}

void pino_request_set(PinoRequest *request, const PinoAsk *ask) {
  g_free(request->url);
  request->url = g_strdup(ask->url);
  g_free(request->origin);
  request->origin = g_strdup(ask->origin);
  g_strfreev(request->given);
  request->given = g_strdupv((char **)ask->headers);
  g_free(request->range);
  request->range = range_of(ask);
  g_free(request->only_if);
  gboolean only_if = ask->ranged && ask->version != NULL;
  request->only_if = only_if ? g_strconcat("If-Range: ", ask->version, NULL) : NULL;
  request->secure = ask->secure;
  request->hops = 0;
  aim(request);
}

static gboolean has_scheme(const char *url, const char *scheme) {
  g_autofree char *found = g_uri_parse_scheme(url);
  return found != NULL && g_ascii_strcasecmp(found, scheme) == 0;
}

/* Relative ones are resolved, and what may not stand in a URL is escaped. */
static char *next_url(const PinoRequest *request) {
  g_autoptr(CURLU) parts = curl_url();
  g_autoptr(CurlText) next = NULL;
  const char *location = request->answer.location;
  if (parts == NULL || location == NULL || curl_url_set(parts, CURLUPART_URL, request->url, 0) != CURLUE_OK ||
      curl_url_set(parts, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_URL, &next, 0) != CURLUE_OK)
    return NULL;
  return g_strdup(next);
}

gboolean pino_request_follow(PinoRequest *request, GError **error) {
  long status = pino_request_status(request);
  g_autofree char *next = status >= 300 && status <= 399 ? next_url(request) : NULL;
  if (next == NULL)
    return FALSE;
  if (request->hops == MAX_REDIRECTS) {
    g_autofree char *shown = pino_naming_show_url(request->origin);
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "redirected in a circle (%u times): %s; check the URL",
                MAX_REDIRECTS, shown);
    return FALSE;
  }
  if (request->secure && has_scheme(request->url, "https") && !has_scheme(next, "https")) {
    g_autofree char *shown = pino_naming_show_url(request->origin);
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK,
                "%s redirects to an address without https: not followed", shown);
    return FALSE;
  }
  g_free(request->url);
  request->url = g_steal_pointer(&next);
  request->hops++;
  aim(request);
  return TRUE;
}

long pino_request_status(const PinoRequest *request) {
  long status = 0;
  curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

gint64 pino_request_length(const PinoRequest *request) {
  curl_off_t length = -1;
  curl_easy_getinfo(request->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return length;
}
