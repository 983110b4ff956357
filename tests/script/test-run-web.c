/* Pages and their public addresses: what scripts tell the UI, and what they ask of the service's tunnels. The service is a
 * stand-in here that knows one shared port; the real one is met in tests/runner and tests/service. */
#include <string.h>

#include "base/error.h"
#include "base/wait.h"
#include "run-harness.h"

#define LOCAL "http://127.0.0.1:7860"
#define PUBLIC "https://words.example"

typedef struct {
  PinoRegistry registry;
  GString *asked;      /* a line for each question */
  const char *refusal; /* why share fails; NULL: it does not */
  gboolean slow;       /* share waits until it is cancelled */
} Service;

static char *on_status(const char *path, gpointer data) {
  return NULL;
}

static char **on_running(gpointer data) {
  return g_new0(char *, 1);
}

static gboolean on_stop(const char *path, GCancellable *cancellable, gboolean *stopped, gpointer data,
                        GError **error) {
  return TRUE;
}

static char *public_of(const char *url) {
  return g_str_has_prefix(url, LOCAL) ? g_strconcat(PUBLIC, url + strlen(LOCAL), NULL) : NULL;
}

static char *on_shared(const char *url, gpointer data) {
  Service *service = data;
  g_string_append_printf(service->asked, "shared %s\n", url);
  return public_of(url);
}

static char *on_share(const char *url, const char *passcode, GCancellable *cancellable, gpointer data,
                      GError **error) {
  Service *service = data;
  g_string_append_printf(service->asked, "share %s %s\n", url, passcode != NULL ? passcode : "-");
  if (service->slow) {
    gboolean never = FALSE;
    pino_wait(&never, cancellable, error);
    return NULL;
  }
  if (service->refusal != NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, service->refusal);
    return NULL;
  }
  return public_of(url);
}

static gboolean on_unshare(const char *url, gboolean *was_shared, gpointer data, GError **error) {
  Service *service = data;
  g_string_append_printf(service->asked, "unshare %s\n", url);
  *was_shared = g_str_equal(url, LOCAL);
  return TRUE;
}

static void service_begin(Service *service, Bench *bench) {
  *service = (Service){.registry = {.status = on_status,
                                    .running = on_running,
                                    .stop = on_stop,
                                    .shared = on_shared,
                                    .share = on_share,
                                    .unshare = on_unshare,
                                    .data = service},
                       .asked = g_string_new(NULL)};
  bench->registry = &service->registry;
}

static void service_clear(Service *service) {
  g_string_free(service->asked, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Service, service_clear)

/* The `data` of the first event that has the text. */
static const char *data_of(Bench *bench, const char *part) {
  for (guint i = 0; i < bench->events->len; i++) {
    if (strstr(bench->events->pdata[i], part) != NULL)
      return strstr(bench->events->pdata[i], "\"data\":");
  }
  g_test_message("no event has %s", part);
  g_test_fail();
  return "";
}

static void assert_has(const char *text, const char *part) {
  if (strstr(text, part) == NULL)
    g_assert_cmpstr(text, ==, part);
}

/* --- without a service -------------------------------------------------------------------------------------------- */

static const BenchCase alone_cases[] = {
    {"uri-open-gives-the-whole-uri",
     "[step('uri.open', {uri: 'x://y?a=1#z', params: {b: [1, 'ü & ?'], n: null, o: {k: 1}}}), "
     "say('{{input.uri}}')]",
     "x://y?a=1&b=1&b=%C3%BC%20%26%20%3F&o=%7B%22k%22%3A1%7D#z\n"},
    {"uri-open-without-params",
     "[step('uri.open', {uri: ' mailto:a@b '}), say('{{input.uri}} {{input.result.ok}}')]",
     "mailto:a@b true\n"},
    {"uri-open-adds-to-an-open-query",
     "[step('uri.open', {uri: 'x://y?', params: {a: true}}), say('{{input.uri}}')]", "x://y?a=true\n"},
    {"uri-open-without-uri", "[step('uri.open', {params: {a: 1}})]", "", "uri.open wants a uri"},
    {"open-gives-nothing",
     "[step('web.open', {uri: 'http://127.0.0.1:1'}), say('{{input === undefined || input === null}}')]",
     "true\n"},
    {"open-without-params-is-no-error", "[step('web.open'), step('web.close'), say('on')]", "on\n"},
    {"expose-names-the-page", "[step('web.expose', {uri: 'http://127.0.0.1:1/x'})]",
     "the page of app: http://127.0.0.1:1/x\n"},
    {"expose-without-uri", "[step('web.expose', {})]", "", "web.expose wants a uri"},
    {"tunnel-needs-the-service", "[step('cloudflare.tunnel', {uri: '" LOCAL "'})]", "",
     "only the service opens public addresses: start the app with `pinokiocloud start`"},
    {"stop-needs-the-service", "[step('cloudflare.stop', {uri: '" LOCAL "'})]", "", "`pinokiocloud start`"},
    {"tunnel-without-uri", "[step('cloudflare.tunnel', {})]", "",
     "cloudflare.tunnel wants the uri of a page"},
    {"tunnel-of-another-machine", "[step('cloudflare.tunnel', {uri: 'https://example.org/'})]", "",
     "not https://example.org/"},
    {"tunnel-of-no-address", "[step('cloudflare.tunnel', {uri: '{{local.url}}'})]", "", "not {{local.url}}"},
};

static void test_events_without_service(void) {
  g_autoptr(Bench) bench = bench_new();
  bench_steps(bench, "[step('web.open', {uri: '" LOCAL "', target: '_blank'}), step('web.open', 'http://y'),"
                     "step('tab.open', {url: 'http://z'}), step('browser.close', {uri: 'http://y'})]");
  bench_expect(bench, "");
  g_assert_cmpuint(bench_count(bench, "\"type\":\"open\""), ==, 3);
  g_assert_cmpuint(bench_count(bench, "\"type\":\"close\""), ==, 1);
  assert_has(data_of(bench, "_blank"), "{\"uri\":\"" LOCAL "\",\"target\":\"_blank\"}");
  assert_has(data_of(bench, "http://y"), "{\"uri\":\"http://y\"}");
  g_assert_cmpuint(bench_count(bench, "\"public\""), ==, 0);
}

/* --- with one ----------------------------------------------------------------------------------------------------- */

static void test_open_tells_the_public_form(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  bench_steps(bench, "[step('web.open', {uri: '" LOCAL
                     "/lab?a=1'}), step('browser.open', {uri: 'http://localhost:1'}),"
                     "step('web.expose', {uri: '" LOCAL "'})]");
  bench_expect(bench, NULL);
  assert_has(data_of(bench, "lab"), "\"public\":\"" PUBLIC "/lab?a=1\"");
  assert_has(data_of(bench, "\"type\":\"expose\""), "\"public\":\"" PUBLIC "\"");
  g_assert_cmpuint(bench_count(bench, "\"public\""), ==, 2);
  g_assert_cmpstr(service.asked->str, ==,
                  "shared " LOCAL "/lab?a=1\nshared http://localhost:1\nshared " LOCAL "\n");
}

/* Whoever reads the engine's log need not learn which pages of the world a script opens. */
static void test_other_hosts_are_not_asked_for(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  bench_steps(bench,
              "[step('web.open', {uri: 'https://example.org/'}), step('uri.open', {uri: 'mailto:a@b'}),"
              "step('web.open', {uri: 'start.js'}), step('web.open', {uri: 'http://8.8.8.8'}),"
              "step('web.open', {uri: 'http://[broken'})]");
  bench_expect(bench, NULL);
  g_assert_cmpstr(service.asked->str, ==, "");
  bench_steps(
      bench, "[step('web.open', {uri: 'http://192.168.1.5:80'}), step('web.open', {uri: 'http://[::1]:5/'}),"
             "step('web.open', {uri: 'http://0.0.0.0:5'}), step('web.open', {uri: 'http://app.localhost'})]");
  bench_expect(bench, NULL);
  g_assert_cmpstr(service.asked->str, ==,
                  "shared http://192.168.1.5:80\nshared http://[::1]:5/\nshared http://0.0.0.0:5\n"
                  "shared http://app.localhost\n");
}

static void test_tunnel(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  bench_steps(bench,
              "[step('local.set', {url: '" LOCAL "/a'}), step('cloudflare.tunnel', {uri: '{{local.url}}'}),"
              "say('it is {{input.uri}}'), say('{{local.$share.cloudflare[local.url]}}'),"
              "step('local.set', {x: '{{local.$share.cloudflare}}'})]");
  bench_expect(bench, "a public address for " LOCAL "/a is being opened\n"
                      "" LOCAL "/a is open to everybody at " PUBLIC "/a\nit is " PUBLIC "/a\n" PUBLIC "/a\n");
  assert_has(data_of(bench, "\"type\":\"result\",\"index\":1"), "{\"uri\":\"" PUBLIC "/a\"}");
  g_assert_cmpstr(service.asked->str, ==, "share " LOCAL "/a -\n");
}

static void test_passcode_is_handed_on_and_not_shown(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  bench_steps(bench, "[step('cloudflare.tunnel', {uri: '" LOCAL "', passcode: ' päss\"1 '}),"
                     "step('cloudflare.tunnel', {uri: 7860, passcode: ''}), step('cloudflare.tunnel', {uri: "
                     "':7860', passcode: 2468})]");
  bench_expect(bench, NULL);
  g_assert_cmpstr(service.asked->str, ==,
                  "share " LOCAL " päss\"1\nshare " LOCAL " -\nshare " LOCAL " 2468\n");
  assert_has(bench->printed->str, LOCAL " is open to everybody who knows the passcode at " PUBLIC);
  g_assert_cmpuint(bench_count(bench, "päss"), ==, 0);
  g_assert_cmpuint(bench_count(bench, "2468"), ==, 0);
}

static void test_passcode_without_value_opens_nothing(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  bench_steps(bench, "[step('cloudflare.tunnel', {uri: '" LOCAL "', passcode: '{{local.none}}'})]");
  bench_expect_error(bench, "passcode {{local.none}} has no value");
  g_assert_cmpstr(service.asked->str, ==, "");
}

static void test_tunnel_that_cannot_be_opened(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  service.refusal = "no provider could be reached";
  bench_steps(bench, "[step('cloudflare.tunnel', {uri: '" LOCAL "'}), say('after')]");
  bench_expect_error(bench, "cloudflare.tunnel: " LOCAL ": no provider could be reached");
  g_assert_null(strstr(bench->printed->str, "after"));
}

static void test_cancelled_while_it_opens(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  service.slow = TRUE;
  bench->cancel_at = "is being opened";
  bench_steps(bench, "[step('cloudflare.tunnel', {uri: '" LOCAL "'}), say('after')]");
  g_assert_cmpint(bench->outcome, ==, PINO_OUTCOME_CANCELLED);
}

static void test_stop(void) {
  g_autoptr(Bench) bench = bench_new();
  g_auto(Service) service = {0};
  service_begin(&service, bench);
  bench_steps(bench,
              "[step('cloudflare.tunnel', {uri: '" LOCAL "'}), step('cloudflare.stop', {uri: '" LOCAL "'}),"
              "say('{{JSON.stringify(Object.keys(local.$share.cloudflare))}}'),"
              "step('cloudflare.stop', {uri: 'http://127.0.0.1:1'})]");
  bench_expect(bench, "a public address for " LOCAL " is being opened\n" LOCAL
                      " is open to everybody at " PUBLIC "\n" LOCAL " is no longer open to everybody\n[]\n"
                      "http://127.0.0.1:1 was not open to everybody\n");
  g_assert_cmpstr(service.asked->str, ==,
                  "share " LOCAL " -\nunshare " LOCAL "\nunshare http://127.0.0.1:1\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  bench_add_cases("/web/alone", alone_cases, G_N_ELEMENTS(alone_cases));
  g_test_add_func("/web/alone/events", test_events_without_service);
  g_test_add_func("/web/open-tells-the-public-form", test_open_tells_the_public_form);
  g_test_add_func("/web/other-hosts-are-not-asked-for", test_other_hosts_are_not_asked_for);
  g_test_add_func("/web/tunnel", test_tunnel);
  g_test_add_func("/web/passcode-is-handed-on-and-not-shown", test_passcode_is_handed_on_and_not_shown);
  g_test_add_func("/web/passcode-without-value-opens-nothing", test_passcode_without_value_opens_nothing);
  g_test_add_func("/web/tunnel-that-cannot-be-opened", test_tunnel_that_cannot_be_opened);
  g_test_add_func("/web/cancelled-while-it-opens", test_cancelled_while_it_opens);
  g_test_add_func("/web/stop", test_stop);
  return g_test_run();
}
