/* hf.download: models from Hugging Face, through its own program. */
#include <string.h>

#include "base/error.h"
#include "environment/tools.h"
#include "script/methods/families.h"
#include "storage/atomic.h"

static void add_value(PinoStep *step, GStrvBuilder *argv, JSValueRef value) {
  guint count = pino_js_is_array(step->js, value) ? pino_js_length(step->js, value) : 1;
  for (guint i = 0; i < count; i++) {
    JSValueRef item = pino_js_is_array(step->js, value) ? pino_js_get_index(step->js, value, i) : value;
    g_autofree char *text = pino_js_is_nullish(step->js, item) ? NULL : pino_js_to_utf8(step->js, item);
    if (text != NULL && strstr(text, "{{") == NULL)
      g_strv_builder_add(argv, text);
  }
}

static void add_flag(PinoStep *step, GStrvBuilder *argv, const char *name) {
  JSValueRef value = pino_js_get(step->js, step->params, name);
  if (!pino_js_truthy(step->js, value))
    return;
  g_autofree char *flag = g_strdup_printf("%s%s", strlen(name) == 1 ? "-" : "--", name);
  g_strv_builder_add(argv, flag);
  if (!JSValueIsBoolean(pino_js_context(step->js), value))
    add_value(step, argv, value);
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
  g_autofree char *place = pino_js_get_utf8(js, step->params, "path");
  g_autofree char *folder =
      place != NULL ? pino_script_resolve(step->script, place, error) : g_strdup(step->script->cwd);
  if (folder == NULL || !pino_dir_make(folder, error))
    return NULL;
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  g_strv_builder_add_many(builder, program, "download", NULL);
  add_value(step, builder, pino_js_get(js, step->params, "_"));
  g_auto(GStrv) names = pino_js_keys(js, step->params);
  for (guint i = 0; names[i] != NULL; i++) {
    if (!g_str_equal(names[i], "_") && !g_str_equal(names[i], "path"))
      add_flag(step, builder, names[i]);
  }
  g_auto(GStrv) argv = g_strv_builder_end(builder);
  pino_step_run_program(step, folder, (const char *const *)argv, error);
  return NULL;
}

const PinoMethod pino_methods_hf[] = {
    {"hf.download", hf_download},
    {NULL, NULL},
};
