/* The library keeps what it was given: rows, transactions, kills, a full disk, and what it costs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "rows.h"

static void test_made_once(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "library.sqlite");
  g_autofree char *aside = NULL;
  PinoLibraryFound found;
  struct stat st;
  PinoLibrary *library = rows_open(&dir, &found, &aside);
  g_assert_cmpint(found, ==, PINO_LIBRARY_CREATED);
  rows_put_app(library, "a");
  pino_library_free(library);
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 07777, ==, 0600);
  library = rows_open(&dir, &found, &aside);
  g_assert_cmpint(found, ==, PINO_LIBRARY_OPENED);
  g_assert_null(aside);
  g_autoptr(GPtrArray) apps = pino_library_applications(library, NULL);
  g_assert_cmpuint(apps->len, ==, 1);
  pino_library_free(library);
  g_assert_cmpuint(test_count(&dir, "."), ==, 1); /* no -wal or -shm stays */
}

static const char *const NAMES[] = {
    "with blanks  ",
    "quote' \" ; DROP TABLE runs; --",
    "új\xc5\xb1 \xf0\x9f\x8e\xa8",
    "line\nbreak\ttab",
    "%s ?1 :a \\",
    "bad \xff\xfe utf-8",
    "",
};

static void test_names(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++) {
    char *name = (char *)NAMES[i];
    PinoApplication app = {.id = name,
                           .name = name,
                           .repository_url = name,
                           .install_path = name,
                           .state = (char *)"ERROR",
                           .version = name,
                           .installed_at = G_MAXINT64,
                           .updated_at = 2,
                           .size = -1,
                           .description = name,
                           .icon = NULL,
                           .described_at = 3,
                           .installed = TRUE};
    g_assert_true(pino_library_put_application(library, &app, &error));
    rows_put_run(library, name, name, "interrupted");
    g_assert_true(pino_library_set_setting(library, name, name, &error));
  }
  g_autoptr(GPtrArray) apps = pino_library_applications(library, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(apps->len, ==, G_N_ELEMENTS(NAMES));
  for (guint i = 0; i < apps->len; i++) {
    PinoApplication *app = g_ptr_array_index(apps, i);
    g_assert_true(g_strv_contains(
        (const char *const[]){NAMES[0], NAMES[1], NAMES[2], NAMES[3], NAMES[4], NAMES[5], NAMES[6], NULL},
        app->id));
    g_assert_cmpstr(app->name, ==, app->id);
    g_assert_cmpstr(app->repository_url, ==, app->id);
    g_assert_cmpstr(app->install_path, ==, app->id);
    g_assert_cmpstr(app->version, ==, app->id);
    g_assert_cmpstr(app->description, ==, app->id);
    g_assert_null(app->icon);
    g_assert_cmpint(app->installed_at, ==, G_MAXINT64);
    g_assert_cmpint(app->size, ==, -1);
    g_assert_cmpint(app->described_at, ==, 3);
    g_assert_true(app->installed);
    g_autoptr(PinoRunRow) row = pino_library_run(library, app->id, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(row->app_id, ==, app->id);
    g_autofree char *value = pino_library_setting(library, app->id, &error);
    g_assert_cmpstr(value, ==, app->id);
  }
}

static void test_every_field(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  PinoRunRow run = {(char *)"r",
                    NULL,
                    (char *)"/s",
                    (char *)"other",
                    (char *)"in",
                    (char *)"error",
                    (char *)"/j",
                    3,
                    7,
                    (char *)"why",
                    (char *)"[]",
                    (char *)"http://x",
                    2,
                    11,
                    12,
                    13,
                    14,
                    (char *)"{}"};
  g_assert_true(pino_library_put_run(library, &run, &error));
  g_autoptr(PinoRunRow) got = pino_library_run(library, "r", &error);
  g_assert_null(got->app_id);
  g_assert_cmpstr(got->script, ==, "/s");
  g_assert_cmpstr(got->kind, ==, "other");
  g_assert_cmpstr(got->input, ==, "in");
  g_assert_cmpstr(got->error, ==, "why");
  g_assert_cmpstr(got->scripts, ==, "[]");
  g_assert_cmpstr(got->url, ==, "http://x");
  g_assert_cmpstr(got->operation, ==, "{}");
  g_assert_cmpint(got->step * 100 + got->total * 10 + got->restarts, ==, 372);
  g_assert_cmpint(got->started_at * 1000000 + got->ready_at * 10000 + got->ended_at * 100 + got->checkpoint,
                  ==, 11121314);

  PinoProcessRow process = {(char *)"p",    (char *)"r", (char *)"a", (char *)"/s",   5, (char *)"bash",
                            (char *)"/log", 21,          22,          (char *)"lost", 9, 4,
                            (gint64)1 << 40};
  g_assert_true(pino_library_put_process(library, &process, &error));
  g_autoptr(GPtrArray) processes = pino_library_processes(library, "r", &error);
  g_assert_cmpuint(processes->len, ==, 1);
  PinoProcessRow *p = g_ptr_array_index(processes, 0);
  g_assert_cmpstr(p->app_id, ==, "a");
  g_assert_cmpstr(p->command, ==, "bash");
  g_assert_cmpstr(p->log_file_path, ==, "/log");
  g_assert_cmpstr(p->status, ==, "lost");
  g_assert_cmpint(p->pid + p->exit_code + p->step, ==, 18);
  g_assert_cmpint(p->end_time - p->start_time, ==, 1);
  g_assert_cmpint(p->log_offset, ==, (gint64)1 << 40);

  rows_put_app(library, "a");
  PinoTunnelRow tunnel = {(char *)"t",        (char *)"a",    7860, NULL,
                          (char *)"provider", (char *)"open", 31,   (char *)"{}"};
  g_assert_true(pino_library_put_tunnel(library, &tunnel, &error));
  g_autoptr(GPtrArray) tunnels = pino_library_tunnels(library, &error);
  PinoTunnelRow *t = g_ptr_array_index(tunnels, 0);
  g_assert_cmpint(t->local_port, ==, 7860);
  g_assert_null(t->public_url);
  g_assert_cmpstr(t->provider, ==, "provider");
  g_assert_cmpint(t->created_at, ==, 31);
  g_assert_cmpstr(t->details, ==, "{}");
}

static void test_refusals(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  PinoRunRow run = {.id = (char *)"r",
                    .script = (char *)"/s",
                    .kind = (char *)"start",
                    .state = (char *)"resting",
                    .journal = (char *)"/j"};
  g_assert_false(pino_library_put_run(library, &run, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  run.state = NULL;
  g_assert_false(pino_library_put_run(library, &run, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_null(pino_library_run(library, "r", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  g_clear_error(&error);
  PinoProcessRow process = {.id = (char *)"p", .run_id = (char *)"none", .status = (char *)"running"};
  g_assert_false(pino_library_put_process(library, &process, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  g_clear_error(&error);
  PinoTunnelRow tunnel = {.id = (char *)"t", .app_id = (char *)"none", .status = (char *)"open"};
  g_assert_false(pino_library_put_tunnel(library, &tunnel, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  g_clear_error(&error);
  rows_put_app(library, "a");
  g_assert_false(pino_library_set_application_state(library, "a", "SLEEPING", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_false(pino_library_set_application_state(library, "b", "ERROR", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_true(pino_library_set_application_state(library, "a", "UNINSTALLING", &error));
  g_autoptr(GPtrArray) apps = pino_library_applications(library, &error);
  g_assert_cmpstr(((PinoApplication *)g_ptr_array_index(apps, 0))->state, ==, "UNINSTALLING");
}

/* Putting an app again must not take its tunnels along, nor a run its processes. */
static void test_put_again_keeps_what_belongs(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  rows_fill(library);
  rows_put_app(library, "app-1");
  rows_put_run(library, "20260101-000000-0102", "app-1", "stopped");
  g_autoptr(GPtrArray) tunnels = pino_library_tunnels(library, &error);
  g_assert_cmpuint(tunnels->len, ==, 1);
  g_autoptr(GPtrArray) processes = pino_library_processes(library, "20260101-000000-0102", &error);
  g_assert_cmpuint(processes->len, ==, 1);
  g_assert_true(pino_library_remove_application(library, "app-1", &error));
  g_autoptr(GPtrArray) none = pino_library_tunnels(library, &error);
  g_assert_cmpuint(none->len, ==, 0);
  g_assert_cmpuint(rows_count_runs(library, "app-1", FALSE), ==, 3);
}

static void test_lists_and_prune(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  const char *apps[] = {"a", "b", NULL};
  for (guint i = 0; i < 30; i++) {
    g_autofree char *id = g_strdup_printf("run-%02u", 99 - i); /* ids of a clock that goes backwards */
    rows_put_run(library, id, apps[i % 3], i == 0 ? "ready" : i == 3 ? "finished" : "stopped");
    g_autofree char *shell = g_strdup_printf("%s.1", id);
    rows_put_process(library, shell, id, i == 3 ? "running" : "ended");
  }
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 30);
  g_assert_cmpuint(rows_count_runs(library, "b", FALSE), ==, 10);
  g_assert_cmpuint(rows_count_runs(library, NULL, TRUE), ==, 2);
  g_assert_cmpuint(rows_count_runs(library, "b", TRUE), ==, 0);
  g_autoptr(GPtrArray) newest = pino_library_runs(library, NULL, FALSE, 2, &error);
  g_assert_cmpuint(newest->len, ==, 2);
  g_assert_cmpstr(((PinoRunRow *)g_ptr_array_index(newest, 0))->id, ==, "run-70");
  g_assert_true(pino_library_prune_runs(library, 2, &error));
  g_assert_cmpuint(rows_count_runs(library, "a", FALSE), ==, 4); /* two ended and two live */
  g_assert_cmpuint(rows_count_runs(library, "b", FALSE), ==, 2);
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 8);
  g_autoptr(GPtrArray) gone = pino_library_processes(library, "run-90", &error);
  g_assert_cmpuint(gone->len, ==, 0);
  g_autoptr(GPtrArray) running = pino_library_processes(library, NULL, &error);
  g_assert_cmpuint(running->len, ==, 1);
}

static void test_settings(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_library_setting(library, "k", &error));
  g_assert_no_error(error);
  g_assert_true(pino_library_set_setting(library, "k", "1", &error));
  g_assert_true(pino_library_set_setting(library, "k", "2", &error));
  g_assert_true(pino_library_set_setting(library, "l", "", &error));
  g_autoptr(GHashTable) settings = pino_library_settings(library, &error);
  g_assert_cmpuint(g_hash_table_size(settings), ==, 2);
  g_assert_cmpstr(g_hash_table_lookup(settings, "k"), ==, "2");
  g_assert_true(pino_library_set_setting(library, "k", NULL, &error));
  g_assert_null(pino_library_setting(library, "k", &error));
  g_assert_no_error(error);
}

static void test_transactions_nest(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(PinoLibrary) library = rows_open(&dir, NULL, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_library_begin(library, &error));
  rows_put_run(library, "1", NULL, "running");
  g_assert_true(pino_library_begin(library, &error));
  rows_put_run(library, "2", NULL, "running");
  g_assert_true(pino_library_commit(library, &error));
  pino_library_rollback(library);
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 0);

  g_assert_true(pino_library_begin(library, &error));
  g_assert_true(pino_library_begin(library, &error));
  rows_put_run(library, "3", NULL, "running");
  pino_library_rollback(library);
  rows_put_run(library, "4", NULL, "running");
  g_assert_false(pino_library_commit(library, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_clear_error(&error);
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 0);

  g_assert_true(pino_library_begin(library, &error));
  rows_put_run(library, "5", NULL, "running");
  g_assert_true(pino_library_commit(library, &error));
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 1);
}

/* --- killed ---- */

/* Tells on fd the number of each run once it is put. */
static void write_until_killed(const TestDir *dir, int fd, guint32 from) {
  g_autoptr(PinoLibrary) library = rows_open(dir, NULL, NULL);
  for (guint32 i = from;; i++) {
    g_autofree char *id = g_strdup_printf("run-%u", i);
    g_autofree char *shell = g_strdup_printf("run-%u.1", i);
    g_assert_true(pino_library_begin(library, NULL));
    rows_put_run(library, id, "app", "ready");
    rows_put_process(library, shell, id, "running");
    g_assert_true(pino_library_commit(library, NULL));
    if (write(fd, &i, sizeof i) != sizeof i)
      _exit(1);
  }
}

static guint32 kill_a_writer(const TestDir *dir, guint32 from, guint reports) {
  int fds[2];
  g_assert_cmpint(pipe(fds), ==, 0);
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0) {
    close(fds[0]);
    write_until_killed(dir, fds[1], from);
  }
  close(fds[1]);
  guint32 last = from, number;
  for (guint i = 0; i < reports && read(fds[0], &number, sizeof number) == sizeof number; i++)
    last = number;
  g_usleep(g_random_int_range(0, 500));
  kill(pid, SIGKILL);
  while (read(fds[0], &number, sizeof number) == sizeof number)
    last = number;
  close(fds[0]);
  int status;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFSIGNALED(status));
  return last;
}

static void test_killed_writers(void) {
  g_auto(TestDir) dir = test_dir_make();
  guint32 next = 0;
  for (guint round = 0; round < 50; round++) {
    guint32 last = kill_a_writer(&dir, next, 1 + round * 3);
    PinoLibraryFound found;
    g_autoptr(PinoLibrary) library = rows_open(&dir, &found, NULL);
    g_assert_cmpint(found, ==, PINO_LIBRARY_OPENED);
    guint runs = rows_count_runs(library, NULL, FALSE);
    g_assert_cmpuint(runs, >=, last + 1); /* one more may be there: put and not yet told */
    g_assert_cmpuint(runs, <=, last + 2);
    g_autoptr(GPtrArray) processes = pino_library_processes(library, NULL, NULL);
    g_assert_cmpuint(processes->len, ==, runs);
    next = runs;
  }
}

/* --- a full disk ---- */

/* As many as there is room for. */
static void write_zeros(const char *path, gsize length) {
  g_autofree char *zeros = g_malloc0(4096);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  for (gsize done = 0; done < length && write(fd, zeros, 4096) > 0;)
    done += 4096;
  close(fd);
}

static int fill_disk(const TestDir *dir) {
  if (!test_small_disk(dir, "."))
    return 0;
  TestDir home = {test_path(dir, ".")};
  g_autoptr(PinoLibrary) library = rows_open(&home, NULL, NULL);
  g_autoptr(GError) error = NULL;
  guint put = 0;
  g_autofree char *text = g_strnfill(2000, 'x');
  g_autofree char *ballast = test_path(&home, "ballast");
  write_zeros(ballast, 300 << 10);
  for (; error == NULL; put++) {
    g_autofree char *id = g_strdup_printf("run-%u", put);
    PinoRunRow row = {
        .id = id, .script = text, .kind = (char *)"start", .state = (char *)"ready", .journal = (char *)""};
    pino_library_put_run(library, &row, &error);
  }
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_nonnull(strstr(error->message, "free some space"));
  g_clear_error(&error);
  g_assert_cmpuint(put, >, 20);
  guint runs = rows_count_runs(library, NULL, FALSE);
  g_assert_cmpuint(runs, ==, put - 1);

  /* Inside a transaction: SQLite undoes all of it. What comes after, when there is room again, must not stay alone. */
  g_assert_true(pino_library_begin(library, &error));
  gboolean failed = FALSE;
  for (guint i = 0; i < 200; i++) {
    g_autofree char *id = g_strdup_printf("part-%u", i);
    PinoRunRow row = {
        .id = id, .script = text, .kind = (char *)"start", .state = (char *)"ready", .journal = (char *)""};
    gboolean done = pino_library_put_run(library, &row, NULL);
    g_assert_false(failed && done);
    if (!failed && !done)
      g_assert_cmpint(g_unlink(ballast), ==, 0);
    failed |= !done;
  }
  g_assert_true(failed);
  g_assert_false(pino_library_commit(library, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, runs);
  rows_use(library);
  g_clear_pointer(&library, pino_library_free);

  PinoLibraryFound found;
  library = rows_open(&home, &found, NULL);
  g_assert_cmpint(found, ==, PINO_LIBRARY_OPENED);
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), >=, runs);
  g_free(home.path);
  return 0;
}

static int make_on_full_disk(const TestDir *dir) {
  if (!test_small_disk(dir, "."))
    return 0;
  g_autofree char *big = test_path(dir, "big");
  g_autoptr(GError) error = NULL;
  write_zeros(big, 2 << 20);
  g_assert_null(pino_library_open(dir->path, NULL, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_cmpint(g_unlink(big), ==, 0);
  PinoLibraryFound found;
  g_autoptr(PinoLibrary) library = rows_open(dir, &found, NULL);
  g_assert_cmpint(found, !=, PINO_LIBRARY_REPLACED);
  rows_use(library);
  return 0;
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_in_child(fill_disk, &dir);
  test_in_child(make_on_full_disk, &dir);
}

/* --- what it costs ---- */

static int compare_times(gconstpointer a, gconstpointer b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
  return x < y ? -1 : x > y;
}

static void test_costs(void) {
  g_auto(TestDir) dir = test_dir_make();
  PinoLibrary *library = rows_open(&dir, NULL, NULL);
  gint64 times[1000];
  for (guint i = 0; i < 100; i++) {
    g_autofree char *app = g_strdup_printf("app-%u", i);
    rows_put_app(library, app);
  }
  for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
    g_autofree char *id = g_strdup_printf("run-%u", i);
    g_autofree char *app = g_strdup_printf("app-%u", i % 100);
    g_autofree char *shell = g_strdup_printf("run-%u.1", i);
    gint64 start = g_get_monotonic_time();
    rows_put_run(library, id, app, "ready");
    times[i] = g_get_monotonic_time() - start;
    rows_put_process(library, shell, id, "ended");
  }
  g_assert_cmpuint(rows_count_runs(library, NULL, FALSE), ==, 1000);
  gint64 used = sqlite3_memory_used();
  pino_library_free(library);
  gint64 start = g_get_monotonic_time();
  library = rows_open(&dir, NULL, NULL);
  gint64 opened = g_get_monotonic_time() - start;
  g_assert_cmpuint(rows_count_runs(library, NULL, TRUE), ==, 1000);
  pino_library_free(library);
  qsort(times, G_N_ELEMENTS(times), sizeof times[0], compare_times);
  g_test_message("put: median %d us, p99 %d us, slowest %d us; open: %d us; memory of SQLite: %d KiB",
                 (int)times[500], (int)times[990], (int)times[999], (int)opened, (int)(used / 1024));
  g_assert_cmpint(times[500], <, 1000);
  g_assert_cmpint(used, <, 768 * 1024);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/library/made-once-and-opened-again", test_made_once);
  g_test_add_func("/state/library/names-of-any-kind", test_names);
  g_test_add_func("/state/library/every-field-comes-back", test_every_field);
  g_test_add_func("/state/library/refuses-what-makes-no-sense", test_refusals);
  g_test_add_func("/state/library/put-again-keeps-what-belongs-to-it", test_put_again_keeps_what_belongs);
  g_test_add_func("/state/library/lists-and-prune", test_lists_and_prune);
  g_test_add_func("/state/library/settings", test_settings);
  g_test_add_func("/state/library/transactions-nest", test_transactions_nest);
  g_test_add_func("/state/library/what-a-killed-writer-told-is-there", test_killed_writers);
  g_test_add_func("/state/library/full-disk", test_full_disk);
  g_test_add_func("/state/library/costs", test_costs);
  return g_test_run();
}
