#include "cli/public.h"

#include <glib-unix.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/wait.h"
#include "cli/near.h"
#include "cli/say.h"
#include "cli/target.h"

#define LOOK_MS 100        /* where the engine's events cannot be followed */
#define EVENTS_LOOK_MS 500 /* where they can: for what they do not tell */

/* --- what tunnels are ---------------------------------------------------------------------------------------------- */

const char *pino_public_url(JsonObject *tunnel) {
  const char *url = pino_text(tunnel, "open_url");
  return url != NULL && *url != '\0' ? url : pino_text(tunnel, "public_url");
}

char *pino_public_name(JsonObject *tunnel) {
  const char *app = pino_text(tunnel, "app"), *url = pino_text(tunnel, "local_url");
  if (app != NULL)
    return pino_one_line(app);
  return url != NULL ? pino_one_line(url)
                     : g_strdup_printf("port %" G_GINT64_FORMAT, pino_number(tunnel, "local_port"));
}

static gboolean has_status(JsonObject *tunnel, const char *status) {
  return g_strcmp0(pino_text(tunnel, "status"), status) == 0;
}

gboolean pino_public_is_open(JsonObject *tunnel) {
  return has_status(tunnel, "open") && pino_public_url(tunnel) != NULL;
}

/* --- finding ------------------------------------------------------------------------------------------------------- */

static gboolean is_meant(JsonObject *tunnel, const char *word) {
  static const char *const members[] = {"id", "app", "run", "local_url", "public_url", "open_url"};
  g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, pino_number(tunnel, "local_port"));
  gboolean meant = g_str_equal(port, word);
  for (guint i = 0; i < G_N_ELEMENTS(members); i++)
    meant = meant || g_strcmp0(pino_text(tunnel, members[i]), word) == 0;
  return meant;
}

GPtrArray *pino_public_find(JsonNode *tunnels, const char *word) {
  GPtrArray *found = g_ptr_array_new();
  JsonArray *array = json_node_get_array(tunnels);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_OBJECT(node) && is_meant(json_node_get_object(node), word))
      g_ptr_array_add(found, json_node_get_object(node));
  }
  return found;
}

/* The first of these objects whose member is the text; NULL: none. */
static JsonObject *find_by(JsonNode *objects, const char *member, const char *text) {
  JsonArray *array = json_node_get_array(objects);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_OBJECT(node) && g_strcmp0(pino_text(json_node_get_object(node), member), text) == 0)
      return json_node_get_object(node);
  }
  return NULL;
}

const char *pino_public_of_run(JsonNode *tunnels, JsonNode *apps, const char *run) {
  JsonObject *tunnel = run != NULL ? find_by(tunnels, "run", run) : NULL;
  JsonObject *app = run != NULL ? find_by(apps, "run", run) : NULL;
  if (tunnel != NULL && pino_public_is_open(tunnel))
    return pino_public_url(tunnel);
  return app != NULL ? pino_text(app, "public_url") : NULL;
}

/* --- names that were nearly right ---------------------------------------------------------------------------------- */

void pino_public_suggest(PinoClient *client, const char *word, GError **error) {
  if (!g_error_matches(*error, PINO_ERROR, PINO_ERROR_NOT_FOUND))
    return;
  g_autoptr(JsonNode) apps = pino_client_get_array(client, "/v1/apps", NULL);
  if (apps != NULL)
    pino_near_suggest(apps, "id", word, *error);
}

/* --- rules --------------------------------------------------------------------------------------------------------- */

/* Each rule once, though several providers have the same one. */
static void tell_rules(JsonNode *providers, const char *only, GHashTable *told) {
  JsonArray *array = json_node_get_array(providers);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    JsonObject *provider = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *rule = provider != NULL ? pino_text(provider, "rule") : NULL;
    gboolean asked = only == NULL || (provider != NULL && g_strcmp0(pino_text(provider, "id"), only) == 0);
    if (rule != NULL && asked && g_hash_table_add(told, g_strdup(rule)))
      pino_say("know the rule of this platform: %s", rule);
  }
}

static GHashTable *new_told(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static JsonNode *get_providers(PinoClient *client) {
  g_autoptr(GError) error = NULL;
  JsonNode *providers = pino_client_get_array(client, "/v1/providers", &error);
  if (providers == NULL)
    pino_say("the rules of this platform are not known: %s", error->message);
  return providers;
}

void pino_public_tell_rules(PinoClient *client, const char *provider) {
  g_autoptr(JsonNode) providers = get_providers(client);
  g_autoptr(GHashTable) told = new_told();
  if (providers != NULL)
    tell_rules(providers, provider, told);
}

/* --- following ----------------------------------------------------------------------------------------------------- */

typedef struct {
  PinoClient *client;
  const char *id, *wanted;
  PinoClientSocket *events; /* NULL: there are none */
  JsonNode *providers;      /* NULL: not known */
  GHashTable *rules;        /* that were told */
  char *provider, *trouble; /* as they were told last */
  gint64 retry_at;
  gint64 until; /* 0: for ever */
  gboolean left, woken, silent;
} Watch;

/* Keeps the new text; TRUE when it is another one than before, and is one. */
static gboolean is_news(char **known, const char *text) {
  if (g_strcmp0(*known, text) == 0)
    return FALSE;
  g_free(*known);
  *known = g_strdup(text);
  return text != NULL;
}

static char *clock_text(gint64 ms) {
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(ms / 1000);
  return time != NULL ? g_date_time_format(time, "%H:%M:%S") : g_strdup("later");
}

/* What is new in a tunnel, or in the engine's event of one, is told: first what failed, then what is tried instead. */
static void tell(Watch *watch, JsonObject *tunnel) {
  const char *provider = pino_text(tunnel, "provider"), *trouble = pino_text(tunnel, "trouble");
  if (is_news(&watch->trouble, trouble))
    pino_say("%s", trouble);
  if (has_status(tunnel, "waiting") || !is_news(&watch->provider, provider))
    return;
  if (watch->providers != NULL)
    tell_rules(watch->providers, provider, watch->rules);
  if (!has_status(tunnel, "open"))
    pino_say("trying %s", provider);
}

static void tell_wait(Watch *watch, JsonObject *tunnel) {
  gint64 retry_at = pino_number(tunnel, "retry_at");
  if (!has_status(tunnel, "waiting") || retry_at == 0 || retry_at == watch->retry_at)
    return;
  g_autofree char *clock = clock_text(retry_at);
  pino_say("no provider can be tried now; the next try is at %s", clock);
  watch->retry_at = retry_at;
}

static void on_message(gboolean is_text, const char *bytes, gsize length, gpointer data) {
  Watch *watch = data;
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonNode *root = is_text && json_parser_load_from_data(parser, bytes, (gssize)length, NULL)
                       ? json_parser_get_root(parser)
                       : NULL;
  JsonObject *event = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  if (event == NULL || g_strcmp0(pino_text(event, "type"), "tunnel") != 0 ||
      g_strcmp0(pino_text(event, "tunnel"), watch->id) != 0)
    return;
  tell(watch, event);
  watch->woken = TRUE;
}

static void on_closed(guint code, const char *reason, gpointer data) {
  ((Watch *)data)->silent = TRUE;
}

static gboolean on_signal(gpointer data) {
  ((Watch *)data)->left = TRUE;
  ((Watch *)data)->woken = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean on_time(gpointer data) {
  ((Watch *)data)->woken = TRUE;
  return G_SOURCE_CONTINUE;
}

/* Until something may be new. FALSE: it is not waited any longer. */
static gboolean pause_watch(Watch *watch) {
  gboolean alone = watch->events == NULL || watch->silent;
  guint timer = g_timeout_add(alone ? LOOK_MS : EVENTS_LOOK_MS, on_time, watch);
  pino_wait(&watch->woken, NULL, NULL);
  watch->woken = FALSE;
  g_source_remove(timer);
  return !watch->left && (watch->until == 0 || g_get_monotonic_time() < watch->until);
}

/* Whether one of those that may be used can be, now or later. */
static gboolean is_hopeless(const Watch *watch) {
  g_autoptr(JsonNode) providers = pino_client_get_array(watch->client, "/v1/providers", NULL);
  JsonArray *array = providers != NULL ? json_node_get_array(providers) : NULL;
  gboolean usable = array == NULL;
  for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    JsonObject *provider = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (provider == NULL ||
        (watch->wanted != NULL && g_strcmp0(pino_text(provider, "id"), watch->wanted) != 0))
      continue;
    gboolean can = json_object_get_boolean_member_with_default(provider, "available", FALSE);
    usable = usable || (can && pino_number(provider, "barred_until") >= 0);
  }
  return !usable;
}

/* Why it will not be open, however long one waits. */
static gboolean check(const Watch *watch, JsonObject *tunnel, GError **error) {
  if (!has_status(tunnel, "waiting") || !is_hopeless(watch))
    return TRUE;
  g_set_error_literal(
      error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
      "no provider can be used now: `pinokiocloud tunnel providers` shows why; the tunnel is opened "
      "as soon as one can be");
  return FALSE;
}

static PinoPublicEnd watch_tunnel(Watch *watch, JsonNode **tunnel, GError **error) {
  g_autofree char *path = pino_client_path("/v1/tunnels/%s", watch->id);
  do {
    g_autoptr(JsonNode) node = pino_client_get_object(watch->client, path, error);
    if (node == NULL) {
      if (g_error_matches(*error, PINO_ERROR, PINO_ERROR_NOT_FOUND))
        g_prefix_error(error, "the tunnel was closed before it was open: ");
      return PINO_PUBLIC_FAILED;
    }
    tell(watch, json_node_get_object(node));
    if (pino_public_is_open(json_node_get_object(node))) {
      *tunnel = g_steal_pointer(&node);
      return PINO_PUBLIC_OPEN;
    }
    if (!check(watch, json_node_get_object(node), error))
      return PINO_PUBLIC_FAILED;
    tell_wait(watch, json_node_get_object(node));
  } while (pause_watch(watch));
  return watch->left ? PINO_PUBLIC_LEFT : PINO_PUBLIC_LATE;
}

PinoPublicEnd pino_public_follow(PinoClient *client, const char *id, const char *wanted, guint limit_s,
                                 JsonNode **tunnel, GError **error) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  static const PinoClientEvents events = {on_message, on_closed};
  Watch watch = {
      .client = client, .id = id, .wanted = wanted, .rules = new_told(), .providers = get_providers(client)};
  guint sources[G_N_ELEMENTS(signals)];
  for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
    sources[i] = g_unix_signal_add(signals[i], on_signal, &watch);
  watch.until = limit_s > 0 ? g_get_monotonic_time() + limit_s * G_USEC_PER_SEC : 0;
  watch.events = pino_client_open(client, "/v1/events", &events, &watch, NULL, NULL);
  PinoPublicEnd end = watch_tunnel(&watch, tunnel, error);
  g_clear_pointer(&watch.events, pino_client_close);
  for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
    g_source_remove(sources[i]);
  g_clear_pointer(&watch.providers, json_node_unref);
  g_hash_table_unref(watch.rules);
  g_free(watch.provider);
  g_free(watch.trouble);
  return end;
}
