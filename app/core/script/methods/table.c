#include "base/error.h"
#include "script/methods/families.h"

/* js/methods.js */
const PinoMethod pino_methods_values[] = {
    {"log", NULL},          {"jump", NULL},       {"goto", NULL},       {"script.return", NULL},
    {"local.set", NULL},    {"global.set", NULL}, {"local.rm", NULL},   {"global.rm", NULL},
    {"local.import", NULL}, {"import", NULL},     {"load", NULL},       {"set", NULL},
    {"rm", NULL},           {"self.set", NULL},   {"self.rm", NULL},    {"json.set", NULL},
    {"json.rm", NULL},      {"json.get", NULL},   {"json.merge", NULL}, {"key.set", NULL},
    {"key.get", NULL},      {"net", NULL},        {"exec", NULL},       {"global.import", NULL},
    {NULL, NULL},
};

/* In the specification (section 4), and to come. */
static const char *const unavailable[] = {
    "htmlmodal.open", "htmlmodal.update", "htmlmodal.close", "loading.start",   "loading.end",
    "fs.open",        "app.launch",       "app.search",      "app.info",        "app.refresh",
    "hf.login",       "hf.logout",        "hf.upload",       "github.create",   "github.fork",
    "gradio.predict", "clipboard.copy",   "clipboard.paste", "terminal.upload", NULL,
};

static const PinoMethod *find_in(const PinoMethod *table, const char *name) {
  for (const PinoMethod *method = table; method->name != NULL; method++) {
    if (g_str_equal(method->name, name))
      return method;
  }
  return NULL;
}

const PinoMethod *pino_method_find(const char *name, GError **error) {
  static const PinoMethod *const families[] = {
      pino_methods_values,  pino_methods_shell,  pino_methods_fs,  pino_methods_link, pino_methods_script,
      pino_methods_process, pino_methods_person, pino_methods_env, pino_methods_hf,   pino_methods_web,
  };
  for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
    const PinoMethod *method = find_in(families[i], name);
    if (method != NULL)
      return method;
  }
  if (g_strv_contains(unavailable, name))
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "not available yet: %s", name);
  else
    g_set_error(
        error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
        "there is no method '%s': see the list in Pinokio's documentation, or name a module with `uri`",
        name);
  return NULL;
}
