#include "server/stream.h"

/* Ends no line and no head: whatever it is appended to stays broken off. */
#define BROKEN_OFF 'x'

/* --- what is read ---- */

#define PINO_TYPE_INPUT (pino_input_get_type())
G_DECLARE_FINAL_TYPE(PinoInput, pino_input, PINO, INPUT, GFilterInputStream)

struct _PinoInput {
  GFilterInputStream parent;
  gboolean idle;
};

static gssize read_now(GPollableInputStream *stream, void *buffer, gsize count, GError **error) {
  PinoInput *input = PINO_INPUT(stream);
  GPollableInputStream *base = G_POLLABLE_INPUT_STREAM(G_FILTER_INPUT_STREAM(stream)->base_stream);
  g_autoptr(GError) failed = NULL;
  gssize got = g_pollable_input_stream_read_nonblocking(base, buffer, count, NULL, &failed);
  gboolean later = g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  if (got <= 0 && !later && input->idle && count > 0) {
    input->idle = FALSE;
    *(char *)buffer = BROKEN_OFF;
    return 1;
  }
  if (got < 0)
    g_propagate_error(error, g_steal_pointer(&failed));
  return got;
}

static gboolean is_readable(GPollableInputStream *stream) {
  return g_pollable_input_stream_is_readable(
      G_POLLABLE_INPUT_STREAM(G_FILTER_INPUT_STREAM(stream)->base_stream));
}

static GSource *create_source(GPollableInputStream *stream, GCancellable *cancellable) {
  g_autoptr(GSource) base = g_pollable_input_stream_create_source(
      G_POLLABLE_INPUT_STREAM(G_FILTER_INPUT_STREAM(stream)->base_stream), NULL);
  return g_pollable_source_new_full(stream, base, cancellable);
}

static void pollable_init(GPollableInputStreamInterface *interface) {
  interface->is_readable = is_readable;
  interface->create_source = create_source;
  interface->read_nonblocking = read_now;
}

G_DEFINE_TYPE_WITH_CODE(PinoInput, pino_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM, pollable_init))

static void pino_input_class_init(PinoInputClass *class) {
}

static void pino_input_init(PinoInput *input) {
}

/* --- the stream ---- */

#define PINO_TYPE_STREAM (pino_stream_get_type())
G_DECLARE_FINAL_TYPE(PinoStream, pino_stream, PINO, STREAM, GSocketConnection)

struct _PinoStream {
  GSocketConnection parent;
  PinoInput *input;
};

G_DEFINE_TYPE(PinoStream, pino_stream, G_TYPE_SOCKET_CONNECTION)

static GInputStream *get_input_stream(GIOStream *stream) {
  PinoStream *self = PINO_STREAM(stream);
  if (self->input == NULL)
    self->input = g_object_new(PINO_TYPE_INPUT, "base-stream",
                               G_IO_STREAM_CLASS(pino_stream_parent_class)->get_input_stream(stream), NULL);
  return G_INPUT_STREAM(self->input);
}

static void finalize(GObject *object) {
  g_clear_object(&PINO_STREAM(object)->input);
  G_OBJECT_CLASS(pino_stream_parent_class)->finalize(object);
}

static void pino_stream_class_init(PinoStreamClass *class) {
  G_IO_STREAM_CLASS(class)->get_input_stream = get_input_stream;
  G_OBJECT_CLASS(class)->finalize = finalize;
}

static void pino_stream_init(PinoStream *stream) {
}

GSocketConnection *pino_stream_new(GSocket *socket) {
  return g_object_new(PINO_TYPE_STREAM, "socket", socket, NULL);
}

void pino_stream_set_idle(GSocketConnection *stream, gboolean idle) {
  PINO_INPUT(get_input_stream(G_IO_STREAM(stream)))->idle = idle;
}
