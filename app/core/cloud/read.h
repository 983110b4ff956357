/* The small files of /proc and /sys, below a root that is "/" in the product and a folder in tests. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Gives the text of root/path (path without a leading slash, parts by format), at most 1 MiB of it; NULL when there is
 * none to be had. Free with g_free(). */
char *pino_cloud_read(const char *root, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for a file of one number. A word ("max") and what is negative are G_MAXUINT64: no limit.
 * FALSE when the file is not there or empty. */
gboolean pino_cloud_read_number(guint64 *number, const char *root, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Gives the number after a line's first word in text: "key 12" or "key: 12 kB". FALSE when no line has it. */
gboolean pino_cloud_keyed_number(const char *text, const char *key, guint64 *number);

/* Appends ,"name":value with decimals places; null when value is not finite. The comma is left out after { and [; name
 * may be NULL in an array. */
void pino_cloud_append_double(GString *out, const char *name, double value, int decimals);
/* The same for a whole number; G_MAXUINT64 is null. */
void pino_cloud_append_number(GString *out, const char *name, guint64 value);

G_END_DECLS
