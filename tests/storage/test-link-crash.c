/* fs.link is killed before each of its system calls in turn: nothing may be lost, and the next call ends as if nothing
 * had happened. And what programs do that have the folder in use meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "crash.h"
#include "disk.h"
#include "storage/link.h"
#include "storage/tree.h"
#include "temp.h"

#define APP "home/api/app"

typedef struct {
  TestDir dir;       /* the home */
  TestDir far;       /* another file system */
  const char *drive; /* NULL: in the home */
  gboolean no_exchange;
} Place;

static Place place_make(gboolean far, gboolean no_exchange) {
  Place place = {test_dir_make_in_memory(), test_dir_make(), NULL, no_exchange};
  place.drive = far ? place.far.path : NULL;
  test_put(&place.dir, APP "/pinokio.js", "");
  test_put(&place.dir, APP "/beside", "b");
  return place;
}

static void place_clear(Place *place) {
  test_dir_clear(&place->dir);
  test_dir_clear(&place->far);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static gboolean link_folders(const Place *place, GError **error) {
  g_autofree char *home = test_path(&place->dir, "home");
  g_autofree char *app = test_path(&place->dir, APP);
  const char *const m[] = {"m", "n", NULL};
  const char *const out[] = {"new/out", NULL};
  const PinoDriveMapping mappings[] = {{"models", m}, {"out", out}};
  const PinoDriveSpec spec = {
      .home = home, .drive_dir = place->drive, .app_dir = app, .mappings = mappings, .n_mappings = 2};
  return pino_drive_link(&spec, error);
}

static int linked(gpointer data) {
  const Place *place = data;
  g_autoptr(GError) error = NULL;
  if (place->no_exchange)
    test_disk_without_exchange();
  gboolean ok = link_folders(place, &error);
  g_assert_no_error(error);
  return ok ? 0 : 1;
}

/* Files that clash, equal ones, folders, and links that lead in and out. */
static void fill(const Place *place) {
  const TestDir *dir = &place->dir;
  test_put(dir, APP "/m/model.bin", "first");
  test_put(dir, APP "/m/sub/deep/f", "deep");
  test_put(dir, APP "/m/sub/same", "same");
  test_put(dir, APP "/n/model.bin", "second");
  test_put(dir, APP "/n/sub/same", "same");
  test_put(dir, APP "/n/sub/own", "own");
  g_autofree char *out = test_path(dir, APP "/m/outward");
  g_autofree char *in = test_path(dir, APP "/m/inward");
  g_assert_cmpint(symlink("../beside", out), ==, 0);
  g_assert_cmpint(symlink("model.bin", in), ==, 0);
}

static const char *const CONTENTS[] = {"first", "deep", "same", "second", "own"};

/* Every text of a file below folder, links not followed, and "path=text" of each in *listing. */
static void gather(const char *folder, const char *below, GPtrArray *texts, GPtrArray *listing) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *shown = g_build_filename(below, name, NULL);
    g_autofree char *text = NULL;
    struct stat st;
    g_assert_cmpint(lstat(path, &st), ==, 0);
    if (S_ISDIR(st.st_mode)) {
      gather(path, shown, texts, listing);
    } else if (S_ISLNK(st.st_mode)) {
      g_ptr_array_add(listing, g_strconcat(shown, " ->", NULL));
    } else if (g_file_get_contents(path, &text, NULL, NULL)) {
      g_ptr_array_add(listing, g_strdup_printf("%s=%s", shown, text));
      g_ptr_array_add(texts, g_steal_pointer(&text));
    }
  }
}

static int compare(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is on the drive, without the name of the drive and its memory. */
static char *drive_listing(const Place *place) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) listing = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *drive =
      place->drive != NULL ? g_strdup(place->drive) : test_path(&place->dir, "home/drive");
  g_autofree char *peers = g_build_filename(drive, "drives/peers", NULL);
  g_autoptr(GDir) dir = g_dir_open(peers, 0, NULL);
  const char *name = g_dir_read_name(dir);
  g_assert_nonnull(name);
  g_autofree char *only = g_build_filename(peers, name, NULL);
  g_assert_null(g_dir_read_name(dir));
  gather(only, "", texts, listing);
  g_ptr_array_sort(listing, compare);
  g_ptr_array_add(listing, NULL);
  /* interface.json, .lock, drives: and nothing that is not whole. */
  const TestDir there = {drive};
  g_assert_cmpuint(test_count(&there, "."), ==, 3);
  return g_strjoinv("\n", (char **)listing->pdata);
}

static void nothing_is_lost(const Place *place) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) listing = g_ptr_array_new_with_free_func(g_free);
  gather(place->dir.path, "", texts, listing);
  gather(place->far.path, "", texts, listing);
  for (gsize i = 0; i < G_N_ELEMENTS(CONTENTS); i++)
    g_assert_true(g_ptr_array_find_with_equal_func(texts, CONTENTS[i], g_str_equal, NULL));
}

static void is_done(const Place *place) {
  const char *const links[] = {APP "/m", APP "/n", APP "/new/out"};
  for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
    g_autofree char *path = test_path(&place->dir, links[i]);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_SYMLINK) && g_file_test(path, G_FILE_TEST_IS_DIR));
  }
  test_has(&place->dir, APP "/m/outward", "b");
  test_has(&place->dir, APP "/m/inward", "first");
  g_assert_cmpuint(test_count(&place->dir, APP), ==, 5);
  g_assert_cmpuint(test_count(&place->dir, APP "/new"), ==, 1);
}

static void crash_everywhere(gboolean far, gboolean no_exchange) {
  g_autofree char *wanted = NULL;
  guint n = 0;
  for (gboolean killed = TRUE; killed; n++) {
    g_auto(Place) place = place_make(far, no_exchange);
    fill(&place);
    /* The first round is not killed: what it leaves is what all others must come to. */
    killed = n == 0 || test_crash_at(n, linked, &place);
    nothing_is_lost(&place);
    g_assert_false(test_crash_at(G_MAXUINT, linked, &place));
    is_done(&place);
    g_autofree char *listing = drive_listing(&place);
    if (wanted == NULL)
      wanted = g_steal_pointer(&listing);
    else
      g_assert_cmpstr(listing, ==, wanted);
  }
  g_test_message("killed at %u steps", n - 2);
  g_assert_cmpuint(n, >, 30);
}

static void test_killed(gconstpointer data) {
  guint kind = GPOINTER_TO_UINT(data);
  if (test_crash_works())
    crash_everywhere((kind & 1) != 0, (kind & 2) != 0);
}

/* --- packages of a venv ---- */

static int venv_linked(gpointer data) {
  const Place *place = data;
  g_autofree char *home = test_path(&place->dir, "home");
  g_autofree char *venv = test_path(&place->dir, "home/api/app/env");
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_drive_link_venv(home, place->drive, venv, NULL, NULL, &error);
  g_assert_no_error(error);
  return ok ? 0 : 1;
}

#define SITE APP "/env/lib/python3.11/site-packages"

static void test_venv_killed(gconstpointer data) {
  guint n = 1;
  for (gboolean killed = test_crash_works(); killed; n++) {
    g_auto(Place) place = place_make(GPOINTER_TO_UINT(data) != 0, FALSE);
    test_put(&place.dir, SITE "/x-1.dist-info/METADATA", "Name: x\nVersion: 1\n");
    test_put(&place.dir, SITE "/x-1.dist-info/RECORD", "x/a.py,,\nx/b.so,,\n");
    test_put(&place.dir, SITE "/x/a.py", "a");
    test_put(&place.dir, SITE "/x/b.so", "b");
    killed = test_crash_at(n, venv_linked, &place);
    test_has(&place.dir, SITE "/x/a.py", "a");
    test_has(&place.dir, SITE "/x/b.so", "b");
    g_assert_cmpint(venv_linked(&place), ==, 0);
    test_has(&place.dir, SITE "/x/a.py", "a");
    test_has(&place.dir, SITE "/x/b.so", "b");
    g_autofree char *a = test_path(&place.dir, SITE "/x/a.py");
    g_autofree char *b = test_path(&place.dir, SITE "/x/b.so");
    g_assert_true(g_file_test(a, G_FILE_TEST_IS_SYMLINK) && g_file_test(b, G_FILE_TEST_IS_SYMLINK));
    g_assert_cmpuint(test_count(&place.dir, SITE "/x"), ==, 2);
  }
  g_test_message("killed at %u steps", n - 2);
  g_assert_true(n > 5 || !test_crash_works());
}

/* --- a folder in use ---- */

typedef struct {
  int fd;
  int stop;  /* atomic */
  int lines; /* atomic */
} Writer;

static gpointer write_lines(gpointer data) {
  Writer *writer = data;
  while (!g_atomic_int_get(&writer->stop)) {
    g_assert_cmpint(write(writer->fd, "line\n", 5), ==, 5);
    g_atomic_int_inc(&writer->lines);
  }
  return NULL;
}

/* On the same file system the file itself moves: who has it open writes on into it. */
static void test_open_for_writing(void) {
  g_auto(Place) place = place_make(FALSE, FALSE);
  fill(&place);
  g_autofree char *path = test_path(&place.dir, APP "/m/log");
  Writer writer = {open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 0, 0};
  GThread *thread = g_thread_new("writer", write_lines, &writer);
  g_autoptr(GError) error = NULL;
  g_assert_true(link_folders(&place, &error));
  int before = g_atomic_int_get(&writer.lines);
  while (g_atomic_int_get(&writer.lines) < before + 100)
    g_usleep(100);
  g_atomic_int_set(&writer.stop, 1);
  g_thread_join(thread);
  close(writer.fd);
  is_done(&place);
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_size, ==, (off_t)writer.lines * 5);
}

/* To another one it would have to be copied, and what is written later would be lost. */
static void test_open_for_writing_far(void) {
  g_auto(Place) place = place_make(TRUE, FALSE);
  fill(&place);
  g_autofree char *path = test_path(&place.dir, APP "/n/sub/own");
  int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  g_autoptr(GError) error = NULL;
  g_assert_false(link_folders(&place, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_assert_nonnull(strstr(error->message, "sub/own' is open for writing"));
  g_clear_error(&error);
  test_has(&place.dir, APP "/n/model.bin", "second");
  test_has(&place.dir, APP "/n/sub/same", "same");
  g_assert_cmpint(write(fd, "ed", 2), ==, 2);
  close(fd);
  g_assert_true(link_folders(&place, &error));
  test_has(&place.dir, APP "/n/sub/own", "owned");
}

/* A program that stands in the folder goes on there, and what it makes by a relative name afterwards is refused by the
 * system rather than lost; what it has open for reading stays readable. */
static void test_working_folder(void) {
  g_auto(Place) place = place_make(FALSE, FALSE);
  fill(&place);
  g_autofree char *m = test_path(&place.dir, APP "/m");
  int here = open(m, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int file = openat(here, "model.bin", O_RDONLY | O_CLOEXEC);
  g_autoptr(GError) error = NULL;
  g_assert_true(link_folders(&place, &error));
  char text[6] = "";
  g_assert_cmpint(read(file, text, 5), ==, 5);
  g_assert_cmpstr(text, ==, "first");
  g_assert_cmpint(openat(here, "late", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), ==, -1);
  g_assert_cmpint(errno, ==, ENOENT);
  close(file);
  close(here);
}

/* --- links in circles ---- */

static void test_loops(void) {
  g_auto(Place) place = place_make(FALSE, FALSE);
  g_autofree char *m = test_path(&place.dir, APP "/m");
  g_autofree char *n = test_path(&place.dir, APP "/n");
  g_assert_cmpint(symlink("n", m), ==, 0);
  g_assert_cmpint(symlink("m", n), ==, 0);
  g_autoptr(GError) error = NULL;
  gboolean ok = link_folders(&place, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  g_assert_true(g_file_test(m, G_FILE_TEST_IS_DIR));
  g_assert_true(g_file_test(n, G_FILE_TEST_IS_DIR));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/storage/link-crash/same-disk", GUINT_TO_POINTER(0), test_killed);
  g_test_add_data_func("/storage/link-crash/other-disk", GUINT_TO_POINTER(1), test_killed);
  g_test_add_data_func("/storage/link-crash/without-exchange", GUINT_TO_POINTER(2), test_killed);
  g_test_add_data_func("/storage/link-crash/venv", GUINT_TO_POINTER(0), test_venv_killed);
  g_test_add_data_func("/storage/link-crash/venv-other-disk", GUINT_TO_POINTER(1), test_venv_killed);
  g_test_add_func("/storage/link-crash/file-open-for-writing", test_open_for_writing);
  g_test_add_func("/storage/link-crash/file-open-for-writing-other-disk", test_open_for_writing_far);
  g_test_add_func("/storage/link-crash/working-folder", test_working_folder);
  g_test_add_func("/storage/link-crash/links-in-a-loop", test_loops);
  return g_test_run();
}
