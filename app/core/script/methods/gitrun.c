#include "script/methods/gitrun.h"

#include "base/error.h"
#include "script/resolve.h"
#include "storage/tree.h"

static gboolean clone_app(PinoStep *step, const char *repository, const char *folder, GError **error) {
  g_autofree char *api = g_build_filename(step->run->home, "api", NULL);
  g_autofree char *name = pino_uri_folder_name(repository);
  g_autofree char *half = g_strdup_printf("%s/.%s.cloning", api, name);
  const char *const argv[] = {"git", "clone", repository, half, NULL};
  if (!pino_tree_remove(half, NULL, error) || !pino_step_run_program(step, api, argv, error) ||
      !pino_tree_move(half, folder, NULL, error)) {
    pino_tree_remove(half, NULL, NULL);
    g_prefix_error(error, "cannot download %s: ", repository);
    return FALSE;
  }
  return TRUE;
}

/* Apps that `install` cloned have only the last commit of one branch: what else is wanted comes now. */
static gboolean fetch_wanted(PinoStep *step, const char *folder, const PinoGitWish *wish, GError **error) {
  g_autofree char *shallow = g_build_filename(folder, ".git", "shallow", NULL);
  const char *const add[] = {"git", "remote", "set-branches", "--add", "origin", wish->branch, NULL};
  const char *const branch[] = {"git", "fetch", "--depth", "1", "origin", wish->branch, NULL};
  const char *const hash[] = {"git", "fetch", "--depth", "1", "origin", wish->hash, NULL};
  if (!g_file_test(shallow, G_FILE_TEST_EXISTS))
    return TRUE;
  return (wish->branch == NULL || (pino_step_run_program(step, folder, add, error) &&
                                   pino_step_run_program(step, folder, branch, error))) &&
         (wish->hash == NULL || pino_step_run_program(step, folder, hash, error));
}

gboolean pino_git_fetch_app(PinoStep *step, const PinoGitWish *wish, GError **error) {
  g_autofree char *repository = pino_uri_repository(wish->uri);
  g_autofree char *folder = pino_app_by_origin(step->run->home, repository);
  if (folder == NULL) {
    g_autofree char *name = pino_uri_folder_name(repository);
    folder = g_build_filename(step->run->home, "api", name, NULL);
    if (!clone_app(step, repository, folder, error))
      return FALSE;
  }
  const char *const pull[] = {"git", "pull", NULL};
  const char *const branch[] = {"git", "switch", wish->branch, NULL};
  const char *const hash[] = {"git", "switch", "--detach", wish->hash, NULL};
  gboolean pulls = wish->pull || wish->branch != NULL || wish->hash != NULL;
  return (!pulls || pino_step_run_program(step, folder, pull, error)) &&
         fetch_wanted(step, folder, wish, error) &&
         (wish->branch == NULL || pino_step_run_program(step, folder, branch, error)) &&
         (wish->hash == NULL || pino_step_run_program(step, folder, hash, error));
}
