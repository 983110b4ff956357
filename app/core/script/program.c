/* Programs that the engine itself runs: git, hf. */
#include <string.h>

#include "base/error.h"
#include "environment/env.h"
#include "script/internal.h"
#include "shell/tail.h"
#include "terminal/ansi.h"

#define TAIL_BYTES (16 * 1024)

typedef struct {
  PinoRun *run;
  PinoScript *script; /* NULL: no script runs it */
  int index;
  char **env;
  const char *log_dir;
  GCancellable *cancellable;
  PinoAnsi *ansi; /* with tail: what it printed last is wanted */
  PinoTail *tail;
  int status;
} Program;

static void keep_text(Program *program, const char *text, gsize length) {
  g_autoptr(GString) plain = g_string_new(NULL);
  pino_ansi_filter(program->ansi, text, length, plain);
  pino_tail_append(program->tail, plain->str, plain->len);
}

static void on_output(const guint8 *bytes, gsize len, const char *text, gsize text_len, gpointer data) {
  Program *program = data;
  PinoEvent event = {
      .type = PINO_EVENT_STREAM,
      .index = program->index,
      .text = text,
      .text_len = text_len,
      .bytes = bytes,
      .bytes_len = len,
  };
  if (program->script != NULL)
    pino_script_emit(program->script, &event);
  else
    pino_run_emit(program->run, &event);
  if (program->tail != NULL)
    keep_text(program, text, text_len);
}

static char *command_line(const char *const *argv) {
  GString *line = g_string_new(NULL);
  for (guint i = 0; argv[i] != NULL; i++) {
    g_autofree char *word = g_shell_quote(argv[i]);
    g_string_append_printf(line, "%s%s", i > 0 ? " " : "", word);
  }
  return g_string_free(line, FALSE);
}

static gboolean perform(Program *program, const char *folder, const char *const *argv, GError **error) {
  PinoRun *run = program->run;
  g_autofree char *line = command_line(argv);
  g_autofree char *id = g_strdup_printf("program-%u", ++run->shells_made);
  g_autofree char *name = g_strdup_printf("%s.log", id);
  g_autofree char *log = g_build_filename(program->log_dir, name, NULL);
  program->env = g_environ_setenv(program->env, "GIT_TERMINAL_PROMPT", "0", TRUE);
  PinoShellEvents events = {.output = on_output};
  PinoShellSpec spec = {
      .js = run->js,
      .program = run->keeper,
      .command = line,
      .cwd = folder,
      .env = (const char *const *)program->env,
      .log_path = log,
      .id = id,
      .cols = run->options.cols,
      .rows = run->options.rows,
  };
  g_auto(PinoShellResult) result = {0};
  g_autoptr(PinoShell) shell = pino_shell_start(&spec, &events, program, error);
  if (shell == NULL || !pino_shell_wait(shell, program->cancellable, &result, error))
    return FALSE;
  program->status = result.exit_code;
  if (result.exit_code == 0)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "`%s` ended with exit code %d", line, result.exit_code);
  return FALSE;
}

gboolean pino_step_run_program(PinoStep *step, const char *folder, const char *const *argv, GError **error) {
  PinoEnvShell shell = {0};
  Program program = {
      .run = step->run,
      .script = step->script,
      .index = step->index,
      .env = pino_env_for_shell(step->run->home, step->script->app_dir, &shell, error),
      .log_dir = step->script->log_dir,
      .cancellable = step->script->cancellable,
  };
  gboolean ok = program.env != NULL && perform(&program, folder, argv, error);
  g_strfreev(program.env);
  return ok;
}

static char **environment_of(const char *const *extra) {
  char **env = g_get_environ();
  for (guint i = 0; extra != NULL && extra[i] != NULL; i++) {
    const char *equals = strchr(extra[i], '=');
    g_autofree char *name = equals != NULL ? g_strndup(extra[i], (gsize)(equals - extra[i])) : NULL;
    if (name != NULL)
      env = g_environ_setenv(env, name, equals + 1, TRUE);
  }
  return env;
}

gboolean pino_run_program(PinoRun *run, const PinoProgram *wish, char **tail, int *status, GError **error) {
  g_autofree char *log_dir = g_build_filename(run->home, "logs", NULL);
  PinoAnsi ansi;
  PinoTail kept;
  Program program = {.run = run,
                     .index = -1,
                     .env = environment_of(wish->env),
                     .log_dir = log_dir,
                     .cancellable = run->cancellable,
                     .ansi = &ansi,
                     .tail = &kept,
                     .status = -1};
  pino_ansi_init(&ansi, NULL, NULL);
  pino_tail_init(&kept, TAIL_BYTES);
  gboolean ok = perform(&program, wish->folder, wish->argv, error);
  gsize length;
  const char *text = pino_tail_get(&kept, &length);
  if (tail != NULL)
    *tail = g_strndup(text, length);
  if (status != NULL)
    *status = program.status;
  pino_tail_clear(&kept);
  pino_ansi_clear(&ansi);
  g_strfreev(program.env);
  return ok;
}
