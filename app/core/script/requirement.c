#include "base/error.h"
#include "script/internal.h"

static char *missing_names(PinoJs *js, JSValueRef form) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < pino_js_length(js, form); i++) {
    JSValueRef item = pino_js_get_index(js, form, i);
    g_autofree char *key = pino_js_get_utf8(js, item, "key");
    g_autofree char *title = pino_js_get_utf8(js, item, "title");
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", key);
    if (g_strcmp0(title, key) != 0)
      g_string_append_printf(names, " (%s)", title);
  }
  return g_string_free(g_steal_pointer(&names), FALSE);
}

static JSValueRef ask(PinoScript *script, JSValueRef request, GError **error) {
  PinoRun *run = script->run;
  g_autofree char *json = pino_js_to_json(run->js, request, 0, error);
  g_autofree char *names = missing_names(run->js, pino_js_get(run->js, request, "form"));
  g_autofree char *answers = NULL;
  g_autoptr(GError) found = NULL;
  if (json != NULL && run->options.ask != NULL)
    answers = pino_script_ask(script, json, &found);
  if (answers != NULL)
    return pino_js_from_json(run->js, answers, error);
  if (found != NULL && !g_error_matches(found, PINO_ERROR, PINO_ERROR_UNAVAILABLE))
    g_propagate_error(error, g_steal_pointer(&found));
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "%s needs settings that are not there: %s. Write them into %s/ENVIRONMENT as KEY=value and "
                "start again",
                script->path, names, script->app_dir);
  return NULL;
}

gboolean pino_require_environment(PinoScript *script, GError **error) {
  PinoRun *run = script->run;
  PinoJs *js = run->js;
  JSValueRef body = pino_js_get(js, script->entry, "body");
  if (!pino_js_has(js, body, "env") && !pino_js_has(js, body, "pre"))
    return TRUE;
  JSValueRef required = pino_js_internal(js, "pino:required", error);
  if (required == NULL)
    return FALSE;
  JSObjectRef about = pino_js_object(js);
  pino_js_set(js, about, "body", body);
  pino_js_set(js, about, "folder", pino_js_string(js, script->app_dir));
  JSValueRef argv[] = {about};
  JSValueRef request = pino_run_invoke(run, (JSObjectRef)required, "missing", 1, argv, error);
  if (request == NULL || pino_js_is_nullish(js, request))
    return request != NULL;
  JSValueRef answers = ask(script, request, error);
  if (answers == NULL)
    return FALSE;
  pino_js_set(js, about, "form", pino_js_get(js, request, "form"));
  pino_js_set(js, about, "answers", answers);
  JSValueRef still = pino_run_invoke(run, (JSObjectRef)required, "keep", 1, argv, error);
  g_autofree char *names = still != NULL ? pino_js_to_utf8(js, still) : NULL;
  if (names == NULL)
    return FALSE;
  if (*names != '\0')
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s needs settings that were left empty: %s",
                script->path, names);
  return *names == '\0';
}
