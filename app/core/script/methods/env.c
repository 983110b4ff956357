/* env.set and env.switch: settings in the app's ENVIRONMENT. */
#include "base/error.h"
#include "environment/env.h"
#include "script/methods/families.h"

typedef struct {
  GPtrArray *texts; /* owns names and values */
  GArray *pairs;
} Settings;

static void settings_clear(Settings *settings) {
  g_ptr_array_unref(settings->texts);
  g_array_unref(settings->pairs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)

static void settings_init(Settings *settings) {
  settings->texts = g_ptr_array_new_with_free_func(g_free);
  settings->pairs = g_array_new(FALSE, FALSE, sizeof(PinoEnvPair));
}

static void settings_take(Settings *settings, const char *name, char *value) {
  char *copy = g_strdup(name);
  g_ptr_array_add(settings->texts, copy);
  g_ptr_array_add(settings->texts, value);
  PinoEnvPair pair = {.name = copy, .value = value};
  g_array_append_val(settings->pairs, pair);
}

static gboolean write_all(PinoStep *step, Settings *settings, GError **error) {
  return settings->pairs->len == 0 ||
         pino_env_set_app(step->script->app_dir, (PinoEnvPair *)settings->pairs->data, settings->pairs->len,
                          error);
}

static JSValueRef env_set(PinoStep *step, GError **error) {
  g_auto(Settings) settings;
  settings_init(&settings);
  g_auto(GStrv) names = pino_js_keys(step->js, step->params);
  for (guint i = 0; names[i] != NULL; i++) {
    JSValueRef value = pino_js_get(step->js, step->params, names[i]);
    char *text = pino_js_is_nullish(step->js, value) ? g_strdup("") : pino_js_to_utf8(step->js, value);
    settings_take(&settings, names[i], text != NULL ? text : g_strdup(""));
  }
  write_all(step, &settings, error);
  return NULL;
}

/* The choice after the one that is set; the first when nothing is set; NULL when something else is. */
static char *next_choice(PinoStep *step, JSValueRef choices, const char *now) {
  guint count = pino_js_length(step->js, choices);
  if (now == NULL)
    return pino_js_to_utf8(step->js, pino_js_get_index(step->js, choices, 0));
  for (guint i = 0; i < count; i++) {
    g_autofree char *choice = pino_js_to_utf8(step->js, pino_js_get_index(step->js, choices, i));
    if (g_strcmp0(choice, now) == 0)
      return pino_js_to_utf8(step->js, pino_js_get_index(step->js, choices, (i + 1) % count));
  }
  return NULL;
}

static JSValueRef env_switch(PinoStep *step, GError **error) {
  g_auto(Settings) settings;
  settings_init(&settings);
  g_autoptr(PinoEnv) env = pino_env_for_app(step->run->home, step->script->app_dir, error);
  if (env == NULL)
    return NULL;
  g_auto(GStrv) names = pino_js_keys(step->js, step->params);
  for (guint i = 0; names[i] != NULL; i++) {
    JSValueRef choices = pino_js_get(step->js, step->params, names[i]);
    char *next = next_choice(step, choices, pino_env_get(env, names[i]));
    if (next != NULL)
      settings_take(&settings, names[i], next);
  }
  write_all(step, &settings, error);
  return NULL;
}

const PinoMethod pino_methods_env[] = {
    {"env.set", env_set},
    {"env.switch", env_switch},
    {NULL, NULL},
};
