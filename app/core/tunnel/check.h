/* Whether a public address leads to this machine: one request goes out into the world and comes back in at our own gate,
 * which answers itself, so that the app sees nothing of it (gate/config.h: PINO_GATE_CHECK_PATH).
 *
 * An address without a gate, such as a platform's own, is only asked whether it answers as the app does here.
 */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct _PinoCheck PinoCheck;

/* why: NULL when it leads here, else what was found instead, for a person. The check is gone after it. */
typedef void (*PinoCheckDone)(const char *why, gpointer data);

/* Asks the gate whose key this is; timeout_ms at most. done is called later, from the thread-default main context. */
PinoCheck *pino_check_gate(SoupSession *session, const char *public_url, const char *key, guint timeout_ms,
                           PinoCheckDone done, gpointer data);

/* Asks an address for its own page, which must answer with a status under 500 that is not 404. */
PinoCheck *pino_check_page(SoupSession *session, const char *public_url, guint timeout_ms, PinoCheckDone done,
                           gpointer data);

/* done is not called any more. */
void pino_check_cancel(PinoCheck *check);

G_END_DECLS
