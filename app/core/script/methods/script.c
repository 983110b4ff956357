/* script.*: other scripts, and what became of them. */
#include <string.h>

#include "base/error.h"
#include "script/methods/families.h"
#include "script/methods/gitrun.h"
#include "script/resolve.h"

static char *uri_of(PinoStep *step, GError **error) {
  char *uri = pino_js_is_string(step->js, step->params) ? pino_js_to_utf8(step->js, step->params)
                                                        : pino_js_get_utf8(step->js, step->params, "uri");
  if (uri == NULL || *uri == '\0') {
    g_clear_pointer(&uri, g_free);
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants the uri of a script", step->method);
  }
  return uri;
}

/* What the script gets: the step's params, over the fields of the URI's query. */
static JSValueRef input_of(PinoStep *step, const char *query) {
  PinoJs *js = step->js;
  JSValueRef params = pino_js_get(js, step->params, "params");
  if (query == NULL)
    return pino_js_is_nullish(js, params) ? pino_js_object(js) : params;
  JSObjectRef object = pino_js_object(js);
  GHashTableIter iter;
  gpointer key, value;
  g_autoptr(GHashTable) fields = g_uri_parse_params(query, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
  if (fields != NULL) {
    g_hash_table_iter_init(&iter, fields);
    while (g_hash_table_iter_next(&iter, &key, &value))
      pino_js_set(js, object, key, pino_js_string(js, value));
  }
  g_auto(GStrv) names = pino_js_keys(js, params);
  for (guint i = 0; names[i] != NULL; i++)
    pino_js_set(js, object, names[i], pino_js_get(js, params, names[i]));
  return object;
}

/* The app of a git URI is cloned when it is not there; branch, hash and pull then switch it. */
static gboolean fetch_app(PinoStep *step, const char *uri, GError **error) {
  PinoJs *js = step->js;
  g_autofree char *branch = pino_js_get_utf8(js, step->params, "branch");
  g_autofree char *hash = pino_js_get_utf8(js, step->params, "hash");
  PinoGitWish wish = {
      .uri = uri,
      .branch = branch,
      .hash = hash,
      .pull = pino_js_truthy(js, pino_js_get(js, step->params, "pull")),
  };
  return !pino_uri_is_git(uri) || pino_git_fetch_app(step, &wish, error);
}

/* In this run or, in the service, in another one. */
static gboolean is_running(PinoStep *step, const char *path) {
  if (pino_script_find(step->run, path) != NULL)
    return TRUE;
  JSValueRef argv[] = {pino_js_string(step->js, path)};
  JSValueRef runs = step->run->has_registry
                        ? pino_run_invoke(step->run, step->run->world, "isRunning", 1, argv, NULL)
                        : NULL;
  return runs != NULL && pino_js_truthy(step->js, runs);
}

/* A script that another run has. */
static gboolean stop_elsewhere(PinoStep *step, const char *path, GError **error) {
  PinoRun *run = step->run;
  gboolean stopped = FALSE;
  return !run->has_registry ||
         run->registry.stop(path, step->script->cancellable, &stopped, run->registry.data, error);
}

static JSValueRef script_start(PinoStep *step, GError **error) {
  g_autofree char *uri = uri_of(step, error);
  g_autofree char *query = NULL;
  if (uri == NULL || !fetch_app(step, uri, error))
    return NULL;
  g_autofree char *path = pino_uri_resolve(step->run->home, step->script->cwd, uri, &query);
  if (path == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "no app was cloned from %s", uri);
    return NULL;
  }
  if (is_running(step, path)) {
    g_autofree char *text = g_strdup_printf("%s is already running. Continuing...\r\n", uri);
    pino_step_print(step, text);
    return NULL;
  }
  JSValueRef result = NULL;
  PinoOutcome outcome =
      pino_script_run(step->run, path, uri, NULL, input_of(step, query), FALSE, &result, error);
  if (outcome != PINO_OUTCOME_ERROR && outcome != PINO_OUTCOME_CANCELLED)
    return result;
  if (outcome == PINO_OUTCOME_CANCELLED && !g_cancellable_is_cancelled(step->script->cancellable)) {
    g_clear_error(error); /* somebody stopped that script, not this one */
    return NULL;
  }
  g_prefix_error(error, "%s: ", uri);
  return NULL;
}

static gboolean stop_one(PinoStep *step, JSValueRef item, GError **error) {
  g_autofree char *uri = pino_js_to_utf8(step->js, item);
  g_autofree char *path = uri != NULL ? pino_script_resolve(step->script, uri, error) : NULL;
  if (path == NULL)
    return FALSE;
  PinoScript *script = pino_script_find(step->run, path);
  if (script != NULL)
    pino_script_close(script, TRUE);
  else if (!stop_elsewhere(step, path, error))
    return FALSE;
  JSValueRef argv[] = {pino_js_string(step->js, path)};
  pino_run_invoke(step->run, step->run->world, "forget", 1, argv, NULL);
  g_autofree char *text = g_strdup_printf("Stopped %s\r\n", uri);
  pino_step_print(step, text);
  return TRUE;
}

static JSValueRef script_stop(PinoStep *step, GError **error) {
  JSValueRef uri =
      pino_js_is_object(step->js, step->params) ? pino_js_get(step->js, step->params, "uri") : step->params;
  if (pino_js_is_nullish(step->js, uri)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "script.stop wants the uri of a script, or several");
    return NULL;
  }
  guint count = pino_js_is_array(step->js, uri) ? pino_js_length(step->js, uri) : 1;
  for (guint i = 0; i < count; i++) {
    if (!stop_one(step, pino_js_is_array(step->js, uri) ? pino_js_get_index(step->js, uri, i) : uri, error))
      return NULL;
  }
  return NULL;
}

static JSValueRef script_download(PinoStep *step, GError **error) {
  g_autofree char *uri = uri_of(step, error);
  if (uri == NULL || !fetch_app(step, uri, error))
    return NULL;
  if (pino_uri_is_git(uri))
    return pino_js_string(step->js, uri);
  g_autofree char *path = pino_script_resolve(step->script, uri, error);
  return path != NULL ? pino_js_string(step->js, path) : NULL;
}

static JSValueRef state_of(PinoStep *step, const char *function, GError **error) {
  g_autofree char *uri =
      pino_js_is_nullish(step->js, step->params) ? g_strdup(step->script->path) : uri_of(step, error);
  g_autofree char *path =
      uri != NULL ? pino_uri_resolve(step->run->home, step->script->cwd, uri, NULL) : NULL;
  if (uri == NULL)
    return NULL;
  JSValueRef argv[] = {pino_js_string(step->js, path != NULL ? path : uri)};
  return pino_run_invoke(step->run, step->run->world, function, 1, argv, error);
}

static JSValueRef script_ready(PinoStep *step, GError **error) {
  return state_of(step, "isReady", error);
}

static JSValueRef script_status(PinoStep *step, GError **error) {
  return state_of(step, "status", error);
}

typedef struct {
  PinoRun *run;
  char *about;
} Restart;

static void restart_free(gpointer data) {
  Restart *restart = data;
  g_free(restart->about);
  g_free(restart);
}

static void on_restart(gpointer data) {
  Restart *restart = data;
  g_autoptr(GError) error = NULL; /* the script has told it */
  if (!restart->run->closing)
    pino_script_start_again(restart->run, restart->about, &error);
}

/* The main script's restart is the run's; another's is a turn of the loop. */
static void schedule(PinoRun *run, char *about, gboolean is_main) {
  if (is_main) {
    g_free(run->restart_main);
    run->restart_main = about;
    return;
  }
  Restart *restart = g_new0(Restart, 1);
  *restart = (Restart){.run = run, .about = about};
  pino_run_later(run, on_restart, restart, restart_free);
}

/* The script ends first; it starts again from the loop. */
static JSValueRef script_restart(PinoStep *step, GError **error) {
  PinoRun *run = step->run;
  PinoJs *js = step->js;
  g_autofree char *given = pino_js_get_utf8(js, step->params, "uri");
  const char *uri = given != NULL ? given : step->script->path;
  g_autofree char *path = pino_script_resolve(step->script, uri, error);
  if (path == NULL)
    return NULL;
  gboolean is_self = g_str_equal(path, step->script->path);
  PinoScript *script = pino_script_find(run, path);
  if (script == NULL && !stop_elsewhere(step, path, error))
    return NULL;
  JSValueRef params = pino_js_get(js, step->params, "params");
  if (pino_js_is_undefined(js, params) && script != NULL)
    params = pino_js_get(js, script->entry, "args");
  JSObjectRef about = pino_js_object(js);
  pino_js_set(js, about, "path", pino_js_string(js, path));
  pino_js_set(js, about, "uri", pino_js_string(js, uri));
  pino_js_set(js, about, "main", pino_js_bool(js, script != NULL && script->is_main));
  pino_js_set(js, about, "params", pino_js_is_undefined(js, params) ? pino_js_object(js) : params);
  char *entry = pino_js_to_json(js, about, 0, error);
  if (entry == NULL)
    return NULL;
  schedule(run, entry, script != NULL && script->is_main);
  if (script != NULL)
    pino_script_close(script, TRUE);
  JSObjectRef result = pino_js_object(js);
  pino_js_set(js, result, "uri", pino_js_string(js, uri));
  pino_js_set(js, result, "scheduled", pino_js_bool(js, TRUE));
  pino_js_set(js, result, "self", pino_js_bool(js, is_self));
  pino_js_set(js, result, "params", params);
  return result;
}

const PinoMethod pino_methods_script[] = {
    {"script.start", script_start},     {"script.run", script_start},
    {"script.stop", script_stop},       {"script.ready", script_ready},
    {"script.status", script_status},   {"script.download", script_download},
    {"script.restart", script_restart}, {NULL, NULL},
};
