/* Whether anything goes on (cloud/idle.h), and how each platform is asked to stop (cloud/selfstop.h). */
#include <string.h>

#include "cloud/idle.h"
#include "cloud/selfstop.h"
#include "fake-root.h"

static const PinoIdleLimits limits = {5, 5, 1000};
static const PinoIdleSample quiet = {0.5, 0, 10};

static void test_counts_from_the_first_quiet_sample(void) {
  PinoIdle idle = {0};
  g_assert_cmpint(pino_idle_feed(&idle, 10 * G_USEC_PER_SEC, &quiet, &limits, FALSE), ==, 0);
  g_assert_cmpint(pino_idle_feed(&idle, 70 * G_USEC_PER_SEC, &quiet, &limits, FALSE), ==, 60);
}

static void test_work_of_any_kind(void) {
  static const struct {
    PinoIdleSample sample;
    gboolean other;
    const char *why;
  } cases[] = {
      {{5, 0, 10}, FALSE, "CPU"},
      {{0, 5, 10}, FALSE, "GPU"},
      {{0, 0, 1000}, FALSE, "network"},
      {{0, 0, 10}, TRUE, "installed"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    PinoIdle idle = {0};
    pino_idle_feed(&idle, 10 * G_USEC_PER_SEC, &quiet, &limits, FALSE);
    g_assert_cmpint(pino_idle_feed(&idle, 20 * G_USEC_PER_SEC, &cases[i].sample, &limits, cases[i].other), ==,
                    0);
    g_assert_nonnull(strstr(idle.why, cases[i].why));
    pino_idle_feed(&idle, 30 * G_USEC_PER_SEC, &quiet, &limits, FALSE);
    g_assert_cmpint(pino_idle_feed(&idle, 40 * G_USEC_PER_SEC, &quiet, &limits, FALSE), ==, 10);
  }
}

static void test_what_is_not_known_is_no_work(void) {
  PinoIdle idle = {0};
  PinoIdleSample unknown = {-1, -1, -1};
  pino_idle_feed(&idle, 10 * G_USEC_PER_SEC, &unknown, &limits, FALSE);
  g_assert_cmpint(pino_idle_feed(&idle, 15 * G_USEC_PER_SEC, &unknown, &limits, FALSE), ==, 5);
}

static void test_network(void) {
  char *root = fake_root_new();
  guint64 bytes = 7;
  g_assert_false(pino_idle_network(root, &bytes));
  fake_put(root, "proc/net/dev",
           "Inter-|   Receive                                                |  Transmit\n"
           " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
           "    lo: 900000 1 0 0 0 0 0 0 900000 1 0 0 0 0 0 0\n"
           "  eth0: 1000 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n"
           "wlan0:30 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0\n");
  g_assert_true(pino_idle_network(root, &bytes));
  g_assert_cmpuint(bytes, ==, 1234);
  fake_root_free(root);
}

static void test_rate(void) {
  PinoIdle idle = {0};
  g_assert_cmpfloat(pino_idle_rate(&idle, 10 * G_USEC_PER_SEC, 1000), ==, -1);
  g_assert_cmpfloat(pino_idle_rate(&idle, 12 * G_USEC_PER_SEC, 3000), ==, 1000);
  g_assert_cmpfloat(pino_idle_rate(&idle, 13 * G_USEC_PER_SEC, 10), ==, -1); /* an interface went */
  g_assert_cmpfloat(pino_idle_rate(&idle, 14 * G_USEC_PER_SEC, 10), ==, 0);
}

/* --- */

typedef struct {
  const char *id;
  const char *env[8];
  gboolean possible, destroys;
  const char *request, *body, *authorization;
} StopCase;

static const StopCase stop_cases[] = {
    {"vast",
     {"CONTAINER_ID=77", "CONTAINER_API_KEY=secret"},
     TRUE,
     FALSE,
     "PUT https://console.vast.ai/api/v0/instances/77/",
     "{\"state\":\"stopped\"}",
     "Bearer secret"},
    {"vast",
     {"VAST_CONTAINERLABEL=C.78", "CONTAINER_API_KEY=secret"},
     TRUE,
     FALSE,
     "PUT https://console.vast.ai/api/v0/instances/78/",
     "{\"state\":\"stopped\"}",
     "Bearer secret"},
    {"vast", {"CONTAINER_ID=77"}, FALSE, FALSE, NULL, NULL, NULL},
    {"runpod",
     {"RUNPOD_POD_ID=abc", "RUNPOD_API_KEY=secret"},
     TRUE,
     TRUE,
     "POST https://rest.runpod.io/v1/pods/abc/stop",
     NULL,
     "Bearer secret"},
    {"runpod", {"RUNPOD_POD_ID=abc", "RUNPOD_API_KEY="}, FALSE, TRUE, NULL, NULL, NULL},
    {"lightning",
     {"LIGHTNING_CLOUD_SPACE_ID=s", "LIGHTNING_CLOUD_PROJECT_ID=p", "LIGHTNING_USER_ID=u",
      "LIGHTNING_API_KEY=k"},
     TRUE,
     FALSE,
     "POST https://lightning.ai/v1/projects/p/cloudspaces/s/stop",
     "{}",
     "Basic dTpr"},
    {"lightning",
     {"LIGHTNING_CLOUD_SPACE_ID=s", "LIGHTNING_CLOUD_PROJECT_ID=p", "LIGHTNING_USER_ID=u",
      "LIGHTNING_API_KEY=k", "LIGHTNING_CLOUD_URL=http://127.0.0.1:9"},
     TRUE,
     FALSE,
     "POST http://127.0.0.1:9/v1/projects/p/cloudspaces/s/stop",
     "{}",
     "Basic dTpr"},
    {"colab",
     {"TBE_RUNTIME_ADDR=172.28.0.1:8011"},
     TRUE,
     TRUE,
     "POST http://172.28.0.1:8011/unassign",
     NULL,
     NULL},
    {"kaggle", {NULL}, FALSE, TRUE, NULL, NULL, NULL},
    {"paperspace", {NULL}, FALSE, FALSE, NULL, NULL, NULL},
    {"studiolab", {NULL}, FALSE, FALSE, NULL, NULL, NULL},
    {"container", {NULL}, FALSE, FALSE, NULL, NULL, NULL},
    {"local", {NULL}, FALSE, FALSE, NULL, NULL, NULL},
};

static void test_stop(void) {
  for (guint i = 0; i < G_N_ELEMENTS(stop_cases); i++) {
    const StopCase *test = &stop_cases[i];
    char *root = fake_root_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(PinoPlatform) platform = pino_platform_detect(root, test->env, test->id, &error);
    g_assert_no_error(error);
    g_autoptr(PinoSelfStop) stop = pino_selfstop_find(platform);
    g_autoptr(GString) json = g_string_new(NULL);
    pino_selfstop_append_json(stop, json);
    g_assert_cmpint(stop->possible, ==, test->possible);
    g_assert_cmpint(stop->destroys, ==, test->destroys);
    g_assert_cmpint(stop->why_not == NULL, ==, test->possible);
    g_assert_cmpstr(stop->body, ==, test->body);
    g_assert_cmpstr(stop->authorization, ==, test->authorization);
    g_autofree char *request = stop->possible ? g_strdup_printf("%s %s", stop->method, stop->url) : NULL;
    g_assert_cmpstr(request, ==, test->request);
    g_assert_null(strstr(json->str, "secret"));
    g_assert_null(strstr(json->str, "dTpr"));
    fake_root_free(root);
  }
}

static void test_vast_key_from_a_file(void) {
  static const char *const env[] = {"CONTAINER_ID=5", NULL};
  char *root = fake_root_new();
  fake_put(root, "etc/.vast_api_key", "from-file\n");
  g_autoptr(PinoPlatform) platform = pino_platform_detect(root, env, "vast", NULL);
  g_autoptr(PinoSelfStop) stop = pino_selfstop_find(platform);
  g_assert_cmpstr(stop->authorization, ==, "Bearer from-file");
  fake_root_free(root);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/idle/counts-from-the-first-quiet-sample", test_counts_from_the_first_quiet_sample);
  g_test_add_func("/cloud/idle/work-of-any-kind", test_work_of_any_kind);
  g_test_add_func("/cloud/idle/what-is-not-known-is-no-work", test_what_is_not_known_is_no_work);
  g_test_add_func("/cloud/idle/network", test_network);
  g_test_add_func("/cloud/idle/rate", test_rate);
  g_test_add_func("/cloud/selfstop/each-platform", test_stop);
  g_test_add_func("/cloud/selfstop/vast-key-from-a-file", test_vast_key_from_a_file);
  return g_test_run();
}
