/* Wrong tries become slow, for whoever made them. */
#include <string.h>

#include "gate/limiter.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

static PinoLimiter *make(void) {
  return pino_limiter_new();
}

static void test_doubling(void) {
  static const guint waits[] = {0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900};
  PinoLimiter *limiter = make();
  gint64 now = 1000 * SECOND;
  for (gsize i = 0; i < G_N_ELEMENTS(waits); i++) {
    g_assert_cmpuint(pino_limiter_wait(limiter, "t1", "1.2.3.4", now), ==, 0);
    g_assert_cmpuint(pino_limiter_wrong(limiter, "t1", "1.2.3.4", now), ==, waits[i]);
    now += SECOND / 2;
    if (waits[i] > 0)
      g_assert_cmpuint(pino_limiter_wait(limiter, "t1", "1.2.3.4", now), ==, waits[i]);
    g_assert_cmpuint(pino_limiter_wait(limiter, "t1", "1.2.3.5", now), ==, 0);
    g_assert_cmpuint(pino_limiter_wait(limiter, "t2", "1.2.3.4", now), ==, 0);
    now += (gint64)waits[i] * SECOND;
  }
  now += 901 * SECOND; /* a quarter of an hour without a wrong try */
  g_assert_cmpuint(pino_limiter_wrong(limiter, "t1", "1.2.3.4", now), ==, 0);
  pino_limiter_free(limiter);
}

static void test_slow_tries_are_free(void) {
  PinoLimiter *limiter = make();
  for (gint64 i = 0; i < 100; i++)
    g_assert_cmpuint(pino_limiter_wrong(limiter, "t1", "1.2.3.4", i * 16 * SECOND), ==, 0);
  pino_limiter_free(limiter);
}

static void test_right_forgives(void) {
  PinoLimiter *limiter = make();
  for (guint i = 0; i < 4; i++)
    (void)pino_limiter_wrong(limiter, "t1", "1.2.3.4", SECOND);
  pino_limiter_right(limiter, "t1", "1.2.3.4");
  g_assert_cmpuint(pino_limiter_count(limiter), ==, 0);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint(pino_limiter_wrong(limiter, "t1", "1.2.3.4", SECOND), ==, 0);
  pino_limiter_free(limiter);
}

static void test_bounded(void) {
  PinoLimiter *limiter = make();
  for (guint i = 0; i < 3 * PINO_LIMITER_ENTRIES; i++) {
    g_autofree char *client = g_strdup_printf("client-%u", i);
    (void)pino_limiter_wrong(limiter, "t1", client, SECOND + i);
  }
  g_assert_cmpuint(pino_limiter_count(limiter), ==, PINO_LIMITER_ENTRIES);
  pino_limiter_free(limiter);
}

static void test_rate_of_all(void) {
  PinoLimiter *limiter = make();
  gint64 now = 1000 * SECOND;
  guint taken = 0;
  for (guint i = 0; i < 1000; i++, now += SECOND / 100) { /* for ten seconds */
    g_autofree char *client = g_strdup_printf("client-%u", i);
    taken += pino_limiter_wait(limiter, "t1", client, now) == 0;
  }
  g_assert_cmpuint(taken, >=, 10 * PINO_LIMITER_RATE);
  g_assert_cmpuint(taken, <=, 10 * PINO_LIMITER_RATE + PINO_LIMITER_BURST);
  pino_limiter_free(limiter);
}

/* However many clients make them: the share takes a hundred wrong tries, then one every five seconds. */
static void test_budget_of_a_share(void) {
  PinoLimiter *limiter = make();
  gint64 now = 1000 * SECOND;
  for (guint i = 0; i < PINO_LIMITER_SHARE_TRIES; i++, now += SECOND / 20) {
    g_autofree char *client = g_strdup_printf("client-%u", i);
    g_assert_cmpuint(pino_limiter_wait(limiter, "t1", client, now), ==, 0);
    g_assert_cmpuint(pino_limiter_wrong(limiter, "t1", client, now), ==, 0);
  }
  now += 20 * SECOND; /* five tries came back, since the first */
  guint taken = 0;
  while (pino_limiter_wait(limiter, "t1", "honest", now) == 0) {
    g_autofree char *client = g_strdup_printf("late-%u", taken++);
    (void)pino_limiter_wrong(limiter, "t1", client, now);
    g_assert_cmpuint(taken, <, 100);
  }
  g_assert_cmpuint(taken, ==, 5);
  g_assert_cmpuint(pino_limiter_wait(limiter, "t1", "honest", now), <=, PINO_LIMITER_SHARE_SECONDS);
  g_assert_cmpuint(pino_limiter_wait(limiter, "t2", "honest", now), ==, 0);
  g_assert_cmpuint(pino_limiter_wait(limiter, "t1", "honest", now + 5 * SECOND), ==, 0);
  pino_limiter_free(limiter);
}

static void test_clients(void) {
  static const struct {
    const char *address, *key;
  } cases[] = {
      {"192.0.2.7", "192.0.2.7"},
      {"192.0.2.7:4711", "192.0.2.7"},
      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
      {"[2001:db8:1:2:ffff::1]:443", "2001:db8:1:2::"},
      {"::ffff:192.0.2.7", "192.0.2.7"},
      {"", "?"},
      {"unknown", "?"},
      {"1.2.3.4.5", "?"},
      {"[", "?"},
      {"[]", "?"},
      {"a very long text that is no address of anything but may be sent by somebody all the same", "?"},
  };
  char key[64];
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    pino_limiter_client(cases[i].address, strlen(cases[i].address), key);
    g_assert_cmpstr(key, ==, cases[i].key);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/limiter/waits-double-from-the-fifth", test_doubling);
  g_test_add_func("/gate/limiter/slow-tries-are-free", test_slow_tries_are_free);
  g_test_add_func("/gate/limiter/who-has-many-addresses-gets-no-further", test_budget_of_a_share);
  g_test_add_func("/gate/limiter/the-right-one-forgives", test_right_forgives);
  g_test_add_func("/gate/limiter/table-is-bounded", test_bounded);
  g_test_add_func("/gate/limiter/rate-of-all-is-bounded", test_rate_of_all);
  g_test_add_func("/gate/limiter/clients", test_clients);
  return g_test_run();
}
