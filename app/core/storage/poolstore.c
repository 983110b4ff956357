#include "storage/poolstore.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/hash.h"
#include "storage/io.h"

#define LOCK_POLL_US 5000
#define KEY_LENGTH 64

PinoPoolStore *pino_pool_store_new(const char *home) {
  PinoPoolStore *store = g_new0(PinoPoolStore, 1);
  store->home = g_canonicalize_filename(home, NULL);
  store->dir = g_build_filename(store->home, "pool", NULL);
  store->tmp = g_build_filename(store->dir, "tmp", NULL);
  store->lock = -1;
  return store;
}

void pino_pool_store_free(PinoPoolStore *store) {
  pino_fd_close(store->lock);
  g_free(store->home);
  g_free(store->dir);
  g_free(store->tmp);
  g_free(store);
}

gboolean pino_pool_store_exists(const PinoPoolStore *store) {
  return g_file_test(store->dir, G_FILE_TEST_IS_DIR);
}

static void empty_tmp(const PinoPoolStore *store) {
  g_autoptr(GDir) folder = g_dir_open(store->tmp, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    g_autofree char *path = g_build_filename(store->tmp, name, NULL);
    /* What a crash left; what cannot be removed takes room and does no harm. */
    (void)unlink(path);
  }
}

gboolean pino_pool_store_lock(PinoPoolStore *store, GCancellable *cancellable, GError **error) {
  if (!pino_dir_make(store->tmp, error))
    return FALSE;
  g_autofree char *path = g_build_filename(store->dir, ".lock", NULL);
  g_auto(PinoFd) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  /* A file system without locks has none to wait for. */
  while (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (!pino_storage_go_on(cancellable, error))
      return FALSE;
    g_usleep(LOCK_POLL_US);
  }
  store->lock = pino_fd_steal(&fd);
  empty_tmp(store);
  return TRUE;
}

char *pino_pool_store_path(const PinoPoolStore *store, const char *kind, const char *key) {
  g_autofree char *folder = g_strndup(key, 2);
  g_autofree char *name = g_strconcat(key + strlen(folder), g_str_equal(kind, "sha256") ? "" : ".json", NULL);
  return g_build_filename(store->dir, kind, folder, name, NULL);
}

static gboolean is_hex(const char *text, gsize length) {
  return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

GPtrArray *pino_pool_store_keys(const PinoPoolStore *store, const char *kind) {
  GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *top = g_build_filename(store->dir, kind, NULL);
  g_autoptr(GDir) folders = g_dir_open(top, 0, NULL);
  for (const char *folder = NULL; folders != NULL && (folder = g_dir_read_name(folders)) != NULL;) {
    g_autofree char *path = g_build_filename(top, folder, NULL);
    g_autoptr(GDir) names = is_hex(folder, 2) ? g_dir_open(path, 0, NULL) : NULL;
    for (const char *name = NULL; names != NULL && (name = g_dir_read_name(names)) != NULL;) {
      g_autofree char *bare = g_strndup(name, strcspn(name, "."));
      if (is_hex(bare, KEY_LENGTH - 2))
        g_ptr_array_add(keys, g_strconcat(folder, bare, NULL));
    }
  }
  return keys;
}

/* --- records ---- */

static char *stamp_text(const struct stat *st, gboolean with_ctime) {
  GString *text = g_string_new(NULL);
  g_string_printf(text, "%ld:%lu:%ld.%09ld", (long)st->st_size, (gulong)st->st_ino, (long)st->st_mtim.tv_sec,
                  st->st_mtim.tv_nsec);
  if (with_ctime)
    g_string_append_printf(text, ":%ld.%09ld", (long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
  return g_string_free(text, FALSE);
}

char *pino_pool_stamp(const struct stat *st) {
  return stamp_text(st, TRUE);
}

char *pino_pool_user_stamp(const struct stat *st) {
  return stamp_text(st, FALSE);
}

static JsonObject *read_object(const char *path) {
  g_autoptr(GBytes) bytes = pino_file_read(path, NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  gsize len = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &len) : NULL;
  JsonNode *root = text != NULL && json_parser_load_from_data(parser, text, (gssize)len, NULL)
                       ? json_parser_get_root(parser)
                       : NULL;
  return root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_object_ref(json_node_get_object(root)) : NULL;
}

static gboolean write_object(const char *path, JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  g_autofree char *text = json_to_string(node, FALSE);
  return pino_file_write(path, text, strlen(text), 0, NULL);
}

static char *text_member(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  gboolean is_text =
      node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
  return is_text ? json_node_dup_string(node) : NULL;
}

static void load_users(PinoPoolRecord *record, JsonObject *object) {
  JsonNode *node = json_object_get_member(object, "users");
  JsonObject *users = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonObjectIter iter;
  const char *path = NULL;
  if (users == NULL)
    return;
  json_object_iter_init(&iter, users);
  while (json_object_iter_next(&iter, &path, NULL)) {
    char *stamp = text_member(users, path);
    if (stamp != NULL)
      g_hash_table_insert(record->users, g_strdup(path), stamp);
  }
}

PinoPoolRecord *pino_pool_record_load(const PinoPoolStore *store, const char *sha256) {
  PinoPoolRecord *record = g_new0(PinoPoolRecord, 1);
  g_autofree char *path = pino_pool_store_path(store, "records", sha256);
  g_autoptr(JsonObject) object = read_object(path);
  record->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (object == NULL)
    return record;
  g_autofree char *way = text_member(object, "way");
  record->stamp = text_member(object, "stamp");
  record->name = text_member(object, "name");
  record->way = g_strcmp0(way, pino_pool_way_name(PINO_POOL_REFLINK)) == 0 ? PINO_POOL_REFLINK
                : way != NULL                                              ? PINO_POOL_HARDLINK
                                                                           : PINO_POOL_PLAIN;
  record->used = json_object_get_int_member_with_default(object, "used", 0);
  load_users(record, object);
  return record;
}

void pino_pool_record_save(const PinoPoolStore *store, const char *sha256, const PinoPoolRecord *record) {
  g_autofree char *path = pino_pool_store_path(store, "records", sha256);
  g_autoptr(JsonObject) object = json_object_new();
  JsonObject *users = json_object_new();
  GHashTableIter iter;
  gpointer user, stamp;
  g_hash_table_iter_init(&iter, record->users);
  while (g_hash_table_iter_next(&iter, &user, &stamp))
    json_object_set_string_member(users, user, stamp);
  if (record->stamp != NULL)
    json_object_set_string_member(object, "stamp", record->stamp);
  if (record->name != NULL)
    json_object_set_string_member(object, "name", record->name);
  json_object_set_string_member(object, "way", pino_pool_way_name(record->way));
  json_object_set_int_member(object, "used", record->used);
  json_object_set_object_member(object, "users", users);
  (void)write_object(path, object);
}

void pino_pool_record_free(PinoPoolRecord *record) {
  g_free(record->stamp);
  g_free(record->name);
  g_hash_table_unref(record->users);
  g_free(record);
}

/* How a user is named: by its path below the home, which may move. NULL: it cannot be written as JSON. */
static char *user_name(const PinoPoolStore *store, const char *path) {
  g_autofree char *full = g_canonicalize_filename(path, NULL);
  gsize len = strlen(store->home);
  gboolean inside = g_str_has_prefix(full, store->home) && full[len] == '/';
  return g_utf8_validate(full, -1, NULL) ? g_strdup(inside ? full + len + 1 : full) : NULL;
}

static gboolean is_user(const PinoPoolStore *store, const char *name, const char *stamp) {
  struct stat st;
  g_autofree char *path = g_canonicalize_filename(name, store->home);
  g_autofree char *now = lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? pino_pool_user_stamp(&st) : NULL;
  return g_strcmp0(now, stamp) == 0;
}

guint pino_pool_record_prune(const PinoPoolStore *store, PinoPoolRecord *record) {
  GHashTableIter iter;
  gpointer name, stamp;
  g_hash_table_iter_init(&iter, record->users);
  while (g_hash_table_iter_next(&iter, &name, &stamp)) {
    if (!is_user(store, name, stamp))
      g_hash_table_iter_remove(&iter);
  }
  return g_hash_table_size(record->users);
}

void pino_pool_record_add_user(const PinoPoolStore *store, PinoPoolRecord *record, const char *path) {
  struct stat st;
  char *name = lstat(path, &st) == 0 ? user_name(store, path) : NULL;
  if (name == NULL)
    return;
  g_hash_table_replace(record->users, name, pino_pool_user_stamp(&st));
  g_free(record->name);
  record->name = g_path_get_basename(name);
}

gboolean pino_pool_record_has_user(const PinoPoolStore *store, const PinoPoolRecord *record,
                                   const char *path) {
  g_autofree char *name = user_name(store, path);
  const char *stamp = name != NULL ? g_hash_table_lookup(record->users, name) : NULL;
  return stamp != NULL && is_user(store, name, stamp);
}

/* --- objects ---- */

void pino_pool_store_drop(const PinoPoolStore *store, const char *sha256) {
  g_autofree char *object = pino_pool_store_path(store, "sha256", sha256);
  g_autofree char *record = pino_pool_store_path(store, "records", sha256);
  /* One that cannot be removed is found to be wrong again at its next use. */
  (void)unlink(object);
  (void)unlink(record);
}

/* Whether a hash shows the object to be what its name says; it is then known again. */
static gboolean prove(const PinoPoolStore *store, const char *sha256, const char *path, int fd,
                      PinoPoolRecord *record, struct stat *st, GCancellable *cancellable, GError **error) {
  g_autoptr(GError) failed = NULL;
  struct stat after;
  g_autofree char *sum = pino_hash_file(path, "sha256", cancellable, &failed);
  if (g_error_matches(failed, PINO_ERROR, PINO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  g_autofree char *before_stamp = pino_pool_user_stamp(st);
  g_autofree char *after_stamp = fstat(fd, &after) == 0 ? pino_pool_user_stamp(&after) : NULL;
  if (g_strcmp0(sum, sha256) != 0 || g_strcmp0(before_stamp, after_stamp) != 0)
    return FALSE;
  (void)fchmod(fd, after.st_mode & 07555);
  (void)fstat(fd, st);
  if (record->way == PINO_POOL_PLAIN)
    record->way = st->st_nlink > 1 ? PINO_POOL_HARDLINK : PINO_POOL_REFLINK;
  g_free(record->stamp);
  record->stamp = pino_pool_stamp(st);
  pino_pool_record_save(store, sha256, record);
  return TRUE;
}

int pino_pool_store_open_object(const PinoPoolStore *store, const char *sha256, PinoPoolRecord *record,
                                struct stat *st, GCancellable *cancellable, GError **error) {
  g_autofree char *path = pino_pool_store_path(store, "sha256", sha256);
  g_auto(PinoFd) fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat(fd, st) != 0)
    return -1;
  g_autofree char *stamp = pino_pool_stamp(st);
  if (g_strcmp0(stamp, record->stamp) == 0)
    return pino_fd_steal(&fd);
  g_autoptr(GError) failed = NULL;
  if (S_ISREG(st->st_mode) && prove(store, sha256, path, fd, record, st, cancellable, &failed))
    return pino_fd_steal(&fd);
  if (failed != NULL)
    g_propagate_error(error, g_steal_pointer(&failed));
  else
    pino_pool_store_drop(store, sha256);
  return -1;
}

/* --- the index ---- */

static char *index_key(const char *url, const char *validator) {
  if (url == NULL || validator == NULL || validator[0] == '\0' || g_str_has_prefix(validator, "W/"))
    return NULL;
  g_autofree char *both = g_strconcat(url, "\n", validator, NULL);
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, both, -1);
}

char *pino_pool_index_read(const PinoPoolStore *store, const char *key) {
  g_autofree char *path = pino_pool_store_path(store, "index", key);
  g_autoptr(JsonObject) object = read_object(path);
  char *sha256 = object != NULL ? text_member(object, "sha256") : NULL;
  if (sha256 == NULL || is_hex(sha256, KEY_LENGTH))
    return sha256;
  g_free(sha256);
  return NULL;
}

char *pino_pool_index_find(const PinoPoolStore *store, const char *url, const char *validator) {
  g_autofree char *key = index_key(url, validator);
  return key != NULL ? pino_pool_index_read(store, key) : NULL;
}

void pino_pool_index_set(const PinoPoolStore *store, const char *url, const char *validator,
                         const char *sha256) {
  g_autofree char *key = index_key(url, validator);
  g_autofree char *known = key != NULL ? pino_pool_index_read(store, key) : NULL;
  if (key == NULL || g_strcmp0(known, sha256) == 0)
    return;
  g_autofree char *path = pino_pool_store_path(store, "index", key);
  g_autoptr(JsonObject) object = json_object_new();
  json_object_set_string_member(object, "sha256", sha256);
  /* Without it the file is downloaded once more. */
  (void)write_object(path, object);
}

/* --- */

char *pino_pool_store_tell_once(const PinoPoolStore *store, int errnum, const char *path) {
  g_autofree char *marker = g_strdup_printf("%s/said-%s", store->dir, pino_errno_name(errnum));
  if (g_file_test(marker, G_FILE_TEST_EXISTS))
    return NULL;
  char *text =
      errnum == EXDEV
          ? g_strdup_printf("large files at '%s' cannot be shared: the pool, '%s', is on another file system",
                            path, store->dir)
          : g_strdup_printf("large files at '%s' cannot be shared (%s); each app keeps its own copy", path,
                            g_strerror(errnum));
  /* Told again where this cannot be noted. */
  (void)pino_file_write(marker, text, strlen(text), 0, NULL);
  return text;
}
