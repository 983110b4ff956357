#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wait.h"
#include "js/value.h"
#include "shell/needle.h"
#include "shell/watch.h"

/* What a watch told, as one line of text: "trigger:NAME:JSON", "notify:JSON:JSON", "done:0", "break:-1:[...]". */
typedef struct {
  PinoJs *js;
  PinoWatch *watch;
  GString *told;
  gboolean verdict;
} Scene;

static void tell(Scene *scene, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void tell(Scene *scene, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (scene->told->len > 0)
    g_string_append_c(scene->told, ' ');
  g_string_append_vprintf(scene->told, format, args);
  va_end(args);
}

static void on_trigger(const char *action, JSValueRef event, gpointer data) {
  Scene *scene = data;
  g_autofree char *json = pino_js_to_json(scene->js, event, 0, NULL);
  tell(scene, "trigger:%s:%s", action, json);
}

static void on_notify(JSValueRef notification, JSValueRef event, gpointer data) {
  Scene *scene = data;
  g_autofree char *what = pino_js_to_json(scene->js, notification, 0, NULL);
  g_autofree char *json = pino_js_to_json(scene->js, event, 0, NULL);
  tell(scene, "notify:%s:%s", what, json);
}

static void on_verdict(const PinoVerdict *verdict, gpointer data) {
  static const char *const names[] = {"done", "kill", "break", "fail", "reply", "error"};
  Scene *scene = data;
  g_autofree char *errors = verdict->errors != NULL ? g_strjoinv("|", (char **)verdict->errors) : NULL;
  tell(scene, "%s:%d%s%s", names[verdict->kind], verdict->handler, errors != NULL ? ":" : "",
       errors != NULL ? errors : "");
  scene->verdict = TRUE;
}

static const PinoWatchEvents watch_events = {on_trigger, on_notify, on_verdict};

static void scene_open(Scene *scene, const char *on, PinoWatchFlags flags) {
  g_autoptr(GError) error = NULL;
  g_autofree char *source = g_strdup_printf("(%s)", on);
  scene->js = pino_js_new(NULL);
  scene->told = g_string_new(NULL);
  scene->verdict = FALSE;
  JSValueRef value = pino_js_eval(scene->js, source, NULL, &error);
  g_assert_no_error(error);
  scene->watch = pino_watch_new(scene->js, value, flags, &watch_events, scene, &error);
  g_assert_no_error(error);
}

static void scene_close(Scene *scene) {
  pino_watch_free(scene->watch);
  pino_js_free(scene->js);
  g_string_free(scene->told, TRUE);
}

static void feed(Scene *scene, const char *text) {
  pino_watch_feed(scene->watch, text, strlen(text));
}

static char *event_json(Scene *scene) {
  JSValueRef event = pino_watch_event(scene->watch);
  return event != NULL ? pino_js_to_json(scene->js, event, 0, NULL) : g_strdup("none");
}

/* One piece of output and its end; what is told and the event. */
static void expect(const char *on, PinoWatchFlags flags, const char *output, const char *told,
                   const char *event) {
  Scene scene;
  scene_open(&scene, on, flags);
  feed(&scene, output);
  pino_watch_finish(scene.watch, output, strlen(output));
  g_autofree char *got = event_json(&scene);
  g_assert_cmpstr(scene.told->str, ==, told);
  g_assert_cmpstr(got, ==, event);
  scene_close(&scene);
}

static void needle_is(const char *source, const char *flags, const char *inside, const char *outside) {
  g_autoptr(PinoNeedle) needle = pino_needle_new(source, flags);
  if (inside == NULL) {
    g_assert_null(needle);
    return;
  }
  g_assert_nonnull(needle);
  g_assert_cmpuint(pino_needle_length(needle), ==, strlen(inside));
  g_autofree char *text = g_strconcat("xxx", outside, inside, "yyy", NULL);
  g_assert_true(pino_needle_found(needle, text, strlen(text)));
  g_assert_true(pino_needle_found(needle, inside, strlen(inside)));
  g_assert_false(pino_needle_found(needle, inside, strlen(inside) - 1));
  g_assert_false(pino_needle_found(needle, outside, strlen(outside)));
}

static void needles_are_certain(void) {
  needle_is("http:\\/\\/[0-9.:]+", "", "http://", "http:/");
  needle_is("(http:\\/\\/([a-z]+):([0-9]+))", "g", "http://", "HTTP://");
  needle_is("error:", "i", "ErRoR:", "error");
  needle_is("error:.*triton", "i", "ERROR:", "triton");
  needle_is("Running on local URL:\\s+(?<url>http\\S+)", "", "Running on local URL:", "Running on");
  needle_is("ab+cdef?", "", "cde", "abc");
  needle_is("(?:abcd)+x", "", "abcd", "abc");
  needle_is("\u4f60\u597d ready", "", "\u4f60\u597d ready", "ready");
  needle_is("\u4f60\u597d ready", "i", " READY", "\u4f60\u597d");
  static const char *const none[] = {"abc|def",  "(abc|def)",  "(abcdef)?",    "(abcdef){0,1}", "a{b|c}defg",
                                     "\\x41bcd", "(?!abcdef)", "(?<!abcdef)g", "[abcdef]+",     "\\u{41}bcd",
                                     "(abcdef",  "ab",         "(?i:abcdef)",  "\\p{L}bcd",     "\\1abcd"};
  for (guint i = 0; i < G_N_ELEMENTS(none); i++)
    needle_is(none[i], "", NULL, NULL);
  needle_is("task", "iu", NULL, NULL);
  needle_is("abcd", "v", NULL, NULL);
}

static void handlers_end_the_step(void) {
  expect("[{event: '/http:\\\\/\\\\/[0-9.:]+/', done: true}]", 0, "at http://127.0.0.1:7861/\n", "done:0",
         "[\"http://127.0.0.1:7861\"]");
  expect("[{event: '/(http:\\\\/\\\\/([a-z]+):([0-9]+))(x)?/', done: true}]", 0,
         "at http://localhost:9123 now\n", "done:0",
         "[\"http://localhost:9123\",\"http://localhost:9123\",\"localhost\",\"9123\",null]");
  expect("[{event: '/MARK-[0-9]+/', kill: true}]", 0, "MARK-42\n", "kill:0", "[\"MARK-42\"]");
  expect("[{event: '/server up/i', done: true}]", 0, "SERVER UP\n", "done:0", "[\"SERVER UP\"]");
  expect("[{event: /out of (\\w+)/, fail: true}]", 0, "out of memory\n", "fail:0:out of memory",
         "[\"out of memory\",\"memory\"]");
  expect("[{event: '/(\u4f60\u597d) ready/', done: true}]", 0, "\u00e9\U0001f600\u4f60\u597d ready\n",
         "done:0", "[\"\u4f60\u597d ready\",\"\u4f60\u597d\"]");
  expect("[{event: '/nothing/', done: true}]", PINO_WATCH_DEFAULTS, "something\n", "", "none");
  expect("undefined", PINO_WATCH_DEFAULTS, "something\n", "", "none");
  expect("[{event: '/v[0-9]/'}]", 0, "v1 v2\nv3\n", "", "[\"v3\"]");
  expect("[{event: '/v[0-9]/'}]", 0, "v1 v2\nv3", "", "[\"v3\"]");
}

static void first_handler_wins(void) {
  const char *on = "[{event: '/beta/', done: true}, {event: '/alpha/', done: true}]";
  expect(on, 0, "alpha\nbeta\n", "done:0", "[\"beta\"]");
  Scene scene;
  scene_open(&scene, on, 0);
  feed(&scene, "alpha\n");
  feed(&scene, "beta\n");
  g_assert_cmpstr(scene.told->str, ==, "done:1");
  scene_close(&scene);
}

static void breaks_fail_the_step(void) {
  const PinoWatchFlags on = PINO_WATCH_DEFAULTS;
  expect("[]", on, "Error: bad thing\n", "break:-1:Error:", "none");
  expect("[]", on, "Error: bad thing", "break:-1:Error:", "none");
  expect("[]", on, "[Errno 2] no such file\n", "break:-1:Errno ", "none");
  expect("[]", on, "Error: no module named triton here\n", "", "none");
  expect("[]", on, "Error: no triton\nother error: x\n", "break:-1:error:", "none");
  expect("[]", on, "Error: one\nand triton\n", "break:-1:Error:", "none");
  expect("[{event: '/error: harmless/i', break: false}]", on, "Error: harmless\n", "", "none");
  expect("[{event: '/exception raised/i', break: true}]", on, "Exception raised\n",
         "break:-1:Exception raised", "none");
  expect("[{event: '/Fatal error: x/', break: true}]", on, "Fatal error: x\n", "break:-1:error:", "none");
  /* A script's own expression may reach across lines, as in the reference. */
  expect("[{event: '/Traceback.*Oops/', break: true}]", on, "Traceback\n  foo\nOops\n",
         "break:-1:Traceback  fooOops", "none");
  expect("[{event: '/up/', done: true}]", on, "error: x\nup\n", "break:-1:error:", "none");
}

static void typing_person_sees_errors_at_the_end(void) {
  Scene scene;
  scene_open(&scene, "[]", PINO_WATCH_DEFAULTS | PINO_WATCH_RECORD);
  feed(&scene, "error: typo\nmore\n");
  g_assert_cmpstr(scene.told->str, ==, "");
  pino_watch_finish(scene.watch, "", 0);
  g_assert_cmpstr(scene.told->str, ==, "break:-1:error:");
  scene_close(&scene);
}

static void side_handlers_count_once(void) {
  expect("[{event: '/go ([0-9])/', trigger: ' act '}]", 0, "go 1 go 2\ngo 3\n",
         "trigger:act:[\"go 1\",\"1\"] trigger:act:[\"go 2\",\"2\"] trigger:act:[\"go 3\",\"3\"]",
         "[\"go 3\",\"3\"]");
  expect("[{event: '/go/', trigger: 'act', once: true}]", 0, "go\ngo\n", "trigger:act:[\"go\"]", "[\"go\"]");
  expect("[{event: '/go/', notify: {title: '{{event[0]}}'}}]", 0, "go go\ngo\n",
         "notify:{\"title\":\"{{event[0]}}\"}:[\"go\"] notify:{\"title\":\"{{event[0]}}\"}:[\"go\"]", "none");
  expect("[{event: '/x*/', trigger: 't'}]", 0, "axxb\n",
         "trigger:t:[\"xx\"] trigger:t:[\"\"] trigger:t:[\"\"]", "[\"\"]");
  Scene scene;
  scene_open(&scene, "[{event: '/go/', trigger: 'act'}]", 0);
  for (int i = 0; i < 1000; i++)
    feed(&scene, i == 500 ? "go\n" : "no\n");
  pino_watch_finish(scene.watch, "", 0);
  g_assert_cmpstr(scene.told->str, ==, "trigger:act:[\"go\"]");
  scene_close(&scene);
}

static void match_is_found_split_at_every_byte(void) {
  const char *text = "\u00fc noise\nready \u4f60\u597d at http://10.0.0.1:8080/ now\nmore\n";
  for (gsize cut = 1; cut < strlen(text); cut++) {
    Scene scene;
    scene_open(&scene, "[{event: '/ready (.*) at (http:\\\\/\\\\/[0-9.:]+)/', done: true}]",
               PINO_WATCH_DEFAULTS);
    if (((guchar)text[cut] & 0xc0) != 0x80) {
      pino_watch_feed(scene.watch, text, cut);
      pino_watch_feed(scene.watch, text + cut, strlen(text) - cut);
      g_autofree char *event = event_json(&scene);
      g_assert_cmpstr(
          event, ==,
          "[\"ready \u4f60\u597d at http://10.0.0.1:8080\",\"\u4f60\u597d\",\"http://10.0.0.1:8080\"]");
      g_assert_cmpstr(scene.told->str, ==, "done:0");
    }
    scene_close(&scene);
  }
}

static void growing_match_waits_for_the_rest(void) {
  Scene scene;
  scene_open(&scene, "[{event: '/http:\\\\/\\\\/[0-9.:]+/', done: true}]", 0);
  feed(&scene, "on http://127.0.0.1:78");
  g_assert_cmpstr(scene.told->str, ==, "");
  feed(&scene, "61");
  g_assert_cmpstr(scene.told->str, ==, "");
  g_assert_true(pino_wait(&scene.verdict, NULL, NULL));
  g_autofree char *event = event_json(&scene);
  g_assert_cmpstr(event, ==, "[\"http://127.0.0.1:7861\"]");
  scene_close(&scene);
}

static void held_match_keeps_its_turn(void) {
  Scene scene;
  scene_open(&scene, "[{event: '/http:[0-9]+/', done: true}, {event: '/on/', done: true}]", 0);
  feed(&scene, "on http:12");
  g_assert_cmpstr(scene.told->str, ==, "");
  feed(&scene, "34\n");
  g_assert_cmpstr(scene.told->str, ==, "done:0");
  scene_close(&scene);
}

static void unfinished_line_is_judged_after_silence(void) {
  Scene scene;
  scene_open(&scene, "[{event: '/error: harmless/i', break: false}]", PINO_WATCH_DEFAULTS);
  feed(&scene, "Err");
  feed(&scene, "or: harm");
  feed(&scene, "less\n");
  g_assert_cmpstr(scene.told->str, ==, "");
  feed(&scene, "error: retry? ");
  g_assert_cmpstr(scene.told->str, ==, "");
  g_assert_true(pino_wait(&scene.verdict, NULL, NULL));
  g_assert_cmpstr(scene.told->str, ==, "break:-1:error:");
  scene_close(&scene);
}

static void reply_handlers(void) {
  Scene scene;
  scene_open(&scene, "[{event: null, return: true}, {event: '/n=(\\\\d)/', return: 'x'}]", PINO_WATCH_REPLY);
  g_assert_cmpint(pino_watch_prompt_handler(scene.watch), ==, 0);
  g_assert_true(pino_watch_wants_output(scene.watch));
  feed(&scene, "n=1 n=2\n");
  g_assert_cmpstr(scene.told->str, ==, "reply:1");
  g_autoptr(GError) error = NULL;
  JSValueRef matches = pino_watch_matches(scene.watch, 1, "n=1 n=2", 7, &error);
  g_autofree char *json = pino_js_to_json(scene.js, matches, 0, &error);
  g_assert_cmpstr(json, ==, "[[\"n=1\",\"1\"],[\"n=2\",\"2\"]]");
  scene_close(&scene);
}

static void wrong_events_are_named(void) {
  static const struct {
    const char *on, *part;
  } cases[] = {
      {"[{}, {event: null}, {event: '/(/'}]", "on[2].event is not a regular expression: /(/: "},
      {"[{event: 'plain'}]", "on[0].event is not a regular expression: plain: "},
      {"[{event: '/a/Q'}]", "on[0].event is not a regular expression: /a/Q: "},
      {"[3]", "on[0] is not an object"},
      {"'x'", "on is not an array"},
  };
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *source = g_strdup_printf("(%s)", cases[i].on);
    JSValueRef on = pino_js_eval(js, source, NULL, NULL);
    g_assert_null(pino_watch_new(js, on, 0, NULL, NULL, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_SCRIPT);
    g_assert_nonnull(strstr(error->message, cases[i].part));
  }
}

static gsize resident(void) {
  g_autofree char *statm = NULL;
  g_assert_true(g_file_get_contents("/proc/self/statm", &statm, NULL, NULL));
  return (gsize)g_ascii_strtoull(strchr(statm, ' ') + 1, NULL, 10) * (gsize)getpagesize();
}

/* A line of 10 MB without a needle, a match that grows for ever, and a word at its end. */
static void endless_line_is_bounded(void) {
  Scene scene;
  scene_open(&scene, "[{event: '/x+/', trigger: 't', once: true}, {event: '/END/', done: true}]",
             PINO_WATCH_DEFAULTS);
  g_autofree char *piece = g_strnfill(64 * 1024, 'x');
  for (int i = 0; i < 160; i++)
    pino_watch_feed(scene.watch, piece, 64 * 1024);
  feed(&scene, "END\n");
  g_assert_nonnull(strstr(scene.told->str, "done:1"));
  scene_close(&scene);
  scene_open(&scene, "[]", PINO_WATCH_DEFAULTS);
  feed(&scene, "error: at the start of a long line");
  for (int i = 0; i < 160 && !scene.verdict; i++)
    pino_watch_feed(scene.watch, piece, 64 * 1024);
  g_assert_cmpstr(scene.told->str, ==, "break:-1:error:");
  scene_close(&scene);
}

static void flood(const char *on, const char *line, gsize megabytes) {
  Scene scene;
  scene_open(&scene, on, PINO_WATCH_DEFAULTS);
  g_autoptr(GString) piece = g_string_new(NULL);
  while (piece->len < 128 * 1024)
    g_string_append(piece, line);
  gsize before = 0;
  gint64 began = g_get_monotonic_time();
  for (gsize fed = 0; fed < megabytes << 20; fed += piece->len) {
    pino_watch_feed(scene.watch, piece->str, piece->len);
    if (before == 0 && fed > (megabytes << 20) / 4)
      before = resident();
  }
  double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
  gsize after = resident();
  g_test_message("%s: %.0f MB/s, resident %zu then %zu MB", on, (double)megabytes / seconds, before >> 20,
                 after >> 20);
  g_assert_cmpstr(scene.told->str, ==, "");
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed for a while */
  g_assert_cmpuint(after, <, before + (32 << 20));
#endif
  scene_close(&scene);
}

static void flood_leaves_memory_flat(void) {
  gsize megabytes = g_test_perf() ? 1024 : 96;
  const char *line = "the quick brown fox 12345 jumps over the lazy dogs at path/to/file.txt\n";
  flood("[{event: '/http:\\\\/\\\\/[0-9.:]+/', done: true}]", line, megabytes);
  flood("[{event: '/[0-9]+%|[A-Z]{5}/', done: true}]", line, megabytes);
  flood("[{event: '/[0-9]+%|[A-Z]{5}/', break: true}]", line, megabytes);
  flood("[{event: '/[0-9]+%|[A-Z]{5}/', done: true}]", "\u4f60\u597d the quick brown fox jumps\n",
        megabytes / 4);
  flood("[{event: '/fox/'}]", line, megabytes / 4);
}

static void many_small_pieces(void) {
  Scene scene;
  scene_open(&scene, "[{event: '/[0-9]+%|[A-Z]{5}/', done: true}]", PINO_WATCH_DEFAULTS);
  gint64 began = g_get_monotonic_time();
  for (int i = 0; i < 20000; i++)
    feed(&scene, "some line of output\n");
  g_test_message("%.1f us a piece", (double)(g_get_monotonic_time() - began) / 20000);
  scene_close(&scene);
}

int main(int argc, char *argv[]) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/watch/needles-are-certain", needles_are_certain);
  g_test_add_func("/watch/handlers-end-the-step", handlers_end_the_step);
  g_test_add_func("/watch/first-handler-wins", first_handler_wins);
  g_test_add_func("/watch/breaks-fail-the-step", breaks_fail_the_step);
  g_test_add_func("/watch/typing-person-sees-errors-at-the-end", typing_person_sees_errors_at_the_end);
  g_test_add_func("/watch/side-handlers-count-once", side_handlers_count_once);
  g_test_add_func("/watch/match-is-found-split-at-every-byte", match_is_found_split_at_every_byte);
  g_test_add_func("/watch/growing-match-waits-for-the-rest", growing_match_waits_for_the_rest);
  g_test_add_func("/watch/held-match-keeps-its-turn", held_match_keeps_its_turn);
  g_test_add_func("/watch/unfinished-line-is-judged-after-silence", unfinished_line_is_judged_after_silence);
  g_test_add_func("/watch/reply-handlers", reply_handlers);
  g_test_add_func("/watch/wrong-events-are-named", wrong_events_are_named);
  g_test_add_func("/watch/endless-line-is-bounded", endless_line_is_bounded);
  g_test_add_func("/watch/flood-leaves-memory-flat", flood_leaves_memory_flat);
  g_test_add_func("/watch/many-small-pieces", many_small_pieces);
  return g_test_run();
}
