/* Text to bytes and back for buffer.js and encoding.js. Written for megabytes: one pass to count, one to fill,
 * and a short way for plain ASCII. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "js/node_internal.h"

#define REPLACEMENT 0xfffdu

static gboolean is_ascii(const guint8 *data, gsize len) {
  gsize i = 0;
  for (; i + 8 <= len; i += 8) {
    guint64 word;
    memcpy(&word, data + i, 8);
    if (word & 0x8080808080808080u)
      return FALSE;
  }
  for (; i < len; i++)
    if (data[i] & 0x80)
      return FALSE;
  return TRUE;
}

/* --- UTF-8 to JavaScript --------------------------------------------------------------------------------- */

/* The bounds of the second byte by the first one (Unicode 15, table 3-7); the bytes after it are 80..bf. */
static gboolean lead(guint8 byte, guint *more, guint8 *low, guint8 *high) {
  *low = 0x80;
  *high = 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf) {
    *more = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    *more = 2;
    if (byte == 0xe0)
      *low = 0xa0;
    else if (byte == 0xed)
      *high = 0x9f;
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    *more = 3;
    if (byte == 0xf0)
      *low = 0x90;
    else if (byte == 0xf4)
      *high = 0x8f;
  } else {
    return FALSE;
  }
  return TRUE;
}

/* Reads one character that is not ASCII; an ill-formed sequence gives U+FFFD for its longest good beginning. */
static gunichar next_char(const guint8 **at, const guint8 *end) {
  guint8 first = *(*at)++, low = 0, high = 0;
  guint more = 0;
  if (!lead(first, &more, &low, &high))
    return REPLACEMENT;
  gunichar c = first & (0x3fu >> more);
  for (; more > 0; more--) {
    if (*at == end || **at < low || **at > high)
      return REPLACEMENT;
    c = (c << 6) | (*(*at)++ & 0x3fu);
    low = 0x80;
    high = 0xbf;
  }
  return c;
}

static JSValueRef take_string(PinoJs *js, JSStringRef string) {
  JSValueRef value = JSValueMakeString(pino_js_context(js), string);
  JSStringRelease(string);
  return value;
}

/* JavaScriptCore keeps ASCII in eight bits only when it comes as UTF-8. */
static JSValueRef ascii_string(PinoJs *js, const guint8 *data, gsize len) {
  g_autofree char *copy = g_malloc(len + 1);
  if (len > 0)
    memcpy(copy, data, len);
  copy[len] = '\0';
  return take_string(js, JSStringCreateWithUTF8CString(copy));
}

static gboolean is_plain(const guint8 *data, gsize len) {
  return len == 0 || (is_ascii(data, len) && memchr(data, '\0', len) == NULL);
}

JSValueRef pino_node_decode(PinoJs *js, const guint8 *data, gsize len) {
  if (is_plain(data, len))
    return ascii_string(js, data, len);
  g_autofree JSChar *units = g_new(JSChar, len);
  gsize count = 0;
  for (const guint8 *at = data, *end = data + len; at < end;) {
    if (*at < 0x80) {
      units[count++] = *at++;
      continue;
    }
    gunichar c = next_char(&at, end);
    if (c >= 0x10000) {
      units[count++] = (JSChar)(0xd800 + ((c - 0x10000) >> 10));
      units[count++] = (JSChar)(0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      units[count++] = (JSChar)c;
    }
  }
  return take_string(js, JSStringCreateWithCharacters(units, count));
}

static JSValueRef utf8_decode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan span;
  return pino_node_span(js, argc, argv, 0, &span, error) ? pino_node_decode(js, span.data, span.len) : NULL;
}

static JSValueRef latin1_decode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan span;
  if (!pino_node_span(js, argc, argv, 0, &span, error))
    return NULL;
  if (is_plain(span.data, span.len))
    return ascii_string(js, span.data, span.len);
  g_autofree JSChar *units = g_new(JSChar, span.len);
  for (gsize i = 0; i < span.len; i++)
    units[i] = span.data[i];
  return take_string(js, JSStringCreateWithCharacters(units, span.len));
}

/* --- JavaScript to UTF-8 --------------------------------------------------------------------------------- */

typedef struct {
  JSStringRef string;
  const JSChar *units;
  gsize len;
} Units;

static gboolean take_units(PinoJs *js, size_t argc, const JSValueRef argv[], Units *units, GError **error) {
  *units = (Units){NULL, NULL, 0};
  if (argc > 0 && pino_js_is_string(js, argv[0]))
    units->string = JSValueToStringCopy(pino_js_context(js), argv[0], NULL);
  if (units->string == NULL) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "argument 1 must be a text");
    return FALSE;
  }
  units->units = JSStringGetCharactersPtr(units->string);
  units->len = JSStringGetLength(units->string);
  return TRUE;
}

static gboolean is_pair(const Units *units, gsize at) {
  return at + 1 < units->len && (units->units[at] & 0xfc00) == 0xd800 &&
         (units->units[at + 1] & 0xfc00) == 0xdc00;
}

static gsize count_utf8(const Units *units) {
  gsize count = 0;
  for (gsize i = 0; i < units->len; i++) {
    JSChar unit = units->units[i];
    if (unit < 0x80) {
      count += 1;
    } else if (unit < 0x800) {
      count += 2;
    } else if (is_pair(units, i)) {
      count += 4;
      i++;
    } else {
      count += 3;
    }
  }
  return count;
}

static guint8 *put_utf8(guint8 *out, gunichar c) {
  if (c < 0x800) {
    *out++ = (guint8)(0xc0 | (c >> 6));
  } else if (c < 0x10000) {
    *out++ = (guint8)(0xe0 | (c >> 12));
    *out++ = (guint8)(0x80 | ((c >> 6) & 0x3f));
  } else {
    *out++ = (guint8)(0xf0 | (c >> 18));
    *out++ = (guint8)(0x80 | ((c >> 12) & 0x3f));
    *out++ = (guint8)(0x80 | ((c >> 6) & 0x3f));
  }
  *out++ = (guint8)(0x80 | (c & 0x3f));
  return out;
}

static void fill_utf8(const Units *units, guint8 *out) {
  for (gsize i = 0; i < units->len; i++) {
    JSChar unit = units->units[i];
    if (unit < 0x80) {
      *out++ = (guint8)unit;
    } else if (is_pair(units, i)) {
      out = put_utf8(out, 0x10000 + ((gunichar)(unit & 0x3ff) << 10) + (units->units[i + 1] & 0x3ffu));
      i++;
    } else {
      out = put_utf8(out, (unit & 0xf800) == 0xd800 ? REPLACEMENT : unit);
    }
  }
}

static JSValueRef utf8_encode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  Units units;
  if (!take_units(js, argc, argv, &units, error))
    return NULL;
  gsize len = count_utf8(&units);
  guint8 *data = g_malloc(MAX(len, 1));
  fill_utf8(&units, data);
  JSStringRelease(units.string);
  return pino_node_take_bytes(js, data, len);
}

static JSValueRef utf8_length(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  Units units;
  if (!take_units(js, argc, argv, &units, error))
    return NULL;
  gsize len = count_utf8(&units);
  JSStringRelease(units.string);
  return pino_js_number(js, (double)len);
}

/* --- base64 and hex -------------------------------------------------------------------------------------- */

static JSValueRef base64_encode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan span;
  if (!pino_node_span(js, argc, argv, 0, &span, error))
    return NULL;
  g_autofree char *text = span.len > 0 ? g_base64_encode(span.data, span.len) : g_strdup("");
  if (pino_node_flag(js, argc, argv, 1)) {
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
  }
  return ascii_string(js, (const guint8 *)text, strlen(text));
}

/* -1 for what is not of the alphabet; both alphabets are read. */
static int base64_value(JSChar unit) {
  if (unit >= 'A' && unit <= 'Z')
    return unit - 'A';
  if (unit >= 'a' && unit <= 'z')
    return unit - 'a' + 26;
  if (unit >= '0' && unit <= '9')
    return unit - '0' + 52;
  if (unit == '+' || unit == '-')
    return 62;
  return unit == '/' || unit == '_' ? 63 : -1;
}

static JSValueRef base64_decode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  Units units;
  if (!take_units(js, argc, argv, &units, error))
    return NULL;
  guint8 *data = g_malloc(units.len / 4 * 3 + 4);
  gsize len = 0;
  guint bits = 0, have = 0;
  for (gsize i = 0; i < units.len && units.units[i] != '='; i++) {
    int value = base64_value(units.units[i]);
    if (value < 0)
      continue;
    bits = (bits << 6 | (guint)value) & 0xffffff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      data[len++] = (guint8)(bits >> have);
    }
  }
  JSStringRelease(units.string);
  return pino_node_take_bytes(js, data, len);
}

static JSValueRef hex_encode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  static const char digits[] = "0123456789abcdef";
  PinoSpan span;
  if (!pino_node_span(js, argc, argv, 0, &span, error))
    return NULL;
  g_autofree guint8 *text = g_malloc(span.len * 2 + 1);
  for (gsize i = 0; i < span.len; i++) {
    text[2 * i] = (guint8)digits[span.data[i] >> 4];
    text[2 * i + 1] = (guint8)digits[span.data[i] & 15];
  }
  return ascii_string(js, text, span.len * 2);
}

/* --- other charsets -------------------------------------------------------------------------------------- */

/* One step of g_iconv(): FALSE ends the loop, with *error set when fatal. */
static gboolean convert_step(GIConv converter, PinoSpan *in, GString *out, gboolean fatal, GError **error) {
  char piece[4096];
  char *from = (char *)in->data, *to = piece;
  gsize from_left = in->len, to_left = sizeof piece;
  gsize result = g_iconv(converter, &from, &from_left, &to, &to_left);
  int problem = errno;
  g_string_append_len(out, piece, (gssize)(sizeof piece - to_left));
  in->data = (guint8 *)from;
  in->len = from_left;
  if (result != (gsize)-1)
    return FALSE;
  if (problem == E2BIG)
    return TRUE;
  if (fatal) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "the bytes are not valid in this charset");
    return FALSE;
  }
  g_string_append(out, "\xef\xbf\xbd");
  gsize skip = problem == EINVAL ? in->len : 1;
  in->data += skip;
  in->len -= skip;
  return in->len > 0;
}

/* (label, bytes, fatal) */
static JSValueRef charset_decode(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *label = pino_node_text(js, argc, argv, 0, error);
  PinoSpan span;
  if (label == NULL || !pino_node_span(js, argc, argv, 1, &span, error))
    return NULL;
  GIConv converter = g_iconv_open("UTF-8", label);
  if (converter == (GIConv)-1) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "the charset '%s' is not known", label);
    return NULL;
  }
  g_autoptr(GString) text = g_string_sized_new(span.len);
  g_autoptr(GError) local = NULL;
  gboolean fatal = pino_node_flag(js, argc, argv, 2);
  while (span.len > 0 && convert_step(converter, &span, text, fatal, &local))
    ;
  g_iconv_close(converter);
  if (local != NULL) {
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
  }
  return pino_node_decode(js, (const guint8 *)text->str, text->len);
}

void pino_node_add_encoding(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"utf8Encode", utf8_encode},     {"utf8Decode", utf8_decode},       {"utf8Length", utf8_length},
      {"latin1Decode", latin1_decode}, {"base64Encode", base64_encode},   {"base64Decode", base64_decode},
      {"hexEncode", hex_encode},       {"charsetDecode", charset_decode}, {NULL, NULL},
  };
  pino_js_add_natives(js, "encoding", entries);
}
