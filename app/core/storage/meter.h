/* How fast a download goes and when it will be there. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zeroed at first. */
typedef struct {
  gint64 window_at;
  guint64 window_have;
  double speed;   /* bytes a second over the last second */
  double average; /* the same over the last ones, for the time left */
} PinoMeter;

/* Says that `have` bytes are there now (monotonic us). Less than before begins anew. */
void pino_meter_tell(PinoMeter *meter, guint64 have, gint64 now);

/* Time passes that does not count: nothing was asked for meanwhile. */
void pino_meter_pause(PinoMeter *meter);

/* Seconds until total bytes are there, rounded up; -1: not known. */
gint64 pino_meter_left(const PinoMeter *meter, guint64 have, gint64 total);

G_END_DECLS
