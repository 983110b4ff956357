#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "storage/hash.h"
#include "storage/io.h"
#include "storage/poolshare.h"
#include "storage/poolstore.h"
#include "storage/walk.h"

/* A file that was changed a moment ago may not be finished. */
#define SETTLED_S 60

typedef struct {
  char *path;
  struct stat st;
  char *sha256; /* NULL: not hashed */
  gboolean shares;
} Found;

typedef struct {
  PinoPoolStore *store;
  const char *folder;
  GHashTable *by_size; /* guint64 -> GPtrArray of Found */
  GHashTable *seen;    /* "dev:ino" */
  gboolean reflinks;
  gboolean share;
  PinoPoolScan *scan;
  PinoPoolFound found;
  gpointer data;
  GCancellable *cancellable;
} Scan;

void pino_pool_scan_clear(PinoPoolScan *scan) {
  g_free(scan->why);
  *scan = (PinoPoolScan){0};
}

static void found_free(gpointer data) {
  Found *found = data;
  g_free(found->path);
  g_free(found->sha256);
  g_free(found);
}

static char *identity(const struct stat *st) {
  return g_strdup_printf("%lx:%lx", (gulong)st->st_dev, (gulong)st->st_ino);
}

static void scan_init(Scan *scan) {
  scan->by_size =
      g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  scan->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  scan->reflinks = pino_pool_has_reflinks(scan->store->home);
}

static void scan_clear(Scan *scan) {
  g_hash_table_unref(scan->by_size);
  g_hash_table_unref(scan->seen);
  g_clear_pointer(&scan->store, pino_pool_store_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scan, scan_clear)

static void add_found(Scan *scan, const char *path, const struct stat *st, const char *sha256) {
  guint64 size = (guint64)st->st_size;
  GPtrArray *group = g_hash_table_lookup(scan->by_size, &size);
  if (group == NULL) {
    group = g_ptr_array_new_with_free_func(found_free);
    g_hash_table_insert(scan->by_size, g_memdup2(&size, sizeof size), group);
  }
  Found *found = g_new0(Found, 1);
  *found = (Found){g_strdup(path), *st, g_strdup(sha256), sha256 != NULL};
  g_ptr_array_add(group, found);
}

/* The objects, so that files find them, and the files that share them already. */
static void add_objects(Scan *scan) {
  g_autoptr(GPtrArray) keys = pino_pool_store_keys(scan->store, "sha256");
  for (guint i = 0; i < keys->len; i++) {
    const char *sha256 = g_ptr_array_index(keys, i);
    g_autofree char *object = pino_pool_store_path(scan->store, "sha256", sha256);
    struct stat st;
    if (lstat(object, &st) != 0 || !S_ISREG(st.st_mode))
      continue;
    add_found(scan, object, &st, sha256);
    g_hash_table_add(scan->seen, identity(&st));
    g_autoptr(PinoPoolRecord) record = pino_pool_record_load(scan->store, sha256);
    (void)pino_pool_record_prune(scan->store, record);
    GHashTableIter iter;
    gpointer user;
    g_hash_table_iter_init(&iter, record->users);
    while (g_hash_table_iter_next(&iter, &user, NULL)) {
      g_autofree char *path = g_canonicalize_filename(user, scan->store->home);
      if (lstat(path, &st) == 0)
        g_hash_table_add(scan->seen, identity(&st));
    }
  }
}

static gboolean can_share(const Scan *scan, const char *path) {
  return scan->reflinks || pino_pool_kind_is_read_only(path);
}

static gboolean see(const PinoPlace *place, gpointer data, GError **error) {
  Scan *scan = data;
  const struct stat *st = place->st;
  if (!S_ISREG(st->st_mode) || (guint64)st->st_size < PINO_POOL_LEAST)
    return TRUE;
  scan->scan->files++;
  gint64 age = g_get_real_time() / G_USEC_PER_SEC - st->st_mtim.tv_sec;
  if (age < SETTLED_S || !can_share(scan, place->name) || !g_hash_table_add(scan->seen, identity(st)))
    return TRUE;
  g_autofree char *below = pino_place_path(place);
  g_autofree char *path = g_build_filename(scan->folder, below, NULL);
  add_found(scan, path, st, NULL);
  return TRUE;
}

static gboolean look_in(Scan *scan, const char *folder, GError **error) {
  const PinoVisit visit = {NULL, NULL, see};
  struct stat home, there;
  /* The drive may be a link to a disk that lasts longer, and may be slow: nothing of it could be shared. */
  if (stat(scan->store->home, &home) != 0 || stat(folder, &there) != 0 || !S_ISDIR(there.st_mode) ||
      home.st_dev != there.st_dev)
    return TRUE;
  char *real = realpath(folder, NULL);
  g_autofree char *path = g_strdup(real != NULL ? real : folder);
  free(real);
  scan->folder = path;
  return pino_storage_walk(path, &visit, scan, scan->cancellable, error);
}

static gboolean report(const Scan *scan, const Found *found, gboolean shares) {
  if (scan->found != NULL)
    scan->found(found->path, (guint64)found->st.st_size, shares, scan->data);
  return TRUE;
}

static gboolean share(const Scan *scan, const Found *found, gboolean counts, GError **error) {
  g_auto(PinoPoolResult) result = {0};
  if (!pino_pool_add(scan->store->home, found->path, found->sha256, NULL, NULL, &result, scan->cancellable,
                     error))
    return FALSE;
  if (result.why != NULL && scan->scan->why == NULL)
    scan->scan->why = g_steal_pointer(&result.why);
  gboolean shares = result.way != PINO_POOL_PLAIN;
  scan->scan->saved += result.saved;
  if (!counts)
    return TRUE;
  scan->scan->shared += shares;
  return report(scan, found, shares);
}

/* Files of one content; the first stays, and the others can become shares of it. */
static gboolean settle(const Scan *scan, GPtrArray *same, GError **error) {
  if (same->len < 2)
    return TRUE;
  const Found *first = g_ptr_array_index(same, 0);
  if (scan->share && !first->shares && !share(scan, first, FALSE, error))
    return FALSE;
  for (guint i = 1; i < same->len; i++) {
    const Found *found = g_ptr_array_index(same, i);
    /* One with other names would go on taking its room. */
    if (found->st.st_nlink > 1)
      continue;
    scan->scan->equal++;
    scan->scan->saves += (guint64)found->st.st_size;
    if (scan->share ? !share(scan, found, TRUE, error) : !report(scan, found, FALSE))
      return FALSE;
  }
  return TRUE;
}

/* Objects first, then what has most names. */
static int who_stays(gconstpointer a, gconstpointer b) {
  const Found *one = *(Found *const *)a;
  const Found *two = *(Found *const *)b;
  if (one->shares != two->shares)
    return one->shares ? -1 : 1;
  if (one->st.st_nlink != two->st.st_nlink)
    return one->st.st_nlink > two->st.st_nlink ? -1 : 1;
  return strcmp(one->path, two->path);
}

/* What vanished or cannot be read is passed over. */
static gboolean hash(const Scan *scan, Found *found, GError **error) {
  g_autoptr(GError) failed = NULL;
  if (found->sha256 == NULL)
    found->sha256 = pino_hash_file(found->path, "sha256", scan->cancellable, &failed);
  if (!g_error_matches(failed, PINO_ERROR, PINO_ERROR_CANCELLED))
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&failed));
  return FALSE;
}

static gboolean settle_size(const Scan *scan, GPtrArray *group, GError **error) {
  g_autoptr(GHashTable) by_hash =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
  g_ptr_array_sort(group, who_stays);
  for (guint i = 0; group->len > 1 && i < group->len; i++) {
    Found *found = g_ptr_array_index(group, i);
    if (!hash(scan, found, error))
      return FALSE;
    GPtrArray *same = found->sha256 != NULL ? g_hash_table_lookup(by_hash, found->sha256) : NULL;
    if (same == NULL && found->sha256 != NULL) {
      same = g_ptr_array_new();
      g_hash_table_insert(by_hash, found->sha256, same);
    }
    if (same != NULL)
      g_ptr_array_add(same, found);
  }
  GHashTableIter iter;
  gpointer same;
  g_hash_table_iter_init(&iter, by_hash);
  while (g_hash_table_iter_next(&iter, NULL, &same))
    if (!settle(scan, same, error))
      return FALSE;
  return TRUE;
}

gboolean pino_pool_scan(const char *home, const char *const *folders, gboolean share_them, PinoPoolScan *out,
                        PinoPoolFound found, gpointer data, GCancellable *cancellable, GError **error) {
  *out = (PinoPoolScan){0};
  g_auto(Scan) scan = {.store = pino_pool_store_new(home),
                       .share = share_them,
                       .scan = out,
                       .found = found,
                       .data = data,
                       .cancellable = cancellable};
  scan_init(&scan);
  add_objects(&scan);
  for (gsize i = 0; folders[i] != NULL; i++)
    if (!look_in(&scan, folders[i], error))
      return FALSE;
  GHashTableIter iter;
  gpointer group;
  g_hash_table_iter_init(&iter, scan.by_size);
  while (g_hash_table_iter_next(&iter, NULL, &group))
    if (!settle_size(&scan, group, error))
      return FALSE;
  return TRUE;
}
