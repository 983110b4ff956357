/* The layers of variables, the files that are made, and what reaches a shell. */
#include "environment/env.h"

#include "base/error.h"
#include "environment/dotenv.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *home, *app;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("env-XXXXXX", NULL);
  f->app = g_build_filename(f->home, "api", "demo", NULL);
  g_mkdir_with_parents(f->app, 0755);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(f->home);
  g_free(f->app);
}

static void put(const char *folder, const char *name, const char *text) {
  g_autofree char *file = g_build_filename(folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname(file);
  g_mkdir_with_parents(parent, 0755);
  g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static char *get(const char *folder, const char *name) {
  g_autofree char *file = g_build_filename(folder, name, NULL);
  char *text = NULL;
  return g_file_get_contents(file, &text, NULL, NULL) ? text : NULL;
}

static guint mode_of(const char *folder, const char *name) {
  g_autofree char *file = g_build_filename(folder, name, NULL);
  struct stat info;
  g_assert_cmpint(stat(file, &info), ==, 0);
  return info.st_mode & 0777;
}

static void test_layers(Fixture *f, gconstpointer data) {
  g_setenv("PINO_T_PROCESS", "p", TRUE);
  g_setenv("PINO_T_BOTH", "p", TRUE);
  put(f->home, "ENVIRONMENT", "PINO_T_BOTH=h\nPINO_T_HOME=./x\nPINO_T_APP=h\nPINO_T_KEPT=h\n");
  put(f->app, "ENVIRONMENT", "PINO_T_APP=./y\nPINO_T_KEPT=\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoEnv) env = pino_env_for_app(f->home, f->app, &error);
  g_assert_no_error(error);
  g_autofree char *x = g_build_filename(f->home, "x", NULL);
  g_autofree char *y = g_build_filename(f->app, "y", NULL);
  g_assert_cmpstr(pino_env_get(env, "PINO_T_PROCESS"), ==, "p");
  g_assert_cmpstr(pino_env_get(env, "PINO_T_BOTH"), ==, "h");
  g_assert_cmpstr(pino_env_get(env, "PINO_T_HOME"), ==, x);
  g_assert_cmpstr(pino_env_get(env, "PINO_T_APP"), ==, y);
  g_assert_cmpstr(pino_env_get(env, "PINO_T_KEPT"), ==, "h");
  g_assert_cmpstr(pino_env_get(env, "PINOKIO_HOME"), ==, f->home);
}

static void test_launcher_folder(Fixture *f, gconstpointer data) {
  put(f->app, "pinokio/ENVIRONMENT", "PINO_T_INNER=./m\n");
  g_autoptr(PinoEnv) env = pino_env_for_app(f->home, f->app, NULL);
  g_autofree char *m = g_build_filename(f->app, "m", NULL);
  g_assert_cmpstr(pino_env_get(env, "PINO_T_INNER"), ==, m);
}

static void test_prepares_home(Fixture *f, gconstpointer data) {
  g_autofree char *tools = g_build_filename(f->home, "own", NULL);
  put(tools, "bin/uv", "#!/bin/sh\n");
  g_autofree char *uv = g_build_filename(tools, "bin", "uv", NULL);
  g_chmod(uv, 0755);
  g_setenv("PINOKIOCLOUD_TOOLS", tools, TRUE);
  g_autoptr(GError) error = NULL;
  pino_env_prepare_home(f->home, &error);
  g_unsetenv("PINOKIOCLOUD_TOOLS");
  g_assert_no_error(error);
  g_autofree char *text = get(f->home, "ENVIRONMENT");
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(text, -1);
  g_assert_cmpstr(pino_dotenv_get(dotenv, "HF_HOME"), ==, "./cache/HF_HOME");
  g_assert_cmpstr(pino_dotenv_get(dotenv, "PINOKIO_DRIVE"), ==, "./drive");
  g_assert_cmpstr(pino_dotenv_get(dotenv, "PINOKIO_SHARE_VAR"), ==, "url");
  g_assert_cmpuint(mode_of(f->home, "ENVIRONMENT"), ==, 0600);
  g_assert_cmpuint(mode_of(f->home, "run"), ==, 0700);
  g_autofree char *link = g_build_filename(f->home, "bin", "uv", NULL);
  g_autofree char *target = g_file_read_link(link, NULL);
  g_assert_cmpstr(target, ==, uv);

  put(f->home, "ENVIRONMENT", "MINE=1\n");
  g_assert_true(pino_env_prepare_home(f->home, NULL));
  g_autofree char *again = get(f->home, "ENVIRONMENT");
  g_assert_cmpstr(again, ==, "MINE=1\n");
}

/* The app's own _ENVIRONMENT wins over the defaults, and what the home says is taken over. */
static void test_prepares_app(Fixture *f, gconstpointer data) {
  put(f->home, "ENVIRONMENT", "PINOKIO_SHARE_LOCAL=true\n");
  put(f->app, "_ENVIRONMENT", "# the app's\nPINOKIO_SHARE_CLOUDFLARE=true\nMODEL=x");
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_env_prepare_app(f->home, f->app, &error));
  g_assert_no_error(error);
  g_autofree char *text = get(f->app, "ENVIRONMENT");
  g_assert_true(g_str_has_prefix(text, "# the app's\nPINOKIO_SHARE_CLOUDFLARE=true\nMODEL=x\n\n"));
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(text, -1);
  g_assert_cmpstr(pino_dotenv_get(dotenv, "PINOKIO_SHARE_CLOUDFLARE"), ==, "true");
  g_assert_cmpstr(pino_dotenv_get(dotenv, "PINOKIO_SHARE_LOCAL"), ==, "true");
  g_assert_cmpstr(pino_dotenv_get(dotenv, "PINOKIO_SCRIPT_AUTOLAUNCH"), ==, "");
  g_assert_null(pino_dotenv_get(dotenv, "HF_HOME"));
  g_assert_cmpuint(mode_of(f->app, "ENVIRONMENT"), ==, 0600);

  put(f->app, "ENVIRONMENT", "MINE=1\n");
  g_assert_true(pino_env_prepare_app(f->home, f->app, NULL));
  g_autofree char *again = get(f->app, "ENVIRONMENT");
  g_assert_cmpstr(again, ==, "MINE=1\n");
}

static gpointer set_many(gpointer data) {
  Fixture *f = data;
  for (int i = 0; i < 50; i++) {
    g_autofree char *name = g_strdup_printf("K%p_%d", (void *)g_thread_self(), i);
    PinoEnvPair pair = {name, "v"};
    g_assert_true(pino_env_set_app(f->app, &pair, 1, NULL));
  }
  return NULL;
}

/* Two scripts that set at the same time lose nothing. */
static void test_sets_from_threads(Fixture *f, gconstpointer data) {
  GThread *one = g_thread_new("one", set_many, f), *two = g_thread_new("two", set_many, f);
  g_thread_join(one);
  g_thread_join(two);
  g_autofree char *text = get(f->app, "ENVIRONMENT");
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(text, -1);
  g_auto(GStrv) keys = pino_dotenv_keys(dotenv);
  g_assert_cmpuint(g_strv_length(keys), ==, 100);
}

static void test_sets_all_or_none(Fixture *f, gconstpointer data) {
  put(f->app, "ENVIRONMENT", "A=1\n");
  PinoEnvPair pairs[] = {{"A", "2"}, {"B C", "3"}};
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_env_set_app(f->app, pairs, 2, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_autofree char *text = get(f->app, "ENVIRONMENT");
  g_assert_cmpstr(text, ==, "A=1\n");
  g_assert_true(pino_env_set_app(f->app, pairs, 1, NULL));
  g_autofree char *after = get(f->app, "ENVIRONMENT");
  g_assert_cmpstr(after, ==, "A=2\n");
}

static const char *shell_value(char **envp, const char *name) {
  return g_environ_getenv(envp, name);
}

static void test_shell(Fixture *f, gconstpointer data) {
  static const char *const DROPPED[] = {
      "CUDA_HOME",       "MY_SSH_KEY", "SSL_CERT_X", "PYTHONPATH",         "CONDA_PREFIX",  "CONDA_PREFIX_2",
      "CMAKE_GENERATOR", "BASH_ENV",   "COLUMNS",    "PINOKIOCLOUD_TOKEN", "BASH_FUNC_x%%", "UV_LINK_MODE"};
  for (gsize i = 0; i < G_N_ELEMENTS(DROPPED); i++)
    g_setenv(DROPPED[i], "x", TRUE);
  g_setenv("PATH", "/first:/second", TRUE);
  g_setenv("CONDA_SHORTCUTS_KEPT", "1", TRUE);
  put(f->home, "ENVIRONMENT", "TMPDIR=./cache/TMPDIR\nSSH_AUTH=from-file\n");
  put(f->app, "ENVIRONMENT", "APP_TOKEN=abc123\nLISTED=z\n");

  const char *text[] = {"val\r\n2", NULL}, *list[] = {"a", "b", NULL}, *paths[] = {"/own", NULL},
             *none[] = {NULL};
  PinoEnvExtra extra[] = {{"MYVAR", text, FALSE},    {"LIST", list, TRUE},  {"LISTED", list, TRUE},
                          {"Path", paths, FALSE},    {"EMPTY", none, TRUE}, {"bad name", text, FALSE},
                          {"CONDA_EXE", text, FALSE}};
  const char *drop[] = {"GONE", "APP_TOKEN_2", NULL};
  g_setenv("GONE", "1", TRUE);
  PinoEnvShell shell = {.extra = extra, .extra_count = G_N_ELEMENTS(extra), .drop = drop, .conda_base = TRUE};
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) envp = pino_env_for_shell(f->home, f->app, &shell, &error);
  g_assert_no_error(error);

  for (gsize i = 0; i < G_N_ELEMENTS(DROPPED); i++)
    g_assert_null(shell_value(envp, DROPPED[i]));
  g_assert_null(shell_value(envp, "bad name"));
  g_assert_null(shell_value(envp, "CONDA_EXE"));
  g_assert_null(shell_value(envp, "GONE"));
  g_assert_cmpstr(shell_value(envp, "SSH_AUTH"), ==, "from-file");
  g_assert_cmpstr(shell_value(envp, "APP_TOKEN"), ==, "abc123");
  g_assert_cmpstr(shell_value(envp, "CONDA_SHORTCUTS_KEPT"), ==, "1");
  g_assert_cmpstr(shell_value(envp, "MYVAR"), ==, "val 2");
  g_assert_cmpstr(shell_value(envp, "LIST"), ==, "a:b");
  g_assert_cmpstr(shell_value(envp, "LISTED"), ==, "a:b:z");
  g_assert_cmpstr(shell_value(envp, "EMPTY"), ==, "");
  g_assert_cmpstr(shell_value(envp, "PIP_REQUIRE_VIRTUALENV"), ==, "true");
  g_assert_cmpstr(shell_value(envp, "PYTHONNOUSERSITE"), ==, "1");
  g_assert_cmpstr(shell_value(envp, "TERM"), ==, "xterm-256color");
  g_autofree char *path = g_strdup_printf("/own:/first:/second:%s/bin", f->home);
  g_assert_cmpstr(shell_value(envp, "PATH"), ==, path);
  g_assert_true(g_file_test(shell_value(envp, "TMPDIR"), G_FILE_TEST_IS_DIR));

  g_auto(GStrv) plain = pino_env_for_shell(f->home, NULL, NULL, NULL);
  g_assert_null(shell_value(plain, "APP_TOKEN"));
  g_assert_null(shell_value(plain, "PIP_REQUIRE_VIRTUALENV"));
}

static void test_map(void) {
  g_autoptr(PinoEnv) env = pino_env_new();
  pino_env_set(env, "B", "1");
  pino_env_set(env, "A", "2");
  pino_env_set(env, "B", "3");
  pino_env_unset(env, "none");
  g_auto(GStrv) strv = pino_env_to_strv(env);
  g_autofree char *joined = g_strjoinv(",", strv);
  g_assert_cmpstr(joined, ==, "B=3,A=2");
  pino_env_unset(env, "B");
  g_autofree const char **names = pino_env_names(env);
  g_assert_cmpstr(names[0], ==, "A");
  g_assert_null(names[1]);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/env/map-keeps-order", test_map);
  struct {
    const char *name;
    void (*run)(Fixture *, gconstpointer);
  } tests[] = {
      {"/env/layers", test_layers},
      {"/env/launcher-folder", test_launcher_folder},
      {"/env/prepares-home-once", test_prepares_home},
      {"/env/prepares-app-once", test_prepares_app},
      {"/env/sets-from-threads", test_sets_from_threads},
      {"/env/sets-all-or-none", test_sets_all_or_none},
      {"/env/shell", test_shell},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
  return g_test_run();
}
