#include "state/installation.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

static char *file_of(const char *home, const char *app, const char *name) {
  return g_build_filename(home, "apps", app, name, NULL);
}

char *pino_installation_steps(const char *home, const char *app) {
  return file_of(home, app, "steps.json");
}

static char *text_member(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  gboolean is_text = node != NULL && json_node_get_value_type(node) == G_TYPE_STRING;
  return is_text ? json_node_dup_string(node) : NULL;
}

void pino_installation_read(const char *home, const char *app, PinoInstallation *record) {
  g_autofree char *file = file_of(home, app, "install.json");
  g_autoptr(JsonObject) object = pino_json_read_object(file);
  *record = (PinoInstallation){0};
  if (object == NULL)
    return;
  JsonNode *input = json_object_get_member(object, "input");
  g_autofree char *state = text_member(object, "state");
  record->installing = g_strcmp0(state, "installing") == 0;
  record->script = text_member(object, "script");
  record->commit = text_member(object, "commit");
  record->input = input != NULL && JSON_NODE_HOLDS_OBJECT(input) ? json_to_string(input, FALSE) : NULL;
  record->failed = (guint)MAX(json_object_get_int_member_with_default(object, "failed", 0), 0);
  record->began_at = json_object_get_int_member_with_default(object, "began_at", 0);
  record->ended_at = json_object_get_int_member_with_default(object, "ended_at", 0);
}

gboolean pino_installation_write(const char *home, const char *app, const PinoInstallation *record,
                                 GError **error) {
  g_autofree char *file = file_of(home, app, "install.json");
  g_autoptr(GString) out = g_string_new("{");
  pino_json_append_member(out, "state", record->installing ? "installing" : "installed");
  pino_json_append_member(out, "script", record->script);
  pino_json_append_member(out, "commit", record->commit);
  if (record->input != NULL)
    g_string_append_printf(out, ",\"input\":%s", record->input);
  g_string_append_printf(
      out, ",\"failed\":%u,\"began_at\":%" G_GINT64_FORMAT ",\"ended_at\":%" G_GINT64_FORMAT "}\n",
      record->failed, record->began_at, record->ended_at);
  g_autofree char *folder = g_path_get_dirname(file);
  if (g_mkdir_with_parents(folder, 0777) != 0) {
    pino_error_set_errno(error, errno, "mkdir", folder);
    return FALSE;
  }
  return g_file_set_contents_full(file, out->str, (gssize)out->len,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

void pino_installation_remove(const char *home, const char *app) {
  static const char *const names[] = {"steps.json", "install.json"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *file = file_of(home, app, names[i]);
    g_unlink(file);
  }
}

void pino_installation_clear(PinoInstallation *record) {
  g_free(record->script);
  g_free(record->input);
  g_free(record->commit);
  *record = (PinoInstallation){0};
}
