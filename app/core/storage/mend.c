#include "storage/mend.h"

#include <gio/gio.h>

#include "storage/tree.h"

/* HOME/api/APP/app/env is the usual place; deeper ones are rare. */
#define VENV_DEPTH 4

static gboolean has(const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean is_half(const char *info) {
  return !has(info, "METADATA") || !has(info, "RECORD") || !has(info, "INSTALLER");
}

static gboolean is_plain_folder(const char *path) {
  return g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK);
}

static gboolean mend_site(GPtrArray *removed, const char *site, GError **error) {
  g_autoptr(GPtrArray) half = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(site, 0, NULL);
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(site, name, NULL);
    if (g_str_has_suffix(name, ".dist-info") && is_plain_folder(path) && is_half(path))
      g_ptr_array_add(half, g_steal_pointer(&path));
  }
  for (guint i = 0; i < half->len; i++) {
    if (!pino_tree_remove(half->pdata[i], NULL, error))
      return FALSE;
    g_ptr_array_add(removed, g_path_get_basename(half->pdata[i]));
  }
  return TRUE;
}

static gboolean mend_venv(GPtrArray *removed, const char *venv, GError **error) {
  g_autofree char *lib = g_build_filename(venv, "lib", NULL);
  g_autoptr(GDir) dir = g_dir_open(lib, 0, NULL);
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *site = g_build_filename(lib, name, "site-packages", NULL);
    if (!mend_site(removed, site, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean look_in(GPtrArray *removed, const char *folder, guint depth, GError **error) {
  if (has(folder, "pyvenv.cfg"))
    return mend_venv(removed, folder, error);
  g_autoptr(GDir) dir = depth > 0 ? g_dir_open(folder, 0, NULL) : NULL;
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (is_plain_folder(path) && !look_in(removed, path, depth - 1, error))
      return FALSE;
  }
  return TRUE;
}

gboolean pino_venvs_mend(const char *folder, GPtrArray **removed, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  if (!look_in(names, folder, VENV_DEPTH, error))
    return FALSE;
  *removed = g_steal_pointer(&names);
  return TRUE;
}
