/* HOME/apps/NAME: an app seen as the mission's document shows it.
 *
 *   source        -> ../../api/NAME (absolute for an app elsewhere)
 *   venv          -> the app's virtual environment, when it has one
 *   logs          -> ../../logs/api/NAME
 *   metadata.json {id, name, repository, branch, commit, installed_at, updated_at, title, category, size}
 *
 * All of it can be made again at any time. Other files there (install.json, commits.json) are not touched. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What only the caller knows; what is NULL or 0 stays as the file had it. */
typedef struct {
  const char *title;
  const char *category;
  const char *installed_at; /* ISO 8601, UTC */
  const char *updated_at;
  guint64 size; /* bytes on the disk */
} PinoViewFacts;

/* Makes or refreshes the view of the app in folder; facts may be NULL. A file or folder of the person's in the place of one
 * of its links is left alone and is an error (PINO_ERROR_FAILED); the rest is made all the same. */
gboolean pino_view_refresh(const char *home, const char *folder, const PinoViewFacts *facts, GError **error);

/* Removes HOME/apps/NAME; what its links lead to stays. */
gboolean pino_view_remove(const char *home, const char *name, GError **error);

/* The virtual environment of an app: the folder with a pyvenv.cfg, or conda's with a conda-meta, that is nearest to its root
 * (3 levels), usual names first. NULL: none. Free with g_free(). */
char *pino_view_venv(const char *folder);

G_END_DECLS
