/* How long a provider is left alone after a failure; the clock is the test's own. */
#include "tunnel/bar.h"

#define MINUTE 60

typedef struct {
  PinoBars *bars;
  gint64 now; /* microseconds */
} Fixture;

static gint64 now_of(gpointer data) {
  return ((Fixture *)data)->now;
}

static void setup(Fixture *fixture, gconstpointer data) {
  fixture->now = 1000 * G_USEC_PER_SEC;
  fixture->bars = pino_bars_new_with_clock(now_of, fixture);
}

static void teardown(Fixture *fixture, gconstpointer data) {
  pino_bars_free(fixture->bars);
}

static void pass(Fixture *fixture, gint64 seconds) {
  fixture->now += seconds * G_USEC_PER_SEC;
}

/* Seconds until it may be tried; -1: never. */
static gint64 wait_of(Fixture *fixture, const char *id) {
  gint64 until = pino_bars_until(fixture->bars, id);
  if (until == G_MAXINT64)
    return -1;
  return until == 0 ? 0 : (until - fixture->now) / G_USEC_PER_SEC;
}

/* Each failure comes when the wait after the one before is over. */
static void assert_waits(Fixture *fixture, PinoTunnelFailure why, const gint64 *waits, gsize count) {
  for (gsize i = 0; i < count; i++) {
    pino_bars_fail(fixture->bars, "ngrok", why);
    g_assert_cmpint(wait_of(fixture, "ngrok"), ==, waits[i]);
    pass(fixture, waits[i]);
    g_assert_cmpint(wait_of(fixture, "ngrok"), ==, 0);
  }
}

static void test_usual(Fixture *fixture, gconstpointer data) {
  static const gint64 WAITS[] = {5, 10, 20, 40, 80, 160, 320, 600, 600, 600};
  g_assert_cmpint(wait_of(fixture, "ngrok"), ==, 0);
  assert_waits(fixture, PINO_TUNNEL_ENDED, WAITS, G_N_ELEMENTS(WAITS));
}

static void test_kinds(Fixture *fixture, gconstpointer data) {
  static const gint64 FIRST[] = {5}, SECOND[] = {10}, THIRD[] = {20};
  assert_waits(fixture, PINO_TUNNEL_ENDED, FIRST, 1);
  assert_waits(fixture, PINO_TUNNEL_SILENT, SECOND, 1);
  assert_waits(fixture, PINO_TUNNEL_UNREACHABLE, THIRD, 1);
}

static void test_limited(Fixture *fixture, gconstpointer data) {
  static const gint64 WAITS[] = {5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 60 * MINUTE, 60 * MINUTE};
  assert_waits(fixture, PINO_TUNNEL_LIMITED, WAITS, G_N_ELEMENTS(WAITS));
}

static void test_missing(Fixture *fixture, gconstpointer data) {
  static const gint64 WAITS[] = {10 * MINUTE, 10 * MINUTE};
  assert_waits(fixture, PINO_TUNNEL_MISSING, WAITS, G_N_ELEMENTS(WAITS));
}

static void test_token(Fixture *fixture, gconstpointer data) {
  PinoTunnelFailure why;
  pino_bars_fail(fixture->bars, "ngrok", PINO_TUNNEL_TOKEN);
  pass(fixture, 10 * 24 * 3600);
  pino_bars_fail(fixture->bars, "ngrok", PINO_TUNNEL_ENDED); /* does not make it shorter */
  pino_bars_ok(fixture->bars, "ngrok");
  g_assert_cmpint(wait_of(fixture, "ngrok"), ==, -1);
  g_assert_true(pino_bars_why(fixture->bars, "ngrok", &why));
  g_assert_cmpint(why, ==, PINO_TUNNEL_TOKEN);
  g_assert_cmpint(wait_of(fixture, "cloudflare"), ==, 0);
  pino_bars_clear(fixture->bars, "ngrok");
  g_assert_cmpint(wait_of(fixture, "ngrok"), ==, 0);
  g_assert_false(pino_bars_why(fixture->bars, "ngrok", &why));
}

static void test_longer_stays(Fixture *fixture, gconstpointer data) {
  PinoTunnelFailure why;
  pino_bars_fail(fixture->bars, "ngrok", PINO_TUNNEL_LIMITED);
  pino_bars_fail(fixture->bars, "ngrok", PINO_TUNNEL_ENDED);
  g_assert_cmpint(wait_of(fixture, "ngrok"), ==, 5 * MINUTE);
  g_assert_true(pino_bars_why(fixture->bars, "ngrok", &why));
  g_assert_cmpint(why, ==, PINO_TUNNEL_LIMITED);
}

/* Tells every 30 s that a tunnel works, as the checks do. */
static void be_good(Fixture *fixture, gint64 seconds) {
  for (gint64 gone = 0; gone < seconds; gone += 30) {
    pino_bars_ok(fixture->bars, "ngrok");
    pass(fixture, 30);
  }
}

static void test_good_resets(Fixture *fixture, gconstpointer data) {
  static const gint64 GROWING[] = {5, 10, 20}, AGAIN[] = {5};
  assert_waits(fixture, PINO_TUNNEL_ENDED, GROWING, G_N_ELEMENTS(GROWING));
  be_good(fixture, 10 * MINUTE);
  assert_waits(fixture, PINO_TUNNEL_ENDED, AGAIN, 1);
}

static void test_short_good_does_not(Fixture *fixture, gconstpointer data) {
  static const gint64 GROWING[] = {5, 10, 20}, ON[] = {40}, FURTHER[] = {80};
  assert_waits(fixture, PINO_TUNNEL_ENDED, GROWING, G_N_ELEMENTS(GROWING));
  be_good(fixture, 9 * MINUTE);
  assert_waits(fixture, PINO_TUNNEL_ENDED, ON, 1);
  be_good(fixture, 9 * MINUTE); /* the good time before the failure does not count */
  assert_waits(fixture, PINO_TUNNEL_ENDED, FURTHER, 1);
}

static void test_ok_lifts_nothing(Fixture *fixture, gconstpointer data) {
  pino_bars_fail(fixture->bars, "ngrok", PINO_TUNNEL_LIMITED);
  pino_bars_ok(fixture->bars, "ngrok");
  g_assert_cmpint(wait_of(fixture, "ngrok"), ==, 5 * MINUTE);
}

static void test_clear_all(Fixture *fixture, gconstpointer data) {
  pino_bars_fail(fixture->bars, "ngrok", PINO_TUNNEL_TOKEN);
  pino_bars_fail(fixture->bars, "ssh", PINO_TUNNEL_ENDED);
  pino_bars_clear(fixture->bars, NULL);
  g_assert_cmpint(wait_of(fixture, "ngrok"), ==, 0);
  g_assert_cmpint(wait_of(fixture, "ssh"), ==, 0);
}

static void test_real_clock(void) {
  g_autoptr(PinoBars) bars = pino_bars_new();
  gint64 before = g_get_monotonic_time();
  pino_bars_fail(bars, "ssh", PINO_TUNNEL_ENDED);
  gint64 until = pino_bars_until(bars, "ssh");
  g_assert_cmpint(until, >=, before + 5 * G_USEC_PER_SEC);
  g_assert_cmpint(until, <=, g_get_monotonic_time() + 5 * G_USEC_PER_SEC);
}

static const struct {
  const char *name;
  void (*test)(Fixture *fixture, gconstpointer data);
} tests[] = {
    {"/tunnel/bar/doubles-up-to-ten-minutes", test_usual},
    {"/tunnel/bar/counts-the-usual-failures-together", test_kinds},
    {"/tunnel/bar/limits-wait-minutes", test_limited},
    {"/tunnel/bar/a-missing-program-waits-ten-minutes", test_missing},
    {"/tunnel/bar/a-token-waits-for-another", test_token},
    {"/tunnel/bar/is-never-made-shorter", test_longer_stays},
    {"/tunnel/bar/ten-good-minutes-begin-anew", test_good_resets},
    {"/tunnel/bar/fewer-do-not", test_short_good_does_not},
    {"/tunnel/bar/another-tunnels-success-lifts-nothing", test_ok_lifts_nothing},
    {"/tunnel/bar/all-are-cleared", test_clear_all},
};

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].test, teardown);
  g_test_add_func("/tunnel/bar/real-clock", test_real_clock);
  return g_test_run();
}
