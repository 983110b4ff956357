/* One question to an address: does it answer, and with what status? Only the first line of the answer is looked at.
 *
 * Unlike net/http.h it needs no thread, so that a hundred may be asked at once, and it goes past every proxy, as an app of
 * this machine is asked for. Redirects are not followed; certificates are not checked, for nothing is told to the server.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoProbe PinoProbe;

#define PINO_PROBE_SILENT 0  /* it cannot be reached, or says nothing within the time */
#define PINO_PROBE_BROKEN -1 /* it took the question and closed, or what it says is no HTTP */

/* status: of HTTP, or one of the above. The probe is gone after it. */
typedef void (*PinoProbeDone)(int status, gpointer data);

/* Whether an address can be asked: http: or https: with a host, and nothing in it that would break the question. */
gboolean pino_probe_can_ask(const char *url);

/* Asks with HEAD, or GET; done is called later, from the thread-default main context. The address must be one that can be
 * asked. */
PinoProbe *pino_probe_start(const char *url, gboolean get, guint timeout_ms, PinoProbeDone done,
                            gpointer data);
/* done is not called any more. */
void pino_probe_cancel(PinoProbe *probe);

G_END_DECLS
