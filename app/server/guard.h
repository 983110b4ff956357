/* Who may ask: the token, and the names that a request may have been sent to and come from.
 *
 * A page of the web can make a browser send requests to loopback. What such a request says in Host (the page's own name,
 * when it was made to resolve to 127.0.0.1) and in Origin gives it away.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoGuard PinoGuard;

/* port: of our TCP socket; hosts: further names besides loopback's, may be NULL. */
PinoGuard *pino_guard_new(const char *token, guint port, const char *const *hosts);
void pino_guard_free(PinoGuard *guard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoGuard, pino_guard_free)

/* Whether a Host header (may be NULL: no) names this server: NAME or NAME:PORT. */
gboolean pino_guard_knows_host(const PinoGuard *guard, const char *host);

/* Whether an Origin header may come with a request to host: http or https, and either one of our names with our port,
 * or the very name and port that the request was sent to. */
gboolean pino_guard_knows_origin(const PinoGuard *guard, const char *origin, const char *host);

/* Takes the same time whatever is wrong; token may be NULL. */
gboolean pino_guard_knows_token(const PinoGuard *guard, const char *token);

/* The token in an Authorization header of the kind Bearer; NULL when there is none. Points into it. */
const char *pino_guard_bearer(const char *authorization);

/* Reads RUN_DIR/token, or makes it (0600, 64 hexadecimal digits); one that is malformed or may be read by others is made
 * anew. Free with g_free(). */
char *pino_token_take(const char *run_dir, GError **error);

G_END_DECLS
