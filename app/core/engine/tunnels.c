/* All tunnels of the engine: opened, shown, taken up from the engine before, closed with their runs. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/rules.h"
#include "detect/listen.h"
#include "engine/settings.h"
#include "engine/tunnel.h"

#define ID_LENGTH 9
#define LOG_DAYS 2 /* that the logs of closed tunnels stay */

/* --- finding ------------------------------------------------------------------------------------------------------- */

char **pino_tunnels_order(PinoTunnels *tunnels) {
  g_autofree char *text = pino_setting_string(tunnels->engine->library, "tunnel.providers");
  return g_strsplit(text, ",", -1);
}

static PinoTunnel *first_with(PinoTunnels *tunnels, gboolean (*is)(const PinoTunnel *, gconstpointer),
                              gconstpointer wanted) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (is(value, wanted))
      return value;
  return NULL;
}

/* What is shared on the local network may be shared with the world as well. */
static gboolean is_local(const PinoTunnel *tunnel) {
  return g_strcmp0(tunnel->wanted, PINO_TUNNEL_LOCAL) == 0;
}

/* Where an app was that is to come back may be another one by now. */
static gboolean has_port(const PinoTunnel *tunnel, gconstpointer port) {
  return tunnel->port == GPOINTER_TO_UINT(port) && tunnel->awaits == NULL && !is_local(tunnel);
}

static gboolean is_of_app(const PinoTunnel *tunnel, gconstpointer app) {
  return g_strcmp0(tunnel->app, app) == 0 && !is_local(tunnel);
}

static gboolean is_of_run(const PinoTunnel *tunnel, gconstpointer run) {
  return g_strcmp0(tunnel->run, run) == 0 && tunnel->awaits == NULL;
}

static gboolean is_local_of_run(const PinoTunnel *tunnel, gconstpointer run) {
  return is_local(tunnel) && is_of_run(tunnel, run);
}

static gboolean is_awaiting(const PinoTunnel *tunnel, gconstpointer script) {
  return tunnel->awaits != NULL && g_strcmp0(tunnel->awaits, script) == 0;
}

PinoTunnel *pino_tunnels_to(PinoTunnels *tunnels, guint16 port) {
  return first_with(tunnels, has_port, GUINT_TO_POINTER(port));
}

PinoTunnel *pino_tunnels_of_app(PinoTunnels *tunnels, const char *app) {
  return app != NULL ? first_with(tunnels, is_of_app, app) : NULL;
}

PinoTunnel *pino_tunnels_of_run(PinoTunnels *tunnels, const char *run) {
  return first_with(tunnels, is_of_run, run);
}

PinoTunnel *pino_tunnels_local_of_run(PinoTunnels *tunnels, const char *run) {
  return first_with(tunnels, is_local_of_run, run);
}

PinoTunnel *pino_tunnels_awaiting(PinoTunnels *tunnels, const char *script) {
  return first_with(tunnels, is_awaiting, script);
}

static PinoTunnel *find(PinoEngine *engine, const char *id, GError **error) {
  PinoTunnel *tunnel = g_hash_table_lookup(engine->tunnels->all, id);
  if (tunnel == NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no tunnel '%s'", id);
  return tunnel;
}

/* --- coming and going ---------------------------------------------------------------------------------------------- */

static char *new_id(PinoTunnels *tunnels) {
  char *id = NULL;
  do {
    g_free(id);
    id = g_strdup_printf("t%08x", g_random_int()); /* ID_LENGTH */
  } while (g_hash_table_contains(tunnels->all, id));
  return id;
}

/* The tunnel that a file of agents and gates is of; NULL: of none. Free with g_free(). */
static char *tunnel_of_file(const char *name) {
  const char *start = g_str_has_prefix(name, "gate-") ? name + strlen("gate-") : name;
  gsize length = strspn(start, G_CSET_a_2_z G_CSET_DIGITS);
  return *start == 't' && length == ID_LENGTH ? g_strndup(start, length) : NULL;
}

/* What an ended keeper says is of no use; logs are, for a while. */
static void remove_files(PinoTunnels *tunnels, const char *folder, const char *suffix, gint64 age_s) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *id = g_str_has_suffix(name, suffix) ? tunnel_of_file(name) : NULL;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GStatBuf status;
    if (id != NULL && !g_hash_table_contains(tunnels->all, id) && g_stat(path, &status) == 0 &&
        status.st_mtime <= pino_engine_now() / 1000 - age_s)
      g_unlink(path);
  }
}

static void tidy(PinoTunnels *tunnels) {
  PinoEngine *engine = tunnels->engine;
  g_autofree char *folder = g_build_filename(engine->run_dir, "tunnels", NULL);
  g_autofree char *logs = g_build_filename(engine->home, "logs", "tunnels", NULL);
  remove_files(tunnels, folder, ".json", 0);
  remove_files(tunnels, logs, ".log", LOG_DAYS * 24 * 3600);
}

static PinoTunnel *add(PinoTunnels *tunnels, const char *app, const char *run, const char *local_url,
                       const char *wanted) {
  PinoTunnel *tunnel = pino_tunnel_new(tunnels, local_url);
  tunnel->id = new_id(tunnels);
  tunnel->app = g_strdup(app);
  tunnel->run = g_strdup(run);
  tunnel->wanted = g_strdup(wanted);
  g_hash_table_insert(tunnels->all, tunnel->id, tunnel);
  tidy(tunnels);
  return tunnel;
}

PinoTunnel *pino_tunnels_add(PinoTunnels *tunnels, const char *app, const char *run, const char *local_url,
                             const char *wanted, const char *passcode) {
  PinoTunnel *tunnel = add(tunnels, app, run, local_url, wanted);
  pino_tunnel_set_passcode(tunnel, passcode);
  pino_tunnel_begin(tunnel);
  return tunnel;
}

PinoTunnel *pino_tunnels_add_local(PinoTunnels *tunnels, const char *app, const char *run,
                                   const char *local_url, guint16 port) {
  PinoTunnel *tunnel = add(tunnels, app, run, local_url, PINO_TUNNEL_LOCAL);
  tunnel->local_port = port;
  pino_tunnel_begin(tunnel);
  return tunnel;
}

static void tell_closed(const PinoTunnel *tunnel) {
  GString *event = g_string_new("{");
  pino_json_append_member(event, "type", "tunnel");
  pino_json_append_member(event, "tunnel", tunnel->id);
  pino_json_append_nullable(event, "app", tunnel->app);
  pino_json_append_member(event, "status", "closed");
  g_string_append_c(event, '}');
  pino_engine_tell(tunnel->tunnels->engine, g_string_free(event, FALSE));
}

static void forget(PinoTunnel *tunnel) {
  PinoTunnels *tunnels = tunnel->tunnels;
  pino_tunnels_answer(tunnel, "the tunnel was closed");
  tell_closed(tunnel);
  g_clear_pointer(&tunnels->engine->apps_view, g_bytes_unref);
  g_hash_table_remove(tunnels->all, tunnel->id);
  pino_gateway_publish(tunnels->gateway);
}

void pino_tunnels_remove(PinoTunnel *tunnel) {
  PinoTunnels *tunnels = tunnel->tunnels;
  g_autoptr(GError) error = NULL;
  pino_tunnel_end(tunnel);
  if (!pino_library_remove_tunnel(tunnels->engine->library, tunnel->id, &error))
    pino_engine_trouble(tunnels->engine, "a closed tunnel cannot be forgotten", error);
  forget(tunnel);
}

static gboolean is_any(const PinoTunnel *tunnel, gconstpointer nothing) {
  return TRUE;
}

void pino_tunnels_close_all(PinoEngine *engine) {
  PinoTunnel *tunnel;
  while ((tunnel = first_with(engine->tunnels, is_any, NULL)) != NULL)
    pino_tunnels_remove(tunnel);
}

/* --- from the engine before ---------------------------------------------------------------------------------------- */

static const char *text(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

static void take_details(PinoTunnel *tunnel, JsonObject *details) {
  tunnel->run = g_strdup(text(details, "run"));
  tunnel->wanted = g_strdup(text(details, "wanted"));
  tunnel->passcode = g_strdup(text(details, "passcode"));
  tunnel->token = g_strdup(text(details, "token"));
  tunnel->agent_id = g_strdup(text(details, "agent"));
  tunnel->opened = json_object_get_int_member_with_default(details, "opened", 0);
  tunnel->reopened = (guint)json_object_get_int_member_with_default(details, "reopened", 0);
}

/* A row beside those of tunnels, one for a run. */
static char *closed_id(const PinoLive *live) {
  return g_strconcat("closed-", live->row->id, NULL);
}

void pino_tunnels_note_closed(PinoLive *live) {
  PinoEngine *engine = live->engine;
  g_autofree char *id = closed_id(live);
  g_autoptr(GString) details = g_string_new("{");
  pino_json_append_member(details, "run", live->row->id);
  g_string_append_c(details, '}');
  PinoTunnelRow row = {.id = id,
                       .app_id = live->row->app_id,
                       .status = (char *)"closed",
                       .created_at = pino_engine_now(),
                       .details = details->str};
  g_autoptr(GError) error = NULL;
  live->unshared = TRUE;
  if (!pino_library_put_tunnel(engine->library, &row, &error))
    pino_engine_trouble(engine, "a closed tunnel cannot be written down", error);
}

void pino_tunnels_forget_closed(PinoLive *live) {
  g_autofree char *id = closed_id(live);
  g_autoptr(GError) error = NULL;
  if (live->unshared && !pino_library_remove_tunnel(live->engine->library, id, &error))
    pino_engine_trouble(live->engine, "a closed tunnel cannot be forgotten", error);
}

/* FALSE: nothing more is to be known of it. */
static gboolean take_closed(PinoTunnels *tunnels, JsonObject *details) {
  const char *run = details != NULL ? text(details, "run") : NULL;
  PinoLive *live = run != NULL ? pino_live_find(tunnels->engine, run) : NULL;
  if (live != NULL)
    live->unshared = TRUE;
  return live != NULL;
}

static PinoTunnel *tunnel_of_row(PinoTunnels *tunnels, const PinoTunnelRow *row, JsonObject *details) {
  const char *local_url = details != NULL ? text(details, "local_url") : NULL;
  /* What another version wrote may keep its passcode in another way: better closed than open to everybody. */
  gboolean locked = details != NULL && json_object_has_member(details, "passcode");
  if (local_url == NULL || (locked && text(details, "passcode") == NULL))
    return NULL;
  PinoTunnel *tunnel = pino_tunnel_new(tunnels, local_url);
  if (tunnel->port == 0) {
    pino_tunnel_free(tunnel);
    return NULL;
  }
  tunnel->id = g_strdup(row->id);
  tunnel->app = g_strdup(row->app_id);
  tunnel->provider = g_strdup(row->provider);
  tunnel->public_url = g_strdup(row->public_url);
  tunnel->created = row->created_at;
  tunnel->status = g_strcmp0(row->status, "open") == 0 ? PINO_TUNNEL_OPEN : PINO_TUNNEL_OPENING;
  tunnel->platform_tried = TRUE;
  take_details(tunnel, details);
  return tunnel;
}

static gboolean is_wanted(PinoTunnels *tunnels, const PinoTunnel *tunnel) {
  if (tunnel->run == NULL)
    return TRUE;
  const PinoLive *live = pino_live_find(tunnels->engine, tunnel->run);
  return live != NULL && !pino_live_is_over(live);
}

static void take_rows(PinoTunnels *tunnels) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = pino_library_tunnels(tunnels->engine->library, &error);
  g_autoptr(GPtrArray) taken = g_ptr_array_new();
  if (rows == NULL)
    pino_engine_trouble(tunnels->engine, "the tunnels of before are not known", error);
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const PinoTunnelRow *row = rows->pdata[i];
    g_autoptr(JsonNode) node = row->details != NULL ? json_from_string(row->details, NULL) : NULL;
    JsonObject *details = node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (g_strcmp0(row->status, "closed") == 0 && take_closed(tunnels, details))
      continue;
    PinoTunnel *tunnel = tunnel_of_row(tunnels, row, details);
    if (tunnel == NULL) {
      pino_library_remove_tunnel(tunnels->engine->library, row->id, NULL);
      continue;
    }
    g_hash_table_insert(tunnels->all, tunnel->id, tunnel);
    g_ptr_array_add(taken, tunnel);
  }
  for (guint i = 0; i < taken->len; i++)
    pino_tunnel_take_up(taken->pdata[i]);
  for (guint i = 0; i < taken->len; i++)
    if (!is_wanted(tunnels, taken->pdata[i]))
      pino_tunnels_remove(taken->pdata[i]);
  pino_gateway_publish(tunnels->gateway);
}

static gboolean is_known(PinoTunnels *tunnels, const char *id) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (g_strcmp0(((PinoTunnel *)value)->agent_id, id) == 0)
      return TRUE;
  return g_str_equal(id, "gate") ||
         (g_str_has_prefix(id, "gate-") && g_hash_table_contains(tunnels->all, id + strlen("gate-")));
}

/* What a keeper of this name left or still holds, when no tunnel needs it. */
static void end_stranger(PinoTunnels *tunnels, const char *folder, const char *name) {
  static const PinoKeeperEvents deaf = {0};
  const char *suffix = strrchr(name, '.');
  g_autofree char *id = suffix != NULL ? g_strndup(name, (gsize)(suffix - name)) : NULL;
  if (id == NULL || is_known(tunnels, id))
    return;
  g_autoptr(PinoKeeper) keeper =
      g_str_equal(suffix, ".sock") ? pino_keeper_attach(folder, id, "/dev/null", 0, &deaf, NULL, NULL) : NULL;
  g_autofree char *path = g_build_filename(folder, name, NULL);
  if (keeper != NULL)
    pino_keeper_stop(keeper, 0);
  else if (g_str_equal(suffix, ".json"))
    unlink(path);
}

/* Agents and gates of tunnels that the library has lost lead nowhere. */
static void end_strangers(PinoTunnels *tunnels) {
  g_autofree char *folder = g_build_filename(tunnels->engine->run_dir, "tunnels", NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
    end_stranger(tunnels, folder, name);
}

PinoTunnels *pino_tunnels_new(PinoEngine *engine) {
  PinoTunnels *tunnels = g_new0(PinoTunnels, 1);
  g_autoptr(GError) error = NULL;
  engine->tunnels = tunnels; /* what is taken up looks for itself there */
  tunnels->engine = engine;
  tunnels->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pino_tunnel_free);
  tunnels->bars = pino_bars_new();
  tunnels->platform = pino_platform_here(&error);
  if (tunnels->platform == NULL) {
    pino_engine_trouble(engine, "the platform", error);
    tunnels->platform = pino_platform_detect("/", NULL, PINO_PLATFORM_LOCAL, NULL);
  }
  tunnels->gateway = pino_gateway_new(tunnels, NULL, 0);
  take_rows(tunnels);
  end_strangers(tunnels);
  tidy(tunnels);
  return tunnels;
}

void pino_tunnels_free(PinoTunnels *tunnels) {
  if (tunnels == NULL)
    return;
  tunnels->closing = TRUE;
  g_hash_table_unref(tunnels->all);
  pino_gateway_free(tunnels->gateway);
  pino_bars_free(tunnels->bars);
  g_clear_object(&tunnels->session);
  pino_platform_free(tunnels->platform);
  g_free(tunnels);
}

/* A new token, order or server: what waits tries again. */
void pino_tunnels_set(PinoTunnels *tunnels) {
  GHashTableIter iter;
  gpointer value;
  pino_bars_clear(tunnels->bars, NULL);
  g_hash_table_iter_init(&iter, tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoTunnel *tunnel = value;
    if (tunnel->status == PINO_TUNNEL_WAITING)
      pino_tunnel_begin(tunnel);
  }
}

/* --- asked for ----------------------------------------------------------------------------------------------------- */

static gboolean check_provider(const char *provider, GError **error) {
  if (provider == NULL || g_str_equal(provider, PINO_TUNNEL_PLATFORM) || pino_provider_find(provider) != NULL)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "there is no provider '%s': it is platform, ngrok, cloudflare, localtunnel or ssh", provider);
  return FALSE;
}

/* The run of the app that has an address. */
static PinoLive *live_of_app(PinoEngine *engine, const char *app, GError **error) {
  g_autofree char *folder = pino_application_path(engine, app, error);
  GHashTableIter iter;
  gpointer value;
  if (folder == NULL)
    return NULL;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    if (g_strcmp0(live->row->app_id, app) == 0 && live->row->url != NULL &&
        live->state >= PINO_LIVE_RUNNING && live->state <= PINO_LIVE_READY)
      return live;
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "%s has no page that could be shared: start it first, and wait until its address is known",
              app);
  return NULL;
}

/* The run on whose page a port is. */
static PinoLive *live_of_port(PinoEngine *engine, guint16 port) {
  g_autofree char *mark = g_strdup_printf(":%u", port);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    g_autoptr(GUri) uri = live->row->url != NULL ? g_uri_parse(live->row->url, G_URI_FLAGS_NONE, NULL) : NULL;
    if (uri != NULL && g_uri_get_port(uri) == port && live->state <= PINO_LIVE_READY)
      return live;
  }
  return NULL;
}

static char *page_of_port(guint16 port) {
  const char *address = pino_listen_loopback(port);
  return g_strdup_printf(strchr(address, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u", address, port);
}

char *pino_engine_tunnel_open(PinoEngine *engine, const PinoEngineShare *share, gboolean *already,
                              GError **error) {
  PinoTunnels *tunnels = engine->tunnels;
  if (!check_provider(share->provider, error))
    return NULL;
  PinoLive *live = share->app != NULL ? live_of_app(engine, share->app, error) : NULL;
  if (share->app != NULL && live == NULL)
    return NULL;
  g_autofree char *url = live != NULL         ? g_strdup(live->row->url)
                         : share->url != NULL ? g_strdup(share->url)
                                              : page_of_port(share->port);
  PinoTunnel *probe = pino_tunnel_new(tunnels, url);
  guint16 port = probe->port;
  pino_tunnel_free(probe);
  if (port == 0) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "'%s' is no page that can be shared: it is http://ADDRESS:PORT of this machine", url);
    return NULL;
  }
  PinoTunnel *tunnel = pino_tunnels_to(tunnels, port);
  if (already != NULL)
    *already = tunnel != NULL;
  if (tunnel != NULL) {
    if (share->passcode != NULL || share->provider != NULL)
      return pino_engine_tunnel_set(engine, tunnel->id, share->provider, share->passcode, error)
                 ? g_strdup(tunnel->id)
                 : NULL;
    return g_strdup(tunnel->id);
  }
  if (live == NULL)
    live = live_of_port(engine, port);
  g_autofree char *passcode =
      share->passcode != NULL ? g_strdup(share->passcode) : pino_share_passcode(engine, live);
  tunnel = pino_tunnels_add(tunnels, live != NULL ? live->row->app_id : NULL,
                            live != NULL ? live->row->id : NULL, url, share->provider, passcode);
  return g_strdup(tunnel->id);
}

gboolean pino_engine_tunnel_set(PinoEngine *engine, const char *id, const char *provider,
                                const char *passcode, GError **error) {
  PinoTunnel *tunnel = find(engine, id, error);
  gboolean any = g_strcmp0(provider, "") == 0;
  if (tunnel == NULL || (!any && !check_provider(provider, error)))
    return FALSE;
  /* The same one again means now, where it is waited for. */
  gboolean waits = tunnel->status == PINO_TUNNEL_WAITING;
  gboolean other = any ? waits : provider != NULL && (waits || g_strcmp0(provider, tunnel->provider) != 0);
  if (any && waits) {
    pino_bars_clear(engine->tunnels->bars, NULL);
  } else if (!any && provider != NULL) {
    g_free(tunnel->wanted);
    tunnel->wanted = g_strdup(provider);
    pino_bars_clear(engine->tunnels->bars, provider);
  }
  if (passcode != NULL) {
    pino_tunnel_set_passcode(tunnel, passcode);
    /* A platform's address does not lead through the gate. */
    other = other || (tunnel->passcode != NULL && g_strcmp0(tunnel->provider, PINO_TUNNEL_PLATFORM) == 0);
  }
  pino_tunnel_publish(tunnel);
  if (other) {
    tunnel->platform_tried = FALSE;
    pino_tunnel_begin(tunnel);
  } else {
    pino_tunnel_changed(tunnel);
  }
  if (passcode == NULL ||
      !pino_gateway_is_stale(tunnel->own != NULL ? tunnel->own : engine->tunnels->gateway))
    return TRUE;
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
      "the gate cannot be told of the passcode now (is the disk full?), so visitors are let in as before; it "
      "is told as soon as that works, or close the tunnel");
  return FALSE;
}

gboolean pino_engine_tunnel_close(PinoEngine *engine, const char *id, GError **error) {
  PinoTunnel *tunnel = find(engine, id, error);
  if (tunnel == NULL)
    return FALSE;
  PinoLive *live = tunnel->run != NULL ? pino_live_find(engine, tunnel->run) : NULL;
  if (live != NULL)
    pino_tunnels_note_closed(live);
  else if (tunnel->awaits != NULL)
    pino_restart_unshare(engine, tunnel->awaits);
  pino_tunnels_remove(tunnel);
  return TRUE;
}

/* --- scripts that wait --------------------------------------------------------------------------------------------- */

void pino_tunnels_answer(PinoTunnel *tunnel, const char *trouble) {
  g_autofree char *open_url = trouble == NULL ? pino_share_public_form(tunnel, tunnel->local_url) : NULL;
  while (tunnel->waiters->len > 0) {
    PinoTunnelWaiter *waiter = tunnel->waiters->pdata[0];
    PinoLive *live = pino_live_find(tunnel->tunnels->engine, waiter->run);
    if (live != NULL && trouble == NULL)
      pino_query_reply_text(live, waiter->number, open_url);
    else if (live != NULL)
      pino_query_reply_error(live, waiter->number, trouble);
    g_ptr_array_remove_index(tunnel->waiters, 0);
  }
}

/* --- views --------------------------------------------------------------------------------------------------------- */

static void append_number(GString *out, const char *name, gint64 number) {
  g_string_append_printf(out, ",\"%s\":%" G_GINT64_FORMAT, name, number);
}

static void append_tunnel(GString *out, PinoTunnel *tunnel) {
  PinoEngine *engine = tunnel->tunnels->engine;
  const PinoApplication *app =
      tunnel->app != NULL ? g_hash_table_lookup(engine->applications, tunnel->app) : NULL;
  g_autofree char *open_url =
      tunnel->public_url != NULL ? pino_share_public_form(tunnel, tunnel->local_url) : NULL;
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", tunnel->id);
  pino_json_append_nullable(out, "app", tunnel->app);
  pino_json_append_nullable(out, "run", tunnel->run);
  pino_json_append_nullable(out, "title", app != NULL ? app->name : NULL);
  pino_json_append_member(out, "local_url", tunnel->local_url);
  append_number(out, "local_port", tunnel->port);
  pino_json_append_nullable(out, "public_url", tunnel->public_url);
  pino_json_append_nullable(out, "open_url", open_url);
  pino_json_append_nullable(out, "provider", tunnel->provider);
  pino_json_append_member(out, "status", pino_tunnel_status_name(tunnel->status));
  g_string_append_printf(out, ",\"passcode\":%s", tunnel->passcode != NULL ? "true" : "false");
  pino_json_append_nullable(out, "token", tunnel->token);
  pino_json_append_nullable(out, "trouble", tunnel->trouble);
  append_number(out, "retry_at", tunnel->retry_at);
  append_number(out, "created_at", tunnel->created);
  append_number(out, "opened_at", tunnel->opened);
  append_number(out, "reopened", tunnel->reopened);
  pino_json_append_nullable(out, "log", tunnel->agent != NULL ? pino_agent_log(tunnel->agent) : NULL);
  g_string_append_c(out, '}');
}

static int by_age(gconstpointer a, gconstpointer b) {
  const PinoTunnel *first = *(PinoTunnel *const *)a, *second = *(PinoTunnel *const *)b;
  if (first->created != second->created)
    return first->created < second->created ? -1 : 1;
  return strcmp(first->id, second->id);
}

GBytes *pino_engine_tunnels(PinoEngine *engine) {
  g_autoptr(GPtrArray) list = g_ptr_array_new();
  GString *out = g_string_new("[");
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->tunnels->all);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    g_ptr_array_add(list, value);
  g_ptr_array_sort(list, by_age);
  for (guint i = 0; i < list->len; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_tunnel(out, list->pdata[i]);
  }
  g_string_append_c(out, ']');
  return g_string_free_to_bytes(out);
}

GBytes *pino_engine_tunnel(PinoEngine *engine, const char *id, GError **error) {
  PinoTunnel *tunnel = find(engine, id, error);
  if (tunnel == NULL)
    return NULL;
  GString *out = g_string_new(NULL);
  append_tunnel(out, tunnel);
  return g_string_free_to_bytes(out);
}

/* ms since 1970; 0: it may be tried now. */
static gint64 barred_until(PinoTunnels *tunnels, const char *id) {
  gint64 until = pino_bars_until(tunnels->bars, id), now = g_get_monotonic_time();
  if (until <= now)
    return 0;
  return until == G_MAXINT64 ? -1 : pino_engine_now() + (until - now) / 1000;
}

static void append_provider(GString *out, PinoTunnels *tunnels, const char *id, guint order) {
  const PinoProvider *provider = pino_provider_find(id);
  g_autoptr(GPtrArray) rules = pino_rules_find(tunnels->platform->id, PINO_RULE_TUNNEL);
  g_autoptr(GPtrArray) texts = NULL;
  g_autofree char *why_not = NULL, *program = NULL;
  gboolean available = provider == NULL ? tunnels->platform->rented : FALSE;
  if (provider != NULL) {
    PinoAgentSpec spec = pino_tunnel_spec(tunnels, "t", &texts);
    available = pino_provider_can(provider, &spec, &why_not);
    program = pino_provider_program(provider, &spec);
  } else if (!available) {
    why_not = g_strdup("this machine has no public address of its own");
  }
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", id);
  pino_json_append_member(out, "name", provider != NULL ? provider->name : tunnels->platform->name);
  append_number(out, "order", order);
  g_string_append_printf(out, ",\"available\":%s", available ? "true" : "false");
  pino_json_append_nullable(out, "why_not", why_not);
  pino_json_append_nullable(out, "program", program);
  append_number(out, "barred_until", barred_until(tunnels, id));
  pino_json_append_nullable(out, "rule", rules->len > 0 ? ((const PinoRule *)rules->pdata[0])->text : NULL);
  g_string_append_c(out, '}');
}

GBytes *pino_engine_providers(PinoEngine *engine) {
  PinoTunnels *tunnels = engine->tunnels;
  g_auto(GStrv) order = pino_tunnels_order(tunnels);
  GString *out = g_string_new("[");
  for (guint i = 0; order[i] != NULL; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_provider(out, tunnels, order[i], i + 1);
  }
  g_string_append_c(out, ']');
  return g_string_free_to_bytes(out);
}
