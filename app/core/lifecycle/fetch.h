/* The programs of tunnels' providers, fetched from the vendors' own Debian repositories into HOME/bin. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One line for a person, without its end. */
typedef void (*PinoFetchTell)(const char *line, gpointer data);

/* Fetches the newest version of the program ("cloudflared" or "ngrok") for this machine's processor and puts it to HOME/bin/NAME
 * (mode 0755) when its SHA-256 is the one that the repository's index names and `NAME --version` works; one that is there
 * stays until then. The repository's address is $PINOKIO_CLOUDFLARED_REPOSITORY or $PINOKIO_NGROK_REPOSITORY, else the
 * vendor's. Downloads that were cut go on where they were; a second call at the same time waits for the first. Blocks.
 * Errors: PINO_ERROR_USAGE (no such program), PINO_ERROR_UNAVAILABLE (none for this processor), PINO_ERROR_NETWORK,
 * PINO_ERROR_NOT_FOUND, PINO_ERROR_FAILED (checksum, damaged, does not run), PINO_ERRNO. */
gboolean pino_fetch_program(const char *name, const char *home, PinoFetchTell tell, gpointer data,
                            GError **error);

G_END_DECLS
