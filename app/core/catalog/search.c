/* Ranking. A term is looked for in every word of the index; an entry's share for a term is its best place: how well the
 * word fits times what the field counts. The shares of all terms add up, and a name that is (nearly) what was typed is
 * lifted above the rest. */
#include <string.h>

#include "catalog/internal.h"

#define MOST_TERMS 16
#define MOST_SUGGESTIONS 3

static const double field_weights[PINO_N_FIELDS] = {
    [PINO_FIELD_NAME] = 10,     [PINO_FIELD_WHOLE_NAME] = 10, [PINO_FIELD_TAG] = 6,
    [PINO_FIELD_WHOLE_TAG] = 6, [PINO_FIELD_CATEGORY] = 4,    [PINO_FIELD_DESCRIPTION] = 3,
    [PINO_FIELD_AUTHOR] = 1.5,
};

#define WHOLE_NAME_BONUS 10  /* all that was typed is the name */
#define NAME_BEGIN_BONUS 5   /* the name begins with it; less the more follows */
#define DEPRECATED_SHARE 0.6 /* what is left for an entry that its author gave up */

/* Words that people type between those they mean. */
static const char *const fillers[] = {"a",  "an",   "and", "app", "for",  "from", "i",
                                      "in", "into", "is",  "me",  "my",   "of",   "on",
                                      "or", "that", "the", "to",  "want", "with", NULL};

typedef struct {
  const PinoCatalogApp *app;
  guint matched; /* terms that it has */
  double score;
} Hit;

typedef struct {
  const PinoEntries *entries;
  const PinoIndex *index;
  GPtrArray *terms; /* folded */
  char *whole;      /* all that was typed, joined */
  gboolean *out;    /* by entry: the filters leave it out */
  Hit *hits;        /* by entry */
} Search;

/* --- what was typed ------------------------------------------------------------------------------------------------ */

/* Without fillers, unless there is nothing else; each once. */
static GPtrArray *terms_of(const char *text) {
  GPtrArray *words = pino_words_split(text, FALSE);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  guint meant = 0;
  for (guint i = 0; i < words->len; i++)
    meant += g_strv_contains(fillers, words->pdata[i]) ? 0 : 1;
  for (guint i = 0; i < words->len;) {
    gboolean filler = meant > 0 && g_strv_contains(fillers, words->pdata[i]);
    if (filler || i >= MOST_TERMS || !g_hash_table_add(seen, g_strdup(words->pdata[i])))
      g_ptr_array_remove_index(words, i);
    else
      i++;
  }
  return words;
}

/* --- filters ------------------------------------------------------------------------------------------------------- */

static gboolean has_tag(const PinoCatalogApp *app, const char *tag) {
  for (guint i = 0; app->tags[i] != NULL; i++) {
    if (pino_catalog_same(app->tags[i], tag))
      return TRUE;
  }
  return FALSE;
}

static gboolean is_left(const PinoCatalogApp *app, const PinoCatalogQuery *query) {
  return (query->category == NULL || pino_catalog_same(app->category, query->category)) &&
         (query->tag == NULL || has_tag(app, query->tag));
}

/* --- scores -------------------------------------------------------------------------------------------------------- */

/* Within joined words only beginnings count: what is found across a joint was not meant. */
static gboolean counts_there(PinoField field, PinoMatch match) {
  return match != PINO_MATCH_INSIDE || (field != PINO_FIELD_WHOLE_NAME && field != PINO_FIELD_WHOLE_TAG);
}

/* Raises the shares of a term to what its matches of that kind and better are worth; FALSE when no entry has any. */
static gboolean share_out(Search *search, const char *term, PinoMatch least, double *shares) {
  PinoLetters letters = pino_letters(term);
  gboolean found = FALSE;
  for (guint i = 0; i < search->index->words->len; i++) {
    const PinoIndexWord *word = &g_array_index(search->index->words, PinoIndexWord, i);
    PinoLetters other = pino_letters(word->text);
    double quality;
    PinoMatch match = pino_match(&letters, &other, least == PINO_MATCH_TYPO, &quality);
    for (guint j = 0; match >= least && j < word->count; j++) {
      const PinoPlaceOfWord *place = &search->index->places[word->first + j];
      if (search->out[place->app] || !counts_there(place->field, match))
        continue;
      shares[place->app] = MAX(shares[place->app], quality * field_weights[place->field]);
      found = TRUE;
    }
  }
  return found;
}

/* "comfy ui" is "comfyui" too: what two terms are worth together, each of them is. */
static void share_out_pair(Search *search, guint second, double *shares) {
  g_autofree char *pair = g_strconcat(search->terms->pdata[second - 1], search->terms->pdata[second], NULL);
  share_out(search, pair, PINO_MATCH_PREFIX, shares);
}

static void add_terms(Search *search) {
  guint count = search->entries->apps->len;
  g_autofree double *shares = g_new(double, count + 1);
  for (guint i = 0; i < search->terms->len; i++) {
    memset(shares, 0, count * sizeof(double));
    if (i > 0)
      share_out_pair(search, i, shares);
    if (i + 1 < search->terms->len)
      share_out_pair(search, i + 1, shares);
    if (!share_out(search, search->terms->pdata[i], PINO_MATCH_INSIDE, shares))
      share_out(search, search->terms->pdata[i], PINO_MATCH_TYPO, shares);
    for (guint j = 0; j < count; j++) {
      search->hits[j].score += shares[j];
      search->hits[j].matched += shares[j] > 0 ? 1 : 0;
    }
  }
}

static double name_bonus(const char *name, const char *whole) {
  if (*whole == '\0' || !g_str_has_prefix(name, whole))
    return 0;
  if (g_str_equal(name, whole))
    return WHOLE_NAME_BONUS;
  return NAME_BEGIN_BONUS * (double)strlen(whole) / (double)strlen(name);
}

static void weigh_names(Search *search) {
  for (guint i = 0; i < search->entries->apps->len; i++) {
    Hit *hit = &search->hits[i];
    if (hit->matched == 0)
      continue;
    hit->score += name_bonus(search->index->whole_names[i], search->whole);
    if (has_tag(hit->app, "deprecated"))
      hit->score *= DEPRECATED_SHARE;
  }
}

/* --- the list ------------------------------------------------------------------------------------------------------ */

static int compare_hits(gconstpointer a, gconstpointer b) {
  const Hit *one = a, *other = b;
  if (one->score != other->score)
    return one->score > other->score ? -1 : 1;
  int order = g_ascii_strcasecmp(one->app->name, other->app->name);
  return order != 0 ? order : strcmp(one->app->id, other->app->id);
}

/* The hits that have as many terms as the best, sorted. */
static GArray *sort_out(const Search *search) {
  GArray *sorted = g_array_new(FALSE, FALSE, sizeof(Hit));
  guint most = 0;
  for (guint i = 0; i < search->entries->apps->len; i++)
    most = MAX(most, search->hits[i].matched);
  for (guint i = 0; i < search->entries->apps->len; i++) {
    const Hit *hit = &search->hits[i];
    if (!search->out[i] && hit->matched == most && (most > 0 || search->terms->len == 0))
      g_array_append_val(sorted, *hit);
  }
  g_array_sort(sorted, compare_hits);
  return sorted;
}

static GPtrArray *cut_out(const GArray *sorted, guint offset, guint limit) {
  GPtrArray *apps = g_ptr_array_new();
  guint end = limit > 0 && limit < sorted->len - MIN(offset, sorted->len) ? offset + limit : sorted->len;
  for (guint i = offset; i < end; i++)
    g_ptr_array_add(apps, (gpointer)g_array_index(sorted, Hit, i).app);
  return apps;
}

GPtrArray *pino_catalog_search(PinoCatalog *catalog, const PinoCatalogQuery *query, guint *total) {
  const char *text = query->text != NULL ? query->text : "";
  g_autoptr(GPtrArray) terms = terms_of(text);
  g_autofree char *whole = pino_words_join(text);
  const PinoEntries *entries = pino_catalog_entries(catalog);
  guint count = entries->apps->len;
  g_autofree gboolean *out = g_new0(gboolean, count + 1);
  g_autofree Hit *hits = g_new0(Hit, count + 1);
  Search search = {entries, NULL, terms, whole, out, hits};
  for (guint i = 0; i < count; i++) {
    hits[i].app = entries->apps->pdata[i];
    out[i] = !is_left(hits[i].app, query);
  }
  if (terms->len > 0) {
    search.index = pino_catalog_index(catalog);
    add_terms(&search);
    weigh_names(&search);
  }
  g_autoptr(GArray) sorted = sort_out(&search);
  if (total != NULL)
    *total = sorted->len;
  return cut_out(sorted, query->offset, query->limit);
}

/* --- what somebody may have meant ---------------------------------------------------------------------------------- */

/* 1 for the same, towards 0 the more letters differ. */
static double likeness(const PinoLetters *a, const char *b) {
  PinoLetters other = pino_letters(b);
  guint longer = MAX(a->length, other.length);
  guint limit = longer * 2 / 5;
  guint distance = longer > 0 ? pino_distance(a, &other, limit, NULL) : 1;
  return distance <= limit ? 1 - (double)distance / MAX(longer, 1) : 0;
}

static double nearness(const PinoLetters *word, const PinoCatalogApp *app, const char *whole_name) {
  double best = likeness(word, whole_name), quality;
  g_autoptr(GPtrArray) parts = pino_words_split(app->name, TRUE);
  PinoLetters whole = pino_letters(whole_name);
  if (word->length > 2 && pino_match(word, &whole, FALSE, &quality) != PINO_MATCH_NONE)
    best = MAX(best, quality);
  for (guint i = 0; i < parts->len; i++)
    best = MAX(best, 0.9 * likeness(word, parts->pdata[i]));
  return best;
}

GPtrArray *pino_catalog_suggest(PinoCatalog *catalog, const char *word, guint most) {
  const PinoEntries *entries = pino_catalog_entries(catalog);
  const PinoIndex *index = pino_catalog_index(catalog);
  gsize length = strlen(word);
  while (length > 0 && word[length - 1] == '/')
    length--;
  g_autofree char *path = g_strndup(word, length);
  const char *slash = strrchr(path, '/');
  g_autofree char *name = g_strdup(slash != NULL ? slash + 1 : path);
  if (g_str_has_suffix(name, ".git"))
    name[strlen(name) - strlen(".git")] = '\0';
  g_autofree char *joined = pino_words_join(name);
  PinoLetters letters = pino_letters(joined);
  g_autoptr(GArray) near = g_array_new(FALSE, FALSE, sizeof(Hit));
  for (guint i = 0; i < entries->apps->len; i++) {
    Hit hit = {.app = entries->apps->pdata[i]};
    hit.score = nearness(&letters, hit.app, index->whole_names[i]);
    if (hit.score >= 0.55)
      g_array_append_val(near, hit);
  }
  g_array_sort(near, compare_hits);
  return cut_out(near, 0, most > 0 ? most : MOST_SUGGESTIONS);
}
