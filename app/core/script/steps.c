/* The steps of an action, one after the other. */
#include <math.h>

#include "base/error.h"
#include "script/internal.h"
#include "script/progress.h"
#include "script/resolve.h"

/* The output of a JavaScript method: it may come after the step has ended. */
typedef struct {
  PinoRun *run;
  char *path;
  int index;
} Printer;

static void printer_free(gpointer data) {
  Printer *printer = data;
  g_free(printer->path);
  g_free(printer);
}

/* ondata({raw}), ondata(data, "notify"): as Pinokio's methods call it. */
static JSValueRef on_data(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  Printer *printer = pino_js_native_data(js);
  PinoScript *script = pino_script_find(printer->run, printer->path);
  if (argc == 0 || script == NULL)
    return NULL;
  g_autofree char *type = argc > 1 && pino_js_is_string(js, argv[1]) ? pino_js_to_utf8(js, argv[1]) : NULL;
  if (type != NULL) {
    g_autofree char *json = pino_js_to_json(js, argv[0], 0, NULL);
    PinoEvent event = {.type = PINO_EVENT_TOLD, .index = printer->index, .name = type, .data = json};
    pino_script_emit(script, &event);
    return NULL;
  }
  JSValueRef raw = pino_js_get(js, argv[0], "raw");
  gsize len;
  g_autofree char *text = pino_js_is_nullish(js, raw) ? NULL : pino_js_to_utf8_len(js, raw, &len);
  if (text != NULL)
    pino_script_print_len(script, printer->index, text, len);
  return NULL;
}

static JSValueRef make_printer(PinoStep *step) {
  Printer *printer = g_new0(Printer, 1);
  *printer = (Printer){.run = step->run, .path = g_strdup(step->script->path), .index = step->index};
  return pino_js_function_full(step->js, "ondata", on_data, printer, printer_free);
}

static JSValueRef call_function(PinoStep *step, JSValueRef function, gboolean wants_kernel, GError **error) {
  PinoJs *js = step->js;
  JSValueRef request_argv[] = {step->script->entry, step->prepared, pino_js_number(js, step->index),
                               pino_js_number(js, step->total), step->input};
  JSValueRef request = pino_run_invoke(step->run, step->run->step, "request", 5, request_argv, error);
  if (request == NULL)
    return NULL;
  pino_js_set(js, (JSObjectRef)request, "steps", step->steps);
  JSValueRef kernel = pino_js_undefined(js);
  if (wants_kernel) {
    JSValueRef module = pino_js_internal(js, "pino:kernel", error);
    if (module == NULL)
      return NULL;
    kernel = pino_js_get(js, module, "kernel");
  }
  JSValueRef argv[] = {request, make_printer(step), kernel};
  JSValueRef value = pino_js_call(js, (JSObjectRef)function, NULL, 3, argv, error);
  value = value != NULL ? pino_js_await(js, value, error) : NULL;
  step->next = pino_js_get(js, request, "next");
  return value;
}

static JSValueRef call_module(PinoStep *step, const char *uri, GError **error) {
  g_autofree char *file = pino_script_resolve(step->script, uri, error);
  if (file == NULL)
    return NULL;
  JSValueRef argv[] = {pino_js_string(step->js, file), pino_js_string(step->js, step->method)};
  JSValueRef method = pino_run_invoke(step->run, step->run->world, "moduleMethod", 2, argv, error);
  return method != NULL ? call_function(step, method, TRUE, error) : NULL;
}

static JSValueRef call_engine(PinoStep *step, GError **error) {
  const PinoMethod *method = pino_method_find(step->method, error);
  if (method == NULL)
    return NULL;
  if (method->run != NULL)
    return method->run(step, error);
  JSValueRef methods = pino_js_internal(step->js, "pino:methods", error);
  if (methods == NULL)
    return NULL;
  return call_function(step, pino_js_get(step->js, methods, method->name), FALSE, error);
}

static JSValueRef call_method(PinoStep *step, GError **error) {
  JSValueRef method = pino_js_get(step->js, step->step, "method");
  if (pino_js_is_function(step->js, method))
    return call_function(step, method, TRUE, error);
  g_autofree char *uri = pino_js_get_utf8(step->js, step->step, "uri");
  return uri != NULL && *uri != '\0' ? call_module(step, uri, error) : call_engine(step, error);
}

/* A result with an `error` is a failed step, whoever gave it. */
static gboolean fails(PinoStep *step, JSValueRef result, GError **error) {
  JSValueRef wrong = pino_js_get(step->js, result, "error");
  if (!pino_js_truthy(step->js, wrong))
    return FALSE;
  if (pino_js_is_array(step->js, wrong))
    step->break_json = pino_js_to_json(step->js, wrong, 0, NULL);
  g_autofree char *text = pino_js_get_utf8(step->js, wrong, "message");
  g_autofree char *plain = text == NULL ? pino_js_to_utf8(step->js, wrong) : NULL;
  g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT, "%s failed: %s", step->method,
              text != NULL ? text : plain);
  return TRUE;
}

/* What was typed into a form's password fields is not for logs. */
static JSValueRef without_secrets(PinoStep *step, JSValueRef result) {
  PinoJs *js = step->js;
  JSValueRef form = pino_js_get(js, step->params, "form");
  if (!g_str_equal(step->method, "input") || !pino_js_is_array(js, form) || !pino_js_is_object(js, result))
    return result;
  JSObjectRef shown = pino_js_object(js);
  g_auto(GStrv) names = pino_js_keys(js, result);
  for (guint i = 0; names[i] != NULL; i++)
    pino_js_set(js, shown, names[i], pino_js_get(js, result, names[i]));
  for (guint i = 0; i < pino_js_length(js, form); i++) {
    JSValueRef field = pino_js_get_index(js, form, i);
    g_autofree char *type = pino_js_get_utf8(js, field, "type");
    g_autofree char *key = pino_js_get_utf8(js, field, "key");
    if (g_strcmp0(type, "password") == 0 && key != NULL && pino_js_has(js, shown, key))
      pino_js_set(js, shown, key, pino_js_string(js, "********"));
  }
  return shown;
}

static void emit_result(PinoStep *step, JSValueRef result) {
  g_autofree char *json = pino_js_is_undefined(step->js, result)
                              ? NULL
                              : pino_js_to_json(step->js, without_secrets(step, result), 0, NULL);
  PinoEvent event = {.type = PINO_EVENT_RESULT, .index = step->index, .data = json};
  pino_script_emit(step->script, &event);
}

static void emit_notification(PinoStep *step) {
  if (!pino_js_truthy(step->js, pino_js_get(step->js, step->step, "notify")))
    return;
  JSValueRef argv[] = {step->step, pino_js_number(step->js, step->index),
                       pino_js_get_index(step->js, step->steps, (guint)step->index)};
  JSValueRef data = pino_run_invoke(step->run, step->run->step, "notification", 3, argv, NULL);
  if (data != NULL)
    pino_step_tell(step, "notify", data);
}

/* Where the main script stands is where the run stands. */
static void note_step(PinoStep *step) {
  PinoRun *run = step->run;
  step->script->total = step->total;
  if (step->script->is_main) {
    run->step_index = step->index;
    run->step_total = step->total;
    g_free(run->step_method);
    run->step_method = g_strdup(step->method);
  }
  pino_run_changed(run);
}

static gboolean run_step(PinoStep *step, JSValueRef *result, GError **error) {
  note_step(step);
  PinoEvent event = {
      .type = PINO_EVENT_STEP, .index = step->index, .total = step->total, .method = step->method};
  pino_script_emit(step->script, &event);
  g_autoptr(GError) found = NULL;
  *result = call_method(step, &found);
  if (found != NULL) {
    g_propagate_error(error, g_steal_pointer(&found));
    return FALSE;
  }
  if (*result == NULL)
    *result = pino_js_undefined(step->js);
  if (fails(step, *result, error))
    return FALSE;
  JSValueRef argv[] = {step->script->entry, pino_js_get(step->js, step->step, "returns"), *result};
  if (pino_run_invoke(step->run, step->run->step, "keepResult", 3, argv, error) == NULL)
    return FALSE;
  emit_result(step, *result);
  pino_run_changed(step->run);
  emit_notification(step);
  return TRUE;
}

static PinoOutcome failed(PinoStep *step, GError *found, GError **error) {
  gboolean cancelled = g_cancellable_is_cancelled(step->script->cancellable) ||
                       g_error_matches(found, PINO_ERROR, PINO_ERROR_CANCELLED);
  if (!cancelled) {
    PinoEvent event = {
        .type = PINO_EVENT_ERROR, .index = step->index, .message = found->message, .data = step->break_json};
    pino_script_emit(step->script, &event);
  }
  g_clear_pointer(&step->break_json, g_free);
  g_propagate_error(error, found);
  return cancelled ? PINO_OUTCOME_CANCELLED : PINO_OUTCOME_ERROR;
}

/* The index that `next` holds: TRUE with -1 for the end. */
static gboolean next_index(PinoStep *step, int *next, GError **error) {
  if (pino_js_is_nullish(step->js, step->next)) {
    *next = -1;
    return TRUE;
  }
  double number = pino_js_to_number(step->js, step->next);
  if (number >= 0 && number < step->total && floor(number) == number) {
    *next = (int)number;
    return TRUE;
  }
  g_autofree char *text = pino_js_to_utf8(step->js, step->next);
  g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT,
              "there is no step %s to go to: the script has steps 0 to %d", text, step->total - 1);
  return FALSE;
}

static gboolean prepare(PinoStep *step, gboolean *skip, char **method, GError **error) {
  PinoJs *js = step->js;
  JSValueRef argv[] = {step->script->entry, step->steps, pino_js_number(js, step->index), step->input};
  JSValueRef prepared = pino_run_invoke(step->run, step->run->step, "prepare", 4, argv, error);
  if (prepared == NULL)
    return FALSE;
  step->prepared = (JSObjectRef)prepared;
  step->step = (JSObjectRef)pino_js_get(js, prepared, "step");
  step->params = pino_js_get(js, step->step, "params");
  step->next = pino_js_get(js, prepared, "next");
  *skip = pino_js_truthy(js, pino_js_get(js, prepared, "skip"));
  *method = pino_js_get_utf8(js, prepared, "method");
  return TRUE;
}

/* One turn: *index becomes the next step, -1 at the end; *input its input. */
static gboolean turn(PinoStep *step, int *index, JSValueRef *input, PinoOutcome *outcome, GError **error) {
  g_autoptr(GError) found = NULL;
  g_autofree char *method = NULL;
  gboolean skip = FALSE;
  JSValueRef result = pino_js_null(step->js);
  if (g_cancellable_set_error_if_cancelled(step->script->cancellable, &found) ||
      !prepare(step, &skip, &method, &found)) {
    *outcome = failed(step, g_steal_pointer(&found), error);
    return FALSE;
  }
  step->method = method;
  step->script->index = step->index;
  if ((!skip && !run_step(step, &result, &found)) || !next_index(step, index, &found)) {
    *outcome = failed(step, g_steal_pointer(&found), error);
    return FALSE;
  }
  *input = result;
  return TRUE;
}

/* index: the step to begin with. kept: finished steps are remembered. */
static PinoOutcome run_steps(PinoScript *script, JSValueRef steps, int index, gboolean kept, JSValueRef input,
                             JSValueRef *result, GError **error) {
  PinoOutcome outcome = PINO_OUTCOME_STOPPED;
  while (index >= 0) {
    PinoStep step = {
        .run = script->run,
        .script = script,
        .js = script->run->js,
        .input = input,
        .index = index,
        .total = (int)pino_js_length(script->run->js, steps),
        .steps = steps,
    };
    if (kept)
      pino_progress_before(script, index, input);
    if (!turn(&step, &index, &input, &outcome, error))
      return outcome;
    if (kept)
      pino_progress_after(script, index, input);
  }
  if (result != NULL)
    *result = input;
  return outcome;
}

static JSValueRef steps_of(PinoScript *script, const char *action, GError **error) {
  PinoJs *js = script->run->js;
  JSValueRef argv[] = {script->entry, pino_js_string(js, action)};
  JSValueRef steps = pino_run_invoke(script->run, script->run->step, "stepsOf", 2, argv, error);
  steps = steps != NULL ? pino_js_await(js, steps, error) : NULL;
  if (steps == NULL || (pino_js_is_array(js, steps) && pino_js_length(js, steps) > 0))
    return steps;
  g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT, "missing or invalid attribute: %s (in %s)", action,
              script->path);
  return NULL;
}

PinoOutcome pino_script_act(PinoScript *script, const char *action, JSValueRef input, JSValueRef *result,
                            GError **error) {
  g_autoptr(GError) found = NULL;
  PinoOutcome outcome;
  script->depth++;
  JSValueRef steps = steps_of(script, action, &found);
  if (steps == NULL) {
    PinoStep nothing = {.script = script, .js = script->run->js, .index = -1};
    outcome = failed(&nothing, g_steal_pointer(&found), error);
  } else {
    gboolean kept = g_str_equal(action, "run");
    int index = kept ? pino_progress_begin(script, steps, &input) : 0;
    outcome = run_steps(script, steps, index, kept, input, result, error);
    if (kept)
      pino_progress_end(script);
  }
  script->depth--;
  return outcome;
}
