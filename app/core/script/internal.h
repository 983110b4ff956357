/* What the files of this room share. Nobody else includes it. */
#pragma once

#include "js/host.h"
#include "js/value.h"
#include "script/run.h"
#include "shell/shell.h"

G_BEGIN_DECLS

typedef struct _PinoScript PinoScript;
typedef struct _PinoProgress PinoProgress;

typedef struct {
  guint port;
  int fd; /* keeps it (base/port.h) */
} PinoKeptPort;

struct _PinoRun {
  char *home;
  char *keeper;
  PinoRunOptions options;
  GMutex lock;               /* of the next: other threads cancel */
  GCancellable *cancellable; /* of the present work; a new one for what comes after a cancel */
  gulong option_cancelled;   /* handler at options.cancellable */
  PinoJs *js;
  GPtrArray *scripts; /* PinoScript that run or stay, in the order they started; owned */
  PinoScript *main;   /* borrowed */
  GHashTable *told;   /* notices that are given once a run */
  GPtrArray *turns;   /* GSource of what is to come in turns of their own */
  char *restart_main; /* JSON of how the main script is to be started again once it has ended, or NULL */
  JSObjectRef world;  /* exports of world.js, step.js, keypath.js; held by their modules */
  JSObjectRef step;
  JSObjectRef keypath;
  guint shells_made;
  GArray *ports; /* PinoKeptPort: that it was given */
  gboolean closing;
  gboolean woken; /* while serving: a command ended that was left running, or the main script did */
  /* of the service */
  char *run_id, *run_dir;
  PinoRegistry registry;
  gboolean has_registry;
  const char *asking;     /* path of the script that asks, while it does */
  gboolean ending;        /* all of it is being ended */
  gboolean leaving;       /* its shells are let go, not ended */
  gboolean settled;       /* as it was told last */
  gboolean operating;     /* between pino_run_begin_operation() and its end */
  PinoEventSink listener; /* may be NULL */
  gpointer listener_data;
  PinoProgress *progress;     /* may be NULL */
  int step_index, step_total; /* of the main script, -1: none yet */
  char *step_method;
  char *opened; /* the page that a script opened last (web.open); may be NULL */
  GQueue gone;  /* char *: the shells that ended last, as pino_run_snapshot() tells them */
};

/* One script of a run. */
struct _PinoScript {
  PinoRun *run;
  char *path;
  char *uri;
  char *cwd;     /* its folder, or the one that it was started with */
  char *dirname; /* its folder */
  char *app_dir;
  char *log_dir;
  gboolean is_main;
  gboolean daemon;
  gboolean ready;                /* a daemon whose steps are done */
  gboolean waiting;              /* in a process.wait without end: how older apps stay */
  gboolean stopping;             /* script.stop: the steps end at the next occasion */
  gboolean closing;              /* its `on.stop` steps are done */
  GCancellable *cancellable;     /* of this script's steps: cancelled by script.stop and with the run */
  GCancellable *run_cancellable; /* the one that run_cancelled is connected to */
  gulong run_cancelled;
  JSObjectRef entry; /* what step.js knows of it: {path, uri, cwd, dirname, name, body, args, action}; held */
  GPtrArray *shells; /* PinoScriptShell, owned */
  guint depth;       /* step loops on the stack: freed when it is 0 */
  int index, total;  /* of the step that runs now */
};

/* A shell of a script, known by its id. */
typedef struct {
  PinoScript *script;
  PinoShell *shell;
  char *id;
  int index;           /* of the step whose output it is */
  gboolean quiet;      /* started through kernel.*: output goes to print alone */
  gboolean background; /* its step has gone on without it */
  gboolean closing;    /* it is being ended: nobody is told but the log */
  guint64 told;        /* byte of the log up to which output was told */
  gboolean exited;
  int exit_code;
  char *name, *log; /* of its keeper */
  char *command;    /* as the script has it */
  JSValueRef print; /* held; may be NULL */
} PinoScriptShell;

/* A step on its way through a method. */
typedef struct {
  PinoRun *run;
  PinoScript *script;
  PinoJs *js;
  JSObjectRef prepared; /* of step.js: {step, next, skip, method} */
  JSObjectRef step;
  JSValueRef params;
  JSValueRef input;
  const char *method;
  int index;
  int total;
  JSValueRef next;      /* a method may change it: number or null */
  JSValueRef steps;     /* of the action that runs */
  gboolean kernel_call; /* called through kernel.*, not as a step: output goes to print alone */
  JSValueRef print;     /* a function of {raw}; may be NULL */
  char *break_json;     /* what matched, when a shell's break ends it; owned */
} PinoStep;

/* Does a step's work. Gives the result (NULL without error: undefined) or NULL with error set. */
typedef JSValueRef (*PinoMethodFunction)(PinoStep *step, GError **error);

typedef struct {
  const char *name;
  PinoMethodFunction run;
} PinoMethod;

/* A method by its name: NULL with PINO_ERROR_UNAVAILABLE for one that the specification has and this engine not yet,
 * PINO_ERROR_NOT_FOUND for any other. */
const PinoMethod *pino_method_find(const char *name, GError **error);

/* --- script.c: the life of one script ---- */

/* Starts a script's record and loads it; its environment is checked. NULL with error set. Owned by run->scripts. */
PinoScript *pino_script_open(PinoRun *run, const char *path, const char *uri, const char *cwd,
                             JSValueRef args, gboolean is_main, GError **error);
/* Runs an action's steps (steps.c). *result (may be NULL) is the last step's. */
PinoOutcome pino_script_act(PinoScript *script, const char *action, JSValueRef input, JSValueRef *result,
                            GError **error);
/* The record of a script that an earlier process of the run started: loaded, ready, with the memory that it had. about is
 * an entry of pino_run_snapshot()'s scripts. */
PinoScript *pino_script_reopen(PinoRun *run, JSValueRef about, GError **error);
/* It waits until it is stopped: for who started it that is as good as ready, though `ready()` does not say so. */
void pino_script_set_waiting(PinoScript *script, gboolean waiting);
/* Ends it: its `on.stop` if asked for, its shells, its memory. Frees it unless its steps are still on the stack. */
void pino_script_close(PinoScript *script, gboolean run_on_stop);
PinoScript *pino_script_find(PinoRun *run, const char *path);
/* Runs a script as script.start does: to its end or until it is ready. */
PinoOutcome pino_script_run(PinoRun *run, const char *path, const char *uri, const char *cwd, JSValueRef args,
                            gboolean is_main, JSValueRef *result, GError **error);

/* Whether it has `on.stop` steps. */
gboolean pino_script_has_on_stop(PinoScript *script);

/* A shell of the script by its id, NULL if there is none. */
PinoScriptShell *pino_script_shell(PinoScript *script, const char *id);
/* Ends it and forgets it. */
void pino_script_drop_shell(PinoScript *script, PinoScriptShell *shell);

typedef void (*PinoTurnFunc)(gpointer data);
/* Calls function(data) once in a turn of the loop of its own, where waiting is allowed; free_data in any case, at the
 * latest before the run is freed. */
void pino_run_later(PinoRun *run, PinoTurnFunc function, gpointer data, GDestroyNotify free_data);

/* Starts the script again as a restart's JSON says. */
PinoOutcome pino_script_start_again(PinoRun *run, const char *about, GError **error);

/* What pino_run_snapshot() gives may have changed. */
void pino_run_changed(PinoRun *run);
/* Closes all scripts, the last one first. */
void pino_run_close_all(PinoRun *run, gboolean run_on_stop);
/* The same with the last events of a run: it is told that it ends, and `end`. */
void pino_run_finish(PinoRun *run, PinoOutcome outcome, const char *message, gboolean run_on_stop);
/* A script.restart of the main script has ended it: it runs again, as often as it asks for that. */
PinoOutcome pino_run_restart_while_asked(PinoRun *run, PinoOutcome outcome, GError **error);
/* Whether a command that was started still runs, or a step. */
gboolean pino_run_is_busy(PinoRun *run);
/* What the person answers. */
char *pino_script_ask(PinoScript *script, const char *request, GError **error);

/* The JSON of one shell as the snapshot has it (snapshot.c); free with g_free(). */
char *pino_shell_entry_json(const PinoScriptShell *entry);
/* Remembers a shell that has ended for the next snapshots. */
void pino_run_remember_shell(PinoRun *run, const PinoScriptShell *entry);

/* After a cancel: the run's work to come (`on.stop`, the next script) can be cancelled anew. */
void pino_run_renew(PinoRun *run);

/* --- events ---- */

/* Tells the sink; those of the service only if they are wanted. */
void pino_run_emit(PinoRun *run, PinoEvent *event);
/* The same; sets event->script. */
void pino_script_emit(PinoScript *script, PinoEvent *event);
/* Prints text as the output of a step. */
void pino_step_print(PinoStep *step, const char *text);
void pino_script_print(PinoScript *script, int index, const char *text);
void pino_script_print_len(PinoScript *script, int index, const char *text, gsize length);
/* An event of the UI: notify, wait, open... data is any value. */
void pino_step_tell(PinoStep *step, const char *name, JSValueRef data);

/* --- small helpers for methods ---- */

/* params.NAME resolved as a path of the script; an error when it is missing. */
char *pino_step_path(PinoStep *step, const char *name, GError **error);
/* Resolves a path or URI of a script (never NULL without error). */
char *pino_script_resolve(PinoScript *script, const char *uri, GError **error);
/* Calls a function of an internal module's exports. */
JSValueRef pino_run_invoke(PinoRun *run, JSObjectRef module, const char *function, size_t argc,
                           const JSValueRef argv[], GError **error);

/* Runs a program on a keeper's terminal in folder, its output printed by the step: git and hf show their progress there,
 * and all of their processes end with the script. FALSE with an error that names the command when its exit status is
 * not 0. */
gboolean pino_step_run_program(PinoStep *step, const char *folder, const char *const *argv, GError **error);

/* --- parts ---- */

/* binding('script') for the scripts of this room. */
void pino_script_natives(PinoRun *run);
/* Loads a script file or module: JSON (errors with line and column) or JavaScript, classes made, promises awaited
 * only when await is TRUE. */
JSValueRef pino_load_value(PinoRun *run, const char *path, gboolean fresh, GError **error);
JSValueRef pino_load_script(PinoRun *run, const char *path, GError **error);
/* Asks for what the script's `env`/`pre` require and is not set. */
gboolean pino_require_environment(PinoScript *script, GError **error);
/* {gpu, gpus, gpu_model, gpu_driver, gpu_target, gpu_memory, vram, ram, graphics} of this machine; see cloud/facts.h for what
 * asking costs. */
JSValueRef pino_machine_facts(PinoJs *js);
/* {platform, base_path, persistent_path} */
JSValueRef pino_machine_cloud(PinoJs *js, const char *home);

G_END_DECLS
