/* Waiting without blocking a run's thread: its main context goes on being served meanwhile. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Iterates the thread-default main context until *done is TRUE. A cancelled cancellable (may be NULL) ends the
 * wait with PINO_ERROR_CANCELLED. The code that sets *done must run in that context. */
gboolean pino_wait(const gboolean *done, GCancellable *cancellable, GError **error);

/* Waits for ms milliseconds the same way. */
gboolean pino_wait_ms(guint ms, GCancellable *cancellable, GError **error);

G_END_DECLS
