#include <string.h>

#include "catalog/internal.h"

/* The word that many launchers have in their names, which says nothing. */
#define PLATFORM "pinokio"

#define STEM_LEAST                                                                                           \
  4 /* letters that two words must have in common to be of one stem; one more if both have endings */
#define STEM_ENDING 5  /* letters at most of either's ending */
#define INSIDE_LEAST 3 /* letters that are looked for inside of words */

/* --- texts ------------------------------------------------------------------------------------------------------ */

char *pino_words_fold(const char *text) {
  if (g_str_is_ascii(text))
    return g_ascii_strdown(text, -1);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autofree char *apart = g_utf8_normalize(valid, -1, G_NORMALIZE_ALL);
  g_autoptr(GString) bare = g_string_new(NULL);
  for (const char *at = apart; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_ismark(c))
      g_string_append_unichar(bare, c);
  }
  return g_utf8_casefold(bare->str, -1);
}

static void take_word(GPtrArray *words, const char *from, const char *to) {
  if (to <= from)
    return;
  g_autofree char *word = g_strndup(from, (gsize)(to - from));
  g_ptr_array_add(words, pino_words_fold(word));
}

/* "StableAudio" has the parts Stable and Audio, "ComfyUI" has Comfy and UI. */
static void take_parts(GPtrArray *words, const char *from, const char *to) {
  const char *part = from;
  gboolean was_lower = FALSE;
  for (const char *at = from; at < to; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (was_lower && g_unichar_isupper(c)) {
      take_word(words, part, at);
      part = at;
    }
    was_lower = g_unichar_islower(c);
  }
  if (part != from)
    take_word(words, part, to);
}

GPtrArray *pino_words_split(const char *text, gboolean camel) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
  const char *at = valid;
  while (*at != '\0') {
    const char *from = at;
    while (*at != '\0' && (g_unichar_isalnum(g_utf8_get_char(at)) || g_unichar_ismark(g_utf8_get_char(at))))
      at = g_utf8_next_char(at);
    take_word(words, from, at);
    if (camel)
      take_parts(words, from, at);
    if (*at != '\0')
      at = g_utf8_next_char(at);
  }
  return words;
}

char *pino_words_join(const char *text) {
  g_autoptr(GPtrArray) words = pino_words_split(text, FALSE);
  g_autoptr(GString) all = g_string_new(NULL);
  GString *joined = g_string_new(NULL);
  for (guint i = 0; i < words->len; i++) {
    g_string_append(all, words->pdata[i]);
    if (!g_str_equal(words->pdata[i], PLATFORM))
      g_string_append(joined, words->pdata[i]);
  }
  if (joined->len == 0)
    g_string_assign(joined, all->str);
  return g_string_free(joined, FALSE);
}

PinoLetters pino_letters(const char *word) {
  PinoLetters letters = {.length = 0};
  for (const char *at = word; *at != '\0' && letters.length < PINO_WORD_LONGEST; at = g_utf8_next_char(at))
    letters.chars[letters.length++] = g_utf8_get_char(at);
  return letters;
}

/* --- comparing -------------------------------------------------------------------------------------------------- */

static guint common_prefix(const PinoLetters *a, const PinoLetters *b) {
  guint least = MIN(a->length, b->length), count = 0;
  while (count < least && a->chars[count] == b->chars[count])
    count++;
  return count;
}

static gboolean is_inside(const PinoLetters *term, const PinoLetters *word) {
  for (guint at = 0; at + term->length <= word->length; at++) {
    if (memcmp(word->chars + at, term->chars, term->length * sizeof(gunichar)) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean is_stem(const PinoLetters *a, const PinoLetters *b, guint common) {
  guint longer = MAX(a->length, b->length);
  gboolean begins = common == MIN(a->length, b->length);
  return common >= (begins ? STEM_LEAST : STEM_LEAST + 1) && common * 10 >= longer * 6 &&
         longer - common <= STEM_ENDING;
}

guint pino_distance(const PinoLetters *a, const PinoLetters *b, guint limit, guint *beginning) {
  if (beginning != NULL)
    *beginning = limit + 1;
  if (a->length > b->length + limit)
    return limit + 1;
  guint rows[3][PINO_WORD_LONGEST + 1];
  guint *before = rows[0], *last = rows[1], *now = rows[2];
  for (guint j = 0; j <= b->length; j++)
    last[j] = j;
  for (guint i = 1; i <= a->length; i++) {
    guint least = now[0] = i;
    for (guint j = 1; j <= b->length; j++) {
      gboolean same = a->chars[i - 1] == b->chars[j - 1];
      guint cost = MIN(MIN(last[j] + 1, now[j - 1] + 1), last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a->chars[i - 1] == b->chars[j - 2] && a->chars[i - 2] == b->chars[j - 1])
        cost = MIN(cost, before[j - 2] + 1);
      now[j] = cost;
      least = MIN(least, cost);
    }
    if (least > limit)
      return limit + 1;
    guint *free_row = before;
    before = last;
    last = now;
    now = free_row;
  }
  guint shortest = limit + 1;
  for (guint j = 0; j <= b->length; j++)
    shortest = MIN(shortest, last[j]);
  if (beginning != NULL)
    *beginning = shortest;
  return MIN(last[b->length], limit + 1);
}

/* Errors of typing that a word of that many letters may have. */
static guint errors_allowed(guint length) {
  return length < 4 ? 0 : length < 6 ? 1 : length < 9 ? 2 : 3;
}

/* Without a letter that is the same as the one before it. */
static PinoLetters squeeze(const PinoLetters *word) {
  PinoLetters squeezed = {.length = 0};
  for (guint i = 0; i < word->length; i++) {
    if (i == 0 || word->chars[i] != word->chars[i - 1])
      squeezed.chars[squeezed.length++] = word->chars[i];
  }
  return squeezed;
}

/* How often letters must be doubled is what people know least: all of that together counts as one error. */
static gboolean is_same_squeezed(const PinoLetters *a, const PinoLetters *b) {
  PinoLetters one = squeeze(a), other = squeeze(b);
  return one.length == other.length && common_prefix(&one, &other) == one.length;
}

static double typo_quality(const PinoLetters *term, const PinoLetters *word) {
  guint limit = errors_allowed(term->length), beginning;
  if (limit == 0)
    return 0;
  guint whole = is_same_squeezed(term, word) ? 1 : pino_distance(term, word, limit, &beginning);
  double first = term->chars[0] == word->chars[0] ? 1 : 0.85;
  if (whole <= limit)
    return first * 0.75 * (1 - (double)whole / term->length);
  return beginning <= limit ? first * 0.55 * (1 - (double)beginning / term->length) : 0;
}

PinoMatch pino_match(const PinoLetters *term, const PinoLetters *word, gboolean typos, double *quality) {
  guint common = common_prefix(term, word);
  double share = (double)term->length / MAX(word->length, 1);
  *quality = 1;
  if (common == term->length && common == word->length)
    return PINO_MATCH_EXACT;
  if (common == term->length) {
    *quality = 0.7 + 0.25 * share;
    return PINO_MATCH_PREFIX;
  }
  if (is_stem(term, word, common)) {
    *quality = 0.3 + 0.35 * common / MAX(term->length, word->length);
    return PINO_MATCH_STEM;
  }
  if (term->length >= INSIDE_LEAST && is_inside(term, word)) {
    *quality = 0.45 + 0.25 * share;
    return PINO_MATCH_INSIDE;
  }
  *quality = typos ? typo_quality(term, word) : 0;
  return *quality > 0 ? PINO_MATCH_TYPO : PINO_MATCH_NONE;
}
