/* fs.link (old: fs.share): the app's folders on the virtual drive. */
#include "base/error.h"
#include "environment/env.h"
#include "script/methods/families.h"
#include "storage/link.h"

static void on_note(const char *text, gpointer data) {
  g_autofree char *line = g_strconcat(text, "\r\n", NULL);
  pino_step_print(data, line);
}

static char **texts_of(PinoStep *step, JSValueRef value) {
  g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
  guint count = pino_js_is_array(step->js, value) ? pino_js_length(step->js, value) : 1;
  for (guint i = 0; i < count; i++) {
    JSValueRef item = pino_js_is_array(step->js, value) ? pino_js_get_index(step->js, value, i) : value;
    g_autofree char *text = pino_js_is_nullish(step->js, item) ? NULL : pino_js_to_utf8(step->js, item);
    if (text != NULL)
      g_strv_builder_add(texts, text);
  }
  return g_strv_builder_end(texts);
}

static char *drive_folder(PinoStep *step, GError **error) {
  g_autoptr(PinoEnv) env = pino_env_for_app(step->run->home, step->script->app_dir, error);
  const char *drive = env != NULL ? pino_env_get(env, "PINOKIO_DRIVE") : NULL;
  return drive != NULL ? g_canonicalize_filename(drive, step->run->home) : NULL;
}

static gboolean link_drive(PinoStep *step, const char *drive, JSValueRef mapping, GError **error) {
  g_auto(GStrv) names = pino_js_keys(step->js, mapping);
  g_auto(GStrv) peers = texts_of(step, pino_js_get(step->js, step->params, "peers"));
  guint count = g_strv_length(names);
  g_autofree PinoDriveMapping *mappings = g_new0(PinoDriveMapping, count);
  g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
  for (guint i = 0; i < count; i++) {
    char **list = texts_of(step, pino_js_get(step->js, mapping, names[i]));
    g_ptr_array_add(folders, list);
    mappings[i] = (PinoDriveMapping){.name = names[i], .folders = (const char *const *)list};
  }
  PinoDriveSpec spec = {
      .home = step->run->home,
      .drive_dir = drive,
      .app_dir = step->script->app_dir,
      .cwd = step->script->cwd,
      .mappings = mappings,
      .n_mappings = count,
      .peers = (const char *const *)peers,
      .note = on_note,
      .note_data = step,
      .cancellable = step->script->cancellable,
  };
  return pino_drive_link(&spec, error);
}

static JSValueRef fs_link(PinoStep *step, GError **error) {
  g_autoptr(GError) found = NULL;
  g_autofree char *drive = drive_folder(step, &found);
  JSValueRef mapping = pino_js_get(step->js, step->params, "drive");
  gboolean has_venv = !pino_js_is_nullish(step->js, pino_js_get(step->js, step->params, "venv"));
  if (found != NULL) {
    g_propagate_error(error, g_steal_pointer(&found));
  } else if (pino_js_is_object(step->js, mapping)) {
    link_drive(step, drive, mapping, error);
  } else if (has_venv) {
    g_autofree char *venv = pino_step_path(step, "venv", error);
    PinoVenvTally tally = {0};
    if (venv != NULL &&
        pino_drive_link_venv(step->run->home, drive, venv, &tally, step->script->cancellable, error)) {
      g_autofree char *line = g_strdup_printf("%u packages shared, %u files linked, %u kept\r\n",
                                              tally.packages, tally.linked, tally.kept);
      pino_step_print(step, line);
    }
  } else {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants `drive` ({name: folder}) or `venv`",
                step->method);
  }
  return NULL;
}

const PinoMethod pino_methods_link[] = {
    {"fs.link", fs_link},
    {"fs.share", fs_link},
    {NULL, NULL},
};
