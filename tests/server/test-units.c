/* What needs no connection: the guard's rules, the token's file, strict JSON, sockets and their folders. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "server/body.h"
#include "server/guard.h"
#include "server/listen.h"
#include "server/problem.h"
#include "server/tail.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const hosts[] = {"gpu.example", NULL};

static void test_hosts(void) {
  g_autoptr(PinoGuard) guard = pino_guard_new(TOKEN, 42000, hosts);
  const char *const good[] = {"127.0.0.1",       "127.0.0.1:42000", "localhost",
                              "LocalHost:42000", "localhost:9000",  "[::1]",
                              "[::1]:42000",     "gpu.example",     "GPU.example:443"};
  const char *const bad[] = {"",
                             "evil.example",
                             "127.0.0.1.evil.example",
                             "localhost.evil.example",
                             "localhost:",
                             "localhost:0",
                             "localhost:65536",
                             "localhost:42000x",
                             "localhost: 42000",
                             "localhost@evil.example",
                             "::1",
                             "[::1",
                             "[::1]x",
                             "[::2]",
                             "127.0.0.2",
                             "gpu.example.evil",
                             "xgpu.example"};
  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    if (!pino_guard_knows_host(guard, good[i]))
      g_error("'%s' is refused", good[i]);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    if (pino_guard_knows_host(guard, bad[i]))
      g_error("'%s' is let in", bad[i]);
  g_assert_false(pino_guard_knows_host(guard, NULL));
}

static void test_origins(void) {
  g_autoptr(PinoGuard) guard = pino_guard_new(TOKEN, 42000, hosts);
  const struct {
    const char *origin, *host;
    gboolean good;
  } cases[] = {
      {"http://localhost:42000", "127.0.0.1:42000", TRUE},
      {"https://127.0.0.1:42000", "localhost:42000", TRUE},
      {"http://[::1]:42000", "localhost:42000", TRUE},
      {"http://localhost:9000", "localhost:9000", TRUE}, /* a forwarded port */
      {"https://gpu.example", "gpu.example", TRUE},      /* a proxy */
      {"http://localhost:9000", "localhost:42000", FALSE},
      {"http://localhost", "localhost:42000", FALSE},
      {"https://gpu.example", "localhost:42000", FALSE},
      {"http://evil.example", "localhost:42000", FALSE},
      {"http://evil.example:42000", "localhost:42000", FALSE},
      {"http://localhost:42000.evil.example", "localhost:42000", FALSE},
      {"http://localhost:42000/", "localhost:42000", FALSE},
      {"http://user@localhost:42000", "localhost:42000", FALSE},
      {"ftp://localhost:42000", "localhost:42000", FALSE},
      {"null", "localhost:42000", FALSE},
      {"", "localhost:42000", FALSE},
      {"http://localhost:42000, http://evil.example", "localhost:42000", FALSE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    if (pino_guard_knows_origin(guard, cases[i].origin, cases[i].host) != cases[i].good)
      g_error("origin '%s' of a request to '%s'", cases[i].origin, cases[i].host);
}

static void test_token(void) {
  g_autoptr(PinoGuard) guard = pino_guard_new(TOKEN, 42000, NULL);
  g_assert_true(pino_guard_knows_token(guard, TOKEN));
  g_assert_false(pino_guard_knows_token(guard, NULL));
  g_assert_false(pino_guard_knows_token(guard, ""));
  g_assert_false(pino_guard_knows_token(guard, "0123456789abcdef"));
  g_assert_false(pino_guard_knows_token(guard, TOKEN TOKEN));
  g_assert_false(pino_guard_knows_token(guard, TOKEN "0"));
  g_assert_cmpstr(pino_guard_bearer("Bearer abc"), ==, "abc");
  g_assert_cmpstr(pino_guard_bearer("bearer   abc"), ==, "abc");
  g_assert_null(pino_guard_bearer("Basic abc"));
  g_assert_null(pino_guard_bearer(NULL));
}

typedef struct {
  char *folder;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
  fixture->folder = g_dir_make_tmp("pinokio-server-XXXXXX", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
  g_autofree char *command = g_strdup_printf("rm -rf '%s'", fixture->folder);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
  g_free(fixture->folder);
}

static guint mode_of(const char *path) {
  struct stat info;
  g_assert_cmpint(stat(path, &info), ==, 0);
  return info.st_mode & 0777;
}

static void test_token_file(Fixture *fixture, gconstpointer data) {
  g_autofree char *path = g_build_filename(fixture->folder, "token", NULL);
  g_autofree char *first = pino_token_take(fixture->folder, NULL);
  g_assert_cmpuint(strlen(first), ==, 64);
  g_assert_cmpuint(mode_of(path), ==, 0600);
  g_autofree char *kept = pino_token_take(fixture->folder, NULL);
  g_assert_cmpstr(kept, ==, first);
  /* Others may have read it. */
  g_assert_cmpint(chmod(path, 0644), ==, 0);
  g_autofree char *second = pino_token_take(fixture->folder, NULL);
  g_assert_cmpstr(second, !=, first);
  g_assert_cmpuint(mode_of(path), ==, 0600);
  /* It was cut short. */
  g_assert_cmpint(truncate(path, 10), ==, 0);
  g_autofree char *third = pino_token_take(fixture->folder, NULL);
  g_assert_cmpuint(strlen(third), ==, 64);
  /* It leads elsewhere. */
  g_autofree char *elsewhere = g_build_filename(fixture->folder, "elsewhere", NULL);
  g_assert_cmpint(g_rename(path, elsewhere), ==, 0);
  g_assert_cmpint(symlink(elsewhere, path), ==, 0);
  g_autofree char *fourth = pino_token_take(fixture->folder, NULL);
  g_assert_cmpstr(fourth, !=, third);
  g_assert_false(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
}

static void test_token_denied(void) {
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_token_take("/proc/nowhere", &error));
  g_assert_error(error, PINO_ERRNO, 2);
}

static void test_json(void) {
  static const char *const good[] = {"{}",   " {\"a\" : [1, -2.5e3, true, null, \"\\u00e9\\n\"]} ",
                                     "0",    "\"x\"",
                                     "[[]]", "{\"a\":{\"b\":{}}}"};
  static const char *const bad[] = {
      "",       " ",       "{",         "}",           "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
      "[1,]",   "{a:1}",   "{'a':1}",   "{} {}",       "{}x",     "/* */{}",  "// x\n{}",
      "01",     "1.",      ".5",        "+1",          "1e",      "NaN",      "True",
      "\"\n\"", "\"\\x\"", "\"\\u12\"", "\"\\u0000\"", "\"",      "\"\xff\"", "\xef\xbb\xbf{}"};
  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    if (!pino_body_check(good[i], strlen(good[i]), 64, NULL))
      g_error("'%s' is refused", good[i]);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    if (pino_body_check(bad[i], strlen(bad[i]), 64, &error))
      g_error("'%s' is taken", bad[i]);
    g_assert_error(error, PINO_ERROR, PINO_ERROR_SYNTAX);
  }
  g_assert_false(pino_body_check("{}\0", 3, 64, NULL));
}

static void test_json_depth(void) {
  g_autofree char *open = g_strnfill(100000, '[');
  g_assert_false(pino_body_check(open, strlen(open), 64, NULL));
  for (guint depth = 64; depth <= 65; depth++) {
    g_autofree char *before = g_strnfill(depth, '['), *after = g_strnfill(depth, ']');
    g_autofree char *text = g_strconcat(before, after, NULL);
    g_assert_cmpint(pino_body_check(text, strlen(text), 64, NULL), ==, depth == 64);
  }
}

static const PinoMember members[] = {{"name", PINO_MEMBER_TEXT, TRUE, 0, 0},
                                     {"cols", PINO_MEMBER_NUMBER, FALSE, 1, 1000},
                                     {"input", PINO_MEMBER_OBJECT, FALSE, 0, 0},
                                     {"apps", PINO_MEMBER_FLAG, FALSE, 0, 0},
                                     {NULL, 0, FALSE, 0, 0}};

static void test_members(void) {
  const struct {
    const char *text;
    const char *names; /* NULL: it is good */
  } cases[] = {
      {"{\"name\":\"x\",\"cols\":80,\"input\":{\"a\":[]},\"apps\":true}", NULL},
      {"{\"name\":\"x\"}", NULL},
      {"", "'name' is needed"},
      {"{}", "'name' is needed"},
      {"[]", "must be a JSON object"},
      {"\"name\"", "must be a JSON object"},
      {"{\"name\":1}", "'name' must be a string"},
      {"{\"name\":null}", "'name' must be a string"},
      {"{\"name\":\"x\",\"nam\":1}", "no member 'nam'"},
      {"{\"name\":\"x\",\"cols\":0}", "from 1 to 1000"},
      {"{\"name\":\"x\",\"cols\":1001}", "from 1 to 1000"},
      {"{\"name\":\"x\",\"cols\":-1}", "from 1 to 1000"},
      {"{\"name\":\"x\",\"cols\":1.5}", "from 1 to 1000"},
      {"{\"name\":\"x\",\"cols\":99999999999999999999}", "from 1 to 1000"},
      {"{\"name\":\"x\",\"cols\":\"80\"}", "from 1 to 1000"},
      {"{\"name\":\"x\",\"input\":[]}", "'input' must be an object"},
      {"{\"name\":\"x\",\"apps\":1}", "'apps' must be true or false"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = pino_body_read(cases[i].text, strlen(cases[i].text), members, &error);
    if ((object != NULL) != (cases[i].names == NULL))
      g_error("'%s': %s", cases[i].text, error != NULL ? error->message : "taken");
    if (error != NULL && strstr(error->message, cases[i].names) == NULL)
      g_error("'%s': %s", cases[i].text, error->message);
  }
}

static void test_problem(void) {
  g_autoptr(GBytes) bytes = pino_problem_new(404, "no \"app\" here");
  const char *wanted = "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"no "
                       "\\\"app\\\" here\"}\n";
  g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
  g_assert_cmpstr(text, ==, wanted);
  g_autoptr(GError) unavailable = g_error_new(PINO_ERROR, PINO_ERROR_UNAVAILABLE, "x");
  g_assert_cmpuint(pino_problem_status(unavailable), ==, 409);
  g_autoptr(GError) strange = g_error_new(G_FILE_ERROR, 1, "x");
  g_assert_cmpuint(pino_problem_status(strange), ==, 500);
}

/* A path that is longer than the address of a socket may be. */
static void test_unix_socket(Fixture *fixture, gconstpointer data) {
  g_autofree char *name = g_strnfill(200, 'x');
  g_autofree char *folder = g_build_filename(fixture->folder, name, NULL);
  g_autofree char *path = g_build_filename(folder, "s", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
  mode_t before = umask(0);
  int first = pino_listen_unix(folder, "s", &error);
  umask(before);
  g_assert_no_error(error);
  g_assert_cmpuint(mode_of(path), ==, 0600);
  g_assert_cmpint(pino_listen_unix(folder, "s", &error), ==, -1);
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_clear_error(&error);
  close(first); /* as of an engine that was killed: the file stays */
  g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
  int second = pino_listen_unix(folder, "s", &error);
  g_assert_no_error(error);
  close(second);
}

static void test_tcp_socket(void) {
  g_autoptr(GError) error = NULL;
  guint first, second;
  int one = pino_listen_tcp("127.0.0.1", 42700, 100, &first, &error);
  g_assert_no_error(error);
  int two = pino_listen_tcp("127.0.0.1", first, 100, &second, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(second, >, first);
  g_assert_cmpint(pino_listen_tcp("127.0.0.1", first, 1, &second, &error), ==, -1);
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_clear_error(&error);
  g_assert_cmpint(pino_listen_tcp("localhost.", first, 1, &second, &error), ==, -1);
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  close(one);
  close(two);
}

static void test_tail(Fixture *f, gconstpointer data) {
  g_autofree char *path = g_build_filename(f->folder, "tail", NULL);
  g_assert_cmpuint(pino_tail_find(path, 5, 100), ==, 0);
  g_assert_true(g_file_set_contents(path, "0123\n5678\n", -1, NULL));
  static const struct {
    guint64 bytes, within, start;
  } cases[] = {
      {1, 100, 9},
      {2, 100, 8},
      {5, 100, 5},
      {6, 100, 5},
      {7, 100, 5},
      {7, 1, 3},
      {7, 2, 5},
      {9, 100, 5},
      {10, 100, 0},
      {11, 1, 0},
      {G_MAXINT64, G_MAXUINT64, 0},
      {6, G_MAXUINT64, 5},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    g_assert_cmpuint(pino_tail_find(path, cases[i].bytes, cases[i].within), ==, cases[i].start);
  g_assert_true(g_file_set_contents(path, "x\xf0\x9f\x98\x80\xf0\x9f\x98\x80", -1, NULL));
  static const guint64 characters[][2] = {{8, 1}, {7, 5}, {5, 5}, {4, 5}, {3, 6}, {1, 8}};
  for (guint i = 0; i < G_N_ELEMENTS(characters); i++)
    g_assert_cmpuint(pino_tail_find(path, characters[i][0], 100), ==, characters[i][1]);
  g_assert_true(g_file_set_contents(path, "x\x80\x80\x80\x80\x80\n", -1, NULL));
  g_assert_cmpuint(pino_tail_find(path, 5, 100), ==, 2); /* no character at all */
  g_assert_true(g_file_set_contents(path, "", 0, NULL));
  g_assert_cmpuint(pino_tail_find(path, 1, 100), ==, 0);
  g_autofree char *block = g_strnfill(200000, 'x');
  block[150000] = '\n';
  g_assert_true(g_file_set_contents(path, block, 200000, NULL));
  g_assert_cmpuint(pino_tail_find(path, 199999, G_MAXUINT64), ==, 150001);
  g_assert_cmpuint(pino_tail_find(path, 199999, 65536), ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/server/guard/hosts", test_hosts);
  g_test_add_func("/server/guard/origins", test_origins);
  g_test_add_func("/server/guard/token", test_token);
  g_test_add("/server/token/kept-while-nobody-else-can-read-it", Fixture, NULL, set_up, test_token_file,
             tear_down);
  g_test_add_func("/server/token/folder-that-is-not-there", test_token_denied);
  g_test_add_func("/server/json/strict", test_json);
  g_test_add_func("/server/json/depth", test_json_depth);
  g_test_add_func("/server/body/members", test_members);
  g_test_add_func("/server/problem", test_problem);
  g_test_add("/server/socket/long-path-mode-and-stale-file", Fixture, NULL, set_up, test_unix_socket,
             tear_down);
  g_test_add("/server/tail/at-a-lines-beginning", Fixture, NULL, set_up, test_tail, tear_down);
  g_test_add_func("/server/port/the-next-when-taken", test_tcp_socket);
  return g_test_run();
}
