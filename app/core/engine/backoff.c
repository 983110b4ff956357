#include "engine/backoff.h"

#include "base/error.h"

#include <string.h>

#define FIRST_MS 1000
#define LONGEST_MS 60000
#define WELL_MS 60000
#define MOST_IN_ROW 10

static const char *const policies[] = {
    [PINO_RESTART_NO] = "no",
    [PINO_RESTART_ON_FAILURE] = "on-failure",
    [PINO_RESTART_ALWAYS] = "always",
};

gboolean pino_restart_policy_parse(const char *text, PinoRestartPolicy *policy, GError **error) {
  g_autofree char *plain = g_ascii_strdown(text != NULL ? text : "", -1);
  g_strstrip(plain);
  for (guint i = 0; i < G_N_ELEMENTS(policies); i++) {
    if (!g_str_equal(plain, policies[i]))
      continue;
    *policy = (PinoRestartPolicy)i;
    return TRUE;
  }
  *policy = PINO_RESTART_NO;
  if (*plain == '\0')
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "'%s' is no restart policy: it is one of no, on-failure, always", text);
  return FALSE;
}

static gboolean is_wanted(PinoRestartPolicy policy, const PinoRunEnd *end) {
  if (end->stopped)
    return FALSE;
  return policy == PINO_RESTART_ALWAYS || (policy == PINO_RESTART_ON_FAILURE && end->failed);
}

gint64 pino_backoff_next(PinoBackoff *backoff, PinoRestartPolicy policy, const PinoRunEnd *end,
                         gboolean *gave_up) {
  if (gave_up != NULL)
    *gave_up = FALSE;
  if (end->ran_ms >= WELL_MS)
    backoff->in_row = 0;
  if (!is_wanted(policy, end))
    return -1;
  if (backoff->in_row >= MOST_IN_ROW) {
    if (gave_up != NULL)
      *gave_up = TRUE;
    return -1;
  }
  gint64 wait = (gint64)FIRST_MS << backoff->in_row;
  backoff->in_row++;
  return MIN(wait, LONGEST_MS);
}

void pino_backoff_reset(PinoBackoff *backoff) {
  backoff->in_row = 0;
}
