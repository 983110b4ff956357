/* Lines of a journal: looking into one without building a tree, walking through a file of them, and where UTF-8
 * characters are cut. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* --- one line ---- */

/* A member of an object: name without quotes, as it stands; value as it stands. Borrowed from the line. */
typedef struct {
  const char *name, *value;
  gsize name_len, value_len;
} PinoMember;

#define PINO_LINE_MEMBERS 16

typedef struct {
  PinoMember members[PINO_LINE_MEMBERS]; /* the first ones */
  guint n_members;                       /* all of them */
} PinoLine;

/* Whether text is one JSON object, whole and valid, with nothing after it. Fills in line. */
gboolean pino_line_parse(const char *text, gsize length, PinoLine *line);

/* The value of a member as it stands in the text; NULL when there is none among the first. */
const PinoMember *pino_line_member(const PinoLine *line, const char *name);

/* A string value without its quotes and escapes; NULL when it is no string. Free with g_free(). */
char *pino_member_text(const PinoMember *member);

/* A whole number, 0 or greater; FALSE when it is none. */
gboolean pino_member_number(const PinoMember *member, guint64 *number);

/* How many of the bytes at the end (up to 3) begin a UTF-8 character whose rest is not there. */
gsize pino_utf8_cut(const guint8 *bytes, gsize length);

/* --- a file of lines ---- */

/* Walks from a byte on. Holds a block of 64 KiB, or as much as the longest line needs, while it walks. */
typedef struct {
  int fd;
  guint64 offset; /* of the line that comes next */
  char *block;
  gsize at, filled, size;
} PinoLines;

/* Initialises; the descriptor is borrowed. An offset within a line gives its rest first: of an object that is never an
 * object itself, so who parses passes over it. */
void pino_lines_init(PinoLines *lines, int fd, guint64 offset);
/* Gives up the block; lines can be walked on later. */
void pino_lines_pause(PinoLines *lines);
/* The next whole line, without its newline; borrowed until the next call. FALSE: there is none (yet). */
gboolean pino_lines_next(PinoLines *lines, const char **text, gsize *length);

G_END_DECLS
