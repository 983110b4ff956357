#include "shell/stream.h"

#include <string.h>

#include "shell/decode.h"
#include "terminal/ansi.h"

/* ECMA-48, "DSR - Device Status Report", 6: the active position is asked for. */
static const char CURSOR_QUESTION[] = "\033[6n";

typedef struct {
  gsize position; /* in `plain` */
  PinoMark mark;
} PlacedMark;

struct _PinoStream {
  PinoStreamEvents events;
  gpointer data;
  char *nonce;
  PinoDecoder *decoder;
  PinoAnsi ansi;
  GString *decoded;
  GString *plain;
  GArray *marks; /* of PlacedMark */
  gsize asked;   /* characters of CURSOR_QUESTION that came last */
};

static void on_osc(const char *payload, gsize len, gsize position, gpointer data) {
  PinoStream *stream = data;
  PlacedMark placed = {position, pino_mark_read(payload, len, stream->nonce)};
  if (placed.mark.kind == PINO_MARK_OTHER)
    return;
  g_array_append_val(stream->marks, placed);
  /* The line editor's, not what is printed next. */
  stream->ansi.held_return = FALSE;
}

PinoStream *pino_stream_new(const char *nonce, const PinoStreamEvents *events, gpointer data) {
  PinoStream *stream = g_new0(PinoStream, 1);
  stream->events = *events;
  stream->data = data;
  stream->nonce = g_strdup(nonce);
  stream->decoder = pino_decoder_new(NULL);
  pino_ansi_init(&stream->ansi, nonce != NULL ? on_osc : NULL, stream);
  stream->decoded = g_string_new(NULL);
  stream->plain = g_string_new(NULL);
  stream->marks = g_array_new(FALSE, FALSE, sizeof(PlacedMark));
  return stream;
}

void pino_stream_free(PinoStream *stream) {
  if (stream == NULL)
    return;
  g_free(stream->nonce);
  pino_decoder_free(stream->decoder);
  pino_ansi_clear(&stream->ansi);
  g_string_free(stream->decoded, TRUE);
  g_string_free(stream->plain, TRUE);
  g_array_unref(stream->marks);
  g_free(stream);
}

const GString *pino_stream_decode(PinoStream *stream, const guint8 *bytes, gsize len, gboolean finish) {
  g_string_truncate(stream->decoded, 0);
  pino_decoder_push(stream->decoder, (const char *)bytes, len, stream->decoded);
  if (finish)
    pino_decoder_finish(stream->decoder, stream->decoded);
  return stream->decoded;
}

void pino_stream_tell(PinoStream *stream, gboolean finish) {
  g_string_truncate(stream->plain, 0);
  g_array_set_size(stream->marks, 0);
  pino_ansi_filter(&stream->ansi, stream->decoded->str, stream->decoded->len, stream->plain);
  if (finish)
    pino_ansi_finish(&stream->ansi, stream->plain);
  gsize told = 0;
  for (guint i = 0; i < stream->marks->len; i++) {
    const PlacedMark *placed = &g_array_index(stream->marks, PlacedMark, i);
    if (placed->position > told)
      stream->events.text(stream->plain->str + told, placed->position - told, stream->data);
    told = MAX(told, placed->position);
    stream->events.mark(&placed->mark, stream->data);
  }
  if (stream->plain->len > told)
    stream->events.text(stream->plain->str + told, stream->plain->len - told, stream->data);
}

guint pino_stream_cursor_questions(PinoStream *stream, const guint8 *bytes, gsize len) {
  guint count = 0;
  for (gsize i = 0; i < len; i++) {
    if (stream->asked == 0) {
      const guint8 *escape = memchr(bytes + i, CURSOR_QUESTION[0], len - i);
      if (escape == NULL)
        return count;
      i = (gsize)(escape - bytes);
    }
    if (bytes[i] == (guint8)CURSOR_QUESTION[stream->asked])
      stream->asked++;
    else
      stream->asked = bytes[i] == (guint8)CURSOR_QUESTION[0];
    if (stream->asked == sizeof CURSOR_QUESTION - 1) {
      count++;
      stream->asked = 0;
    }
  }
  return count;
}
