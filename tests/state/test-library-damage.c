/* Whatever stands where the library should be, opening it has a defined end: opened, replaced with the old one kept, or an
 * error that says what to do. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "rows.h"

#define PAGE 4096

static void put_bytes(const TestDir *dir, const char *name, const void *bytes, gsize length) {
  g_autofree char *path = test_path(dir, name);
  g_autoptr(GError) error = NULL;
  g_file_set_contents(path, bytes, (gssize)length, &error);
  g_assert_no_error(error);
}

static GBytes *get_bytes(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  char *bytes;
  gsize length;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(path, &bytes, &length, &error);
  g_assert_no_error(error);
  return g_bytes_new_take(bytes, length);
}

static void empty_folder(const TestDir *dir) {
  g_autoptr(GDir) folder = g_dir_open(dir->path, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *path = test_path(dir, name);
    g_assert_cmpint(g_unlink(path), ==, 0);
  }
}

/* The bytes of a library with something in all tables. */
static GBytes *make_library(const TestDir *dir) {
  pino_library_free(rows_open(dir, NULL, NULL));
  PinoLibrary *library = rows_open(dir, NULL, NULL);
  rows_fill(library);
  pino_library_free(library);
  return get_bytes(dir, "library.sqlite");
}

/* Opens what was put there. A library that was replaced kept the old bytes; either one can be used. */
static PinoLibraryFound open_whatever(const TestDir *dir, const void *bytes, gsize length) {
  PinoLibraryFound found;
  g_autofree char *aside = NULL;
  g_autoptr(PinoLibrary) library = rows_open(dir, &found, &aside);
  g_assert_true((aside != NULL) == (found == PINO_LIBRARY_REPLACED));
  if (aside != NULL) {
    g_autofree char *kept = NULL;
    gsize size;
    g_assert_nonnull(strstr(aside, "/library.sqlite.damaged-"));
    g_assert_true(g_file_get_contents(aside, &kept, &size, NULL));
    g_assert_cmpuint(size, ==, length);
    g_assert_cmpint(memcmp(kept, bytes, length), ==, 0);
  }
  rows_use(library);
  return found;
}

static void test_truncated(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GBytes) bytes = make_library(&dir);
  gsize size = g_bytes_get_size(bytes);
  guint opened = 0, replaced = 0;
  g_assert_cmpuint(size, >=, 10 * PAGE);
  for (gsize part = 0; part * PAGE / 7 < size; part++) {
    gsize length = part * PAGE / 7;
    empty_folder(&dir);
    put_bytes(&dir, "library.sqlite", g_bytes_get_data(bytes, NULL), length);
    PinoLibraryFound found = open_whatever(&dir, g_bytes_get_data(bytes, NULL), length);
    g_assert_cmpint(found == PINO_LIBRARY_CREATED, ==, length == 0);
    opened += found == PINO_LIBRARY_OPENED;
    replaced += found == PINO_LIBRARY_REPLACED;
  }
  g_test_message("%u opened, %u replaced", opened, replaced);
  g_assert_cmpuint(replaced, >, 50);
}

/* A -wal cut anywhere loses its last transactions and nothing else. */
static void test_truncated_wal(void) {
  g_auto(TestDir) dir = test_dir_make();
  PinoLibrary *library = rows_open(&dir, NULL, NULL);
  rows_fill(library);
  g_autoptr(GBytes) main_bytes = get_bytes(&dir, "library.sqlite");
  g_autoptr(GBytes) wal = get_bytes(&dir, "library.sqlite-wal");
  pino_library_free(library);
  gsize size = g_bytes_get_size(wal);
  g_assert_cmpuint(size, >, 10 * PAGE);
  guint last = 0;
  for (gsize length = 0; length <= size; length += 4096 + 24 * 5 + 1) {
    empty_folder(&dir);
    put_bytes(&dir, "library.sqlite", g_bytes_get_data(main_bytes, NULL), g_bytes_get_size(main_bytes));
    put_bytes(&dir, "library.sqlite-wal", g_bytes_get_data(wal, NULL), length);
    PinoLibraryFound found;
    g_autoptr(PinoLibrary) opened = rows_open(&dir, &found, NULL);
    guint runs = rows_count_runs(opened, NULL, FALSE);
    g_assert_cmpuint(runs, >=, last);
    last = runs;
  }
  g_assert_cmpuint(last, >=, 58);
}

/* What is damaged is kept as it was: SQLite would write the -wal into it when it closes it. */
static void test_damaged_with_wal(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GBytes) before = make_library(&dir);
  PinoLibrary *library = rows_open(&dir, NULL, NULL);
  rows_put_app(library, "late");
  g_autoptr(GBytes) wal = get_bytes(&dir, "library.sqlite-wal");
  pino_library_free(library);
  gsize size = g_bytes_get_size(before);
  g_autofree guint8 *copy = g_malloc(size);
  memcpy(copy, g_bytes_get_data(before, NULL), size);
  memset(copy + 5 * PAGE, 0xa5, size - 5 * PAGE);
  empty_folder(&dir);
  put_bytes(&dir, "library.sqlite", copy, size);
  put_bytes(&dir, "library.sqlite-wal", g_bytes_get_data(wal, NULL), g_bytes_get_size(wal));
  PinoLibraryFound found;
  g_autofree char *aside = NULL;
  pino_library_free(rows_open(&dir, &found, &aside));
  g_assert_cmpint(found, ==, PINO_LIBRARY_REPLACED);
  g_autofree char *name = g_path_get_basename(aside);
  g_autofree char *name_wal = g_strconcat(name, "-wal", NULL);
  g_autoptr(GBytes) kept = get_bytes(&dir, name);
  g_autoptr(GBytes) kept_wal = get_bytes(&dir, name_wal);
  g_autoptr(GBytes) damaged = g_bytes_new_static(copy, size);
  g_assert_true(g_bytes_equal(kept, damaged));
  g_assert_true(g_bytes_equal(kept_wal, wal));
}

/* The file has gone or was emptied, the -wal is there: SQLite would delete it. */
static void test_wal_alone(void) {
  g_auto(TestDir) dir = test_dir_make();
  PinoLibrary *library = rows_open(&dir, NULL, NULL);
  rows_fill(library);
  g_autoptr(GBytes) wal = get_bytes(&dir, "library.sqlite-wal");
  pino_library_free(library);
  for (int there = 0; there < 2; there++) {
    empty_folder(&dir);
    if (there)
      put_bytes(&dir, "library.sqlite", "", 0);
    put_bytes(&dir, "library.sqlite-wal", g_bytes_get_data(wal, NULL), g_bytes_get_size(wal));
    PinoLibraryFound found;
    g_autofree char *aside = NULL;
    g_autoptr(PinoLibrary) opened = rows_open(&dir, &found, &aside);
    g_assert_cmpint(found, ==, PINO_LIBRARY_REPLACED);
    g_autofree char *kept = g_strconcat(aside, "-wal", NULL);
    g_autofree char *text = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(kept, &text, &size, NULL));
    g_autoptr(GBytes) bytes = g_bytes_new_static(text, size);
    g_assert_true(g_bytes_equal(bytes, wal));
  }
}

static void test_flipped_bytes(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GBytes) bytes = make_library(&dir);
  gsize size = g_bytes_get_size(bytes);
  g_autofree guint8 *copy = g_malloc(size);
  guint opened = 0, replaced = 0;
  for (guint round = 0; round < 600; round++) {
    memcpy(copy, g_bytes_get_data(bytes, NULL), size);
    guint flips = round < 300 ? 1 : (guint)g_test_rand_int_range(2, 40);
    for (guint i = 0; i < flips; i++) {
      /* The first half aims at the header, one byte after the other; 60 to 63 are the version. */
      guint at = round < 200 ? round % 100 : (guint)g_test_rand_int_range(100, (gint32)size);
      copy[at] = (guint8)(copy[at] ^ (at >= 60 && at < 64 ? 0x80 : g_test_rand_int_range(1, 256)));
    }
    empty_folder(&dir);
    put_bytes(&dir, "library.sqlite", copy, size);
    PinoLibraryFound found;
    if (copy[60] + copy[61] == 0 && (copy[62] != 0 || copy[63] >= 0x80))
      continue; /* version 130 or 32770: a newer one, as far as anybody can tell */
    found = open_whatever(&dir, copy, size);
    opened += found == PINO_LIBRARY_OPENED;
    replaced += found == PINO_LIBRARY_REPLACED;
  }
  g_test_message("%u opened, %u replaced", opened, replaced);
  g_assert_cmpuint(replaced, >, 200);
}

static void test_nonsense(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *zeros = g_malloc0(3 * PAGE);
  g_autofree char *noise = g_malloc(5 * PAGE);
  for (gsize i = 0; i < 5 * PAGE; i++)
    noise[i] = (char)g_test_rand_int_range(0, 256);
  const struct {
    const char *bytes;
    gsize length;
  } nonsense[] = {
      {"xx", 2}, {"no database", 11}, {"SQLite format 3", 16}, {zeros, 3 * PAGE}, {noise, 5 * PAGE}};
  for (gsize i = 0; i < G_N_ELEMENTS(nonsense); i++) {
    put_bytes(&dir, "library.sqlite", nonsense[i].bytes, nonsense[i].length);
    g_assert_cmpint(open_whatever(&dir, nonsense[i].bytes, nonsense[i].length), ==, PINO_LIBRARY_REPLACED);
  }
  /* Within one second: each was kept under a name of its own. */
  g_assert_cmpuint(test_count(&dir, "."), ==, 1 + G_N_ELEMENTS(nonsense));
}

static void run_sql(const TestDir *dir, const char *sql) {
  g_autofree char *path = test_path(dir, "library.sqlite");
  sqlite3 *db;
  g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static PinoLibraryFound open_after(const TestDir *dir, const char *sql) {
  empty_folder(dir);
  g_autoptr(GBytes) bytes = make_library(dir);
  run_sql(dir, sql);
  PinoLibraryFound found;
  g_autoptr(PinoLibrary) library = rows_open(dir, &found, NULL);
  rows_use(library);
  return found;
}

static void test_schema(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_assert_cmpint(open_after(&dir, "DROP TABLE tunnels"), ==, PINO_LIBRARY_REPLACED);
  g_assert_cmpint(open_after(&dir, "ALTER TABLE runs DROP COLUMN scripts"), ==, PINO_LIBRARY_REPLACED);
  g_assert_cmpint(open_after(&dir, "PRAGMA user_version = 0"), ==, PINO_LIBRARY_REPLACED);
  g_assert_cmpint(open_after(&dir, "PRAGMA user_version = -1"), ==, PINO_LIBRARY_REPLACED);
  g_assert_cmpint(open_after(&dir, "PRAGMA journal_mode = DELETE"), ==, PINO_LIBRARY_OPENED);
  g_assert_cmpint(open_after(&dir, "DELETE FROM applications"), ==, PINO_LIBRARY_OPENED);
}

static void test_version_zero(void) {
  g_auto(TestDir) dir = test_dir_make();
  run_sql(&dir, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t; VACUUM");
  g_autoptr(GBytes) bytes = get_bytes(&dir, "library.sqlite");
  g_assert_cmpuint(g_bytes_get_size(bytes), >, 0);
  g_assert_cmpint(open_whatever(&dir, NULL, 0), ==, PINO_LIBRARY_OPENED);
  for (gsize length = 0; length < 2; length++) {
    put_bytes(&dir, "library.sqlite", "x", length);
    g_assert_cmpint(open_whatever(&dir, NULL, 0), ==, PINO_LIBRARY_CREATED);
  }
}

/* What an older engine left: everything in it stays, and what is new can be used. */
static void test_older_version(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *sql = NULL;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(VERSION_1_SQL, &sql, NULL, &error);
  g_assert_no_error(error);
  run_sql(&dir, sql);
  for (int turn = 0; turn < 2; turn++) {
    PinoLibraryFound found;
    g_autoptr(PinoLibrary) library = rows_open(&dir, &found, NULL);
    g_assert_cmpint(found, ==, PINO_LIBRARY_OPENED);
    g_autoptr(PinoRunRow) row = pino_library_run(library, "20261122-223858-9105", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(row->app_id, ==, "old");
    g_assert_cmpstr(row->state, ==, "finished");
    g_assert_cmpstr(row->operation, ==, turn == 0 ? NULL : "{\"operation\":\"plan\"}");
    g_free(row->operation);
    row->operation = g_strdup("{\"operation\":\"plan\"}");
    g_assert_true(pino_library_put_run(library, row, &error));
    g_autoptr(GPtrArray) apps = pino_library_applications(library, NULL);
    g_autoptr(GPtrArray) processes = pino_library_processes(library, row->id, NULL);
    g_assert_cmpuint(apps->len, ==, 1);
    g_assert_cmpuint(processes->len, ==, 1);
  }
}

static void test_newer_version(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GBytes) made = make_library(&dir);
  run_sql(&dir, "DROP TABLE tunnels; CREATE TABLE novelties (x); PRAGMA user_version = 7");
  g_autoptr(GBytes) before = get_bytes(&dir, "library.sqlite");
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_library_open(dir.path, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_assert_nonnull(strstr(error->message, "newer version"));
  g_autoptr(GBytes) after = get_bytes(&dir, "library.sqlite");
  g_assert_true(g_bytes_equal(before, after));
}

/* --- where it cannot be written ---- */

static void test_folder_in_its_place(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GError) error = NULL;
  test_put(&dir, "library.sqlite/file", "x");
  g_assert_null(pino_library_open(dir.path, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_assert_nonnull(strstr(error->message, "a folder"));
  g_assert_nonnull(strstr(error->message, "move it away"));
  test_has(&dir, "library.sqlite/file", "x");
  g_clear_error(&error);
  g_autofree char *missing = test_path(&dir, "missing");
  g_assert_null(pino_library_open(missing, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
  g_clear_error(&error);
  g_assert_null(pino_library_open("/dev/null", NULL, NULL, &error));
  g_assert_true(error != NULL && error->domain == PINO_ERRNO);
}

/* Other things of SQLite's that a folder stands for. */
static void test_folder_for_the_wal(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GBytes) made = make_library(&dir);
  g_autoptr(GError) error = NULL;
  test_put(&dir, "library.sqlite-wal/file", "x");
  g_assert_null(pino_library_open(dir.path, NULL, NULL, &error));
  g_assert_nonnull(error);
  g_assert_nonnull(strstr(error->message, "library.sqlite"));
}

static int open_as_nobody(const TestDir *dir) {
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_library_open(dir->path, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, EACCES);
  g_assert_nonnull(strstr(error->message, "check who owns it"));
  return 0;
}

static int open_read_only(const TestDir *dir) {
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount(dir->path, dir->path, NULL, MS_BIND, NULL) != 0 ||
      mount(NULL, dir->path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0)
    return 0;
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_library_open(dir->path, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, EROFS);
  return 0;
}

static void test_read_only(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_in_child(open_read_only, &dir); /* without a file */
  g_autoptr(GBytes) before = make_library(&dir);
  test_in_child(open_read_only, &dir);
  g_autofree char *file = test_path(&dir, "library.sqlite");
  g_assert_cmpint(chmod(file, 0444), ==, 0);
  test_as_nobody(open_as_nobody, &dir); /* the folder can be written, the file cannot */
  g_assert_cmpint(g_unlink(file), ==, 0);
  g_assert_cmpint(chmod(dir.path, 0555), ==, 0);
  test_as_nobody(open_as_nobody, &dir);
  g_assert_cmpint(chmod(dir.path, 0777), ==, 0);
  g_assert_cmpuint(test_count(&dir, "."), ==, 0);
}

/* --- another process ---- */

/* A process that has run sql on the library; ends when its pipe is closed. */
static pid_t start_other(const TestDir *dir, const char *sql, int *hold) {
  int ready[2], end[2];
  char byte;
  g_assert_cmpint(pipe(ready), ==, 0);
  g_assert_cmpint(pipe(end), ==, 0);
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0) {
    close(end[1]);
    close(ready[0]);
    g_autofree char *path = test_path(dir, "library.sqlite");
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK ||
        write(ready[1], "x", 1) != 1)
      _exit(1);
    _exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(end[0]);
  close(ready[1]);
  g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
  close(ready[0]);
  *hold = end[1];
  return pid;
}

static void end_other(pid_t pid, int hold) {
  int status;
  close(hold);
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_cmpint(status, ==, 0);
}

static void test_locked(void) {
  static const char *const LOCKS[] = {
      "BEGIN EXCLUSIVE",
      "BEGIN IMMEDIATE; DELETE FROM runs",
      "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM runs",
  };
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GBytes) before = make_library(&dir);
  for (gsize i = 0; i < G_N_ELEMENTS(LOCKS); i++) {
    int hold;
    pid_t pid = start_other(&dir, LOCKS[i], &hold);
    g_autoptr(GError) error = NULL;
    gint64 start = g_get_monotonic_time();
    g_assert_null(pino_library_open(dir.path, NULL, NULL, &error));
    gint64 waited = g_get_monotonic_time() - start;
    g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "another process keeps it locked"));
    g_assert_cmpint(waited, >, 1900 * 1000);
    g_assert_cmpint(waited, <, 5000 * 1000);
    end_other(pid, hold);
    PinoLibraryFound found;
    g_autoptr(PinoLibrary) library = rows_open(&dir, &found, NULL);
    g_assert_cmpint(found, ==, PINO_LIBRARY_OPENED);
    g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 60);
  }
}

/* Locked once it is open: a put fails, and works when the other one has gone. */
static void test_locked_later(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  int hold;
  pid_t pid = start_other(&dir, "BEGIN IMMEDIATE", &hold);
  g_assert_false(pino_library_set_setting(library, "k", "v", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_clear_error(&error);
  g_assert_false(pino_library_begin(library, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_clear_error(&error);
  end_other(pid, hold);
  g_assert_true(pino_library_set_setting(library, "k", "v", &error));
  g_assert_true(pino_library_begin(library, &error));
  g_assert_true(pino_library_commit(library, &error));
}

/* --- damage that comes later ---- */

static void test_damaged_while_open(void) {
  g_auto(TestDir) dir = test_dir_make();
  PinoLibrary *library = rows_open(&dir, NULL, NULL);
  g_assert_true(pino_library_begin(library, NULL));
  g_autofree char *text = g_strnfill(3000, 'x');
  for (guint i = 0; i < 1000; i++) {
    g_autofree char *id = g_strdup_printf("run-%u", i);
    rows_put_run(library, id, text, "finished");
  }
  g_assert_true(pino_library_commit(library, NULL));
  pino_library_free(library);
  library = rows_open(&dir, NULL, NULL);
  g_autofree char *path = test_path(&dir, "library.sqlite");
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  g_autofree char *noise = g_malloc(PAGE);
  memset(noise, 0xa5, PAGE);
  for (off_t page = 20; page < 700; page++)
    g_assert_cmpint(pwrite(fd, noise, PAGE, page * PAGE), ==, PAGE);
  close(fd);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = pino_library_runs(library, NULL, FALSE, 0, &error);
  g_assert_null(rows);
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_assert_nonnull(strstr(error->message, "pinokiocloud recover"));
  pino_library_free(library);
  PinoLibraryFound found;
  library = rows_open(&dir, &found, NULL);
  g_assert_cmpint(found, ==, PINO_LIBRARY_REPLACED);
  pino_library_free(library);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/library/truncated-at-every-page", test_truncated);
  g_test_add_func("/state/library/truncated-wal", test_truncated_wal);
  g_test_add_func("/state/library/damaged-file-and-wal-are-kept", test_damaged_with_wal);
  g_test_add_func("/state/library/wal-without-its-file", test_wal_alone);
  g_test_add_func("/state/library/flipped-bytes", test_flipped_bytes);
  g_test_add_func("/state/library/nonsense-in-its-place", test_nonsense);
  g_test_add_func("/state/library/somebody-changed-its-schema", test_schema);
  g_test_add_func("/state/library/empty-file-of-version-0", test_version_zero);
  g_test_add_func("/state/library/older-version-is-brought-up-to-date", test_older_version);
  g_test_add_func("/state/library/newer-version-is-not-touched", test_newer_version);
  g_test_add_func("/state/library/folder-in-its-place", test_folder_in_its_place);
  g_test_add_func("/state/library/folder-where-the-wal-goes", test_folder_for_the_wal);
  g_test_add_func("/state/library/read-only", test_read_only);
  g_test_add_func("/state/library/locked-by-another-process", test_locked);
  g_test_add_func("/state/library/locked-while-open", test_locked_later);
  g_test_add_func("/state/library/damaged-while-open", test_damaged_while_open);
  return g_test_run();
}
