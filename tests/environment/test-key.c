/* key.json: what is kept by host. */
#include "environment/key.h"

#include "base/error.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

static void test_keys(void) {
  g_autofree char *home = g_dir_make_tmp("key-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(home, "key.json", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_key_get(home, "h.co", &error));
  g_assert_no_error(error);
  g_autofree char *none = pino_key_get(home, NULL, &error);
  g_assert_cmpstr(none, ==, "{}");

  g_assert_true(pino_key_set(home, "h.co", "token", "\"s\\u00e9cret \\\"q\\\"\"", &error));
  g_assert_no_error(error);
  g_assert_true(pino_key_set(home, "h.co", "n", "[1,true]", &error));
  g_autofree char *all = pino_key_get(home, "h.co", &error);
  g_assert_cmpstr(all, ==, "{\"token\":\"sécret \\\"q\\\"\",\"n\":[1,true]}");
  g_autofree char *token = pino_key_get_value(home, "h.co", "token", &error);
  g_assert_cmpstr(token, ==, "sécret \"q\"");
  g_autofree char *list = pino_key_get_value(home, "h.co", "n", &error);
  g_assert_cmpstr(list, ==, "[1,true]");
  struct stat info;
  g_assert_cmpint(stat(file, &info), ==, 0);
  g_assert_cmpint(info.st_mode & 0777, ==, 0600);

  g_assert_false(pino_key_set(home, "h.co", "x", "not json", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SYNTAX);
  g_clear_error(&error);
  g_assert_true(pino_key_set(home, "h.co", "n", NULL, &error));
  g_assert_null(pino_key_get_value(home, "h.co", "n", &error));
  g_assert_no_error(error);
  g_unlink(file);
  g_rmdir(home);
}

/* Pinokio keeps a host's values in an array. */
static void test_array(void) {
  g_autofree char *home = g_dir_make_tmp("key-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(home, "key.json", NULL);
  g_assert_true(g_file_set_contents(file, "{\"h\": [\"one\", null]}", -1, NULL));
  g_autofree char *one = pino_key_get_value(home, "h", "0", NULL);
  g_assert_cmpstr(one, ==, "one");
  g_assert_null(pino_key_get_value(home, "h", "1", NULL));
  g_assert_null(pino_key_get_value(home, "h", "7", NULL));
  g_assert_null(pino_key_get_value(home, "h", "x", NULL));
  g_assert_true(pino_key_set(home, "h", "1", "\"two\"", NULL));
  g_autofree char *all = pino_key_get(home, "h", NULL);
  g_assert_cmpstr(all, ==, "{\"0\":\"one\",\"1\":\"two\"}");
  g_unlink(file);
  g_rmdir(home);
}

/* A file that cannot be read is a person's: it is not written over. */
static void test_broken(void) {
  static const char *const TEXTS[] = {"{\"h\": ", "[1]", "3"};
  for (gsize i = 0; i < G_N_ELEMENTS(TEXTS); i++) {
    g_autofree char *home = g_dir_make_tmp("key-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(home, "key.json", NULL);
    g_assert_true(g_file_set_contents(file, TEXTS[i], -1, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(pino_key_get(home, "h", &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_SYNTAX);
    g_assert_false(pino_key_set(home, "h", "k", "1", NULL));
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, TEXTS[i]);
    g_unlink(file);
    g_rmdir(home);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/key/set-and-get", test_keys);
  g_test_add_func("/key/arrays-of-pinokio", test_array);
  g_test_add_func("/key/broken-file-stays", test_broken);
  return g_test_run();
}
