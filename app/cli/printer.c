#include "cli/printer.h"

#include <unistd.h>

#include "cli/say.h"

#define KEEP 65536

void pino_printer_init(PinoPrinter *printer, gboolean events) {
  *printer = (PinoPrinter){.events = events, .buffer = g_string_new(NULL)};
}

void pino_printer_clear(PinoPrinter *printer) {
  g_string_free(printer->buffer, TRUE);
}

void pino_printer_flush(PinoPrinter *printer) {
  GString *buffer = printer->buffer;
  if (buffer->len == 0)
    return;
  printer->in_line = buffer->str[buffer->len - 1] != '\n';
  if (!printer->broken)
    printer->broken = !pino_put(STDOUT_FILENO, buffer->str, buffer->len);
  g_string_truncate(buffer, 0);
}

void pino_printer_say(PinoPrinter *printer, const char *text) {
  pino_printer_flush(printer);
  if (printer->in_line && isatty(STDOUT_FILENO))
    pino_put(STDOUT_FILENO, "\r\n", 2);
  printer->in_line = FALSE;
  pino_say("%s", text);
}

static void say_error(PinoPrinter *printer, PinoSlice event) {
  g_autofree char *script = pino_slice_text(pino_slice_member(event, "script"));
  g_autofree char *message = pino_slice_text(pino_slice_member(event, "message"));
  PinoSlice index = pino_slice_member(event, "index");
  g_autoptr(GString) text = g_string_new(NULL);
  if (script != NULL)
    g_string_append_printf(text, "%s: ", script);
  if (index.text != NULL)
    g_string_append_printf(text, "step %" G_GUINT64_FORMAT ": ", pino_slice_number(index));
  g_string_append(text, message != NULL ? message : "failed");
  pino_printer_say(printer, text->str);
}

static void say_told(PinoPrinter *printer, PinoSlice event) {
  g_autofree char *type = pino_slice_text(pino_slice_member(event, "type"));
  PinoSlice data = pino_slice_member(event, "data");
  g_autofree char *text = g_strdup_printf("%s: %.*s", type, (int)MIN(data.length, G_MAXINT), data.text);
  pino_printer_say(printer, text);
}

static void say_gap(PinoPrinter *printer, PinoSlice event) {
  g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " events were lost here: the disk was full",
                                          pino_slice_number(pino_slice_member(event, "lines")));
  pino_printer_say(printer, text);
}

static void take_stream(PinoPrinter *printer, PinoSlice event) {
  PinoSlice lost = pino_slice_member(event, "lost");
  pino_slice_decode(pino_slice_member(event, "raw"), printer->buffer);
  if (lost.text != NULL) {
    g_autofree char *text = g_strdup_printf(
        "%" G_GUINT64_FORMAT " bytes of output were here; their log has gone", pino_slice_number(lost));
    pino_printer_say(printer, text);
  }
  if (printer->buffer->len > KEEP)
    pino_printer_flush(printer);
}

void pino_printer_take(PinoPrinter *printer, PinoSlice event) {
  static const struct {
    const char *type;
    void (*take)(PinoPrinter *printer, PinoSlice event);
  } takers[] = {
      {"stream", take_stream}, {"error", say_error}, {"notify", say_told},
      {"open", say_told},      {"gap", say_gap},
  };
  if (printer->events) {
    g_string_append_len(printer->buffer, event.text, (gssize)event.length);
    g_string_append_c(printer->buffer, '\n');
    if (printer->buffer->len > KEEP)
      pino_printer_flush(printer);
    return;
  }
  PinoSlice type = pino_slice_member(event, "type");
  for (guint i = 0; i < G_N_ELEMENTS(takers); i++) {
    if (pino_slice_is(type, takers[i].type)) {
      takers[i].take(printer, event);
      return;
    }
  }
}
