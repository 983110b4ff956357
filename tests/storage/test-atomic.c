#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/hash.h"
#include "temp.h"

static void write_ok(const TestDir *dir, const char *name, const char *text, mode_t mode) {
  g_autofree char *path = test_path(dir, name);
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_file_write(path, text, strlen(text), mode, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  test_has(dir, name, text);
}

static mode_t mode_of(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  return st.st_mode & 07777;
}

static void test_write_replaces(void) {
  g_auto(TestDir) dir = test_dir_make();
  mode_t mask = umask(022);
  write_ok(&dir, "new/deep/a.txt", "one", 0);
  g_assert_cmpint(mode_of(&dir, "new/deep/a.txt"), ==, 0644);
  write_ok(&dir, "new/deep/a.txt", "two", 0600);
  g_assert_cmpint(mode_of(&dir, "new/deep/a.txt"), ==, 0600);
  write_ok(&dir, "new/deep/a.txt", "", 0);
  g_assert_cmpint(mode_of(&dir, "new/deep/a.txt"), ==, 0600);
  write_ok(&dir, "new/deep/ sp ace's \"q\" \xc3\xa9\xf0\x9f\x98\x80", "u", 0);
  write_ok(&dir, "new/deep/bad\xff\xfe", "b", 0);
  g_assert_cmpuint(test_count(&dir, "new/deep"), ==, 3);
  umask(mask);
}

static void test_write_follows_links(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "real/sub/file", "old");
  g_autofree char *jump = test_path(&dir, "jump");
  g_autofree char *link = test_path(&dir, "real/sub/link");
  g_autofree char *dangling = test_path(&dir, "dangling");
  g_assert_cmpint(symlink("real/sub", jump), ==, 0);
  /* ".." after a linked folder is the target's parent, which only the kernel works out. */
  g_assert_cmpint(symlink("../sub/file", link), ==, 0);
  g_assert_cmpint(symlink("later/made", dangling), ==, 0);
  write_ok(&dir, "jump/link", "new", 0);
  test_has(&dir, "real/sub/file", "new");
  g_assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
  write_ok(&dir, "dangling", "x", 0);
  test_has(&dir, "later/made", "x");
  g_autofree char *loop = test_path(&dir, "loop");
  g_assert_cmpint(symlink("loop", loop), ==, 0);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_file_write(loop, "x", 1, 0, &error));
  g_assert_error(error, PINO_ERRNO, ELOOP);
}

static void test_write_device(void) {
  g_autoptr(GError) error = NULL;
  struct stat st;
  gboolean ok = pino_file_write("/dev/null", "x", 1, 0, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  g_assert_cmpint(stat("/dev/null", &st), ==, 0);
  g_assert_true(S_ISCHR(st.st_mode));
  g_assert_false(pino_file_write("/dev/full", "x", 1, 0, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
}

static void test_folder_in_the_way(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_file_write(dir.path, "x", 1, 0, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  g_assert_nonnull(strstr(error->message, dir.path));
  g_clear_error(&error);
  g_assert_null(pino_file_read(dir.path, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  g_assert_nonnull(strstr(error->message, "folder"));
  g_clear_error(&error);
  g_assert_false(pino_file_append(dir.path, "x", 1, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  g_clear_error(&error);
  test_put(&dir, "file", "f");
  g_autofree char *below = test_path(&dir, "file/below/x");
  g_assert_false(pino_file_write(below, "x", 1, 0, &error));
  g_assert_true(error != NULL && error->domain == PINO_ERRNO);
  g_clear_error(&error);
  g_autofree char *missing = test_path(&dir, "missing");
  g_assert_null(pino_file_read(missing, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
  g_assert_true(g_str_has_prefix(error->message, "ENOENT: no such file or directory, open '"));
}

static void test_append_and_read(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "log/out.txt");
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_file_append(path, "a\0b", 3, &error));
  g_assert_true(pino_file_append(path, "", 0, &error));
  gboolean ok = pino_file_append(path, "cd", 2, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  g_autoptr(GBytes) bytes = pino_file_read(path, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_bytes_get_size(bytes), ==, 5);
  g_assert_cmpint(memcmp(g_bytes_get_data(bytes, NULL), "a\0bcd", 5), ==, 0);
  g_autoptr(GBytes) proc = pino_file_read("/proc/self/status", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_bytes_get_size(proc), >, 100);
}

/* 4 MiB go nowhere into a file system of 1 MiB. */
static int fill_disk(const TestDir *dir) {
  g_autofree char *path = test_path(dir, "disk/f");
  g_autofree char *log = test_path(dir, "disk/log");
  gsize len = (gsize)4 << 20;
  g_autofree char *big = g_malloc0(len);
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_file_write(path, "old", 3, 0, &error));
  g_assert_true(pino_file_append(log, "line\n", 5, &error));
  g_assert_false(pino_file_write(path, big, len, 0, &error));
  g_assert_true(g_error_matches(error, PINO_ERRNO, ENOSPC) || g_error_matches(error, PINO_ERRNO, EFBIG));
  g_assert_nonnull(strstr(error->message, path));
  if (error->code == ENOSPC)
    g_assert_nonnull(strstr(error->message, "disk full: "));
  g_clear_error(&error);
  g_assert_false(pino_file_append(log, big, len, &error));
  g_assert_nonnull(error);
  test_has(dir, "disk/f", "old");
  test_has(dir, "disk/log", "line\n");
  g_assert_cmpuint(test_count(dir, "disk"), ==, 2);
  return 0;
}

static int with_small_disk(const TestDir *dir) {
  return test_small_disk(dir, "disk") ? fill_disk(dir) : 0;
}

static int with_small_files(const TestDir *dir) {
  const struct rlimit limit = {1 << 20, 1 << 20};
  signal(SIGXFSZ, SIG_IGN);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
  return fill_disk(dir);
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *disk = test_path(&dir, "disk");
  g_assert_cmpint(g_mkdir(disk, 0755), ==, 0);
  test_in_child(with_small_disk, &dir);
  test_in_child(with_small_files, &dir);
}

static int write_where_not_allowed(const TestDir *dir) {
  g_autofree char *path = test_path(dir, "ro/file");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_file_write(path, "new", 3, 0, &error));
  g_assert_error(error, PINO_ERRNO, EACCES);
  g_assert_nonnull(strstr(error->message, "not allowed for user"));
  g_clear_error(&error);
  g_assert_false(pino_file_append(path, "new", 3, &error));
  g_assert_error(error, PINO_ERRNO, EACCES);
  test_has(dir, "ro/file", "old");
  g_assert_cmpuint(test_count(dir, "ro"), ==, 1);
  return 0;
}

static void test_not_allowed(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "ro/file", "old");
  g_autofree char *folder = test_path(&dir, "ro");
  g_autofree char *file = test_path(&dir, "ro/file");
  g_assert_cmpint(chmod(file, 0444), ==, 0);
  g_assert_cmpint(chmod(folder, 0555), ==, 0);
  test_as_nobody(write_where_not_allowed, &dir);
}

static void test_hashes(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "abc", "abc");
  test_put(&dir, "none", "");
  g_autofree char *abc = test_path(&dir, "abc");
  g_autofree char *none = test_path(&dir, "none");
  g_autoptr(GError) error = NULL;
  g_autofree char *sha = pino_hash_file(abc, "sha256", NULL, &error);
  g_assert_cmpstr(sha, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  g_autofree char *md5 = pino_hash_file(none, "md5", NULL, &error);
  g_assert_cmpstr(md5, ==, "d41d8cd98f00b204e9800998ecf8427e");
  g_assert_null(pino_hash_file(abc, "crc7", NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_null(pino_hash_file(dir.path, "md5", NULL, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  g_clear_error(&error);
  g_autoptr(GCancellable) cancelled = g_cancellable_new();
  g_cancellable_cancel(cancelled);
  g_assert_null(pino_hash_file(abc, "md5", cancelled, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/atomic/write-replaces-and-keeps-mode", test_write_replaces);
  g_test_add_func("/storage/atomic/write-follows-links", test_write_follows_links);
  g_test_add_func("/storage/atomic/write-leaves-devices", test_write_device);
  g_test_add_func("/storage/atomic/folder-in-the-way-is-told", test_folder_in_the_way);
  g_test_add_func("/storage/atomic/append-and-read", test_append_and_read);
  g_test_add_func("/storage/atomic/full-disk-keeps-old", test_full_disk);
  g_test_add_func("/storage/atomic/not-allowed-keeps-old", test_not_allowed);
  g_test_add_func("/storage/hash/known-sums", test_hashes);
  return g_test_run();
}
