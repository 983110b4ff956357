/* What a person sees or is asked: input, notify, web.open... The UI shows the events; nothing is drawn here. */
#include "base/error.h"
#include "script/methods/families.h"

static JSValueRef ask(PinoStep *step, JSValueRef request, GError **error) {
  PinoRun *run = step->run;
  g_autofree char *json = pino_js_to_json(step->js, request, 0, error);
  if (json == NULL)
    return NULL;
  if (run->options.ask == NULL) {
    g_set_error(
        error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
        "this step asks for input and nobody is there to answer: start it on a terminal, or give the answers "
        "with --answers FILE.json");
    return NULL;
  }
  g_autofree char *answers = pino_script_ask(step->script, json, error);
  return answers != NULL ? pino_js_from_json(step->js, answers, error) : NULL;
}

/* A form without fields is a message with a button: where nobody can press it, the script goes on. */
static gboolean may_go_on(PinoStep *step, const GError *error) {
  JSValueRef form = pino_js_get(step->js, step->params, "form");
  gboolean has_fields = pino_js_is_array(step->js, form) && pino_js_length(step->js, form) > 0;
  return !has_fields && g_error_matches(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
}

static JSValueRef answered(PinoStep *step, GError **error) {
  g_autoptr(GError) found = NULL;
  JSValueRef answers = ask(step, step->params, &found);
  if (answers == NULL && may_go_on(step, found))
    return pino_js_object(step->js);
  if (answers == NULL)
    g_propagate_error(error, g_steal_pointer(&found));
  return answers;
}

static JSValueRef input(PinoStep *step, GError **error) {
  g_autofree char *type = pino_js_get_utf8(step->js, step->params, "type");
  if (!pino_js_is_object(step->js, step->params)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "input wants a form");
    return NULL;
  }
  pino_step_tell(step, "input", step->params);
  if (g_strcmp0(type, "notify") == 0) /* older apps show a message this way */
    return NULL;
  JSValueRef answers = answered(step, error);
  if (answers == NULL)
    return NULL;
  JSValueRef forms = pino_js_internal(step->js, "pino:forms", error);
  JSValueRef argv[] = {step->params, answers};
  return forms != NULL ? pino_run_invoke(step->run, (JSObjectRef)forms, "finish", 2, argv, error) : NULL;
}

static JSValueRef modal(PinoStep *step, GError **error) {
  if (!pino_js_is_object(step->js, step->params)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "modal wants what it is to show: title, description, menu");
    return NULL;
  }
  pino_step_tell(step, "modal", step->params);
  return answered(step, error);
}

static JSValueRef told(PinoStep *step, const char *name) {
  pino_step_tell(step, name,
                 pino_js_is_undefined(step->js, step->params) ? pino_js_object(step->js) : step->params);
  return NULL;
}

static JSValueRef notify(PinoStep *step, GError **error) {
  return told(step, "notify");
}

static JSValueRef open_page(PinoStep *step, GError **error) {
  return told(step, "open");
}

static JSValueRef close_page(PinoStep *step, GError **error) {
  return told(step, "close");
}

static JSValueRef pass_over(PinoStep *step, GError **error) {
  g_autofree char *text = g_strdup_printf("%s is deprecated and passed over\r\n", step->method);
  pino_step_print(step, text);
  return NULL;
}

const PinoMethod pino_methods_person[] = {
    {"input", input},
    {"modal", modal},
    {"notify", notify},
    {"push", notify},
    {"web.open", open_page},
    {"browser.open", open_page},
    {"uri.open", open_page},
    {"tab.open", open_page},
    {"web.close", close_page},
    {"browser.close", close_page},
    {"proxy.start", pass_over},
    {"proxy.stop", pass_over},
    {NULL, NULL},
};
