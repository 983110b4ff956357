/* What lies under HOME/api, watched.
 *
 * Every folder there is looked at, and a link to one, but for those that begin with a dot (`.NAME.cloning` is a clone
 * on its way). inotify tells what changes, one watch for each folder, its pinokio/ and its clone; changes are reported
 * 50 ms later, several to an app as one. api/ itself may be missing, come later, go, and come again. Where there is no
 * (or not enough) inotify, all is looked at every 5 s, which is told once. Belongs to the thread that made it and is
 * served by its default main context.
 */
#pragma once

#include "engine/appinfo.h"

G_BEGIN_DECLS

typedef struct _PinoApps PinoApps;

typedef enum { PINO_APPS_ADDED, PINO_APPS_CHANGED, PINO_APPS_REMOVED } PinoAppsChange;

/* Neither may free the PinoApps. */
typedef struct {
  /* The table is as after the change already. */
  void (*changed)(PinoApps *apps, PinoAppsChange change, const char *id, gpointer data);
  /* Something that a person should know; once each. about is a path, valid UTF-8. pino_apps_new() calls it too. */
  void (*trouble)(const char *about, const GError *error, gpointer data);
} PinoAppsEvents;

/* Looks at all there is, without reporting it, and watches from then on. Either event may be NULL. */
PinoApps *pino_apps_new(const char *home, const PinoAppsEvents *events, gpointer data);
void pino_apps_free(PinoApps *apps);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoApps, pino_apps_free)

/* Valid until the main context is served again. NULL: there is no such app. */
const PinoApp *pino_apps_find(PinoApps *apps, const char *id);

/* All of them, by id; the array is the caller's (g_ptr_array_unref()), the PinoApps are as above. */
GPtrArray *pino_apps_list(PinoApps *apps);

/* Looks at one app, or at all (id NULL), and reports what changed, at once. */
void pino_apps_refresh(PinoApps *apps, const char *id);

/* HOME/api/ID of a folder that is there now, app or not. PINO_ERROR_USAGE for what is no plain name, NOT_FOUND when there
 * is no such folder (a hidden one counts as none). Free with g_free(). */
char *pino_apps_path(PinoApps *apps, const char *id, GError **error);

/* HOME/api/ID/relative, normalised, of a file that is there. PINO_ERROR_USAGE when it, or a link on its way other than the
 * app's folder itself, leads out of that folder; NOT_FOUND when it is not there. Free with g_free(). */
char *pino_apps_file(PinoApps *apps, const char *id, const char *relative, GError **error);

G_END_DECLS
