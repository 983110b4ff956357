/* Where programs are found, and that asking for a version always ends. */
#include "environment/tools.h"

#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *make_program(const char *home, const char *folder, const char *name, const char *text) {
  g_autofree char *place = g_build_filename(home, folder, NULL);
  g_mkdir_with_parents(place, 0755);
  char *file = g_build_filename(place, name, NULL);
  g_assert_true(g_file_set_contents(file, text, -1, NULL));
  g_chmod(file, 0755);
  return file;
}

static void test_which(gconstpointer data) {
  const char *home = data;
  g_autofree char *one = make_program(home, "one", "thing", "#!/bin/sh\n");
  g_autofree char *two = make_program(home, "two", "thing", "#!/bin/sh\n");
  g_autofree char *path = g_strdup_printf(":%s/none:%s/two:%s/one", home, home, home);
  g_autofree char *found = pino_which("thing", path);
  g_assert_cmpstr(found, ==, two);
  g_chmod(two, 0644);
  g_autofree char *next = pino_which("thing", path);
  g_assert_cmpstr(next, ==, one);
  g_assert_null(pino_which("thing", ""));
  g_assert_null(pino_which("", path));
  g_assert_null(pino_which("one", home));
  g_autofree char *whole = pino_which(one, "");
  g_assert_cmpstr(whole, ==, one);
  g_autofree char *shell = pino_which("sh", NULL);
  g_assert_true(g_path_is_absolute(shell));
}

static void test_order(gconstpointer home) {
  g_autofree char *own = make_program(home, "own/bin", "tool-x", "#!/bin/sh\n");
  g_autofree char *tools = g_build_filename(home, "own", NULL);
  g_setenv("PINOKIOCLOUD_TOOLS", tools, TRUE);
  g_autofree char *first = pino_tool_find(home, "tool-x");
  g_assert_cmpstr(first, ==, own);
  g_autofree char *in_folder = make_program(home, "bin/tool-x", "tool-x", "#!/bin/sh\n");
  g_autofree char *second = pino_tool_find(home, "tool-x");
  g_assert_cmpstr(second, ==, in_folder);
  g_autofree char *conda = make_program(home, "bin/miniforge/bin", "tool-x", "#!/bin/sh\n");
  g_autofree char *third = pino_tool_find(home, "tool-x");
  g_assert_cmpstr(third, ==, conda);
  g_unsetenv("PINOKIOCLOUD_TOOLS");
  g_assert_null(pino_tool_find(NULL, "tool-x"));
  g_autofree char *shell = pino_tool_find(home, "sh");
  g_assert_nonnull(shell);
}

static void test_version(gconstpointer home) {
  g_autoptr(GError) error = NULL;
  g_autofree char *bash = pino_which("bash", NULL);
  g_autofree char *version = pino_tool_version(bash, "--version", &error);
  g_assert_no_error(error);
  g_assert_true(g_str_has_prefix(version, "GNU bash"));

  g_autofree char *script = make_program(home, "v", "stderr", "#!/bin/sh\necho >&2\necho \"v $1 $2\" >&2\n");
  g_autofree char *told = pino_tool_version(script, "a  b", &error);
  g_assert_cmpstr(told, ==, "v a b");

  g_autofree char *silent = make_program(home, "v", "silent", "#!/bin/sh\n");
  g_assert_null(pino_tool_version(silent, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_clear_error(&error);
  g_assert_null(pino_tool_version("/nowhere/at/all", "--version", &error));
  g_assert_nonnull(error);
}

/* A program that never ends, or never stops talking, is killed with what it started. */
static void test_version_ends(gconstpointer data) {
  const char *home = data;
  g_autoptr(GError) error = NULL;
  g_autofree char *pid_file = g_build_filename(home, "pid", NULL);
  g_autofree char *text = g_strdup_printf("#!/bin/sh\nsleep 300 &\necho $! > '%s'\nwait\n", pid_file);
  g_autofree char *hangs = make_program(home, "v", "hangs", text);
  gint64 before = g_get_monotonic_time();
  g_assert_null(pino_tool_version(hangs, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
  g_assert_cmpint(g_get_monotonic_time() - before, <, 15 * G_USEC_PER_SEC);
  g_autofree char *pid = NULL;
  g_assert_true(g_file_get_contents(pid_file, &pid, NULL, NULL));
  g_autofree char *stat_file = g_strdup_printf("/proc/%d/stat", atoi(pid));
  for (int i = 0; i < 1000; i++) {
    g_autofree char *stat = NULL;
    if (!g_file_get_contents(stat_file, &stat, NULL, NULL) || strstr(stat, ") Z "))
      break;
    g_usleep(1000);
    g_assert_cmpint(i, <, 999);
  }
  g_autofree char *talks = make_program(home, "v", "talks", "#!/bin/sh\nyes talk\n");
  g_autofree char *line = pino_tool_version(talks, NULL, NULL);
  g_assert_cmpstr(line, ==, "talk");
}

static void test_table(void) {
  gsize count = 0;
  const PinoTool *tools = pino_tools(&count);
  g_assert_cmpuint(count, >=, 14);
  for (gsize i = 0; i < count; i++)
    g_assert_true(*tools[i].name && *tools[i].why);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_autofree char *home = g_dir_make_tmp("tools-XXXXXX", NULL);
  g_test_add_data_func("/tools/which", home, test_which);
  g_test_add_data_func("/tools/order", home, test_order);
  g_test_add_data_func("/tools/version", home, test_version);
  g_test_add_data_func("/tools/version-always-ends", home, test_version_ends);
  g_test_add_func("/tools/table", test_table);
  int result = g_test_run();
  const char *remove[] = {"rm", "-rf", home, NULL};
  g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  return result;
}
