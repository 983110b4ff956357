/* Following a run: its events over a WebSocket, printed as they come, its questions answered, over the end of the engine
 * and its next start. */
#pragma once

#include "cli/client.h"
#include "terminal/ask.h"

G_BEGIN_DECLS

typedef struct {
  const char *run;
  guint64 offset;       /* of the journal: where it begins */
  gboolean events;      /* print each event as a line of JSON, else the output raw */
  gboolean until_ready; /* or to the run's end */
  PinoAnswers *answers; /* NULL: questions are left to others */
} PinoFollow;

typedef enum {
  PINO_FOLLOW_READY,
  PINO_FOLLOW_OVER,
  PINO_FOLLOW_LEFT,   /* Ctrl-C, or nobody reads what is printed */
  PINO_FOLLOW_FAILED, /* error set */
} PinoFollowEnd;

/* Follows; *client is put in place of by another one when the engine was started again. An engine that was killed is
 * started; one that went by itself is waited for. */
PinoFollowEnd pino_follow(PinoClient **client, const PinoFollow *follow, GError **error);

/* Prints what there is of the run now, and is done. */
gboolean pino_follow_print(PinoClient *client, const PinoFollow *follow, GError **error);

G_END_DECLS
