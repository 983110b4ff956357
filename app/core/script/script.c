/* The life of one script: opened, run, kept while it is a daemon, closed. */
#include <string.h>

#include "base/error.h"
#include "environment/env.h"
#include "script/internal.h"
#include "script/resolve.h"

static void free_shell(gpointer data) {
  PinoScriptShell *entry = data;
  PinoRun *run = entry->script->run;
  entry->closing = TRUE;
  if (entry->shell != NULL && run->run_id != NULL && !run->leaving) {
    pino_shell_finish(entry->shell);
    pino_run_remember_shell(run, entry);
  }
  pino_shell_free(entry->shell);
  pino_js_release(run->js, entry->print);
  g_free(entry->name);
  g_free(entry->log);
  g_free(entry->command);
  g_free(entry->id);
  g_free(entry);
}

static void on_run_cancelled(GCancellable *cancellable, gpointer data) {
  g_cancellable_cancel(data);
}

static void disconnect_cancel(PinoScript *script) {
  if (script->run_cancellable != NULL)
    g_cancellable_disconnect(script->run_cancellable, script->run_cancelled);
  g_clear_object(&script->run_cancellable);
  g_clear_object(&script->cancellable);
}

/* A cancellable of its own, which goes with the run's present one. */
static void connect_cancel(PinoScript *script) {
  disconnect_cancel(script);
  script->cancellable = g_cancellable_new();
  script->run_cancellable = g_object_ref(script->run->cancellable);
  script->run_cancelled = g_cancellable_connect(script->run_cancellable, G_CALLBACK(on_run_cancelled),
                                                g_object_ref(script->cancellable), g_object_unref);
}

static void script_free(PinoScript *script) {
  disconnect_cancel(script);
  g_ptr_array_unref(script->shells);
  pino_js_release(script->run->js, script->entry);
  g_free(script->path);
  g_free(script->uri);
  g_free(script->cwd);
  g_free(script->dirname);
  g_free(script->app_dir);
  g_free(script->log_dir);
  g_free(script);
}

PinoScript *pino_script_find(PinoRun *run, const char *path) {
  for (guint i = 0; i < run->scripts->len; i++) {
    PinoScript *script = run->scripts->pdata[i];
    if (g_str_equal(script->path, path))
      return script;
  }
  return NULL;
}

static void fill_entry(PinoScript *script, JSValueRef body, JSValueRef args) {
  PinoJs *js = script->run->js;
  g_autofree char *api = g_build_filename(script->run->home, "api/", NULL);
  const char *name = g_str_has_prefix(script->dirname, api) ? script->dirname + strlen(api) : script->dirname;
  script->entry = (JSObjectRef)pino_js_hold(js, pino_js_object(js));
  pino_js_set(js, script->entry, "path", pino_js_string(js, script->path));
  pino_js_set(js, script->entry, "uri", pino_js_string(js, script->uri));
  pino_js_set(js, script->entry, "cwd", pino_js_string(js, script->cwd));
  pino_js_set(js, script->entry, "dirname", pino_js_string(js, script->dirname));
  pino_js_set(js, script->entry, "name", pino_js_string(js, name));
  pino_js_set(js, script->entry, "body", body);
  pino_js_set(js, script->entry, "args", args);
}

static void tell_world(PinoScript *script, const char *function, gboolean finished, gboolean failed) {
  PinoJs *js = script->run->js;
  JSValueRef argv[] = {pino_js_string(js, script->path), pino_js_bool(js, finished),
                       pino_js_bool(js, failed)};
  pino_run_invoke(script->run, script->run->world, function, 3, argv, NULL);
}

/* An app that brings an _ENVIRONMENT counts on its settings being there; for others `run` makes them. */
static gboolean prepare_settings(PinoScript *script, GError **error) {
  g_autofree char *own = g_build_filename(script->app_dir, "_ENVIRONMENT", NULL);
  return !g_file_test(own, G_FILE_TEST_EXISTS) ||
         pino_env_prepare_app(script->run->home, script->app_dir, error);
}

static PinoScript *load(PinoRun *run, const char *path, const char *uri, const char *cwd, JSValueRef args,
                        gboolean is_main, GError **error) {
  PinoScript *script = g_new0(PinoScript, 1);
  script->run = run;
  script->path = g_strdup(path);
  script->uri = g_strdup(uri);
  script->dirname = g_path_get_dirname(path);
  script->cwd = g_strdup(cwd != NULL ? cwd : script->dirname);
  script->app_dir = pino_app_folder(run->home, path);
  script->log_dir = pino_log_folder(run->home, path);
  script->is_main = is_main;
  script->shells = g_ptr_array_new_with_free_func(free_shell);
  connect_cancel(script);
  g_ptr_array_add(run->scripts, script);
  if (is_main)
    run->main = script;
  script->depth++;
  JSValueRef body = pino_load_script(run, path, error);
  if (body != NULL) {
    fill_entry(script, body, args);
    script->daemon = pino_js_truthy(run->js, pino_js_get(run->js, body, "daemon"));
    tell_world(script, "started", FALSE, FALSE);
  }
  script->depth--;
  pino_run_changed(run);
  if (body != NULL)
    return script;
  pino_script_close(script, FALSE);
  return NULL;
}

PinoScript *pino_script_open(PinoRun *run, const char *path, const char *uri, const char *cwd,
                             JSValueRef args, gboolean is_main, GError **error) {
  PinoScript *script = load(run, path, uri, cwd, args, is_main, error);
  if (script == NULL || (prepare_settings(script, error) && pino_require_environment(script, error)))
    return script;
  pino_script_close(script, FALSE);
  return NULL;
}

PinoScript *pino_script_reopen(PinoRun *run, JSValueRef about, GError **error) {
  PinoJs *js = run->js;
  g_autofree char *path = pino_js_get_utf8(js, about, "path");
  g_autofree char *uri = pino_js_get_utf8(js, about, "uri");
  g_autofree char *cwd = pino_js_get_utf8(js, about, "cwd");
  if (path == NULL || !g_path_is_absolute(path)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "a script without a path cannot be ended");
    return NULL;
  }
  PinoScript *script = load(run, path, uri != NULL ? uri : path, cwd, pino_js_get(js, about, "args"),
                            pino_js_truthy(js, pino_js_get(js, about, "main")), error);
  if (script == NULL)
    return NULL;
  JSValueRef argv[] = {pino_js_string(js, path), pino_js_get(js, about, "local"),
                       pino_js_get(js, about, "global")};
  pino_run_invoke(run, run->world, "restore", 3, argv, NULL);
  script->ready = TRUE;
  return script;
}

PinoScriptShell *pino_script_shell(PinoScript *script, const char *id) {
  for (guint i = 0; i < script->shells->len; i++) {
    PinoScriptShell *entry = script->shells->pdata[i];
    if (g_str_equal(entry->id, id))
      return entry;
  }
  return NULL;
}

void pino_script_drop_shell(PinoScript *script, PinoScriptShell *shell) {
  g_ptr_array_remove(script->shells, shell);
}

gboolean pino_script_has_on_stop(PinoScript *script) {
  if (script->entry == NULL)
    return FALSE;
  PinoJs *js = script->run->js;
  JSValueRef body = pino_js_get(js, script->entry, "body");
  JSValueRef steps = pino_js_get(js, pino_js_get(js, body, "on"), "stop");
  return pino_js_is_array(js, steps) && pino_js_length(js, steps) > 0;
}

static void run_on_stop(PinoScript *script) {
  if (!pino_script_has_on_stop(script))
    return;
  g_autoptr(GError) error = NULL;
  PinoJs *js = script->run->js;
  connect_cancel(script);
  script->stopping = FALSE;
  pino_script_act(script, "on.stop", pino_js_object(js), NULL, &error);
}

/* The list loses it first: nothing that ends meanwhile can close it a second time. */
static void take_out(PinoScript *script) {
  PinoRun *run = script->run;
  g_ptr_array_remove(run->scripts, script);
  if (run->main == script) {
    run->main = NULL;
    run->woken = TRUE;
  }
}

/* Detached shells are all asked before the first is waited for. */
static void end_shells(PinoScript *script) {
  PinoRun *run = script->run;
  for (guint i = 0; run->run_id != NULL && !run->leaving && i < script->shells->len; i++) {
    PinoScriptShell *entry = script->shells->pdata[i];
    if (entry->shell != NULL)
      pino_shell_ask_to_end(entry->shell);
  }
  g_ptr_array_set_size(script->shells, 0);
}

static void end_script(PinoScript *script, gboolean finished, gboolean failed) {
  PinoRun *run = script->run;
  end_shells(script);
  if (script->entry != NULL)
    tell_world(script, "ended", finished, failed);
  take_out(script);
  script_free(script);
  pino_run_changed(run);
}

void pino_script_close(PinoScript *script, gboolean wants_on_stop) {
  if (script->depth > 0) {
    script->stopping = TRUE;
    g_cancellable_cancel(script->cancellable);
    return;
  }
  if (wants_on_stop) {
    script->closing = TRUE;
    pino_run_changed(script->run);
    script->depth++;
    run_on_stop(script);
    script->depth--;
  }
  end_script(script, FALSE, FALSE);
}

static void tell_ready(PinoScript *script) {
  g_autofree char *local = pino_run_local(script->run, script->path);
  PinoEvent event = {.type = PINO_EVENT_READY, .index = -1, .data = local};
  pino_script_emit(script, &event);
  pino_run_changed(script->run);
}

static void become_ready(PinoScript *script) {
  script->ready = TRUE;
  tell_world(script, "ready", FALSE, FALSE);
  tell_ready(script);
}

void pino_script_set_waiting(PinoScript *script, gboolean waiting) {
  script->waiting = waiting;
  if (waiting)
    tell_ready(script);
  else
    pino_run_changed(script->run);
}

static PinoOutcome end_or_stay(PinoScript *script, PinoOutcome outcome) {
  if (script->depth > 0)
    return outcome;
  if (outcome == PINO_OUTCOME_STOPPED && script->daemon && !script->stopping) {
    become_ready(script);
    return PINO_OUTCOME_DAEMON;
  }
  if (script->stopping || outcome == PINO_OUTCOME_CANCELLED)
    pino_script_close(script, TRUE);
  else
    end_script(script, outcome == PINO_OUTCOME_STOPPED, outcome == PINO_OUTCOME_ERROR);
  return outcome;
}

static void tell_failed_start(PinoRun *run, const char *path, gboolean is_main, const GError *error) {
  PinoEvent event = {
      .type = PINO_EVENT_ERROR, .index = -1, .message = error->message, .script = is_main ? NULL : path};
  pino_run_emit(run, &event);
}

PinoOutcome pino_script_run(PinoRun *run, const char *path, const char *uri, const char *cwd, JSValueRef args,
                            gboolean is_main, JSValueRef *result, GError **error) {
  g_autoptr(GError) found = NULL;
  PinoScript *script = pino_script_open(run, path, uri, cwd, args, is_main, &found);
  if (script == NULL) {
    gboolean cancelled = g_error_matches(found, PINO_ERROR, PINO_ERROR_CANCELLED);
    if (!cancelled)
      tell_failed_start(run, path, is_main, found);
    g_propagate_error(error, g_steal_pointer(&found));
    return cancelled ? PINO_OUTCOME_CANCELLED : PINO_OUTCOME_ERROR;
  }
  PinoOutcome outcome = pino_script_act(script, "run", args, result, error);
  if (outcome == PINO_OUTCOME_CANCELLED && is_main)
    pino_run_renew(run);
  return end_or_stay(script, outcome);
}

PinoOutcome pino_script_start_again(PinoRun *run, const char *about, GError **error) {
  PinoJs *js = run->js;
  JSValueRef value = pino_js_from_json(js, about, error);
  g_autofree char *path = pino_js_get_utf8(js, value, "path");
  g_autofree char *uri = pino_js_get_utf8(js, value, "uri");
  if (path == NULL || uri == NULL)
    return PINO_OUTCOME_ERROR;
  gboolean is_main = pino_js_truthy(js, pino_js_get(js, value, "main"));
  return pino_script_run(run, path, uri, NULL, pino_js_get(js, value, "params"), is_main, NULL, error);
}

char *pino_script_resolve(PinoScript *script, const char *uri, GError **error) {
  char *path = pino_uri_resolve(script->run->home, script->cwd, uri, NULL);
  if (path == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                "no app under %s/api was cloned from %s: download it first", script->run->home, uri);
  return path;
}

char *pino_step_path(PinoStep *step, const char *name, GError **error) {
  JSValueRef value = pino_js_get(step->js, step->params, name);
  gsize len = 0;
  g_autofree char *text =
      pino_js_is_nullish(step->js, value) ? NULL : pino_js_to_utf8_len(step->js, value, &len);
  if (text != NULL && *text != '\0' && strlen(text) == len)
    return pino_script_resolve(step->script, text, error);
  const char *wrong = text != NULL && strlen(text) != len ? " without a zero character in it" : "";
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s wants a %s%s", step->method, name, wrong);
  return NULL;
}

char *pino_script_ask(PinoScript *script, const char *request, GError **error) {
  PinoRun *run = script->run;
  const char *outer = run->asking;
  run->asking = script->path;
  char *answers = run->options.ask(request, script->cancellable, run->options.ask_data, error);
  run->asking = outer;
  return answers;
}

/* --- events ------------------------------------------------------------------------------------------------ */

void pino_script_emit(PinoScript *script, PinoEvent *event) {
  event->script = script->is_main ? NULL : script->path;
  pino_run_emit(script->run, event);
}

void pino_script_print(PinoScript *script, int index, const char *text) {
  pino_script_print_len(script, index, text, strlen(text));
}

void pino_script_print_len(PinoScript *script, int index, const char *text, gsize length) {
  PinoEvent event = {
      .type = PINO_EVENT_STREAM,
      .index = index,
      .text = text,
      .text_len = length,
      .bytes = (const guint8 *)text,
      .bytes_len = length,
  };
  pino_script_emit(script, &event);
}

void pino_step_print(PinoStep *step, const char *text) {
  pino_script_print(step->script, step->index, text);
}

void pino_step_tell(PinoStep *step, const char *name, JSValueRef data) {
  g_autofree char *json = pino_js_to_json(step->js, data, 0, NULL);
  PinoEvent event = {.type = PINO_EVENT_TOLD, .index = step->index, .name = name, .data = json};
  pino_script_emit(step->script, &event);
}
