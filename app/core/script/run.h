/* A run: one script and all that it starts, on one thread, in a JavaScript world of its own.
 *
 * The thread that makes a run owns it; its thread-default GMainContext is served while a method waits. Other threads
 * may only call pino_run_cancel(). What happens is told through the sink, in order.
 */
#pragma once

#include <gio/gio.h>

#include "script/event.h"

G_BEGIN_DECLS

/* Asks the person: request is JSON {title, description, type, form: [...]}; gives the answers as a JSON object by
 * key, or NULL with error set (PINO_ERROR_UNAVAILABLE when nobody is there). Called on the run's thread; may block. */
typedef char *(*PinoAsk)(const char *request, GCancellable *cancellable, gpointer data, GError **error);

typedef struct {
  const char *home;   /* PINOKIO_HOME, absolute */
  const char *keeper; /* the keeper's program; NULL: as installed */
  PinoEventSink sink; /* may be NULL */
  gpointer data;      /* of sink */
  PinoAsk ask;        /* may be NULL: nobody to ask */
  gpointer ask_data;
  GCancellable *cancellable; /* cancels the run as pino_run_cancel() does; may be NULL */
  double time_limit;         /* CPU seconds of one entry into JavaScript; 0: 30 */
  int terminal;              /* descriptor of the person's terminal for `input: true`; -1: none */
  guint cols, rows;          /* of the shells' terminals; 0: 100 x 30 */
} PinoRunOptions;

typedef enum {
  PINO_OUTCOME_STOPPED, /* finished */
  PINO_OUTCOME_DAEMON,  /* its steps are done and it stays */
  PINO_OUTCOME_ERROR,
  PINO_OUTCOME_CANCELLED,
} PinoOutcome;

/* "stopped", "daemon", "error" or "cancelled". */
const char *pino_outcome_name(PinoOutcome outcome);

typedef struct _PinoRun PinoRun;

/* Makes a run on the calling thread. Free with pino_run_free(). */
PinoRun *pino_run_new(const PinoRunOptions *options);

/* Ends every script and process of the run and frees it. */
void pino_run_free(PinoRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoRun, pino_run_free)

/* Runs the script at an absolute path to its end, or until it is a ready daemon. input is JSON of an object, or NULL.
 * The outcome is told as the `end` event too, errors as the `error` event; error says it once more. */
PinoOutcome pino_run_script(PinoRun *run, const char *path, const char *input, GError **error);

/* Ends what the run does now: its steps, or a daemon's stay; then its `on.stop` steps run. Called again, it ends those
 * too. From any thread. */
void pino_run_cancel(PinoRun *run);

/* Serves a daemon until it is cancelled or stopped by a script, then ends it (its `on.stop` first). With
 * leave_when_over also when the commands that it left running have all ended: gives TRUE then. */
gboolean pino_run_serve(PinoRun *run, gboolean leave_when_over);

/* JSON of a script's local memory ("{}" if it has none). Free with g_free(). */
char *pino_run_local(PinoRun *run, const char *path);

/* JSON of the script as loaded, functions dropped. Free with g_free(). */
char *pino_run_show(PinoRun *run, const char *path, GError **error);

/* Calls a function of an internal module ("pino:NAME") with a value given as JSON, and waits for its promise: how other
 * rooms look at launchers (lifecycle/launcher.h). Gives JSON, NULL without error for undefined. Free with g_free(). */
char *pino_run_call_json(PinoRun *run, const char *module, const char *function, const char *argument,
                         GError **error);

/* Runs a program on a terminal of its own in folder, without a script; it may not ask for anything. What it prints leaves
 * as `stream` events. FALSE with an error that names the command when its exit status is not 0. */
gboolean pino_run_program(PinoRun *run, const char *folder, const char *const *argv, GError **error);

/* The GPUs of this machine, a line each, for a person. Free with g_free(). */
char *pino_run_machine(PinoRun *run);

/* PINOKIO_HOME; the run owns it. */
const char *pino_run_home(PinoRun *run);

G_END_DECLS
