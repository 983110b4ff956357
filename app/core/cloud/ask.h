/* A program of the system that is asked something: its whole output, in bounded time.
 *
 * Programs that talk to drivers can hang where no signal reaches them. Such a one is killed with all that it started and
 * left to a thread that waits for its end; whoever asked goes on at once.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Runs argv (ends with NULL; the first a path or a name in PATH) without input and with LC_ALL=C, and gives in *output (free)
 * what it wrote to both outputs, as UTF-8, 256 KiB at most. *status is its exit code, or 128 and the signal that ended
 * it. FALSE: PINO_ERROR_NOT_FOUND when there is no such program, PINO_ERROR_LIMIT when it was not done in limit_ms
 * milliseconds, PINO_ERROR_FAILED when it could not be started. Any thread. */
gboolean pino_cloud_ask(const char *const *argv, guint limit_ms, char **output, int *status, GError **error);

G_END_DECLS
