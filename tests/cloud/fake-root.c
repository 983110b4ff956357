#include "fake-root.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

char *fake_root_new(void) {
  g_autoptr(GError) error = NULL;
  char *root = g_dir_make_tmp("pino-cloud-XXXXXX", &error);
  g_assert_no_error(error);
  return root;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place) {
  return remove(path);
}

void fake_root_free(char *root) {
  g_assert_cmpint(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
  g_free(root);
}

static char *make_place(const char *root, const char *path) {
  char *full = g_build_filename(root, path, NULL);
  g_autofree char *folder = g_path_get_dirname(full);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  return full;
}

void fake_put(const char *root, const char *path, const char *text) {
  g_autofree char *full = make_place(root, path);
  g_autoptr(GError) error = NULL;
  g_file_set_contents(full, text, -1, &error);
  g_assert_no_error(error);
}

void fake_remove(const char *root, const char *path) {
  g_autofree char *full = g_build_filename(root, path, NULL);
  g_assert_cmpint(g_unlink(full), ==, 0);
}

void fake_link(const char *root, const char *path, const char *target) {
  g_autofree char *full = make_place(root, path);
  g_assert_cmpint(symlink(target, full), ==, 0);
}
