#include "http-server.h"

#include <string.h>

static GHashTable *read_headers(GDataInputStream *in) {
  GHashTable *headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (;;) {
    g_autofree char *line = g_data_input_stream_read_line(in, NULL, NULL, NULL);
    char *colon = line != NULL ? strchr(line, ':') : NULL;
    if (colon == NULL)
      return headers;
    g_hash_table_insert(headers, g_ascii_strdown(line, colon - line), g_strstrip(g_strdup(colon + 1)));
  }
}

static void serve_one(TestHttp *http, GIOStream *stream) {
  g_autoptr(GDataInputStream) in = g_data_input_stream_new(g_io_stream_get_input_stream(stream));
  g_data_input_stream_set_newline_type(in, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  g_autofree char *line = g_data_input_stream_read_line(in, NULL, NULL, NULL);
  if (line == NULL)
    return;
  g_auto(GStrv) words = g_strsplit(line, " ", 3);
  g_autoptr(GHashTable) headers = read_headers(in);
  const TestRequest request = {words[1], headers, (guint)g_atomic_int_add(&http->hits, 1), G_INPUT_STREAM(in),
                               g_io_stream_get_output_stream(stream)};
  http->serve(&request, http->data);
}

static void serve_over_tls(TestHttp *http, GIOStream *plain) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = g_tls_server_connection_new(plain, http->certificate, &error);
  g_assert_no_error(error);
  serve_one(http, stream);
  g_io_stream_close(stream, NULL, NULL);
}

static gboolean on_run(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
                       gpointer data) {
  TestHttp *http = data;
  if (http->certificate != NULL)
    serve_over_tls(http, G_IO_STREAM(connection));
  else
    serve_one(http, G_IO_STREAM(connection));
  g_atomic_int_add(&http->busy, -1);
  return TRUE;
}

/* Before the connection goes to a thread. */
static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data) {
  TestHttp *http = data;
  g_atomic_int_inc(&http->busy);
  return FALSE;
}

static gpointer accept_all(gpointer data) {
  TestHttp *http = data;
  g_main_context_push_thread_default(http->context);
  while (!g_atomic_int_get(&http->stopping))
    g_main_context_iteration(http->context, TRUE);
  g_main_context_pop_thread_default(http->context);
  return NULL;
}

/* The service accepts in the context that is the thread's default when it is made to listen. */
static void begin(TestHttp *http, TestServe serve, gpointer data, GTlsCertificate *certificate) {
  *http = (TestHttp){.service = g_threaded_socket_service_new(64),
                     .context = g_main_context_new(),
                     .serve = serve,
                     .data = data,
                     .certificate = certificate};
  g_autoptr(GError) error = NULL;
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
  g_autoptr(GSocketAddress) got = NULL;
  g_main_context_push_thread_default(http->context);
  g_socket_listener_add_address(G_SOCKET_LISTENER(http->service), any, G_SOCKET_TYPE_STREAM,
                                G_SOCKET_PROTOCOL_TCP, NULL, &got, &error);
  g_assert_no_error(error);
  http->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
  g_signal_connect(http->service, "incoming", G_CALLBACK(on_incoming), http);
  g_signal_connect(http->service, "run", G_CALLBACK(on_run), http);
  g_socket_service_start(http->service);
  g_main_context_pop_thread_default(http->context);
  http->thread = g_thread_new("http", accept_all, http);
}

void test_http_start(TestHttp *http, TestServe serve, gpointer data) {
  begin(http, serve, data, NULL);
}

void test_http_start_tls(TestHttp *http, TestServe serve, gpointer data, const char *pem) {
  g_autoptr(GError) error = NULL;
  GTlsCertificate *certificate = g_tls_certificate_new_from_file(pem, &error);
  g_assert_no_error(error);
  begin(http, serve, data, certificate);
}

void test_http_clear(TestHttp *http) {
  g_atomic_int_set(&http->stopping, TRUE);
  g_main_context_wakeup(http->context);
  g_thread_join(http->thread);
  g_socket_service_stop(http->service);
  g_socket_listener_close(G_SOCKET_LISTENER(http->service));
  while (g_atomic_int_get(&http->busy) > 0)
    g_usleep(1000);
  g_clear_object(&http->service);
  g_main_context_unref(http->context);
  g_clear_object(&http->certificate);
}

char *test_http_url(const TestHttp *http, const char *path) {
  return g_strdup_printf("http%s://127.0.0.1:%u%s", http->certificate != NULL ? "s" : "", http->port, path);
}

const char *test_http_header(const TestRequest *request, const char *name) {
  return g_hash_table_lookup(request->headers, name);
}

void test_http_send_bytes(const TestRequest *request, gconstpointer data, gsize len) {
  /* The client may have gone; that is its right. */
  g_output_stream_write_all(request->out, data, len, NULL, NULL, NULL);
}

void test_http_send(const TestRequest *request, const char *text) {
  test_http_send_bytes(request, text, strlen(text));
}

/* What of the file a request is for; FALSE: all of it. */
static gboolean range_of(const TestRequest *request, TestFile *file, gsize *start, gsize *end) {
  const char *range = test_http_header(request, "range");
  const char *only_if = test_http_header(request, "if-range");
  g_mutex_lock(&file->lock);
  g_strlcpy(file->last_range, range != NULL ? range : "", sizeof file->last_range);
  g_mutex_unlock(&file->lock);
  *start = 0;
  *end = file->len;
  if (!file->ranges || range == NULL || (only_if != NULL && g_strcmp0(only_if, file->etag) != 0))
    return FALSE;
  char *dash = NULL;
  gssize from = (gssize)g_ascii_strtoull(range + strlen("bytes="), &dash, 10) + file->shift;
  *start = (gsize)MAX(from, 0);
  if (dash[1] != '\0')
    *end = MIN(file->len, (gsize)g_ascii_strtoull(dash + 1, NULL, 10) + 1);
  if (file->short_answer > 0)
    *end = MIN(*end, *start + file->short_answer);
  return TRUE;
}

static void send_head(const TestRequest *request, const TestFile *file, gsize start, gsize end,
                      gboolean part) {
  gsize whole = file->claim > 0 ? file->claim : file->len;
  g_autoptr(GString) head = g_string_new(part ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n");
  gsize told = end == file->len ? whole : end;
  if (!file->no_length)
    g_string_append_printf(head, "Content-Length: %zu\r\n", told - start);
  if (part)
    g_string_append_printf(head, "Content-Range: bytes %zu-%zu/%zu\r\n", start, told - 1, whole);
  if (file->etag != NULL)
    g_string_append_printf(head, "ETag: %s\r\n", file->etag);
  g_string_append_printf(head, "%sConnection: close\r\n\r\n", file->extra != NULL ? file->extra : "");
  test_http_send(request, head->str);
}

/* In pieces of a hundredth of a second where there is a rate. */
static void send_body(const TestRequest *request, TestFile *file, gsize start, gsize end) {
  gint64 began = g_get_monotonic_time();
  gsize step = file->rate > 0 ? MAX(file->rate / 100, 1) : 65536;
  for (gsize at = start; at < end;) {
    gsize n = MIN(step, end - at), written = 0;
    g_output_stream_write_all(request->out, file->body + at, n, &written, NULL, NULL);
    g_atomic_pointer_add(&file->sent, (gssize)written);
    if (written < n)
      return;
    at += n;
    gint64 due = file->rate > 0 ? began + (gint64)(at - start) * G_USEC_PER_SEC / (gint64)file->rate : 0;
    gint64 early = due - g_get_monotonic_time();
    if (due > 0 && early > 0)
      g_usleep((gulong)early);
  }
}

/* Until the client goes. */
static void hold(const TestRequest *request) {
  char rest[64];
  while (g_input_stream_read(request->in, rest, sizeof rest, NULL, NULL) > 0)
    continue;
}

static void answer(const TestRequest *request, TestFile *file) {
  gsize start = 0, end = 0;
  gboolean part = range_of(request, file, &start, &end);
  if (part && start >= file->len) {
    g_autofree char *text = g_strdup_printf(
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\nContent-Length: 0\r\n\r\n",
        file->len);
    test_http_send(request, text);
    return;
  }
  gboolean cut = request->hit < file->failures + file->cuts;
  send_head(request, file, start, end, part);
  send_body(request, file, start, cut ? MIN(start + file->cut_after, end) : end);
  if (cut && file->hold)
    hold(request);
}

static void note_most(TestFile *file, gint now) {
  gint most = g_atomic_int_get(&file->most_now);
  while (now > most && !g_atomic_int_compare_and_exchange(&file->most_now, most, now))
    most = g_atomic_int_get(&file->most_now);
}

void test_http_serve_file(const TestRequest *request, gpointer data) {
  TestFile *file = data;
  gint now = g_atomic_int_add(&file->now, 1) + 1;
  gboolean crowded = file->crowd > 0 && now > (gint)file->crowd;
  if (request->hit < file->failures || crowded) {
    test_http_send(request, file->failure);
  } else {
    note_most(file, now);
    answer(request, file);
  }
  g_atomic_int_add(&file->now, -1);
}

char *test_http_body(gsize len) {
  char *body = g_malloc(len + 1);
  guint32 state = 12345;
  for (gsize i = 0; i < len; i++) {
    state = state * 1664525u + 1013904223u;
    body[i] = (char)('A' + (state >> 24) % 26);
  }
  body[len] = '\0';
  return body;
}
