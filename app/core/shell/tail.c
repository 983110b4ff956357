#include "shell/tail.h"

void pino_tail_init(PinoTail *tail, gsize limit) {
  tail->text = g_string_new(NULL);
  tail->limit = limit;
}

void pino_tail_clear(PinoTail *tail) {
  if (tail->text != NULL)
    g_string_free(tail->text, TRUE);
  tail->text = NULL;
}

static const char *last_bytes(const char *text, gsize len, gsize limit) {
  const char *at = len > limit ? text + len - limit : text;
  while (at < text + len && ((guchar)*at & 0xc0) == 0x80)
    at++;
  return at;
}

void pino_tail_append(PinoTail *tail, const char *text, gsize len) {
  const char *from = last_bytes(text, len, tail->limit);
  if (from > text)
    g_string_truncate(tail->text, 0);
  g_string_append_len(tail->text, from, text + len - from);
  if (tail->text->len <= 2 * tail->limit)
    return;
  const char *kept = last_bytes(tail->text->str, tail->text->len, tail->limit);
  g_string_erase(tail->text, 0, kept - tail->text->str);
}

void pino_tail_reset(PinoTail *tail) {
  g_string_truncate(tail->text, 0);
}

const char *pino_tail_get(const PinoTail *tail, gsize *len) {
  const char *from = last_bytes(tail->text->str, tail->text->len, tail->limit);
  *len = (gsize)(tail->text->str + tail->text->len - from);
  return from;
}
