/* Running git for the apps' own sake. Not for other rooms.
 *
 * git never asks for anything here: no terminal prompt, no askpass program, ssh in batch mode. It speaks English, so that
 * giterror.h understands it. A transfer that stalls for a minute ends. */
#pragma once

#include "lifecycle/giterror.h"
#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  const char *stage;       /* of the `stage` events: "clone", "update" */
  const char *folder;      /* where git runs */
  const char *about;       /* URL or folder, for errors */
  const char *const *args; /* after "git", NULL-terminated */
  guint tries;             /* for failures that may pass; 0: 1 */
  guint wait_ms;           /* before the second try, three times as much before each further one */
  /* Called before each further try, to take away what the last one left; may be NULL. */
  gboolean (*again)(gpointer data, GError **error);
  gpointer data;
} PinoGitWork;

/* Runs git where the person sees what it prints. *kind (may be NULL) says why it failed; the error is pino_git_fail()'s, or
 * PINO_ERROR_CANCELLED. */
gboolean pino_git_work(PinoRun *run, const PinoGitWork *work, PinoGitKind *kind, GError **error);

/* What git prints, unseen, for questions that need no network. Gives all of its output (free with g_bytes_unref()), or NULL
 * with an error that quotes git. Any thread; blocks. The arguments end with NULL. */
GBytes *pino_git_read(const char *folder, GError **error, ...) G_GNUC_NULL_TERMINATED;

/* The same as text without the last line's end; NULL without error told when git fails. Free with g_free(). */
char *pino_git_ask(const char *folder, ...) G_GNUC_NULL_TERMINATED;

/* The parts of what git printed with -z. The array's strings end with it (g_ptr_array_unref()). */
GPtrArray *pino_git_parts(GBytes *output);

/* Removes the lock files that a killed git left in a clone: those there while no git works in the folder. */
void pino_git_unlock(const char *folder);

/* Options before the command that keep LFS filters from running: pointers stay pointers, with or without git-lfs. */
#define PINO_GIT_NO_LFS                                                                                      \
  "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"

/* `stage` {stage, text} and `trouble` {kind, text, url}; url may be NULL. */
void pino_git_tell_stage(PinoRun *run, const char *stage, const char *text);
void pino_git_tell_trouble(PinoRun *run, PinoGitKind kind, const char *url, const char *text);

G_END_DECLS
