#include "cloud/network.h"

#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "cloud/read.h"

static const PinoNetworkHost hosts_of_doctor[] = {
    {"github.com", 443, "installing and updating apps"},
    {"huggingface.co", 443, "downloading models"},
    {"1.1.1.1", 443, "anything outside, names aside"},
    {NULL, 0, NULL},
};

const PinoNetworkHost *pino_network_hosts(void) {
  return hosts_of_doctor;
}

static void clear_reach(gpointer data) {
  PinoReach *reach = data;
  g_free(reach->host);
  g_free(reach->what);
  g_free(reach->trouble);
}

static void clear_address(gpointer data) {
  g_free(((PinoAddressInfo *)data)->address);
}

/* --- reaching out ------------------------------------------------------------------------------------------------ */

typedef struct {
  GArray *list; /* PinoReach; does not move any more */
  GCancellable *cancellable;
  guint left;         /* that are under way */
  guint asked, found; /* names */
  gint64 began;
} Tries;

typedef struct {
  Tries *tries;
  guint index;
} Try;

static char *words_of(const GError *error) {
  if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_strdup("no answer in time");
  if (error->domain == G_RESOLVER_ERROR)
    return g_strdup("its name is not found");
  return g_strdup(error->message);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data) {
  g_autofree Try *try = data;
  Tries *tries = try->tries;
  PinoReach *reach = &g_array_index(tries->list, PinoReach, try->index);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocketConnection) connection =
      g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(source), result, &error);
  tries->left--;
  if (connection != NULL) {
    reach->reached = TRUE;
    reach->ms = (int)((g_get_monotonic_time() - tries->began) / 1000);
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
  } else {
    reach->trouble = words_of(error);
  }
  if (!g_hostname_is_ip_address(reach->host) && (connection != NULL || error->domain != G_RESOLVER_ERROR))
    tries->found++;
}

static gboolean on_limit(gpointer data) {
  g_cancellable_cancel(data);
  return G_SOURCE_REMOVE;
}

static void begin_try(Tries *tries, GSocketClient *client, guint index) {
  const PinoReach *reach = &g_array_index(tries->list, PinoReach, index);
  Try *try = g_new0(Try, 1);
  *try = (Try){tries, index};
  tries->left++;
  tries->asked += !g_hostname_is_ip_address(reach->host);
  g_socket_client_connect_to_host_async(client, reach->host, (guint16)reach->port, tries->cancellable,
                                        on_connected, try);
}

/* All at once, in a main context of their own. */
static void reach_out(PinoNetwork *network, guint limit_ms) {
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GSource) limit = g_timeout_source_new(limit_ms);
  Tries tries = {.list = network->reached, .cancellable = cancellable, .began = g_get_monotonic_time()};
  g_socket_client_set_enable_proxy(client, FALSE);
  g_source_set_callback(limit, on_limit, cancellable, NULL);
  g_source_attach(limit, context);
  for (guint i = 0; i < tries.list->len; i++)
    begin_try(&tries, client, i);
  while (tries.left > 0)
    g_main_context_iteration(context, TRUE);
  g_source_destroy(limit);
  g_main_context_pop_thread_default(context);
  network->names = tries.asked == 0 || tries.found > 0;
  for (guint i = 0; i < network->reached->len; i++)
    network->online = network->online || g_array_index(network->reached, PinoReach, i).reached;
}

static void add_host(PinoNetwork *network, const char *host, guint port, const char *what) {
  PinoReach reach = {g_strdup(host), port, g_strdup(what), FALSE, -1, NULL};
  g_array_append_val(network->reached, reach);
}

/* --- proxies ----------------------------------------------------------------------------------------------------- */

static const char *const proxy_names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy",
                                          "HTTP_PROXY",  "all_proxy",   "ALL_PROXY"};

/* What stands between "//" and the last "@" is "user:password", or a token; a password may hold any sign. */
char *pino_network_mask(const char *url) {
  const char *slashes = strstr(url, "://");
  const char *from = slashes != NULL ? slashes + 3 : url;
  const char *at = strrchr(from, '@');
  if (at == NULL)
    return g_strdup(url);
  const char *colon = memchr(from, ':', (gsize)(at - from));
  gsize shown = colon != NULL ? (gsize)(colon - from) + 1 : 0;
  return g_strdup_printf("%.*s%.*s***%s", (int)(from - url), url, (int)shown, from, at);
}

/* The host is looked for behind what mask hides: a password with a slash in it is no host. */
static GUri *parse_proxy(const char *url) {
  const char *slashes = strstr(url, "://"), *at = strrchr(url, '@');
  g_autofree char *scheme = slashes != NULL ? g_strndup(url, (gsize)(slashes - url)) : g_strdup("http");
  const char *rest = at != NULL ? at + 1 : slashes != NULL ? slashes + 3 : url;
  g_autofree char *plain = g_strdup_printf("%s://%s", scheme, rest);
  GUri *uri = g_uri_parse(plain, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_NON_DNS, NULL);
  if (uri == NULL || (g_uri_get_host(uri) != NULL && *g_uri_get_host(uri) != '\0'))
    return uri;
  g_uri_unref(uri);
  return NULL;
}

static void find_proxies(PinoNetwork *network, const char *const *env, gboolean try) {
  g_auto(GStrv) own = env == NULL ? g_get_environ() : NULL;
  g_autoptr(GPtrArray) shown = g_ptr_array_new();
  for (guint i = 0; i < G_N_ELEMENTS(proxy_names); i++) {
    const char *url = g_environ_getenv(env != NULL ? (char **)env : own, proxy_names[i]);
    if (url == NULL || *url == '\0')
      continue;
    g_autofree char *masked = pino_network_mask(url);
    g_ptr_array_add(shown, g_strdup_printf("%s=%s", proxy_names[i], masked));
    g_autoptr(GUri) uri = shown->len == 1 && try ? parse_proxy(url) : NULL;
    if (uri != NULL)
      add_host(network, g_uri_get_host(uri), g_uri_get_port(uri) > 0 ? (guint)g_uri_get_port(uri) : 80,
               "the proxy that the environment names");
  }
  g_ptr_array_add(shown, NULL);
  network->proxies = (char **)g_ptr_array_free(g_steal_pointer(&shown), FALSE);
}

/* --- this machine ------------------------------------------------------------------------------------------------ */

static gboolean try_bind(void) {
  g_autoptr(GInetAddress) any = g_inet_address_new_any(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new(any, 0);
  g_autoptr(GSocket) socket =
      g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  return socket != NULL && g_socket_bind(socket, address, TRUE, NULL) && g_socket_listen(socket, NULL);
}

/* Ranges of IPv4 that no packet from outside comes to, beside those that GLib names: shared by carriers and overlays
 * (RFC 6598), for benchmarks (RFC 2544), for documents (RFC 5737). */
static const char *const closed_ranges[] = {"100.64.0.0/10",   "198.18.0.0/15",  "192.0.2.0/24",
                                            "198.51.100.0/24", "203.0.113.0/24", "fc00::/7",
                                            "2001:db8::/32"};

static gboolean is_private(GInetAddress *address) {
  if (g_inet_address_get_is_site_local(address))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(closed_ranges); i++) {
    g_autoptr(GInetAddressMask) range = g_inet_address_mask_new_from_string(closed_ranges[i], NULL);
    if (g_inet_address_mask_matches(range, address))
      return TRUE;
  }
  return FALSE;
}

static GInetAddress *inet_address_of(const struct sockaddr *from) {
  if (from == NULL || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
    return NULL;
  gsize size = from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  g_autoptr(GSocketAddress) native = g_socket_address_new_from_native((gpointer)from, size);
  return G_IS_INET_SOCKET_ADDRESS(native)
             ? g_object_ref(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(native)))
             : NULL;
}

static void find_addresses(PinoNetwork *network) {
  struct ifaddrs *all = NULL;
  if (getifaddrs(&all) != 0)
    return;
  for (struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
    g_autoptr(GInetAddress) address = (at->ifa_flags & IFF_UP) != 0 ? inet_address_of(at->ifa_addr) : NULL;
    if (address == NULL || g_inet_address_get_is_loopback(address) ||
        g_inet_address_get_is_link_local(address))
      continue;
    PinoAddressInfo info = {g_inet_address_to_string(address), !is_private(address),
                            g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6};
    network->ipv6 = network->ipv6 || (info.is_ipv6 && info.is_public);
    g_array_append_val(network->addresses, info);
  }
  freeifaddrs(all);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

PinoNetwork *pino_network_look(const PinoNetworkHost *hosts, guint limit_ms, const char *const *env) {
  PinoNetwork *network = g_new0(PinoNetwork, 1);
  network->tried = hosts != NULL;
  network->names = TRUE;
  network->reached = g_array_new(FALSE, FALSE, sizeof(PinoReach));
  g_array_set_clear_func(network->reached, clear_reach);
  network->addresses = g_array_new(FALSE, FALSE, sizeof(PinoAddressInfo));
  g_array_set_clear_func(network->addresses, clear_address);
  for (; hosts != NULL && hosts->host != NULL; hosts++)
    add_host(network, hosts->host, hosts->port, hosts->what);
  find_proxies(network, env, network->tried);
  if (network->tried)
    reach_out(network, limit_ms);
  network->can_bind = try_bind();
  find_addresses(network);
  return network;
}

void pino_network_free(PinoNetwork *network) {
  if (network == NULL)
    return;
  g_array_unref(network->reached);
  g_array_unref(network->addresses);
  g_strfreev(network->proxies);
  g_free(network);
}

static const char *word(gboolean yes) {
  return yes ? "true" : "false";
}

static void append_reached(const GArray *list, GString *out) {
  g_string_append(out, ",\"reached\":[");
  for (guint i = 0; i < list->len; i++) {
    const PinoReach *reach = &g_array_index(list, PinoReach, i);
    g_string_append(out, i == 0 ? "{" : ",{");
    pino_json_append_member(out, "host", reach->host);
    pino_cloud_append_number(out, "port", reach->port);
    pino_json_append_member(out, "what", reach->what);
    g_string_append_printf(out, ",\"reached\":%s", word(reach->reached));
    pino_cloud_append_number(out, "ms", reach->ms < 0 ? G_MAXUINT64 : (guint64)reach->ms);
    pino_json_append_member(out, "trouble", reach->trouble);
    g_string_append_c(out, '}');
  }
  g_string_append_c(out, ']');
}

void pino_network_append_json(const PinoNetwork *network, GString *out) {
  g_string_append_printf(out, "{\"tried\":%s,\"online\":%s,\"names\":%s", word(network->tried),
                         network->tried ? word(network->online) : "null", word(network->names));
  append_reached(network->reached, out);
  g_string_append(out, ",\"proxies\":[");
  for (guint i = 0; network->proxies[i] != NULL; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    pino_json_append_string(out, network->proxies[i], strlen(network->proxies[i]));
  }
  g_string_append_printf(out, "],\"can_bind\":%s,\"addresses\":[", word(network->can_bind));
  for (guint i = 0; i < network->addresses->len; i++) {
    const PinoAddressInfo *info = &g_array_index(network->addresses, PinoAddressInfo, i);
    g_string_append(out, i == 0 ? "{" : ",{");
    pino_json_append_member(out, "address", info->address);
    g_string_append_printf(out, ",\"public\":%s,\"ipv6\":%s}", word(info->is_public), word(info->is_ipv6));
  }
  g_string_append_printf(out, "],\"ipv6\":%s}", word(network->ipv6));
}
