#include "storage/meter.h"

#define WINDOW_US G_USEC_PER_SEC
/* How much the last window counts in the average. */
#define WEIGHT 0.3

void pino_meter_tell(PinoMeter *meter, guint64 have, gint64 now) {
  if (meter->window_at == 0 || have < meter->window_have) {
    meter->window_at = now;
    meter->window_have = have;
    return;
  }
  gint64 span = MAX(now - meter->window_at, 1);
  gboolean full = span >= WINDOW_US;
  if (!full && meter->speed > 0)
    return;
  meter->speed = (double)(have - meter->window_have) * G_USEC_PER_SEC / (double)span;
  if (!full)
    return;
  meter->average = meter->average > 0 ? (1 - WEIGHT) * meter->average + WEIGHT * meter->speed : meter->speed;
  meter->window_at = now;
  meter->window_have = have;
}

void pino_meter_pause(PinoMeter *meter) {
  meter->window_at = 0;
}

gint64 pino_meter_left(const PinoMeter *meter, guint64 have, gint64 total) {
  double speed = meter->average > 0 ? meter->average : meter->speed;
  if (total < 0 || speed < 1)
    return -1;
  if ((guint64)total <= have)
    return 0;
  double seconds = (double)((guint64)total - have) / speed;
  return seconds < (double)G_MAXINT32 ? (gint64)seconds + 1 : -1;
}
