/* Finished steps are remembered, and a later run goes on after them (script/progress.h). */
#include <glib/gstdio.h>
#include <string.h>

#include "run-harness.h"

/* Fails as long as the file "broken" says so. */
#define FAILS                                                                                                \
  "{method: async (request) => { if (require('fs').existsSync(request.cwd + '/broken')) throw new "          \
  "Error('broken here') }}"

typedef struct {
  Bench *bench;
  char *file;
} Setup;

static void begin(Setup *setup) {
  setup->bench = bench_new();
  setup->file = bench_path(setup->bench, "steps.json");
  setup->bench->progress = setup->file;
  bench_write(setup->bench, "broken", "");
}

static void mend(Setup *setup) {
  g_autofree char *path = bench_path(setup->bench, "broken");
  g_unlink(path);
}

static void finish(Setup *setup) {
  bench_free(setup->bench);
  g_free(setup->file);
}

static void fails_then_ends(Setup *setup, const char *first, const char *second) {
  bench_run(setup->bench, "main.js", NULL);
  bench_expect_error(setup->bench, "broken here");
  g_assert_cmpstr(setup->bench->printed->str, ==, first);
  mend(setup);
  bench_run(setup->bench, "main.js", NULL);
  bench_expect(setup->bench, second);
}

static void test_goes_on(void) {
  Setup setup;
  begin(&setup);
  bench_script(setup.bench, "main.js", "[say('a'), say('b'), " FAILS ", say('c')]");
  fails_then_ends(&setup, "a\nb\n", "c\n");
  g_assert_cmpuint(bench_count(setup.bench, "goes on with step 3 of 4"), ==, 1);
  finish(&setup);
}

static void test_memory_and_input(void) {
  Setup setup;
  begin(&setup);
  bench_script(
      setup.bench, "main.js",
      "[step('local.set', {a: {b: [1, 2]}}), step('global.set', {g: 'ü'}), step('script.return', {k: 5}), "
      "{...say('skipped'), when: '{{false}}'}, step('script.return', {k: 6}), {...say('never'), when: "
      "'{{false}}', next: 4}, " FAILS ", log({l: '{{local}}', g: '{{global.g}}'})]");
  fails_then_ends(&setup, "", "{'l':{'a':{'b':[1,2]}},'g':'ü'}\n");
  finish(&setup);
}

static void test_input_of_the_failed_step(void) {
  Setup setup;
  begin(&setup);
  bench_script(
      setup.bench, "main.js",
      "[say('once'), step('script.return', {k: 5}),"
      "{method: async (request) => { if (require('fs').existsSync(request.cwd + '/broken')) throw new "
      "Error('broken here'); return request.input }}, log('{{input}}')]");
  fails_then_ends(&setup, "once\n", "{'k':5}\n");
  finish(&setup);
}

static void test_loop(void) {
  Setup setup;
  begin(&setup);
  bench_script(
      setup.bench, "main.js",
      "[step('local.set', {n: '{{(local.n || 0) + 1}}'}), say('{{local.n}}'),"
      "{method: async (request) => { if (request.input === undefined && 0) return; if "
      "(require('fs').existsSync(request.cwd + '/broken') && request.parent.path && "
      "globalThis.turns === 3) throw new Error('broken here'); globalThis.turns = (globalThis.turns || 0) + "
      "1 }}, {...step('jump', {index: 0}), when: '{{local.n < 6}}'}, say('end')]");
  fails_then_ends(&setup, "1\n2\n3\n4\n", "5\n6\nend\n");
  finish(&setup);
}

/* What all scripts note, as a file of the app: the bench's own text is that of the main script. */
#define NOTE                                                                                                 \
  "const note = (text) => ({method: (request) => require('fs').appendFileSync('%s/notes', "                  \
  "request.params.text + ' '), params: {text}});"

static void write_noting(Bench *bench, const char *name, const char *steps) {
  g_autofree char *text =
      g_strdup_printf("const step = (method, params, more) => ({ method, params, ...more });" NOTE
                      "module.exports = {run: %s}",
                      bench->app, steps);
  bench_write(bench, name, text);
}

static void fails_then_notes(Setup *setup, const char *first, const char *all) {
  bench_run(setup->bench, "main.js", NULL);
  bench_expect_error(setup->bench, "broken here");
  bench_expect_file(setup->bench, "notes", first);
  mend(setup);
  bench_run(setup->bench, "main.js", NULL);
  bench_expect(setup->bench, "");
  bench_expect_file(setup->bench, "notes", all);
}

static void test_nested(void) {
  Setup setup;
  begin(&setup);
  write_noting(setup.bench, "torch.js", "[note('t1-{{args.v}}'), note('t2'), " FAILS ", note('t3')]");
  write_noting(setup.bench, "main.js",
               "[note('m1'), step('script.start', {uri: 'torch.js', params: {v: 7}}), note('m2')]");
  fails_then_notes(&setup, "m1 t1-7 t2 ", "m1 t1-7 t2 t3 m2 ");
  finish(&setup);
}

/* The same script started by two steps: each is a place of its own. */
static void test_nested_twice(void) {
  Setup setup;
  begin(&setup);
  write_noting(setup.bench, "part.js",
               "[note('p{{args.n}}'), step('script.start', {uri: 'fail.js'}, {when: '{{args.n == 2}}'}), "
               "note('q{{args.n}}')]");
  write_noting(setup.bench, "fail.js", "[" FAILS "]");
  write_noting(
      setup.bench, "main.js",
      "[step('script.start', {uri: 'part.js', params: {n: 1}}), step('script.start', {uri: 'part.js', "
      "params: {n: 2}})]");
  fails_then_notes(&setup, "p1 q1 p2 ", "p1 q1 p2 q2 ");
  finish(&setup);
}

static void test_other_steps(void) {
  Setup setup;
  begin(&setup);
  bench_script(setup.bench, "main.js", "[say('a'), " FAILS ", say('b')]");
  bench_run(setup.bench, "main.js", NULL);
  bench_script(setup.bench, "main.js", "[say('other'), say('b')]");
  bench_run(setup.bench, "main.js", NULL);
  bench_expect(setup.bench, "other\nb\n");
  finish(&setup);
}

static void test_from_start(void) {
  Setup setup;
  begin(&setup);
  bench_script(setup.bench, "main.js", "[say('a'), " FAILS ", say('b')]");
  setup.bench->from_start = TRUE;
  fails_then_ends(&setup, "a\n", "a\nb\n");
  finish(&setup);
}

static void test_damaged_file(void) {
  static const char *const texts[] = {
      "", "{", "[]", "{\"format\":1}", "{\"format\":1,\"places\":{\"x\":7}}", "{\"format\":9,\"places\":{}}"};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    Setup setup;
    begin(&setup);
    mend(&setup);
    bench_write(setup.bench, "steps.json", texts[i]);
    bench_script(setup.bench, "main.js", "[say('a'), say('b')]");
    bench_run(setup.bench, "main.js", NULL);
    bench_expect(setup.bench, "a\nb\n");
    finish(&setup);
  }
}

/* Every text of places that is no place of ours. */
static void test_damaged_places(void) {
  static const char *const places[] = {"7",
                                       "null",
                                       "{}",
                                       "{\"digest\":5,\"step\":1}",
                                       "{\"digest\":\"x\",\"step\":\"1\"}",
                                       "{\"retry\":7,\"digest\":\"x\",\"step\":1}"};
  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    Setup setup;
    begin(&setup);
    mend(&setup);
    g_autofree char *path = bench_path(setup.bench, "main.js");
    g_autofree char *text = g_strdup_printf("{\"format\":1,\"places\":{\"%s\":%s}}", path, places[i]);
    bench_write(setup.bench, "steps.json", text);
    bench_script(setup.bench, "main.js", "[say('a'), say('b')]");
    bench_run(setup.bench, "main.js", NULL);
    bench_expect(setup.bench, "a\nb\n");
    finish(&setup);
  }
}

/* Pinokio goes on after a command that failed; the next try begins with that step. */
static void test_failed_command(void) {
  Setup setup;
  begin(&setup);
  bench_script(setup.bench, "main.js",
               "[say('a'), run('test ! -e broken'), say('b'), run('exit 3'), say('c'), " FAILS ", say('d')]");
  fails_then_ends(&setup, "a\nb\nc\n", "b\nc\nd\n");
  finish(&setup);
}

/* A started script that came to its end, when the step that started it was cut short before it could be remembered. */
static void test_nested_ended(void) {
  Setup setup;
  begin(&setup);
  write_noting(setup.bench, "torch.js", "[note('t1'), note('t2'), " FAILS "]");
  write_noting(setup.bench, "main.js", "[note('m1'), step('script.start', {uri: 'torch.js'}), note('m2')]");
  bench_run(setup.bench, "main.js", NULL);
  bench_expect_error(setup.bench, "broken here");
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(setup.file, &text, NULL, NULL));
  char *step = strstr(text, "\"step\":2");
  g_assert_nonnull(step);
  step[strlen("\"step\":")] = '3';
  g_assert_true(g_file_set_contents(setup.file, text, -1, NULL));
  bench_run(setup.bench, "main.js", NULL);
  bench_expect_file(setup.bench, "notes", "m1 t1 t2 m2 ");
  finish(&setup);
}

/* The steps of a started script count only for the same start. */
static void test_nested_otherwise(void) {
  static const char *const mains[] = {
      "[step('script.start', {uri: 'torch.js', params: {v: 8}})]",
      "[step('script.start', {uri: 'torch.js', params: {v: '{{1 + 6}}'}}), note('m')]",
  };
  static const char *const notes[] = {"t1-7 t1-8 t2 ", "t1-7 t1-7 t2 m "};
  for (guint i = 0; i < G_N_ELEMENTS(mains); i++) {
    Setup setup;
    begin(&setup);
    write_noting(setup.bench, "torch.js", "[note('t1-{{args.v}}'), " FAILS ", note('t2')]");
    write_noting(setup.bench, "main.js", "[step('script.start', {uri: 'torch.js', params: {v: 7}})]");
    bench_run(setup.bench, "main.js", NULL);
    bench_expect_error(setup.bench, "broken here");
    mend(&setup);
    write_noting(setup.bench, "main.js", mains[i]);
    bench_run(setup.bench, "main.js", NULL);
    bench_expect_file(setup.bench, "notes", notes[i]);
    finish(&setup);
  }
}

/* Back at a step that failed, what a later round of it has begun does not count. */
static void test_nested_round(void) {
  Setup setup;
  begin(&setup);
  write_noting(setup.bench, "torch.js",
               "[note('t1'), step('shell.run', {message: 'test ! -e broken'}), {..." FAILS
               ", when: '{{exists(`round`)}}'}, note('t2')]");
  write_noting(
      setup.bench, "main.js",
      "[note('m'), step('script.start', {uri: 'torch.js'}), step('fs.write', {path: 'round', text: 'x'}), "
      "step('local.set', {n: '{{(local.n || 0) + 1}}'}), "
      "step('jump', {index: 1}, {when: '{{local.n < 2}}'})]");
  fails_then_notes(&setup, "m t1 t2 t1 ", "m t1 t2 t1 t1 t2 t1 t2 ");
  finish(&setup);
}

static void test_other_functions(void) {
  Setup setup;
  begin(&setup);
  write_noting(setup.bench, "main.js", "[{method: () => { globalThis.x = 1 }}, note('a'), " FAILS "]");
  bench_run(setup.bench, "main.js", NULL);
  mend(&setup);
  write_noting(setup.bench, "main.js", "[{method: () => { globalThis.x = 2 }}, note('a'), " FAILS "]");
  bench_run(setup.bench, "main.js", NULL);
  bench_expect_file(setup.bench, "notes", "a a ");
  finish(&setup);
}

/* Begun anew and cut short at once: what the file held before is forgotten then already. */
static void test_from_start_cut(void) {
  Setup setup;
  begin(&setup);
  write_noting(setup.bench, "main.js",
               "[{method: (request) => { if (require('fs').existsSync(request.cwd + '/cut')) throw new "
               "Error('cut here') }}, note('a'), " FAILS "]");
  bench_run(setup.bench, "main.js", NULL);
  bench_write(setup.bench, "cut", "");
  setup.bench->from_start = TRUE;
  bench_run(setup.bench, "main.js", NULL);
  bench_expect_error(setup.bench, "cut here");
  setup.bench->from_start = FALSE;
  g_autofree char *cut = bench_path(setup.bench, "cut");
  g_unlink(cut);
  mend(&setup);
  bench_run(setup.bench, "main.js", NULL);
  bench_expect_file(setup.bench, "notes", "a a ");
  finish(&setup);
}

/* All steps have finished: nothing is left to do. */
static void test_ended(void) {
  Setup setup;
  begin(&setup);
  bench_script(setup.bench, "main.js", "[say('a'), step('script.return', {k: 5})]");
  bench_run(setup.bench, "main.js", NULL);
  bench_expect(setup.bench, "a\n");
  bench_run(setup.bench, "main.js", NULL);
  bench_expect(setup.bench, "");
  finish(&setup);
}

static void test_private(void) {
  Setup setup;
  GStatBuf found;
  begin(&setup);
  bench_script(setup.bench, "main.js", "[say('a'), " FAILS "]");
  bench_run(setup.bench, "main.js", NULL);
  g_assert_cmpint(g_stat(setup.file, &found), ==, 0);
  g_assert_cmpint(found.st_mode & 0777, ==, 0600);
  finish(&setup);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/script/progress/goes-on", test_goes_on);
  g_test_add_func("/script/progress/memory", test_memory_and_input);
  g_test_add_func("/script/progress/input-of-the-failed-step", test_input_of_the_failed_step);
  g_test_add_func("/script/progress/loop", test_loop);
  g_test_add_func("/script/progress/nested", test_nested);
  g_test_add_func("/script/progress/nested-twice", test_nested_twice);
  g_test_add_func("/script/progress/other-steps", test_other_steps);
  g_test_add_func("/script/progress/from-start", test_from_start);
  g_test_add_func("/script/progress/damaged-file", test_damaged_file);
  g_test_add_func("/script/progress/damaged-places", test_damaged_places);
  g_test_add_func("/script/progress/failed-command", test_failed_command);
  g_test_add_func("/script/progress/nested-ended", test_nested_ended);
  g_test_add_func("/script/progress/nested-otherwise", test_nested_otherwise);
  g_test_add_func("/script/progress/nested-round", test_nested_round);
  g_test_add_func("/script/progress/other-functions", test_other_functions);
  g_test_add_func("/script/progress/from-start-cut-short", test_from_start_cut);
  g_test_add_func("/script/progress/ended", test_ended);
  g_test_add_func("/script/progress/private", test_private);
  return g_test_run();
}
