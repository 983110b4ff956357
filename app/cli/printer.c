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
    g_string_append_printf(text, "step %" G_GUINT64_FORMAT ": ", pino_slice_number(index) + 1);
  g_string_append(text, message != NULL ? message : "failed");
  pino_printer_say(printer, text->str);
}

/* Notifications are written as HTML. */
static char *without_tags(const char *html) {
  GString *out = g_string_new(NULL);
  gboolean in_tag = FALSE;
  for (const char *at = html; *at != '\0'; at++) {
    if (*at == '<')
      g_string_append(out, out->len > 0 && g_str_has_prefix(at, "<br") ? " " : "");
    in_tag = *at == '<' || (in_tag && *at != '>');
    if (!in_tag && *at != '>')
      g_string_append_c(out, *at);
  }
  return g_strstrip(g_string_free(out, FALSE));
}

static void say_notify(PinoPrinter *printer, PinoSlice event) {
  PinoSlice data = pino_slice_member(event, "data");
  g_autofree char *html = pino_slice_text(pino_slice_member(data, "html"));
  g_autofree char *href = pino_slice_text(pino_slice_member(data, "href"));
  g_autofree char *plain = without_tags(html != NULL ? html : "");
  g_autofree char *text =
      g_strdup_printf("%s%s%s", plain, *plain != '\0' && href != NULL ? ": " : "", href != NULL ? href : "");
  if (*text != '\0')
    pino_printer_say(printer, text);
}

/* A page that an event is about, and where others reach it. */
static void say_page(PinoPrinter *printer, PinoSlice event, const char *about) {
  static const char *const members[] = {"uri", "url", "path"};
  PinoSlice data = pino_slice_member(event, "data");
  g_autofree char *what = NULL;
  g_autofree char *public = pino_slice_text(pino_slice_member(data, "public"));
  for (guint i = 0; i < G_N_ELEMENTS(members) && what == NULL; i++)
    what = pino_slice_text(pino_slice_member(data, members[i]));
  if (what == NULL)
    what = g_strdup_printf("%.*s", (int)MIN(data.length, 1000), data.text);
  g_autofree char *text = g_strdup_printf(
      "%s: %s%s%s", about, what, public != NULL ? ", from everywhere: " : "", public != NULL ? public : "");
  pino_printer_say(printer, text);
}

static void say_open(PinoPrinter *printer, PinoSlice event) {
  say_page(printer, event, "to be opened");
}

static void say_expose(PinoPrinter *printer, PinoSlice event) {
  say_page(printer, event, "the app's page");
}

static void say_stage(PinoPrinter *printer, PinoSlice event) {
  g_autofree char *text = pino_slice_text(pino_slice_member(pino_slice_member(event, "data"), "text"));
  if (text != NULL)
    pino_printer_say(printer, text);
}

static void say_trouble(PinoPrinter *printer, PinoSlice event) {
  static const char *const parts[] = {"first", "second", "advice"};
  PinoSlice data = pino_slice_member(event, "data");
  g_autofree char *what = pino_slice_text(pino_slice_member(data, "text"));
  g_autoptr(GString) text = g_string_new("! ");
  g_string_append(text, what != NULL ? what : "something went wrong");
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *part = pino_slice_text(pino_slice_member(data, parts[i]));
    if (part != NULL && *part != '\0')
      g_string_append_printf(text, "\n    %s", part);
  }
  pino_printer_say(printer, text->str);
}

/* A page of text among the output. */
static void put_plan(PinoPrinter *printer, PinoSlice event) {
  g_autofree char *text = pino_slice_text(pino_slice_member(pino_slice_member(event, "data"), "text"));
  pino_printer_flush(printer);
  if (text != NULL)
    g_string_append_printf(printer->buffer, "%s%s", printer->in_line ? "\n" : "", text);
  pino_printer_flush(printer);
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
      {"stream", take_stream},  {"error", say_error}, {"notify", say_notify},
      {"open", say_open},       {"gap", say_gap},     {"stage", say_stage},
      {"trouble", say_trouble}, {"plan", put_plan},   {"expose", say_expose},
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
