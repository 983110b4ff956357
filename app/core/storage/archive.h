/* Unpacking archives that nobody vouches for. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Unpacks the archive file (zip, 7z, tar; tar also as gz, bz2, xz, zst, lz4, lzma, Z) into the folder dir, which is
 * made. Everything is unpacked beside its place first and moved in at the end, so a damaged or hostile archive
 * leaves nothing: names that are absolute or hold "..", links that lead out of dir, links written through, devices
 * and pipes are refused with PINO_ERROR_FAILED. Files that are there already are replaced, folders merged; a folder
 * where a file is, or a file where a folder is, is an error before anything changed. Set-user-id bits and owners are
 * not taken over. cancellable may be NULL. Any thread. */
gboolean pino_archive_extract(const char *file, const char *dir, GCancellable *cancellable, GError **error);

G_END_DECLS
