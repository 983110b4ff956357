/* Timers are sources of the host's main context; bootstrap.js gives them their Node names. */
#include "js/internal.h"

#include <math.h>

#include "js/value.h"

typedef struct {
  PinoJs *js;
  guint id;
  gboolean repeat;
  JSValueRef function;
} Timer;

static void timer_free(gpointer data) {
  Timer *timer = data;
  pino_js_release(timer->js, timer->function);
  g_free(timer);
}

static void forget(PinoJs *js, guint id) {
  g_hash_table_remove(js->timers, GUINT_TO_POINTER(id));
  g_hash_table_remove(js->idle_timers, GUINT_TO_POINTER(id));
}

static gboolean on_timer(gpointer data) {
  Timer *timer = data;
  PinoJs *js = timer->js;
  gboolean repeat = timer->repeat;
  JSValueRef function = timer->function;
  g_autoptr(GError) error = NULL;
  if (!repeat)
    forget(js, timer->id);
  pino_js_call(js, (JSObjectRef)function, NULL, 0, NULL, &error);
  if (error != NULL && js->options.console != NULL)
    js->options.console("error", error->message, js->options.console_data);
  return repeat ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* (function, ms, repeat) -> id */
static JSValueRef timer_start(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  double ms = argc > 1 ? pino_js_to_number(js, argv[1]) : 0;
  if (!(ms >= 1) || ms > G_MAXINT32)
    ms = argc > 2 && pino_js_truthy(js, argv[2]) ? 1 : 0;
  Timer *timer = g_new0(Timer, 1);
  timer->js = js;
  timer->id = ++js->next_timer;
  timer->repeat = argc > 2 && pino_js_truthy(js, argv[2]);
  timer->function = pino_js_hold(js, argv[0]);
  GSource *source = ms > 0 ? g_timeout_source_new((guint)ms) : g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, on_timer, timer, timer_free);
  g_hash_table_insert(js->timers, GUINT_TO_POINTER(timer->id), source);
  g_source_attach(source, js->main);
  return pino_js_number(js, timer->id);
}

static JSValueRef timer_stop(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  double id = argc > 0 ? pino_js_to_number(js, argv[0]) : 0;
  if (!(id >= 1) || id > G_MAXUINT)
    return NULL;
  GSource *source = g_hash_table_lookup(js->timers, GUINT_TO_POINTER((guint)id));
  if (source != NULL) {
    g_source_destroy(source);
    forget(js, (guint)id);
  }
  return NULL;
}

/* (id, counts): whether a script that only waits for this timer is still at work */
static JSValueRef timer_count(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  double id = argc > 0 ? pino_js_to_number(js, argv[0]) : 0;
  gpointer key = id >= 1 && id <= G_MAXUINT ? GUINT_TO_POINTER((guint)id) : NULL;
  if (!g_hash_table_contains(js->timers, key))
    return NULL;
  if (argc > 1 && pino_js_truthy(js, argv[1]))
    g_hash_table_remove(js->idle_timers, key);
  else
    g_hash_table_add(js->idle_timers, key);
  return NULL;
}

void pino_js_timer_natives(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"timerStart", timer_start},
      {"timerStop", timer_stop},
      {"timerCount", timer_count},
      {NULL, NULL},
  };
  pino_js_add_natives(js, "module", entries);
}

void pino_js_timers_clear(PinoJs *js) {
  GHashTableIter iter;
  gpointer source;
  g_hash_table_remove_all(js->idle_timers);
  g_hash_table_iter_init(&iter, js->timers);
  while (g_hash_table_iter_next(&iter, NULL, &source)) {
    g_source_destroy(source);
    g_hash_table_iter_remove(&iter);
  }
}
