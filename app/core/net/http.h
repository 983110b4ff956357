/* The room `net`: HTTP and HTTPS requests whose answer fits in memory.
 *
 * One request is one transfer of libcurl with its own connection; it may be sent from any thread, and nothing
 * is shared between requests. Redirects are followed here and not by libcurl, by the rules of fetch: a 303, and
 * a 301 or 302 after a POST, goes on as GET; credentials are not carried to another origin. gzip, deflate and
 * brotli are decoded. Only http: and https: are spoken. The usual http_proxy, https_proxy and no_proxy of the
 * environment are heeded.
 *
 * No message contains the address's path or query, which may hold a token; it names the host.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* All fields may be changed between pino_http_request_new() and sending. Strings and arrays are owned. */
typedef struct {
  char *method;
  char *url;
  char **headers;      /* "Name: value" each; may be NULL */
  GBytes *body;        /* may be NULL */
  char *user_agent;    /* used where headers have no User-Agent */
  guint timeout_ms;    /* for the whole exchange, redirects included; 0 is none */
  guint max_redirects; /* 20 by default; 0 gives back the redirecting answer itself */
  gsize max_body;      /* bytes after decoding, 1 GiB by default; more is PINO_ERROR_LIMIT */
} PinoHttpRequest;

typedef struct {
  guint status;
  char *status_text; /* "" where the server sent none (HTTP/2) */
  char *url;         /* of the last request, after redirects */
  gboolean redirected;
  char **headers; /* name, value, name, value, ..., NULL; names in lower case, in the order they came */
  GBytes *body;   /* never NULL */
} PinoHttpResponse;

/* A request with the defaults above. method NULL means GET. */
PinoHttpRequest *pino_http_request_new(const char *method, const char *url);
PinoHttpRequest *pino_http_request_copy(const PinoHttpRequest *request);
void pino_http_request_free(PinoHttpRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoHttpRequest, pino_http_request_free)

/* Adds one header. */
void pino_http_request_add_header(PinoHttpRequest *request, const char *name, const char *value);

void pino_http_response_free(PinoHttpResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoHttpResponse, pino_http_response_free)

/* The first header of that (lower-case) name, or NULL. Owned by the response. */
const char *pino_http_response_header(const PinoHttpResponse *response, const char *name);

/* Sends and waits for the whole answer; blocks its thread. A status of 400 or more is an answer and no error.
 * Cancelling from another thread ends it at once. Errors: PINO_ERROR_NETWORK, PINO_ERROR_USAGE (not an http
 * address, a header that cannot be sent), PINO_ERROR_LIMIT, PINO_ERROR_CANCELLED. */
PinoHttpResponse *pino_http_send(const PinoHttpRequest *request, GCancellable *cancellable, GError **error);

/* The same in a thread of its own; callback is called in the thread-default main context of the caller. The
 * request is copied. */
void pino_http_send_async(const PinoHttpRequest *request, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data);
PinoHttpResponse *pino_http_send_finish(GAsyncResult *result, GError **error);

G_END_DECLS
