/* An app brought to its newest version, and back.
 *
 * As `git pull --ff-only`, but that an upstream which was rewritten is followed too (apps' authors force-push), and that
 * nothing of the person's is ever lost: changed files that the new version changes too, files that stand in its way, and
 * commits of the person's own are a refusal that names them; with force they are kept, files in a git stash, commits in a
 * branch kept-DATE. Changes that the new version does not touch stay where they are.
 *
 * The commits that an app was at are remembered in HOME/apps/NAME/commits.json, the latest 10, and kept from git's
 * collection by refs/pinokiocloud/. It is written before the app is moved, so a kill in between costs nothing. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  char *before, *after; /* whole commit ids */
  gboolean changed;
  char *kept; /* what was kept of the person's, for a person; NULL: nothing was in the way */
  /* {before, after, changed, branch, rewritten, kept (or null), commits (number, or null where the history at hand does not
   * say), subjects: [newest first, at most 20], files: number, paths: [at most 50]} */
  char *json;
} PinoUpdate;

void pino_update_free(PinoUpdate *update);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoUpdate, pino_update_free)

/* Brings the app in folder to its branch's newest commit; submodules and LFS files too. What git prints leaves as `stream`
 * events; `stage` {stage: "update", text} and `trouble` are told as in clone.h. PINO_ERROR_USAGE for a folder that is no
 * clone or is on no branch, and for what is in the way (without force). */
PinoUpdate *pino_update(PinoRun *run, const char *folder, gboolean force, GError **error);

/* Returns to the commit before the last update; again, to the one before that. PINO_ERROR_NOT_FOUND when none is
 * remembered. The branch moves, so the next update goes forward again. */
PinoUpdate *pino_update_back(PinoRun *run, const char *folder, gboolean force, GError **error);

/* Notes the commit that the app is at now, before anything else moves it (an app's own update script). Nothing is noted
 * twice. */
gboolean pino_update_note(const char *home, const char *folder, GError **error);

/* The commit that folder is at, or NULL when it is no clone or has none. Free with g_free(). */
char *pino_update_commit(const char *folder);

G_END_DECLS
