/* What a person names an app by: a folder, a name under HOME/api, or a git URL. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

/* The folder of an app: a folder as it is, a name under HOME/api, or the clone of a git URL (NULL without error and
 * *clone set (free) when it is to be cloned first). Errors say what was looked for. Free with g_free(). */
char *pino_target_find(const char *home, const char *target, char **clone, GError **error);

/* Clones into HOME/api under git's own naming, to a temporary name first. What git prints leaves as `stream` events of
 * the run; all of its processes end with it. Gives the folder; free with g_free(). */
char *pino_target_clone(PinoRun *run, const char *url, GError **error);

G_END_DECLS
