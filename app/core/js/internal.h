/* What the files of this room share; nobody else includes it. */
#pragma once

#include "js/host.h"

G_BEGIN_DECLS

struct _PinoJs {
  GMainContext *main;
  JSContextGroupRef group;
  JSGlobalContextRef ctx;
  JSObjectRef loader; /* what bootstrap.js gave: {require, forget} */
  JSObjectRef function_prototype;
  JSStringRef length_name;
  GHashTable *bindings;    /* room -> JSObjectRef, protected */
  GHashTable *timers;      /* id -> GSource */
  GHashTable *idle_timers; /* ids of those that were unref'd */
  guint deferreds;         /* promises that C has still to settle */
  guint next_timer;
  PinoJsOptions options;
  GCancellable *cancellable;
  guint depth;         /* entries into JavaScript on the stack */
  double entered_at;   /* CPU seconds of this thread at the outermost entry */
  gboolean over_limit; /* why JavaScript was stopped: the limit, else the cancellable */
  gboolean stopped;
  gpointer native_data;
  struct _PinoNode *node; /* what the Node modules keep running */
};

/* Bracket every call into JavaScript: they arm the limit. */
void pino_js_enter(PinoJs *js);
void pino_js_leave(PinoJs *js);

/* Natives of this room for bootstrap.js. */
void pino_js_module_natives(PinoJs *js);
void pino_js_timer_natives(PinoJs *js);
void pino_js_timers_clear(PinoJs *js);
/* What the Node modules keep running (node_natives.c). */
guint pino_js_node_pending(PinoJs *js);

/* The registered classes of native functions and of the global object (made once a process). */
JSClassRef pino_js_native_class(void);
JSClassRef pino_js_global_class(void);

/* Text of an embedded script under /pinokiocloud/js/, or NULL. The bytes end with a zero. */
GBytes *pino_js_resource(const char *name);

G_END_DECLS
