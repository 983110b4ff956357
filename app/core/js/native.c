#include "js/internal.h"

#include "base/error.h"
#include "js/value.h"

typedef struct {
  PinoJs *js;
  PinoJsNative function;
  gpointer data;
  GDestroyNotify free_data;
} Native;

static JSValueRef call_native(JSContextRef ctx, JSObjectRef function, JSObjectRef this_object, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception) {
  Native *native = JSObjectGetPrivate(function);
  PinoJs *js = native->js;
  gpointer outer = js->native_data;
  js->native_data = native->data;
  g_autoptr(GError) error = NULL;
  JSValueRef value = native->function(js, argc, argv, &error);
  js->native_data = outer;
  if (error != NULL) {
    *exception = pino_js_error(js, error);
    return NULL;
  }
  return value != NULL ? value : JSValueMakeUndefined(ctx);
}

static void finalize_native(JSObjectRef object) {
  Native *native = JSObjectGetPrivate(object);
  if (native == NULL)
    return;
  if (native->free_data != NULL)
    native->free_data(native->data);
  g_free(native);
}

JSClassRef pino_js_native_class(void) {
  static gsize made = 0; /* lint: once */
  if (g_once_init_enter(&made)) {
    JSClassDefinition definition = kJSClassDefinitionEmpty;
    definition.className = "Function";
    definition.callAsFunction = call_native;
    definition.finalize = finalize_native;
    g_once_init_leave(&made, (gsize)JSClassCreate(&definition));
  }
  return (JSClassRef)made;
}

JSClassRef pino_js_global_class(void) {
  static gsize made = 0; /* lint: once */
  if (g_once_init_enter(&made)) {
    JSClassDefinition definition = kJSClassDefinitionEmpty;
    definition.className = "global";
    g_once_init_leave(&made, (gsize)JSClassCreate(&definition));
  }
  return (JSClassRef)made;
}

JSObjectRef pino_js_function_full(PinoJs *js, const char *name, PinoJsNative function, gpointer data,
                                  GDestroyNotify free_data) {
  Native *native = g_new0(Native, 1);
  *native = (Native){.js = js, .function = function, .data = data, .free_data = free_data};
  JSObjectRef object = JSObjectMake(js->ctx, pino_js_native_class(), native);
  JSStringRef property = JSStringCreateWithUTF8CString("name");
  JSObjectSetProperty(js->ctx, object, property, pino_js_string(js, name), kJSPropertyAttributeDontEnum,
                      NULL);
  JSStringRelease(property);
  JSObjectSetPrototype(js->ctx, object, js->function_prototype);
  return object;
}

JSObjectRef pino_js_function(PinoJs *js, const char *name, PinoJsNative function, gpointer data) {
  return pino_js_function_full(js, name, function, data, NULL);
}

gpointer pino_js_native_data(PinoJs *js) {
  return js->native_data;
}

JSObjectRef pino_js_binding(PinoJs *js, const char *room) {
  return g_hash_table_lookup(js->bindings, room);
}

void pino_js_add_natives(PinoJs *js, const char *room, const PinoJsNativeEntry *entries) {
  pino_js_add_natives_with_data(js, room, entries, NULL);
}

void pino_js_add_natives_with_data(PinoJs *js, const char *room, const PinoJsNativeEntry *entries,
                                   gpointer data) {
  JSObjectRef table = pino_js_binding(js, room);
  if (table == NULL) {
    table = (JSObjectRef)pino_js_hold(js, pino_js_object(js));
    g_hash_table_insert(js->bindings, g_strdup(room), table);
  }
  for (const PinoJsNativeEntry *entry = entries; entry->name != NULL; entry++)
    pino_js_set(js, table, entry->name, pino_js_function(js, entry->name, entry->function, data));
}

struct _PinoJsDeferred {
  PinoJs *js;
  JSValueRef resolve;
  JSValueRef reject;
};

PinoJsDeferred *pino_js_deferred_new(PinoJs *js, JSValueRef *promise) {
  JSObjectRef resolve = NULL, reject = NULL;
  JSObjectRef made = JSObjectMakeDeferredPromise(js->ctx, &resolve, &reject, NULL);
  PinoJsDeferred *deferred = g_new0(PinoJsDeferred, 1);
  deferred->js = js;
  deferred->resolve = pino_js_hold(js, resolve);
  deferred->reject = pino_js_hold(js, reject);
  js->deferreds++;
  *promise = made;
  return deferred;
}

void pino_js_deferred_give_up(PinoJsDeferred *deferred) {
  deferred->js->deferreds--;
  pino_js_release(deferred->js, deferred->resolve);
  pino_js_release(deferred->js, deferred->reject);
  g_free(deferred);
}

static void deferred_settle(PinoJsDeferred *deferred, JSValueRef function, JSValueRef value) {
  PinoJs *js = deferred->js;
  g_autoptr(GError) error = NULL;
  pino_js_call(js, (JSObjectRef)function, NULL, 1, &value, &error);
  if (error != NULL && js->options.console != NULL)
    js->options.console("error", error->message, js->options.console_data);
  pino_js_deferred_give_up(deferred);
}

void pino_js_deferred_resolve(PinoJsDeferred *deferred, JSValueRef value) {
  if (value == NULL)
    value = pino_js_undefined(deferred->js);
  deferred_settle(deferred, deferred->resolve, value);
}

void pino_js_deferred_reject(PinoJsDeferred *deferred, const GError *error) {
  deferred_settle(deferred, deferred->reject, pino_js_error(deferred->js, error));
}
