/* kernel and info as scripts see them, and the list of methods (specification, section 4). */
#include <glib/gstdio.h>
#include <string.h>

#include "run-harness.h"
#include "test_server.h"

/* js(body) is a step whose function gets kernel and info's place; what it gives is logged. */
#define JS(body) "[{method: async (req, ondata, kernel) => { " body " }}, log('{{input}}')]"

static const BenchCase kernel_cases[] = {
    {"platform", JS("return [kernel.platform, kernel.arch === (process.arch), kernel.homedir.length > 0]"),
     "['linux',true,true]\n"},
    {"machine",
     JS("return [typeof kernel.gpu, Array.isArray(kernel.gpus), typeof kernel.vram, typeof kernel.ram, "
        "kernel.ram > 0]"),
     "['string',true,'number','number',true]\n"},
    {"gpu-names-are-there",
     JS("return ['gpu_model', 'gpu_driver', 'gpu_target', 'memory', 'sysinfo', 'i'].every((k) => k in "
        "kernel)"),
     "true\n"},
    {"envs-and-env",
     JS("return [kernel.envs.PATH === kernel.env('PATH'), kernel.env('NO_SUCH_NAME') === undefined]"),
     "[true,true]\n"},
    {"path", JS("return kernel.path('api', 'app') === __dirname"), "true\n"},
    {"exists", JS("return [await kernel.exists('api', 'app', 'main.js'), await kernel.exists('none')]"),
     "[true,false]\n"},
    {"which", JS("return [kernel.which('bash').endsWith('/bash'), kernel.which('no-such-program')]"),
     "[true,null]\n"},
    {"port",
     JS("const a = await kernel.port(), b = await kernel.port(); return a > 1024 && b > 1024 && a !== b"),
     "true\n"},
    {"exec-with-ondata",
     JS("let raw = ''; const r = await kernel.exec({message: 'echo $((40+2))', path: __dirname}, (e) => { if "
        "(e.raw) raw += e.raw });"
        "return [raw.includes('42'), r.stdout.includes('42'), r.exit_code]"),
     "[true,true,0]\n"},
    {"exec-that-breaks",
     JS("try { await kernel.exec({message: 'echo error: bad'}, () => {}) } catch (e) { return "
        "e.message.includes('error:') }"),
     "true\n"},
    {"require-and-load",
     JS("return [(await kernel.require(__dirname + '/other.js')).a, (await "
        "kernel.load('api/app/other.js')).a]"),
     "[1,1]\n", NULL, "other.js", "module.exports = {a: 1}"},
    {"require-and-load-parts-of-a-path",
     JS("return [(await kernel.require(__dirname, 'other.js')).a, (await kernel.load('api', 'app', "
        "'other.js')).a, await kernel.require(__dirname, 'none.json'), await kernel.load('none.json')]"),
     "[1,1,null,null]\n", NULL, "other.js", "module.exports = {a: 1}"},
    {"loader",
     JS("return [(await kernel.loader.load(__dirname + '/v.json')).resolved, (await "
        "kernel.loader.load('/none.js')).resolved]"),
     "[{'b':2},null]\n", NULL, "v.json", "{\"b\": 2}"},
    {"memory-local",
     "[step('local.set', {a: 1}), {method: (r, o, kernel) => kernel.memory.local[__filename].a}, "
     "log('{{input}}')]",
     "1\n"},
    {"script-local",
     "[step('local.set', {a: 1}), step('global.set', {b: 2}), {method: (r, o, kernel) => "
     "[kernel.script.local(__filename).a,"
     "kernel.script.global(__filename).b, kernel.script.running(__filename), "
     "kernel.script.ready(__filename)]}, log('{{input}}')]",
     "[1,2,true,false]\n"},
    {"script-resolve",
     JS("return [kernel.script.resolve(__dirname, 'x') === __dirname + '/x', kernel.script.exists(__dirname, "
        "'main.js'),"
        "kernel.script.exists('https://example.com/none.git')]"),
     "[true,true,false]\n"},
    {"status-and-running",
     JS("return [kernel.status(__filename), kernel.status('/none'), kernel.running(__dirname, 'main.js')]"),
     "[true,false,true]\n"},
    {"api",
     JS("return [kernel.api.running[__filename], kernel.api.filePath('x', __dirname) === __dirname + '/x',"
        "kernel.api.resolvePath(__dirname, 'y') === __dirname + '/y', "
        "kernel.api.filePath('~/z').endsWith('/z')]"),
     "[true,true,true,true]\n"},
    {"bin", JS("return kernel.bin.path('uv') === kernel.path('bin', 'uv')"), "true\n"},
    {"template", JS("return kernel.template.render({a: '{{x + 1}}'}, {x: 1})"), "{'a':2}\n"},
    {"system",
     JS("const g = await kernel.system.graphics(), o = await kernel.system.osInfo(); return "
        "[Array.isArray(g.controllers), o.platform]"),
     "[true,'linux']\n"},
    {"shell-run",
     JS("return (await kernel.shell.run({message: 'echo a$((1+1))'}, {cwd: __dirname}, () => "
        "{})).stdout.trim()"),
     "'a2'\n"},
    {"shell-that-stays",
     JS("const id = await kernel.shell.start({id: 'k'}, {}, () => {}); await kernel.shell.enter({id, "
        "message: 'A=7'});"
        "const e = await kernel.shell.enter({id, message: 'echo \"<$A>\"', on: [{event: '/<7>/'}]}); await "
        "kernel.shell.stop({id}); return e.matches[0][0]"),
     "'<7>'\n"},
    {"shell-resolve", JS("return [kernel.shell.resolve({id: 'x'}), kernel.shell.resolve({}) || 'none']"),
     "['x','none']\n"},
    {"unknown-name", JS("return kernel.no_such_thing"), "", "no_such_thing"},
    {"unknown-name-inside", JS("return kernel.api.no_such_thing()"), "", "kernel.api.no_such_thing"},
    {"two-at-once",
     JS("const [a, b] = await Promise.all([kernel.exec({message: 'echo one'}), kernel.exec({message: 'echo "
        "two'})]);"
        "return [a.stdout.trim(), b.stdout.trim()]"),
     "['one','two']\n"},
};

#define INFO(body)                                                                                           \
  "{run: (kernel, info) => { const v = (() => { " body " })(); return [{method: 'log', params: {json: v}}] " \
  "}}"

static const BenchCase info_cases[] = {
    {"path-and-exists",
     INFO("return [info.path('a') === __dirname + '/a', info.exists('main.js'), info.exists('none')]"),
     "[true,true,false]\n"},
    {"running-and-ready",
     INFO("return [info.running('main.js'), info.running('none.js'), info.ready('none.js')]"),
     "[true,false,false]\n"},
    {"local-and-global", INFO("return [info.local('none.js'), info.global('none.js')]"), "[{},{}]\n"},
    {"unknown-name", INFO("return info.no_such_thing"), "", "info.no_such_thing"},
};

static const BenchCase module_cases[] = {
    {"node-modules",
     JS("const names = 'path os fs fs/promises child_process util events url crypto http https buffer stream "
        "timers assert querystring zlib'.split(' ');"
        "return names.filter((n) => { try { return require(n) !== require('node:' + n) } catch { return true "
        "} })"),
     "[]\n"},
    {"missing-module-names-both", "require('no-such-module')", "", "no-such-module"},
    {"json-beside", JS("return require('./v.json').b"), "2\n", NULL, "v.json", "{\"b\": 2}"},
    {"globals",
     JS("return [typeof Buffer, typeof fetch, typeof setTimeout, typeof process.env, typeof URL, typeof "
        "structuredClone, typeof TextDecoder]"),
     "['function','function','function','object','function','function','function']\n"},
    {"child-process", JS("return require('child_process').execSync('echo hi').toString().trim()"), "'hi'\n"},
    {"engine-is-hidden", JS("try { require('pino:world') } catch (e) { return 'hidden' }"), "'hidden'\n"},
};

/* --- kernel.download ---- */

static void test_download(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *url = test_server_url(server, "/hello");
  g_autofree char *script =
      g_strdup_printf("[{method: async (r, o, kernel) => { await kernel.download({uri: '%s', path: __dirname "
                      "+ '/got'}, () => {});"
                      "return require('fs').readFileSync(__dirname + '/got', 'utf8') }}, log('{{input}}')]",
                      url);
  bench_steps(bench, script);
  bench_expect(bench, NULL);
  g_assert_true(g_str_has_suffix(bench->printed->str, "'hello'\n"));
}

/* --- the methods that section 4 names ---- */

static const char *const methods[] = {
    "shell.run",
    "shell.start",
    "shell.enter",
    "shell.write",
    "shell.stop",
    "exec",
    "input",
    "modal",
    "htmlmodal.open",
    "htmlmodal.update",
    "htmlmodal.close",
    "loading.start",
    "loading.end",
    "filepicker.open",
    "fs.write",
    "fs.append",
    "fs.read",
    "fs.rm",
    "fs.remove",
    "fs.copy",
    "fs.move",
    "fs.exists",
    "fs.make",
    "fs.download",
    "fs.link",
    "fs.share",
    "fs.open",
    "fs.cat",
    "jump",
    "goto",
    "local.set",
    "global.set",
    "local.rm",
    "global.rm",
    "local.import",
    "import",
    "load",
    "set",
    "rm",
    "self.set",
    "self.rm",
    "json.set",
    "json.rm",
    "json.get",
    "json.merge",
    "key.set",
    "key.get",
    "env.set",
    "env.switch",
    "log",
    "net",
    "notify",
    "push",
    "process.wait",
    "script.start",
    "script.run",
    "script.stop",
    "script.restart",
    "script.return",
    "script.ready",
    "script.status",
    "script.download",
    "web.open",
    "web.close",
    "web.expose",
    "browser.open",
    "browser.close",
    "uri.open",
    "tab.open",
    "app.launch",
    "app.search",
    "app.info",
    "app.refresh",
    "hf.login",
    "hf.logout",
    "hf.download",
    "hf.upload",
    "github.create",
    "github.fork",
    "gradio.predict",
    "cloudflare.tunnel",
    "cloudflare.stop",
    "proxy.start",
    "proxy.stop",
    "clipboard.copy",
    "clipboard.paste",
    "terminal.upload",
};

/* They may not say that they are to come. */
static const char *const present[] = {
    "shell.run",
    "shell.start",
    "shell.enter",
    "shell.write",
    "shell.stop",
    "exec",
    "fs.write",
    "fs.append",
    "fs.read",
    "fs.rm",
    "fs.remove",
    "fs.copy",
    "fs.make",
    "fs.cat",
    "fs.download",
    "jump",
    "goto",
    "local.set",
    "local.rm",
    "global.set",
    "global.rm",
    "set",
    "rm",
    "self.set",
    "self.rm",
    "json.set",
    "json.rm",
    "json.get",
    "json.merge",
    "key.set",
    "key.get",
    "env.set",
    "env.switch",
    "load",
    "import",
    "local.import",
    "log",
    "net",
    "notify",
    "push",
    "process.wait",
    "script.start",
    "script.run",
    "script.stop",
    "script.return",
    "script.ready",
    "script.status",
    "script.download",
    "script.restart",
    "input",
    "fs.link",
    "fs.share",
    "hf.download",
    "web.open",
    "web.close",
    "web.expose",
    "browser.open",
    "browser.close",
    "uri.open",
    "tab.open",
    "cloudflare.tunnel",
    "cloudflare.stop",
    NULL,
};

/* Nothing, but where nothing means for ever. */
static const char *params_for(const char *method) {
  if (g_str_equal(method, "process.wait"))
    return "{sec: 0.01}";
  return g_str_equal(method, "script.restart") ? "{uri: 'none.js'}" : "{}";
}

static void test_method(gconstpointer name) {
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *script =
      g_strdup_printf("[step('%s', %s), say('on')]", (const char *)name, params_for(name));
  bench_steps(bench, script);
  if (bench->outcome != PINO_OUTCOME_ERROR)
    return;
  g_autofree char *to_come = g_strdup_printf("not available yet: %s", (const char *)name);
  g_assert_null(strstr(bench->error, "there is no method"));
  g_assert_null(strstr(bench->error, "TypeError"));
  if (g_strv_contains(present, name))
    g_assert_cmpstr(bench->error, !=, to_come);
}

static void test_to_come_says_so(void) {
  g_autoptr(Bench) bench = bench_new();
  for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
    g_autofree char *script = g_strdup_printf("[step('%s', %s)]", methods[i], params_for(methods[i]));
    bench_steps(bench, script);
    if (bench->error != NULL && strstr(bench->error, "not available") != NULL) {
      g_autofree char *wanted = g_strdup_printf("not available yet: %s", methods[i]);
      g_assert_cmpstr(bench->error, ==, wanted);
    }
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/kernel", kernel_cases, G_N_ELEMENTS(kernel_cases));
  bench_add_cases("/info", info_cases, G_N_ELEMENTS(info_cases));
  bench_add_cases("/modules", module_cases, G_N_ELEMENTS(module_cases));
  g_test_add_func("/kernel/download", test_download);
  for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
    g_autofree char *path = g_strconcat("/methods/", methods[i], NULL);
    g_test_add_data_func(path, methods[i], test_method);
  }
  g_test_add_func("/methods/to-come-says-so", test_to_come_says_so);
  return g_test_run();
}
