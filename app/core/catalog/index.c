#include <string.h>

#include "catalog/internal.h"

/* What a launcher's author put into tags and names about the launcher, which says nothing about the app. */
static const char *const empty_words[] = {"pinokio", "tagged", NULL};

typedef struct {
  PinoIndex *index;
  GHashTable *numbers; /* text to its number + 1 */
  GArray *found;       /* Found */
} Building;

typedef struct {
  guint word;
  PinoPlaceOfWord place;
} Found;

static void add_word(Building *building, const char *word, guint app, PinoField field) {
  if (*word == '\0')
    return;
  gpointer number = g_hash_table_lookup(building->numbers, word);
  if (number == NULL) {
    PinoIndexWord entry = {.text = g_string_chunk_insert(building->index->texts, word)};
    g_array_append_val(building->index->words, entry);
    number = GUINT_TO_POINTER(building->index->words->len);
    g_hash_table_insert(building->numbers, (gpointer)entry.text, number);
  }
  Found found = {GPOINTER_TO_UINT(number) - 1, {app, field}};
  g_array_append_val(building->found, found);
  g_array_index(building->index->words, PinoIndexWord, found.word).count++;
}

static void add_text(Building *building, const char *text, guint app, PinoField field) {
  g_autoptr(GPtrArray) words = pino_words_split(text, field == PINO_FIELD_NAME);
  for (guint i = 0; i < words->len; i++) {
    gboolean empty = g_strv_contains(empty_words, words->pdata[i]);
    add_word(building, words->pdata[i], app, empty ? PINO_FIELD_AUTHOR : field);
  }
}

static void add_app(Building *building, const PinoCatalogApp *app, guint number) {
  g_autofree char *whole = pino_words_join(app->name);
  building->index->whole_names[number] = g_string_chunk_insert(building->index->texts, whole);
  add_text(building, app->name, number, PINO_FIELD_NAME);
  add_text(building, app->id, number, PINO_FIELD_NAME);
  add_word(building, whole, number, PINO_FIELD_WHOLE_NAME);
  add_text(building, app->category, number, PINO_FIELD_CATEGORY);
  add_text(building, app->description, number, PINO_FIELD_DESCRIPTION);
  add_text(building, app->author, number, PINO_FIELD_AUTHOR);
  for (guint i = 0; app->tags[i] != NULL; i++) {
    if (pino_catalog_same(app->tags[i], app->author))
      continue;
    g_autofree char *tag = pino_words_join(app->tags[i]);
    add_text(building, app->tags[i], number, PINO_FIELD_TAG);
    if (!g_strv_contains(empty_words, tag))
      add_word(building, tag, number, PINO_FIELD_WHOLE_TAG);
  }
}

/* Puts the places in the order of their words. */
static void lay_out(Building *building) {
  PinoIndex *index = building->index;
  guint next = 0;
  for (guint i = 0; i < index->words->len; i++) {
    PinoIndexWord *word = &g_array_index(index->words, PinoIndexWord, i);
    word->first = next;
    next += word->count;
    word->count = 0;
  }
  index->places = g_new(PinoPlaceOfWord, next);
  for (guint i = 0; i < building->found->len; i++) {
    const Found *found = &g_array_index(building->found, Found, i);
    PinoIndexWord *word = &g_array_index(index->words, PinoIndexWord, found->word);
    index->places[word->first + word->count++] = found->place;
  }
}

PinoIndex *pino_index_new(const PinoEntries *entries) {
  PinoIndex *index = g_new0(PinoIndex, 1);
  index->texts = g_string_chunk_new(4096);
  index->words = g_array_new(FALSE, TRUE, sizeof(PinoIndexWord));
  index->whole_names = g_new0(const char *, entries->apps->len + 1);
  g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Found));
  Building building = {index, numbers, found};
  for (guint i = 0; i < entries->apps->len; i++)
    add_app(&building, entries->apps->pdata[i], i);
  lay_out(&building);
  return index;
}

void pino_index_free(PinoIndex *index) {
  if (index == NULL)
    return;
  g_string_chunk_free(index->texts);
  g_array_unref(index->words);
  g_free(index->places);
  g_free(index->whole_names);
  g_free(index);
}
