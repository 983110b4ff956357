/* Output of programs as valid UTF-8, whatever they write.
 *
 * UTF-8 passes untouched; a character that a chunk cuts in two waits for its rest. A line that is not UTF-8 is read
 * in the locale's charset, where that is another one; else as GB18030 or Shift-JIS when it looks like that, else each
 * bad byte as windows-1252. U+FFFD stands for what is nothing in any of them. Nothing fails.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoDecoder PinoDecoder;

/* charset: the locale's, NULL to ask for it. */
PinoDecoder *pino_decoder_new(const char *charset);
void pino_decoder_free(PinoDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoDecoder, pino_decoder_free)

/* Appends the next chunk, decoded, to out. Up to 3 bytes may wait for the next one. */
void pino_decoder_push(PinoDecoder *decoder, const char *data, gsize len, GString *out);

/* The stream ended: decodes what still waits. */
void pino_decoder_finish(PinoDecoder *decoder, GString *out);

/* Decodes a whole text. Free with g_free(). */
char *pino_decode(const char *data, gsize len);

G_END_DECLS
