/* What an app says to the person without asking (notify, push, web.open, ...), for those who look on just now.
 *
 * The engine hands it to its followers, who need not take much: some messages a second, each of bounded size and depth. Of
 * what is beyond the last is told when the second is over, the others are counted; the journal has all of it.
 */
#pragma once

#include "runner/link.h"
#include "script/event.h"

G_BEGIN_DECLS

typedef struct _PinoNews PinoNews;

/* context: of the run's thread, on which all of this is called. */
PinoNews *pino_news_new(PinoLink *link, GMainContext *context);
/* Tells what is held back. */
void pino_news_free(PinoNews *news);

/* Sends the event over the link, if it is of that kind. */
void pino_news_note(PinoNews *news, const PinoEvent *event);

G_END_DECLS
