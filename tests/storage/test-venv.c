#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/link.h"
#include "temp.h"

/* A wheel made by hand: the package "Pino_Demo" with a plain module, one in a folder that it shares with others, data,
 * a name that CSV must quote, and a program. */
static const char MAKE_WHEEL[] =
    "import sys, zipfile\n"
    "version, path = sys.argv[1:]\n"
    "info = 'Pino_Demo-%s.dist-info/' % version\n"
    "files = {'pino_demo/__init__.py': 'VERSION = %r\\nfrom . import part\\n' % version,\n"
    "         'pino_demo/part.py': 'NAME = \"part\"\\n', 'pino_demo/data/a, b.txt': 'quoted',\n"
    "         'pino_shared/demo.py': 'X = 1\\n', 'pino_single.py': 'Y = 2\\n',\n"
    "         info + 'METADATA': 'Metadata-Version: 2.1\\nName: Pino_Demo\\nVersion: %s\\n\\nName: not "
    "this\\n' % version,\n"
    "         info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: "
    "py3-none-any\\n',\n"
    "         info + 'entry_points.txt': '[console_scripts]\\npino-demo = pino_demo:main\\n'}\n"
    "quote = lambda n: '\"%s\"' % n if ',' in n else n\n"
    "files[info + 'RECORD'] = ''.join('%s,,\\n' % quote(n) for n in list(files) + [info + 'RECORD'])\n"
    "with zipfile.ZipFile(path, 'w') as z:\n"
    "    for name, text in files.items(): z.writestr(name, text)\n";

static char *run(const char *first, ...) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  va_list args;
  va_start(args, first);
  for (const char *word = first; word != NULL; word = va_arg(args, const char *))
    g_ptr_array_add(argv, (gpointer)word);
  va_end(args);
  g_ptr_array_add(argv, NULL);
  g_autofree char *err = NULL;
  char *out = NULL;
  int status = 1;
  g_autoptr(GError) error = NULL;
  g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status,
               &error);
  g_assert_no_error(error);
  if (status != 0)
    g_error("%s: %s%s", first, out, err);
  return g_strchomp(out);
}

typedef struct {
  char *path;
  char *python;
  char *site;
} Env;

/* pip takes its time to be installed. */
static Env env_make(const TestDir *dir, const char *name, gboolean with_pip) {
  g_autofree char *path = test_path(dir, name);
  g_free(run("python3", "-m", "venv", path, with_pip ? NULL : "--without-pip", NULL));
  char *python = g_build_filename(path, "bin", "python", NULL);
  char *site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", NULL);
  return (Env){g_steal_pointer(&path), python, site};
}

static void env_clear(Env *env) {
  g_free(env->path);
  g_free(env->python);
  g_free(env->site);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Env, env_clear)

static char *make_wheel(const TestDir *dir, const char *version) {
  g_autofree char *name = g_strdup_printf("Pino_Demo-%s-py3-none-any.whl", version);
  char *path = test_path(dir, name);
  g_free(run("python3", "-c", MAKE_WHEEL, version, path, NULL));
  return path;
}

static void install(const Env *env, const char *wheel) {
  g_free(run(env->python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--find-links", wheel,
             "--upgrade", "Pino_Demo", NULL));
}

static void unpack(const Env *env, const char *wheel) {
  g_free(run("python3", "-m", "zipfile", "-e", wheel, env->site, NULL));
}

static PinoVenvTally share(const TestDir *dir, const Env *env) {
  g_autofree char *home = test_path(dir, "home");
  PinoVenvTally tally = {0};
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_drive_link_venv(home, NULL, env->path, &tally, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  return tally;
}

static void is_link(const Env *env, const char *name, gboolean expected) {
  g_autofree char *path = g_build_filename(env->site, name, NULL);
  struct stat st;
  g_assert_cmpint(lstat(path, &st), ==, 0);
  g_assert_cmpint(S_ISLNK(st.st_mode) != 0, ==, expected);
}

static void works(const Env *env, const char *version) {
  g_autofree char *got =
      run(env->python, "-c",
          "import pino_demo, pino_single, pino_shared.demo, importlib.metadata as m, os\n"
          "text = open(os.path.join(os.path.dirname(pino_demo.__file__), 'data', 'a, b.txt')).read()\n"
          "print(pino_demo.VERSION, m.version('Pino_Demo'), pino_demo.part.NAME, text)",
          NULL);
  g_autofree char *expected = g_strdup_printf("%s %s part quoted", version, version);
  g_assert_cmpstr(got, ==, expected);
}

static char *shared_path(const TestDir *dir, const Env *env, const char *version, const char *name) {
  g_autofree char *lib = g_path_get_dirname(env->site);
  g_autofree char *python = g_path_get_basename(lib);
  return g_build_filename(dir->path, "home/drive/drives/pip/pino-demo", version, "lib", python,
                          "site-packages", name, NULL);
}

static void test_shares(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Env) a = env_make(&dir, "a", FALSE);
  g_auto(Env) b = env_make(&dir, "b", FALSE);
  g_autofree char *one = make_wheel(&dir, "1.0");
  unpack(&a, one);
  unpack(&b, one);
  PinoVenvTally tally = share(&dir, &a);
  g_assert_cmpuint(tally.packages, >=, 1);
  g_assert_cmpuint(tally.linked, >=, 5);
  tally = share(&dir, &b);
  g_assert_cmpuint(tally.packages, ==, 1);
  g_assert_cmpuint(tally.linked, ==, 5);
  g_assert_cmpuint(tally.kept, ==, 0);
  is_link(&a, "pino_demo/__init__.py", TRUE);
  is_link(&b, "pino_demo/data/a, b.txt", TRUE);
  is_link(&b, "pino_single.py", TRUE);
  is_link(&a, "Pino_Demo-1.0.dist-info/METADATA", FALSE);
  works(&a, "1.0");
  works(&b, "1.0");
  struct stat sa, sb;
  g_autofree char *in_a = g_build_filename(a.site, "pino_demo/part.py", NULL);
  g_autofree char *in_b = g_build_filename(b.site, "pino_demo/part.py", NULL);
  g_assert_true(stat(in_a, &sa) == 0 && stat(in_b, &sb) == 0 && sa.st_ino == sb.st_ino);
  g_assert_cmpuint(share(&dir, &a).linked, ==, 0);
}

/* What pip does in one venv never reaches what the others share. */
static void test_pip_goes_on(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Env) a = env_make(&dir, "a", TRUE);
  g_auto(Env) b = env_make(&dir, "b", FALSE);
  g_autofree char *one = make_wheel(&dir, "1.0");
  install(&a, dir.path);
  unpack(&b, one);
  share(&dir, &a);
  share(&dir, &b);
  g_autofree char *two = make_wheel(&dir, "2.0");
  install(&a, dir.path);
  works(&a, "2.0");
  works(&b, "1.0");
  is_link(&a, "pino_demo/__init__.py", FALSE);
  g_autofree char *shared = shared_path(&dir, &b, "1.0", "pino_demo/__init__.py");
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(shared, &text, NULL, NULL));
  g_assert_true(g_str_has_prefix(text, "VERSION = '1.0'"));
  share(&dir, &a);
  works(&a, "2.0");
  g_free(run(a.python, "-m", "pip", "uninstall", "-q", "-y", "Pino_Demo", NULL));
  g_autofree char *newer = shared_path(&dir, &a, "2.0", "pino_demo/__init__.py");
  g_autofree char *gone = g_build_filename(a.site, "pino_demo/__init__.py", NULL);
  g_assert_true(g_file_test(newer, G_FILE_TEST_IS_REGULAR));
  g_assert_false(g_file_test(gone, G_FILE_TEST_EXISTS));
}

static void test_patched(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Env) a = env_make(&dir, "a", FALSE);
  g_autofree char *one = make_wheel(&dir, "1.0");
  unpack(&a, one);
  g_autofree char *shared = shared_path(&dir, &a, "1.0", "pino_single.py");
  g_autofree char *folder = g_path_get_dirname(shared);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  g_assert_true(g_file_set_contents(shared, "Y = 3\n", -1, NULL));
  g_assert_cmpuint(share(&dir, &a).kept, ==, 1);
  is_link(&a, "pino_single.py", FALSE);
  is_link(&a, "pino_demo/part.py", TRUE);
}

/* An install from elsewhere is no release, an editable one is the person's own folder. */
static void test_origins(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Env) a = env_make(&dir, "a", FALSE);
  g_autofree char *one = make_wheel(&dir, "1.0");
  unpack(&a, one);
  g_autofree char *origin = g_build_filename(a.site, "Pino_Demo-1.0.dist-info/direct_url.json", NULL);
  g_assert_true(
      g_file_set_contents(origin, "{\"url\": \"file:///x\", \"dir_info\": {\"editable\": true}}", -1, NULL));
  g_assert_cmpuint(share(&dir, &a).packages, ==, 0);
  is_link(&a, "pino_single.py", FALSE);
  g_assert_true(g_file_set_contents(origin, "{\"url\": \"https://example.com/x.whl\", \"archive_info\": {}}",
                                    -1, NULL));
  g_assert_cmpuint(share(&dir, &a).linked, ==, 5);
  g_autofree char *release = shared_path(&dir, &a, "1.0", "");
  g_assert_false(g_file_test(release, G_FILE_TEST_EXISTS));
  works(&a, "1.0");
}

static void test_no_venv(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_drive_link_venv(dir.path, NULL, dir.path, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/venv/two-venvs-share", test_shares);
  g_test_add_func("/storage/venv/pip-upgrades-one-others-stay", test_pip_goes_on);
  g_test_add_func("/storage/venv/patched-file-stays", test_patched);
  g_test_add_func("/storage/venv/origins-kept-apart", test_origins);
  g_test_add_func("/storage/venv/no-venv", test_no_venv);
  return g_test_run();
}
