#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/link.h"
#include "storage/tree.h"
#include "temp.h"

#define APP "home/api/app"
#define PEERS "home/drive/drives/peers"

typedef struct {
  char *home;
  char *app;
  GString *notes;
} Place;

static void on_note(const char *text, gpointer data) {
  g_string_append_printf(data, "%s\n", text);
}

static Place place_make(const TestDir *dir, const char *app) {
  g_autofree char *keep = g_strconcat(app, "/pinokio.js", NULL);
  test_put(dir, keep, "");
  return (Place){test_path(dir, "home"), test_path(dir, app), g_string_new(NULL)};
}

static void place_clear(Place *place) {
  g_free(place->home);
  g_free(place->app);
  g_string_free(place->notes, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static PinoDriveSpec spec_for(const Place *place, const PinoDriveMapping *mappings, gsize n) {
  return (PinoDriveSpec){.home = place->home,
                         .app_dir = place->app,
                         .mappings = mappings,
                         .n_mappings = n,
                         .note = on_note,
                         .note_data = place->notes};
}

static void linked(const PinoDriveSpec *spec) {
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_drive_link(spec, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
}

static void link_one(const Place *place, const char *name, const char *folder) {
  const char *const folders[] = {folder, NULL};
  const PinoDriveMapping mapping = {name, folders};
  const PinoDriveSpec spec = spec_for(place, &mapping, 1);
  linked(&spec);
}

/* The name of the only drive in the folder. */
static char *only_drive(const TestDir *dir, const char *peers) {
  g_autofree char *path = test_path(dir, peers);
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  g_assert_nonnull(folder);
  char *name = g_strdup(g_dir_read_name(folder));
  g_assert_true(name != NULL && name[0] == 'd' && strlen(name) >= 14);
  g_assert_null(g_dir_read_name(folder));
  return name;
}

static char *on_drive(const TestDir *dir, const char *name) {
  g_autofree char *drive = only_drive(dir, PEERS);
  return g_build_filename(PEERS, drive, name, NULL);
}

static void drive_has(const TestDir *dir, const char *name, const char *text) {
  g_autofree char *below = on_drive(dir, name);
  test_has(dir, below, text);
}

static void leads_to_drive(const TestDir *dir, const char *link, const char *name) {
  g_autofree char *path = test_path(dir, link);
  g_autofree char *below = on_drive(dir, name);
  g_autofree char *expected = test_path(dir, below);
  g_autofree char *text = g_file_read_link(path, NULL);
  g_assert_cmpstr(text, ==, expected);
}

/* The conformance cases link-folder, link-array, link-missing, link-twice and link-nested. */
static void test_cases(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, APP "/app/models/checkpoints/a.bin", "AAA");
  test_put(&dir, APP "/app/Lora/l.bin", "L");
  test_put(&dir, APP "/app/LyCORIS/y.bin", "Y");
  test_put(&dir, APP "/app/x/a.txt", "1");
  test_put(&dir, APP "/app/x/sub/b \xc3\xa9\xff'\"", "2");
  const char *const checkpoints[] = {"app/models/checkpoints", NULL};
  const char *const loras[] = {"app/Lora", "app/LyCORIS", NULL};
  const char *const outputs[] = {"app/new/outputs", NULL};
  const char *const deep[] = {"app/x", NULL};
  const PinoDriveMapping mappings[] = {
      {"checkpoints", checkpoints}, {"loras", loras}, {"out", outputs}, {"sd/ckpt", deep}};
  const PinoDriveSpec spec = spec_for(&place, mappings, G_N_ELEMENTS(mappings));
  for (int i = 0; i < 2; i++) {
    linked(&spec);
    leads_to_drive(&dir, APP "/app/models/checkpoints", "checkpoints");
    leads_to_drive(&dir, APP "/app/Lora", "loras");
    leads_to_drive(&dir, APP "/app/LyCORIS", "loras");
    leads_to_drive(&dir, APP "/app/new/outputs", "out");
    leads_to_drive(&dir, APP "/app/x", "sd/ckpt");
    drive_has(&dir, "checkpoints/a.bin", "AAA");
    drive_has(&dir, "loras/l.bin", "L");
    drive_has(&dir, "loras/y.bin", "Y");
    drive_has(&dir, "sd/ckpt/a.txt", "1");
    drive_has(&dir, "sd/ckpt/sub/b \xc3\xa9\xff'\"", "2");
    test_put(&dir, APP "/app/new/outputs/n.txt", "n");
    drive_has(&dir, "out/n.txt", "n");
  }
  g_assert_cmpuint(test_count(&dir, APP "/app"), ==, 5);
}

static void test_clash(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, APP "/m/model.bin", "first");
  link_one(&place, "m", "m");
  test_put(&dir, APP "/n/model.bin", "second");
  test_put(&dir, APP "/n/sub/f", "f");
  link_one(&place, "m", "n");
  test_put(&dir, APP "/o/model.bin", "first");
  test_put(&dir, APP "/o/sub", "a file where a folder is");
  test_put(&dir, APP "/o/.keep", "");
  link_one(&place, "m", "o");
  test_put(&dir, APP "/p/model.bin", "third!");
  test_put(&dir, APP "/p/.keep", "k");
  link_one(&place, "m", "p");
  test_put(&dir, APP "/q/model.bin", "second");
  test_put(&dir, APP "/q/.keep/x", "a folder where a file is");
  link_one(&place, "m", "q");
  drive_has(&dir, "m/model.bin", "first");
  drive_has(&dir, "m/model-1.bin", "second");
  drive_has(&dir, "m/model-2.bin", "third!");
  drive_has(&dir, "m/sub/f", "f");
  drive_has(&dir, "m/sub-1", "a file where a folder is");
  drive_has(&dir, "m/.keep", "");
  drive_has(&dir, "m/.keep-1", "k");
  drive_has(&dir, "m/.keep-2/x", "a folder where a file is");
  g_autofree char *m = on_drive(&dir, "m");
  g_assert_cmpuint(test_count(&dir, m), ==, 8);
  g_assert_cmpuint(test_count(&dir, APP), ==, 6);
}

/* Relative links to what is beside the folder keep leading there, those inside go along. */
static void test_links_inside(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, APP "/beside", "b");
  test_put(&dir, APP "/m/a", "a");
  g_autofree char *out = test_path(&dir, APP "/m/out");
  g_autofree char *in = test_path(&dir, APP "/m/in");
  g_autofree char *nowhere = test_path(&dir, APP "/m/nowhere");
  g_assert_cmpint(symlink("../beside", out), ==, 0);
  g_assert_cmpint(symlink("a", in), ==, 0);
  g_assert_cmpint(symlink("gone", nowhere), ==, 0);
  link_one(&place, "m", "m");
  test_has(&dir, APP "/m/out", "b");
  test_has(&dir, APP "/m/in", "a");
  g_autofree char *text = g_file_read_link(nowhere, NULL);
  g_assert_cmpstr(text, ==, "gone");
}

static void test_passed_over(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, APP "/m/a", "a");
  const char *const m[] = {"m", NULL};
  const char *const absolute[] = {"/tmp", NULL};
  const char *const dotted[] = {"m", "./m", NULL};
  const PinoDriveMapping mappings[] = {{"/abs", m}, {".hidden", m},  {"../up", m}, {"a/../../../up", m},
                                       {"", m},     {"x", absolute}, {"y", dotted}};
  const PinoDriveSpec spec = spec_for(&place, mappings, G_N_ELEMENTS(mappings));
  linked(&spec);
  test_has(&dir, APP "/m/a", "a");
  g_autofree char *m_path = test_path(&dir, APP "/m");
  g_assert_false(g_file_test(m_path, G_FILE_TEST_IS_SYMLINK));
  g_assert_nonnull(strstr(place.notes->str, "a/../../../up is passed over"));
  g_autofree char *drive = on_drive(&dir, ".");
  g_assert_cmpuint(test_count(&dir, drive), ==, 0);
}

static void refused(const Place *place, const char *name, const char *folder, const char *text) {
  const char *const folders[] = {folder, NULL};
  const PinoDriveMapping mapping = {name, folders};
  const PinoDriveSpec spec = spec_for(place, &mapping, 1);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_drive_link(&spec, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_assert_nonnull(strstr(error->message, text));
}

static void test_circles(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, APP "/m/sub/a", "a");
  test_put(&dir, APP "/file", "f");
  link_one(&place, "m", "m");
  refused(&place, "m", "m/sub", "one lies in the other");
  refused(&place, "m", "m/new/deep", "one lies in the other");
  refused(&place, "f", "file", "it is a file");
  /* The folder on the drive that the mapping names is in its place already. */
  link_one(&place, "m/sub", "m/sub");
  test_has(&dir, APP "/m/sub/a", "a");
  /* An app folder that holds the drive. */
  g_autofree char *own = test_path(&dir, APP "/own");
  const char *const folders[] = {"own", NULL};
  const PinoDriveMapping mapping = {"o", folders};
  PinoDriveSpec spec = spec_for(&place, &mapping, 1);
  spec.drive_dir = own;
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_drive_link(&spec, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  test_has(&dir, APP "/file", "f");
}

static void test_linked_elsewhere(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, "disk/models/big", "b");
  g_autofree char *m = test_path(&dir, APP "/m");
  g_autofree char *n = test_path(&dir, APP "/n");
  g_assert_cmpint(symlink("../../../disk/models", m), ==, 0);
  g_assert_cmpint(symlink("no/where", n), ==, 0);
  link_one(&place, "m", "m");
  link_one(&place, "n", "n");
  g_autofree char *text = g_file_read_link(m, NULL);
  g_assert_cmpstr(text, ==, "../../../disk/models");
  g_assert_nonnull(strstr(place.notes->str, "is left alone"));
  leads_to_drive(&dir, APP "/n", "n");
}

static void set_remote(const TestDir *dir, const char *app, const char *url) {
  g_autofree char *config = g_strconcat(app, "/.git/config", NULL);
  g_autofree char *text = g_strdup_printf(
      "[core]\n\tbare = false\n[remote \"other\"]\n\turl = no\n[remote \"origin\"]\n\turl = %s\n", url);
  test_put(dir, config, text);
}

static void test_peers(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) first = place_make(&dir, "home/api/first");
  g_auto(Place) second = place_make(&dir, "home/api/second");
  g_auto(Place) third = place_make(&dir, "home/api/third.git");
  set_remote(&dir, "home/api/first", "https://example.com/a/First.git");
  set_remote(&dir, "home/api/second", "https://example.com/a/second");
  test_put(&dir, "home/api/first/m/f", "1");
  test_put(&dir, "home/api/second/m/s", "2");
  test_put(&dir, "home/api/third.git/m/t", "3");
  const char *const peers[] = {"https://example.com/a/none", "https://example.com/a/first", NULL};
  const char *const folders[] = {"m", NULL};
  const PinoDriveMapping mapping = {"m", folders};
  PinoDriveSpec spec = spec_for(&first, &mapping, 1);
  spec.peers = peers;
  linked(&spec);
  spec = spec_for(&second, &mapping, 1);
  spec.peers = peers;
  linked(&spec);
  drive_has(&dir, "m/f", "1");
  drive_has(&dir, "m/s", "2");
  /* The peer's app is gone, its drive is not. */
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_tree_remove(first.app, NULL, &error));
  g_assert_true(pino_tree_remove(second.app, NULL, &error));
  spec = spec_for(&third, &mapping, 1);
  spec.peers = peers;
  linked(&spec);
  drive_has(&dir, "m/f", "1");
  drive_has(&dir, "m/t", "3");
}

static void test_memory(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  test_put(&dir, APP "/m/a", "a");
  link_one(&place, "m", "m");
  /* As the desktop program keeps it. */
  g_autofree char *memory = test_path(&dir, "home/drive/interface.json");
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(memory, &text, NULL, NULL));
  g_assert_nonnull(strstr(text, "\"api/app\""));
  g_assert_nonnull(strstr(text, "/drives/peers/d"));
  /* Lost and damaged: the links tell. */
  test_put(&dir, "home/drive/interface.json", "{ damaged");
  test_put(&dir, APP "/n/b", "b");
  const char *const m[] = {"m", NULL};
  const char *const n[] = {"n", NULL};
  const PinoDriveMapping mappings[] = {{"n", n}, {"m", m}};
  const PinoDriveSpec spec = spec_for(&place, mappings, 2);
  linked(&spec);
  drive_has(&dir, "n/b", "b");
  test_has(&dir, "home/drive/interface.json.broken", "{ damaged");
  /* The home moved: the drive is found under its new path. */
  g_autofree char *moved = test_path(&dir, "moved");
  g_assert_cmpint(rename(place.home, moved), ==, 0);
  g_free(place.home);
  g_free(place.app);
  place.home = g_steal_pointer(&moved);
  place.app = test_path(&dir, "moved/api/app");
  test_put(&dir, "moved/api/app/o/c", "c");
  link_one(&place, "o", "o");
  link_one(&place, "m", "m");
  g_autofree char *drive = only_drive(&dir, "moved/drive/drives/peers");
  test_has(&dir, "moved/api/app/m/a", "a");
  test_has(&dir, "moved/api/app/o/c", "c");
}

static void test_other_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  g_autofree char *far = g_strdup("/dev/shm/pino-test-XXXXXX");
  g_assert_nonnull(g_mkdtemp(far));
  const TestDir shm = {far};
  test_put(&dir, APP "/m/sub/a", "a");
  test_put(&dir, APP "/m/b", "b");
  g_autofree char *link = test_path(&dir, APP "/m/l");
  g_assert_cmpint(symlink("../pinokio.js", link), ==, 0);
  const char *const folders[] = {"m", NULL};
  const PinoDriveMapping mapping = {"m", folders};
  PinoDriveSpec spec = spec_for(&place, &mapping, 1);
  spec.drive_dir = far;
  linked(&spec);
  linked(&spec);
  g_autofree char *drive = only_drive(&shm, "drives/peers");
  g_autofree char *b = g_build_filename("drives/peers", drive, "m/b", NULL);
  test_has(&shm, b, "b");
  test_has(&dir, APP "/m/sub/a", "a");
  test_has(&dir, APP "/m/l", "");
  g_assert_cmpuint(test_count(&dir, APP), ==, 2);
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_tree_remove(far, NULL, &error));
}

/* The folder cannot be replaced by a link, since its parent is read-only: what was moved comes back. */
static int link_in_readonly(const TestDir *dir) {
  g_auto(Place) place = {test_path(dir, "home"), test_path(dir, APP), g_string_new(NULL)};
  const char *const folders[] = {"ro/m", NULL};
  const PinoDriveMapping mapping = {"m", folders};
  const PinoDriveSpec spec = spec_for(&place, &mapping, 1);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_drive_link(&spec, &error));
  g_assert_error(error, PINO_ERRNO, EACCES);
  test_has(dir, APP "/ro/m/a", "a");
  test_has(dir, APP "/ro/m/sub/b", "b");
  g_autofree char *m = on_drive(dir, "m");
  g_assert_cmpuint(test_count(dir, m), ==, 0);
  return 0;
}

static void test_rollback(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, APP "/ro/m/a", "a");
  test_put(&dir, APP "/ro/m/sub/b", "b");
  const char *const open[] = {"home", APP "/ro/m", APP "/ro/m/sub"};
  for (gsize i = 0; i < G_N_ELEMENTS(open); i++) {
    g_autofree char *path = test_path(&dir, open[i]);
    g_assert_cmpint(chmod(path, 0777), ==, 0);
  }
  g_autofree char *ro = test_path(&dir, APP "/ro");
  g_assert_cmpint(chmod(ro, 0555), ==, 0);
  test_as_nobody(link_in_readonly, &dir);
  g_assert_cmpint(chmod(ro, 0755), ==, 0);
}

static int link_to_full_disk(const TestDir *dir) {
  if (!test_small_disk(dir, "disk"))
    return 0;
  g_auto(Place) place = {test_path(dir, "home"), test_path(dir, APP), g_string_new(NULL)};
  g_autofree char *disk = test_path(dir, "disk");
  const char *const folders[] = {"m", NULL};
  const PinoDriveMapping mapping = {"m", folders};
  PinoDriveSpec spec = spec_for(&place, &mapping, 1);
  spec.drive_dir = disk;
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_drive_link(&spec, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  test_has(dir, APP "/m/small", "s");
  g_assert_cmpuint(test_count(dir, APP "/m"), ==, 2);
  g_autofree char *drive = only_drive(dir, "disk/drives/peers");
  g_autofree char *m = g_build_filename("disk/drives/peers", drive, "m", NULL);
  g_assert_cmpuint(test_count(dir, m), ==, 0);
  return 0;
}

static void test_rollback_full(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *big = g_strnfill((gsize)2 << 20, 'b');
  test_put(&dir, APP "/m/small", "s");
  test_put(&dir, APP "/m/big", big);
  test_put(&dir, "disk/x", "");
  test_in_child(link_to_full_disk, &dir);
}

static gpointer link_in_thread(gpointer data) {
  link_one(data, "m", "m");
  return NULL;
}

static void test_at_once(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Place) place = place_make(&dir, APP);
  for (int i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf(APP "/m/f%d", i);
    test_put(&dir, name, name);
  }
  /* Each its own notes, the rest shared. */
  Place places[4];
  GThread *threads[4];
  for (int i = 0; i < 4; i++) {
    places[i] = (Place){place.home, place.app, g_string_new(NULL)};
    threads[i] = g_thread_new("link", link_in_thread, &places[i]);
  }
  for (int i = 0; i < 4; i++) {
    g_thread_join(threads[i]);
    g_string_free(places[i].notes, TRUE);
  }
  leads_to_drive(&dir, APP "/m", "m");
  g_assert_cmpuint(test_count(&dir, APP "/m"), ==, 200);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/link/conformance-cases-and-again", test_cases);
  g_test_add_func("/storage/link/clash-keeps-both", test_clash);
  g_test_add_func("/storage/link/links-in-the-folder", test_links_inside);
  g_test_add_func("/storage/link/passed-over", test_passed_over);
  g_test_add_func("/storage/link/circles-refused", test_circles);
  g_test_add_func("/storage/link/linked-elsewhere-is-left", test_linked_elsewhere);
  g_test_add_func("/storage/link/peers-share", test_peers);
  g_test_add_func("/storage/link/memory", test_memory);
  g_test_add_func("/storage/link/drive-on-other-file-system", test_other_disk);
  g_test_add_func("/storage/link/read-only-rolls-back", test_rollback);
  g_test_add_func("/storage/link/full-disk-rolls-back", test_rollback_full);
  g_test_add_func("/storage/link/at-once-from-many-threads", test_at_once);
  return g_test_run();
}
