#include "net/http.h"

#include "base/error.h"

#include <curl/curl.h>
#include <string.h>

#define DEFAULT_REDIRECTS 20u
#define DEFAULT_MAX_BODY (1024u * 1024u * 1024u)
#define CONNECT_TIMEOUT_MS 30000L
/* Only bounds how long a missed wake-up could go unnoticed; every real event wakes the poll. */
#define POLL_MS 1000

typedef struct {
  const PinoHttpRequest *request;
  GCancellable *cancellable;
  gint64 deadline; /* monotonic microseconds, 0 is none */
  CURL *easy;
  CURLM *multi;
  char problem[CURL_ERROR_SIZE];

  /* what the present hop asks for */
  const char *method;
  char *url;
  char *host;
  gboolean with_body;
  gboolean foreign; /* a redirect led to another origin */
  struct curl_slist *headers;

  /* what the present hop has received */
  char *status_text;
  GPtrArray *received;
  GByteArray *body;
  gboolean too_large;
} Transfer;

/* --- requests and responses ----------------------------------------------------------------------------- */

PinoHttpRequest *pino_http_request_new(const char *method, const char *url) {
  PinoHttpRequest *request = g_new0(PinoHttpRequest, 1);
  request->method = g_strdup(method != NULL ? method : "GET");
  request->url = g_strdup(url);
  request->user_agent = g_strdup("pinokiocloud/" PINO_VERSION);
  request->max_redirects = DEFAULT_REDIRECTS;
  request->max_body = DEFAULT_MAX_BODY;
  return request;
}

PinoHttpRequest *pino_http_request_copy(const PinoHttpRequest *request) {
  PinoHttpRequest *copy = g_memdup2(request, sizeof *request);
  copy->method = g_strdup(request->method);
  copy->url = g_strdup(request->url);
  copy->headers = g_strdupv(request->headers);
  copy->body = request->body != NULL ? g_bytes_ref(request->body) : NULL;
  copy->user_agent = g_strdup(request->user_agent);
  return copy;
}

void pino_http_request_free(PinoHttpRequest *request) {
  if (request == NULL)
    return;
  g_free(request->method);
  g_free(request->url);
  g_strfreev(request->headers);
  g_clear_pointer(&request->body, g_bytes_unref);
  g_free(request->user_agent);
  g_free(request);
}

void pino_http_request_add_header(PinoHttpRequest *request, const char *name, const char *value) {
  guint count = request->headers != NULL ? g_strv_length(request->headers) : 0;
  request->headers = g_renew(char *, request->headers, count + 2);
  request->headers[count] = g_strdup_printf("%s: %s", name, value);
  request->headers[count + 1] = NULL;
}

void pino_http_response_free(PinoHttpResponse *response) {
  if (response == NULL)
    return;
  g_free(response->status_text);
  g_free(response->url);
  g_strfreev(response->headers);
  g_clear_pointer(&response->body, g_bytes_unref);
  g_free(response);
}

const char *pino_http_response_header(const PinoHttpResponse *response, const char *name) {
  for (char **pair = response->headers; pair[0] != NULL; pair += 2)
    if (strcmp(pair[0], name) == 0)
      return pair[1];
  return NULL;
}

/* --- receiving ------------------------------------------------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *user) {
  Transfer *transfer = user;
  size_t length = size * count;
  if (length > MIN(transfer->request->max_body, G_MAXINT) - transfer->body->len) {
    transfer->too_large = TRUE;
    return 0;
  }
  g_byte_array_append(transfer->body, (const guint8 *)data, (guint)length);
  return length;
}

/* "HTTP/1.1 404 Not Found" gives "Not Found". */
static char *status_text(const char *line) {
  const char *code = strchr(line, ' ');
  const char *text = code != NULL ? strchr(code + 1, ' ') : NULL;
  return g_strdup(text != NULL ? text + 1 : "");
}

static void add_received(Transfer *transfer, const char *line) {
  const char *colon = strchr(line, ':');
  if (colon == NULL)
    return;
  g_autofree char *name = g_strndup(line, (gsize)(colon - line));
  g_ptr_array_add(transfer->received, g_ascii_strdown(g_strstrip(name), -1));
  g_ptr_array_add(transfer->received, g_strstrip(g_strdup(colon + 1)));
}

static size_t on_header(char *data, size_t size, size_t count, void *user) {
  Transfer *transfer = user;
  g_autofree char *line = g_strndup(data, size * count);
  g_strchomp(line);
  if (g_str_has_prefix(line, "HTTP/")) {
    /* An interim answer (100, 103) came before this one: its headers are not the answer's. */
    g_ptr_array_set_size(transfer->received, 0);
    g_free(transfer->status_text);
    transfer->status_text = status_text(line);
  } else {
    add_received(transfer, line);
  }
  return size * count;
}

/* --- asking --------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  gboolean credential; /* not for another origin */
  gboolean content;    /* speaks of a body */
} HeaderRule;

static const HeaderRule header_rules[] = {
    {"authorization", TRUE, FALSE},       {"cookie", TRUE, FALSE},
    {"proxy-authorization", TRUE, FALSE}, {"host", TRUE, FALSE},
    {"content-type", FALSE, TRUE},        {"content-length", FALSE, TRUE},
    {"content-encoding", FALSE, TRUE},    {"content-language", FALSE, TRUE},
    {"content-location", FALSE, TRUE},
};

static gboolean header_is(const char *line, const char *name) {
  gsize length = strlen(name);
  return g_ascii_strncasecmp(line, name, length) == 0 && line[length] == ':';
}

static gboolean header_applies(const Transfer *transfer, const char *line) {
  gboolean body_dropped = transfer->request->body != NULL && !transfer->with_body;
  for (gsize i = 0; i < G_N_ELEMENTS(header_rules); i++) {
    if (!header_is(line, header_rules[i].name))
      continue;
    /* libcurl counts the body itself; a second, different length would break the exchange. */
    if (strcmp(header_rules[i].name, "content-length") == 0)
      return FALSE;
    return !(header_rules[i].credential && transfer->foreign) && !(header_rules[i].content && body_dropped);
  }
  return TRUE;
}

static gboolean has_header(const PinoHttpRequest *request, const char *name) {
  for (char **line = request->headers; line != NULL && *line != NULL; line++)
    if (header_is(*line, name))
      return TRUE;
  return FALSE;
}

/* libcurl takes "Name:" as "leave it out" and wants "Name;" for a header without value. */
static void append_header(Transfer *transfer, const char *line) {
  const char *colon = strchr(line, ':');
  if (colon != NULL && colon[1 + strspn(colon + 1, " \t")] == '\0') {
    g_autofree char *empty = g_strdup_printf("%.*s;", (int)(colon - line), line);
    transfer->headers = curl_slist_append(transfer->headers, empty);
  } else {
    transfer->headers = curl_slist_append(transfer->headers, line);
  }
}

static void prepare_headers(Transfer *transfer) {
  const PinoHttpRequest *request = transfer->request;
  g_clear_pointer(&transfer->headers, curl_slist_free_all);
  for (char **line = request->headers; line != NULL && *line != NULL; line++)
    if (header_applies(transfer, *line))
      append_header(transfer, *line);
  /* libcurl would name a form's type of its own accord, and wait for a "100 Continue" that few servers send. */
  if (!has_header(request, "content-type"))
    transfer->headers = curl_slist_append(transfer->headers, "Content-Type:");
  if (!has_header(request, "expect"))
    transfer->headers = curl_slist_append(transfer->headers, "Expect:");
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
  if (request->user_agent != NULL && !has_header(request, "user-agent"))
    curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, request->user_agent);
}

static void prepare_body(Transfer *transfer) {
  CURL *easy = transfer->easy;
  gsize length = 0;
  const char *data = "";
  if (transfer->with_body && transfer->request->body != NULL)
    data = g_bytes_get_data(transfer->request->body, &length);
  gboolean has_content = length > 0 || strcmp(transfer->method, "POST") == 0 ||
                         strcmp(transfer->method, "PUT") == 0 || strcmp(transfer->method, "PATCH") == 0;
  if (strcmp(transfer->method, "HEAD") == 0) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (has_content) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, data != NULL ? data : "");
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
}

static void prepare_limits(Transfer *transfer) {
  CURL *easy = transfer->easy;
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  /* Otherwise a cancelled request waits for the name server. */
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  if (transfer->deadline != 0) {
    gint64 left = (transfer->deadline - g_get_monotonic_time()) / 1000;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)MAX(left, 1));
  }
}

static void prepare_hop(Transfer *transfer) {
  CURL *easy = transfer->easy;
  curl_easy_reset(easy);
  g_ptr_array_set_size(transfer->received, 0);
  g_byte_array_set_size(transfer->body, 0);
  transfer->problem[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  prepare_limits(transfer);
  prepare_body(transfer);
  prepare_headers(transfer);
}

/* --- errors in words ------------------------------------------------------------------------------------ */

typedef struct {
  CURLcode code;
  PinoError kind;
  const char *form;    /* one %s: the host */
  gboolean with_cause; /* libcurl's own words follow */
} Words;

static const Words words[] = {
    {CURLE_COULDNT_RESOLVE_HOST, PINO_ERROR_NETWORK,
     "cannot resolve the host %s: check the name and the network", FALSE},
    {CURLE_COULDNT_RESOLVE_PROXY, PINO_ERROR_NETWORK,
     "cannot resolve the proxy on the way to %s: check http_proxy and https_proxy", FALSE},
    {CURLE_PEER_FAILED_VERIFICATION, PINO_ERROR_NETWORK, "the certificate of %s cannot be trusted", TRUE},
    {CURLE_SSL_CONNECT_ERROR, PINO_ERROR_NETWORK, "no TLS connection to %s could be made", TRUE},
    {CURLE_SSL_CACERT_BADFILE, PINO_ERROR_NETWORK,
     "cannot check the certificate of %s: install the package ca-certificates", TRUE},
    {CURLE_GOT_NOTHING, PINO_ERROR_NETWORK, "%s closed the connection without an answer", FALSE},
    {CURLE_PARTIAL_FILE, PINO_ERROR_NETWORK, "%s closed the connection in the middle of its answer", FALSE},
    {CURLE_RECV_ERROR, PINO_ERROR_NETWORK, "the connection to %s broke off", TRUE},
    {CURLE_SEND_ERROR, PINO_ERROR_NETWORK, "the connection to %s broke off", TRUE},
    {CURLE_BAD_CONTENT_ENCODING, PINO_ERROR_NETWORK, "the answer of %s cannot be decoded", TRUE},
    {CURLE_URL_MALFORMAT, PINO_ERROR_USAGE, "cannot ask %s: it is not an http: or https: address", FALSE},
    {CURLE_UNSUPPORTED_PROTOCOL, PINO_ERROR_USAGE, "cannot ask %s: it is not an http: or https: address",
     FALSE},
};

static const char *cause_of(Transfer *transfer, CURLcode code) {
  long os_errno = 0;
  if (code == CURLE_COULDNT_CONNECT &&
      curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK && os_errno != 0)
    return g_strerror((int)os_errno);
  return transfer->problem[0] != '\0' ? transfer->problem : curl_easy_strerror(code);
}

static void set_timed_out(Transfer *transfer, GError **error) {
  gboolean own = transfer->deadline != 0 && g_get_monotonic_time() >= transfer->deadline - 1000;
  g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "%s did not answer within %g seconds", transfer->host,
              (own ? transfer->request->timeout_ms : CONNECT_TIMEOUT_MS) / 1000.0);
}

static void set_curl_error(Transfer *transfer, CURLcode code, GError **error) {
  if (transfer->too_large) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT,
                "the answer of %s is longer than %" G_GSIZE_FORMAT " bytes", transfer->host,
                transfer->request->max_body);
    return;
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    set_timed_out(transfer, error);
    return;
  }
  const Words *found = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(words) && found == NULL; i++)
    if (words[i].code == code)
      found = &words[i];
  g_autoptr(GString) text = g_string_new(found != NULL ? found->form : "cannot connect to %s");
  if (found == NULL && code != CURLE_COULDNT_CONNECT)
    g_string_assign(text, "the request to %s failed");
  g_string_replace(text, "%s", transfer->host, 1);
  if (found == NULL || found->with_cause)
    g_string_append_printf(text, ": %s", cause_of(transfer, code));
  g_set_error_literal(error, PINO_ERROR, found != NULL ? found->kind : PINO_ERROR_NETWORK, text->str);
}

/* --- the exchange --------------------------------------------------------------------------------------- */

static char *url_part(const char *url, CURLUPart part, unsigned int flags) {
  g_autofree char *copy = NULL;
  char *text = NULL;
  CURLU *handle = curl_url();
  if (curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK &&
      curl_url_get(handle, part, &text, flags) == CURLUE_OK)
    copy = g_strdup(text);
  curl_free(text);
  curl_url_cleanup(handle);
  return g_steal_pointer(&copy);
}

static gboolean same_origin(const char *one, const char *other) {
  const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *first = url_part(one, parts[i], CURLU_DEFAULT_PORT);
    g_autofree char *second = url_part(other, parts[i], CURLU_DEFAULT_PORT);
    if (first == NULL || second == NULL || g_ascii_strcasecmp(first, second) != 0)
      return FALSE;
  }
  return TRUE;
}

/* The host with its port where one is given: what a message may show. */
static char *host_of(const char *url) {
  g_autofree char *host = url_part(url, CURLUPART_HOST, 0);
  g_autofree char *port = url_part(url, CURLUPART_PORT, 0);
  if (host == NULL)
    return g_strndup(url, strcspn(url, "?#"));
  return port != NULL ? g_strdup_printf("%s:%s", host, port) : g_steal_pointer(&host);
}

static void go_to(Transfer *transfer, const char *url) {
  char *copy = g_strdup(url);
  g_free(transfer->url);
  transfer->url = copy;
  g_free(transfer->host);
  transfer->host = host_of(copy);
}

static void on_cancelled(GCancellable *cancellable, gpointer multi) {
  curl_multi_wakeup(multi);
}

static gboolean is_cancelled(Transfer *transfer, GError **error) {
  if (!g_cancellable_is_cancelled(transfer->cancellable))
    return FALSE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_CANCELLED, "the request to %s was cancelled", transfer->host);
  return TRUE;
}

/* TRUE with *code set when the transfer has ended. */
static gboolean has_ended(Transfer *transfer, CURLcode *code) {
  int left = 0;
  for (CURLMsg *message; (message = curl_multi_info_read(transfer->multi, &left)) != NULL;) {
    if (message->msg != CURLMSG_DONE)
      continue;
    *code = message->data.result;
    return TRUE;
  }
  return FALSE;
}

static gboolean run_hop(Transfer *transfer, GError **error) {
  CURLcode code = CURLE_OK;
  CURLMcode state = curl_multi_add_handle(transfer->multi, transfer->easy);
  gboolean ended = FALSE;
  while (state == CURLM_OK && !ended && !g_cancellable_is_cancelled(transfer->cancellable)) {
    int running = 0;
    state = curl_multi_perform(transfer->multi, &running);
    ended = has_ended(transfer, &code);
    if (state == CURLM_OK && !ended)
      state = curl_multi_poll(transfer->multi, NULL, 0, POLL_MS, NULL);
  }
  gboolean ok = ended && code == CURLE_OK;
  if (ended && !ok)
    set_curl_error(transfer, code, error);
  else if (!ok && !is_cancelled(transfer, error))
    g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "the request to %s failed: %s", transfer->host,
                curl_multi_strerror(state));
  curl_multi_remove_handle(transfer->multi, transfer->easy);
  return ok;
}

/* Where the answer leads to, or NULL. Owned by libcurl. */
static const char *next_url(Transfer *transfer, long status) {
  char *url = NULL;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
    return NULL;
  curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &url);
  return url;
}

static void follow(Transfer *transfer, long status, const char *url) {
  gboolean post = strcmp(transfer->method, "POST") == 0;
  gboolean safe = strcmp(transfer->method, "GET") == 0 || strcmp(transfer->method, "HEAD") == 0;
  if ((status == 303 && !safe) || ((status == 301 || status == 302) && post)) {
    transfer->method = "GET";
    transfer->with_body = FALSE;
  }
  if (!same_origin(transfer->url, url))
    transfer->foreign = TRUE;
  go_to(transfer, url);
}

static PinoHttpResponse *take_response(Transfer *transfer, long status, gboolean redirected) {
  PinoHttpResponse *response = g_new0(PinoHttpResponse, 1);
  response->status = (guint)status;
  response->status_text = g_steal_pointer(&transfer->status_text);
  if (response->status_text == NULL)
    response->status_text = g_strdup("");
  response->url = g_steal_pointer(&transfer->url);
  response->redirected = redirected;
  g_ptr_array_add(transfer->received, NULL);
  response->headers = (char **)g_ptr_array_free(g_steal_pointer(&transfer->received), FALSE);
  response->body = g_byte_array_free_to_bytes(g_steal_pointer(&transfer->body));
  return response;
}

static PinoHttpResponse *run_hops(Transfer *transfer, GError **error) {
  for (guint hops = 0;; hops++) {
    prepare_hop(transfer);
    if (!run_hop(transfer, error))
      return NULL;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    const char *next = transfer->request->max_redirects > 0 ? next_url(transfer, status) : NULL;
    if (next == NULL)
      return take_response(transfer, status, hops > 0);
    if (hops >= transfer->request->max_redirects) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "more than %u redirects, the last one from %s",
                  transfer->request->max_redirects, transfer->host);
      return NULL;
    }
    follow(transfer, status, next);
  }
}

/* Method and headers are lines of the protocol: a line break in one would forge others. */
static gboolean check_request(const PinoHttpRequest *request, GError **error) {
  static const char token[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "!#$%&'*+-.^_`|~";
  if (request->method[0] == '\0' || request->method[strspn(request->method, token)] != '\0') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is not an HTTP method", request->method);
    return FALSE;
  }
  for (char **line = request->headers; line != NULL && *line != NULL; line++) {
    gsize name = strspn(*line, token);
    if (name > 0 && (*line)[name] == ':' && strpbrk(*line, "\r\n") == NULL)
      continue;
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "the HTTP header '%.*s' has characters that cannot be sent", (int)name, *line);
    return FALSE;
  }
  return TRUE;
}

static gpointer initialise(gpointer unused) {
  return GINT_TO_POINTER((int)curl_global_init(CURL_GLOBAL_DEFAULT) + 1);
}

static gboolean open_transfer(Transfer *transfer, GError **error) {
  static GOnce once = G_ONCE_INIT;
  CURLcode code = (CURLcode)(GPOINTER_TO_INT(g_once(&once, initialise, NULL)) - 1);
  if (code == CURLE_OK) {
    transfer->easy = curl_easy_init();
    transfer->multi = curl_multi_init();
  }
  if (transfer->easy != NULL && transfer->multi != NULL)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_NETWORK, "libcurl cannot start: %s", curl_easy_strerror(code));
  return FALSE;
}

static void close_transfer(Transfer *transfer) {
  g_clear_pointer(&transfer->easy, curl_easy_cleanup);
  g_clear_pointer(&transfer->multi, curl_multi_cleanup);
  g_clear_pointer(&transfer->headers, curl_slist_free_all);
  g_clear_pointer(&transfer->received, g_ptr_array_unref);
  g_clear_pointer(&transfer->body, g_byte_array_unref);
  g_free(transfer->status_text);
  g_free(transfer->url);
  g_free(transfer->host);
}

PinoHttpResponse *pino_http_send(const PinoHttpRequest *request, GCancellable *cancellable, GError **error) {
  g_return_val_if_fail(request != NULL && request->url != NULL && request->method != NULL, NULL);
  if (!check_request(request, error))
    return NULL;
  Transfer transfer = {
      .request = request, .cancellable = cancellable, .method = request->method, .with_body = TRUE};
  if (request->timeout_ms > 0)
    transfer.deadline = g_get_monotonic_time() + (gint64)request->timeout_ms * 1000;
  PinoHttpResponse *response = NULL;
  if (open_transfer(&transfer, error)) {
    transfer.received = g_ptr_array_new_with_free_func(g_free);
    transfer.body = g_byte_array_new();
    go_to(&transfer, request->url);
    gulong watch = 0;
    if (cancellable != NULL)
      watch = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), transfer.multi, NULL);
    if (!is_cancelled(&transfer, error))
      response = run_hops(&transfer, error);
    g_cancellable_disconnect(cancellable, watch);
  }
  close_transfer(&transfer);
  return response;
}

/* --- in a thread ---------------------------------------------------------------------------------------- */

static gpointer send_thread(gpointer data) {
  g_autoptr(GTask) task = data;
  g_autoptr(GError) error = NULL;
  PinoHttpResponse *response =
      pino_http_send(g_task_get_task_data(task), g_task_get_cancellable(task), &error);
  if (response != NULL)
    g_task_return_pointer(task, response, (GDestroyNotify)pino_http_response_free);
  else
    g_task_return_error(task, g_steal_pointer(&error));
  return NULL;
}

/* A thread for each request rather than GTask's pool: slow servers would fill the pool, which GIO's own file
 * operations use too. */
void pino_http_send_async(const PinoHttpRequest *request, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data) {
  GTask *task = g_task_new(NULL, cancellable, callback, data);
  g_autoptr(GError) error = NULL;
  g_task_set_source_tag(task, pino_http_send_async);
  g_task_set_check_cancellable(task, FALSE);
  g_task_set_task_data(task, pino_http_request_copy(request), (GDestroyNotify)pino_http_request_free);
  GThread *thread = g_thread_try_new("pino-http", send_thread, g_object_ref(task), &error);
  if (thread != NULL) {
    g_thread_unref(thread);
  } else {
    g_task_return_new_error(task, PINO_ERROR, PINO_ERROR_NETWORK, "no thread for the request: %s",
                            error->message);
    g_object_unref(task);
  }
  g_object_unref(task);
}

PinoHttpResponse *pino_http_send_finish(GAsyncResult *result, GError **error) {
  g_return_val_if_fail(g_async_result_is_tagged(result, pino_http_send_async), NULL);
  return g_task_propagate_pointer(G_TASK(result), error);
}
