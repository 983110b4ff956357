/* The commits that an app was at before its updates, and what in its folder is the person's own. Not for other rooms.
 *
 * HOME/apps/NAME/commits.json is {"before": [{commit, branch, at}]}, the latest last. Each has a reference
 * refs/pinokiocloud/COMMIT in the clone, which keeps it from git's collection and tells it from commits of the person's. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Notes the commit as the latest, unless it is that already; at most 10 are kept. FALSE when it cannot be written. */
gboolean pino_commits_push(const char *home, const char *folder, const char *commit, const char *branch,
                           GError **error);

/* The latest that is another than commit; those after it are given up with pino_commits_pop(). NULL: none. Free with
 * g_free(). */
char *pino_commits_last(const char *home, const char *folder, const char *commit, GError **error);

/* Forgets the latest entry of commit and all after it. */
gboolean pino_commits_pop(const char *home, const char *folder, const char *commit, GError **error);

/* How many commits of HEAD neither the remote nor a remembered commit holds: the person's. */
guint pino_commits_own(const char *folder);

/* The paths that moving from one commit to another would overwrite although the person changed or made them. Free with
 * g_ptr_array_unref(); NULL with error set. */
GPtrArray *pino_commits_in_the_way(const char *folder, const char *from, const char *to, GError **error);

G_END_DECLS
