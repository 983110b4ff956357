/* A shell: one command, or an interactive shell that stays, on a terminal that a keeper holds.
 *
 * A shell lives on the thread of its PinoJs; its events come from that thread's GMainContext, which the waiting
 * functions here go on serving. Its output is watched for a script's handlers (shell/watch.h), and the last MiB of it
 * is kept as text without control sequences.
 *
 * An interactive shell tells where its prompt is (shell/prompt.h): what it prints counts only while a command runs.
 */
#pragma once

#include <sys/types.h>

#include "js/host.h"

G_BEGIN_DECLS

typedef struct {
  PinoJs *js;
  const char *program; /* the keeper's; NULL: as installed */
  const char *shell;   /* NULL: bash */
  const char *command; /* one text for the shell, activation included; may be NULL when interactive */
  const char *cwd;
  const char *const *env; /* "NAME=value"; NULL: the engine's own */
  const char *log_path;   /* takes every byte as it comes */
  const char *id;         /* letters, digits, ".", "_", "-" */
  const char *run_dir;    /* needed when detached */
  gboolean detached;      /* goes on when the engine ends */
  guint cols, rows;       /* 0: 100 x 30 */
  guint grace_ms;         /* between asking to end and killing; 0: the keeper's own */
  gboolean interactive;   /* a shell with a prompt, at which command is typed first */
  gboolean input;         /* the person types: breaks are judged at the end only */
  gboolean default_handlers;
  JSValueRef on; /* a script's handlers; may be NULL */
} PinoShellSpec;

/* Members may be NULL. No callback may wait, or free the shell. */
typedef struct {
  /* What was printed: as it came, and decoded to UTF-8 (control sequences included in both). */
  void (*output)(const guint8 *bytes, gsize len, const char *text, gsize text_len, gpointer data);
  void (*trigger)(const char *action, JSValueRef event, gpointer data);
  void (*notify)(JSValueRef notification, JSValueRef event, gpointer data); /* as written in the script */
  /* No process of it is left. exit_code: 128 + signal when a signal ended it. A command that was stopped has a signal
   * too, unless it ended with exit code 0: its exit code says nothing about its work. */
  void (*ended)(int exit_code, int signal, gpointer data);
  /* Something that a person should know; the shell goes on. */
  void (*trouble)(const GError *error, gpointer data);
} PinoShellEvents;

typedef struct {
  gboolean ended;      /* no process is left; FALSE: it goes on in the background (a `done` handler) */
  int exit_code;       /* -1 while it is running or when it was stopped before its end */
  int signal;          /* that ended the command, or 0 */
  char *output;        /* text printed, its last MiB */
  JSValueRef event;    /* the match array of the handler that matched, or NULL; alive as long as the shell */
  char **break_errors; /* what break or fail handlers matched, or NULL: the step failed */
  gboolean failed;     /* a `fail` handler: break_errors holds its match */
} PinoShellResult;

void pino_shell_result_clear(PinoShellResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoShellResult, pino_shell_result_clear)

typedef struct {
  int handler;         /* index in `on` of what the wait ended with; -1: none of them */
  gboolean prompt;     /* the prompt is back */
  gboolean ended;      /* the shell itself has ended */
  int exit_code;       /* of the command, when the prompt is back or the shell has ended; else -1 */
  JSValueRef matches;  /* array of match arrays, or NULL; keep it on the stack */
  char **break_errors; /* what break or fail handlers matched, or NULL: the step failed */
  char *raw;           /* printed since the message, decoded, control sequences included */
  char *cleaned;       /* the same without; only the command's own output */
} PinoShellReply;

void pino_shell_reply_clear(PinoShellReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoShellReply, pino_shell_reply_clear)

typedef struct _PinoShell PinoShell;

/* Starts it and returns at once. Errors are the keeper's, those of a wrong `on` (PINO_ERROR_SCRIPT) and, for an
 * interactive shell whose prompt is not known, PINO_ERROR_UNAVAILABLE. Neither spec nor events are used later. Free
 * with pino_shell_free(). */
PinoShell *pino_shell_start(const PinoShellSpec *spec, const PinoShellEvents *events, gpointer data,
                            GError **error);

/* Waits until the command has ended or a handler ends the step; except after `done` it and all its processes are
 * gone then. A cancelled wait leaves it running. Fails if it is cancelled, if JavaScript fails (the shell is
 * stopped), or if the keeper was lost. */
gboolean pino_shell_wait(PinoShell *shell, GCancellable *cancellable, PinoShellResult *result,
                         GError **error);

/* Types a message, with Enter if enter is TRUE, and waits for the first handler of on that matches what is printed
 * from then on, or for the prompt: a handler with `event: null`, no handlers, or a command that ended with nothing
 * left in the background. Without enter and without handlers it does not wait. First waits for the prompt if the
 * shell has only been started. */
gboolean pino_shell_enter(PinoShell *shell, const char *message, gboolean enter, JSValueRef on,
                          GCancellable *cancellable, PinoShellReply *reply, GError **error);

/* What the person types, as it is. */
gboolean pino_shell_write_input(PinoShell *shell, const void *bytes, gsize len, GError **error);
void pino_shell_resize(PinoShell *shell, guint cols, guint rows);

/* Whether a real terminal shows the shell. While none does, questions for the cursor's position are answered here, so
 * that programs that ask do not hang. */
void pino_shell_set_attended(PinoShell *shell, gboolean attended);

/* Ends all its processes and waits for that. */
gboolean pino_shell_stop(PinoShell *shell, GCancellable *cancellable, GError **error);

/* Asks all its processes to end and does not wait. */
void pino_shell_ask_to_end(PinoShell *shell);
/* Ends a detached shell and waits for that, as long as its grace allows and some seconds more. The thread's main context
 * is not served meanwhile: only `output`, `trouble` and `ended` of this shell are told. */
void pino_shell_finish(PinoShell *shell);

/* Ends what still runs and waits for it; a detached shell is left running: stop it first if it is to end. */
void pino_shell_free(PinoShell *shell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoShell, pino_shell_free)

/* What it was started with. */
const char *pino_shell_id(const PinoShell *shell);
/* FALSE once `ended` was told. */
gboolean pino_shell_is_running(const PinoShell *shell);
/* Of the command. */
pid_t pino_shell_pid(const PinoShell *shell);
/* Up to where in the log output was told. */
guint64 pino_shell_log_offset(const PinoShell *shell);
/* Whether more of its output goes to handlers, or it has a prompt: it needs this process. */
gboolean pino_shell_is_watched(const PinoShell *shell);

G_END_DECLS
