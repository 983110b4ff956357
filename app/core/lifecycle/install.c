/* Installing: cloned, looked at, its own script run, and its menu asked whether that was all. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "environment/env.h"
#include "lifecycle/clone.h"
#include "lifecycle/git.h"
#include "lifecycle/launcher.h"
#include "lifecycle/machine.h"
#include "lifecycle/plan.h"
#include "lifecycle/update.h"
#include "lifecycle/view.h"
#include "lifecycle/work.h"
#include "lifecycle/workplace.h"
#include "state/installation.h"
#include "storage/atomic.h"
#include "storage/mend.h"
#include "storage/tree.h"

#define LOOK "plan-" /* clones that are only looked at, under HOME/cache */

/* --- the plan ----------------------------------------------------------------------------------------------------- */

static char **tags_of(const PinoWork *work) {
  JsonNode *node = json_object_get_member(work->wish, "tags");
  g_autoptr(GPtrArray) tags = g_ptr_array_new();
  JsonArray *list = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  for (guint i = 0; list != NULL && i < json_array_get_length(list); i++)
    g_ptr_array_add(tags, g_strdup(json_array_get_string_element(list, i)));
  g_ptr_array_add(tags, NULL);
  return (char **)g_ptr_array_steal(tags, NULL);
}

/* As the plan is, and as a person reads it. */
static void tell_plan(PinoWork *work, const char *plan) {
  g_autofree char *text = pino_plan_text(plan, NULL);
  g_autoptr(GString) json = g_string_new("{");
  pino_json_append_member(json, "text", text);
  g_string_append_printf(json, "%s\"plan\":%s}", json->len > 1 ? "," : "", plan);
  pino_run_tell(work->run, "plan", json->str);
}

/* What is found out about the app in a folder, told. Gives the plan's JSON; NULL with error set. */
static char *make_plan(PinoWork *work, const char *folder, GError **error) {
  g_auto(GStrv) tags = tags_of(work);
  g_autofree char *shown = work->url != NULL ? pino_git_url_shown(work->url) : NULL;
  PinoPlanSpec spec = {.folder = folder, .name = work->app, .url = shown, .tags = (const char *const *)tags};
  pino_work_stage(work, "plan", "looking at what %s would clone, install and download", work->app);
  pino_plan_machine_here(&spec.machine);
  char *plan = pino_plan_make(work->run, &spec, NULL, error);
  if (plan != NULL)
    tell_plan(work, plan);
  return plan;
}

/* The reasons of a plan that says no, in one line; NULL when it does not. */
static char *why_not(const char *plan) {
  g_autoptr(JsonNode) root = json_from_string(plan, NULL);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  if (object == NULL ||
      g_strcmp0(json_object_get_string_member_with_default(object, "verdict", ""), "no") != 0)
    return NULL;
  JsonArray *reasons = json_object_get_array_member(object, "reasons");
  GString *out = g_string_new(NULL);
  for (guint i = 0; reasons != NULL && i < json_array_get_length(reasons); i++) {
    JsonObject *reason = json_array_get_object_element(reasons, i);
    if (g_strcmp0(json_object_get_string_member_with_default(reason, "severity", ""), "no") == 0)
      g_string_append_printf(out, "%s%s", out->len > 0 ? "; " : "",
                             json_object_get_string_member_with_default(reason, "text", ""));
  }
  return g_string_free(out, FALSE);
}

static gboolean is_possible(PinoWork *work, const char *plan, GError **error) {
  g_autofree char *reasons = why_not(plan);
  if (reasons == NULL || pino_work_flag(work, "force"))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "%s cannot work here: %s (--force installs it all the same)", work->app, reasons);
  return FALSE;
}

/* Clones it to be looked at. */
static gboolean clone_to_look(PinoWork *work, const char *folder, GError **error) {
  const char *const args[] = {PINO_GIT_NO_LFS, "clone",   "--depth", "1", "--progress", "--",
                              work->url,       work->app, NULL};
  PinoGitWork git = {.stage = "clone", .folder = folder, .about = work->url, .args = args};
  pino_work_stage(work, "clone", "fetching %s to look at it", work->app);
  return pino_git_work(work->run, &git, NULL, error);
}

static char *plan_in(PinoWork *work, const char *folder, GError **error) {
  g_autofree char *clone = g_build_filename(folder, work->app, NULL);
  if (!clone_to_look(work, folder, error))
    return NULL;
  if (pino_clone_has_launcher(clone))
    return make_plan(work, clone, error);
  pino_git_fail(error, PINO_GIT_NO_LAUNCHER, work->url, NULL);
  return NULL;
}

/* In a folder of its own, so that nobody takes it for an app. */
static gboolean plan_elsewhere(PinoWork *work, GError **error) {
  int lock;
  g_autofree char *cache = g_build_filename(work->home, "cache", NULL);
  g_autofree char *template = g_build_filename(cache, LOOK "XXXXXX", NULL);
  if (!pino_dir_make(cache, error))
    return FALSE;
  pino_workplace_sweep(cache, LOOK);
  g_autofree char *folder = pino_workplace_make(template, &lock, error);
  if (folder == NULL)
    return FALSE;
  g_autofree char *plan = plan_in(work, folder, error);
  pino_tree_remove(folder, NULL, NULL);
  if (lock >= 0)
    close(lock);
  return plan != NULL;
}

gboolean pino_install_plan(PinoWork *work, GError **error) {
  if (!g_file_test(work->folder, G_FILE_TEST_IS_DIR) && work->url != NULL)
    return plan_elsewhere(work, error);
  g_autofree char *plan = pino_work_needs_app(work, error) ? make_plan(work, work->folder, error) : NULL;
  return plan != NULL;
}

/* --- its files ---------------------------------------------------------------------------------------------------- */

/* *fresh: it was cloned just now. */
static gboolean fetch(PinoWork *work, gboolean *fresh, GError **error) {
  gboolean there = g_file_test(work->folder, G_FILE_TEST_IS_DIR);
  *fresh = FALSE;
  if (work->url == NULL)
    return pino_work_needs_app(work, error);
  PinoCloneSpec spec = {
      .url = work->url,
      .name = work->app,
      .branch = json_object_get_string_member_with_default(work->wish, "branch", NULL),
  };
  g_autofree char *folder = pino_clone(work->run, &spec, error);
  *fresh = folder != NULL && !there;
  if (*fresh) /* of a folder that somebody removed by hand */
    pino_installation_remove(work->home, work->app);
  return folder != NULL;
}

/* Whether it can work here. */
static gboolean look(PinoWork *work, GError **error) {
  g_autofree char *plan = make_plan(work, work->folder, error);
  return plan != NULL && is_possible(work, plan, error);
}

/* --- its script --------------------------------------------------------------------------------------------------- */

/* Of the same files as now: what was installed for other ones says nothing of these. */
static gboolean can_go_on(const PinoWork *work, const PinoInstallation *record) {
  g_autofree char *script = g_build_filename(work->folder, record->script, NULL);
  g_autofree char *commit = pino_update_commit(work->folder);
  return g_strcmp0(commit, record->commit) == 0 && g_file_test(script, G_FILE_TEST_IS_REGULAR);
}

/* Finished steps hold what was answered to questions: no more of that stays than is needed. */
static void forget_steps(const PinoWork *work) {
  g_autofree char *steps = pino_installation_steps(work->home, work->app);
  g_unlink(steps);
}

/* What an earlier try has begun is gone on with, though the menu may take the app for installed by now (*resumed). A
 * record without a script: there is nothing to do. */
static gboolean choose(PinoWork *work, const PinoLauncher *launcher, PinoInstallation *record,
                       gboolean *resumed, GError **error) {
  gboolean again = pino_work_flag(work, "from_start");
  gboolean unfinished = record->script != NULL && (record->installing || record->failed > 0);
  *resumed = unfinished && !again && can_go_on(work, record);
  if (*resumed)
    return TRUE;
  pino_installation_clear(record);
  if (launcher->installed && !again && (!unfinished || launcher->install == NULL)) {
    if (unfinished)
      pino_installation_remove(work->home, work->app);
    forget_steps(work);
    return TRUE;
  }
  gsize length = strlen(work->folder);
  if (launcher->install == NULL || !g_str_has_prefix(launcher->install, work->folder) ||
      launcher->install[length] != '/') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "%s's menu names no install script of its own%s%s",
                launcher->title, launcher->install != NULL ? ", but " : "",
                launcher->install != NULL ? launcher->install : "");
    return FALSE;
  }
  record->script = g_strdup(launcher->install + length + 1);
  record->input = g_strdup(launcher->install_input);
  return TRUE;
}

static gboolean check_installed(PinoWork *work, PinoInstallation *record, guint failed, GError **error) {
  pino_work_stage(work, "check", "asking the menu whether that was all");
  g_autoptr(PinoLauncher) launcher = pino_launcher_read(work->run, work->folder, error);
  if (launcher == NULL)
    return FALSE;
  if (!launcher->installed && !launcher->undecided) {
    if (failed == 0) /* there is no step to go back to */
      forget_steps(work);
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "the install script came to its end%s, but %s's menu still says that it is not installed",
                failed > 0 ? ", with commands that failed" : "", launcher->title);
    return FALSE;
  }
  record->installing = FALSE;
  record->failed = failed;
  record->ended_at = g_get_real_time() / G_USEC_PER_SEC;
  return TRUE;
}

static void describe(PinoWork *work, const PinoInstallation *record, gboolean already) {
  g_string_append_printf(
      work->done, ",\"installed\":true,\"already\":%s,\"failed_commands\":%u,\"seconds\":%" G_GINT64_FORMAT,
      already ? "true" : "false", record->failed, already ? 0 : record->ended_at - record->began_at);
  if (record->failed > 0)
    pino_work_stage(
        work, "done",
        "%s says that it is installed, but %u of its commands failed: see above. Installing it again goes "
        "back to the first of those steps",
        work->app, record->failed);
  else
    pino_work_stage(work, "done", already ? "%s is installed already" : "%s is installed", work->app);
}

/* Packages that a killed pip or uv was just putting in would be in the way of the next one. */
static gboolean mend_packages(PinoWork *work, GError **error) {
  g_autoptr(GPtrArray) removed = NULL;
  if (!pino_venvs_mend(work->folder, &removed, error)) {
    g_prefix_error(error, "what the install before left half-made cannot be taken away: ");
    return FALSE;
  }
  for (guint i = 0; i < removed->len; i++)
    pino_work_stage(work, "install", "%s was only half put in: it will be put in anew",
                    (const char *)removed->pdata[i]);
  return TRUE;
}

static gboolean run_script(PinoWork *work, PinoInstallation *record, GError **error) {
  g_autofree char *script = g_build_filename(work->folder, record->script, NULL);
  g_autofree char *steps = pino_installation_steps(work->home, work->app);
  gboolean anew = pino_work_flag(work, "from_start") || (!record->installing && record->failed == 0);
  guint failed = 0;
  if (record->installing && !mend_packages(work, error))
    return FALSE;
  g_free(record->commit);
  record->commit = pino_update_commit(work->folder);
  record->installing = TRUE;
  record->began_at = g_get_real_time() / G_USEC_PER_SEC;
  pino_work_stage(work, "install", "installing %s: %s", work->app, record->script);
  if (!pino_installation_write(work->home, work->app, record, error))
    return FALSE;
  pino_run_set_progress(work->run, steps, anew);
  gboolean ok = pino_work_script(work, script, record->input, &failed, error);
  pino_run_set_progress(work->run, NULL, FALSE);
  if (!ok)
    g_prefix_error(error, "the install did not finish; installing it again goes on from there: ");
  ok = ok && check_installed(work, record, failed, error) &&
       pino_installation_write(work->home, work->app, record, error);
  if (ok && failed == 0)
    forget_steps(work);
  return ok;
}

static void keep_view(PinoWork *work, const PinoLauncher *launcher, const PinoInstallation *record) {
  g_autoptr(GDateTime) ended = g_date_time_new_from_unix_utc(record->ended_at);
  g_autofree char *stamp = record->ended_at > 0 && ended != NULL ? g_date_time_format_iso8601(ended) : NULL;
  PinoViewFacts facts = {.title = launcher->title, .installed_at = stamp};
  pino_work_refresh_view(work, &facts);
}

static gboolean install_launched(PinoWork *work, PinoInstallation *record, gboolean *begun, GError **error) {
  gboolean resumed = FALSE;
  g_autoptr(PinoLauncher) launcher = pino_launcher_read(work->run, work->folder, error);
  if (launcher == NULL || !choose(work, launcher, record, &resumed, error))
    return FALSE;
  gboolean already = record->script == NULL;
  if (!already && !resumed && !look(work, error))
    return FALSE;
  *begun = TRUE;
  if (!already && !run_script(work, record, error))
    return FALSE;
  keep_view(work, launcher, record);
  describe(work, record, already);
  return TRUE;
}

static gboolean install_there(PinoWork *work, gboolean *begun, GError **error) {
  PinoInstallation record;
  if (!pino_clone_has_launcher(work->folder))
    return pino_git_fail(error, PINO_GIT_NO_LAUNCHER, work->url != NULL ? work->url : work->folder, NULL);
  if (!pino_env_prepare_app(work->home, work->folder, error))
    return FALSE;
  pino_installation_read(work->home, work->app, &record);
  gboolean ok = install_launched(work, &record, begun, error);
  pino_installation_clear(&record);
  return ok;
}

/* What was cloned for an install that did not even begin does not stay. */
gboolean pino_install(PinoWork *work, GError **error) {
  gboolean fresh, begun = FALSE;
  if (!fetch(work, &fresh, error))
    return FALSE;
  gboolean ok = install_there(work, &begun, error);
  if (!ok && fresh && !begun) {
    pino_tree_remove(work->folder, NULL, NULL);
    pino_view_remove(work->home, work->app, NULL);
  }
  return ok;
}
