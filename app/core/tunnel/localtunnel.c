/* LocalTunnel: this program speaks its protocol itself, in a process of its own. */
#include <string.h>

#include "tunnel/internal.h"

#define READY "your url is: "
#define WHO "pinokiocloud: " /* in front of what it complains of */

static gboolean build_command(const PinoAgentSpec *spec, const char *program, PinoAgentCommand *command,
                              GError **error) {
  pino_command_add(command, program, "localtunnel", NULL);
  pino_command_add_number(command, "--port", spec->gate_port);
  return TRUE;
}

static gboolean is_limit(const char *line) {
  return strstr(line, "(429") != NULL || strstr(line, "Too Many Requests") != NULL;
}

/* The server may be one's own, without TLS. */
static void read_line(const PinoAgentSpec *spec, const char *line, gboolean had_address,
                      PinoAgentLine *meaning) {
  const char *ready = strstr(line, READY);
  g_autofree char *address = ready != NULL ? pino_line_address(ready, "https", NULL, NULL) : NULL;
  if (ready != NULL && address == NULL)
    address = pino_line_address(ready, "http", NULL, NULL);
  if (address != NULL)
    pino_line_mean(meaning, PINO_LINE_ADDRESS, PINO_TUNNEL_ENDED, address);
  else
    pino_line_mean(meaning, PINO_LINE_TROUBLE, is_limit(line) ? PINO_TUNNEL_LIMITED : PINO_TUNNEL_ENDED,
                   g_str_has_prefix(line, WHO) ? line + strlen(WHO) : line);
}

const PinoProvider pino_provider_localtunnel = {
    .id = "localtunnel",
    .name = "LocalTunnel",
    .command = build_command,
    .read = read_line,
};
