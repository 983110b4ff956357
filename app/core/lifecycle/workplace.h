/* Folders that an operation works in for a while: locked as long as it does, so that those which a killed one has left are
 * known and go. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes a folder by g_mkdtemp()'s template. Gives its path (g_free()); *lock is to be closed when the folder has gone, -1
 * where the file system knows no locks. NULL with error set. */
char *pino_workplace_make(const char *template, int *lock, GError **error);

/* Removes the folders in parent with mark in their name that nobody works in. What cannot be removed is in nobody's way. */
void pino_workplace_sweep(const char *parent, const char *mark);

G_END_DECLS
