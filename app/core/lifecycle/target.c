#include "lifecycle/target.h"

#include <string.h>

#include "base/error.h"
#include "script/resolve.h"
#include "storage/atomic.h"
#include "storage/tree.h"

static gboolean is_url(const char *target) {
  static const char *const schemes[] = {"https://", "http://", "git://", "ssh://", "git@", "file://"};
  for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
    if (g_str_has_prefix(target, schemes[i]))
      return TRUE;
  }
  return g_str_has_suffix(target, ".git");
}

char *pino_target_find(const char *home, const char *target, char **clone, GError **error) {
  *clone = NULL;
  if (g_file_test(target, G_FILE_TEST_IS_DIR) && !g_str_has_suffix(target, ".git"))
    return g_canonicalize_filename(target, NULL);
  if (is_url(target)) {
    char *folder = pino_app_by_origin(home, target);
    if (folder == NULL)
      *clone = g_strdup(target);
    return folder;
  }
  g_autofree char *named = g_build_filename(home, "api", target, NULL);
  if (*target != '\0' && strstr(target, "..") == NULL && g_file_test(named, G_FILE_TEST_IS_DIR))
    return g_steal_pointer(&named);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
              "there is no app '%s': it is neither a folder here, nor a name under %s/api, nor a git URL",
              target, home);
  return NULL;
}

char *pino_target_clone(PinoRun *run, const char *url, GError **error) {
  const char *home = pino_run_home(run);
  g_autofree char *name = pino_repository_name(url);
  g_autofree char *folder = g_build_filename(home, "api", name, NULL);
  g_autofree char *half = g_strdup_printf("%s/api/.%s.cloning", home, name);
  g_autofree char *api = g_build_filename(home, "api", NULL);
  if (*name == '\0' || g_str_equal(name, "..")) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s names no repository", url);
    return NULL;
  }
  if (g_file_test(folder, G_FILE_TEST_EXISTS)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "%s is there already and was not cloned from %s: move it away first", folder, url);
    return NULL;
  }
  const char *const argv[] = {"git", "clone", "--progress", "--", url, half, NULL};
  if (pino_dir_make(api, error) && pino_tree_remove(half, NULL, error) &&
      pino_run_program(run, api, argv, error) && pino_tree_move(half, folder, NULL, error))
    return g_steal_pointer(&folder);
  pino_tree_remove(half, NULL, NULL);
  g_prefix_error(error, "cannot clone %s: ", url);
  return NULL;
}
