/* What the output of commands tells: recorded pieces, cut in every way, and what pip and uv print here and now. */
#include "lifecycle/conflict.h"

#include <gio/gio.h>
#include <string.h>

#include "temp.h"

typedef struct {
  const char *name, *output;
  int exit_code;
  const char *kind; /* NULL: nothing is found */
  const char *first, *second, *text;
  gboolean warns; /* it is not fatal */
} Case;

/* uv 0.2 to 0.8, on a terminal: wrapped, coloured, after a spinner */
#define UV_OLD                                                                                               \
  "\033[2mUsing Python 3.11.7 environment at: v\033[0m\r\n\033[37m\342\240\213\033[0m \033[2mResolving "     \
  "dependencies...            \033[0m\r\033[2K\033[37m\342\240\231\033[0m \033[2mdeep==1.0  "                \
  "\033[0m\r\033[2K"                                                                                         \
  "  \033[31m\303\227\033[0m No solution found when resolving dependencies:\r\n"                             \
  "\033[31m  \342\225\260\342\224\200\342\226\266 \033[0mBecause only apple==1.0 is available and "          \
  "apple==1.0 "                                                                                              \
  "depends on base<2,\r\n\033[31m      \033[0mwe can conclude that all versions of apple depend on "         \
  "base<2.\r\n"                                                                                              \
  "\033[31m      \033[0mAnd because pear==1.0 depends on base>=2 and only pear==1.0 is\r\n"                  \
  "\033[31m      \033[0mavailable, we can conclude that all versions of apple and all versions\r\n"          \
  "\033[31m      \033[0mof pear are incompatible.\r\n"                                                       \
  "\033[31m      \033[0mAnd because you require apple and pear, we can conclude that your\r\n"               \
  "\033[31m      \033[0mrequirements are unsatisfiable.\r\n"

/* uv 0.13 */
#define UV_NEW                                                                                               \
  "Using Python 3.11.7 environment at: v\nerror: No solution found when resolving dependencies\n"            \
  "  cause: Because tensorflow==2.15.1 depends on numpy>=1.23.5,<2.0.0 and you require tensorflow==2.15.1, " \
  "we "                                                                                                      \
  "can conclude that you require numpy>=1.23.5,<2.0.0.\n         And because you require numpy>=2, we can "  \
  "conclude that your requirements are unsatisfiable.\n\nhint: none\n"
#define UV_CAUSE(text) "error: No solution found when resolving dependencies\n  cause: Because " text "\n"

#define PIP_CONFLICT                                                                                         \
  "Processing ./w/base-1.0-py3-none-any.whl (from apple)\r\n\033[31mERROR: Cannot install apple==1.0 and "   \
  "pear==1.0 because these package versions have conflicting dependencies.\033[0m\r\n\r\nThe conflict is "   \
  "caused "                                                                                                  \
  "by:\r\n    apple 1.0 depends on base<2\r\n    apple 0.9 depends on base<1\r\n    pear 1.0 depends on "    \
  "base>=2\r\n\r\nAdditionally, some packages in these conflicts have no matching distributions available "  \
  "for "                                                                                                     \
  "your environment:\r\n    base\r\n\r\nTo fix this you could try to:\r\n1. loosen the range\r\n\r\n"        \
  "\033[31mERROR: ResolutionImpossible: for help visit https://pip.example/\033[0m\r\n"

static const Case cases[] = {
    {"pip/conflict", PIP_CONFLICT, 1, "conflict", "apple 1.0 depends on base<2",
     "pear 1.0 depends on base>=2", "apple 1.0 depends on base<2, but pear 1.0 depends on base>=2"},
    {"pip/asked-for",
     "ERROR: Cannot install apple==1.0 and base>=2 because these package versions have conflicting "
     "dependencies.\n\n"
     "The conflict is caused by:\n    The user requested base>=2\n    apple 1.0 depends on base<2\n",
     1, "conflict", "the install asks for base>=2", "apple 1.0 depends on base<2"},
    {"pip/no-causes",
     "ERROR: Cannot install a and b because these package versions have conflicting dependencies.\nERROR: "
     "ResolutionImpossible: for help\n",
     1, "conflict", NULL, NULL, "a and b exclude each other"},
    {"pip/impossible-alone", "ERROR: ResolutionImpossible: for help visit\n", 1, "conflict", NULL, NULL},
    {"pip/incompatible",
     "ERROR: pip's dependency resolver does not currently take into account all the packages that are "
     "installed. "
     "This behaviour is the source of the following dependency conflicts.\napple 1.0 requires base<2,>=1, "
     "but you "
     "have base 2.1 which is incompatible.\nSuccessfully installed base-2.1\n",
     0, "incompatible", "apple 1.0 requires base<2,>=1", "base 2.1 is installed", NULL, TRUE},
    {"pip/not-installed", "apple 1.0 requires base, which is not installed.\n", 0, "incompatible",
     "apple 1.0 requires base", "that is not installed", NULL, TRUE},
    {"pip/no-version",
     "ERROR: Could not find a version that satisfies the requirement apple==9 (from versions: 1.0)\nERROR: "
     "No "
     "matching distribution found for apple==9\n",
     1, "no-version", "apple==9", NULL},
    {"pip/other-python",
     "ERROR: Ignored the following versions that require a different python version: 1.0 Requires-Python "
     ">=3.99\nERROR: Could not find a version that satisfies the requirement newer\nERROR: No matching "
     "distribution "
     "found for newer\n",
     1, "python-version", "newer", NULL, "no version of newer is for this Python version"},
    {"uv/old-on-a-terminal", UV_OLD, 1, "conflict", "apple==1.0 depends on base<2",
     "pear==1.0 depends on base>=2"},
    {"uv/new", UV_NEW, 1, "conflict", "tensorflow==2.15.1 depends on numpy>=1.23.5,<2.0.0",
     "the install asks for numpy>=2"},
    {"uv/lists",
     UV_CAUSE("foo==1 depends on a, b[x]>=2, and c and you require b[x]<2, we can conclude that it is over."),
     1, "conflict", "foo==1 depends on b[x]>=2", "the install asks for b[x]<2"},
    {"uv/no-version",
     UV_CAUSE(
         "there is no version of apple==9 and you require apple==9, we can conclude that your requirements "
         "are unsatisfiable."),
     1, "no-version", "apple==9", NULL},
    {"uv/not-found",
     UV_CAUSE(
         "nowhere was not found in the package registry and you require nowhere, we can conclude that your "
         "requirements are unsatisfiable."),
     2, "no-version", "nowhere", NULL},
    {"uv/no-wheel",
     UV_CAUSE(
         "tensorflow==1.15.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you require "
         "tensorflow==1.15, we can conclude that your requirements are unsatisfiable."),
     1, "python-version", "tensorflow==1.15.0", NULL,
     "there is no build of tensorflow==1.15.0 for this Python version"},
    {"uv/python",
     UV_CAUSE("the current Python version (3.9.2) does not satisfy Python>=3.10 and foo==1 depends on "
              "Python>=3.10, "
              "we can conclude that foo==1 cannot be used."),
     1, "python-version", NULL, NULL, "foo==1 wants Python >=3.10"},
    {"uv/check", "The package `apple` requires `base<2`, but `2.1` is installed\n", 1, "incompatible",
     "apple requires base<2", "2.1 is installed", NULL, TRUE},
    {"uv/cut-off", "error: No solution found when resolving dependencies\n", 1, "conflict", NULL, NULL},

    {"disk/cp", "cp: error writing '/x/bash': No space left on device\n", 1, "disk-full"},
    {"disk/npm", "npm error code ENOSPC\nnpm error syscall write\nnpm error errno -28\n", 228, "disk-full"},
    {"disk/uv",
     "error: Failed to create virtual environment\n  cause: failed to write to file `/x/v/CACHEDIR.TAG`: No "
     "space left on device (os error 28)\n",
     2, "disk-full"},
    {"disk/although-it-went-on", "OSError: [Errno 28] No space left on device\n", 0, "disk-full", NULL, NULL,
     NULL, TRUE},
    {"memory/killed", "pip is working\n", 137, "out-of-memory"},
    {"memory/shell", "bash: line 1: 27862 Killed                  python big.py\n", 137, "out-of-memory"},
    {"memory/gpu", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.\n", 1,
     "gpu-memory"},
    {"dns/git", "fatal: unable to access 'https://no.invalid/x/': Could not resolve host: no.invalid\n", 128,
     "dns"},
    {"dns/uv",
     "error: Request failed after 3 retries in 11.2s\n  cause: Failed to fetch: https://no.invalid/\n  "
     "cause: "
     "error sending request for url (https://no.invalid/)\n  cause: dns error\n  cause: failed to lookup "
     "address information: Name or service not known\n",
     2, "dns"},
    {"dns/npm", "npm error code ENOTFOUND\nnpm error syscall getaddrinfo\n", 1, "dns"},
    {"tls/curl", "curl: (60) SSL certificate problem: self-signed certificate\n", 60, "tls"},
    {"tls/git",
     "fatal: unable to access 'https://localhost/x/': server certificate verification failed. CAfile: "
     "/etc/ssl/certs/ca-certificates.crt CRLfile: none\n",
     128, "tls"},
    {"tls/node", "  code: 'DEPTH_ZERO_SELF_SIGNED_CERT'\n", 1, "tls"},
    {"externally-managed",
     "error: externally-managed-environment\n\nThis environment is externally managed\n", 1,
     "externally-managed"},
    {"git-lfs", "git: 'lfs' is not a git command. See 'git --help'.\n", 1, "git-lfs"},
    {"compiler",
     "error: command 'gcc' failed: No such file or directory\nERROR: Failed building wheel for bad\n", 1,
     "compiler"},
    {"python-headers", "bad.c:1:10: fatal error: Python.h: No such file or directory\n", 1, "python-headers"},
    {"header", "bad.c:1:10: fatal error: Nope.h: No such file or directory\nerror: command 'gcc' failed\n", 1,
     "missing-header"},
    {"build-alone", "ERROR: Failed building wheel for bad\n", 1, "build"},
    {"cuda-toolkit",
     "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.\n", 1,
     "cuda-toolkit"},
    {"cuda-version",
     "The detected CUDA version (12.4) mismatches the version that was used to compile PyTorch (11.8).\n", 1,
     "cuda-version"},
    {"gated", "huggingface_hub.errors.GatedRepoError: 403 Client Error.\n", 1, "gated"},
    {"gated-although-it-went-on", "Cannot access gated repo for url https://x.\n", 0, "gated", NULL, NULL,
     NULL, TRUE},
    {"missing-program", "bash: line 1: conda: command not found\n", 127, "missing-program"},
    {"missing-program-unsaid", "", 127, "missing-program"},
    {"crash", "Segmentation fault (core dumped)\n", 139, "crash"},

    {"nothing/well", "Collecting one\nSuccessfully installed one-1.0\n", 0, NULL},
    {"nothing/got-over-it", "WARNING: Retrying: Name or service not known\nSuccessfully installed one-1.0\n",
     0, NULL},
    {"nothing/exit-1", "it did not work\n", 1, NULL},
    {"nothing/requires-in-a-sentence", "This app requires Python, but you have to wait.\n", 1, NULL},
    {"nothing/a-title-of-a-window", "\033]0;No matching distribution found for x\007done\n", 1, NULL},
    {"nothing/overwritten",
     "No matching distribution found for x\rdone                                    \n", 1, NULL},
};

static void assert_case(const Case *one, PinoConflict *conflict) {
  g_autoptr(PinoTrouble) found = pino_conflict_next(conflict);
  if (one->kind == NULL) {
    g_assert_null(found);
    return;
  }
  g_assert_nonnull(found);
  g_assert_cmpstr(found->kind, ==, one->kind);
  if (one->first != NULL)
    g_assert_cmpstr(found->first, ==, one->first);
  g_assert_cmpstr(found->second, ==, one->second);
  if (one->text != NULL)
    g_assert_cmpstr(found->text, ==, one->text);
  g_assert_cmpint(found->fatal, ==, !one->warns);
  g_assert_cmpstr(found->text, !=, "");
  g_assert_cmpstr(found->advice, !=, "");
  g_autoptr(PinoTrouble) more = pino_conflict_next(conflict);
  g_assert_cmpstr(more != NULL ? more->text : NULL, ==, NULL);
}

/* In pieces of each size, twice: a command leaves nothing behind for the next one. */
static void test_recorded(gconstpointer data) {
  const Case *one = data;
  g_autoptr(PinoConflict) conflict = pino_conflict_new();
  gsize len = strlen(one->output);
  gsize sizes[] = {1, 2, 3, 7, 64, len + 1, len + 1};
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    for (gsize at = 0; at < len; at += sizes[i])
      pino_conflict_feed(conflict, one->output + at, MIN(sizes[i], len - at));
    pino_conflict_end(conflict, one->exit_code);
    assert_case(one, conflict);
  }
}

static void test_two_at_once(void) {
  static const char output[] = PIP_CONFLICT "disk: No space left on device\nNo space left on device again\n"
                                            "curl: (6) Could not resolve host: x\n";
  g_autoptr(PinoConflict) conflict = pino_conflict_new();
  pino_conflict_feed(conflict, output, strlen(output));
  g_autoptr(PinoTrouble) first =
      pino_conflict_next(conflict); /* a conflict is told before the command ends */
  g_assert_cmpstr(first->kind, ==, "conflict");
  g_assert_null(pino_conflict_next(conflict));
  pino_conflict_end(conflict, -1);
  g_autoptr(PinoTrouble) second = pino_conflict_next(conflict);
  g_autoptr(PinoTrouble) third = pino_conflict_next(conflict);
  g_assert_cmpstr(second->kind, ==, "disk-full");
  g_assert_cmpstr(third->kind, ==, "dns");
  g_assert_null(pino_conflict_next(conflict));
}

static void test_long_and_odd_output(void) {
  g_autoptr(PinoConflict) conflict = pino_conflict_new();
  g_autofree char *block = g_malloc(1 << 20);
  for (gsize i = 0; i < 1 << 20; i++)
    block[i] = (char)(i * 2654435761u >> 13);
  pino_conflict_feed(conflict, block, 1 << 20);
  memset(block, 'x', 1 << 20);
  pino_conflict_feed(conflict, block, 1 << 20);
  pino_conflict_feed(conflict, "\nerror: No solution found when resolving dependencies\n  cause: ", 64);
  for (gsize i = 0; i < 64; i++)
    pino_conflict_feed(conflict, block, 1 << 12), pino_conflict_feed(conflict, "\n  ", 3);
  pino_conflict_feed(conflict, "\xff\xfe\n", 3);
  pino_conflict_end(conflict, 1);
  g_autoptr(PinoTrouble) found = pino_conflict_next(conflict);
  g_assert_cmpstr(found->kind, ==, "conflict");
  g_assert_true(g_utf8_validate(found->text, -1, NULL));
  g_assert_cmpuint(strlen(found->text), <, 32768);
}

static void test_json(void) {
  g_autoptr(PinoConflict) conflict = pino_conflict_new();
  static const char output[] = "apple 1.0 requires base<\"2\", which is not installed.\n";
  pino_conflict_feed(conflict, output, strlen(output));
  g_autoptr(PinoTrouble) found = pino_conflict_next(conflict);
  g_autofree char *json = pino_trouble_json(found);
  g_assert_true(
      g_str_has_prefix(json, "{\"kind\":\"incompatible\",\"first\":\"apple 1.0 requires base<\\\"2\\\"\","));
  g_assert_true(g_str_has_suffix(json, ",\"fatal\":false}"));
}

/* --- pip and uv as they are here ---- */

typedef struct {
  TestDir dir;
  char *venv, *wheels;
  char *uv;
} Here;

static gboolean run(const char *const *argv, char **output, int *exit_code) {
  g_autoptr(GSubprocess) process =
      g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, NULL);
  g_autoptr(GBytes) bytes = NULL;
  if (process == NULL || !g_subprocess_communicate(process, NULL, NULL, &bytes, NULL, NULL))
    return FALSE;
  *output = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
  *exit_code = g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
  return TRUE;
}

static void must_run(const char *const *argv) {
  g_autofree char *output = NULL;
  int exit_code = -1;
  if (!run(argv, &output, &exit_code) || exit_code != 0)
    g_error("%s: %s", argv[0], output);
}

static void set_up(Here *here, gconstpointer data) {
  here->dir = test_dir_make();
  here->venv = test_path(&here->dir, "venv");
  here->wheels = test_path(&here->dir, "wheels");
  g_assert_nonnull(g_getenv("PINO_TEST_WHEELS"));
  const char *const wheels[] = {"python3", g_getenv("PINO_TEST_WHEELS"), here->wheels, NULL};
  must_run(wheels);
  const char *uv = g_getenv("PINO_TEST_UV");
  here->uv =
      uv != NULL && g_file_test(uv, G_FILE_TEST_IS_EXECUTABLE) ? g_strdup(uv) : g_find_program_in_path("uv");
}

static void tear_down(Here *here, gconstpointer data) {
  g_free(here->venv);
  g_free(here->wheels);
  g_free(here->uv);
  test_dir_clear(&here->dir);
}

/* One try on a narrow terminal; gives the first trouble. */
static PinoTrouble *attempt(Here *here, const char *command) {
  g_autofree char *line = g_strdup_printf("stty cols 60 2>/dev/null; %s", command);
  const char *const argv[] = {"script", "-qec", line, "/dev/null", NULL};
  g_autofree char *output = NULL;
  int exit_code = -1;
  g_assert_true(run(argv, &output, &exit_code));
  g_autoptr(PinoConflict) conflict = pino_conflict_new();
  pino_conflict_feed(conflict, output, strlen(output));
  pino_conflict_end(conflict, exit_code);
  PinoTrouble *found = pino_conflict_next(conflict);
  if (found == NULL)
    g_error("nothing is found in what `%s` printed: %s", command, output);
  return found;
}

typedef struct {
  const char *packages, *kind;
  const char *named[2]; /* in first and second, in either order */
  gboolean uv_only;     /* pip takes a second to start and says nothing new */
} Real;

static const Real reals[] = {{"apple pear", "conflict", {"base<2", "base>=2"}},
                             {"apple 'base>=2'", "conflict", {"base<2", "base>=2"}},
                             {"deep", "conflict", {"base<2", "base>=2"}, TRUE},
                             {"apple==9", "no-version", {"apple==9"}},
                             {"nowhere", "no-version", {"nowhere"}, TRUE},
                             {"lost", "no-version", {"nowhere"}, TRUE},
                             {"newer", "python-version", {NULL}}};

static gboolean names(const PinoTrouble *found, const char *text) {
  return text == NULL || (found->first != NULL && strstr(found->first, text) != NULL) ||
         (found->second != NULL && strstr(found->second, text) != NULL);
}

static void try_all(Here *here, const char *install, gboolean is_uv) {
  for (gsize i = 0; i < G_N_ELEMENTS(reals); i++) {
    if (reals[i].uv_only && !is_uv)
      continue;
    g_autofree char *command =
        g_strdup_printf("%s --no-index --find-links %s %s", install, here->wheels, reals[i].packages);
    g_autoptr(PinoTrouble) found = attempt(here, command);
    g_test_message("%s: %s: %s", command, found->kind, found->text);
    g_assert_cmpstr(found->kind, ==, reals[i].kind);
    g_assert_true(found->fatal);
    g_assert_true(names(found, reals[i].named[0]) && names(found, reals[i].named[1]));
    if (g_str_equal(found->kind, "python-version"))
      g_assert_nonnull(strstr(found->text, ">=3.99"));
  }
}

static void test_real_pip(Here *here, gconstpointer data) {
  const char *const venv[] = {"python3", "-m", "venv", here->venv, NULL};
  must_run(venv);
  g_autofree char *pip =
      g_strdup_printf("%s/bin/pip --disable-pip-version-check --isolated install", here->venv);
  g_autofree char *dry = g_strdup_printf("%s --dry-run", pip);
  try_all(here, dry, FALSE);
  g_autofree char *fitting =
      g_strdup_printf("%s -q --no-index --find-links %s apple && %s --no-index --find-links %s "
                      "base==2.1",
                      pip, here->wheels, pip, here->wheels);
  g_autoptr(PinoTrouble) found = attempt(here, fitting);
  g_assert_cmpstr(found->kind, ==, "incompatible");
  g_assert_cmpstr(found->first, ==, "apple 1.0 requires base<2");
  g_assert_cmpstr(found->second, ==, "base 2.1 is installed");
  g_assert_false(found->fatal);
}

static void test_real_uv(Here *here, gconstpointer data) {
  if (here->uv == NULL) {
    g_test_skip("uv is not here: setup/install.sh brings it");
    return;
  }
  const char *const venv[] = {here->uv, "venv", "-q", here->venv, NULL};
  must_run(venv);
  g_autofree char *install =
      g_strdup_printf("%s pip install --dry-run --no-config --no-cache --python %s", here->uv, here->venv);
  try_all(here, install, TRUE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/conflict/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], test_recorded);
  }
  g_test_add_func("/conflict/two-at-once", test_two_at_once);
  g_test_add_func("/conflict/long-and-odd-output", test_long_and_odd_output);
  g_test_add_func("/conflict/json", test_json);
  g_test_add("/conflict/real/pip", Here, NULL, set_up, test_real_pip, tear_down);
  g_test_add("/conflict/real/uv", Here, NULL, set_up, test_real_uv, tear_down);
  return g_test_run();
}
