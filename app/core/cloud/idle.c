#include "cloud/idle.h"

#include <string.h>

#include "cloud/read.h"

gboolean pino_idle_is_work(const PinoIdleSample *sample, const PinoIdleLimits *limits, const char **why) {
  const char *found = sample->gpu_percent >= limits->gpu_percent             ? "the GPU works"
                      : sample->cpu_percent >= limits->cpu_percent           ? "the CPU works"
                      : sample->bytes_per_second >= limits->bytes_per_second ? "the network is busy"
                                                                             : NULL;
  if (why != NULL)
    *why = found;
  return found != NULL;
}

gint64 pino_idle_feed(PinoIdle *idle, gint64 now_us, const PinoIdleSample *sample,
                      const PinoIdleLimits *limits, gboolean other) {
  const char *why = NULL;
  if (pino_idle_is_work(sample, limits, &why) || other) {
    idle->why = why != NULL ? why : "something is being installed, started or asked";
    idle->since_us = 0;
    return 0;
  }
  if (idle->since_us == 0)
    idle->since_us = now_us;
  return (now_us - idle->since_us) / G_USEC_PER_SEC;
}

/* "  eth0: RECEIVED 7 more TRANSMITTED ..." (proc(5)) */
static guint64 bytes_of_line(const char *line) {
  const char *colon = strchr(line, ':');
  g_autofree char *name = colon != NULL ? g_strstrip(g_strndup(line, (gsize)(colon - line))) : NULL;
  if (name == NULL || g_str_equal(name, "lo"))
    return 0;
  guint64 fields[9] = {0};
  char *at = (char *)colon + 1;
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
    fields[i] = g_ascii_strtoull(at, &at, 10);
  return fields[0] + fields[8];
}

gboolean pino_idle_network(const char *root, guint64 *bytes) {
  g_autofree char *text = pino_cloud_read(root, "proc/net/dev");
  *bytes = 0;
  if (text == NULL)
    return FALSE;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    *bytes += bytes_of_line(lines[i]);
  return TRUE;
}

double pino_idle_rate(PinoIdle *idle, gint64 now_us, guint64 bytes) {
  double rate = -1;
  if (idle->bytes_at_us != 0 && now_us > idle->bytes_at_us && bytes >= idle->bytes)
    rate = (double)(bytes - idle->bytes) * G_USEC_PER_SEC / (double)(now_us - idle->bytes_at_us);
  idle->bytes = bytes;
  idle->bytes_at_us = now_us;
  return rate;
}
