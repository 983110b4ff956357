#include "cli/shelf.h"

#include <string.h>

#include "base/json.h"
#include "cli/endpoint.h"
#include "cli/say.h"

static int compare_apps(gconstpointer a, gconstpointer b) {
  return strcmp((*(PinoApp *const *)a)->id, (*(PinoApp *const *)b)->id);
}

static GPtrArray *read_apps(const char *home) {
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autoptr(GDir) folder = g_dir_open(api, 0, NULL);
  GPtrArray *apps = g_ptr_array_new_with_free_func((GDestroyNotify)pino_app_free);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
    PinoApp *app = *name != '.' ? pino_app_read(api, name) : NULL;
    if (app != NULL)
      g_ptr_array_add(apps, app);
  }
  g_ptr_array_sort(apps, compare_apps);
  return apps;
}

PinoShelf *pino_shelf_new(void) {
  g_autoptr(PinoEndpoint) place = pino_endpoint_new();
  PinoShelf *shelf = g_new0(PinoShelf, 1);
  shelf->home = g_strdup(place->home);
  shelf->catalog = pino_catalog_new(shelf->home);
  shelf->apps = read_apps(shelf->home);
  shelf->installed = g_hash_table_new(NULL, NULL);
  const GError *trouble = pino_catalog_trouble(shelf->catalog);
  if (trouble != NULL)
    pino_say("%s", trouble->message);
  for (guint i = 0; i < shelf->apps->len; i++) {
    const PinoCatalogApp *entry = pino_shelf_entry(shelf, shelf->apps->pdata[i]);
    if (entry != NULL && !g_hash_table_contains(shelf->installed, entry))
      g_hash_table_insert(shelf->installed, (gpointer)entry, shelf->apps->pdata[i]);
  }
  return shelf;
}

void pino_shelf_free(PinoShelf *shelf) {
  g_hash_table_unref(shelf->installed);
  g_ptr_array_unref(shelf->apps);
  pino_catalog_free(shelf->catalog);
  g_free(shelf->home);
  g_free(shelf);
}

const PinoApp *pino_shelf_installed(const PinoShelf *shelf, const PinoCatalogApp *entry) {
  return g_hash_table_lookup(shelf->installed, entry);
}

const PinoApp *pino_shelf_folder(const PinoShelf *shelf, const char *name) {
  for (guint i = 0; i < shelf->apps->len; i++) {
    const PinoApp *app = shelf->apps->pdata[i];
    if (g_str_equal(app->id, name))
      return app;
  }
  return NULL;
}

const PinoCatalogApp *pino_shelf_entry(const PinoShelf *shelf, const PinoApp *app) {
  return app->repository != NULL ? pino_catalog_by_repository(shelf->catalog, app->repository) : NULL;
}

void pino_shelf_append_json(GString *out, const PinoCatalogApp *entry, const PinoApp *app) {
  if (entry != NULL) {
    pino_catalog_append_json(out, entry);
  } else {
    g_string_append(out, "{\"id\":null");
    pino_json_append_member(out, "name", app->title != NULL ? app->title : app->id);
    pino_json_append_nullable(out, "repository", app->repository);
    pino_json_append_nullable(out, "description", app->description);
  }
  pino_json_append_nullable(out, "installed", app != NULL ? app->id : NULL);
}
