/* A JSContextGroup is used by one thread only. The limit is JSC's watchdog in short slices: at each slice the
 * callback looks at the CPU time since the outermost entry and at the cancellable, so that Ctrl-C ends a busy
 * loop as well. */
#include "js/internal.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/wait.h"
#include "js/node_natives.h"
#include "js/value.h"

#define DEFAULT_TIME_LIMIT 30.0
#define WATCHDOG_SLICE 0.1

/* Exported by JavaScriptCore and stable for years, declared in its private JSContextRefPrivate.h. */
typedef bool (*ShouldTerminate)(JSContextRef ctx, void *data);
extern void JSContextGroupSetExecutionTimeLimit(JSContextGroupRef group, double limit,
                                                ShouldTerminate callback, void *data);

static double cpu_seconds(void) {
  struct timespec ts;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void arm_watchdog(PinoJs *js);

static bool should_terminate(JSContextRef ctx, void *data) {
  PinoJs *js = data;
  js->over_limit = cpu_seconds() - js->entered_at >= js->options.time_limit;
  js->stopped = js->over_limit || g_cancellable_is_cancelled(js->cancellable);
  if (!js->stopped)
    arm_watchdog(js); /* WebKitGTK 2.50 calls only once for a limit */
  return js->stopped;
}

static void arm_watchdog(PinoJs *js) {
  JSContextGroupSetExecutionTimeLimit(js->group, MIN(WATCHDOG_SLICE, js->options.time_limit),
                                      should_terminate, js);
}

void pino_js_enter(PinoJs *js) {
  if (js->depth++ == 0) {
    js->entered_at = cpu_seconds();
    js->stopped = js->over_limit = FALSE;
  }
}

void pino_js_leave(PinoJs *js) {
  js->depth--;
}

static gboolean bootstrap(PinoJs *js, GError **error) {
  g_autoptr(GBytes) source = pino_js_resource("bootstrap.js");
  if (source == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, "bootstrap.js is missing from the program");
    return FALSE;
  }
  JSValueRef function = pino_js_eval(js, g_bytes_get_data(source, NULL), "pinokiocloud:bootstrap.js", error);
  if (function == NULL)
    return FALSE;
  JSValueRef argv[] = {pino_js_binding(js, "module")};
  JSValueRef loader = pino_js_call(js, (JSObjectRef)function, NULL, 1, argv, error);
  if (loader == NULL)
    return FALSE;
  js->loader = (JSObjectRef)pino_js_hold(js, loader);
  return TRUE;
}

/* JavaScriptCore's timers (idle collection) go to the main context that is the thread's default when its run loop is
 * made, once a thread. They must not run here: they reach for the main thread's run loop, which only WebKit makes, and
 * crash (seen with WebKitGTK 2.50). So they get a context that nobody serves. */
static JSContextGroupRef make_group(void) {
  g_autoptr(GMainContext) unserved = g_main_context_new();
  g_main_context_push_thread_default(unserved);
  JSContextGroupRef group = JSContextGroupCreate();
  g_main_context_pop_thread_default(unserved);
  return group;
}

PinoJs *pino_js_new(const PinoJsOptions *options) {
  PinoJs *js = g_new0(PinoJs, 1);
  js->main = g_main_context_ref_thread_default();
  if (options != NULL)
    js->options = *options;
  if (!(js->options.time_limit > 0))
    js->options.time_limit = DEFAULT_TIME_LIMIT;
  js->cancellable =
      js->options.cancellable != NULL ? g_object_ref(js->options.cancellable) : g_cancellable_new();
  js->group = make_group();
  js->ctx = JSGlobalContextCreateInGroup(js->group, pino_js_global_class());
  JSObjectSetPrivate(JSContextGetGlobalObject(js->ctx), js);
  arm_watchdog(js);
  js->length_name = JSStringCreateWithUTF8CString("length");
  js->bindings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  js->timers = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_source_unref);
  js->idle_timers = g_hash_table_new(NULL, NULL);
  JSValueRef function = pino_js_get(js, JSContextGetGlobalObject(js->ctx), "Function");
  js->function_prototype = (JSObjectRef)pino_js_hold(js, pino_js_get(js, function, "prototype"));
  pino_js_module_natives(js);
  pino_js_timer_natives(js);
  pino_js_add_node_natives(js);
  g_autoptr(GError) error = NULL;
  if (!bootstrap(js, &error))
    g_error("the JavaScript host cannot start: %s", error->message);
  return js;
}

void pino_js_free(PinoJs *js) {
  if (js == NULL)
    return;
  pino_js_timers_clear(js);
  pino_js_remove_node_natives(js);
  g_hash_table_unref(js->timers);
  g_hash_table_unref(js->idle_timers);
  g_hash_table_unref(js->bindings);
  JSStringRelease(js->length_name);
  JSGlobalContextRelease(js->ctx);
  JSContextGroupRelease(js->group);
  g_object_unref(js->cancellable);
  g_main_context_unref(js->main);
  g_free(js);
}

guint pino_js_pending(PinoJs *js) {
  return g_hash_table_size(js->timers) - g_hash_table_size(js->idle_timers) + js->deferreds +
         pino_js_node_pending(js);
}

JSGlobalContextRef pino_js_context(PinoJs *js) {
  return js->ctx;
}

JSObjectRef pino_js_global(PinoJs *js) {
  return JSContextGetGlobalObject(js->ctx);
}

GCancellable *pino_js_cancellable(PinoJs *js) {
  return js->cancellable;
}

void pino_js_set_cancellable(PinoJs *js, GCancellable *cancellable) {
  g_set_object(&js->cancellable, cancellable);
}

PinoJs *pino_js_from_context(JSContextRef ctx) {
  return JSObjectGetPrivate(JSContextGetGlobalObject(ctx));
}

/* --- errors ---------------------------------------------------------------------------------------------- */

static gboolean is_own_frame(const char *frame) {
  return strstr(frame, "pinokiocloud:") != NULL || strchr(frame, ':') == NULL;
}

/* "FILE:LINE:COLUMN" of the first frame that is the script's own, or NULL. JSC's frames read NAME@FILE:L:C. */
static char *script_place(PinoJs *js, JSValueRef exception) {
  g_autofree char *stack = pino_js_get_utf8(js, exception, "stack");
  g_auto(GStrv) frames = g_strsplit(stack != NULL ? stack : "", "\n", -1);
  for (guint i = 0; frames[i] != NULL; i++) {
    if (is_own_frame(frames[i]))
      continue;
    const char *at = strchr(frames[i], '@');
    return g_strdup(at != NULL ? at + 1 : frames[i]);
  }
  return NULL;
}

static char *syntax_place(PinoJs *js, JSValueRef exception) {
  g_autofree char *file = pino_js_get_utf8(js, exception, "sourceURL");
  g_autofree char *line = pino_js_get_utf8(js, exception, "line");
  g_autofree char *column = pino_js_get_utf8(js, exception, "column");
  if (file == NULL || *file == '\0' || line == NULL)
    return NULL;
  return g_strdup_printf("%s:%s:%s", file, line, column != NULL ? column : "1");
}

static void take_stopped(PinoJs *js, GError **error) {
  if (js->over_limit)
    g_set_error(
        error, PINO_ERROR, PINO_ERROR_LIMIT,
        "JavaScript ran for more than %g seconds without a pause and was stopped: look for a loop that "
        "never ends",
        js->options.time_limit);
  else
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_CANCELLED, "cancelled");
  js->stopped = FALSE;
}

void pino_js_take_exception(PinoJs *js, JSValueRef exception, GError **error) {
  if (js->stopped) {
    take_stopped(js, error);
    return;
  }
  if (!pino_js_is_object(js, exception)) {
    g_autofree char *text = pino_js_to_utf8(js, exception);
    g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT, "thrown: %s", text != NULL ? text : "?");
    return;
  }
  g_autofree char *name = pino_js_get_utf8(js, exception, "name");
  g_autofree char *message = pino_js_get_utf8(js, exception, "message");
  g_autofree char *code = pino_js_get_utf8(js, exception, "pinoCode");
  gboolean syntax = g_strcmp0(name, "SyntaxError") == 0;
  g_autofree char *place = syntax ? syntax_place(js, exception) : script_place(js, exception);
  gboolean plain = name == NULL || g_str_equal(name, "Error");
  int number = code != NULL ? atoi(code) : syntax ? PINO_ERROR_SYNTAX : PINO_ERROR_SCRIPT;
  g_set_error(error, PINO_ERROR, number, "%s%s%s%s%s", place != NULL ? place : "", place != NULL ? ": " : "",
              plain ? "" : name, plain ? "" : ": ", message != NULL ? message : "");
}

JSValueRef pino_js_error(PinoJs *js, const GError *error) {
  JSValueRef argv[] = {pino_js_string(js, error->message)};
  JSObjectRef object = JSObjectMakeError(js->ctx, 1, argv, NULL);
  if (error->domain == PINO_ERRNO) {
    pino_js_set(js, object, "code", pino_js_string(js, pino_errno_name(error->code)));
    pino_js_set(js, object, "errno", pino_js_number(js, -error->code));
  } else if (error->domain == PINO_ERROR) {
    JSStringRef name = JSStringCreateWithUTF8CString("pinoCode");
    JSObjectSetProperty(js->ctx, object, name, pino_js_number(js, error->code), kJSPropertyAttributeDontEnum,
                        NULL);
    JSStringRelease(name);
  }
  return object;
}

/* --- entries --------------------------------------------------------------------------------------------- */

/* What was stopped in a microtask on the way out gave a value all the same, and the termination still waits for an entry
 * that it can end. */
static JSValueRef checked(PinoJs *js, JSValueRef value, JSValueRef exception, GError **error) {
  if (value != NULL && !(js->stopped && js->depth == 0))
    return value;
  if (value != NULL) {
    JSStringRef nothing = JSStringCreateWithUTF8CString("0");
    JSEvaluateScript(js->ctx, nothing, NULL, NULL, 1, NULL);
    JSStringRelease(nothing);
  }
  pino_js_take_exception(js, exception, error);
  return NULL;
}

JSValueRef pino_js_eval(PinoJs *js, const char *source, const char *file, GError **error) {
  JSStringRef text = JSStringCreateWithUTF8CString(source);
  JSStringRef url = file != NULL ? JSStringCreateWithUTF8CString(file) : NULL;
  JSValueRef exception = NULL;
  pino_js_enter(js);
  JSValueRef value = JSEvaluateScript(js->ctx, text, NULL, url, 1, &exception);
  pino_js_leave(js);
  JSStringRelease(text);
  if (url != NULL)
    JSStringRelease(url);
  return checked(js, value, exception, error);
}

JSValueRef pino_js_call(PinoJs *js, JSObjectRef function, JSObjectRef this_object, size_t argc,
                        const JSValueRef argv[], GError **error) {
  JSValueRef exception = NULL;
  if (!pino_js_is_function(js, function)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SCRIPT, "what should be called is not a function");
    return NULL;
  }
  pino_js_enter(js);
  JSValueRef value = JSObjectCallAsFunction(js->ctx, function, this_object, argc, argv, &exception);
  pino_js_leave(js);
  return checked(js, value, exception, error);
}

typedef struct {
  gboolean done;
  gboolean rejected;
  gboolean abandoned; /* nobody waits any more; the last native to go frees it */
  JSValueRef value;
} Settlement;

static void settlement_unref(gpointer data) {
  g_atomic_rc_box_release(data);
}

static JSValueRef settle(PinoJs *js, gboolean rejected, size_t argc, const JSValueRef argv[]) {
  Settlement *settlement = pino_js_native_data(js);
  if (settlement->done || settlement->abandoned)
    return NULL;
  settlement->rejected = rejected;
  settlement->value = pino_js_hold(js, argc > 0 ? argv[0] : pino_js_undefined(js));
  settlement->done = TRUE;
  return NULL;
}

static JSValueRef on_resolved(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return settle(js, FALSE, argc, argv);
}

static JSValueRef on_rejected(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return settle(js, TRUE, argc, argv);
}

JSValueRef pino_js_await(PinoJs *js, JSValueRef value, GError **error) {
  if (!pino_js_is_object(js, value))
    return value;
  JSValueRef then = pino_js_get(js, value, "then");
  if (!pino_js_is_function(js, then))
    return value;
  Settlement *settlement = g_atomic_rc_box_new0(Settlement);
  JSValueRef argv[] = {
      pino_js_function_full(js, "resolved", on_resolved, g_atomic_rc_box_acquire(settlement),
                            settlement_unref),
      pino_js_function_full(js, "rejected", on_rejected, g_atomic_rc_box_acquire(settlement),
                            settlement_unref),
  };
  gboolean ok = pino_js_call(js, (JSObjectRef)then, (JSObjectRef)value, 2, argv, error) != NULL &&
                pino_wait(&settlement->done, js->cancellable, error);
  JSValueRef result = NULL;
  if (settlement->done)
    pino_js_release(js, settlement->value);
  if (ok) {
    if (settlement->rejected)
      pino_js_take_exception(js, settlement->value, error);
    else
      result = settlement->value;
  }
  settlement->abandoned = TRUE;
  g_atomic_rc_box_release(settlement);
  return result;
}

JSValueRef pino_js_require(PinoJs *js, const char *path, gboolean fresh, GError **error) {
  if (fresh) {
    JSValueRef forget = pino_js_get(js, js->loader, "forget");
    if (pino_js_call(js, (JSObjectRef)forget, NULL, 0, NULL, error) == NULL)
      return NULL;
  }
  JSValueRef argv[] = {pino_js_string(js, path)};
  return pino_js_call(js, (JSObjectRef)pino_js_get(js, js->loader, "require"), NULL, 1, argv, error);
}

JSValueRef pino_js_internal(PinoJs *js, const char *name, GError **error) {
  JSValueRef argv[] = {pino_js_string(js, name)};
  return pino_js_call(js, (JSObjectRef)pino_js_get(js, js->loader, "internal"), NULL, 1, argv, error);
}
