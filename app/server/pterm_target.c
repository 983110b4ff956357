/* What the paths and URLs that pterm sends mean. */
#include <string.h>

#include "base/error.h"
#include "server/pterm_internal.h"
#include "script/resolve.h"

void pino_pterm_target_clear(PinoPtermTarget *target) {
  g_clear_pointer(&target->path, g_free);
  g_clear_pointer(&target->app, g_free);
  g_clear_pointer(&target->script, g_free);
}

gboolean pino_pterm_name_is_plain(const char *name) {
  return *name != '\0' && strpbrk(name, "/\\") == NULL && !g_str_equal(name, ".") &&
         !g_str_equal(name, "..") && g_utf8_validate(name, -1, NULL);
}

/* The part of path after folder, or NULL when it lies elsewhere. */
static const char *inside(const char *folder, const char *path) {
  gsize length = strlen(folder);
  if (strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != '\0'))
    return NULL;
  return path[length] == '/' ? path + length + 1 : path + length;
}

static gboolean split(PinoPterm *pterm, const char *path, PinoPtermTarget *target, GError **error) {
  g_autofree char *canonical = g_canonicalize_filename(path, "/");
  const char *rest = inside(pterm->home, canonical);
  if (rest == NULL)
    rest = inside(pterm->real_home, canonical); /* pterm says its working folder without links */
  if (rest == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s is not in %s: only what lies there can be started",
                path, pterm->home);
    return FALSE;
  }
  target->path = *rest != '\0' ? g_build_filename(pterm->home, rest, NULL) : g_strdup(pterm->home);
  const char *below = inside("api", rest);
  if (below == NULL || *below == '\0')
    return TRUE;
  const char *slash = strchr(below, '/');
  target->app = slash != NULL ? g_strndup(below, (gsize)(slash - below)) : g_strdup(below);
  target->script = slash != NULL && slash[1] != '\0' ? g_strdup(slash + 1) : NULL;
  return TRUE;
}

gboolean pino_pterm_target_parse(PinoPterm *pterm, const char *uri, PinoPtermTarget *target, GError **error) {
  if (uri == NULL || *uri == '\0') {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the packet names no script (uri)");
    return FALSE;
  }
  if (!g_str_has_prefix(uri, "http://") && !g_str_has_prefix(uri, "https://")) {
    if (g_path_is_absolute(uri))
      return split(pterm, uri, target, error);
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s is neither an absolute path nor a URL", uri);
    return FALSE;
  }
  g_autofree char *repository = pino_uri_repository(uri);
  g_autofree char *folder = pino_app_by_origin(pterm->home, repository);
  if (folder == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "no app here was cloned from %s", repository);
    return FALSE;
  }
  g_autofree char *rest = pino_uri_inner_path(uri);
  g_autofree char *path = g_build_filename(folder, rest, NULL);
  return split(pterm, path, target, error);
}

gboolean pino_pterm_is_live(JsonObject *run) {
  return run != NULL && json_object_get_boolean_member_with_default(run, "live", FALSE);
}

char *pino_pterm_live_run(PinoPterm *pterm, const PinoPtermTarget *target) {
  g_autoptr(GBytes) view = pino_engine_runs(pterm->engine, target->app, 1000, NULL);
  g_autoptr(JsonArray) runs = pino_pterm_array(view);
  for (guint i = 0; runs != NULL && i < json_array_get_length(runs); i++) {
    JsonObject *run = json_array_get_object_element(runs, i);
    if (pino_pterm_is_live(run) && g_strcmp0(pino_pterm_text(run, "script"), target->path) == 0)
      return g_strdup(pino_pterm_text(run, "id"));
  }
  return NULL;
}
