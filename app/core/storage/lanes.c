#include "storage/lanes.h"

/* What is split off is no smaller, and begins at a multiple of the step. */
#define LEAST_UNASKED ((guint64)1024 * 1024)
#define LEAST_ASKED ((guint64)512 * 1024)
#define STEP ((guint64)64 * 1024)
/* A speed says something after this long. */
#define SETTLED_US G_USEC_PER_SEC
/* The small rest of a connection that needs more than this for it is taken as a whole. */
#define TOO_SLOW_US (5 * G_USEC_PER_SEC)

void pino_lanes_init(PinoLanes *lanes) {
  *lanes = (PinoLanes){0};
  pino_spans_init(&lanes->loose);
}

void pino_lanes_clear(PinoLanes *lanes) {
  pino_spans_clear(&lanes->loose);
}

void pino_lanes_fill(PinoLanes *lanes, const PinoSpans *have, guint64 total) {
  pino_lanes_clear(lanes);
  pino_lanes_init(lanes);
  PinoSpan gap = {0, 0};
  while (pino_spans_gap(have, gap.end, total, &gap))
    pino_spans_add(&lanes->loose, gap.start, gap.end);
}

static guint64 middle_of(guint64 start, guint64 end) {
  return MIN(start + ((end - start) / 2 + STEP - 1) / STEP * STEP, end);
}

static gboolean take_unasked(PinoLanes *lanes, PinoSpan *span) {
  PinoLane *richest = NULL;
  for (guint i = 0; i < PINO_LANES_MAX; i++) {
    PinoLane *lane = &lanes->lanes[i];
    if (lane->taken && lane->end > lane->asked &&
        (richest == NULL || lane->end - lane->asked > richest->end - richest->asked))
      richest = lane;
  }
  if (richest == NULL)
    return FALSE;
  gboolean enough = richest->end - richest->asked >= 2 * LEAST_UNASKED;
  *span = (PinoSpan){enough ? middle_of(richest->asked, richest->end) : richest->asked, richest->end};
  richest->end = span->start;
  return TRUE;
}

/* How long it will be at what it asked for. */
static double time_left(const PinoLane *lane) {
  return (double)(lane->asked - lane->at) * G_USEC_PER_SEC / MAX(lane->speed, 1.0);
}

static gboolean take_asked(PinoLanes *lanes, gint64 now, gint64 patience, PinoSpan *span) {
  PinoLane *slowest = NULL;
  for (guint i = 0; i < PINO_LANES_MAX; i++) {
    PinoLane *lane = &lanes->lanes[i];
    if (lane->taken && lane->asked > lane->at && now - lane->since >= SETTLED_US &&
        (slowest == NULL || time_left(lane) > time_left(slowest)))
      slowest = lane;
  }
  if (slowest == NULL || slowest->end == G_MAXUINT64 || time_left(slowest) < (double)patience)
    return FALSE;
  gboolean enough = slowest->asked - slowest->at >= 2 * LEAST_ASKED;
  if (!enough && time_left(slowest) < TOO_SLOW_US)
    return FALSE;
  *span = (PinoSpan){enough ? middle_of(slowest->at, slowest->asked) : slowest->at, slowest->end};
  slowest->asked = slowest->end = span->start;
  return TRUE;
}

gboolean pino_lanes_take(PinoLanes *lanes, guint i, gint64 now, gint64 patience) {
  PinoSpan span;
  if (!pino_spans_take_largest(&lanes->loose, &span) && !take_unasked(lanes, &span) &&
      !take_asked(lanes, now, patience, &span))
    return FALSE;
  PinoLane *lane = &lanes->lanes[i];
  *lane = (PinoLane){span.start, span.start, span.end, TRUE, lane->speed, now};
  return TRUE;
}

void pino_lanes_ask(PinoLanes *lanes, guint i, guint64 want, gint64 now) {
  PinoLane *lane = &lanes->lanes[i];
  guint64 left = lane->end - lane->at;
  lane->asked = left > want && left - want >= LEAST_UNASKED ? lane->at + want : lane->end;
  lane->since = now;
}

void pino_lanes_drop(PinoLanes *lanes, guint i) {
  PinoLane *lane = &lanes->lanes[i];
  if (lane->taken)
    pino_spans_add(&lanes->loose, lane->at, lane->end);
  *lane = (PinoLane){.speed = lane->speed};
}
