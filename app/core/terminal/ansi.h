/* Takes terminal control out of a stream of output and leaves the text, for what looks for words in it.
 *
 * Gone are escape sequences of every kind (ECMA-48 and xterm's), C1 controls as UTF-8 (U+0080 to U+009F), and control
 * characters other than tab and newline. "\r\n", and a lone run of "\r", become one "\n"; form feed, vertical tab and
 * NEL too. Chunks may be cut anywhere: the result is the same. What comes out never holds ESC. Memory is bounded: the
 * text of a sequence is not kept, but for a short OSC while a callback wants it.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The longest OSC that is told of, in bytes; a longer one is dropped like the rest. */
#define PINO_ANSI_OSC_LIMIT 4096

/* Told of each OSC: its payload (not zero-terminated, without introducer and terminator), and the length that the
 * output has at that moment. */
typedef void (*PinoAnsiOsc)(const char *payload, gsize len, gsize position, gpointer data);

typedef struct {
  guint8 state;
  guint8 string_kind;   /* of the string that is being passed over */
  gboolean held_return; /* a "\r" whose meaning the next text tells */
  gsize string_length;
  char *osc; /* PINO_ANSI_OSC_LIMIT bytes, once one was seen */
  PinoAnsiOsc callback;
  gpointer data;
} PinoAnsi;

/* Begins a stream; callback may be NULL. Free what it grows with pino_ansi_clear(). */
void pino_ansi_init(PinoAnsi *ansi, PinoAnsiOsc callback, gpointer data);
void pino_ansi_clear(PinoAnsi *ansi);

/* Appends the text of the next chunk to out. */
void pino_ansi_filter(PinoAnsi *ansi, const char *in, gsize len, GString *out);

/* The stream ended: gives out what was held back, drops a sequence that was not finished, and starts anew. */
void pino_ansi_finish(PinoAnsi *ansi, GString *out);

G_END_DECLS
