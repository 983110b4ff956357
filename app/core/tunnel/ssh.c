/* Tunnels by ssh -R: services that hand out addresses, and any server of one's own. */
#include <string.h>

#include "base/error.h"
#include "tunnel/internal.h"

#define HOSTS "known_hosts"

/* "user@host:port" taken apart. */
typedef struct {
  char *user, *host; /* user may be NULL; host lower case, an IPv6 address without brackets */
  guint port;        /* 0: the service's, or ssh's own */
} Target;

typedef struct {
  const char *domain; /* of the server; NULL: any other server */
  guint listen;       /* what the server is asked to listen on; 0: it chooses */
  guint port;         /* of its SSH server; 0: ssh's own */
  guint alive_s;
  const char *marker;     /* the line of the address has this; NULL: its host is looked at */
  gboolean token_is_user; /* the user's name is what lets one in */
} Service;

static const Service SERVICES[] = {
    {"localhost.run", 80, 0, 60, "tunneled with tls termination", FALSE},
    {"serveo.net", 80, 0, 30, "Forwarding HTTP traffic from", FALSE},
    {"pinggy.io", 0, 443, 30, NULL, TRUE},
    {NULL, 0, 0, 30, NULL, FALSE},
};

#define NO_SERVER "the setting tunnel.ssh is no 'user@host' or 'user@host:port'"
#define ALLOCATED "Allocated port "

static const struct {
  const char *words;
  PinoTunnelFailure why;
} TROUBLES[] = {
    {"Permission denied (", PINO_TUNNEL_TOKEN},
    {"Too many authentication failures", PINO_TUNNEL_TOKEN},
    {"Host key verification failed", PINO_TUNNEL_ENDED},
    {"Could not resolve hostname", PINO_TUNNEL_ENDED},
    {"Connection refused", PINO_TUNNEL_ENDED},
    {"Connection timed out", PINO_TUNNEL_ENDED},
    {"Connection closed by", PINO_TUNNEL_ENDED},
    {"Connection reset by", PINO_TUNNEL_ENDED},
    {"closed by remote host", PINO_TUNNEL_ENDED},
    {"No route to host", PINO_TUNNEL_ENDED},
    {"Network is unreachable", PINO_TUNNEL_ENDED},
    {"kex_exchange_identification", PINO_TUNNEL_ENDED},
    {"remote port forwarding failed", PINO_TUNNEL_ENDED},
    {"client_loop: send disconnect", PINO_TUNNEL_ENDED},
    {"Bad configuration option", PINO_TUNNEL_ENDED},
    {"Timeout, server", PINO_TUNNEL_ENDED},
    {"rate limit", PINO_TUNNEL_LIMITED},
    {"Rate limit", PINO_TUNNEL_LIMITED},
    {"Too many connections", PINO_TUNNEL_LIMITED},
};

/* --- the server ----------------------------------------------------------------------------------------- */

static void target_clear(Target *target) {
  g_clear_pointer(&target->user, g_free);
  g_clear_pointer(&target->host, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

static gboolean is_made_of(const char *text, gsize length, const char *letters) {
  return length > 0 && text[0] != '-' && strspn(text, letters) >= length;
}

/* ":22" or nothing. */
static gboolean parse_port(const char *text, guint *port) {
  guint64 number;
  *port = 0;
  if (*text == '\0')
    return TRUE;
  if (*text != ':' || !g_ascii_string_to_unsigned(text + 1, 10, 1, G_MAXUINT16, &number, NULL))
    return FALSE;
  *port = (guint)number;
  return TRUE;
}

/* FALSE for what ssh could take for an option, or a shell for a command. */
static gboolean parse_target(const char *text, Target *target) {
  const char *at = strrchr(text, '@');
  const char *host = at != NULL ? at + 1 : text;
  if (at != NULL && !is_made_of(text, (gsize)(at - text), G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._+-~="))
    return FALSE;
  const char *close = *host == '[' ? strchr(host, ']') : NULL;
  host += close != NULL;
  gsize length = close != NULL ? (gsize)(close - host) : strcspn(host, ":");
  const char *letters =
      close != NULL ? G_CSET_DIGITS "abcdefABCDEF:." : G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-_";
  if (!is_made_of(host, length, letters) || !parse_port(host + length + (close != NULL), &target->port))
    return FALSE;
  target->user = at != NULL ? g_strndup(text, (gsize)(at - text)) : NULL;
  target->host = g_ascii_strdown(host, (gssize)length);
  return TRUE;
}

static const Service *service_of(const Target *target) {
  const Service *service = SERVICES;
  while (service->domain != NULL && !pino_host_within(target->host, service->domain))
    service++;
  return service;
}

static char *why_not(const PinoAgentSpec *spec) {
  g_auto(Target) target = {0};
  if (spec->ssh == NULL || *spec->ssh == '\0')
    return g_strdup("no server is named in the setting tunnel.ssh");
  if (!parse_target(spec->ssh, &target))
    return g_strdup(NO_SERVER);
  return NULL;
}

static char *secret(const PinoAgentSpec *spec) {
  g_auto(Target) target = {0};
  if (spec->ssh == NULL || !parse_target(spec->ssh, &target) || target.user == NULL)
    return NULL;
  return service_of(&target)->token_is_user ? g_steal_pointer(&target.user) : NULL;
}

/* --- the command ---------------------------------------------------------------------------------------- */

/* As a value of ssh's options: blanks part words there, '%' and '"' have a meaning. */
static char *quote_path(const char *path) {
  GString *out = g_string_new("\"");
  for (const char *at = path; *at != '\0'; at++) {
    if (*at == '%')
      g_string_append_c(out, '%');
    else if (*at == '"' || *at == '\\')
      g_string_append_c(out, '\\');
    g_string_append_c(out, *at);
  }
  g_string_append_c(out, '"');
  return g_string_free(out, FALSE);
}

static void add_option(PinoAgentCommand *command, const char *name, const char *value) {
  g_ptr_array_add(command->argv, g_strdup("-o"));
  g_ptr_array_add(command->argv, g_strconcat(name, "=", value, NULL));
}

/* What the person's own configuration must not change. Keys of servers that the person knows count too; new ones are
 * written to our own file. */
static gboolean add_options(const PinoAgentSpec *spec, guint alive_s, PinoAgentCommand *command,
                            GError **error) {
  static const char *const FIXED[][2] = {
      {"StrictHostKeyChecking", "accept-new"},
      {"ServerAliveCountMax", "3"},
      {"ExitOnForwardFailure", "yes"},
      {"BatchMode", "yes"},
      {"ConnectTimeout", "15"},
      {"ControlMaster", "no"},
      {"ControlPath", "none"},
      {"ForwardAgent", "no"},
      {"ForwardX11", "no"},
      {"LogLevel", "INFO"},
  };
  g_autofree char *folder = pino_tunnel_folder(spec, error);
  if (folder == NULL)
    return FALSE;
  g_autofree char *own = g_build_filename(folder, HOSTS, NULL);
  g_autofree char *quoted = quote_path(own);
  g_autofree char *hosts = g_strconcat(quoted, " ~/.ssh/known_hosts", NULL);
  g_autofree char *alive = g_strdup_printf("%u", alive_s);
  add_option(command, "UserKnownHostsFile", hosts);
  add_option(command, "ServerAliveInterval", alive);
  for (gsize i = 0; i < G_N_ELEMENTS(FIXED); i++)
    add_option(command, FIXED[i][0], FIXED[i][1]);
  return TRUE;
}

/* Some servers say their address in the session, some accounts are given none and ssh ends with it: then the tunnel goes
 * on without a session. From 128 on it is ssh's own failure (255) or a signal. */
#define SESSION_OR_NONE                                                                                      \
  "ssh=$1; shift; \"$ssh\" \"$@\"; status=$?; [ \"$status\" -lt 128 ] || exit \"$status\"; exec \"$ssh\" "   \
  "-N \"$@\""

static gboolean build_command(const PinoAgentSpec *spec, const char *program, PinoAgentCommand *command,
                              GError **error) {
  g_auto(Target) target = {0};
  if (!parse_target(spec->ssh, &target)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, NO_SERVER);
    return FALSE;
  }
  const Service *service = service_of(&target);
  guint port = target.port != 0 ? target.port : service->port;
  g_autofree char *forward = g_strdup_printf("%u:127.0.0.1:%u", service->listen, spec->gate_port);
  if (service->domain == NULL)
    pino_command_add(command, "/bin/sh", "-c", SESSION_OR_NONE, "sh", NULL);
  pino_command_add(command, program, "-T", "-R", forward, NULL);
  if (port != 0)
    pino_command_add_number(command, "-p", port);
  if (!add_options(spec, service->alive_s, command, error))
    return FALSE;
  if (target.user != NULL)
    pino_command_add(command, "-l", target.user, NULL);
  pino_command_add(command, target.host, NULL);
  return TRUE;
}

/* --- its lines ------------------------------------------------------------------------------------------ */

static gboolean is_pinggy(const char *host, gconstpointer data) {
  static const char *const OTHERS[] = {"pinggy.io", "www.pinggy.io", "dashboard.pinggy.io", NULL};
  return strstr(host, "pinggy") != NULL && !g_strv_contains(OTHERS, host);
}

/* A server's own names: its domain and what is below it. What a server says for other reasons (its manual, its maker)
 * lies elsewhere. */
static gboolean is_of_server(const char *host, gconstpointer data) {
  const char *server = data;
  if (g_hostname_is_ip_address(server))
    return strcmp(host, server) == 0;
  const char *dot = strchr(server, '.');
  const char *domain = dot != NULL && strchr(dot + 1, '.') != NULL ? dot + 1 : server;
  return pino_host_within(host, domain);
}

static char *allocated_address(const char *line, const Target *target) {
  const char *found = strstr(line, ALLOCATED);
  if (found == NULL || strstr(found, "for remote forward") == NULL)
    return NULL;
  guint64 port = g_ascii_strtoull(found + strlen(ALLOCATED), NULL, 10);
  if (port == 0 || port > G_MAXUINT16)
    return NULL;
  gboolean bare = strchr(target->host, ':') == NULL;
  return g_strdup_printf(bare ? "http://%s:%u" : "http://[%s]:%u", target->host, (guint)port);
}

static char *own_server_address(const char *line, const Target *target, gboolean had_address) {
  char *address = allocated_address(line, target);
  if (address == NULL && !had_address)
    address = pino_line_address(line, "https", is_of_server, target->host);
  if (address == NULL && !had_address)
    address = pino_line_address(line, "http", is_of_server, target->host);
  return address;
}

static char *find_address(const char *line, const Target *target, gboolean had_address) {
  const Service *service = service_of(target);
  if (service->domain == NULL)
    return own_server_address(line, target, had_address);
  if (service->marker == NULL)
    return pino_line_address(line, "https", is_pinggy, NULL);
  return strstr(line, service->marker) != NULL ? pino_line_address(line, "https", NULL, NULL) : NULL;
}

static void read_line(const PinoAgentSpec *spec, const char *line, gboolean had_address,
                      PinoAgentLine *meaning) {
  g_auto(Target) target = {0};
  if (spec->ssh == NULL || !parse_target(spec->ssh, &target))
    return;
  g_autofree char *address = find_address(line, &target, had_address);
  if (address != NULL) {
    pino_line_mean(meaning, PINO_LINE_ADDRESS, PINO_TUNNEL_ENDED, address);
    return;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(TROUBLES); i++) {
    if (strstr(line, TROUBLES[i].words) != NULL) {
      pino_line_mean(meaning, PINO_LINE_TROUBLE, TROUBLES[i].why, line);
      return;
    }
  }
}

const PinoProvider pino_provider_ssh = {
    .id = "ssh",
    .name = "SSH",
    .program = "ssh",
    .why_not = why_not,
    .command = build_command,
    .read = read_line,
    .secret = secret,
};
