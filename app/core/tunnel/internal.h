/* What the providers' files share: taking addresses and words out of lines, and building a command. */
#pragma once

#include "tunnel/provider.h"

G_BEGIN_DECLS

extern const PinoProvider pino_provider_ngrok;
extern const PinoProvider pino_provider_cloudflare;
extern const PinoProvider pino_provider_localtunnel;
extern const PinoProvider pino_provider_ssh;

/* Whether an address of that host (lower case, without port) is the one that is looked for. */
typedef gboolean (*PinoHostTest)(const char *host, gconstpointer data);

/* "https://host" or "https://host:port", lower case, of the first URL with that scheme ("https", "http") in a line whose
 * host passes the test (NULL: every host does). Free with g_free(); NULL when there is none. */
char *pino_line_address(const char *line, const char *scheme, PinoHostTest test, gconstpointer data);

/* host is that domain or below it. */
gboolean pino_host_within(const char *host, const char *domain);

/* Fills meaning; text is copied, with line ends and runs of blanks made one blank. */
void pino_line_mean(PinoAgentLine *meaning, PinoLineMeaning what, PinoTunnelFailure why, const char *text);

/* Of this process, without what would change what an agent does or is a secret. Free with g_strfreev(). */
char **pino_agent_environment(void);

/* Appends copies of these arguments, the last one NULL. */
void pino_command_add(PinoAgentCommand *command, ...) G_GNUC_NULL_TERMINATED;

/* Appends "NAME" and a number. */
void pino_command_add_number(PinoAgentCommand *command, const char *name, guint number);

/* RUN_DIR/tunnels, made if need be; NULL with error set. Free with g_free(). */
char *pino_tunnel_folder(const PinoAgentSpec *spec, GError **error);

/* Writes a file of that folder that only we can read, and gives its path; NULL with error set. Free with g_free(). */
char *pino_tunnel_file(const PinoAgentSpec *spec, const char *name, const char *content, GError **error);

G_END_DECLS
