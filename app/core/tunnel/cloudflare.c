/* Cloudflare's quick tunnels: no account, a new name with each start. */
#include <string.h>

#include "tunnel/internal.h"

/* With ingress rules in it, a configuration that the machine's owner left somewhere would win over --url. */
#define CONFIG "cloudflared.yml"

static gboolean build_command(const PinoAgentSpec *spec, const char *program, PinoAgentCommand *command,
                              GError **error) {
  g_autofree char *config = pino_tunnel_file(spec, CONFIG, "", error);
  if (config == NULL)
    return FALSE;
  g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", spec->gate_port);
  /* HTTP/2 goes by TCP: rented machines often let no UDP out. Port 0 of the metrics is one of the kernel's choice, which
   * other agents cannot have; the default is open to the network in a container. */
  pino_command_add(command, program, "tunnel", "--no-autoupdate", "--protocol", "http2", "--metrics",
                   "127.0.0.1:0", "--config", config, "--url", url, NULL);
  return TRUE;
}

/* The service's own host is named in errors. */
static gboolean is_tunnel_host(const char *host, gconstpointer data) {
  return pino_host_within(host, "trycloudflare.com") && strcmp(host, "trycloudflare.com") != 0 &&
         strcmp(host, "api.trycloudflare.com") != 0 && strcmp(host, "www.trycloudflare.com") != 0;
}

static gboolean is_harmless(const char *line) {
  return strstr(line, "was empty") != NULL || strstr(line, "origin certificate") != NULL ||
         strstr(line, "ping_group_range") != NULL || strstr(line, "ICMP proxy") != NULL;
}

static gboolean is_limit(const char *line) {
  static const char *const SIGNS[] = {"429", "1015", "Too Many Requests"};
  if (strstr(line, "QuickTunnel") == NULL && strstr(line, "quick Tunnel") == NULL)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(SIGNS); i++) {
    if (strstr(line, SIGNS[i]) != NULL)
      return TRUE;
  }
  return FALSE;
}

/* What is wrong, without time and level; NULL when nothing is. Its last words, before it ends, have neither. */
static const char *find_trouble(const char *line) {
  static const char *const LEVELS[] = {" ERR ", " FTL "};
  for (gsize i = 0; i < G_N_ELEMENTS(LEVELS); i++) {
    const char *found = strstr(line, LEVELS[i]);
    if (found != NULL)
      return found + strlen(LEVELS[i]);
  }
  return g_str_has_prefix(line, "failed to ") || g_str_has_prefix(line, "error ") ? line : NULL;
}

static void read_line(const PinoAgentSpec *spec, const char *line, gboolean had_address,
                      PinoAgentLine *meaning) {
  g_autofree char *address = pino_line_address(line, "https", is_tunnel_host, NULL);
  const char *trouble = find_trouble(line);
  if (address != NULL)
    pino_line_mean(meaning, PINO_LINE_ADDRESS, PINO_TUNNEL_ENDED, address);
  else if (strstr(line, "Registered tunnel connection") != NULL)
    pino_line_mean(meaning, PINO_LINE_CONNECTED, PINO_TUNNEL_ENDED, NULL);
  else if (trouble != NULL && !had_address && is_limit(line))
    pino_line_mean(meaning, PINO_LINE_FATAL, PINO_TUNNEL_LIMITED, trouble);
  else if (trouble != NULL && !is_harmless(line))
    pino_line_mean(meaning, PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED, trouble);
}

const PinoProvider pino_provider_cloudflare = {
    .id = "cloudflare",
    .name = "Cloudflare",
    .program = "cloudflared",
    .fetched = TRUE,
    .command = build_command,
    .read = read_line,
};
