#include "script/event.h"

#include <string.h>

#include "base/json.h"

static void field(GString *out, const char *name, const char *text) {
  g_string_append_printf(out, ",\"%s\":", name);
  pino_json_append_string(out, text, strlen(text));
}

static const char *type_name(const PinoEvent *event) {
  static const char *const names[] = {
      [PINO_EVENT_STEP] = "step",   [PINO_EVENT_STREAM] = "stream", [PINO_EVENT_RESULT] = "result",
      [PINO_EVENT_TOLD] = NULL,     [PINO_EVENT_ERROR] = "error",   [PINO_EVENT_END] = "end",
      [PINO_EVENT_SHELL] = "shell", [PINO_EVENT_EXIT] = "exit",     [PINO_EVENT_READY] = "ready",
  };
  return names[event->type] != NULL ? names[event->type] : event->name;
}

static void append_shell(GString *out, const PinoEvent *event) {
  pino_json_append_member(out, "shell", event->shell);
  if (event->type == PINO_EVENT_SHELL) {
    pino_json_append_member(out, "log", event->log);
    g_string_append_printf(out, ",\"pid\":%d", (int)event->pid);
  } else {
    g_string_append_printf(out, ",\"code\":%d,\"signal\":%d", event->code, event->signal);
  }
}

gboolean pino_event_is_failed(const PinoEvent *event) {
  return event->type == PINO_EVENT_TOLD && g_strcmp0(event->name, PINO_TOLD_FAILED) == 0;
}

void pino_event_to_json(const PinoEvent *event, GString *out) {
  g_string_append(out, "{\"type\":");
  const char *name = type_name(event);
  pino_json_append_string(out, name, strlen(name));
  if (event->script != NULL)
    field(out, "script", event->script);
  if (event->index >= 0)
    g_string_append_printf(out, ",\"index\":%d", event->index);
  if (event->type == PINO_EVENT_STEP) {
    g_string_append_printf(out, ",\"total\":%d", event->total);
    field(out, "method", event->method);
  } else if (event->type == PINO_EVENT_STREAM) {
    g_string_append(out, ",\"raw\":");
    pino_json_append_string(out, event->text, event->text_len);
  } else if (event->type == PINO_EVENT_SHELL || event->type == PINO_EVENT_EXIT) {
    append_shell(out, event);
  } else if (event->type == PINO_EVENT_READY) {
    g_string_append_printf(out, ",\"local\":%s", event->data != NULL ? event->data : "{}");
  } else if (event->type == PINO_EVENT_END) {
    field(out, "outcome", event->name);
    if (event->data != NULL)
      g_string_append_printf(out, ",\"local\":%s", event->data);
  } else if (event->type == PINO_EVENT_ERROR) {
    field(out, "message", event->message);
    if (event->data != NULL)
      g_string_append_printf(out, ",\"event\":%s", event->data);
  } else {
    g_string_append_printf(out, ",\"data\":%s", event->data != NULL ? event->data : "null");
  }
  g_string_append(out, "}\n");
}
