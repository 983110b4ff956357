/* The modules that need the system. The cases are the *.test.js files under node/, which Node itself passes too;
 * what only C can see (what is left behind when a host goes) is tested here. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "js/host.h"
#include "js/value.h"
#include "test_server.h"

static void collect(const char *level, const char *text, gpointer data) {
  g_string_append_printf(data, "%s: %s\n", level, text);
}

static void run_file(gconstpointer name) {
  g_autoptr(GString) output = g_string_new(NULL);
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, "node", name, NULL);
  g_autofree char *url = test_server_url(server, "");
  PinoJsOptions options = {.console = collect, .console_data = output};
  g_autoptr(PinoJs) js = pino_js_new(&options);
  pino_js_set(js, pino_js_global(js), "SERVER", pino_js_string(js, url));
  JSValueRef failed = pino_js_require(js, path, FALSE, &error);
  if (failed != NULL)
    failed = pino_js_await(js, failed, &error);
  g_assert_no_error(error);
  if (pino_js_to_number(js, failed) != 0)
    g_test_fail_printf("%s", output->str);
  g_assert_nonnull(strstr(output->str, "ok 1 - "));
}

static double eval_number(PinoJs *js, const char *source) {
  g_autoptr(GError) error = NULL;
  JSValueRef module = pino_js_eval(js, source, "test.js", &error);
  g_assert_no_error(error);
  return pino_js_to_number(js, module);
}

/* Scripts of the tests reach require() by way of this. */
static PinoJs *host_with_require(const PinoJsOptions *options) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("pino-XXXXXX.js", &path, &error);
  g_assert_no_error(error);
  static const char source[] = "globalThis.require = require";
  g_assert_cmpint(write(fd, source, strlen(source)), ==, (gssize)strlen(source));
  close(fd);
  PinoJs *js = pino_js_new(options);
  pino_js_require(js, path, FALSE, &error);
  g_assert_no_error(error);
  unlink(path);
  return js;
}

static gboolean is_gone(pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
  g_autofree char *stat = NULL;
  return !g_file_get_contents(path, &stat, NULL, NULL) || strstr(stat, ") Z ") != NULL;
}

static void wait_until_gone(pid_t pid) {
  gint64 end = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
  while (!is_gone(pid)) {
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_usleep(1000);
  }
}

static void test_children_go_with_the_host(void) {
  PinoJs *js = host_with_require(NULL);
  pid_t plain =
      (pid_t)eval_number(js, "const {spawn} = require('child_process'); spawn('sleep', ['1000']).pid");
  pid_t shell = (pid_t)eval_number(
      js, "globalThis.text = ''; const c = spawn('sh', ['-c', 'sleep 1000 & echo $!; wait']);"
          "c.stdout.on('data', (d) => { globalThis.text += d }); c.pid");
  pid_t grandchild = 0;
  while (grandchild == 0) {
    g_main_context_iteration(NULL, TRUE);
    grandchild = (pid_t)eval_number(js, "Number(globalThis.text)");
  }
  g_assert_false(is_gone(plain));
  g_assert_false(is_gone(grandchild));
  pino_js_free(js);
  wait_until_gone(plain);
  wait_until_gone(shell);
  wait_until_gone(grandchild);
}

/* The shell has ended; what it left in the background belongs to the script all the same. */
static void test_what_a_shell_left_goes_with_the_host(void) {
  PinoJs *js = host_with_require(NULL);
  eval_number(js, "globalThis.pid = 0; require('child_process').exec('sleep 1000 >/dev/null 2>&1 & echo $!',"
                  "(error, out) => { globalThis.pid = Number(out) })");
  pid_t left = 0;
  while (left == 0) {
    g_main_context_iteration(NULL, TRUE);
    left = (pid_t)eval_number(js, "globalThis.pid");
  }
  g_assert_false(is_gone(left));
  pino_js_free(js);
  wait_until_gone(left);
}

static void test_detached_and_released_survives(void) {
  PinoJs *js = host_with_require(NULL);
  pid_t pid = (pid_t)eval_number(js, "const c = require('child_process').spawn('sleep', ['1000'],"
                                     "{detached: true, stdio: 'ignore'}); c.unref(); c.pid");
  pino_js_free(js);
  g_assert_false(is_gone(pid));
  kill(pid, SIGKILL);
  wait_until_gone(pid);
}

static void test_requests_go_with_the_host(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autofree char *url = test_server_url(server, "/silent");
  PinoJs *js = host_with_require(NULL);
  pino_js_set(js, pino_js_global(js), "URL_", pino_js_string(js, url));
  eval_number(js, "fetch(URL_).then(() => {}, () => {}); 0");
  while (test_server_waiting(server) == 0)
    g_main_context_iteration(NULL, FALSE);
  pino_js_free(js);
  while (test_server_waiting(server) > 0)
    g_main_context_iteration(NULL, FALSE);
}

static guint count_descriptors(void) {
  g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
  guint count = 0;
  while (g_dir_read_name(dir) != NULL)
    count++;
  return count;
}

static void test_files_are_closed_with_the_host(void) {
  pino_js_free(host_with_require(NULL));
  guint before = count_descriptors();
  PinoJs *js = host_with_require(NULL);
  guint with_host = count_descriptors();
  g_assert_cmpfloat(eval_number(js, "require('fs').openSync('/dev/null')"), >, 2);
  g_assert_cmpuint(count_descriptors(), ==, with_host + 1);
  pino_js_free(js);
  g_assert_cmpuint(count_descriptors(), <=, before);
}

/* A script must not close or read the engine's own files and sockets. */
static void test_descriptors_of_the_engine_are_safe(void) {
  g_autoptr(PinoJs) js = host_with_require(NULL);
  g_autoptr(GError) error = NULL;
  int fds[2];
  g_assert_cmpint(pipe(fds), ==, 0);
  g_autofree char *source = g_strdup_printf("require('fs').closeSync(%d)", fds[0]);
  g_assert_null(pino_js_eval(js, source, NULL, &error));
  g_assert_nonnull(strstr(error->message, "EBADF"));
  close(fds[0]);
  close(fds[1]);
}

static gpointer cancel_soon(gpointer cancellable) {
  g_usleep(100 * 1000);
  g_cancellable_cancel(cancellable);
  return NULL;
}

static void test_cancel_ends_exec_sync(void) {
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  PinoJsOptions options = {.cancellable = cancellable};
  g_autoptr(PinoJs) js = host_with_require(&options);
  GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);
  gint64 start = g_get_monotonic_time();
  g_assert_null(pino_js_eval(js, "require('child_process').execSync('sleep 30')", NULL, &error));
  g_thread_join(thread);
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
}

static void test_console_levels(void) {
  g_autoptr(GString) output = g_string_new(NULL);
  PinoJsOptions options = {.console = collect, .console_data = output};
  g_autoptr(PinoJs) js = host_with_require(&options);
  eval_number(
      js,
      "console.log('a %d', 1); console.warn('w'); console.error({e: 1}); console.info('i'); "
      "console.debug('d');"
      "process.stdout.write('one\\ntw'); process.stdout.write('o\\n'); process.stderr.write('bad\\n'); 0");
  g_assert_cmpstr(output->str, ==,
                  "log: a 1\nwarn: w\nerror: { e: 1 }\ninfo: i\ndebug: d\nlog: one\nlog: two\nerror: bad\n");
}

static void test_inherited_output_is_the_console(void) {
  g_autoptr(GString) output = g_string_new(NULL);
  PinoJsOptions options = {.console = collect, .console_data = output};
  g_autoptr(PinoJs) js = host_with_require(&options);
  eval_number(js, "require('child_process').execSync('echo shown; echo bad >&2', {stdio: 'inherit'}); 0");
  g_assert_cmpstr(output->str, ==, "log: shown\nerror: bad\n");
}

/* A name that is no UTF-8 can be on any disk: it must be listed, and must not stop the removal of its folder. */
static void test_names_that_are_not_utf8(void) {
  g_autoptr(PinoJs) js = host_with_require(NULL);
  g_autofree char *dir = g_dir_make_tmp("pino-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(dir,
                                           "a\xff"
                                           "b",
                                           NULL);
  g_assert_true(g_file_set_contents(file, "", 0, NULL));
  pino_js_set(js, pino_js_global(js), "DIR", pino_js_string(js, dir));
  g_assert_cmpfloat(eval_number(js, "Number(require('fs').readdirSync(DIR)[0] === 'a\\ufffdb')"), ==, 1);
  eval_number(js, "require('fs').rmSync(DIR, {recursive: true}); 0");
  g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
}

static void test_encoding_of_megabytes(void) {
  g_autoptr(PinoJs) js = host_with_require(NULL);
  double ms = eval_number(
      js, "const b = Buffer.from('h\\u00e9llo \\ud83d\\ude00 '.repeat(1 << 20)); const t = Date.now();"
          "const s = b.toString(); const again = Buffer.from(s); Number(again.equals(b)) && Date.now() - t");
  g_test_message("14 MB of UTF-8 there and back: %.0f ms", ms);
  g_assert_cmpfloat(ms, >, 0);
  g_assert_cmpfloat(ms, <, 3000);
}

int main(int argc, char **argv) {
  static const char *const files[] = {"fs.test.js",     "stream.test.js", "child_process.test.js",
                                      "crypto.test.js", "system.test.js", "fetch.test.js"};
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *name = g_strconcat("/js/node/", files[i], NULL);
    g_test_add_data_func(name, files[i], run_file);
  }
  g_test_add_func("/js/node/children-go-with-the-host", test_children_go_with_the_host);
  g_test_add_func("/js/node/what-a-shell-left-goes-with-the-host", test_what_a_shell_left_goes_with_the_host);
  g_test_add_func("/js/node/detached-and-released-survives", test_detached_and_released_survives);
  g_test_add_func("/js/node/requests-go-with-the-host", test_requests_go_with_the_host);
  g_test_add_func("/js/node/files-are-closed-with-the-host", test_files_are_closed_with_the_host);
  g_test_add_func("/js/node/descriptors-of-the-engine-are-safe", test_descriptors_of_the_engine_are_safe);
  g_test_add_func("/js/node/cancel-ends-exec-sync", test_cancel_ends_exec_sync);
  g_test_add_func("/js/node/console-levels", test_console_levels);
  g_test_add_func("/js/node/inherited-output-is-the-console", test_inherited_output_is_the_console);
  g_test_add_func("/js/node/names-that-are-not-utf8", test_names_that_are_not_utf8);
  g_test_add_func("/js/node/encoding-of-megabytes", test_encoding_of_megabytes);
  return g_test_run();
}
