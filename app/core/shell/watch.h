/* The watch: looks for what a script's `on` handlers wait for in the output of a shell, as it comes.
 *
 * Output is fed as valid UTF-8 text as terminal/ansi.h leaves it: no control sequences, lines end with \n. A bounded window of it is kept, so that what is cut by the
 * borders of the pieces is found, and each handler counts a match once. A match that reaches the end of what has
 * come may still grow: it counts when more text, a short silence or the end of the output has settled it. Handlers
 * are asked in their order; the first that ends the step closes the watch.
 *
 * Text that a `break` handler matches is judged a line at a time, since a `break: false` handler may excuse it
 * further along the line; an unfinished line is judged after a silence.
 *
 * A watch belongs to the thread of its PinoJs and calls back from pino_watch_feed(), pino_watch_finish() and the
 * thread-default GMainContext. It must not be freed from within a callback.
 */
#pragma once

#include "js/host.h"

G_BEGIN_DECLS

typedef enum {
  PINO_WATCH_DEFAULTS = 1 << 0, /* the handlers that every shell.run has come after the script's own */
  PINO_WATCH_RECORD = 1 << 1,   /* breaks do not end it before the output does: the person is typing */
  PINO_WATCH_REPLY = 1 << 2,    /* handlers of shell.enter: every match of one with `return` ends it */
} PinoWatchFlags;

typedef enum {
  PINO_VERDICT_DONE,  /* the step returns, the shell goes on */
  PINO_VERDICT_KILL,  /* the shell is to be killed, the step returns */
  PINO_VERDICT_BREAK, /* the step fails */
  PINO_VERDICT_FAIL,  /* the shell is to be killed, the step fails */
  PINO_VERDICT_REPLY, /* shell.enter has what it waited for */
  PINO_VERDICT_ERROR, /* an expression could not be run: see error */
} PinoVerdictKind;

typedef struct {
  PinoVerdictKind kind;
  int handler;               /* index in `on`, -1 for a default handler */
  const char *const *errors; /* BREAK and FAIL: what matched, shortest first; NULL for others */
  const GError *error;       /* ERROR */
} PinoVerdict;

/* The values are valid during the call; event is the match array. */
typedef struct {
  void (*trigger)(const char *action, JSValueRef event, gpointer data);
  void (*notify)(JSValueRef notification, JSValueRef event, gpointer data); /* as written in the script */
  void (*verdict)(const PinoVerdict *verdict, gpointer data);               /* once */
} PinoWatchEvents;

typedef struct _PinoWatch PinoWatch;

/* Makes a watch for a script's `on` (an array, undefined or null). PINO_ERROR_SCRIPT if `on` is not an array or an
 * event is not a regular expression; the message names it. Members of events may be NULL. Free with
 * pino_watch_free(). */
PinoWatch *pino_watch_new(PinoJs *js, JSValueRef on, PinoWatchFlags flags, const PinoWatchEvents *events,
                          gpointer data, GError **error);
void pino_watch_free(PinoWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoWatch, pino_watch_free)

/* Takes the next len bytes of output. Does nothing once a verdict was given. */
void pino_watch_feed(PinoWatch *watch, const char *text, gsize len);

/* The output has ended: settles what was held. response is all that was kept of the output; a script's own break
 * handlers are looked for in it with its line ends taken out as well, as the reference does. */
void pino_watch_finish(PinoWatch *watch, const char *response, gsize len);

/* Whether a verdict was given or the output has ended. */
gboolean pino_watch_is_closed(const PinoWatch *watch);

/* The match that `input.event` is: that of the handler which matched last. NULL if none has. Kept alive until the
 * watch is freed. */
JSValueRef pino_watch_event(const PinoWatch *watch);

/* All matches of a handler's expression in text, as an array of match arrays. NULL with error set if JavaScript
 * fails. */
JSValueRef pino_watch_matches(PinoWatch *watch, int handler, const char *text, gsize len, GError **error);

/* Index of the first handler that waits for the prompt (`event: null`), or -1. */
int pino_watch_prompt_handler(const PinoWatch *watch);

/* Whether any handler waits for output. */
gboolean pino_watch_wants_output(const PinoWatch *watch);

G_END_DECLS
