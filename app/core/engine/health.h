/* Whether the addresses of apps answer.
 *
 * Each is asked soon and with growing waits (0.25 to 5 s) until it first answers, then at the interval, HEAD first and GET
 * where HEAD is refused. Any answer with a status under 500 is life; redirects are not followed. Three misses in a row
 * are the end of it. The requests are spread over the interval and 16 are on their way at most. Belongs to the thread that
 * made it and is served by its default main context.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoHealth PinoHealth;

typedef enum { PINO_HEALTH_UNKNOWN, PINO_HEALTH_UP, PINO_HEALTH_DOWN } PinoHealthState;

/* "unknown", "up", "down". Static. */
const char *pino_health_state_name(PinoHealthState state);

/* The state is another than before. It may add and remove, also itself, but not free the PinoHealth. */
typedef void (*PinoHealthChanged)(PinoHealth *health, guint id, PinoHealthState state, gpointer data);

/* interval_s: seconds between two looks at an address that has answered. */
PinoHealth *pino_health_new(guint interval_s);
/* Nothing is called any more; requests on their way end unheard. */
void pino_health_free(PinoHealth *health);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoHealth, pino_health_free)

/* From now on; what waits longer than that is asked sooner. */
void pino_health_set_interval(PinoHealth *health, guint interval_s);

/* Asks this address from now on; gives the number to call it by. 0: it is no http: or https: address that can be asked. */
guint pino_health_add(PinoHealth *health, const char *url, PinoHealthChanged changed, gpointer data);
/* An unknown number is passed over. */
void pino_health_remove(PinoHealth *health, guint id);
/* UNKNOWN for an unknown number. */
PinoHealthState pino_health_state(PinoHealth *health, guint id);

G_END_DECLS
