/* Unpacking archives that nobody vouches for. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Unpacks the archive file (zip, 7z, tar; tar also as gz, bz2, xz, zst, lz4, lzma, Z) into the folder dir, which is
 * made; a single compressed file (a.gguf.zst) becomes the file without that ending. Its content tells what it is, not its
 * name. Everything is unpacked beside its place first and moved in at the end, so a damaged, cut or hostile archive leaves
 * nothing, and what a kill left goes with the next call. Refused with PINO_ERROR_FAILED: names that are absolute or hold
 * "..", links (symbolic and hard) that lead out of dir, links written through, devices, pipes, passwords; with
 * PINO_ERROR_LIMIT: bombs; with ENOSPC: what the disk has no room for, before it is full. Files that are there already
 * are replaced, folders merged; a folder where a file is, or a file where a folder is, is an error before anything
 * changed. Set-user-id bits and owners are not taken over, and the owner may always read and write. cancellable may be
 * NULL. Any thread. */
gboolean pino_archive_extract(const char *file, const char *dir, GCancellable *cancellable, GError **error);

typedef struct {
  guint64 entries;
  guint64 ratio;      /* unpacked to packed size, ... */
  guint64 ratio_from; /* ... looked at from so many unpacked bytes on */
  guint64 spare;      /* bytes of the disk that stay free */
} PinoArchiveLimits;

/* The same with limits of the caller's. */
gboolean pino_archive_extract_within(const char *file, const char *dir, const PinoArchiveLimits *limits,
                                     GCancellable *cancellable, GError **error);

G_END_DECLS
