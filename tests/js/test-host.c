#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "js/host.h"
#include "js/value.h"

static char *eval_json(PinoJs *js, const char *source, GError **error) {
  JSValueRef value = pino_js_eval(js, source, "test.js", error);
  return value != NULL ? pino_js_to_json(js, value, 0, error) : NULL;
}

static void expect(PinoJs *js, const char *source, const char *json) {
  g_autoptr(GError) error = NULL;
  g_autofree char *got = eval_json(js, source, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(got, ==, json);
}

static void values(void) {
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  g_autoptr(GError) error = NULL;
  expect(js, "({a: [1, 'x', null]})", "{\"a\":[1,\"x\",null]}");
  JSValueRef text = pino_js_string_len(js, "a\0b\xff\xc3\xa9", 6);
  g_autofree char *json = pino_js_to_json(js, text, 0, &error);
  g_assert_cmpstr(json, ==, "\"a\\u0000b\xef\xbf\xbd\xc3\xa9\"");
  g_auto(GStrv) keys = pino_js_keys(js, pino_js_eval(js, "({b: 1, a: 2, 1: 3})", NULL, &error));
  g_autofree char *joined = g_strjoinv(",", keys);
  g_assert_cmpstr(joined, ==, "1,b,a");
  g_autofree char *lone = pino_js_to_utf8(js, pino_js_eval(js, "'x\\ud800y'", NULL, &error));
  g_assert_nonnull(lone);
  g_assert_true(g_utf8_validate(lone, -1, NULL));
}

static void errors_name_the_place(void) {
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_js_eval(js, "let a = 1\n\nnope()", "some.js", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SCRIPT);
  g_assert_true(g_str_has_prefix(error->message, "some.js:3:"));
  g_assert_nonnull(strstr(error->message, "ReferenceError"));
  g_clear_error(&error);
  g_assert_null(pino_js_eval(js, "let b = {\n a: [ }", "bad.js", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SYNTAX);
  g_assert_true(g_str_has_prefix(error->message, "bad.js:2:"));
}

static void endless_loop_is_stopped(void) {
  PinoJsOptions options = {.time_limit = 0.3};
  g_autoptr(PinoJs) js = pino_js_new(&options);
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_js_eval(js, "for (;;) {}", NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
  expect(js, "1 + 1", "2");
}

static gpointer cancel_soon(gpointer data) {
  g_usleep(50 * 1000);
  g_cancellable_cancel(data);
  return NULL;
}

static void cancelling_ends_a_busy_loop(void) {
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  PinoJsOptions options = {.cancellable = cancellable};
  g_autoptr(PinoJs) js = pino_js_new(&options);
  g_autoptr(GError) error = NULL;
  GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);
  g_assert_null(pino_js_eval(js, "for (;;) {}", NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_thread_join(thread);
}

static void cancelling_ends_a_wait(void) {
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  PinoJsOptions options = {.cancellable = cancellable};
  g_autoptr(PinoJs) js = pino_js_new(&options);
  g_autoptr(GError) error = NULL;
  GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);
  JSValueRef promise = pino_js_eval(js, "new Promise(() => {})", NULL, &error);
  g_assert_null(pino_js_await(js, promise, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_thread_join(thread);
}

static void promises_and_timers(void) {
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  g_autoptr(GError) error = NULL;
  JSValueRef promise =
      pino_js_eval(js,
                   "(async () => { const t = []; let n = 0;"
                   " const i = setInterval(() => { n++; if (n === 3) clearInterval(i) }, 1);"
                   " await Promise.all([20, 5, 10].map(ms => new Promise(r => setTimeout((x) => {"
                   " t.push(x); r() }, ms, ms)))); return {t, n} })()",
                   NULL, &error);
  JSValueRef value = pino_js_await(js, promise, &error);
  g_assert_no_error(error);
  g_autofree char *json = pino_js_to_json(js, value, 0, NULL);
  g_assert_cmpstr(json, ==, "{\"t\":[5,10,20],\"n\":3}");
  promise = pino_js_eval(js, "Promise.reject(new TypeError('no'))", NULL, &error);
  g_assert_null(pino_js_await(js, promise, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SCRIPT);
  g_assert_nonnull(strstr(error->message, "TypeError: no"));
}

static JSValueRef failing(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  pino_error_set_errno(error, 2, "open", "/x");
  return NULL;
}

static void natives_throw_errors_with_codes(void) {
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  pino_js_set(js, pino_js_global(js), "failing", pino_js_function(js, "failing", failing, NULL));
  expect(js, "try { failing() } catch (e) { [e instanceof Error, e.code, e.errno, e.message] }",
         "[true,\"ENOENT\",-2,\"ENOENT: no such file or directory, open '/x'\"]");
  expect(js, "[typeof failing, failing.name, typeof failing.call]",
         "[\"function\",\"failing\",\"function\"]");
}

static void modules(void) {
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("pino-js-XXXXXX", NULL);
  g_autofree char *main = g_build_filename(folder, "main.js", NULL);
  g_autofree char *bad = g_build_filename(folder, "bad.js", NULL);
  g_autofree char *json = g_build_filename(folder, "data.json", NULL);
  g_file_set_contents(main, "#!/usr/bin/env node\nexports.d = require('./data').k; exports.f = __filename",
                      -1, NULL);
  g_file_set_contents(json, "{\"k\": [1]}", -1, NULL);
  g_file_set_contents(bad, "module.exports = {\n  run: [ }", -1, NULL);
  JSValueRef exports = pino_js_require(js, main, TRUE, &error);
  g_assert_no_error(error);
  g_autofree char *text = pino_js_to_json(js, pino_js_get(js, exports, "d"), 0, NULL);
  g_assert_cmpstr(text, ==, "[1]");
  g_assert_null(pino_js_require(js, bad, TRUE, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SYNTAX);
  g_test_message("%s", error->message);
  g_autofree char *place = g_strconcat(bad, ":2:", NULL);
  g_assert_true(g_str_has_prefix(error->message, place));
  g_clear_error(&error);
  g_file_set_contents(bad, "const a = 1\nconst b = 2\nnothere.c()", -1, NULL);
  g_assert_null(pino_js_require(js, bad, TRUE, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_SCRIPT);
  g_free(place);
  place = g_strconcat(bad, ":3:", NULL);
  g_test_message("%s", error->message);
  g_assert_true(g_str_has_prefix(error->message, place));
  g_clear_error(&error);
  g_file_set_contents(bad, "require('leftpad')", -1, NULL);
  g_assert_null(pino_js_require(js, bad, TRUE, &error));
  g_assert_nonnull(strstr(error->message, "cannot find module 'leftpad', required by "));
  g_assert_nonnull(strstr(error->message, bad));
  remove(main), remove(bad), remove(json), remove(folder);
}

/* JavaScriptCore's own timers crash outside of WebKit. */
static void no_foreign_timers_in_the_served_context(void) {
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  PinoJs *js = pino_js_new(NULL);
  g_autoptr(GError) error = NULL;
  g_assert_nonnull(pino_js_eval(js, "let a = []; for (let i = 0; i < 300000; i++) a.push({i}); a = null; 1",
                                NULL, &error));
  GPollFD fds[8];
  gint timeout = 0, priority = 0;
  g_assert_true(g_main_context_acquire(context));
  g_main_context_prepare(context, &priority);
  g_main_context_query(context, G_MAXINT, &timeout, fds, G_N_ELEMENTS(fds));
  g_main_context_check(context, G_MAXINT, fds, 0);
  g_main_context_release(context);
  g_assert_cmpint(timeout, ==, -1);
  pino_js_free(js);
  g_main_context_pop_thread_default(context);
}

static gpointer test_in_a_thread(gpointer function) {
  ((void (*)(void))function)();
  return NULL;
}

static void no_foreign_timers(void) {
  g_thread_join(g_thread_new("test", test_in_a_thread, (gpointer)no_foreign_timers_in_the_served_context));
}

static void endless_loop_in_a_microtask_is_stopped(void) {
  PinoJsOptions options = {.time_limit = 0.3};
  g_autoptr(PinoJs) js = pino_js_new(&options);
  g_autoptr(GError) error = NULL;
  JSValueRef value = pino_js_eval(js, "(async () => { await 1; for (;;) {} })()", NULL, &error);
  if (value != NULL)
    value = pino_js_await(js, value, &error);
  g_assert_null(value);
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
  expect(js, "1 + 1", "2");
  g_clear_error(&error);
  value = pino_js_await(js, pino_js_eval(js, "(async () => { await 1; return 5 })()", NULL, &error), &error);
  g_assert_no_error(error);
  g_assert_cmpfloat(pino_js_to_number(js, value), ==, 5);
}

static void lodash_is_embedded(void) {
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  g_autoptr(GError) error = NULL;
  JSValueRef lodash = pino_js_require(js, "lodash", FALSE, &error);
  g_assert_no_error(error);
  pino_js_set(js, pino_js_global(js), "_", lodash);
  expect(js, "[_.chunk([1,2,3], 2), _.camelCase('Foo Bar')]", "[[[1,2],[3]],\"fooBar\"]");
}

static void thousand_hosts_leave_no_memory(void) {
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < 20; i++) {
    g_autoptr(PinoJs) js = pino_js_new(NULL);
    g_assert_nonnull(pino_js_eval(js, "setTimeout(() => {}, 100000); 1", NULL, &error));
  }
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/js/values", values);
  g_test_add_func("/js/errors-name-the-place", errors_name_the_place);
  g_test_add_func("/js/endless-loop-is-stopped", endless_loop_is_stopped);
  g_test_add_func("/js/cancelling-ends-a-busy-loop", cancelling_ends_a_busy_loop);
  g_test_add_func("/js/cancelling-ends-a-wait", cancelling_ends_a_wait);
  g_test_add_func("/js/promises-and-timers", promises_and_timers);
  g_test_add_func("/js/natives-throw-errors-with-codes", natives_throw_errors_with_codes);
  g_test_add_func("/js/modules", modules);
  g_test_add_func("/js/no-foreign-timers", no_foreign_timers);
  g_test_add_func("/js/endless-loop-in-a-microtask-is-stopped", endless_loop_in_a_microtask_is_stopped);
  g_test_add_func("/js/lodash-is-embedded", lodash_is_embedded);
  g_test_add_func("/js/many-hosts-with-live-timers", thousand_hosts_leave_no_memory);
  return g_test_run();
}
