/* Bodies of requests: JSON, read strictly. */
#pragma once

#include <json-glib/json-glib.h>

#include "server/call.h"

G_BEGIN_DECLS

#define PINO_BODY_DEEPEST 64

/* Whether text is JSON as RFC 8259 has it, in UTF-8, and not nested deeper than that. PINO_ERROR_SYNTAX tells where it
 * is not. json-glib alone takes more than JSON, and nests as deep as the stack goes. */
gboolean pino_body_check(const char *text, gsize length, guint deepest, GError **error);

/* An object with these members (up to a row without a name) and no others. An empty text is an empty object. Errors:
 * PINO_ERROR_SYNTAX, PINO_ERROR_USAGE naming the member. */
JsonObject *pino_body_read(const char *text, gsize length, const PinoMember *members, GError **error);

G_END_DECLS
