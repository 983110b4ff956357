#include "server/problem.h"

#include <errno.h>
#include <libsoup/soup.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

static const struct {
  PinoError code;
  guint status;
} statuses[] = {
    {PINO_ERROR_USAGE, 400},       {PINO_ERROR_SYNTAX, 400}, {PINO_ERROR_NOT_FOUND, 404},
    {PINO_ERROR_UNAVAILABLE, 409}, /* not in the state that it would have to be in */
    {PINO_ERROR_CANCELLED, 409},   {PINO_ERROR_SCRIPT, 422}, {PINO_ERROR_NETWORK, 502},
    {PINO_ERROR_LIMIT, 504},
};

guint pino_problem_status(const GError *error) {
  for (guint i = 0; error->domain == PINO_ERROR && i < G_N_ELEMENTS(statuses); i++)
    if ((int)statuses[i].code == error->code)
      return statuses[i].status;
  if (g_error_matches(error, PINO_ERRNO, ENOSPC))
    return 507;
  return 500;
}

const char *pino_problem_title(guint status) {
  return status == 426   ? "Upgrade Required"
         : status == 431 ? "Request Header Fields Too Large"
                         : soup_status_get_phrase(status);
}

GBytes *pino_problem_new(guint status, const char *detail) {
  GString *out = g_string_new("{");
  pino_json_append_member(out, "type", "about:blank");
  pino_json_append_member(out, "title", pino_problem_title(status));
  g_string_append_printf(out, ",\"status\":%u", status);
  pino_json_append_member(out, "detail", detail);
  g_string_append(out, "}\n");
  return g_string_free_to_bytes(out);
}
