/* The order of a script's steps, and the scripts that it starts (specification, sections 2 and 4). */
#include <glib/gstdio.h>
#include <string.h>

#include "run-harness.h"

static const BenchCase order_cases[] = {
    {"input-is-the-result-before",
     "[say('{{JSON.stringify(input)}}'), step('script.return', 7), log('{{input}}')]", "{}\n7\n"},
    {"current-and-next", "[log(['{{current}}', '{{next}}']), log(['{{current}}', '{{next}}'])]",
     "[0,1]\n[1,null]\n"},
    {"names", "[log(['{{uri === path.join(dirname, \"main.js\")}}', '{{cwd === dirname}}', '{{name}}'])]",
     "[true,true,'app']\n"},
    {"port-is-free-and-anew",
     "[step('local.set', {a: '{{port}}'}), step('local.set', {b: '{{port}}'}),"
     "log('{{Number.isInteger(local.a) && local.a > 1024 && local.a !== local.b}}')]",
     "true\n"},
    {"platform-names",
     "[log(['{{platform}}', '{{typeof arch}}', '{{typeof gpu}}', '{{typeof ram}}', '{{typeof vram}}'])]",
     "['linux','string','string','number','number']\n"},
    {"exists-running-ready",
     "[log(['{{exists(\"main.js\")}}', '{{exists(\"none\")}}', '{{running(\"main.js\")}}', "
     "'{{Boolean(ready(\"main.js\"))}}',"
     "'{{Boolean(running(\"none.js\"))}}'])]",
     "[true,false,true,false,false]\n"},
    {"libraries", "[log(['{{_.chunk([1,2,3],2)}}', '{{os.platform()}}', '{{path.basename(\"/a/b\")}}'])]",
     "[[[1,2],[3]],'linux','b']\n"},
    {"which", "[log(['{{which(\"bash\").endsWith(\"/bash\")}}', '{{which(\"no-such-program\")}}'])]",
     "[true,null]\n"},
    {"mission-names",
     "[log(['{{Number.isInteger(random)}}', '{{random !== random}}', '{{timestamp > 1700000000000}}',"
     "'{{typeof gpu.memory}}', '{{typeof cloud.platform}}', '{{cloud.base_path.length > 0}}',"
     "'{{cloud.persistent_path.length > 0}}'])]",
     "[true,true,true,'object','string',true,true]\n"},
    {"nested-template", "[step('local.set', {linux_PATH: 'deep'}), say('x {{local.{{platform}}_PATH}}')]",
     "x deep\n"},
    {"four-renderings",
     "[step('local.set', {a: '{{{local.b}}}'}), step('local.set', {b: 5}), log('{{local.a}}')]", "5\n"},
    {"undefined-stays", "[say('{{nothing.here}} and {{local.none}}')]",
     "{{nothing.here}} and {{local.none}}\n"},
    {"rendered-key-null-is-dropped", "[log({'{{null}}': 1, '{{false}}': 2, '{{\"k\"}}': 3})]", "{'k':3}\n"},
    {"script-without-run", "{title: 'x'}", "", "missing or invalid attribute: run"},
    {"empty-run", "[]", "", "missing or invalid attribute: run"},
    {"no-method", "[say('before'), {params: {}}, say('after')]", "before\n", "missing RPC attribute: method"},
    {"error-in-a-result-halts", "[{method: () => ({error: 'as told'})}, say('after')]", "", "as told"},
    {"exception-halts", "[{method: () => { throw new TypeError('of mine') }}, say('after')]", "", "of mine"},
    {"unknown-method", "[step('no.such'), say('after')]", "", "no.such"},
};

static const BenchCase way_cases[] = {
    {"next-by-index", "[{...say('a'), next: 2}, say('b'), say('c')]", "a\nc\n"},
    {"next-by-id", "[{...say('a'), next: 'z'}, say('b'), {...say('c'), id: 'z'}]", "a\nc\n"},
    {"next-null-ends", "[{...say('a'), next: null}, say('b')]", "a\n"},
    {"next-of-an-unknown-id", "[{...say('a'), next: 'z'}, say('b')]", "", "'z'"},
    {"next-out-of-range", "[{...say('a'), next: 9}, say('b')]", "a\n", "9"},
    {"next-below-zero", "[{...say('a'), next: -1}, say('b')]", "a\n", "-1"},
    {"next-from-a-template", "[{...say('a'), next: '{{current + 2}}'}, say('b'), say('c')]", "a\nc\n"},
    {"when-false-skips-its-next-too",
     "[{...say('a'), when: '{{false}}', next: 2}, log('{{input}}'), say('c')]", "null\nc\n"},
    {"when-undefined-is-falsy", "[{...say('a'), when: '{{local.none}}'}, say('b')]", "b\n"},
    {"when-throws-is-falsy", "[{...say('a'), when: '{{no.such.thing}}'}, say('b')]", "b\n"},
    {"when-true", "[{...say('a'), when: \"{{platform === 'linux'}}\"}]", "a\n"},
    {"skipped-last-step", "[say('a'), {...say('b'), when: false}]", "a\n"},
    {"jump-by-id-with-params",
     "[step('jump', {id: 'z', params: {k: 1}}), say('b'), {...log('{{input}}'), id: 'z'}]", "{'k':1}\n"},
    {"jump-by-index", "[step('jump', {index: 2}), say('b'), say('c')]", "c\n"},
    {"goto-is-jump", "[step('goto', {id: 'z', input: {k: 1}}), say('b'), {...log('{{input}}'), id: 'z'}]",
     "{'k':1}\n"},
    {"jump-out-of-range", "[step('jump', {index: 7}), say('b')]", "", "no step 7"},
    {"jump-loop",
     "[step('local.set', {n: '{{(local.n || 0) + 1}}'}), {...step('jump', {index: 0}), when: '{{local.n < "
     "50}}'},"
     "log('{{local.n}}')]",
     "50\n"},
};

static const BenchCase result_cases[] = {
    {"returns-a-name", "[step('script.return', {a: 1}, {returns: 'local.r'}), say('x'), log('{{local.r}}')]",
     "x\n{'a':1}\n"},
    {"returns-a-path", "[step('script.return', 4, {returns: 'local.a.b'}), log('{{local.a}}')]", "{'b':4}\n"},
    {"returns-parts",
     "[{...step('script.return', {a: 1, b: {c: 2}}), returns: {'local.x': '{{{b.c}}}'}}, log('{{local.x}}')]",
     "2\n"},
    {"returns-global", "[step('script.return', 3, {returns: 'global.g'}), log('{{global.g}}')]", "3\n"},
    {"function",
     "[{method: (req, ondata) => { ondata({raw: 'out'}); return req.params.a + 1 }, params: {a: 1}}, "
     "log('{{input}}')]",
     "out2\n"},
    {"async-function",
     "[{method: async () => { await new Promise((r) => setTimeout(r, 5)); return 'late' }}, "
     "log('{{input}}')]",
     "'late'\n"},
    {"function-gets-the-kernel", "[{method: (req, ondata, kernel) => kernel.platform}, log('{{input}}')]",
     "'linux'\n"},
    {"function-sees-its-step",
     "[{id: 'me', method: (req) => [req.id, req.current, req.total, req.cwd === __dirname, req.input]},"
     "log('{{input}}')]",
     "['me',0,2,true,{}]\n"},
    {"function-rejects", "[{method: async () => { throw new Error('no luck') }}]", "", "no luck"},
    {"function-with-a-line",
     "const a = 1\nmodule.exports = { run: [{ method: () => {\n  throw new Error('here')\n} }] }", "",
     "main.js:3"},
};

static const BenchCase form_cases[] = {
    {"run-is-a-function", "{run: (kernel, info) => [log([kernel.platform, info.exists('main.js')])]}",
     "['linux',true]\n"},
    {"run-is-async", "{run: async () => [say('late')]}", "late\n"},
    {"run-of-a-function-sees-input", "{run: (kernel, info, context) => [log(context.input)]}", "{}\n"},
    {"script-is-a-function",
     "module.exports = (kernel) => ({run: [{method: 'log', params: {text: kernel.platform}}]})", "linux\n"},
    {"script-is-async", "module.exports = async (kernel) => ({run: [{method: 'log', params: {text: 'a'}}]})",
     "a\n"},
    {"script-is-a-class", "module.exports = class { run = [{method: 'log', params: {text: 'of a class'}}] }",
     "of a class\n"},
    {"es-default",
     "Object.defineProperty(exports, '__esModule', {value: true})\n"
     "exports.default = {run: [{method: 'log', params: {text: 'default'}}]}",
     "default\n"},
    {"self", "{color: 'red', deep: {a: [1]}, run: [log(['{{self.color}}', '{{self.deep.a[0]}}'])]}",
     "['red',1]\n"},
    {"self-sibling-json", "[log('{{self.session.user}}')]", "'ada'\n", NULL, "session.json",
     "{\"user\": \"ada\"}"},
    {"self-sibling-js", "[log('{{self.session.user}}')]", "'bob'\n", NULL, "session.js",
     "module.exports = {user: 'bob'}"},
    {"self-sibling-is-read-anew",
     "[log('{{self.s.n}}'), step('json.set', {'s.json': {n: 2}}), log('{{self.s.n}}')]", "1\n2\n", NULL,
     "s.json", "{\"n\": 1}"},
    {"require-of-the-app",
     "const other = require('./other')\nmodule.exports = {run: [{method: 'log', params: {text: other.say}}]}",
     "hello\n", NULL, "other.js", "exports.say = 'hello'"},
    {"require-of-a-package",
     "const p = require('pack')\nmodule.exports = {run: [{method: 'log', params: {text: p}}]}", "packed\n",
     NULL, "node_modules/pack/index.js", "module.exports = 'packed'"},
    {"require-names-what-is-missing", "require('./gone')", "", "gone"},
};

static const BenchCase module_cases[] = {
    {"class-keeps-its-state",
     "[{uri: 'counter.js', method: 'up'}, {uri: 'counter.js', method: 'up'}, log('{{input}}')]", "2\n", NULL,
     "counter.js", "module.exports = class { n = 0; up() { return ++this.n } }"},
    {"class-is-reloaded-when-changed",
     "[{uri: 'm.js', method: 'f'}, log('{{input}}'), step('fs.write', {path: 'm.js', text: 'module.exports = "
     "class { f() { return \"new one\" } }'}),"
     "{uri: 'm.js', method: 'f'}, log('{{input}}')]",
     "'old'\n'new one'\n", NULL, "m.js", "module.exports = class { f() { return 'old' } }"},
    {"module-object", "[{uri: 'm.js', method: 'f', params: {a: 2}}, log('{{input}}')]", "4\n", NULL, "m.js",
     "module.exports = { f: async (req, ondata, kernel) => req.params.a * 2 }"},
    {"module-prints", "[{uri: 'm.js', method: 'f'}]", "said", NULL, "m.js",
     "module.exports = class { f(req, ondata) { ondata({raw: 'said'}) } }"},
    {"module-without-the-method", "[{uri: 'm.js', method: 'g'}]", "", "no method 'g'", "m.js",
     "module.exports = class { f() {} }"},
    {"module-missing", "[{uri: 'none.js', method: 'g'}]", "", "none.js"},
};

static const BenchCase other_cases[] = {
    {"start-gives-the-result", "[step('script.start', {uri: 'other.js', params: {a: 4}}), log('{{input}}')]",
     "5\n", NULL, "other.js", "[step('script.return', '{{input.a + 1}}')]"},
    {"start-with-a-query", "[step('script.start', {uri: 'other.js?mode=Fast&x=1'}), log('{{input}}')]",
     "'Fast1'\n", NULL, "other.js", "[step('script.return', '{{input.mode + args.x}}')]"},
    {"callee-error-names-it", "[step('script.start', {uri: 'other.js'}), say('after')]", "", "other.js",
     "other.js", "[step('no.such')]"},
    {"callee-missing", "[step('script.start', {uri: 'none.js'})]", "", "none.js"},
    {"daemon-callee-stays-ready",
     "[step('script.start', {uri: 'other.js'}), log('{{script.local(cwd + \"/other.js\").url}}'),"
     "step('script.ready', {uri: 'other.js'}), log('{{input}}'), step('script.status', {uri: 'other.js'}), "
     "log('{{input}}'),"
     "step('script.stop', {uri: 'other.js'}), step('script.status', {uri: 'other.js'}), log('{{input}}')]",
     "'here'\ntrue\n'ready'\nStopped other.js\n'stopped'\n", NULL, "other.js",
     "{daemon: true, run: [step('local.set', {url: 'here'})]}"},
    {"already-running-says-so",
     "[step('script.start', {uri: 'other.js'}), step('script.start', {uri: 'other.js'}), say('on')]",
     "other.js is already running. Continuing...\non\n", NULL, "other.js",
     "{daemon: true, run: [say('up')]}"},
    {"starting-itself", "[step('script.start', {uri: 'main.js'}), say('on')]",
     "main.js is already running. Continuing...\non\n"},
    {"two-that-start-each-other", "[step('script.start', {uri: 'other.js'}), say('on')]", "on\n", NULL,
     "other.js", "[step('script.start', {uri: 'main.js'})]"},
    {"run-is-start", "[step('script.run', {uri: 'other.js'}), log('{{input}}')]", "1\n", NULL, "other.js",
     "[step('script.return', 1)]"},
    {"status-of-one-that-never-ran", "[step('script.status', {uri: 'none.js'}), log('{{input}}')]",
     "'stopped'\n"},
    {"stop-runs-on-stop",
     "[step('script.start', {uri: 'other.js'}), step('script.stop', {uri: 'other.js'}),"
     "log('{{exists(\"stopped\")}}')]",
     "Stopped other.js\ntrue\n", NULL, "other.js",
     "{daemon: true, run: [say('up')], on: {stop: [step('fs.write', {path: 'stopped', text: '1'})]}}"},
    {"stop-several",
     "[step('script.start', {uri: 'other.js'}), step('script.stop', {uri: ['other.js', 'none.js']}), "
     "say('on')]",
     "Stopped other.js\nStopped none.js\non\n", NULL, "other.js", "{daemon: true, run: [say('up')]}"},
    {"memory-of-a-callee-is-its-own",
     "[step('local.set', {a: 1}), step('script.start', {uri: 'other.js'}), log('{{local.a}}')]", "1\n", NULL,
     "other.js", "[step('local.set', {a: 2})]"},
};

/* --- what a table cannot show ---- */

static void test_events_in_order(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[say('a'), {...say('b'), when: false}, {method: () => 5}]");
  bench_expect(bench, "a\n");
  static const char *const wanted[] = {"\"type\":\"step\",\"index\":0,\"total\":3,\"method\":\"log\"",
                                       "\"type\":\"result\",\"index\":0,\"data\":null",
                                       "\"type\":\"step\",\"index\":2,\"total\":3,\"method\":\"<function>\"",
                                       "\"type\":\"result\",\"index\":2,\"data\":5",
                                       "\"type\":\"end\",\"outcome\":\"stopped\""};
  guint at = 0;
  for (guint i = 0; i < bench->events->len; i++) {
    const char *line = bench->events->pdata[i];
    if (strstr(line, "\"type\":\"stream\"") == NULL) {
      g_assert_cmpuint(at, <, G_N_ELEMENTS(wanted));
      g_assert_nonnull(strstr(line, wanted[at++]));
    }
  }
  g_assert_cmpuint(at, ==, G_N_ELEMENTS(wanted));
}

static void test_buffer_result(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[{method: () => Buffer.from('hi')}]");
  g_assert_cmpuint(bench_count(bench, "{\"type\":\"Buffer\",\"data\":[104,105]}"), ==, 1);
}

static void test_input(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_script(bench, "main.js", "[log(['{{input}}', '{{args}}']), log('{{args.a}}')]");
  bench_run(bench, "main.js", "{\"a\": [1, \"ü\"]}");
  bench_expect(bench, "[{'a':[1,'ü']},{'a':[1,'ü']}]\n[1,'ü']\n");
  bench_run(bench, "main.js", "{no json");
  bench_expect_error(bench, "the input is not JSON");
}

static void test_events_of_a_callee(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_script(bench, "other.js", "[say('inner')]");
  bench_steps(bench, "[step('script.start', {uri: 'other.js'}), say('outer')]");
  bench_expect(bench, "outer\n");
  g_autofree char *script = bench_path(bench, "other.js");
  g_autofree char *field = g_strdup_printf("\"script\":\"%s\"", script);
  g_assert_cmpuint(bench_count(bench, field), >=, 3);
}

static void test_daemon(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_script(bench, "main.js",
               "{daemon: true, run: [run('echo up; sleep 1000', {on: [{event: '/up/', done: true}]}), "
               "step('local.set', {url: 'http://x'})],"
               " on: {stop: [step('fs.write', {path: 'stopped', text: '{{local.url}}'})]}}");
  bench_begin(bench, "main.js", NULL);
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_DAEMON);
  g_assert_cmpuint(bench_count(bench, "\"outcome\":\"daemon\",\"local\":{\"url\":\"http://x\"}"), ==, 1);
  g_autofree char *path = bench_path(bench, "main.js");
  g_autofree char *local = pino_run_local(bench->run, path);
  g_assert_cmpstr(local, ==, "{\"url\":\"http://x\"}");
  g_assert_cmpuint(bench_processes(bench), >, 0);
  g_cancellable_cancel(bench->cancellable);
  pino_run_serve(bench->run, FALSE);
  bench_expect_file(bench, "stopped", "http://x");
}

static void test_a_script_ends_its_shells(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('echo up; sleep 1000', {on: [{event: '/up/', done: true}]}), say('end')]");
  bench_expect(bench, "up\nend\n");
}

static void test_cancelled_function(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "waiting";
  bench_steps(bench, "[{method: (req, ondata) => { ondata({raw: 'waiting'}); return new Promise(() => {}) "
                     "}}, say('after')]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
  g_assert_cmpstr(bench->printed->str, ==, "waiting");
  g_assert_cmpuint(bench_count(bench, "\"outcome\":\"cancelled\""), ==, 1);
}

static void test_cancelled_runs_on_stop(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "waiting";
  bench_steps(bench, "{run: [say('waiting'), step('process.wait', {sec: 1000})],"
                     " on: {stop: [step('fs.write', {path: 'stopped', text: 'yes'})]}}");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
  bench_expect_file(bench, "stopped", "yes");
}

static void test_actions(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench,
              "{run: [run('echo one; sleep 0.3; echo two', {on: [{event: '/one/', trigger: 'note'}]})],"
              " note: [step('fs.write', {path: 'noted', text: '{{input.event[0]}}'})]}");
  bench_expect(bench, NULL);
  bench_expect_file(bench, "noted", "one");
}

static void test_restart(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_script(bench, "other.js",
               "{daemon: true, run: [step('fs.append', {path: 'starts', text: '{{input.n}}'})]}");
  bench_steps(bench,
              "[step('script.start', {uri: 'other.js', params: {n: 1}}),"
              "step('script.restart', {uri: 'other.js', params: {n: 2}}), log('{{input}}'),"
              "step('process.wait', {on: {resources: ['file:starts'], window: 100}}),"
              "step('process.wait', {sec: 0.2}), step('script.ready', {uri: 'other.js'}), log('{{input}}')]");
  bench_expect(bench, "{'uri':'other.js','scheduled':true,'self':false,'params':{'n':2}}\ntrue\n");
  bench_expect_file(bench, "starts", "12");
}

static void test_time_limit(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->time_limit = 0.3;
  bench_steps(bench, "[say('before'), say('{{(() => { while (true) {} })()}}'), say('after')]");
  bench_expect_error(bench, "second");
  g_assert_cmpstr(bench->printed->str, ==, "before\n");
  bench_steps(bench, "[say('alive')]");
  bench_expect(bench, "alive\n");
}

static void test_loaded_afresh(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "part.js", "module.exports = 'one'");
  bench_script(bench, "main.js",
               "const p = require('./part'); module.exports = {run: [{method: 'log', params: {text: p}}]}");
  bench_run(bench, "main.js", NULL);
  bench_expect(bench, "one\n");
  bench_write(bench, "part.js", "module.exports = 'two'");
  bench_run(bench, "main.js", NULL);
  bench_expect(bench, "two\n");
}

static void test_notify(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[{...say('a'), notify: {html: 'done <b>{{1 + 1}}</b>', href: 'x', target: '_blank'}}, "
                     "{...say('b'), notify: true},"
                     "step('notify', {html: 'plain'}), step('push', {html: 'old'})]");
  bench_expect(bench, "a\nb\n");
  g_assert_cmpuint(bench_count(bench, "\"type\":\"notify\""), ==, 4);
  g_assert_cmpuint(bench_count(bench, "done <b>2</b>"), ==, 1);
}

static void test_show(void) {
  g_autoptr(Bench) bench = bench_new();
  g_autoptr(GError) error = NULL;
  bench_steps(bench, "{title: 'T', run: [say('{{x}}'), {method: () => 1, params: {a: 1}}]}");
  bench_begin(bench, "main.js", NULL);
  g_autofree char *path = bench_path(bench, "main.js");
  g_autofree char *shown = pino_run_show(bench->run, path, &error);
  g_assert_no_error(error);
  g_assert_nonnull(strstr(shown, "\"{{x}}\""));
  g_assert_null(strstr(shown, "=>"));
  g_assert_nonnull(strstr(shown, "\"a\": 1"));
}

static void test_console_goes_to_the_log(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[{method: () => { console.log('to the %s', 'log', {a: 1}); console.error('bad') }}]");
  bench_expect(bench, "");
  g_autofree char *log = g_build_filename(bench->home, "logs", "api", "app", "main.js", "console.log", NULL);
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
  g_assert_nonnull(strstr(text, "to the log { a: 1 }"));
  g_assert_nonnull(strstr(text, "bad"));
}

static void test_git_uri_of_an_app(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "../peer/.git/config", "[remote \"origin\"]\n\turl = https://example.com/me/peer.git\n");
  bench_script(bench, "../peer/give.js", "[step('script.return', '{{cwd.endsWith(\"/api/peer\")}}')]");
  bench_steps(bench,
              "[step('script.start', {uri: 'https://example.com/me/peer.git/give.js'}), log('{{input}}')]");
  bench_expect(bench, "true\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/script/order", order_cases, G_N_ELEMENTS(order_cases));
  bench_add_cases("/script/way", way_cases, G_N_ELEMENTS(way_cases));
  bench_add_cases("/script/result", result_cases, G_N_ELEMENTS(result_cases));
  bench_add_cases("/script/form", form_cases, G_N_ELEMENTS(form_cases));
  bench_add_cases("/script/module", module_cases, G_N_ELEMENTS(module_cases));
  bench_add_cases("/script/other", other_cases, G_N_ELEMENTS(other_cases));
  g_test_add_func("/script/events-in-order", test_events_in_order);
  g_test_add_func("/script/buffer-result", test_buffer_result);
  g_test_add_func("/script/input", test_input);
  g_test_add_func("/script/events-of-a-callee", test_events_of_a_callee);
  g_test_add_func("/script/daemon-serves-until-cancelled", test_daemon);
  g_test_add_func("/script/ends-its-shells", test_a_script_ends_its_shells);
  g_test_add_func("/script/cancelled-function", test_cancelled_function);
  g_test_add_func("/script/cancelled-runs-on-stop", test_cancelled_runs_on_stop);
  g_test_add_func("/script/action-by-trigger", test_actions);
  g_test_add_func("/script/restart", test_restart);
  g_test_add_func("/script/endless-template-is-stopped", test_time_limit);
  g_test_add_func("/script/loaded-afresh", test_loaded_afresh);
  g_test_add_func("/script/notify", test_notify);
  g_test_add_func("/script/show", test_show);
  g_test_add_func("/script/console-goes-to-the-log", test_console_goes_to_the_log);
  g_test_add_func("/script/git-uri-of-an-app", test_git_uri_of_an_app);
  return g_test_run();
}
