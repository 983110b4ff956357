#include "lifecycle/update.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "lifecycle/commits.h"
#include "lifecycle/extra.h"
#include "lifecycle/git.h"

#define STAGE "update"
#define TRIES 3
#define FIRST_WAIT_MS 1000
#define MAX_SUBJECTS "20"
#define MAX_PATHS 50
#define MAX_NAMED 10 /* files that an error names */

/* An app on its way from one commit to another. */
typedef struct {
  PinoRun *run;
  const char *folder;
  gboolean force;
  char *branch;
  char *remote;
  char *merge; /* the branch's name at the remote */
  char *url;
  char *before, *after;
  guint own; /* commits of the person's */
  GString *kept;
} Move;

static void move_clear(Move *move) {
  g_free(move->branch);
  g_free(move->remote);
  g_free(move->merge);
  g_free(move->url);
  g_free(move->before);
  g_free(move->after);
  if (move->kept != NULL)
    g_string_free(move->kept, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Move, move_clear)

void pino_update_free(PinoUpdate *update) {
  if (update == NULL)
    return;
  g_free(update->before);
  g_free(update->after);
  g_free(update->kept);
  g_free(update->json);
  g_free(update);
}

/* git asks the folders above too; an app without a clone of its own is none. */
char *pino_update_commit(const char *folder) {
  g_autofree char *git = g_build_filename(folder, ".git", NULL);
  if (!g_file_test(git, G_FILE_TEST_EXISTS))
    return NULL;
  return pino_git_ask(folder, "rev-parse", "--verify", "-q", "HEAD", NULL);
}

/* --- where it stands -------------------------------------------------------------------------------------------- */

static char *setting(const char *folder, const char *branch, const char *key) {
  g_autofree char *name = g_strdup_printf("branch.%s.%s", branch, key);
  return pino_git_ask(folder, "config", "--get", name, NULL);
}

static void find_remote(Move *move) {
  move->remote = setting(move->folder, move->branch, "remote");
  if (move->remote == NULL)
    move->remote = g_strdup("origin");
  g_autofree char *merge = setting(move->folder, move->branch, "merge");
  const char *name =
      merge != NULL && g_str_has_prefix(merge, "refs/heads/") ? merge + strlen("refs/heads/") : NULL;
  move->merge = g_strdup(name != NULL ? name : move->branch);
  g_autofree char *key = g_strdup_printf("remote.%s.url", move->remote);
  move->url = pino_git_ask(move->folder, "config", "--get", key, NULL);
}

/* Says why git cannot tell the commit, where that is not for want of one. */
static gboolean fail_without_commit(const Move *move, GError **error) {
  g_autofree char *git = g_build_filename(move->folder, ".git", NULL);
  g_autoptr(GError) failed = NULL;
  g_autoptr(GBytes) status = g_file_test(git, G_FILE_TEST_EXISTS)
                                 ? pino_git_read(move->folder, &failed, "status", "-s", "-uno", NULL)
                                 : NULL;
  if (failed != NULL) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_USAGE,
      "%s is no git clone with a commit, so there is nothing to update it from; install it from its URL",
      move->folder);
  return FALSE;
}

static gboolean find_place(Move *move, GError **error) {
  move->kept = g_string_new(NULL);
  pino_git_unlock(move->folder);
  move->before = pino_update_commit(move->folder);
  if (move->before == NULL)
    return fail_without_commit(move, error);
  move->branch = pino_git_ask(move->folder, "symbolic-ref", "-q", "--short", "HEAD", NULL);
  if (move->branch == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "%s is at commit %.10s and on no branch (a tag, or checked out by hand), so nothing newer "
                "belongs to it; "
                "`git switch BRANCH` in it first",
                move->folder, move->before);
    return FALSE;
  }
  find_remote(move);
  move->own = pino_commits_own(move->folder);
  return TRUE;
}

/* --- what is the person's --------------------------------------------------------------------------------------- */

static char *list_of(GPtrArray *paths) {
  GString *list = g_string_new(NULL);
  for (guint i = 0; i < paths->len && i < MAX_NAMED; i++) {
    g_autofree char *name = g_utf8_make_valid(g_ptr_array_index(paths, i), -1);
    g_string_append_printf(list, "%s%s", i > 0 ? ", " : "", name);
  }
  if (paths->len > MAX_NAMED)
    g_string_append_printf(list, " and %u more", paths->len - MAX_NAMED);
  return g_string_free(list, FALSE);
}

static char *now_text(void) {
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  return g_date_time_format(now, "%Y%m%d-%H%M%S");
}

static gboolean work(const Move *move, const char *const *args, PinoGitKind *kind, GError **error) {
  PinoGitWork git = {.stage = STAGE,
                     .folder = move->folder,
                     .about = move->folder,
                     .args = args,
                     .tries = TRIES,
                     .wait_ms = FIRST_WAIT_MS};
  return pino_git_work(move->run, &git, kind, error);
}

static void note_kept(Move *move, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void note_kept(Move *move, const char *format, ...) {
  va_list args;
  g_string_append(move->kept, move->kept->len > 0 ? "; " : "");
  va_start(args, format);
  g_string_append_vprintf(move->kept, format, args);
  va_end(args);
}

/* The stash is made under a name of our own when the person has none set. */
static gboolean stash(Move *move, GPtrArray *paths, GError **error) {
  g_autofree char *list = list_of(paths);
  g_autofree char *at = now_text();
  g_autofree char *name = g_strdup_printf("pinokiocloud: kept before the update of %s", at);
  g_autofree char *user = pino_git_ask(move->folder, "config", "--get", "user.email", NULL);
  g_autoptr(GPtrArray) args = g_ptr_array_new();
  static const char *const ours[] = {"-c", "user.name=PinokioCloud", "-c",
                                     "user.email=pinokiocloud@localhost"};
  for (guint i = 0; user == NULL && i < G_N_ELEMENTS(ours); i++)
    g_ptr_array_add(args, (gpointer)ours[i]);
  const char *const push[] = {"--literal-pathspecs", "stash", "push", "--all", "-m", name, "--"};
  for (guint i = 0; i < G_N_ELEMENTS(push); i++)
    g_ptr_array_add(args, (gpointer)push[i]);
  for (guint i = 0; i < paths->len; i++)
    g_ptr_array_add(args, g_ptr_array_index(paths, i));
  g_ptr_array_add(args, NULL);
  if (!work(move, (const char *const *)args->pdata, NULL, error)) {
    g_prefix_error(error, "cannot put your changes aside: ");
    return FALSE;
  }
  note_kept(move, "your %s: in the git stash \"%s\" (`git stash list` in %s)", list, name, move->folder);
  return TRUE;
}

static gboolean clear_way(Move *move, GError **error) {
  g_autoptr(GPtrArray) paths = pino_commits_in_the_way(move->folder, move->before, move->after, error);
  if (paths == NULL || paths->len == 0)
    return paths != NULL;
  if (move->force)
    return stash(move, paths, error);
  g_autofree char *list = list_of(paths);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "in %s you changed or made what the other version changes too: %s; --force keeps them in a git "
              "stash and "
              "goes on",
              move->folder, list);
  return FALSE;
}

static gboolean keep_commits(Move *move, GError **error) {
  if (move->own == 0)
    return TRUE;
  if (!move->force) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "%s has %u commit%s of your own on %s, which the other version does not hold; --force keeps "
                "%s in a branch "
                "of its own and goes on, or `git pull --rebase` in it joins them",
                move->folder, move->own, move->own == 1 ? "" : "s", move->branch,
                move->own == 1 ? "it" : "them");
    return FALSE;
  }
  g_autofree char *at = now_text();
  g_autofree char *name = g_strdup_printf("kept-%s", at);
  g_autoptr(GBytes) made = pino_git_read(move->folder, error, "branch", name, move->before, NULL);
  if (made == NULL)
    return FALSE;
  note_kept(move, "your commits: in the branch %s of %s", name, move->folder);
  return TRUE;
}

/* --- moving ----------------------------------------------------------------------------------------------------- */

static gboolean is_ancestor(const char *folder, const char *older, const char *newer) {
  g_autofree char *yes = pino_git_ask(folder, "merge-base", "--is-ancestor", older, newer, NULL);
  return yes != NULL;
}

/* A branch that is gone: which one is the server's own now. */
static void add_default_branch(const Move *move, GError **error) {
  g_autofree char *head = pino_git_ask(move->folder, "ls-remote", "--symref", move->remote, "HEAD", NULL);
  const char *name = head != NULL ? strstr(head, "ref: refs/heads/") : NULL;
  if (name == NULL)
    return;
  name += strlen("ref: refs/heads/");
  g_autofree char *branch = g_strndup(name, strcspn(name, "\t\n"));
  g_prefix_error(
      error,
      "its branch %s is no longer there; the server's main one is %s: `git fetch %s %s:%s && git switch %s` "
      "in %s brings the app to it: ",
      move->merge, branch, move->remote, branch, branch, branch, move->folder);
}

static gboolean fetch(Move *move, GError **error) {
  g_autofree char *tracking = g_strdup_printf("refs/remotes/%s/%s", move->remote, move->merge);
  g_autofree char *spec = g_strdup_printf("+refs/heads/%s:%s", move->merge, tracking);
  const char *const args[] = {"fetch", "--progress", "--recurse-submodules=no", "--", move->remote,
                              spec,    NULL};
  PinoGitKind kind = PINO_GIT_UNKNOWN;
  if (move->url == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "%s has no remote '%s' to be updated from; `git remote add` names one", move->folder,
                move->remote);
    return FALSE;
  }
  if (!work(move, args, &kind, error)) {
    if (kind == PINO_GIT_BRANCH)
      add_default_branch(move, error);
    return FALSE;
  }
  g_autofree char *commit = g_strconcat(tracking, "^{commit}", NULL);
  move->after = pino_git_ask(move->folder, "rev-parse", "--verify", "-q", commit, NULL);
  return move->after != NULL ? TRUE : pino_git_fail(error, PINO_GIT_BRANCH, move->url, NULL);
}

/* `merge` and `reset --keep` both refuse to overwrite what was changed. */
static gboolean go(const Move *move, gboolean forward, GError **error) {
  const char *const merge[] = {PINO_GIT_NO_LFS, "merge", "--ff-only", move->after, NULL};
  const char *const reset[] = {PINO_GIT_NO_LFS, "reset", "--keep", move->after, NULL};
  if (!work(move, forward ? merge : reset, NULL, error))
    return FALSE;
  PinoExtraSpec extra = {.stage = STAGE,
                         .folder = move->folder,
                         .shown = move->folder,
                         .url = move->url != NULL ? move->url : move->folder,
                         .tries = TRIES,
                         .wait_ms = FIRST_WAIT_MS};
  return pino_extra_fetch(move->run, &extra, error);
}

/* --- what changed ----------------------------------------------------------------------------------------------- */

static void add_texts(JsonBuilder *builder, const char *name, char **texts, guint most) {
  json_builder_set_member_name(builder, name);
  json_builder_begin_array(builder);
  for (guint i = 0; texts != NULL && texts[i] != NULL && i < most; i++) {
    g_autofree char *valid = g_utf8_make_valid(texts[i], -1);
    if (*valid != '\0')
      json_builder_add_string_value(builder, valid);
  }
  json_builder_end_array(builder);
}

/* Counts and subjects hold only where the one commit leads to the other in the history at hand; else the newest's alone. */
static void add_commits(JsonBuilder *builder, const Move *move, gboolean connected) {
  g_autofree char *range =
      connected ? g_strdup_printf("%s..%s", move->before, move->after) : g_strdup(move->after);
  g_autofree char *count = connected ? pino_git_ask(move->folder, "rev-list", "--count", range, NULL) : NULL;
  g_autofree char *subjects =
      pino_git_ask(move->folder, "log", "--format=%s", "-n", connected ? MAX_SUBJECTS : "1", range, NULL);
  g_auto(GStrv) lines = g_strsplit(subjects != NULL ? subjects : "", "\n", -1);
  json_builder_set_member_name(builder, "commits");
  if (count != NULL)
    json_builder_add_int_value(builder, g_ascii_strtoll(count, NULL, 10));
  else
    json_builder_add_null_value(builder);
  add_texts(builder, "subjects", lines, G_MAXUINT);
}

static void add_files(JsonBuilder *builder, const Move *move) {
  g_autoptr(GBytes) output =
      pino_git_read(move->folder, NULL, "diff", "--name-only", "-z", move->before, move->after, NULL);
  g_autoptr(GPtrArray) paths = output != NULL ? pino_git_parts(output) : g_ptr_array_new();
  json_builder_set_member_name(builder, "files");
  json_builder_add_int_value(builder, paths->len);
  g_ptr_array_add(paths, NULL);
  add_texts(builder, "paths", (char **)paths->pdata, MAX_PATHS);
}

static void add_text(JsonBuilder *builder, const char *name, const char *text) {
  json_builder_set_member_name(builder, name);
  if (text != NULL)
    json_builder_add_string_value(builder, text);
  else
    json_builder_add_null_value(builder);
}

static PinoUpdate *report(const Move *move, gboolean rewritten, gboolean connected) {
  PinoUpdate *update = g_new0(PinoUpdate, 1);
  update->before = g_strdup(move->before);
  update->after = g_strdup(move->after);
  update->changed = !g_str_equal(move->before, move->after);
  update->kept = move->kept->len > 0 ? g_utf8_make_valid(move->kept->str, -1) : NULL;
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  add_text(builder, "before", update->before);
  add_text(builder, "after", update->after);
  json_builder_set_member_name(builder, "changed");
  json_builder_add_boolean_value(builder, update->changed);
  add_text(builder, "branch", move->branch);
  json_builder_set_member_name(builder, "rewritten");
  json_builder_add_boolean_value(builder, rewritten);
  add_text(builder, "kept", update->kept);
  add_commits(builder, move, connected);
  add_files(builder, move);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  update->json = json_to_string(root, FALSE);
  return update;
}

static PinoUpdate *report_nothing(Move *move) {
  g_free(move->after);
  move->after = g_strdup(move->before);
  return report(move, FALSE, TRUE);
}

PinoUpdate *pino_update(PinoRun *run, const char *folder, gboolean force, GError **error) {
  g_auto(Move) move = {.run = run, .folder = folder, .force = force};
  pino_git_tell_stage(run, STAGE, "asking for what is new");
  if (!find_place(&move, error) || !fetch(&move, error)) {
    g_prefix_error(error, "cannot update: ");
    return NULL;
  }
  if (g_str_equal(move.before, move.after) || (move.own > 0 && is_ancestor(folder, move.after, move.before)))
    return report_nothing(&move);
  gboolean forward = is_ancestor(folder, move.before, move.after);
  if ((!forward && !keep_commits(&move, error)) || !clear_way(&move, error) ||
      !pino_commits_push(pino_run_home(run), folder, move.before, move.branch, error) ||
      !go(&move, forward, error)) {
    g_prefix_error(error, "cannot update: ");
    return NULL;
  }
  return report(&move, !forward, forward);
}

PinoUpdate *pino_update_back(PinoRun *run, const char *folder, gboolean force, GError **error) {
  const char *home = pino_run_home(run);
  g_auto(Move) move = {.run = run, .folder = folder, .force = force};
  if (!find_place(&move, error) ||
      (move.after = pino_commits_last(home, folder, move.before, error)) == NULL ||
      !keep_commits(&move, error) || !clear_way(&move, error) || !go(&move, FALSE, error) ||
      !pino_commits_pop(home, folder, move.after, error)) {
    g_prefix_error(error, "cannot go back: ");
    return NULL;
  }
  return report(&move, FALSE, FALSE);
}

gboolean pino_update_note(const char *home, const char *folder, GError **error) {
  g_autofree char *commit = pino_update_commit(folder);
  g_autofree char *branch =
      commit != NULL ? pino_git_ask(folder, "symbolic-ref", "-q", "--short", "HEAD", NULL) : NULL;
  if (commit == NULL || pino_commits_own(folder) > 0)
    return TRUE;
  return pino_commits_push(home, folder, commit, branch != NULL ? branch : "", error);
}
