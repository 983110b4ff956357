#include "terminal/ansi.h"

#include <string.h>

/* A string sequence that never ends must not swallow the output for ever. Pictures (sixel, iTerm's) take megabytes. */
#define STRING_LIMIT (16 * 1024 * 1024)

enum {
  GROUND,
  GROUND_C2, /* after the byte 0xc2, which may begin a C1 control */
  ESCAPE,
  ESCAPE_PART, /* intermediate bytes after ESC */
  CSI,
  STRING,
  STRING_ESCAPE, /* after ESC in a string */
  STRING_C2,
};

enum { KIND_OSC, KIND_OTHER };

void pino_ansi_init(PinoAnsi *ansi, PinoAnsiOsc callback, gpointer data) {
  *ansi = (PinoAnsi){.callback = callback, .data = data};
}

void pino_ansi_clear(PinoAnsi *ansi) {
  g_clear_pointer(&ansi->osc, g_free);
}

/* --- plain text, fast --------------------------------------------------------------------------------- */

typedef guint8 Block __attribute__((vector_size(16)));

static gboolean any_set(Block mask) {
  guint64 half[2];
  memcpy(half, &mask, sizeof half);
  return (half[0] | half[1]) != 0;
}

static gboolean is_plain(guchar c) {
  return c >= 0x20 ? c != 0x7f && c != 0xc2 : c == '\n' || c == '\t';
}

/* The first byte that is not plain text, or end. */
static const guchar *skip_plain(const guchar *at, const guchar *end) {
  for (; end - at >= 16; at += 16) {
    Block block;
    memcpy(&block, at, sizeof block);
    Block control = (Block)(block < 0x20) & (Block)(block != '\n') & (Block)(block != '\t');
    if (any_set(control | (Block)(block == 0x7f) | (Block)(block == 0xc2)))
      break;
  }
  while (at < end && is_plain(*at))
    at++;
  return at;
}

/* The first byte that may end a string sequence, or end. */
static const guchar *skip_string(const guchar *at, const guchar *end) {
  for (; end - at >= 16; at += 16) {
    Block block;
    memcpy(&block, at, sizeof block);
    if (any_set((Block)(block < 0x20) | (Block)(block == 0xc2)))
      break;
  }
  while (at < end && *at >= 0x20 && *at != 0xc2)
    at++;
  return at;
}

/* --- characters --------------------------------------------------------------------------------------- */

static void release_return(PinoAnsi *ansi, GString *out) {
  if (ansi->held_return)
    g_string_append_c(out, '\n');
  ansi->held_return = FALSE;
}

static void emit(PinoAnsi *ansi, GString *out, const char *text, gsize len) {
  release_return(ansi, out);
  g_string_append_len(out, text, (gssize)len);
}

static void newline(PinoAnsi *ansi, GString *out) {
  ansi->held_return = FALSE;
  g_string_append_c(out, '\n');
}

/* A control character, wherever it comes: terminals obey it even within a sequence. */
static void control(PinoAnsi *ansi, guchar c, GString *out) {
  if (c == '\r')
    ansi->held_return = TRUE;
  else if (c == '\n' || c == '\v' || c == '\f')
    newline(ansi, out);
  else if (c == '\t')
    emit(ansi, out, "\t", 1);
}

static void begin_string(PinoAnsi *ansi, guint8 kind) {
  ansi->state = STRING;
  ansi->string_kind = kind;
  ansi->string_length = 0;
}

/* A C1 control, as its 7-bit twin: '[' for CSI. */
static void c1(PinoAnsi *ansi, char twin, GString *out) {
  ansi->state = GROUND;
  if (twin == '[')
    ansi->state = CSI;
  else if (twin == ']')
    begin_string(ansi, KIND_OSC);
  else if (twin == 'P' || twin == 'X' || twin == '^' || twin == '_')
    begin_string(ansi, KIND_OTHER);
  else if (twin == 'E')
    newline(ansi, out);
}

/* --- strings ------------------------------------------------------------------------------------------ */

static void keep_string(PinoAnsi *ansi, const char *text, gsize len) {
  gsize before = ansi->string_length;
  ansi->string_length += len;
  if (ansi->string_kind != KIND_OSC || !ansi->callback || ansi->string_length > PINO_ANSI_OSC_LIMIT)
    return;
  if (!ansi->osc)
    ansi->osc = g_malloc(PINO_ANSI_OSC_LIMIT);
  memcpy(ansi->osc + before, text, len);
}

static void end_string(PinoAnsi *ansi, GString *out) {
  ansi->state = GROUND;
  if (ansi->string_kind == KIND_OSC && ansi->callback && ansi->string_length <= PINO_ANSI_OSC_LIMIT)
    ansi->callback(ansi->osc ? ansi->osc : "", ansi->string_length, out->len, ansi->data);
}

/* A byte of a string that may end it. */
static void string_special(PinoAnsi *ansi, guchar c, GString *out) {
  if (c == 0x1b)
    ansi->state = STRING_ESCAPE;
  else if (c == 0xc2)
    ansi->state = STRING_C2;
  else if (c == 0x07 && ansi->string_kind == KIND_OSC)
    end_string(ansi, out);
  else if (c == 0x18 || c == 0x1a)
    ansi->state = GROUND;
}

static const guchar *run_string(PinoAnsi *ansi, const guchar *at, const guchar *end, GString *out) {
  gsize room = STRING_LIMIT - ansi->string_length;
  const guchar *stop = (gsize)(end - at) > room ? at + room : end;
  const guchar *special = skip_string(at, stop);
  keep_string(ansi, (const char *)at, (gsize)(special - at));
  if (ansi->string_length >= STRING_LIMIT) {
    ansi->state = GROUND;
    return special;
  }
  if (special == end)
    return end;
  string_special(ansi, *special, out);
  return special + 1;
}

/* --- sequences ---------------------------------------------------------------------------------------- */

/* One byte of a sequence. FALSE when it is not of the sequence, and to be looked at again in the new state. */
static gboolean step_escape(PinoAnsi *ansi, guchar c, GString *out) {
  gboolean first = ansi->state == ESCAPE;
  if (c == 0x18 || c == 0x1a)
    ansi->state = GROUND;
  else if (c == 0x1b)
    ansi->state = ESCAPE;
  else if (c < 0x20)
    control(ansi, c, out);
  else if (c < 0x30)
    ansi->state = ESCAPE_PART;
  else if (c < 0x7f && first)
    c1(ansi, (char)c, out);
  else if (c != 0x7f)
    ansi->state = GROUND;
  return c < 0x80;
}

static gboolean step_csi(PinoAnsi *ansi, guchar c, GString *out) {
  if (c == 0x1b)
    ansi->state = ESCAPE;
  else if (c == 0x18 || c == 0x1a || c >= 0x80)
    ansi->state = GROUND;
  else if (c < 0x20)
    control(ansi, c, out);
  else if (c >= 0x40 && c < 0x7f)
    ansi->state = GROUND;
  return c < 0x80;
}

/* After 0xc2 in text. */
static gboolean step_c2(PinoAnsi *ansi, guchar c, GString *out) {
  ansi->state = GROUND;
  if (c >= 0x80 && c < 0xa0) {
    c1(ansi, (char)(c - 0x40), out);
    return TRUE;
  }
  emit(ansi, out, "\xc2", 1);
  return FALSE;
}

/* After ESC, or 0xc2, in a string: its end, or not. */
static gboolean step_string_end(PinoAnsi *ansi, guchar c, GString *out) {
  gboolean escape = ansi->state == STRING_ESCAPE;
  if (c == (escape ? '\\' : 0x9c)) {
    end_string(ansi, out);
    return TRUE;
  }
  /* Another sequence begins: the string was broken off. */
  ansi->state = escape ? ESCAPE : STRING;
  if (!escape)
    keep_string(ansi, "\xc2", 1);
  return FALSE;
}

static gboolean step(PinoAnsi *ansi, guchar c, GString *out) {
  switch (ansi->state) {
  case GROUND_C2:
    return step_c2(ansi, c, out);
  case CSI:
    return step_csi(ansi, c, out);
  case STRING_ESCAPE:
  case STRING_C2:
    return step_string_end(ansi, c, out);
  default:
    return step_escape(ansi, c, out);
  }
}

static const guchar *run_ground(PinoAnsi *ansi, const guchar *at, const guchar *end, GString *out) {
  if (ansi->held_return && *at == '\n') {
    newline(ansi, out);
    at++;
  }
  const guchar *special = skip_plain(at, end);
  if (special > at)
    emit(ansi, out, (const char *)at, (gsize)(special - at));
  if (special == end)
    return end;
  if (*special == 0x1b)
    ansi->state = ESCAPE;
  else if (*special == 0xc2)
    ansi->state = GROUND_C2;
  else
    control(ansi, *special, out);
  return special + 1;
}

void pino_ansi_filter(PinoAnsi *ansi, const char *in, gsize len, GString *out) {
  const guchar *at = (const guchar *)in, *end = at + len;
  while (at < end) {
    if (ansi->state == GROUND)
      at = run_ground(ansi, at, end, out);
    else if (ansi->state == STRING)
      at = run_string(ansi, at, end, out);
    else if (step(ansi, *at, out))
      at++;
  }
}

void pino_ansi_finish(PinoAnsi *ansi, GString *out) {
  if (ansi->state == GROUND_C2)
    emit(ansi, out, "\xc2", 1);
  release_return(ansi, out);
  ansi->state = GROUND;
}
