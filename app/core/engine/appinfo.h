/* What a folder under HOME/api tells of itself without JavaScript: whether it is an app, its clone, its description. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The folder that an app may keep its launcher in. */
#define PINO_APP_INNER "pinokio"

typedef struct {
  char *id;                         /* the folder's name */
  char *path;                       /* of the folder, under HOME/api; a link there is not followed in it */
  char *launcher;                   /* path of its pinokio.js or pinokio.json; NULL: it has scripts only */
  char *repository;                 /* URL of "origin"; NULL: none */
  char *commit;                     /* hexadecimal; NULL: no clone, or nothing in it */
  gint64 modified;                  /* of the newest file that makes its launcher, ms since 1970 */
  guint64 stamp;                    /* another one when any of these files is another */
  char *title, *description, *icon; /* of pinokio_meta.json and pinokio.json; NULL: they do not say */
} PinoApp;

/* Looks at HOME/api/ID. NULL when it is not there, no folder or no app: an app has pinokio.js or pinokio.json at its
 * root or in pinokio/, or a script install or start. Blocks for some reads of small files. */
PinoApp *pino_app_read(const char *api, const char *id);
void pino_app_free(PinoApp *app);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoApp, pino_app_free)

/* Whether they say the same. */
gboolean pino_app_equal(const PinoApp *a, const PinoApp *b);

/* Whether a file of that name, at an app's root or in its pinokio/, has a part in the above. */
gboolean pino_app_is_launcher_name(const char *name);

/* The commit that is checked out in a folder; NULL: none. Free with g_free(). */
char *pino_app_commit(const char *folder);

/* The folder in which git writes whenever another commit is checked out there (file "HEAD"), or, where git has not yet
 * made that, the one in which it will (folder "logs"). NULL: no clone. Free with g_free(). */
char *pino_app_commit_folder(const char *folder);

G_END_DECLS
