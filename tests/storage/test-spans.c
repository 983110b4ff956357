/* The arithmetic of downloads over several connections: what is there, and who fetches what. */
#include <glib.h>

#include "storage/lanes.h"

#define MIB ((guint64)1024 * 1024)

static void test_spans(void) {
  PinoSpans spans;
  pino_spans_init(&spans);
  pino_spans_add(&spans, 10, 20);
  pino_spans_add(&spans, 30, 40);
  pino_spans_add(&spans, 5, 5);
  g_assert_cmpuint(spans.list->len, ==, 2);
  PinoSpan gap;
  g_assert_true(pino_spans_gap(&spans, 0, 50, &gap));
  g_assert_cmpuint(gap.start, ==, 0);
  g_assert_cmpuint(gap.end, ==, 10);
  g_assert_true(pino_spans_gap(&spans, 10, 35, &gap));
  g_assert_cmpuint(gap.start, ==, 20);
  g_assert_cmpuint(gap.end, ==, 30);
  g_assert_true(pino_spans_gap(&spans, 35, 50, &gap));
  g_assert_cmpuint(gap.start, ==, 40);
  g_assert_false(pino_spans_gap(&spans, 30, 40, &gap));
  pino_spans_add(&spans, 20, 30);
  g_assert_cmpuint(spans.list->len, ==, 1);
  pino_spans_add(&spans, 0, 100);
  g_assert_cmpuint(pino_spans_bytes(&spans), ==, 100);
  pino_spans_clip(&spans, 60);
  pino_spans_add(&spans, 70, 71);
  pino_spans_add(&spans, 80, 90);
  g_assert_true(pino_spans_take_largest(&spans, &gap));
  g_assert_cmpuint(gap.end, ==, 60);
  g_assert_cmpuint(pino_spans_bytes(&spans), ==, 11);
  pino_spans_clip(&spans, 75);
  g_assert_cmpuint(pino_spans_bytes(&spans), ==, 1);
  pino_spans_clear(&spans);
}

/* Whatever is added in whatever order, the set is what a table of bytes says. */
static void test_spans_random(void) {
  for (guint round = 0; round < 200; round++) {
    gboolean table[256] = {FALSE};
    PinoSpans spans;
    pino_spans_init(&spans);
    for (guint i = 0; i < 20; i++) {
      guint start = (guint)g_test_rand_int_range(0, 250);
      guint end = start + (guint)g_test_rand_int_range(0, 20);
      end = MIN(end, 256);
      pino_spans_add(&spans, start, end);
      for (guint at = start; at < end; at++)
        table[at] = TRUE;
    }
    PinoSpan gap = {0, 0};
    guint missing = 0;
    while (pino_spans_gap(&spans, gap.end, 256, &gap))
      for (guint64 at = gap.start; at < gap.end; at++, missing++)
        g_assert_false(table[at]);
    g_assert_cmpuint(pino_spans_bytes(&spans) + missing, ==, 256);
    pino_spans_clear(&spans);
  }
}

/* Eight lanes that advance at random speeds and fail now and then bring every byte once. */
static void test_lanes_random(void) {
  const guint64 total = 300 * MIB + 12345;
  PinoLanes lanes;
  PinoSpans none, got;
  pino_spans_init(&none);
  pino_spans_init(&got);
  pino_lanes_init(&lanes);
  pino_lanes_fill(&lanes, &none, total);
  guint64 brought = 0;
  gint64 now = 0;
  for (guint turns = 0; brought < total; turns++) {
    g_assert_cmpuint(turns, <, 1000000);
    guint i = (guint)g_test_rand_int_range(0, 8);
    PinoLane *lane = &lanes.lanes[i];
    now += 100000;
    if (!lane->taken && !pino_lanes_take(&lanes, i, now, 100000))
      continue;
    if (lane->at == lane->asked && lane->at < lane->end)
      pino_lanes_ask(&lanes, i, PINO_LANES_PIECE, now);
    guint64 some = (guint64)g_test_rand_int_range(1, 2 * (gint32)MIB);
    guint64 n = MIN(some, lane->asked - lane->at);
    pino_spans_add(&got, lane->at, lane->at + n);
    brought += n;
    lane->at += n;
    lane->speed = (double)n * 10;
    g_assert_cmpuint(pino_spans_bytes(&got), ==, brought);
    if (lane->at == lane->end || g_test_rand_int_range(0, 50) == 0)
      pino_lanes_drop(&lanes, i);
  }
  g_assert_cmpuint(got.list->len, ==, 1);
  pino_spans_clear(&got);
  pino_spans_clear(&none);
  pino_lanes_clear(&lanes);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/spans/ranges", test_spans);
  g_test_add_func("/storage/spans/ranges-at-random", test_spans_random);
  g_test_add_func("/storage/spans/lanes-bring-every-byte-once", test_lanes_random);
  return g_test_run();
}
