#include "storage/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/tree.h"

#define MEMORY "interface.json"
#define LOCK_POLL_US 20000

struct _PinoDrives {
  char *dir;
  char *peers; /* dir/drives/peers */
  char *staging;
  JsonObject *memory;
  int lock;
};

void pino_drives_free(PinoDrives *drives) {
  if (drives->lock >= 0)
    (void)rmdir(drives->staging);
  g_free(drives->dir);
  g_free(drives->peers);
  g_free(drives->staging);
  g_clear_pointer(&drives->memory, json_object_unref);
  pino_fd_close(drives->lock);
  g_free(drives);
}

static int take_lock(const char *dir, GCancellable *cancellable, GError **error) {
  g_autofree char *path = g_build_filename(dir, ".lock", NULL);
  g_auto(PinoFd) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return -1;
  }
  /* A file system without locks has none to wait for. */
  while (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (!pino_storage_go_on(cancellable, error))
      return -1;
    g_usleep(LOCK_POLL_US);
  }
  return pino_fd_steal(&fd);
}

static gboolean load(PinoDrives *drives, GError **error) {
  g_autofree char *path = g_build_filename(drives->dir, MEMORY, NULL);
  g_autoptr(GError) failed = NULL;
  g_autoptr(GBytes) bytes = pino_file_read(path, &failed);
  if (bytes == NULL && !g_error_matches(failed, PINO_ERRNO, ENOENT)) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  gsize len = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &len) : NULL;
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonNode *root = text != NULL && len > 0 && json_parser_load_from_data(parser, text, (gssize)len, NULL)
                       ? json_parser_get_root(parser)
                       : NULL;
  if (root != NULL && JSON_NODE_HOLDS_OBJECT(root)) {
    drives->memory = json_object_ref(json_node_get_object(root));
    return TRUE;
  }
  drives->memory = json_object_new();
  g_autofree char *broken = g_strconcat(path, ".broken", NULL);
  if (len == 0 || rename(path, broken) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "rename", broken);
  return FALSE;
}

/* What a crash left: copies that did not become whole, temporary files of the memory. It takes room and does no harm. */
static void clear_leftovers(const PinoDrives *drives) {
  (void)pino_tree_remove(drives->staging, NULL, NULL);
  g_autoptr(GDir) folder = g_dir_open(drives->dir, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    g_autofree char *path = g_build_filename(drives->dir, name, NULL);
    if (pino_storage_is_temp(name))
      (void)unlink(path);
  }
}

const char *pino_drives_staging(const PinoDrives *drives) {
  return drives->staging;
}

PinoDrives *pino_drives_open(const char *dir, GCancellable *cancellable, GError **error) {
  g_autoptr(PinoDrives) drives = g_new0(PinoDrives, 1);
  drives->lock = -1;
  drives->dir = g_canonicalize_filename(dir, NULL);
  drives->peers = g_build_filename(drives->dir, "drives", "peers", NULL);
  drives->staging = g_build_filename(drives->dir, ".staging", NULL);
  if (!pino_dir_make(drives->peers, error))
    return NULL;
  drives->lock = take_lock(drives->dir, cancellable, error);
  if (drives->lock < 0)
    return NULL;
  clear_leftovers(drives);
  return load(drives, error) ? g_steal_pointer(&drives) : NULL;
}

/* The drive that a path leads into. Only the part behind "peers/" counts, so that a home which was moved finds its
 * drives again. */
static char *drive_of(const PinoDrives *drives, const char *path) {
  const char *tail = g_strrstr(path, "/peers/");
  if (tail == NULL)
    return NULL;
  tail += strlen("/peers/");
  g_autofree char *name = g_strndup(tail, strcspn(tail, "/"));
  if (name[0] != 'd' || name[1] == '\0' || strspn(name + 1, "0123456789") != strlen(name + 1))
    return NULL;
  return g_build_filename(drives->peers, name, NULL);
}

static char *bare_uri(const char *uri) {
  char *bare = g_strstrip(g_ascii_strdown(uri, -1));
  gsize len = strlen(bare);
  while (len > 0 && bare[len - 1] == '/')
    bare[--len] = '\0';
  if (g_str_has_suffix(bare, ".git"))
    bare[len - strlen(".git")] = '\0';
  return bare;
}

gboolean pino_drives_same_uri(const char *a, const char *b) {
  g_autofree char *left = bare_uri(a);
  g_autofree char *right = bare_uri(b);
  return g_str_equal(left, right);
}

static const char *first_folder(JsonNode *node) {
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return NULL;
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init(&iter, json_node_get_object(node));
  while (json_object_iter_next(&iter, &name, &value))
    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING)
      return json_node_get_string(value);
  return NULL;
}

char *pino_drives_find(const PinoDrives *drives, const char *uri) {
  JsonObjectIter iter;
  const char *app = NULL;
  JsonNode *value = NULL;
  json_object_iter_init(&iter, drives->memory);
  while (json_object_iter_next(&iter, &app, &value)) {
    const char *folder = pino_drives_same_uri(app, uri) ? first_folder(value) : NULL;
    char *drive = folder != NULL ? drive_of(drives, folder) : NULL;
    if (drive != NULL)
      return drive;
  }
  return NULL;
}

char *pino_drives_of_link(const PinoDrives *drives, const char *path) {
  g_autofree char *target = g_file_read_link(path, NULL);
  char *drive = target != NULL && g_str_has_prefix(target, drives->peers) ? drive_of(drives, target) : NULL;
  if (drive == NULL || g_file_test(drive, G_FILE_TEST_IS_DIR))
    return drive;
  g_free(drive);
  return NULL;
}

static gboolean is_remembered(const PinoDrives *drives, const char *drive) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), drives->memory);
  g_autofree char *text = json_to_string(node, FALSE);
  g_autofree char *name = g_path_get_basename(drive);
  return strstr(text, name) != NULL;
}

/* A crash may have come between making a drive and remembering it. */
static char *find_unused(const PinoDrives *drives) {
  g_autoptr(GDir) peers = g_dir_open(drives->peers, 0, NULL);
  for (const char *name = NULL; peers != NULL && (name = g_dir_read_name(peers)) != NULL;) {
    g_autofree char *path = g_strdup_printf("%s/%s", drives->peers, name);
    g_autofree char *drive = drive_of(drives, path);
    g_autoptr(GDir) folder = drive != NULL ? g_dir_open(drive, 0, NULL) : NULL;
    if (folder != NULL && g_dir_read_name(folder) == NULL && !is_remembered(drives, drive))
      return g_steal_pointer(&drive);
  }
  return NULL;
}

char *pino_drives_make(const PinoDrives *drives, GError **error) {
  char *unused = find_unused(drives);
  if (unused != NULL)
    return unused;
  for (gint64 ms = g_get_real_time() / 1000;; ms++) {
    g_autofree char *folder = g_strdup_printf("%s/d%" G_GINT64_FORMAT, drives->peers, ms);
    if (mkdir(folder, 0777) == 0)
      return g_steal_pointer(&folder);
    if (errno != EEXIST) {
      pino_storage_fail(error, errno, "mkdir", folder);
      return NULL;
    }
  }
}

void pino_drives_set(PinoDrives *drives, const char *uri, const char *name, const char *folder) {
  JsonNode *node = json_object_get_member(drives->memory, uri);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    json_object_set_object_member(drives->memory, uri, json_object_new());
  /* JSON has no bytes: a home whose path is not UTF-8 is left out, drive_of() does without it. */
  const char *text = g_utf8_validate(folder, -1, NULL) ? folder : folder + strlen(drives->dir);
  json_object_set_string_member(json_object_get_object_member(drives->memory, uri), name, text);
}

gboolean pino_drives_save(const PinoDrives *drives, GError **error) {
  g_autofree char *path = g_build_filename(drives->dir, MEMORY, NULL);
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), drives->memory);
  g_autofree char *text = json_to_string(node, TRUE);
  return pino_file_write(path, text, strlen(text), 0, error);
}

/* .git is a folder, or in a worktree or submodule a file that names it. */
static char *git_config(const char *folder) {
  g_autofree char *git = g_build_filename(folder, ".git", NULL);
  g_autofree char *text = NULL;
  if (g_file_test(git, G_FILE_TEST_IS_DIR))
    return g_build_filename(git, "config", NULL);
  if (!g_file_get_contents(git, &text, NULL, NULL) || !g_str_has_prefix(text, "gitdir:"))
    return NULL;
  g_autofree char *real = g_canonicalize_filename(g_strstrip(text + strlen("gitdir:")), folder);
  g_autofree char *common_file = g_build_filename(real, "commondir", NULL);
  g_autofree char *common = NULL;
  if (!g_file_get_contents(common_file, &common, NULL, NULL))
    return g_build_filename(real, "config", NULL);
  g_autofree char *shared = g_canonicalize_filename(g_strstrip(common), real);
  return g_build_filename(shared, "config", NULL);
}

char *pino_drives_remote(const char *folder) {
  g_autofree char *path = git_config(folder);
  g_autofree char *text = NULL;
  if (path == NULL || !g_file_get_contents(path, &text, NULL, NULL))
    return NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  gboolean origin = FALSE;
  for (gsize i = 0; lines[i] != NULL; i++) {
    char *line = g_strstrip(lines[i]);
    if (line[0] == '[')
      origin = g_ascii_strncasecmp(line, "[remote \"origin\"]", strlen("[remote \"origin\"]")) == 0;
    char *value = origin && g_ascii_strncasecmp(line, "url", 3) == 0 ? g_strchug(line + 3) : NULL;
    if (value != NULL && value[0] == '=')
      return g_strdup(g_strstrip(g_strdelimit(value + 1, "\"", ' ')));
  }
  return NULL;
}

static void each_folder(const PinoDrives *drives, const char *uri, JsonObject *folders,
                        void (*each)(const char *, const char *, const char *, gpointer), gpointer data) {
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init(&iter, folders);
  while (json_object_iter_next(&iter, &name, &value)) {
    gboolean is_text = JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING;
    g_autofree char *drive = is_text ? drive_of(drives, json_node_get_string(value)) : NULL;
    if (drive != NULL)
      each(uri, name, drive, data);
  }
}

void pino_drives_each(const char *dir,
                      void (*each)(const char *uri, const char *name, const char *drive, gpointer data),
                      gpointer data) {
  g_autofree char *path = g_build_filename(dir, MEMORY, NULL);
  g_autoptr(GBytes) bytes = pino_file_read(path, NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autofree char *peers = g_build_filename(dir, "drives", "peers", NULL);
  const PinoDrives drives = {.peers = peers};
  gsize len = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &len) : NULL;
  if (text == NULL || !json_parser_load_from_data(parser, text, (gssize)len, NULL) ||
      json_parser_get_root(parser) == NULL || !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
    return;
  JsonObjectIter iter;
  const char *uri = NULL;
  JsonNode *value = NULL;
  json_object_iter_init(&iter, json_node_get_object(json_parser_get_root(parser)));
  while (json_object_iter_next(&iter, &uri, &value))
    if (JSON_NODE_HOLDS_OBJECT(value))
      each_folder(&drives, uri, json_node_get_object(value), each, data);
}
