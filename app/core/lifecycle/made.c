#include "lifecycle/made.h"

#include <string.h>
#include <sys/stat.h>

#include "environment/defaults.h"
#include "environment/dotenv.h"
#include "environment/env.h"
#include "lifecycle/commits.h"
#include "lifecycle/git.h"
#include "lifecycle/usage.h"

#define MAX_CLONES 3 /* clones in clones that are looked into */
#define MAX_DEPTH 3  /* folders that are looked into for what git does not tell */

/* What package managers and interpreters make again by themselves. */
static const char *const made_again[] = {
    "node_modules",       "__pycache__", ".git",          ".cache",  ".venv",
    ".ruff_cache",        ".mypy_cache", ".pytest_cache", ".gradio", ".DS_Store",
    ".ipynb_checkpoints",
};

/* Folders in which apps put what a person made with them. The names are those of ComfyUI (output, input, user, temp aside),
 * Stable Diffusion WebUI, Forge and Fooocus (outputs), text-generation-webui (user_data, characters), InvokeAI (outputs),
 * Gradio's flagging (flagged), and plain English. */
static const char *const results[] = {
    "output", "outputs",   "result",   "results",    "generated",  "generations", "renders", "exports",
    "saves",  "saved",     "gallery",  "recordings", "flagged",    "input",       "inputs",  "uploads",
    "user",   "user_data", "userdata", "workflows",  "characters", "chats",
};

typedef struct {
  const char *home;
  const char *root;
  GPtrArray *found;
} Search;

static void made_free(gpointer data) {
  PinoMade *made = data;
  g_free(made->path);
  g_free(made);
}

static gboolean is_one_of(const char *name, const char *const *names, gsize count) {
  for (gsize i = 0; i < count; i++) {
    if (g_ascii_strcasecmp(name, names[i]) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean holds(const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean is_made_again(const char *path) {
  g_autofree char *name = g_path_get_basename(path);
  return is_one_of(name, made_again, G_N_ELEMENTS(made_again)) || g_str_has_suffix(name, ".egg-info") ||
         g_str_has_suffix(name, ".pyc") || holds(path, "pyvenv.cfg") || holds(path, "conda-meta");
}

static gboolean is_result(const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  for (guint i = 0; parts[i] != NULL; i++) {
    if (is_one_of(parts[i], results, G_N_ELEMENTS(results)))
      return TRUE;
  }
  return FALSE;
}

static gboolean is_folder(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static gboolean is_link_or_gone(const char *path) {
  struct stat st;
  return lstat(path, &st) != 0 || S_ISLNK(st.st_mode);
}

static void add(const Search *search, const char *path, const char *why) {
  g_auto(PinoUsage) usage = {0};
  pino_usage_measure(path, NULL, &usage);
  if (usage.files == 0)
    return;
  PinoMade *made = g_new0(PinoMade, 1);
  made->path = g_strdup(path + strlen(search->root) + 1);
  made->why = why;
  made->bytes = usage.freed + usage.shared;
  made->files = usage.files;
  g_ptr_array_add(search->found, made);
}

/* --- ENVIRONMENT ------------------------------------------------------------------------------------------------- */

static gboolean is_default(const char *key, const char *value, PinoDotenv *template, PinoDotenv *home) {
  gsize count = 0;
  const PinoEnvDefault *defaults = pino_env_defaults(&count);
  if (g_strcmp0(pino_dotenv_get(template, key), value) == 0 ||
      g_strcmp0(pino_dotenv_get(home, key), value) == 0)
    return TRUE;
  for (gsize i = 0; i < count; i++) {
    if (g_str_equal(defaults[i].name, key) && g_str_equal(defaults[i].value, value))
      return TRUE;
  }
  return FALSE;
}

static void add_settings(const Search *search) {
  g_autofree char *file = pino_env_file(search->root);
  g_autofree char *folder = g_path_get_dirname(file);
  g_autofree char *template_file = g_build_filename(folder, "_ENVIRONMENT", NULL);
  g_autofree char *home_file = g_build_filename(search->home, "ENVIRONMENT", NULL);
  g_autoptr(PinoDotenv) own = pino_dotenv_load(file, NULL);
  g_autoptr(PinoDotenv) template = pino_dotenv_load(template_file, NULL);
  g_autoptr(PinoDotenv) home = pino_dotenv_load(home_file, NULL);
  if (own == NULL || template == NULL || home == NULL || is_link_or_gone(file))
    return;
  g_auto(GStrv) keys = pino_dotenv_keys(own);
  for (guint i = 0; keys[i] != NULL; i++) {
    const char *value = pino_dotenv_get(own, keys[i]);
    if (value != NULL && *value != '\0' && !is_default(keys[i], value, template, home)) {
      add(search, file, "settings");
      return;
    }
  }
}

/* --- files that git does not know ---------------------------------------------------------------------------------- */

static gboolean look_into(const Search *search, const char *folder, guint clones, GError **error);

static GPtrArray *entries_of(const char *folder) {
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
    g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
  return paths;
}

/* Whether something in the folder is not the person's. */
static gboolean is_mixed(const char *folder, guint depth) {
  g_autoptr(GPtrArray) paths = entries_of(folder);
  for (guint i = 0; i < paths->len; i++) {
    const char *path = g_ptr_array_index(paths, i);
    if (is_made_again(path) || (depth > 0 && is_folder(path) && is_mixed(path, depth - 1)))
      return TRUE;
  }
  return FALSE;
}

/* What is new: whole, or where installs left something in it, its parts. */
static gboolean add_new(const Search *search, const char *path, const char *why, guint depth, guint clones,
                        GError **error) {
  if (is_link_or_gone(path) || is_made_again(path))
    return TRUE;
  if (is_folder(path) && holds(path, ".git"))
    return look_into(search, path, clones + 1, error);
  if (!is_folder(path) || depth == 0 || !is_mixed(path, MAX_DEPTH)) {
    add(search, path, why);
    return TRUE;
  }
  g_autoptr(GPtrArray) inner = entries_of(path);
  for (guint i = 0; i < inner->len; i++) {
    if (!add_new(search, g_ptr_array_index(inner, i), why, depth - 1, clones, error))
      return FALSE;
  }
  return TRUE;
}

/* What git ignores: only results count, and clones in it are looked into. */
static gboolean add_ignored(const Search *search, const char *path, guint depth, guint clones,
                            GError **error) {
  if (is_link_or_gone(path) || is_made_again(path))
    return TRUE;
  if (is_folder(path) && holds(path, ".git"))
    return look_into(search, path, clones + 1, error);
  if (is_result(path + strlen(search->root) + 1))
    return add_new(search, path, "output", depth, clones, error);
  if (!is_folder(path) || depth == 0)
    return TRUE;
  g_autoptr(GPtrArray) inner = entries_of(path);
  for (guint i = 0; i < inner->len; i++) {
    if (!add_ignored(search, g_ptr_array_index(inner, i), depth - 1, clones, error))
      return FALSE;
  }
  return TRUE;
}

/* --- clones -------------------------------------------------------------------------------------------------------- */

static gboolean is_settings(const Search *search, const char *path) {
  g_autofree char *file = pino_env_file(search->root);
  return g_str_equal(path, file);
}

/* One entry of `git status --porcelain -z`: two letters, a blank, the path. */
static gboolean add_status(const Search *search, const char *folder, const char *entry, guint clones,
                           GError **error) {
  if (strlen(entry) < 4)
    return TRUE;
  g_autofree char *relative = g_strdup(entry + 3);
  if (g_str_has_suffix(relative, "/"))
    relative[strlen(relative) - 1] = '\0';
  g_autofree char *path = g_build_filename(folder, relative, NULL);
  if (is_settings(search, path))
    return TRUE;
  if (g_str_has_prefix(entry, "!!"))
    return add_ignored(search, path, MAX_DEPTH, clones, error);
  if (g_str_has_prefix(entry, "??"))
    return add_new(search, path, is_result(relative) ? "output" : "new", MAX_DEPTH, clones, error);
  if (is_folder(path))
    return look_into(search, path, clones + 1, error); /* a submodule */
  if (!is_link_or_gone(path))
    add(search, path, "changed");
  return TRUE;
}

static gboolean has_own_history(const char *folder) {
  g_autofree char *stash = pino_git_ask(folder, "rev-parse", "--verify", "-q", "refs/stash", NULL);
  return stash != NULL || pino_commits_own(folder) > 0;
}

static gboolean look_into(const Search *search, const char *folder, guint clones, GError **error) {
  if (clones > MAX_CLONES)
    return TRUE;
  g_autofree char *git = g_build_filename(folder, ".git", NULL);
  g_autoptr(GBytes) output = pino_git_read(
      folder, error, "-c", "status.renames=false", "-c", "core.quotePath=false", "status", "--porcelain",
      "-z", "--no-renames", "--untracked-files=normal", "--ignored=traditional", NULL);
  if (output == NULL)
    return FALSE;
  g_autoptr(GPtrArray) entries = pino_git_parts(output);
  for (guint i = 0; i < entries->len; i++) {
    if (!add_status(search, folder, g_ptr_array_index(entries, i), clones, error))
      return FALSE;
  }
  if (is_folder(git) && has_own_history(folder))
    add(search, git, "commits");
  return TRUE;
}

static gboolean look_without_git(const Search *search, GError **error) {
  g_autoptr(GPtrArray) paths = entries_of(search->root);
  for (guint i = 0; i < paths->len; i++) {
    const char *path = g_ptr_array_index(paths, i);
    if (!is_settings(search, path) && !add_new(search, path, "unknown", MAX_DEPTH, 0, error))
      return FALSE;
  }
  return TRUE;
}

GPtrArray *pino_made_find(const char *home, const char *folder, GError **error) {
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(made_free);
  const Search search = {.home = home, .root = folder, .found = found};
  gboolean ok =
      holds(folder, ".git") ? look_into(&search, folder, 0, error) : look_without_git(&search, error);
  if (!ok) {
    g_prefix_error(error, "cannot tell what in it you made: ");
    return NULL;
  }
  add_settings(&search);
  return g_steal_pointer(&found);
}
