#include "lifecycle/view.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "lifecycle/git.h"
#include "lifecycle/update.h"
#include "script/resolve.h"
#include "storage/atomic.h"
#include "storage/tree.h"

#define LEVELS 3

/* --- the virtual environment ------------------------------------------------------------------------------------- */

static gboolean is_environment(const char *folder) {
  static const char *const marks[] = {"pyvenv.cfg", "conda-meta"};
  for (guint i = 0; i < G_N_ELEMENTS(marks); i++) {
    g_autofree char *path = g_build_filename(folder, marks[i], NULL);
    if (g_file_test(path, G_FILE_TEST_EXISTS))
      return TRUE;
  }
  return FALSE;
}

static gint by_name(gconstpointer a, gconstpointer b) {
  return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* Folders in a folder, links left out, what cannot hold one passed over. */
static GPtrArray *folders_in(const char *folder) {
  GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && !g_str_equal(name, ".git") &&
        !g_str_equal(name, "node_modules"))
      g_ptr_array_add(found, g_steal_pointer(&path));
  }
  g_ptr_array_sort(found, by_name);
  return found;
}

static char *usual(const char *folder) {
  static const char *const names[] = {"env", "venv", ".venv", "conda_env", ".env"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    if (is_environment(path))
      return g_steal_pointer(&path);
  }
  return NULL;
}

/* Level by level: what is near the root counts before what is deep. */
char *pino_view_venv(const char *folder) {
  g_autoptr(GPtrArray) level = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(level, g_strdup(folder));
  for (guint depth = 0; depth < LEVELS && level->len > 0; depth++) {
    g_autoptr(GPtrArray) next = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < level->len; i++) {
      char *named = usual(g_ptr_array_index(level, i));
      if (named != NULL)
        return named;
    }
    for (guint i = 0; i < level->len; i++) {
      GPtrArray *inner = folders_in(g_ptr_array_index(level, i));
      g_ptr_array_extend_and_steal(next, inner);
    }
    for (guint i = 0; i < next->len; i++) {
      if (is_environment(g_ptr_array_index(next, i)))
        return g_strdup(g_ptr_array_index(next, i));
    }
    g_clear_pointer(&level, g_ptr_array_unref);
    level = g_steal_pointer(&next);
  }
  return NULL;
}

/* --- links ---------------------------------------------------------------------------------------------------------- */

static gboolean replace_link(const char *target, const char *path, GError **error) {
  g_autofree char *beside = g_strconcat(path, ".new", NULL);
  unlink(beside);
  if (symlink(target, beside) != 0) {
    pino_error_set_errno(error, errno, "symlink", beside);
    return FALSE;
  }
  if (rename(beside, path) != 0) {
    pino_error_set_errno(error, errno, "rename", path);
    unlink(beside);
    return FALSE;
  }
  return TRUE;
}

/* target NULL: no link is to be there. */
static gboolean set_link(const char *view, const char *name, const char *target, GError **error) {
  g_autofree char *path = g_build_filename(view, name, NULL);
  struct stat st;
  gboolean there = lstat(path, &st) == 0;
  if (there && !S_ISLNK(st.st_mode)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "%s is no link and was left alone; move it away so that the app's view can have its place",
                path);
    return FALSE;
  }
  g_autofree char *present = there ? g_file_read_link(path, NULL) : NULL;
  if (g_strcmp0(present, target) == 0)
    return TRUE;
  if (target != NULL)
    return replace_link(target, path, error);
  if (unlink(path) == 0 || errno == ENOENT)
    return TRUE;
  pino_error_set_errno(error, errno, "unlink", path);
  return FALSE;
}

/* Relative where both are in the home, so that a home that was moved keeps its views. */
static char *link_text(const char *home, const char *path) {
  g_autofree char *prefix = g_strconcat(home, "/", NULL);
  return g_str_has_prefix(path, prefix) ? g_build_filename("..", "..", path + strlen(prefix), NULL)
                                        : g_strdup(path);
}

static gboolean set_links(const char *home, const char *folder, const char *name, const char *view,
                          GError **error) {
  g_autofree char *venv = pino_view_venv(folder);
  g_autofree char *source_text = link_text(home, folder);
  g_autofree char *venv_text = venv != NULL ? link_text(home, venv) : NULL;
  g_autofree char *logs_text = g_build_filename("..", "..", "logs", "api", name, NULL);
  const struct {
    const char *name, *target;
  } links[] = {{"source", source_text}, {"venv", venv_text}, {"logs", logs_text}};
  gboolean ok = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(links); i++)
    ok = set_link(view, links[i].name, links[i].target, ok ? error : NULL) && ok;
  return ok;
}

/* --- metadata ------------------------------------------------------------------------------------------------------- */

static JsonObject *load(const char *path) {
  JsonObject *object = pino_json_read_object(path);
  return object != NULL ? object : json_object_new();
}

static void set_text(JsonObject *object, const char *name, const char *text) {
  g_autofree char *valid = text != NULL ? g_utf8_make_valid(text, -1) : NULL;
  if (valid != NULL)
    json_object_set_string_member(object, name, valid);
  else if (!json_object_has_member(object, name))
    json_object_set_null_member(object, name);
}

static void set_clone_facts(JsonObject *object, const char *folder) {
  static const char *const members[] = {"repository", "branch", "commit"};
  g_autofree char *origin = pino_git_origin(folder);
  g_autofree char *shown = origin != NULL ? pino_git_url_shown(origin) : NULL;
  g_autofree char *commit = pino_update_commit(folder);
  g_autofree char *branch =
      commit != NULL ? pino_git_ask(folder, "symbolic-ref", "-q", "--short", "HEAD", NULL) : NULL;
  const char *const values[] = {shown, branch, commit};
  for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
    if (json_object_has_member(object, members[i]))
      json_object_remove_member(object, members[i]);
    set_text(object, members[i], values[i]);
  }
}

static gboolean write_metadata(const char *folder, const char *name, const char *view,
                               const PinoViewFacts *facts, GError **error) {
  g_autofree char *path = g_build_filename(view, "metadata.json", NULL);
  g_autoptr(JsonObject) object = load(path);
  set_text(object, "id", name);
  set_text(object, "name", name);
  set_clone_facts(object, folder);
  set_text(object, "installed_at", facts->installed_at);
  set_text(object, "updated_at", facts->updated_at);
  set_text(object, "title", facts->title);
  set_text(object, "category", facts->category);
  if (facts->size > 0)
    json_object_set_int_member(object, "size", (gint64)facts->size);
  else if (!json_object_has_member(object, "size"))
    json_object_set_null_member(object, "size");
  g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
  json_node_set_object(root, object);
  g_autofree char *text = json_to_string(root, TRUE);
  g_autofree char *old = NULL;
  if (g_file_get_contents(path, &old, NULL, NULL) && g_str_equal(old, text))
    return TRUE;
  return pino_file_write(path, text, strlen(text), 0, error);
}

gboolean pino_view_refresh(const char *home, const char *folder, const PinoViewFacts *facts, GError **error) {
  static const PinoViewFacts none = {0};
  g_autofree char *name = g_path_get_basename(folder);
  g_autofree char *view = g_build_filename(home, "apps", name, NULL);
  if (!pino_dir_make(view, error)) {
    g_prefix_error(error, "cannot make the view of %s: ", name);
    return FALSE;
  }
  gboolean linked = set_links(home, folder, name, view, error);
  gboolean written = write_metadata(folder, name, view, facts != NULL ? facts : &none, linked ? error : NULL);
  if (!linked || !written)
    g_prefix_error(error, "the view of %s is not complete: ", name);
  return linked && written;
}

gboolean pino_view_remove(const char *home, const char *name, GError **error) {
  g_autofree char *view = g_build_filename(home, "apps", name, NULL);
  return pino_tree_remove(view, NULL, error);
}
