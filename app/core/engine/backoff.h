/* When a run that ended by itself is started again: at once would burn the machine with an app that cannot start.
 *
 * The waits are 1, 2, 4 ... 60 s. A run that went well for 60 s ends the row; after 10 ends in a row it is left alone.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  PINO_RESTART_NO,
  PINO_RESTART_ON_FAILURE, /* when it failed: an error, a crash, its shells killed from outside */
  PINO_RESTART_ALWAYS      /* when it ended in whatever way, but not when the person stopped it */
} PinoRestartPolicy;

/* "no", "on-failure", "always", of any case, blanks around it; NULL and "" are "no". PINO_ERROR_USAGE for another. */
gboolean pino_restart_policy_parse(const char *text, PinoRestartPolicy *policy, GError **error);

/* How a run ended. */
typedef struct {
  gboolean stopped; /* by the person, or with the engine's apps */
  gboolean failed;
  gint64 ran_ms; /* from its start to its end */
} PinoRunEnd;

typedef struct {
  guint in_row; /* restarts since it last went well; 0 to begin with */
} PinoBackoff;

/* The wait in ms before the next try, which it counts; -1: it is not to be started again. *gave_up (may be NULL) tells
 * whether that is because of too many tries. */
gint64 pino_backoff_next(PinoBackoff *backoff, PinoRestartPolicy policy, const PinoRunEnd *end,
                         gboolean *gave_up);

/* The person started it: the row begins anew. */
void pino_backoff_reset(PinoBackoff *backoff);

G_END_DECLS
