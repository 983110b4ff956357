#include "rows.h"

#include <string.h>

PinoLibrary *rows_open(const TestDir *dir, PinoLibraryFound *found, char **aside) {
  g_autoptr(GError) error = NULL;
  PinoLibrary *library = pino_library_open(dir->path, found, aside, &error);
  g_assert_no_error(error);
  g_assert_nonnull(library);
  return library;
}

/* error may be looked at before the call that sets it: by its place. */
static void assert_done(gboolean done, GError **error) {
  g_assert_no_error(*error);
  g_assert_true(done);
}

void rows_put_app(PinoLibrary *library, const char *id) {
  g_autoptr(GError) error = NULL;
  PinoApplication app = {
      .id = (char *)id, .state = (char *)"INSTALLED", .size = -1, .name = (char *)"An app"};
  assert_done(pino_library_put_application(library, &app, &error), &error);
}

void rows_put_run(PinoLibrary *library, const char *id, const char *app, const char *state) {
  g_autoptr(GError) error = NULL;
  PinoRunRow row = {.id = (char *)id,
                    .app_id = (char *)app,
                    .script = (char *)"/home/api/app/start.js",
                    .kind = (char *)"start",
                    .input = (char *)"{\"a\":1}",
                    .state = (char *)state,
                    .journal = (char *)"/home/logs/api/app/start.js/run.journal",
                    .step = -1,
                    .total = -1};
  assert_done(pino_library_put_run(library, &row, &error), &error);
}

void rows_put_process(PinoLibrary *library, const char *id, const char *run, const char *status) {
  g_autoptr(GError) error = NULL;
  PinoProcessRow row = {
      .id = (char *)id, .run_id = (char *)run, .pid = 4711, .status = (char *)status, .exit_code = -1};
  assert_done(pino_library_put_process(library, &row, &error), &error);
}

void rows_fill(PinoLibrary *library) {
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < 20; i++) {
    g_autofree char *app = g_strdup_printf("app-%u", i);
    rows_put_app(library, app);
    for (guint j = 0; j < 3; j++) {
      g_autofree char *run = g_strdup_printf("20260101-000000-%02u%02u", i, j);
      g_autofree char *shell = g_strdup_printf("%s.1", run);
      rows_put_run(library, run, app, j == 2 ? "ready" : "finished");
      rows_put_process(library, shell, run, j == 2 ? "running" : "ended");
    }
    assert_done(pino_library_set_setting(library, app, "a value", &error), &error);
  }
  PinoTunnelRow tunnel = {
      .id = (char *)"t", .app_id = (char *)"app-1", .local_port = 7860, .status = (char *)"open"};
  assert_done(pino_library_put_tunnel(library, &tunnel, &error), &error);
}

void rows_use(PinoLibrary *library) {
  g_autoptr(GError) error = NULL;
  rows_put_app(library, "used");
  rows_put_run(library, "used", "used", "running");
  rows_put_process(library, "used.1", "used", "running");
  g_autoptr(PinoRunRow) row = pino_library_run(library, "used", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(row->state, ==, "running");
  g_autoptr(GPtrArray) apps = pino_library_applications(library, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(apps->len, >, 0);
}

guint rows_count_runs(PinoLibrary *library, const char *app, gboolean live) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = pino_library_runs(library, app, live, 0, &error);
  g_assert_no_error(error);
  return rows->len;
}
