#include "temp.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/tree.h"

TestDir test_dir_make(void) {
  g_autoptr(GError) error = NULL;
  TestDir dir = {g_dir_make_tmp("pino-test-XXXXXX", &error)};
  g_assert_no_error(error);
  g_assert_cmpint(chmod(dir.path, 0777), ==, 0);
  return dir;
}

TestDir test_dir_make_in_memory(void) {
  g_autofree char *path = g_strdup("/dev/shm/pino-test-XXXXXX");
  if (g_mkdtemp(path) == NULL)
    return test_dir_make();
  g_assert_cmpint(chmod(path, 0777), ==, 0);
  return (TestDir){g_steal_pointer(&path)};
}

void test_dir_clear(TestDir *dir) {
  g_autoptr(GError) error = NULL;
  pino_tree_remove(dir->path, NULL, &error);
  g_assert_no_error(error);
  g_free(dir->path);
}

char *test_path(const TestDir *dir, const char *name) {
  return g_build_filename(dir->path, name, NULL);
}

void test_put(const TestDir *dir, const char *name, const char *text) {
  g_autofree char *path = test_path(dir, name);
  g_autofree char *folder = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  g_autoptr(GError) error = NULL;
  g_file_set_contents(path, text, -1, &error);
  g_assert_no_error(error);
}

void test_has(const TestDir *dir, const char *name, const char *text) {
  g_autofree char *path = test_path(dir, name);
  g_autofree char *got = NULL;
  g_autoptr(GError) error = NULL;
  gsize len = 0;
  g_file_get_contents(path, &got, &len, &error);
  g_assert_no_error(error);
  gsize wanted = strlen(text);
  gsize same = 0;
  while (same < MIN(len, wanted) && got[same] == text[same])
    same++;
  if (len != wanted || same != len)
    g_error("%s: %zu bytes instead of %zu, different from byte %zu on", path, len, wanted, same);
}

void test_hasnt(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  struct stat st;
  g_assert_cmpint(lstat(path, &st), ==, -1);
}

guint test_count(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  g_assert_nonnull(folder);
  guint n = 0;
  while (g_dir_read_name(folder) != NULL)
    n++;
  return n;
}

gboolean test_small_disk(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", path, "tmpfs", 0, "size=1m") == 0;
}

static void run_child(int (*fn)(const TestDir *), const TestDir *dir, gboolean drop) {
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0) {
    if (drop && geteuid() == 0 &&
        (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
      _exit(99);
    _exit(fn(dir));
  }
  int status = 0;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

void test_as_nobody(int (*fn)(const TestDir *), const TestDir *dir) {
  run_child(fn, dir, TRUE);
}

void test_in_child(int (*fn)(const TestDir *), const TestDir *dir) {
  run_child(fn, dir, FALSE);
}
