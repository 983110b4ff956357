/* Words that nobody else should see on the command line: typed without echo, or read from a pipe. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A line of standard input without its end; on a terminal the prompt is shown on standard error and nothing of what is typed.
 * what: how a person knows it ("the passcode"). Free with pino_secret_free(). Errors: PINO_ERROR_CANCELLED (Ctrl-C, or the
 * end of the input came first), PINO_ERROR_USAGE (empty, no UTF-8, or longer than 1000 bytes). */
char *pino_secret_read(const char *prompt, const char *what, GError **error);

/* The same check of a word that came otherwise. */
gboolean pino_secret_check(const char *word, const char *what, GError **error);

/* Overwrites each argument of the program that is the word, or ends with "=" and the word, so that a list of processes
 * does not show it any longer. */
void pino_secret_hide(char **arguments, const char *word);

/* Overwrites it; NULL is fine. */
void pino_secret_free(char *secret);

G_END_DECLS
