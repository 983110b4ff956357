/* Pieces of a text that lies elsewhere, such as the parts of an HTTP head. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *text; /* not terminated */
  gsize length;
} PinoSlice;

/* TRUE when it is that word, whatever the case of its letters. */
gboolean pino_slice_is(PinoSlice slice, const char *word);
/* TRUE when it begins with exactly that. */
gboolean pino_slice_starts(PinoSlice slice, const char *prefix);
/* Without blanks and tabs at both ends. */
PinoSlice pino_slice_trim(PinoSlice slice);
/* Takes the next item of a list, trimmed, off its front; FALSE at the end. Empty items are given too. */
gboolean pino_slice_next(PinoSlice *list, char separator, PinoSlice *item);
/* TRUE when a comma-separated list names that word. */
gboolean pino_slice_names(PinoSlice list, const char *word);
/* Adds it to a string. */
void pino_slice_append(GString *out, PinoSlice slice);

G_END_DECLS
