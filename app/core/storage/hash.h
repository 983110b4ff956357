/* Checksums of files, through OpenSSL for its speed. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Gives the checksum in lower-case hex. kind: "sha256", "md5" or another digest that OpenSSL has; an unknown one is
 * PINO_ERROR_USAGE. A folder or a file that cannot be read is PINO_ERRNO. cancellable may be NULL. Any thread. */
char *pino_hash_file(const char *path, const char *kind, GCancellable *cancellable, GError **error);

G_END_DECLS
