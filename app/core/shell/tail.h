/* The last part of a text that goes on: what stays of a shell's output however much it prints. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  GString *text; /* may hold more than the limit; see pino_tail_get() */
  gsize limit;
} PinoTail;

/* limit: the bytes that are kept. Clear with pino_tail_clear(). */
void pino_tail_init(PinoTail *tail, gsize limit);
void pino_tail_clear(PinoTail *tail);

/* Adds UTF-8 text. Takes no more memory than twice the limit and some. */
void pino_tail_append(PinoTail *tail, const char *text, gsize len);
void pino_tail_reset(PinoTail *tail);

/* The last bytes, from the start of a character on; not zero-terminated for sure, valid until the next change. */
const char *pino_tail_get(const PinoTail *tail, gsize *len);

G_END_DECLS
