#include "storage/part.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/naming.h"

#define PART ".part"
#define RECORD ".part.json"

/* URLs hold tokens now and then: the record has a digest to compare and a form to look at. */
static char *digest(const char *url) {
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, url, -1);
}

static JsonObject *load_record(const char *path, const char *url) {
  g_autoptr(GBytes) bytes = pino_file_read(path, NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  gsize len = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &len) : NULL;
  if (text == NULL || len == 0 || !json_parser_load_from_data(parser, text, (gssize)len, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
    return NULL;
  JsonObject *object = json_node_get_object(root);
  g_autofree char *wanted = digest(url);
  const char *got = json_object_get_string_member_with_default(object, "url_sha256", "");
  return g_str_equal(got, wanted) ? json_object_ref(object) : NULL;
}

static gboolean save_record(const PinoPart *part, GError **error) {
  g_autoptr(JsonObject) object = json_object_new();
  g_autofree char *sum = digest(part->url);
  g_autofree char *shown = pino_naming_show_url(part->url);
  json_object_set_string_member(object, "url", shown);
  json_object_set_string_member(object, "url_sha256", sum);
  json_object_set_int_member(object, "total", part->total);
  if (part->etag != NULL)
    json_object_set_string_member(object, "etag", part->etag);
  if (part->modified != NULL)
    json_object_set_string_member(object, "last_modified", part->modified);
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  g_autofree char *text = json_to_string(node, TRUE);
  return pino_file_write(part->record, text, strlen(text), 0600, error);
}

char *pino_part_find(const char *dir, const char *url) {
  g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    if (!g_str_has_suffix(name, RECORD))
      continue;
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autoptr(JsonObject) record = load_record(path, url);
    if (record != NULL)
      return g_strndup(path, strlen(path) - strlen(RECORD));
  }
  return NULL;
}

/* Gives a locked descriptor of what is now at path: the download that had the lock before may have renamed it away
 * between the open and the lock. -1 with errno. */
static int open_locked(const char *path) {
  struct stat held, there;
  for (;;) {
    g_auto(PinoFd) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
      return -1;
    /* A file system without locks has none to lose. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return -1;
    if (fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino)
      return pino_fd_steal(&fd);
  }
}

static void take_up(PinoPart *part) {
  g_autoptr(JsonObject) record = load_record(part->record, part->url);
  struct stat st;
  if (record == NULL || fstat(part->fd, &st) != 0 || lseek(part->fd, 0, SEEK_END) < 0)
    return;
  part->have = (guint64)st.st_size;
  part->total = json_object_get_int_member_with_default(record, "total", -1);
  part->etag = g_strdup(json_object_get_string_member_with_default(record, "etag", NULL));
  part->modified = g_strdup(json_object_get_string_member_with_default(record, "last_modified", NULL));
}

gboolean pino_part_open(PinoPart *part, const char *target, const char *url, GError **error) {
  g_autofree char *folder = g_path_get_dirname(target);
  if (!pino_dir_make(folder, error))
    return FALSE;
  if (g_file_test(target, G_FILE_TEST_IS_DIR)) {
    pino_storage_fail(error, EISDIR, "open", target);
    return FALSE;
  }
  g_autofree char *path = g_strconcat(target, PART, NULL);
  g_auto(PinoFd) fd = open_locked(path);
  if (fd < 0 && errno == EWOULDBLOCK) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "'%s' is being downloaded already; wait for that one", target);
    return FALSE;
  }
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  pino_part_clear(part);
  *part = (PinoPart){g_strdup(target),
                     g_steal_pointer(&path),
                     g_strconcat(target, RECORD, NULL),
                     g_strdup(url),
                     pino_fd_steal(&fd),
                     0,
                     -1,
                     NULL,
                     NULL};
  take_up(part);
  return part->have > 0 || pino_part_restart(part, -1, NULL, NULL, error);
}

gboolean pino_part_restart(PinoPart *part, gint64 total, const char *etag, const char *modified,
                           GError **error) {
  g_autofree char *new_etag = g_strdup(etag);
  g_autofree char *new_modified = g_strdup(modified);
  if (ftruncate(part->fd, 0) != 0 || lseek(part->fd, 0, SEEK_SET) < 0) {
    pino_storage_fail(error, errno, "truncate", part->path);
    return FALSE;
  }
  part->have = 0;
  part->total = total;
  g_free(part->etag);
  part->etag = g_steal_pointer(&new_etag);
  g_free(part->modified);
  part->modified = g_steal_pointer(&new_modified);
  return save_record(part, error);
}

int pino_part_write(PinoPart *part, gconstpointer data, gsize len) {
  int failed = pino_storage_write_all(part->fd, data, len);
  off_t at = lseek(part->fd, 0, SEEK_CUR);
  part->have = at >= 0 ? (guint64)at : part->have + len;
  return failed;
}

gboolean pino_part_finish(PinoPart *part, GError **error) {
  if (fsync(part->fd) != 0) {
    pino_storage_fail(error, errno, "fsync", part->path);
    return FALSE;
  }
  if (rename(part->path, part->target) != 0) {
    pino_storage_fail(error, errno, "rename", part->target);
    return FALSE;
  }
  /* A record without its part is harmless. */
  (void)unlink(part->record);
  return TRUE;
}

void pino_part_discard(PinoPart *part) {
  (void)unlink(part->path);
  (void)unlink(part->record);
}

void pino_part_clear(PinoPart *part) {
  pino_fd_close(part->fd);
  g_free(part->target);
  g_free(part->path);
  g_free(part->record);
  g_free(part->url);
  g_free(part->etag);
  g_free(part->modified);
  *part = PINO_PART_CLOSED;
}
