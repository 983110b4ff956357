#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/wait.h"

static void errno_errors_read_as_node_writes_them(void) {
  g_autoptr(GError) error = NULL;
  pino_error_set_errno(&error, ENOENT, "open", "/a/b");
  g_assert_error(error, PINO_ERRNO, ENOENT);
  g_assert_cmpstr(error->message, ==, "ENOENT: no such file or directory, open '/a/b'");
  g_clear_error(&error);
  pino_error_set_errno(&error, EBADF, "close", NULL);
  g_assert_cmpstr(error->message, ==, "EBADF: bad file descriptor, close");
  g_assert_cmpstr(pino_errno_name(ENOSPC), ==, "ENOSPC");
  g_assert_cmpstr(pino_errno_name(99999), ==, "EUNKNOWN");
}

static gboolean set_flag(gpointer data) {
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Each test has a context of its own, as each run's thread has. */
static GMainContext *own_context(void) {
  GMainContext *context = g_main_context_new();
  g_main_context_push_thread_default(context);
  return context;
}

static void leave_context(GMainContext *context) {
  g_main_context_pop_thread_default(context);
  g_main_context_unref(context);
}

static void wait_serves_the_context_until_done(void) {
  GMainContext *context = own_context();
  gboolean done = FALSE;
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_callback(source, set_flag, &done, NULL);
  g_source_attach(source, context);
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_wait(&done, NULL, &error));
  g_assert_no_error(error);
  leave_context(context);
}

static gpointer cancel(gpointer data) {
  g_cancellable_cancel(data);
  return NULL;
}

static void cancelling_from_another_thread_ends_a_wait(void) {
  GMainContext *context = own_context();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  gboolean never = FALSE;
  GThread *thread = g_thread_new("cancel", cancel, cancellable);
  g_assert_false(pino_wait(&never, cancellable, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_thread_join(thread);
  leave_context(context);
}

static void done_before_the_wait_does_not_wait(void) {
  GMainContext *context = own_context();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  gboolean done = TRUE;
  g_cancellable_cancel(cancellable);
  g_assert_true(pino_wait(&done, cancellable, NULL));
  leave_context(context);
}

static void wait_ms_lasts_as_long_as_told(void) {
  GMainContext *context = own_context();
  gint64 start = g_get_monotonic_time();
  g_assert_true(pino_wait_ms(30, NULL, NULL));
  g_assert_cmpint(g_get_monotonic_time() - start, >=, 30 * 1000);
  leave_context(context);
}

static void flat_json_is_told_from_deep(void) {
  static const struct {
    const char *text;
    gboolean flat;
  } cases[] = {
      {"", TRUE},
      {"[[{}]]", TRUE},
      {"[[[[]]]]", FALSE},
      {"[[],[],[[]],{\"a\":[]}]", TRUE},
      {"[\"[[[[[[[[\", \"\\\"[[[[[\"]", TRUE},
      {"\"\\\\\"[[[[", FALSE},
      {"// \"\n[[[[", FALSE},
      {"/* \" */ [[[[", FALSE},
      {"[[[[ // \"", FALSE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
    if (pino_json_is_flat(cases[i].text, strlen(cases[i].text), 3) != cases[i].flat)
      g_error("%s", cases[i].text);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/base/errno-errors-read-as-node-writes-them", errno_errors_read_as_node_writes_them);
  g_test_add_func("/base/wait-serves-the-context-until-done", wait_serves_the_context_until_done);
  g_test_add_func("/base/cancelling-from-another-thread-ends-a-wait",
                  cancelling_from_another_thread_ends_a_wait);
  g_test_add_func("/base/done-before-the-wait-does-not-wait", done_before_the_wait_does_not_wait);
  g_test_add_func("/base/wait-ms-lasts-as-long-as-told", wait_ms_lasts_as_long_as_told);
  g_test_add_func("/base/flat-json-is-told-from-deep", flat_json_is_told_from_deep);
  return g_test_run();
}
