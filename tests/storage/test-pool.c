#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "crash.h"
#include "disk.h"
#include "storage/hash.h"
#include "storage/pool.h"
#include "storage/tree.h"
#include "temp.h"

#define A "home/api/a/model.safetensors"
#define B "home/api/b/weights.safetensors"
#define URL "https://example.com/model?token=secret"
#define ETAG "\"v1\""

/* A large file whose content is its size and the mark; mostly a hole, so that it is there at once. */
static void put_large(const TestDir *dir, const char *name, const char *mark) {
  test_put(dir, name, mark);
  g_autofree char *path = test_path(dir, name);
  g_assert_cmpint(truncate(path, (off_t)PINO_POOL_LEAST + 12345), ==, 0);
}

static void has_large(const TestDir *dir, const char *name, const char *mark) {
  g_autofree char *path = test_path(dir, name);
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_size, ==, (off_t)PINO_POOL_LEAST + 12345);
  char text[64] = "";
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint(read(fd, text, strlen(mark)), ==, strlen(mark));
  close(fd);
  g_assert_cmpstr(text, ==, mark);
}

static struct stat stat_of(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  return st;
}

static PinoPoolWay added(const TestDir *dir, const char *name, const char *url, guint64 *saved) {
  g_autofree char *home = test_path(dir, "home");
  g_autofree char *path = test_path(dir, name);
  g_auto(PinoPoolResult) result = {0};
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_pool_add(home, path, NULL, url, url != NULL ? ETAG : NULL, &result, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  if (saved != NULL)
    *saved = result.saved;
  return result.way;
}

static gboolean took(const TestDir *dir, const char *sha256, const char *url, const char *validator,
                     const char *target, PinoPoolResult *result) {
  g_autofree char *home = test_path(dir, "home");
  g_autofree char *path = test_path(dir, target);
  g_autoptr(GError) error = NULL;
  gboolean taken = FALSE;
  gboolean ok = pino_pool_take(home, sha256, url, validator, path, &taken, result, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  return taken;
}

static char *sum_of(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  g_autoptr(GError) error = NULL;
  char *sum = pino_hash_file(path, "sha256", NULL, &error);
  g_assert_no_error(error);
  return sum;
}

static GPtrArray *objects(const TestDir *dir) {
  g_autofree char *home = test_path(dir, "home");
  g_autoptr(GError) error = NULL;
  GPtrArray *list = pino_pool_list(home, NULL, &error);
  g_assert_no_error(error);
  return list;
}

static char *object_path(const TestDir *dir, const char *sha256) {
  g_autofree char *name = g_strdup_printf("home/pool/sha256/%.2s/%s", sha256, sha256 + 2);
  return test_path(dir, name);
}

static gboolean has_reflinks_here(const TestDir *dir) {
  put_large(dir, "home/probe.txt", "probe");
  return added(dir, "home/probe.txt", NULL, NULL) == PINO_POOL_REFLINK;
}

static void test_once(void) {
  g_auto(TestDir) dir = test_dir_make();
  guint64 saved = 0;
  put_large(&dir, A, "weights");
  put_large(&dir, B, "weights");
  PinoPoolWay way = added(&dir, A, URL, &saved);
  g_assert_cmpint(way, !=, PINO_POOL_PLAIN);
  g_assert_cmpuint(saved, ==, 0);
  g_assert_cmpint(added(&dir, B, NULL, &saved), ==, way);
  g_assert_cmpuint(saved, ==, PINO_POOL_LEAST + 12345);
  /* Once more changes nothing. */
  g_assert_cmpint(added(&dir, B, NULL, &saved), ==, way);
  g_assert_cmpuint(saved, ==, 0);
  has_large(&dir, A, "weights");
  has_large(&dir, B, "weights");
  struct stat a = stat_of(&dir, A), b = stat_of(&dir, B);
  g_assert_cmpint(way == PINO_POOL_HARDLINK, ==, a.st_ino == b.st_ino);
  g_assert_cmpint(way == PINO_POOL_HARDLINK, ==, (a.st_mode & 0222) == 0);
  g_autoptr(GPtrArray) list = objects(&dir);
  g_assert_cmpuint(list->len, ==, 1);
  const PinoPoolObject *object = g_ptr_array_index(list, 0);
  g_autofree char *sum = sum_of(&dir, A);
  g_assert_cmpstr(object->sha256, ==, sum);
  g_assert_cmpuint(object->users, ==, 2);
  g_assert_cmpuint(pino_pool_object_saves(object), ==, object->size);
  g_assert_cmpstr(object->places[0], ==, "api/a/model.safetensors");
  g_assert_cmpstr(object->places[1], ==, "api/b/weights.safetensors");
  g_assert_cmpstr(object->name, ==, "weights.safetensors");
  /* Nothing of the URL's secrets is kept. */
  g_autofree char *pool = test_path(&dir, "home/pool");
  const char *const argv[] = {"grep", "-r", "secret", pool, NULL};
  int status = 0;
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                             NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint(status, !=, 0);
}

static void test_take(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_assert_false(took(&dir, NULL, URL, ETAG, "home/api/x", NULL));
  test_hasnt(&dir, "home/pool");
  put_large(&dir, A, "weights");
  PinoPoolWay way = added(&dir, A, URL, NULL);
  g_autofree char *sum = sum_of(&dir, A);
  g_autofree char *upper = g_ascii_strup(sum, -1);
  g_auto(PinoPoolResult) result = {0};
  g_assert_true(took(&dir, NULL, URL, ETAG, B, &result));
  g_assert_cmpint(result.way, ==, way);
  g_assert_cmpstr(result.sha256, ==, sum);
  g_assert_cmpuint(result.saved, ==, PINO_POOL_LEAST + 12345);
  has_large(&dir, B, "weights");
  g_assert_true(took(&dir, upper, NULL, NULL, "home/api/new/deep/x.bin", NULL));
  has_large(&dir, "home/api/new/deep/x.bin", "weights");
  /* In the place of something else. */
  test_put(&dir, "home/api/c/m.bin", "old");
  g_assert_true(took(&dir, sum, NULL, NULL, "home/api/c/m.bin", NULL));
  g_assert_true(took(&dir, sum, NULL, NULL, "home/api/c/m.bin", NULL));
  has_large(&dir, "home/api/c/m.bin", "weights");
  g_assert_cmpuint(test_count(&dir, "home/api/c"), ==, 1);
  g_assert_cmpuint(test_count(&dir, "home/pool/tmp"), ==, 0);
  g_assert_false(took(&dir, NULL, URL, "\"v2\"", "home/api/d", NULL));
  g_assert_false(took(&dir, NULL, URL, NULL, "home/api/d", NULL));
  g_assert_false(took(&dir, NULL, URL, "W/" ETAG, "home/api/d", NULL));
  g_assert_false(took(&dir, NULL, "https://example.com/other", ETAG, "home/api/d", NULL));
  sum[0] = sum[0] == '0' ? '1' : '0';
  g_assert_false(took(&dir, sum, NULL, NULL, "home/api/d", NULL));
  test_hasnt(&dir, "home/api/d");
  g_autofree char *home = test_path(&dir, "home");
  g_autofree char *folder = test_path(&dir, "home/api/c");
  g_autoptr(GError) error = NULL;
  gboolean taken = TRUE;
  g_assert_false(pino_pool_take(home, upper, NULL, NULL, folder, &taken, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  g_assert_false(taken);
}

/* As root may, and as a program may that made the file writable. */
static void write_in_place(const TestDir *dir, const char *name, const char *text, gboolean same_times) {
  g_autofree char *path = test_path(dir, name);
  struct stat st = stat_of(dir, name);
  g_assert_cmpint(chmod(path, 0644), ==, 0);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  if (same_times)
    g_assert_cmpint(futimens(fd, times), ==, 0);
  close(fd);
}

static void test_spoiled(void) {
  for (int same_times = 0; same_times < 2; same_times++) {
    g_auto(TestDir) dir = test_dir_make();
    put_large(&dir, A, "weights");
    g_autofree char *sum = sum_of(&dir, A);
    PinoPoolWay way = added(&dir, A, URL, NULL);
    write_in_place(&dir, A, "spoiled", same_times);
    gboolean taken = took(&dir, NULL, URL, ETAG, B, NULL);
    g_assert_cmpint(taken, ==, way == PINO_POOL_REFLINK);
    if (taken)
      continue;
    /* What the app wrote is the app's; the pool has let go of it. */
    test_hasnt(&dir, B);
    has_large(&dir, A, "spoiled");
    g_autoptr(GPtrArray) list = objects(&dir);
    g_assert_cmpuint(list->len, ==, 0);
    put_large(&dir, B, "weights");
    g_assert_cmpint(added(&dir, B, URL, NULL), ==, way);
    g_assert_true(took(&dir, sum, NULL, NULL, "home/api/c/w.bin", NULL));
    has_large(&dir, "home/api/c/w.bin", "weights");
  }
}

static void test_spoiled_before_add(void) {
  g_auto(TestDir) dir = test_dir_make();
  put_large(&dir, A, "weights");
  put_large(&dir, B, "weights");
  added(&dir, A, NULL, NULL);
  write_in_place(&dir, A, "spoiled", TRUE);
  added(&dir, B, NULL, NULL);
  has_large(&dir, A, "spoiled");
  has_large(&dir, B, "weights");
}

/* Whatever an app does with its names, the content is found again: by a hash, since the inode's ctime moved. */
static void test_names_come_and_go(void) {
  g_auto(TestDir) dir = test_dir_make();
  put_large(&dir, A, "weights");
  added(&dir, A, URL, NULL);
  g_autofree char *a = test_path(&dir, A);
  g_assert_cmpint(unlink(a), ==, 0);
  g_assert_true(took(&dir, NULL, URL, ETAG, B, NULL));
  has_large(&dir, B, "weights");
  /* The usual way to overwrite changes only one's own. */
  put_large(&dir, "home/api/b/new", "updated");
  g_autofree char *b = test_path(&dir, B);
  g_autofree char *new = test_path(&dir, "home/api/b/new");
  g_assert_true(took(&dir, NULL, URL, ETAG, A, NULL));
  g_assert_cmpint(rename(new, b), ==, 0);
  has_large(&dir, A, "weights");
  has_large(&dir, B, "updated");
  g_assert_true(took(&dir, NULL, URL, ETAG, "home/api/c/c.bin", NULL));
  has_large(&dir, "home/api/c/c.bin", "weights");
  /* Without records and index nothing is wrong, and the content is still found by its hash. */
  g_autofree char *records = test_path(&dir, "home/pool/records");
  g_autofree char *sum = sum_of(&dir, A);
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_tree_remove(records, NULL, &error));
  g_assert_true(took(&dir, sum, NULL, NULL, "home/api/d/d.bin", NULL));
  has_large(&dir, "home/api/d/d.bin", "weights");
}

static void test_left_alone(void) {
  g_auto(TestDir) dir = test_dir_make();
  gboolean reflinks = has_reflinks_here(&dir);
  g_autofree char *home = test_path(&dir, "home");
  g_autoptr(GError) error = NULL;
  test_put(&dir, "home/small.bin", "small");
  g_assert_cmpint(added(&dir, "home/small.bin", URL, NULL), ==, PINO_POOL_PLAIN);
  put_large(&dir, A, "weights");
  g_autofree char *a = test_path(&dir, A);
  g_autofree char *link = test_path(&dir, "home/link.bin");
  g_assert_cmpint(symlink(a, link), ==, 0);
  g_assert_cmpint(added(&dir, "home/link.bin", URL, NULL), ==, PINO_POOL_PLAIN);
  int fd = open(a, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(added(&dir, A, URL, NULL), ==, PINO_POOL_PLAIN);
  close(fd);
  /* What programs may write into is not shared by hard link. */
  put_large(&dir, "home/api/a/state.db", "db");
  g_assert_cmpint(added(&dir, "home/api/a/state.db", URL, NULL), ==,
                  reflinks ? PINO_POOL_REFLINK : PINO_POOL_PLAIN);
  g_assert_cmpuint(stat_of(&dir, "home/api/a/state.db").st_mode & 0200, ==, 0200);
  g_assert_false(pino_pool_add(home, a, "no hash", NULL, NULL, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  g_autofree char *missing = test_path(&dir, "home/missing.bin");
  g_assert_false(pino_pool_add(home, missing, NULL, NULL, NULL, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
  g_clear_error(&error);
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_cancellable_cancel(cancellable);
  g_assert_false(pino_pool_add(home, a, NULL, NULL, NULL, NULL, cancellable, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  has_large(&dir, A, "weights");
}

static void test_other_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *far = g_strdup("/dev/shm/pino-test-XXXXXX");
  g_assert_nonnull(g_mkdtemp(far));
  const TestDir shm = {far};
  g_autofree char *home = test_path(&dir, "home");
  put_large(&shm, "m.bin", "weights");
  put_large(&dir, A, "weights");
  g_autofree char *m = test_path(&shm, "m.bin");
  g_autofree char *n = test_path(&shm, "n.bin");
  g_autoptr(GError) error = NULL;
  for (int i = 0; i < 2; i++) {
    g_auto(PinoPoolResult) result = {0};
    g_assert_true(pino_pool_add(home, m, NULL, URL, ETAG, &result, NULL, &error));
    g_assert_cmpint(result.way, ==, PINO_POOL_PLAIN);
    g_assert_cmpint(result.why != NULL, ==, i == 0);
    g_assert_true(i > 0 || strstr(result.why, "another file system") != NULL);
  }
  g_assert_cmpint(added(&dir, A, URL, NULL), !=, PINO_POOL_PLAIN);
  gboolean taken = FALSE;
  g_auto(PinoPoolResult) result = {0};
  g_assert_true(pino_pool_take(home, NULL, URL, ETAG, n, &taken, &result, NULL, &error));
  g_assert_true(taken);
  g_assert_cmpint(result.way, ==, PINO_POOL_PLAIN);
  g_assert_cmpuint(result.saved, ==, 0);
  has_large(&shm, "n.bin", "weights");
  g_assert_cmpuint(stat_of(&shm, "n.bin").st_mode & 0200, ==, 0200);
  g_assert_true(pino_tree_remove(far, NULL, &error));
}

static int use_without_links(const TestDir *dir) {
  test_disk_without_links();
  g_autofree char *home = test_path(dir, "home");
  g_autofree char *a = test_path(dir, A);
  g_autofree char *b = test_path(dir, B);
  g_autoptr(GError) error = NULL;
  g_auto(PinoPoolResult) first = {0};
  g_auto(PinoPoolResult) second = {0};
  g_assert_true(pino_pool_add(home, a, NULL, URL, ETAG, &first, NULL, &error));
  g_assert_true(pino_pool_add(home, b, NULL, URL, ETAG, &second, NULL, &error));
  if (first.way == PINO_POOL_REFLINK)
    return 0;
  g_assert_cmpint(first.way, ==, PINO_POOL_PLAIN);
  g_assert_nonnull(first.why);
  g_assert_null(second.why);
  has_large(dir, A, "weights");
  g_assert_cmpuint(stat_of(dir, A).st_mode & 0200, ==, 0200);
  g_assert_false(took(dir, NULL, URL, ETAG, "home/api/c", NULL));
  g_autoptr(GPtrArray) list = objects(dir);
  g_assert_cmpuint(list->len, ==, 0);
  return 0;
}

static void test_without_links(void) {
  g_auto(TestDir) dir = test_dir_make();
  put_large(&dir, A, "weights");
  put_large(&dir, B, "weights");
  test_in_child(use_without_links, &dir);
}

/* Real bytes here, since a hole takes no room. */
static void put_dense(const TestDir *dir, const char *name, char mark, gsize size) {
  g_autofree char *text = g_strnfill(size, mark);
  test_put(dir, name, text);
}

static int use_reflinks(const TestDir *dir) {
  const gsize size = PINO_POOL_LEAST * 3;
  if (!test_disk_reflink(dir, "home"))
    return 0;
  guint64 saved = 0;
  put_dense(dir, "home/api/a/any.data", 'x', size);
  put_dense(dir, "home/api/b/any.data", 'x', size);
  g_assert_cmpint(added(dir, "home/api/a/any.data", URL, NULL), ==, PINO_POOL_REFLINK);
  g_assert_cmpint(added(dir, "home/api/b/any.data", NULL, &saved), ==, PINO_POOL_REFLINK);
  g_assert_cmpuint(saved, ==, size);
  g_assert_true(took(dir, NULL, URL, ETAG, "home/api/c/any.data", NULL));
  g_assert_cmpint(added(dir, "home/api/c/any.data", NULL, &saved), ==, PINO_POOL_REFLINK);
  g_assert_cmpuint(saved, ==, 0);
  /* Apps write what they like. */
  write_in_place(dir, "home/api/a/any.data", "spoiled", TRUE);
  g_assert_true(took(dir, NULL, URL, ETAG, "home/api/d/any.data", NULL));
  g_autofree char *text = g_strnfill(size, 'x');
  test_has(dir, "home/api/b/any.data", text);
  test_has(dir, "home/api/d/any.data", text);
  g_assert_cmpuint(stat_of(dir, "home/api/d/any.data").st_mode & 0200, ==, 0200);
  g_autoptr(GPtrArray) list = objects(dir);
  g_assert_cmpuint(list->len, ==, 1);
  const PinoPoolObject *object = g_ptr_array_index(list, 0);
  g_assert_cmpint(object->way, ==, PINO_POOL_REFLINK);
  /* The changed one still has the stamp of a share only if its times were put back; its size is right either way. */
  g_assert_cmpuint(object->users, >=, 3);
  g_autofree char *home = test_path(dir, "home");
  g_autofree char *api = test_path(dir, "home/api");
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) removed = NULL;
  g_assert_true(pino_pool_clean(home, 0, FALSE, &removed, NULL, &error));
  g_assert_cmpuint(removed->len, ==, 0);
  g_assert_true(pino_tree_remove(api, NULL, &error));
  g_clear_pointer(&removed, g_ptr_array_unref);
  g_assert_true(pino_pool_clean(home, 3600, FALSE, &removed, NULL, &error));
  g_assert_cmpuint(removed->len, ==, 0);
  g_clear_pointer(&removed, g_ptr_array_unref);
  g_assert_true(pino_pool_clean(home, 0, FALSE, &removed, NULL, &error));
  g_assert_cmpuint(removed->len, ==, 1);
  return 0;
}

static void test_reflinks(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *home = test_path(&dir, "home");
  g_assert_cmpint(g_mkdir(home, 0755), ==, 0);
  test_in_child(use_reflinks, &dir);
}

static int take_on_full_disk(const TestDir *dir) {
  if (!test_disk_memory(dir, "disk", "1m"))
    return 0;
  test_put(dir, "disk/m.bin", "old");
  g_autofree char *home = test_path(dir, "home");
  g_autofree char *target = test_path(dir, "disk/m.bin");
  g_autoptr(GError) error = NULL;
  gboolean taken = TRUE;
  g_assert_false(pino_pool_take(home, NULL, URL, ETAG, target, &taken, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_false(taken);
  test_has(dir, "disk/m.bin", "old");
  g_assert_cmpuint(test_count(dir, "disk"), ==, 1);
  return 0;
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  put_dense(&dir, A, 'x', PINO_POOL_LEAST);
  added(&dir, A, URL, NULL);
  test_put(&dir, "disk/x", "");
  test_in_child(take_on_full_disk, &dir);
}

static void test_clean(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *home = test_path(&dir, "home");
  g_autoptr(GError) error = NULL;
  put_large(&dir, A, "used");
  put_large(&dir, B, "unused");
  added(&dir, A, URL, NULL);
  added(&dir, B, "https://example.com/b", NULL);
  g_autofree char *sum = sum_of(&dir, B);
  g_autofree char *object = object_path(&dir, sum);
  g_autofree char *b = test_path(&dir, B);
  g_assert_cmpint(unlink(b), ==, 0);
  const struct {
    gint64 older_s;
    gboolean dry_run;
    guint removed;
    gboolean there;
  } rounds[] = {{0, TRUE, 1, TRUE}, {3600, FALSE, 0, TRUE}, {0, FALSE, 1, FALSE}, {0, FALSE, 0, FALSE}};
  for (gsize i = 0; i < G_N_ELEMENTS(rounds); i++) {
    g_autoptr(GPtrArray) removed = NULL;
    g_assert_true(pino_pool_clean(home, rounds[i].older_s, rounds[i].dry_run, &removed, NULL, &error));
    g_assert_cmpuint(removed->len, ==, rounds[i].removed);
    g_assert_cmpint(g_file_test(object, G_FILE_TEST_EXISTS), ==, rounds[i].there);
  }
  g_assert_false(took(&dir, NULL, "https://example.com/b", ETAG, B, NULL));
  g_assert_true(took(&dir, NULL, URL, ETAG, B, NULL));
  g_assert_cmpuint(test_count(&dir, "home/pool/index"), >=, 1);
}

/* --- scan ---- */

static void make_old(const TestDir *dir, const char *name) {
  const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
  g_autofree char *path = test_path(dir, name);
  g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static void on_found(const char *path, guint64 size, gboolean shared, gpointer data) {
  g_ptr_array_add(data, g_strdup_printf("%s %d", path, shared));
}

static void scanned(const TestDir *dir, gboolean share, PinoPoolScan *scan, guint found) {
  g_autofree char *home = test_path(dir, "home");
  g_autofree char *api = test_path(dir, "home/api");
  g_autofree char *drive = test_path(dir, "home/drive");
  const char *const folders[] = {api, drive, NULL};
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_pool_scan(home, folders, share, scan, on_found, list, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  g_assert_cmpuint(list->len, ==, found);
}

static void test_scan(void) {
  g_auto(TestDir) dir = test_dir_make();
  const guint64 size = PINO_POOL_LEAST + 12345;
  const struct {
    const char *name;
    const char *mark;
    gboolean recent;
  } files[] = {
      {A, "one", FALSE},
      {B, "one", FALSE},
      {"home/drive/deep/er/x.gguf", "one", FALSE},
      {"home/api/c/other.bin", "two", FALSE}, /* of the same size */
      {"home/api/c/pooled.bin", "three", FALSE},
      {"home/api/d/pooled.bin", "three", FALSE},
      {"home/api/d/growing.bin", "one", TRUE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
    put_large(&dir, files[i].name, files[i].mark);
    if (!files[i].recent)
      make_old(&dir, files[i].name);
  }
  added(&dir, "home/api/c/pooled.bin", NULL, NULL);
  g_autofree char *a = test_path(&dir, A);
  g_autofree char *twin = test_path(&dir, "home/api/a/twin.bin");
  g_autofree char *link = test_path(&dir, "home/api/a/soft.bin");
  g_assert_cmpint(linkat(AT_FDCWD, a, AT_FDCWD, twin, 0), ==, 0);
  g_assert_cmpint(symlink(a, link), ==, 0);
  test_put(&dir, "home/api/a/small.bin", "one");
  g_auto(PinoPoolScan) scan = {0};
  scanned(&dir, FALSE, &scan, 3);
  g_assert_cmpuint(scan.equal, ==, 3);
  g_assert_cmpuint(scan.saves, ==, 3 * size);
  g_assert_cmpuint(scan.shared, ==, 0);
  g_assert_cmpuint(scan.saved, ==, 0);
  pino_pool_scan_clear(&scan);
  scanned(&dir, TRUE, &scan, 3);
  g_assert_cmpuint(scan.shared, ==, 3);
  g_assert_cmpuint(scan.saved, ==, 3 * size);
  pino_pool_scan_clear(&scan);
  scanned(&dir, TRUE, &scan, 0);
  g_assert_cmpuint(scan.equal, ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
    has_large(&dir, files[i].name, files[i].mark);
  g_autoptr(GPtrArray) list = objects(&dir);
  g_assert_cmpuint(list->len, ==, 2);
}

typedef struct {
  const TestDir *dir;
  char *name;
} Adder;

static gpointer add_in_thread(gpointer data) {
  const Adder *adder = data;
  added(adder->dir, adder->name, URL, NULL);
  return NULL;
}

static void test_at_once(void) {
  g_auto(TestDir) dir = test_dir_make();
  Adder adders[6];
  GThread *threads[6];
  for (int i = 0; i < 6; i++) {
    adders[i] = (Adder){&dir, g_strdup_printf("home/api/app%d/m.bin", i)};
    put_large(&dir, adders[i].name, "weights");
  }
  for (int i = 0; i < 6; i++)
    threads[i] = g_thread_new("add", add_in_thread, &adders[i]);
  for (int i = 0; i < 6; i++) {
    g_thread_join(threads[i]);
    has_large(&dir, adders[i].name, "weights");
    g_free(adders[i].name);
  }
  g_autoptr(GPtrArray) list = objects(&dir);
  g_assert_cmpuint(list->len, ==, 1);
  g_assert_cmpuint(((PinoPoolObject *)g_ptr_array_index(list, 0))->users, ==, 6);
}

static int add_both(gpointer data) {
  added(data, A, URL, NULL);
  added(data, B, URL, NULL);
  return 0;
}

static int take_one(gpointer data) {
  return took(data, NULL, URL, ETAG, B, NULL) ? 0 : 1;
}

/* After each kill everything is whole, and doing it again ends as if nothing had happened. */
static void crash_everywhere(int (*fn)(gpointer), gboolean take) {
  guint n = 1;
  for (gboolean killed = test_crash_works(); killed; n++) {
    g_auto(TestDir) dir = test_dir_make_in_memory();
    put_large(&dir, A, "weights");
    if (take)
      added(&dir, A, URL, NULL);
    else
      put_large(&dir, B, "weights");
    killed = test_crash_at(n, fn, &dir);
    has_large(&dir, A, "weights");
    g_autofree char *b = test_path(&dir, B);
    if (!take || g_file_test(b, G_FILE_TEST_EXISTS))
      has_large(&dir, B, "weights");
    g_assert_cmpint(fn(&dir), ==, 0);
    has_large(&dir, A, "weights");
    has_large(&dir, B, "weights");
    g_autoptr(GPtrArray) list = objects(&dir);
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpuint(((PinoPoolObject *)g_ptr_array_index(list, 0))->users, ==, 2);
    g_assert_cmpuint(test_count(&dir, "home/pool/tmp"), ==, 0);
    g_assert_cmpuint(test_count(&dir, "home/api/a"), ==, 1);
    g_assert_cmpuint(test_count(&dir, "home/api/b"), ==, 1);
  }
  g_test_message("killed at %u steps", n - 2);
  g_assert_true(n > 10 || !test_crash_works());
}

static void test_crash_add(void) {
  crash_everywhere(add_both, FALSE);
}

static void test_crash_take(void) {
  crash_everywhere(take_one, TRUE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/pool/two-files-one-content", test_once);
  g_test_add_func("/storage/pool/taken-by-hash-or-url", test_take);
  g_test_add_func("/storage/pool/spoiled-is-never-handed-out", test_spoiled);
  g_test_add_func("/storage/pool/spoiled-never-replaces", test_spoiled_before_add);
  g_test_add_func("/storage/pool/names-come-and-go", test_names_come_and_go);
  g_test_add_func("/storage/pool/what-is-left-alone", test_left_alone);
  g_test_add_func("/storage/pool/other-file-system", test_other_disk);
  g_test_add_func("/storage/pool/no-hard-links", test_without_links);
  g_test_add_func("/storage/pool/reflinks", test_reflinks);
  g_test_add_func("/storage/pool/full-disk-leaves-target", test_full_disk);
  g_test_add_func("/storage/pool/clean", test_clean);
  g_test_add_func("/storage/pool/scan-finds-and-shares", test_scan);
  g_test_add_func("/storage/pool/at-once-from-many-threads", test_at_once);
  g_test_add_func("/storage/pool/add-killed-at-every-step", test_crash_add);
  g_test_add_func("/storage/pool/take-killed-at-every-step", test_crash_take);
  return g_test_run();
}
