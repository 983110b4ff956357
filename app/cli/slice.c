#include "cli/slice.h"

#include <string.h>

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && strchr(" \t\r\n", *at) != NULL)
    at++;
  return at;
}

/* at stands on the opening quote; gives what is behind the closing one, NULL when there is none. */
static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end; at++) {
    if (*at == '"')
      return at + 1;
    if (*at == '\\')
      at++;
  }
  return NULL;
}

static const char *skip_value(const char *at, const char *end) {
  guint depth = 0;
  while (at != NULL && at < end) {
    if (*at == '"') {
      at = skip_string(at, end);
      if (depth == 0)
        return at;
      continue;
    }
    gboolean closes = *at == '}' || *at == ']';
    if (depth == 0 && (closes || *at == ',' || strchr(" \t\r\n", *at) != NULL))
      return at;
    depth += *at == '{' || *at == '[' ? 1 : 0;
    depth -= closes ? 1 : 0;
    at++;
    if (closes && depth == 0)
      return at;
  }
  return depth == 0 ? at : NULL;
}

static PinoSlice value_at(const char *at, const char *end) {
  const char *behind = at < end ? skip_value(at, end) : NULL;
  if (behind == NULL || behind == at)
    return (PinoSlice){0};
  return (PinoSlice){.text = at, .length = (gsize)(behind - at)};
}

static gboolean opens_with(PinoSlice value, char c) {
  return value.text != NULL && value.length > 1 && *value.text == c;
}

PinoSlice pino_slice_member(PinoSlice object, const char *name) {
  if (!opens_with(object, '{'))
    return (PinoSlice){0};
  const char *end = object.text + object.length;
  const char *at = skip_blanks(object.text + 1, end);
  while (at < end && *at == '"') {
    PinoSlice key = value_at(at, end);
    at = key.text != NULL ? skip_blanks(at + key.length, end) : end;
    if (at == end || *at != ':')
      break;
    PinoSlice value = value_at(skip_blanks(at + 1, end), end);
    if (value.text == NULL || pino_slice_is(key, name))
      return value;
    at = skip_blanks(value.text + value.length, end);
    if (at < end && *at == ',')
      at = skip_blanks(at + 1, end);
  }
  return (PinoSlice){0};
}

gboolean pino_slice_next(PinoSlice array, PinoSlice *at) {
  if (!opens_with(array, '['))
    return FALSE;
  const char *end = array.text + array.length;
  const char *next = skip_blanks(at->text != NULL ? at->text + at->length : array.text + 1, end);
  if (at->text != NULL && next < end && *next == ',')
    next = skip_blanks(next + 1, end);
  *at = value_at(next, end);
  return at->text != NULL;
}

gboolean pino_slice_is(PinoSlice value, const char *text) {
  gsize length = strlen(text);
  return value.length == length + 2 && *value.text == '"' && memcmp(value.text + 1, text, length) == 0;
}

/* The four digits of \uXXXX; -1 when they are none. */
static int code_unit(const char *at, const char *end) {
  int code = 0;
  for (guint i = 0; i < 4; i++) {
    int digit = at + i < end ? g_ascii_xdigit_value(at[i]) : -1;
    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* at stands behind "\u"; gives what is behind the character. */
static const char *decode_unicode(const char *at, const char *end, GString *out) {
  int unit = code_unit(at, end);
  if (unit < 0)
    return at;
  at += 4;
  gunichar c = (gunichar)unit;
  if (unit >= 0xd800 && unit < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    int low = code_unit(at + 2, end);
    if (low >= 0xdc00 && low < 0xe000) {
      c = 0x10000 + ((gunichar)(unit - 0xd800) << 10) + (gunichar)(low - 0xdc00);
      at += 6;
    }
  }
  if (c == 0)
    g_string_append_c(out, '\0');
  else
    g_string_append_unichar(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
  return at;
}

void pino_slice_decode(PinoSlice value, GString *out) {
  static const char marks[] = "bfnrt", meant[] = "\b\f\n\r\t";
  if (!opens_with(value, '"'))
    return;
  const char *end = value.text + value.length - 1;
  for (const char *at = value.text + 1; at < end;) {
    const char *slash = memchr(at, '\\', (gsize)(end - at));
    const char *plain = slash != NULL ? slash : end;
    g_string_append_len(out, at, plain - at);
    at = plain;
    if (end - at < 2)
      return;
    char kind = at[1];
    at += 2;
    const char *mark = strchr(marks, kind);
    if (kind == 'u')
      at = decode_unicode(at, end, out);
    else
      g_string_append_c(out, mark != NULL && kind != '\0' ? meant[mark - marks] : kind);
  }
}

char *pino_slice_text(PinoSlice value) {
  if (!opens_with(value, '"'))
    return NULL;
  GString *text = g_string_sized_new(value.length);
  pino_slice_decode(value, text);
  return g_string_free(text, FALSE);
}

guint64 pino_slice_number(PinoSlice value) {
  guint64 number = 0;
  for (gsize i = 0; i < value.length && g_ascii_isdigit(value.text[i]); i++)
    number = number * 10 + (guint64)(value.text[i] - '0');
  return number;
}
