#include "tunnel/web.h"

#include <string.h>

/* NAME or name; NULL when it is unset or empty. */
static const char *variable(const char *name) {
  g_autofree char *upper = g_ascii_strup(name, -1);
  const char *value = g_getenv(name);
  if (value == NULL || *value == '\0')
    value = g_getenv(upper);
  return value != NULL && *value != '\0' ? value : NULL;
}

static char **hosts_without(void) {
  const char *text = variable("no_proxy");
  g_auto(GStrv) given = g_strsplit_set(text != NULL ? text : "", ", ", -1);
  g_autoptr(GPtrArray) hosts = g_ptr_array_new();
  for (guint i = 0; given[i] != NULL; i++) {
    if (*given[i] == '.') /* a domain with all below it */
      g_ptr_array_add(hosts, g_strconcat("*", given[i], NULL));
    else if (*given[i] != '\0')
      g_ptr_array_add(hosts, g_strdup(given[i]));
  }
  g_ptr_array_add(hosts, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&hosts), FALSE);
}

static void set_proxy(GSimpleProxyResolver *resolver, const char *scheme, const char *value) {
  g_autofree char *uri = strstr(value, "://") != NULL ? g_strdup(value) : g_strconcat("http://", value, NULL);
  g_simple_proxy_resolver_set_uri_proxy(resolver, scheme, uri);
}

/* NULL: the environment names no proxy. GLib's own resolvers need modules that not every machine has. */
static GProxyResolver *resolver_of_environment(void) {
  const char *all = variable("all_proxy");
  const char *https = variable("https_proxy"), *http = g_getenv("http_proxy");
  if (https == NULL && http == NULL && all == NULL)
    return NULL;
  g_auto(GStrv) without = hosts_without();
  GProxyResolver *resolver = g_simple_proxy_resolver_new(NULL, without);
  if (https != NULL || all != NULL)
    set_proxy(G_SIMPLE_PROXY_RESOLVER(resolver), "https", https != NULL ? https : all);
  if (http != NULL || all != NULL)
    set_proxy(G_SIMPLE_PROXY_RESOLVER(resolver), "http", http != NULL ? http : all);
  return resolver;
}

static void use_certificates(SoupSession *session) {
  const char *path = variable("SSL_CERT_FILE");
  g_autoptr(GError) error = NULL;
  g_autoptr(GTlsDatabase) database = path != NULL ? g_tls_file_database_new(path, &error) : NULL;
  if (database != NULL)
    soup_session_set_tls_database(session, database);
  else if (path != NULL)
    g_message("the certificates in %s (SSL_CERT_FILE) cannot be used: %s", path, error->message);
}

SoupSession *pino_web_session(guint timeout_s) {
  g_autoptr(GProxyResolver) resolver = resolver_of_environment();
  SoupSession *session =
      soup_session_new_with_options("timeout", timeout_s, "user-agent", "pinokiocloud", NULL);
  if (resolver != NULL)
    soup_session_set_proxy_resolver(session, resolver);
  use_certificates(session);
  return session;
}
