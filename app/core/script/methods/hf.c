/* hf.download: models from Hugging Face, through its own program, run as shell.run runs a structured message. */
#include "base/error.h"
#include "environment/tools.h"
#include "script/methods/families.h"

static gboolean is_own(const char *name) {
  static const char *const names[] = {"_", "path", "env", NULL};
  return g_strv_contains(names, name);
}

/* {_: [hf, download, ...], the flags} */
static JSObjectRef message_of(PinoStep *step, const char *program) {
  PinoJs *js = step->js;
  JSObjectRef message = pino_js_object(js);
  JSValueRef given = pino_js_get(js, step->params, "_");
  JSValueRef words[] = {pino_js_string(js, program), pino_js_string(js, "download")};
  JSObjectRef positional = pino_js_array(js, G_N_ELEMENTS(words), words);
  guint count = pino_js_is_array(js, given) ? pino_js_length(js, given) : !pino_js_is_nullish(js, given);
  for (guint i = 0; i < count; i++) {
    JSValueRef item = pino_js_is_array(js, given) ? pino_js_get_index(js, given, i) : given;
    JSObjectSetPropertyAtIndex(pino_js_context(js), positional, G_N_ELEMENTS(words) + i, item, NULL);
  }
  pino_js_set(js, message, "_", positional);
  g_auto(GStrv) names = pino_js_keys(js, step->params);
  for (guint i = 0; names[i] != NULL; i++) {
    if (!is_own(names[i]))
      pino_js_set(js, message, names[i], pino_js_get(js, step->params, names[i]));
  }
  return message;
}

static JSValueRef hf_download(PinoStep *step, GError **error) {
  PinoJs *js = step->js;
  g_autofree char *program = pino_tool_find(step->run->home, "hf");
  if (program == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "the program hf (Hugging Face's command line) is not installed: run setup/install.sh hf, or "
                "pip install huggingface_hub");
    return NULL;
  }
  JSObjectRef params = pino_js_object(js);
  pino_js_set(js, params, "message", message_of(step, program));
  pino_js_set(js, params, "path", pino_js_get(js, step->params, "path"));
  pino_js_set(js, params, "env", pino_js_get(js, step->params, "env"));
  step->params = params;
  JSValueRef result = pino_method_shell_run(step, error);
  double code = result != NULL ? pino_js_to_number(js, pino_js_get(js, result, "exit_code")) : 0;
  if (!(code > 0))
    return result;
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
              "hf download ended with exit code %.0f: see what it printed", code);
  return NULL;
}

const PinoMethod pino_methods_hf[] = {
    {"hf.download", hf_download},
    {NULL, NULL},
};
