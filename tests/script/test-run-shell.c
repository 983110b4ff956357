/* shell.*, exec and the handlers of a shell's output, from a script (specification, sections 4, 5 and 10). */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "run-harness.h"

static const BenchCase run_cases[] = {
    {"output-and-exit-code",
     "[run('echo hi; exit 3'), log([ '{{input.stdout.trim()}}', '{{input.exit_code}}', '{{typeof "
     "input.id}}'])]",
     "hi\n['hi',3,'string']\n"},
    {"exit-code-is-no-error", "[run('false'), say('on')]", "on\n"},
    {"in-the-scripts-folder", "[run('basename \"$PWD\"')]", "app\n"},
    {"path-is-made", "[run('basename \"$PWD\"', {path: 'new/folder'}), log('{{exists(\"new/folder\")}}')]",
     "folder\ntrue\n"},
    {"array-runs-one-by-one", "[run(['cd /; X=1; echo a', '', 'echo \"b$X\"; basename \"$PWD\"'])]",
     "a\nb\napp\n"},
    {"array-stops-at-an-error", "[run(['echo a', 'echo \"Error: bad\"', 'echo c'])]", "a\nError: bad\n",
     "rror"},
    {"chain-and", "[run(['echo a', 'false', 'echo c'], {chain: '&'}), say('on')]", "a\non\n"},
    {"chain-or", "[run(['false', 'echo b', 'echo c'], {chain: '|'})]", "b\n"},
    {"chain-always", "[run(['X=5', 'false', 'echo \"c$X\"'], {chain: '*'})]", "c5\n"},
    {"structured",
     "[run({_: ['printf', '[%s]', 'a b', \"it's\", '$HOME', '', null, false], name: 'x y', v: true, q: "
     "false, n: null, u: '{{none}}'})]",
     "[a b][it's][$HOME][][--name][x y][-v]"},
    {"env-is-added", "[run('echo \"$A\"', {env: {A: 'x y'}})]", "x y\n"},
    {"env-list-goes-before",
     "[run('echo \"${PATH%%:/*}\"', {env: {PATH: ['one', 'two']}}), run('echo \"$L\"', {env: {L: ['one', "
     "'two']}})]",
     "one:two\none:two\n"},
    {"env-newlines-become-blanks", "[run('echo \"$A\"', {env: {A: 'x\\ny'}})]", "x y\n"},
    {"no-user-site", "[run('echo $PYTHONNOUSERSITE')]", "1\n"},
    {"unrendered-template-stays", "[run('echo \"{{none}}\"')]", "{{none}}\n"},
    {"a-terminal-of-100x30", "[run('stty size')]", "30 100\n"},
    {"shell-by-name", "[run('echo $0', {shell: 'sh'})]", "sh\n"},
    {"home-path", "[run('basename \"$PWD\"', {path: '~/cache'})]", "cache\n"},
    {"input-without-a-terminal", "[run('echo in', {input: true}), say('on')]", NULL},
    {"missing-message", "[step('shell.run', {}), say('on')]", "on\n"},
    {"venv-null-is-none",
     "[run('echo ${VIRTUAL_ENV:-none}', {venv: null}), run('echo ${VIRTUAL_ENV:-none}', {venv: ''})]",
     "none\nnone\n"},
};

static const BenchCase handler_cases[] = {
    {"done-gives-the-match",
     "[run('echo url http://x:80; sleep 1000', {on: [{event: '/http:.[^ \\\\r\\\\n]+:([0-9]+)/', done: "
     "true}]}),"
     "log(['{{input.event[0]}}', '{{input.event[1]}}'])]",
     "url http://x:80\n['http://x:80','80']\n"},
    {"kill-returns", "[run('echo up; sleep 1000', {on: [{event: '/up/', kill: true}]}), say('on')]",
     "up\non\n"},
    {"break-fails-with-the-match",
     "[run('echo my trouble; sleep 1000', {on: [{event: '/my trouble/', break: true}]})]", NULL,
     "my trouble"},
    {"fail-kills", "[run('echo my trouble; sleep 1000', {on: [{event: '/my trouble/', fail: true}]})]", NULL,
     "my trouble"},
    {"default-error", "[run('echo \"ERROR: it broke\"; sleep 0.2'), say('after')]", NULL, "ERROR:"},
    {"default-errno", "[run('echo \"[Errno 2] x\"'), say('after')]", NULL, "rrno"},
    {"break-false-takes-out",
     "[run('echo \"error: harmless\"', {on: [{event: '/error: harmless/', break: false}]}), say('on')]",
     "error: harmless\non\n"},
    {"triton-is-no-error", "[run('echo \"error: no triton here\"'), say('on')]",
     "error: no triton here\non\n"},
    {"the-typed-line-does-not-match",
     "[run('true my-marker', {on: [{event: '/my-marker/', fail: true}]}), say('on')]", "on\n"},
    {"across-colours",
     "[run(\"printf 'rea\\\\033[31mdy\\\\033[0m\\\\n'; sleep 1000\", {on: [{event: '/ready/', kill: "
     "true}]}), say('on')]",
     NULL},
    {"no-match-no-event",
     "[run('echo x', {on: [{event: '/y/', done: true}]}), log('{{input.event === undefined}}')]",
     "x\ntrue\n"},
    {"a-function-runs-between",
     "[run('echo up; cat', {on: [{event: '/up/', done: true}]}), {method: () => 5}, log('{{input}}')]",
     "up\n5\n"},
};

static const BenchCase stay_cases[] = {
    {"start-gives-the-id",
     "[step('shell.start', {id: 'one'}, {returns: 'local.id'}), step('shell.stop', {id: 'one'}), "
     "log('{{local.id}}')]",
     NULL},
    {"folder-is-the-id",
     "[step('shell.start', {}), {method: (r) => r.input === __dirname}, log('{{input}}')]", NULL},
    {"enter-keeps-the-session",
     "[step('shell.start', {id: 's', env: {A: 'ay'}}), step('shell.enter', {id: 's', message: 'X=$A; cd /'}),"
     "step('shell.enter', {id: 's', message: 'echo \"[$X:$PWD]\"', on: [{event: null, return: "
     "'{{event.cleaned}}'}]}),"
     "log('{{input.includes(\"[ay:/]\")}}')]",
     NULL},
    {"enter-with-an-event",
     "[step('shell.start', {id: 's'}), step('shell.enter', {id: 's', message: 'echo port $((40+2))', on: "
     "[{event: '/port ([0-9]+)/', return: '{{event.matches[0][1]}}'}]}),"
     "log('{{input}}')]",
     NULL},
    {"return-in-triple-braces",
     "[step('shell.start', {id: 's'}), step('shell.enter', {id: 's', message: 'echo port $((40+2))', on: "
     "[{event: '/port ([0-9]+)/', return: '{{{event.matches[0][1]}}}'}]}),"
     "log('{{input}}')]",
     NULL},
    {"write-has-no-enter",
     "[step('shell.start', {id: 's'}), step('shell.enter', {id: 's', message: 'read -p \"name? \" N', on: "
     "[{event: '/name\\\\? /'}]}),"
     "step('shell.write', {id: 's', message: 'ada', on: [{event: '/ada/'}]}), step('shell.enter', {id: 's', "
     "message: ''}),"
     "step('shell.enter', {id: 's', message: 'echo \"<$N>\"', on: [{event: '/<ada>/', return: 'yes'}]}), "
     "log('{{input}}')]",
     NULL},
    {"enter-into-none", "[step('shell.enter', {id: 'none', message: 'x'})]", "", "none"},
    {"stop-of-none", "[step('shell.stop', {id: 'none'})]", "", "none"},
};

static const char *const stay_ends[] = {"'one'\n", "true\n", "true\n", "'42'\n", "'42'\n", "'yes'\n"};

static const BenchCase exec_cases[] = {
    {"output",
     "[step('exec', {message: 'echo out; echo err >&2'}), log(['{{input.stdout}}', '{{input.stderr}}', "
     "'{{input.error}}'])]",
     "> echo out; echo err >&2\nout\nerr\n['out\\n','err\\n',null]\n"},
    {"folder-and-env",
     "[step('exec', {message: 'basename \"$PWD\"; echo $A', path: '~/api', env: {A: 'x'}}), "
     "log('{{input.stdout}}')]",
     "> basename '$PWD'; echo $A\napi\nx\n'api\\nx\\n'\n"},
    {"failure", "[step('exec', {message: 'echo bad >&2; exit 4'}), say('after')]", NULL, "exit 4"},
    {"timeout", "[step('exec', {message: 'sleep 1000', timeout: 100}), say('after')]", NULL, "sleep 1000"},
    {"no-message", "[step('exec', {}), say('after')]", "", "message"},
};

/* The prompt and the echo stand in a terminal's output: what counts there is its end. */
static void test_stay(gconstpointer data) {
  gsize which = GPOINTER_TO_SIZE(data);
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, stay_cases[which].script);
  bench_expect(bench, NULL);
  if (!g_str_has_suffix(bench->printed->str, stay_ends[which]))
    g_assert_cmpstr(bench->printed->str, ==, stay_ends[which]);
}

static void test_trigger_and_once(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "{run: [run('for i in 1 2 3; do echo tick $i; done; sleep 0.3', {on: [{event: '/tick "
                     "([0-9])/g', trigger: 'many'},"
                     "{event: '/tick/', once: true, trigger: 'one'}]})],"
                     " many: [step('fs.append', {path: 'many', text: '{{input.event[1]}}'})], one: "
                     "[step('fs.append', {path: 'one', text: 'x'})]}");
  bench_expect(bench, NULL);
  bench_expect_file(bench, "one", "x");
  bench_expect_file(bench, "many", "123");
}

static void test_notify(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(
      bench,
      "[run('echo got 5', {on: [{event: '/got ([0-9])/', notify: {html: 'n={{event[1]}}', href: 'x'}}]})]");
  bench_expect(bench, "got 5\n");
  g_assert_cmpuint(bench_count(bench, "n=5"), ==, 1);
}

static void test_break_event(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('echo my trouble', {on: [{event: '/my trouble/', break: true}]})]");
  bench_expect_error(bench, "my trouble");
  g_assert_cmpuint(bench_count(bench, "\"event\":[\"my trouble\"]"), ==, 1);
}

static void test_output_as_it_came(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run(\"printf '\\\\033[32mgreen\\\\033[0m\\\\r\\\\n'\")]");
  bench_expect(bench, "\033[32mgreen\033[0m\n");
}

static void test_log_keeps_the_output(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('echo into the log')]");
  g_autofree char *folder = g_build_filename(bench->home, "logs", "api", "app", "main.js", NULL);
  g_autofree char *found = NULL;
  const char *name;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_str_has_prefix(name, "shell-") && found == NULL)
      g_file_get_contents(path, &found, NULL, NULL);
  }
  g_assert_nonnull(found);
  g_assert_nonnull(strstr(found, "into the log"));
}

static void test_grandchildren_are_gone(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('(setsid nohup sleep 1000 >/dev/null 2>&1 &) ; setsid sh -c \"sleep 1000 & sleep "
                     "1000\" & echo up')]");
  bench_expect(bench, "up\n"); /* bench_free() asserts that no process is left */
}

static void test_many_shells(void) {
  g_autoptr(Bench) bench = bench_new();
  guint before = bench_descriptors();
  bench_steps(bench, "[step('local.set', {n: '{{(local.n || 0) + 1}}'}), run('echo {{local.n}}'),"
                     "{...step('jump', {index: 0}), when: '{{local.n < 40}}'}, say('end')]");
  bench_expect(bench, NULL);
  g_assert_true(g_str_has_suffix(bench->printed->str, "39\n40\nend\n"));
  g_assert_cmpuint(bench_descriptors(), <=, before + 2);
}

static void test_conda_that_is_not_there(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('echo a', {conda: 'env'}), run('echo b', {conda: {path: 'env'}}), run('echo c', "
                     "{conda: {skip: true}})]");
  bench_expect(bench, NULL);
  g_auto(GStrv) told = g_strsplit(bench->printed->str, "miniforge", -1);
  g_assert_cmpuint(g_strv_length(told), >=, 2);
  g_assert_true(g_str_has_suffix(bench->printed->str, "a\nb\nc\n")); /* said once, before the first */
}

/* As some apps make an environment: a list of commands that is empty. */
static void test_venv_alone(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run([], {venv: 'env'}), log('{{exists(\"env/pyvenv.cfg\")}}')]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_STOPPED);
  g_assert_true(g_str_has_suffix(bench->printed->str, "true\n"));
}

static void test_venv(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('python -c \"import sys; print(sys.prefix)\"', {venv: 'env'}), "
                     "log('{{exists(\"env/pyvenv.cfg\")}}'),"
                     "run('basename $VIRTUAL_ENV', {venv: {path: 'env'}})]");
  bench_expect(bench, NULL);
  g_assert_true(g_str_has_suffix(bench->printed->str, "/api/app/env\ntrue\nenv\n"));
}

static void test_sudo_as_root(void) {
  if (geteuid() != 0) {
    g_test_skip("not root here");
    return;
  }
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[run('id -u', {sudo: true})]");
  bench_expect(bench, "0\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/shell/run", run_cases, G_N_ELEMENTS(run_cases));
  bench_add_cases("/shell/on", handler_cases, G_N_ELEMENTS(handler_cases));
  bench_add_cases("/shell/stay", stay_cases + G_N_ELEMENTS(stay_ends),
                  G_N_ELEMENTS(stay_cases) - G_N_ELEMENTS(stay_ends));
  for (gsize i = 0; i < G_N_ELEMENTS(stay_ends); i++) {
    g_autofree char *path = g_strconcat("/shell/stay/", stay_cases[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_stay);
  }
  bench_add_cases("/shell/exec", exec_cases, G_N_ELEMENTS(exec_cases));
  g_test_add_func("/shell/trigger-and-once", test_trigger_and_once);
  g_test_add_func("/shell/notify", test_notify);
  g_test_add_func("/shell/break-event", test_break_event);
  g_test_add_func("/shell/output-as-it-came", test_output_as_it_came);
  g_test_add_func("/shell/log-keeps-the-output", test_log_keeps_the_output);
  g_test_add_func("/shell/grandchildren-are-gone", test_grandchildren_are_gone);
  g_test_add_func("/shell/many-shells", test_many_shells);
  g_test_add_func("/shell/conda-that-is-not-there", test_conda_that_is_not_there);
  g_test_add_func("/shell/venv", test_venv);
  g_test_add_func("/shell/venv-without-commands", test_venv_alone);
  g_test_add_func("/shell/sudo-as-root", test_sudo_as_root);
  return g_test_run();
}
