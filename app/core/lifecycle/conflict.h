/* Recognises in what commands print why an install fails: Python requirements that exclude each other, as pip and uv
 * report them, and a table of other well-known failures, each with advice.
 *
 * Output is fed as it comes, cut anywhere, with colours, progress bars and lines that the program wrapped. What is
 * found waits in a queue, each once. No output is kept but a few KiB. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *
      kind; /* "conflict", "incompatible", "no-version", "python-version", "disk-full", "out-of-memory"...; static */
  char *first; /* of a conflict: the two requirements, "A 1.0 depends on x<2"; NULL when they are not named */
  char *second;
  char *text;         /* what went wrong, one line for a person */
  const char *advice; /* what to do; static */
  gboolean fatal;     /* FALSE: the program only warned and went on */
} PinoTrouble;

void pino_trouble_free(PinoTrouble *trouble);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoTrouble, pino_trouble_free)

/* {"kind", "first", "second", "text", "advice", "fatal"}. Free with g_free(). */
char *pino_trouble_json(const PinoTrouble *trouble);

typedef struct _PinoConflict PinoConflict;

/* A watch over the output of commands, one after the other. Free with pino_conflict_free(). */
PinoConflict *pino_conflict_new(void);
void pino_conflict_free(PinoConflict *conflict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoConflict, pino_conflict_free)

/* Looks at more output. */
void pino_conflict_feed(PinoConflict *conflict, const char *bytes, gsize len);

/* A command has ended: what was begun is finished, and its exit code looked at (-1: not known; 128 + N: signal N). Then
 * the next command's output can be fed. */
void pino_conflict_end(PinoConflict *conflict, int exit_code);

/* The next trouble found, or NULL: nothing more yet. Free with pino_trouble_free(). */
PinoTrouble *pino_conflict_next(PinoConflict *conflict);

G_END_DECLS
