/* A shell's output on its way: bytes become text, control sequences leave it, marks of the prompt split it. */
#pragma once

#include <glib.h>

#include "shell/prompt.h"

G_BEGIN_DECLS

typedef struct {
  /* Text between two marks, in order: valid UTF-8 without control sequences. */
  void (*text)(const char *text, gsize len, gpointer data);
  void (*mark)(const PinoMark *mark, gpointer data);
} PinoStreamEvents;

typedef struct _PinoStream PinoStream;

/* nonce: the word of the shell's marks; NULL if it makes none. Free with pino_stream_free(). */
PinoStream *pino_stream_new(const char *nonce, const PinoStreamEvents *events, gpointer data);
void pino_stream_free(PinoStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoStream, pino_stream_free)

/* Takes the next bytes and gives them decoded, control sequences included; valid until the next call. finish: the
 * output has ended. */
const GString *pino_stream_decode(PinoStream *stream, const guint8 *bytes, gsize len, gboolean finish);

/* Tells the events of what was decoded last. */
void pino_stream_tell(PinoStream *stream, gboolean finish);

/* How often the bytes ask a terminal where its cursor is (ESC [6n), also when cut by their borders. */
guint pino_stream_cursor_questions(PinoStream *stream, const guint8 *bytes, gsize len);

G_END_DECLS
