/* Files on a persistent side, where little can be relied on: no links, no locks, and a rename may fail, or first delete,
 * where it replaces. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes data the content of path, mode 0600. First NAME.part is written, then renamed to NAME.new, which is therefore
 * always whole, then to NAME. A crash leaves the old content or the new. */
gboolean pino_persist_file_write(const char *path, GBytes *data, GError **error);

/* The content of path, or of a NAME.new that has no NAME. *bytes is NULL when there is neither, which is no error. */
gboolean pino_persist_file_read(const char *path, GBytes **bytes, GError **error);

G_END_DECLS
