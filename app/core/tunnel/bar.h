/* Which provider may be tried when: each failure bars its provider for a while, and the while grows.
 *
 * An agent that ended, told no address, or whose address did not lead here: 5 s, doubled each time, 10 min at most. A
 * provider's own limit: 5 min, doubled, 1 h at most. A program that cannot be had: 10 min. A missing or refused token:
 * until pino_bars_clear(). Ten minutes that were good all the time make the next wait a short one again.
 */
#pragma once

#include "tunnel/provider.h"

G_BEGIN_DECLS

typedef struct _PinoBars PinoBars;

/* Nothing is barred. Free with pino_bars_free(). */
PinoBars *pino_bars_new(void);
void pino_bars_free(PinoBars *bars);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoBars, pino_bars_free)

/* Counts time with now(), in microseconds, instead of the monotonic clock. */
PinoBars *pino_bars_new_with_clock(gint64 (*now)(gpointer data), gpointer data);

/* A tunnel of that provider failed. A bar is never made shorter by another failure. */
void pino_bars_fail(PinoBars *bars, const char *id, PinoTunnelFailure why);

/* A tunnel of that provider works now; to be told with each good check. Lifts no bar: what failed may have been another
 * tunnel. */
void pino_bars_ok(PinoBars *bars, const char *id);

/* From when on it may be tried, in the clock's microseconds; 0: now; G_MAXINT64: not until it is cleared. */
gint64 pino_bars_until(const PinoBars *bars, const char *id);

/* Why it is barred now. FALSE: it is not. */
gboolean pino_bars_why(const PinoBars *bars, const char *id, PinoTunnelFailure *why);

/* Forgets what was held against it; id NULL: against all. */
void pino_bars_clear(PinoBars *bars, const char *id);

G_END_DECLS
