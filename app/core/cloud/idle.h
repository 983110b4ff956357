/* Whether anything goes on: GPU, CPU and network, looked at again and again.
 *
 * All of the machine that we may use counts, not only the apps: somebody who trains in a notebook beside them does not want
 * it stopped.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  double cpu_percent;      /* of all CPUs that may be used; -1: not known, as at the first sample */
  int gpu_percent;         /* of the busiest card; -1: none, or not told */
  double bytes_per_second; /* over all networks but the loopback; -1: not known */
} PinoIdleSample;

/* What counts as work: this much, or more. */
typedef struct {
  double cpu_percent;
  int gpu_percent;
  double bytes_per_second;
} PinoIdleLimits;

/* Whether the sample counts as work; why (may be NULL) is static text for a person: "the GPU works". */
gboolean pino_idle_is_work(const PinoIdleSample *sample, const PinoIdleLimits *limits, const char **why);

typedef struct {
  gint64
      since_us; /* monotonic; when nothing went on for the first time after something did, 0: it does now */
  const char *why;    /* what went on last; static, may be NULL */
  guint64 bytes;      /* of the sample before */
  gint64 bytes_at_us; /* 0: there was none */
} PinoIdle;

/* Takes a sample; other: a person, or an operation, uses the machine though it shows in none of these. Gives for how many
 * seconds nothing went on. */
gint64 pino_idle_feed(PinoIdle *idle, gint64 now_us, const PinoIdleSample *sample,
                      const PinoIdleLimits *limits, gboolean other);

/* Bytes in and out of all networks but the loopback so far, by root's /proc/net/dev; FALSE when it cannot be read. */
gboolean pino_idle_network(const char *root, guint64 *bytes);
/* Bytes a second since the call before, -1 at the first. */
double pino_idle_rate(PinoIdle *idle, gint64 now_us, guint64 bytes);

G_END_DECLS
