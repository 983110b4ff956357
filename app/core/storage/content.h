/* The bytes of one open file brought into another, as fast as the file system can. Not for other rooms. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Makes `to` (empty, open for writing) share the bytes of `from`: a reflink. Gives 0 or an errno. */
int pino_content_share(int from, int to);

/* Fills `to` (empty, open for writing, at 0) with the content of `from`: shared where the file system can, else copied by
 * the kernel, else through a buffer. Holes stay holes. Gives 0 or an errno, ECANCELED when cancelled; *reading (may be
 * NULL) then tells whether it was `from` that failed. */
int pino_content_copy(int from, int to, GCancellable *cancellable, gboolean *reading);

/* Whether some program has the file open for writing, which fd (open for reading only) leads to. FALSE where the system
 * cannot tell: of another user's files, on a file system without leases. */
gboolean pino_content_is_written(int fd);

G_END_DECLS
