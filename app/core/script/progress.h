/* Which steps have finished, kept in a file, so that a later run of the same script goes on after them (run.h,
 * pino_run_set_progress()). Not for other rooms.
 *
 * A script that another one starts is known by the step that starts it, so a script that is run twice has two places. A
 * place holds the number of the next step, its input, and the script's memory. It counts only as long as the script's
 * steps and what it is started with are the same, and it is not moved on while something that a step started still
 * runs: what comes after may need it, so those steps are done again. A step of which a command ended with an exit code
 * other than 0 counts as finished, as it does for Pinokio; the first of them is remembered as the place to go back to. */
#pragma once

#include "script/internal.h"

G_BEGIN_DECLS

/* Free with pino_progress_free(). from_start: what the file holds does not count, and goes. */
PinoProgress *pino_progress_new(const char *file, gboolean from_start);
void pino_progress_free(PinoProgress *progress);

/* The `run` steps of a script begin: gives the step to begin with (-1: all have finished), and its input. All functions
 * take a run without progress too, and do nothing then. */
int pino_progress_begin(PinoScript *script, JSValueRef steps, JSValueRef *input);
void pino_progress_end(PinoScript *script);

/* A step begins; it has ended and next comes after it (-1: none). */
void pino_progress_before(PinoScript *script, int index, JSValueRef input);
void pino_progress_after(PinoScript *script, int next, JSValueRef input);

/* A command is about to be run in a shell of its own, in folder (NULL: not known). */
void pino_progress_command(PinoRun *run, const char *command, const char *folder);

/* An event of the run: commands that fail are taken note of. */
void pino_progress_note(PinoRun *run, const PinoEvent *event);

G_END_DECLS
