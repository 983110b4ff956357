#include "gate/cookie.h"

#include <string.h>

/* Forged ones cost a signature each. */
enum { TRIED_MAX = 4, DIGITS_MAX = 12 };

static void sign(const char *key, const PinoGateShare *share, const char *ends,
                 char digest[PINO_GATE_DIGEST + 1]) {
  g_autofree char *text = g_strjoin("\n", ends, share->passcode, share->id, NULL);
  pino_gate_sign(key, "cookie", text, digest);
}

char *pino_cookie_make(const char *key, const PinoGateShare *share, gint64 now) {
  char digest[PINO_GATE_DIGEST + 1];
  g_autofree char *ends = g_strdup_printf("%" G_GINT64_FORMAT, now + PINO_COOKIE_SECONDS);
  sign(key, share, ends, digest);
  return g_strconcat(ends, ".", digest, NULL);
}

static gboolean is_good(const char *key, const PinoGateShare *share, PinoSlice value, gint64 now) {
  char digest[PINO_GATE_DIGEST + 1], ends[DIGITS_MAX + 1];
  const char *dot = memchr(value.text, '.', value.length);
  gsize digits = dot != NULL ? (gsize)(dot - value.text) : 0;
  if (digits == 0 || digits > DIGITS_MAX)
    return FALSE;
  for (gsize i = 0; i < digits; i++) {
    if (!g_ascii_isdigit(value.text[i]))
      return FALSE;
  }
  memcpy(ends, value.text, digits);
  ends[digits] = '\0';
  if (g_ascii_strtoll(ends, NULL, 10) <= now)
    return FALSE;
  sign(key, share, ends, digest);
  return pino_gate_same(dot + 1, value.length - digits - 1, digest, PINO_GATE_DIGEST);
}

static gboolean is_ours(PinoSlice pair, PinoSlice *value) {
  gsize name = strlen(PINO_COOKIE_NAME);
  if (pair.length <= name || !pino_slice_starts(pair, PINO_COOKIE_NAME "="))
    return FALSE;
  *value = (PinoSlice){pair.text + name + 1, pair.length - name - 1};
  return TRUE;
}

gboolean pino_cookie_allows(const char *key, const PinoGateShare *share, PinoSlice cookies, gint64 now) {
  PinoSlice pair, value;
  guint tried = 0;
  while (share->passcode != NULL && tried < TRIED_MAX && pino_slice_next(&cookies, ';', &pair)) {
    if (!is_ours(pair, &value))
      continue;
    tried++;
    if (is_good(key, share, value, now))
      return TRUE;
  }
  return FALSE;
}

gboolean pino_cookie_is_in(PinoSlice cookies) {
  return cookies.length > 0 &&
         memmem(cookies.text, cookies.length, PINO_COOKIE_NAME "=", strlen(PINO_COOKIE_NAME) + 1) != NULL;
}

gboolean pino_cookie_append_others(GString *out, PinoSlice cookies) {
  PinoSlice pair, value;
  gsize before = out->len;
  while (pino_slice_next(&cookies, ';', &pair)) {
    if (pair.length == 0 || is_ours(pair, &value))
      continue;
    if (out->len > before)
      g_string_append(out, "; ");
    pino_slice_append(out, pair);
  }
  return out->len > before;
}
