/* Who of several connections fetches which bytes of a file.
 *
 * Every connection has a lane: from its next byte up to the end of what is its own. It asks the server for a part of
 * that at a time, so that a connection without work can take over what nobody has asked for yet at no cost. What has
 * been asked for is taken away only from a connection that would be at it for long: it has to be cut then. Pure
 * arithmetic: no file and no network. Not for other rooms. */
#pragma once

#include "storage/spans.h"

G_BEGIN_DECLS

#define PINO_LANES_MAX 16
/* Below this a request of its own is not worth it. */
#define PINO_LANES_PIECE ((guint64)4 * 1024 * 1024)

typedef struct {
  guint64 at;    /* the next byte */
  guint64 asked; /* up to here the server was asked */
  guint64 end;   /* up to here it is the lane's; G_MAXUINT64 while the file's length is unknown */
  gboolean taken;
  double speed; /* bytes a second, 0: not known */
  gint64 since; /* when it asked, monotonic time */
} PinoLane;

typedef struct {
  PinoSpans loose; /* nobody's */
  PinoLane lanes[PINO_LANES_MAX];
} PinoLanes;

/* Without anything to do; pino_lanes_clear() ends it. */
void pino_lanes_init(PinoLanes *lanes);
void pino_lanes_clear(PinoLanes *lanes);

/* Begins anew with what have lacks of a file of total bytes, nobody's yet. */
void pino_lanes_fill(PinoLanes *lanes, const PinoSpans *have, guint64 total);

/* Gives lane i something to do: what is nobody's, else half of what another has not asked for, else, when another
 * needs more than patience (us) for what it asked for, half of that or all of it. FALSE when there is nothing. */
gboolean pino_lanes_take(PinoLanes *lanes, guint i, gint64 now, gint64 patience);

/* Settles what lane i asks for now: some `want` bytes. */
void pino_lanes_ask(PinoLanes *lanes, guint i, guint64 want, gint64 now);

/* What lane i has left becomes nobody's. */
void pino_lanes_drop(PinoLanes *lanes, guint i);

G_END_DECLS
