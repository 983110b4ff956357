#include "lifecycle/operation.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "lifecycle/conflict.h"
#include "lifecycle/git.h"
#include "lifecycle/remove.h"
#include "lifecycle/usage.h"
#include "lifecycle/work.h"

gboolean pino_work_flag(const PinoWork *work, const char *name) {
  return json_object_get_boolean_member_with_default(work->wish, name, FALSE);
}

void pino_work_stage(PinoWork *work, const char *stage, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  pino_git_tell_stage(work->run, stage, text);
}

static void tell_trouble(PinoWork *work, const char *kind, const char *text) {
  g_autoptr(GString) json = g_string_new("{");
  pino_json_append_member(json, "kind", kind);
  pino_json_append_member(json, "text", text);
  g_string_append_c(json, '}');
  pino_run_tell(work->run, "trouble", json->str);
}

gboolean pino_work_needs_app(PinoWork *work, GError **error) {
  if (g_file_test(work->folder, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no app '%s' under %s/api", work->app,
              work->home);
  return FALSE;
}

void pino_work_refresh_view(PinoWork *work, const PinoViewFacts *facts) {
  g_autoptr(GError) error = NULL;
  g_auto(PinoUsage) usage = {0};
  PinoViewFacts all = facts != NULL ? *facts : (PinoViewFacts){0};
  pino_usage_measure(work->folder, NULL, &usage);
  all.size = usage.freed + usage.shared;
  g_string_append_printf(work->done, ",\"size\":%" G_GUINT64_FORMAT, all.size);
  if (!pino_view_refresh(work->home, work->folder, &all, &error))
    tell_trouble(work, "view", error->message);
}

/* --- what a script does, watched -------------------------------------------------------------------------------- */

typedef struct {
  PinoRun *run;
  PinoConflict *conflict;
  char *method;
  guint failed;
} Watch;

static void tell_troubles(Watch *watch) {
  for (;;) {
    g_autoptr(PinoTrouble) trouble = pino_conflict_next(watch->conflict);
    if (trouble == NULL)
      return;
    g_autofree char *json = pino_trouble_json(trouble);
    pino_run_tell(watch->run, "trouble", json);
  }
}

static void tell_failed_command(Watch *watch, const PinoEvent *event) {
  g_autoptr(GString) json = g_string_new("{\"kind\":\"command\"");
  g_autofree char *text = g_strdup_printf(
      "step %d: a command ended with exit code %d, and the script went on", event->index + 1, event->code);
  watch->failed++;
  pino_json_append_member(json, "script", event->script);
  pino_json_append_member(json, "method", watch->method);
  g_string_append_printf(json, ",\"step\":%d,\"code\":%d", event->index, event->code);
  pino_json_append_member(json, "text", text);
  g_string_append_c(json, '}');
  pino_run_tell(watch->run, "trouble", json->str);
}

/* A signal is how commands end that the end of a step, or a handler, has killed. */
static void on_event(const PinoEvent *event, gpointer data) {
  Watch *watch = data;
  switch (event->type) {
  case PINO_EVENT_STEP:
    g_free(watch->method);
    watch->method = g_strdup(event->method);
    break;
  case PINO_EVENT_STREAM:
    pino_conflict_feed(watch->conflict, event->text, event->text_len);
    tell_troubles(watch);
    break;
  case PINO_EVENT_EXIT:
    pino_conflict_end(watch->conflict, event->signal != 0 ? -1 : event->code);
    tell_troubles(watch);
    if (event->code > 0 && event->signal == 0 && !pino_run_is_forgiven(watch->run))
      tell_failed_command(watch, event);
    break;
  case PINO_EVENT_TOLD:
    if (pino_event_is_failed(event) && !pino_run_is_forgiven(watch->run))
      tell_failed_command(watch, event);
    break;
  default:
    break;
  }
}

gboolean pino_work_script(PinoWork *work, const char *path, const char *input, guint *failed,
                          GError **error) {
  Watch watch = {.run = work->run, .conflict = pino_conflict_new()};
  pino_run_listen(work->run, on_event, &watch);
  g_autoptr(GError) found = NULL;
  PinoOutcome outcome = pino_run_script(work->run, path, input, &found);
  pino_run_listen(work->run, NULL, NULL);
  pino_conflict_end(watch.conflict, -1);
  tell_troubles(&watch);
  pino_conflict_free(watch.conflict);
  g_free(watch.method);
  if (failed != NULL)
    *failed = watch.failed;
  if (outcome == PINO_OUTCOME_DAEMON)
    pino_run_end_scripts(work->run);
  else if (outcome == PINO_OUTCOME_CANCELLED)
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "it was stopped");
  else if (found != NULL)
    g_propagate_error(error, g_steal_pointer(&found));
  else if (outcome != PINO_OUTCOME_STOPPED)
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "%s did not come to its end", path);
  return outcome == PINO_OUTCOME_STOPPED || outcome == PINO_OUTCOME_DAEMON;
}

/* --- the operation ------------------------------------------------------------------------------------------------ */

static const struct {
  const char *name;
  PinoWorkFunction function;
} operations[] = {
    {"install", pino_install},  {"plan", pino_install_plan},  {"update", pino_change_update},
    {"back", pino_change_back}, {"reset", pino_change_reset}, {"uninstall", pino_change_uninstall},
};

static PinoWorkFunction function_of(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
    if (g_strcmp0(name, operations[i].name) == 0)
      return operations[i].function;
  return NULL;
}

static JsonObject *parse(const char *operation, GError **error) {
  g_autoptr(JsonNode) node = json_from_string(operation, error);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
    return json_object_ref(json_node_get_object(node));
  if (node != NULL || (error != NULL && *error == NULL))
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "an operation is a JSON object");
  return NULL;
}

static gboolean is_name(const char *app) {
  return app != NULL && *app != '\0' && *app != '.' && strchr(app, '/') == NULL;
}

static void tell_done(PinoWork *work, const char *operation) {
  g_autoptr(GString) json = g_string_new("{");
  pino_json_append_member(json, "operation", operation);
  pino_json_append_member(json, "app", work->app);
  g_string_append(json, work->done->str);
  g_string_append_c(json, '}');
  pino_run_tell(work->run, "done", json->str);
}

/* Removals that were cut short end first. One of another app that cannot end is in nobody's way; what is left of this one
 * would take the view of a new clone along. */
static gboolean finish_removals(PinoWork *work, GError **error) {
  g_autoptr(GError) found = NULL;
  g_autofree char *own = g_strdup_printf("%s/api/.%s.removing", work->home, work->app);
  if (pino_uninstall_finish(work->home, &found))
    return TRUE;
  if (g_file_test(own, G_FILE_TEST_EXISTS)) {
    g_propagate_error(error, g_steal_pointer(&found));
    return FALSE;
  }
  tell_trouble(work, "removal", found->message);
  return TRUE;
}

static gboolean perform(PinoRun *run, JsonObject *wish, GError **error) {
  PinoWork work = {
      .run = run,
      .wish = wish,
      .home = pino_run_home(run),
      .app = json_object_get_string_member_with_default(wish, "app", NULL),
      .url = json_object_get_string_member_with_default(wish, "url", NULL),
  };
  const char *name = json_object_get_string_member_with_default(wish, "operation", NULL);
  PinoWorkFunction function = function_of(name);
  if (function == NULL || !is_name(work.app)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "there is no operation '%s' for an app '%s'",
                name != NULL ? name : "", work.app != NULL ? work.app : "");
    return FALSE;
  }
  work.folder = g_build_filename(work.home, "api", work.app, NULL);
  work.done = g_string_new(NULL);
  gboolean ok = finish_removals(&work, error) && function(&work, error);
  if (ok)
    tell_done(&work, name);
  g_string_free(work.done, TRUE);
  g_free(work.folder);
  return ok;
}

PinoOutcome pino_operation_run(PinoRun *run, const char *operation, GError **error) {
  g_autoptr(GError) found = NULL;
  PinoOutcome outcome = PINO_OUTCOME_STOPPED;
  pino_run_begin_operation(run);
  g_autoptr(JsonObject) wish = parse(operation, &found);
  if (wish == NULL || !perform(run, wish, &found))
    outcome = pino_run_is_cancelled(run) || g_error_matches(found, PINO_ERROR, PINO_ERROR_CANCELLED)
                  ? PINO_OUTCOME_CANCELLED
                  : PINO_OUTCOME_ERROR;
  pino_run_end_operation(run, outcome, outcome == PINO_OUTCOME_ERROR ? found->message : NULL);
  if (found != NULL)
    g_propagate_error(error, g_steal_pointer(&found));
  return outcome;
}
