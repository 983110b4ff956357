/* Any text scanned for templates, with a parser that is as moody as the input: every byte is kept, and what is called
 * an expression is one. */
#include "script/template.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

typedef struct {
  unsigned char mood;
  guint asked;
} Judge;

static gboolean parses(const char *text, gsize len, gpointer data) {
  Judge *judge = data;
  guint sum = judge->mood;
  judge->asked++;
  for (gsize i = 0; i < len; i++)
    sum = sum * 31 + (guchar)text[i];
  return (sum >> 3) % 3 != 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size < 1)
    return 0;
  Judge judge = {.mood = data[0]};
  gsize len = size - 1;
  char *text = g_memdup2(data + 1, len); /* of exactly this size: reading past it is seen */
  g_autoptr(GPtrArray) parts = pino_template_split(len > 0 ? text : "", len, parses, &judge);
  g_assert_true(parts->len % 2 == 1);
  g_assert_true(judge.asked <= 16 * len + 16);
  if (len > 0 && memchr(text, 0, len) == NULL) {
    g_autoptr(GString) joined = g_string_new(NULL);
    for (guint i = 0; i < parts->len; i++)
      g_string_append_printf(joined, i % 2 == 0 ? "%s" : "{{%s}}", (char *)parts->pdata[i]);
    g_assert_true(joined->len == len && memcmp(joined->str, text, len) == 0);
  }
  g_free(text);
  return 0;
}
