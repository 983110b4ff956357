#include "lifecycle/commits.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/json.h"
#include "lifecycle/git.h"
#include "storage/atomic.h"

#define KEPT 10
#define REFERENCES "refs/pinokiocloud/"

static char *file_of(const char *home, const char *folder) {
  g_autofree char *name = g_path_get_basename(folder);
  return g_build_filename(home, "apps", name, "commits.json", NULL);
}

/* The list in the file; an empty one for a file that is missing or damaged, as nothing else hangs on it. */
static JsonArray *load(const char *path) {
  g_autoptr(JsonObject) object = pino_json_read_object(path);
  JsonNode *before = object != NULL ? json_object_get_member(object, "before") : NULL;
  return before != NULL && JSON_NODE_HOLDS_ARRAY(before) ? json_array_ref(json_node_get_array(before))
                                                         : json_array_new();
}

static gboolean save(const char *path, JsonArray *list, GError **error) {
  g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
  JsonObject *object = json_object_new();
  json_object_set_array_member(object, "before", json_array_ref(list));
  json_node_take_object(root, object);
  g_autofree char *text = json_to_string(root, TRUE);
  return pino_file_write(path, text, strlen(text), 0, error);
}

/* NULL for an entry that is none. */
static const char *commit_at(JsonArray *list, guint index) {
  JsonNode *node = json_array_get_element(list, index);
  return JSON_NODE_HOLDS_OBJECT(node)
             ? json_object_get_string_member_with_default(json_node_get_object(node), "commit", NULL)
             : NULL;
}

static gboolean holds(JsonArray *list, const char *commit) {
  for (guint i = 0; i < json_array_get_length(list); i++) {
    if (g_strcmp0(commit_at(list, i), commit) == 0)
      return TRUE;
  }
  return FALSE;
}

static void drop_oldest(JsonArray *list, const char *folder) {
  while (json_array_get_length(list) > KEPT) {
    g_autofree char *oldest = g_strdup(commit_at(list, 0));
    json_array_remove_element(list, 0);
    if (oldest == NULL || holds(list, oldest))
      continue;
    g_autofree char *reference = g_strconcat(REFERENCES, oldest, NULL);
    g_autofree char *gone = pino_git_ask(folder, "update-ref", "-d", reference, NULL);
  }
}

gboolean pino_commits_push(const char *home, const char *folder, const char *commit, const char *branch,
                           GError **error) {
  g_autofree char *path = file_of(home, folder);
  g_autofree char *reference = g_strconcat(REFERENCES, commit, NULL);
  g_autoptr(JsonArray) list = load(path);
  guint count = json_array_get_length(list);
  g_autoptr(GBytes) made = pino_git_read(folder, error, "update-ref", reference, commit, NULL);
  if (made == NULL)
    return FALSE;
  if (count > 0 && g_strcmp0(commit_at(list, count - 1), commit) == 0)
    return TRUE;
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *at = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
  JsonObject *entry = json_object_new();
  json_object_set_string_member(entry, "commit", commit);
  json_object_set_string_member(entry, "branch", branch);
  json_object_set_string_member(entry, "at", at);
  json_array_add_object_element(list, entry);
  drop_oldest(list, folder);
  return save(path, list, error);
}

char *pino_commits_last(const char *home, const char *folder, const char *commit, GError **error) {
  g_autofree char *path = file_of(home, folder);
  g_autoptr(JsonArray) list = load(path);
  for (guint i = json_array_get_length(list); i > 0; i--) {
    const char *before = commit_at(list, i - 1);
    if (before != NULL && !g_str_equal(before, commit))
      return g_strdup(before);
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
              "no earlier commit of %s is remembered: it was not updated since it was installed", folder);
  return NULL;
}

gboolean pino_commits_pop(const char *home, const char *folder, const char *commit, GError **error) {
  g_autofree char *path = file_of(home, folder);
  g_autoptr(JsonArray) list = load(path);
  guint count = json_array_get_length(list);
  guint at = count;
  while (at > 0 && g_strcmp0(commit_at(list, at - 1), commit) != 0)
    at--;
  if (at == 0)
    return TRUE;
  while (json_array_get_length(list) >= at)
    json_array_remove_element(list, at - 1);
  return save(path, list, error);
}

guint pino_commits_own(const char *folder) {
  g_autofree char *count = pino_git_ask(folder, "rev-list", "--count", "HEAD", "--not", "--remotes", "--tags",
                                        "--glob=" REFERENCES "*", NULL);
  return count != NULL ? (guint)g_ascii_strtoull(count, NULL, 10) : 0;
}

static GHashTable *set_of(GPtrArray *paths) {
  GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < paths->len; i++)
    g_hash_table_add(set, g_ptr_array_index(paths, i));
  return set;
}

static gboolean is_there(const char *folder, const char *path) {
  g_autofree char *whole = g_build_filename(folder, path, NULL);
  struct stat st;
  return lstat(whole, &st) == 0;
}

GPtrArray *pino_commits_in_the_way(const char *folder, const char *from, const char *to, GError **error) {
  g_autoptr(GBytes) changed_out = pino_git_read(folder, error, "diff", "--name-only", "-z", "--no-renames",
                                                "--ignore-submodules=all", "HEAD", NULL);
  g_autoptr(GBytes) coming_out = changed_out == NULL ? NULL
                                                     : pino_git_read(folder, error, "diff", "--name-only",
                                                                     "-z", "--no-renames", from, to, NULL);
  g_autoptr(GBytes) new_out = coming_out == NULL
                                  ? NULL
                                  : pino_git_read(folder, error, "diff", "--name-only", "-z", "--no-renames",
                                                  "--diff-filter=A", from, to, NULL);
  if (new_out == NULL)
    return NULL;
  g_autoptr(GPtrArray) changed = pino_git_parts(changed_out);
  g_autoptr(GPtrArray) coming = pino_git_parts(coming_out);
  g_autoptr(GPtrArray) added = pino_git_parts(new_out);
  g_autoptr(GHashTable) theirs = set_of(changed);
  g_autoptr(GHashTable) fresh = set_of(added);
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < coming->len; i++) {
    const char *path = g_ptr_array_index(coming, i);
    if (g_hash_table_contains(theirs, path) || (g_hash_table_contains(fresh, path) && is_there(folder, path)))
      g_ptr_array_add(paths, g_strdup(path));
  }
  return paths;
}
