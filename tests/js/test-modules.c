/* Runs tests/js/node/NAME.test.js in the real host: one GLib test a file. The same files run under Node. Those that
 * need a server or the system beside them are test-node-system.c's. */
#include <gio/gio.h>
#include <string.h>

#include "js/host.h"
#include "js/value.h"

/* The cases of a file are told through console.log as TAP: those that failed are what a person wants to see. */
static void on_console(const char *level, const char *text, gpointer data) {
  guint *passed = data;
  if (g_str_has_prefix(text, "ok "))
    (*passed)++;
  else if (g_str_has_prefix(text, "not ok ") || !g_str_has_prefix(text, "1.."))
    g_test_message("%s", text);
}

static void run_file(gconstpointer path) {
  guint passed = 0;
  g_autoptr(GError) error = NULL;
  PinoJsOptions options = {.time_limit = 60, .console = on_console, .console_data = &passed};
  g_autoptr(PinoJs) js = pino_js_new(&options);
  JSValueRef exports = pino_js_require(js, path, FALSE, &error);
  JSValueRef failed = exports != NULL ? pino_js_await(js, exports, &error) : NULL;
  g_assert_no_error(error);
  g_assert_cmpfloat(pino_js_to_number(js, failed), ==, 0);
  g_assert_cmpuint(passed, >, 0);
}

static const char *const elsewhere[] = {"fs.test.js",
                                        "stream.test.js",
                                        "child_process.test.js",
                                        "crypto.test.js",
                                        "system.test.js",
                                        "fetch.test.js",
                                        NULL};

static int by_name(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "node", NULL);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (g_str_has_suffix(name, ".test.js") && !g_strv_contains(elsewhere, name))
      g_ptr_array_add(names, g_strdup(name));
  }
  g_ptr_array_sort(names, by_name);
  g_assert_cmpuint(names->len, >, 0);
  for (guint i = 0; i < names->len; i++) {
    const char *file = names->pdata[i];
    g_autofree char *title = g_strndup(file, strlen(file) - strlen(".test.js"));
    g_autofree char *test = g_strconcat("/js/modules/", title, NULL);
    g_test_add_data_func_full(test, g_build_filename(folder, file, NULL), run_file, g_free);
  }
  return g_test_run();
}
