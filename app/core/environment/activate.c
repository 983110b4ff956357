#include "environment/activate.h"

#include "base/error.h"
#include "environment/dotenv.h"
#include "environment/tools.h"

#include <string.h>

/* What apps of the catalog are written for: the reference's base environment has Python 3.10 (pinokiod 8.0.40,
 * kernel/bin/conda-pins.js). */
#define DEFAULT_PYTHON "3.10"

/* One line of bash: tells what failed and ends the shell. */
static char *or_give_up(const char *command, const char *what, const char *path) {
  g_autofree char *text = g_strdup_printf("error: %s '%s'", what, path);
  g_autofree char *quoted = g_shell_quote(text);
  return g_strdup_printf("%s || { printf '%%s\\n' %s >&2; exit 1; }", command, quoted);
}

static char *join(GPtrArray *commands) {
  if (commands->len == 0)
    return NULL;
  g_ptr_array_add(commands, NULL);
  return g_strjoinv(" ; ", (char **)commands->pdata);
}

/* --- conda -------------------------------------------------------------------------------------------- */

static char *conda_spec(const char *python) {
  if (!python || *python == '\0')
    return g_strdup("python=" DEFAULT_PYTHON);
  gboolean version = python[strspn(python, "0123456789.")] == '\0';
  return version ? g_strconcat("python=", python, NULL) : g_strdup(python);
}

static char *conda_create(const PinoConda *conda, const char *environment) {
  g_autofree char *quoted = g_shell_quote(environment);
  g_autofree char *spec = conda_spec(conda->python);
  g_autofree char *quoted_spec = g_shell_quote(spec);
  GString *command = g_string_new(NULL);
  g_string_printf(command, "conda create -y -p %s %s", quoted, quoted_spec);
  for (const char *const *arg = conda->args; arg && *arg; arg++) {
    g_autofree char *quoted_arg = g_shell_quote(*arg);
    g_string_append_printf(command, " %s", quoted_arg);
  }
  return g_string_free(command, FALSE);
}

/* The folder of the environment that is to be active. */
static char *conda_folder(const PinoConda *conda, const char *miniforge, const char *folder) {
  if (conda && conda->path && *conda->path)
    return g_canonicalize_filename(conda->path, folder);
  if (!conda || !conda->name || *conda->name == '\0' || strcmp(conda->name, "base") == 0)
    return g_strdup(miniforge);
  return g_build_filename(miniforge, "envs", conda->name, NULL);
}

static gboolean is_conda_environment(const char *folder) {
  g_autofree char *meta = g_build_filename(folder, "conda-meta", NULL);
  return g_file_test(meta, G_FILE_TEST_IS_DIR);
}

static void add_conda_commands(GPtrArray *commands, const PinoConda *conda, const char *miniforge,
                               const char *environment) {
  g_autofree char *program = g_build_filename(miniforge, "bin", "conda", NULL);
  g_autofree char *quoted_program = g_shell_quote(program);
  g_ptr_array_add(commands, g_strdup_printf("eval \"$(%s shell.bash hook)\"", quoted_program));

  g_autofree char *environment_quoted = g_shell_quote(environment);
  if (!is_conda_environment(environment)) {
    g_autofree char *create = conda_create(conda, environment);
    g_ptr_array_add(commands, or_give_up(create, "conda could not make the environment", environment));
  }
  if (conda && conda->no_activate)
    return;
  if (conda && conda->activate && *conda->activate && strcmp(*conda->activate, "minimal") != 0) {
    for (const char *const *command = conda->activate; *command; command++)
      g_ptr_array_add(commands, g_strdup(*command));
    return;
  }
  /* The hook of some conda versions activates the base by itself. */
  g_ptr_array_add(commands,
                  g_strdup("while [ \"${CONDA_SHLVL:-0}\" -gt 0 ]; do conda deactivate || break; done"));
  g_autofree char *activate = g_strdup_printf("conda activate %s", environment_quoted);
  g_ptr_array_add(commands, or_give_up(activate, "conda could not activate the environment", environment));
}

/* Whether conda will be active in the shell. */
static gboolean add_conda(GPtrArray *commands, const char *home, const char *folder, const PinoConda *conda,
                          PinoActivation *activation) {
  if (conda && conda->skip)
    return FALSE;
  g_autofree char *miniforge_raw = g_build_filename(home, "bin", "miniforge", NULL);
  g_autofree char *miniforge = g_canonicalize_filename(miniforge_raw, NULL);
  g_autofree char *program = g_build_filename(miniforge, "bin", "conda", NULL);
  if (!g_file_test(program, G_FILE_TEST_IS_EXECUTABLE)) {
    activation->conda_missing = TRUE;
    return FALSE;
  }
  gboolean minimal = conda && conda->activate && *conda->activate && strcmp(*conda->activate, "minimal") == 0;
  g_autofree char *environment = minimal ? g_strdup(miniforge) : conda_folder(conda, miniforge, folder);
  add_conda_commands(commands, conda, miniforge, environment);
  activation->conda_base = strcmp(environment, miniforge) == 0;
  return !(conda && conda->no_activate);
}

/* --- virtual environments ----------------------------------------------------------------------------- */

/* The version of the environment that is, or was, in the folder: pyvenv.cfg says `version = 3.10.4` (venv) or
 * `version_info = 3.10.4` (uv, virtualenv). First two numbers; NULL when it says nothing of that kind. */
static char *recorded_version(const char *environment) {
  g_autofree char *file = g_build_filename(environment, "pyvenv.cfg", NULL);
  g_autoptr(PinoDotenv) config = pino_dotenv_load(file, NULL);
  if (!config)
    return NULL;
  const char *version = pino_dotenv_get(config, "version_info");
  if (!version)
    version = pino_dotenv_get(config, "version");
  gsize major = version ? strspn(version, "0123456789") : 0;
  if (major == 0 || version[major] != '.')
    return NULL;
  gsize minor = strspn(version + major + 1, "0123456789");
  return minor > 0 ? g_strndup(version, major + 1 + minor) : NULL;
}

static gboolean is_whole_venv(const char *environment) {
  g_autofree char *activate = g_build_filename(environment, "bin", "activate", NULL);
  g_autofree char *python = g_build_filename(environment, "bin", "python", NULL);
  return g_file_test(activate, G_FILE_TEST_EXISTS) && g_file_test(python, G_FILE_TEST_IS_EXECUTABLE);
}

/* The ways to make an environment, tried one after the other. All but the last are silent: their complaints would be
 * taken for the step's failure. Before each the Python links go, which an earlier try left or which lead nowhere, and
 * only they: what is installed there, or kept there by a person, stays. */
static char *join_attempts(GPtrArray *attempts, const char *environment) {
  g_autofree char *bin = g_build_filename(environment, "bin", NULL);
  g_autofree char *quoted = g_shell_quote(bin);
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < attempts->len; i++)
    g_string_append_printf(text, "%s{ rm -f %s/python{,3,3.*}; %s%s; }", i > 0 ? " || " : "", quoted,
                           (char *)attempts->pdata[i], i + 1 < attempts->len ? " 2>/dev/null" : "");
  return g_string_free(text, FALSE);
}

#define UV_VENV "venv --seed --allow-existing --python"

/* A version that was asked for: uv brings it if it can; where it cannot (no network), one that the machine has. */
static void add_versioned(GPtrArray *attempts, const char *uv, const char *environment, const char *version) {
  g_autofree char *quoted = g_shell_quote(version);
  g_autofree char *program = g_strconcat("python", version, NULL);
  g_autofree char *quoted_program = g_shell_quote(program);
  if (uv)
    g_ptr_array_add(attempts, g_strdup_printf("%s --quiet " UV_VENV " %s %s", uv, quoted, environment));
  g_ptr_array_add(attempts, g_strdup_printf("%s -m venv %s", quoted_program, environment));
  if (uv)
    g_ptr_array_add(attempts, g_strdup_printf("%s " UV_VENV " %s --python-preference system %s", uv, quoted,
                                              environment));
}

/* No version asked for: conda's Python when conda is active; else the usual one if uv can bring it, else whatever the
 * machine has: by uv, whose pip is the same files in all environments, or, where that cannot be reached, by Python
 * itself, with uv again where Python comes without its venv module. */
static void add_unversioned(GPtrArray *attempts, const char *uv, const char *environment, gboolean conda) {
  const char *python = conda ? "python" : "python3";
  if (uv && !conda)
    g_ptr_array_add(
        attempts,
        g_strdup_printf("UV_HTTP_RETRIES=1 %s --quiet " UV_VENV " " DEFAULT_PYTHON " %s", uv, environment));
  if (uv && !conda)
    g_ptr_array_add(attempts, g_strdup_printf("UV_HTTP_RETRIES=1 %s --quiet " UV_VENV
                                              " %s --python-preference system %s",
                                              uv, python, environment));
  g_ptr_array_add(attempts, g_strdup_printf("%s -m venv %s", python, environment));
  if (uv)
    g_ptr_array_add(attempts, g_strdup_printf("%s " UV_VENV " %s --python-preference system %s", uv, python,
                                              environment));
}

static void add_creation(GPtrArray *commands, const char *home, const char *environment, const PinoVenv *venv,
                         gboolean conda) {
  g_autofree char *uv = pino_tool_find(home, "uv");
  g_autofree char *quoted_uv = uv ? g_shell_quote(uv) : NULL;
  g_autofree char *quoted = g_shell_quote(environment);
  g_autoptr(GPtrArray) attempts = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *before = uv ? recorded_version(environment) : NULL;
  const char *version = venv->python && *venv->python ? venv->python : before;
  if (version)
    add_versioned(attempts, quoted_uv, quoted, version);
  else
    add_unversioned(attempts, quoted_uv, quoted, conda);

  g_autofree char *note = g_strdup_printf("Making the virtual environment %s", environment);
  g_autofree char *quoted_note = g_shell_quote(note);
  g_ptr_array_add(commands, g_strdup_printf("printf '%%s\\n' %s", quoted_note));
  g_autofree char *joined = join_attempts(attempts, environment);
  g_autofree char *group = g_strdup_printf("{ %s; }", joined);
  g_ptr_array_add(commands, or_give_up(group, "could not make the virtual environment", environment));
  /* A second name for lib, which no Python of Debian or Ubuntu looks at: whoever copies, links or measures the folder
   * would meet every package twice. */
  g_ptr_array_add(commands, g_strdup_printf("if [ -L %s/lib64 ]; then rm -f %s/lib64; fi", quoted, quoted));
}

/* What the environment's own script does. It is not used where the path holds what the scripts of older Pythons do not
 * quote (CVE-2024-9287). */
static char *activation_by_hand(const char *environment) {
  g_autofree char *bin = g_build_filename(environment, "bin", NULL);
  g_autofree char *quoted = g_shell_quote(environment);
  g_autofree char *quoted_bin = g_shell_quote(bin);
  return g_strdup_printf("export VIRTUAL_ENV=%s PATH=%s:\"$PATH\" ; unset PYTHONHOME ; hash -r", quoted,
                         quoted_bin);
}

static char *activation_by_script(const char *environment) {
  g_autofree char *script = g_build_filename(environment, "bin", "activate", NULL);
  g_autofree char *quoted = g_shell_quote(script);
  g_autofree char *source = g_strdup_printf("source %s", quoted);
  return or_give_up(source, "could not activate the virtual environment", environment);
}

static void add_venv(GPtrArray *commands, const char *home, const char *folder, const PinoVenv *venv,
                     gboolean conda) {
  g_autofree char *environment = g_canonicalize_filename(venv->path, folder);
  if (!is_whole_venv(environment))
    add_creation(commands, home, environment, venv, conda);
  gboolean hard = strpbrk(environment, "'\"`$\\\n") != NULL;
  g_ptr_array_add(commands, hard ? activation_by_hand(environment) : activation_by_script(environment));
  /* Container images set these, and uv then passes the active environment by. */
  g_ptr_array_add(commands, g_strdup("unset UV_PYTHON UV_SYSTEM_PYTHON"));
}

/* --- both --------------------------------------------------------------------------------------------- */

gboolean pino_activation_build(const char *home, const char *folder, const PinoConda *conda,
                               const PinoVenv *venv, PinoActivation *activation, GError **error) {
  *activation = (PinoActivation){0};
  g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
  if (conda && conda->name && strchr(conda->name, '/')) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "'%s' cannot be the name of a conda environment: give a path", conda->name);
    return FALSE;
  }
  gboolean active = add_conda(commands, home, folder, conda, activation);
  if (venv && venv->path && *venv->path)
    add_venv(commands, home, folder, venv, active);
  activation->commands = join(commands);
  return TRUE;
}

void pino_activation_clear(PinoActivation *activation) {
  g_clear_pointer(&activation->commands, g_free);
}
