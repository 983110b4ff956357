/* What a person sees or is asked: input, modal, notify... The UI shows the events; nothing is drawn here. */
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

static JSValueRef pass_over(PinoStep *step, GError **error) {
  g_autofree char *text = g_strdup_printf("%s is deprecated and passed over\r\n", step->method);
  pino_step_print(step, text);
  return NULL;
}

/* --- filepicker.open ------------------------------------------------------------------------------------------- */

/* What is asked: the step's params, with the folder to begin in, and a field for those who have no picker. */
static JSValueRef picker_request(PinoStep *step, const char *folder) {
  PinoJs *js = step->js;
  JSObjectRef request = pino_js_object(js);
  g_auto(GStrv) names = pino_js_keys(js, step->params);
  for (guint i = 0; names[i] != NULL; i++)
    pino_js_set(js, request, names[i], pino_js_get(js, step->params, names[i]));
  JSObjectRef field = pino_js_object(js);
  pino_js_set(js, field, "key", pino_js_string(js, "paths"));
  pino_js_set(js, field, "title", pino_js_string(js, "Path"));
  JSValueRef fields[] = {field};
  pino_js_set(js, request, "form", pino_js_array(js, 1, fields));
  pino_js_set(js, request, "picker", pino_js_bool(js, TRUE));
  pino_js_set(js, request, "cwd", pino_js_string(js, folder));
  return request;
}

static JSValueRef chosen_path(PinoStep *step, const char *folder, JSValueRef item, GError **error) {
  g_autofree char *text = pino_js_is_string(step->js, item) ? pino_js_to_utf8(step->js, item) : NULL;
  if (text == NULL || *text == '\0') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "filepicker.open: the answer's paths are no texts");
    return NULL;
  }
  g_autofree char *path = g_canonicalize_filename(text, folder);
  gboolean save = pino_js_truthy(step->js, pino_js_get(step->js, step->params, "save"));
  if (save || g_file_test(path, G_FILE_TEST_EXISTS))
    return pino_js_string(step->js, path);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "filepicker.open: there is no %s on this machine",
              path);
  return NULL;
}

/* {paths: ["/absolute", ...]}; none chosen gives none. */
static JSValueRef picked(PinoStep *step, const char *folder, JSValueRef answers, GError **error) {
  PinoJs *js = step->js;
  JSValueRef given = pino_js_get(js, answers, "paths");
  gboolean several = pino_js_is_array(js, given);
  guint count = several ? pino_js_length(js, given) : pino_js_is_nullish(js, given) ? 0 : 1;
  JSObjectRef list = pino_js_array(js, 0, NULL);
  for (guint i = 0; i < count; i++) {
    JSValueRef item = several ? pino_js_get_index(js, given, i) : given;
    JSValueRef path = chosen_path(step, folder, item, error);
    if (path == NULL)
      return NULL;
    JSObjectSetPropertyAtIndex(pino_js_context(js), list, i, path, NULL);
  }
  JSObjectRef result = pino_js_object(js);
  pino_js_set(js, result, "paths", list);
  return result;
}

static JSValueRef pick_files(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  if (!pino_js_is_object(js, step->params))
    step->params = pino_js_object(js);
  g_autofree char *cwd = pino_js_get_utf8(js, step->params, "cwd");
  g_autofree char *path = cwd != NULL ? g_steal_pointer(&cwd) : pino_js_get_utf8(js, step->params, "path");
  g_autofree char *folder = g_canonicalize_filename(path != NULL ? path : "", step->script->cwd);
  JSValueRef request = picker_request(step, folder);
  pino_step_tell(step, "filepicker", request);
  JSValueRef answers = ask(step, request, error);
  return answers != NULL ? picked(step, folder, answers, error) : NULL;
}

const PinoMethod pino_methods_person[] = {
    {"filepicker.open", pick_files},
    {"input", input},
    {"modal", modal},
    {"notify", notify},
    {"push", notify},
    {"proxy.start", pass_over},
    {"proxy.stop", pass_over},
    {NULL, NULL},
};
