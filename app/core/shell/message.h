/* From a step's message to the text of a command line. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Text as one word of bash: what the program gets is the text, byte for byte. No control character is left in the
 * word, so that it can be typed into an interactive shell too. Free with g_free(). */
char *pino_shell_quote(const char *text);

typedef struct {
  const char *name;
  const char *value; /* NULL: a bare flag */
} PinoMessageFlag;

/* The command line of a structured message: the positional arguments, then the flags as `--name value` (`-n value`
 * for a name of one letter), in order; a flag without a name is passed over. Every argument reaches the program
 * unchanged. "" when there is nothing. Free with g_free(). */
char *pino_message_structured(const char *const *positional, const PinoMessageFlag *flags, gsize count);

/* Several commands as one line of one shell. chain: '|' goes on only after a failure, '*' always, anything else only
 * after success. Blank commands are passed over. Free with g_free(). */
char *pino_message_chain(const char *const *commands, char chain);

G_END_DECLS
