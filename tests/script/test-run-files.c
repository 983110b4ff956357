/* fs.*: files, folders and downloads (specification, section 4). */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "http-server.h"
#include "run-harness.h"
#include "test_server.h"

static const BenchCase cases[] = {
    {"write-text",
     "[step('fs.write', {path: 'd/e/f', text: 'a\\n'}), step('fs.read', {path: 'd/e/f', encoding: 'utf8'}), "
     "log('{{input}}')]",
     "'a\\n'\n"},
    {"write-json",
     "[step('fs.write', {path: 'f', json: {a: [1, null]}}), step('fs.read', {path: 'f', encoding: 'utf-8'}), "
     "say('{{input}}')]",
     "{'a':[1,null]}\n"},
    {"write-json2",
     "[step('fs.write', {path: 'f', json2: {a: 1}}), step('fs.read', {path: 'f', encoding: 'utf8'}), "
     "say('{{input}}')]",
     "{\n  'a': 1\n}\n"},
    {"write-buffer",
     "[{method: () => Buffer.from([0, 255, 10])}, step('fs.write', {path: 'f', buffer: '{{input}}'}),"
     "step('fs.read', {path: 'f', encoding: 'hex'}), say('{{input}}')]",
     "00ff0a\n"},
    {"write-without-content", "[step('fs.write', {path: 'f'})]", "", "text"},
    {"write-empty-text",
     "[step('fs.write', {path: 'f', text: ''}), step('fs.read', {path: 'f', encoding: 'utf8'}), "
     "log('{{input}}')]",
     "''\n"},
    {"append",
     "[step('fs.append', {path: 'd/f', text: 'a'}), step('fs.append', {path: 'd/f', text: 'b'}),"
     "step('fs.append', {path: 'd/f', json: {c: 1}}), step('fs.cat', {path: 'd/f'})]",
     "ab{'c':1}\n"},
    {"read-is-a-buffer",
     "[step('fs.write', {path: 'f', text: 'é'}), step('fs.read', {path: 'f'}), "
     "log(['{{Buffer.isBuffer(input)}}', '{{input.length}}'])]",
     "[true,2]\n"},
    {"read-base64",
     "[step('fs.write', {path: 'f', text: 'a?>'}), step('fs.read', {path: 'f', encoding: 'base64'}), "
     "say('{{input}}'),"
     "step('fs.read', {path: 'f', encoding: 'base64url'}), say('{{input}}')]",
     "YT8+\nYT8-\n"},
    {"read-binary",
     "[step('fs.write', {path: 'f', text: 'é'}), step('fs.read', {path: 'f', encoding: 'binary'}), "
     "log('{{input.length}}'),"
     "step('fs.read', {path: 'f', encoding: 'ascii'}), log('{{input.length}}')]",
     "2\n2\n"},
    {"read-with-an-unknown-encoding",
     "[step('fs.write', {path: 'f', text: 'x'}), step('fs.read', {path: 'f', encoding: 'morse'})]", "",
     "morse"},
    {"rm-of-a-file",
     "[step('fs.write', {path: 'f', text: 'x'}), step('fs.rm', {path: 'f'}), log('{{exists(\"f\")}}')]",
     "false\n"},
    {"rm-of-a-folder",
     "[step('fs.write', {path: 'd/e/f', text: 'x'}), step('fs.remove', {path: 'd'}), "
     "log('{{exists(\"d\")}}')]",
     "false\n"},
    {"rm-of-nothing", "[step('fs.rm', {path: 'none'}), say('on')]", "on\n"},
    {"rm-of-a-link-keeps-the-target",
     "[step('fs.write', {path: 'd/f', text: 'x'}), run('ln -s d l'), step('fs.rm', {path: 'l'}),"
     "log(['{{exists(\"l\")}}', '{{exists(\"d/f\")}}'])]",
     "[false,true]\n"},
    {"copy-a-file",
     "[step('fs.write', {path: 'a', text: 'x'}), step('fs.copy', {src: 'a', dest: 'b/c'}), step('fs.cat', "
     "{path: 'b/c'})]",
     "x\n"},
    {"copy-a-folder",
     "[step('fs.write', {path: 'a/b/c', text: 'x'}), step('fs.copy', {src: 'a', dest: 'z'}), step('fs.cat', "
     "{path: 'z/b/c'})]",
     "x\n"},
    {"move",
     "[step('fs.write', {path: 'a/b', text: 'x'}), step('fs.move', {src: 'a', dest: 'z/y'}), "
     "log(['{{exists(\"a\")}}', '{{exists(\"z/y/b\")}}'])]",
     "[false,true]\n"},
    {"exists",
     "[step('fs.exists', {path: 'main.js'}), log('{{input}}'), step('fs.exists', {path: 'none'}), "
     "log('{{input}}')]",
     "true\nfalse\n"},
    {"make",
     "[step('fs.make', {path: 'a/b/c'}), step('fs.make', {path: 'a/b/c'}), log('{{exists(\"a/b/c\")}}')]",
     "true\n"},
    {"cat", "[step('fs.cat', {path: 'f'})]", "one\ntwo\n", NULL, "f", "one\ntwo"},
    {"home-path", "[step('fs.write', {path: '~/cache/x', text: 'h'}), log('{{exists(\"../../cache/x\")}}')]",
     "true\n"},
    {"absolute-path",
     "[step('fs.write', {path: '{{path.join(cwd, \"abs\")}}', text: 'h'}), log('{{exists(\"abs\")}}')]",
     "true\n"},
    {"open-is-not-there-yet", "[step('fs.open', {path: 'main.js'})]", "", "not available yet: fs.open"},
    {"link-without-a-drive", "[step('fs.link', {})]", "", "drive"},
};

/* --- downloads ---- */

static void download(Bench *bench, const char *template_of_script, const char *path, TestServer *server) {
  g_autofree char *url = test_server_url(server, path);
  g_auto(GStrv) parts = g_strsplit(template_of_script, "URL", -1);
  g_autofree char *script = g_strjoinv(url, parts);
  bench_steps(bench, script);
}

static void test_download_to_a_path(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  download(bench, "[step('fs.download', {uri: 'URL', path: 'sub/got'})]", "/hello", server);
  bench_expect(bench, NULL);
  bench_expect_file(bench, "sub/got", "hello");
  download(bench, "[step('fs.download', {url: 'URL', dir: 'there'})]", "/json", server);
  bench_expect(bench, NULL);
  bench_expect_file(bench, "there/json", "{\"name\":\"pinokio\",\"n\":3}");
}

static void test_download_of_several(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  download(bench, "[step('fs.download', {uri: ['URL/hello', 'URL/json'], dir: 'there'})]", "", server);
  bench_expect(bench, NULL);
  bench_expect_file(bench, "there/hello", "hello");
  bench_expect_file(bench, "there/json", "{\"name\":\"pinokio\",\"n\":3}");
}

static void test_download_checked(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "hello", -1);
  g_autofree char *script =
      g_strdup_printf("[step('fs.download', {uri: 'URL', path: 'got', sha256: '%s'})]", sum);
  download(bench, script, "/hello", server);
  bench_expect(bench, NULL);
  bench_expect_file(bench, "got", "hello");
}

static void serve(const TestRequest *request, gpointer file) {
  test_http_serve_file(request, file);
}

static void test_download_named_by_the_server(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(TestHttp) http = {0};
  TestFile file = {
      .body = "abc", .len = 3, .extra = "Content-Disposition: attachment; filename=\"../named.bin\"\r\n"};
  test_http_start(&http, serve, &file);
  g_autofree char *url = test_http_url(&http, "/other");
  g_autofree char *script = g_strdup_printf("[step('fs.download', {uri: '%s', dir: 'd'})]", url);
  bench_steps(bench, script);
  bench_expect(bench, NULL);
  bench_expect_file(bench, "d/named.bin", "abc"); /* never outside the folder */
}

static void test_download_extracted(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "pack/in/file", "packed");
  bench_steps(bench, "[run('tar czf a.tar.gz -C pack in')]");
  g_autofree char *path = bench_path(bench, "a.tar.gz");
  g_autofree char *body = NULL;
  gsize length = 0;
  g_assert_true(g_file_get_contents(path, &body, &length, NULL));
  g_auto(TestHttp) http = {0};
  TestFile file = {.body = body, .len = length};
  test_http_start(&http, serve, &file);
  g_autofree char *url = test_http_url(&http, "/b.tar.gz");
  g_autofree char *script =
      g_strdup_printf("[step('fs.download', {uri: '%s', dir: 'out', extract: true})]", url);
  bench_steps(bench, script);
  bench_expect(bench, NULL);
  g_autofree char *found = bench_read(bench, "out/in/file");
  g_assert_cmpstr(found, ==, "packed");
}

static void test_download_without_a_uri(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[step('fs.download', {path: 'x'})]");
  bench_expect_error(bench, "uri");
  bench_steps(bench, "[step('fs.download', {uri: 'http://127.0.0.1:1/'})]");
  bench_expect_error(bench, "dir");
}

static void test_download_cancelled(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "Downloading";
  download(bench, "[step('fs.download', {uri: 'URL', path: 'got'})]", "/slow", server);
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
  bench_expect_file(bench, "got", NULL);
}

/* A program that takes hf's place and tells what it was called with. */
static void put_hf(Bench *bench, const char *text) {
  bench_write(bench, "../../bin/hf", text);
  g_autofree char *path = g_build_filename(bench->home, "bin", "hf", NULL);
  g_assert_cmpint(g_chmod(path, 0755), ==, 0);
}

static void test_hf_download(void) {
  g_autoptr(Bench) bench = bench_new();
  put_hf(bench, "#!/bin/bash\nprintf '[%s]' \"$@\" \"$MIRROR\"; echo; basename \"$PWD\"\n");
  bench_steps(bench, "[step('hf.download', {path: 'models', _: ['me/model', 'a file.bin'], 'local-dir': '.', "
                     "q: true, none: null, off: false, include: ['a', 'b'], env: {MIRROR: 'near'}})]");
  bench_expect(bench, NULL);
  g_assert_nonnull(strstr(bench->printed->str, "[download][me/model][a file.bin][--local-dir][.][-q]"
                                               "[--include][a][--include][b][near]"));
  g_assert_nonnull(strstr(bench->printed->str, "models\n"));
  put_hf(bench, "#!/bin/bash\necho no such model >&2; exit 1\n");
  bench_steps(bench, "[step('hf.download', {_: ['me/none']})]");
  bench_expect_error(bench, "hf");
}

/* --- links ---- */

static void test_link(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_write(bench, "app/models/m.bin", "weights");
  bench_steps(bench, "[step('fs.link', {drive: {models: 'app/models', outputs: ['app/outputs']}}), "
                     "step('fs.write', {path: 'app/outputs/o', text: '1'})]");
  bench_expect(bench, NULL);
  g_autofree char *place = bench_path(bench, "app/models");
  g_assert_true(g_file_test(place, G_FILE_TEST_IS_SYMLINK));
  bench_expect_file(bench, "app/models/m.bin", "weights");
  g_autofree char *peers = g_build_filename(bench->home, "drive", "drives", "peers", NULL);
  g_autofree char *target = g_file_read_link(place, NULL);
  g_autofree char *real = realpath(place, NULL);
  g_assert_true(g_str_has_prefix(real, peers));
  bench_steps(
      bench,
      "[step('fs.share', {drive: {models: 'app/models', outputs: ['app/outputs']}})]"); /* twice is once */
  bench_expect(bench, NULL);
  bench_expect_file(bench, "app/models/m.bin", "weights");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/files", cases, G_N_ELEMENTS(cases));
  g_test_add_func("/files/download-to-a-path", test_download_to_a_path);
  g_test_add_func("/files/download-of-several", test_download_of_several);
  g_test_add_func("/files/download-checked", test_download_checked);
  g_test_add_func("/files/download-named-by-the-server", test_download_named_by_the_server);
  g_test_add_func("/files/download-extracted", test_download_extracted);
  g_test_add_func("/files/download-without-a-uri", test_download_without_a_uri);
  g_test_add_func("/files/download-cancelled", test_download_cancelled);
  g_test_add_func("/files/hf-download", test_hf_download);
  g_test_add_func("/files/link", test_link);
  return g_test_run();
}
