#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "http-server.h"
#include "storage/download.h"
#include "storage/naming.h"
#include "temp.h"

#define BIG ((gsize)3 * 1024 * 1024)

static PinoDownload spec_for(const char *url, const char *path, const char *dir) {
  return (PinoDownload){.url = url, .path = path, .dir = dir, .retry_wait_ms = 5};
}

static void got(const TestDir *dir, const PinoDownload *spec, const char *name, const char *text) {
  g_autofree char *out = NULL;
  g_autofree char *expected = test_path(dir, name);
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_download(spec, NULL, &out, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  g_assert_cmpstr(out, ==, expected);
  test_has(dir, name, text);
  g_autofree char *part = g_strconcat(name, ".part", NULL);
  g_autofree char *record = g_strconcat(name, ".part.map", NULL);
  test_hasnt(dir, part);
  test_hasnt(dir, record);
}

static void failed(const PinoDownload *spec, GQuark domain, int code, const char *text) {
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_download(spec, NULL, NULL, &error));
  g_test_message("%s", error->message);
  g_assert_error(error, domain, code);
  if (strstr(error->message, text) == NULL)
    g_error("'%s' is not in '%s'", text, error->message);
}

static void test_plain(void) {
  g_auto(TestDir) dir = test_dir_make();
  TestFile file = {.body = "hello", .len = 5};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/a%20b/na me%C3%A9.bin?token=s#frag");
  g_autofree char *path = test_path(&dir, "new/sub/x.bin");
  PinoDownload by_path = spec_for(url, path, NULL);
  got(&dir, &by_path, "new/sub/x.bin", "hello");
  g_autofree char *slashed = g_strconcat(path, "//", NULL);
  PinoDownload by_slashed = spec_for(url, slashed, NULL);
  got(&dir, &by_slashed, "new/sub/x.bin", "hello");
  PinoDownload by_dir = spec_for(url, NULL, dir.path);
  got(&dir, &by_dir, "na me\xc3\xa9.bin", "hello");
  file.body = "again";
  got(&dir, &by_dir, "na me\xc3\xa9.bin", "again");
  g_assert_cmpstr(file.last_range, ==, "bytes=0-4194303");
  g_autofree char *bare = test_http_url(&http, "/");
  PinoDownload nameless = spec_for(bare, NULL, dir.path);
  got(&dir, &nameless, "download", "again");
  file.len = 0;
  got(&dir, &by_path, "new/sub/x.bin", "");
  file.no_length = TRUE;
  got(&dir, &by_path, "new/sub/x.bin", "");
  g_assert_cmpuint(test_count(&dir, "new/sub"), ==, 1);
  file.no_length = FALSE;
  file.ranges = TRUE;
  file.etag = "\"e\"";
  got(&dir, &by_path, "new/sub/x.bin", "");
  g_assert_cmpstr(file.last_range, ==, "");
}

static void test_names(void) {
  const struct {
    const char *header;
    const char *name;
  } cases[] = {
      {"attachment; filename=\"plain.zip\"", "plain.zip"},
      {"attachment; filename=token.zip; size=3", "token.zip"},
      {"inline;FILENAME=\"a;b \\\"c\\\".zip\"", "a;b \"c\".zip"},
      {"attachment; filename=\"x.zip\"; filename*=UTF-8''na%C3%AFve%20%F0%9F%98%80.zip",
       "na\xc3\xafve \xf0\x9f\x98\x80.zip"},
      {"attachment; filename*=iso-8859-1'en'%A3.txt", "\xc2\xa3.txt"},
      {"attachment; filename*=broken; filename=ok", "ok"},
      {"attachment; filename=\"../../etc/passwd\"", "passwd"},
      {"attachment; filename=\"C:\\\\dir\\\\f.exe\"", "f.exe"},
      {"attachment; filename=\"..\"", NULL},
      {"attachment; filename=\"/\"", NULL},
      {"attachment; filename=\" . \"", NULL},
      {"attachment; filename=\"\"", NULL},
      {"attachment; filename*=UTF-8''%2E%2E", NULL},
      {"attachment; filename*=UTF-8''..%2F..%2Fx%00y", "xy"},
      {"attachment", NULL},
      {"attachment; filename", NULL},
      {"attachment; filename=\"open", "open"},
      {"", NULL},
      {";;=;filename=", NULL},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *name = pino_naming_from_disposition(cases[i].header);
    g_assert_cmpstr(name, ==, cases[i].name);
  }
  g_autofree char *long_name = g_strnfill(400, 'n');
  g_autofree char *with_extension = g_strconcat(long_name, ".safetensors", NULL);
  g_autofree char *cut = pino_naming_clean(with_extension);
  g_assert_cmpuint(strlen(cut), ==, 245);
  g_assert_true(g_str_has_suffix(cut, "n.safetensors"));
  g_autofree char *dots = pino_naming_from_url("http://h/a/..%2f%2e%2e");
  g_assert_null(dots);
  g_autofree char *none = pino_naming_from_url("http://h");
  g_assert_null(none);
  g_autofree char *percent = pino_naming_from_url("https://h/100%25%zz%");
  g_assert_cmpstr(percent, ==, "100%%zz%");
  g_autofree char *shown = pino_naming_show_url("https://me:secret@h:1/p@q?token=1#f");
  g_assert_cmpstr(shown, ==, "https://h:1/p@q");
}

static void test_server_names(void) {
  g_auto(TestDir) dir = test_dir_make();
  TestFile file = {
      .body = "z", .len = 1, .extra = "Content-Disposition: attachment; filename=\"../../given.bin\"\r\n"};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/resolve/other");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  test_put(&dir, "given.bin", "old and longer");
  got(&dir, &spec, "given.bin", "z");
  g_assert_cmpuint(test_count(&dir, "."), ==, 1);
}

static void test_cut_resumes(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(BIG);
  TestFile file = {
      .body = body, .len = BIG, .etag = "\"v1\"", .ranges = TRUE, .cuts = 3, .cut_after = 700000};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  got(&dir, &spec, "m.bin", body);
  g_assert_cmpstr(file.last_range, ==, "bytes=2100000-3145727");
  g_assert_cmpint(http.hits, ==, 4);
}

static void test_cut_starts_over(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(100000);
  TestFile file = {.body = body, .len = 100000, .etag = "\"v1\"", .cuts = 2, .cut_after = 60000};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  g_autofree char *path = test_path(&dir, "m.bin");
  PinoDownload spec = spec_for(url, path, NULL);
  got(&dir, &spec, "m.bin", body);
  g_assert_cmpstr(file.last_range, ==, "bytes=60000-99999");
}

/* Neither ETag nor Last-Modified nor a checksum: the rest could be of another version. */
static void test_cut_without_version(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(50000);
  TestFile file = {.body = body, .len = 50000, .ranges = TRUE, .cuts = 2, .cut_after = 20000};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, body, -1);
  PinoDownload spec = spec_for(url, NULL, dir.path);
  got(&dir, &spec, "m.bin", body);
  g_assert_cmpstr(file.last_range, ==, "");
  g_assert_cmpint(http.hits, ==, 3);
  http.hits = 0;
  file.cuts = 1;
  spec.md5 = sum;
  got(&dir, &spec, "m.bin", body);
  g_assert_cmpstr(file.last_range, ==, "bytes=20000-49999");
}

static void test_gives_up(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(50000);
  TestFile file = {.body = body, .len = 50000, .etag = "\"v\"", .cuts = 100, .cut_after = 10};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.retries = 2;
  test_put(&dir, "m.bin", "old");
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "given up after 3 tries: ");
  g_assert_cmpint(http.hits, ==, 3);
  test_has(&dir, "m.bin", "old");
  g_autofree char *part = test_path(&dir, "m.bin.part");
  g_autofree char *kept = NULL;
  g_assert_true(g_file_get_contents(part, &kept, NULL, NULL));
  g_assert_cmpint(strncmp(kept, body, 10), ==, 0);
  spec.retries = -1;
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "given up after 1 tries: ");
}

/* When something has come. */
static void cancel_it(const PinoDownloadState *state, gpointer data) {
  if (state->received > 0)
    g_cancellable_cancel(data);
}

static void test_cancel_and_resume(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(BIG);
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  TestFile file = {.body = body,
                   .len = BIG,
                   .etag = "\"v\"",
                   .ranges = TRUE,
                   .cuts = 1,
                   .cut_after = BIG / 2,
                   .hold = TRUE,
                   .extra = "Content-Disposition: attachment; filename=named.bin\r\n"};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m?key=secret");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.progress = cancel_it;
  spec.progress_data = cancellable;
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_download(&spec, cancellable, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  test_hasnt(&dir, "named.bin");
  g_autofree char *record_path = test_path(&dir, "named.bin.part.map");
  g_autofree char *record = NULL;
  g_assert_true(g_file_get_contents(record_path, &record, NULL, NULL));
  g_assert_null(strstr(record, "secret"));
  got(&dir, &spec, "named.bin", body);
  g_assert_cmpstr(file.last_range, !=, "");
}

/* What is on the server is not what the part was of. */
static void test_changed_file(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(40000);
  g_autofree char *other = test_http_body(39000);
  other[0] = '!';
  TestFile file = {
      .body = body, .len = 40000, .etag = "\"v1\"", .ranges = TRUE, .cuts = 9, .cut_after = 15000};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.retries = -1;
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "cut");
  file = (TestFile){.body = other, .len = 39000, .etag = "\"v2\"", .ranges = TRUE};
  got(&dir, &spec, "m.bin", other);
  test_put(&dir, "m.bin.part", "of nobody knows what");
  got(&dir, &spec, "m.bin", other);
}

static void test_status(void) {
  g_auto(TestDir) dir = test_dir_make();
  TestFile file = {.body = "x",
                   .len = 1,
                   .failures = 1,
                   .failure = "HTTP/1.1 404 Nope\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry"};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin?token=secret");
  g_autofree char *shown = test_http_url(&http, "/m.bin");
  g_autofree char *text = g_strconcat("404 not found: ", shown, NULL);
  PinoDownload spec = spec_for(url, NULL, dir.path);
  failed(&spec, PINO_ERROR, PINO_ERROR_NOT_FOUND, text);
  g_assert_cmpint(http.hits, ==, 1);
  http.hits = 0;
  file.failure = "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "403 forbidden");
  g_assert_cmpuint(test_count(&dir, "."), ==, 0);
}

static void test_busy_server(void) {
  g_auto(TestDir) dir = test_dir_make();
  TestFile file = {.body = "x",
                   .len = 1,
                   .failures = 2,
                   .failure = "HTTP/1.1 503 Later\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  got(&dir, &spec, "m.bin", "x");
  g_assert_cmpint(http.hits, ==, 3);
  http.hits = 0;
  file.failures = 1;
  file.failure = "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  gint64 before = g_get_monotonic_time();
  got(&dir, &spec, "m.bin", "x");
  g_assert_cmpint(g_get_monotonic_time() - before, >=, G_USEC_PER_SEC);
  http.hits = 0;
  file.failures = 9;
  file.failure = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  spec.retries = 1;
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "given up after 2 tries: 500 internal server error: ");
}

static void serve_redirects(const TestRequest *request, gpointer data) {
  TestHttp *http = data;
  g_autofree char *end = test_http_url(http, "/files/the%20end.bin");
  g_autofree char *answer =
      g_str_has_prefix(request->path, "/loop")
          ? g_strdup("HTTP/1.1 302 F\r\nLocation: /loop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      : g_str_has_prefix(request->path, "/start")
          ? g_strdup_printf("HTTP/1.1 307 T\r\nLocation: %s\r\nContent-Disposition: attachment; "
                            "filename=wrong\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
                            end)
          : g_strdup("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  test_http_send(request, answer);
}

static void test_redirects(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(TestHttp) http;
  test_http_start(&http, serve_redirects, &http);
  g_autofree char *loop = test_http_url(&http, "/loop");
  g_autofree char *start = test_http_url(&http, "/start");
  PinoDownload round = spec_for(loop, NULL, dir.path);
  failed(&round, PINO_ERROR, PINO_ERROR_NETWORK, "redirected in a circle");
  g_assert_cmpint(http.hits, ==, 21);
  PinoDownload straight = spec_for(start, NULL, dir.path);
  got(&dir, &straight, "the end.bin", "ok");
}

static void test_nowhere(void) {
  g_auto(TestDir) dir = test_dir_make();
  PinoDownload spec = spec_for("http://no-such-host.invalid/x", NULL, dir.path);
  spec.retries = 1;
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "given up after 2 tries: the host does not resolve");
  spec.url = "http://127.0.0.1:1/x";
  failed(&spec, PINO_ERROR, PINO_ERROR_NETWORK, "the connection failed");
  const char *const bad[] = {"file:///etc/passwd", "ftp://h/x", "", "x.bin", "http://", "https:///x"};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    spec.url = bad[i];
    failed(&spec, PINO_ERROR, PINO_ERROR_USAGE, "cannot download '");
  }
  PinoDownload placeless = spec_for("http://127.0.0.1:1/x", NULL, NULL);
  failed(&placeless, PINO_ERROR, PINO_ERROR_USAGE, "give a path or a dir");
  g_assert_cmpuint(test_count(&dir, "."), ==, 0);
}

static void test_checksums(void) {
  g_auto(TestDir) dir = test_dir_make();
  TestFile file = {.body = "abc", .len = 3};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/abc");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.sha256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
  spec.md5 = "900150983cd24fb0d6963f7d28e17f72";
  got(&dir, &spec, "abc", "abc");
  test_put(&dir, "abc", "old");
  spec.md5 = "00000000000000000000000000000000";
  failed(&spec, PINO_ERROR, PINO_ERROR_FAILED,
         "expected 00000000000000000000000000000000, got 900150983cd24fb0d6963f7d28e17f72");
  test_has(&dir, "abc", "old");
  g_assert_cmpuint(test_count(&dir, "."), ==, 1);
}

static void serve_headers(const TestRequest *request, gpointer data) {
  g_autofree char *text =
      g_strdup_printf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s|%s",
                      test_http_header(request, "authorization"), test_http_header(request, "x-more"));
  test_http_send(request, text);
}

static void test_headers(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(TestHttp) http;
  test_http_start(&http, serve_headers, NULL);
  g_autofree char *url = test_http_url(&http, "/h");
  const char *const headers[] = {"Authorization: Bearer t", "X-More: 1 2", NULL};
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.headers = headers;
  got(&dir, &spec, "h", "Bearer t|1 2");
}

static void test_places(void) {
  g_auto(TestDir) dir = test_dir_make();
  TestFile file = {.body = "abc", .len = 3};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/abc");
  PinoDownload onto_folder = spec_for(url, dir.path, NULL);
  failed(&onto_folder, PINO_ERRNO, EISDIR, "folder");
  test_put(&dir, "abc.part", "");
  g_autofree char *part = test_path(&dir, "abc.part");
  int fd = open(part, O_RDWR | O_CLOEXEC);
  g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
  PinoDownload spec = spec_for(url, NULL, dir.path);
  failed(&spec, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "already");
  close(fd);
  got(&dir, &spec, "abc", "abc");
}

/* With a length nothing is fetched in vain; without one it ends where the disk ends, and what has come stays. */
static int download_to_small_disk(const TestDir *dir) {
  if (!test_small_disk(dir, "disk"))
    return 0;
  g_autofree char *body = test_http_body(BIG);
  TestFile file = {.body = body, .len = BIG, .etag = "\"v\"", .ranges = TRUE};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  g_autofree char *path = test_path(dir, "disk/m.bin");
  PinoDownload spec = spec_for(url, path, NULL);
  failed(&spec, PINO_ERRNO, ENOSPC, "disk full: 3.0\302\240MiB are still to come and ");
  g_assert_cmpint(http.hits, ==, 1);
  file.no_length = TRUE;
  file.ranges = FALSE;
  failed(&spec, PINO_ERRNO, ENOSPC, "disk full: ");
  g_autofree char *part = test_path(dir, "disk/m.bin.part");
  struct stat st;
  g_assert_cmpint(stat(part, &st), ==, 0);
  g_assert_cmpint(st.st_size, >, 100000);
  return 0;
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "disk/x", "");
  test_in_child(download_to_small_disk, &dir);
}

typedef struct {
  GMainLoop *loop;
  GThread *thread;
  guint calls;
  guint64 received;
  gint64 total;
  char *path;
  GError *error;
} Waiting;

static void on_progress(const PinoDownloadState *state, gpointer data) {
  Waiting *waiting = data;
  g_assert_true(g_thread_self() == waiting->thread);
  g_assert_null(waiting->path);
  g_assert_cmpuint(state->received, >=, waiting->received);
  waiting->calls++;
  waiting->received = state->received;
  waiting->total = state->total;
}

static void on_done(GObject *source, GAsyncResult *result, gpointer data) {
  Waiting *waiting = data;
  waiting->path = pino_download_finish(result, &waiting->error);
  g_main_loop_quit(waiting->loop);
}

static void wait_for(const PinoDownload *spec, GCancellable *cancellable, Waiting *waiting) {
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  waiting->loop = g_main_loop_new(context, FALSE);
  waiting->thread = g_thread_self();
  pino_download_async(spec, cancellable, on_done, waiting);
  g_main_loop_run(waiting->loop);
  g_main_loop_unref(waiting->loop);
  g_main_context_pop_thread_default(context);
}

static void test_async(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *body = test_http_body(BIG);
  TestFile file = {
      .body = body, .len = BIG, .etag = "\"v\"", .ranges = TRUE, .cuts = 1, .cut_after = 1000000};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  Waiting waiting = {0};
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.progress = on_progress;
  spec.progress_data = &waiting;
  gint64 before = g_get_monotonic_time();
  wait_for(&spec, NULL, &waiting);
  g_assert_no_error(waiting.error);
  g_assert_true(g_str_has_suffix(waiting.path, "/m.bin"));
  g_assert_cmpuint(waiting.received, ==, BIG);
  g_assert_cmpint(waiting.total, ==, BIG);
  g_assert_cmpuint(waiting.calls, >=, 2);
  /* Two tries begin a count anew each. */
  g_assert_cmpint(waiting.calls, <=, 4 + (g_get_monotonic_time() - before) * 10 / G_USEC_PER_SEC);
  g_free(waiting.path);
}

static void test_async_cancel(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autofree char *body = test_http_body(1000);
  TestFile file = {.body = body, .len = 1000, .cuts = 1, .cut_after = 10, .hold = TRUE};
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  Waiting waiting = {0};
  PinoDownload spec = spec_for(url, NULL, dir.path);
  spec.progress = cancel_it;
  spec.progress_data = cancellable;
  wait_for(&spec, cancellable, &waiting);
  g_assert_error(waiting.error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_assert_null(waiting.path);
  g_clear_error(&waiting.error);
}

static void serve_busy(const TestRequest *request, gpointer data) {
  test_http_send(request,
                 "HTTP/1.1 503 L\r\nRetry-After: 500\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  g_cancellable_cancel(data);
}

static void test_cancel_while_waiting(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_auto(TestHttp) http;
  test_http_start(&http, serve_busy, cancellable);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  PinoDownload spec = spec_for(url, NULL, dir.path);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_download(&spec, cancellable, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/download/plain-and-empty", test_plain);
  g_test_add_func("/storage/download/names", test_names);
  g_test_add_func("/storage/download/server-names-the-file", test_server_names);
  g_test_add_func("/storage/download/cut-resumes", test_cut_resumes);
  g_test_add_func("/storage/download/cut-without-ranges-starts-over", test_cut_starts_over);
  g_test_add_func("/storage/download/cut-without-version-starts-over", test_cut_without_version);
  g_test_add_func("/storage/download/gives-up-and-keeps-old", test_gives_up);
  g_test_add_func("/storage/download/cancel-keeps-part-for-later", test_cancel_and_resume);
  g_test_add_func("/storage/download/changed-file-starts-over", test_changed_file);
  g_test_add_func("/storage/download/refusals-fail-at-once", test_status);
  g_test_add_func("/storage/download/busy-server-is-asked-again", test_busy_server);
  g_test_add_func("/storage/download/redirects", test_redirects);
  g_test_add_func("/storage/download/nowhere", test_nowhere);
  g_test_add_func("/storage/download/checksums", test_checksums);
  g_test_add_func("/storage/download/headers", test_headers);
  g_test_add_func("/storage/download/folder-or-other-download-in-the-way", test_places);
  g_test_add_func("/storage/download/full-disk-keeps-part", test_full_disk);
  g_test_add_func("/storage/download/async-progress-in-callers-context", test_async);
  g_test_add_func("/storage/download/async-cancel", test_async_cancel);
  g_test_add_func("/storage/download/cancel-while-waiting", test_cancel_while_waiting);
  return g_test_run();
}
