/* What prose says of an address, where no framework's line is known.
 *
 * "Server running on port 3000" and "Open http://localhost:8000 in your browser" give an address away;
 * "Waiting for the server at ..." and "Allowed origins: ..." do not, though they name one of this machine, and it may even
 * answer (a database, another app's server). Unless a word speaks for an address, it is not taken.
 */
#pragma once

#include <glib.h>

#include "detect/mention.h"

G_BEGIN_DECLS

/* Appends the part of a line before an address to out: blanks as one, without what leads over to the address at its end
 * (colons, arrows, quotes, brackets, pictures). */
void pino_words_before(const char *line, gsize length, GString *out);

/* Whether a word in this text, of pino_words_before(), says that its address is another one than the app's page. */
gboolean pino_words_deny(const char *before);

/* The rank that this text gives to a mention (detect/detect.h), 0 for none. A known path of an API makes it one; paths of
 * files, callbacks and health checks, and words that deny, give 0. */
int pino_words_rank(const char *before, const PinoMention *mention);

/* The rank of a URL that stands on a line of its own, under nothing that tells what it is. */
int pino_words_rank_alone(const PinoMention *mention);

/* Whether nothing but signs, numbers and a log's brackets stands in this text. */
gboolean pino_words_none(const char *before);

/* Whether a sentence goes on in the line after this text: its last word is "at", "to", "from" and the like. */
gboolean pino_words_go_on(const char *before);

/* Whether the path of a mention is one that APIs have (/v1, /docs). */
gboolean pino_words_api_path(const PinoMention *mention);

G_END_DECLS
