#include "engine/probe.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 64 /* "HTTP/1.1 200" is all that is looked at */
#define REST_BYTES 4096
#define MOST_REST (1024 * 1024)

struct _PinoProbe {
  PinoProbeDone done;
  gpointer data;
  GCancellable *cancellable;
  GSource *deadline;
  GSocketConnection *connection;
  char *question;
  char line[LINE_BYTES];
  gsize filled;
  char *rest; /* what is passed over after that; NULL: not yet */
  gsize passed;
};

static void probe_free(PinoProbe *probe) {
  g_source_destroy(probe->deadline);
  g_source_unref(probe->deadline);
  g_clear_object(&probe->connection);
  g_object_unref(probe->cancellable);
  g_free(probe->question);
  g_free(probe->rest);
  g_free(probe);
}

static void finish(PinoProbe *probe, int status) {
  PinoProbeDone done = probe->done;
  gpointer data = probe->data;
  if (g_cancellable_is_cancelled(probe->cancellable))
    status = PINO_PROBE_SILENT;
  probe_free(probe);
  if (done != NULL)
    done(status, data);
}

static GUri *parse(const char *url) {
  for (const char *at = url; *at != '\0'; at++)
    if ((guchar)*at <= ' ' || *at == 0x7f)
      return NULL;
  g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED | G_URI_FLAGS_SCHEME_NORMALIZE, NULL);
  if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0')
    return NULL;
  gboolean spoken = g_str_equal(g_uri_get_scheme(uri), "http") || g_str_equal(g_uri_get_scheme(uri), "https");
  return spoken ? g_steal_pointer(&uri) : NULL;
}

gboolean pino_probe_can_ask(const char *url) {
  g_autoptr(GUri) uri = parse(url);
  return uri != NULL;
}

static guint16 port_of(GUri *uri) {
  int port = g_uri_get_port(uri);
  if (port > 0)
    return (guint16)port;
  return g_str_equal(g_uri_get_scheme(uri), "https") ? 443 : 80;
}

static char *question_of(GUri *uri, gboolean get) {
  const char *host = g_uri_get_host(uri);
  const char *path = g_uri_get_path(uri);
  const char *query = g_uri_get_query(uri);
  gboolean six = strchr(host, ':') != NULL;
  return g_strdup_printf("%s %s%s%s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: pinokiocloud-health\r\n"
                         "Accept: */*\r\nConnection: close\r\n\r\n",
                         get ? "GET" : "HEAD", *path != '\0' ? path : "/", query != NULL ? "?" : "",
                         query != NULL ? query : "", six ? "[" : "", host, six ? "]" : "", port_of(uri));
}

/* The status in "HTTP/1.1 NNN", or BROKEN. */
static int status_in(const char *line) {
  const char *blank = g_str_has_prefix(line, "HTTP/") ? strchr(line, ' ') : NULL;
  int status = blank != NULL ? atoi(blank + 1) : 0;
  return status >= 100 && status <= 999 ? status : PINO_PROBE_BROKEN;
}

static void on_rest(GObject *source, GAsyncResult *result, gpointer data);

static void pass_on(PinoProbe *probe) {
  GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(probe->connection));
  g_input_stream_read_async(in, probe->rest, REST_BYTES, G_PRIORITY_LOW, probe->cancellable, on_rest, probe);
}

static void on_rest(GObject *source, GAsyncResult *result, gpointer data) {
  PinoProbe *probe = data;
  gssize length = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
  probe->passed += (gsize)MAX(length, 0);
  if (length > 0 && probe->passed < MOST_REST)
    pass_on(probe);
  else
    probe_free(probe);
}

/* The status is known and told; the rest is taken all the same: a server whose client is gone in the middle of its answer
 * may print a traceback, and scripts end their apps because of that. */
static void finish_politely(PinoProbe *probe, int status) {
  PinoProbeDone done = g_steal_pointer(&probe->done);
  gpointer data = probe->data;
  probe->rest = g_malloc(REST_BYTES);
  pass_on(probe);
  if (done != NULL)
    done(status, data);
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data);

static void read_more(PinoProbe *probe) {
  GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(probe->connection));
  g_input_stream_read_async(in, probe->line + probe->filled, LINE_BYTES - 1 - probe->filled,
                            G_PRIORITY_DEFAULT, probe->cancellable, on_read, probe);
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data) {
  PinoProbe *probe = data;
  gssize length = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
  probe->filled += (gsize)MAX(length, 0);
  gboolean whole = strpbrk(probe->line, "\r\n") != NULL || probe->filled == LINE_BYTES - 1;
  if (length > 0 && !whole)
    read_more(probe);
  else if (length > 0 && status_in(probe->line) != PINO_PROBE_BROKEN)
    finish_politely(probe, status_in(probe->line));
  else
    finish(probe, status_in(probe->line));
}

static void on_written(GObject *source, GAsyncResult *result, gpointer data) {
  PinoProbe *probe = data;
  if (g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, NULL))
    read_more(probe);
  else
    finish(probe, PINO_PROBE_BROKEN);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data) {
  PinoProbe *probe = data;
  probe->connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, NULL);
  if (probe->connection == NULL) {
    finish(probe, PINO_PROBE_SILENT);
    return;
  }
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(probe->connection));
  g_output_stream_write_all_async(out, probe->question, strlen(probe->question), G_PRIORITY_DEFAULT,
                                  probe->cancellable, on_written, probe);
}

static gboolean on_deadline(gpointer data) {
  PinoProbe *probe = data;
  g_cancellable_cancel(probe->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean on_certificate(GTlsConnection *connection, GTlsCertificate *peer, GTlsCertificateFlags flaws,
                               gpointer data) {
  return TRUE;
}

static void on_event(GSocketClient *client, GSocketClientEvent event, GSocketConnectable *connectable,
                     GIOStream *connection, gpointer data) {
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_signal_connect(connection, "accept-certificate", G_CALLBACK(on_certificate), NULL);
}

PinoProbe *pino_probe_start(const char *url, gboolean get, guint timeout_ms, PinoProbeDone done,
                            gpointer data) {
  g_autoptr(GUri) uri = parse(url);
  g_return_val_if_fail(uri != NULL, NULL);
  PinoProbe *probe = g_new0(PinoProbe, 1);
  probe->done = done;
  probe->data = data;
  probe->cancellable = g_cancellable_new();
  probe->question = question_of(uri, get);
  probe->deadline = g_timeout_source_new(timeout_ms);
  g_source_set_callback(probe->deadline, on_deadline, probe, NULL);
  g_source_attach(probe->deadline, g_main_context_get_thread_default());

  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_autoptr(GSocketConnectable) address = g_network_address_new(g_uri_get_host(uri), port_of(uri));
  g_socket_client_set_enable_proxy(client, FALSE);
  if (g_str_equal(g_uri_get_scheme(uri), "https")) {
    g_socket_client_set_tls(client, TRUE);
    g_signal_connect(client, "event", G_CALLBACK(on_event), NULL);
  }
  g_socket_client_connect_async(client, address, probe->cancellable, on_connected, probe);
  return probe;
}

void pino_probe_cancel(PinoProbe *probe) {
  probe->done = NULL;
  g_cancellable_cancel(probe->cancellable);
}
