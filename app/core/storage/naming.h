/* URLs and the names that downloads get from them. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The last part of a name that a server gave, fit for a file: no folders, no control characters, short enough for
 * NAME.part.map. NULL when nothing is left, or "." or "..". */
char *pino_naming_clean(const char *name);

/* The name in the value of a Content-Disposition header (filename* before filename), or NULL. */
char *pino_naming_from_disposition(const char *value);

/* The last segment of the URL's path, decoded, or NULL. */
char *pino_naming_from_url(const char *url);

/* The URL with what may not stand in one (spaces, other alphabets) escaped. Not http or https, or without a host:
 * PINO_ERROR_USAGE. */
char *pino_naming_escape_url(const char *url, GError **error);

/* The URL for a message: without user, password, query and fragment, which may hold secrets. */
char *pino_naming_show_url(const char *url);

G_END_DECLS
