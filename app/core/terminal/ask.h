/* Answers to what scripts ask: from a file, else typed on the terminal. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoAnswers PinoAnswers;

/* file: JSON of an object by key, or an array of such objects, one for each form in turn; NULL: the terminal. */
PinoAnswers *pino_answers_new(const char *file, GError **error);
void pino_answers_free(PinoAnswers *answers);

/* A PinoAsk whose data is a PinoAnswers. */
char *pino_answers_ask(const char *request, GCancellable *cancellable, gpointer answers, GError **error);

G_END_DECLS
