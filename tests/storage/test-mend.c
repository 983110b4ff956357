#include <unistd.h>

#include "storage/mend.h"
#include "temp.h"

#define SITE "api/app/app/env/lib/python3.11/site-packages/"

static void put_package(const TestDir *dir, const char *site, const char *name, const char *const *files) {
  for (guint i = 0; files[i] != NULL; i++) {
    g_autofree char *file = g_strconcat(site, name, ".dist-info/", files[i], NULL);
    test_put(dir, file, "x");
  }
}

static GPtrArray *mend(const TestDir *dir, const char *app) {
  g_autofree char *folder = test_path(dir, app);
  g_autoptr(GError) error = NULL;
  GPtrArray *removed = NULL;
  gboolean ok = pino_venvs_mend(folder, &removed, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  return removed;
}

static const char *const WHOLE[] = {"METADATA", "RECORD", "INSTALLER", "WHEEL", NULL};

static void test_half(void) {
  g_auto(TestDir) dir = test_dir_make();
  static const char *const halves[][3] = {
      {"RECORD", "INSTALLER", NULL}, {"METADATA", "INSTALLER", NULL}, {"METADATA", "RECORD", NULL}};
  test_put(&dir, "api/app/app/env/pyvenv.cfg", "version = 3.11");
  put_package(&dir, SITE, "whole-1.0", WHOLE);
  for (guint i = 0; i < G_N_ELEMENTS(halves); i++) {
    g_autofree char *name = g_strdup_printf("half-%u", i);
    put_package(&dir, SITE, name, halves[i]);
  }
  test_put(&dir, SITE "half/__init__.py", "kept");
  g_autoptr(GPtrArray) removed = mend(&dir, "api/app");
  g_assert_cmpuint(removed->len, ==, 3);
  test_has(&dir, SITE "whole-1.0.dist-info/METADATA", "x");
  test_has(&dir, SITE "half/__init__.py", "kept");
  for (guint i = 0; i < G_N_ELEMENTS(halves); i++) {
    g_autofree char *name = g_strdup_printf(SITE "half-%u.dist-info", i);
    test_hasnt(&dir, name);
  }
  g_autoptr(GPtrArray) again = mend(&dir, "api/app");
  g_assert_cmpuint(again->len, ==, 0);
}

/* Others' packages say in other ways that they are whole; what a link leads to is not the app's. */
static void test_left_alone(void) {
  g_auto(TestDir) dir = test_dir_make();
  static const char *const conda[] = {"METADATA", NULL};
  put_package(&dir, "api/app/conda/lib/python3.10/site-packages/", "numpy-1.0", conda);
  test_put(&dir, "api/app/conda/conda-meta/history", "");
  test_put(&dir, "elsewhere/pyvenv.cfg", "");
  put_package(&dir, "elsewhere/lib/python3.11/site-packages/", "other-1", conda);
  g_autofree char *target = test_path(&dir, "elsewhere"), *link = test_path(&dir, "api/app/env");
  g_assert_cmpint(symlink(target, link), ==, 0);
  test_put(&dir, "api/app/a/b/c/d/e/pyvenv.cfg", "");
  put_package(&dir, "api/app/a/b/c/d/e/lib/python3.11/site-packages/", "deep-1", conda);
  g_autoptr(GPtrArray) removed = mend(&dir, "api/app");
  g_assert_cmpuint(removed->len, ==, 0);
  test_has(&dir, "elsewhere/lib/python3.11/site-packages/other-1.dist-info/METADATA", "x");
  g_autoptr(GPtrArray) none = mend(&dir, "no/such/app");
  g_assert_cmpuint(none->len, ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/mend/half-made-packages-go", test_half);
  g_test_add_func("/storage/mend/others-are-left-alone", test_left_alone);
  return g_test_run();
}
