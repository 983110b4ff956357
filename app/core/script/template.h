/* The scanner of templates: where in a text the {{expressions}} are. What they mean is render.js's. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Tells whether text[0..len) parses as one expression. */
typedef gboolean (*PinoTemplateParses)(const char *text, gsize len, gpointer data);

/* Splits text into literals and expressions in turn: the items at even places are literals (maybe empty), those at
 * odd places expressions without their braces; the count is odd. An expression is the shortest run between "{{" and
 * "}}" that parses, innermost first, so that in {{env.{{platform}}_PATH}} it is `platform`. {{{...}}} is literal, and
 * so is what does not parse. Any bytes are allowed. Free the array with g_ptr_array_unref(). */
GPtrArray *pino_template_split(const char *text, gsize len, PinoTemplateParses parses, gpointer data);

G_END_DECLS
