/* A run seen from the command line: it has a thread of its own, signals end it, its events are printed, and questions
 * are asked on the terminal or answered from a file. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef enum {
  PINO_OUTPUT_RAW,    /* output as it comes, byte for byte */
  PINO_OUTPUT_EVENTS, /* one JSON object a line */
  PINO_OUTPUT_NONE,
} PinoOutput;

typedef struct {
  PinoOutput output;
  const char *answers; /* a JSON file of answers, or NULL */
} PinoSessionOptions;

typedef struct _PinoSession PinoSession;

/* Does the command's work with the run that it is given; its result is the exit status. */
typedef int (*PinoSessionWork)(PinoSession *session, PinoRun *run, gpointer data);

/* Makes the run in a thread, does the work there, and waits. SIGINT, SIGTERM and SIGHUP cancel it. */
int pino_session_do(const PinoSessionOptions *options, PinoSessionWork work, gpointer data);

/* Says something about the run itself: on standard error, dimmed on a terminal. */
void pino_session_say(PinoSession *session, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints a line of the command's own on standard output, after what was printed before. */
void pino_session_print_line(PinoSession *session, const char *text);

G_END_DECLS
