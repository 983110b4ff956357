#include "gate/page.h"

#include <string.h>

#include "base/json.h"

static const char page_begin[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><style>"
    ":root{--page:#f3f4f6;--card:#fff;--text:#17191c;--soft:#5a6069;--line:#8b919b;--act:#1d4ed8;--on:#fff;--"
    "bad:#b42318}"
    "@media(prefers-color-scheme:dark){:root{--page:#111317;--card:#1b1e24;--text:#eceef1;--soft:#a6adb8;--"
    "line:#717884;"
    "--act:#8ab4ff;--on:#0b1220;--bad:#ff9a8f}}"
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;"
    "background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif}"
    "main{width:100%;max-width:24rem;padding:2rem;background:var(--card);border-radius:1rem;"
    "box-shadow:0 1px 3px #0002,0 8px 24px #0001}"
    "h1{margin:0;font-size:1.25rem;line-height:1.35;overflow-wrap:anywhere}"
    "p{margin:.75rem 0 0;color:var(--soft);overflow-wrap:anywhere;text-wrap:pretty}form{margin-top:1.5rem}"
    "p[role=alert]{padding:.5rem .75rem;border-left:.25rem solid;border-radius:.25rem;color:var(--bad);"
    "background:var(--page)}label{display:block;margin-bottom:.375rem;font-weight:600}"
    "input,button{width:100%;padding:.625rem .75rem;font:inherit;border-radius:.5rem}"
    "input{border:1px solid var(--line);background:var(--page);color:inherit}"
    "input[aria-invalid]{border-color:var(--bad)}"
    "button{margin-top:1rem;border:1px solid "
    "transparent;background:var(--act);color:var(--on);font-weight:600;"
    "cursor:pointer}button:hover{filter:brightness(1.1)}"
    "input:focus-visible,button:focus-visible{outline:3px solid var(--act);outline-offset:2px}"
    "@media(max-width:26rem){main{padding:1.5rem}}"
    "</style><title>";

static void append_text(GString *out, const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  for (const char *at = valid; *at != '\0'; at++) {
    const char *name = *at == '&'   ? "&amp;"
                       : *at == '<' ? "&lt;"
                       : *at == '>' ? "&gt;"
                       : *at == '"' ? "&quot;"
                                    : NULL;
    if (name != NULL)
      g_string_append(out, name);
    else
      g_string_append_c(out, *at);
  }
}

char *pino_page_message(const char *title, const char *text) {
  GString *out = g_string_new(page_begin);
  append_text(out, title);
  g_string_append(out, "</title></head><body><main><h1>");
  append_text(out, title);
  g_string_append(out, "</h1>");
  g_auto(GStrv) paragraphs = g_strsplit(text, "\n", -1);
  for (char **paragraph = paragraphs; *paragraph != NULL; paragraph++) {
    g_string_append(out, "<p>");
    append_text(out, *paragraph);
    g_string_append(out, "</p>");
  }
  g_string_append(out, "</main></body></html>\n");
  return g_string_free(out, FALSE);
}

char *pino_page_form(const char *title, const char *next, const char *trouble) {
  GString *out = g_string_new(page_begin);
  const char *name = title != NULL && *title != '\0' ? title : "This app";
  g_string_append(out, "Passcode \302\267 ");
  append_text(out, name);
  g_string_append(out, "</title></head><body><main><h1>");
  append_text(out, name);
  g_string_append(out, "</h1><p>This app is protected by a passcode. Ask whoever shared it with you.</p>");
  if (trouble != NULL) {
    g_string_append(out, "<p role=\"alert\" id=\"trouble\">");
    append_text(out, trouble);
    g_string_append(out, "</p>");
  }
  g_string_append(
      out, "<form method=\"post\" action=\"/.pinokiocloud/passcode\"><label for=\"passcode\">Passcode</label>"
           "<input id=\"passcode\" name=\"passcode\" type=\"password\" autocomplete=\"current-password\" "
           "autocapitalize=\"none\" spellcheck=\"false\" maxlength=\"4096\" required autofocus");
  g_string_append(out, trouble != NULL ? " aria-invalid=\"true\" aria-describedby=\"trouble\">" : ">");
  g_string_append(out, "<input type=\"hidden\" name=\"next\" value=\"");
  append_text(out, next);
  g_string_append(out, "\"><button>Open</button></form></main></body></html>\n");
  return g_string_free(out, FALSE);
}

char *pino_page_problem(guint status, const char *title, const char *text) {
  GString *out = g_string_new("{\"type\":\"about:blank\"");
  pino_json_append_member(out, "title", title);
  g_string_append_printf(out, ",\"status\":%u", status);
  g_autofree char *line = g_strdelimit(g_strdup(text), "\n", ' ');
  pino_json_append_member(out, "detail", line);
  g_string_append(out, "}\n");
  return g_string_free(out, FALSE);
}

const char *pino_page_reason(guint status) {
  static const struct {
    guint status;
    const char *reason;
  } reasons[] = {
      {200, "OK"},
      {303, "See Other"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {421, "Misdirected Request"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
    if (reasons[i].status == status)
      return reasons[i].reason;
  }
  return "Unknown";
}

/* NULL when it holds NUL. A percent sign that begins no byte stands for itself. */
static char *decode(PinoSlice text) {
  GString *out = g_string_sized_new(text.length + 1);
  for (gsize i = 0; i < text.length; i++) {
    char c = text.text[i] == '+' ? ' ' : text.text[i];
    int high = i + 2 < text.length ? g_ascii_xdigit_value(text.text[i + 1]) : -1;
    int low = i + 2 < text.length ? g_ascii_xdigit_value(text.text[i + 2]) : -1;
    if (c == '%' && high >= 0 && low >= 0) {
      c = (char)(high << 4 | low);
      i += 2;
    }
    g_string_append_c(out, c);
  }
  gboolean zero = strlen(out->str) != out->len;
  return g_string_free(out, zero);
}

char *pino_form_value(PinoSlice body, const char *name) {
  PinoSlice pair;
  gsize length = strlen(name);
  while (pino_slice_next(&body, '&', &pair)) {
    if (pair.length > length && pair.text[length] == '=' && pino_slice_starts(pair, name))
      return decode((PinoSlice){pair.text + length + 1, pair.length - length - 1});
  }
  return NULL;
}

char *pino_form_target(const char *next) {
  gboolean local = next != NULL && next[0] == '/' && next[1] != '/' && strlen(next) <= 8192 &&
                   !g_str_has_prefix(next, "/.pinokiocloud/");
  GString *out = g_string_new(NULL);
  for (const char *at = next; local && *at != '\0'; at++) {
    guchar c = (guchar)*at;
    local = c > 0x20 && c != 0x7f && c != '\\';
    if (c >= 0x80)
      g_string_append_printf(out, "%%%02X", c);
    else
      g_string_append_c(out, *at);
  }
  if (!local)
    g_string_assign(out, "/");
  return g_string_free(out, FALSE);
}
