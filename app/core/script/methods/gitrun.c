#include "script/methods/gitrun.h"

#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/wait.h"
#include "environment/env.h"
#include "environment/tools.h"
#include "script/resolve.h"
#include "storage/tree.h"

typedef struct {
  PinoScript *script;
  int index;
} Output;

static void on_output(const guint8 *bytes, gsize len, const char *text, gsize text_len, gpointer data) {
  Output *output = data;
  PinoEvent event = {
      .type = PINO_EVENT_STREAM,
      .index = output->index,
      .text = text,
      .text_len = text_len,
      .bytes = bytes,
      .bytes_len = len,
  };
  pino_script_emit(output->script, &event);
}

static char *command_line(const char *const *argv) {
  GString *line = g_string_new(NULL);
  for (guint i = 0; argv[i] != NULL; i++) {
    g_autofree char *word = g_shell_quote(argv[i]);
    g_string_append_printf(line, "%s%s", i > 0 ? " " : "", word);
  }
  return g_string_free(line, FALSE);
}

/* On a terminal of a keeper like every command, so that git and hf show their progress, and all of it is ended with
 * the script. Questions for passwords end it: GIT_TERMINAL_PROMPT is off. */
gboolean pino_step_run_program(PinoStep *step, const char *folder, const char *const *argv, GError **error) {
  PinoRun *run = step->run;
  g_autofree char *line = command_line(argv);
  g_autofree char *id = g_strdup_printf("program-%u", ++run->shells_made);
  g_autofree char *name = g_strdup_printf("%s.log", id);
  g_autofree char *log = g_build_filename(step->script->log_dir, name, NULL);
  PinoEnvShell shell_env = {0};
  g_auto(GStrv) env = pino_env_for_shell(run->home, step->script->app_dir, &shell_env, error);
  if (env == NULL)
    return FALSE;
  env = g_environ_setenv(env, "GIT_TERMINAL_PROMPT", "0", TRUE);
  Output output = {.script = step->script, .index = step->index};
  PinoShellEvents events = {.output = on_output};
  PinoShellSpec spec = {
      .js = step->js,
      .program = run->keeper,
      .command = line,
      .cwd = folder,
      .env = (const char *const *)env,
      .log_path = log,
      .id = id,
      .cols = run->options.cols,
      .rows = run->options.rows,
  };
  g_auto(PinoShellResult) result = {0};
  g_autoptr(PinoShell) shell = pino_shell_start(&spec, &events, &output, error);
  if (shell == NULL || !pino_shell_wait(shell, step->script->cancellable, &result, error))
    return FALSE;
  if (result.exit_code != 0)
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "`%s` ended with exit code %d", line, result.exit_code);
  return result.exit_code == 0;
}

static gboolean clone_app(PinoStep *step, const char *repository, const char *folder, GError **error) {
  g_autofree char *api = g_build_filename(step->run->home, "api", NULL);
  g_autofree char *name = pino_uri_folder_name(repository);
  g_autofree char *half = g_strdup_printf("%s/.%s.cloning", api, name);
  const char *const argv[] = {"git", "clone", repository, half, NULL};
  if (!pino_tree_remove(half, NULL, error) || !pino_step_run_program(step, api, argv, error) ||
      !pino_tree_move(half, folder, NULL, error)) {
    pino_tree_remove(half, NULL, NULL);
    g_prefix_error(error, "cannot download %s: ", repository);
    return FALSE;
  }
  return TRUE;
}

gboolean pino_git_fetch_app(PinoStep *step, const PinoGitWish *wish, GError **error) {
  g_autofree char *repository = pino_uri_repository(wish->uri);
  g_autofree char *folder = pino_app_by_origin(step->run->home, repository);
  if (folder == NULL) {
    g_autofree char *name = pino_uri_folder_name(repository);
    folder = g_build_filename(step->run->home, "api", name, NULL);
    if (!clone_app(step, repository, folder, error))
      return FALSE;
  }
  const char *const pull[] = {"git", "pull", NULL};
  const char *const branch[] = {"git", "switch", wish->branch, NULL};
  const char *const hash[] = {"git", "switch", "--detach", wish->hash, NULL};
  gboolean pulls = wish->pull || wish->branch != NULL || wish->hash != NULL;
  return (!pulls || pino_step_run_program(step, folder, pull, error)) &&
         (wish->branch == NULL || pino_step_run_program(step, folder, branch, error)) &&
         (wish->hash == NULL || pino_step_run_program(step, folder, hash, error));
}
