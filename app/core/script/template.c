#include "script/template.h"

#include <string.h>

/* How many closing braces are tried for one opening pair: text with thousands of them must not cost the square. */
#define MAX_CLOSINGS 8

/* Bytes of failed expressions that one byte of text may cost: a parser's time grows with what it is given. */
#define MAX_FAILED 64
#define MIN_FAILED (256 * 1024)

/* Where a closing was found last: the next search often starts before it and ends there again. */
typedef struct {
  gsize from, at; /* from what place it was searched; where it is, G_MAXSIZE: nowhere */
} Known;

typedef struct {
  const char *text;
  gsize len;
  PinoTemplateParses parses;
  gpointer data;
  gsize failed;              /* bytes given to `parses` in vain */
  Known close[MAX_CLOSINGS]; /* one for each try */
  Known triple;
} Scan;

static const char *find(const Scan *scan, gsize from, const char *what) {
  return from < scan->len ? memmem(scan->text + from, scan->len - from, what, strlen(what)) : NULL;
}

/* The place of the next closing, G_MAXSIZE if there is none. */
static gsize find_known(const Scan *scan, Known *known, const char *what, gsize from) {
  if (known->from == 0 || from < known->from || from > known->at) {
    const char *found = find(scan, from, what);
    known->at = found != NULL ? (gsize)(found - scan->text) : G_MAXSIZE;
    known->from = from;
  }
  return known->at;
}

/* The end of a {{{...}}} that starts at open, or 0. */
static gsize triple_end(Scan *scan, gsize open) {
  if (scan->len - open < 3 || scan->text[open + 2] != '{')
    return 0;
  gsize end = find_known(scan, &scan->triple, "}}}", open + 3);
  return end != G_MAXSIZE ? end + 3 : 0;
}

/* The last "{{" in (open, close): a template inside the template. */
static gsize innermost(const Scan *scan, gsize open, gsize close) {
  for (gsize at = close; at > open + 2; at--) {
    if (at + 2 <= close && scan->text[at] == '{' && scan->text[at + 1] == '{')
      return at;
  }
  return open;
}

static gboolean parses(Scan *scan, gsize open, gsize close) {
  gsize len = close - open - 2;
  if (scan->failed > MIN_FAILED && scan->failed / MAX_FAILED > scan->len)
    return FALSE;
  gboolean ok = scan->parses(scan->text + open + 2, len, scan->data);
  scan->failed += ok ? 0 : len;
  return ok;
}

/* An expression that opens at *open, or at a place within it: TRUE with both ends set. */
static gboolean match(Scan *scan, gsize *open, gsize *close) {
  gsize from = *open + 2;
  for (guint tries = 0; tries < MAX_CLOSINGS; tries++) {
    gsize stop = find_known(scan, &scan->close[tries], "}}", from);
    if (stop == G_MAXSIZE)
      return FALSE;
    gsize inner = tries == 0 ? innermost(scan, *open, stop) : *open;
    if (parses(scan, inner, stop)) {
      *open = inner;
      *close = stop;
      return TRUE;
    }
    if (inner != *open && parses(scan, *open, stop)) {
      *close = stop;
      return TRUE;
    }
    from = stop + 1;
  }
  return FALSE;
}

GPtrArray *pino_template_split(const char *text, gsize len, PinoTemplateParses accepts, gpointer data) {
  Scan scan = {.text = text, .len = len, .parses = accepts, .data = data};
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
