#include "detect/detect.h"

#include <string.h>

#include "detect/frameworks.h"
#include "detect/mention.h"
#include "detect/words.h"
#include "terminal/ansi.h"

#define PIECE (32 * 1024) /* of what is fed, filtered and looked at in one go */
#define OVERLAP                                                                                              \
  (PINO_DETECT_URL + 512) /* of the pieces of a long line: an address and what stands before it */
#define MENTIONS 32       /* of a kind in one line; the rest is a list of something */
#define TOLD 256          /* addresses that are remembered */
#define HEADING_LINES 24  /* how far above an address its heading may be */

typedef struct {
  char *url;
  gboolean is_public;
  guint16 port;
  int rank;
} Told;

struct _PinoDetector {
  PinoAnsi ansi;
  char **own;
  GString *text;   /* plain: some history, then the line that has not ended */
  gsize line;      /* where in text that line begins */
  gboolean is_cut; /* its beginning was looked at and is gone */
  GString *copy, *before, *heading;
  Told told[TOLD];
  guint next_told;
  PinoDetectorFound found; /* while fed */
  gpointer data;
};

/* A line, or a piece of a long one. */
typedef struct {
  gsize at;        /* in the detector's text */
  gboolean begins; /* with the line's beginning */
  gboolean ends;   /* with its end */
} Part;

PinoDetector *pino_detector_new(const char *const *own_addresses) {
  PinoDetector *detector = g_new0(PinoDetector, 1);
  pino_ansi_init(&detector->ansi, NULL, NULL);
  g_autoptr(GPtrArray) own = g_ptr_array_new();
  for (const char *const *name = own_addresses; name != NULL && *name != NULL; name++)
    g_ptr_array_add(own, pino_mention_canonical(*name));
  g_ptr_array_add(own, NULL);
  detector->own = (char **)g_ptr_array_free(g_steal_pointer(&own), FALSE);
  detector->text = g_string_new(NULL);
  detector->copy = g_string_new(NULL);
  detector->before = g_string_new(NULL);
  detector->heading = g_string_new(NULL);
  return detector;
}

void pino_detector_free(PinoDetector *detector) {
  if (detector == NULL)
    return;
  pino_ansi_clear(&detector->ansi);
  g_strfreev(detector->own);
  g_string_free(detector->text, TRUE);
  g_string_free(detector->copy, TRUE);
  g_string_free(detector->before, TRUE);
  g_string_free(detector->heading, TRUE);
  for (guint i = 0; i < TOLD; i++)
    g_free(detector->told[i].url);
  g_free(detector);
}

/* --- telling ------------------------------------------------------------------------------------------ */

/* Whether this was told with a rank that is not lower. Without a framework's line any address of the port will do. */
static gboolean is_told(const PinoDetector *detector, const PinoFound *found, const char *url) {
  gboolean by_port = found->url != NULL && found->rank < PINO_FOUND_SERVER;
  for (guint i = 0; i < TOLD; i++) {
    const Told *told = &detector->told[i];
    if (told->url == NULL || told->rank < found->rank || told->is_public != (found->public_url != NULL))
      continue;
    if ((by_port && told->port == found->port) || g_str_equal(told->url, url))
      return TRUE;
  }
  return FALSE;
}

static void remember(PinoDetector *detector, const PinoFound *found, const char *url) {
  Told *told = NULL;
  for (guint i = 0; i < TOLD && told == NULL; i++)
    if (detector->told[i].url != NULL && g_str_equal(detector->told[i].url, url))
      told = &detector->told[i];
  if (told == NULL) {
    told = &detector->told[detector->next_told];
    detector->next_told = (detector->next_told + 1) % TOLD;
    g_free(told->url);
    told->url = g_strdup(url);
  }
  told->is_public = found->public_url != NULL;
  told->port = found->port;
  told->rank = found->rank;
}

static void tell(PinoDetector *detector, const PinoMention *mention, const char *framework, int rank) {
  gboolean is_public = mention->host == PINO_HOST_TUNNEL || mention->host == PINO_HOST_OTHER;
  PinoFound found = {
      .url = is_public ? NULL : mention->url,
      .public_url = is_public ? mention->url : NULL,
      .framework = framework,
      .port = mention->port,
      .rank = rank - (mention->host == PINO_HOST_OWN ? PINO_FOUND_NETWORK_LESS : 0),
  };
  if (is_told(detector, &found, mention->url))
    return;
  remember(detector, &found, mention->url);
  detector->found(&found, detector->data);
}

/* --- judging ------------------------------------------------------------------------------------------ */

/* What is kept of the text before this place, always the same length if there is so much. */
static const char *history_of(const PinoDetector *detector, gsize at, gsize *length) {
  *length = MIN(at, PINO_DETECT_HISTORY);
  return detector->text->str + at - *length;
}

static gboolean only_closes(const char *after) {
  while (*after != '\0' && ((guchar)*after >= 0x80 || strchr(" \t\"'`)]>.,;|*", *after) != NULL))
    after++;
  return *after == '\0';
}

/* Whether a URL is all that its line says. Quoted or assigned, it belongs to data. */
static gboolean is_alone(const char *line, gsize start, const char *before, const char *after) {
  for (gsize i = 0; i < start; i++)
    if (strchr("\"'`=", line[i]) != NULL)
      return FALSE;
  return pino_words_none(before) && only_closes(after);
}

/* The same of a line that stands above, not zero-terminated. */
static gboolean is_list_line(const PinoDetector *detector, const char *line, gsize length,
                             PinoMention *mention) {
  g_autofree char *copy = g_strndup(line, MIN(length, PINO_DETECT_LINE));
  g_autoptr(GString) before = g_string_new(NULL);
  gsize at = 0;
  if (strspn(copy, " \t") == length)
    return TRUE;
  if (!pino_mention_next(copy, strlen(copy), &at, PINO_MENTION_URL, (const char *const *)detector->own,
                         mention))
    return FALSE;
  pino_words_before(copy, mention->start, before);
  return is_alone(copy, mention->start, before->str, copy + mention->end);
}

/* Finds the line above a list of URLs. Gives its place, NULL when there is none in reach. */
static const char *find_heading(const PinoDetector *detector, gsize at, gsize *length) {
  gsize left;
  const char *history = history_of(detector, at, &left);
  PinoMention mention;
  for (int i = 0; i < HEADING_LINES && left > 0; i++) {
    const char *end = history + left - 1; /* its newline */
    const char *newline = memrchr(history, '\n', left - 1);
    const char *line = newline != NULL ? newline + 1 : history;
    *length = (gsize)(end - line);
    if (!is_list_line(detector, line, *length, &mention))
      return line;
    left = (gsize)(line - history);
  }
  return NULL;
}

/* Puts the heading's text into detector->heading, as pino_words_before() leaves it. ends: whether it ends with a colon. */
static gboolean read_heading(PinoDetector *detector, gsize at, gboolean *is_title) {
  gsize length;
  const char *line = find_heading(detector, at, &length);
  g_string_truncate(detector->heading, 0);
  if (line == NULL)
    return FALSE;
  pino_words_before(line, length, detector->heading);
  while (length > 0 && g_ascii_isspace(line[length - 1]))
    length--;
  *is_title = length > 0 && line[length - 1] == ':';
  return TRUE;
}

/* A config's "URL=http://..." says nothing, a rule "===== http://..." is no such thing. */
static gboolean is_assigned(const char *line, gsize start) {
  while (start > 0 && strchr("\"'", line[start - 1]) != NULL)
    start--;
  return start > 0 && line[start - 1] == '=' && (start == 1 || line[start - 2] != '=');
}

static int capped(const PinoMention *mention, int rank) {
  return pino_words_api_path(mention) ? MIN(rank, PINO_FOUND_API) : rank;
}

/* Gives the rank by a framework's line, 0 when none fits. */
static int rank_by_line(const PinoDetector *detector, const Part *part, const char *before, const char *after,
                        const PinoMention *mention, const char **framework) {
  const PinoFramework *row = pino_framework_find(before, after);
  if (row == NULL || ((row->flags & PINO_FRAMEWORK_WEAK) != 0 && pino_words_deny(before)))
    return 0;
  const char *name = row->framework;
  if ((row->flags & PINO_FRAMEWORK_BANNER) != 0) {
    gsize length;
    const char *history = history_of(detector, part->at, &length);
    const char *banner = pino_framework_banner(history, length);
    name = banner != NULL ? banner : name;
  }
  if (name == NULL)
    return 0;
  *framework = name;
  return capped(mention, row->rank);
}

static int rank_alone(PinoDetector *detector, const Part *part, const PinoMention *mention,
                      const char **framework) {
  gboolean is_title = FALSE;
  if (!part->begins || !part->ends)
    return 0;
  if (!read_heading(detector, part->at, &is_title))
    return pino_words_rank_alone(mention);
  const char *heading = detector->heading->str;
  if (is_title) {
    int rank = rank_by_line(detector, part, heading, "", mention, framework);
    return rank > 0 ? rank : pino_words_rank(heading, mention);
  }
  int rank = pino_words_rank(heading, mention);
  return rank > 0 || pino_words_go_on(heading) ? rank : pino_words_rank_alone(mention);
}

static int rank_of(PinoDetector *detector, const Part *part, const PinoMention *mention,
                   const char **framework) {
  const char *line = detector->copy->str, *after = line + mention->end, *before = detector->before->str;
  int rank = rank_by_line(detector, part, before, after, mention, framework);
  if (rank > 0)
    return rank;
  if (is_assigned(line, mention->start))
    return 0;
  if (mention->kind == PINO_MENTION_URL && is_alone(line, mention->start, before, after))
    return rank_alone(detector, part, mention, framework);
  return pino_words_rank(before, mention);
}

static void judge_public(PinoDetector *detector, const PinoMention *mention) {
  const char *before = detector->before->str;
  const PinoFramework *row = pino_framework_find(before, detector->copy->str + mention->end);
  if (row != NULL && (row->flags & PINO_FRAMEWORK_PUBLIC) != 0)
    tell(detector, mention, row->framework, row->rank);
  else if (mention->host == PINO_HOST_TUNNEL && !pino_words_deny(before))
    tell(detector, mention, mention->tunnel, PINO_FOUND_UI);
}

/* Whether an address of this machine was found, so that the line's weaker mentions need not be looked at. */
static gboolean judge(PinoDetector *detector, const Part *part, const PinoMention *mention) {
  const char *framework = NULL;
  g_string_truncate(detector->before, 0);
  pino_words_before(detector->copy->str, mention->start, detector->before);
  if (mention->host == PINO_HOST_TUNNEL || mention->host == PINO_HOST_OTHER) {
    judge_public(detector, mention);
    return FALSE;
  }
  int rank = rank_of(detector, part, mention, &framework);
  if (rank > 0)
    tell(detector, mention, framework, rank);
  return rank > 0;
}

static void look_at(PinoDetector *detector, const Part *part, gsize length) {
  static const PinoMentionKind KINDS[] = {PINO_MENTION_URL, PINO_MENTION_ADDRESS, PINO_MENTION_PORT};
  GString *copy = detector->copy;
  PinoMention mention;
  gboolean taken = FALSE;
  g_string_truncate(copy, 0);
  g_string_append_len(copy, detector->text->str + part->at, (gssize)length);
  for (gsize kind = 0; kind < G_N_ELEMENTS(KINDS) && !taken; kind++) {
    gsize at = 0;
    for (int i = 0; i < MENTIONS; i++) {
      if (!pino_mention_next(copy->str, copy->len, &at, KINDS[kind], (const char *const *)detector->own,
                             &mention))
        break;
      gboolean is_whole = part->ends || mention.touched < copy->len;
      taken |= is_whole && judge(detector, part, &mention);
    }
  }
}

/* --- lines -------------------------------------------------------------------------------------------- */

typedef guint8 Block __attribute__((vector_size(16)));

static Block load(const char *at) {
  Block block;
  memcpy(&block, at, sizeof block);
  return block;
}

static gboolean is_hit(const char *at) {
  gboolean port =
      (at[0] | 0x20) == 'p' && (at[1] | 0x20) == 'o' && (at[2] | 0x20) == 'r' && (at[3] | 0x20) == 't';
  return port || (at[0] == ':' && at[1] == '/' && at[2] == '/') ||
         (at[1] == ':' && g_ascii_isdigit(at[2]) && strchr(" *]:tT", at[0]) != NULL) ||
         (at[0] == '.' && (at[1] == '0' || at[1] == '1') && at[2] == ':');
}

/* The first place from at on that may be part of an address, or end: "://", "port", " :3", "*:3", "]:3", "t:3" (localhost),
 * ".0:" and ".1:". Nearly all output has none of these, so this is what decides how fast output is read. 4 bytes behind end
 * can be read. */
static const char *next_hit(const char *at, const char *end) {
  for (; end - at >= 16; at += 16) {
    Block a = load(at), b = load(at + 1), c = load(at + 2), d = load(at + 3);
    Block scheme = (Block)(a == ':') & (Block)(b == '/') & (Block)(c == '/');
    Block port = (Block)((a | 0x20) == 'p') & (Block)((b | 0x20) == 'o') & (Block)((c | 0x20) == 'r') &
                 (Block)((d | 0x20) == 't');
    Block lead = (Block)(a == ' ') | (Block)(a == '*') | (Block)(a == ']') | (Block)(a == ':') |
                 (Block)((a | 0x20) == 't');
    Block colon = lead & (Block)(b == ':') & (Block)(c >= '0') & (Block)(c <= '9');
    Block dotted = (Block)(a == '.') & ((Block)(b == '0') | (Block)(b == '1')) & (Block)(c == ':');
    Block any = scheme | port | colon | dotted;
    guint64 half[2];
    memcpy(half, &any, sizeof half);
    if ((half[0] | half[1]) != 0)
      break;
  }
  while (at < end && !is_hit(at))
    at++;
  return at;
}

/* A line that has ended, in pieces if it is long. */
static void look_at_line(PinoDetector *detector, gsize at, gsize end, gboolean begins) {
  Part part = {.at = at, .begins = begins};
  for (; end - part.at > PINO_DETECT_LINE; part.at += PINO_DETECT_LINE - OVERLAP, part.begins = FALSE)
    look_at(detector, &part, PINO_DETECT_LINE);
  part.ends = TRUE;
  look_at(detector, &part, end - part.at);
}

/* Looks at the lines that have ended, those of interest alone. */
static void look_at_lines(PinoDetector *detector, gsize from) {
  GString *text = detector->text;
  const char *newline = memrchr(text->str + from, '\n', text->len - from);
  if (newline == NULL)
    return;
  gsize end = (gsize)(newline - text->str), at = detector->line;
  for (;;) {
    gsize hit = (gsize)(next_hit(text->str + at, text->str + end) - text->str);
    if (hit >= end)
      break;
    const char *before = memrchr(text->str + at, '\n', hit - at);
    gsize line = before != NULL ? (gsize)(before - text->str) + 1 : at;
    gsize line_end = (gsize)((char *)memchr(text->str + hit, '\n', text->len - hit) - text->str);
    look_at_line(detector, line, line_end, line != detector->line || !detector->is_cut);
    at = line_end + 1;
    if (at >= end)
      break;
  }
  detector->line = end + 1;
  detector->is_cut = FALSE;
}

/* Looks at so much of the last line that what stays of it is short. */
static void cut_line(PinoDetector *detector) {
  GString *text = detector->text;
  while (text->len - detector->line > PINO_DETECT_LINE) {
    const char *start = text->str + detector->line, *end = start + PINO_DETECT_LINE;
    Part part = {.at = detector->line, .begins = !detector->is_cut};
    if (next_hit(start, end) < end)
      look_at(detector, &part, PINO_DETECT_LINE);
    detector->line += PINO_DETECT_LINE - OVERLAP;
    detector->is_cut = TRUE;
  }
}

/* Room behind the text for next_hit(), which g_string_append_len() need not leave. */
static void pad(GString *text) {
  gsize length = text->len;
  g_string_append_len(text, "\0\0\0", 4);
  g_string_truncate(text, length);
}

void pino_detector_feed(PinoDetector *detector, const char *bytes, gsize length, PinoDetectorFound found,
                        gpointer data) {
  GString *text = detector->text;
  detector->found = found;
  detector->data = data;
  if (length == 0 && text->len > detector->line) {
    Part part = {.at = detector->line, .begins = !detector->is_cut, .ends = TRUE};
    look_at(detector, &part, text->len - detector->line);
  }
  for (gsize done = 0; done < length; done += MIN(length - done, PIECE)) {
    gsize from = text->len;
    pino_ansi_filter(&detector->ansi, bytes + done, MIN(length - done, PIECE), text);
    pad(text);
    look_at_lines(detector, from);
    cut_line(detector);
    if (detector->line > PINO_DETECT_HISTORY + PIECE / 2) {
      gsize drop = detector->line - PINO_DETECT_HISTORY;
      g_string_erase(text, 0, (gssize)drop);
      detector->line -= drop;
    }
  }
}
