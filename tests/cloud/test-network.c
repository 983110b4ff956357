/* Reaching out, to listeners of the test's own on loopback; proxies; addresses. */
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "cloud/network.h"

static GSocket *socket_on_loopback(guint *port) {
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback, 0);
  GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_assert_true(g_socket_bind(socket, address, TRUE, NULL));
  g_autoptr(GSocketAddress) bound = g_socket_get_local_address(socket, NULL);
  *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
  return socket;
}

static const PinoReach *reach_at(PinoNetwork *network, guint index) {
  g_assert_cmpuint(index, <, network->reached->len);
  return &g_array_index(network->reached, PinoReach, index);
}

static const char *const no_env[] = {NULL};

static void test_reaches(void) {
  guint open_port, shut_port;
  g_autoptr(GSocket) listening = socket_on_loopback(&open_port), shut = socket_on_loopback(&shut_port);
  g_assert_true(g_socket_listen(listening, NULL));
  const PinoNetworkHost hosts[] = {{"127.0.0.1", open_port, "all"},
                                   {"127.0.0.1", shut_port, "much"},
                                   {"localhost", open_port, "names"},
                                   {NULL, 0, NULL}};
  g_autoptr(PinoNetwork) network = pino_network_look(hosts, 3000, no_env);
  g_assert_true(network->tried && network->online && network->names && network->can_bind);
  g_assert_true(reach_at(network, 0)->reached);
  g_assert_cmpint(reach_at(network, 0)->ms, >=, 0);
  g_assert_cmpstr(reach_at(network, 0)->what, ==, "all");
  g_assert_false(reach_at(network, 1)->reached);
  g_assert_nonnull(strstr(reach_at(network, 1)->trouble, "refused"));
  g_assert_true(reach_at(network, 2)->reached);
  /* Connected, and no byte sent. */
  g_autoptr(GSocket) peer = g_socket_accept(listening, NULL, NULL);
  char byte;
  g_assert_cmpint(g_socket_receive(peer, &byte, 1, NULL, NULL), ==, 0);
}

static void test_nobody(void) {
  guint shut_port;
  g_autoptr(GSocket) shut = socket_on_loopback(&shut_port);
  const PinoNetworkHost hosts[] = {
      {"127.0.0.1", shut_port, ""}, {"no-such-host.invalid", 443, ""}, {NULL, 0, NULL}};
  gint64 began = g_get_monotonic_time();
  g_autoptr(PinoNetwork) network = pino_network_look(hosts, 2000, no_env);
  g_assert_cmpint(g_get_monotonic_time() - began, <, 4 * G_USEC_PER_SEC);
  g_assert_false(network->online);
  g_assert_nonnull(reach_at(network, 1)->trouble);
}

/* Its queue of connections is full, so a further one is neither taken nor refused. */
static void test_silent(void) {
  guint port;
  g_autoptr(GSocket) full = socket_on_loopback(&port);
  g_autoptr(GPtrArray) fillers = g_ptr_array_new_with_free_func(g_object_unref);
  g_socket_set_listen_backlog(full, 0);
  g_assert_true(g_socket_listen(full, NULL));
  g_autoptr(GSocketAddress) address = g_socket_get_local_address(full, NULL);
  for (int i = 0; i < 4; i++) {
    GSocket *filler = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
    g_socket_set_blocking(filler, FALSE);
    (void)g_socket_connect(filler, address, NULL, NULL);
    g_ptr_array_add(fillers, filler);
  }
  const PinoNetworkHost hosts[] = {{"127.0.0.1", port, ""}, {NULL, 0, NULL}};
  gint64 began = g_get_monotonic_time();
  g_autoptr(PinoNetwork) network = pino_network_look(hosts, 500, no_env);
  g_assert_cmpint(g_get_monotonic_time() - began, <, 3 * G_USEC_PER_SEC);
  g_assert_false(network->online);
  g_assert_cmpstr(reach_at(network, 0)->trouble, ==, "no answer in time");
}

static void test_not_tried(void) {
  g_autoptr(PinoNetwork) network = pino_network_look(NULL, 3000, no_env);
  g_assert_false(network->tried);
  g_assert_cmpuint(network->reached->len, ==, 0);
  g_assert_true(network->can_bind);
}

static void test_proxies(void) {
  guint port;
  g_autoptr(GSocket) listening = socket_on_loopback(&port);
  g_assert_true(g_socket_listen(listening, NULL));
  g_autofree char *proxy = g_strdup_printf("https_proxy=http://me:se@c/ret@127.0.0.1:%u/", port);
  const char *const env[] = {proxy, "HTTP_PROXY=", "ALL_PROXY=socks5://tok3n@10.0.0.1:1080", NULL};
  const PinoNetworkHost hosts[] = {{"no-such-host.invalid", 443, "apps"}, {NULL, 0, NULL}};
  g_autoptr(PinoNetwork) network = pino_network_look(hosts, 2000, env);
  g_autofree char *masked = g_strdup_printf("https_proxy=http://me:***@127.0.0.1:%u/", port);
  g_assert_cmpuint(g_strv_length(network->proxies), ==, 2);
  g_assert_cmpstr(network->proxies[0], ==, masked);
  g_assert_cmpstr(network->proxies[1], ==, "ALL_PROXY=socks5://***@10.0.0.1:1080");
  g_autoptr(GString) out = g_string_new(NULL);
  pino_network_append_json(network, out);
  g_assert_true(reach_at(network, 1)->reached);
  g_assert_null(strstr(out->str, "ret@"));
  g_assert_null(strstr(out->str, "tok3n"));
}

static void test_proxy_is_tried(void) {
  guint port;
  g_autoptr(GSocket) listening = socket_on_loopback(&port);
  g_assert_true(g_socket_listen(listening, NULL));
  g_autofree char *proxy = g_strdup_printf("http_proxy=127.0.0.1:%u", port);
  const char *const env[] = {proxy, NULL};
  const PinoNetworkHost hosts[] = {{"no-such-host.invalid", 443, "apps"}, {NULL, 0, NULL}};
  g_autoptr(PinoNetwork) network = pino_network_look(hosts, 2000, env);
  g_assert_cmpuint(network->reached->len, ==, 2);
  g_assert_true(reach_at(network, 1)->reached);
  g_assert_true(network->online);
}

static void test_json(void) {
  g_autoptr(PinoNetwork) network = pino_network_look(NULL, 0, no_env);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) error = NULL;
  pino_network_append_json(network, out);
  json_parser_load_from_data(parser, out->str, -1, &error);
  g_assert_no_error(error);
  JsonObject *object = json_node_get_object(json_parser_get_root(parser));
  g_assert_true(json_object_get_null_member(object, "online"));
  g_assert_false(json_object_get_boolean_member(object, "tried"));
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "addresses")), ==,
                   network->addresses->len);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/network/reaches-who-listens", test_reaches);
  g_test_add_func("/cloud/network/nobody-there", test_nobody);
  g_test_add_func("/cloud/network/silence-has-a-limit", test_silent);
  g_test_add_func("/cloud/network/not-tried", test_not_tried);
  g_test_add_func("/cloud/network/proxies-without-their-secrets", test_proxies);
  g_test_add_func("/cloud/network/a-proxy-is-a-way-out", test_proxy_is_tried);
  g_test_add_func("/cloud/network/json", test_json);
  return g_test_run();
}
