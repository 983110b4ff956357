/* NAME.part.map, read and written (its form is told in part.h). Not for other rooms. */
#pragma once

#include "storage/part.h"

G_BEGIN_DECLS

#define PINO_PARTMAP_SUFFIX ".part.map"
/* Its lines: start and end, a number of ranges; each a guint64. */
#define PINO_PARTMAP_RANGE "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n"
#define PINO_PARTMAP_SYNCED "synced %" G_GUINT64_FORMAT "\n"

/* Whether the record at path is of a download of url. */
gboolean pino_partmap_is_of(const char *path, const char *url);

/* Sets the part's total, etag, modified and spans to what its record tells and may be trusted, of the first `length`
 * bytes. FALSE when there is none, or one of another URL. */
gboolean pino_partmap_load(PinoPart *part, guint64 length);

/* Writes a record with what the part has now, which is to be on the disk already, in place of the old one, and opens it
 * as part->map. */
gboolean pino_partmap_begin(PinoPart *part, GError **error);

/* Adds a line in one write. Gives 0 or an errno. */
int pino_partmap_add(int map, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_END_DECLS
