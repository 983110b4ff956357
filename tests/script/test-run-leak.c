/* A thousand runs in one process: neither its memory nor its descriptors grow, and no child stays. */
#include <glib/gstdio.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "run-harness.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1 /* its quarantine keeps what was freed; LeakSanitizer looks there instead */
#else
#define UNDER_ASAN 0
#endif

static long resident_kb(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  g_assert_cmpint(fscanf(file, "%*d %ld", &pages), ==, 1);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_runs(void) {
  g_autoptr(Bench) bench = bench_new();
  guint runs = g_test_slow() || !UNDER_ASAN ? 1000 : 200;
  guint warm = runs / 5;
  bench_script(
      bench, "main.js",
      "[step('local.set', {a: {b: [1, 2, 3]}}), say('{{local.a.b.length}} of {{platform}}'),"
      "{method: async () => { await new Promise((r) => setTimeout(r, 0)); return 'x'.repeat(1000) }},"
      "step('fs.write', {path: 'out', text: '{{input}}'}), step('script.start', {uri: 'other.js'})]");
  bench_script(bench, "other.js", "[step('script.return', 5)]");
  long before = 0;
  guint descriptors = 0;
  for (guint i = 0; i < runs; i++) {
    bench_run(bench, "main.js", "{\"k\": 1}");
    bench_expect(bench, "3 of linux\n");
    if (i + 1 == warm) {
      malloc_trim(0);
      before = resident_kb();
      descriptors = bench_descriptors();
    }
  }
  malloc_trim(0);
  long after = resident_kb();
  g_test_message("resident: %ld KiB after %u runs, %ld KiB after %u; %u descriptors", before, warm, after,
                 runs, bench_descriptors());
  g_assert_cmpuint(bench_descriptors(), <=, descriptors);
  if (!UNDER_ASAN)
    g_assert_cmpint(after - before, <, 6 * 1024);
}

static void test_shells(void) {
  g_autoptr(Bench) bench = bench_new();
  guint descriptors = 0;
  bench_script(bench, "main.js",
               "[run('echo up; sleep 100', {on: [{event: '/up/', done: true}]}), run('echo two')]");
  for (guint i = 0; i < 30; i++) {
    bench_run(bench, "main.js", NULL);
    bench_expect(bench, "up\ntwo\n");
    if (i == 4)
      descriptors = bench_descriptors();
  }
  g_assert_cmpuint(bench_descriptors(), <=, descriptors);
}

static void test_failures(void) {
  g_autoptr(Bench) bench = bench_new();
  guint descriptors = 0;
  bench_script(bench, "main.js", "[{method: async () => { throw new Error('x') }}]");
  bench_write(bench, "bad.js", "module.exports = {");
  for (guint i = 0; i < 100; i++) {
    bench_run(bench, i % 2 == 0 ? "main.js" : "bad.js", NULL);
    g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_ERROR);
    if (i == 10)
      descriptors = bench_descriptors();
  }
  g_assert_cmpuint(bench_descriptors(), <=, descriptors);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/leak/thousand-runs", test_runs);
  g_test_add_func("/leak/runs-with-shells", test_shells);
  g_test_add_func("/leak/runs-that-fail", test_failures);
  return g_test_run();
}
