/* The parts of conflict.c: the table of well-known failures, and what uv says when it finds no solution. */
#pragma once

#include "lifecycle/conflict.h"

G_BEGIN_DECLS

/* A failure that shows in one line of output, or in an exit code. */
typedef struct {
  const char *kind;
  const char *what;         /* went wrong, for a person */
  const char *advice;       /* what to do */
  int exit_code;            /* that shows it too; 0: none */
  gboolean generic;         /* only told when nothing else is known */
  gboolean lasting;         /* told although the command ended well */
  const char *const *marks; /* texts that show it, NULL-terminated */
} PinoFailure;

/* The row whose mark stands in a line, or NULL. */
const PinoFailure *pino_failure_in(const char *line);
/* The row of an exit code, or NULL. */
const PinoFailure *pino_failure_of_exit(int exit_code);

/* What to do about a kind of pino_conflict.c's own. Static. */
const char *pino_trouble_advice(const char *kind);

/* A trouble with copies of the texts; kind and advice stay static. */
PinoTrouble *pino_trouble_new(const char *kind, const char *first, const char *second, char *text);

/* Reads uv's explanation ("Because ... we can conclude ..."), joined to one line. Never NULL. */
PinoTrouble *pino_conflict_read_uv(const char *explanation);

G_END_DECLS
