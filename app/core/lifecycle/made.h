/* What in an app's folder the person made, as remove.h defines it. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *path;      /* relative to the app's folder */
  const char *why; /* "new", "changed", "output", "settings", "commits", "unknown"; static */
  guint64 bytes, files;
} PinoMade;

/* Finds it, of an app of the home in folder. The array's PinoMade end with it (g_ptr_array_unref()). NULL with error set
 * when git cannot tell. Blocks; any thread. */
GPtrArray *pino_made_find(const char *home, const char *folder, GError **error);

G_END_DECLS
