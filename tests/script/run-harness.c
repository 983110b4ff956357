#include "run-harness.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/tree.h"

#define PRELUDE                                                                                              \
  "const step = (method, params, more) => ({ method, params, ...more });"                                    \
  "const log = (json) => step('log', { json });"                                                             \
  "const say = (text) => step('log', { text });"                                                             \
  "const run = (message, more) => step('shell.run', { message, ...more });"

Bench *bench_new(void) {
  g_autoptr(GError) error = NULL;
  Bench *bench = g_new0(Bench, 1);
  g_autofree char *made = g_dir_make_tmp("pino-run-XXXXXX", &error);
  g_assert_no_error(error);
  bench->home = realpath(made, NULL);
  bench->app = g_build_filename(bench->home, "api", "app", NULL);
  g_assert_cmpint(g_mkdir_with_parents(bench->app, 0777), ==, 0);
  bench->events = g_ptr_array_new_with_free_func(g_free);
  bench->printed = g_string_new(NULL);
  return bench;
}

static gboolean is_within(const char *link, const char *folder) {
  g_autofree char *target = g_file_read_link(link, NULL);
  return target != NULL && g_str_has_prefix(target, folder);
}

guint bench_processes(Bench *bench) {
  guint count = 0;
  const char *name;
  g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
  while ((name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *cwd = g_build_filename("/proc", name, "cwd", NULL);
    if (g_ascii_isdigit(*name) && is_within(cwd, bench->home))
      count++;
  }
  return count;
}

guint bench_descriptors(void) {
  guint count = 0;
  g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
  while (g_dir_read_name(dir) != NULL)
    count++;
  return count;
}

static gboolean has_child(void) {
  siginfo_t info = {0};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* A killed process may be gone a moment after its parent: what is awaited is that it goes, not when. */
static void assert_nothing_left(Bench *bench) {
  gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
  while ((has_child() || bench_processes(bench) > 0) && g_get_monotonic_time() < end) {
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_usleep(2000);
  }
  g_assert_false(has_child());
  g_assert_cmpuint(bench_processes(bench), ==, 0);
}

void bench_free(Bench *bench) {
  bench_end(bench);
  assert_nothing_left(bench);
  g_assert_true(pino_tree_remove(bench->home, NULL, NULL));
  g_ptr_array_unref(bench->events);
  g_string_free(bench->printed, TRUE);
  g_free(bench->asked);
  g_free(bench->error);
  g_free(bench->app);
  free(bench->home);
  g_free(bench);
}

char *bench_path(Bench *bench, const char *name) {
  return g_build_filename(bench->app, name, NULL);
}

void bench_write(Bench *bench, const char *name, const char *text) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = bench_path(bench, name);
  g_autofree char *folder = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0777), ==, 0);
  g_file_set_contents(path, text, -1, &error);
  g_assert_no_error(error);
}

void bench_script(Bench *bench, const char *name, const char *script) {
  gboolean is_code = g_str_has_suffix(name, ".js");
  g_autofree char *text = NULL;
  if (is_code && *script == '[')
    text = g_strdup_printf("%s module.exports = { run: %s }", PRELUDE, script);
  else if (is_code && *script == '{')
    text = g_strdup_printf("%s module.exports = %s", PRELUDE, script);
  bench_write(bench, name, text != NULL ? text : script);
}

char *bench_read(Bench *bench, const char *name) {
  g_autofree char *path = bench_path(bench, name);
  char *text = NULL;
  return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static gpointer cancel(gpointer cancellable) {
  g_cancellable_cancel(cancellable);
  return NULL;
}

static void on_event(const PinoEvent *event, gpointer data) {
  Bench *bench = data;
  g_autoptr(GString) line = g_string_new(NULL);
  pino_event_to_json(event, line);
  g_ptr_array_add(bench->events, g_strdup(line->str));
  if (event->type == PINO_EVENT_STREAM && event->script == NULL) {
    for (gsize i = 0; i < event->text_len; i++) {
      if (event->text[i] != '\r')
        g_string_append_c(bench->printed, event->text[i] == '"' ? '\'' : event->text[i]);
    }
  }
  if (bench->cancel_at != NULL && bench->canceller == NULL && strstr(line->str, bench->cancel_at) != NULL)
    bench->canceller = g_thread_new("cancel", cancel, bench->cancellable);
  if (bench->hook != NULL)
    bench->hook(bench, line->str);
}

static char *on_ask(const char *request, GCancellable *cancellable, gpointer data, GError **error) {
  Bench *bench = data;
  g_free(bench->asked);
  bench->asked = g_strdup(request);
  return g_strdup(bench->answers);
}

void bench_begin(Bench *bench, const char *name, const char *input) {
  g_autofree char *path = bench_path(bench, name);
  g_autoptr(GError) error = NULL;
  bench_end(bench);
  g_ptr_array_set_size(bench->events, 0);
  g_string_truncate(bench->printed, 0);
  g_clear_pointer(&bench->error, g_free);
  bench->cancellable = g_cancellable_new();
  PinoRunOptions options = {
      .home = bench->home,
      .keeper = g_getenv("PINOKIOCLOUD_KEEPER"),
      .sink = on_event,
      .ask = bench->answers != NULL ? on_ask : NULL,
      .data = bench,
      .ask_data = bench,
      .cancellable = bench->cancellable,
      .time_limit = bench->time_limit,
      .terminal = -1,
      .registry = bench->registry,
  };
  bench->run = pino_run_new(&options);
  if (bench->progress != NULL)
    pino_run_set_progress(bench->run, bench->progress, bench->from_start);
  bench->outcome = pino_run_script(bench->run, path, input, &error);
  bench->error = error != NULL ? g_strdup(error->message) : NULL;
}

void bench_end(Bench *bench) {
  g_clear_pointer(&bench->canceller, g_thread_join);
  g_clear_pointer(&bench->run, pino_run_free);
  g_clear_object(&bench->cancellable);
}

void bench_run(Bench *bench, const char *name, const char *input) {
  bench_begin(bench, name, input);
  bench_end(bench);
}

void bench_steps(Bench *bench, const char *script) {
  bench_script(bench, "main.js", script);
  bench_run(bench, "main.js", NULL);
}

void bench_expect(Bench *bench, const char *printed) {
  if (bench->outcome == PINO_OUTCOME_ERROR || bench->outcome == PINO_OUTCOME_CANCELLED) {
    g_test_message("it failed: %s; printed: %s", bench->error, bench->printed->str);
    g_test_fail();
  } else if (printed != NULL) {
    g_assert_cmpstr(bench->printed->str, ==, printed);
  }
}

void bench_expect_error(Bench *bench, const char *part) {
  g_assert_cmpstr(pino_outcome_name(bench->outcome), ==, "error");
  g_assert_nonnull(bench->error);
  if (strstr(bench->error, part) == NULL)
    g_assert_cmpstr(bench->error, ==, part);
  g_assert_cmpuint(bench_count(bench, "\"type\":\"error\""), >=, 1);
}

void bench_expect_file(Bench *bench, const char *name, const char *text) {
  g_autofree char *found = bench_read(bench, name);
  g_assert_cmpstr(found, ==, text);
}

guint bench_count(Bench *bench, const char *part) {
  guint count = 0;
  for (guint i = 0; i < bench->events->len; i++)
    count += strstr(bench->events->pdata[i], part) != NULL;
  return count;
}

static void run_case(gconstpointer data) {
  const BenchCase *entry = data;
  g_autoptr(Bench) bench = bench_new();
  if (entry->file != NULL)
    bench_script(bench, entry->file, entry->text);
  bench_steps(bench, entry->script);
  if (entry->fails == NULL) {
    bench_expect(bench, entry->prints);
  } else {
    bench_expect_error(bench, entry->fails);
    if (entry->prints != NULL)
      g_assert_cmpstr(bench->printed->str, ==, entry->prints);
  }
}

void bench_add_cases(const char *folder, const BenchCase *cases, gsize count) {
  for (gsize i = 0; i < count; i++) {
    g_autofree char *path = g_strconcat(folder, "/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], run_case);
  }
}
