/* The cookie that says that its bearer knew the passcode: when it ends, and a signature over that, the share and the
 * passcode's seal, so that it is worth nothing elsewhere or after another passcode was set. */
#pragma once

#include "gate/config.h"
#include "gate/slice.h"

G_BEGIN_DECLS

#define PINO_COOKIE_NAME "pinokiocloud_gate"
enum { PINO_COOKIE_SECONDS = 7 * 24 * 3600 };

/* A cookie's value, good from now (seconds since 1970) on for PINO_COOKIE_SECONDS. Free it with g_free. */
char *pino_cookie_make(const char *key, const PinoGateShare *share, gint64 now);
/* TRUE when one of the cookies in a Cookie field was made for this share and passcode, and is still good. */
gboolean pino_cookie_allows(const char *key, const PinoGateShare *share, PinoSlice cookies, gint64 now);
/* TRUE when the field holds a cookie of the gate. */
gboolean pino_cookie_is_in(PinoSlice cookies);
/* Adds the others of a Cookie field; FALSE when there are none. */
gboolean pino_cookie_append_others(GString *out, PinoSlice cookies);

G_END_DECLS
