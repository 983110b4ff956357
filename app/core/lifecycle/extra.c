#include "lifecycle/extra.h"

#include "base/error.h"
#include "lifecycle/git.h"

/* The first line of every pointer file (Git LFS specification, version 1). */
#define POINTER "^version https://git-lfs\\.github\\.com/spec/v1$"

static gboolean work(PinoRun *run, const PinoExtraSpec *spec, const char *const *args, PinoGitKind *kind,
                     GError **error) {
  PinoGitWork git = {.stage = spec->stage,
                     .folder = spec->folder,
                     .about = spec->url,
                     .args = args,
                     .tries = spec->tries,
                     .wait_ms = spec->wait_ms};
  return pino_git_work(run, &git, kind, error);
}

/* Whether the run goes on: all but its being cancelled is only told. */
static gboolean tell(PinoRun *run, const PinoExtraSpec *spec, PinoGitKind kind, const char *about,
                     GError *failed, GError **error) {
  if (g_error_matches(failed, PINO_ERROR, PINO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_error_copy(failed));
    return FALSE;
  }
  g_autofree char *text = g_strdup_printf("%s: %s", about, failed->message);
  pino_git_tell_trouble(run, kind, spec->url, text);
  return TRUE;
}

/* A server may give only the tips of branches, and a submodule is seldom one: then their histories are taken whole. */
static gboolean fetch_submodules(PinoRun *run, const PinoExtraSpec *spec, GError **error) {
  static const char *const shallow[] = {"submodule", "update", "--init",     "--recursive",
                                        "--depth",   "1",      "--progress", NULL};
  static const char *const whole[] = {"submodule", "update", "--init", "--recursive", "--progress", NULL};
  g_autofree char *list = g_build_filename(spec->folder, ".gitmodules", NULL);
  if (!g_file_test(list, G_FILE_TEST_IS_REGULAR))
    return TRUE;
  g_autoptr(GError) failed = NULL;
  PinoGitKind kind = PINO_GIT_UNKNOWN;
  pino_git_tell_stage(run, spec->stage, "fetching its submodules");
  if (work(run, spec, shallow, &kind, &failed))
    return TRUE;
  if (kind == PINO_GIT_SHALLOW) {
    g_clear_error(&failed);
    if (work(run, spec, whole, &kind, &failed))
      return TRUE;
  }
  return tell(run, spec, kind,
              "the app is there, but not all of its submodules (Pinokio itself takes none; `git submodule "
              "update --init` in its folder tries again)",
              failed, error);
}

GPtrArray *pino_extra_pointers(const char *folder) {
  g_autoptr(GBytes) names = pino_git_read(folder, NULL, "grep", "-z", "-l", "-I", "-e", POINTER, NULL);
  return names != NULL ? pino_git_parts(names) : g_ptr_array_new();
}

static gboolean uses_lfs(const char *folder) {
  g_autofree char *named = pino_git_ask(folder, "grep", "-l", "-F", "-e", "filter=lfs", "--",
                                        ".gitattributes", "*/.gitattributes", NULL);
  return named != NULL;
}

static char *count_text(GPtrArray *pointers) {
  const char *first = g_ptr_array_index(pointers, 0);
  g_autofree char *valid = g_utf8_make_valid(first, -1);
  if (pointers->len == 1)
    return g_strdup_printf("1 large file (%s)", valid);
  return g_strdup_printf("%u large files (%s...)", pointers->len, valid);
}

static void tell_no_program(PinoRun *run, const PinoExtraSpec *spec, const char *count) {
  g_autofree char *text = g_strdup_printf("the app keeps %s in Git LFS, and git-lfs is not installed, so "
                                          "only pointers are there. `apt-get install git-lfs`, "
                                          "then `git lfs install --local && git lfs pull` in %s fetches them",
                                          count, spec->shown);
  pino_git_tell_trouble(run, PINO_GIT_LFS, spec->url, text);
}

/* Where the files cannot be had, the filters are left so that they keep pointers: an app's own `git pull` works on. */
static gboolean pull_lfs(PinoRun *run, const PinoExtraSpec *spec, const char *count, GError **error) {
  static const char *const skip[] = {"lfs", "install", "--local", "--skip-smudge", NULL};
  static const char *const pull[] = {"lfs", "pull", NULL};
  static const char *const smudge[] = {"lfs", "install", "--local", "--force", NULL};
  g_autoptr(GError) failed = NULL;
  PinoGitKind kind = PINO_GIT_LFS;
  if (work(run, spec, skip, &kind, &failed) && work(run, spec, pull, &kind, &failed) &&
      work(run, spec, smudge, &kind, &failed))
    return TRUE;
  g_autofree char *about =
      g_strdup_printf("the app is there, but %s of it came only as pointers (Git LFS; `git lfs "
                      "pull` in %s tries again)",
                      count, spec->shown);
  return tell(run, spec, kind == PINO_GIT_DISK_FULL ? kind : PINO_GIT_LFS, about, failed, error);
}

static gboolean fetch_lfs(PinoRun *run, const PinoExtraSpec *spec, GError **error) {
  if (!uses_lfs(spec->folder))
    return TRUE;
  g_autoptr(GPtrArray) pointers = pino_extra_pointers(spec->folder);
  if (pointers->len == 0)
    return TRUE;
  g_autofree char *count = count_text(pointers);
  g_autofree char *text = g_strdup_printf("fetching %s from Git LFS", count);
  g_autofree char *program = g_find_program_in_path("git-lfs");
  if (program == NULL) {
    tell_no_program(run, spec, count);
    return TRUE;
  }
  pino_git_tell_stage(run, spec->stage, text);
  return pull_lfs(run, spec, count, error);
}

gboolean pino_extra_fetch(PinoRun *run, const PinoExtraSpec *spec, GError **error) {
  return fetch_submodules(run, spec, error) && fetch_lfs(run, spec, error);
}
