/* What file systems are and what works on them, tried on those of this machine and told by laid-out mount tables. */
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cloud/facts.h"
#include "cloud/filesystem.h"
#include "fake-root.h"

static guint count_entries(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint count = 0;
  while (dir != NULL && g_dir_read_name(dir) != NULL)
    count++;
  return count;
}

static void test_tried(void) {
  char *root = fake_root_new();
  g_autofree char *deep = g_build_filename(root, "not/yet/there", NULL);
  g_autoptr(PinoFilesystem) fs = pino_filesystem_look("/", deep, TRUE);
  g_assert_cmpint(fs->error, ==, 0);
  g_assert_cmpstr(fs->path, ==, deep);
  g_assert_true(g_str_has_suffix(fs->folder, strrchr(root, '/')));
  g_assert_true(fs->tried);
  g_assert_cmpint(fs->writable, ==, PINO_YES);
  g_assert_cmpint(fs->symlinks, ==, PINO_YES);
  g_assert_cmpint(fs->hard_links, ==, PINO_YES);
  g_assert_cmpint(fs->case_insensitive, ==, PINO_NO);
  g_assert_cmpint(fs->reflinks, !=, PINO_UNKNOWN);
  g_assert_cmpuint(fs->total, >, 0);
  g_assert_cmpuint(fs->free, <=, fs->total);
  g_assert_nonnull(fs->mount);
  g_assert_cmpuint(count_entries(root), ==, 0); /* nothing is left behind */
  fake_root_free(root);
}

static void test_memory(void) {
  if (!g_file_test("/dev/shm", G_FILE_TEST_IS_DIR)) {
    g_test_skip("no /dev/shm");
    return;
  }
  g_autoptr(PinoFilesystem) fs = pino_filesystem_look("/", "/dev/shm", FALSE);
  g_assert_cmpstr(fs->type, ==, "tmpfs");
  g_assert_cmpstr(fs->kind, ==, "memory");
  g_assert_true(pino_filesystem_is_passing(fs));
  g_assert_false(fs->tried);
  g_assert_cmpint(fs->hard_links, ==, PINO_UNKNOWN);
  g_autoptr(PinoFilesystem) none = pino_filesystem_look("/", "/proc/self", TRUE);
  g_assert_cmpint(none->writable, ==, PINO_NO);
  g_assert_cmpint(none->hard_links, ==, PINO_UNKNOWN);
}

static void test_mounts(void) {
  static const char *const rows[][3] = {
      {"overlay", "overlay", "layer"},  {"fuse.drive", "drive", "network"}, {"nfs4", "server:/x", "network"},
      {"fuse.gcsfuse", "b", "network"}, {"fuseblk", "/dev/sdz", "disk"},    {"xfs", "/dev/none", "disk"},
      {"fuse-overlayfs", "o", "layer"}, {"9p", "share", "network"},         {"ramfs", "none", "memory"},
  };
  char *root = fake_root_new();
  g_autofree char *home = g_build_filename(root, "a b", "home", NULL);
  g_autofree char *inner = g_build_filename(home, "pinokio", NULL);
  g_assert_cmpint(g_mkdir_with_parents(inner, 0755), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *text =
        g_strdup_printf("1 0 8:1 / / rw - ext4 /dev/root rw\n"
                        "2 1 0:50 / %s/a\\040b rw,relatime shared:1 master:2 - squashfs under rw\n"
                        "3 1 0:50 / %s/a\\040b rw,relatime shared:1 master:2 - %s %s rw\n"
                        "4 1 0:51 / %s/a\\040b/ho rw - tmpfs other rw\nbroken line\n",
                        root, root, rows[i][0], rows[i][1], root);
    fake_put(root, "proc/self/mountinfo", text);
    g_autoptr(PinoFilesystem) fs = pino_filesystem_look(root, inner, FALSE);
    g_assert_cmpstr(fs->type, ==, rows[i][0]);
    g_assert_cmpstr(fs->source, ==, rows[i][1]);
    g_assert_cmpstr(fs->kind, ==, rows[i][2]);
    g_assert_true(g_str_has_suffix(fs->mount, "/a b"));
  }
  fake_root_free(root);
}

static void test_without_table(void) {
  char *root = fake_root_new();
  g_autoptr(PinoFilesystem) fs = pino_filesystem_look(root, root, TRUE);
  g_assert_null(fs->mount);
  g_assert_cmpuint(fs->total, >, 0);
  g_assert_cmpint(fs->writable, ==, PINO_YES);
  fake_root_free(root);
}

static void test_json(void) {
  g_autoptr(PinoFilesystem) fs = pino_filesystem_look("/", g_get_tmp_dir(), FALSE);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = NULL;
  pino_filesystem_append_json(fs, out);
  json_parser_load_from_data(parser, out->str, -1, &error);
  g_assert_no_error(error);
  JsonObject *object = json_node_get_object(json_parser_get_root(parser));
  g_assert_cmpint(json_object_get_int_member(object, "total"), ==, (gint64)fs->total);
  g_assert_true(json_object_get_null_member(object, "hard_links"));
  g_assert_false(json_object_get_boolean_member(object, "quota"));
}

/* --- the facts that are made of all this ---- */

static void test_facts(void) {
  char *root = fake_root_new();
  g_autofree char *home = g_build_filename(root, "home", NULL);
  g_setenv("PINOKIO_HOME", home, TRUE);
  g_unsetenv("PINOKIO_NVML_LIBRARY");
  fake_put(root, "proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n");
  fake_put(root, "proc/self/cgroup", "0::/\n");
  fake_put(root, "proc/self/mountinfo", "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  fake_put(root, "sys/fs/cgroup/memory.max", "8589934592\n");
  fake_put(root, "sys/fs/cgroup/memory.current", "1073741824\n");
  fake_put(root, "sys/class/drm/card0/device/vendor", "0x1002\n"); /* draws only: no memory told */
  fake_put(root, "sys/class/drm/card1/device/vendor", "0x1002\n");
  fake_put(root, "sys/class/drm/card1/device/mem_info_vram_total", "17163091968\n");
  fake_put(root, "sys/class/drm/card1/device/mem_info_vram_used", "1000000000\n");
  fake_put(root, "sys/class/drm/card1/device/product_name", "Radeon PRO\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoFacts) facts = pino_facts_new(root, "runpod", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(facts->platform->id, ==, "runpod");
  g_assert_cmpstr(facts->place->home, ==, home);
  g_assert_cmpstr(facts->gpu, ==, "amd");
  g_assert_cmpuint(facts->gpus->len, ==, 1);
  g_assert_cmpstr(facts->gpu_model, ==, "Radeon PRO");
  g_assert_cmpuint(facts->vram_total, ==, 17163091968ull);
  g_assert_cmpuint(facts->vram_free, ==, 16163091968ull);
  g_assert_cmpuint(pino_facts_gib(facts->vram_total), ==, 16);
  g_assert_cmpuint(pino_facts_vram_of_all(facts), ==, 17163091968ull);
  g_assert_true(facts->ram_limited);
  g_assert_cmpuint(pino_facts_gib(facts->ram), ==, 8);
  g_assert_cmpuint(facts->disk_free, >, 0);
  g_assert_null(pino_facts_new(root, "mars", &error));
  g_assert_nonnull(strstr(error->message, "mars"));
  fake_root_free(root);
}

/* 81559 MiB, what an H100 of 80 GB has, are 80; nothing is 0. */
static void test_rounding(void) {
  g_assert_cmpuint(pino_facts_gib(81559ull << 20), ==, 80);
  g_assert_cmpuint(pino_facts_gib(15360ull << 20), ==, 15);
  g_assert_cmpuint(pino_facts_gib(0), ==, 0);
  g_assert_cmpuint(pino_facts_gib(1ull << 29), ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/filesystem/tried-and-tidied-up", test_tried);
  g_test_add_func("/cloud/filesystem/memory-and-what-takes-no-files", test_memory);
  g_test_add_func("/cloud/filesystem/mounts", test_mounts);
  g_test_add_func("/cloud/filesystem/no-mount-table", test_without_table);
  g_test_add_func("/cloud/filesystem/json", test_json);
  g_test_add_func("/cloud/facts/a-container-with-a-card", test_facts);
  g_test_add_func("/cloud/facts/rounding", test_rounding);
  return g_test_run();
}
