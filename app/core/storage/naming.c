#include "storage/naming.h"

#include <string.h>

#include "base/error.h"

/* 255 less ".part.map", and one. */
#define NAME_ROOM ((gsize)245)
#define EXTENSION_ROOM ((gsize)20)

static char *shorten(const char *name) {
  gsize len = strlen(name);
  if (len <= NAME_ROOM)
    return g_strdup(name);
  const char *dot = strrchr(name, '.');
  const char *extension = dot != NULL && strlen(dot) <= EXTENSION_ROOM ? dot : "";
  gsize keep = NAME_ROOM - strlen(extension);
  while (keep > 0 && ((guchar)name[keep] & 0xC0) == 0x80)
    keep--;
  g_autofree char *stem = g_strndup(name, keep);
  return g_strconcat(stem, extension, NULL);
}

char *pino_naming_clean(const char *name) {
  const char *last = name;
  for (const char *c = name; *c != '\0'; c++)
    if (*c == '/' || *c == '\\')
      last = c + 1;
  g_autoptr(GString) kept = g_string_new(NULL);
  for (const char *c = last; *c != '\0'; c++)
    if ((guchar)*c >= 0x20 && *c != 0x7f)
      g_string_append_c(kept, *c);
  g_strstrip(kept->str);
  if (kept->str[0] == '\0' || g_str_equal(kept->str, ".") || g_str_equal(kept->str, ".."))
    return NULL;
  return shorten(kept->str);
}

/* Undoes %XX; what is no such escape stays. %00 would end the name, so it is left out. */
static char *unescape(const char *text) {
  GString *out = g_string_new(NULL);
  for (; *text != '\0'; text++) {
    int high = *text == '%' ? g_ascii_xdigit_value(text[1]) : -1;
    int low = high >= 0 ? g_ascii_xdigit_value(text[2]) : -1;
    if (low < 0) {
      g_string_append_c(out, *text);
      continue;
    }
    if (high * 16 + low != 0)
      g_string_append_c(out, (char)(high * 16 + low));
    text += 2;
  }
  return g_string_free(out, FALSE);
}

/* RFC 8187: charset'language'escaped. */
static char *decode_extended(const char *value) {
  const char *first = strchr(value, '\'');
  const char *second = first != NULL ? strchr(first + 1, '\'') : NULL;
  if (second == NULL)
    return NULL;
  g_autofree char *charset = g_strndup(value, (gsize)(first - value));
  g_autofree char *bytes = unescape(second + 1);
  if (g_ascii_strcasecmp(charset, "UTF-8") == 0)
    return g_steal_pointer(&bytes);
  return g_convert(bytes, -1, "UTF-8", charset, NULL, NULL, NULL);
}

/* Takes one parameter's value from *at on (quoted or not) and leaves *at behind it. */
static char *take_value(const char **at) {
  const char *c = *at;
  GString *value = g_string_new(NULL);
  gboolean quoted = *c == '"';
  for (c += quoted; *c != '\0' && *c != (quoted ? '"' : ';'); c++) {
    if (quoted && *c == '\\' && c[1] != '\0')
      c++;
    g_string_append_c(value, *c);
  }
  while (*c != '\0' && *c != ';')
    c++;
  *at = c;
  if (!quoted)
    g_strstrip(value->str);
  return g_string_free(value, FALSE);
}

char *pino_naming_from_disposition(const char *value) {
  g_autofree char *plain = NULL;
  g_autofree char *extended = NULL;
  const char *at = strchr(value, ';');
  while (at != NULL && *at == ';') {
    at += 1 + strspn(at + 1, " \t");
    gsize len = strcspn(at, "=; \t");
    g_autofree char *key = g_ascii_strdown(at, (gssize)len);
    at += len + strspn(at + len, " \t");
    if (*at != '=') {
      at = strchr(at, ';');
      continue;
    }
    at += 1 + strspn(at + 1, " \t");
    g_autofree char *text = take_value(&at);
    if (g_str_equal(key, "filename*") && extended == NULL)
      extended = decode_extended(text);
    else if (g_str_equal(key, "filename") && plain == NULL)
      plain = g_steal_pointer(&text);
  }
  char *name = extended != NULL ? pino_naming_clean(extended) : NULL;
  return name == NULL && plain != NULL ? pino_naming_clean(plain) : name;
}

char *pino_naming_from_url(const char *url) {
  const char *path = strstr(url, "://");
  path = strchr(path != NULL ? path + 3 : url, '/');
  if (path == NULL)
    return NULL;
  g_autofree char *text = g_strndup(path, strcspn(path, "?#"));
  g_autofree char *last = unescape(strrchr(text, '/') + 1);
  return pino_naming_clean(last);
}

char *pino_naming_escape_url(const char *url, GError **error) {
  g_autofree char *trimmed = g_strstrip(g_strdup(url != NULL ? url : ""));
  g_autoptr(GString) out = g_string_new(NULL);
  for (const char *c = trimmed; *c != '\0'; c++) {
    if ((guchar)*c <= 0x20 || (guchar)*c >= 0x7f || strchr("<>\"{}|\\^`", *c) != NULL)
      g_string_append_printf(out, "%%%02X", (guchar)*c);
    else
      g_string_append_c(out, *c);
  }
  const char *host = strstr(out->str, "://");
  gboolean web =
      g_ascii_strncasecmp(out->str, "http://", 7) == 0 || g_ascii_strncasecmp(out->str, "https://", 8) == 0;
  if (web && host[3] != '\0' && host[3] != '/')
    return g_strdup(out->str);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "cannot download '%s'; give a URL with http:// or https://", trimmed);
  return NULL;
}

char *pino_naming_show_url(const char *url) {
  const char *host = strstr(url, "://");
  host = host != NULL ? host + 3 : url;
  gsize end = strcspn(host, "?#");
  const char *at = memrchr(host, '@', strcspn(host, "/?#"));
  g_autofree char *scheme = g_strndup(url, (gsize)(host - url));
  g_autofree char *rest = g_strndup(host, end);
  return g_strconcat(scheme, at != NULL ? rest + (at + 1 - host) : rest, NULL);
}
