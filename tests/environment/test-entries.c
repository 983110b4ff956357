/* An app's settings as a form: what is listed, what of it is secret, how it is changed. */
#include "environment/entries.h"

#include "base/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *home, *app;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("entries-XXXXXX", NULL);
  f->app = g_build_filename(f->home, "api", "demo", NULL);
  g_mkdir_with_parents(f->app, 0755);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(f->home);
  g_free(f->app);
}

static void put(Fixture *f, const char *name, const char *text) {
  g_autofree char *file = g_build_filename(f->app, name, NULL);
  g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static char *get(Fixture *f) {
  g_autofree char *file = g_build_filename(f->app, "ENVIRONMENT", NULL);
  char *text = NULL;
  g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
  return text;
}

static const PinoEnvEntry *find(GPtrArray *entries, const char *key) {
  for (guint i = 0; i < entries->len; i++) {
    const PinoEnvEntry *entry = entries->pdata[i];
    if (strcmp(entry->key, key) == 0)
      return entry;
  }
  return NULL;
}

static GPtrArray *entries_of(Fixture *f) {
  GError *error = NULL;
  GPtrArray *entries = pino_env_entries(f->home, f->app, &error);
  g_assert_no_error(error);
  return entries;
}

static void test_secrets(void) {
  const char *const secret[] = {"HF_TOKEN",    "OPENAI_API_KEY",         "apikey",
                                "DB_PASSWORD", "PINOKIO_SHARE_PASSCODE", "SECRET_OF",
                                "my.secret",   "AWS_SECRET_ACCESS_KEY",  "KEY"};
  const char *const open[] = {
      "MAX_TOKENS", "TOKENIZERS_PARALLELISM", "KEYBOARD", "HF_TOKEN_PATH", "THEME", "PATH", ""};
  for (gsize i = 0; i < G_N_ELEMENTS(secret); i++)
    if (!pino_env_is_secret(secret[i], NULL))
      g_error("%s is shown", secret[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(open); i++)
    if (pino_env_is_secret(open[i], "http://example.org:80/a@b"))
      g_error("%s is hidden", open[i]);
  g_assert_true(pino_env_is_secret("URL", "postgres://me:word@example.org/x"));
  g_assert_false(pino_env_is_secret("URL", "postgres://example.org/x"));
}

static void test_defaults(Fixture *f, gconstpointer data) {
  g_autofree char *home_file = g_build_filename(f->home, "ENVIRONMENT", NULL);
  g_assert_true(g_file_set_contents(home_file, "PINOKIO_SHARE_LOCAL=true\n", -1, NULL));
  put(f, "ENVIRONMENT", "OLD=1\n");
  put(f, "_ENVIRONMENT", "# of the author\nMINE=7\n");
  g_autoptr(GPtrArray) entries = entries_of(f);
  const PinoEnvEntry *mine = find(entries, "MINE"), *old = find(entries, "OLD");
  g_assert_cmpstr(((PinoEnvEntry *)entries->pdata[0])->key, ==, "OLD");
  g_assert_cmpstr(old->value, ==, "1");
  g_assert_null(old->fallback);
  g_assert_null(mine->value);
  g_assert_cmpstr(mine->fallback, ==, "7");
  g_assert_cmpstr(mine->description, ==, "of the author");
  const PinoEnvEntry *local = find(entries, "PINOKIO_SHARE_LOCAL");
  g_assert_cmpstr(local->fallback, ==, "true"); /* a new file takes it over from the home */
  g_assert_true(local->known && !local->required && !local->secret && !pino_env_entry_is_set(local));
}

static void test_required(Fixture *f, gconstpointer data) {
  put(f, "b.json", "{\"pre\": [{\"env\": \"SECOND\"}, {\"key\": \"FIRST\", \"default\": \"b\"}]}");
  put(f, "a.json",
      "{\"env\": [{\"key\": \"FIRST\", \"title\": \"T\", \"default\": \"a\"}, {\"key\": 7}, \"x\", null]}");
  put(f, "c.json", "{\"env\": {\"key\": \"NO_LIST\"}}");
  put(f, "d.json", "[");
  g_autoptr(GPtrArray) entries = entries_of(f);
  const PinoEnvEntry *first = find(entries, "FIRST");
  g_assert_cmpstr(first->description, ==, "T");
  g_assert_cmpstr(first->fallback, ==, "a");
  g_assert_true(first->required && !first->known);
  g_assert_true(find(entries, "SECOND")->required);
  g_assert_null(find(entries, "NO_LIST"));
}

static void test_change(Fixture *f, gconstpointer data) {
  GError *error = NULL;
  put(f, "_ENVIRONMENT", "MINE=7\n");
  put(f, "ENVIRONMENT", "# first\nA=1\n\n# second\nB=2 # two\nMINE=8\nB=3\n");
  const PinoEnvPair pairs[] = {{"B", "x y"}, {"MINE", NULL}, {"A", NULL}, {"C", "#"}};
  g_assert_true(pino_env_change(f->home, f->app, pairs, G_N_ELEMENTS(pairs), &error));
  g_assert_no_error(error);
  g_autofree char *text = get(f);
  g_assert_cmpstr(text, ==, "# first\n\n# second\nB=2 # two\nMINE=7\nB=x y\n\nC='#'\n");
}

static void test_refused(Fixture *f, gconstpointer data) {
  const PinoEnvPair bad[][2] = {
      {{"GOOD", "x"}, {"A", "1\nB=2"}}, {{"GOOD", "x"}, {"A B", "1"}}, {{"GOOD", "x"}, {"", NULL}}};
  put(f, "ENVIRONMENT", "A=1\n");
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(pino_env_change(f->home, f->app, bad[i], 2, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
  g_autofree char *large = g_strnfill(5 * 1024 * 1024, 'x');
  const PinoEnvPair pair = {"A", large};
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_env_change(f->home, f->app, &pair, 1, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_assert_cmpuint(strlen(error->message), <, 1000);
  g_autofree char *text = get(f);
  g_assert_cmpstr(text, ==, "A=1\n");
}

static void test_large(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; text->len < 255 * 1024; i++)
    g_string_append_printf(text, "K%u=\n", i);
  put(f, "ENVIRONMENT", text->str);
  g_autoptr(GPtrArray) entries = entries_of(f);
  g_assert_cmpuint(entries->len, ==, 1000);
  g_string_append_printf(text, "K=%2048d\n", 1);
  put(f, "ENVIRONMENT", text->str);
  g_assert_null(pino_env_entries(f->home, f->app, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
}

/* Each takes minutes when somebody looks for a name among all others. */
static void test_slow(Fixture *f, gconstpointer data) {
  gint64 began = g_get_monotonic_time();
  g_autoptr(GString) base = g_string_new(NULL), file = g_string_new(NULL);
  for (guint i = 0; i < 33000; i++)
    g_string_append_printf(base, "B%x=\n", i);
  for (guint i = 0; i < 1100; i++)
    g_string_append_printf(file, "A%x=\n", i);
  gsize lines = file->len;
  g_string_set_size(file, 250 * 1024);
  memset(file->str + lines, '\n', file->len - lines);
  put(f, "_ENVIRONMENT", base->str);
  put(f, "ENVIRONMENT", file->str);
  for (guint i = 0; i < 20; i++) {
    g_autofree char *name = g_strdup_printf("s%02u.json", i);
    g_autoptr(GString) script = g_string_new("{\"env\": [null");
    for (guint j = 0; j < 15000; j++)
      g_string_append_printf(script, ",{\"key\":\"a%x\"}", i * 15000 + j);
    g_string_append(script, "]}");
    put(f, name, script->str);
  }
  g_autoptr(GPtrArray) entries = entries_of(f);
  g_assert_cmpuint(entries->len, ==, 1000);
  g_assert_cmpint(g_get_monotonic_time() - began, <, 20 * G_USEC_PER_SEC);
}

static void test_comments(Fixture *f, gconstpointer data) {
  put(f, "ENVIRONMENT",
      "# of mine\n#HF_TOKEN=hf_old\n#  export OTHER_KEY = 'old' # x\n# as http://me:old@example.org\n"
      "# HF_TOKEN=\n# MODE=fast\nHF_TOKEN=hf_new\n");
  g_autoptr(GPtrArray) entries = entries_of(f);
  g_assert_cmpstr(find(entries, "HF_TOKEN")->description, ==, "of mine\nHF_TOKEN=\nMODE=fast");
}

/* A link that an app brings along may lead anywhere: what programs need must not become a file of settings. */
static void test_not_plain(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  struct stat st;
  g_autofree char *pipe = g_build_filename(f->home, "pipe", NULL);
  g_autofree char *link = g_build_filename(f->app, "ENVIRONMENT", NULL);
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  g_assert_cmpint(symlink(pipe, link), ==, 0);
  const PinoEnvPair pair = {"A", "1"};
  g_assert_false(pino_env_change(f->home, f->app, &pair, 1, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  g_assert_nonnull(strstr(error->message, "no plain file"));
  g_assert_true(stat(pipe, &st) == 0 && S_ISFIFO(st.st_mode));
}

/* What an app may do to its own folder: the call comes back. */
static void test_locked(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  put(f, "ENVIRONMENT", "A=1\n");
  int lock = open(f->app, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint(flock(lock, LOCK_EX), ==, 0);
  const PinoEnvPair pair = {"A", "2"};
  g_assert_false(pino_env_change(f->home, f->app, &pair, 1, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  close(lock);
  g_clear_error(&error);
  g_assert_true(pino_env_change(f->home, f->app, &pair, 1, &error));
}

#define FILES_TEST(name, function)                                                                           \
  g_test_add("/environment/entries/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/environment/entries/what-is-secret", test_secrets);
  FILES_TEST("defaults-of-author-home-and-table", test_defaults);
  FILES_TEST("what-scripts-require", test_required);
  FILES_TEST("changed-in-place-and-put-back", test_change);
  FILES_TEST("refused-whole", test_refused);
  FILES_TEST("as-many-as-anybody-reads", test_large);
  FILES_TEST("as-much-as-takes-time", test_slow);
  FILES_TEST("no-secret-that-was-commented-out", test_comments);
  FILES_TEST("nothing-but-a-plain-file-is-replaced", test_not_plain);
  FILES_TEST("a-lock-that-is-not-given-back", test_locked);
  return g_test_run();
}
