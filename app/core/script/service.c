/* What a run of the service does beside those of the command line: it stays with what its script left running, can be let
 * go while the shells go on, and ends what another process of the run had started. */
#include <string.h>

#include "base/error.h"
#include "script/internal.h"

/* --- what is left of it --------------------------------------------------------------------------------------------- */

/* Its step is over, nobody listens to it here, and what it prints is in the journal. */
static gboolean goes_on_alone(const PinoScriptShell *entry) {
  if (entry->shell == NULL || !pino_shell_is_running(entry->shell))
    return TRUE;
  return entry->background && !entry->quiet && entry->print == NULL && !pino_shell_is_watched(entry->shell);
}

static gboolean script_is_settled(const PinoScript *script) {
  if (!script->ready || script->depth > 0 || script->stopping)
    return FALSE;
  for (guint i = 0; i < script->shells->len; i++) {
    if (!goes_on_alone(script->shells->pdata[i]))
      return FALSE;
  }
  return TRUE;
}

/* An object of a class that steps name by `uri` keeps what its methods remember. */
static gboolean keeps_objects(PinoRun *run) {
  JSValueRef count = pino_run_invoke(run, run->world, "objectsKept", 0, NULL, NULL);
  return count == NULL || pino_js_to_number(run->js, count) > 0;
}

gboolean pino_run_is_settled(PinoRun *run) {
  if (run->operating || run->scripts->len == 0 || run->ending || run->closing || run->restart_main != NULL ||
      run->turns->len > 0)
    return FALSE;
  for (guint i = 0; i < run->scripts->len; i++) {
    if (!script_is_settled(run->scripts->pdata[i]))
      return FALSE;
  }
  return pino_js_pending(run->js) == 0 && !keeps_objects(run);
}

static guint count_shells(PinoRun *run) {
  guint count = 0;
  for (guint i = 0; i < run->scripts->len; i++)
    count += ((PinoScript *)run->scripts->pdata[i])->shells->len;
  return count;
}

/* Commands were left running, and all of them have ended. */
static gboolean is_over(PinoRun *run) {
  return run->turns->len == 0 && count_shells(run) > 0 && !pino_run_is_busy(run);
}

static char *what_failed(PinoRun *run) {
  for (guint i = 0; i < run->scripts->len; i++) {
    PinoScript *script = run->scripts->pdata[i];
    for (guint j = 0; j < script->shells->len; j++) {
      PinoScriptShell *entry = script->shells->pdata[j];
      if (entry->exited && entry->exit_code != 0)
        return g_strdup_printf("the command of step %d ended with exit code %d", entry->index + 1,
                               entry->exit_code);
    }
  }
  return NULL;
}

/* --- staying -------------------------------------------------------------------------------------------------------- */

static gboolean on_cancelled(GCancellable *cancellable, gpointer data) {
  return G_SOURCE_REMOVE;
}

/* One turn of the loop; a cancel ends the wait for it. */
static void turn(PinoRun *run, GMainContext *context) {
  g_autoptr(GSource) cancelled = g_cancellable_source_new(run->cancellable);
  g_source_set_callback(cancelled, G_SOURCE_FUNC(on_cancelled), NULL, NULL);
  g_source_attach(cancelled, context);
  g_main_context_iteration(context, TRUE);
  g_source_destroy(cancelled);
}

static gboolean look_whether_settled(PinoRun *run) {
  gboolean settled = pino_run_is_settled(run);
  if (settled != run->settled)
    pino_run_changed(run);
  run->settled = settled;
  return settled;
}

PinoOutcome pino_run_stay(PinoRun *run, const gboolean *leave, gboolean *left, GError **error) {
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  g_autoptr(GError) found = NULL;
  g_autofree char *message = NULL;
  PinoOutcome outcome = PINO_OUTCOME_STOPPED;
  *left = FALSE;
  while (run->scripts->len > 0 || run->restart_main != NULL) {
    if (run->restart_main != NULL)
      outcome = pino_run_restart_while_asked(run, outcome, &found);
    if (outcome == PINO_OUTCOME_ERROR || outcome == PINO_OUTCOME_CANCELLED)
      break;
    if (g_cancellable_is_cancelled(run->cancellable)) {
      outcome = PINO_OUTCOME_CANCELLED;
      break;
    }
    /* Commands that have all ended by now are this process's to tell: the engine only sees those that end later. */
    *left = look_whether_settled(run) && *leave && !is_over(run);
    if (*left)
      return PINO_OUTCOME_DAEMON;
    if (is_over(run) && !g_main_context_pending(context)) {
      message = what_failed(run);
      outcome = message != NULL ? PINO_OUTCOME_ERROR : PINO_OUTCOME_STOPPED;
      break;
    }
    if (run->scripts->len > 0)
      turn(run, context);
  }
  pino_run_finish(run, outcome == PINO_OUTCOME_DAEMON ? PINO_OUTCOME_STOPPED : outcome, message, TRUE);
  if (message != NULL)
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, message);
  else if (found != NULL && outcome == PINO_OUTCOME_ERROR)
    g_propagate_error(error, g_steal_pointer(&found));
  return outcome == PINO_OUTCOME_DAEMON ? PINO_OUTCOME_STOPPED : outcome;
}

void pino_run_leave(PinoRun *run) {
  run->leaving = TRUE;
  run->options.changed = NULL;
  run->options.sink = NULL;
  pino_run_free(run);
}

/* --- ending --------------------------------------------------------------------------------------------------------- */

static void reopen(PinoRun *run, JSValueRef about) {
  g_autoptr(GError) error = NULL;
  if (pino_script_reopen(run, about, &error) != NULL)
    return;
  g_autofree char *path = pino_js_get_utf8(run->js, about, "path");
  gboolean is_main = pino_js_truthy(run->js, pino_js_get(run->js, about, "main"));
  PinoEvent event = {
      .type = PINO_EVENT_ERROR, .index = -1, .message = error->message, .script = is_main ? NULL : path};
  pino_run_emit(run, &event);
}

PinoOutcome pino_run_stop_only(PinoRun *run, const char *scripts, GError **error) {
  JSValueRef list = pino_js_from_json(run->js, scripts, error);
  if (list == NULL || !pino_js_is_array(run->js, list)) {
    if (error != NULL && *error == NULL)
      g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "the scripts to end are no list");
    return PINO_OUTCOME_ERROR;
  }
  pino_js_hold(run->js, list);
  run->ending = TRUE;
  for (guint i = 0; i < pino_js_length(run->js, list); i++)
    reopen(run, pino_js_get_index(run->js, list, i));
  pino_js_release(run->js, list);
  pino_run_close_all(run, TRUE);
  return g_cancellable_is_cancelled(run->cancellable) ? PINO_OUTCOME_CANCELLED : PINO_OUTCOME_STOPPED;
}

void pino_run_stop_script(PinoRun *run, const char *path) {
  PinoScript *script = pino_script_find(run, path);
  if (script != NULL)
    pino_script_close(script, TRUE);
  JSValueRef argv[] = {pino_js_string(run->js, path)};
  pino_run_invoke(run, run->world, "forget", 1, argv, NULL);
}

gboolean pino_run_has(PinoRun *run, const char *path) {
  return pino_script_find(run, path) != NULL;
}

const char *pino_run_asking(PinoRun *run) {
  return run->asking;
}
