/* The activation, run by a real bash: environments are made, found, mended, and failures seen. */
#include "environment/activate.h"

#include "base/error.h"
#include "environment/env.h"
#include "environment/tools.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  char *home, *folder;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("act iv-XXXXXX", NULL);
  f->folder = g_build_filename(f->home, "api", "an app", NULL);
  g_mkdir_with_parents(f->folder, 0755);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(f->home);
  g_free(f->folder);
}

/* Runs the activation, then the message, in the environment of a shell. Gives what was printed; its exit status in
 * *status. */
static char *run(Fixture *f, const PinoConda *conda, const PinoVenv *venv, const char *message, int *status) {
  g_autoptr(GError) error = NULL;
  g_auto(PinoActivation) activation = {0};
  pino_activation_build(f->home, f->folder, conda, venv, &activation, &error);
  g_assert_no_error(error);
  g_autofree char *line =
      activation.commands ? g_strdup_printf("%s ; %s", activation.commands, message) : g_strdup(message);
  g_assert_null(strchr(line, '\n'));
  g_auto(GStrv) envp = pino_env_for_shell(f->home, NULL, NULL, &error);
  g_assert_no_error(error);
  const char *argv[] = {"bash", "--noprofile", "--norc", "-c", line, NULL};
  char *out = NULL;
  g_autofree char *err = NULL;
  int raw = 0;
  g_assert_true(g_spawn_sync(f->folder, (char **)argv, envp, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                             &raw, &error));
  g_test_message("%s\n%s%s", line, out, err);
  *status = WEXITSTATUS(raw);
  return out;
}

static const PinoConda NO_CONDA = {.skip = TRUE};

#define SHOW_PREFIX "python -c 'import os, sys; print(\"PREFIX\", os.path.realpath(sys.prefix))'"

static void assert_in_venv(Fixture *f, const char *out, const char *name) {
  g_autofree char *environment = g_canonicalize_filename(name, f->folder);
  g_autofree char *line = g_strdup_printf("PREFIX %s\n", environment);
  g_assert_nonnull(strstr(out, line));
}

static void test_nothing(Fixture *f, gconstpointer data) {
  g_auto(PinoActivation) activation = {0};
  PinoVenv none = {.path = ""};
  g_assert_true(pino_activation_build(f->home, f->folder, &NO_CONDA, &none, &activation, NULL));
  g_assert_null(activation.commands);
  g_assert_false(activation.conda_missing);
  g_assert_true(pino_activation_build(f->home, f->folder, NULL, NULL, &activation, NULL));
  g_assert_null(activation.commands);
  g_assert_true(activation.conda_missing);
  g_assert_false(activation.conda_base);
}

/* Made once, then used as it is. */
static void make_and_use(Fixture *f, const char *name) {
  PinoVenv venv = {.path = name};
  int status = -1;
  g_autofree char *first = run(f, &NO_CONDA, &venv, SHOW_PREFIX " && python -m pip --version", &status);
  g_assert_cmpint(status, ==, 0);
  assert_in_venv(f, first, venv.path);
  g_assert_nonnull(strstr(first, "Making the virtual environment"));
  g_autofree char *second = run(f, &NO_CONDA, &venv, SHOW_PREFIX, &status);
  g_assert_cmpint(status, ==, 0);
  assert_in_venv(f, second, venv.path);
  g_assert_null(strstr(second, "Making"));
}

static void test_venv_by_python(Fixture *f, gconstpointer data) {
  /* The system's folders alone, so that no uv is found. */
  g_autofree char *path = g_strdup(g_getenv("PATH"));
  g_autofree char *tools = g_strdup(g_getenv("PINOKIOCLOUD_TOOLS"));
  g_setenv("PATH", "/usr/bin:/bin", TRUE);
  g_setenv("PINOKIOCLOUD_TOOLS", f->home, TRUE);
  g_autofree char *uv = pino_tool_find(f->home, "uv");
  g_assert_null(uv);
  make_and_use(f, "my env");
  make_and_use(f, "my 'env' \"$x\"");
  g_setenv("PATH", path, TRUE);
  if (tools)
    g_setenv("PINOKIOCLOUD_TOOLS", tools, TRUE);
  else
    g_unsetenv("PINOKIOCLOUD_TOOLS");
}

/* uv comes from the set-up's tools, or from PATH. */
static void test_venv_by_uv(Fixture *f, gconstpointer data) {
  g_autofree char *uv = pino_tool_find(f->home, "uv");
  if (!uv) {
    g_test_skip("no uv here");
    return;
  }
  g_autofree char *bin = g_build_filename(f->home, "bin", NULL);
  g_autofree char *link = g_build_filename(bin, "uv", NULL);
  g_mkdir_with_parents(bin, 0755);
  g_assert_cmpint(symlink(uv, link), ==, 0);
  make_and_use(f, "my env");
  make_and_use(f, "my 'env' \"$x\"");

  /* uv itself works in the environment, even where an image tells it not to. */
  PinoVenv venv = {.path = "my 'env' \"$x\""};
  g_setenv("UV_SYSTEM_PYTHON", "1", TRUE);
  int status = -1;
  g_autofree char *out = run(f, &NO_CONDA, &venv, "uv pip list -v 2>&1 | grep -c \"$VIRTUAL_ENV\"", &status);
  g_unsetenv("UV_SYSTEM_PYTHON");
  g_assert_cmpint(status, ==, 0);
  g_assert_cmpint(atoi(out), >, 0);

  PinoVenv named = {.path = "named", .python = "3"};
  g_autofree char *versioned = run(f, &NO_CONDA, &named, SHOW_PREFIX, &status);
  g_assert_cmpint(status, ==, 0);
  assert_in_venv(f, versioned, "named");
}

/* The machine's Python went away under an environment: it is made again, and what was installed stays. */
static void test_mends(Fixture *f, gconstpointer data) {
  PinoVenv venv = {.path = "env"};
  int status = -1;
  g_autofree char *made = run(
      f, &NO_CONDA, &venv,
      SHOW_PREFIX "; touch \"$(python -c 'import site; print(site.getsitepackages()[0])')/kept\"", &status);
  g_assert_cmpint(status, ==, 0);
  assert_in_venv(f, made, "env");
  g_autofree char *bin = g_build_filename(f->folder, "env", "bin", NULL);
  g_autofree char *python = g_build_filename(bin, "python", NULL);
  g_unlink(python);
  g_assert_cmpint(symlink("/nowhere/python", python), ==, 0);
  g_autofree char *again =
      run(f, &NO_CONDA, &venv,
          SHOW_PREFIX "; ls \"$(python -c 'import site; print(site.getsitepackages()[0])')/kept\"", &status);
  assert_in_venv(f, again, "env");
  g_assert_cmpint(status, ==, 0);

  g_autofree char *script = g_build_filename(bin, "activate", NULL);
  g_unlink(script);
  g_autofree char *third = run(f, &NO_CONDA, &venv, SHOW_PREFIX, &status);
  assert_in_venv(f, third, "env");
}

/* What a person keeps in the folder outlives the making. */
static void test_keeps_files(Fixture *f, gconstpointer data) {
  g_autofree char *folder = g_build_filename(f->folder, "here", NULL);
  g_autofree char *file = g_build_filename(folder, "notes.txt", NULL);
  g_mkdir_with_parents(folder, 0755);
  g_assert_true(g_file_set_contents(file, "mine", -1, NULL));
  PinoVenv venv = {.path = "here"};
  int status = -1;
  g_autofree char *out = run(f, &NO_CONDA, &venv, SHOW_PREFIX, &status);
  assert_in_venv(f, out, "here");
  g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
}

/* An environment that cannot be made: the message does not run in another Python. */
static void test_failure_shows(Fixture *f, gconstpointer data) {
  g_autofree char *file = g_build_filename(f->folder, "taken", NULL);
  g_assert_true(g_file_set_contents(file, "", -1, NULL));
  PinoVenv venv = {.path = "taken"};
  int status = -1;
  g_autofree char *out = run(f, &NO_CONDA, &venv, "echo RAN", &status);
  g_assert_cmpint(status, ==, 1);
  g_assert_null(strstr(out, "RAN"));
}

/* A stand-in for conda that writes down what it is asked for; no miniforge can be had in a test. */
static void add_conda(Fixture *f) {
  g_autofree char *bin = g_build_filename(f->home, "bin", "miniforge", "bin", NULL);
  g_autofree char *meta = g_build_filename(f->home, "bin", "miniforge", "conda-meta", NULL);
  g_autofree char *conda = g_build_filename(bin, "conda", NULL);
  g_mkdir_with_parents(bin, 0755);
  g_mkdir_with_parents(meta, 0755);
  g_assert_true(
      g_file_set_contents(conda,
                          "#!/bin/sh\n"
                          "echo 'conda() { printf \"<%s>\" \"$@\"; echo; [ \"$1\" != \"$FAILS\" ]; }'\n",
                          -1, NULL));
  g_chmod(conda, 0755);
}

static void test_conda(Fixture *f, gconstpointer data) {
  add_conda(f);
  int status = -1;
  g_autofree char *base = run(f, NULL, NULL, "echo RAN", &status);
  g_autofree char *want_base = g_strdup_printf("<activate><%s/bin/miniforge>\nRAN\n", f->home);
  g_assert_cmpstr(base, ==, want_base);

  const char *args[] = {"-c", "a channel", NULL};
  PinoConda made = {.path = "c env", .python = "3.11", .args = args};
  g_autofree char *create = run(f, &made, NULL, "echo RAN", &status);
  g_autofree char *want =
      g_strdup_printf("<create><-y><-p><%s/c env><python=3.11><-c><a channel>\n<activate><%s/c env>\nRAN\n",
                      f->folder, f->folder);
  g_assert_cmpstr(create, ==, want);

  PinoConda named = {.name = "n", .no_activate = TRUE};
  g_autofree char *only = run(f, &named, NULL, "echo RAN", &status);
  g_autofree char *want_only =
      g_strdup_printf("<create><-y><-p><%s/bin/miniforge/envs/n><python=3.10>\nRAN\n", f->home);
  g_assert_cmpstr(only, ==, want_only);

  const char *own[] = {"conda one", "conda two", NULL};
  PinoConda custom = {.name = "base", .activate = own};
  g_autofree char *commands = run(f, &custom, NULL, "echo RAN", &status);
  g_assert_cmpstr(commands, ==, "<one>\n<two>\nRAN\n");

  g_setenv("FAILS", "create", TRUE);
  g_autofree char *failed = run(f, &made, NULL, "echo RAN", &status);
  g_unsetenv("FAILS");
  g_assert_cmpint(status, ==, 1);
  g_assert_null(strstr(failed, "RAN"));
}

static void test_conda_flags(Fixture *f, gconstpointer data) {
  add_conda(f);
  g_auto(PinoActivation) activation = {0};
  g_assert_true(pino_activation_build(f->home, f->folder, NULL, NULL, &activation, NULL));
  g_assert_true(activation.conda_base);
  pino_activation_clear(&activation);
  PinoConda other = {.path = "e"};
  g_assert_true(pino_activation_build(f->home, f->folder, &other, NULL, &activation, NULL));
  g_assert_false(activation.conda_base);
  g_assert_false(activation.conda_missing);
  pino_activation_clear(&activation);
  PinoConda bad = {.name = "a/b"};
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_activation_build(f->home, f->folder, &bad, NULL, &activation, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  struct {
    const char *name;
    void (*run)(Fixture *, gconstpointer);
  } tests[] = {
      {"/activate/nothing", test_nothing},
      {"/activate/venv-by-python", test_venv_by_python},
      {"/activate/venv-by-uv", test_venv_by_uv},
      {"/activate/mends-a-broken-venv", test_mends},
      {"/activate/keeps-files", test_keeps_files},
      {"/activate/failure-shows", test_failure_shows},
      {"/activate/conda", test_conda},
      {"/activate/conda-flags", test_conda_flags},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
  return g_test_run();
}
