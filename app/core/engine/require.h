/* Which apps must be ready before another, and which are started with the engine.
 *
 * An app's own ENVIRONMENT (that of the home and of the process have no say) tells
 *   PINOKIO_SCRIPT_AUTOLAUNCH          the script that launches it, a path in its folder
 *   PINOKIO_SCRIPT_AUTOLAUNCH_ENABLED  1 true yes on, 0 false no off, of any case: whether that happens when the engine
 *                                      starts; anything else, or nothing: it does
 *   PINOKIO_SCRIPT_REQUIRES            folder names under api/, comma-separated, percent-encoded where they must be
 * Requirements are about launching: they hold for the script named above, or for what the menu would start where none
 * is, and for no other script of the app. What is required need not be enabled itself. An app that never ran has no
 * ENVIRONMENT yet: what it brings as _ENVIRONMENT counts, but it is not started with the engine.
 *
 * Everything is read from the files at each call: some small reads an app.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *app;
  char *script;     /* path in its folder, normalised; NULL: none chosen, then what its menu starts */
  gboolean enabled; /* it is to be started with the engine */
  char **required;  /* names as they stand, each once; ends with NULL */
  char *restart;    /* its PINOKIO_RESTART, else the home's; NULL: not told */
} PinoLaunch;

/* What an app's files say. Errors: PINO_ERROR_NOT_FOUND for an app that is not there, USAGE for a script outside of its
 * folder, and those of reading. */
PinoLaunch *pino_launch_read(const char *home, const char *app, GError **error);
void pino_launch_free(PinoLaunch *launch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoLaunch, pino_launch_free)

/* Whether starting this script (path in the app's folder; NULL: what its menu starts) waits for what it requires. */
gboolean pino_launch_waits(const PinoLaunch *launch, const char *script);

/* What must be ready before the app, what it itself requires included: PinoLaunch, deepest first, each once, in the order
 * in which they are named; the app itself is not among them. Errors: PINO_ERROR_USAGE for a circle (named whole) or a
 * name that no folder can have, NOT_FOUND for an app that is not there or whose script is not, naming who wants it. A
 * name is looked for as it stands, then with ".git" added or taken away (Pinokio's and git's own names for a clone). */
GPtrArray *pino_require_order(const char *home, const char *app, GError **error);

/* The apps among these (ends with NULL) that are to be started with the engine, what another of them requires first:
 * PinoLaunch; each is to be started with its requirements. Those that cannot be started are left out, with a GError each
 * in *troubles (may be NULL; free with g_ptr_array_unref()). */
GPtrArray *pino_autolaunch_list(const char *home, const char *const *apps, GPtrArray **troubles);

/* The names of those among these apps that need this one, directly or by another, in the order in which they are to be
 * stopped before it. Files that cannot be read, and circles, are passed over. Free with g_ptr_array_unref(). */
GPtrArray *pino_require_dependents(const char *home, const char *const *apps, const char *app);

G_END_DECLS
