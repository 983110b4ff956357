#include "lifecycle/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "lifecycle/git.h"
#include "lifecycle/made.h"
#include "lifecycle/removal.h"
#include "lifecycle/update.h"
#include "lifecycle/view.h"
#include "storage/atomic.h"
#include "storage/tree.h"

#define STAGE "uninstall"
#define REMOVING ".removing"
#define REMOVED ".removed"

static char *hidden(const char *home, const char *name, const char *suffix) {
  return g_strdup_printf("%s/api/.%s%s", home, name, suffix);
}

static gboolean move_to(const char *from, const char *to, GError **error) {
  if (rename(from, to) == 0)
    return TRUE;
  pino_error_set_errno(error, errno, "rename", from);
  return FALSE;
}

/* Held as long as somebody removes the app; a lock goes with its folder's renames. -1: somebody else does. */
static int lock_folder(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

/* --- keeping -------------------------------------------------------------------------------------------------------- */

static char *kept_folder(const char *home, const char *name) {
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *at = g_date_time_format(now, "%Y%m%d-%H%M%S");
  for (guint n = 1;; n++) {
    g_autofree char *leaf =
        n == 1 ? g_strdup_printf("%s-%s", name, at) : g_strdup_printf("%s-%s-%u", name, at, n);
    g_autofree char *path = g_build_filename(home, "kept", leaf, NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      return g_steal_pointer(&path);
  }
}

/* Moves all of it from folder to a new one; *kept NULL: there was nothing. */
static gboolean keep(const char *home, const char *name, const char *folder, GPtrArray *found, char **kept,
                     GError **error) {
  g_autofree char *to = kept_folder(home, name);
  *kept = NULL;
  for (guint i = 0; i < found->len; i++) {
    const PinoMade *made = g_ptr_array_index(found, i);
    g_autofree char *from_path = g_build_filename(folder, made->path, NULL);
    g_autofree char *to_path = g_build_filename(to, made->path, NULL);
    if (!pino_tree_move(from_path, to_path, NULL, error)) {
      g_prefix_error(error, "cannot keep what you made in %s: ", to);
      return FALSE;
    }
    if (*kept == NULL)
      *kept = g_strdup(to);
  }
  return TRUE;
}

/* --- one removal ---------------------------------------------------------------------------------------------------- */

/* From api/.NAME.removing on, what may be the end of an earlier try. */
static gboolean finish_one(const char *home, const char *name, GPtrArray *found, char **kept,
                           GError **error) {
  g_autofree char *removing = hidden(home, name, REMOVING);
  g_autofree char *removed = hidden(home, name, REMOVED);
  return keep(home, name, removing, found, kept, error) && pino_tree_remove(removed, NULL, error) &&
         pino_view_remove(home, name, error) && move_to(removing, removed, error) &&
         pino_tree_remove(removed, NULL, error);
}

static gboolean finish_removing(const char *home, const char *name, GError **error) {
  g_autofree char *removing = hidden(home, name, REMOVING);
  g_autofree char *kept = NULL;
  int lock = lock_folder(removing);
  if (lock < 0)
    return TRUE;
  g_autoptr(GPtrArray) found = pino_made_find(home, removing, error);
  gboolean ok = found != NULL && finish_one(home, name, found, &kept, error);
  close(lock);
  return ok;
}

static gboolean finish_removed(const char *path, GError **error) {
  int lock = lock_folder(path);
  if (lock < 0)
    return TRUE;
  gboolean ok = pino_tree_remove(path, NULL, error);
  close(lock);
  return ok;
}

static gboolean finish_entry(const char *home, const char *entry, GError **error) {
  g_autofree char *path = g_build_filename(home, "api", entry, NULL);
  if (*entry != '.')
    return TRUE;
  if (g_str_has_suffix(entry, REMOVED))
    return finish_removed(path, error);
  if (!g_str_has_suffix(entry, REMOVING))
    return TRUE;
  g_autofree char *name = g_strndup(entry + 1, strlen(entry) - 1 - strlen(REMOVING));
  return finish_removing(home, name, error);
}

gboolean pino_uninstall_finish(const char *home, GError **error) {
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autoptr(GDir) dir = g_dir_open(api, 0, NULL);
  gboolean ok = TRUE;
  const char *entry;
  while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL)
    ok = finish_entry(home, entry, ok ? error : NULL) && ok;
  if (!ok)
    g_prefix_error(error, "cannot end a removal that was cut short: ");
  return ok;
}

/* What was moved out stays kept even when the app has to come back. */
static gboolean remove_clone(const char *home, const char *name, GPtrArray *found, char **kept,
                             GError **error) {
  g_autofree char *folder = g_build_filename(home, "api", name, NULL);
  g_autofree char *removing = hidden(home, name, REMOVING);
  int lock = lock_folder(folder);
  if (lock < 0) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "%s is being removed by somebody else, or cannot be opened", folder);
    return FALSE;
  }
  gboolean ok = move_to(folder, removing, error);
  if (ok && !finish_one(home, name, found, kept, error)) {
    ok = FALSE;
    (void)rename(removing,
                 folder); /* not there any more when it failed late: then the rest goes the next time */
  }
  close(lock);
  return ok;
}

static gboolean remove_link(const char *home, const char *name, GError **error) {
  g_autofree char *path = g_build_filename(home, "api", name, NULL);
  if (unlink(path) == 0)
    return pino_view_remove(home, name, error);
  pino_error_set_errno(error, errno, "unlink", path);
  return FALSE;
}

static gboolean remove_app(const char *home, const char *name, gboolean is_link, gboolean purge,
                           GPtrArray *found, char **kept, GError **error) {
  g_autofree char *logs = g_build_filename(home, "logs", "api", name, NULL);
  gboolean ok = is_link ? remove_link(home, name, error) : remove_clone(home, name, found, kept, error);
  return ok && (!purge || pino_tree_remove(logs, NULL, error));
}

char *pino_uninstall(PinoRun *run, const char *name, gboolean purge, GError **error) {
  const char *home = pino_run_home(run);
  g_autofree char *kept = NULL;
  g_autoptr(GError) left = NULL;
  if (!pino_uninstall_finish(home, &left))
    pino_git_tell_stage(run, STAGE, left->message);
  pino_git_tell_stage(run, STAGE, "looking at what is there");
  g_autoptr(PinoRemoval) removal = pino_removal_look(home, name, !purge, error);
  if (removal == NULL)
    return NULL;
  g_autofree char *text = g_strdup_printf("removing %s", removal->folder);
  pino_git_tell_stage(run, STAGE, text);
  if (!remove_app(home, name, removal->link != NULL, purge, removal->found, &kept, error)) {
    g_prefix_error(error, "cannot remove %s: ", name);
    return NULL;
  }
  return pino_removal_done(removal, kept);
}

char *pino_uninstall_look(const char *home, const char *name, GError **error) {
  g_autoptr(PinoRemoval) removal = pino_removal_look(home, name, TRUE, error);
  return removal != NULL ? pino_removal_json(removal) : NULL;
}

/* --- reset ------------------------------------------------------------------------------------------------------------ */

static gboolean git(PinoRun *run, const char *folder, const char *const *args, GError **error) {
  PinoGitWork work = {.stage = "reset", .folder = folder, .about = folder, .args = args};
  return pino_git_work(run, &work, NULL, error);
}

static gboolean check_clone(const char *folder, GError **error) {
  g_autofree char *commit = pino_update_commit(folder);
  if (commit != NULL)
    return TRUE;
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_USAGE,
      "%s is no git clone with a commit, so what was installed into it cannot be told from what came with it",
      folder);
  return FALSE;
}

static gboolean clean(PinoRun *run, const char *folder, GError **error) {
  static const char *const reset[] = {"reset", "--hard", "HEAD", NULL};
  /* Two -f: clones in it too. */
  static const char *const others[] = {
      "clean", "-f", "-f", "-d", "-x", "-q", "-e", "/ENVIRONMENT", "-e", "/pinokio/ENVIRONMENT", NULL};
  return git(run, folder, reset, error) && git(run, folder, others, error);
}

char *pino_reset(PinoRun *run, const char *folder, gboolean purge, GError **error) {
  const char *home = pino_run_home(run);
  g_autofree char *name = g_path_get_basename(folder);
  g_autofree char *kept = NULL;
  if (!check_clone(folder, error))
    return NULL;
  pino_git_unlock(folder);
  pino_git_tell_stage(run, "reset", "looking at what is there");
  g_autoptr(PinoRemoval) removal = pino_removal_look_folder(home, folder, !purge, error);
  if (removal == NULL)
    return NULL;
  pino_removal_drop(removal, "settings");
  pino_removal_drop(removal, "commits");
  pino_git_tell_stage(run, "reset", "removing what was installed");
  if (!keep(home, name, folder, removal->found, &kept, error) || !clean(run, folder, error)) {
    g_prefix_error(error, "cannot reset %s: ", name);
    return NULL;
  }
  return pino_removal_done(removal, kept);
}
