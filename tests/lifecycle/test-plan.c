/* What the plan makes of steps as apps write them: which would run, and what each would do. */
#include <string.h>

#include "plan-bench.h"

/* --- the flow ---- */

static void test_plain(PlanBench *bench, gconstpointer data) {
  plan_steps(bench,
             "[{method: 'shell.run', params: {message: ['git clone https://github.com/owner/thing app']}},"
             " {method: 'shell.run', params: {venv: 'env', path: 'app', message: ['uv pip install gradio', "
             "'uv pip install -r requirements.txt']}},"
             " {method: 'notify', params: {html: '<b>Click</b> start'}}]");
  plan_expect(bench, "1 Clone owner/thing into app\n"
                     "2 Install gradio, what app/requirements.txt lists with uv\n"
                     "3 Say: Click start\n");
  g_assert_cmpstr(plan_text_of(bench->plan, "script"), ==, "install.js");
  g_assert_cmpstr(plan_text_of(plan_step(bench, "1"), "kind"), ==, "clone");
  g_assert_cmpstr(plan_text_of(plan_step(bench, "2"), "kind"), ==, "pip");
  g_assert_cmpint(plan_bytes(bench, "https://github.com/owner/thing"), ==, -1);
  g_assert_cmpint(json_object_get_int_member(plan_part(bench, "clone"), "files"), ==, 2);
}

/* As the launchers of the catalog choose the build of torch. */
static const char torch[] =
    "module.exports = {run: ["
    "{when: \"{{platform === 'win32'}}\", method: 'shell.run', params: {message: 'uv pip install "
    "torch-directml'}, "
    "next: null},"
    "{when: \"{{platform === 'linux' && gpu === 'nvidia'}}\", method: 'shell.run', params: {venv: \"{{args "
    "&& args.venv "
    "? args.venv : null}}\", path: \"{{args && args.path ? args.path : '.'}}\", message: [\"uv pip install "
    "torch==2.7.0 "
    "{{args && args.xformers ? 'xformers' : ''}} --index-url https://download.pytorch.org/whl/cu128\", "
    "\"{{args && "
    "args.triton ? 'uv pip install triton' : ''}}\"]}, next: null},"
    "{when: \"{{platform === 'linux' && gpu === 'amd'}}\", method: 'shell.run', params: {message: 'uv pip "
    "install "
    "torch==2.7.0 --index-url https://download.pytorch.org/whl/rocm6.3'}, next: null},"
    "{method: 'shell.run', params: {message: 'uv pip install torch==2.7.0 --index-url "
    "https://download.pytorch.org/whl/cpu'}}]}";

static void test_gpu_variants(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "torch.js", torch);
  plan_steps(bench, "[{method: 'script.start', params: {uri: 'torch.js', params: {venv: 'env', path: 'app', "
                    "xformers: true}}}]");
  bench->spec.machine.gpu = "nvidia";
  plan_expect(bench, "1 Run torch.js\n1.2 Install torch 2.7.0, xformers (CUDA 12.8) with uv\n");
  g_assert_cmpstr(plan_text_of(plan_item(bench, "torch 2.7.0"), "variant"), ==, "cu128");
  g_assert_true(json_object_get_boolean_member(plan_item(bench, "torch 2.7.0"), "estimate"));
  g_assert_cmpint(plan_bytes(bench, "torch 2.7.0"), >, 2000000000);
  bench->spec.machine.gpu = "amd";
  plan_expect(bench, "1 Run torch.js\n1.3 Install torch 2.7.0 (ROCm 6.3) with uv\n");
  bench->spec.machine.gpu = "none";
  plan_expect(bench, "1 Run torch.js\n1.4 Install torch 2.7.0 (CPU) with uv\n");
  g_assert_cmpint(plan_bytes(bench, "torch 2.7.0"), <, 300000000);
  g_assert_cmpstr(plan_text_of(plan_part(bench, "needs"), "gpu"), ==, "any");
}

static void test_functions(PlanBench *bench, gconstpointer data) {
  plan_steps(bench, "0");
  plan_put(bench, "install.js",
           "module.exports = async (kernel, info) => ({run: async (k, i, context) => [{method: 'shell.run', "
           "params: "
           "{message: kernel.gpu === 'nvidia' ? 'pip install fast' : 'pip install slow'}}, {method: async "
           "(req, ondata, "
           "kernel) => {}}, {uri: './own.js', method: 'prepare'}]})");
  plan_expect(bench, "1 Install slow with pip\n2 Run the app's own code\n"
                     "3 Run the app's own code (prepare of ./own.js)\n");
  bench->spec.machine.gpu = "nvidia";
  plan_make(bench);
  g_assert_cmpstr(plan_text_of(plan_step(bench, "1"), "text"), ==, "Install fast with pip");
  g_assert_cmpint(json_object_get_int_member(plan_part(bench, "downloads"), "programs"), ==, 2);
}

static void test_json_script(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "pinokio.js", "module.exports = {menu: [{html: 'Install', href: 'install.json'}]}");
  plan_put(bench, "install.json",
           "{\"cmds\": {\"linux\": \"pip install one\"}, \"run\": [{\"method\": \"shell.run\", \"params\": "
           "{\"message\": "
           "\"{{self.cmds[platform]}}\"}}]}");
  plan_expect(bench, "1 Install one with pip\n");
}

static void test_what_is_unsure(PlanBench *bench, gconstpointer data) {
  plan_steps(
      bench,
      "[{method: 'input', params: {title: 'Which?', form: [{key: 'big', title: 'Big'}]}},"
      " {when: '{{input.big}}', method: 'fs.download', params: {uri: 'https://example.com/big.bin', dir: "
      "'models'}},"
      " {when: '{{local.mode}}', method: 'log', params: {raw: 'never: nothing sets it'}},"
      " {method: 'shell.run', params: {message: 'uname'}, returns: 'local.mode'},"
      " {when: '{{local.mode.stdout}}', method: 'log', params: {raw: 'perhaps'}},"
      " {method: 'local.set', params: {kind: 'a'}},"
      " {when: \"{{local.kind === 'a'}}\", method: 'log', params: {raw: 'surely'}},"
      " {when: '{{no.such.name}}', method: 'log', params: {raw: 'it throws'}},"
      " {method: 'shell.run', params: {message: 'ollama pull {{local.mode.name}}'}}]");
  plan_expect(bench, "1 Ask: Which?\n2 ? Download big.bin from example.com to models\n4 Run uname\n"
                     "5 ? Say: perhaps\n6 Set kind\n7 Say: surely\n8 ? Say: it throws\n"
                     "9 Run a command that is known only then: ollama pull {{local.mode.name}}\n");
}

static void test_jumps(PlanBench *bench, gconstpointer data) {
  plan_steps(bench, "[{method: 'jump', params: {id: \"{{gpu === 'nvidia' ? 'cuda' : 'cpu'}}\"}},"
                    " {id: 'cuda', method: 'log', params: {raw: 'cuda'}, next: 'end'},"
                    " {id: 'cpu', method: 'log', params: {raw: 'cpu'}},"
                    " {id: 'end', method: 'input', params: {form: [{key: 'go'}]}},"
                    " {method: 'jump', params: {id: \"{{input.go ? 'one' : 'two'}}\"}},"
                    " {id: 'one', method: 'log', params: {raw: 'one'}, next: 'last'},"
                    " {id: 'two', method: 'log', params: {raw: 'two'}, next: 'last'},"
                    " {id: 'last', method: 'log', params: {raw: 'last'}, next: null},"
                    " {method: 'log', params: {raw: 'never'}}]");
  plan_expect(bench,
              "1 Go on elsewhere\n3 Say: cpu\n4 Ask: go\n5 Go on elsewhere\n6 ? Say: one\n7 ? Say: two\n"
              "8 Say: last\n");
  bench->spec.machine.gpu = "nvidia";
  plan_make(bench);
  g_assert_cmpstr(plan_text_of(plan_step(bench, "2"), "when"), ==, "yes");
  g_assert_cmpstr(plan_text_of(plan_step(bench, "3"), "when"), ==, "no");
}

/* Whether a way is taken is not known, but both ways lead on to the same step. */
static void test_ways_join(PlanBench *bench, gconstpointer data) {
  plan_steps(bench, "[{method: 'input', params: {form: [{key: 'a'}]}},"
                    " {when: '{{input.a}}', method: 'log', params: {raw: 'a'}, next: 'end'},"
                    " {method: 'log', params: {raw: 'b'}},"
                    " {id: 'end', method: 'log', params: {raw: 'end'}},"
                    " {when: '{{exists(\"x\")}}', method: 'jump', params: {id: 'end'}},"
                    " {method: 'log', params: {raw: 'after the loop'}}]");
  plan_expect(bench, "1 Ask: a\n2 ? Say: a\n3 ? Say: b\n4 Say: end\n6 Say: after the loop\n");
}

static void test_files_that_steps_make(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "here.txt", "x");
  plan_steps(bench, "[{when: \"{{exists('app')}}\", method: 'log', params: {raw: 'too early'}},"
                    " {method: 'shell.run', params: {message: 'git clone https://example.com/o/app'}},"
                    " {when: \"{{exists('app')}}\", method: 'log', params: {raw: 'cloned'}},"
                    " {when: \"{{exists('app/data')}}\", method: 'log', params: {raw: 'who knows'}},"
                    " {when: \"{{!exists('app')}}\", method: 'log', params: {raw: 'never'}},"
                    " {when: \"{{exists('here.txt')}}\", method: 'log', params: {raw: 'here'}}]");
  plan_expect(bench, "2 Clone example.com/o/app into app\n3 Say: cloned\n4 ? Say: who knows\n6 Say: here\n");
}

/* --- scripts that scripts start ---- */

static void test_cycle(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "other.js",
           "module.exports = {run: [{method: 'script.start', params: {uri: 'install.js'}}, {method: "
           "'log', params: {raw: 'x'}}]}");
  plan_steps(bench, "[{method: 'script.start', params: {uri: 'other.js'}}]");
  plan_expect(bench, "1 Run other.js\n1.1 Run install.js\n1.2 Say: x\n");
}

static void test_scripts_elsewhere(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "bad.js", "module.exports = {run: [");
  plan_steps(bench, "[{method: 'script.start', params: {uri: 'app/inner.js'}},"
                    " {method: 'script.start', params: {uri: 'https://github.com/o/peer.git/start.js'}},"
                    " {method: 'script.start', params: {uri: 'bad.js'}},"
                    " {when: '{{false}}', method: 'script.start', params: {uri: 'bad.js'}}]");
  plan_expect(bench,
              "1 Run app/inner.js (not here yet)\n2 Clone and run https://github.com/o/peer.git/start.js\n"
              "3 Run bad.js\n");
  g_assert_true(plan_says(bench, "bad.js cannot be read: "));
}

static void test_arguments(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "inner.js",
           "module.exports = {run: [{method: 'fs.download', params: {uri: \"{{'https://example.com/' + "
           "input.file}}\", "
           "dir: '{{input.path}}'}}, {when: '{{args.fast}}', method: 'log', params: {raw: 'fast'}}, {when: "
           "'{{args.path}}', method: 'log', params: {raw: 'path'}}]}");
  plan_steps(bench,
             "[{method: 'input', params: {form: [{key: 'fast'}]}},"
             " {method: 'script.start', params: {uri: 'inner.js?file=a.bin', params: {path: 'models', fast: "
             "'{{input.fast}}'}}}]");
  plan_expect(bench,
              "1 Ask: fast\n2 Run inner.js\n2.1 Download a.bin from example.com to models\n2.2 ? Say: fast\n"
              "2.3 Say: path\n");
}

static void test_install_input(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "pinokio.js",
           "module.exports = {menu: [{text: 'Install', href: 'install.js', params: {model: 'm1'}}]}");
  plan_put(bench, "install.js",
           "module.exports = {run: [{method: 'shell.run', params: {message: 'hf download o/r "
           "{{input.model}}'}}]}");
  plan_expect(bench, "1 Download m1 of o/r from Hugging Face\n");
  bench->spec.input = "{\"model\": \"m2\"}";
  plan_expect(bench, "1 Download m2 of o/r from Hugging Face\n");
}

static void test_settings(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "_ENVIRONMENT", "# what to fetch\nAUTO=true\nEMPTY=\n");
  plan_put(bench, "install.js",
           "module.exports = {env: [{key: 'THE_TOKEN', host: 'example.com'}], run: [{when: "
           "\"{{env.AUTO === 'true'}}\", method: 'log', params: {raw: 'auto'}}, {when: "
           "'{{env.EMPTY}}', method: 'log', params: {raw: 'never'}}]}");
  plan_launcher(bench, "");
  plan_expect(bench, "0 Ask for THE_TOKEN\n1 Say: auto\n");
}

static void test_nothing_is_done(PlanBench *bench, gconstpointer data) {
  plan_steps(
      bench,
      "[{method: 'fs.write', params: {path: 'written', text: 'x'}},"
      " {method: 'shell.run', params: {message: 'touch touched', path: 'made', venv: 'env'}},"
      " {method: async () => require('fs').writeFileSync(__dirname + '/called', '')},"
      " {when: \"{{kernel.exec({message: 'touch ' + dirname + '/run'})}}\", method: 'log', params: {}},"
      " {method: 'self.set', params: {'set.json': {a: 1}}}]");
  g_autofree char *before = g_strdup_printf("%u", test_count(&bench->dir, "api/app"));
  plan_make(bench);
  g_autofree char *after = g_strdup_printf("%u", test_count(&bench->dir, "api/app"));
  g_assert_cmpstr(before, ==, after);
}

/* The facts of another GPU are only lent to the scripts. */
static void test_facts_come_back(PlanBench *bench, gconstpointer data) {
  static const char steps[] =
      "[{when: \"{{gpu === 'nvidia' && vram > 0 && gpus.length === 1}}\", method: 'log', params: "
      "{raw: 'lent'}}, {method: 'log', params: {raw: '{{gpu}} {{gpus.length}}'}}]";
  plan_steps(bench, steps);
  bench->spec.machine.gpu = NULL;
  plan_make(bench);
  g_autofree char *before = plan_outline(bench);
  bench->spec.machine.gpu = "nvidia";
  plan_expect(bench, "1 Say: lent\n2 Say: nvidia 1\n");
  bench->spec.machine.gpu = "none"; /* the last that it tries is then another one */
  plan_make(bench);
  bench->spec.machine.gpu = NULL;
  plan_expect(bench, before);
}

/* --- commands ---- */

typedef struct {
  const char *message, *text, *kind, *item; /* item: of the first thing that is fetched, NULL: nothing is */
} Case;

static const Case commands[] = {
    {"git clone --depth 1 -b main https://github.com/o/r.git there", "Clone o/r into there", "clone",
     "https://github.com/o/r.git"},
    {"git clone --recurse-submodules git@github.com:o/r.git",
     "Clone git@github.com:o/r and what it includes into r", "clone", "git@github.com:o/r.git"},
    {"git clone https://huggingface.co/spaces/o/r app", "Clone huggingface.co/spaces/o/r into app", "clone",
     "https://huggingface.co/spaces/o/r"},
    {"git -C app pull", "Run git -C app pull", "git", NULL},
    {"cd app && git submodule update --init", "Clone what the repository includes (submodules)", "clone",
     "submodules"},
    {"pip install 'gradio>=4' \"numpy<2\" foo[bar]==1.0",
     "Install gradio >=4, numpy <2, foo[bar] 1.0 with pip", "pip", "gradio >=4"},
    {"python3 -m pip install --upgrade pip setuptools", "Install pip, setuptools with pip", "pip", "pip"},
    {"pip install torch==2.3.1+cu121 -f https://download.pytorch.org/whl/torch_stable.html",
     "Install torch 2.3.1+cu121 (CUDA 12.1) with pip", "pip", "torch 2.3.1+cu121"},
    {"pip install --pre torch --index-url https://download.pytorch.org/whl/nightly/cu128",
     "Install torch (CUDA 12.8) with pip", "pip", "torch"},
    {"uv pip install torch --torch-backend=cpu", "Install torch (CPU) with uv", "pip", "torch"},
    {"uv pip install -r ../here.txt --no-deps", "Install ../here.txt (4 packages) with uv", "pip",
     "../here.txt (4 packages)"},
    {"pip install git+https://github.com/o/r.git@v1 .", "Install o/r, . with pip", "pip",
     "https://github.com/o/r"},
    {"pip install https://example.com/w/fast-1.0-py3-none-any.whl",
     "Install fast-1.0-py3-none-any.whl with pip", "pip", "https://example.com/w/fast-1.0-py3-none-any.whl"},
    {"pip uninstall -y torch", "Run pip uninstall -y torch", "shell", NULL},
    {"uv venv --python 3.11 env", "Make the Python environment env with uv", "venv", NULL},
    {"python -m venv env", "Make the Python environment env with venv", "venv", NULL},
    {"conda create -y -p cenv python=3.10", "Make the conda environment cenv with python=3.10", "conda",
     "python=3.10"},
    {"conda install -y -c conda-forge ffmpeg sox", "Install ffmpeg, sox with conda", "conda", "ffmpeg"},
    {"conda env create -f environment.yml", "Make the conda environment  from environment.yml", "conda",
     "environment.yml"},
    {"npm ci", "Install what package.json lists with npm", "npm", "package.json"},
    {"npm install -g n8n", "Install n8n for all with npm", "npm", "n8n"},
    {"yarn", "Install what package.json lists with yarn", "npm", "package.json"},
    {"pnpm add vite", "Install vite with pnpm", "npm", "vite"},
    {"npm run build", "Run npm run build", "shell", NULL},
    {"npx --yes tool@1", "Fetch and run tool@1 with npx", "npm", "tool@1"},
    {"sudo apt-get install -y libgl1 ffmpeg", "Install the system packages libgl1, ffmpeg with apt-get",
     "apt", "libgl1"},
    {"apt update", "Run apt update", "apt", NULL},
    {"brew install htop", "Install the system packages htop with brew", "brew", "htop"},
    {"wget -q https://example.com/a/model.bin -O m.bin", "Download model.bin from example.com", "download",
     "https://example.com/a/model.bin"},
    {"curl -L -o x.zip 'https://example.com/x.zip?download=true'", "Download x.zip from example.com",
     "download", "https://example.com/x.zip?download=true"},
    {"curl -s https://example.com/y > y", "Download y from example.com", "download", "https://example.com/y"},
    {"curl -s https://example.com/health", "Run curl -s https://example.com/health", "shell", NULL},
    {"curl -fsSL https://example.com/get.sh | sh", "Fetch example.com/get.sh and run it", "shell", NULL},
    {"hf download o/r a.bin b.bin --local-dir models", "Download a.bin, b.bin of o/r from Hugging Face", "hf",
     "o/r (a.bin, b.bin)"},
    {"huggingface-cli download o/r --include '*.json'", "Download *.json of o/r from Hugging Face", "hf",
     "o/r (*.json)"},
    {"ollama pull llama3", "Download the model llama3 with ollama", "download", "llama3"},
    {"playwright install", "Download browsers with playwright", "download", "browsers"},
    {"mkdir -p a b", "Run mkdir -p a b", "file", NULL},
    {"HF_HOME=x python setup.py --full # all", "Run python setup.py --full", "run", NULL},
    {"node --version", "Look at the version of node", "check", NULL},
    {"echo 'a; b' && pip install one; pip install two", "Run echo a; b; Install one, two with pip", "pip",
     "one"},
    {"eval \"$(conda shell.bash hook)\" && pip install one",
     "Run eval $(conda shell.bash hook); Install one with pip", "pip", "one"},
    {"pip install one \\\n  two", "Install one, two with pip", "pip", "one"},
};

static const char *first_item(JsonObject *step) {
  JsonArray *items = json_object_get_array_member(step, "items");
  return json_array_get_length(items) > 0 ? plan_text_of(json_array_get_object_element(items, 0), "what")
                                          : NULL;
}

static void test_commands(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "here.txt",
           "one\ntwo==1 # pinned\n\nthree; sys_platform == 'win32'\n--extra-index-url "
           "https://download.pytorch.org/whl/cu121\ntorch\n");
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
    g_autoptr(JsonNode) message = json_node_init_string(json_node_alloc(), commands[i].message);
    g_autofree char *quoted = json_to_string(message, FALSE);
    g_autofree char *steps =
        g_strdup_printf("[{method: 'shell.run', params: {path: '%s', message: %s}}]",
                        strstr(commands[i].message, "../") != NULL ? "sub" : ".", quoted);
    plan_steps(bench, steps);
    plan_make(bench);
    JsonObject *step = plan_step(bench, "1");
    g_test_message("%s", commands[i].message);
    const char *wanted = g_str_has_prefix(commands[i].text, "Install ../here.txt")
                             ? "Install here.txt (4 packages) (CUDA 12.1) with uv"
                             : commands[i].text;
    g_assert_cmpstr(plan_text_of(step, "text"), ==, wanted);
    g_assert_cmpstr(plan_text_of(step, "kind"), ==, commands[i].kind);
    if (strstr(commands[i].message, "../") == NULL)
      g_assert_cmpstr(first_item(step), ==, commands[i].item);
  }
}

static void test_requirements_file(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "req/base.txt",
           "-r more.txt\nnumpy\nonnxruntime-gpu==1.20\ntorch==2.5.1 ; platform_system == "
           "'Darwin'\n");
  plan_put(bench, "req/more.txt", "-r base.txt\nTensorFlow>=2\n");
  plan_steps(bench, "[{method: 'shell.run', params: {message: 'pip install -r req/base.txt'}}]");
  plan_expect(bench, "1 Install req/base.txt (4 packages) with pip\n");
  g_assert_cmpint(plan_bytes(bench, "tensorflow >=2"), >, 500000000);
  g_assert_cmpstr(plan_text_of(plan_item(bench, "onnxruntime-gpu 1.20"), "variant"), ==, "cuda");
}

/* An index may come through the environment of the step, packages may come twice. */
static void test_torch_twice(PlanBench *bench, gconstpointer data) {
  plan_steps(bench,
             "[{method: 'shell.run', params: {env: {UV_INDEX: 'https://download.pytorch.org/whl/cu124'}, "
             "message: ['uv pip install torch==2.5.1', 'uv pip install torch==2.5.1 nvidia-cublas-cu12']}}]");
  plan_make(bench);
  g_assert_cmpint(json_object_get_int_member(plan_part(bench, "downloads"), "estimated"), ==, 3000000000);
  g_assert_cmpint(plan_bytes(bench, "nvidia-cublas-cu12"), ==, 0);
}

static void test_methods(PlanBench *bench, gconstpointer data) {
  plan_steps(
      bench,
      "[{method: 'fs.link', params: {drive: {models: 'app/models', out: 'app/out'}}},"
      " {method: 'fs.share', params: {venv: 'app/env'}},"
      " {method: 'fs.download', params: {url: ['https://a.example/x.bin', 'https://a.example/y%20z.bin', "
      "'https://b.example/z'], path: 'models'}},"
      " {method: 'fs.download', params: {uri: 'https://a.example/x.bin', path: 'models/x.bin'}},"
      " {method: 'fs.download', params: {uri: 'https://a.example/x.bin', path: "
      "'https://github.com/o/peer.git/app/x.bin'}},"
      " {method: 'hf.download', params: {_: ['o/r', 'w.bin'], 'local-dir': 'm'}},"
      " {method: 'script.download', params: {uri: 'https://github.com/o/peer.git'}},"
      " {method: 'shell.start', params: {path: 'deep'}},"
      " {method: 'shell.enter', params: {message: 'git clone https://github.com/o/r'}},"
      " {method: 'shell.run', params: {message: {_: ['pip', 'install', 'a'], upgrade: true, 'i': "
      "'https://x.y'}}},"
      " {method: 'shell.run', params: {message: 'python main.py', on: [{event: '/up/', kill: true}]}},"
      " {method: 'net', params: {url: 'https://a.example/api?key=secret'}},"
      " {method: 'never.heard.of'}, {params: {}}]");
  plan_expect(
      bench,
      "1 Share models, out with other apps (drive)\n2 Share the packages of app/env with other apps\n"
      "3 Download x.bin, y z.bin from a.example, z from b.example to models\n"
      "4 Download x.bin from a.example to models\n5 Download x.bin from a.example to peer's app\n"
      "6 Download w.bin of o/r from Hugging Face\n7 Clone the app o/peer\n8 \n"
      "9 Clone o/r into deep/r\n10 Install a with pip\n11 Run python main.py, until it is up\n"
      "12 Ask a.example/api\n13 Do never.heard.of\n14 A step without a method: the script fails here\n");
  g_assert_true(plan_says(bench, "it counts on the app o/peer, which is not installed"));
}

/* What comes after those without a result knows that there is none. */
static void test_pages(PlanBench *bench, gconstpointer data) {
  plan_steps(bench,
             "[{method: 'tab.open', params: {uri: 'http://127.0.0.1:7860/lab'}},"
             " {when: '{{input}}', method: 'log', params: {raw: 'never'}},"
             " {method: 'web.open', params: {url: 'https://example.com/'}},"
             " {method: 'browser.open', params: 'https://example.com/alone'},"
             " {method: 'web.close', params: {uri: 'https://example.com/'}},"
             " {method: 'web.expose', params: {uri: 'http://127.0.0.1:7860'}},"
             " {when: '{{input}}', method: 'log', params: {raw: 'never'}},"
             " {method: 'cloudflare.tunnel', params: {uri: 'http://127.0.0.1:7860'}},"
             " {when: '{{input.uri}}', method: 'log', params: {raw: 'perhaps'}},"
             " {method: 'cloudflare.tunnel', params: {uri: 'http://127.0.0.1:7860', passcode: 'word'}},"
             " {method: 'cloudflare.tunnel', params: {uri: 7860}},"
             " {method: 'cloudflare.stop', params: {uri: 'http://127.0.0.1:7860'}},"
             " {when: '{{input}}', method: 'log', params: {raw: 'never'}}]");
  plan_expect(bench, "1 Open http://127.0.0.1:7860/lab\n3 Open https://example.com/\n"
                     "4 Open https://example.com/alone\n5 Close https://example.com/\n"
                     "6 Show http://127.0.0.1:7860 as the app's page\n"
                     "8 Open http://127.0.0.1:7860 to everybody\n9 ? Say: perhaps\n"
                     "10 Open http://127.0.0.1:7860 to everybody who knows its passcode\n"
                     "11 Open 7860 to everybody\n12 Close http://127.0.0.1:7860 to everybody\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  PLAN_TEST("clone-and-install", test_plain);
  PLAN_TEST("gpu-variants", test_gpu_variants);
  PLAN_TEST("functions", test_functions);
  PLAN_TEST("json-script", test_json_script);
  PLAN_TEST("what-is-unsure", test_what_is_unsure);
  PLAN_TEST("jumps", test_jumps);
  PLAN_TEST("ways-join-again", test_ways_join);
  PLAN_TEST("files-that-steps-make", test_files_that_steps_make);
  PLAN_TEST("cycle-of-scripts", test_cycle);
  PLAN_TEST("scripts-that-are-elsewhere", test_scripts_elsewhere);
  PLAN_TEST("arguments", test_arguments);
  PLAN_TEST("input-of-the-menu", test_install_input);
  PLAN_TEST("settings", test_settings);
  PLAN_TEST("nothing-is-done", test_nothing_is_done);
  PLAN_TEST("facts-come-back", test_facts_come_back);
  PLAN_TEST("commands", test_commands);
  PLAN_TEST("requirements-file", test_requirements_file);
  PLAN_TEST("torch-twice", test_torch_twice);
  PLAN_TEST("methods", test_methods);
  PLAN_TEST("pages-and-tunnels", test_pages);
  return g_test_run();
}
