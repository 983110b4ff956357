/* The needle of a regular expression: text that every match of it must hold.
 *
 * Looking for a needle costs a fraction of running the expression, so output that does not hold it never reaches
 * JavaScript. A needle is taken only where it is certain; an expression without one is simply always run.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoNeedle PinoNeedle;

/* Finds the longest needle of an expression of JavaScript, given as its source and flags in UTF-8. NULL if none is
 * certain or worth looking for. Free with pino_needle_free(). */
PinoNeedle *pino_needle_new(const char *source, const char *flags);
void pino_needle_free(PinoNeedle *needle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoNeedle, pino_needle_free)

/* Bytes of the needle. */
gsize pino_needle_length(const PinoNeedle *needle);

/* Tells whether text (UTF-8) holds the needle. */
gboolean pino_needle_found(const PinoNeedle *needle, const char *text, gsize len);

G_END_DECLS
