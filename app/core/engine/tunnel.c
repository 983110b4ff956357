/* The life of one tunnel: a provider is chosen, its agent started, the address that it tells is asked until it leads here,
 * and then again and again. What fails is barred for a while (tunnel/bar.h), and the next provider takes its place. */
#include <arpa/inet.h>
#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/address.h"
#include "detect/listen.h"
#include "engine/settings.h"
#include "engine/tunnel.h"
#include "environment/env.h"

#define EARLY_CHECK_MS 500 /* until it first leads here: names need some seconds to be known */
#define EARLY_US (30 * G_USEC_PER_SEC)
#define PLATFORM_EARLY_US (6 * G_USEC_PER_SEC) /* its proxy may lag, or never lead to this port */
#define MISS_CHECK_MS 1000
#define MOST_MISSES 3
#define SHORT_ANSWER_MS 3000
#define LONG_ANSWER_MS 10000
#define PLATFORM_FACTOR 10   /* its check is a request to the app, which may log it */
#define NOBODY_WAIT_MS 60000 /* no provider can be used at all: until a program or a token is there */

/* --- what it is ---------------------------------------------------------------------------------------------------- */

const char *pino_tunnel_status_name(PinoTunnelStatus status) {
  static const char *const names[] = {"opening", "open", "failing", "waiting"};
  return names[status];
}

static GInetAddress *address_of(const struct ifaddrs *item) {
  const struct sockaddr *address = item->ifa_addr;
  if (address != NULL && address->sa_family == AF_INET)
    return g_inet_address_new_from_bytes(
        (const guint8 *)&((const struct sockaddr_in *)(const void *)address)->sin_addr, G_SOCKET_FAMILY_IPV4);
  if (address != NULL && address->sa_family == AF_INET6)
    return g_inet_address_new_from_bytes(
        (const guint8 *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
        G_SOCKET_FAMILY_IPV6);
  return NULL;
}

/* Nobody is led to others of its network, such as a cloud's server of metadata. */
static gboolean is_of_this_machine(const char *text) {
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(text);
  struct ifaddrs *all = NULL;
  gboolean found = address != NULL && g_inet_address_get_is_loopback(address);
  if (address == NULL || found || getifaddrs(&all) != 0)
    return found;
  for (const struct ifaddrs *item = all; item != NULL && !found; item = item->ifa_next) {
    g_autoptr(GInetAddress) own = address_of(item);
    found = own != NULL && g_inet_address_equal(own, address);
  }
  freeifaddrs(all);
  return found;
}

gboolean pino_tunnel_lead(PinoTunnel *tunnel, const char *local_url) {
  g_autoptr(GUri) uri = g_uri_parse(local_url, G_URI_FLAGS_NONE, NULL);
  const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
  if (host == NULL || !g_str_equal(g_uri_get_scheme(uri), "http"))
    return FALSE;
  gboolean anywhere = g_ascii_strcasecmp(host, "localhost") == 0 || g_str_equal(host, "0.0.0.0");
  guint16 port = (guint16)(g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : 80);
  const char *address = anywhere ? pino_listen_loopback(port) : g_str_equal(host, "::") ? "::1" : host;
  if (!is_of_this_machine(address))
    return FALSE;
  pino_engine_set_text(&tunnel->local_url, local_url);
  pino_engine_set_text(&tunnel->address, address);
  tunnel->port = port;
  return TRUE;
}

static void waiter_free(gpointer data) {
  PinoTunnelWaiter *waiter = data;
  g_free(waiter->run);
  g_free(waiter);
}

PinoTunnel *pino_tunnel_new(PinoTunnels *tunnels, const char *local_url) {
  PinoTunnel *tunnel = g_new0(PinoTunnel, 1);
  tunnel->tunnels = tunnels;
  tunnel->waiters = g_ptr_array_new_with_free_func(waiter_free);
  tunnel->created = pino_engine_now();
  pino_tunnel_lead(tunnel, local_url);
  return tunnel;
}

static void stop_waiting(PinoTunnel *tunnel) {
  if (tunnel->check_source != 0)
    g_source_remove(tunnel->check_source);
  if (tunnel->retry_source != 0)
    g_source_remove(tunnel->retry_source);
  tunnel->check_source = tunnel->retry_source = 0;
  g_clear_pointer(&tunnel->check, pino_check_cancel);
}

void pino_tunnel_free(gpointer data) {
  PinoTunnel *tunnel = data;
  stop_waiting(tunnel);
  g_clear_pointer(&tunnel->agent, pino_agent_free);
  g_clear_pointer(&tunnel->own, pino_gateway_free);
  g_ptr_array_unref(tunnel->waiters);
  g_free(tunnel->id);
  g_free(tunnel->app);
  g_free(tunnel->run);
  g_free(tunnel->awaits);
  g_free(tunnel->local_url);
  g_free(tunnel->address);
  g_free(tunnel->wanted);
  g_free(tunnel->provider);
  g_free(tunnel->public_url);
  g_free(tunnel->trouble);
  g_free(tunnel->passcode);
  g_free(tunnel->token);
  g_free(tunnel->agent_id);
  g_free(tunnel);
}

/* The same one again leaves cookies and token good. */
void pino_tunnel_set_passcode(PinoTunnel *tunnel, const char *passcode) {
  if (tunnel->passcode != NULL && passcode != NULL && pino_gate_unseal_check(tunnel->passcode, passcode))
    return;
  g_clear_pointer(&tunnel->passcode, g_free);
  g_clear_pointer(&tunnel->token, g_free);
  if (passcode == NULL || *passcode == '\0')
    return;
  tunnel->passcode = pino_gate_seal(passcode);
  tunnel->token = pino_gate_new_token();
}

void pino_tunnel_publish(PinoTunnel *tunnel) {
  pino_gateway_publish(tunnel->own != NULL ? tunnel->own : tunnel->tunnels->gateway);
}

/* --- failing ------------------------------------------------------------------------------------------------------- */

static void set_trouble(PinoTunnel *tunnel, const char *who, const char *what) {
  g_free(tunnel->trouble);
  tunnel->trouble = g_strdup_printf("%s: %s", who, what);
}

void pino_tunnel_end(PinoTunnel *tunnel) {
  stop_waiting(tunnel);
  g_clear_pointer(&tunnel->own, pino_gateway_close);
  if (tunnel->agent != NULL)
    pino_agent_stop(tunnel->agent);
  g_clear_pointer(&tunnel->agent, pino_agent_free);
  g_clear_pointer(&tunnel->public_url, g_free);
  tunnel->misses = 0;
}

static gboolean on_retry(gpointer data) {
  PinoTunnel *tunnel = data;
  tunnel->retry_source = 0;
  pino_tunnel_begin(tunnel);
  return G_SOURCE_REMOVE;
}

/* In a later turn: it may be called from an agent's own event. */
static void begin_later(PinoTunnel *tunnel, guint ms) {
  if (tunnel->retry_source != 0)
    g_source_remove(tunnel->retry_source);
  tunnel->retry_source = g_timeout_add(ms, on_retry, tunnel);
}

static void fail(PinoTunnel *tunnel, PinoTunnelFailure why, const char *text) {
  set_trouble(tunnel, tunnel->provider, text);
  pino_bars_fail(tunnel->tunnels->bars, tunnel->provider, why);
  pino_tunnel_end(tunnel);
  tunnel->status = tunnel->opened != 0 ? PINO_TUNNEL_FAILING : PINO_TUNNEL_OPENING;
  begin_later(tunnel, 0);
  pino_tunnel_changed(tunnel);
  pino_tunnel_publish(tunnel);
}

/* --- checking ------------------------------------------------------------------------------------------------------ */

static gboolean is_platform(const PinoTunnel *tunnel) {
  return g_strcmp0(tunnel->provider, PINO_TUNNEL_PLATFORM) == 0;
}

static void check_in(PinoTunnel *tunnel, guint ms);

static void on_good(PinoTunnel *tunnel) {
  guint seconds = (guint)pino_engine_setting(tunnel->tunnels->engine, "tunnel.check_s");
  tunnel->misses = 0;
  pino_bars_ok(tunnel->tunnels->bars, tunnel->provider);
  check_in(tunnel, seconds * 1000 * (is_platform(tunnel) ? PLATFORM_FACTOR : 1));
  if (tunnel->status == PINO_TUNNEL_OPEN)
    return;
  if (tunnel->opened != 0)
    tunnel->reopened++;
  tunnel->opened = pino_engine_now();
  tunnel->status = PINO_TUNNEL_OPEN;
  tunnel->retry_at = 0;
  g_clear_pointer(&tunnel->trouble, g_free);
  pino_tunnel_changed(tunnel);
  pino_tunnels_answer(tunnel, NULL);
}

static void on_checked(const char *why, gpointer data) {
  PinoTunnel *tunnel = data;
  tunnel->check = NULL;
  if (why == NULL) {
    on_good(tunnel);
    return;
  }
  gboolean early = tunnel->status != PINO_TUNNEL_OPEN;
  gint64 patience = is_platform(tunnel) ? PLATFORM_EARLY_US : EARLY_US;
  gboolean enough =
      early ? g_get_monotonic_time() - tunnel->addressed > patience : ++tunnel->misses >= MOST_MISSES;
  if (!enough) {
    check_in(tunnel, early ? EARLY_CHECK_MS : MISS_CHECK_MS);
    return;
  }
  g_autofree char *text = g_strdup_printf("%s does not lead here: %s", tunnel->public_url, why);
  fail(tunnel, PINO_TUNNEL_UNREACHABLE, text);
}

/* A check has come back, or failed, long before the next one. */
static guint answer_ms(PinoTunnels *tunnels) {
  guint seconds = (guint)pino_engine_setting(tunnels->engine, "tunnel.check_s");
  return CLAMP(seconds * 1000 / 3, SHORT_ANSWER_MS, LONG_ANSWER_MS);
}

static gboolean on_check(gpointer data) {
  PinoTunnel *tunnel = data;
  PinoTunnels *tunnels = tunnel->tunnels;
  tunnel->check_source = 0;
  if (tunnels->session == NULL)
    tunnels->session = pino_web_session(0);
  tunnel->check =
      is_platform(tunnel)
          ? pino_check_page(tunnels->session, tunnel->public_url, answer_ms(tunnels), on_checked, tunnel)
          : pino_check_gate(tunnels->session, tunnel->public_url, pino_gateway_key(tunnels->gateway),
                            answer_ms(tunnels), on_checked, tunnel);
  return G_SOURCE_REMOVE;
}

static void check_in(PinoTunnel *tunnel, guint ms) {
  if (tunnel->check_source != 0)
    g_source_remove(tunnel->check_source);
  g_clear_pointer(&tunnel->check, pino_check_cancel);
  tunnel->check_source = g_timeout_add(ms, on_check, tunnel);
}

static void take_address(PinoTunnel *tunnel, const char *public_url) {
  if (g_strcmp0(tunnel->public_url, public_url) == 0) {
    check_in(tunnel, 0);
    return;
  }
  pino_engine_set_text(&tunnel->public_url, public_url);
  tunnel->addressed = g_get_monotonic_time();
  tunnel->misses = 0;
  if (tunnel->status == PINO_TUNNEL_OPEN)
    tunnel->status = PINO_TUNNEL_FAILING;
  pino_tunnel_publish(tunnel);
  pino_tunnel_changed(tunnel);
  check_in(tunnel, 0);
}

/* --- the platform's own address ------------------------------------------------------------------------------------ */

static gboolean is_usable(const PinoTunnel *tunnel, const PinoAddress *address, char **why) {
  if (address->auth != PINO_AUTH_PUBLIC)
    *why = g_strdup_printf("%s lets only its owner in", address->url);
  else if (address->own_tls)
    *why = g_strdup_printf("%s wants an app that speaks TLS itself", address->url);
  else if (address->every_interface && !pino_listen_on_all(tunnel->port))
    *why =
        g_strdup_printf("%s reaches only apps that listen on 0.0.0.0, and this one does not", address->url);
  return *why == NULL;
}

/* A passcode needs the gate in between, which a platform's address does not lead to. */
static gboolean begin_platform(PinoTunnel *tunnel) {
  g_autoptr(PinoAddresses) addresses = pino_address_find(tunnel->tunnels->platform, tunnel->port);
  tunnel->platform_tried = TRUE;
  for (guint i = 0; tunnel->passcode == NULL && i < addresses->list->len; i++) {
    const PinoAddress *address = addresses->list->pdata[i];
    g_autofree char *why = NULL;
    if (is_usable(tunnel, address, &why)) {
      pino_engine_set_text(&tunnel->provider, PINO_TUNNEL_PLATFORM);
      take_address(tunnel, address->url);
      return TRUE;
    }
    set_trouble(tunnel, PINO_TUNNEL_PLATFORM, why);
  }
  return FALSE;
}

/* --- the local network --------------------------------------------------------------------------------------------- */

/* Of an interface that is up; NULL: there is only loopback. Free with g_free(). */
static char *network_address(void) {
  struct ifaddrs *all = NULL;
  char *found = NULL;
  if (getifaddrs(&all) != 0)
    return NULL;
  for (const struct ifaddrs *item = all; item != NULL && found == NULL; item = item->ifa_next) {
    char text[INET_ADDRSTRLEN];
    if (item->ifa_addr == NULL || item->ifa_addr->sa_family != AF_INET ||
        (item->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
      continue;
    const struct sockaddr_in *address = (const struct sockaddr_in *)(const void *)item->ifa_addr;
    found = g_strdup(inet_ntop(AF_INET, &address->sin_addr, text, sizeof text));
  }
  freeifaddrs(all);
  return found;
}

/* Its gate is all that it needs; nobody is asked whether it answers, for it answers to others. */
static void begin_local(PinoTunnel *tunnel) {
  g_autofree char *address = network_address();
  pino_engine_set_text(&tunnel->provider, PINO_TUNNEL_LOCAL);
  if (tunnel->own == NULL)
    tunnel->own = pino_gateway_new(tunnel->tunnels, tunnel->id, tunnel->local_port);
  pino_gateway_publish(tunnel->own);
  g_free(tunnel->public_url);
  tunnel->public_url = g_strdup_printf("http://%s:%u", address != NULL ? address : "127.0.0.1",
                                       pino_gateway_port(tunnel->own));
  tunnel->status = PINO_TUNNEL_OPEN;
  tunnel->opened = pino_engine_now();
  pino_tunnel_changed(tunnel);
}

/* --- agents -------------------------------------------------------------------------------------------------------- */

static void on_address(const char *public_url, gpointer data) {
  take_address(data, public_url);
}

static void on_failed(PinoTunnelFailure why, const char *text, gpointer data) {
  fail(data, why, text);
}

static const PinoAgentEvents agent_events = {.address = on_address, .failed = on_failed};

static char *ngrok_token(PinoEngine *engine) {
  g_autofree char *kept = pino_setting_string(engine->library, "tunnel.ngrok_token");
  if (*kept != '\0')
    return g_steal_pointer(&kept);
  g_autoptr(PinoEnv) env = pino_env_for_app(engine->home, NULL, NULL);
  const char *token = env != NULL ? pino_env_get(env, "NGROK_AUTHTOKEN") : g_getenv("NGROK_AUTHTOKEN");
  return token != NULL && *token != '\0' ? g_strdup(token) : NULL;
}

static const char *keep(GPtrArray *texts, char *text) {
  g_ptr_array_add(texts, text);
  return text;
}

PinoAgentSpec pino_tunnel_spec(PinoTunnels *tunnels, const char *id, GPtrArray **texts) {
  PinoEngine *engine = tunnels->engine;
  *texts = g_ptr_array_new_with_free_func(g_free);
  return (PinoAgentSpec){
      .home = engine->home,
      .run_dir = engine->run_dir,
      .keeper = engine->keeper,
      .runner = engine->runner,
      .self = keep(*texts, g_file_read_link("/proc/self/exe", NULL)),
      .ngrok_token = keep(*texts, ngrok_token(engine)),
      .ssh = keep(*texts, pino_setting_string(engine->library, "tunnel.ssh")),
      .gate_port = pino_gateway_port(tunnels->gateway),
      .id = id,
  };
}

static void start_agent(PinoTunnel *tunnel, const PinoProvider *provider) {
  g_autoptr(GPtrArray) texts = NULL;
  g_autoptr(GError) error = NULL;
  pino_engine_set_text(&tunnel->provider, provider->id);
  g_free(tunnel->agent_id);
  tunnel->agent_id = g_strconcat(tunnel->id, "-", provider->id, NULL);
  pino_tunnel_publish(tunnel);
  PinoAgentSpec spec = pino_tunnel_spec(tunnel->tunnels, tunnel->agent_id, &texts);
  /* Its row first, so that the next engine finds what this one has started. */
  pino_tunnel_changed(tunnel);
  tunnel->agent = pino_agent_start(provider, &spec, &agent_events, tunnel, &error);
  if (tunnel->agent == NULL)
    fail(tunnel, PINO_TUNNEL_ENDED, error->message);
}

/* When the first of those that may not be tried now may: ms from now. */
static void wait_for(PinoTunnel *tunnel, gint64 until, const char *why) {
  gint64 now = g_get_monotonic_time();
  guint ms = until == G_MAXINT64 ? NOBODY_WAIT_MS : (guint)CLAMP((until - now) / 1000 + 1, 1, 3600 * 1000);
  tunnel->status = PINO_TUNNEL_WAITING;
  tunnel->retry_at = pino_engine_now() + ms;
  if (until == G_MAXINT64 || tunnel->trouble == NULL)
    pino_engine_set_text(&tunnel->trouble, *why != '\0' ? why : "there is no provider that may be used");
  begin_later(tunnel, ms);
  pino_tunnel_changed(tunnel);
  pino_tunnels_answer(tunnel, tunnel->trouble);
}

/* The first that may be tried now; NULL: *until (monotonic) is when one may, and *why what keeps from each; it may be
 * empty. */
static const PinoProvider *choose(PinoTunnel *tunnel, gint64 *until, char **why) {
  PinoTunnels *tunnels = tunnel->tunnels;
  g_autoptr(GPtrArray) texts = NULL;
  g_autoptr(GString) missing = g_string_new(NULL);
  g_auto(GStrv) order = pino_tunnels_order(tunnels);
  PinoAgentSpec spec = pino_tunnel_spec(tunnels, tunnel->id, &texts);
  const char *only[] = {tunnel->wanted, NULL};
  const char *const *ids = tunnel->wanted != NULL ? only : (const char *const *)order;
  *until = G_MAXINT64;
  for (guint i = 0; ids[i] != NULL; i++) {
    const PinoProvider *provider = pino_provider_find(ids[i]);
    g_autofree char *lack = NULL;
    if (provider == NULL)
      continue;
    if (!pino_provider_can(provider, &spec, &lack)) {
      g_string_append_printf(missing, "%s%s: %s", missing->len > 0 ? "; " : "", provider->id, lack);
      continue;
    }
    gint64 barred = pino_bars_until(tunnels->bars, provider->id);
    if (barred <= g_get_monotonic_time())
      return provider;
    g_string_append_printf(missing, "%s%s: it has failed, and may not be tried yet",
                           missing->len > 0 ? "; " : "", provider->id);
    *until = MIN(*until, barred);
  }
  *why = g_strdup(missing->str);
  return NULL;
}

static gboolean may_use_platform(PinoTunnel *tunnel) {
  if (tunnel->platform_tried)
    return FALSE;
  if (tunnel->wanted != NULL)
    return g_str_equal(tunnel->wanted, PINO_TUNNEL_PLATFORM);
  g_auto(GStrv) order = pino_tunnels_order(tunnel->tunnels);
  return g_strv_contains((const char *const *)order, PINO_TUNNEL_PLATFORM);
}

void pino_tunnel_begin(PinoTunnel *tunnel) {
  gint64 until = 0;
  g_autofree char *why = NULL;
  pino_tunnel_end(tunnel);
  tunnel->status = tunnel->opened != 0 ? PINO_TUNNEL_FAILING : PINO_TUNNEL_OPENING;
  if (g_strcmp0(tunnel->wanted, PINO_TUNNEL_LOCAL) == 0) {
    begin_local(tunnel);
    return;
  }
  if (may_use_platform(tunnel) && begin_platform(tunnel))
    return;
  const PinoProvider *provider = choose(tunnel, &until, &why);
  if (provider != NULL) {
    start_agent(tunnel, provider);
    return;
  }
  tunnel->platform_tried = FALSE; /* with the next round */
  wait_for(tunnel, until, why);
}

void pino_tunnel_take_up(PinoTunnel *tunnel) {
  if (g_strcmp0(tunnel->wanted, PINO_TUNNEL_LOCAL) == 0) {
    begin_local(tunnel);
    return;
  }
  const PinoProvider *provider = tunnel->provider != NULL ? pino_provider_find(tunnel->provider) : NULL;
  g_autoptr(GPtrArray) texts = NULL;
  g_autofree char *public_url = g_strdup(tunnel->public_url);
  if (is_platform(tunnel) && public_url != NULL) {
    take_address(tunnel, public_url);
    return;
  }
  PinoAgentSpec spec = pino_tunnel_spec(tunnel->tunnels, tunnel->agent_id, &texts);
  tunnel->agent = provider != NULL && tunnel->agent_id != NULL
                      ? pino_agent_attach(provider, &spec, &agent_events, tunnel, NULL)
                      : NULL;
  if (tunnel->agent == NULL)
    begin_later(tunnel, 0);
  else if (public_url != NULL)
    check_in(tunnel, 0);
}

/* --- telling ------------------------------------------------------------------------------------------------------- */

static char *details_of(const PinoTunnel *tunnel) {
  GString *out = g_string_new("{");
  pino_json_append_member(out, "run", tunnel->run);
  pino_json_append_member(out, "local_url", tunnel->local_url);
  pino_json_append_member(out, "wanted", tunnel->wanted);
  pino_json_append_member(out, "passcode", tunnel->passcode);
  pino_json_append_member(out, "token", tunnel->token);
  pino_json_append_member(out, "agent", tunnel->agent_id);
  g_string_append_printf(out, "%s\"opened\":%" G_GINT64_FORMAT ",\"reopened\":%u}", out->len > 1 ? "," : "",
                         tunnel->opened, tunnel->reopened);
  return g_string_free(out, FALSE);
}

static void write_row(const PinoTunnel *tunnel) {
  PinoEngine *engine = tunnel->tunnels->engine;
  g_autofree char *details = details_of(tunnel);
  g_autoptr(GError) error = NULL;
  PinoTunnelRow row = {.id = tunnel->id,
                       .app_id = tunnel->app,
                       .local_port = tunnel->port,
                       .public_url = tunnel->public_url,
                       .provider = tunnel->provider,
                       .status = (char *)pino_tunnel_status_name(tunnel->status),
                       .created_at = tunnel->created,
                       .details = details};
  if (!pino_library_put_tunnel(engine->library, &row, &error))
    pino_engine_trouble(engine, "a tunnel cannot be written down", error);
}

void pino_tunnel_changed(PinoTunnel *tunnel) {
  PinoEngine *engine = tunnel->tunnels->engine;
  write_row(tunnel);
  g_clear_pointer(&engine->apps_view, g_bytes_unref);
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "tunnel");
  pino_json_append_member(event, "tunnel", tunnel->id);
  pino_json_append_nullable(event, "app", tunnel->app);
  pino_json_append_member(event, "status", pino_tunnel_status_name(tunnel->status));
  pino_json_append_nullable(event, "public_url", tunnel->public_url);
  pino_json_append_nullable(event, "provider", tunnel->provider);
  pino_json_append_nullable(event, "trouble", tunnel->trouble);
  g_string_append_c(event, '}');
  pino_engine_tell(engine, g_string_free(event, FALSE));
}
