/* Cloning an app for the app's own sake (`install URL`); git in scripts is not touched by this.
 *
 * A clone is made in HOME/api/.NAME.cloning-XXXXXX and renamed to HOME/api/NAME once it is whole, so an app is there or it is
 * not. What a killed process left of an earlier try goes at the next one. git keeps nothing of a transfer that was cut, so
 * that is begun again, after growing waits; submodules and LFS files are fetched afterwards, each on its own, and what came
 * of them stays. When those fail, the app is kept and a `trouble` event says so: Pinokio itself takes no submodules.
 * A failure is told as `trouble` too, with its kind.
 *
 * Events (pino_run_tell()): `stage` {stage: "clone", text} and `trouble` {kind, text, url}, kinds as in giterror.h. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  const char *url;
  const char *name;   /* of the folder; NULL: git's own naming */
  const char *branch; /* branch or tag; NULL: the server's own */
  gboolean whole;     /* all history, not only the last commit */
  guint64 bytes;      /* expected size; 0: not known. More than is free is refused */
  guint tries;        /* 0: 4 */
  guint wait_ms;      /* before the second try, three times as much before each further one; 0: 1000 */
} PinoCloneSpec;

/* Clones and gives the app's folder, free with g_free(). An app that is there already and was cloned from the same URL is
 * given as it is (also one of another name, when spec->name is NULL). Errors are as in giterror.h; PINO_ERROR_USAGE for a
 * name that cannot be one, or that another app has. */
char *pino_clone(PinoRun *run, const PinoCloneSpec *spec, GError **error);

/* The name that an app of this URL gets: its last part without ".git". PINO_ERROR_USAGE when that is no safe name: empty,
 * hidden, with a slash or control character, longer than 200 bytes... Free with g_free(). */
char *pino_clone_name(const char *url, GError **error);

/* Whether a folder holds a launcher: pinokio.js or pinokio.json, at its root or in pinokio/. */
gboolean pino_clone_has_launcher(const char *folder);

G_END_DECLS
