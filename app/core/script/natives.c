/* What the scripts of this room (js/) need from the system. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/port.h"
#include "environment/env.h"
#include "environment/key.h"
#include "environment/tools.h"
#include "script/internal.h"
#include "script/resolve.h"
#include "script/template.h"
#include "storage/atomic.h"

static char *text_at(PinoJs *js, size_t argc, const JSValueRef argv[], size_t index) {
  return index < argc && !pino_js_is_nullish(js, argv[index]) ? pino_js_to_utf8(js, argv[index]) : NULL;
}

static gboolean wants(gboolean given, const char *what, GError **error) {
  if (!given)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s is missing", what);
  return given;
}

typedef struct {
  PinoJs *js;
  JSObjectRef function;
} Parses;

static gboolean parses(const char *text, gsize len, gpointer data) {
  Parses *parses = data;
  JSValueRef argv[] = {pino_js_string_len(parses->js, text, (gssize)len)};
  return pino_js_truthy(parses->js, pino_js_call(parses->js, parses->function, NULL, 1, argv, NULL));
}

/* (text, parses) -> [literal, expression, literal, ...] */
static JSValueRef scan(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *text = text_at(js, argc, argv, 0);
  if (!wants(text != NULL && argc > 1, "scan's text", error))
    return NULL;
  Parses data = {.js = js, .function = (JSObjectRef)argv[1]};
  g_autoptr(GPtrArray) parts = pino_template_split(text, strlen(text), parses, &data);
  g_ptr_array_add(parts, NULL);
  return pino_js_strv(js, (const char *const *)parts->pdata);
}

/* (uri, cwd) -> path, or false for a git URI that is not there */
static JSValueRef resolve(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *uri = text_at(js, argc, argv, 0);
  g_autofree char *cwd = text_at(js, argc, argv, 1);
  g_autofree char *api = g_build_filename(run->home, "api", NULL);
  if (!wants(uri != NULL, "a path or URI", error))
    return NULL;
  g_autofree char *path = pino_uri_resolve(run->home, cwd != NULL && *cwd != '\0' ? cwd : api, uri, NULL);
  return path != NULL ? pino_js_string(js, path) : pino_js_bool(js, FALSE);
}

static JSValueRef machine(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return pino_machine_facts(js);
}

/* (path) -> {running, ready, status, local, global} of a script of another run, or null */
static JSValueRef other(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *path = text_at(js, argc, argv, 0);
  if (path == NULL || !run->has_registry)
    return pino_js_null(js);
  g_autofree char *json = run->registry.status(path, run->registry.data);
  JSValueRef value = json != NULL ? pino_js_from_json(js, json, NULL) : NULL;
  return value != NULL ? value : pino_js_null(js);
}

/* () -> paths of all scripts that run, those of this run among them */
static JSValueRef others(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_auto(GStrv) paths = run->has_registry ? run->registry.running(run->registry.data) : NULL;
  return paths != NULL ? pino_js_strv(js, (const char *const *)paths) : pino_js_array(js, 0, NULL);
}

/* A free port, not one that was given before: its step may not have taken it yet. */
static JSValueRef port(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  guint taken;
  int fd = pino_port_take(&taken, error);
  if (fd < 0)
    return NULL;
  PinoKeptPort kept = {.port = taken, .fd = fd};
  g_array_append_val(run->ports, kept);
  return pino_js_number(js, taken);
}

/* (folder) -> {NAME: value}: process, system ENVIRONMENT, the app's */
static JSValueRef environment(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *folder = text_at(js, argc, argv, 0);
  g_autofree char *app = folder != NULL ? pino_app_folder(run->home, folder) : NULL;
  g_autoptr(PinoEnv) env = pino_env_for_app(run->home, app, error);
  if (env == NULL)
    return NULL;
  JSObjectRef object = pino_js_object(js);
  g_autofree const char **names = pino_env_names(env);
  for (guint i = 0; names[i] != NULL; i++)
    pino_js_set(js, object, names[i], pino_js_string(js, pino_env_get(env, names[i])));
  return object;
}

static JSValueRef keys(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *json = pino_key_get(run->home, NULL, error);
  return json != NULL ? pino_js_from_json(js, json, error) : NULL;
}

/* (host, key, json or null) */
static JSValueRef set_key(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *host = text_at(js, argc, argv, 0);
  g_autofree char *key = text_at(js, argc, argv, 1);
  g_autofree char *json = text_at(js, argc, argv, 2);
  if (wants(host != NULL && key != NULL, "key.set's host or key", error))
    pino_key_set(run->home, host, key, json, error);
  return NULL;
}

/* (folder, key, value): into the ENVIRONMENT of the folder's app */
static JSValueRef set_environment(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *folder = text_at(js, argc, argv, 0);
  g_autofree char *key = text_at(js, argc, argv, 1);
  g_autofree char *value = text_at(js, argc, argv, 2);
  if (!wants(folder != NULL && key != NULL && value != NULL, "a setting's folder, key or value", error))
    return NULL;
  g_autofree char *app = pino_app_folder(run->home, folder);
  PinoEnvPair pair = {.name = key, .value = value};
  pino_env_set_app(app, &pair, 1, error);
  return NULL;
}

static JSValueRef which(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *name = text_at(js, argc, argv, 0);
  g_autofree char *path = name != NULL ? pino_tool_find(run->home, name) : NULL;
  return path != NULL ? pino_js_string(js, path) : pino_js_null(js);
}

static JSValueRef load_value(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *path = text_at(js, argc, argv, 0);
  return wants(path != NULL, "the file to load", error) ? pino_load_value(run, path, TRUE, error) : NULL;
}

/* (path, text): the file is whole or as it was */
static JSValueRef write_text(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = text_at(js, argc, argv, 0);
  g_autofree char *text = text_at(js, argc, argv, 1);
  if (wants(path != NULL && text != NULL, "the file or its text", error))
    pino_file_write(path, text, strlen(text), 0, error);
  return NULL;
}

static JSValueRef cloud(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  return pino_machine_cloud(js, run->home);
}

/* --- kernel's calls of the engine's methods ------------------------------------------------------------------- */

typedef struct {
  PinoRun *run;
  char *path; /* of the script that called */
  char *method;
  JSValueRef params;
  JSValueRef print;
  PinoJsDeferred *deferred;
} Invocation;

static void invocation_free(gpointer data) {
  Invocation *invocation = data;
  if (invocation->deferred != NULL)
    pino_js_deferred_give_up(invocation->deferred);
  pino_js_release(invocation->run->js, invocation->params);
  pino_js_release(invocation->run->js, invocation->print);
  g_free(invocation->path);
  g_free(invocation->method);
  g_free(invocation);
}

static JSValueRef perform(Invocation *invocation, GError **error) {
  PinoRun *run = invocation->run;
  PinoScript *script = pino_script_find(run, invocation->path);
  if (script == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_CANCELLED, "%s has ended", invocation->path);
    return NULL;
  }
  JSObjectRef object = pino_js_object(run->js);
  pino_js_set(run->js, object, "method", pino_js_string(run->js, invocation->method));
  pino_js_set(run->js, object, "params", invocation->params);
  PinoStep step = {
      .run = run,
      .script = script,
      .js = run->js,
      .step = object,
      .params = invocation->params,
      .input = pino_js_undefined(run->js),
      .method = invocation->method,
      .index = script->index,
      .steps = pino_js_array(run->js, 0, NULL),
      .kernel_call = TRUE,
      .print = invocation->print,
  };
  const PinoMethod *method = pino_method_find(invocation->method, error);
  JSValueRef value = NULL;
  if (method != NULL && method->run != NULL) {
    script->depth++;
    value = method->run(&step, error);
    script->depth--;
  }
  g_clear_pointer(&step.break_json, g_free);
  return value;
}

static void on_invoke(gpointer data) {
  Invocation *invocation = data;
  g_autoptr(GError) error = NULL;
  JSValueRef value = perform(invocation, &error);
  PinoJsDeferred *deferred = g_steal_pointer(&invocation->deferred);
  if (error != NULL)
    pino_js_deferred_reject(deferred, error);
  else
    pino_js_deferred_resolve(deferred, value);
}

/* (method, params, ondata) -> promise. It is done in a later turn of the loop, so that what waits for it can be
 * served meanwhile. */
static JSValueRef invoke(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoRun *run = pino_js_native_data(js);
  g_autofree char *method = text_at(js, argc, argv, 0);
  PinoScript *script = run->scripts->len > 0 ? run->scripts->pdata[run->scripts->len - 1] : NULL;
  if (!wants(method != NULL && argc > 1, "the method", error))
    return NULL;
  if (script == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "%s can only be called while a script runs",
                method);
    return NULL;
  }
  Invocation *invocation = g_new0(Invocation, 1);
  invocation->run = run;
  invocation->path = g_strdup(script->path);
  invocation->method = g_steal_pointer(&method);
  invocation->params = pino_js_hold(js, argv[1]);
  invocation->print = argc > 2 ? pino_js_hold(js, argv[2]) : NULL;
  JSValueRef promise = NULL;
  invocation->deferred = pino_js_deferred_new(js, &promise);
  pino_run_later(run, on_invoke, invocation, invocation_free);
  return promise;
}

void pino_script_natives(PinoRun *run) {
  static const PinoJsNativeEntry entries[] = {
      {"scan", scan},   {"resolve", resolve},      {"machine", machine},
      {"port", port},   {"other", other},          {"others", others},
      {"keys", keys},   {"setKey", set_key},       {"environment", environment},
      {"which", which}, {"loadValue", load_value}, {"writeText", write_text},
      {"cloud", cloud}, {"invoke", invoke},        {"setEnvironment", set_environment},
      {NULL, NULL},
  };
  PinoJs *js = run->js;
  pino_js_add_natives_with_data(js, "script", entries, run);
  JSObjectRef table = pino_js_binding(js, "script");
  pino_js_set(js, table, "home", pino_js_string(js, run->home));
  pino_js_set(js, table, "platform", pino_js_string(js, "linux"));
#if defined(__aarch64__)
  pino_js_set(js, table, "arch", pino_js_string(js, "arm64"));
#else
  pino_js_set(js, table, "arch", pino_js_string(js, "x64"));
#endif
}
