/* What a person may name an app by, and cloning it with the real git. */
#include "lifecycle/clone.h"
#include "lifecycle/target.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "http-server.h"
#include "temp.h"

typedef struct {
  TestDir dir;
  char *home;
  GCancellable *cancellable; /* of the run */
  GString *printed;
  PinoRun *run;
} Fixture;

static void on_event(const PinoEvent *event, gpointer data) {
  Fixture *fixture = data;
  if (event->type == PINO_EVENT_STREAM)
    g_string_append_len(fixture->printed, event->text, (gssize)event->text_len);
}

static void set_up(Fixture *fixture, gconstpointer data) {
  fixture->dir = test_dir_make();
  fixture->home = test_path(&fixture->dir, "home");
  fixture->cancellable = g_cancellable_new();
  fixture->printed = g_string_new(NULL);
  PinoRunOptions options = {
      .home = fixture->home,
      .keeper = g_getenv("PINOKIOCLOUD_KEEPER"),
      .sink = on_event,
      .data = fixture,
      .cancellable = fixture->cancellable,
      .terminal = -1,
  };
  fixture->run = pino_run_new(&options);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
  pino_run_free(fixture->run);
  g_object_unref(fixture->cancellable);
  g_string_free(fixture->printed, TRUE);
  g_free(fixture->home);
  test_dir_clear(&fixture->dir);
}

static void git(Fixture *fixture, const char *folder, const char *arguments) {
  g_autofree char *path = test_path(&fixture->dir, folder);
  g_autofree char *command =
      g_strdup_printf("git -C '%s' -c user.name=t -c user.email=t@example.com -c init.defaultBranch=main %s",
                      path, arguments);
  g_autoptr(GError) error = NULL;
  int status = -1;
  g_autofree char *out = NULL, *err = NULL;
  g_spawn_command_line_sync(command, &out, &err, &status, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, 0);
}

/* git/hello.git as a bare repository, ready to be served by a plain web server. */
static void make_repository(Fixture *fixture) {
  test_put(&fixture->dir, "git/source/pinokio.js", "module.exports = {menu: []}");
  git(fixture, "git/source", "init -q");
  git(fixture, "git/source", "add -A");
  git(fixture, "git/source", "commit -q -m first");
  git(fixture, "git", "clone -q --bare source hello.git");
  git(fixture, "git/hello.git", "update-server-info");
}

static char *clone_url(Fixture *fixture, const char *url, GError **error) {
  PinoCloneSpec spec = {.url = url, .tries = 1};
  return pino_clone(fixture->run, &spec, error);
}

static void expect_clone(Fixture *fixture, const char *url, const char *name) {
  g_autoptr(GError) error = NULL;
  g_autofree char *clone = NULL;
  g_assert_null(pino_target_find(fixture->home, url, &clone, &error));
  g_assert_no_error(error);
  g_assert_cmpstr(clone, ==, url);
  g_autofree char *folder = clone_url(fixture, clone, &error);
  g_assert_no_error(error);
  g_autofree char *wanted = g_build_filename(fixture->home, "api", name, NULL);
  g_assert_cmpstr(folder, ==, wanted);
  g_autofree char *launcher = g_build_filename(folder, "pinokio.js", NULL);
  g_assert_true(g_file_test(launcher, G_FILE_TEST_EXISTS));
  g_autofree char *again = NULL;
  g_autofree char *found = pino_target_find(fixture->home, url, &again, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(found, ==, wanted);
  g_assert_null(again);
  g_assert_nonnull(strstr(fixture->printed->str, "Cloning"));
  g_assert_cmpuint(test_count(&fixture->dir, "home/api"), ==, 1);
}

static void test_clone_of_a_file_url(Fixture *fixture, gconstpointer data) {
  make_repository(fixture);
  g_autofree char *url = g_strdup_printf("file://%s/git/hello.git", fixture->dir.path);
  expect_clone(fixture, url, "hello");
}

static void serve(const TestRequest *request, gpointer data) {
  g_autofree char *path = g_strndup(request->path, strcspn(request->path, "?"));
  g_autofree char *file = g_strconcat(data, path, NULL);
  g_autofree char *body = NULL;
  gsize length = 0;
  if (!g_file_get_contents(file, &body, &length, NULL)) {
    test_http_send(request, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  g_autofree char *head = g_strdup_printf(
      "HTTP/1.1 200 OK\r\nContent-Length: %" G_GSIZE_FORMAT "\r\nConnection: close\r\n\r\n", length);
  test_http_send(request, head);
  test_http_send_bytes(request, body, length);
}

static void test_clone_over_http(Fixture *fixture, gconstpointer data) {
  make_repository(fixture);
  g_autofree char *work = test_path(&fixture->dir, "git");
  g_auto(TestHttp) http = {0};
  test_http_start(&http, serve, work);
  g_autofree char *url = test_http_url(&http, "/hello.git");
  expect_clone(fixture, url, "hello");
  g_autofree char *bare = test_http_url(&http, "/hello"); /* the same app, without .git */
  g_autofree char *clone = NULL;
  g_autofree char *found = pino_target_find(fixture->home, bare, &clone, NULL);
  g_assert_true(g_str_has_suffix(found, "/api/hello"));
}

/* A script that starts one of an app that is not there yet, then another version of it. */
static void test_start_clones(Fixture *fixture, gconstpointer data) {
  test_put(&fixture->dir, "git/source/start.js",
           "module.exports = {run: [{method: 'script.return', params: 'first'}]}");
  make_repository(fixture);
  git(fixture, "git/source", "checkout -q -b other");
  test_put(&fixture->dir, "git/source/start.js",
           "module.exports = {run: [{method: 'script.return', params: 'second'}]}");
  git(fixture, "git/source", "commit -q -a -m second");
  git(fixture, "git/hello.git", "fetch -q origin other:other");
  git(fixture, "git/hello.git", "update-server-info");
  g_autofree char *work = test_path(&fixture->dir, "git");
  g_auto(TestHttp) http = {0};
  test_http_start(&http, serve, work);
  g_autofree char *url = test_http_url(&http, "/hello.git/start.js");
  g_autofree char *script = g_strdup_printf("module.exports = {run: [{method: 'script.start', params: {uri: "
                                            "'%s'}}, {method: 'log', params: {text: '<{{input}}>'}},"
                                            "{method: 'script.start', params: {uri: '%s', branch: 'other'}}, "
                                            "{method: 'log', params: {text: '<{{input}}>'}}]}",
                                            url, url);
  test_put(&fixture->dir, "home/api/main/main.js", script);
  g_autofree char *path = g_build_filename(fixture->home, "api", "main", "main.js", NULL);
  g_autoptr(GError) error = NULL;
  pino_run_script(fixture->run, path, NULL, &error);
  g_assert_no_error(error);
  g_assert_nonnull(strstr(fixture->printed->str, "<first>"));
  g_assert_nonnull(strstr(fixture->printed->str, "<second>"));
  /* named after the URL without its protocol, every other character as '_' */
  g_autofree char *name = g_strdup_printf("home/api/127_0_0_1_%u_hello_git/start.js", http.port);
  g_autofree char *without = g_strdup_printf("home/api/127_0_0_1_%u_hello/start.js", http.port);
  g_autofree char *one = test_path(&fixture->dir, name);
  g_autofree char *two = test_path(&fixture->dir, without);
  g_assert_true(g_file_test(one, G_FILE_TEST_EXISTS) || g_file_test(two, G_FILE_TEST_EXISTS));
}

static void test_clone_that_fails(Fixture *fixture, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_autofree char *url = g_strdup_printf("file://%s/none.git", fixture->dir.path);
  g_assert_null(clone_url(fixture, url, &error));
  g_assert_nonnull(strstr(error->message, url));
  g_assert_cmpuint(test_count(&fixture->dir, "home/api"), ==, 0); /* nothing half-made */
}

static void test_clone_over_another_folder(Fixture *fixture, gconstpointer data) {
  make_repository(fixture);
  test_put(&fixture->dir, "home/api/hello/mine", "precious");
  g_autoptr(GError) error = NULL;
  g_autofree char *url = g_strdup_printf("file://%s/git/hello.git", fixture->dir.path);
  g_assert_null(clone_url(fixture, url, &error));
  g_assert_nonnull(strstr(error->message, "api/hello"));
  test_has(&fixture->dir, "home/api/hello/mine", "precious");
}

static gpointer cancel(gpointer cancellable) {
  g_cancellable_cancel(cancellable);
  return NULL;
}

typedef struct {
  GCancellable *cancellable;
  GThread *thread;
} Canceller;

/* Git waits for an answer that never comes: then the person has enough. */
static void hold(const TestRequest *request, gpointer data) {
  Canceller *canceller = data;
  if (canceller->thread == NULL)
    canceller->thread = g_thread_new("cancel", cancel, canceller->cancellable);
  char byte;
  g_input_stream_read(request->in, &byte, 1, NULL, NULL);
}

static void test_clone_cancelled(Fixture *fixture, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  Canceller canceller = {.cancellable = fixture->cancellable};
  g_auto(TestHttp) http = {0};
  test_http_start(&http, hold, &canceller);
  g_autofree char *url = test_http_url(&http, "/hello.git");
  g_assert_null(clone_url(fixture, url, &error));
  g_assert_nonnull(strstr(error->message, "cancelled"));
  g_thread_join(canceller.thread);
  g_assert_cmpuint(test_count(&fixture->dir, "home/api"), ==, 0);
}

static void test_names_and_folders(Fixture *fixture, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  test_put(&fixture->dir, "home/api/mine/pinokio.js", "x");
  test_put(&fixture->dir, "elsewhere/pinokio.js", "x");
  g_autofree char *mine = g_build_filename(fixture->home, "api", "mine", NULL);
  g_autofree char *elsewhere = test_path(&fixture->dir, "elsewhere");
  g_autofree char *clone = NULL;
  g_autofree char *by_name = pino_target_find(fixture->home, "mine", &clone, &error);
  g_assert_cmpstr(by_name, ==, mine);
  g_autofree char *by_folder = pino_target_find(fixture->home, elsewhere, &clone, &error);
  g_assert_cmpstr(by_folder, ==, elsewhere);
  g_assert_null(clone);
  static const char *const none[] = {"no-such-app", "../api/mine", "", "/no/such/folder"};
  for (gsize i = 0; i < G_N_ELEMENTS(none); i++) {
    g_assert_null(pino_target_find(fixture->home, none[i], &clone, &error));
    g_assert_nonnull(error);
    if (*none[i] != '\0')
      g_assert_nonnull(strstr(error->message, none[i]));
    g_clear_error(&error);
  }
}

static void test_urls_that_name_nothing(Fixture *fixture, gconstpointer data) {
  static const char *const urls[] = {"https://example.com/..", "file:///..", "git@host:.."};
  for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(clone_url(fixture, urls[i], &error));
    g_assert_nonnull(error);
    test_hasnt(&fixture->dir, "home/pinokio.js");
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_setenv("GIT_CONFIG_NOSYSTEM", "1", TRUE);
#define TEST(name, function) g_test_add("/target/" name, Fixture, NULL, set_up, function, tear_down)
  TEST("clone-of-a-file-url", test_clone_of_a_file_url);
  TEST("clone-over-http", test_clone_over_http);
  TEST("script-start-clones", test_start_clones);
  TEST("clone-that-fails", test_clone_that_fails);
  TEST("clone-over-another-folder", test_clone_over_another_folder);
  TEST("clone-cancelled", test_clone_cancelled);
  TEST("names-and-folders", test_names_and_folders);
  TEST("urls-that-name-nothing", test_urls_that_name_nothing);
  return g_test_run();
}
