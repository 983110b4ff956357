/* Bad input and bad luck: what each gets is a word on what failed, on what, and nothing crashes, hangs or is lost. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http-server.h"
#include "run-harness.h"
#include "temp.h"
#include "test_server.h"

static const BenchCase cases[] = {
    {"no-run", "{title: 'x'}", "", "missing or invalid attribute: run"},
    {"run-that-is-text", "{run: 'x'}", "", "missing or invalid attribute: run"},
    {"step-without-a-method", "[say('a'), {params: {}}]", "a\n", "missing RPC attribute: method"},
    {"step-that-is-null", "[say('a'), null]", "a\n", "missing RPC attribute: method"},
    {"step-that-is-a-number", "[say('a'), 3]", "a\n", "missing RPC attribute: method"},
    {"step-that-is-text", "[say('a'), 'text']", "a\n", "missing RPC attribute: method"},
    {"step-that-is-a-list", "[say('a'), ['x']]", "a\n", "missing RPC attribute: method"},
    {"method-that-is-a-number", "[{method: 5}]", "", "5"},
    {"unknown-method", "[step('no.such')]", "", "no.such"},
    {"method-named-like-a-part-of-objects", "[step('constructor')]", "", "constructor"},
    {"regex-that-is-none", "[run('echo x', {on: [{event: '/(/', done: true}]})]", "", "/(/"},
    {"regex-without-slashes", "[run('echo x', {on: [{event: 'plain', done: true}]})]", NULL, "plain"},
    {"regex-with-unknown-flags", "[run('echo x', {on: [{event: '/x/qq', done: true}]})]", "", "/x/qq"},
    {"read-of-a-missing-file", "[step('fs.read', {path: 'none'})]", "", "none"},
    {"read-of-a-folder", "[step('fs.read', {path: '.'})]", "", "EISDIR"},
    {"write-to-a-folder", "[step('fs.make', {path: 'd'}), step('fs.write', {path: 'd', text: 'x'})]", "",
     "/d"},
    {"folder-below-a-file",
     "[step('fs.write', {path: 'f', text: 'x'}), step('fs.write', {path: 'f/g', text: 'x'})]", "", "/f"},
    {"copy-of-a-missing-file", "[step('fs.copy', {src: 'none', dest: 'there'})]", "", "none"},
    {"path-is-missing", "[step('fs.read', {})]", "", "path"},
    {"start-of-a-folder", "[step('script.start', {uri: '.'})]", "", "folder"},
    {"json-file-that-does-not-parse", "[step('load', {x: 'bad.json'})]", "", "bad.json:3", "bad.json",
     "{\n  \"a\": \n}"},
    {"set-in-a-json-file-that-does-not-parse", "[step('json.set', {'bad.json': {a: 1}})]", "", "bad.json:1",
     "bad.json", "{oops"},
    {"command-not-found", "[run('no-such-program-here'), log('{{input.exit_code}}')]",
     "bash: line 1: no-such-program-here: command not found\n127\n"},
    {"script-that-starts-itself", "[step('script.start', {uri: 'main.js'}), say('on')]",
     "main.js is already running. Continuing...\non\n"},
    {"key-path-of-a-prototype", "[step('local.set', {'__proto__.x': 1})]", "", "__proto__"},
    {"program-of-a-shell-missing", "[run('echo x', {shell: '/none/bash'})]", NULL, "/none/bash"},
    {"unresolvable-host", "[step('net', {url: 'http://no-such-host.invalid/'})]", "", "no-such-host.invalid"},
    {"address-that-is-none", "[step('net', {url: 'not an address'})]", "", "not an address"},
};

/* --- files that do not parse ---- */

static void test_json_place(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "main.json", "{\n  \"run\": [\n    {\"method\": }\n  ]\n}\n");
  bench_run(bench, "main.json", NULL);
  bench_expect_error(bench, "main.json:3:");
}

static void test_javascript_place(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "main.js", "module.exports = {\n  run: [\n    { method: 'log' ]\n}\n");
  bench_run(bench, "main.js", NULL);
  bench_expect_error(bench, "main.js:3:");
}

static void test_missing_script(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_run(bench, "none.js", NULL);
  bench_expect_error(bench, "none.js");
  bench_run(bench, ".", NULL);
  bench_expect_error(bench, "folder");
}

static void test_empty_files(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "main.json", "");
  bench_run(bench, "main.json", NULL);
  bench_expect_error(bench, "main.json");
  bench_write(bench, "main.js", "");
  bench_run(bench, "main.js", NULL);
  bench_expect_error(bench, "missing or invalid attribute: run");
}

static void test_throws_on_loading(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "main.js", "const a = 1\n\nthrow new Error('thrown')\n");
  bench_run(bench, "main.js", NULL);
  bench_expect_error(bench, "main.js:3");
  g_assert_nonnull(strstr(bench->error, "thrown"));
}

static void test_loops_on_loading(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->time_limit = 0.3;
  bench_write(bench, "main.js", "for (;;) {}\n");
  bench_run(bench, "main.js", NULL);
  bench_expect_error(bench, "main.js");
  bench_steps(bench, "[say('alive')]");
  bench_expect(bench, "alive\n");
}

/* --- too much of it ---- */

static void test_one_line_of_10_mb(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(
      bench,
      "[run(\"head -c 10000000 /dev/zero | tr '\\\\0' x; echo; echo END\", {on: [{event: '/never/', done: "
      "true}, {event: '/END/', once: true}]}),"
      "log('{{input.stdout.length >= 1000000 && input.stdout.trim().endsWith(\"xEND\") === false}}')]");
  bench_expect(bench, NULL);
  g_assert_true(g_str_has_suffix(bench->printed->str, "END\ntrue\n"));
  g_assert_cmpuint(bench->printed->len, ==, 10000000 + strlen("\nEND\ntrue\n"));
}

static void test_10000_steps(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench,
              "[...Array.from({length: 10000}, (x, i) => step('local.set', {n: i})), log('{{local.n}}')]");
  bench_expect(bench, "9999\n");
}

static char *nested(guint depth) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < depth; i++)
    g_string_append(text, "[");
  for (guint i = 0; i < depth; i++)
    g_string_append(text, "]");
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_script_nested_10000_deep(void) {
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *deep = nested(10000);
  g_autofree char *script =
      g_strdup_printf("{\"run\": [{\"method\": \"log\", \"params\": {\"json\": %s}}]}", deep);
  bench_write(bench, "main.json", script);
  bench_run(bench, "main.json", NULL);
  if (bench->outcome == PINO_OUTCOME_ERROR) /* a word on it is as good as the work done; a crash is not */
    g_assert_cmpuint(strlen(bench->error), >, 10);
  else
    g_assert_cmpuint(bench->printed->len, ==, 20001);
  bench_steps(bench, "[say('alive')]");
  bench_expect(bench, "alive\n");
}

static void test_input_nested_10000_deep(void) {
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *deep = nested(10000);
  g_autofree char *input = g_strdup_printf("{\"deep\": %s}", deep);
  bench_script(bench, "main.js",
               "[say('{{Array.isArray(input.deep[0][0])}}'), step('fs.write', {path: 'deep.json', json: "
               "'{{args.deep}}'}), say('on')]");
  bench_run(bench, "main.js", input);
  if (bench->outcome == PINO_OUTCOME_ERROR)
    g_assert_cmpuint(strlen(bench->error), >, 10);
  else
    bench_expect_file(bench, "deep.json", deep);
}

static void test_function_that_recurses(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[{method: function f() { return f() + 1 }}]");
  bench_expect_error(bench, "call stack");
  bench_steps(bench, "[{method: () => { const a = []; a[0] = a; return a }}, say('on')]");
  g_assert_cmpint(bench->outcome, !=, PINO_OUTCOME_CANCELLED);
}

/* --- bytes that are no text ---- */

static void test_invalid_utf8_output(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run(\"printf 'a\\\\377\\\\376b\\\\n'\"), log('{{input.stdout.includes(\"b\")}}')]");
  bench_expect(bench, NULL);
  g_assert_true(g_utf8_validate(bench->printed->str, -1, NULL));
  g_assert_true(g_str_has_suffix(bench->printed->str, "true\n"));
}

static void test_invalid_utf8_file_name(void) {
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *odd = bench_path(bench, "odd/\xff\xfe.txt");
  bench_write(bench, "odd/plain", "x");
  g_assert_true(g_file_set_contents(odd, "odd", -1, NULL));
  bench_steps(bench, "[run('ls odd'), step('fs.copy', {src: 'odd', dest: 'two'}), step('fs.rm', {path: "
                     "'odd'}), run('ls two | wc -l')]");
  bench_expect(bench, NULL);
  g_assert_true(g_str_has_suffix(bench->printed->str, "2\n"));
  g_autofree char *copied = bench_path(bench, "two/\xff\xfe.txt");
  g_assert_true(g_file_test(copied, G_FILE_TEST_EXISTS));
  g_autofree char *removed = bench_path(bench, "odd");
  g_assert_false(g_file_test(removed, G_FILE_TEST_EXISTS));
}

static void test_script_of_odd_bytes(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "main.json", "{\"run\": [{\"method\": \"log\", \"params\": {\"text\": \"a\xff\"}}]}");
  bench_run(bench, "main.json", NULL);
  g_assert_true(bench->outcome == PINO_OUTCOME_STOPPED || bench->error != NULL);
  bench_write(bench, "main.json",
              "\xef\xbb\xbf{\"run\": [{\"method\": \"log\", \"params\": {\"text\": \"marked\"}}]}");
  bench_run(bench, "main.json", NULL);
  bench_expect(bench, "marked\n");
}

/* --- the disk and its rights ---- */

static void test_full_disk(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "kept.txt", "the old content");
  bench_script(bench, "main.js", "[step('fs.write', {path: 'kept.txt', text: '{{\"x\".repeat(3000000)}}'})]");
  pid_t child = fork();
  if (child == 0) {
    struct rlimit limit = {1000000, 1000000};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    bench_run(bench, "main.js", NULL);
    _exit(bench->outcome == PINO_OUTCOME_ERROR && strstr(bench->error, "kept.txt") != NULL ? 0 : 1);
  }
  int status = -1;
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  g_assert_cmpint(status, ==, 0);
  bench_expect_file(bench, "kept.txt", "the old content");
  g_autofree char *folder = g_strdup(bench->app);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint entries = 0;
  while (g_dir_read_name(dir) != NULL)
    entries++;
  g_assert_cmpuint(entries, ==, 2); /* main.js and kept.txt: no half-written file */
}

static void test_no_permission(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "locked/file", "mine");
  g_autofree char *locked = bench_path(bench, "locked");
  g_assert_cmpint(chmod(locked, 0500), ==, 0);
  bench_script(bench, "main.js", "[step('fs.write', {path: 'locked/new', text: 'x'})]");
  bench_script(bench, "read.js", "[step('fs.read', {path: 'secret'})]");
  bench_write(bench, "secret", "s");
  g_autofree char *secret = bench_path(bench, "secret");
  g_assert_cmpint(chmod(secret, 0), ==, 0);
  pid_t child = fork();
  if (child == 0) {
    g_chmod(bench->home, 0777);
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
      _exit(2);
    bench_run(bench, "main.js", NULL);
    gboolean write_fails = bench->error != NULL && strstr(bench->error, "EACCES") != NULL;
    bench_run(bench, "read.js", NULL);
    _exit(write_fails && bench->error != NULL && strstr(bench->error, "secret") != NULL ? 0 : 1);
  }
  int status = -1;
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  g_assert_cmpint(status, ==, 0);
  g_assert_cmpint(chmod(locked, 0700), ==, 0);
}

/* --- the network ---- */

static void serve(const TestRequest *request, gpointer file) {
  test_http_serve_file(request, file);
}

static void test_download_cut_then_served(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(TestHttp) http = {0};
  g_autofree char *body = g_strnfill(100000, 'd');
  TestFile file = {
      .body = body, .len = 100000, .etag = "\"e\"", .ranges = TRUE, .cuts = 1, .cut_after = 40000};
  test_http_start(&http, serve, &file);
  g_autofree char *url = test_http_url(&http, "/big.bin");
  g_autofree char *script = g_strdup_printf("[step('fs.download', {uri: '%s', path: 'big.bin'})]", url);
  bench_steps(bench, script);
  bench_expect(bench, NULL);
  bench_expect_file(bench, "big.bin", body);
  g_assert_cmpint(g_atomic_int_get(&http.hits), >=, 2);
}

static void download_fails(const char *path, const char *part) {
  g_autoptr(Bench) bench = bench_new();
  g_autoptr(TestServer) server = test_server_new();
  g_autofree char *url = test_server_url(server, path);
  g_autofree char *script = g_strdup_printf("[step('fs.download', {uri: '%s', path: 'file'})]", url);
  bench_steps(bench, script);
  bench_expect_error(bench, part);
  bench_expect_file(bench, "file", NULL);
}

static void test_download_404(void) {
  download_fails("/missing", "404");
}

static void test_download_redirect_loop(void) {
  download_fails("/loop", "redirect");
}

static void test_download_host(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "Downloading"; /* it is tried again for minutes: the person need not wait */
  bench_steps(bench, "[step('fs.download', {uri: 'http://no-such-host.invalid/f', path: 'file'})]");
  g_assert_true(bench->outcome == PINO_OUTCOME_CANCELLED ||
                strstr(bench->error, "no-such-host.invalid") != NULL);
  bench_expect_file(bench, "file", NULL);
}

static void test_download_wrong_sum(void) {
  g_autoptr(Bench) bench = bench_new();
  g_autoptr(TestServer) server = test_server_new();
  g_autofree char *url = test_server_url(server, "/hello");
  g_autofree char *script = g_strdup_printf(
      "[step('fs.download', {uri: '%s', path: 'f', md5: '00000000000000000000000000000000'})]", url);
  bench_steps(bench, script);
  bench_expect_error(bench, "md5");
  bench_expect_file(bench, "f", NULL);
}

/* --- processes ---- */

static void test_shell_killed_from_outside(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('(sleep 0.2; kill -9 $$) & sleep 1000; echo never'), log('{{input.exit_code}}')]");
  /* 128 + 9, as bash tells the signal that ended a command; bench_free() asserts that the sleep is gone too */
  bench_expect(bench, "137\n");
}

static void test_standing_shell_killed_from_outside(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(
      bench,
      "[step('shell.start', {id: 's'}), step('shell.enter', {id: 's', message: 'kill -9 $$'}), say('on'),"
      "step('shell.enter', {id: 's', message: 'echo x'})]");
  bench_expect_error(bench, "s");
}

static void test_endless_output_is_cancelled(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "yyyy";
  bench_steps(bench, "[run('yes yyyyyyyy')]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
}

static void test_stubborn_command_is_cancelled(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "ready to stay";
  bench_steps(
      bench,
      "[run(\"trap '' TERM INT HUP; setsid sleep 1000 & echo ready to stay; while :; do sleep 1; done\")]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/bad", cases, G_N_ELEMENTS(cases));
  g_test_add_func("/bad/json-that-does-not-parse", test_json_place);
  g_test_add_func("/bad/javascript-that-does-not-parse", test_javascript_place);
  g_test_add_func("/bad/missing-script", test_missing_script);
  g_test_add_func("/bad/empty-files", test_empty_files);
  g_test_add_func("/bad/throws-on-loading", test_throws_on_loading);
  g_test_add_func("/bad/loops-on-loading", test_loops_on_loading);
  g_test_add_func("/bad/one-line-of-10-mb", test_one_line_of_10_mb);
  g_test_add_func("/bad/10000-steps", test_10000_steps);
  g_test_add_func("/bad/script-nested-10000-deep", test_script_nested_10000_deep);
  g_test_add_func("/bad/input-nested-10000-deep", test_input_nested_10000_deep);
  g_test_add_func("/bad/function-that-recurses", test_function_that_recurses);
  g_test_add_func("/bad/invalid-utf8-output", test_invalid_utf8_output);
  g_test_add_func("/bad/invalid-utf8-file-name", test_invalid_utf8_file_name);
  g_test_add_func("/bad/script-of-odd-bytes", test_script_of_odd_bytes);
  g_test_add_func("/bad/full-disk-keeps-the-old-content", test_full_disk);
  g_test_add_func("/bad/no-permission", test_no_permission);
  g_test_add_func("/bad/download-cut-then-served", test_download_cut_then_served);
  g_test_add_func("/bad/download-404", test_download_404);
  g_test_add_func("/bad/download-redirect-loop", test_download_redirect_loop);
  g_test_add_func("/bad/download-from-no-host", test_download_host);
  g_test_add_func("/bad/download-with-a-wrong-sum", test_download_wrong_sum);
  g_test_add_func("/bad/shell-killed-from-outside", test_shell_killed_from_outside);
  g_test_add_func("/bad/standing-shell-killed-from-outside", test_standing_shell_killed_from_outside);
  g_test_add_func("/bad/endless-output-is-cancelled", test_endless_output_is_cancelled);
  g_test_add_func("/bad/stubborn-command-is-cancelled", test_stubborn_command_is_cancelled);
  return g_test_run();
}
