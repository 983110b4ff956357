#include "base/json.h"

#include <string.h>

static void append_escaped(GString *out, guchar c) {
  static const char *const names[] = {
      ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
  if (c == '"' || c == '\\')
    g_string_append_printf(out, "\\%c", c);
  else if (c < G_N_ELEMENTS(names) && names[c] != NULL)
    g_string_append(out, names[c]);
  else
    g_string_append_printf(out, "\\u%04x", c);
}

/* Valid text without NUL. */
static void append_valid(GString *out, const char *text, gsize len) {
  gsize start = 0;
  for (gsize i = 0; i < len; i++) {
    guchar c = (guchar)text[i];
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
      continue;
    g_string_append_len(out, text + start, (gssize)(i - start));
    append_escaped(out, c);
    start = i + 1;
  }
  g_string_append_len(out, text + start, (gssize)(len - start));
}

/* GLib takes NUL for the end of valid text: what stands between two of them is looked at alone. */
static void append_between(GString *out, const char *text, gsize len) {
  g_autofree char *valid = g_utf8_validate_len(text, len, NULL) ? NULL : g_utf8_make_valid(text, (gssize)len);
  if (valid != NULL)
    append_valid(out, valid, strlen(valid));
  else
    append_valid(out, text, len);
}

void pino_json_append_string(GString *out, const char *text, gsize len) {
  g_string_append_c(out, '"');
  const char *zero;
  while (len > 0 && (zero = memchr(text, 0, len)) != NULL) {
    gsize before = (gsize)(zero - text);
    append_between(out, text, before);
    append_escaped(out, 0);
    text += before + 1;
    len -= before + 1;
  }
  append_between(out, text, len);
  g_string_append_c(out, '"');
}

void pino_json_append_member(GString *out, const char *name, const char *text) {
  if (text == NULL)
    return;
  if (out->len > 0 && out->str[out->len - 1] != '{')
    g_string_append_c(out, ',');
  g_string_append_printf(out, "\"%s\":", name);
  pino_json_append_string(out, text, strlen(text));
}

void pino_json_append_nullable(GString *out, const char *name, const char *text) {
  if (text != NULL)
    pino_json_append_member(out, name, text);
  else
    g_string_append_printf(out, "%s\"%s\":null", out->len > 0 && out->str[out->len - 1] == '{' ? "" : ",",
                           name);
}

/* json-glib takes comments too, in which a quote means nothing: once there may be one, brackets in strings count as well. */
gboolean pino_json_is_flat(const char *text, gsize length, guint deepest) {
  guint depth = 0, all = 0;
  gboolean quoted = FALSE, odd = FALSE, deep = FALSE;
  for (gsize i = 0; i < length; i++) {
    char c = text[i];
    gboolean opens = c == '[' || c == '{', closes = c == ']' || c == '}';
    odd = odd || (!quoted && (c == '/' || c == '#' || c == '\''));
    all += opens ? 1 : closes && all > 0 ? (guint)-1 : 0;
    depth += quoted ? 0 : opens ? 1 : closes && depth > 0 ? (guint)-1 : 0;
    deep = deep || all > deepest;
    if (depth > deepest || (odd && deep))
      return FALSE;
    if (c == '"')
      quoted = !quoted;
    i += quoted && c == '\\';
  }
  return TRUE;
}

JsonObject *pino_json_read_object(const char *path) {
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents(path, &text, &length, NULL) ||
      !pino_json_is_flat(text, length, PINO_JSON_DEEPEST) ||
      !json_parser_load_from_data(parser, text, (gssize)length, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  return root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_object_ref(json_node_get_object(root)) : NULL;
}
