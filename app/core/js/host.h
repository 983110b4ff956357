/* A JavaScript world of its own: one JavaScriptCore context group, bound to the thread that made it.
 *
 * The host evaluates, calls and awaits; every entry has a limit of CPU time, so that a script that loops for
 * ever fails alone. Timers and promises are served by the thread-default GMainContext of the making thread.
 * JSValueRefs on the C stack are safe from collection; one kept in the heap must be protected
 * (pino_js_hold/pino_js_release).
 *
 * Node's modules are JavaScript resources under /pinokiocloud/js/node/NAME.js, run as
 * (module, exports, require, binding); binding(NAME) gives the table of natives registered for that name.
 */
#pragma once

#include <JavaScriptCore/JavaScript.h>
#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoJs PinoJs;

/* Receives what the script writes with console.*: level is "log", "info", "warn", "error" or "debug"; text
 * has no newline at its end. */
typedef void (*PinoJsConsole)(const char *level, const char *text, gpointer data);

typedef struct {
  double time_limit;     /* seconds of CPU for one entry; 0 means 30 */
  PinoJsConsole console; /* may be NULL: dropped */
  gpointer console_data;
  GCancellable *cancellable; /* may be NULL; a reference is taken. Cancelling ends running JavaScript too. */
} PinoJsOptions;

/* Makes a world on the calling thread, which alone may use it; options may be NULL. Free with pino_js_free(). */
PinoJs *pino_js_new(const PinoJsOptions *options);
/* Ends its timers, requests and child processes too. */
void pino_js_free(PinoJs *js);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoJs, pino_js_free)

/* Both are borrowed, and live as long as the host. */
JSGlobalContextRef pino_js_context(PinoJs *js);
/* globalThis. */
JSObjectRef pino_js_global(PinoJs *js);
/* What ends running JavaScript and waits; borrowed. Another one can be put in its place on the host's thread. */
GCancellable *pino_js_cancellable(PinoJs *js);
void pino_js_set_cancellable(PinoJs *js, GCancellable *cancellable);
/* The host that a context belongs to. */
PinoJs *pino_js_from_context(JSContextRef ctx);

/* Evaluates source as a script; file (for messages) may be NULL. NULL with error set when it throws
 * (PINO_ERROR_SCRIPT), does not parse (PINO_ERROR_SYNTAX, "FILE:LINE:COLUMN: text") or runs over the limit
 * (PINO_ERROR_LIMIT). */
JSValueRef pino_js_eval(PinoJs *js, const char *source, const char *file, GError **error);

/* Calls a function. this_object may be NULL. Errors as pino_js_eval. */
JSValueRef pino_js_call(PinoJs *js, JSObjectRef function, JSObjectRef this_object, size_t argc,
                        const JSValueRef argv[], GError **error);

/* Waits for a promise (anything with a `then`) by serving the main context, and gives what it resolved to; any
 * other value is given back as it is. A rejection becomes an error. */
JSValueRef pino_js_await(PinoJs *js, JSValueRef value, GError **error);

/* Loads a module as Node's require does, relative to no file: an absolute path or a built-in name. Loaded
 * afresh: the cache of user modules is emptied first when fresh is TRUE. */
JSValueRef pino_js_require(PinoJs *js, const char *path, gboolean fresh, GError **error);

/* Turns a thrown value into a GError ("FILE:LINE:COLUMN: Name: message" where known). */
void pino_js_take_exception(PinoJs *js, JSValueRef exception, GError **error);

/* The JavaScript Error for a GError; errors of domain PINO_ERRNO get `code` and `errno`. */
JSValueRef pino_js_error(PinoJs *js, const GError *error);

/* How much goes on beside what is called now: timers (those that were unref'd do not count), requests, child processes
 * that are to end with the host, promises that C has still to settle. */
guint pino_js_pending(PinoJs *js);

/* --- natives ------------------------------------------------------------------------------------------ */

/* A function of C for JavaScript. Gives its result (NULL without error is undefined), or NULL with *error set,
 * which is thrown. */
typedef JSValueRef (*PinoJsNative)(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error);

typedef struct {
  const char *name;
  PinoJsNative function;
} PinoJsNativeEntry;

/* Makes a table of natives (ends with a NULL name) reachable as binding(room) from the built-in modules. */
void pino_js_add_natives(PinoJs *js, const char *room, const PinoJsNativeEntry *entries);
/* The same; data reaches each through pino_js_native_data() and must outlive the host. */
void pino_js_add_natives_with_data(PinoJs *js, const char *room, const PinoJsNativeEntry *entries,
                                   gpointer data);
/* The table of a room, NULL if there is none. */
JSObjectRef pino_js_binding(PinoJs *js, const char *room);
/* What a module of the engine itself exports: "pino:NAME" is the resource /pinokiocloud/script/NAME.js. Scripts
 * cannot require those. */
JSValueRef pino_js_internal(PinoJs *js, const char *name, GError **error);

/* One native as a function object; data reaches it through pino_js_native_data(). */
JSObjectRef pino_js_function(PinoJs *js, const char *name, PinoJsNative function, gpointer data);
/* The same; free_data is called when the function object is collected, on any thread. */
JSObjectRef pino_js_function_full(PinoJs *js, const char *name, PinoJsNative function, gpointer data,
                                  GDestroyNotify free_data);
/* The data of the native that is being called now. */
gpointer pino_js_native_data(PinoJs *js);

/* A promise that C settles later, on the host's thread. The deferred is freed when settled or given up. */
typedef struct _PinoJsDeferred PinoJsDeferred;
PinoJsDeferred *pino_js_deferred_new(PinoJs *js, JSValueRef *promise);
void pino_js_deferred_resolve(PinoJsDeferred *deferred, JSValueRef value);
void pino_js_deferred_reject(PinoJsDeferred *deferred, const GError *error);
/* Frees it; the promise is never settled. */
void pino_js_deferred_give_up(PinoJsDeferred *deferred);

G_END_DECLS
