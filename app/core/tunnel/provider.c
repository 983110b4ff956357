#include "tunnel/provider.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "environment/tools.h"
#include "tunnel/internal.h"

#define HOST_LIMIT 253

static const PinoProvider *const PROVIDERS[] = {
    &pino_provider_ngrok, &pino_provider_cloudflare, &pino_provider_localtunnel, &pino_provider_ssh, NULL,
};

/* Where platforms keep agents of their own, beside HOME/bin and PATH. */
static const char *const PLATFORM_FOLDERS = "/opt/instance-tools/bin";

const PinoProvider *const *pino_providers(void) {
  return PROVIDERS;
}

const PinoProvider *pino_provider_find(const char *id) {
  for (const PinoProvider *const *row = PROVIDERS; *row != NULL; row++) {
    if (g_strcmp0((*row)->id, id) == 0)
      return *row;
  }
  return NULL;
}

char *pino_provider_program(const PinoProvider *provider, const PinoAgentSpec *spec) {
  if (provider->program == NULL)
    return spec->self != NULL ? pino_which(spec->self, NULL) : NULL;
  char *found = pino_tool_find(spec->home, provider->program);
  return found != NULL ? found : pino_which(provider->program, PLATFORM_FOLDERS);
}

static char *missing_program(const PinoProvider *provider, const PinoAgentSpec *spec) {
  g_autofree char *found = pino_provider_program(provider, spec);
  if (found != NULL || (provider->fetched && spec->runner != NULL))
    return NULL;
  return g_strdup_printf("the program '%s' is not on this machine",
                         provider->program != NULL ? provider->program : "pinokiocloud");
}

gboolean pino_provider_can(const PinoProvider *provider, const PinoAgentSpec *spec, char **why_not) {
  g_autofree char *missing = provider->why_not != NULL ? provider->why_not(spec) : NULL;
  if (missing == NULL)
    missing = missing_program(provider, spec);
  gboolean can = missing == NULL;
  if (why_not != NULL)
    *why_not = g_steal_pointer(&missing);
  return can;
}

const char *pino_tunnel_failure_name(PinoTunnelFailure why) {
  static const char *const NAMES[] = {
      [PINO_TUNNEL_ENDED] = "ended",     [PINO_TUNNEL_SILENT] = "silent",
      [PINO_TUNNEL_LIMITED] = "limited", [PINO_TUNNEL_TOKEN] = "token",
      [PINO_TUNNEL_MISSING] = "missing", [PINO_TUNNEL_UNREACHABLE] = "unreachable",
  };
  return (gsize)why < G_N_ELEMENTS(NAMES) ? NAMES[why] : "ended";
}

/* --- lines ---------------------------------------------------------------------------------------------- */

gboolean pino_host_within(const char *host, const char *domain) {
  gsize length = strlen(host), wanted = strlen(domain);
  if (length == wanted)
    return strcmp(host, domain) == 0;
  return length > wanted && host[length - wanted - 1] == '.' && strcmp(host + length - wanted, domain) == 0;
}

/* The host at the start of text, lower case, and where it ends; NULL when there is none. */
static char *take_host(const char *text, const char **end) {
  gsize length = strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-");
  *end = text + length;
  while (length > 0 && text[length - 1] == '.') /* the end of a sentence */
    length--;
  if (length == 0 || length > HOST_LIMIT || !g_ascii_isalnum(text[0]))
    return NULL;
  return g_ascii_strdown(text, (gssize)length);
}

/* ":8443" at the start of text as a number; 0 when there is none. */
static guint take_port(const char *text) {
  if (*text != ':' || !g_ascii_isdigit(text[1]))
    return 0;
  guint64 port = g_ascii_strtoull(text + 1, NULL, 10);
  return port <= G_MAXUINT16 ? (guint)port : 0;
}

char *pino_line_address(const char *line, const char *scheme, PinoHostTest test, gconstpointer data) {
  g_autofree char *start = g_strconcat(scheme, "://", NULL);
  for (const char *at = line; (at = strstr(at, start)) != NULL;) {
    gboolean whole_word = at == line || !g_ascii_isalnum(at[-1]);
    const char *end = at + strlen(start);
    g_autofree char *host = take_host(end, &end);
    at = end;
    if (host == NULL || !whole_word || *end == '@' || (test != NULL && !test(host, data)))
      continue;
    guint port = take_port(end);
    return port != 0 ? g_strdup_printf("%s%s:%u", start, host, port) : g_strconcat(start, host, NULL);
  }
  return NULL;
}

/* It is shown on terminals: JSON, for one, brings control characters through what takes them out of lines. */
static char *one_line(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *out = g_string_new(NULL);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_isspace(c) && !g_unichar_iscntrl(c))
      g_string_append_unichar(out, c);
    else if (out->len > 0 && out->str[out->len - 1] != ' ')
      g_string_append_c(out, ' ');
  }
  return g_strchomp(g_string_free(out, FALSE));
}

void pino_line_mean(PinoAgentLine *meaning, PinoLineMeaning what, PinoTunnelFailure why, const char *text) {
  g_free(meaning->text);
  *meaning = (PinoAgentLine){.meaning = what, .why = why, .text = text != NULL ? one_line(text) : NULL};
}

/* --- commands ------------------------------------------------------------------------------------------- */

static gboolean is_for_others(const char *entry) {
  static const char *const PREFIXES[] = {"TUNNEL_",
                                         "NGROK_"}; /* they would change what an agent does, or are secrets */
  for (gsize i = 0; i < G_N_ELEMENTS(PREFIXES); i++) {
    if (g_str_has_prefix(entry, PREFIXES[i]))
      return TRUE;
  }
  return FALSE;
}

char **pino_agent_environment(void) {
  g_auto(GStrv) all = g_get_environ();
  GPtrArray *kept = g_ptr_array_new();
  for (char **entry = all; *entry != NULL; entry++) {
    if (!is_for_others(*entry))
      g_ptr_array_add(kept, g_strdup(*entry));
  }
  g_ptr_array_add(kept, NULL);
  return (char **)g_ptr_array_free(kept, FALSE);
}

void pino_command_add(PinoAgentCommand *command, ...) {
  va_list arguments;
  va_start(arguments, command);
  for (const char *argument; (argument = va_arg(arguments, const char *)) != NULL;)
    g_ptr_array_add(command->argv, g_strdup(argument));
  va_end(arguments);
}

void pino_command_add_number(PinoAgentCommand *command, const char *name, guint number) {
  g_ptr_array_add(command->argv, g_strdup(name));
  g_ptr_array_add(command->argv, g_strdup_printf("%u", number));
}

char *pino_tunnel_folder(const PinoAgentSpec *spec, GError **error) {
  g_autofree char *folder = g_build_filename(spec->run_dir, "tunnels", NULL);
  if (g_mkdir_with_parents(folder, 0700) != 0) {
    pino_error_set_errno(error, errno, "mkdir", folder);
    return NULL;
  }
  return g_steal_pointer(&folder);
}

char *pino_tunnel_file(const PinoAgentSpec *spec, const char *name, const char *content, GError **error) {
  g_autofree char *folder = pino_tunnel_folder(spec, error);
  if (folder == NULL)
    return NULL;
  g_autofree char *path = g_build_filename(folder, name, NULL);
  if (!g_file_set_contents_full(path, content, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
    return NULL;
  return g_steal_pointer(&path);
}
