#include "server/internal.h"

#include <string.h>

gsize pino_route_count(const PinoRoute *routes) {
  gsize count = 0;
  while (routes[count].method != NULL)
    count++;
  return count;
}

/* A segment once decoded: NULL when it is nothing that may name something. The folder of an app may have any name. */
static char *decode(const char *from, gsize length, gboolean is_app) {
  g_autofree char *text = g_uri_unescape_segment(from, from + length, "/");
  if (text == NULL || !g_utf8_validate(text, -1, NULL) || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
    return NULL;
  for (const char *at = text; !is_app && *at != '\0'; at++)
    if ((guchar)*at < 0x20 || *at == 0x7f)
      return NULL;
  return g_steal_pointer(&text);
}

typedef struct {
  const char *from[PINO_CALL_NAMES];
  gsize length[PINO_CALL_NAMES];
  gboolean is_app[PINO_CALL_NAMES];
  guint count;
} Names;

static gboolean path_matches(const char *pattern, const char *path, Names *names) {
  names->count = 0;
  while (*pattern == '/' && *path == '/') {
    gsize wanted = strcspn(++pattern, "/"), have = strcspn(++path, "/");
    if (*pattern == '{') {
      if (have == 0 || names->count == PINO_CALL_NAMES)
        return FALSE;
      names->from[names->count] = path;
      names->is_app[names->count] = g_str_has_prefix(pattern, "{app}");
      names->length[names->count++] = have;
    } else if (wanted != have || memcmp(pattern, path, have) != 0) {
      return FALSE;
    }
    pattern += wanted;
    path += have;
  }
  return *pattern == '\0' && *path == '\0';
}

static gboolean method_matches(const char *wanted, const char *method) {
  return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void add_allowed(GString *allow, const char *method) {
  const char *shown = strcmp(method, "WS") == 0 ? "GET" : method;
  if (strstr(allow->str, shown) == NULL)
    g_string_append_printf(allow, "%s%s%s", allow->len > 0 ? ", " : "", shown,
                           strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static gboolean take_names(const Names *found, char **names) {
  for (guint i = 0; i < found->count; i++) {
    names[i] = decode(found->from[i], found->length[i], found->is_app[i]);
    if (names[i] == NULL)
      return FALSE;
  }
  return TRUE;
}

PinoMatch pino_route_find(PinoServer *server, const char *method, const char *path, const PinoRoute **route,
                          char **names, char **allow) {
  g_autoptr(GString) others = NULL;
  for (guint t = 0; t < server->tables->len; t++) {
    const PinoRouteTable *table = &g_array_index(server->tables, PinoRouteTable, t);
    for (gsize i = 0; i < table->count; i++) {
      const PinoRoute *row = &table->routes[i];
      Names found;
      if (((row->flags & PINO_ROUTE_LOCAL) != 0 && !server->local_clients) ||
          !path_matches(row->pattern, path, &found))
        continue;
      if (method_matches(row->method, method)) {
        *route = row;
        return take_names(&found, names) ? PINO_MATCH_FOUND : PINO_MATCH_BAD_NAME;
      }
      if (others == NULL)
        others = g_string_new(NULL);
      add_allowed(others, row->method);
    }
  }
  if (others == NULL)
    return PINO_MATCH_NOT_FOUND;
  *allow = g_string_free(g_steal_pointer(&others), FALSE);
  return PINO_MATCH_METHOD;
}
