/* The sockets that the server listens on. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Binds FOLDER/name (0600), whatever the length of the path; a socket there that nobody answers on is replaced. Gives
 * the descriptor, or -1: PINO_ERROR_UNAVAILABLE when somebody answers, else PINO_ERRNO. */
int pino_listen_unix(const char *folder, const char *name, GError **error);

/* Binds the first free port from first to first + tries - 1 at an address (of either family); *port tells which. Gives
 * the descriptor, or -1: PINO_ERROR_USAGE for what is no address, PINO_ERROR_UNAVAILABLE when none is free, PINO_ERRNO. */
int pino_listen_tcp(const char *address, guint first, guint tries, guint *port, GError **error);

G_END_DECLS
