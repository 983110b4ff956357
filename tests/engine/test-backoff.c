/* When an app that ended is started again. */
#include "engine/backoff.h"

#include "base/error.h"

static gint64 crash(PinoBackoff *backoff, gint64 ran_ms, gboolean *gave_up) {
  PinoRunEnd end = {.failed = TRUE, .ran_ms = ran_ms};
  return pino_backoff_next(backoff, PINO_RESTART_ON_FAILURE, &end, gave_up);
}

static void test_waits_grow(void) {
  static const gint64 waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000};
  PinoBackoff backoff = {0};
  gboolean gave_up = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(waits); i++) {
    g_assert_cmpint(crash(&backoff, 500, &gave_up), ==, waits[i]);
    g_assert_false(gave_up);
  }
  g_assert_cmpint(crash(&backoff, 500, &gave_up), ==, -1);
  g_assert_true(gave_up);
}

static void test_a_minute_well(void) {
  PinoBackoff backoff = {0};
  for (guint i = 0; i < 5; i++)
    crash(&backoff, 500, NULL);
  g_assert_cmpint(crash(&backoff, 59999, NULL), ==, 32000);
  g_assert_cmpint(crash(&backoff, 60000, NULL), ==, 1000);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpint(crash(&backoff, 61000, NULL), ==, 1000);
}

static void test_after_giving_up(void) {
  PinoBackoff backoff = {0};
  gboolean gave_up = FALSE;
  for (guint i = 0; i < 10; i++)
    crash(&backoff, 0, NULL);
  g_assert_cmpint(crash(&backoff, 0, &gave_up), ==, -1);
  g_assert_true(gave_up);
  pino_backoff_reset(&backoff);
  g_assert_cmpint(crash(&backoff, 0, &gave_up), ==, 1000);
  g_assert_false(gave_up);
}

static void test_policies(void) {
  static const struct {
    PinoRestartPolicy policy;
    gboolean failed, stopped;
    gint64 wait;
  } cases[] = {
      {PINO_RESTART_NO, TRUE, FALSE, -1},           {PINO_RESTART_NO, FALSE, FALSE, -1},
      {PINO_RESTART_ON_FAILURE, TRUE, FALSE, 1000}, {PINO_RESTART_ON_FAILURE, FALSE, FALSE, -1},
      {PINO_RESTART_ALWAYS, TRUE, FALSE, 1000},     {PINO_RESTART_ALWAYS, FALSE, FALSE, 1000},
      {PINO_RESTART_ALWAYS, TRUE, TRUE, -1},        {PINO_RESTART_ON_FAILURE, TRUE, TRUE, -1},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    PinoBackoff backoff = {0};
    gboolean gave_up = TRUE;
    PinoRunEnd end = {.failed = cases[i].failed, .stopped = cases[i].stopped};
    g_assert_cmpint(pino_backoff_next(&backoff, cases[i].policy, &end, &gave_up), ==, cases[i].wait);
    g_assert_false(gave_up);
  }
}

static void test_words(void) {
  static const struct {
    const char *text;
    PinoRestartPolicy policy;
  } good[] = {{NULL, PINO_RESTART_NO},
              {"", PINO_RESTART_NO},
              {"no", PINO_RESTART_NO},
              {" On-Failure ", PINO_RESTART_ON_FAILURE},
              {"ALWAYS", PINO_RESTART_ALWAYS}};
  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    PinoRestartPolicy policy = PINO_RESTART_ALWAYS;
    g_assert_true(pino_restart_policy_parse(good[i].text, &policy, NULL));
    g_assert_cmpint((int)policy, ==, (int)good[i].policy);
  }
  static const char *const bad[] = {"yes", "on_failure", "always!", "true"};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    PinoRestartPolicy policy = PINO_RESTART_ALWAYS;
    g_assert_false(pino_restart_policy_parse(bad[i], &policy, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
    g_assert_cmpint((int)policy, ==, PINO_RESTART_NO);
    g_assert_nonnull(strstr(error->message, "on-failure"));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/backoff/the-waits-grow-and-end", test_waits_grow);
  g_test_add_func("/engine/backoff/a-minute-well-begins-anew", test_a_minute_well);
  g_test_add_func("/engine/backoff/after-giving-up-the-person-may", test_after_giving_up);
  g_test_add_func("/engine/backoff/policies", test_policies);
  g_test_add_func("/engine/backoff/words", test_words);
  return g_test_run();
}
