/* What the commands print: output as it comes on standard output, remarks of their own on standard error. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* "[pinokiocloud] TEXT" on standard error, dimmed on a terminal. Control characters that came with it are shown as
 * escapes, but for ends of lines and tabs; so it is with an error. */
void pino_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* "pinokiocloud: MESSAGE" on standard error; gives PINO_EXIT_FAILED. */
int pino_say_error(const GError *error);

/* Writes all of it; FALSE when the reader has gone. */
gboolean pino_put(int fd, const void *bytes, gsize length);

/* A line of a command's own on standard output. */
void pino_put_line(const char *text);
/* The same of text that may come from elsewhere: control characters are shown as escapes. */
void pino_put_text(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Over several lines, for a person too. */
void pino_put_json(JsonNode *node);

/* Text from elsewhere on one line: control characters are shown as escapes, and what is no UTF-8 as U+FFFD. */
char *pino_one_line(const char *text);

/* "3 s", "4 min", "2 h 5 min", "3 d 4 h". */
char *pino_span(gint64 seconds);

G_END_DECLS
