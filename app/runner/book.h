/* What a run writes into its journal (state/journal.h). */
#pragma once

#include "script/event.h"

G_BEGIN_DECLS

typedef struct _PinoBook PinoBook;

/* Opens the journal; a new one begins with {"type":"run","run":ID,"app":NAME or null,"script":PATH,"time":MS}. */
PinoBook *pino_book_open(const char *path, const char *home, const char *run, const char *script,
                         GError **error);
void pino_book_free(PinoBook *book);

/* How many shells the journal tells of: an earlier process of this run started them. */
guint pino_book_shells(PinoBook *book);

/* A PinoEventSink whose data is a PinoBook. What cannot be written is told once on standard error. */
void pino_book_note(const PinoEvent *event, gpointer book);

G_END_DECLS
