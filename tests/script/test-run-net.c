/* net and process.wait, against servers of the test's own (specification, section 4). */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>

#include "run-harness.h"
#include "test_server.h"

/* Runs the steps with every URL replaced by the server's address. */
static void with_server(Bench *bench, TestServer *server, const char *text) {
  g_autofree char *url = test_server_url(server, "");
  g_auto(GStrv) parts = g_strsplit(text, "URL", -1);
  g_autofree char *script = g_strjoinv(url, parts);
  bench_steps(bench, script);
}

static void run_with_server(gconstpointer data) {
  const BenchCase *entry = data;
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  with_server(bench, server, entry->script);
  if (entry->fails != NULL)
    bench_expect_error(bench, entry->fails);
  else
    bench_expect(bench, entry->prints);
}

static const BenchCase cases[] = {
    {"net/get-json", "[step('net', {url: 'URL/json', method: 'get'}), log('{{input.n}}')]", "3\n"},
    {"net/get-text", "[step('net', {url: 'URL/hello'}), log('{{input}}')]", "'hello'\n"},
    {"net/method-in-capitals", "[step('net', {url: 'URL/hello', method: 'GET'}), log('{{input}}')]",
     "'hello'\n"},
    {"net/params-are-the-query",
     "[step('net', {url: 'URL/echo', params: {a: 'x y', b: 2}}), log('{{input.startsWith(\"GET\")}}')]",
     "true\n"},
    {"net/post-json",
     "[step('net', {url: 'URL/echo', method: 'post', data: {a: 1}, headers: {'x-mine': 'yes'}}),"
     "log(['{{input.startsWith(\"POST\")}}', '{{input.toLowerCase().includes(\"x-mine: yes\")}}', "
     "'{{input.includes(\"application/json\")}}', '{{input.endsWith(JSON.stringify({a: 1}))}}'])]",
     "[true,true,true,true]\n"},
    {"net/post-form",
     "[step('net', {url: 'URL/echo', method: 'post', data: {a: 'x y'}, headers: {'Content-Type': "
     "'application/x-www-form-urlencoded'}}),"
     "log('{{input.endsWith(\"a=x+y\")}}')]",
     "true\n"},
    {"net/arraybuffer",
     "[step('net', {url: 'URL/hello', responseType: 'arraybuffer'}), log(['{{Buffer.isBuffer(input)}}', "
     "'{{input.toString()}}'])]",
     "[true,'hello']\n"},
    {"net/redirect", "[step('net', {url: 'URL/to/302/hello'}), log('{{input}}')]", "'hello'\n"},
    {"net/compressed", "[step('net', {url: 'URL/gzip'}), log('{{input.length}}')]", "8000\n"},
    {"net/404", "[step('net', {url: 'URL/missing'}), say('after')]", "", "404"},
    {"net/500", "[step('net', {url: 'URL/status/500'})]", "", "500"},
    {"net/redirect-loop", "[step('net', {url: 'URL/loop'})]", "", "redirect"},
    {"net/timeout", "[step('net', {url: 'URL/silent', timeout: 100})]", "", "/silent"},
    {"net/cut", "[step('net', {url: 'URL/cut'})]", "", "/cut"},
    {"net/refused", "[step('net', {url: 'http://127.0.0.1:1/'})]", "", "127.0.0.1"},
    {"net/no-url", "[step('net', {})]", "", "url"},
    {"net/fetch-in-a-function",
     "[{method: async (req) => (await (await fetch('URL/json')).json()).name}, log('{{input}}')]",
     "'pinokio'\n"},
    {"wait/url", "[step('process.wait', {url: 'URL/hello'}), say('on')]", "on\n"},
    {"wait/uri", "[step('process.wait', {uri: 'URL/hello', interval: 1, message: 'not yet'}), say('on')]",
     "on\n"},
    {"wait/http", "[step('process.wait', {on: {resources: ['URL/hello']}}), say('on')]", "on\n"},
    {"wait/http-get",
     "[step('process.wait', {on: {resources: ['URL/hello'.replace('http:', 'http-get:')]}}), say('on')]",
     "on\n"},
    {"wait/http-that-is-404",
     "[step('process.wait', {on: {resources: ['URL/missing'], timeout: 300, interval: 50}})]", "",
     "/missing"},
    {"wait/tcp", "[step('process.wait', {on: {resources: ['URL'.replace('http://', 'tcp:')]}}), say('on')]",
     "on\n"},
    {"wait/tcp-times-out",
     "[step('process.wait', {on: {resources: ['tcp:127.0.0.1:1'], timeout: 200, interval: 50}})]", "",
     "tcp:127.0.0.1:1"},
    {"wait/reverse",
     "[step('process.wait', {on: {resources: ['tcp:127.0.0.1:1', 'file:none'], reverse: true}}), say('on')]",
     "on\n"},
    {"wait/reverse-of-what-stays",
     "[step('process.wait', {on: {resources: ['URL/hello'], reverse: true, timeout: 200, interval: 50}})]",
     "", "/hello"},
    {"wait/sec", "[step('process.wait', {sec: 0.05}), say('on')]", "on\n"},
    {"wait/min", "[step('process.wait', {min: 0.001}), say('on')]", "on\n"},
    {"wait/file",
     "[{method: () => { setTimeout(() => require('fs').writeFileSync(__dirname + '/late', 'x'), 100) }},"
     "step('process.wait', {on: {resources: ['file:late'], window: 50, interval: 20}}), "
     "log('{{exists(\"late\")}}')]",
     "true\n"},
    {"wait/file-times-out",
     "[step('process.wait', {on: {resources: ['file:none'], timeout: 100, interval: 20}}), say('after')]", "",
     "none"},
    {"wait/delay",
     "[{method: () => Date.now(), returns: 'local.t'}, step('process.wait', {on: {resources: "
     "['file:main.js'], delay: 150, window: 0}}),"
     "log('{{timestamp - local.t >= 150}}')]",
     "true\n"},
    {"wait/no-resources", "[step('process.wait', {on: {}})]", "", "resources"},
    {"wait/app", "[step('process.wait', {app: 'Editor'})]", "", "APP_NOT_FOUND"},
};

/* --- what starts to listen while the script waits ---- */

typedef struct {
  GSocketService *service;
  GSocketAddress *address;
} Late;

static gboolean listen_now(gpointer data) {
  Late *late = data;
  g_autoptr(GError) error = NULL;
  g_socket_listener_add_address(G_SOCKET_LISTENER(late->service), late->address, G_SOCKET_TYPE_STREAM,
                                G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error);
  g_assert_no_error(error);
  g_socket_service_start(late->service);
  return G_SOURCE_REMOVE;
}

static void listen_once_waiting(Bench *bench, const char *event) {
  if (strstr(event, "\"type\":\"wait\"") != NULL)
    g_timeout_add(100, listen_now, bench->hook_data);
}

static void test_socket(void) {
  g_autoptr(Bench) bench = bench_new();
  g_autofree char *path = bench_path(bench, "s.sock");
  g_autoptr(GSocketService) service = g_socket_service_new();
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
  Late late = {service, address};
  bench->hook = listen_once_waiting;
  bench->hook_data = &late;
  g_autofree char *script = g_strdup_printf(
      "[step('process.wait', {on: {resources: ['socket:%s'], interval: 20, timeout: 20000}}), say('on')]",
      path);
  bench_steps(bench, script);
  bench_expect(bench, "on\n");
  g_socket_service_stop(service);
  g_socket_listener_close(G_SOCKET_LISTENER(service));
}

static void test_wait_until_stopped(void) {
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "\"type\":\"wait\"";
  bench_steps(bench, "[step('process.wait', {title: 't', message: 'm'}), say('after')]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
  g_assert_cmpstr(bench->printed->str, ==, "");
}

static void test_net_cancelled(void) {
  g_autoptr(TestServer) server = test_server_new();
  g_autoptr(Bench) bench = bench_new();
  bench->cancel_at = "\"method\":\"net\"";
  with_server(bench, server, "[step('net', {url: 'URL/silent'}), say('after')]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], run_with_server);
  }
  g_test_add_func("/wait/socket-that-comes-later", test_socket);
  g_test_add_func("/wait/until-stopped", test_wait_until_stopped);
  g_test_add_func("/net/cancelled", test_net_cancelled);
  return g_test_run();
}
