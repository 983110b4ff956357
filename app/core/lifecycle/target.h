/* What a person names an app by: a folder, a name under HOME/api, or a git URL. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The folder of an app: a folder as it is, a name under HOME/api, or the clone of a git URL (NULL without error and
 * *clone set (free) when it is to be cloned first). Errors say what was looked for. Free with g_free(). */
char *pino_target_find(const char *home, const char *target, char **clone, GError **error);

G_END_DECLS
