/* Copies of a library that is in use: whole, of one moment, and without holding up who writes. */
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "rows.h"

#define COPY "copies/library.sqlite"

static char *copy_path(const TestDir *dir) {
  g_autofree char *folder = test_path(dir, "copies");
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  return test_path(dir, COPY);
}

static void back_up(PinoLibrary *library, const TestDir *dir) {
  g_autofree char *path = copy_path(dir);
  g_autoptr(GError) error = NULL;
  pino_library_backup(library, path, &error);
  g_assert_no_error(error);
}

static PinoLibrary *open_copy(const TestDir *dir) {
  g_autofree char *folder = test_path(dir, "copies");
  g_autoptr(GError) error = NULL;
  PinoLibraryFound found;
  PinoLibrary *library = pino_library_open(folder, &found, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpint(found, ==, PINO_LIBRARY_OPENED);
  return library;
}

static void set(PinoLibrary *library, const char *key, const char *value) {
  g_autoptr(GError) error = NULL;
  pino_library_set_setting(library, key, value, &error);
  g_assert_no_error(error);
}

static void test_whole(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autofree char *path = copy_path(&dir);
  struct stat st;
  rows_fill(library);
  back_up(library, &dir);
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 07777, ==, 0600);
  g_assert_cmpuint(test_count(&dir, "copies"), ==, 1);
  g_autoptr(PinoLibrary) copy = open_copy(&dir);
  g_assert_cmpuint(rows_count_runs(copy, NULL, FALSE), ==, rows_count_runs(library, NULL, FALSE));
  rows_use(copy);
}

static void test_again_replaces(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  set(library, "a", "1");
  test_put(&dir, COPY ".part", "what a crash left");
  back_up(library, &dir);
  set(library, "a", "2");
  back_up(library, &dir);
  g_autoptr(PinoLibrary) copy = open_copy(&dir);
  g_autofree char *value = pino_library_setting(copy, "a", NULL);
  g_assert_cmpstr(value, ==, "2");
  test_hasnt(&dir, COPY ".part");
}

static void test_of_one_moment(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  set(library, "a", "before");
  g_assert_true(pino_library_begin(library, &error));
  set(library, "a", "not yet");
  back_up(library, &dir);
  g_assert_true(pino_library_commit(library, &error));
  g_autoptr(PinoLibrary) copy = open_copy(&dir);
  g_autofree char *value = pino_library_setting(copy, "a", NULL);
  g_assert_cmpstr(value, ==, "before");
}

/* --- while it is written ---- */

typedef struct {
  PinoLibrary *library;
  const TestDir *dir;
  gint stop;
  guint copies;
} Copier;

/* Each pair of settings is written in one transaction. */
static void check_pair(const TestDir *dir) {
  g_autoptr(PinoLibrary) copy = open_copy(dir);
  g_autofree char *a = pino_library_setting(copy, "a", NULL);
  g_autofree char *b = pino_library_setting(copy, "b", NULL);
  g_assert_cmpstr(a, ==, b);
}

static gpointer copy_on(gpointer data) {
  Copier *copier = data;
  while (!g_atomic_int_get(&copier->stop)) {
    back_up(copier->library, copier->dir);
    check_pair(copier->dir);
    copier->copies++;
  }
  return NULL;
}

static void test_while_written(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  Copier copier = {.library = library, .dir = &dir};
  gint64 slowest = 0;
  rows_fill(library);
  GThread *thread = g_thread_new("copier", copy_on, &copier);
  gint64 end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
  for (guint i = 0; g_get_monotonic_time() < end; i++) {
    g_autofree char *value = g_strdup_printf("%u", i);
    gint64 start = g_get_monotonic_time();
    g_assert_true(pino_library_begin(library, NULL));
    set(library, "a", value);
    set(library, "b", value);
    g_assert_true(pino_library_commit(library, NULL));
    slowest = MAX(slowest, g_get_monotonic_time() - start);
  }
  g_atomic_int_set(&copier.stop, 1);
  g_thread_join(thread);
  g_test_message("%u copies; the slowest transaction meanwhile took %d us", copier.copies, (int)slowest);
  g_assert_cmpuint(copier.copies, >, 0);
}

/* --- what goes wrong ---- */

static int full_disk(const TestDir *dir) {
  g_autofree char *path = copy_path(dir);
  g_autoptr(GError) error = NULL;
  g_autofree char *big = g_strnfill(2 * 1024 * 1024, 'x');
  g_autoptr(PinoLibrary) library = rows_open(dir, NULL, NULL);
  if (!test_small_disk(dir, "copies"))
    return 0;
  set(library, "a", "1");
  back_up(library, dir);
  set(library, "big", big);
  g_assert_false(pino_library_backup(library, path, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_cmpuint(test_count(dir, "copies"), ==, 1);
  g_autoptr(PinoLibrary) copy = open_copy(dir);
  g_autofree char *value = pino_library_setting(copy, "a", NULL);
  g_assert_cmpstr(value, ==, "1");
  rows_use(library);
  return 0;
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_in_child(full_disk, &dir);
}

static void test_nowhere(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autofree char *path = test_path(&dir, "missing/copy");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_library_backup(library, path, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/library/backup/whole", test_whole);
  g_test_add_func("/state/library/backup/again-replaces", test_again_replaces);
  g_test_add_func("/state/library/backup/of-one-moment", test_of_one_moment);
  g_test_add_func("/state/library/backup/while-written", test_while_written);
  g_test_add_func("/state/library/backup/full-disk", test_full_disk);
  g_test_add_func("/state/library/backup/nowhere", test_nowhere);
  return g_test_run();
}
