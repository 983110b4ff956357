/* ngrok: wants the token of an account. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "tunnel/internal.h"

/* Without a web interface, since the second agent's would want the first one's port. This form of the file is read by
 * every agent of version 3. */
#define CONFIG "ngrok.yml"
#define CONFIG_TEXT                                                                                          \
  "version: \"2\"\nweb_addr: false\nconsole_ui: false\nupdate_check: false\nremote_management: false\n"

#define CODE "ERR_NGROK_"

/* Codes after which the agent is of no use, whether it goes on trying or not. */
static const struct {
  guint code;
  PinoTunnelFailure why;
  const char *words; /* where the agent gives the code only */
} FATAL[] = {
    {105, PINO_TUNNEL_TOKEN, "the token is malformed"},
    {107, PINO_TUNNEL_TOKEN, "the token is invalid or was revoked"},
    {4018, PINO_TUNNEL_TOKEN, "there is no token"},
    {108, PINO_TUNNEL_LIMITED, "the account has too many agents running"},
    {725, PINO_TUNNEL_LIMITED, "the account has used up its bandwidth of the month"},
    {726, PINO_TUNNEL_LIMITED, "the account has used up its connections of the month"},
    {727, PINO_TUNNEL_LIMITED, "the account has used up its requests of the month"},
    {121, PINO_TUNNEL_ENDED, "the program ngrok is too old"},
    {334, PINO_TUNNEL_ENDED, "another agent has the account's address"},
};

static char *why_not(const PinoAgentSpec *spec) {
  if (spec->ngrok_token != NULL && *spec->ngrok_token != '\0')
    return NULL;
  return g_strdup(
      "there is no token: `pinokiocloud settings tunnel.ngrok_token -` takes the one of your ngrok account; "
      "NGROK_AUTHTOKEN serves too");
}

static char *secret(const PinoAgentSpec *spec) {
  return g_strdup(spec->ngrok_token);
}

static gboolean build_command(const PinoAgentSpec *spec, const char *program, PinoAgentCommand *command,
                              GError **error) {
  g_autofree char *config = pino_tunnel_file(spec, CONFIG, CONFIG_TEXT, error);
  if (config == NULL)
    return FALSE;
  g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", spec->gate_port);
  pino_command_add(command, program, "http", url, "--config", config, "--log", "stdout", "--log-format",
                   "json", NULL);
  command->env = g_environ_setenv(command->env, "NGROK_AUTHTOKEN", spec->ngrok_token, TRUE);
  return TRUE;
}

/* A member that is a text; NULL when it is anything else. Belongs to the object. */
static const char *text_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

/* What is to be blamed: the text's first error code tells whether the agent is of any use. */
static void blame(const char *text, PinoAgentLine *meaning) {
  const char *found = strstr(text, CODE);
  guint64 code = found != NULL ? g_ascii_strtoull(found + strlen(CODE), NULL, 10) : 0;
  for (gsize i = 0; i < G_N_ELEMENTS(FATAL); i++) {
    if (FATAL[i].code == code) {
      g_autofree char *words =
          found == text ? g_strdup_printf("%s (%s)", FATAL[i].words, text) : g_strdup(text);
      pino_line_mean(meaning, PINO_LINE_FATAL, FATAL[i].why, words);
      return;
    }
  }
  pino_line_mean(meaning, PINO_LINE_TROUBLE, PINO_TUNNEL_ENDED, text);
}

static void read_object(JsonObject *object, PinoAgentLine *meaning) {
  const char *message = text_of(object, "msg"), *level = text_of(object, "lvl"),
             *failure = text_of(object, "err");
  if (g_strcmp0(message, "started tunnel") == 0) {
    const char *url = text_of(object, "url");
    g_autofree char *address = url != NULL ? pino_line_address(url, "https", NULL, NULL) : NULL;
    if (address != NULL)
      pino_line_mean(meaning, PINO_LINE_ADDRESS, PINO_TUNNEL_ENDED, address);
    return;
  }
  gboolean bad =
      g_strcmp0(level, "eror") == 0 || g_strcmp0(level, "error") == 0 || g_strcmp0(level, "crit") == 0;
  if (!bad)
    return;
  if (failure != NULL && strcmp(failure, "<nil>") != 0)
    blame(failure, meaning);
  else if (message != NULL)
    blame(message, meaning);
}

static void read_line(const PinoAgentSpec *spec, const char *line, gboolean had_address,
                      PinoAgentLine *meaning) {
  if (g_str_has_prefix(line, "ERROR:")) { /* its last words, for a person */
    const char *text = line + strlen("ERROR:");
    text += strspn(text, " ");
    if (*text != '\0')
      blame(text, meaning);
    return;
  }
  if (*line != '{')
    return;
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!json_parser_load_from_data(parser, line, -1, NULL))
    return;
  JsonNode *root = json_parser_get_root(parser);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT(root))
    read_object(json_node_get_object(root), meaning);
}

const PinoProvider pino_provider_ngrok = {
    .id = "ngrok",
    .name = "ngrok",
    .program = "ngrok",
    .fetched = TRUE,
    .why_not = why_not,
    .command = build_command,
    .read = read_line,
    .secret = secret,
};
