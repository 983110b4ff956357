#include "script/template.h"

#include <string.h>

/* How many closing braces are tried for one opening pair: text with thousands of them must not cost the square. */
#define MAX_CLOSINGS 8

typedef struct {
  const char *text;
  gsize len;
  PinoTemplateParses parses;
  gpointer data;
} Scan;

static const char *find(const Scan *scan, gsize from, const char *what) {
  return from < scan->len ? memmem(scan->text + from, scan->len - from, what, strlen(what)) : NULL;
}

/* The end of a {{{...}}} that starts at open, or 0. */
static gsize triple_end(const Scan *scan, gsize open) {
  if (scan->len - open < 3 || scan->text[open + 2] != '{')
    return 0;
  const char *end = find(scan, open + 3, "}}}");
  return end != NULL ? (gsize)(end - scan->text) + 3 : 0;
}

/* The last "{{" in (open, close): a template inside the template. */
static gsize innermost(const Scan *scan, gsize open, gsize close) {
  for (gsize at = close; at > open + 2; at--) {
    if (at + 2 <= close && scan->text[at] == '{' && scan->text[at + 1] == '{')
      return at;
  }
  return open;
}

/* An expression that opens at *open, or at a place within it: TRUE with both ends set. */
static gboolean match(const Scan *scan, gsize *open, gsize *close) {
  gsize from = *open + 2;
  for (guint tries = 0; tries < MAX_CLOSINGS; tries++) {
    const char *end = find(scan, from, "}}");
    if (end == NULL)
      return FALSE;
    gsize stop = (gsize)(end - scan->text);
    gsize inner = tries == 0 ? innermost(scan, *open, stop) : *open;
    if (scan->parses(scan->text + inner + 2, stop - inner - 2, scan->data)) {
      *open = inner;
      *close = stop;
      return TRUE;
    }
    if (inner != *open && scan->parses(scan->text + *open + 2, stop - *open - 2, scan->data)) {
      *close = stop;
      return TRUE;
    }
    from = stop + 1;
  }
  return FALSE;
}

GPtrArray *pino_template_split(const char *text, gsize len, PinoTemplateParses parses, gpointer data) {
  Scan scan = {.text = text, .len = len, .parses = parses, .data = data};
  GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
  gsize start = 0, at = 0;
  const char *found;
  while ((found = find(&scan, at, "{{")) != NULL) {
    gsize open = (gsize)(found - text), close = 0;
    gsize skip = triple_end(&scan, open);
    if (skip > 0) {
      at = skip;
    } else if (match(&scan, &open, &close)) {
      g_ptr_array_add(parts, g_strndup(text + start, open - start));
      g_ptr_array_add(parts, g_strndup(text + open + 2, close - open - 2));
      start = at = close + 2;
    } else {
      at = open + 2;
    }
  }
  g_ptr_array_add(parts, g_strndup(text + start, len - start));
  return parts;
}
