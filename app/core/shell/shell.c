/* States of an interactive shell: STARTING, then PROMPT; TYPED once a command was sent from there, RUNNING once the
 * shell begins it, PROMPT again. A command without a prompt is RUNNING from the start. ENDED comes last for both.
 *
 * `settled` ends pino_shell_wait(): the first command is over, a verdict was given, or the shell has ended. `replied`
 * ends pino_shell_enter() likewise for its message. */
#include "shell/shell.h"

#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/wait.h"
#include "js/value.h"
#include "keeper/client.h"
#include "shell/prompt.h"
#include "shell/stream.h"
#include "shell/tail.h"
#include "shell/watch.h"

#define KEPT_OUTPUT (1024 * 1024)
#define KEPT_RAW (64 * 1024)
#define DEFAULT_COLS 100
#define DEFAULT_ROWS 30
#define DEFAULT_SHELL "bash"
#define DEFAULT_GRACE_MS 5000 /* the keeper's own */
#define FINISH_SLACK_MS 15000
#define CURSOR_AT_HOME "\033[1;1R"

typedef enum { STARTING, PROMPT, TYPED, RUNNING, ENDED } State;

struct _PinoShell {
  PinoJs *js;
  PinoShellEvents events;
  gpointer data;
  char *id;
  char *run_dir, *log_path; /* of a detached one: where it is found again */
  gboolean detached;
  guint grace_ms;
  guint64 offset;     /* of the log, once keeper has gone */
  PinoKeeper *keeper; /* NULL once it was finished */
  PinoStream *stream;
  const PinoDialect *dialect; /* NULL: not interactive */
  char *first_command;
  State state;
  gint64 pid;          /* of the interactive shell, from its first mark */
  guint64 serial;      /* of its last prompt */
  gboolean typed_part; /* an unfinished command stands at the prompt */
  gboolean matching;   /* what is printed belongs to the command that is waited for */
  gboolean attended;
  PinoTail output;
  PinoTail raw;     /* empty unless a reply is waited for */
  PinoWatch *watch; /* of the command, later of the last message; NULL once the wait is over */
  JSValueRef event; /* held: what the wait gave, or NULL */

  gboolean settled, replied, replying, ended;
  int exit_code; /* of the last command; -1 */
  int signal;
  gboolean has_verdict;
  PinoVerdictKind verdict;
  int verdict_handler;
  char **errors;
  GError *js_error; /* of the verdict */
  GError *trouble;  /* the last one */
  gboolean lost;    /* ended, and nobody knows how */
};

/* --- the watch's news ------------------------------------------------------------------------------------ */

static void on_trigger(const char *action, JSValueRef event, gpointer data) {
  PinoShell *shell = data;
  if (shell->events.trigger != NULL)
    shell->events.trigger(action, event, shell->data);
}

static void on_notify(JSValueRef notification, JSValueRef event, gpointer data) {
  PinoShell *shell = data;
  if (shell->events.notify != NULL)
    shell->events.notify(notification, event, shell->data);
}

static void on_verdict(const PinoVerdict *verdict, gpointer data) {
  PinoShell *shell = data;
  shell->has_verdict = TRUE;
  shell->verdict = verdict->kind;
  shell->verdict_handler = verdict->handler;
  g_strfreev(shell->errors);
  shell->errors = g_strdupv((char **)verdict->errors);
  g_clear_error(&shell->js_error);
  shell->js_error = verdict->error != NULL ? g_error_copy(verdict->error) : NULL;
  if (shell->replying)
    shell->replied = TRUE;
  else
    shell->settled = TRUE;
}

static PinoWatch *watch_new(PinoShell *shell, JSValueRef on, PinoWatchFlags flags, GError **error) {
  static const PinoWatchEvents events = {on_trigger, on_notify, on_verdict};
  return pino_watch_new(shell->js, on, flags, &events, shell, error);
}

static void finish_watch(PinoShell *shell) {
  if (shell->watch == NULL)
    return;
  gsize len;
  const char *text = pino_tail_get(&shell->output, &len);
  pino_watch_finish(shell->watch, text, len);
}

/* --- prompts and commands -------------------------------------------------------------------------------- */

static gboolean type_text(PinoShell *shell, const char *text, gboolean enter, GError **error) {
  /* Enter is a carriage return, as from a keyboard; the terminal makes of it what the program wants. */
  g_autofree char *bytes = g_strconcat(text, enter ? "\r" : "", NULL);
  return pino_keeper_write(shell->keeper, bytes, strlen(bytes), error);
}

static void tell_trouble(PinoShell *shell, const GError *error) {
  g_clear_error(&shell->trouble);
  shell->trouble = g_error_copy(error);
  if (shell->events.trouble != NULL)
    shell->events.trouble(error, shell->data);
}

static void type_first_command(PinoShell *shell) {
  g_autofree char *line = pino_dialect_line(shell->dialect, shell->first_command);
  g_autoptr(GError) error = NULL;
  g_clear_pointer(&shell->first_command, g_free);
  shell->state = TYPED;
  if (!type_text(shell, line, TRUE, &error))
    tell_trouble(shell, error);
}

/* Whether a reply needs no more than the prompt. */
static gboolean prompt_is_enough(const PinoShell *shell, int jobs) {
  return shell->watch == NULL || !pino_watch_wants_output(shell->watch) || jobs == 0 ||
         pino_watch_prompt_handler(shell->watch) >= 0;
}

static void command_over(PinoShell *shell, const PinoMark *mark) {
  shell->exit_code = mark->exit_code;
  shell->state = PROMPT;
  shell->typed_part = FALSE;
  if (shell->replying) {
    if (!prompt_is_enough(shell, mark->jobs)) {
      shell->matching = TRUE;
      return;
    }
    finish_watch(shell);
    shell->replied = TRUE;
  } else if (!shell->settled) {
    finish_watch(shell);
    shell->settled = TRUE;
  }
  shell->matching = FALSE;
}

static void on_prompt(PinoShell *shell, const PinoMark *mark) {
  if (shell->state != STARTING && mark->serial == shell->serial)
    return;
  shell->serial = mark->serial;
  if (shell->state == STARTING && shell->first_command != NULL)
    type_first_command(shell);
  else
    command_over(shell, mark);
}

/* The shell asks for the rest of a command: whoever typed it must go on. */
static void on_more(PinoShell *shell) {
  if (!shell->replying || shell->state != TYPED)
    return;
  shell->state = PROMPT;
  shell->typed_part = TRUE;
  shell->exit_code = -1;
  shell->replied = TRUE;
}

static void on_mark(const PinoMark *mark, gpointer data) {
  PinoShell *shell = data;
  if (shell->pid == 0)
    shell->pid = mark->pid;
  if (mark->pid != shell->pid)
    return;
  if (mark->kind == PINO_MARK_PROMPT) {
    on_prompt(shell, mark);
  } else if (mark->kind == PINO_MARK_MORE) {
    on_more(shell);
  } else if (shell->state == TYPED || shell->state == PROMPT) {
    shell->matching = shell->state == TYPED;
    shell->state = RUNNING;
  }
}

static void on_text(const char *text, gsize len, gpointer data) {
  PinoShell *shell = data;
  if (shell->state == TYPED && !pino_dialect_marks_begin(shell->dialect)) {
    const char *newline = memchr(text, '\n', len);
    if (newline == NULL)
      return;
    len -= (gsize)(newline + 1 - text);
    text = newline + 1;
    shell->state = RUNNING;
    shell->matching = TRUE;
  }
  if (!shell->matching || len == 0)
    return;
  pino_tail_append(&shell->output, text, len);
  if (shell->watch != NULL)
    pino_watch_feed(shell->watch, text, len);
}

/* --- the keeper's news ----------------------------------------------------------------------------------- */

static void answer_cursor_questions(PinoShell *shell, const guint8 *data, gsize length) {
  guint count = pino_stream_cursor_questions(shell->stream, data, length);
  for (guint i = 0; i < count && !shell->attended; i++)
    (void)pino_keeper_write(shell->keeper, CURSOR_AT_HOME, strlen(CURSOR_AT_HOME), NULL);
}

static void take_output(PinoShell *shell, const guint8 *data, gsize length, gboolean finish) {
  const GString *text = pino_stream_decode(shell->stream, data, length, finish);
  if (shell->events.output != NULL && (length > 0 || text->len > 0))
    shell->events.output(data, length, text->str, text->len, shell->data);
  if (shell->replying)
    pino_tail_append(&shell->raw, text->str, text->len);
  if (shell->dialect != NULL || shell->matching)
    pino_stream_tell(shell->stream, finish);
}

static void on_output(const guint8 *data, gsize length, gpointer user_data) {
  PinoShell *shell = user_data;
  answer_cursor_questions(shell, data, length);
  take_output(shell, data, length, FALSE);
}

/* Some commands answer the signal that stops them with an exit code of their own. */
static int told_signal(const PinoShell *shell, int wait_status, gboolean stopped, int code) {
  if (!stopped)
    return shell->signal;
  return WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : code > 128 ? code - 128 : code > 0 ? SIGTERM : 0;
}

static void on_ended(int wait_status, gboolean stopped, gpointer user_data) {
  PinoShell *shell = user_data;
  take_output(shell, (const guint8 *)"", 0, TRUE);
  gboolean in_command = shell->state != PROMPT;
  shell->state = ENDED;
  shell->ended = TRUE;
  shell->signal = !stopped && WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
  if (in_command || !stopped)
    shell->exit_code = stopped ? -1 : code;
  shell->lost = !stopped && shell->signal == SIGKILL && shell->trouble != NULL &&
                g_error_matches(shell->trouble, PINO_ERROR, PINO_ERROR_FAILED);
  finish_watch(shell);
  shell->settled = shell->replied = TRUE;
  if (shell->events.ended != NULL)
    shell->events.ended(code, told_signal(shell, wait_status, stopped, code), shell->data);
}

static void on_trouble(const GError *error, gpointer user_data) {
  tell_trouble(user_data, error);
}

/* --- start and end --------------------------------------------------------------------------------------- */

static char *new_nonce(void) {
  return g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
}

static gboolean spawn(PinoShell *shell, const PinoShellSpec *spec, const char *nonce, GError **error) {
  static const PinoKeeperEvents events = {on_output, on_ended, on_trouble};
  const char *program = spec->shell != NULL ? spec->shell : DEFAULT_SHELL;
  g_auto(GStrv) argv = spec->interactive
                           ? pino_dialect_interactive(shell->dialect, program)
                           : pino_dialect_command(pino_dialect_find(program), program, spec->command);
  g_auto(GStrv) env = spec->interactive ? pino_dialect_environment(shell->dialect, spec->env, nonce) : NULL;
  PinoKeeperSpec keeper = {
      .program = spec->program,
      .argv = (const char *const *)argv,
      .env = env != NULL ? (const char *const *)env : spec->env,
      .cwd = spec->cwd,
      .log_path = spec->log_path,
      .id = spec->id,
      .run_dir = spec->run_dir,
      .detached = spec->detached,
      .cols = spec->cols != 0 ? spec->cols : DEFAULT_COLS,
      .rows = spec->rows != 0 ? spec->rows : DEFAULT_ROWS,
      .grace_ms = spec->grace_ms,
  };
  shell->keeper = pino_keeper_spawn(&keeper, &events, shell, error);
  return shell->keeper != NULL;
}

static gboolean check_spec(const PinoShellSpec *spec, const PinoDialect *dialect, GError **error) {
  if (spec->interactive && dialect == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "'%s' cannot be used interactively: its prompt is not known here; use bash or sh",
                spec->shell);
    return FALSE;
  }
  if (!spec->interactive && spec->command == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "there is no command for the shell");
    return FALSE;
  }
  return TRUE;
}

static gboolean set_up(PinoShell *shell, const PinoShellSpec *spec, GError **error) {
  static const PinoStreamEvents events = {on_text, on_mark};
  g_autofree char *nonce = spec->interactive ? new_nonce() : NULL;
  shell->dialect =
      spec->interactive ? pino_dialect_find(spec->shell != NULL ? spec->shell : DEFAULT_SHELL) : NULL;
  if (!check_spec(spec, shell->dialect, error))
    return FALSE;
  shell->state = spec->interactive ? STARTING : RUNNING;
  shell->matching = !spec->interactive;
  if (spec->interactive && spec->command != NULL && *spec->command != '\0')
    shell->first_command = g_strdup(spec->command);
  shell->stream = pino_stream_new(nonce, &events, shell);
  PinoWatchFlags flags =
      (spec->default_handlers ? PINO_WATCH_DEFAULTS : 0) | (spec->input ? PINO_WATCH_RECORD : 0);
  shell->watch = watch_new(shell, spec->on, flags, error);
  return shell->watch != NULL && spawn(shell, spec, nonce, error);
}

PinoShell *pino_shell_start(const PinoShellSpec *spec, const PinoShellEvents *events, gpointer data,
                            GError **error) {
  g_autoptr(PinoShell) shell = g_new0(PinoShell, 1);
  shell->js = spec->js;
  shell->data = data;
  if (events != NULL)
    shell->events = *events;
  shell->id = g_strdup(spec->id);
  shell->detached = spec->detached;
  shell->run_dir = g_strdup(spec->run_dir);
  shell->log_path = g_strdup(spec->log_path);
  shell->grace_ms = spec->grace_ms != 0 ? spec->grace_ms : DEFAULT_GRACE_MS;
  shell->exit_code = -1;
  pino_tail_init(&shell->output, KEPT_OUTPUT);
  pino_tail_init(&shell->raw, KEPT_RAW);
  if (!set_up(shell, spec, error))
    return NULL;
  return g_steal_pointer(&shell);
}

void pino_shell_ask_to_end(PinoShell *shell) {
  if (!shell->ended && shell->keeper != NULL)
    pino_keeper_stop(shell->keeper, PINO_KEEPER_OWN_GRACE);
}

gboolean pino_shell_stop(PinoShell *shell, GCancellable *cancellable, GError **error) {
  pino_shell_ask_to_end(shell);
  return pino_wait(&shell->ended, cancellable, error);
}

static gboolean on_deadline(gpointer data) {
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Iterates context until the shell has ended; its keeper kills what does not end in time. */
static void await_end(PinoShell *shell, GMainContext *context) {
  gboolean late = FALSE;
  g_autoptr(GSource) timer = g_timeout_source_new(shell->grace_ms + FINISH_SLACK_MS);
  g_source_set_callback(timer, on_deadline, &late, NULL);
  g_source_attach(timer, context);
  while (!shell->ended && !late)
    g_main_context_iteration(context, TRUE);
  g_source_destroy(timer);
}

/* The line to the keeper is made anew in a context that serves nothing else. */
void pino_shell_finish(PinoShell *shell) {
  static const PinoKeeperEvents events = {on_output, on_ended, on_trouble};
  if (!shell->detached || shell->ended || shell->keeper == NULL)
    return;
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  g_clear_pointer(&shell->watch, pino_watch_free);
  shell->offset = pino_keeper_log_offset(shell->keeper);
  g_clear_pointer(&shell->keeper, pino_keeper_free);
  shell->keeper =
      pino_keeper_attach(shell->run_dir, shell->id, shell->log_path, shell->offset, &events, shell, NULL);
  if (shell->keeper != NULL) {
    pino_shell_ask_to_end(shell);
    await_end(shell, context);
    shell->offset = pino_keeper_log_offset(shell->keeper);
    g_clear_pointer(&shell->keeper, pino_keeper_free);
  } else {
    shell->ended = TRUE; /* its keeper was lost, and whatever was to be known with it */
    if (shell->events.ended != NULL)
      shell->events.ended(-1, 0, shell->data);
  }
  g_main_context_pop_thread_default(context);
}

void pino_shell_free(PinoShell *shell) {
  if (shell == NULL)
    return;
  g_clear_pointer(&shell->keeper, pino_keeper_free);
  g_clear_pointer(&shell->watch, pino_watch_free);
  if (shell->event != NULL)
    pino_js_release(shell->js, shell->event);
  g_clear_pointer(&shell->stream, pino_stream_free);
  pino_tail_clear(&shell->output);
  pino_tail_clear(&shell->raw);
  g_strfreev(shell->errors);
  g_clear_error(&shell->js_error);
  g_clear_error(&shell->trouble);
  g_free(shell->first_command);
  g_free(shell->id);
  g_free(shell->run_dir);
  g_free(shell->log_path);
  g_free(shell);
}

/* --- waiting --------------------------------------------------------------------------------------------- */

/* Gives the error that makes a wait fail, if there is one. */
static gboolean fail_if_broken(PinoShell *shell, GError **error) {
  GError *what = shell->has_verdict && shell->verdict == PINO_VERDICT_ERROR ? shell->js_error
                 : shell->lost                                              ? shell->trouble
                                                                            : NULL;
  if (what != NULL)
    g_propagate_error(error, g_error_copy(what));
  return what != NULL;
}

static char *kept_output(const PinoShell *shell) {
  gsize len;
  const char *text = pino_tail_get(&shell->output, &len);
  return g_strndup(text, len);
}

static JSValueRef take_event(PinoShell *shell) {
  JSValueRef event = shell->watch != NULL ? pino_watch_event(shell->watch) : NULL;
  if (event != NULL && shell->event == NULL)
    shell->event = pino_js_hold(shell->js, event);
  return shell->event;
}

static void fill_result(PinoShell *shell, PinoShellResult *result) {
  *result = (PinoShellResult){
      .ended = shell->ended,
      .exit_code = shell->exit_code,
      .signal = shell->signal,
      .output = kept_output(shell),
      .event = take_event(shell),
      .break_errors = g_steal_pointer(&shell->errors),
      .failed = shell->has_verdict && shell->verdict == PINO_VERDICT_FAIL,
  };
}

gboolean pino_shell_wait(PinoShell *shell, GCancellable *cancellable, PinoShellResult *result,
                         GError **error) {
  if (!pino_wait(&shell->settled, cancellable, error))
    return FALSE;
  gboolean goes_on = shell->has_verdict && shell->verdict == PINO_VERDICT_DONE;
  if (!shell->ended && !goes_on && !pino_shell_stop(shell, NULL, error))
    return FALSE;
  if (fail_if_broken(shell, error))
    return FALSE;
  fill_result(shell, result);
  g_clear_pointer(&shell->watch, pino_watch_free);
  shell->matching = FALSE;
  pino_tail_reset(&shell->output);
  return TRUE;
}

void pino_shell_result_clear(PinoShellResult *result) {
  g_clear_pointer(&result->output, g_free);
  g_clear_pointer(&result->break_errors, g_strfreev);
}

/* --- messages -------------------------------------------------------------------------------------------- */

static gboolean begin_reply(PinoShell *shell, JSValueRef on, GError **error) {
  PinoWatch *watch = watch_new(shell, on, PINO_WATCH_REPLY, error);
  if (watch == NULL)
    return FALSE;
  g_clear_pointer(&shell->watch, pino_watch_free);
  shell->watch = watch;
  shell->has_verdict = shell->replied = FALSE;
  g_clear_pointer(&shell->errors, g_strfreev);
  shell->replying = TRUE;
  shell->exit_code = -1;
  pino_tail_reset(&shell->output);
  pino_tail_reset(&shell->raw);
  return TRUE;
}

/* At the prompt the message is a command and counts once it runs; otherwise it is input of what runs. */
static gboolean type_message(PinoShell *shell, const char *message, gboolean enter, GError **error) {
  gboolean at_prompt = shell->state == PROMPT;
  gboolean whole = at_prompt && enter && !shell->typed_part;
  g_autofree char *text = whole ? pino_dialect_line(shell->dialect, message) : g_strdup(message);
  gboolean entered = enter || strpbrk(message, "\r\n") != NULL;
  shell->matching = !at_prompt;
  shell->typed_part = at_prompt && !entered;
  if (at_prompt && entered)
    shell->state = TYPED;
  return type_text(shell, text, enter, error);
}

static gboolean wait_for_reply(PinoShell *shell, gboolean enter, GCancellable *cancellable, GError **error) {
  gboolean output = pino_watch_wants_output(shell->watch);
  gboolean prompt = pino_watch_prompt_handler(shell->watch) >= 0;
  if (!output && !prompt && !enter)
    return TRUE;
  /* Nothing was sent off, so the prompt is where it was. */
  if (shell->state == PROMPT && (prompt || !output))
    shell->replied = TRUE;
  return pino_wait(&shell->replied, cancellable, error);
}

static gboolean fill_reply(PinoShell *shell, PinoShellReply *reply, GError **error) {
  gsize len;
  const char *raw = pino_tail_get(&shell->raw, &len);
  gboolean matched = shell->has_verdict && shell->verdict == PINO_VERDICT_REPLY;
  *reply = (PinoShellReply){
      .handler = matched          ? shell->verdict_handler
                 : shell->replied ? pino_watch_prompt_handler(shell->watch)
                                  : -1,
      .prompt = shell->state == PROMPT && shell->replied,
      .ended = shell->ended,
      .exit_code = shell->exit_code,
      .break_errors = g_steal_pointer(&shell->errors),
      .raw = g_strndup(raw, len),
      .cleaned = kept_output(shell),
  };
  if (!matched)
    return TRUE;
  reply->matches =
      pino_watch_matches(shell->watch, reply->handler, reply->cleaned, strlen(reply->cleaned), error);
  if (reply->matches == NULL)
    pino_shell_reply_clear(reply);
  return reply->cleaned != NULL;
}

gboolean pino_shell_enter(PinoShell *shell, const char *message, gboolean enter, JSValueRef on,
                          GCancellable *cancellable, PinoShellReply *reply, GError **error) {
  if (shell->dialect != NULL && !pino_wait(&shell->settled, cancellable, error))
    return FALSE;
  if (shell->ended) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the shell '%s' has ended: start it first",
                shell->id);
    return FALSE;
  }
  if (!begin_reply(shell, on, error))
    return FALSE;
  gboolean ok =
      type_message(shell, message, enter, error) && wait_for_reply(shell, enter, cancellable, error);
  ok = ok && !fail_if_broken(shell, error) && fill_reply(shell, reply, error);
  shell->replying = FALSE;
  shell->matching = FALSE;
  return ok;
}

void pino_shell_reply_clear(PinoShellReply *reply) {
  g_clear_pointer(&reply->break_errors, g_strfreev);
  g_clear_pointer(&reply->raw, g_free);
  g_clear_pointer(&reply->cleaned, g_free);
}

gboolean pino_shell_write_input(PinoShell *shell, const void *bytes, gsize len, GError **error) {
  return pino_keeper_write(shell->keeper, bytes, len, error);
}

void pino_shell_resize(PinoShell *shell, guint cols, guint rows) {
  pino_keeper_resize(shell->keeper, cols, rows);
}

void pino_shell_set_attended(PinoShell *shell, gboolean attended) {
  shell->attended = attended;
}

const char *pino_shell_id(const PinoShell *shell) {
  return shell->id;
}

pid_t pino_shell_pid(const PinoShell *shell) {
  return shell->keeper != NULL ? pino_keeper_pid(shell->keeper) : 0;
}

guint64 pino_shell_log_offset(const PinoShell *shell) {
  return shell->keeper != NULL ? pino_keeper_log_offset(shell->keeper) : shell->offset;
}

gboolean pino_shell_is_watched(const PinoShell *shell) {
  return shell->dialect != NULL || shell->watch != NULL;
}

gboolean pino_shell_is_running(const PinoShell *shell) {
  return !shell->ended;
}
