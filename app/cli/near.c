#include "cli/near.h"

#include <string.h>

#include "cli/target.h"

#define FURTHEST 2 /* letters that may differ from a name */
#define MOST_NAMES 3

/* How many letters have to be put in, taken out or changed to make one word of the other. */
static guint distance(const char *a, const char *b) {
  gsize length = strlen(b);
  g_autofree guint *row = g_new(guint, length + 1);
  for (gsize i = 0; i <= length; i++)
    row[i] = (guint)i;
  for (guint line = 1; *a != '\0'; a++, line++) {
    guint corner = row[0];
    row[0] = line;
    for (gsize i = 0; i < length; i++) {
      guint changed = corner + (*a == b[i] ? 0 : 1);
      corner = row[i + 1];
      row[i + 1] = MIN(changed, MIN(row[i], row[i + 1]) + 1);
    }
  }
  return row[length];
}

static gboolean is_near(const char *word, const char *name) {
  g_autofree char *a = g_utf8_casefold(word, -1), *b = g_utf8_casefold(name, -1);
  gsize shorter = MIN(strlen(a), strlen(b));
  gboolean within = shorter > 2 && (strstr(a, b) != NULL || strstr(b, a) != NULL);
  return within || (shorter > FURTHEST && distance(a, b) <= FURTHEST);
}

void pino_near_suggest(JsonNode *objects, const char *member, const char *word, GError *error) {
  g_autoptr(GString) names = g_string_new(NULL);
  JsonArray *array = g_utf8_validate(word, -1, NULL) ? json_node_get_array(objects) : NULL;
  for (guint i = 0, count = 0; array != NULL && i < json_array_get_length(array) && count < MOST_NAMES; i++) {
    JsonNode *node = json_array_get_element(array, i);
    const char *name = JSON_NODE_HOLDS_OBJECT(node) ? pino_text(json_node_get_object(node), member) : NULL;
    if (name != NULL && is_near(word, name))
      g_string_append_printf(names, "%s%s", count++ > 0 ? " or " : "", name);
  }
  if (names->len == 0)
    return;
  char *text = g_strdup_printf("%s; did you mean %s?", error->message, names->str);
  g_free(error->message);
  error->message = text;
}
