/* What is shared without being asked for by name: apps that say so in their ENVIRONMENT, all apps on rented machines, and
 * what scripts ask. A tunnel belongs to its run and is closed with it, but for an app that is about to come back. */
#include <string.h>

#include "base/json.h"
#include "cloud/address.h"
#include "engine/settings.h"
#include "engine/tunnel.h"
#include "environment/env.h"

#define SHARE_VAR "PINOKIO_SHARE_VAR"
#define SHARE_CLOUDFLARE "PINOKIO_SHARE_CLOUDFLARE"
#define SHARE_LOCAL "PINOKIO_SHARE_LOCAL"
#define SHARE_LOCAL_PORT "PINOKIO_SHARE_LOCAL_PORT"
#define SHARE_PASSCODE "PINOKIO_SHARE_PASSCODE"

/* --- public forms -------------------------------------------------------------------------------------------------- */

char *pino_share_public_form(const PinoTunnel *tunnel, const char *local_url) {
  g_autoptr(GUri) local = g_uri_parse(local_url, G_URI_FLAGS_ENCODED, NULL);
  g_autoptr(GUri) outside = g_uri_parse(tunnel->public_url, G_URI_FLAGS_ENCODED, NULL);
  if (local == NULL || outside == NULL)
    return g_strdup(tunnel->public_url);
  g_autofree char *prefix = g_strdup(g_uri_get_path(outside));
  if (g_str_has_suffix(prefix, "/"))
    prefix[strlen(prefix) - 1] = '\0';
  g_autofree char *path = *g_uri_get_path(local) != '\0' ? g_strconcat(prefix, g_uri_get_path(local), NULL)
                                                         : g_strdup(g_uri_get_path(outside));
  return g_uri_join(G_URI_FLAGS_ENCODED, g_uri_get_scheme(outside), NULL, g_uri_get_host(outside),
                    g_uri_get_port(outside), path, g_uri_get_query(local), g_uri_get_fragment(local));
}

/* 0: it is no page that can be shared. */
static guint16 port_of(PinoEngine *engine, const char *local_url) {
  PinoTunnel *probe = pino_tunnel_new(engine->tunnels, local_url);
  guint16 port = probe->port;
  pino_tunnel_free(probe);
  return port;
}

static PinoTunnel *tunnel_to(PinoEngine *engine, const char *local_url) {
  guint16 port = port_of(engine, local_url);
  return port != 0 ? pino_tunnels_to(engine->tunnels, port) : NULL;
}

char *pino_share_public(PinoEngine *engine, const char *local_url) {
  const PinoTunnel *tunnel = tunnel_to(engine, local_url);
  if (tunnel == NULL || tunnel->public_url == NULL || tunnel->status != PINO_TUNNEL_OPEN)
    return NULL;
  return pino_share_public_form(tunnel, local_url);
}

char *pino_share_of_app(PinoEngine *engine, const char *app, const PinoLive *live) {
  const PinoTunnel *tunnel =
      live != NULL && live->row->url != NULL ? tunnel_to(engine, live->row->url) : NULL;
  if (tunnel == NULL || g_strcmp0(tunnel->app, app) != 0)
    tunnel = pino_tunnels_of_app(engine->tunnels, app);
  if (tunnel != NULL && tunnel->public_url != NULL && tunnel->status == PINO_TUNNEL_OPEN)
    return pino_share_public_form(tunnel, tunnel->local_url);
  return live != NULL ? g_strdup(live->public_url) : NULL;
}

void pino_share_append_addresses(PinoEngine *engine, const PinoLive *live, GString *out) {
  const PinoPlatform *platform = engine->tunnels->platform;
  const char *url = live != NULL && live->state == PINO_LIVE_READY ? live->row->url : NULL;
  PinoTunnel *probe = url != NULL && platform->rented ? pino_tunnel_new(engine->tunnels, url) : NULL;
  g_autoptr(PinoAddresses) addresses =
      probe != NULL && probe->port != 0 ? pino_address_find(platform, probe->port) : NULL;
  g_clear_pointer(&probe, pino_tunnel_free);
  g_string_append(out, ",\"platform\":");
  if (addresses != NULL)
    pino_addresses_append_json(addresses, out);
  else
    g_string_append(out, "null");
}

/* --- by itself ----------------------------------------------------------------------------------------------------- */

static PinoEnv *env_of(PinoLive *live) {
  g_autofree char *folder =
      live->row->app_id != NULL ? pino_application_path(live->engine, live->row->app_id, NULL) : NULL;
  g_autoptr(GError) error = NULL;
  PinoEnv *env = pino_env_for_app(live->engine->home, folder, &error);
  if (env == NULL)
    pino_engine_trouble(live->engine, "what an app shares is not known", error);
  return env;
}

char *pino_share_passcode(PinoEngine *engine, PinoLive *live) {
  g_autoptr(PinoEnv) env = live != NULL ? env_of(live) : NULL;
  return env != NULL ? g_strdup(pino_env_get(env, SHARE_PASSCODE)) : NULL;
}

static gboolean is_automatic(PinoEngine *engine) {
  const char *when = pino_setting_text(engine->library, "tunnel.auto");
  return g_str_equal(when, "always") || (g_str_equal(when, "cloud") && engine->tunnels->platform->rented);
}

static gboolean is_true(const PinoEnv *env, const char *name) {
  const char *value = pino_env_get(env, name);
  g_autofree char *word = g_strstrip(g_strdup(value != NULL ? value : ""));
  return g_ascii_strcasecmp(word, "true") == 0 || g_str_equal(word, "1");
}

/* TRUE once for each address and state: the files of ENVIRONMENT are not read at every step. */
static gboolean is_new(PinoLive *live, const char *url) {
  g_autofree char *key = g_strdup_printf("%d %s", live->state, url);
  if (live->considered || live->unshared || g_strcmp0(live->considered_as, key) == 0)
    return FALSE;
  g_free(live->considered_as);
  live->considered_as = g_steal_pointer(&key);
  return TRUE;
}

static void share_locally(PinoLive *live, const PinoEnv *env, const char *url) {
  PinoTunnels *tunnels = live->engine->tunnels;
  const char *text = pino_env_get(env, SHARE_LOCAL_PORT);
  guint64 port = 0;
  live->considered = TRUE;
  if (pino_tunnels_local_of_run(tunnels, live->row->id) != NULL)
    return;
  if (port_of(live->engine, url) == 0) {
    g_autofree char *trouble = g_strdup_printf("'%s' cannot be shared on the local network", url);
    pino_engine_trouble(live->engine, trouble, NULL);
    return;
  }
  if (text != NULL && *text != '\0' && !g_ascii_string_to_unsigned(text, 10, 1, 65535, &port, NULL)) {
    pino_engine_trouble(live->engine, SHARE_LOCAL_PORT " is no port: a free one is taken", NULL);
    port = 0;
  }
  pino_tunnels_add_local(tunnels, live->row->app_id, live->row->id, url, (guint16)port);
}

/* The page that is to be shared; NULL: it is not known yet. env may be NULL. Free with g_free(). */
static char *page_of(PinoLive *live, const PinoEnv *env) {
  const char *variable = env != NULL ? pino_env_get(env, SHARE_VAR) : NULL;
  gboolean usual = variable == NULL || *variable == '\0' || g_str_equal(variable, "url");
  return usual ? g_strdup(live->row->url) : pino_live_local_text(live, variable);
}

/* What is shared already stays as it is, also with the next engine, but that a passcode of the app's own is missing. */
static void share_with_world(PinoLive *live, const char *url, const char *passcode) {
  PinoEngine *engine = live->engine;
  const PinoTunnel *known = tunnel_to(engine, url);
  g_autoptr(GError) error = NULL;
  live->considered = TRUE;
  if (known != NULL && (known->passcode != NULL || g_strcmp0(known->run, live->row->id) == 0))
    return;
  PinoEngineShare share = {.url = url, .passcode = passcode != NULL && *passcode != '\0' ? passcode : NULL};
  g_autofree char *id = pino_engine_tunnel_open(engine, &share, NULL, &error);
  if (id == NULL)
    pino_engine_trouble(engine, "an app cannot be shared", error);
}

/* Once for each run: the person may have closed it since. */
static void consider(PinoLive *live) {
  g_autoptr(PinoEnv) env = env_of(live);
  g_autofree char *page = env != NULL ? page_of(live, env) : NULL;
  if (page == NULL) {
    g_clear_pointer(&live->considered_as, g_free); /* its script may name it any time */
    return;
  }
  if (is_true(env, SHARE_LOCAL))
    share_locally(live, env, page);
  if (is_true(env, SHARE_CLOUDFLARE) || is_automatic(live->engine))
    share_with_world(live, page, pino_env_get(env, SHARE_PASSCODE));
}

/* What led to its page goes on with the run that is to come; what else its script had opened it will open again. */
static void await_next(PinoLive *live) {
  PinoTunnels *tunnels = live->engine->tunnels;
  g_autoptr(PinoEnv) env = env_of(live);
  g_autofree char *page = page_of(live, env);
  guint16 port = page != NULL ? port_of(live->engine, page) : 0;
  PinoTunnel *known[] = {pino_tunnels_local_of_run(tunnels, live->row->id),
                         port != 0 ? pino_tunnels_to(tunnels, port) : NULL};
  for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
    if (known[i] == NULL || g_strcmp0(known[i]->run, live->row->id) != 0)
      continue;
    known[i]->awaits = g_strdup(live->row->script);
    pino_tunnel_publish(known[i]);
  }
}

static void follow_end(PinoLive *live) {
  PinoTunnels *tunnels = live->engine->tunnels;
  PinoTunnel *tunnel;
  if (pino_restart_is_coming(live->engine, live->row->script))
    await_next(live);
  while ((tunnel = pino_tunnels_of_run(tunnels, live->row->id)) != NULL)
    pino_tunnels_remove(tunnel);
  pino_tunnels_forget_closed(live);
  pino_tunnels_settle(live->engine, live->row->script);
}

static gboolean has_live(PinoEngine *engine, const char *script) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoLive *live = value;
    if (live->state <= PINO_LIVE_STOPPING && g_strcmp0(live->row->script, script) == 0)
      return TRUE;
  }
  return FALSE;
}

void pino_tunnels_settle(PinoEngine *engine, const char *script) {
  GHashTableIter iter;
  gpointer value;
  g_autoptr(GPtrArray) lost = g_ptr_array_new();
  if (engine->tunnels == NULL || engine->closing)
    return;
  g_hash_table_iter_init(&iter, engine->tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const PinoTunnel *tunnel = value;
    if (tunnel->awaits != NULL && (script == NULL || g_str_equal(tunnel->awaits, script)) &&
        !pino_restart_is_coming(engine, tunnel->awaits) && !has_live(engine, tunnel->awaits))
      g_ptr_array_add(lost, value);
  }
  for (guint i = 0; i < lost->len; i++)
    pino_tunnels_remove(lost->pdata[i]);
}

/* The run of a script that was started again takes over what led to the one before. */
static void take_over(PinoLive *live) {
  PinoTunnels *tunnels = live->engine->tunnels;
  PinoTunnel *tunnel = pino_tunnels_awaiting(tunnels, live->row->script);
  g_autoptr(PinoEnv) env = tunnel != NULL ? env_of(live) : NULL;
  g_autofree char *page = tunnel != NULL ? page_of(live, env) : NULL;
  for (; page != NULL && tunnel != NULL; tunnel = pino_tunnels_awaiting(tunnels, live->row->script)) {
    g_clear_pointer(&tunnel->awaits, g_free);
    if (!pino_tunnel_lead(tunnel, page)) {
      pino_tunnels_remove(tunnel);
      continue;
    }
    live->considered = TRUE;
    g_free(tunnel->run);
    tunnel->run = g_strdup(live->row->id);
    pino_tunnel_publish(tunnel);
    pino_tunnel_changed(tunnel);
  }
}

void pino_tunnels_follow(PinoLive *live) {
  PinoEngine *engine = live->engine;
  if (engine->tunnels == NULL || engine->closing)
    return;
  if (live->state > PINO_LIVE_STOPPING) {
    follow_end(live);
    return;
  }
  if (live->row->operation != NULL)
    return;
  g_autofree char *url = pino_live_local_url(live);
  if (url == NULL || live->state < PINO_LIVE_RUNNING || live->state > PINO_LIVE_READY)
    return;
  if (live->row->url == NULL)
    pino_live_changed(live, TRUE);
  take_over(live);
  if (!live->unshared && pino_restart_is_unshared(engine, live->row->script))
    pino_tunnels_note_closed(live);
  if (is_new(live, url))
    consider(live);
}

/* --- asked by scripts ---------------------------------------------------------------------------------------------- */

void pino_share_ask(PinoLive *live, gint64 number, const char *local_url, const char *passcode) {
  PinoEngineShare share = {.url = local_url, .passcode = passcode};
  g_autoptr(GError) error = NULL;
  g_autofree char *id = pino_engine_tunnel_open(live->engine, &share, NULL, &error);
  if (id == NULL) {
    pino_query_reply_error(live, number, error->message);
    return;
  }
  PinoTunnel *tunnel = g_hash_table_lookup(live->engine->tunnels->all, id);
  if (tunnel->run == NULL) {
    tunnel->run = g_strdup(live->row->id);
    tunnel->app = g_strdup(live->row->app_id);
    pino_tunnel_changed(tunnel);
  }
  PinoTunnelWaiter *waiter = g_new0(PinoTunnelWaiter, 1);
  *waiter = (PinoTunnelWaiter){.run = g_strdup(live->row->id), .number = number};
  g_ptr_array_add(tunnel->waiters, waiter);
  if (tunnel->status == PINO_TUNNEL_OPEN)
    pino_tunnels_answer(tunnel, NULL);
  else if (tunnel->status == PINO_TUNNEL_WAITING)
    pino_tunnels_answer(tunnel, tunnel->trouble);
}

gboolean pino_share_end(PinoEngine *engine, const char *local_url) {
  PinoTunnel *tunnel = tunnel_to(engine, local_url);
  if (tunnel == NULL)
    return FALSE;
  return pino_engine_tunnel_close(engine, tunnel->id, NULL);
}
