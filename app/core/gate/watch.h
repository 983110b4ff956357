/* Tells when a file has changed: when another one took its place, or it was written and closed. */
#pragma once

#include "gate/loop.h"

G_BEGIN_DECLS

typedef struct _PinoFileWatch PinoFileWatch;

/* changed is called from the loop. NULL with an error. */
PinoFileWatch *pino_file_watch_new(PinoLoop *loop, const char *path, void (*changed)(gpointer user),
                                   gpointer user, GError **error);
void pino_file_watch_free(PinoFileWatch *watch);

G_END_DECLS
