/* The engine's settings: what there is, what each may be, and what it is when nobody said. They are kept in
 * library.sqlite as text. */
#pragma once

#include "state/library.h"

G_BEGIN_DECLS

/* Whether the value is one that the setting may have. Errors: PINO_ERROR_NOT_FOUND for a key that there is not,
 * PINO_ERROR_USAGE telling what is allowed. */
gboolean pino_setting_check(const char *key, const char *value, GError **error);

/* [{key, value, default, type, description, set, min and max or values}]; of a secret, value is a mask, by key; a number's value is a JSON number.
 * Free with g_free(). */
char *pino_settings_json(PinoLibrary *library, GError **error);

/* A number's or a text's value; the default when it is unset, or when what is kept cannot be read or is not allowed
 * (written by hand, or by another version). The key must be one of the table. The text is static. */
int pino_setting_int(PinoLibrary *library, const char *key);
const char *pino_setting_text(PinoLibrary *library, const char *key);
/* The same of a free text, such as a list of providers; free with g_free(). */
char *pino_setting_string(PinoLibrary *library, const char *key);

G_END_DECLS
