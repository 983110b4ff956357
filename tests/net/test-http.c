/* Requests over real sockets to a server in this process. */
#include "net/http.h"

#include "base/error.h"
#include "test_server.h"

#include <string.h>

static PinoHttpRequest *request_to(TestServer *server, const char *method, const char *path) {
  g_autofree char *url = test_server_url(server, path);
  return pino_http_request_new(method, url);
}

static PinoHttpResponse *get(TestServer *server, const char *path, GError **error) {
  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", path);
  return pino_http_send(request, NULL, error);
}

static char *body_of(PinoHttpResponse *response) {
  gsize length = 0;
  const char *data = g_bytes_get_data(response->body, &length);
  return g_strndup(data != NULL ? data : "", length);
}

static void assert_body(PinoHttpResponse *response, const char *expected) {
  g_autofree char *body = body_of(response);
  g_assert_cmpstr(body, ==, expected);
}

static void assert_body_has(PinoHttpResponse *response, const char *part, gboolean expected) {
  g_autofree char *body = body_of(response);
  if ((strstr(body, part) != NULL) != expected)
    g_error("%s '%s' in: %s", expected ? "no" : "unexpected", part, body);
}

static void assert_words(GError *error, PinoError code, const char *part) {
  g_assert_error(error, PINO_ERROR, (int)code);
  if (strstr(error->message, part) == NULL)
    g_error("'%s' is not in '%s'", part, error->message);
}

static void test_ok(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpResponse) response = get(server, "/hello", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(response->status, ==, 200);
  g_assert_cmpstr(response->status_text, ==, "OK");
  g_assert_false(response->redirected);
  g_assert_cmpstr(pino_http_response_header(response, "content-type"), ==, "text/plain");
  assert_body(response, "hello");
}

static void test_not_found_is_an_answer(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpResponse) response = get(server, "/missing", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(response->status, ==, 404);
  g_assert_cmpstr(response->status_text, ==, "Not So");
  assert_body(response, "nothing here");
}

static void test_headers(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpResponse) response = get(server, "/headers", &error);
  g_assert_no_error(error);
  g_autoptr(GString) cookies = g_string_new(NULL);
  for (char **pair = response->headers; pair[0] != NULL; pair += 2)
    if (strcmp(pair[0], "set-cookie") == 0)
      g_string_append_printf(cookies, "%s;", pair[1]);
  g_assert_cmpstr(cookies->str, ==, "a=1;b=2;");
  g_assert_cmpstr(pino_http_response_header(response, "x-one"), ==, "1");

  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", "/echo");
  pino_http_request_add_header(request, "X-Mine", "yes");
  pino_http_request_add_header(request, "X-Empty", "");
  g_autoptr(PinoHttpResponse) echo = pino_http_send(request, NULL, &error);
  g_assert_no_error(error);
  assert_body_has(echo, "X-Mine: yes\n", TRUE);
  assert_body_has(echo, "X-Empty:", TRUE);
  assert_body_has(echo, "User-Agent: pinokiocloud/", TRUE);
}

static void test_body_goes_and_comes(void) {
  g_autoptr(TestServer) server = test_server_new();
  const char *methods[] = {"POST", "PUT", "PATCH", "DELETE"};
  for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoHttpRequest) request = request_to(server, methods[i], "/echo");
    request->body = g_bytes_new_static("one\0two", 7);
    g_autoptr(PinoHttpResponse) response = pino_http_send(request, NULL, &error);
    g_assert_no_error(error);
    gsize length = 0;
    const char *data = g_bytes_get_data(response->body, &length);
    g_assert_true(g_str_has_prefix(data, methods[i]));
    g_assert_cmpmem(data + length - 7, 7, "one\0two", 7);
    assert_body_has(response, "Content-Length: 7\n", TRUE);
    assert_body_has(response, "Content-Type", FALSE);
    assert_body_has(response, "Expect", FALSE);
  }
}

static void test_post_without_body(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpRequest) request = request_to(server, "POST", "/echo");
  g_autoptr(PinoHttpResponse) response = pino_http_send(request, NULL, &error);
  g_assert_no_error(error);
  assert_body_has(response, "POST\n", TRUE);
  assert_body_has(response, "Content-Length: 0\n", TRUE);
}

static void test_head(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpRequest) request = request_to(server, "HEAD", "/hello");
  g_autoptr(PinoHttpResponse) response = pino_http_send(request, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(pino_http_response_header(response, "content-length"), ==, "5");
  assert_body(response, "");
}

static void test_gzip(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpResponse) response = get(server, "/gzip", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_bytes_get_size(response->body), ==, 8000);
  assert_body_has(response, "squeezedsqueezed", TRUE);
}

static void test_redirect(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autofree char *landing = test_server_url(server, "/hello");
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpResponse) response = get(server, "/to/302/hello", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(response->status, ==, 200);
  g_assert_cmpstr(response->url, ==, landing);
  g_assert_true(response->redirected);
  assert_body(response, "hello");

  g_autoptr(PinoHttpRequest) manual = request_to(server, "GET", "/to/302/hello");
  manual->max_redirects = 0;
  g_autoptr(PinoHttpResponse) itself = pino_http_send(manual, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(itself->status, ==, 302);
  g_assert_cmpstr(pino_http_response_header(itself, "location"), ==, "/hello");
}

static void test_redirect_methods(void) {
  static const struct {
    const char *method, *path, *arrives_as;
    gboolean with_body;
  } cases[] = {
      {"POST", "/to/301/echo", "GET\n", FALSE}, {"POST", "/to/302/echo", "GET\n", FALSE},
      {"PUT", "/to/302/echo", "PUT\n", TRUE},   {"PUT", "/to/303/echo", "GET\n", FALSE},
      {"POST", "/to/307/echo", "POST\n", TRUE}, {"POST", "/to/308/echo", "POST\n", TRUE},
  };
  g_autoptr(TestServer) server = test_server_new();
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoHttpRequest) request = request_to(server, cases[i].method, cases[i].path);
    pino_http_request_add_header(request, "Content-Type", "text/x-test");
    request->body = g_bytes_new_static("the body", 8);
    g_autoptr(PinoHttpResponse) response = pino_http_send(request, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *body = body_of(response);
    g_assert_true(g_str_has_prefix(body, cases[i].arrives_as));
    assert_body_has(response, "the body", cases[i].with_body);
    assert_body_has(response, "text/x-test", cases[i].with_body);
  }
}

/* A token must not follow a redirect to somebody else's server. */
static void test_credentials_stay_home(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(TestServer) other = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autofree char *elsewhere = test_server_url(other, "/echo");
  g_autofree char *path = g_strconcat("/to/302/", elsewhere, NULL);
  const char *paths[] = {"/to/302/echo", path};
  for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
    g_autoptr(PinoHttpRequest) request = request_to(server, "GET", paths[i]);
    pino_http_request_add_header(request, "Authorization", "Bearer secret");
    pino_http_request_add_header(request, "X-Kept", "1");
    g_autoptr(PinoHttpResponse) response = pino_http_send(request, NULL, &error);
    g_assert_no_error(error);
    assert_body_has(response, "secret", i == 0);
    assert_body_has(response, "X-Kept", TRUE);
  }
}

static void test_redirect_loop(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_assert_null(get(server, "/loop", &error));
  assert_words(error, PINO_ERROR_NETWORK, "more than 20 redirects");
}

static void test_too_large(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", "/big");
  request->max_body = 999999;
  g_assert_null(pino_http_send(request, NULL, &error));
  assert_words(error, PINO_ERROR_LIMIT, "longer than 999999 bytes");
  g_clear_error(&error);
  request->max_body = 1000000;
  g_autoptr(PinoHttpResponse) response = pino_http_send(request, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_bytes_get_size(response->body), ==, 1000000);
}

static void test_timeout(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", "/silent");
  request->timeout_ms = 100;
  g_assert_null(pino_http_send(request, NULL, &error));
  assert_words(error, PINO_ERROR_NETWORK, "did not answer within 0.1 seconds");
}

static void test_cut_off(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_assert_null(get(server, "/cut", &error));
  assert_words(error, PINO_ERROR_NETWORK, "in the middle of its answer");
}

static void test_refused(void) {
  TestServer *server = test_server_new();
  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", "/hello?token=secret");
  test_server_free(server);
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_http_send(request, NULL, &error));
  assert_words(error, PINO_ERROR_NETWORK, "cannot connect to 127.0.0.1:");
  assert_words(error, PINO_ERROR_NETWORK, "refused");
  g_assert_null(strstr(error->message, "secret"));
}

static void test_unresolvable(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpRequest) request = pino_http_request_new(NULL, "http://pinokiocloud-test.invalid/x");
  g_assert_null(pino_http_send(request, NULL, &error));
  assert_words(error, PINO_ERROR_NETWORK,
               "cannot resolve the host pinokiocloud-test.invalid: check the name and the network");
}

static void test_refuses_nonsense(void) {
  static const struct {
    const char *method, *url, *header, *words;
  } cases[] = {
      {"GET", "ftp://127.0.0.1/x", NULL, "not an http: or https: address"},
      {"GET", "file:///etc/passwd", NULL, "not an http: or https: address"},
      {"GET", "http://", NULL, "not an http: or https: address"},
      {"GE T", "http://127.0.0.1/", NULL, "not an HTTP method"},
      {"GET", "http://127.0.0.1/", "a\r\nX-Forged: 1", "characters that cannot be sent"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoHttpRequest) request = pino_http_request_new(cases[i].method, cases[i].url);
    if (cases[i].header != NULL)
      pino_http_request_add_header(request, "X-Test", cases[i].header);
    g_assert_null(pino_http_send(request, NULL, &error));
    assert_words(error, PINO_ERROR_USAGE, cases[i].words);
  }
}

/* A redirect must not lead to the machine's files. */
static void test_redirect_to_file(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", "/to/302file:///etc/hostname");
  g_assert_null(pino_http_send(request, NULL, &error));
  assert_words(error, PINO_ERROR_USAGE, "not an http: or https: address");
}

typedef struct {
  PinoHttpResponse *response;
  GError *error;
  GThread *thread;
  gboolean done;
} Finished;

static void on_sent(GObject *source, GAsyncResult *result, gpointer data) {
  Finished *finished = data;
  finished->response = pino_http_send_finish(result, &finished->error);
  finished->thread = g_thread_self();
  finished->done = TRUE;
}

static void test_async(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  PinoHttpRequest *request = request_to(server, "GET", "/hello");
  Finished finished = {0};
  pino_http_send_async(request, NULL, on_sent, &finished);
  pino_http_request_free(request);
  while (!finished.done)
    g_main_context_iteration(context, TRUE);
  g_main_context_pop_thread_default(context);
  g_assert_no_error(finished.error);
  g_assert_true(finished.thread == g_thread_self());
  assert_body(finished.response, "hello");
  pino_http_response_free(finished.response);
}

static void test_cancel(gconstpointer path) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(PinoHttpRequest) request = request_to(server, "GET", path);
  Finished finished = {0};
  pino_http_send_async(request, cancellable, on_sent, &finished);
  while (test_server_waiting(server) == 0)
    g_thread_yield();
  gint64 start = g_get_monotonic_time();
  g_cancellable_cancel(cancellable);
  while (!finished.done)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC / 2);
  assert_words(finished.error, PINO_ERROR_CANCELLED, "cancelled");
  g_clear_error(&finished.error);
}

static void test_cancelled_before(void) {
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(PinoHttpRequest) request = pino_http_request_new("GET", "http://127.0.0.1:1/");
  g_autoptr(GError) error = NULL;
  g_cancellable_cancel(cancellable);
  g_assert_null(pino_http_send(request, cancellable, &error));
  assert_words(error, PINO_ERROR_CANCELLED, "cancelled");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/net/answer", test_ok);
  g_test_add_func("/net/404-is-an-answer", test_not_found_is_an_answer);
  g_test_add_func("/net/headers-go-and-come", test_headers);
  g_test_add_func("/net/body-goes-and-comes", test_body_goes_and_comes);
  g_test_add_func("/net/post-without-body", test_post_without_body);
  g_test_add_func("/net/head", test_head);
  g_test_add_func("/net/gzip-is-decoded", test_gzip);
  g_test_add_func("/net/redirect", test_redirect);
  g_test_add_func("/net/redirect-keeps-or-drops-the-body", test_redirect_methods);
  g_test_add_func("/net/redirect-leaves-credentials-home", test_credentials_stay_home);
  g_test_add_func("/net/redirect-loop", test_redirect_loop);
  g_test_add_func("/net/redirect-to-a-file-is-refused", test_redirect_to_file);
  g_test_add_func("/net/too-large", test_too_large);
  g_test_add_func("/net/time-out", test_timeout);
  g_test_add_func("/net/cut-off", test_cut_off);
  g_test_add_func("/net/refused", test_refused);
  g_test_add_func("/net/unresolvable", test_unresolvable);
  g_test_add_func("/net/refuses-nonsense", test_refuses_nonsense);
  g_test_add_func("/net/async-answers-in-the-callers-context", test_async);
  g_test_add_data_func("/net/cancel-while-silent", "/silent", test_cancel);
  g_test_add_data_func("/net/cancel-while-slow", "/slow", test_cancel);
  g_test_add_func("/net/cancelled-before", test_cancelled_before);
  return g_test_run();
}
