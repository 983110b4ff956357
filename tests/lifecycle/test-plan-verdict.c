/* What servers say about sizes, what an app needs, whether this machine has it, and how a person reads that. */
#include <string.h>

#include "base/error.h"
#include "plan-bench.h"

#define MB (1024 * 1024)

static gint64 download(PlanBench *bench, const char *name) {
  return json_object_get_int_member(plan_part(bench, "downloads"), name);
}

/* --- sizes ---- */

static const Answer sized[] = {
    {"/repos/owner/thing", 200, NULL, "{\"size\": 2048, \"name\": \"thing\"}"},
    {"/api/models/o/whole?blobs=true", 200, NULL,
     "{\"siblings\": [{\"rfilename\": \"a.bin\", \"size\": 1000}, {\"rfilename\": \"sub/b.json\", \"size\": "
     "20}]}"},
    {"/api/spaces/o/app?blobs=true", 200, NULL, "{\"siblings\": [{\"rfilename\": \"app.py\", \"size\": 7}]}"},
    {"/file.bin", 200, "Content-Length: 5000000000\r\n", NULL},
    {"/moved.bin", 302, "Location: /file.bin\r\nContent-Length: 9\r\n", NULL},
    {"/linked.bin", 200, "X-Linked-Size: 77\r\nContent-Length: 1\r\n", NULL},
    {"/nothing-said", 200, NULL, NULL},
    {"/odd-length", 200, "Content-Length: 12345678901234567890\r\n", NULL},
    {"/broken.json", 200, NULL, NULL},
    {"/gated.bin?token=secret", 403, "Content-Length: 12\r\n", NULL},
    {"/api/models/o/odd?blobs=true", 200, NULL, "[1, 2"},
    {NULL, 0, NULL, NULL}};

static void test_sizes(PlanBench *bench, gconstpointer data) {
  plan_serve(bench, sized);
  g_autofree char *base = plan_url(bench, "");
  g_autofree char *steps = g_strdup_printf(
      "[{method: 'shell.run', params: {message: ['git clone https://github.com/owner/thing.git app', 'git "
      "clone "
      "https://huggingface.co/spaces/o/app x', 'git clone https://example.com/o/r']}},"
      " {method: 'shell.run', params: {message: ['hf download o/whole', 'hf download o/whole a.bin "
      "--local-dir m', 'hf "
      "download o/whole --include *.json', 'hf download o/whole --exclude a.*', 'hf download o/odd']}},"
      " {method: 'fs.download', params: {uri: ['%s/file.bin', '%s/moved.bin', '%s/linked.bin'], dir: 'm'}},"
      " {method: 'shell.run', params: {message: 'wget %s/nothing-said && wget %s/odd-length'}}]",
      base, base, base, base, base);
  plan_steps(bench, steps);
  plan_make(bench);
  g_autofree char *file = plan_url(bench, "/file.bin"), *moved = plan_url(bench, "/moved.bin");
  g_autofree char *linked = plan_url(bench, "/linked.bin"), *silent = plan_url(bench, "/nothing-said");
  g_autofree char *odd = plan_url(bench, "/odd-length");
  g_assert_cmpint(plan_bytes(bench, "https://github.com/owner/thing.git"), ==, 2 * MB);
  g_assert_cmpint(plan_bytes(bench, "https://huggingface.co/spaces/o/app"), ==, 7);
  g_assert_cmpint(plan_bytes(bench, "https://example.com/o/r"), ==, -1);
  g_assert_cmpint(plan_bytes(bench, "o/odd"), ==, -1);
  g_assert_cmpint(plan_bytes(bench, file), ==, 5000000000);
  g_assert_cmpint(plan_bytes(bench, moved), ==, 5000000000);
  g_assert_cmpint(plan_bytes(bench, linked), ==, 77);
  g_assert_cmpint(plan_bytes(bench, silent), ==, -1);
  g_assert_cmpint(plan_bytes(bench, odd), ==, -1);
  g_assert_cmpint(download(bench, "bytes"), ==, 10000000000 + 77 + 2 * MB + 7 + 1020 + 1000 + 20 + 20);
  g_assert_cmpint(download(bench, "unknown"), ==, 4);
}

static void test_refused(PlanBench *bench, gconstpointer data) {
  plan_serve(bench, sized);
  g_autofree char *base = plan_url(bench, "");
  g_autofree char *steps = g_strdup_printf(
      "[{method: 'fs.download', params: {uri: ['%s/gated.bin?token=secret', '%s/gone.bin'], dir: 'm'}},"
      " {method: 'shell.run', params: {message: 'git clone https://github.com/owner/gone'}},"
      " {when: \"{{platform === 'win32'}}\", method: 'fs.download', params: {uri: '%s/other', dir: 'm'}}]",
      base, base, base);
  plan_steps(bench, steps);
  plan_make(bench);
  g_assert_true(plan_says(bench, "/gated.bin refuses: it wants a token, or its terms to be accepted"));
  g_assert_true(plan_says(bench, "/gone.bin is not there"));
  g_assert_true(plan_says(bench, "https://github.com/owner/gone is not there"));
  g_assert_false(plan_says(bench, "secret"));
  g_assert_false(plan_says(bench, "/other"));
  g_assert_cmpstr(plan_text_of(bench->plan, "verdict"), ==, "warn");
  g_assert_cmpint(g_atomic_int_get(&bench->asked), ==, 3);
}

static const Answer slow[] = {
    {"/never", 0, NULL, NULL}, {"/file.bin", 200, "Content-Length: 10\r\n", NULL}, {NULL, 0, NULL, NULL}};

static void put_slow(PlanBench *bench) {
  plan_serve(bench, slow);
  g_autofree char *base = plan_url(bench, "");
  g_autofree char *steps = g_strdup_printf(
      "[{method: 'fs.download', params: {uri: ['%s/never', '%s/file.bin'], dir: 'm'}}]", base, base);
  plan_steps(bench, steps);
}

static void test_silent_server(PlanBench *bench, gconstpointer data) {
  put_slow(bench);
  gint64 begin = g_get_monotonic_time();
  plan_make(bench);
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 8 * G_USEC_PER_SEC);
  g_assert_cmpint(download(bench, "bytes"), ==, 10);
  g_assert_cmpint(download(bench, "unknown"), ==, 1);
}

static gpointer cancel_when_asked(gpointer data) {
  PlanBench *bench = data;
  while (g_atomic_int_get(&bench->asked) < 2)
    g_usleep(1000);
  g_cancellable_cancel(bench->cancellable);
  return NULL;
}

static void test_cancelled(PlanBench *bench, gconstpointer data) {
  put_slow(bench);
  bench->cancellable = g_cancellable_new();
  GThread *thread = g_thread_new("cancel", cancel_when_asked, bench);
  g_autoptr(GError) error = NULL;
  gint64 begin = g_get_monotonic_time();
  g_assert_null(pino_plan_make(bench->run, &bench->spec, bench->cancellable, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 4 * G_USEC_PER_SEC);
  g_thread_join(thread);
}

static void test_offline(PlanBench *bench, gconstpointer data) {
  put_slow(bench);
  bench->spec.offline = TRUE;
  plan_make(bench);
  g_assert_cmpint(download(bench, "unknown"), ==, 2);
  g_assert_cmpint(g_atomic_int_get(&bench->asked), ==, 0);
}

/* --- needs and verdicts ---- */

typedef struct {
  const char *name;
  const char *fields; /* of the launcher */
  const char *tag;
  const char *steps;
  PinoPlanMachine machine;
  const char *verdict;
  const char *reason; /* a part of one; NULL: there is none */
} Case;

#define ROOMY .ram_bytes = 64ull << 30, .disk_free = 1000000000000
#define NVIDIA                                                                                               \
  { .gpu = "nvidia", .vram_mb = 24576, ROOMY }
#define NO_GPU                                                                                               \
  { .gpu = "none", ROOMY }
#define AMD                                                                                                  \
  { .gpu = "amd", .vram_mb = 16384, ROOMY }
#define CLONE "[{method: 'shell.run', params: {message: 'git clone https://example.com/o/r'}}]"
#define CUDA                                                                                                 \
  "[{method: 'shell.run', params: {message: 'pip install torch --index-url "                                 \
  "https://download.pytorch.org/whl/cu124'}}]"
#define BOTH                                                                                                 \
  "[{when: \"{{gpu === 'nvidia'}}\", method: 'shell.run', params: {message: 'pip install torch --index-url " \
  "https://download.pytorch.org/whl/cu124'}, next: null}, {method: 'shell.run', params: {message: 'pip "     \
  "install "                                                                                                 \
  "torch --index-url https://download.pytorch.org/whl/cpu'}}]"
#define STOPS                                                                                                \
  "[{when: \"{{gpu !== 'nvidia'}}\", method: 'notify', params: {html: 'This app <b>requires</b> an NVIDIA "  \
  "GPU.'}, next: null}, {method: 'shell.run', params: {message: 'git clone https://example.com/o/r'}}]"

static const Case cases[] = {
    {"nothing special", "", NULL, CLONE, NO_GPU, "ok", NULL},
    {"for NVIDIA only, and there is one", "", "nvidia-only", CLONE, NVIDIA, "ok", NULL},
    {"for NVIDIA only", "", "nvidia-only", CLONE, NO_GPU, "no",
     "needs an NVIDIA GPU (the catalog says), and this machine has no GPU"},
    {"for NVIDIA only, on AMD", "description: '[NVIDIA ONLY] fast'", NULL, CUDA, AMD, "no",
     "this machine has an AMD GPU"},
    {"for NVIDIA only, but with a way for the CPU", "title: 'X [NVIDIA ONLY]'", NULL, BOTH, NO_GPU, "warn",
     "its scripts know a way without it"},
    {"best with a GPU", "", NULL, BOTH, NO_GPU, "warn", "it will run on the CPU"},
    {"best with a GPU that is there", "", NULL, BOTH, NVIDIA, "ok", NULL},
    {"CUDA always", "", NULL, CUDA, NO_GPU, "warn",
     "it installs packages for CUDA 12.4 here, and this machine has no GPU"},
    {"CUDA always, and a GPU", "", NULL, CUDA, NVIDIA, "ok", NULL},
    {"GPU not known", "", "nvidia-only", CLONE, {ROOMY}, "ok", NULL},
    {"stops without NVIDIA", "", NULL, STOPS, NO_GPU, "no",
     "does nothing on this machine: \"This app requires an NVIDIA GPU.\""},
    {"goes on with NVIDIA", "", NULL, STOPS, NVIDIA, "ok", NULL},
    {"for Windows only", "", "windows-only", CLONE, NVIDIA, "no", "it is for windows only"},
    {"made for Windows", "", "windows", CLONE, NVIDIA, "warn", "it is made for windows"},
    {"made for Apple", "", "Apple-Silicon", CLONE, NVIDIA, "warn", "it is made for macos"},
    {"too little GPU memory", "", "48GB-VRAM", CLONE, NVIDIA, "warn",
     "it wants 48 GB of GPU memory (the catalog says), and the GPU here has 24 GB"},
    {"just enough GPU memory",
     "",
     "24GB-VRAM",
     CLONE,
     {.gpu = "nvidia", .vram_mb = 24258, ROOMY},
     "ok",
     NULL},
    {"too little memory", "description: 'Minimum 12GB VRAM / 96GB RAM'", NULL, CLONE, NVIDIA, "warn",
     "it wants 96 GB of RAM (its description says)"},
    {"estimates do not fit",
     "",
     NULL,
     CUDA,
     {.gpu = "nvidia", .disk_free = 4000000000},
     "warn",
     "it takes about 5.1 GB of disk, and only 4.0 GB are free"},
    {"a tool is missing", "", NULL, "[{method: 'shell.run', params: {message: 'choco install x'}}]", NO_GPU,
     "warn", "it counts on choco, which this machine does not have"},
};

static void test_verdicts(PlanBench *bench, gconstpointer data) {
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    const Case *one = &cases[i];
    const char *tags[] = {one->tag, NULL};
    g_test_message("%s", one->name);
    plan_steps(bench, one->steps);
    plan_launcher(bench, one->fields);
    bench->spec.tags = one->tag != NULL ? tags : NULL;
    bench->spec.machine = one->machine;
    plan_make(bench);
    g_assert_cmpstr(plan_text_of(bench->plan, "verdict"), ==, one->verdict);
    JsonArray *reasons = json_object_get_array_member(bench->plan, "reasons");
    g_assert_cmpuint(json_array_get_length(reasons), ==, one->reason != NULL ? 1 : 0);
    if (one->reason != NULL && !plan_says(bench, one->reason))
      g_error("%s: %s is not said in %s", one->name, one->reason, bench->json);
  }
}

static void test_disk(PlanBench *bench, gconstpointer data) {
  plan_serve(bench, sized);
  g_autofree char *file = plan_url(bench, "/file.bin");
  g_autofree char *steps = g_strdup_printf("[{method: 'fs.download', params: {uri: '%s', dir: 'm'}}]", file);
  plan_steps(bench, steps);
  bench->spec.machine.disk_free = 4999999999;
  plan_make(bench);
  g_assert_cmpstr(plan_text_of(bench->plan, "verdict"), ==, "no");
  g_assert_true(plan_says(bench, "it downloads 5.0 GB, and only 5.0 GB are free"));
  bench->spec.machine.disk_free = 5000000001;
  plan_make(bench);
  g_assert_cmpstr(plan_text_of(bench->plan, "verdict"), ==, "ok");
  bench->spec.machine.disk_free = -1;
  plan_make(bench);
  g_assert_true(json_object_get_null_member(plan_part(bench, "machine"), "disk_free"));
}

static void test_needs(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "install.js",
           "module.exports = {requires: [{type: 'conda', name: 'sh'}, {platform: 'darwin', name: 'brew'}], "
           "run: [{method: "
           "'shell.run', params: {sudo: true, message: 'apt-get install -y b a b'}}]}");
  plan_launcher(bench, "");
  plan_make(bench);
  JsonObject *needs = plan_part(bench, "needs");
  g_assert_true(json_object_get_boolean_member(needs, "sudo"));
  JsonArray *apt = json_object_get_array_member(needs, "apt"),
            *tools = json_object_get_array_member(needs, "tools");
  g_assert_cmpuint(json_array_get_length(apt), ==, 2);
  g_assert_cmpstr(json_array_get_string_element(apt, 0), ==, "b");
  g_assert_cmpuint(json_array_get_length(tools), ==, 1);
  g_assert_cmpstr(json_array_get_string_element(tools, 0), ==, "sh");
}

/* --- bad input ---- */

static void fails_with(PlanBench *bench, const char *part) {
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_plan_make(bench->run, &bench->spec, NULL, &error));
  g_assert_nonnull(error);
  if (strstr(error->message, part) == NULL)
    g_error("'%s' is not in: %s", part, error->message);
}

static void test_bad_apps(PlanBench *bench, gconstpointer data) {
  fails_with(bench, "there is no folder");
  plan_put(bench, "readme", "x");
  fails_with(bench, "holds no pinokio.js");
  plan_steps(bench, "[{");
  fails_with(bench, "install.js");
  plan_steps(bench, "[]");
  fails_with(bench, "missing or invalid attribute: run");
  plan_put(bench, "install.js", "module.exports = 5");
  fails_with(bench, "gives no object");
  bench->spec.script = "/no/such/script.js";
  fails_with(bench, "/no/such/script.js");
}

static void test_odd_steps(PlanBench *bench, gconstpointer data) {
  plan_steps(
      bench,
      "[null, 5, 'x', {method: 5}, {method: 'shell.run'}, {method: 'shell.run', params: 'x'}, {method: "
      "'shell.run', params: {message: {}}}, {method: 'fs.download', params: {uri: 7}}, {method: 'jump', "
      "params: {index: -3}}, {method: 'log', next: 99}, {method: 'script.start', params: {}}, {method: "
      "'fs.link', params: {drive: 'x'}}, {method: 'shell.run', params: {message: ['\"unclosed', '$(', "
      "'\\\\']}}]");
  plan_make(bench);
  g_autoptr(GError) error = NULL;
  g_autofree char *text = pino_plan_text(bench->json, &error);
  g_assert_no_error(error);
}

static void test_no_install_script(PlanBench *bench, gconstpointer data) {
  plan_put(bench, "pinokio.js", "module.exports = {title: 'T', menu: [{text: 'Start', href: 'start.js'}]}");
  plan_put(bench, "start.js", "module.exports = {run: []}");
  plan_make(bench);
  g_assert_cmpstr(plan_text_of(bench->plan, "verdict"), ==, "ok");
  g_autofree char *text = pino_plan_text(bench->json, NULL);
  g_assert_nonnull(strstr(text, "It has no install script"));
}

/* --- for a person ---- */

static void test_text(PlanBench *bench, gconstpointer data) {
  plan_steps(bench, CUDA);
  bench->spec.url = "https://example.com/o/r";
  bench->spec.machine = (PinoPlanMachine)NVIDIA;
  plan_make(bench);
  g_autofree char *text = pino_plan_text(bench->json, NULL);
  g_assert_true(g_str_has_prefix(text, "T\nFrom       https://example.com/o/r\nLauncher   "));
  g_autofree char *step = g_strdup_printf("\nWhat install.js does\n  1  %-64s%11s\n\n",
                                          "Install torch (CUDA 12.4) with pip", "~3.0 GB");
  g_assert_nonnull(strstr(text, step));
  g_assert_nonnull(strstr(text, "\nDownloads  about 3.0 GB of large packages\n"
                                "Disk       at least 5.1 GB, 1.0 TB free\n"
                                "Needs      an NVIDIA GPU (its scripts)\n"
                                "Here       NVIDIA GPU, 24 GB of GPU memory, 64 GB of RAM\n"));
  g_assert_true(g_str_has_suffix(text, "\nVerdict: it should work here.\n"));
}

static guint columns(const char *line) {
  guint count = 0;
  for (const char *at = line; *at != '\0'; at = g_utf8_next_char(at))
    count += g_unichar_iswide(g_utf8_get_char(at)) ? 2 : 1;
  return count;
}

static void test_text_stays_narrow(PlanBench *bench, gconstpointer data) {
  g_autofree char *word = g_strnfill(500, 'w');
  g_autofree char *wide =
      g_strdup("名前の長いモデルをダウンロードして使います名前の長いモデルをダウンロードして使います");
  g_autofree char *steps = g_strdup_printf("[{method: 'shell.run', params: {message: 'git clone "
                                           "https://example.com/%s'}}, {method: 'shell.run', params: "
                                           "{message: 'python run.py --text \"%s\\x1b[31mred\\x07\" \"a b c "
                                           "d e f g h\"'}}, {method: 'input', params: {title: "
                                           "'%s', form: [{key: 'x'}]}}]",
                                           word, wide, word);
  plan_steps(bench, steps);
  plan_launcher(bench, "description: 'x', icon: 'y'");
  plan_make(bench);
  g_autofree char *text = pino_plan_text(bench->json, NULL);
  g_assert_null(strchr(text, '\033'));
  g_assert_null(strchr(text, '\a'));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    g_assert_cmpuint(columns(lines[i]), <=, 80);
}

static void test_text_of_no_plan(PlanBench *bench, gconstpointer data) {
  static const char *const texts[] = {"", "[]", "{}", "5", "{\"steps\": 1"};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(pino_plan_text(texts[i], &error));
    g_assert_nonnull(error);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  PLAN_TEST("sizes", test_sizes);
  PLAN_TEST("what-servers-refuse", test_refused);
  PLAN_TEST("silent-server", test_silent_server);
  PLAN_TEST("cancelled", test_cancelled);
  PLAN_TEST("offline", test_offline);
  PLAN_TEST("verdicts", test_verdicts);
  PLAN_TEST("disk", test_disk);
  PLAN_TEST("needs", test_needs);
  PLAN_TEST("bad-apps", test_bad_apps);
  PLAN_TEST("odd-steps", test_odd_steps);
  PLAN_TEST("no-install-script", test_no_install_script);
  PLAN_TEST("text", test_text);
  PLAN_TEST("text-stays-narrow", test_text_stays_narrow);
  PLAN_TEST("text-of-no-plan", test_text_of_no_plan);
  return g_test_run();
}
