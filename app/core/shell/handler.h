/* One handler of a script's `on`, read and compiled. Used by the watch alone. */
#pragma once

#include "js/host.h"
#include "shell/needle.h"

G_BEGIN_DECLS

typedef enum {
  PINO_HANDLER_DONE = 1 << 0,
  PINO_HANDLER_KILL = 1 << 1,
  PINO_HANDLER_BREAK = 1 << 2,
  PINO_HANDLER_EXCUSE = 1 << 3, /* break: false */
  PINO_HANDLER_FAIL = 1 << 4,
  PINO_HANDLER_REPLY = 1 << 5,
  PINO_HANDLER_ONCE = 1 << 6,
} PinoHandlerFlags;

/* Offsets count the bytes of output since the watch began. */
typedef struct {
  PinoHandlerFlags flags;
  int index;          /* in the script's `on`, -1 for a default one */
  JSValueRef regex;   /* held; NULL for `event: null` */
  JSValueRef notify;  /* held; NULL if there is none */
  char *trigger;      /* NULL if there is none */
  PinoNeedle *needle; /* NULL if the expression has none */
  guint64 seen;       /* up to here the needle may stand */
  guint64 next;       /* what is before was counted */
  gboolean skip_line; /* the rest of the line that `next` is in does not count */
  gboolean closed;
} PinoHandler;

/* Reads handler `index` of a script. compile is watch.js's function of that name; reply tells that it belongs to
 * shell.enter. */
PinoHandler *pino_handler_read(PinoJs *js, JSValueRef compile, JSValueRef value, int index, gboolean reply,
                               GError **error);

/* A default handler: event as a script would write it; flags BREAK or EXCUSE. */
PinoHandler *pino_handler_default(PinoJs *js, JSValueRef compile, const char *event, PinoHandlerFlags flags,
                                  GError **error);
void pino_handler_free(PinoJs *js, PinoHandler *handler);

G_END_DECLS
