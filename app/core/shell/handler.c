#include "shell/handler.h"

#include "base/error.h"
#include "js/value.h"

/* Sets the expression from an event. */
static gboolean compile_event(PinoJs *js, JSValueRef compile, JSValueRef event, PinoHandler *handler,
                              GError **error) {
  JSValueRef regex = pino_js_call(js, (JSObjectRef)compile, NULL, 1, &event, error);
  if (regex == NULL)
    return FALSE;
  if (pino_js_is_string(js, regex)) {
    g_autofree char *why = pino_js_to_utf8(js, regex);
    g_autofree char *text = pino_js_to_utf8(js, event);
    g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT, "on[%d].event is not a regular expression: %s: %s",
                handler->index, text != NULL ? text : "?", why);
    return FALSE;
  }
  handler->regex = pino_js_hold(js, regex);
  g_autofree char *source = pino_js_get_utf8(js, regex, "source");
  g_autofree char *flags = pino_js_get_utf8(js, regex, "flags");
  handler->needle = pino_needle_new(source, flags);
  return TRUE;
}

static void read_flags(PinoJs *js, JSValueRef value, gboolean reply, PinoHandler *handler) {
  static const struct {
    const char *name;
    PinoHandlerFlags flag;
  } names[] = {
      {"done", PINO_HANDLER_DONE}, {"kill", PINO_HANDLER_KILL}, {"break", PINO_HANDLER_BREAK},
      {"fail", PINO_HANDLER_FAIL}, {"once", PINO_HANDLER_ONCE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (pino_js_truthy(js, pino_js_get(js, value, names[i].name)))
      handler->flags |= names[i].flag;
  if (pino_js_has(js, value, "break") && !(handler->flags & PINO_HANDLER_BREAK))
    handler->flags |= PINO_HANDLER_EXCUSE;
  gboolean aside = handler->trigger != NULL || handler->notify != NULL;
  if (reply && (!aside || !pino_js_is_undefined(js, pino_js_get(js, value, "return"))))
    handler->flags |= PINO_HANDLER_REPLY;
}

static void read_actions(PinoJs *js, JSValueRef value, PinoHandler *handler) {
  JSValueRef notify = pino_js_get(js, value, "notify");
  if (pino_js_truthy(js, notify))
    handler->notify = pino_js_hold(js, notify);
  JSValueRef trigger = pino_js_get(js, value, "trigger");
  if (!pino_js_is_string(js, trigger))
    return;
  handler->trigger = g_strstrip(pino_js_to_utf8(js, trigger));
  if (*handler->trigger == '\0')
    g_clear_pointer(&handler->trigger, g_free);
}

PinoHandler *pino_handler_read(PinoJs *js, JSValueRef compile, JSValueRef value, int index, gboolean reply,
                               GError **error) {
  if (!pino_js_is_object(js, value)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_SCRIPT,
                "on[%d] is not an object like {event: \"/expression/\"}", index);
    return NULL;
  }
  PinoHandler *handler = g_new0(PinoHandler, 1);
  handler->index = index;
  read_actions(js, value, handler);
  read_flags(js, value, reply, handler);
  JSValueRef event = pino_js_get(js, value, "event");
  /* As in the reference, an event that is empty matches nothing. */
  if (pino_js_truthy(js, event) && !compile_event(js, compile, event, handler, error)) {
    pino_handler_free(js, handler);
    return NULL;
  }
  return handler;
}

PinoHandler *pino_handler_default(PinoJs *js, JSValueRef compile, const char *event, PinoHandlerFlags flags,
                                  GError **error) {
  PinoHandler *handler = g_new0(PinoHandler, 1);
  handler->index = -1;
  handler->flags = flags;
  if (!compile_event(js, compile, pino_js_string(js, event), handler, error)) {
    pino_handler_free(js, handler);
    return NULL;
  }
  return handler;
}

void pino_handler_free(PinoJs *js, PinoHandler *handler) {
  if (handler == NULL)
    return;
  if (handler->regex != NULL)
    pino_js_release(js, handler->regex);
  if (handler->notify != NULL)
    pino_js_release(js, handler->notify);
  g_clear_pointer(&handler->needle, pino_needle_free);
  g_free(handler->trigger);
  g_free(handler);
}
