#include "gate/routes.h"

#include <string.h>

struct _PinoRoutes {
  PinoGateConfig *config;
  GHashTable *hosts; /* name -> PinoGateShare */
};

enum { HOST_MAX = 255 };

PinoRoutes *pino_routes_new(PinoGateConfig *config) {
  PinoRoutes *routes = g_rc_box_new0(PinoRoutes);
  routes->config = config;
  routes->hosts = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < config->shares->len; i++) {
    PinoGateShare *share = g_ptr_array_index(config->shares, i);
    for (char **host = share->hosts; *host != NULL; host++)
      g_hash_table_insert(routes->hosts, *host, share);
  }
  return routes;
}

PinoRoutes *pino_routes_ref(PinoRoutes *routes) {
  return g_rc_box_acquire(routes);
}

static void clear(gpointer data) {
  PinoRoutes *routes = data;
  g_hash_table_unref(routes->hosts);
  pino_gate_config_free(routes->config);
}

void pino_routes_unref(PinoRoutes *routes) {
  if (routes != NULL)
    g_rc_box_release_full(routes, clear);
}

const PinoGateConfig *pino_routes_config(const PinoRoutes *routes) {
  return routes->config;
}

const PinoGateShare *pino_routes_find(const PinoRoutes *routes, PinoSlice host) {
  char name[HOST_MAX + 1];
  const char *from = host.length > 0 && host.text[0] == '[' ? memchr(host.text, ']', host.length) : host.text;
  const char *colon =
      from != NULL && host.length > 0 ? memchr(from, ':', host.length - (gsize)(from - host.text)) : NULL;
  gsize length = colon != NULL ? (gsize)(colon - host.text) : host.length;
  for (gsize i = length + 1; i < host.length; i++) {
    if (!g_ascii_isdigit(host.text[i]))
      return NULL;
  }
  if (length > 0 && host.text[length - 1] == '.')
    length--; /* the root's dot */
  if (length == 0 || length > HOST_MAX)
    return NULL;
  for (gsize i = 0; i < length; i++)
    name[i] = g_ascii_tolower(host.text[i]);
  name[length] = '\0';
  const PinoGateShare *share = g_hash_table_lookup(routes->hosts, name);
  return share != NULL ? share : g_hash_table_lookup(routes->hosts, PINO_GATE_ANY_HOST);
}

gboolean pino_routes_lead_to(const PinoRoutes *routes, const char *address, guint16 port) {
  for (guint i = 0; i < routes->config->shares->len; i++) {
    const PinoGateShare *share = g_ptr_array_index(routes->config->shares, i);
    if (share->port == port && strcmp(share->address, address) == 0)
      return TRUE;
  }
  return FALSE;
}
