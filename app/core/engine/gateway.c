/* Gates: processes under keepers as the agents are, so that public addresses work on when the engine is killed. There is one
 * that all agents lead to, and one for each app that is shared on the local network, where nothing but the port tells apps
 * apart. A gate is told of the shared apps by a file (gate/config.h). */
#include <unistd.h>

#include "base/error.h"
#include "base/port.h"
#include "engine/tunnel.h"

#define GATE_ID "gate" /* of the agents' gate; others are called gate-TUNNEL */
#define TUNNELS_DIR "tunnels"
#define QUICK_US (2 * G_USEC_PER_SEC) /* an end so soon after its start: it cannot have its port */
#define MOST_QUICK 3
#define AGAIN_MS 100
#define GRACE_MS 2000
#define UNTOLD_MS 1000
#define NOWHERE 1 /* a port of nobody: that of an app that is to come back may be somebody else's by now */

struct _PinoGateway {
  PinoTunnels *tunnels;
  PinoGateConfig *config;
  char *only; /* the tunnel that it serves on all interfaces; NULL: all those with agents */
  char *id, *path, *folder, *log;
  PinoKeeper *keeper; /* NULL: it does not run */
  int port_kept;      /* descriptor; -1: none */
  guint source;
  gint64 started;
  guint quick;    /* ends in a row */
  gboolean stale; /* the file could not be written: the gate knows of what was before */
};

guint16 pino_gateway_port(PinoGateway *gateway) {
  g_autoptr(GError) error = NULL;
  guint port = 0;
  if (gateway->config->port != 0)
    return gateway->config->port;
  gateway->port_kept = pino_port_take(&port, &error);
  if (gateway->port_kept < 0)
    pino_engine_trouble(gateway->tunnels->engine, "there is no port for the gate", error);
  gateway->config->port = (guint16)port;
  return gateway->config->port;
}

gboolean pino_gateway_is_stale(const PinoGateway *gateway) {
  return gateway->stale;
}

const char *pino_gateway_key(PinoGateway *gateway) {
  return gateway->config->key;
}

static void forget_port(PinoGateway *gateway) {
  if (gateway->port_kept >= 0)
    close(gateway->port_kept);
  gateway->port_kept = -1;
  gateway->config->port = 0;
}

/* --- the process --------------------------------------------------------------------------------------------------- */

static gboolean on_again(gpointer data) {
  PinoGateway *gateway = data;
  gateway->source = 0;
  pino_gateway_publish(gateway);
  return G_SOURCE_REMOVE;
}

static void publish_in(PinoGateway *gateway, guint ms) {
  if (gateway->source == 0)
    gateway->source = g_timeout_add(ms, on_again, gateway);
}

/* All agents lead to the old one. */
static void move(PinoGateway *gateway) {
  GHashTableIter iter;
  gpointer value;
  gateway->quick = 0;
  if (gateway->only != NULL)
    return;
  forget_port(gateway);
  g_hash_table_iter_init(&iter, gateway->tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoTunnel *tunnel = value;
    if (tunnel->agent != NULL)
      pino_tunnel_begin(tunnel);
  }
}

static void on_ended(int wait_status, gboolean stopped, gpointer data) {
  PinoGateway *gateway = data;
  g_clear_pointer(&gateway->keeper, pino_keeper_free);
  gboolean quick = !stopped && g_get_monotonic_time() - gateway->started < QUICK_US;
  gateway->quick = quick ? gateway->quick + 1 : 0;
  if (!stopped) {
    g_autofree char *text = g_strdup_printf("the gate has ended: see %s", gateway->log);
    pino_engine_trouble(gateway->tunnels->engine, text, NULL);
  }
  if (gateway->quick >= MOST_QUICK)
    move(gateway);
  publish_in(gateway, AGAIN_MS << MIN(gateway->quick, 8));
}

static void on_trouble(const GError *error, gpointer data) {
  PinoGateway *gateway = data;
  pino_engine_trouble(gateway->tunnels->engine, "the gate", error);
}

static const PinoKeeperEvents gate_events = {.ended = on_ended, .trouble = on_trouble};

static void start(PinoGateway *gateway) {
  PinoEngine *engine = gateway->tunnels->engine;
  g_autoptr(GError) error = NULL;
  const char *const argv[] = {engine->gate, gateway->path, NULL};
  PinoKeeperSpec spec = {.program = engine->keeper,
                         .argv = argv,
                         .cwd = "/",
                         .log_path = gateway->log,
                         .id = gateway->id,
                         .run_dir = gateway->folder,
                         .detached = TRUE,
                         .grace_ms = GRACE_MS};
  gateway->started = g_get_monotonic_time();
  gateway->keeper = pino_keeper_spawn(&spec, &gate_events, gateway, &error);
  if (gateway->keeper != NULL)
    return;
  pino_engine_trouble(engine, "the gate cannot be started, so no public address works", error);
  gateway->quick++;
  publish_in(gateway, AGAIN_MS << MIN(gateway->quick, 8));
}

/* --- what it knows ------------------------------------------------------------------------------------------------- */

static char **hosts_of(const PinoTunnel *tunnel) {
  g_autoptr(GUri) uri =
      tunnel->public_url != NULL ? g_uri_parse(tunnel->public_url, G_URI_FLAGS_NONE, NULL) : NULL;
  const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
  char **hosts = g_new0(char *, 2);
  hosts[0] = host != NULL ? g_ascii_strdown(host, -1) : NULL;
  return hosts;
}

static void add_share(PinoGateway *gateway, const PinoTunnel *tunnel) {
  static const char *const any[] = {PINO_GATE_ANY_HOST, NULL};
  PinoGateShare *share = pino_gate_share_new();
  g_strfreev(share->hosts);
  g_free(share->address);
  share->id = g_strdup(tunnel->id);
  share->hosts = gateway->only != NULL ? g_strdupv((char **)any) : hosts_of(tunnel);
  share->address = g_strdup(tunnel->address);
  share->port = tunnel->awaits != NULL ? NOWHERE : tunnel->port;
  share->title = g_strdup(tunnel->app != NULL ? tunnel->app : tunnel->local_url);
  share->passcode = g_strdup(tunnel->passcode);
  share->token = g_strdup(tunnel->token);
  g_ptr_array_add(gateway->config->shares, share);
}

static gboolean leads_to(const PinoGateway *gateway, const PinoTunnel *tunnel) {
  if (gateway->only != NULL)
    return g_str_equal(tunnel->id, gateway->only);
  return tunnel->agent_id != NULL && tunnel->provider != NULL && pino_provider_find(tunnel->provider) != NULL;
}

void pino_gateway_publish(PinoGateway *gateway) {
  PinoEngine *engine = gateway->tunnels->engine;
  g_autoptr(GError) error = NULL;
  GHashTableIter iter;
  gpointer value;
  guint through = 0;
  g_ptr_array_set_size(gateway->config->shares, 0);
  g_hash_table_iter_init(&iter, gateway->tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoTunnel *tunnel = value;
    if (!leads_to(gateway, tunnel))
      continue;
    add_share(gateway, tunnel);
    through++;
  }
  if (through == 0) {
    if (gateway->keeper != NULL)
      pino_keeper_stop(gateway->keeper, GRACE_MS);
    return;
  }
  if (pino_gateway_port(gateway) == 0)
    return;
  gateway->stale = !pino_gate_config_write(gateway->config, gateway->path, &error);
  if (gateway->stale) {
    pino_engine_trouble(engine, "the gate cannot be told of the shared apps", error);
    publish_in(gateway, UNTOLD_MS);
    return;
  }
  if (gateway->keeper == NULL && gateway->source == 0)
    start(gateway);
}

/* --- */

PinoGateway *pino_gateway_new(PinoTunnels *tunnels, const char *only, guint16 port) {
  PinoGateway *gateway = g_new0(PinoGateway, 1);
  PinoEngine *engine = tunnels->engine;
  gateway->tunnels = tunnels;
  gateway->port_kept = -1;
  gateway->only = g_strdup(only);
  gateway->id = only != NULL ? g_strconcat(GATE_ID "-", only, NULL) : g_strdup(GATE_ID);
  g_autofree char *file = g_strconcat(gateway->id, ".json", NULL);
  gateway->path =
      g_build_filename(engine->run_dir, file, NULL); /* not with the keepers, which write ID.json */
  g_autofree char *log = g_strconcat(gateway->id, ".log", NULL);
  gateway->folder = g_build_filename(engine->run_dir, TUNNELS_DIR, NULL);
  gateway->log = g_build_filename(engine->home, "logs", TUNNELS_DIR, log, NULL);
  gateway->config = pino_gate_config_read(gateway->path, NULL);
  if (gateway->config == NULL)
    gateway->config = pino_gate_config_new();
  gateway->config->every_interface = only != NULL;
  if (port != 0)
    gateway->config->port = port;
  gateway->keeper =
      pino_keeper_attach(gateway->folder, gateway->id, gateway->log, 0, &gate_events, gateway, NULL);
  return gateway;
}

void pino_gateway_close(PinoGateway *gateway) {
  if (gateway != NULL && gateway->keeper != NULL)
    pino_keeper_stop(gateway->keeper, GRACE_MS);
  if (gateway != NULL)
    unlink(gateway->path);
  pino_gateway_free(gateway);
}

void pino_gateway_free(PinoGateway *gateway) {
  if (gateway == NULL)
    return;
  if (gateway->source != 0)
    g_source_remove(gateway->source);
  g_clear_pointer(&gateway->keeper, pino_keeper_free);
  if (gateway->port_kept >= 0)
    close(gateway->port_kept);
  pino_gate_config_free(gateway->config);
  g_free(gateway->only);
  g_free(gateway->id);
  g_free(gateway->path);
  g_free(gateway->folder);
  g_free(gateway->log);
  g_free(gateway);
}
