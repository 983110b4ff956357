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

static gboolean on_run(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
                       gpointer data) {
  TestHttp *http = data;
  g_autoptr(GDataInputStream) in =
      g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
  g_data_input_stream_set_newline_type(in, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  g_autofree char *line = g_data_input_stream_read_line(in, NULL, NULL, NULL);
  if (line == NULL)
    return TRUE;
  g_auto(GStrv) words = g_strsplit(line, " ", 3);
  g_autoptr(GHashTable) headers = read_headers(in);
  const TestRequest request = {words[1], headers, (guint)g_atomic_int_add(&http->hits, 1), G_INPUT_STREAM(in),
                               g_io_stream_get_output_stream(G_IO_STREAM(connection))};
  http->serve(&request, http->data);
  return TRUE;
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
void test_http_start(TestHttp *http, TestServe serve, gpointer data) {
  *http = (TestHttp){.service = g_threaded_socket_service_new(8),
                     .context = g_main_context_new(),
                     .serve = serve,
                     .data = data};
  g_autoptr(GError) error = NULL;
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
  g_autoptr(GSocketAddress) got = NULL;
  g_main_context_push_thread_default(http->context);
  g_socket_listener_add_address(G_SOCKET_LISTENER(http->service), any, G_SOCKET_TYPE_STREAM,
                                G_SOCKET_PROTOCOL_TCP, NULL, &got, &error);
  g_assert_no_error(error);
  http->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
  g_signal_connect(http->service, "run", G_CALLBACK(on_run), http);
  g_socket_service_start(http->service);
  g_main_context_pop_thread_default(http->context);
  http->thread = g_thread_new("http", accept_all, http);
}

void test_http_clear(TestHttp *http) {
  g_atomic_int_set(&http->stopping, TRUE);
  g_main_context_wakeup(http->context);
  g_thread_join(http->thread);
  g_socket_service_stop(http->service);
  g_socket_listener_close(G_SOCKET_LISTENER(http->service));
  g_clear_object(&http->service);
  g_main_context_unref(http->context);
}

char *test_http_url(const TestHttp *http, const char *path) {
  return g_strdup_printf("http://127.0.0.1:%u%s", http->port, path);
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

static gsize range_start(const TestRequest *request, TestFile *file) {
  const char *range = test_http_header(request, "range");
  const char *only_if = test_http_header(request, "if-range");
  g_free(file->last_range);
  file->last_range = g_strdup(range);
  if (!file->ranges || range == NULL || (only_if != NULL && g_strcmp0(only_if, file->etag) != 0))
    return 0;
  return (gsize)g_ascii_strtoull(range + strlen("bytes="), NULL, 10);
}

static void send_head(const TestRequest *request, const TestFile *file, gsize start) {
  g_autoptr(GString) head =
      g_string_new(start > 0 ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n");
  if (!file->no_length)
    g_string_append_printf(head, "Content-Length: %zu\r\n", file->len - start);
  if (start > 0)
    g_string_append_printf(head, "Content-Range: bytes %zu-%zu/%zu\r\n", start, file->len - 1, file->len);
  if (file->etag != NULL)
    g_string_append_printf(head, "ETag: %s\r\n", file->etag);
  g_string_append_printf(head, "%sConnection: close\r\n\r\n", file->extra != NULL ? file->extra : "");
  test_http_send(request, head->str);
}

/* Until the client goes. */
static void hold(const TestRequest *request) {
  char rest[64];
  while (g_input_stream_read(request->in, rest, sizeof rest, NULL, NULL) > 0)
    continue;
}

void test_http_serve_file(const TestRequest *request, gpointer data) {
  TestFile *file = data;
  if (request->hit < file->failures) {
    test_http_send(request, file->failure);
    return;
  }
  gsize start = range_start(request, file);
  if (start >= file->len && file->len > 0 && start > 0) {
    g_autofree char *text = g_strdup_printf(
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\nContent-Length: 0\r\n\r\n",
        file->len);
    test_http_send(request, text);
    return;
  }
  gboolean cut = request->hit < file->failures + file->cuts;
  send_head(request, file, start);
  test_http_send_bytes(request, file->body + start,
                       cut ? MIN(file->cut_after, file->len - start) : file->len - start);
  if (cut && file->hold)
    hold(request);
}
