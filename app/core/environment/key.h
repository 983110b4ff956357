/* The keys that apps share: HOME/key.json, {HOST: {KEY: VALUE}}, readable by its owner alone.
 *
 * Pinokio writes a host's values as an array; such a file is read as it is, and becomes an object with the indexes as
 * keys when something is set, which Pinokio reads just as well.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* JSON of all that is kept for a host, or NULL without an error when there is nothing. host NULL: of the whole file,
 * "{}" when there is none. A file that is no JSON object is PINO_ERROR_SYNTAX. Free with g_free(). */
char *pino_key_get(const char *home, const char *host, GError **error);

/* One value as text (a string as it is, anything else as JSON), or NULL. Free with g_free(). */
char *pino_key_get_value(const char *home, const char *host, const char *key, GError **error);

/* Keeps a value, given as JSON text; NULL takes the key out. */
gboolean pino_key_set(const char *home, const char *host, const char *key, const char *json, GError **error);

G_END_DECLS
