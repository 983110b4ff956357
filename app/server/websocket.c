#include "server/websocket.h"

#include <string.h>
#include <sys/socket.h>

#define READ_PIECE (16 * 1024)
#define READ_TURN (64 * 1024)  /* then the loop's other work has its turn */
#define MOST_PONGS (16 * 1024) /* waiting bytes; above, a ping stays without an answer */
#define SHRINK (256 * 1024)    /* buffers that grew beyond are given back when they are empty */
#define PING_SECONDS 20
#define SPARE (1024 * 1024) /* the kernel makes of it what it allows */
#define PINGS 2             /* without an answer to either, the third finds it gone */
#define LAST_MS 2000        /* for a reader that stopped to take the reason */
#define CLOSE_SECONDS 5     /* for the peer's answer to a close */

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct _PinoSocket {
  guint refs;
  GIOStream *stream;
  GObject *keep;
  GSocket *raw; /* NULL: it has no spare room */
  void (*released)(PinoSocket *socket, gpointer owner);
  gpointer owner;
  const PinoSocketEvents *events;
  gpointer data;
  guint stall_ms;
  GSource *input, *output, *drained;
  guint ping_timer, stall_timer, close_timer;
  GByteArray *incoming;
  GByteArray *message; /* fragments so far; NULL: none */
  gboolean message_is_text;
  GByteArray *outgoing;
  gsize sent; /* of outgoing */
  gint64 progress;
  guint quiet;      /* pings without a sign of life */
  gboolean closing; /* our close frame is queued */
  gboolean peer_closed;
  gboolean deaf; /* it broke the protocol: what else it sends is thrown away */
  gboolean gone;
};

PinoSocket *pino_socket_new(GIOStream *stream, GObject *keep, guint stall_ms,
                            void (*released)(PinoSocket *socket, gpointer owner), gpointer owner) {
  PinoSocket *socket = g_new0(PinoSocket, 1);
  socket->refs = 1;
  socket->stream = g_object_ref(stream);
  socket->keep = keep != NULL ? g_object_ref(keep) : NULL;
  socket->stall_ms = stall_ms;
  socket->released = released;
  socket->owner = owner;
  socket->incoming = g_byte_array_new();
  socket->outgoing = g_byte_array_new();
  return socket;
}

void pino_socket_spare(PinoSocket *socket, GSocket *raw) {
  socket->raw = g_object_ref(raw);
}

static void socket_unref(PinoSocket *socket) {
  if (--socket->refs > 0)
    return;
  g_clear_object(&socket->stream);
  g_clear_object(&socket->keep);
  g_clear_object(&socket->raw);
  g_byte_array_unref(socket->incoming);
  g_byte_array_unref(socket->outgoing);
  g_clear_pointer(&socket->message, g_byte_array_unref);
  g_free(socket);
}

static void clear_source(GSource **source) {
  if (*source == NULL)
    return;
  g_source_destroy(*source);
  g_clear_pointer(source, g_source_unref);
}

static void closed_for_good(GObject *stream, GAsyncResult *result, gpointer data) {
  g_io_stream_close_finish(G_IO_STREAM(stream), result, NULL); /* nothing is left to be told */
}

void pino_socket_drop(PinoSocket *socket) {
  if (socket->gone)
    return;
  socket->gone = TRUE;
  clear_source(&socket->input);
  clear_source(&socket->output);
  clear_source(&socket->drained);
  g_clear_handle_id(&socket->ping_timer, g_source_remove);
  g_clear_handle_id(&socket->stall_timer, g_source_remove);
  g_clear_handle_id(&socket->close_timer, g_source_remove);
  g_io_stream_close_async(socket->stream, G_PRIORITY_DEFAULT, NULL, closed_for_good, NULL);
  if (socket->events != NULL && socket->events->closed != NULL)
    socket->events->closed(socket->data);
  socket->released(socket, socket->owner);
  socket_unref(socket);
}

/* --- writing ---- */

static gboolean on_writable(GObject *stream, gpointer data);
static gboolean on_close_timer(gpointer data);

gsize pino_socket_waiting(const PinoSocket *socket) {
  return socket->outgoing->len - socket->sent;
}

gboolean pino_socket_is_open(const PinoSocket *socket) {
  return !socket->closing && !socket->peer_closed && !socket->gone;
}

static void wait_for_close(PinoSocket *socket, guint ms) {
  g_clear_handle_id(&socket->close_timer, g_source_remove);
  socket->close_timer = g_timeout_add(ms, on_close_timer, socket);
}

static gboolean on_drained(gpointer data) {
  PinoSocket *socket = data;
  clear_source(&socket->drained);
  if (pino_socket_waiting(socket) == 0 && pino_socket_is_open(socket) && socket->events != NULL &&
      socket->events->drained != NULL)
    socket->events->drained(socket, socket->data);
  return G_SOURCE_REMOVE;
}

/* All is with the kernel. */
static gboolean drained(PinoSocket *socket) {
  g_clear_handle_id(&socket->stall_timer, g_source_remove);
  if (socket->outgoing->len > SHRINK) {
    g_byte_array_unref(socket->outgoing);
    socket->outgoing = g_byte_array_new();
  }
  g_byte_array_set_size(socket->outgoing, 0);
  socket->sent = 0;
  if (socket->closing && socket->peer_closed) {
    pino_socket_drop(socket);
    return FALSE;
  }
  if (socket->closing) {
    if (socket->close_timer == 0)
      wait_for_close(socket, CLOSE_SECONDS * 1000);
  } else if (socket->drained == NULL) {
    /* Low: what everybody else does goes before this reader's next piece. */
    socket->drained = g_idle_source_new();
    g_source_set_callback(socket->drained, on_drained, socket, NULL);
    g_source_attach(socket->drained, g_main_context_get_thread_default());
  }
  return TRUE;
}

static gboolean flush(PinoSocket *socket);

/* The kernel takes the rest and the reason too: who reads again after a while finds them, though we have gone. */
static void use_spare(PinoSocket *socket) {
  if (socket->raw != NULL && g_socket_set_option(socket->raw, SOL_SOCKET, SO_SNDBUF, SPARE, NULL))
    flush(socket);
}

static gboolean on_stall_timer(gpointer data) {
  PinoSocket *socket = data;
  gint64 still = socket->progress + (gint64)socket->stall_ms * 1000 - g_get_monotonic_time();
  socket->stall_timer = 0;
  if (still > 0) {
    socket->stall_timer = g_timeout_add((guint)(still / 1000) + 1, on_stall_timer, socket);
    return G_SOURCE_REMOVE;
  }
  if (socket->closing) {
    pino_socket_drop(socket);
    return G_SOURCE_REMOVE;
  }
  g_autofree char *reason = NULL;
  if (socket->events != NULL && socket->events->stalled != NULL)
    reason = socket->events->stalled(socket, socket->data);
  pino_socket_close(socket, PINO_SOCKET_TRY_LATER, reason != NULL ? reason : "too far behind");
  wait_for_close(socket, LAST_MS);
  use_spare(socket);
  return G_SOURCE_REMOVE;
}

/* FALSE: the socket is gone. */
static gboolean flush(PinoSocket *socket) {
  GPollableOutputStream *stream = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(socket->stream));
  while (pino_socket_waiting(socket) > 0) {
    g_autoptr(GError) error = NULL;
    gssize count = g_pollable_output_stream_write_nonblocking(stream, socket->outgoing->data + socket->sent,
                                                              pino_socket_waiting(socket), NULL, &error);
    if (count > 0) {
      socket->sent += (gsize)count;
      socket->progress = g_get_monotonic_time();
      continue;
    }
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
      pino_socket_drop(socket);
      return FALSE;
    }
    if (socket->output == NULL) {
      socket->output = g_pollable_output_stream_create_source(stream, NULL);
      g_source_set_callback(socket->output, G_SOURCE_FUNC(on_writable), socket, NULL);
      g_source_attach(socket->output, g_main_context_get_thread_default());
    }
    if (socket->stall_timer == 0)
      socket->stall_timer = g_timeout_add(socket->stall_ms, on_stall_timer, socket);
    return TRUE;
  }
  clear_source(&socket->output);
  return drained(socket);
}

static gboolean on_writable(GObject *stream, gpointer data) {
  PinoSocket *socket = data;
  if (!flush(socket) || socket->output == NULL)
    return G_SOURCE_REMOVE;
  return G_SOURCE_CONTINUE;
}

static void queue_frame(PinoSocket *socket, guint8 opcode, const void *bytes, gsize length) {
  guint8 head[10] = {(guint8)(0x80 | opcode)};
  guint size = 2;
  if (length < 126) {
    head[1] = (guint8)length;
  } else if (length <= G_MAXUINT16) {
    head[1] = 126;
    head[2] = (guint8)(length >> 8);
    head[3] = (guint8)length;
    size = 4;
  } else {
    head[1] = 127;
    for (guint i = 0; i < 8; i++)
      head[2 + i] = (guint8)((guint64)length >> (56 - 8 * i));
    size = 10;
  }
  if (pino_socket_waiting(socket) == 0)
    socket->progress = g_get_monotonic_time();
  g_byte_array_append(socket->outgoing, head, size);
  if (length > 0)
    g_byte_array_append(socket->outgoing, bytes, (guint)length);
}

/* Writes from the loop, so that no event comes out of the call that queued. */
static gboolean on_flush(gpointer data) {
  PinoSocket *socket = data;
  clear_source(&socket->drained);
  flush(socket);
  return G_SOURCE_REMOVE;
}

static void flush_soon(PinoSocket *socket) {
  if (socket->output != NULL)
    return;
  clear_source(&socket->drained);
  socket->drained = g_idle_source_new();
  g_source_set_priority(socket->drained, G_PRIORITY_DEFAULT);
  g_source_set_callback(socket->drained, on_flush, socket, NULL);
  g_source_attach(socket->drained, g_main_context_get_thread_default());
}

void pino_socket_send(PinoSocket *socket, gboolean text, const void *bytes, gsize length) {
  if (!pino_socket_is_open(socket))
    return;
  queue_frame(socket, text ? TEXT : BINARY, bytes, length);
  flush_soon(socket);
}

static gboolean on_close_timer(gpointer data) {
  PinoSocket *socket = data;
  socket->close_timer = 0;
  pino_socket_drop(socket);
  return G_SOURCE_REMOVE;
}

void pino_socket_close(PinoSocket *socket, guint code, const char *reason) {
  if (socket->closing || socket->gone)
    return;
  guint8 payload[125] = {(guint8)(code >> 8), (guint8)code};
  gsize length = reason != NULL ? MIN(strlen(reason), sizeof payload - 2) : 0;
  while (length > 0 && ((guchar)reason[length] & 0xc0) == 0x80)
    length--; /* not in the middle of a character */
  if (length > 0)
    memcpy(payload + 2, reason, length);
  queue_frame(socket, CLOSE, payload, length + 2);
  socket->closing = TRUE;
  flush_soon(socket);
}

/* --- reading ---- */

static gboolean refuse(PinoSocket *socket, guint code, const char *reason) {
  pino_socket_close(socket, code, reason);
  /* Read on, or the kernel would reset the connection before the peer has seen the reason. */
  socket->deaf = TRUE;
  return TRUE;
}

static void deliver(PinoSocket *socket, gboolean text, const char *bytes, gsize length) {
  if (socket->closing)
    return;
  if (socket->events->message == NULL)
    pino_socket_close(socket, PINO_SOCKET_WRONG_KIND, "nothing is to be sent here");
  else
    socket->events->message(socket, text, bytes, length, socket->data);
}

static gboolean take_data(PinoSocket *socket, guint8 opcode, gboolean last, const guint8 *payload,
                          gsize length) {
  if ((opcode == CONTINUATION) != (socket->message != NULL))
    return refuse(socket, PINO_SOCKET_PROTOCOL,
                  opcode == CONTINUATION ? "a continuation of nothing" : "a message inside another");
  if (opcode != CONTINUATION) {
    socket->message = g_byte_array_new();
    socket->message_is_text = opcode == TEXT;
  }
  if (socket->message->len + length > PINO_SOCKET_LARGEST)
    return refuse(socket, PINO_SOCKET_TOO_BIG, "a message may have 1 MiB");
  g_byte_array_append(socket->message, payload, (guint)length);
  if (!last)
    return TRUE;
  g_byte_array_append(socket->message, (const guint8 *)"", 1);
  g_autoptr(GByteArray) message = g_steal_pointer(&socket->message);
  const char *bytes = (const char *)message->data;
  if (socket->message_is_text && !g_utf8_validate_len(bytes, message->len - 1, NULL))
    return refuse(socket, PINO_SOCKET_BAD_DATA, "text that is not UTF-8");
  deliver(socket, socket->message_is_text, bytes, message->len - 1);
  return !socket->gone;
}

/* Codes that a peer may send (RFC 6455, 7.4). */
static gboolean is_close_code(guint code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static gboolean take_close(PinoSocket *socket, const guint8 *payload, gsize length) {
  guint code = length >= 2 ? (guint)payload[0] << 8 | payload[1] : PINO_SOCKET_NORMAL;
  if (length == 1 || !is_close_code(code) ||
      (length > 2 && !g_utf8_validate_len((const char *)payload + 2, length - 2, NULL)))
    return refuse(socket, PINO_SOCKET_PROTOCOL, "a malformed close");
  socket->peer_closed = TRUE;
  if (!socket->closing)
    pino_socket_close(socket, code, NULL);
  else if (pino_socket_waiting(socket) == 0)
    pino_socket_drop(socket);
  return FALSE;
}

static gboolean take_control(PinoSocket *socket, guint8 opcode, const guint8 *payload, gsize length) {
  if (opcode == CLOSE)
    return take_close(socket, payload, length);
  if (opcode == PING && !socket->closing && pino_socket_waiting(socket) < MOST_PONGS) {
    queue_frame(socket, PONG, payload, length);
    flush_soon(socket);
  }
  return TRUE;
}

typedef struct {
  gboolean last;
  guint8 opcode;
  gsize head; /* bytes before the payload, the mask included */
  guint64 length;
} Frame;

/* The length where it takes 2 or 8 bytes; FALSE: it would have had room in less. */
static gboolean read_long_length(const guint8 *bytes, guint count, guint64 *length) {
  *length = 0;
  for (guint i = 0; i < count; i++)
    *length = *length << 8 | bytes[i];
  return *length >= (count == 2 ? 126 : 65536) && *length <= G_MAXINT64;
}

/* FALSE: it is not whole yet, or wrong. */
static gboolean read_head(PinoSocket *socket, Frame *frame) {
  const guint8 *bytes = socket->incoming->data;
  gsize have = socket->incoming->len;
  if (have < 2)
    return FALSE;
  frame->last = (bytes[0] & 0x80) != 0;
  frame->opcode = bytes[0] & 0x0f;
  guint8 kind = bytes[1] & 0x7f;
  guint more = kind == 126 ? 2 : kind == 127 ? 8 : 0;
  gboolean control = frame->opcode >= CLOSE;
  const char *wrong = NULL;
  if ((bytes[0] & 0x70) != 0)
    wrong = "a reserved bit is set";
  else if ((bytes[1] & 0x80) == 0)
    wrong = "a frame without a mask";
  else if (frame->opcode > PONG || (frame->opcode > BINARY && !control))
    wrong = "a kind of frame that there is not";
  else if (control && (!frame->last || kind > 125))
    wrong = "a control frame in pieces, or too long";
  frame->head = 6 + more;
  frame->length = kind;
  if (wrong == NULL && more > 0 && have >= 2 + more && !read_long_length(bytes + 2, more, &frame->length))
    wrong = "a length that is not in its shortest form";
  if (wrong != NULL)
    refuse(socket, PINO_SOCKET_PROTOCOL, wrong);
  else if (have >= 2 + more && frame->length > PINO_SOCKET_LARGEST)
    refuse(socket, PINO_SOCKET_TOO_BIG, "a message may have 1 MiB");
  if (socket->deaf || have < 2 + more)
    return FALSE;
  return have >= frame->head + frame->length;
}

static gboolean take_frame(PinoSocket *socket, const Frame *frame) {
  guint8 *payload = socket->incoming->data + frame->head;
  const guint8 *mask = payload - 4;
  for (gsize i = 0; i < frame->length; i++)
    payload[i] ^= mask[i & 3];
  if (frame->opcode >= CLOSE)
    return take_control(socket, frame->opcode, payload, (gsize)frame->length);
  return take_data(socket, frame->opcode, frame->last, payload, (gsize)frame->length);
}

/* FALSE: nothing more is to be read. */
static gboolean take_frames(PinoSocket *socket) {
  Frame frame;
  while (!socket->deaf && read_head(socket, &frame)) {
    if (!take_frame(socket, &frame))
      return FALSE;
    g_byte_array_remove_range(socket->incoming, 0, (guint)(frame.head + frame.length));
  }
  if (socket->deaf)
    g_byte_array_set_size(socket->incoming, 0);
  return TRUE;
}

/* One piece; FALSE: the connection is at its end. *count 0: nothing there now. */
static gboolean read_piece(PinoSocket *socket, gsize *count) {
  GPollableInputStream *stream = G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(socket->stream));
  g_autoptr(GError) error = NULL;
  guint before = socket->incoming->len;
  g_byte_array_set_size(socket->incoming, before + READ_PIECE);
  gssize got = g_pollable_input_stream_read_nonblocking(stream, socket->incoming->data + before, READ_PIECE,
                                                        NULL, &error);
  g_byte_array_set_size(socket->incoming, before + (guint)MAX(got, 0));
  *count = (gsize)MAX(got, 0);
  return got > 0 || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

static gboolean on_readable(GObject *stream, gpointer data) {
  PinoSocket *socket = data;
  gboolean going_on = TRUE;
  socket->refs++;
  for (gsize total = 0, count = 1; going_on && count > 0 && total < READ_TURN; total += count) {
    if (!read_piece(socket, &count)) {
      pino_socket_drop(socket);
      break;
    }
    socket->quiet = count > 0 ? 0 : socket->quiet;
    going_on = take_frames(socket);
  }
  if (!socket->gone && socket->incoming->len == 0) { /* an idle connection keeps no buffer */
    g_byte_array_unref(socket->incoming);
    socket->incoming = g_byte_array_new();
  }
  if (!going_on)
    clear_source(&socket->input);
  gboolean again = socket->input != NULL;
  socket_unref(socket);
  return again ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean on_ping_timer(gpointer data) {
  PinoSocket *socket = data;
  if (pino_socket_waiting(socket) > 0)
    return G_SOURCE_CONTINUE; /* the stall timer looks after it */
  if (socket->quiet++ >= PINGS) {
    socket->ping_timer = 0;
    pino_socket_drop(socket);
    return G_SOURCE_REMOVE;
  }
  if (!socket->closing) {
    queue_frame(socket, PING, NULL, 0);
    flush_soon(socket);
  }
  return G_SOURCE_CONTINUE;
}

void pino_socket_listen(PinoSocket *socket, const PinoSocketEvents *events, gpointer data) {
  socket->events = events;
  socket->data = data;
  GPollableInputStream *stream = G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(socket->stream));
  socket->input = g_pollable_input_stream_create_source(stream, NULL);
  g_source_set_callback(socket->input, G_SOURCE_FUNC(on_readable), socket, NULL);
  g_source_attach(socket->input, g_main_context_get_thread_default());
  socket->ping_timer = g_timeout_add_seconds(PING_SECONDS, on_ping_timer, socket);
}
