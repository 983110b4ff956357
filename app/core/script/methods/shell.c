/* shell.*: commands, and shells that stay. What a step's params mean for the terminal; the work is the shell room's. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "environment/env.h"
#include "script/handover.h"
#include "script/methods/families.h"
#include "script/methods/shellparams.h"
#include "script/progress.h"
#include "storage/atomic.h"

/* --- events of a shell ------------------------------------------------------------------------------------------ */

/* What the log could not take is told without it. */
static void tell_output(PinoScriptShell *entry, const guint8 *bytes, gsize len, const char *text,
                        gsize text_len) {
  guint64 offset = pino_shell_log_offset(entry->shell);
  PinoEvent event = {
      .type = PINO_EVENT_STREAM,
      .index = entry->index,
      .text = text,
      .text_len = text_len,
      .bytes = bytes,
      .bytes_len = len,
      .shell = entry->name,
      .log = offset == entry->told + len ? entry->log : NULL,
      .offset = offset,
  };
  entry->told = offset;
  pino_script_emit(entry->script, &event);
}

static void on_output(const guint8 *bytes, gsize len, const char *text, gsize text_len, gpointer data) {
  PinoScriptShell *entry = data;
  if (!entry->quiet)
    tell_output(entry, bytes, len, text, text_len);
  if (entry->print == NULL || text_len == 0 || entry->closing)
    return;
  PinoJs *js = entry->script->run->js;
  JSObjectRef chunk = pino_js_object(js);
  pino_js_set(js, chunk, "raw", pino_js_string_len(js, text, (gssize)text_len));
  JSValueRef argv[] = {chunk};
  pino_js_call(js, (JSObjectRef)entry->print, NULL, 1, argv, NULL);
}

typedef struct {
  PinoRun *run;
  char *path;
  char *action;
  JSValueRef event;
} Trigger;

static void trigger_free(gpointer data) {
  Trigger *trigger = data;
  pino_js_release(trigger->run->js, trigger->event);
  g_free(trigger->path);
  g_free(trigger->action);
  g_free(trigger);
}

static void on_trigger_turn(gpointer data) {
  Trigger *trigger = data;
  PinoScript *script = pino_script_find(trigger->run, trigger->path);
  if (script == NULL || trigger->run->closing)
    return;
  PinoJs *js = trigger->run->js;
  JSObjectRef input = pino_js_object(js);
  pino_js_set(js, input, "event", trigger->event);
  pino_js_set(js, input, "trigger", pino_js_string(js, trigger->action));
  pino_script_act(script, trigger->action, input, NULL, NULL);
  if (script->stopping && script->depth == 0)
    pino_script_close(script, TRUE);
}

/* Shells' callbacks may not wait: the action runs in a turn of the loop of its own. */
static void on_trigger(const char *action, JSValueRef event, gpointer data) {
  PinoScriptShell *entry = data;
  PinoRun *run = entry->script->run;
  Trigger *trigger = g_new0(Trigger, 1);
  *trigger = (Trigger){
      .run = run,
      .path = g_strdup(entry->script->path),
      .action = g_strdup(action),
      .event = pino_js_hold(run->js, event),
  };
  pino_run_later(run, on_trigger_turn, trigger, trigger_free);
}

static void on_notify(JSValueRef notification, JSValueRef matched, gpointer data) {
  PinoScriptShell *entry = data;
  PinoRun *run = entry->script->run;
  JSObjectRef names = pino_js_object(run->js);
  pino_js_set(run->js, names, "event", matched);
  JSValueRef argv[] = {notification, names, pino_js_bool(run->js, FALSE)};
  JSValueRef rendered = pino_run_invoke(run, run->world, "render", 3, argv, NULL);
  g_autofree char *json = pino_js_to_json(run->js, rendered != NULL ? rendered : notification, 0, NULL);
  PinoEvent event = {.type = PINO_EVENT_TOLD, .index = entry->index, .name = "notify", .data = json};
  pino_script_emit(entry->script, &event);
}

static void on_trouble(const GError *error, gpointer data) {
  PinoScriptShell *entry = data;
  g_autofree char *line = g_strdup_printf("\r\n[pinokiocloud] %s\r\n", error->message);
  pino_script_print(entry->script, entry->index, line);
}

static void on_ended(int exit_code, int signal, gpointer data) {
  PinoScriptShell *entry = data;
  PinoEvent event = {.type = PINO_EVENT_EXIT,
                     .index = entry->index,
                     .shell = entry->name,
                     .log = entry->log,
                     .offset = entry->told,
                     .code = exit_code,
                     .signal = signal};
  entry->exited = TRUE;
  entry->exit_code = exit_code;
  pino_script_emit(entry->script, &event);
  pino_run_changed(entry->script->run);
  if (entry->background && !entry->closing) {
    g_autofree char *line =
        g_strdup_printf("\r\n[pinokiocloud] the command ended with exit code %d\r\n", exit_code);
    pino_script_print(entry->script, entry->index, line);
    entry->script->run->woken = TRUE;
  }
}

static const PinoShellEvents shell_events = {
    .output = on_output,
    .trigger = on_trigger,
    .notify = on_notify,
    .ended = on_ended,
    .trouble = on_trouble,
};

/* --- starting --------------------------------------------------------------------------------------------------- */

static char *shell_name(PinoRun *run) {
  guint number = ++run->shells_made;
  return run->run_id != NULL ? g_strdup_printf("%s.%u", run->run_id, number)
                             : g_strdup_printf("%d-%u", (int)getpid(), number);
}

static void tell_started(PinoScriptShell *entry) {
  PinoEvent event = {.type = PINO_EVENT_SHELL,
                     .index = entry->index,
                     .shell = entry->name,
                     .log = entry->log,
                     .pid = pino_shell_pid(entry->shell)};
  pino_script_emit(entry->script, &event);
  pino_run_changed(entry->script->run);
}

static PinoScriptShell *add_entry(PinoStep *step, const char *id) {
  PinoScriptShell *entry = g_new0(PinoScriptShell, 1);
  g_autofree char *file = NULL;
  entry->name = shell_name(step->run);
  file = g_strdup_printf("shell-%s.log", entry->name);
  entry->log = g_build_filename(step->script->log_dir, file, NULL);
  entry->exit_code = -1;
  entry->script = step->script;
  entry->index = step->index;
  entry->quiet = step->kernel_call;
  entry->print = step->print != NULL ? pino_js_hold(step->js, step->print) : NULL;
  entry->id = g_strdup(id != NULL ? id : entry->name);
  g_ptr_array_add(step->script->shells, entry);
  return entry;
}

/* shown: the command as the script has it; command: with all that comes before it. */
static PinoScriptShell *start(PinoStep *step, const PinoShellParams *params, const char *shown,
                              const char *command, const char *id, gboolean interactive, GError **error) {
  PinoRun *run = step->run;
  PinoScriptShell *entry = add_entry(step, id);
  entry->command = g_strdup(shown);
  PinoShellSpec spec = {
      .js = step->js,
      .program = run->keeper,
      .shell = params->shell,
      .command = command,
      .cwd = params->folder,
      .env = (const char *const *)params->env,
      .log_path = entry->log,
      .id = entry->name,
      .run_dir = run->run_dir,
      .detached = run->run_id != NULL,
      .grace_ms = run->options.grace_ms,
      .cols = run->options.cols,
      .rows = run->options.rows,
      .interactive = interactive,
      .input = params->input,
      .default_handlers = TRUE,
      .on = interactive && !params->input ? NULL : params->on,
  };
  if (pino_dir_make(params->folder, error))
    entry->shell = pino_shell_start(&spec, &shell_events, entry, error);
  if (entry->shell != NULL) {
    tell_started(entry);
    return entry;
  }
  pino_script_drop_shell(step->script, entry);
  return NULL;
}

/* --- shell.run -------------------------------------------------------------------------------------------------- */

/* What the handlers took for a failure becomes the step's error. */
static gboolean is_broken(PinoStep *step, const PinoShellResult *result, GError **error) {
  if (result->break_errors == NULL)
    return FALSE;
  JSValueRef errors = pino_js_strv(step->js, (const char *const *)result->break_errors);
  g_autofree char *joined = g_strjoinv(", ", result->break_errors);
  g_free(step->break_json);
  step->break_json = pino_js_to_json(step->js, errors, 0, NULL);
  g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT,
              "the command printed what its handlers take for a failure: %s", joined);
  return TRUE;
}

static JSValueRef result_of(PinoStep *step, PinoScriptShell *entry, const PinoShellResult *result) {
  PinoJs *js = step->js;
  JSObjectRef value = pino_js_object(js);
  pino_js_set(js, value, "id", pino_js_string(js, entry->id));
  pino_js_set(js, value, "response", pino_js_string(js, result->output));
  pino_js_set(js, value, "stdout", pino_js_string(js, result->output));
  if (result->event != NULL)
    pino_js_set(js, value, "event", result->event);
  if (result->exit_code >= 0)
    pino_js_set(js, value, "exit_code", pino_js_number(js, result->exit_code));
  return value;
}

/* A `done` handler: the command goes on, the step too. */
static void go_on_without(PinoScriptShell *entry) {
  entry->background = TRUE;
  pino_run_changed(entry->script->run);
}

static gboolean run_one(PinoStep *step, const PinoShellParams *params, const char *shown, JSValueRef *value,
                        GError **error) {
  g_autofree char *command = pino_shell_params_command(step, params, shown, error);
  pino_progress_command(step->run, shown, params->folder);
  PinoScriptShell *entry =
      command != NULL ? start(step, params, shown, command, NULL, params->input, error) : NULL;
  if (entry == NULL)
    return FALSE;
  g_auto(PinoShellResult) result = {0};
  g_autoptr(PinoHandover) handover =
      params->input ? pino_handover_begin(entry->shell, step->run->options.terminal) : NULL;
  gboolean ok = pino_shell_wait(entry->shell, step->script->cancellable, &result, error);
  g_clear_pointer(&handover, pino_handover_end);
  ok = ok && !is_broken(step, &result, error);
  if (ok)
    *value = result_of(step, entry, &result);
  if (!ok || result.ended)
    pino_script_drop_shell(step->script, entry);
  else
    go_on_without(entry);
  return ok;
}

JSValueRef pino_method_shell_run(PinoStep *step, GError **error) {
  g_auto(PinoShellParams) params = {0};
  if (!pino_shell_params_read(step, &params, error))
    return NULL;
  JSValueRef value = NULL;
  /* An empty list of commands still makes the environment. */
  if (params.commands[0] == NULL && params.activation != NULL && !run_one(step, &params, "", &value, error))
    return NULL;
  for (guint i = 0; params.commands[i] != NULL; i++) {
    if (i > 0 && !pino_shell_params_renew(step, &params, error))
      return NULL;
    if (!run_one(step, &params, params.commands[i], &value, error))
      return NULL;
  }
  return value;
}

/* --- shells that stay ---------------------------------------------------------------------------------------------- */

/* Without an id the script's folder is it. */
static char *shell_id(PinoStep *step) {
  char *id = pino_js_get_utf8(step->js, step->params, "id");
  return id != NULL ? id : g_strdup(step->script->cwd);
}

static PinoScriptShell *find_shell(PinoStep *step, GError **error) {
  g_autofree char *id = shell_id(step);
  PinoScriptShell *entry = pino_script_shell(step->script, id);
  if (entry == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "%s: no shell '%s' is there: start it with shell.start", step->method, id);
  return entry;
}

static JSValueRef shell_start(PinoStep *step, GError **error) {
  g_auto(PinoShellParams) params = {0};
  g_autofree char *id = shell_id(step);
  if (!pino_shell_params_read(step, &params, error))
    return NULL;
  PinoScriptShell *known = pino_script_shell(step->script, id);
  if (known != NULL)
    pino_script_drop_shell(step->script, known);
  const char *first = params.commands[0] != NULL ? params.commands[0] : "";
  g_autofree char *command = pino_shell_params_command(step, &params, first, error);
  PinoScriptShell *entry =
      command != NULL ? start(step, &params, first, *command != '\0' ? command : NULL, id, TRUE, error)
                      : NULL;
  return entry != NULL ? pino_js_string(step->js, id) : NULL;
}

static JSValueRef event_value(PinoStep *step, PinoScriptShell *entry, const PinoShellReply *reply) {
  PinoJs *js = step->js;
  JSObjectRef event = pino_js_object(js);
  pino_js_set(js, event, "id", pino_js_string(js, entry->id));
  pino_js_set(js, event, "matches", reply->matches != NULL ? reply->matches : pino_js_array(js, 0, NULL));
  pino_js_set(js, event, "raw", pino_js_string(js, reply->raw));
  pino_js_set(js, event, "cleaned", pino_js_string(js, reply->cleaned));
  pino_js_set(js, event, "state", pino_js_string(js, reply->cleaned));
  pino_js_set(js, event, "prompt", pino_js_bool(js, reply->prompt));
  if (reply->exit_code >= 0)
    pino_js_set(js, event, "exit_code", pino_js_number(js, reply->exit_code));
  return event;
}

static JSValueRef rendered_return(PinoStep *step, JSValueRef handler, JSValueRef event, GError **error) {
  JSObjectRef names = pino_js_object(step->js);
  pino_js_set(step->js, names, "event", event);
  JSValueRef argv[] = {pino_js_get(step->js, handler, "return"), names, pino_js_bool(step->js, TRUE)};
  return pino_run_invoke(step->run, step->run->world, "render", 3, argv, error);
}

/* The shell goes on, so no event tells its end. */
static void tell_failed(PinoStep *step, PinoScriptShell *entry, int code) {
  g_autofree char *json = g_strdup_printf("{\"code\":%d}", code);
  PinoEvent event = {.type = PINO_EVENT_TOLD,
                     .index = step->index,
                     .name = PINO_TOLD_FAILED,
                     .shell = entry->name,
                     .code = code,
                     .data = json};
  pino_script_emit(step->script, &event);
}

static JSValueRef type_into(PinoStep *step, gboolean enter, GError **error) {
  PinoScriptShell *entry = find_shell(step, error);
  g_autofree char *message = entry != NULL ? pino_shell_params_message(step, error) : NULL;
  if (message == NULL)
    return NULL;
  JSValueRef on = pino_js_get(step->js, step->params, "on");
  g_auto(PinoShellReply) reply = {0};
  entry->index = step->index;
  pino_progress_command(step->run, message, NULL);
  if (!pino_shell_enter(entry->shell, message, enter, on, step->script->cancellable, &reply, error))
    return NULL;
  if (enter && reply.exit_code > 0 && !reply.ended && step->run->operating)
    tell_failed(step, entry, reply.exit_code);
  JSValueRef event = event_value(step, entry, &reply);
  JSValueRef handler = reply.handler >= 0 ? pino_js_get_index(step->js, on, (guint)reply.handler) : NULL;
  if (reply.ended)
    pino_script_drop_shell(step->script, entry);
  return handler != NULL && pino_js_has(step->js, handler, "return")
             ? rendered_return(step, handler, event, error)
             : event;
}

static JSValueRef shell_enter(PinoStep *step, GError **error) {
  return type_into(step, TRUE, error);
}

static JSValueRef shell_write(PinoStep *step, GError **error) {
  return type_into(step, FALSE, error);
}

static JSValueRef shell_stop(PinoStep *step, GError **error) {
  PinoScriptShell *entry = find_shell(step, error);
  if (entry != NULL) {
    pino_shell_stop(entry->shell, step->script->cancellable, error);
    pino_script_drop_shell(step->script, entry);
  }
  return NULL;
}

const PinoMethod pino_methods_shell[] = {
    {"shell.run", pino_method_shell_run}, {"shell.start", shell_start}, {"shell.enter", shell_enter},
    {"shell.write", shell_write},         {"shell.stop", shell_stop},   {NULL, NULL},
};
