/* What the files of this room share. Nobody else includes it.
 *
 * entries.c makes the list of entries out of JSON, words.c takes texts apart and compares words, index.c knows in which
 * entries a word stands, search.c ranks, catalog.c holds it all and answers what needs no ranking.
 */
#pragma once

#include "catalog/catalog.h"

G_BEGIN_DECLS

/* --- entries.c ---- */

/* The entries, and where their texts are. */
typedef struct {
  GStringChunk *texts;
  GPtrArray *apps; /* PinoCatalogApp, freed with it */
  GHashTable *ids; /* id to PinoCatalogApp */
} PinoEntries;

/* None yet. */
PinoEntries *pino_entries_new(void);
void pino_entries_free(PinoEntries *entries);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoEntries, pino_entries_free)

/* Adds what a JSON array of entries holds; those whose id is there already take its place. Nothing is added when
 * anything is wrong: PINO_ERROR_SYNTAX. own: TRUE for a person's additions. */
gboolean pino_entries_add(PinoEntries *entries, const char *json, gsize length, gboolean own, GError **error);

/* --- words.c ---- */

/* Longer words are cut: nobody means more than that. */
#define PINO_WORD_LONGEST 48

/* A word in characters, as it is compared. */
typedef struct {
  gunichar chars[PINO_WORD_LONGEST];
  guint length;
} PinoLetters;

/* Text as it is compared: no capitals, no accents. Free with g_free(). */
char *pino_words_fold(const char *text);
/* Its words, folded; capitals inside of one begin another (camel), beside the whole. Free with g_ptr_array_unref(). */
GPtrArray *pino_words_split(const char *text, gboolean camel);
/* All its letters and digits, folded, without what stands between them and without the word "pinokio", unless it is
 * nothing else. Free with g_free(). */
char *pino_words_join(const char *text);
PinoLetters pino_letters(const char *word);

typedef enum {
  PINO_MATCH_NONE,
  PINO_MATCH_TYPO,   /* a few letters are wrong */
  PINO_MATCH_INSIDE, /* stands somewhere in the word */
  PINO_MATCH_STEM,   /* only the endings differ */
  PINO_MATCH_PREFIX, /* the word begins with it */
  PINO_MATCH_EXACT
} PinoMatch;

/* How a term that somebody typed is found in a word; quality: 1 for the same, above 0 for less. */
PinoMatch pino_match(const PinoLetters *term, const PinoLetters *word, gboolean typos, double *quality);
/* Letters to change, add, leave out or exchange with their neighbour (Damerau-Levenshtein, each letter touched once) to
 * make b of a; limit + 1 when it is more than limit. ending (may be NULL): the same with any beginning of b. */
guint pino_distance(const PinoLetters *a, const PinoLetters *b, guint limit, guint *beginning);

/* --- index.c ---- */

typedef enum {
  PINO_FIELD_NAME,
  PINO_FIELD_WHOLE_NAME, /* joined */
  PINO_FIELD_TAG,
  PINO_FIELD_WHOLE_TAG, /* joined */
  PINO_FIELD_CATEGORY,
  PINO_FIELD_DESCRIPTION,
  PINO_FIELD_AUTHOR,
  PINO_N_FIELDS
} PinoField;

typedef struct {
  guint app; /* index in the entries */
  PinoField field;
} PinoPlaceOfWord;

typedef struct {
  const char *text;
  guint first, count; /* its places */
} PinoIndexWord;

typedef struct {
  GStringChunk *texts;
  GArray *words;            /* PinoIndexWord, each once */
  PinoPlaceOfWord *places;  /* by word */
  const char **whole_names; /* by entry: its name joined */
} PinoIndex;

/* Of the entries as they are; it borrows nothing of them. */
PinoIndex *pino_index_new(const PinoEntries *entries);
void pino_index_free(PinoIndex *index);

/* --- catalog.c ---- */

/* What is read now, and its index. */
const PinoEntries *pino_catalog_entries(PinoCatalog *catalog);
const PinoIndex *pino_catalog_index(PinoCatalog *catalog);

/* Whether two texts are the same but for case. */
gboolean pino_catalog_same(const char *a, const char *b);

G_END_DECLS
