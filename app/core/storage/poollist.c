#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/io.h"
#include "storage/poolstore.h"

void pino_pool_object_free(PinoPoolObject *object) {
  g_free(object->sha256);
  g_free(object->name);
  g_strfreev(object->places);
  g_free(object);
}

guint64 pino_pool_object_saves(const PinoPoolObject *object) {
  return object->users > 1 ? (object->users - 1) * object->size : 0;
}

static int compare_texts(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char **places_of(const PinoPoolRecord *record) {
  g_autoptr(GPtrArray) places = g_ptr_array_new();
  GHashTableIter iter;
  gpointer path;
  g_hash_table_iter_init(&iter, record->users);
  while (g_hash_table_iter_next(&iter, &path, NULL))
    g_ptr_array_add(places, g_strdup(path));
  g_ptr_array_sort(places, compare_texts);
  g_ptr_array_add(places, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&places), FALSE);
}

/* NULL when there is no such object. */
static PinoPoolObject *look(const PinoPoolStore *store, const char *sha256) {
  struct stat st;
  g_autofree char *path = pino_pool_store_path(store, "sha256", sha256);
  if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
    return NULL;
  g_autoptr(PinoPoolRecord) record = pino_pool_record_load(store, sha256);
  guint known = pino_pool_record_prune(store, record);
  gboolean hard = st.st_nlink > 1 || record->way == PINO_POOL_HARDLINK;
  PinoPoolObject *object = g_new0(PinoPoolObject, 1);
  object->sha256 = g_strdup(sha256);
  object->name = g_strdup(record->name);
  object->size = (guint64)st.st_size;
  object->users = hard ? st.st_nlink - 1 : known;
  object->places = places_of(record);
  object->way = hard ? PINO_POOL_HARDLINK : PINO_POOL_REFLINK;
  object->used = record->used;
  return object;
}

static int largest_first(gconstpointer a, gconstpointer b) {
  const PinoPoolObject *one = *(PinoPoolObject *const *)a;
  const PinoPoolObject *two = *(PinoPoolObject *const *)b;
  return one->size != two->size ? (one->size < two->size ? 1 : -1) : strcmp(one->sha256, two->sha256);
}

GPtrArray *pino_pool_list(const char *home, GCancellable *cancellable, GError **error) {
  g_autoptr(PinoPoolStore) store = pino_pool_store_new(home);
  g_autoptr(GPtrArray) keys = pino_pool_store_keys(store, "sha256");
  g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func((GDestroyNotify)pino_pool_object_free);
  for (guint i = 0; i < keys->len; i++) {
    if (!pino_storage_go_on(cancellable, error))
      return NULL;
    PinoPoolObject *object = look(store, g_ptr_array_index(keys, i));
    if (object != NULL)
      g_ptr_array_add(objects, object);
  }
  g_ptr_array_sort(objects, largest_first);
  return g_steal_pointer(&objects);
}

/* --- clean ---- */

static gboolean is_old(const PinoPoolObject *object, gint64 older_s) {
  return older_s <= 0 || g_get_real_time() / G_USEC_PER_SEC - object->used >= older_s;
}

static gboolean has_object(const PinoPoolStore *store, const char *sha256) {
  g_autofree char *path = sha256 != NULL ? pino_pool_store_path(store, "sha256", sha256) : NULL;
  return path != NULL && g_file_test(path, G_FILE_TEST_EXISTS);
}

/* What is known of objects that have gone. */
static void sweep(const PinoPoolStore *store) {
  g_autoptr(GPtrArray) records = pino_pool_store_keys(store, "records");
  g_autoptr(GPtrArray) index = pino_pool_store_keys(store, "index");
  for (guint i = 0; i < records->len; i++)
    if (!has_object(store, g_ptr_array_index(records, i)))
      pino_pool_store_drop(store, g_ptr_array_index(records, i));
  for (guint i = 0; i < index->len; i++) {
    g_autofree char *sha256 = pino_pool_index_read(store, g_ptr_array_index(index, i));
    g_autofree char *path = pino_pool_store_path(store, "index", g_ptr_array_index(index, i));
    if (!has_object(store, sha256))
      (void)unlink(path);
  }
}

static gboolean remove_object(const PinoPoolStore *store, const PinoPoolObject *object, GError **error) {
  g_autofree char *path = pino_pool_store_path(store, "sha256", object->sha256);
  if (unlink(path) != 0 && errno != ENOENT) {
    pino_storage_fail(error, errno, "unlink", path);
    return FALSE;
  }
  pino_pool_store_drop(store, object->sha256);
  return TRUE;
}

gboolean pino_pool_clean(const char *home, gint64 older_s, gboolean dry_run, GPtrArray **removed,
                         GCancellable *cancellable, GError **error) {
  g_autoptr(PinoPoolStore) store = pino_pool_store_new(home);
  g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func((GDestroyNotify)pino_pool_object_free);
  gboolean exists = pino_pool_store_exists(store);
  if (exists && !dry_run && !pino_pool_store_lock(store, cancellable, error))
    return FALSE;
  g_autoptr(GPtrArray) objects = pino_pool_list(home, cancellable, error);
  if (objects == NULL)
    return FALSE;
  while (objects->len > 0) {
    PinoPoolObject *object = g_ptr_array_steal_index(objects, 0);
    gboolean goes = object->users == 0 && is_old(object, older_s);
    if (goes)
      g_ptr_array_add(gone, object);
    if (goes && !dry_run && !remove_object(store, object, error))
      return FALSE;
    if (!goes)
      pino_pool_object_free(object);
  }
  if (exists && !dry_run)
    sweep(store);
  if (removed != NULL)
    *removed = g_steal_pointer(&gone);
  return TRUE;
}
