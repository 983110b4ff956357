/* What scripts keep: memory, JSON files, keys, settings, and what they ask a person (specification, sections 4 and 7). */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "run-harness.h"

static const BenchCase memory_cases[] = {
    {"set-deep", "[step('local.set', {'a.b.c': 1}), step('local.set', {'a.b.d': 2}), log('{{local.a}}')]",
     "{'b':{'c':1,'d':2}}\n"},
    {"set-array-index", "[step('local.set', {a: [1, 2]}), step('local.set', {'a.1': 9}), log('{{local.a}}')]",
     "[1,9]\n"},
    {"set-bracket-key", "[step('local.set', {'[\"a key\"].b': 1}), log('{{local[\"a key\"]}}')]",
     "{'b':1}\n"},
    {"rm-splices-an-array",
     "[step('local.set', {a: [1, 2, 3]}), step('local.rm', ['a.1']), log('{{local.a}}')]", "[1,3]\n"},
    {"rm-of-nothing", "[step('local.rm', ['x.y.z']), log('{{local}}')]", "{}\n"},
    {"typed-values", "[step('local.set', {n: 1.5, b: false, z: null, o: {a: []}}), log('{{local}}')]",
     "{'n':1.5,'b':false,'z':null,'o':{'a':[]}}\n"},
    {"global-outlives-a-callee",
     "[step('script.start', {uri: 'other.js'}), step('script.start', {uri: 'other.js'}), log('{{input}}')]",
     "2\n", NULL, "other.js",
     "[step('global.set', {n: '{{(global.n || 0) + 1}}'}), step('script.return', '{{global.n}}')]"},
    {"local-ends-with-its-script",
     "[step('script.start', {uri: 'other.js'}), step('script.start', {uri: 'other.js'}), log('{{input}}')]",
     "1\n", NULL, "other.js",
     "[step('local.set', {n: '{{(local.n || 0) + 1}}'}), step('script.return', '{{local.n}}')]"},
    {"global-rm", "[step('global.set', {a: 1, b: 2}), step('global.rm', ['a']), log('{{global}}')]",
     "{'b':2}\n"},
    {"import", "[step('import', {x: 'v.json'}), log('{{input}}')]", "{'x':{'a':1}}\n", NULL, "v.json",
     "{\"a\": 1}"},
    {"load-javascript", "[step('load', {x: 'v.js'}), log('{{input.x.a}}')]", "3\n", NULL, "v.js",
     "module.exports = {a: 1 + 2}"},
    {"local-import", "[step('local.import', {x: 'v.json'}), say('-'), log('{{local.x}}')]", "-\n{'a':1}\n",
     NULL, "v.json", "{\"a\": 1}"},
    {"old-set-of-all",
     "[step('set', {local: {a: 1}, global: {b: 2}, self: {'s.json': {c: 3}}, json: {'j.json': {d: 4}}, key: "
     "{'h.com': {k: 5}}}),"
     "log(['{{local}}', '{{global}}', '{{self.s}}', '{{self.j}}', '{{key[\"h.com\"]}}'])]",
     "[{'a':1},{'b':2},{'c':3},{'d':4},{'k':5}]\n"},
    {"old-rm-of-all",
     "[step('set', {local: {a: 1}, global: {b: 2}, self: {'s.json': {c: 3}}, key: {'h.com': {k: 5, l: 6}}}),"
     "step('rm', {local: ['a'], global: ['b'], self: {'s.json': ['c']}, key: {'h.com': ['k']}}),"
     "log(['{{local}}', '{{global}}', '{{self.s}}', '{{key[\"h.com\"]}}'])]",
     "[{},{},{},{'l':6}]\n"},
    {"set-without-an-object", "[step('json.set', 5)]", "", "json.set"},
};

static const BenchCase json_cases[] = {
    {"set-makes-the-file",
     "[step('json.set', {'deep/a.json': {'x.y': [1]}}), step('fs.cat', {path: 'deep/a.json'})]",
     "{\n  'x': {\n    'y': [\n      1\n    ]\n  }\n}\n"},
    {"set-keeps-the-rest",
     "[step('json.set', {'a.json': {'b.c': 2}}), step('json.get', {v: 'a.json'}), log('{{local.v}}')]",
     "{'k':1,'b':{'c':2}}\n", NULL, "a.json", "{\"k\": 1}"},
    {"rm", "[step('json.rm', {'a.json': ['k', 'l.0']}), step('json.get', {v: 'a.json'}), log('{{local.v}}')]",
     "{'l':[2]}\n", NULL, "a.json", "{\"k\": 1, \"l\": [1, 2]}"},
    {"jsonpath-keys",
     "[step('json.set', {'a.json': {'$.list[1].n': 7, \"$['a b']\": 8}}), step('json.get', {v: 'a.json'}), "
     "log('{{local.v}}')]",
     "{'list':[{},{'n':7}],'a b':8}\n", NULL, "a.json", "{\"list\": [{}, {}]}"},
    {"merge",
     "[step('json.merge', {'a.json': {b: {d: 2}, l: [3]}}), step('json.get', {v: 'a.json'}), "
     "log('{{local.v}}')]",
     "{'b':{'c':1,'d':2},'l':[3]}\n", NULL, "a.json", "{\"b\": {\"c\": 1}, \"l\": [1, 2]}"},
    {"get-of-a-missing-file", "[step('json.get', {v: 'none.json'}), log('{{local.v}}')]", "null\n"},
    {"self-set-and-rm",
     "[step('self.set', {'s.json': {a: {b: 1}}}), log('{{self.s}}'), step('self.rm', {'s.json': ['a.b']}), "
     "log('{{self.s}}')]",
     "{'a':{'b':1}}\n{'a':{}}\n"},
};

static const BenchCase log_cases[] = {
    {"text", "[step('log', {text: 'a'})]", "a\n"},
    {"raw", "[step('log', {raw: 'a\\nb'})]", "a\nb\n"},
    {"json", "[step('log', {json: {a: [1]}})]", "{'a':[1]}\n"},
    {"json2", "[step('log', {json2: {a: 1}})]", "{\n  'a': 1\n}\n"},
    {"nothing", "[step('log', {})]", "\n"},
};

static const BenchCase key_cases[] = {
    {"set-and-get",
     "[step('key.set', {'a.com': {token: 's3'}}), step('key.get', {host: 'a.com'}), log('{{input}}'), "
     "log('{{key[\"a.com\"].token}}')]",
     "{'token':'s3'}\n's3'\n"},
    {"get-of-an-unknown-host",
     "[step('key.get', {host: 'none'}), log('{{input === null || input === undefined}}')]", "true\n"},
};

static const BenchCase env_cases[] = {
    {"set-is-seen-by-templates",
     "[step('env.set', {MY_KEY: 'v 1'}), log('{{env.MY_KEY}}'), log('{{envs.MY_KEY}}')]", "'v 1'\n'v 1'\n"},
    {"set-is-seen-by-shells", "[step('env.set', {MY_KEY: 'v 1'}), run('echo \"$MY_KEY\"')]", "v 1\n"},
    {"switch-takes-turns",
     "[step('env.switch', {M: ['a', 'b']}), log('{{env.M}}'), step('env.switch', {M: ['a', 'b']}), "
     "log('{{env.M}}'),"
     "step('env.switch', {M: ['a', 'b']}), log('{{env.M}}')]",
     "'a'\n'b'\n'a'\n"},
    {"process-environment", "[log('{{env.PATH.length > 0}}')]", "true\n"},
};

/* --- what a table cannot show ---- */

static void test_log_has_crlf(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[step('log', {raw: 'a\\nb\\r\\nc'})]");
  g_autoptr(GString) all = g_string_new(NULL);
  for (guint i = 0; i < bench->events->len; i++) {
    const char *raw = strstr(bench->events->pdata[i], "\"raw\":\"");
    if (raw != NULL)
      g_string_append_len(all, raw + 7, (gssize)(strlen(raw + 7) - strlen("\"}\n")));
  }
  g_assert_cmpstr(all->str, ==, "a\\r\\nb\\r\\nc\\r\\n");
}

static void test_env_keeps_comments(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "ENVIRONMENT", "# mine\nA=1\n\n# other\nB=2\n");
  bench_steps(bench, "[step('env.set', {A: 'x', C: 3})]");
  bench_expect(bench, "");
  g_autofree char *text = bench_read(bench, "ENVIRONMENT");
  g_assert_nonnull(strstr(text, "# mine\nA=x\n\n# other\nB=2\n"));
  g_assert_nonnull(strstr(text, "C=3"));
}

static void test_system_environment_below_the_apps(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "../../ENVIRONMENT", "A=system\nB=system\nEMPTY=\n");
  bench_write(bench, "ENVIRONMENT", "B=app\nPLACE=./data\n");
  bench_steps(bench, "[log(['{{env.A}}', '{{env.B}}', '{{env.PLACE === path.join(cwd, \"data\")}}', "
                     "'{{env.EMPTY || \"unset\"}}'])]");
  bench_expect(bench, "['system','app',true,'unset']\n");
}

static void test_key_file_is_private(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[step('key.set', {'a.com': {token: 's3'}})]");
  g_autofree char *path = g_build_filename(bench->home, "key.json", NULL);
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 0777, ==, 0600);
}

static void test_json_write_is_atomic(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "a.json", "{}");
  g_autofree char *path = bench_path(bench, "a.json");
  struct stat before, after;
  g_assert_cmpint(stat(path, &before), ==, 0);
  bench_steps(bench, "[step('json.set', {'a.json': {x: 1}})]");
  g_assert_cmpint(stat(path, &after), ==, 0);
  g_assert_cmpuint(before.st_ino, !=, after.st_ino); /* a new file in its place, never one being filled */
}

static const char needy[] = "{env: [{key: 'MY_TOKEN', title: 'A token', host: 'models.example'}, {key: "
                            "'OTHER', default: 'd'}], pre: [{env: 'THIRD', title: 'Third'}],"
                            " run: [log(['{{env.MY_TOKEN}}', '{{env.OTHER}}', '{{env.THIRD}}'])]}";

static void test_required_without_a_person(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, needy);
  bench_expect_error(bench, "MY_TOKEN");
  g_assert_nonnull(strstr(bench->error, "OTHER"));
  g_assert_nonnull(strstr(bench->error, "THIRD"));
  g_assert_cmpuint(bench_count(bench, "\"type\":\"step\""), ==, 0);
}

static void test_required_is_asked_and_kept(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->answers = "{\"MY_TOKEN\": \"s3cret\", \"OTHER\": \"o\", \"THIRD\": \"t\"}";
  bench_steps(bench, needy);
  bench_expect(bench, "['s3cret','o','t']\n");
  g_assert_nonnull(strstr(bench->asked, "\"default\":\"d\""));
  g_autofree char *settings = bench_read(bench, "ENVIRONMENT");
  g_assert_nonnull(strstr(settings, "MY_TOKEN=s3cret"));
  bench->answers = NULL; /* it is not asked for again */
  bench_steps(bench, needy);
  bench_expect(bench, "['s3cret','o','t']\n");
  bench_steps(bench, "[log('{{key[\"models.example\"].MY_TOKEN}}')]");
  bench_expect(bench, "'s3cret'\n");
}

static void test_required_is_prefilled_by_host(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[step('key.set', {'models.example': {MY_TOKEN: 'known'}})]");
  bench->answers = "{\"MY_TOKEN\": \"x\", \"OTHER\": \"o\", \"THIRD\": \"t\"}";
  bench_steps(bench, needy);
  bench_expect(bench, NULL);
  g_assert_nonnull(strstr(bench->asked, "\"default\":\"known\""));
}

static void test_required_left_empty(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->answers = "{\"MY_TOKEN\": \"\", \"OTHER\": \"o\", \"THIRD\": \"t\"}";
  bench_steps(bench, needy);
  bench_expect_error(bench, "MY_TOKEN");
}

static void test_required_that_is_set(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "ENVIRONMENT", "A=1\n");
  bench_steps(bench, "{env: [{key: 'A'}], run: [say('runs')]}");
  bench_expect(bench, "runs\n");
}

static void test_environment_template_of_an_app(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "_ENVIRONMENT", "# about it\nMODE=fast\n");
  bench_steps(bench, "[log('{{env.MODE}}')]");
  bench_expect(bench, "'fast'\n");
  g_autofree char *made = bench_read(bench, "ENVIRONMENT");
  g_assert_nonnull(strstr(made, "MODE=fast"));
}

static const char form[] =
    "[step('input', {title: 'T', form: [{key: 't', type: 'text'}, {key: 'e', type: 'email'}, {key: 'p', "
    "type: 'password'},"
    "{key: 'a', type: 'textarea'}, {key: 's', type: 'select', items: [{text: 'One', value: 'one'}]}, {key: "
    "'c', type: 'checkbox'},"
    "{key: 'n', type: 'checkbox'}, {key: 'f', type: 'file'}, {key: 'd', default: 'as told'}]}),"
    "log(['{{_.omit(input, [\"f\"])}}', '{{Buffer.isBuffer(input.f) && input.f.toString()}}'])]";

static void test_input_of_every_type(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "given.txt", "content");
  g_autofree char *file = bench_path(bench, "given.txt");
  g_autofree char *answers =
      g_strdup_printf("{\"t\": \"x\", \"e\": \"a@b\", \"p\": \"pw\", \"a\": \"1\\n2\", \"s\": \"one\", "
                      "\"c\": true, \"n\": false, \"f\": \"%s\"}",
                      file);
  bench->answers = answers;
  bench_steps(bench, form);
  bench_expect(
      bench,
      "[{'t':'x','e':'a@b','p':'pw','a':'1\\n2','s':'one','c':true,'n':false,'d':'as told'},'content']\n");
  g_assert_cmpuint(bench_count(bench, "\"type\":\"input\""), ==, 1);
  g_assert_nonnull(strstr(bench->asked, "\"title\":\"T\""));
}

static void test_input_without_a_person(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, form);
  bench_expect_error(bench, "--answers");
}

static void test_input_required(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->answers = "{\"k\": \"\"}";
  bench_steps(bench, "[step('input', {form: [{key: 'k', required: true}]}), say('after')]");
  bench_expect_error(bench, "'k'");
}

static void test_old_input_that_shows(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[step('input', {type: 'notify', title: 'done'}), say('on')]");
  bench_expect(bench, "on\n");
}

static void test_web_events(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(
      bench,
      "[step('web.open', {uri: 'http://x', target: '_blank'}), step('browser.open', {uri: 'http://y'}),"
      "step('proxy.start', {uri: 'http://z'}), step('web.close', {uri: 'http://x'}), say('on')]");
  bench_expect(bench, NULL);
  g_assert_cmpuint(bench_count(bench, "\"type\":\"open\""), ==, 2);
  g_assert_nonnull(strstr(bench->printed->str, "proxy.start"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/values/memory", memory_cases, G_N_ELEMENTS(memory_cases));
  bench_add_cases("/values/json", json_cases, G_N_ELEMENTS(json_cases));
  bench_add_cases("/values/log", log_cases, G_N_ELEMENTS(log_cases));
  bench_add_cases("/values/key", key_cases, G_N_ELEMENTS(key_cases));
  bench_add_cases("/values/env", env_cases, G_N_ELEMENTS(env_cases));
  g_test_add_func("/values/log-has-crlf", test_log_has_crlf);
  g_test_add_func("/values/env-keeps-comments", test_env_keeps_comments);
  g_test_add_func("/values/system-environment-below-the-apps", test_system_environment_below_the_apps);
  g_test_add_func("/values/key-file-is-private", test_key_file_is_private);
  g_test_add_func("/values/json-write-is-atomic", test_json_write_is_atomic);
  g_test_add_func("/values/required-without-a-person", test_required_without_a_person);
  g_test_add_func("/values/required-is-asked-and-kept", test_required_is_asked_and_kept);
  g_test_add_func("/values/required-is-prefilled-by-host", test_required_is_prefilled_by_host);
  g_test_add_func("/values/required-left-empty", test_required_left_empty);
  g_test_add_func("/values/required-that-is-set", test_required_that_is_set);
  g_test_add_func("/values/environment-template-of-an-app", test_environment_template_of_an_app);
  g_test_add_func("/values/input-of-every-type", test_input_of_every_type);
  g_test_add_func("/values/input-without-a-person", test_input_without_a_person);
  g_test_add_func("/values/input-required", test_input_required);
  g_test_add_func("/values/old-input-that-shows", test_old_input_that_shows);
  g_test_add_func("/values/web-events", test_web_events);
  return g_test_run();
}
