#include "storage/packages.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/drive.h"
#include "storage/io.h"
#include "storage/tree.h"

/* HOME/api/APP/app/env is the usual place; deeper ones are rare. */
#define VENV_DEPTH 4

typedef struct {
  PinoPackage *package;
  char *sample; /* a file of it, below site-packages */
  char *python; /* "python3.11" */
} Known;

void pino_package_free(PinoPackage *package) {
  g_free(package->name);
  g_free(package->version);
  g_free(package->path);
  g_free(package);
}

static void known_free(gpointer data) {
  Known *known = data;
  g_free(known->sample);
  g_free(known->python);
  g_free(known);
}

/* The first file below a folder, relative to it, or NULL. */
static char *first_file(const char *folder, guint depth) {
  g_autoptr(GDir) dir = depth > 0 ? g_dir_open(folder, 0, NULL) : NULL;
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
      return g_strdup(name);
    g_autofree char *below = first_file(path, depth - 1);
    if (below != NULL)
      return g_build_filename(name, below, NULL);
  }
  return NULL;
}

/* One sample a version of Python that has the package. */
static void add_samples(GPtrArray *known, PinoPackage *package) {
  g_autofree char *lib = g_build_filename(package->path, "lib", NULL);
  g_autoptr(GDir) dir = g_dir_open(lib, 0, NULL);
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *site = g_build_filename(lib, name, "site-packages", NULL);
    char *sample = first_file(site, 32);
    if (sample == NULL)
      continue;
    Known *one = g_new(Known, 1);
    *one = (Known){package, sample, g_strdup(name)};
    g_ptr_array_add(known, one);
  }
}

static void count_users(const GPtrArray *known, const char *venv) {
  for (guint i = 0; i < known->len; i++) {
    const Known *one = g_ptr_array_index(known, i);
    g_autofree char *file = g_build_filename(venv, "lib", one->python, "site-packages", one->sample, NULL);
    g_autofree char *target = g_file_read_link(file, NULL);
    if (target != NULL && g_str_has_prefix(target, one->package->path) &&
        target[strlen(one->package->path)] == '/')
      one->package->users++;
  }
}

static gboolean look_for_venvs(const GPtrArray *known, const char *folder, guint depth,
                               GCancellable *cancellable, GError **error) {
  g_autofree char *mark = g_build_filename(folder, "pyvenv.cfg", NULL);
  if (g_file_test(mark, G_FILE_TEST_EXISTS)) {
    count_users(known, folder);
    return TRUE;
  }
  g_autoptr(GDir) dir = depth > 0 ? g_dir_open(folder, 0, NULL) : NULL;
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    gboolean is_folder = g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK);
    if (!pino_storage_go_on(cancellable, error) ||
        (is_folder && !look_for_venvs(known, path, depth - 1, cancellable, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean add_versions(GPtrArray *packages, const char *pip, const char *name,
                             GCancellable *cancellable, GError **error) {
  g_autofree char *folder = g_build_filename(pip, name, NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *version = NULL; dir != NULL && (version = g_dir_read_name(dir)) != NULL;) {
    if (!pino_storage_go_on(cancellable, error))
      return FALSE;
    if (!g_utf8_validate(name, -1, NULL) || !g_utf8_validate(version, -1, NULL))
      continue;
    PinoPackage *package = g_new0(PinoPackage, 1);
    *package =
        (PinoPackage){g_strdup(name), g_strdup(version), g_build_filename(folder, version, NULL), 0, 0};
    g_autoptr(GError) unread = NULL;
    (void)pino_tree_size(package->path, &package->size, cancellable, &unread);
    g_ptr_array_add(packages, package);
  }
  return TRUE;
}

static int by_name(gconstpointer a, gconstpointer b) {
  const PinoPackage *one = *(PinoPackage *const *)a;
  const PinoPackage *two = *(PinoPackage *const *)b;
  int order = strcmp(one->name, two->name);
  return order != 0 ? order : strcmp(one->version, two->version);
}

GPtrArray *pino_packages_list(const char *home, const char *drive_dir, GCancellable *cancellable,
                              GError **error) {
  g_autoptr(GPtrArray) packages = g_ptr_array_new_with_free_func((GDestroyNotify)pino_package_free);
  g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(known_free);
  g_autofree char *pip = g_build_filename(drive_dir, "drives", "pip", NULL);
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autoptr(GDir) dir = g_dir_open(pip, 0, NULL);
  for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
    if (!add_versions(packages, pip, name, cancellable, error))
      return NULL;
  for (guint i = 0; i < packages->len; i++)
    add_samples(known, g_ptr_array_index(packages, i));
  if (known->len > 0 && !look_for_venvs(known, api, VENV_DEPTH, cancellable, error))
    return NULL;
  g_ptr_array_sort(packages, by_name);
  return g_steal_pointer(&packages);
}

gboolean pino_package_remove(const char *drive_dir, const PinoPackage *package, GCancellable *cancellable,
                             GError **error) {
  g_autoptr(PinoDrives) drives = pino_drives_open(drive_dir, cancellable, error);
  g_autofree char *folder = g_path_get_dirname(package->path);
  if (drives == NULL || !pino_tree_remove(package->path, cancellable, error))
    return FALSE;
  /* The last version goes with its name. */
  (void)rmdir(folder);
  return TRUE;
}
