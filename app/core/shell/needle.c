/* The source is read as JavaScript's grammar has it; whatever is not understood gives up rather than guesses.
 * A needle with a character that is rare in output is looked for by that, which libc does with vector instructions;
 * for others the search is Horspool's. */
#include "shell/needle.h"

#include <string.h>

/* Shorter ones are found everywhere. */
#define SHORTEST 3
#define LONGEST 64

static const char RARE[] = ":%!?#@&$*+=<>[]{}()|~^;\"'`\\";
static const char RARE_LETTERS[] = "JKQVXYZjqxz"; /* where case counts */

struct _PinoNeedle {
  gboolean fold; /* ASCII letters match in either case */
  gsize len;
  char text[LONGEST + 1];
  guint8 skip[256]; /* how far to go on from a character; 0 for the needle's last */
  guint8 shift;     /* how far to go on from its last when the rest is not there */
  gssize rare;      /* where its rare character is, or -1 */
};

typedef struct {
  const char *at;
  gboolean fold;
  gboolean lost; /* something was not understood */
} Reader;

/* Keeps the longer of the two and empties the run. */
static void end_run(GString *run, GString *best) {
  if (run->len > best->len)
    g_string_assign(best, run->str);
  g_string_truncate(run, 0);
}

static void drop_last(GString *run) {
  if (run->len > 0)
    g_string_truncate(run, (gsize)(g_utf8_prev_char(run->str + run->len) - run->str));
}

static void read_class(Reader *reader) {
  for (reader->at++; *reader->at != ']'; reader->at++) {
    if (*reader->at == '\\' && reader->at[1] != '\0')
      reader->at++;
    else if (*reader->at == '\0') {
      reader->lost = TRUE;
      return;
    }
  }
  reader->at++;
}

static void read_escape(Reader *reader, GString *run, GString *best) {
  char escaped = reader->at[1];
  if (escaped != '\0' && g_ascii_ispunct(escaped)) {
    g_string_append_c(run, escaped);
  } else if (escaped != '\0' && strchr("dDwWsSbBfnrtv", escaped) != NULL) {
    end_run(run, best);
  } else {
    reader->lost = TRUE;
    return;
  }
  reader->at += 2;
}

static gboolean read_branches(Reader *reader, gboolean nested, GString *best);

/* Only a plain group that must match once at least passes its needle on. */
static void read_group(Reader *reader, GString *best) {
  const char *inside = reader->at + 1;
  gboolean plain = *inside != '?';
  if (g_str_has_prefix(inside, "?:")) {
    plain = TRUE;
    inside += 2;
  } else if (g_str_has_prefix(inside, "?<") && inside[2] != '=' && inside[2] != '!') {
    plain = TRUE;
    inside = strchr(inside, '>') != NULL ? strchr(inside, '>') + 1 : inside + strlen(inside);
  } else if (!plain) {
    inside++;
  }
  reader->at = inside;
  g_autoptr(GString) own = g_string_new(NULL);
  gboolean certain = read_branches(reader, TRUE, own);
  if (*reader->at != ')')
    reader->lost = TRUE;
  if (reader->lost)
    return;
  reader->at++;
  gboolean optional = *reader->at != '\0' && strchr("?*{", *reader->at) != NULL;
  if (plain && certain && !optional)
    end_run(own, best);
}

static void read_repeat(Reader *reader, GString *run, GString *best) {
  gsize count = *reader->at == '{' ? strspn(reader->at + 1, "0123456789,") + 1 : 0;
  drop_last(run);
  end_run(run, best);
  if (count > 0 && reader->at[count] != '}')
    reader->lost = TRUE;
  else
    reader->at += count + 1;
}

static void read_character(Reader *reader, GString *run, GString *best) {
  const char *next = g_utf8_next_char(reader->at);
  if (reader->fold && (guchar)*reader->at >= 0x80)
    end_run(run, best);
  else
    g_string_append_len(run, reader->at, next - reader->at);
  reader->at = next;
}

/* Reads up to the end or the group's ')'. FALSE if there is more than one branch, so that none of them must match. */
static gboolean read_branches(Reader *reader, gboolean nested, GString *best) {
  g_autoptr(GString) run = g_string_new(NULL);
  gboolean single = TRUE;
  while (!reader->lost && *reader->at != '\0' && !(nested && *reader->at == ')')) {
    char c = *reader->at;
    if (c == '\\') {
      read_escape(reader, run, best);
    } else if (c == '[') {
      end_run(run, best);
      read_class(reader);
    } else if (c == '(') {
      end_run(run, best);
      read_group(reader, best);
    } else if (c == '?' || c == '*' || c == '{') {
      read_repeat(reader, run, best);
    } else if (strchr("|^$.+)]}", c) != NULL) {
      single = single && c != '|';
      end_run(run, best);
      reader->at++;
    } else {
      read_character(reader, run, best);
    }
  }
  end_run(run, best);
  return single;
}

static void set_skip(PinoNeedle *needle, gchar c, gsize distance) {
  needle->skip[(guchar)c] = (guint8)distance;
  if (needle->fold) {
    needle->skip[(guchar)g_ascii_tolower(c)] = (guint8)distance;
    needle->skip[(guchar)g_ascii_toupper(c)] = (guint8)distance;
  }
}

static gssize rare_place(const PinoNeedle *needle) {
  gsize place = strcspn(needle->text, RARE);
  if (place == needle->len && !needle->fold)
    place = strcspn(needle->text, RARE_LETTERS);
  return place < needle->len ? (gssize)place : -1;
}

static void set_text(PinoNeedle *needle, const char *text) {
  needle->len = MIN(strlen(text), LONGEST);
  memcpy(needle->text, text, needle->len);
  memset(needle->skip, (int)needle->len, sizeof needle->skip);
  gsize last = needle->len - 1;
  for (gsize i = 0; i < last; i++)
    set_skip(needle, needle->text[i], last - i);
  needle->rare = rare_place(needle);
  needle->shift = needle->skip[(guchar)needle->text[last]];
  set_skip(needle, needle->text[last], 0);
}

PinoNeedle *pino_needle_new(const char *source, const char *flags) {
  gboolean fold = strchr(flags, 'i') != NULL;
  gboolean unicode = strchr(flags, 'u') != NULL;
  /* With both, letters outside ASCII match some within it; sets of the v flag nest. */
  if ((fold && unicode) || strchr(flags, 'v') != NULL || !g_utf8_validate(source, -1, NULL))
    return NULL;
  Reader reader = {source, fold, FALSE};
  g_autoptr(GString) best = g_string_new(NULL);
  gboolean certain = read_branches(&reader, FALSE, best);
  if (!certain || reader.lost || best->len < SHORTEST)
    return NULL;
  PinoNeedle *needle = g_new0(PinoNeedle, 1);
  needle->fold = fold;
  set_text(needle, best->str);
  return needle;
}

void pino_needle_free(PinoNeedle *needle) {
  g_free(needle);
}

gsize pino_needle_length(const PinoNeedle *needle) {
  return needle->len;
}

static gboolean equal_here(const PinoNeedle *needle, const char *at) {
  return needle->fold ? g_ascii_strncasecmp(at, needle->text, needle->len) == 0
                      : memcmp(at, needle->text, needle->len) == 0;
}

static gboolean found_by_rare(const PinoNeedle *needle, const char *text, gsize len) {
  gsize place = (gsize)needle->rare;
  const char *end = text + len - (needle->len - 1 - place); /* the rare character stands before this */
  for (const char *at = text + place; at < end; at++) {
    at = memchr(at, needle->text[place], (gsize)(end - at));
    if (at == NULL)
      return FALSE;
    if (equal_here(needle, at - place))
      return TRUE;
  }
  return FALSE;
}

gboolean pino_needle_found(const PinoNeedle *needle, const char *text, gsize len) {
  if (len < needle->len)
    return FALSE;
  if (needle->rare >= 0)
    return found_by_rare(needle, text, len);
  gsize last = needle->len - 1;
  for (gsize at = last; at < len; at += needle->shift) {
    for (guint8 skip; at < len && (skip = needle->skip[(guchar)text[at]]) != 0;)
      at += skip;
    if (at < len && equal_here(needle, text + at - last))
      return TRUE;
  }
  return FALSE;
}
