/* Downloads over several connections: who fetches what, what survives, and servers that do not play along. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/error.h"
#include "http-server.h"
#include "storage/download.h"
#include "storage/lanes.h"
#include "temp.h"

#define MIB ((gsize)1024 * 1024)

/* --- what is told ---- */

typedef struct {
  GString *notes;
  guint most_connections;
  gboolean left_known;
  double fastest;
  GCancellable *cancellable; /* cancelled when ... */
  guint64 cancel_at;         /* ... so many bytes have come */
} Told;

static void told_clear(Told *told) {
  g_string_free(told->notes, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Told, told_clear)

static void on_progress(const PinoDownloadState *state, gpointer data) {
  Told *told = data;
  told->most_connections = MAX(told->most_connections, state->connections);
  told->left_known = told->left_known || (state->seconds_left > 0 && state->seconds_left < 100);
  told->fastest = MAX(told->fastest, state->bytes_per_s);
  if (told->cancellable != NULL && state->received >= told->cancel_at)
    g_cancellable_cancel(told->cancellable);
}

static void on_note(const char *text, gpointer data) {
  Told *told = data;
  g_string_append_printf(told->notes, "%s\n", text);
}

/* --- one download ---- */

typedef struct {
  TestDir dir;
  TestHttp http;
  TestFile file;
  Told told;
  char *url;
  char *path;
  PinoDownload spec;
} Stage;

static void stage_set(Stage *stage, TestServe serve, gpointer data) {
  stage->dir = test_dir_make();
  test_http_start(&stage->http, serve, data);
  stage->told.notes = g_string_new(NULL);
  stage->url = test_http_url(&stage->http, "/m.bin");
  stage->path = test_path(&stage->dir, "m.bin");
  stage->spec = (PinoDownload){.url = stage->url,
                               .path = stage->path,
                               .retry_wait_ms = 5,
                               .progress = on_progress,
                               .note = on_note,
                               .progress_data = &stage->told};
}

static void stage_clear(Stage *stage) {
  test_http_clear(&stage->http);
  told_clear(&stage->told);
  g_free(stage->url);
  g_free(stage->path);
  g_free((char *)stage->file.body);
  test_dir_clear(&stage->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stage_clear)

/* A file of len bytes that a good server has. */
static void stage_file(Stage *stage, gsize len) {
  stage->file = (TestFile){.body = test_http_body(len), .len = len, .etag = "\"v1\"", .ranges = TRUE};
  stage_set(stage, test_http_serve_file, &stage->file);
}

static void same(const char *path, const char *body, gsize len) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_mapped_file_get_length(file), ==, len);
  g_assert_cmpint(memcmp(g_mapped_file_get_contents(file), body, len), ==, 0);
}

static void gets(Stage *stage, gsize len) {
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_download(&stage->spec, NULL, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  same(stage->path, stage->file.body, len);
  test_hasnt(&stage->dir, "m.bin.part");
  test_hasnt(&stage->dir, "m.bin.part.map");
}

static void fails(Stage *stage, GQuark domain, int code, const char *text) {
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_download(&stage->spec, NULL, NULL, &error));
  g_assert_error(error, domain, code);
  if (strstr(error->message, text) == NULL)
    g_error("'%s' is not in '%s'", text, error->message);
}

static void noted(const Stage *stage, const char *text) {
  if (strstr(stage->told.notes->str, text) == NULL)
    g_error("'%s' is not in '%s'", text, stage->told.notes->str);
}

/* Ends a download when so many bytes have come. */
static void stops_at(Stage *stage, guint64 bytes) {
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  stage->told.cancellable = cancellable;
  stage->told.cancel_at = bytes;
  g_assert_false(pino_download(&stage->spec, cancellable, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  stage->told.cancellable = NULL;
}

/* --- several connections ---- */

static void test_several(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 32 * MIB);
  stage.file.rate = 8 * MIB;
  stage.spec.connections = 4;
  gint64 before = g_get_monotonic_time();
  gets(&stage, 32 * MIB);
  g_assert_cmpint(g_atomic_int_get(&stage.file.most_now), ==, 4);
  g_assert_cmpuint(stage.told.most_connections, ==, 4);
  /* One connection would need 4 s. */
  if (g_getenv("PINOKIO_TEST_SLOW") == NULL)
    g_assert_cmpint(g_get_monotonic_time() - before, <, 3 * G_USEC_PER_SEC);
  g_assert_cmpuint(stage.file.sent, <=, 32 * MIB + 4 * MIB);
  g_assert_true(stage.told.left_known);
  g_assert_cmpfloat(stage.told.fastest, >, 1e6);
}

static void test_small_uses_one(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 7 * MIB);
  stage.file.rate = 64 * MIB;
  gets(&stage, 7 * MIB);
  g_assert_cmpuint(stage.told.most_connections, <=, 1);
  g_assert_cmpint(stage.http.hits, ==, 2);
  g_assert_cmpuint(stage.file.sent, ==, 7 * MIB);
}

static void test_cut_five_times(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 64 * MIB);
  stage.file.rate = 16 * MIB;
  stage.file.cuts = 5;
  stage.file.cut_after = 3 * MIB + 123;
  g_autofree char *sum =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)stage.file.body, 64 * MIB);
  stage.spec.sha256 = sum;
  gets(&stage, 64 * MIB);
  g_assert_cmpuint(stage.file.sent, >=, 64 * MIB);
  g_assert_cmpuint(stage.file.sent, <=, 64 * MIB + 5 * 8 * MIB);
  g_test_message("64 MiB cut 5 times: %" G_GSSIZE_FORMAT " bytes more than the file, %d requests",
                 (gssize)(stage.file.sent - 64 * MIB), stage.http.hits);
}

/* Every connection there is. */
static void test_always_cut(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 48 * MIB);
  stage.file.cuts = 1000;
  stage.file.cut_after = 2 * MIB + 1;
  gets(&stage, 48 * MIB);
  g_assert_cmpuint(stage.file.sent, <=, 48 * MIB + 8 * MIB);
}

static void test_cut_on_one_connection(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 32 * MIB);
  stage.file.cuts = 5;
  stage.file.cut_after = 3 * MIB + 123;
  stage.spec.connections = 1;
  gets(&stage, 32 * MIB);
  g_assert_cmpuint(stage.file.sent, ==, 32 * MIB);
  noted(&stage, "cut after");
}

typedef struct {
  TestFile file;
  gint slow; /* atomic: the request with this number is slow */
} Uneven;

static void serve_uneven(const TestRequest *request, gpointer data) {
  Uneven *uneven = data;
  if (request->hit == (guint)uneven->slow) {
    TestFile slow = {.body = uneven->file.body,
                     .len = uneven->file.len,
                     .etag = uneven->file.etag,
                     .ranges = TRUE,
                     .rate = 20000};
    test_http_serve_file(request, &slow);
    return;
  }
  test_http_serve_file(request, &uneven->file);
}

/* At 20 kB/s its piece would need minutes. */
static void test_slow_connection_is_helped(void) {
  Uneven uneven = {.slow = 2};
  g_auto(Stage) stage = {0};
  uneven.file =
      (TestFile){.body = test_http_body(32 * MIB), .len = 32 * MIB, .etag = "\"v1\"", .ranges = TRUE};
  uneven.file.rate = 20 * MIB;
  stage_set(&stage, serve_uneven, &uneven);
  stage.file.body = uneven.file.body;
  gint64 before = g_get_monotonic_time();
  gets(&stage, 32 * MIB);
  g_assert_cmpint(g_get_monotonic_time() - before, <, 40 * G_USEC_PER_SEC);
}

/* --- what survives ---- */

static void test_killed(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 40 * MIB);
  stage.file.rate = 20 * MIB;
  const char *const argv[] = {"/proc/self/exe", "--download", stage.url, stage.path, "2", NULL};
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < 3; i++) {
    gsize enough = (gsize)g_atomic_pointer_get(&stage.file.sent) + 10 * MIB;
    GPid pid = 0;
    g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
    g_assert_no_error(error);
    while ((gsize)g_atomic_pointer_get(&stage.file.sent) < enough)
      g_usleep(1000);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    g_spawn_close_pid(pid);
    test_hasnt(&stage.dir, "m.bin");
    while (g_atomic_int_get(&stage.file.now) > 0)
      g_usleep(1000);
  }
  gets(&stage, 40 * MIB);
  gssize more = (gssize)(stage.file.sent - 40 * MIB);
  g_test_message("killed 3 times on 2 connections: %" G_GSSIZE_FORMAT " bytes came twice", more);
  g_assert_cmpint(more, <=, 3 * 2 * (gssize)MIB);
}

static char *read_map(const Stage *stage) {
  g_autofree char *map = test_path(&stage->dir, "m.bin.part.map");
  char *text = NULL;
  g_assert_true(g_file_get_contents(map, &text, NULL, NULL));
  return text;
}

static void write_map(const Stage *stage, const char *text) {
  test_put(&stage->dir, "m.bin.part.map", text);
}

/* The bytes of one connection that were noted in order: 0 to 512 KiB and so on. */
static void test_rebooted(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 4 * MIB);
  stage.file.rate = 4 * MIB;
  stops_at(&stage, 2 * MIB);
  g_autofree char *map = read_map(&stage);
  g_autofree char *head = g_strndup(map, strcspn(map, "\n"));
  g_auto(GStrv) parts = g_strsplit(head, "\"boot\":\"", 2);
  g_assert_nonnull(parts[1]);
  stage.file.rate = 0;
  const struct {
    const char *lines;
    const char *range;
  } cases[] = {
      {"0 524288\n524288 1048576\nsynced 1\n1048576 1572864\n", "bytes=524288-4194303"},
      {"0 524288\nsynced 9\n", "bytes=0-4194303"},
      {"0 524288\n524288 1048576\n", "bytes=0-4194303"},
      {"0 524288\nsynced 1\n524288 1048576\nsynced 2", "bytes=524288-4194303"},
      {"0 524288\nsynced 1\n\1\2\3\n", "bytes=524288-4194303"},
      {"5 4\nsynced 1\n", "bytes=0-4194303"},
      {"", "bytes=0-4194303"},
  };
  g_autofree char *part = test_path(&stage.dir, "m.bin.part");
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("%s\"boot\":\"another%s\n%s", parts[0], parts[1], cases[i].lines);
    write_map(&stage, text);
    /* What did not reach the disk is zeros. */
    g_autofree char *data = g_malloc0(4 * MIB);
    memcpy(data, stage.file.body, 524288);
    g_assert_true(g_file_set_contents(part, data, 4 * MIB, NULL));
    gets(&stage, 4 * MIB);
    g_assert_cmpstr(stage.file.last_range, ==, cases[i].range);
  }
}

/* In the same boot all lines count, up to one that is not finished. */
static void test_torn_map(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 4 * MIB);
  stage.file.rate = 4 * MIB;
  stops_at(&stage, 2 * MIB);
  g_autofree char *map = read_map(&stage);
  gsize whole = strcspn(map, "\n") + 1;
  g_autofree char *torn = g_strdup_printf("%.*s0 524288\n524288 10485", (int)whole, map);
  write_map(&stage, torn);
  stage.file.rate = 0;
  gets(&stage, 4 * MIB);
  g_assert_cmpstr(stage.file.last_range, ==, "bytes=524288-4194303");
}

static void test_damaged_map(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 1 * MIB);
  const char *const maps[] = {"",       "{",     "{}\n", "[1]\n0 5\n", "{\"url_sha256\": 5}\n0 10\n",
                              "\n\n\n", "null\n"};
  for (gsize i = 0; i < G_N_ELEMENTS(maps); i++) {
    write_map(&stage, maps[i]);
    test_put(&stage.dir, "m.bin.part", "of nobody knows what");
    gets(&stage, 1 * MIB);
  }
}

/* --- servers that do not play along ---- */

typedef struct {
  TestFile file;
  TestFile other; /* what it serves from the turn on */
  guint turn;     /* request number */
} Turning;

static void serve_turning(const TestRequest *request, gpointer data) {
  Turning *turning = data;
  test_http_serve_file(request, request->hit < turning->turn ? &turning->file : &turning->other);
}

/* len bytes, cut after 1.5 MiB of the first request; from the second on as `other` says. */
static void turning_set(Stage *stage, Turning *turning, gsize len) {
  turning->file = (TestFile){.body = test_http_body(len),
                             .len = len,
                             .etag = "\"v1\"",
                             .ranges = TRUE,
                             .cuts = 1,
                             .cut_after = MIB + MIB / 2};
  turning->other = turning->file;
  turning->other.cuts = 0;
  turning->turn = 1;
  stage_set(stage, serve_turning, turning);
  stage->file.body = turning->file.body;
}

static void test_changed_between_tries(void) {
  Turning turning = {0};
  g_auto(Stage) stage = {0};
  turning_set(&stage, &turning, 3 * MIB);
  g_autofree char *other = g_memdup2(turning.file.body, 3 * MIB + 1);
  memset(other, '?', MIB);
  turning.other.body = other;
  turning.other.etag = "\"v2\"";
  stage.spec.retries = -1;
  fails(&stage, PINO_ERROR, PINO_ERROR_NETWORK, "cut after");
  stage.spec.retries = 0;
  g_assert_true(pino_download(&stage.spec, NULL, NULL, NULL));
  same(stage.path, other, 3 * MIB);
  noted(&stage, "the file on the server changed; starting anew");
}

/* A server of another version that does not know If-Range. */
static void serve_careless(const TestRequest *request, gpointer data) {
  g_hash_table_remove(request->headers, "if-range");
  serve_turning(request, data);
}

static void test_changed_and_no_if_range(void) {
  Turning turning = {0};
  g_auto(Stage) stage = {0};
  turning_set(&stage, &turning, 3 * MIB);
  stage.http.serve = serve_careless;
  g_autofree char *other = g_memdup2(turning.file.body, 3 * MIB + 1);
  memset(other, '?', MIB);
  turning.other.body = other;
  turning.other.etag = "\"v2\"";
  g_assert_true(pino_download(&stage.spec, NULL, NULL, NULL));
  same(stage.path, other, 3 * MIB);
  noted(&stage, "the file on the server changed (another version)");
  turning.other.len = 2 * MIB;
  turning.other.etag = "\"v1\"";
  g_atomic_int_set(&stage.http.hits, 0);
  g_assert_true(pino_download(&stage.spec, NULL, NULL, NULL));
  same(stage.path, other, 2 * MIB);
  noted(&stage, "the file on the server changed (another length)");
}

static void test_ranges_only_once(void) {
  Turning turning = {0};
  g_auto(Stage) stage = {0};
  turning_set(&stage, &turning, 16 * MIB);
  turning.file.cuts = 0;
  turning.other.ranges = FALSE;
  gets(&stage, 16 * MIB);
  /* The first piece, three that were asked for beside it, and the whole: the server may see the end of those late. */
  g_assert_cmpint(turning.other.most_now, <=, 5);
}

static void test_another_range(void) {
  Turning turning = {0};
  g_auto(Stage) stage = {0};
  turning_set(&stage, &turning, 3 * MIB);
  for (gssize shift = -7; shift <= 7; shift += 14) {
    turning.other.shift = shift;
    g_atomic_int_set(&stage.http.hits, 0);
    gets(&stage, 3 * MIB);
    /* It was given up to ask for ranges. */
    g_assert_cmpstr(turning.other.last_range, ==, "");
    g_assert_cmpint(stage.http.hits, ==, 3);
  }
  g_auto(Stage) always = {0};
  stage_file(&always, 3 * MIB);
  always.file.shift = 1;
  gets(&always, 3 * MIB);
}

static void test_short_answers(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 16 * MIB);
  stage.file.short_answer = MIB;
  gets(&stage, 16 * MIB);
  g_assert_cmpuint(stage.file.sent, ==, 16 * MIB);
  g_assert_cmpint(stage.http.hits, >=, 16);
}

static void test_lies_about_length(void) {
  g_auto(Stage) longer = {0};
  stage_file(&longer, 2 * MIB);
  longer.file.claim = 2 * MIB + 1000;
  longer.spec.retries = 3;
  fails(&longer, PINO_ERROR, PINO_ERROR_NETWORK, "given up after 4 tries: ");
  g_assert_cmpint(longer.http.hits, <, 10);
  longer.file.ranges = FALSE;
  fails(&longer, PINO_ERROR, PINO_ERROR_NETWORK, "was cut after 2097152 of 2098152 bytes");
  g_auto(Stage) shorter = {0};
  stage_file(&shorter, 2 * MIB);
  g_autofree char *sum =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)shorter.file.body, 2 * MIB);
  shorter.spec.sha256 = sum;
  shorter.file.claim = 2 * MIB - 1000;
  shorter.file.ranges = FALSE;
  fails(&shorter, PINO_ERROR, PINO_ERROR_FAILED, "wrong sha256");
  g_assert_cmpint(shorter.http.hits, ==, 1);
  g_assert_cmpuint(test_count(&shorter.dir, "."), ==, 0);
}

static void test_no_length(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 12 * MIB);
  stage.file.no_length = TRUE;
  stage.file.ranges = FALSE;
  gets(&stage, 12 * MIB);
  g_assert_cmpint(stage.http.hits, ==, 1);
}

static void test_refused_connections(void) {
  /* Where a connection is made anew for each piece, one may come before the last one is gone. */
  const char *const refusals[] = {
      "HTTP/1.1 503 Later\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy",
      "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ""};
  for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
    g_auto(Stage) stage = {0};
    stage_file(&stage, 20 * MIB);
    stage.file.rate = 20 * MIB;
    stage.file.crowd = 2;
    stage.file.failure = refusals[i];
    stage.spec.retry_wait_ms = 50;
    gets(&stage, 20 * MIB);
    g_assert_cmpint(g_atomic_int_get(&stage.file.most_now), ==, 2);
    g_assert_cmpint(stage.http.hits, <, 60);
  }
}

/* --- redirects ---- */

typedef struct {
  TestHttp far;
  TestFile file;
  char *location;
  gint expired; /* so many far requests from now on are refused */
  gint asked_far;
  gint leaked;
} Redirecting;

static void serve_near(const TestRequest *request, gpointer data) {
  Redirecting *redirecting = data;
  g_assert_cmpstr(test_http_header(request, "x-api-key"), ==, "secret");
  g_autofree char *text = g_strdup_printf("HTTP/1.1 302 F\r\nLocation: %s\r\nSet-Cookie: near=1\r\n"
                                          "Content-Length: 5\r\nConnection: close\r\n\r\nmoved",
                                          redirecting->location);
  test_http_send(request, text);
}

static void serve_far(const TestRequest *request, gpointer data) {
  Redirecting *redirecting = data;
  const char *const secrets[] = {"x-api-key", "authorization", "cookie"};
  g_atomic_int_inc(&redirecting->asked_far);
  for (gsize i = 0; i < G_N_ELEMENTS(secrets); i++)
    if (test_http_header(request, secrets[i]) != NULL)
      g_atomic_int_inc(&redirecting->leaked);
  g_assert_cmpstr(test_http_header(request, "accept-language"), ==, "en");
  g_assert_cmpstr(test_http_header(request, "accept-encoding"), ==, "identity");
  if (request->hit > 0 && g_atomic_int_add(&redirecting->expired, -1) > 0)
    test_http_send(request, "HTTP/1.1 403 Expired\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  else
    test_http_serve_file(request, &redirecting->file);
}

static void test_secrets_stay(void) {
  Redirecting redirecting = {.expired = 1};
  g_auto(Stage) stage = {0};
  redirecting.file =
      (TestFile){.body = test_http_body(16 * MIB), .len = 16 * MIB, .etag = "\"v1\"", .ranges = TRUE};
  test_http_start(&redirecting.far, serve_far, &redirecting);
  redirecting.location = g_strdup_printf("http://localhost:%u/far.bin?sig=1", redirecting.far.port);
  stage_set(&stage, serve_near, &redirecting);
  stage.file.body = redirecting.file.body;
  const char *const headers[] = {"Authorization: Bearer t", "X-Api-Key: secret", "Accept-Language: en",
                                 "Cookie: mine=1", NULL};
  stage.spec.headers = headers;
  gets(&stage, 16 * MIB);
  g_assert_cmpint(redirecting.leaked, ==, 0);
  g_assert_cmpint(redirecting.asked_far, >=, 4);
  /* Pieces are asked for where the first redirect led, until that was refused. */
  g_assert_cmpint(stage.http.hits, >=, 2);
  g_assert_cmpint(stage.http.hits, <, redirecting.asked_far);
  test_http_clear(&redirecting.far);
  g_free(redirecting.location);
}

/* --- encodings ---- */

static GBytes *gzip(const char *text, gsize len) {
  g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6);
  g_autoptr(GInputStream) memory = g_memory_input_stream_new_from_data(text, (gssize)len, NULL);
  g_autoptr(GInputStream) packed = g_converter_input_stream_new(memory, G_CONVERTER(compressor));
  g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();
  g_assert_cmpint(g_output_stream_splice(out, packed, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, NULL), >, 0);
  return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(out));
}

/* Nobody asked for it, and it comes all the same. */
static void test_encoded(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 3 * MIB);
  g_autoptr(GBytes) packed = gzip(stage.file.body, 3 * MIB);
  TestFile sent = {.body = g_bytes_get_data(packed, NULL),
                   .len = g_bytes_get_size(packed),
                   .etag = "\"z\"",
                   .extra = "Content-Encoding: gzip\r\n"};
  stage.http.data = &sent;
  for (guint ranges = 0; ranges < 2; ranges++) {
    sent.ranges = ranges == 1;
    gets(&stage, 3 * MIB);
  }
  g_autofree char *url = test_http_url(&stage.http, "/m.TAR.gz?x=1");
  stage.spec.url = url;
  g_assert_true(pino_download(&stage.spec, NULL, NULL, NULL));
  same(stage.path, sent.body, sent.len);
}

/* --- the pool ---- */

static void test_pool(void) {
  g_auto(Stage) stage = {0};
  stage_file(&stage, 9 * MIB);
  g_autofree char *home = test_path(&stage.dir, "home");
  g_autofree char *first = test_path(&stage.dir, "home/a.safetensors");
  g_autofree char *second = test_path(&stage.dir, "home/b.safetensors");
  g_autofree char *third = test_path(&stage.dir, "home/c.safetensors");
  g_autofree char *sum =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)stage.file.body, 9 * MIB);
  stage.spec.pool = home;
  stage.spec.path = first;
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_download(&stage.spec, NULL, NULL, &error));
  g_assert_no_error(error);
  gsize sent = stage.file.sent;
  /* Known by URL and version: the first answer tells it. */
  stage.spec.path = second;
  g_assert_true(pino_download(&stage.spec, NULL, NULL, &error));
  same(second, stage.file.body, 9 * MIB);
  noted(&stage, "the pool of shared files has it");
  g_assert_cmpuint(stage.file.sent - sent, <=, PINO_LANES_PIECE);
  /* Known by its checksum: nobody is asked. */
  gint hits = stage.http.hits;
  stage.spec.path = third;
  stage.spec.sha256 = sum;
  stage.spec.url = "http://127.0.0.1:1/elsewhere";
  g_assert_true(pino_download(&stage.spec, NULL, NULL, &error));
  same(third, stage.file.body, 9 * MIB);
  g_assert_cmpint(stage.http.hits, ==, hits);
  test_hasnt(&stage.dir, "home/c.safetensors.part");
  test_hasnt(&stage.dir, "home/c.safetensors.part.map");
  /* Another version is fetched. */
  stage.spec.sha256 = NULL;
  stage.spec.url = stage.url;
  ((char *)stage.file.body)[0] = '!';
  stage.file.etag = "\"v2\"";
  g_assert_true(pino_download(&stage.spec, NULL, NULL, &error));
  same(third, stage.file.body, 9 * MIB);
}

/* --- TLS ---- */

/* Runs this program for one download, with more in its environment. Gives its exit code. */
static int download_elsewhere(const char *url, const char *path, const char *variable, const char *value) {
  const char *const argv[] = {"/proc/self/exe", "--download", url, path, "0", NULL};
  g_auto(GStrv) env =
      g_environ_unsetenv(g_environ_setenv(g_get_environ(), variable, value, TRUE), "CURL_CA_BUNDLE");
  g_autoptr(GError) error = NULL;
  int status = 0;
  g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error(error);
  return status;
}

static void make_certificate(const char *openssl, const char *pem) {
  g_autofree char *script =
      g_strdup_printf("'%s' req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext "
                      "subjectAltName=IP:127.0.0.1 -keyout '%s' -out '%s.crt' 2>&1 && cat '%s.crt' >>'%s'",
                      openssl, pem, pem, pem, pem);
  const char *const argv[] = {"sh", "-c", script, NULL};
  g_autofree char *said = NULL;
  int status = 0;
  g_assert_true(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &said, NULL, &status, NULL));
  if (status != 0)
    g_error("%s", said);
}

/* An authority of one's own is told as to other programs; without it nobody is believed. */
static void test_tls(void) {
  g_autofree char *openssl = g_find_program_in_path("openssl");
  if (openssl == NULL || !g_tls_backend_supports_tls(g_tls_backend_get_default())) {
    g_test_skip("no openssl program, or no TLS in GIO (glib-networking)");
    return;
  }
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *pem = test_path(&dir, "server.pem");
  g_autofree char *path = test_path(&dir, "m.bin");
  make_certificate(openssl, pem);
  g_autofree char *authority = g_strconcat(pem, ".crt", NULL);
  g_autofree char *body = test_http_body(16 * MIB);
  TestFile file = {.body = body, .len = 16 * MIB, .etag = "\"v\"", .ranges = TRUE};
  g_auto(TestHttp) http;
  test_http_start_tls(&http, test_http_serve_file, &file, pem);
  g_autofree char *url = test_http_url(&http, "/m.bin");
  g_assert_cmpint(download_elsewhere(url, path, "NOTHING", "1"), !=, 0);
  g_assert_cmpint(http.hits, ==, 0);
  g_assert_cmpint(download_elsewhere(url, path, "SSL_CERT_FILE", authority), ==, 0);
  same(path, body, 16 * MIB);
}

static int download_alone(char **argv) {
  const PinoDownload spec = {
      .url = argv[2], .path = argv[3], .connections = (guint)strtoul(argv[4], NULL, 10), .retries = -1};
  g_autoptr(GError) error = NULL;
  if (pino_download(&spec, NULL, NULL, &error))
    return 0;
  g_printerr("# %s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  if (argc == 5 && g_str_equal(argv[1], "--download"))
    return download_alone(argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/pieces/several-connections", test_several);
  g_test_add_func("/storage/pieces/small-file-uses-one", test_small_uses_one);
  g_test_add_func("/storage/pieces/cut-five-times", test_cut_five_times);
  g_test_add_func("/storage/pieces/every-connection-cut", test_always_cut);
  g_test_add_func("/storage/pieces/cut-on-one-connection-no-byte-twice", test_cut_on_one_connection);
  g_test_add_func("/storage/pieces/slow-connection-is-helped", test_slow_connection_is_helped);
  g_test_add_func("/storage/pieces/killed-and-resumed", test_killed);
  g_test_add_func("/storage/pieces/rebooted-trusts-what-was-synced", test_rebooted);
  g_test_add_func("/storage/pieces/torn-map", test_torn_map);
  g_test_add_func("/storage/pieces/damaged-map-starts-over", test_damaged_map);
  g_test_add_func("/storage/pieces/changed-file-starts-over", test_changed_between_tries);
  g_test_add_func("/storage/pieces/changed-file-without-if-range", test_changed_and_no_if_range);
  g_test_add_func("/storage/pieces/ranges-ignored-from-the-second-on", test_ranges_only_once);
  g_test_add_func("/storage/pieces/another-range-than-asked", test_another_range);
  g_test_add_func("/storage/pieces/shorter-answers-than-asked", test_short_answers);
  g_test_add_func("/storage/pieces/lies-about-the-length", test_lies_about_length);
  g_test_add_func("/storage/pieces/no-length", test_no_length);
  g_test_add_func("/storage/pieces/refused-connections", test_refused_connections);
  g_test_add_func("/storage/pieces/redirect-keeps-secrets", test_secrets_stay);
  g_test_add_func("/storage/pieces/gzip-unasked", test_encoded);
  g_test_add_func("/storage/pieces/pool", test_pool);
  g_test_add_func("/storage/pieces/tls-with-an-authority-of-ones-own", test_tls);
  return g_test_run();
}
