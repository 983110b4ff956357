#include "state/line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((gsize)64 << 10)
/* Longer lines nobody writes: what has no newline for so long is no journal, and is passed over. */
#define LINE_MAX_BYTES ((gsize)64 << 20)
#define DEPTH_MAX 1000

/* --- JSON: each function gives the byte after what it passed, NULL when that is not there ---- */

static const char *pass_value(const char *at, const char *end, guint depth);

static const char *pass_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
    at++;
  return at;
}

static const char *pass_hex(const char *at, const char *end) {
  for (int i = 0; i < 4; i++)
    if (at + i >= end || !g_ascii_isxdigit(at[i]))
      return NULL;
  return at + 4;
}

static const char *pass_string(const char *at, const char *end) {
  if (at >= end || *at != '"')
    return NULL;
  at++;
  while (at < end && *at != '"') {
    if ((guchar)*at < 0x20)
      return NULL;
    if (*at++ != '\\')
      continue;
    if (at >= end || strchr("\"\\/bfnrtu", *at) == NULL || *at == '\0')
      return NULL;
    if (*at++ == 'u' && (at = pass_hex(at, end)) == NULL)
      return NULL;
  }
  return at < end ? at + 1 : NULL;
}

static const char *pass_digits(const char *at, const char *end) {
  const char *start = at;
  while (at < end && g_ascii_isdigit(*at))
    at++;
  return at > start ? at : NULL;
}

static const char *pass_number(const char *at, const char *end) {
  if (at < end && *at == '-')
    at++;
  gboolean zero = at < end && *at == '0';
  const char *whole = pass_digits(at, end);
  if (whole == NULL || (zero && whole > at + 1))
    return NULL;
  at = whole;
  if (at < end && *at == '.' && (at = pass_digits(at + 1, end)) == NULL)
    return NULL;
  if (at < end && (*at == 'e' || *at == 'E')) {
    at++;
    if (at < end && (*at == '+' || *at == '-'))
      at++;
    at = pass_digits(at, end);
  }
  return at;
}

static const char *pass_word(const char *at, const char *end) {
  static const char *const WORDS[] = {"true", "false", "null"};
  for (gsize i = 0; i < G_N_ELEMENTS(WORDS); i++) {
    gsize length = strlen(WORDS[i]);
    if ((gsize)(end - at) >= length && memcmp(at, WORDS[i], length) == 0)
      return at + length;
  }
  return NULL;
}

/* A member of an object, or an element of an array, up to the comma or bracket after it. */
static const char *pass_item(const char *at, const char *end, gboolean named, guint depth,
                             PinoMember *member) {
  at = pass_blanks(at, end);
  if (named) {
    member->name = at + 1;
    if ((at = pass_string(at, end)) == NULL)
      return NULL;
    member->name_len = (gsize)(at - 1 - member->name);
    at = pass_blanks(at, end);
    if (at >= end || *at++ != ':')
      return NULL;
    at = pass_blanks(at, end);
  }
  member->value = at;
  if ((at = pass_value(at, end, depth)) == NULL)
    return NULL;
  member->value_len = (gsize)(at - member->value);
  return pass_blanks(at, end);
}

/* An object or an array. line (may be NULL) gets the members. */
static const char *pass_items(const char *at, const char *end, guint depth, PinoLine *line) {
  gboolean named = *at == '{';
  char close = named ? '}' : ']';
  at = pass_blanks(at + 1, end);
  if (at < end && *at == close)
    return at + 1;
  while (at != NULL && at < end) {
    PinoMember member;
    at = pass_item(at, end, named, depth, &member);
    if (at == NULL || at >= end)
      return NULL;
    if (line != NULL && line->n_members < PINO_LINE_MEMBERS)
      line->members[line->n_members] = member;
    if (line != NULL)
      line->n_members++;
    if (*at == close)
      return at + 1;
    if (*at++ != ',')
      return NULL;
  }
  return NULL;
}

static const char *pass_value(const char *at, const char *end, guint depth) {
  if (at >= end || depth >= DEPTH_MAX)
    return NULL;
  if (*at == '{' || *at == '[')
    return pass_items(at, end, depth + 1, NULL);
  if (*at == '"')
    return pass_string(at, end);
  return *at == '-' || g_ascii_isdigit(*at) ? pass_number(at, end) : pass_word(at, end);
}

/* --- one line ---- */

gboolean pino_line_parse(const char *text, gsize length, PinoLine *line) {
  const char *end = text + length;
  line->n_members = 0;
  if (length < 2 || text[0] != '{')
    return FALSE;
  const char *at = pass_items(text, end, 1, line);
  return at != NULL && pass_blanks(at, end) == end && g_utf8_validate_len(text, length, NULL);
}

const PinoMember *pino_line_member(const PinoLine *line, const char *name) {
  gsize length = strlen(name);
  for (guint i = 0; i < MIN(line->n_members, PINO_LINE_MEMBERS); i++) {
    const PinoMember *member = &line->members[i];
    if (member->name_len == length && memcmp(member->name, name, length) == 0)
      return member;
  }
  return NULL;
}

static gunichar hex_unit(const char *at) {
  gunichar unit = 0;
  for (int i = 0; i < 4; i++)
    unit = unit << 4 | (gunichar)g_ascii_xdigit_value(at[i]);
  return unit;
}

/* at: after the `u`. Gives the byte after the escape, both halves of a pair included. */
static const char *append_unit(GString *out, const char *at) {
  gunichar unit = hex_unit(at);
  at += 4;
  if (unit >= 0xd800 && unit < 0xdc00 && at[0] == '\\' && at[1] == 'u') {
    gunichar low = hex_unit(at + 2);
    if (low >= 0xdc00 && low < 0xe000) {
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    }
  }
  g_string_append_unichar(out, g_unichar_validate(unit) ? unit : 0xfffd);
  return at;
}

char *pino_member_text(const PinoMember *member) {
  static const char FROM[] = "bfnrt", TO[] = "\b\f\n\r\t";
  if (member->value_len < 2 || member->value[0] != '"')
    return NULL;
  GString *out = g_string_sized_new(member->value_len);
  const char *at = member->value + 1, *end = member->value + member->value_len - 1;
  while (at < end) {
    if (*at != '\\') {
      g_string_append_c(out, *at++);
      continue;
    }
    const char *known = strchr(FROM, at[1]);
    if (at[1] == 'u') {
      at = append_unit(out, at + 2);
      continue;
    }
    g_string_append_c(out, known != NULL ? TO[known - FROM] : at[1]);
    at += 2;
  }
  return g_string_free(out, FALSE);
}

gboolean pino_member_number(const PinoMember *member, guint64 *number) {
  guint64 value = 0;
  for (gsize i = 0; i < member->value_len; i++) {
    int digit = g_ascii_digit_value(member->value[i]);
    if (digit < 0 || !g_uint64_checked_mul(&value, value, 10) ||
        !g_uint64_checked_add(&value, value, (guint64)digit))
      return FALSE;
  }
  *number = value;
  return member->value_len > 0;
}

gsize pino_utf8_cut(const guint8 *bytes, gsize length) {
  for (gsize back = 1; back <= 3 && back <= length; back++) {
    guint8 lead = bytes[length - back];
    if (lead < 0xc0 && lead >= 0x80)
      continue;
    /* GLib tells -2 for a character that may still become whole, -1 for one that cannot. */
    gboolean begun = lead >= 0xc0 && g_utf8_get_char_validated((const char *)bytes + length - back,
                                                               (gssize)back) == (gunichar)-2;
    return begun ? back : 0;
  }
  return 0;
}

/* --- a file of lines ---- */

void pino_lines_init(PinoLines *lines, int fd, guint64 offset) {
  *lines = (PinoLines){.fd = fd, .offset = offset};
}

void pino_lines_pause(PinoLines *lines) {
  g_clear_pointer(&lines->block, g_free);
  lines->at = lines->filled = lines->size = 0;
}

static gsize read_at(int fd, char *to, gsize length, guint64 offset) {
  ssize_t n;
  do {
    n = pread(fd, to, length, (off_t)offset);
  } while (n < 0 && errno == EINTR);
  return n > 0 ? (gsize)n : 0;
}

/* Reads on behind what the block holds. */
static gboolean fill(PinoLines *lines) {
  gsize left = lines->filled - lines->at;
  if (lines->block == NULL) {
    lines->block = g_malloc(BLOCK);
    lines->size = BLOCK;
  }
  memmove(lines->block, lines->block + lines->at, left);
  lines->at = 0;
  lines->filled = left;
  if (left == lines->size) {
    lines->size *= 2;
    lines->block = g_realloc(lines->block, lines->size);
  }
  gsize n = read_at(lines->fd, lines->block + left, lines->size - left, lines->offset + left);
  lines->filled += n;
  return n > 0;
}

static void move_on(PinoLines *lines, gsize length) {
  lines->at += length;
  lines->offset += length;
}

gboolean pino_lines_next(PinoLines *lines, const char **text, gsize *length) {
  gsize seen = 0;
  for (;;) {
    gsize have = lines->filled - lines->at;
    const char *start = have > 0 ? lines->block + lines->at : NULL;
    const char *newline = have > seen ? memchr(start + seen, '\n', have - seen) : NULL;
    if (newline != NULL) {
      *text = start;
      *length = (gsize)(newline - start);
      move_on(lines, *length + 1);
      return TRUE;
    }
    seen = have;
    if (have >= LINE_MAX_BYTES) {
      move_on(lines, have);
      seen = 0;
    }
    if (!fill(lines))
      return FALSE;
  }
}
