#include "server/internal.h"

#define LINGER_MS 2000
#define LINGER_MOST (4 * 1024 * 1024)

/* A connection that was answered, and is read until the client has seen that: closing it with bytes unread would reset
 * it, and the answer would be lost. */
typedef struct {
  GIOStream *stream;
  GObject *hold; /* of the connection, which counts until the end */
  PinoConnection *connection;
  GByteArray *answer;
  gsize sent, read;
  GSource *input, *output;
  guint timer;
} Linger;

static void closed(GObject *stream, GAsyncResult *result, gpointer data) {
  g_io_stream_close_finish(G_IO_STREAM(stream), result, NULL); /* nothing is left to be told */
}

static void linger_free(Linger *linger) {
  g_source_destroy(linger->input);
  g_source_unref(linger->input);
  g_source_destroy(linger->output);
  g_source_unref(linger->output);
  g_clear_handle_id(&linger->timer, g_source_remove);
  g_io_stream_close_async(linger->stream, G_PRIORITY_DEFAULT, NULL, closed, NULL);
  g_object_unref(linger->stream);
  g_object_unref(linger->hold);
  g_byte_array_unref(linger->answer);
  g_free(linger);
}

static gboolean on_timer(gpointer data) {
  ((Linger *)data)->timer = 0;
  linger_free(data);
  return G_SOURCE_REMOVE;
}

static gboolean on_input(GObject *stream, gpointer data) {
  Linger *linger = data;
  char buffer[8192];
  g_autoptr(GError) error = NULL;
  gssize count = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(stream), buffer,
                                                          sizeof buffer, NULL, &error);
  linger->read += (gsize)MAX(count, 0);
  if ((count > 0 && linger->read < LINGER_MOST) || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  linger_free(linger);
  return G_SOURCE_REMOVE;
}

static gboolean on_output(GObject *stream, gpointer data) {
  Linger *linger = data;
  gssize count = g_pollable_output_stream_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(stream),
                                                            linger->answer->data + linger->sent,
                                                            linger->answer->len - linger->sent, NULL, NULL);
  linger->sent += (gsize)MAX(count, 0);
  if (count > 0 && linger->sent < linger->answer->len)
    return G_SOURCE_CONTINUE;
  pino_connection_end(linger->connection);
  return G_SOURCE_REMOVE;
}

void pino_refuse(SoupServerMessage *message, guint status, GBytes *body) {
  g_autoptr(GBytes) taken = body;
  Linger *linger = g_new0(Linger, 1);
  linger->hold = pino_connection_hold(message);
  linger->connection = pino_connection_of(message);
  linger->stream = soup_server_message_steal_connection(message);
  g_autofree char *head =
      g_strdup_printf("HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                      "Content-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
                      status, soup_status_get_phrase(status), g_bytes_get_size(taken));
  linger->answer = g_byte_array_new();
  g_byte_array_append(linger->answer, (const guint8 *)head, (guint)strlen(head));
  g_byte_array_append(linger->answer, g_bytes_get_data(taken, NULL), (guint)g_bytes_get_size(taken));
  linger->timer = g_timeout_add(LINGER_MS, on_timer, linger);
  GInputStream *input = g_io_stream_get_input_stream(linger->stream);
  linger->input = g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(input), NULL);
  g_source_set_callback(linger->input, G_SOURCE_FUNC(on_input), linger, NULL);
  g_source_attach(linger->input, g_main_context_get_thread_default());
  GOutputStream *output = g_io_stream_get_output_stream(linger->stream);
  linger->output = g_pollable_output_stream_create_source(G_POLLABLE_OUTPUT_STREAM(output), NULL);
  g_source_set_callback(linger->output, G_SOURCE_FUNC(on_output), linger, NULL);
  g_source_attach(linger->output, g_main_context_get_thread_default());
}
