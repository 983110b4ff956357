/* What uv says when no set of versions fits: sentences of a fixed grammar, which the resolver's proof is put into. */
#include <string.h>

#include "lifecycle/conflict_rows.h"

typedef struct {
  char *subject; /* "apple==1.0", "all versions of pear"; NULL: the person */
  char *package; /* that is wanted, with its extras */
  char *limit;   /* ">=2", "" */
} Wish;

static void wish_clear(Wish *wish) {
  g_free(wish->subject);
  g_free(wish->package);
  g_free(wish->limit);
}

static gsize name_length(const char *text) {
  return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.[]");
}

/* "base>=2" or "base>=2,<3" */
static void add_wish(GArray *wishes, const char *subject, const char *text) {
  gsize length = name_length(text);
  Wish wish = {
      .subject = g_strdup(subject), .package = g_strndup(text, length), .limit = g_strdup(text + length)};
  if (length == 0)
    wish_clear(&wish);
  else
    g_array_append_val(wishes, wish);
}

static gboolean begins_clause(const char *words) {
  static const char *const starts[] = {"all versions of ", "only ",   "because ", "we can ", "there ", "the ",
                                       "any of:",          "one of:", "your ",    "if ",     "that ",  NULL};
  for (gsize i = 0; starts[i] != NULL; i++) {
    if (g_str_has_prefix(words, starts[i]))
      return TRUE;
  }
  return FALSE;
}

/* What follows "depends on" or "you require": "a>1", "a and b>=2", "a, b, and c", up to the next clause. */
static void add_list(GArray *wishes, const char *subject, const char *text) {
  const char *at = text;
  while (*at != '\0') {
    gsize length = strcspn(at, " ");
    g_autofree char *word = g_strndup(at, length);
    gsize kept = strlen(word);
    while (kept > 0 && strchr(",.;", word[kept - 1]) != NULL)
      kept--;
    gboolean goes_on = length > kept || g_str_has_prefix(at + length, " and ");
    word[kept] = '\0';
    add_wish(wishes, subject, word);
    at += length + strspn(at + length, " ");
    if (g_str_has_prefix(at, "and "))
      at += strlen("and ");
    gsize next = strcspn(at, " ");
    gboolean is_subject = g_str_has_prefix(at + next, " depend") || g_str_has_prefix(at + next, " was ") ||
                          g_str_has_prefix(at + next, " require") || g_str_has_prefix(at + next, " cannot ");
    if (!goes_on || begins_clause(at) || is_subject)
      return;
  }
}

/* The word before `at`, and "all versions of" where that stands before it. */
static char *subject_before(const char *text, const char *at) {
  const char *begin = at;
  while (begin > text && begin[-1] != ' ')
    begin--;
  static const char all[] = "all versions of ";
  if ((gsize)(begin - text) >= strlen(all) && strncmp(begin - strlen(all), all, strlen(all)) == 0)
    begin -= strlen(all);
  return g_strndup(begin, (gsize)(at - begin));
}

static GArray *wishes_in(const char *text) {
  static const char *const links[] = {" depends on ", " depend on "};
  GArray *wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
  g_array_set_clear_func(wishes, (GDestroyNotify)wish_clear);
  for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
    for (const char *at = text; (at = strstr(at, links[i])) != NULL; at += strlen(links[i])) {
      g_autofree char *subject = subject_before(text, at);
      add_list(wishes, subject, at + strlen(links[i]));
    }
  }
  static const char yours[] = "you require ";
  for (const char *at = text; (at = strstr(at, yours)) != NULL; at += strlen(yours))
    add_list(wishes, NULL, at + strlen(yours));
  return wishes;
}

static char *wish_text(const Wish *wish) {
  if (wish->subject == NULL)
    return g_strdup_printf("the install asks for %s%s", wish->package, wish->limit);
  return g_strdup_printf("%s %s on %s%s", wish->subject,
                         g_str_has_prefix(wish->subject, "all ") ? "depend" : "depends", wish->package,
                         wish->limit);
}

/* Two wishes of different sides for the same package. */
static gboolean find_pair(GArray *wishes, const Wish **first, const Wish **second) {
  for (guint i = 0; i < wishes->len; i++) {
    for (guint j = i + 1; j < wishes->len; j++) {
      const Wish *one = &g_array_index(wishes, Wish, i), *other = &g_array_index(wishes, Wish, j);
      if (!g_str_equal(one->package, other->package) || g_str_equal(one->limit, other->limit) ||
          g_strcmp0(one->subject, other->subject) == 0 || *one->limit == '\0' || *other->limit == '\0')
        continue;
      *first = one;
      *second = other;
      return TRUE;
    }
  }
  return FALSE;
}

/* The words between a mark and one of the ends. */
static char *between(const char *text, const char *mark, const char *end) {
  const char *at = strstr(text, mark);
  if (at == NULL)
    return NULL;
  at += strlen(mark);
  const char *stop = strstr(at, end);
  return stop != NULL ? g_strndup(at, (gsize)(stop - at)) : g_strdup(at);
}

/* "there is no version of apple==9 and", "nowhere was not found in the package registry" */
static char *missing_in(const char *text) {
  static const char *const marks[] = {"there is no version of ", "there are no versions of "};
  for (gsize i = 0; i < G_N_ELEMENTS(marks); i++) {
    char *found = between(text, marks[i], " ");
    if (found != NULL)
      return found;
  }
  const char *at = strstr(text, " was not found in ");
  return at != NULL ? subject_before(text, at) : NULL;
}

/* "tensorflow==1.15.0 has no wheels with a matching Python ABI tag", or "... platform tag" */
static PinoTrouble *wheel_trouble(const char *text) {
  static const char mark[] = " has no wheels with a matching ";
  const char *at = strstr(text, mark);
  if (at == NULL)
    return NULL;
  gboolean is_python = g_str_has_prefix(at + strlen(mark), "Python");
  g_autofree char *subject = subject_before(text, at);
  return pino_trouble_new(is_python ? "python-version" : "no-version", subject, NULL,
                          g_strdup_printf("there is no build of %s for this %s", subject,
                                          is_python ? "Python version" : "system"));
}

static PinoTrouble *python_trouble(const char *text) {
  static const char *const marks[] = {" requires Python ", " depends on Python", " does not satisfy Python"};
  for (gsize i = 0; i < G_N_ELEMENTS(marks); i++) {
    const char *at = strstr(text, marks[i]);
    if (at == NULL)
      continue;
    g_autofree char *limit = between(at, "Python", " and ");
    g_strdelimit(g_strstrip(limit), ",", '\0');
    g_autofree char *subject = i < 2 ? subject_before(text, at) : g_strdup("a package");
    return pino_trouble_new("python-version", NULL, NULL,
                            g_strdup_printf("%s wants Python %s", subject, g_strstrip(limit)));
  }
  return NULL;
}

PinoTrouble *pino_conflict_read_uv(const char *explanation) {
  g_autoptr(GArray) wishes = wishes_in(explanation);
  const Wish *one = NULL, *other = NULL;
  PinoTrouble *python = python_trouble(explanation);
  if (python != NULL)
    return python;
  if (find_pair(wishes, &one, &other)) {
    g_autofree char *first = wish_text(one);
    g_autofree char *second = wish_text(other);
    return pino_trouble_new(
        "conflict", first, second,
        g_strdup_printf("no version of %s fits: %s, but %s", one->package, first, second));
  }
  PinoTrouble *wheel = wheel_trouble(explanation);
  if (wheel != NULL)
    return wheel;
  g_autofree char *missing = missing_in(explanation);
  if (missing != NULL)
    return pino_trouble_new("no-version", missing, NULL,
                            g_strdup_printf("there is no %s to be had", missing));
  return pino_trouble_new("conflict", NULL, NULL,
                          g_strdup_printf("the requirements exclude each other: %s", explanation));
}
