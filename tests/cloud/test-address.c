/* A platform's own addresses, its certificate, and its rules. */
#include <gio/gio.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/address.h"
#include "cloud/rules.h"
#include "fake-root.h"

#define MOST 8

typedef struct {
  const char *what, *id;
  const char *env[MOST];
  guint16 port;
  const char *wanted; /* each "auth url[ every][ tls]", parted by "; "; "" none */
  const char *reason; /* a part of it; NULL: none is given */
} Case;

#define VAST "PUBLIC_IPADDR=65.130.162.74", "VAST_TCP_PORT_8080=33526"

static const Case CASES[] = {
    {"vast-direct", "vast", {VAST}, 8080, "public http://65.130.162.74:33526 every", NULL},
    {"vast-ipv6",
     "vast",
     {"PUBLIC_IPADDR=2001:db8::1", "VAST_TCP_PORT_80=3"},
     80,
     "public http://[2001:db8::1]:3 every",
     NULL},
    {"vast-other-port", "vast", {VAST, "VAST_TCP_PORT_22=1"}, 7860, "", "(22, 8080)"},
    {"vast-no-ports", "vast", {"PUBLIC_IPADDR=1.2.3.4"}, 7860, "", "(none)"},
    {"vast-same-inside-and-out",
     "vast",
     {VAST, "VAST_TCP_PORT_70000=41999"},
     41999,
     "public http://65.130.162.74:41999 every",
     NULL},
    {"vast-wish-is-no-port", "vast", {VAST, "VAST_TCP_PORT_70000=41999"}, 4464, "", "4464"},
    {"vast-public-number-is-no-local-one", "vast", {VAST}, 33526, "", "(8080)"},
    {"vast-no-address", "vast", {"VAST_TCP_PORT_8080=33526"}, 8080, "", "PUBLIC_IPADDR"},
    {"vast-nonsense",
     "vast",
     {"PUBLIC_IPADDR=1.2.3.4/?x", "VAST_TCP_PORT_8080=33526"},
     8080,
     "",
     "PUBLIC_IPADDR"},
    {"vast-port-out-of-range",
     "vast",
     {"PUBLIC_IPADDR=1.2.3.4", "VAST_TCP_PORT_8080=99999"},
     8080,
     "",
     "8080"},
    {"vast-behind-proxy",
     "vast",
     {VAST, "PORTAL_CONFIG=localhost:1111:11111:/:Portal|localhost:8080:18080:/:My App"},
     18080,
     "token http://65.130.162.74:33526",
     NULL},
    {"vast-the-proxys-own-port",
     "vast",
     {VAST, "PORTAL_CONFIG=localhost:8080:18080:/:App"},
     8080,
     "token http://65.130.162.74:33526",
     NULL},
    {"vast-proxy-with-tls",
     "vast",
     {VAST, "PORTAL_CONFIG=localhost:8080:18080:/:App", "ENABLE_HTTPS=true"},
     18080,
     "token https://65.130.162.74:33526",
     NULL},
    {"vast-proxy-without-login",
     "vast",
     {VAST, "PORTAL_CONFIG=localhost:8080:18080:/:App", "ENABLE_AUTH=false"},
     18080,
     "public http://65.130.162.74:33526",
     NULL},
    {"vast-entry-without-proxy",
     "vast",
     {VAST, "PORTAL_CONFIG=localhost:8080:8080:/:App|||x:y:z"},
     8080,
     "public http://65.130.162.74:33526 every",
     NULL},
    {"runpod",
     "runpod",
     {"RUNPOD_POD_ID=abc123xyz"},
     7860,
     "public https://abc123xyz-7860.proxy.runpod.net every",
     NULL},
    {"runpod-tcp",
     "runpod",
     {"RUNPOD_POD_ID=abc", "RUNPOD_PUBLIC_IP=1.2.3.4", "RUNPOD_TCP_PORT_7860=10042"},
     7860,
     "public https://abc-7860.proxy.runpod.net every; public http://1.2.3.4:10042 every",
     NULL},
    {"runpod-without-id", "runpod", {NULL}, 7860, "", "RUNPOD_POD_ID"},
    {"runpod-nonsense", "runpod", {"RUNPOD_POD_ID=a.b/c"}, 7860, "", "RUNPOD_POD_ID"},
    {"lightning",
     "lightning",
     {"LIGHTNING_CLOUDSPACE_HOST=01h.cloudspaces.litng.ai"},
     8000,
     "owner https://8000-01h.cloudspaces.litng.ai",
     NULL},
    {"lightning-without-host", "lightning", {NULL}, 8000, "", "LIGHTNING_CLOUDSPACE_HOST"},
    {"paperspace",
     "paperspace",
     {"PAPERSPACE_FQDN=n1.abc.paperspacegradient.com"},
     6006,
     "public https://tensorboard-n1.abc.paperspacegradient.com/",
     NULL},
    {"paperspace-other-port",
     "paperspace",
     {"PAPERSPACE_FQDN=n1.abc.paperspacegradient.com"},
     7860,
     "",
     "6006"},
    {"paperspace-without-name", "paperspace", {NULL}, 6006, "", "PAPERSPACE_FQDN"},
    {"colab", "colab", {NULL}, 7860, "", "serve_kernel_port_as_iframe(7860)"},
    {"kaggle", "kaggle", {NULL}, 7860, "", "no public"},
    {"studiolab", "studiolab", {NULL}, 7860, "", "root"},
    {"container", "container", {VAST}, 8080, "", "no platform"},
    {"local", "local", {NULL}, 8080, "", "no platform"},
};

static PinoPlatform *detect(const char *root, const char *id, const char *const *env) {
  g_autoptr(GError) error = NULL;
  PinoPlatform *platform = pino_platform_detect(root, env, id, &error);
  g_assert_no_error(error);
  return platform;
}

static char *show(const PinoAddresses *addresses) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < addresses->list->len; i++) {
    const PinoAddress *address = g_ptr_array_index(addresses->list, i);
    g_autofree char *begin = g_strconcat(address->scheme, "://", NULL);
    g_assert_true(g_str_has_prefix(address->url, begin));
    g_assert_nonnull(address->needs);
    g_string_append_printf(text, "%s%s %s%s%s", i > 0 ? "; " : "", pino_address_auth_name(address->auth),
                           address->url, address->every_interface ? " every" : "",
                           address->own_tls ? " tls" : "");
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_case(gconstpointer data) {
  const Case *about = data;
  char *root = fake_root_new();
  g_autoptr(PinoPlatform) platform = detect(root, about->id, about->env);
  g_autoptr(PinoAddresses) addresses = pino_address_find(platform, about->port);
  g_autofree char *shown = show(addresses);
  g_assert_cmpstr(shown, ==, about->wanted);
  if (about->reason == NULL)
    g_assert_null(addresses->reason);
  else
    g_assert_nonnull(strstr(addresses->reason, about->reason));
  fake_root_free(root);
}

static void test_studiolab_path(void) {
  const char *env[] = {NULL};
  g_autoptr(PinoPlatform) platform = detect("/", "studiolab", env);
  g_autoptr(PinoAddresses) addresses = pino_address_find(platform, 8501);
  g_assert_cmpstr(addresses->proxy_path, ==, "/studiolab/default/jupyter/proxy/8501/");
}

/* The file is what the proxy reads; the variable is what it was made of and may be old. */
static void test_portal_file(void) {
  const char *env[] = {VAST, "PORTAL_CONFIG=localhost:8080:9999:/:Old", NULL};
  char *root = fake_root_new();
  fake_put(
      root, "etc/portal.yaml",
      "applications:\n  Portal:\n    hostname: localhost\n    external_port: 1111\n    internal_port: 11111\n"
      "    open_path: /\n    name: Portal\n  Half:\n    external_port: 9090\n  My App:\n"
      "    internal_port: 17070\n    external_port: 8080\n    name: My App\n");
  g_autoptr(PinoPlatform) platform = detect(root, "vast", env);
  const struct {
    guint16 port;
    const char *wanted;
  } ports[] = {{17070, "token http://65.130.162.74:33526"}, {9999, ""}, {11111, ""}};
  for (gsize i = 0; i < G_N_ELEMENTS(ports); i++) {
    g_autoptr(PinoAddresses) addresses = pino_address_find(platform, ports[i].port);
    g_autofree char *shown = show(addresses);
    g_assert_cmpstr(shown, ==, ports[i].wanted);
  }
  fake_root_free(root);
}

/* --- the certificate ---- */

/* A pair that is made here: good for 30 days. FALSE without openssl. */
static gboolean make_pair(const char *root) {
  g_autofree char *certificate = g_build_filename(root, "etc/instance.crt", NULL);
  g_autofree char *key = g_build_filename(root, "etc/instance.key", NULL);
  const char *command[] = {
      "openssl", "req",          "-x509",     "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
      "-nodes",  "-out",         certificate, "-keyout", key,  "-days",    "30",
      "-subj",   "/CN=instance", NULL};
  g_autofree char *program = g_find_program_in_path("openssl");
  g_autoptr(GError) error = NULL;
  fake_put(root, "etc/.instance-cert-selfsigned", "");
  if (program == NULL)
    return FALSE;
  g_autoptr(GSubprocess) process = g_subprocess_newv(
      command, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
  g_assert_no_error(error);
  return g_subprocess_wait_check(process, NULL, NULL);
}

static void test_certificate(void) {
  const char *env[] = {VAST, NULL};
  char *root = fake_root_new();
  if (!make_pair(root)) {
    g_test_skip("openssl is not installed");
    fake_root_free(root);
    return;
  }
  g_autoptr(PinoPlatform) platform = detect(root, "vast", env);
  g_autoptr(PinoTls) tls = pino_tls_find(platform);
  g_assert_cmpstr(tls->certificate, ==, "/etc/instance.crt");
  g_assert_cmpstr(tls->key, ==, "/etc/instance.key");
  g_assert_true(tls->readable);
  g_assert_true(tls->self_signed);
  gint64 wanted = g_get_real_time() / G_USEC_PER_SEC + 30 * 24 * 3600;
  gint64 expires = pino_tls_expires(tls, root);
  if (expires == 0)
    g_test_message("GIO has no TLS here: the date of expiry was not read");
  else
    g_assert_cmpint(ABS(expires - wanted), <, 24 * 3600);
  g_autoptr(PinoAddresses) addresses = pino_address_find(platform, 8080);
  g_autofree char *shown = show(addresses);
  g_assert_cmpstr(shown, ==,
                  "public https://65.130.162.74:33526 every tls; public http://65.130.162.74:33526 every");
  g_autoptr(PinoPlatform) other = detect(root, "runpod", env);
  g_assert_null(pino_tls_find(other));
  fake_root_free(root);
}

static void test_key_missing(void) {
  const char *env[] = {VAST, NULL};
  char *root = fake_root_new();
  fake_put(root, "etc/instance.crt", "no certificate");
  g_autoptr(PinoPlatform) platform = detect(root, "vast", env);
  g_autoptr(PinoTls) tls = pino_tls_find(platform);
  g_assert_false(tls->readable);
  g_assert_false(tls->self_signed);
  g_assert_cmpint(pino_tls_expires(tls, root), ==, 0);
  g_autoptr(PinoAddresses) addresses = pino_address_find(platform, 8080);
  g_autofree char *shown = show(addresses);
  g_assert_cmpstr(shown, ==, "public http://65.130.162.74:33526 every");
  fake_root_free(root);
}

static void test_json(void) {
  const char *env[] = {"RUNPOD_POD_ID=abc", NULL};
  g_autoptr(PinoPlatform) platform = detect("/", "runpod", env);
  g_autoptr(PinoAddresses) addresses = pino_address_find(platform, 80);
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  pino_addresses_append_json(addresses, text);
  g_autoptr(JsonNode) node = json_from_string(text->str, &error);
  g_assert_no_error(error);
  JsonArray *list = json_object_get_array_member(json_node_get_object(node), "addresses");
  JsonObject *first = json_array_get_object_element(list, 0);
  g_assert_cmpstr(json_object_get_string_member(first, "auth"), ==, "public");
  g_assert_true(json_object_get_boolean_member(first, "every_interface"));
}

/* --- rules ---- */

static void test_rules(void) {
  for (const char *const *id = pino_platform_ids(); *id != NULL; id++) {
    g_autoptr(GPtrArray) rules = pino_rules_find(*id, NULL);
    gboolean rented = !g_str_equal(*id, "local") && !g_str_equal(*id, "container");
    g_assert_cmpint(rules->len > 0, ==, rented);
    PinoRuleWeight last = PINO_RULE_FORBIDS;
    for (guint i = 0; i < rules->len; i++) {
      const PinoRule *rule = g_ptr_array_index(rules, i);
      g_assert_true(rule->text != NULL && rule->source != NULL && rule->feature != NULL);
      g_assert_cmpint(rule->weight, <=, last);
      last = rule->weight;
    }
  }
}

static void test_rules_of_a_feature(void) {
  g_autoptr(GPtrArray) rules = pino_rules_find("colab", PINO_RULE_TUNNEL);
  g_assert_cmpuint(rules->len, ==, 1);
  const PinoRule *rule = g_ptr_array_index(rules, 0);
  g_assert_cmpstr(pino_rule_weight_name(rule->weight), ==, "forbids");
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  pino_rules_append_json("colab", NULL, text);
  g_autoptr(JsonNode) node = json_from_string(text->str, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), >, 3);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *path = g_strconcat("/cloud/address/", CASES[i].what, NULL);
    g_test_add_data_func(path, &CASES[i], test_case);
  }
  g_test_add_func("/cloud/address/studiolab-path", test_studiolab_path);
  g_test_add_func("/cloud/address/portal-file", test_portal_file);
  g_test_add_func("/cloud/address/certificate", test_certificate);
  g_test_add_func("/cloud/address/key-missing", test_key_missing);
  g_test_add_func("/cloud/address/json", test_json);
  g_test_add_func("/cloud/rules/every-platform", test_rules);
  g_test_add_func("/cloud/rules/of-a-feature", test_rules_of_a_feature);
  return g_test_run();
}
