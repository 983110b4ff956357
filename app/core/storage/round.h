/* What a try at a download consists of: its connections and what they have come to. transfer.c sets them to work,
 * receive.c takes what comes back. Not for other rooms. */
#pragma once

#include "storage/lanes.h"
#include "storage/request.h"
#include "storage/transfer.h"

G_BEGIN_DECLS

typedef enum {
  PINO_ROUND_GOING,
  PINO_ROUND_DONE,
  PINO_ROUND_TAKEN,
  PINO_ROUND_WHOLE,   /* again, and without ranges */
  PINO_ROUND_CHANGED, /* what is there is of another version: RETRY with nothing */
  PINO_ROUND_RETRY,
  PINO_ROUND_FAILED,
} PinoRoundState;

typedef struct PinoRound PinoRound;

typedef struct {
  PinoRound *round;
  guint index; /* also of its lane */
  PinoRequest request;
  gboolean live;     /* in the multi handle */
  gboolean begun;    /* the body is for the part */
  gboolean placed;   /* was asked for where redirects had led before */
  guint64 from;      /* what was asked for ... */
  guint64 to;        /* ... up to here; G_MAXUINT64: to the end */
  guint64 noted;     /* up to here the part knows */
  guint64 brought;   /* bytes since its last failure */
  guint failures;    /* in a row */
  gint64 rest_until; /* monotonic time */
  gint64 window_at;  /* for the lane's speed */
  guint64 window_from;
} PinoConnection;

struct PinoRound {
  PinoTransfer *transfer;
  CURLM *multi;
  CURLSH *share;
  PinoLanes lanes;
  PinoConnection connections[PINO_LANES_MAX];
  guint live;
  guint most;       /* connections that may be at work; 1 until the first answer allows for more */
  gboolean probing; /* nothing is known of the file before the first answer */
  gboolean begun;   /* some answer was of use */
  gint64 patience;  /* us: a connection that is longer than this at its rest may lose some of it */
  gint64 told_at;   /* progress */
  PinoRoundState state;
  GError *error; /* with RETRY, CHANGED and FAILED */
};

/* The lane of a connection. */
static inline PinoLane *pino_round_lane(PinoConnection *connection) {
  return &connection->round->lanes.lanes[connection->index];
}

/* Ends the round; the first call counts. Takes error, which may be NULL. */
void pino_round_end(PinoRound *round, PinoRoundState state, GError *error);

/* How many connections what is missing is worth. */
guint pino_round_worth(const PinoRound *round);

/* libcurl's functions for the head and the body; user is the connection. */
size_t pino_receive_header(char *data, size_t size, size_t count, void *user);
size_t pino_receive_body(char *data, size_t size, size_t count, void *user);

/* What came of a request. TRUE: it was a redirect, and the request is to be made again as it is now. */
gboolean pino_receive_end(PinoConnection *connection, CURLcode code);

G_END_DECLS
