#include "lifecycle/git.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"

/* git help git, "ENVIRONMENT VARIABLES"; an empty GIT_ASKPASS keeps git from SSH_ASKPASS and core.askPass too (prompt.c).
 * GCM_INTERACTIVE is Git Credential Manager's. */
static const char *const silent[] = {
    "LC_ALL=C.UTF-8",        "LANGUAGE=",     "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=",
    "GCM_INTERACTIVE=never", "GIT_PAGER=cat", "GIT_EDITOR=true",
};

/* A transfer below 1000 bytes/s for a minute counts as cut, unless the person says otherwise. */
static const char *const patience[][2] = {
    {"GIT_HTTP_LOW_SPEED_LIMIT", "1000"},
    {"GIT_HTTP_LOW_SPEED_TIME", "60"},
};

/* ssh would ask on the terminal. The person's own command for it is kept. */
static char *ssh_command(const char *folder) {
  const char *own = g_getenv("GIT_SSH_COMMAND");
  if (own != NULL && *own != '\0')
    return g_strdup(own);
  if (g_getenv("GIT_SSH") != NULL)
    return NULL;
  g_autofree char *configured = pino_git_ask(folder, "config", "--get", "core.sshCommand", NULL);
  const char *program = configured != NULL && *configured != '\0' ? configured : "ssh";
  return g_strdup_printf("%s -o BatchMode=yes -o ConnectTimeout=30", program);
}

static GPtrArray *environment(const char *folder) {
  GPtrArray *env = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < G_N_ELEMENTS(silent); i++)
    g_ptr_array_add(env, g_strdup(silent[i]));
  for (guint i = 0; i < G_N_ELEMENTS(patience); i++) {
    if (g_getenv(patience[i][0]) == NULL)
      g_ptr_array_add(env, g_strdup_printf("%s=%s", patience[i][0], patience[i][1]));
  }
  g_autofree char *ssh = ssh_command(folder);
  if (ssh != NULL)
    g_ptr_array_add(env, g_strdup_printf("GIT_SSH_COMMAND=%s", ssh));
  g_ptr_array_add(env, NULL);
  return env;
}

static GPtrArray *command(const char *const *args) {
  GPtrArray *argv = g_ptr_array_new();
  g_ptr_array_add(argv, (gpointer) "git");
  for (guint i = 0; args[i] != NULL; i++)
    g_ptr_array_add(argv, (gpointer)args[i]);
  g_ptr_array_add(argv, NULL);
  return argv;
}

void pino_git_tell_stage(PinoRun *run, const char *stage, const char *text) {
  g_autoptr(GString) json = g_string_new("{");
  pino_json_append_member(json, "stage", stage);
  pino_json_append_member(json, "text", text);
  g_string_append_c(json, '}');
  pino_run_tell(run, "stage", json->str);
}

void pino_git_tell_trouble(PinoRun *run, PinoGitKind kind, const char *url, const char *text) {
  g_autofree char *shown = url != NULL ? pino_git_url_shown(url) : NULL;
  g_autoptr(GString) json = g_string_new("{");
  pino_json_append_member(json, "kind", pino_git_kind_name(kind));
  pino_json_append_member(json, "text", text);
  pino_json_append_member(json, "url", shown);
  g_string_append_c(json, '}');
  pino_run_tell(run, "trouble", json->str);
}

static gboolean wait_before(PinoRun *run, const PinoGitWork *work, guint next, guint wait_ms, const char *why,
                            GError **error) {
  g_autofree char *text = g_strdup_printf("%s; trying again in %u s (try %u of %u)", why,
                                          (wait_ms + 999) / 1000, next, work->tries);
  pino_git_tell_stage(run, work->stage, text);
  return pino_run_wait(run, wait_ms, error) && (work->again == NULL || work->again(work->data, error));
}

static gboolean attempt(PinoRun *run, const PinoGitWork *work, PinoGitKind *kind, GError **error) {
  g_autoptr(GPtrArray) env = environment(work->folder);
  g_autoptr(GPtrArray) argv = command(work->args);
  g_autofree char *tail = NULL;
  g_autoptr(GError) failed = NULL;
  int status = -1;
  PinoProgram program = {.folder = work->folder,
                         .argv = (const char *const *)argv->pdata,
                         .env = (const char *const *)env->pdata};
  if (pino_run_program(run, &program, &tail, &status, &failed))
    return TRUE;
  /* Its message names the command, and that the URL with a password perhaps. */
  if (g_error_matches(failed, PINO_ERROR, PINO_ERROR_FAILED)) {
    *kind = pino_git_kind(tail, status);
    return pino_git_fail(error, *kind, work->about, tail);
  }
  g_propagate_error(error, g_steal_pointer(&failed));
  return FALSE;
}

gboolean pino_git_work(PinoRun *run, const PinoGitWork *work, PinoGitKind *kind, GError **error) {
  guint wait_ms = work->wait_ms;
  for (guint try = 1;; try++, wait_ms *= 3) {
    g_autoptr(GError) failed = NULL;
    PinoGitKind why = PINO_GIT_UNKNOWN;
    if (attempt(run, work, &why, &failed))
      return TRUE;
    if (kind != NULL)
      *kind = why;
    if (try >= work->tries || pino_git_kind_passing(why) == NULL) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return FALSE;
    }
    if (!wait_before(run, work, try + 1, wait_ms, pino_git_kind_passing(why), error))
      return FALSE;
  }
}

static GSubprocess *start(const char *folder, va_list args, GError **error) {
  static const char *const elsewhere[] = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"};
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, (gpointer) "git");
  for (char *arg; (arg = va_arg(args, char *)) != NULL;)
    g_ptr_array_add(argv, arg);
  g_ptr_array_add(argv, NULL);
  g_autoptr(GSubprocessLauncher) launcher =
      g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_cwd(launcher, folder);
  for (guint i = 0; i < G_N_ELEMENTS(silent); i++) {
    g_auto(GStrv) pair = g_strsplit(silent[i], "=", 2);
    g_subprocess_launcher_setenv(launcher, pair[0], pair[1], TRUE);
  }
  g_subprocess_launcher_setenv(launcher, "GIT_OPTIONAL_LOCKS", "0", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(elsewhere); i++)
    g_subprocess_launcher_unsetenv(launcher, elsewhere[i]);
  return g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, error);
}

static GBytes *read_with(const char *folder, va_list args, GError **error) {
  g_autoptr(GBytes) out = NULL, err = NULL;
  g_autoptr(GSubprocess) process = start(folder, args, error);
  if (process == NULL || !g_subprocess_communicate(process, NULL, NULL, &out, &err, error)) {
    g_prefix_error(error, "cannot run git in %s: ", folder);
    return NULL;
  }
  if (g_subprocess_get_if_exited(process) && g_subprocess_get_exit_status(process) == 0)
    return g_steal_pointer(&out);
  int status = g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
  gsize length = 0;
  const char *data = g_bytes_get_data(err, &length);
  g_autofree char *words = g_strndup(data != NULL ? data : "", length);
  pino_git_fail(error, pino_git_kind(words, status), folder, words);
  return NULL;
}

GBytes *pino_git_read(const char *folder, GError **error, ...) {
  va_list args;
  va_start(args, error);
  GBytes *output = read_with(folder, args, error);
  va_end(args);
  return output;
}

char *pino_git_ask(const char *folder, ...) {
  va_list args;
  va_start(args, folder);
  g_autoptr(GBytes) output = read_with(folder, args, NULL);
  va_end(args);
  if (output == NULL)
    return NULL;
  gsize length = 0;
  const char *data = g_bytes_get_data(output, &length);
  return g_strchomp(g_strndup(data != NULL ? data : "", length));
}

GPtrArray *pino_git_parts(GBytes *output) {
  GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
  gsize length = 0;
  const char *data = g_bytes_get_data(output, &length);
  for (const char *at = data, *end = data + length; data != NULL && at < end;) {
    gsize size = strnlen(at, (gsize)(end - at));
    g_ptr_array_add(parts, g_strndup(at, size));
    at += size + 1;
  }
  return parts;
}

/* --- locks ---------------------------------------------------------------------------------------------------------- */

static gboolean is_git_in(const char *pid, const char *folder) {
  g_autofree char *comm_file = g_build_filename("/proc", pid, "comm", NULL);
  g_autofree char *cwd_file = g_build_filename("/proc", pid, "cwd", NULL);
  g_autofree char *comm = NULL;
  if (!g_ascii_isdigit(*pid) || !g_file_get_contents(comm_file, &comm, NULL, NULL) ||
      !g_str_has_prefix(comm, "git"))
    return FALSE;
  g_autofree char *cwd = g_file_read_link(cwd_file, NULL);
  gsize length = strlen(folder);
  /* Whose folder may not be seen may be in this one. */
  return cwd == NULL || (strncmp(cwd, folder, length) == 0 && (cwd[length] == '/' || cwd[length] == '\0'));
}

static gboolean is_git_at_work(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
  const char *pid;
  while (dir != NULL && (pid = g_dir_read_name(dir)) != NULL) {
    if (is_git_in(pid, folder))
      return TRUE;
  }
  return dir == NULL;
}

void pino_git_unlock(const char *folder) {
  static const char *const names[] = {"index.lock", "shallow.lock", "HEAD.lock", "config.lock",
                                      "packed-refs.lock"};
  g_autofree char *real = g_canonicalize_filename(folder, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(real, ".git", names[i], NULL);
    if (g_file_test(path, G_FILE_TEST_EXISTS) && !is_git_at_work(real))
      unlink(path);
  }
}
