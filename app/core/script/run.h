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

/* What the service knows and does for a run. Called on the run's thread, from inside JavaScript too: only stop and share
 * may serve the thread's main context. */
typedef struct {
  /* JSON {running, ready, status, local, global} of a script, NULL or "null" when nothing is known. Free with g_free(). */
  char *(*status)(const char *path, gpointer data);
  /* Paths of all scripts that run. Free with g_strfreev(). */
  char **(*running)(gpointer data);
  /* Ends a script of another run and waits for that. *stopped: it ran. */
  gboolean (*stop)(const char *path, GCancellable *cancellable, gboolean *stopped, gpointer data,
                   GError **error);
  /* The three of tunnels may all be NULL: nobody opens any. */
  /* The public form of a page's address; NULL when it has none. Free with g_free(). */
  char *(*shared)(const char *url, gpointer data);
  /* Shares it until the run ends, and waits for that; the same. passcode may be NULL: none. NULL with error set. */
  char *(*share)(const char *url, const char *passcode, GCancellable *cancellable, gpointer data,
                 GError **error);
  /* Takes that back. *was_shared: it was. */
  gboolean (*unshare)(const char *url, gboolean *was_shared, gpointer data, GError **error);
  gpointer data;
} PinoRegistry;

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

  /* A run of the service: its shells are detached, and it has an id. All NULL otherwise. */
  const char *run_id;           /* the shells' ids are RUN_ID.1, RUN_ID.2... */
  const char *run_dir;          /* holds the keepers' sockets; goes with run_id */
  guint shells_before;          /* how many an earlier process of this run has started */
  guint grace_ms;               /* between asking a shell to end and killing it; 0: the keeper's own */
  gboolean all_events;          /* SHELL, EXIT and READY are told too */
  const PinoRegistry *registry; /* copied */
  /* What pino_run_snapshot() gives may have changed. Called from inside the run's work: take note and come back. */
  void (*changed)(gpointer data);
  gpointer changed_data;
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

/* --- the service's runs (options.run_id) --- */

/* Stays with a daemon, or with the daemons that the script left, until somebody ends it or leave is TRUE and the run is
 * settled, or until the commands that it left running have all ended: an error unless each exit code was 0. Ends it (its
 * `on.stop` first), unless it is to be left. *left tells which. */
PinoOutcome pino_run_stay(PinoRun *run, const gboolean *leave, gboolean *left, GError **error);

/* Nothing but shells is left of it: every script is a ready daemon, none has a shell that needs this process, and nothing
 * goes on in JavaScript. */
gboolean pino_run_is_settled(PinoRun *run);

/* As pino_run_free(), but the shells go on. */
void pino_run_leave(PinoRun *run);

/* Does only the `on.stop` steps of scripts that another process started, the last one first. scripts is JSON as
 * pino_run_snapshot() gives it. What fails is told as an event; the last such error is given too. */
PinoOutcome pino_run_stop_only(PinoRun *run, const char *scripts, GError **error);

/* Ends one script of the run, its `on.stop` first. One that does a step just now ends a little later. */
void pino_run_stop_script(PinoRun *run, const char *path);
/* Whether a script of the run runs, or is being ended. */
gboolean pino_run_has(PinoRun *run, const char *path);

/* The path of the script that asks, from within PinoAsk; NULL otherwise. */
const char *pino_run_asking(PinoRun *run);

/* The members of a JSON object without its braces: phase, step, total, method, settled, scripts, finished, failed, shells
 * as control/protocol.h says. Free with g_free(). */
char *pino_run_snapshot(PinoRun *run);

/* --- looking --- */

/* JSON of a script's local memory ("{}" if it has none). Free with g_free(). */
char *pino_run_local(PinoRun *run, const char *path);

/* JSON of the script as loaded, functions dropped. Free with g_free(). */
char *pino_run_show(PinoRun *run, const char *path, GError **error);

/* Calls a function of an internal module ("pino:NAME") with a value given as JSON, and waits for its promise: how other
 * rooms look at launchers (lifecycle/launcher.h). Gives JSON, NULL without error for undefined. Free with g_free(). */
char *pino_run_call_json(PinoRun *run, const char *module, const char *function, const char *argument,
                         GError **error);

/* --- operations: what is done to an app, of which a script is only a part (lifecycle/operation.h) --- */

typedef struct {
  const char *folder;
  const char *const *argv; /* NULL-terminated */
  const char *const *env;  /* NAME=value over the process's own, NULL-terminated; may be NULL */
} PinoProgram;

/* Runs a program on a terminal of its own, without a script; it may not ask for anything. What it prints leaves as `stream`
 * events. FALSE with an error that names the command when its exit status is not 0. *tail (may be NULL; free) is the last
 * 16 KiB of what it printed, without control sequences; *status (may be NULL) its exit status, -1 when it did not run to its
 * end. */
gboolean pino_run_program(PinoRun *run, const PinoProgram *program, char **tail, int *status, GError **error);

/* Waits; FALSE with PINO_ERROR_CANCELLED when the run is cancelled meanwhile. */
gboolean pino_run_wait(PinoRun *run, guint ms, GError **error);

/* Tells an event of the operation's own: name, and data as JSON. */
void pino_run_tell(PinoRun *run, const char *name, const char *json);

/* Hands every event to a second listener too, those of the service included; sink NULL ends that. */
void pino_run_listen(PinoRun *run, PinoEventSink sink, gpointer data);

/* From here to pino_run_end_operation() the run counts as doing its steps, and no script's end is the run's. */
void pino_run_begin_operation(PinoRun *run);
/* Asks the person something that no script asks (PinoAsk). Free with g_free(). */
char *pino_run_ask(PinoRun *run, const char *request, GError **error);
/* Ends the scripts that stay, their `on.stop` first. */
void pino_run_end_scripts(PinoRun *run);
/* Whether somebody wants it ended. */
gboolean pino_run_is_cancelled(PinoRun *run);
/* Ends what is left running and tells the outcome; message (may be NULL) is told as the error. */
void pino_run_end_operation(PinoRun *run, PinoOutcome outcome, const char *message);

/* Remembers in a file (0600) which steps of the scripts that are run from now on have finished, and goes on after them
 * when the file says so already. file NULL: no longer. from_start: what the file says does not count. */
void pino_run_set_progress(PinoRun *run, const char *file, gboolean from_start);

/* For a listener (pino_run_listen()) at the end of a command: it failed only because an earlier try had done its work. */
gboolean pino_run_is_forgiven(PinoRun *run);

/* PINOKIO_HOME; the run owns it. */
const char *pino_run_home(PinoRun *run);

G_END_DECLS
