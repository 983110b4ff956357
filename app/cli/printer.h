/* Events of a run as a person sees them: output raw, the rest as remarks. */
#pragma once

#include "cli/slice.h"

G_BEGIN_DECLS

typedef struct {
  gboolean events;  /* as lines of JSON */
  gboolean in_line; /* output ended in the middle of a line */
  gboolean broken;  /* nobody reads it any more */
  GString *buffer;  /* output that is not written yet */
} PinoPrinter;

/* Takes {0}, with events set or not. */
void pino_printer_init(PinoPrinter *printer, gboolean events);
void pino_printer_clear(PinoPrinter *printer);

/* One event. Output is kept back until pino_printer_flush(). */
void pino_printer_take(PinoPrinter *printer, PinoSlice event);
void pino_printer_flush(PinoPrinter *printer);

/* A remark, on a line of its own. */
void pino_printer_say(PinoPrinter *printer, const char *text);

G_END_DECLS
