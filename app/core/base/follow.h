/* Learning that a file has grown: one inotify descriptor for all, one watch a file. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoWatcher PinoWatcher;

/* One for the whole server. */
PinoWatcher *pino_watcher_new(void);
void pino_watcher_free(PinoWatcher *watcher);

/* Calls changed from the main loop whenever the file may have grown. It need not be there yet. Where the system gives
 * no (more) watches, the file is looked at every quarter of a second. */
guint pino_watcher_add(PinoWatcher *watcher, const char *path, void (*changed)(gpointer data), gpointer data);
void pino_watcher_remove(PinoWatcher *watcher, guint id);

G_END_DECLS
