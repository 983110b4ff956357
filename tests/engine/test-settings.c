/* The engine's settings: what is allowed, what they are when nobody said. */
#include "engine/settings.h"

#include "base/error.h"

#include <json-glib/json-glib.h>

typedef struct {
  char *home;
  PinoLibrary *library;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  PinoLibraryFound found;
  f->home = g_dir_make_tmp("settings-XXXXXX", NULL);
  f->library = pino_library_open(f->home, &found, NULL, &error);
  g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  pino_library_free(f->library);
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(f->home);
}

static void keep(Fixture *f, const char *key, const char *value) {
  g_assert_true(pino_library_set_setting(f->library, key, value, NULL));
}

static void test_allowed(void) {
  static const struct {
    const char *key, *value;
    gboolean allowed;
  } cases[] = {
      {"stop.grace_ms", "0", TRUE},
      {"stop.grace_ms", "60000", TRUE},
      {"stop.grace_ms", "60001", FALSE},
      {"stop.grace_ms", "-1", FALSE},
      {"stop.grace_ms", "", FALSE},
      {"stop.grace_ms", "12s", FALSE},
      {"stop.grace_ms", " 12", FALSE},
      {"stop.grace_ms", "+12", FALSE},
      {"stop.grace_ms", "1e3", FALSE},
      {"stop.grace_ms", "99999999999999999999", FALSE},
      {"health.interval_s", "0", FALSE},
      {"health.interval_s", "3600", TRUE},
      {"restart.policy", "always", TRUE},
      {"restart.policy", "on-failure", TRUE},
      {"restart.policy", "sometimes", FALSE},
      {"restart.policy", "", FALSE},
      {"runs.keep", "50", TRUE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(pino_setting_check(cases[i].key, cases[i].value, &error), ==, cases[i].allowed);
    if (!cases[i].allowed)
      g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
}

static void test_says_what_is_allowed(void) {
  g_autoptr(GError) number = NULL;
  g_autoptr(GError) choice = NULL;
  g_autoptr(GError) unknown = NULL;
  pino_setting_check("stop.grace_ms", "x", &number);
  g_assert_nonnull(strstr(number->message, "0 to 60000"));
  pino_setting_check("restart.policy", "x", &choice);
  g_assert_nonnull(strstr(choice->message, "no, on-failure, always"));
  g_assert_false(pino_setting_check("stop.grace", "1", &unknown));
  g_assert_error(unknown, PINO_ERROR, PINO_ERROR_NOT_FOUND);
}

static void test_values(Fixture *f, gconstpointer data) {
  g_assert_cmpint(pino_setting_int(f->library, "stop.grace_ms"), ==, 5000);
  g_assert_cmpint(pino_setting_int(f->library, "runs.keep"), ==, 50);
  g_assert_cmpint(pino_setting_int(f->library, "health.interval_s"), ==, 60);
  g_assert_cmpstr(pino_setting_text(f->library, "restart.policy"), ==, "no");
  keep(f, "stop.grace_ms", "250");
  keep(f, "restart.policy", "always");
  g_assert_cmpint(pino_setting_int(f->library, "stop.grace_ms"), ==, 250);
  g_assert_cmpstr(pino_setting_text(f->library, "restart.policy"), ==, "always");
  keep(f, "stop.grace_ms", NULL);
  g_assert_cmpint(pino_setting_int(f->library, "stop.grace_ms"), ==, 5000);
}

/* Written by hand, or by a version that allowed more. */
static void test_bad_values(Fixture *f, gconstpointer data) {
  keep(f, "stop.grace_ms", "soon");
  keep(f, "runs.keep", "0");
  keep(f, "restart.policy", "sometimes");
  g_assert_cmpint(pino_setting_int(f->library, "stop.grace_ms"), ==, 5000);
  g_assert_cmpint(pino_setting_int(f->library, "runs.keep"), ==, 50);
  g_assert_cmpstr(pino_setting_text(f->library, "restart.policy"), ==, "no");
}

static JsonObject *member(JsonArray *all, const char *key) {
  for (guint i = 0; i < json_array_get_length(all); i++) {
    JsonObject *setting = json_array_get_object_element(all, i);
    if (g_str_equal(json_object_get_string_member(setting, "key"), key))
      return setting;
  }
  g_assert_not_reached();
}

static void test_json(Fixture *f, gconstpointer data) {
  keep(f, "stop.grace_ms", "1234");
  keep(f, "of.another.version", "1");
  g_autofree char *text = pino_settings_json(f->library, NULL);
  g_autoptr(JsonNode) root = json_from_string(text, NULL);
  g_assert_nonnull(root);
  JsonArray *all = json_node_get_array(root);
  const char *last = "";
  for (guint i = 0; i < json_array_get_length(all); i++) {
    JsonObject *setting = json_array_get_object_element(all, i);
    const char *key = json_object_get_string_member(setting, "key");
    g_assert_cmpint(strcmp(last, key), <, 0);
    g_assert_true(json_object_has_member(setting, "value") && json_object_has_member(setting, "default"));
    g_assert_cmpuint(strlen(json_object_get_string_member(setting, "description")), >, 10);
    last = key;
  }
  JsonObject *grace = member(all, "stop.grace_ms");
  g_assert_cmpint(json_object_get_int_member(grace, "value"), ==, 1234);
  g_assert_cmpint(json_object_get_int_member(grace, "default"), ==, 5000);
  g_assert_cmpint(json_object_get_int_member(grace, "max"), ==, 60000);
  g_assert_true(json_object_get_boolean_member(grace, "set"));
  JsonObject *policy = member(all, "restart.policy");
  g_assert_cmpstr(json_object_get_string_member(policy, "value"), ==, "no");
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(policy, "values")), ==, 3);
  g_assert_false(json_object_get_boolean_member(policy, "set"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/settings/what-is-allowed", test_allowed);
  g_test_add_func("/engine/settings/says-what-is-allowed", test_says_what_is_allowed);
  g_test_add("/engine/settings/values", Fixture, NULL, set_up, test_values, tear_down);
  g_test_add("/engine/settings/bad-values-count-as-unset", Fixture, NULL, set_up, test_bad_values, tear_down);
  g_test_add("/engine/settings/json", Fixture, NULL, set_up, test_json, tear_down);
  return g_test_run();
}
