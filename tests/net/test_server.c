#include "test_server.h"

#include <string.h>

struct _TestServer {
  GSocketListener *listener;
  GCancellable *stop;
  GThread *acceptor;
  GPtrArray *threads;
  guint16 port;
  int waiting;
};

typedef struct {
  TestServer *server;
  GSocketConnection *connection;
  GDataInputStream *in;
  GOutputStream *out;
  char *method;
  char *path;
  GString *headers;
  GByteArray *body;
} Exchange;

static void answer(Exchange *exchange, int status, const char *headers, const void *body, gsize length) {
  g_autofree char *head =
      g_strdup_printf("HTTP/1.1 %d %s\r\nContent-Length: %" G_GSIZE_FORMAT "\r\nConnection: close\r\n%s\r\n",
                      status, status == 200 ? "OK" : "Not So", length, headers);
  g_output_stream_write_all(exchange->out, head, strlen(head), NULL, NULL, NULL);
  if (strcmp(exchange->method, "HEAD") != 0)
    g_output_stream_write_all(exchange->out, body, length, NULL, NULL, NULL);
}

static void on_hello(Exchange *exchange) {
  answer(exchange, 200, "Content-Type: text/plain\r\n", "hello", 5);
}

static void on_json(Exchange *exchange) {
  static const char body[] = "{\"name\":\"pinokio\",\"n\":3}";
  answer(exchange, 200, "Content-Type: application/json\r\n", body, strlen(body));
}

static void on_missing(Exchange *exchange) {
  answer(exchange, 404, "", "nothing here", 12);
}

static void on_echo(Exchange *exchange) {
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%s\n%s\n", exchange->method, exchange->headers->str);
  g_string_append_len(text, (const char *)exchange->body->data, exchange->body->len);
  answer(exchange, 200, "Content-Type: application/octet-stream\r\n", text->str, text->len);
}

static void on_status(Exchange *exchange) {
  answer(exchange, (int)g_ascii_strtoll(exchange->path + strlen("/status/"), NULL, 10), "", "", 0);
}

static void on_to(Exchange *exchange) {
  char *rest = NULL;
  int status = (int)g_ascii_strtoll(exchange->path + strlen("/to/"), &rest, 10);
  if (g_str_has_prefix(rest, "/http:"))
    rest++;
  g_autofree char *header = g_strdup_printf("Location: %s\r\n", rest);
  answer(exchange, status, header, "", 0);
}

static void on_loop(Exchange *exchange) {
  answer(exchange, 302, "Location: /loop\r\n", "", 0);
}

static void on_gzip(Exchange *exchange) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 1000; i++)
    g_string_append(text, "squeezed");
  g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
  g_autoptr(GConverter) gzip = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
  g_autoptr(GOutputStream) out = g_converter_output_stream_new(memory, gzip);
  g_output_stream_write_all(out, text->str, text->len, NULL, NULL, NULL);
  g_output_stream_close(out, NULL, NULL);
  g_autoptr(GBytes) bytes = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
  answer(exchange, 200, "Content-Encoding: gzip\r\n", g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void on_headers(Exchange *exchange) {
  answer(exchange, 200, "X-One: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "", 0);
}

static void on_big(Exchange *exchange) {
  g_autofree char *body = g_malloc(1000000);
  memset(body, 'x', 1000000);
  answer(exchange, 200, "", body, 1000000);
}

/* Until the client closes its end, or the server stops. */
static void wait_for_end(Exchange *exchange) {
  char byte;
  g_atomic_int_inc(&exchange->server->waiting);
  g_input_stream_read(G_INPUT_STREAM(exchange->in), &byte, 1, exchange->server->stop, NULL);
  g_atomic_int_add(&exchange->server->waiting, -1);
}

static void on_slow(Exchange *exchange) {
  static const char start[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst";
  g_output_stream_write_all(exchange->out, start, strlen(start), NULL, NULL, NULL);
  wait_for_end(exchange);
}

static void on_cut(Exchange *exchange) {
  static const char start[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst";
  g_output_stream_write_all(exchange->out, start, strlen(start), NULL, NULL, NULL);
}

static const struct {
  const char *prefix;
  void (*handle)(Exchange *exchange);
} routes[] = {
    {"/hello", on_hello},     {"/json", on_json}, {"/missing", on_missing}, {"/echo", on_echo},
    {"/status/", on_status},  {"/to/", on_to},    {"/loop", on_loop},       {"/gzip", on_gzip},
    {"/headers", on_headers}, {"/big", on_big},   {"/slow", on_slow},       {"/silent", wait_for_end},
    {"/cut", on_cut},
};

static gboolean read_request(Exchange *exchange) {
  gsize length = 0;
  g_autofree char *first = g_data_input_stream_read_line(exchange->in, NULL, exchange->server->stop, NULL);
  if (first == NULL)
    return FALSE;
  g_auto(GStrv) parts = g_strsplit(first, " ", 3);
  if (g_strv_length(parts) != 3)
    return FALSE;
  exchange->method = g_strdup(parts[0]);
  exchange->path = g_strdup(parts[1]);
  for (;;) {
    g_autofree char *line = g_data_input_stream_read_line(exchange->in, NULL, exchange->server->stop, NULL);
    if (line == NULL || line[0] == '\0')
      break;
    if (g_ascii_strncasecmp(line, "content-length:", 15) == 0)
      length = (gsize)g_ascii_strtoull(line + 15, NULL, 10);
    g_string_append_printf(exchange->headers, "%s\n", line);
  }
  g_byte_array_set_size(exchange->body, (guint)length);
  return length == 0 || g_input_stream_read_all(G_INPUT_STREAM(exchange->in), exchange->body->data, length,
                                                NULL, exchange->server->stop, NULL);
}

static gpointer serve(gpointer data) {
  Exchange *exchange = data;
  exchange->in = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(exchange->connection)));
  g_data_input_stream_set_newline_type(exchange->in, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  exchange->out = g_io_stream_get_output_stream(G_IO_STREAM(exchange->connection));
  exchange->headers = g_string_new(NULL);
  exchange->body = g_byte_array_new();
  if (read_request(exchange)) {
    gboolean served = FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(routes) && !served; i++) {
      served = g_str_has_prefix(exchange->path, routes[i].prefix);
      if (served)
        routes[i].handle(exchange);
    }
    if (!served)
      on_missing(exchange);
  }
  g_io_stream_close(G_IO_STREAM(exchange->connection), NULL, NULL);
  g_object_unref(exchange->in);
  g_object_unref(exchange->connection);
  g_free(exchange->method);
  g_free(exchange->path);
  g_string_free(exchange->headers, TRUE);
  g_byte_array_unref(exchange->body);
  g_free(exchange);
  return NULL;
}

static gpointer accept_all(gpointer data) {
  TestServer *server = data;
  for (;;) {
    GSocketConnection *connection = g_socket_listener_accept(server->listener, NULL, server->stop, NULL);
    if (connection == NULL)
      return NULL;
    Exchange *exchange = g_new0(Exchange, 1);
    exchange->server = server;
    exchange->connection = connection;
    g_ptr_array_add(server->threads, g_thread_new("serve", serve, exchange));
  }
}

TestServer *test_server_new(void) {
  TestServer *server = g_new0(TestServer, 1);
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
  g_autoptr(GSocketAddress) got = NULL;
  g_autoptr(GError) error = NULL;
  server->listener = g_socket_listener_new();
  server->stop = g_cancellable_new();
  server->threads = g_ptr_array_new();
  g_socket_listener_add_address(server->listener, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                &got, &error);
  g_assert_no_error(error);
  server->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
  server->acceptor = g_thread_new("accept", accept_all, server);
  return server;
}

void test_server_free(TestServer *server) {
  g_cancellable_cancel(server->stop);
  g_thread_join(server->acceptor);
  for (guint i = 0; i < server->threads->len; i++)
    g_thread_join(server->threads->pdata[i]);
  g_ptr_array_unref(server->threads);
  g_socket_listener_close(server->listener);
  g_object_unref(server->listener);
  g_object_unref(server->stop);
  g_free(server);
}

guint16 test_server_port(TestServer *server) {
  return server->port;
}

char *test_server_url(TestServer *server, const char *path) {
  return g_strdup_printf("http://127.0.0.1:%u%s", server->port, path);
}

int test_server_waiting(TestServer *server) {
  return g_atomic_int_get(&server->waiting);
}
