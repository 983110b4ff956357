#include "storage/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "environment/env.h"
#include "storage/drive.h"
#include "storage/io.h"
#include "storage/packages.h"
#include "storage/pool.h"
#include "storage/poolshare.h"
#include "storage/tree.h"
#include "storage/walk.h"

typedef struct {
  char *name;   /* of its folder in api */
  char *remote; /* may be NULL */
} App;

typedef struct {
  const char *home;
  const char *dir; /* of the drives */
  GPtrArray *apps; /* App */
  guint64 saves;
  GCancellable *cancellable;
} Report;

static void app_free(gpointer data) {
  App *app = data;
  g_free(app->name);
  g_free(app->remote);
  g_free(app);
}

static GPtrArray *find_apps(const char *home) {
  GPtrArray *apps = g_ptr_array_new_with_free_func(app_free);
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autoptr(GDir) folder = g_dir_open(api, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    g_autofree char *path = g_build_filename(api, name, NULL);
    if (name[0] == '.' || !g_file_test(path, G_FILE_TEST_IS_DIR) || !g_utf8_validate(name, -1, NULL))
      continue;
    App *app = g_new(App, 1);
    *app = (App){g_strdup(name), pino_drives_remote(path)};
    g_ptr_array_add(apps, app);
  }
  return apps;
}

/* The app that is remembered by a git URI, or by its path in the home. */
static const char *app_of(const Report *report, const char *uri) {
  for (guint i = 0; i < report->apps->len; i++) {
    const App *app = g_ptr_array_index(report->apps, i);
    g_autofree char *below = g_build_filename("api", app->name, NULL);
    if (g_str_equal(uri, below) || (app->remote != NULL && pino_drives_same_uri(app->remote, uri)))
      return app->name;
  }
  return NULL;
}

static guint64 size_of(const Report *report, const char *path) {
  guint64 bytes = 0;
  g_autoptr(GError) unread = NULL;
  return pino_tree_size(path, &bytes, report->cancellable, &unread) ? bytes : 0;
}

/* --- drives ---- */

typedef struct {
  Report *report;
  GHashTable *drives; /* path of a drive -> JsonObject */
} Drives;

static gint64 count(JsonObject *object, const char *name) {
  return json_object_get_int_member_with_default(object, name, 0);
}

static void add_count(JsonObject *object, const char *name, guint64 more) {
  json_object_set_int_member(object, name, count(object, name) + (gint64)more);
}

static JsonObject *new_drive(const char *path) {
  g_autofree char *id = g_path_get_basename(path);
  JsonObject *drive = json_object_new();
  json_object_set_string_member(drive, "id", id);
  json_object_set_string_member(drive, "path", path);
  json_object_set_int_member(drive, "size", 0);
  json_object_set_int_member(drive, "saves", 0);
  json_object_set_array_member(drive, "folders", json_array_new());
  return drive;
}

static JsonObject *folder_named(JsonObject *drive, const char *name) {
  JsonArray *folders = json_object_get_array_member(drive, "folders");
  for (guint i = 0; i < json_array_get_length(folders); i++) {
    JsonObject *folder = json_array_get_object_element(folders, i);
    if (g_str_equal(json_object_get_string_member(folder, "name"), name))
      return folder;
  }
  JsonObject *folder = json_object_new();
  json_object_set_string_member(folder, "name", name);
  json_object_set_array_member(folder, "apps", json_array_new());
  json_array_add_object_element(folders, folder);
  return folder;
}

static void on_mapping(const char *uri, const char *name, const char *drive, gpointer data) {
  Drives *drives = data;
  JsonObject *object = g_hash_table_lookup(drives->drives, drive);
  const char *app = app_of(drives->report, uri);
  if (object == NULL)
    return;
  JsonObject *folder = folder_named(object, name);
  if (app != NULL)
    json_array_add_string_element(json_object_get_array_member(folder, "apps"), app);
}

static void measure_drive(Report *report, const char *path, JsonObject *drive) {
  JsonArray *folders = json_object_get_array_member(drive, "folders");
  json_object_set_int_member(drive, "size", (gint64)size_of(report, path));
  for (guint i = 0; i < json_array_get_length(folders); i++) {
    JsonObject *folder = json_array_get_object_element(folders, i);
    g_autofree char *below = g_build_filename(path, json_object_get_string_member(folder, "name"), NULL);
    guint64 size = size_of(report, below);
    guint users = json_array_get_length(json_object_get_array_member(folder, "apps"));
    guint64 saves = users > 1 ? size * (users - 1) : 0;
    json_object_set_int_member(folder, "size", (gint64)size);
    json_object_set_int_member(folder, "saves", (gint64)saves);
    add_count(drive, "saves", saves);
    report->saves += saves;
  }
}

static void list_drives(Report *report, JsonObject *out) {
  Drives drives = {report, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  g_autofree char *peers = g_build_filename(report->dir, "drives", "peers", NULL);
  g_autoptr(GDir) folder = g_dir_open(peers, 0, NULL);
  JsonArray *list = json_array_new();
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    if (name[0] != 'd' || name[1 + strspn(name + 1, "0123456789")] != '\0')
      continue;
    char *path = g_build_filename(peers, name, NULL);
    JsonObject *drive = new_drive(path);
    json_array_add_object_element(list, drive);
    g_hash_table_insert(drives.drives, path, drive);
  }
  pino_drives_each(report->dir, on_mapping, &drives);
  GHashTableIter iter;
  gpointer path, drive;
  g_hash_table_iter_init(&iter, drives.drives);
  while (g_hash_table_iter_next(&iter, &path, &drive))
    measure_drive(report, path, drive);
  json_object_set_array_member(out, "drives", list);
  g_hash_table_unref(drives.drives);
}

/* --- packages ---- */

static gboolean list_packages(Report *report, JsonObject *out, GError **error) {
  g_autoptr(GPtrArray) packages = pino_packages_list(report->home, report->dir, report->cancellable, error);
  JsonArray *list = json_array_new();
  for (guint i = 0; packages != NULL && i < packages->len; i++) {
    const PinoPackage *package = g_ptr_array_index(packages, i);
    guint64 saves = package->users > 1 ? package->size * (package->users - 1) : 0;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", package->name);
    json_object_set_string_member(object, "version", package->version);
    json_object_set_int_member(object, "size", (gint64)package->size);
    json_object_set_int_member(object, "users", package->users);
    json_object_set_int_member(object, "saves", (gint64)saves);
    json_array_add_object_element(list, object);
    report->saves += saves;
  }
  json_object_set_array_member(out, "packages", list);
  return packages != NULL;
}

/* --- the cache of uv ---- */

typedef struct {
  guint64 size, saves;
} Links;

/* A file of the cache has one name there and one in each virtual environment. */
static gboolean add_links(const PinoPlace *place, gpointer data, GError **error) {
  Links *links = data;
  guint64 size = S_ISREG(place->st->st_mode) ? (guint64)place->st->st_size : 0;
  links->size += size;
  links->saves += place->st->st_nlink > 2 ? size * (place->st->st_nlink - 2) : 0;
  return TRUE;
}

static void add_cache(Report *report, JsonObject *out) {
  const PinoVisit visit = {NULL, NULL, add_links};
  Links links = {0};
  g_autofree char *cache = g_build_filename(report->home, "cache", "UV_CACHE_DIR", NULL);
  g_autoptr(GError) unread = NULL;
  JsonObject *object = json_object_new();
  (void)pino_storage_walk(cache, &visit, &links, report->cancellable, &unread);
  json_object_set_int_member(object, "size", (gint64)links.size);
  json_object_set_int_member(object, "saves", (gint64)links.saves);
  json_object_set_object_member(out, "cache", object);
  report->saves += links.saves;
}

/* --- the pool ---- */

static JsonObject *object_json(const PinoPoolObject *object) {
  JsonObject *json = json_object_new();
  JsonArray *places = json_array_new();
  for (gsize i = 0; object->places[i] != NULL; i++)
    json_array_add_string_element(places, object->places[i]);
  json_object_set_string_member(json, "sha256", object->sha256);
  if (object->name != NULL)
    json_object_set_string_member(json, "name", object->name);
  else
    json_object_set_null_member(json, "name");
  json_object_set_int_member(json, "size", (gint64)object->size);
  json_object_set_int_member(json, "users", (gint64)object->users);
  json_object_set_int_member(json, "saves", (gint64)pino_pool_object_saves(object));
  json_object_set_string_member(json, "way", pino_pool_way_name(object->way));
  json_object_set_int_member(json, "used", object->used);
  json_object_set_array_member(json, "places", places);
  return json;
}

static gboolean list_pool(Report *report, JsonObject *out, GError **error) {
  g_autoptr(GPtrArray) objects = pino_pool_list(report->home, report->cancellable, error);
  JsonObject *pool = json_object_new();
  JsonArray *list = json_array_new();
  guint64 size = 0, saves = 0, unused = 0;
  for (guint i = 0; objects != NULL && i < objects->len; i++) {
    const PinoPoolObject *object = g_ptr_array_index(objects, i);
    size += object->size;
    saves += pino_pool_object_saves(object);
    unused += object->users == 0 ? object->size : 0;
    json_array_add_object_element(list, object_json(object));
  }
  json_object_set_int_member(pool, "size", (gint64)size);
  json_object_set_int_member(pool, "saves", (gint64)saves);
  json_object_set_int_member(pool, "unused", (gint64)unused);
  json_object_set_array_member(pool, "objects", list);
  json_object_set_object_member(out, "pool", pool);
  report->saves += saves;
  return objects != NULL;
}

/* --- */

static void add_disk(const char *home, JsonObject *out) {
  struct statvfs fs = {0};
  JsonObject *disk = json_object_new();
  if (statvfs(home, &fs) != 0)
    fs = (struct statvfs){0};
  json_object_set_int_member(disk, "free", (gint64)((guint64)fs.f_bavail * fs.f_frsize));
  json_object_set_int_member(disk, "size", (gint64)((guint64)fs.f_blocks * fs.f_frsize));
  json_object_set_boolean_member(disk, "reflinks", pino_pool_has_reflinks(home));
  json_object_set_object_member(out, "disk", disk);
}

JsonObject *pino_report_drive(const char *home, const char *drive_dir, GCancellable *cancellable,
                              GError **error) {
  g_autoptr(JsonObject) out = json_object_new();
  g_autoptr(GPtrArray) apps = find_apps(home);
  g_autofree char *dir = drive_dir != NULL ? g_strdup(drive_dir) : g_build_filename(home, "drive", NULL);
  Report report = {home, dir, apps, 0, cancellable};
  g_autofree char *shown_home = g_utf8_make_valid(home, -1);
  g_autofree char *shown_dir = g_utf8_make_valid(dir, -1);
  json_object_set_string_member(out, "home", shown_home);
  json_object_set_string_member(out, "drive", shown_dir);
  add_disk(home, out);
  list_drives(&report, out);
  if (!list_packages(&report, out, error))
    return NULL;
  add_cache(&report, out);
  if (!list_pool(&report, out, error) || !pino_storage_go_on(cancellable, error))
    return NULL;
  json_object_set_int_member(out, "saves", (gint64)report.saves);
  return g_steal_pointer(&out);
}

char *pino_report_drive_dir(const char *home) {
  g_autoptr(PinoEnv) env = pino_env_for_app(home, NULL, NULL);
  const char *named = env != NULL ? pino_env_get(env, "PINOKIO_DRIVE") : NULL;
  g_autofree char *path = g_canonicalize_filename(named != NULL ? named : "drive", home);
  /* libc's allocation, since realpath gives it. */
  char *real = realpath(path, NULL);
  char *result = g_strdup(real != NULL ? real : path);
  free(real);
  return result;
}
