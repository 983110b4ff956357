#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/tree.h"
#include "temp.h"

#define DEEP 5000

static void removed(const char *path) {
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_tree_remove(path, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  struct stat st;
  g_assert_cmpint(lstat(path, &st), ==, -1);
}

static void copied(const char *src, const char *dest, PinoCopyFlags flags) {
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_tree_copy(src, dest, flags, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
}

static void make_deep(const TestDir *dir, const char *name) {
  int at = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < DEEP; i++) {
    const char *step = i == 0 ? name : "d";
    g_assert_cmpint(mkdirat(at, step, 0755), ==, 0);
    int next = openat(at, step, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(next, >=, 0);
    close(at);
    at = next;
  }
  int file = openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  g_assert_cmpint(write(file, "12345", 5), ==, 5);
  close(file);
  close(at);
}

static void test_remove(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "outside/kept", "k");
  test_put(&dir, "t/a/b/\xff bad", "1");
  test_put(&dir, "t/a/'q' \"d\"", "2");
  g_autofree char *t = test_path(&dir, "t");
  g_autofree char *link = test_path(&dir, "t/a/link");
  g_autofree char *alias = test_path(&dir, "alias");
  g_autofree char *slashed = g_strconcat(t, "//./", NULL);
  g_assert_cmpint(symlink("../../outside", link), ==, 0);
  g_assert_cmpint(symlink("outside", alias), ==, 0);
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_tree_remove(slashed, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  removed(t);
  removed(alias);
  test_has(&dir, "outside/kept", "k");
}

static void test_remove_refuses(void) {
  const char *const bad[] = {"/", "", "//", "/tmp/..", ".", "..", "/./"};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(pino_tree_remove(bad[i], NULL, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
}

/* Few descriptors, as where ulimit -n is low. */
static void test_deep(void) {
  struct rlimit before;
  g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
  const struct rlimit few = {256, before.rlim_max};
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *deep = test_path(&dir, "deep");
  g_autofree char *copy = test_path(&dir, "copy");
  make_deep(&dir, "deep");
  copied(deep, copy, PINO_COPY_DEFAULT);
  guint64 bytes = 0;
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_tree_size(copy, &bytes, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  g_assert_cmpuint(bytes, ==, 5);
  removed(deep);
  removed(copy);
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
}

static int remove_own_readonly(const TestDir *dir) {
  test_put(dir, "w/ro/sub/f", "1");
  test_put(dir, "w/none/f", "1");
  g_autofree char *ro = test_path(dir, "w/ro");
  g_autofree char *sub = test_path(dir, "w/ro/sub");
  g_autofree char *none = test_path(dir, "w/none");
  g_autofree char *w = test_path(dir, "w");
  g_assert_cmpint(chmod(sub, 0555), ==, 0);
  g_assert_cmpint(chmod(ro, 0555), ==, 0);
  g_assert_cmpint(chmod(none, 0), ==, 0);
  removed(w);
  g_autofree char *foreign = test_path(dir, "foreign");
  if (g_file_test(foreign, G_FILE_TEST_EXISTS)) {
    g_autoptr(GError) error = NULL;
    g_assert_false(pino_tree_remove(foreign, NULL, &error));
    g_assert_error(error, PINO_ERRNO, EACCES);
    g_assert_nonnull(strstr(error->message, "foreign/f"));
  }
  return 0;
}

static void test_remove_readonly(void) {
  g_auto(TestDir) dir = test_dir_make();
  if (geteuid() == 0)
    test_put(&dir, "foreign/f", "1");
  test_as_nobody(remove_own_readonly, &dir);
}

static void test_cancelled(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "t/a", "1");
  g_autofree char *t = test_path(&dir, "t");
  g_autofree char *copy = test_path(&dir, "copy");
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_cancellable_cancel(cancellable);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_tree_remove(t, cancellable, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_clear_error(&error);
  g_assert_false(pino_tree_copy(t, copy, PINO_COPY_DEFAULT, cancellable, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  test_has(&dir, "t/a", "1");
}

static void test_copy_keeps(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "s/run.sh", "#!/bin/sh\n");
  test_put(&dir, "s/empty", "");
  test_put(&dir, "s/sub/\xc3\xa9\xff", "e");
  g_autofree char *s = test_path(&dir, "s");
  g_autofree char *run = test_path(&dir, "s/run.sh");
  g_autofree char *sub = test_path(&dir, "s/sub");
  g_autofree char *link = test_path(&dir, "s/link");
  g_autofree char *pipe = test_path(&dir, "s/pipe");
  g_autofree char *d = test_path(&dir, "new/d");
  g_assert_cmpint(symlink("no/where", link), ==, 0);
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  g_assert_cmpint(chmod(run, 0751), ==, 0);
  const struct timespec times[2] = {{1000, 5}, {2000, 123456789}};
  g_assert_cmpint(utimensat(AT_FDCWD, run, times, 0), ==, 0);
  g_assert_cmpint(utimensat(AT_FDCWD, sub, times, 0), ==, 0);
  g_assert_cmpint(chmod(sub, 0555), ==, 0);
  copied(s, d, PINO_COPY_DEFAULT);
  test_has(&dir, "new/d/run.sh", "#!/bin/sh\n");
  test_has(&dir, "new/d/empty", "");
  test_has(&dir, "new/d/sub/\xc3\xa9\xff", "e");
  struct stat st;
  g_autofree char *drun = test_path(&dir, "new/d/run.sh");
  g_autofree char *dsub = test_path(&dir, "new/d/sub");
  g_autofree char *dlink = test_path(&dir, "new/d/link");
  g_autofree char *text = g_file_read_link(dlink, NULL);
  g_assert_cmpstr(text, ==, "no/where");
  g_assert_cmpint(stat(drun, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 07777, ==, 0751);
  g_assert_cmpint(st.st_mtim.tv_sec, ==, 2000);
  g_assert_cmpint(stat(dsub, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 07777, ==, 0555);
  g_assert_cmpint(st.st_mtim.tv_sec, ==, 2000);
  g_assert_cmpuint(test_count(&dir, "new/d"), ==, 5);
}

static void test_copy_merges(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "s/a", "new");
  test_put(&dir, "s/linked/x", "x");
  test_put(&dir, "d/a", "old");
  test_put(&dir, "d/b", "kept");
  test_put(&dir, "far/y", "y");
  g_autofree char *s = test_path(&dir, "s");
  g_autofree char *d = test_path(&dir, "d");
  g_autofree char *linked = test_path(&dir, "d/linked");
  g_assert_cmpint(symlink("../far", linked), ==, 0);
  copied(s, d, PINO_COPY_KEEP_EXISTING);
  test_has(&dir, "d/a", "old");
  test_has(&dir, "far/x", "x");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_tree_copy(s, d, PINO_COPY_FAIL_EXISTING, NULL, &error));
  g_assert_error(error, PINO_ERRNO, EEXIST);
  copied(s, d, PINO_COPY_DEFAULT);
  test_has(&dir, "d/a", "new");
  test_has(&dir, "d/b", "kept");
  test_has(&dir, "far/y", "y");
}

static void refused(const char *src, const char *dest) {
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_tree_copy(src, dest, PINO_COPY_DEFAULT, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
}

static void test_copy_refuses(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "s/sub/f", "1");
  test_put(&dir, "file", "2");
  g_autofree char *s = test_path(&dir, "s");
  g_autofree char *inside = test_path(&dir, "s/new/deep");
  g_autofree char *alias = test_path(&dir, "alias");
  g_autofree char *by_alias = test_path(&dir, "alias/copy");
  g_autofree char *file = test_path(&dir, "file");
  g_assert_cmpint(symlink("s/sub", alias), ==, 0);
  refused(s, s);
  refused(file, file);
  refused(s, inside);
  refused(s, by_alias);
  test_hasnt(&dir, "s/new");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_tree_copy(file, s, PINO_COPY_DEFAULT, NULL, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  g_clear_error(&error);
  g_assert_false(pino_tree_copy(s, file, PINO_COPY_DEFAULT, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOTDIR);
  g_clear_error(&error);
  g_autofree char *missing = test_path(&dir, "missing");
  g_assert_false(pino_tree_copy(missing, inside, PINO_COPY_DEFAULT, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
  test_has(&dir, "file", "2");
}

static void test_move(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "s/sub/f", "1");
  test_put(&dir, "full/x", "x");
  g_autofree char *s = test_path(&dir, "s");
  g_autofree char *d = test_path(&dir, "new/d");
  g_autofree char *full = test_path(&dir, "full");
  g_autofree char *inside = test_path(&dir, "new/d/in");
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_tree_move(s, d, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  test_has(&dir, "new/d/sub/f", "1");
  test_hasnt(&dir, "s");
  g_assert_false(pino_tree_move(d, full, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOTEMPTY);
  g_clear_error(&error);
  g_assert_false(pino_tree_move(d, inside, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_false(pino_tree_move(s, d, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
}

/* /dev/shm is another file system than the temporary folder on every system this runs on; where not, the plain
 * rename is what is tested. */
static void test_move_far(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "s/sub/f", "1");
  test_put(&dir, "s/g", "22");
  g_autofree char *s = test_path(&dir, "s");
  g_autofree char *far = g_strdup("/dev/shm/pino-test-XXXXXX");
  g_assert_nonnull(g_mkdtemp(far));
  g_autofree char *there = g_build_filename(far, "d", NULL);
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_tree_move(s, there, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  test_hasnt(&dir, "s");
  ok = pino_tree_move(there, s, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  test_has(&dir, "s/sub/f", "1");
  test_has(&dir, "s/g", "22");
  const TestDir shm = {far};
  g_assert_cmpuint(test_count(&shm, "."), ==, 0);
  removed(far);
}

static int move_to_small_disk(const TestDir *dir) {
  g_autofree char *src = test_path(dir, "src");
  g_autofree char *dest = test_path(dir, "disk/dest");
  if (!test_small_disk(dir, "disk"))
    return 0;
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_tree_move(src, dest, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_nonnull(strstr(error->message, "disk full: "));
  g_assert_nonnull(strstr(error->message, "disk/"));
  g_assert_cmpuint(test_count(dir, "disk"), ==, 0);
  test_has(dir, "src/small", "s");
  g_clear_error(&error);
  g_assert_false(pino_tree_copy(src, dest, PINO_COPY_DEFAULT, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  test_hasnt(dir, "disk/dest/big");
  return 0;
}

static void test_move_full(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *big = g_strnfill((gsize)4 << 20, 'b');
  test_put(&dir, "src/big", big);
  test_put(&dir, "src/small", "s");
  test_put(&dir, "disk/x", "");
  test_in_child(move_to_small_disk, &dir);
}

static void test_size(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "t/a", "12345");
  test_put(&dir, "t/sub/b", "123");
  g_autofree char *t = test_path(&dir, "t");
  g_autofree char *a = test_path(&dir, "t/a");
  g_autofree char *twin = test_path(&dir, "t/twin");
  g_autofree char *link = test_path(&dir, "t/link");
  g_autofree char *missing = test_path(&dir, "missing");
  g_assert_cmpint(linkat(AT_FDCWD, a, AT_FDCWD, twin, 0), ==, 0);
  g_assert_cmpint(symlink("/usr", link), ==, 0);
  guint64 bytes = 0;
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_tree_size(t, &bytes, NULL, &error));
  g_assert_cmpuint(bytes, ==, 8);
  g_assert_true(pino_tree_size(a, &bytes, NULL, &error));
  g_assert_cmpuint(bytes, ==, 5);
  g_assert_false(pino_tree_size(missing, &bytes, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/tree/remove-never-follows-links", test_remove);
  g_test_add_func("/storage/tree/remove-refuses-root", test_remove_refuses);
  g_test_add_func("/storage/tree/five-thousand-levels", test_deep);
  g_test_add_func("/storage/tree/remove-read-only-of-owner", test_remove_readonly);
  g_test_add_func("/storage/tree/cancelled-changes-nothing", test_cancelled);
  g_test_add_func("/storage/tree/copy-keeps-modes-times-links", test_copy_keeps);
  g_test_add_func("/storage/tree/copy-merges", test_copy_merges);
  g_test_add_func("/storage/tree/copy-into-itself-refused", test_copy_refuses);
  g_test_add_func("/storage/tree/move", test_move);
  g_test_add_func("/storage/tree/move-across-file-systems", test_move_far);
  g_test_add_func("/storage/tree/move-to-full-disk-keeps-source", test_move_full);
  g_test_add_func("/storage/tree/size", test_size);
  return g_test_run();
}
