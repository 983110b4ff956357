/* What is done to an app that is there: updated, taken back, reset, removed. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "state/installation.h"
#include "lifecycle/remove.h"
#include "lifecycle/update.h"
#include "lifecycle/work.h"
#include "storage/pool.h"

/* The app's own script of that name, or NULL. Free with g_free(). */
static char *own_script(const PinoWork *work, const char *name) {
  static const char *const forms[] = {"%s.js", "%s.json", "pinokio/%s.js", "pinokio/%s.json"};
  for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
    g_auto(GStrv) parts = g_strsplit(forms[i], "%s", 2);
    g_autofree char *file = g_strconcat(parts[0], name, parts[1], NULL);
    g_autofree char *path = g_build_filename(work->folder, file, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer(&path);
  }
  return NULL;
}

static void add_json(PinoWork *work, const char *name, const char *json) {
  g_string_append_printf(work->done, ",\"%s\":%s", name, json);
}

/* --- update ------------------------------------------------------------------------------------------------------- */

static void tell_update(PinoWork *work, const PinoUpdate *update) {
  add_json(work, "update", update->json);
  if (update->changed)
    pino_work_stage(work, "update", "%s went from commit %.10s to %.10s", work->app, update->before,
                    update->after);
  else
    pino_work_stage(work, "update", "%s is at its newest commit, %.10s", work->app, update->after);
  if (update->kept != NULL)
    pino_work_stage(work, "update", "%s", update->kept);
}

static void keep_view(PinoWork *work) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *stamp = g_date_time_format_iso8601(now);
  PinoViewFacts facts = {.updated_at = stamp};
  pino_work_refresh_view(work, &facts);
}

/* The new launcher may bring another update script than the old one. */
gboolean pino_change_update(PinoWork *work, GError **error) {
  g_autoptr(PinoUpdate) update =
      pino_work_needs_app(work, error) && pino_update_note(work->home, work->folder, error)
          ? pino_update(work->run, work->folder, pino_work_flag(work, "force"), error)
          : NULL;
  if (update == NULL)
    return FALSE;
  tell_update(work, update);
  guint failed = 0;
  g_autofree char *script = own_script(work, "update");
  if (script != NULL) {
    g_autofree char *name = g_path_get_basename(script);
    pino_work_stage(work, "update", "running its %s", name);
    if (!pino_work_script(work, script, NULL, &failed, error)) {
      g_prefix_error(
          error,
          "its files are updated, but its %s did not finish (`update --back` returns to the old ones): ",
          name);
      return FALSE;
    }
  }
  g_string_append_printf(work->done, ",\"failed_commands\":%u", failed);
  keep_view(work);
  return TRUE;
}

gboolean pino_change_back(PinoWork *work, GError **error) {
  g_autoptr(PinoUpdate) update =
      pino_work_needs_app(work, error)
          ? pino_update_back(work->run, work->folder, pino_work_flag(work, "force"), error)
          : NULL;
  if (update == NULL)
    return FALSE;
  tell_update(work, update);
  pino_work_stage(work, "update",
                  "packages stay as they are: `install %s --from-start` brings them to this commit's",
                  work->app);
  keep_view(work);
  return TRUE;
}

/* --- asking --------------------------------------------------------------------------------------------- */

/* text tells what will be done. FALSE with CANCELLED when the person does not say yes. */
static gboolean is_sure(PinoWork *work, const char *title, const char *text, GError **error) {
  g_autoptr(GString) request = g_string_new("{");
  pino_json_append_member(request, "title", title);
  pino_json_append_member(request, "description", text);
  g_string_append(request, ",\"form\":[{\"key\":\"sure\",\"type\":\"checkbox\",\"title\":\"Go on?\"}]}");
  g_autofree char *answers = pino_run_ask(work->run, request->str, error);
  g_autoptr(JsonNode) node = answers != NULL ? json_from_string(answers, NULL) : NULL;
  if (answers == NULL) {
    g_prefix_error(error, "nothing was done, because it was not confirmed (--yes does so): ");
    return FALSE;
  }
  if (node != NULL && JSON_NODE_HOLDS_OBJECT(node) &&
      json_object_get_boolean_member_with_default(json_node_get_object(node), "sure", FALSE))
    return TRUE;
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "nothing was done: the answer was not yes");
  return FALSE;
}

/* What a removal would do, told and asked about when that is wanted. */
static gboolean may_remove(PinoWork *work, const char *verb, GError **error) {
  g_autofree char *look = pino_uninstall_look(work->home, work->app, error);
  g_autoptr(JsonNode) node = look != NULL ? json_from_string(look, error) : NULL;
  if (node == NULL)
    return FALSE;
  const char *text = json_object_get_string_member_with_default(json_node_get_object(node), "text", "");
  g_autofree char *title = g_strdup_printf("%s %s?", verb, work->app);
  pino_run_tell(work->run, "look", look);
  return !pino_work_flag(work, "ask") || is_sure(work, title, text, error);
}

/* --- reset, uninstall ------------------------------------------------------------------------------------------- */

static void tell_freed(PinoWork *work, const char *json, const char *what) {
  g_autoptr(JsonNode) node = json_from_string(json, NULL);
  if (node == NULL)
    return;
  JsonObject *object = json_node_get_object(node);
  const char *kept = json_object_get_string_member_with_default(object, "kept", NULL);
  g_autofree char *bytes =
      g_format_size((guint64)MAX(json_object_get_int_member_with_default(object, "bytes", 0), 0));
  pino_work_stage(work, "done", "%s %s: %s freed%s%s", work->app, what, bytes,
                  kept != NULL ? "; what you made with it is in " : "", kept != NULL ? kept : "");
}

/* A reset that is cut short leaves an app of which nobody knows what is there: its install begins anew. */
static gboolean begin_reset(PinoWork *work, GError **error) {
  PinoInstallation record;
  pino_installation_read(work->home, work->app, &record);
  gboolean ok = TRUE;
  pino_installation_remove(work->home, work->app);
  if (record.script != NULL) {
    record.installing = TRUE;
    record.failed = 0;
    ok = pino_installation_write(work->home, work->app, &record, error);
  }
  pino_installation_clear(&record);
  return ok;
}

gboolean pino_change_reset(PinoWork *work, GError **error) {
  if (!pino_work_needs_app(work, error) ||
      (pino_work_flag(work, "ask") &&
       !is_sure(work, "Reset", "The app goes back to how it was before it was installed.", error)))
    return FALSE;
  if (!begin_reset(work, error))
    return FALSE;
  g_autofree char *script = own_script(work, "reset");
  if (script != NULL) {
    g_autofree char *name = g_path_get_basename(script);
    pino_work_stage(work, "reset", "running its %s", name);
    if (!pino_work_script(work, script, NULL, NULL, error))
      return FALSE;
  } else {
    pino_work_stage(work, "reset", "%s brings no reset script: its folder goes back to what was cloned",
                    work->app);
    g_autofree char *json = pino_reset(work->run, work->folder, pino_work_flag(work, "purge"), error);
    if (json == NULL)
      return FALSE;
    add_json(work, "reset", json);
    tell_freed(work, json, "is as it was cloned");
  }
  pino_installation_remove(work->home, work->app);
  pino_work_refresh_view(work, NULL);
  return TRUE;
}

/* Large downloads that no app uses any more: a later install would fetch them again, so they go only with purge. */
static void look_at_pool(PinoWork *work) {
  gboolean purge = pino_work_flag(work, "purge");
  g_autoptr(GPtrArray) objects = NULL;
  guint64 bytes = 0;
  if (!pino_pool_clean(work->home, 0, !purge, &objects, NULL, NULL))
    return;
  for (guint i = 0; i < objects->len; i++)
    bytes += ((const PinoPoolObject *)objects->pdata[i])->size;
  g_autofree char *size = g_format_size(bytes);
  if (bytes > 0)
    pino_work_stage(work, "done",
                    purge ? "%s of downloads that no app uses any more are removed too"
                          : "%s of downloads that no app uses any more stay, for another install: "
                            "`pinokiocloud drive clean` removes them",
                    size);
}

gboolean pino_change_uninstall(PinoWork *work, GError **error) {
  if (!may_remove(work, "Uninstall", error))
    return FALSE;
  g_autofree char *json = pino_uninstall(work->run, work->app, pino_work_flag(work, "purge"), error);
  if (json == NULL)
    return FALSE;
  add_json(work, "uninstall", json);
  tell_freed(work, json, "is removed");
  look_at_pool(work);
  return TRUE;
}
