/* Sets of byte ranges of one file: what is there, or what is still to come. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From start up to, but not with, end. */
typedef struct {
  guint64 start;
  guint64 end;
} PinoSpan;

/* In order, apart from each other. */
typedef struct {
  GArray *list; /* of PinoSpan */
} PinoSpans;

/* An empty set; pino_spans_clear() ends it. */
void pino_spans_init(PinoSpans *spans);
void pino_spans_clear(PinoSpans *spans);

/* Adds a range; what touches or overlaps becomes one. An empty one adds nothing. */
void pino_spans_add(PinoSpans *spans, guint64 start, guint64 end);

/* Forgets what lies at end or beyond. */
void pino_spans_clip(PinoSpans *spans, guint64 end);

/* How many bytes it holds. */
guint64 pino_spans_bytes(const PinoSpans *spans);

/* Sets *gap to the first range at or after from that is missing and ends before end. FALSE when there is none. */
gboolean pino_spans_gap(const PinoSpans *spans, guint64 from, guint64 end, PinoSpan *gap);

/* Takes the largest range out of it. FALSE when it is empty. */
gboolean pino_spans_take_largest(PinoSpans *spans, PinoSpan *span);

G_END_DECLS
