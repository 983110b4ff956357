/* Where the home and the persistent folder are on each platform, what moves them, and what a stop leaves. */
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/place.h"
#include "fake-root.h"

#define OWN "/home/me"
#define DRIVE_MOUNT "overlay / overlay rw 0 0\ndrive /content/drive fuse.drive rw,nosuid 0 0\n"
#define NO_MOUNT "overlay / overlay rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n"
#define MOST 4

static PinoPlace *find(const char *root, const char *id, const char *home_variable) {
  g_autofree char *set = g_strdup_printf("PINOKIO_HOME=%s", home_variable != NULL ? home_variable : "");
  const char *env[] = {"HOME=" OWN, set, NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoPlatform) platform = pino_platform_detect(root, env, id, &error);
  g_assert_no_error(error);
  return pino_place_find(platform);
}

static void make_folder(const char *root, const char *folder) {
  g_autofree char *path = g_build_filename(root, folder, NULL);
  g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
}

/* --- each platform ---- */

typedef struct {
  const char *what, *id;
  const char *folders[MOST];
  const char *mounts; /* what /proc/mounts says; NULL: there is none */
  const char *home, *persistent;
  gboolean ephemeral;
} Case;

static const Case CASES[] = {
    {"local", "local", {NULL}, NULL, OWN "/pinokio", NULL, FALSE},
    {"container", "container", {NULL}, NULL, OWN "/pinokio", NULL, TRUE},
    {"colab", "colab", {"content"}, NO_MOUNT, "/content/pinokio", NULL, TRUE},
    {"colab-with-drive",
     "colab",
     {"content/drive/MyDrive"},
     DRIVE_MOUNT,
     "/content/pinokio",
     "/content/drive/MyDrive/pinokio",
     TRUE},
    /* An app's `mkdir -p` makes it; what is put there goes with the machine. */
    {"colab-with-a-folder-that-only-looks-like-drive",
     "colab",
     {"content/drive/MyDrive"},
     NO_MOUNT,
     "/content/pinokio",
     NULL,
     TRUE},
    {"colab-with-drive-elsewhere",
     "colab",
     {"content/gdrive/MyDrive"},
     "drive /content/gdrive fuse.drive rw 0 0\n",
     "/content/pinokio",
     "/content/gdrive/MyDrive/pinokio",
     TRUE},
    {"colab-without-list-of-mounts",
     "colab",
     {"content/drive/MyDrive"},
     NULL,
     "/content/pinokio",
     "/content/drive/MyDrive/pinokio",
     TRUE},
    {"kaggle", "kaggle", {"kaggle/working"}, NULL, "/kaggle/working/pinokio", NULL, TRUE},
    {"vast", "vast", {"workspace"}, NULL, "/workspace/pinokio", NULL, FALSE},
    {"vast-without-workspace", "vast", {NULL}, NULL, OWN "/pinokio", NULL, FALSE},
    {"runpod", "runpod", {"workspace"}, NULL, "/workspace/pinokio", NULL, FALSE},
    {"runpod-without-volume", "runpod", {NULL}, NULL, OWN "/pinokio", NULL, TRUE},
    {"lightning",
     "lightning",
     {"teamspace/studios/this_studio"},
     NULL,
     "/teamspace/studios/this_studio/pinokio",
     NULL,
     FALSE},
    {"paperspace",
     "paperspace",
     {"notebooks", "storage"},
     NULL,
     "/notebooks/pinokio",
     "/storage/pinokio",
     FALSE},
    {"paperspace-without-storage", "paperspace", {"notebooks"}, NULL, "/notebooks/pinokio", NULL, FALSE},
    {"studiolab", "studiolab", {NULL}, NULL, OWN "/pinokio", NULL, FALSE},
};

static void test_case(gconstpointer data) {
  const Case *about = data;
  char *root = fake_root_new();
  for (const char *const *folder = about->folders; *folder != NULL; folder++)
    make_folder(root, *folder);
  if (about->mounts != NULL)
    fake_put(root, "proc/mounts", about->mounts);
  g_autoptr(PinoPlace) place = find(root, about->id, NULL);
  g_assert_cmpstr(place->home, ==, about->home);
  g_assert_cmpstr(place->persistent, ==, about->persistent);
  g_assert_cmpint(place->ephemeral, ==, about->ephemeral);
  g_assert_true(g_str_has_prefix(place->home, place->base));
  g_assert_nonnull(place->why);
  g_assert_nonnull(place->survives);
  g_assert_nonnull(place->lost);
  g_assert_nonnull(place->persistent_why);
  fake_root_free(root);
}

static void test_drive_says_how_to_mount(void) {
  char *root = fake_root_new();
  make_folder(root, "content");
  fake_put(root, "proc/mounts", NO_MOUNT);
  g_autoptr(PinoPlace) place = find(root, "colab", NULL);
  g_assert_nonnull(strstr(place->persistent_why, "drive.mount('/content/drive')"));
  fake_root_free(root);
}

/* --- what moves the home ---- */

static void test_variable_wins(void) {
  char *root = fake_root_new();
  make_folder(root, "content/drive/MyDrive");
  fake_put(root, "proc/mounts", DRIVE_MOUNT);
  fake_put(root, "home/me/pinokio/ENVIRONMENT", "");
  g_autoptr(PinoPlace) place = find(root, "colab", "/data/../data/mine/");
  g_assert_cmpstr(place->home, ==, "/data/mine");
  g_assert_cmpstr(place->persistent, ==, "/content/drive/MyDrive/pinokio");
  g_assert_true(place->ephemeral);
  fake_root_free(root);
}

/* A template's variable that a shell over SSH does not have. */
static void test_variable_of_first_process(void) {
  char *root = fake_root_new();
  const char *env[] = {"HOME=" OWN, NULL};
  make_folder(root, "workspace");
  fake_put(root, "proc/1/environ", "PINOKIO_HOME=/workspace/mine");
  g_autoptr(PinoPlatform) platform = pino_platform_detect(root, env, "runpod", NULL);
  g_autoptr(PinoPlace) place = pino_place_find(platform);
  g_assert_cmpstr(place->home, ==, "/workspace/mine");
  g_assert_false(place->ephemeral);
  fake_root_free(root);
}

static void test_home_on_the_persistent_side(void) {
  char *root = fake_root_new();
  make_folder(root, "content/drive/MyDrive");
  fake_put(root, "proc/mounts", DRIVE_MOUNT);
  g_autoptr(PinoPlace) place = find(root, "colab", "/content/drive/MyDrive/pinokio");
  g_assert_null(place->persistent);
  g_assert_nonnull(strstr(place->persistent_why, "the home itself"));
  g_assert_false(place->ephemeral);
  fake_root_free(root);
}

static void test_persistent_by_name(void) {
  const char *named[] = {"HOME=" OWN, "PINOKIO_PERSISTENT=/mnt/volume/", NULL};
  const char *none[] = {"HOME=" OWN, "PINOKIO_PERSISTENT=none", NULL};
  char *root = fake_root_new();
  make_folder(root, "notebooks");
  make_folder(root, "storage");
  g_autoptr(PinoPlatform) local = pino_platform_detect(root, named, "local", NULL);
  g_autoptr(PinoPlatform) paperspace = pino_platform_detect(root, none, "paperspace", NULL);
  g_autoptr(PinoPlace) with = pino_place_find(local);
  g_autoptr(PinoPlace) without = pino_place_find(paperspace);
  g_assert_cmpstr(with->persistent, ==, "/mnt/volume");
  g_assert_null(without->persistent);
  fake_root_free(root);
}

static void test_existing_home_stays(void) {
  static const char *const SIGNS[] = {"ENVIRONMENT", "api/app/x", "library.sqlite"};
  for (gsize i = 0; i < G_N_ELEMENTS(SIGNS); i++) {
    char *root = fake_root_new();
    g_autofree char *old = g_build_filename("home/me/pinokio", SIGNS[i], NULL);
    g_autofree char *new = g_build_filename("workspace/pinokio", SIGNS[i], NULL);
    make_folder(root, "workspace");
    fake_put(root, old, "");
    g_autoptr(PinoPlace) kept = find(root, "vast", NULL);
    g_assert_cmpstr(kept->home, ==, OWN "/pinokio");
    fake_put(root, new, "");
    g_autoptr(PinoPlace) moved = find(root, "vast", NULL);
    g_assert_cmpstr(moved->home, ==, "/workspace/pinokio");
    fake_root_free(root);
  }
}

/* A clone of some repository of that name is no home. */
static void test_some_folder_is_no_home(void) {
  char *root = fake_root_new();
  make_folder(root, "workspace");
  fake_put(root, "home/me/pinokio/README.md", "");
  g_autoptr(PinoPlace) place = find(root, "vast", NULL);
  g_assert_cmpstr(place->home, ==, "/workspace/pinokio");
  fake_root_free(root);
}

static void test_base_is_a_file(void) {
  char *root = fake_root_new();
  fake_put(root, "workspace", "");
  g_autoptr(PinoPlace) place = find(root, "vast", NULL);
  g_assert_cmpstr(place->home, ==, OWN "/pinokio");
  g_assert_nonnull(strstr(place->why, "is not there"));
  fake_root_free(root);
}

/* root may write everywhere, so another user looks. */
static void be_nobody(void) {
  if (geteuid() == 0)
    g_assert_cmpint(seteuid(65534), ==, 0);
}

static void test_read_only(void) {
  char *root = fake_root_new();
  g_autofree char *base = g_build_filename(root, "notebooks", NULL);
  g_autofree char *storage = g_build_filename(root, "storage", NULL);
  uid_t before = geteuid();
  make_folder(root, "notebooks");
  make_folder(root, "storage");
  g_assert_cmpint(g_chmod(root, 0755), ==, 0);
  g_assert_cmpint(g_chmod(base, 0555), ==, 0);
  g_assert_cmpint(g_chmod(storage, 0555), ==, 0);
  be_nobody();
  g_autoptr(PinoPlace) place = find(root, "paperspace", NULL);
  g_assert_cmpint(seteuid(before), ==, 0);
  g_assert_cmpstr(place->home, ==, OWN "/pinokio");
  g_assert_nonnull(strstr(place->why, "cannot be written"));
  g_assert_null(place->persistent);
  g_assert_true(place->ephemeral);
  fake_root_free(root);
}

/* A home that was made by somebody who could, in a folder that we cannot write. */
static void test_home_in_a_folder_of_others(void) {
  char *root = fake_root_new();
  g_autofree char *base = g_build_filename(root, "workspace", NULL);
  g_autofree char *home = g_build_filename(root, "workspace/pinokio", NULL);
  uid_t before = geteuid();
  make_folder(root, "workspace/pinokio");
  g_assert_cmpint(g_chmod(root, 0755), ==, 0);
  g_assert_cmpint(g_chmod(base, 0555), ==, 0);
  g_assert_cmpint(g_chmod(home, 0777), ==, 0);
  be_nobody();
  g_autoptr(PinoPlace) place = find(root, "runpod", NULL);
  g_assert_cmpint(seteuid(before), ==, 0);
  g_assert_cmpstr(place->home, ==, "/workspace/pinokio");
  g_assert_cmpint(g_chmod(base, 0755), ==, 0);
  fake_root_free(root);
}

/* --- this process ---- */

static void test_home_of_this_process(void) {
  g_setenv("PINOKIO_HOME", "relative/home", TRUE);
  g_autofree char *set = pino_place_home();
  g_assert_true(g_path_is_absolute(set) && g_str_has_suffix(set, "/relative/home"));
  g_unsetenv("PINOKIO_HOME");
  g_setenv("PINOKIO_PLATFORM", "no-such-platform", TRUE);
  g_autofree char *home = pino_place_home();
  g_assert_true(g_path_is_absolute(home) && g_str_has_suffix(home, "/pinokio"));
  g_unsetenv("PINOKIO_PLATFORM");
}

static void test_quick(void) {
  enum { ROUNDS = 200 };
  gint64 start = g_get_monotonic_time();
  for (int i = 0; i < ROUNDS; i++) {
    g_autofree char *home = pino_place_home();
    g_assert_nonnull(home);
  }
  double us = (double)(g_get_monotonic_time() - start) / ROUNDS;
  g_test_minimized_result(us, "the home of a command: %.0f us", us);
  if (g_test_perf())
    g_assert_cmpfloat(us, <, 1000);
}

static void test_json(void) {
  char *root = fake_root_new();
  make_folder(root, "notebooks");
  g_autoptr(PinoPlace) place = find(root, "paperspace", NULL);
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  pino_place_append_json(place, text);
  g_autoptr(JsonNode) node = json_from_string(text->str, &error);
  g_assert_no_error(error);
  JsonObject *object = json_node_get_object(node);
  g_assert_cmpstr(json_object_get_string_member(object, "home"), ==, "/notebooks/pinokio");
  g_assert_true(json_object_get_null_member(object, "persistent"));
  g_assert_false(json_object_get_boolean_member(object, "ephemeral"));
  fake_root_free(root);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *path = g_strconcat("/cloud/place/", CASES[i].what, NULL);
    g_test_add_data_func(path, &CASES[i], test_case);
  }
  g_test_add_func("/cloud/place/drive-says-how-to-mount", test_drive_says_how_to_mount);
  g_test_add_func("/cloud/place/variable-wins", test_variable_wins);
  g_test_add_func("/cloud/place/variable-of-the-first-process", test_variable_of_first_process);
  g_test_add_func("/cloud/place/home-on-the-persistent-side", test_home_on_the_persistent_side);
  g_test_add_func("/cloud/place/persistent-by-name", test_persistent_by_name);
  g_test_add_func("/cloud/place/existing-home-stays", test_existing_home_stays);
  g_test_add_func("/cloud/place/some-folder-is-no-home", test_some_folder_is_no_home);
  g_test_add_func("/cloud/place/base-is-a-file", test_base_is_a_file);
  g_test_add_func("/cloud/place/read-only", test_read_only);
  g_test_add_func("/cloud/place/home-in-a-folder-of-others", test_home_in_a_folder_of_others);
  g_test_add_func("/cloud/place/home-of-this-process", test_home_of_this_process);
  g_test_add_func("/cloud/place/quick", test_quick);
  g_test_add_func("/cloud/place/json", test_json);
  return g_test_run();
}
