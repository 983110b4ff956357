#include "storage/spans.h"

static PinoSpan *span_at(const PinoSpans *spans, guint i) {
  return &g_array_index(spans->list, PinoSpan, i);
}

void pino_spans_init(PinoSpans *spans) {
  spans->list = g_array_new(FALSE, FALSE, sizeof(PinoSpan));
}

void pino_spans_clear(PinoSpans *spans) {
  g_clear_pointer(&spans->list, g_array_unref);
}

/* The first range that ends at `at` or later: ranges before it neither touch nor overlap what starts there. */
static guint first_from(const PinoSpans *spans, guint64 at) {
  guint low = 0, high = spans->list->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (span_at(spans, middle)->end < at)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void pino_spans_add(PinoSpans *spans, guint64 start, guint64 end) {
  if (start >= end)
    return;
  guint first = first_from(spans, start);
  guint after = first;
  PinoSpan whole = {start, end};
  for (; after < spans->list->len && span_at(spans, after)->start <= end; after++) {
    whole.start = MIN(whole.start, span_at(spans, after)->start);
    whole.end = MAX(whole.end, span_at(spans, after)->end);
  }
  if (after == first) {
    g_array_insert_val(spans->list, first, whole);
    return;
  }
  *span_at(spans, first) = whole;
  if (after > first + 1)
    g_array_remove_range(spans->list, first + 1, after - first - 1);
}

void pino_spans_clip(PinoSpans *spans, guint64 end) {
  while (spans->list->len > 0) {
    PinoSpan *last = span_at(spans, spans->list->len - 1);
    last->end = MIN(last->end, end);
    if (last->start < last->end)
      return;
    g_array_set_size(spans->list, spans->list->len - 1);
  }
}

guint64 pino_spans_bytes(const PinoSpans *spans) {
  guint64 bytes = 0;
  for (guint i = 0; i < spans->list->len; i++)
    bytes += span_at(spans, i)->end - span_at(spans, i)->start;
  return bytes;
}

gboolean pino_spans_gap(const PinoSpans *spans, guint64 from, guint64 end, PinoSpan *gap) {
  guint64 at = from;
  guint i = first_from(spans, at);
  for (; i < spans->list->len && span_at(spans, i)->start <= at; i++)
    at = MAX(at, span_at(spans, i)->end);
  guint64 until = i < spans->list->len ? MIN(span_at(spans, i)->start, end) : end;
  *gap = (PinoSpan){at, until};
  return at < until;
}

gboolean pino_spans_take_largest(PinoSpans *spans, PinoSpan *span) {
  guint best = 0;
  if (spans->list->len == 0)
    return FALSE;
  for (guint i = 1; i < spans->list->len; i++)
    if (span_at(spans, i)->end - span_at(spans, i)->start >
        span_at(spans, best)->end - span_at(spans, best)->start)
      best = i;
  *span = *span_at(spans, best);
  g_array_remove_index(spans->list, best);
  return TRUE;
}
