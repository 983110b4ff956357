#include "gate/slice.h"

#include <string.h>

gboolean pino_slice_is(PinoSlice slice, const char *word) {
  return strlen(word) == slice.length && g_ascii_strncasecmp(slice.text, word, slice.length) == 0;
}

gboolean pino_slice_starts(PinoSlice slice, const char *prefix) {
  gsize length = strlen(prefix);
  return length <= slice.length && memcmp(slice.text, prefix, length) == 0;
}

static gboolean is_blank(char c) {
  return c == ' ' || c == '\t';
}

PinoSlice pino_slice_trim(PinoSlice slice) {
  while (slice.length > 0 && is_blank(slice.text[0])) {
    slice.text++;
    slice.length--;
  }
  while (slice.length > 0 && is_blank(slice.text[slice.length - 1]))
    slice.length--;
  return slice;
}

gboolean pino_slice_next(PinoSlice *list, char separator, PinoSlice *item) {
  if (list->text == NULL)
    return FALSE;
  const char *end = list->length > 0 ? memchr(list->text, separator, list->length) : NULL;
  gsize length = end != NULL ? (gsize)(end - list->text) : list->length;
  *item = pino_slice_trim((PinoSlice){list->text, length});
  list->text = end != NULL ? end + 1 : NULL;
  list->length -= end != NULL ? length + 1 : length;
  return TRUE;
}

gboolean pino_slice_names(PinoSlice list, const char *word) {
  PinoSlice item;
  while (pino_slice_next(&list, ',', &item)) {
    if (pino_slice_is(item, word))
      return TRUE;
  }
  return FALSE;
}

void pino_slice_append(GString *out, PinoSlice slice) {
  g_string_append_len(out, slice.text, (gssize)slice.length);
}
