#include "lifecycle/clone.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "lifecycle/extra.h"
#include "lifecycle/git.h"
#include "lifecycle/workplace.h"
#include "script/resolve.h"
#include "storage/atomic.h"
#include "storage/tree.h"

#define STAGE "clone"
#define TRIES 4
#define FIRST_WAIT_MS 1000
#define HALF ".cloning-"

/* The half-made clone. Its folder is locked as long as somebody works on it. */
typedef struct {
  PinoRun *run;
  const PinoCloneSpec *spec;
  char *api;
  char *name;
  char *final; /* HOME/api/NAME */
  char *half;  /* HOME/api/.NAME.cloning-XXXXXX; NULL: not made yet */
  char *inner; /* the clone in it */
  int lock;
} Clone;

static void clone_clear(Clone *clone) {
  g_autoptr(GError) error = NULL;
  if (clone->half != NULL && !pino_tree_remove(clone->half, NULL, &error))
    g_warning("%s stays: %s", clone->half, error->message);
  if (clone->lock >= 0)
    close(clone->lock);
  g_free(clone->api);
  g_free(clone->name);
  g_free(clone->final);
  g_free(clone->half);
  g_free(clone->inner);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Clone, clone_clear)

static gboolean check_name(const char *name, const char *whose, GError **error) {
  if (pino_app_name_is_safe(name))
    return TRUE;
  g_autofree char *escaped = g_strescape(name, NULL);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "'%s' (%s) cannot be an app's name: that has 1 to %d bytes, begins with neither '.' nor '-', "
              "and holds no "
              "slash or control character; --name gives another",
              escaped, whose, PINO_APP_NAME_MAX);
  return FALSE;
}

char *pino_clone_name(const char *url, GError **error) {
  g_autofree char *shown = pino_git_url_shown(url);
  g_autofree char *name = pino_repository_name(shown);
  return check_name(name, "the last part of the URL", error) ? g_steal_pointer(&name) : NULL;
}

gboolean pino_clone_has_launcher(const char *folder) {
  static const char *const names[] = {"pinokio.js", "pinokio.json", "pinokio/pinokio.js",
                                      "pinokio/pinokio.json"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
      return TRUE;
  }
  return FALSE;
}

/* --- what is there already -------------------------------------------------------------------------------------- */

static char *bare_url(const char *url) {
  char *bare = g_strdup(url);
  while (g_str_has_suffix(bare, "/"))
    bare[strlen(bare) - 1] = '\0';
  if (g_str_has_suffix(bare, ".git"))
    bare[strlen(bare) - strlen(".git")] = '\0';
  return bare;
}

/* By what may be shown of them: a password or token is no part of what a repository is. */
static gboolean same_repository(const char *a, const char *b) {
  g_autofree char *shown_a = pino_git_url_shown(a);
  g_autofree char *shown_b = pino_git_url_shown(b);
  g_autofree char *bare_a = bare_url(shown_a);
  g_autofree char *bare_b = bare_url(shown_b);
  return g_str_equal(bare_a, bare_b);
}

static gboolean is_empty_folder(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  return dir != NULL && g_dir_read_name(dir) == NULL;
}

/* The app that the clone would be: TRUE with *folder (NULL: it is to be cloned). */
static gboolean find_present(const Clone *clone, char **folder, GError **error) {
  const char *url = clone->spec->url;
  *folder = NULL;
  if (clone->spec->name == NULL) {
    *folder = pino_app_by_origin(pino_run_home(clone->run), url);
    if (*folder != NULL)
      return TRUE;
  }
  GStatBuf st;
  if (g_lstat(clone->final, &st) != 0 || is_empty_folder(clone->final))
    return TRUE;
  g_autofree char *origin = pino_git_origin(clone->final);
  if (origin != NULL && same_repository(origin, url)) {
    *folder = g_strdup(clone->final);
    return TRUE;
  }
  g_autofree char *shown = pino_git_url_shown(url);
  g_autofree char *other = origin != NULL ? pino_git_url_shown(origin) : NULL;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "the name '%s' is taken: %s %s%s, and not %s; give the new one another name with --name NAME",
              clone->name, clone->final, other != NULL ? "was cloned from " : "was not cloned from anywhere",
              other != NULL ? other : "", shown);
  return FALSE;
}

/* --- the half-made clone ---------------------------------------------------------------------------------------- */

static gboolean check_room(const Clone *clone, GError **error) {
  struct statvfs fs;
  if (clone->spec->bytes == 0 || statvfs(clone->api, &fs) != 0)
    return TRUE;
  guint64 free_bytes = (guint64)fs.f_bavail * fs.f_frsize;
  if (clone->spec->bytes <= free_bytes)
    return TRUE;
  g_autofree char *shown = pino_git_url_shown(clone->spec->url);
  g_autofree char *needs = g_format_size(clone->spec->bytes);
  g_autofree char *has = g_format_size(free_bytes);
  g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "%s needs %s and only %s are free in %s; make room first",
              shown, needs, has, clone->api);
  return FALSE;
}

static gboolean make_half(Clone *clone, GError **error) {
  g_autofree char *half = g_strdup_printf("%s/.%s" HALF "XXXXXX", clone->api, clone->name);
  clone->half = pino_workplace_make(half, &clone->lock, error);
  if (clone->half == NULL)
    return FALSE;
  clone->inner = g_build_filename(clone->half, clone->name, NULL);
  return TRUE;
}

static gboolean begin_again(gpointer data, GError **error) {
  const Clone *clone = data;
  return pino_tree_remove(clone->inner, NULL, error);
}

static gboolean transfer(Clone *clone, gboolean whole, PinoGitKind *kind, GError **error) {
  const PinoCloneSpec *spec = clone->spec;
  const char *args[24] = {PINO_GIT_NO_LFS, "-c", "advice.detachedHead=false", "clone", "--progress"};
  guint count = 10;
  if (!whole) {
    args[count++] = "--depth";
    args[count++] = "1";
  }
  if (spec->branch != NULL) {
    args[count++] = "--branch";
    args[count++] = spec->branch;
  }
  args[count++] = "--";
  args[count++] = spec->url;
  args[count++] = clone->name;
  PinoGitWork work = {.stage = STAGE,
                      .folder = clone->half,
                      .about = spec->url,
                      .args = args,
                      .tries = spec->tries > 0 ? spec->tries : TRIES,
                      .wait_ms = spec->wait_ms > 0 ? spec->wait_ms : FIRST_WAIT_MS,
                      .again = begin_again,
                      .data = clone};
  return pino_git_work(clone->run, &work, kind, error);
}

static gboolean transfer_as_it_goes(Clone *clone, PinoGitKind *kind, GError **error) {
  g_autoptr(GError) failed = NULL;
  if (transfer(clone, clone->spec->whole, kind, &failed))
    return TRUE;
  if (*kind != PINO_GIT_SHALLOW || clone->spec->whole) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  pino_git_tell_stage(clone->run, STAGE, "the server gives only whole histories: cloning all of it");
  return begin_again(clone, error) && transfer(clone, TRUE, kind, error);
}

/* A reference of our own marks the commit as the author's and not the person's (update.c). */
static gboolean check_commit(const Clone *clone, PinoGitKind *kind, GError **error) {
  g_autofree char *commit = pino_git_ask(clone->inner, "rev-parse", "--verify", "-q", "HEAD", NULL);
  if (commit == NULL) {
    *kind = PINO_GIT_EMPTY;
    return pino_git_fail(error, *kind, clone->spec->url, NULL);
  }
  g_autofree char *reference = g_strconcat("refs/pinokiocloud/", commit, NULL);
  g_autoptr(GBytes) made = pino_git_read(clone->inner, error, "update-ref", reference, commit, NULL);
  return made != NULL;
}

static gboolean fetch_extras(const Clone *clone, GError **error) {
  const PinoCloneSpec *spec = clone->spec;
  PinoExtraSpec extra = {.stage = STAGE,
                         .folder = clone->inner,
                         .shown = clone->final,
                         .url = spec->url,
                         .tries = spec->tries > 0 ? spec->tries : TRIES,
                         .wait_ms = spec->wait_ms > 0 ? spec->wait_ms : FIRST_WAIT_MS};
  return pino_extra_fetch(clone->run, &extra, error);
}

/* Another clone of the same may have been quicker. */
static gboolean put_in_place(const Clone *clone, char **folder, GError **error) {
  if (!find_present(clone, folder, error))
    return FALSE;
  if (*folder != NULL)
    return TRUE;
  g_autoptr(GError) failed = NULL;
  if (pino_tree_move(clone->inner, clone->final, NULL, &failed)) {
    *folder = g_strdup(clone->final);
    return TRUE;
  }
  /* Quicker by so little that it was not there when looked for. */
  if (find_present(clone, folder, NULL) && *folder != NULL)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&failed));
  return FALSE;
}

static char *clone_anew(Clone *clone, GError **error) {
  g_autoptr(GError) failed = NULL;
  PinoGitKind kind = PINO_GIT_UNKNOWN;
  char *folder = NULL;
  g_autofree char *shown = pino_git_url_shown(clone->spec->url);
  g_autofree char *text = g_strdup_printf("cloning %s", shown);
  pino_git_tell_stage(clone->run, STAGE, text);
  if (make_half(clone, &failed) && transfer_as_it_goes(clone, &kind, &failed) &&
      check_commit(clone, &kind, &failed) && fetch_extras(clone, &failed) &&
      put_in_place(clone, &folder, &failed))
    return folder;
  if (!g_error_matches(failed, PINO_ERROR, PINO_ERROR_CANCELLED))
    pino_git_tell_trouble(clone->run, kind, clone->spec->url, failed->message);
  g_propagate_error(error, g_steal_pointer(&failed));
  return NULL;
}

char *pino_clone(PinoRun *run, const PinoCloneSpec *spec, GError **error) {
  g_auto(Clone) clone = {.run = run, .spec = spec, .lock = -1};
  clone.api = g_build_filename(pino_run_home(run), "api", NULL);
  clone.name = spec->name != NULL ? g_strdup(spec->name) : pino_clone_name(spec->url, error);
  if (clone.name == NULL || !check_name(clone.name, "as it was asked for", error))
    return NULL;
  clone.final = g_build_filename(clone.api, clone.name, NULL);
  char *folder = NULL;
  if (!pino_dir_make(clone.api, error) || !find_present(&clone, &folder, error))
    return NULL;
  pino_workplace_sweep(clone.api, HALF);
  if (folder != NULL)
    return folder;
  return check_room(&clone, error) ? clone_anew(&clone, error) : NULL;
}
