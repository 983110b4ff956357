#include "shell/decode.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define TAIL_MAX 3

struct _PinoDecoder {
  char *locale;     /* NULL: UTF-8 or ASCII */
  const char *line; /* the charset of the line that the last chunk broke off in, or NULL */
  char tail[TAIL_MAX];
  gsize tail_len;
};

/* --- UTF-8 -------------------------------------------------------------------------------------------- */

static const guchar *skip_ascii(const guchar *at, const guchar *end) {
  for (; end - at >= 16; at += 16) {
    guint64 half[2];
    memcpy(half, at, sizeof half);
    if ((half[0] | half[1]) & G_GUINT64_CONSTANT(0x8080808080808080))
      break;
  }
  while (at < end && *at < 0x80)
    at++;
  return at;
}

/* The length of the character at `at` (not ASCII): 2 to 4; 0 when it is none; minus the bytes that are there when
 * the text ends within it. (Unicode standard, table 3-7.) */
static int utf8_length(const guchar *at, const guchar *end) {
  guchar lead = *at;
  int need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4)
    return 0;
  int have = end - at < need ? (int)(end - at) : need;
  guchar low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  guchar high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (have > 1 && (at[1] < low || at[1] > high))
    return 0;
  for (int i = 2; i < have; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  return have == need ? need : -have;
}

/* Where the valid UTF-8 from `at` on ends. */
static const guchar *skip_utf8(const guchar *at, const guchar *end) {
  for (;;) {
    at = skip_ascii(at, end);
    int length = at < end ? utf8_length(at, end) : 0;
    if (length <= 0)
      return at;
    at += length;
  }
}

/* --- single bytes ------------------------------------------------------------------------------------- */

/* windows-1252's 0x80 to 0x9f (Unicode's mapping table CP1252.TXT); 0: not assigned. */
static const guint16 WINDOWS_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

static void append_byte(GString *out, guchar c) {
  gunichar code = c >= 0xa0 ? c : WINDOWS_1252[c - 0x80];
  if (code)
    g_string_append_unichar(out, code);
  else
    g_string_append(out, REPLACEMENT);
}

/* What is UTF-8 passes, each other byte is taken as windows-1252. */
static void decode_mixed(const guchar *at, const guchar *end, GString *out) {
  while (at < end) {
    const guchar *stop = skip_utf8(at, end);
    g_string_append_len(out, (const char *)at, stop - at);
    if (stop < end)
      append_byte(out, *stop++);
    at = stop;
  }
}

/* --- which charset a line is in ----------------------------------------------------------------------- */

#define IMPOSSIBLE G_MININT

/* GB18030's common part, GB2312, has both bytes of a character above 0xa0, the everyday characters at 0xb0 to 0xd7.
 * Latin text puts letters after its high bytes, which would be rare characters here. */
static int score_gb18030(const guchar *at, const guchar *end) {
  int score = 0;
  while (at < end) {
    if (*at < 0x80) {
      at++;
      continue;
    }
    if (*at == 0x80 || *at == 0xff)
      return IMPOSSIBLE;
    if (at + 1 >= end)
      break;
    guchar trail = at[1];
    if (trail >= 0x30 && trail <= 0x39 && end - at >= 4 && at[2] >= 0x81 && at[3] >= 0x30 && at[3] <= 0x39) {
      at += 4;
      continue;
    }
    if (trail < 0x40 || trail == 0x7f || trail == 0xff)
      return IMPOSSIBLE;
    gboolean common = *at >= 0xb0 && *at <= 0xd7, plain = *at >= 0xa1 && *at <= 0xf7;
    score += trail < 0x80 ? -3 : trail < 0xa1 ? -1 : common ? 3 : plain ? 1 : -1;
    at += 2;
  }
  return score;
}

static int score_shift_jis_pair(guchar lead, guchar trail) {
  gboolean kana =
      (lead == 0x82 && trail >= 0x9f && trail <= 0xf1) || (lead == 0x83 && trail >= 0x40 && trail <= 0x96);
  if (kana)
    return 3;
  if (lead == 0x81)
    return 1;
  return lead >= 0x88 && lead <= 0x97 ? 2 : lead <= 0xea ? 0 : -2;
}

/* Kana tell Japanese; half-width kana, single bytes that are letters elsewhere, tell against it. */
static int score_shift_jis(const guchar *at, const guchar *end) {
  int score = 0;
  while (at < end) {
    if (*at < 0x80) {
      at++;
      continue;
    }
    if (*at >= 0xa1 && *at <= 0xdf) {
      score -= 1;
      at++;
      continue;
    }
    if (*at == 0x80 || *at == 0xa0 || *at > 0xfc)
      return IMPOSSIBLE;
    if (at + 1 >= end)
      break;
    if (at[1] < 0x40 || at[1] == 0x7f || at[1] > 0xfc)
      return IMPOSSIBLE;
    score += score_shift_jis_pair(*at, at[1]);
    at += 2;
  }
  return score;
}

/* More whole characters than bad bytes: UTF-8 with a flaw. */
static gboolean is_mostly_utf8(const guchar *at, const guchar *end) {
  gsize good = 0, bad = 0;
  while (at < end) {
    at = skip_ascii(at, end);
    int length = at < end ? utf8_length(at, end) : 0;
    if (at < end && length > 0)
      good++;
    else if (at < end)
      bad++;
    at += at >= end ? 0 : length > 0 ? length : 1;
  }
  return good > bad;
}

/* NULL: byte by byte. */
static const char *choose_charset(PinoDecoder *decoder, const guchar *at, const guchar *end) {
  if (is_mostly_utf8(at, end))
    return NULL;
  if (decoder->locale)
    return decoder->locale;
  int chinese = score_gb18030(at, end), japanese = score_shift_jis(at, end);
  if (chinese <= 0 && japanese <= 0)
    return NULL;
  return chinese >= japanese ? "GB18030" : "CP932";
}

/* --- lines -------------------------------------------------------------------------------------------- */

/* Decodes strictly. FALSE when the text is not in that charset; else *rest is the length of what is left at the end
 * of an unfinished character, which g_convert() does not mind when it may tell where it stopped. */
static gboolean decode_as(const char *charset, const guchar *at, const guchar *end, GString *out,
                          gsize *rest) {
  gsize read = 0, wrote = 0;
  g_autofree char *text = g_convert((const char *)at, end - at, "UTF-8", charset, &read, &wrote, NULL);
  *rest = (gsize)(end - at) - read;
  if (!text || *rest > TAIL_MAX)
    return FALSE;
  g_string_append_len(out, text, (gssize)wrote);
  return TRUE;
}

static void keep_tail(PinoDecoder *decoder, const guchar *at, gsize len) {
  memcpy(decoder->tail, at, len);
  decoder->tail_len = len;
}

/* A line, or the part of one that the chunk holds, that is not UTF-8. last: its end is the chunk's. */
static void decode_line(PinoDecoder *decoder, const guchar *at, const guchar *end, gboolean last,
                        GString *out) {
  const char *charset = decoder->line ? decoder->line : choose_charset(decoder, at, end);
  gsize rest = 0;
  if (charset && decode_as(charset, at, end, out, &rest)) {
    decoder->line = last ? charset : NULL;
    if (last)
      keep_tail(decoder, end - rest, rest);
    else
      decode_mixed(end - rest, end, out);
    return;
  }
  /* An unfinished character at the chunk's end is not bad yet. */
  const guchar *stop = end;
  for (gsize back = 1; last && back <= TAIL_MAX && back <= (gsize)(end - at); back++)
    if (utf8_length(end - back, end) < 0 && end[-(gssize)back] >= 0xc2)
      stop = end - back;
  decode_mixed(at, stop, out);
  keep_tail(decoder, stop, (gsize)(end - stop));
}

static const guchar *line_start(const guchar *from, const guchar *at) {
  const guchar *newline = memrchr(from, '\n', (gsize)(at - from));
  return newline ? newline + 1 : from;
}

static void decode(PinoDecoder *decoder, const guchar *at, const guchar *end, GString *out) {
  decoder->tail_len = 0;
  while (at < end) {
    const guchar *bad = skip_utf8(at, end);
    gboolean cut = bad < end && utf8_length(bad, end) < 0;
    if (bad == end || cut) {
      g_string_append_len(out, (const char *)at, bad - at);
      keep_tail(decoder, bad, (gsize)(end - bad));
      if (memchr(at, '\n', (gsize)(bad - at)))
        decoder->line = NULL;
      return;
    }
    const guchar *start = line_start(at, bad);
    if (start > at)
      decoder->line = NULL;
    g_string_append_len(out, (const char *)at, start - at);
    const guchar *newline = memchr(bad, '\n', (gsize)(end - bad));
    const guchar *stop = newline ? newline : end;
    decode_line(decoder, start, stop, newline == NULL, out);
    at = stop;
  }
}

/* --- the stream --------------------------------------------------------------------------------------- */

PinoDecoder *pino_decoder_new(const char *charset) {
  PinoDecoder *decoder = g_new0(PinoDecoder, 1);
  const char *locale = charset;
  if (!locale && g_get_charset(&locale))
    locale = NULL;
  /* glibc's name for the C locale's ASCII, and its other names. */
  static const char *const PLAIN[] = {"UTF-8", "UTF8", "ANSI_X3.4-1968", "US-ASCII", "ASCII", "646"};
  for (gsize i = 0; locale && i < G_N_ELEMENTS(PLAIN); i++)
    if (g_ascii_strcasecmp(locale, PLAIN[i]) == 0)
      locale = NULL;
  decoder->locale = g_strdup(locale);
  return decoder;
}

void pino_decoder_free(PinoDecoder *decoder) {
  if (!decoder)
    return;
  g_free(decoder->locale);
  g_free(decoder);
}

void pino_decoder_push(PinoDecoder *decoder, const char *data, gsize len, GString *out) {
  if (len == 0)
    return;
  if (decoder->tail_len == 0) {
    decode(decoder, (const guchar *)data, (const guchar *)data + len, out);
    return;
  }
  gsize whole = decoder->tail_len + len;
  g_autofree guchar *joined = g_malloc(whole);
  memcpy(joined, decoder->tail, decoder->tail_len);
  memcpy(joined + decoder->tail_len, data, len);
  decode(decoder, joined, joined + whole, out);
}

void pino_decoder_finish(PinoDecoder *decoder, GString *out) {
  const guchar *tail = (const guchar *)decoder->tail;
  /* More than its first byte: a character of UTF-8 that was broken off, no letter of an older charset. */
  if (decoder->tail_len > 1 && utf8_length(tail, tail + decoder->tail_len) < 0)
    g_string_append(out, REPLACEMENT);
  else
    decode_mixed(tail, tail + decoder->tail_len, out);
  decoder->tail_len = 0;
  decoder->line = NULL;
}

char *pino_decode(const char *data, gsize len) {
  g_autoptr(PinoDecoder) decoder = pino_decoder_new(NULL);
  GString *out = g_string_sized_new(len + 1);
  pino_decoder_push(decoder, data, len, out);
  pino_decoder_finish(decoder, out);
  return g_string_free(out, FALSE);
}
