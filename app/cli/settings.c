/* pinokiocloud settings: what the engine keeps to, shown and changed. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/near.h"
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/target.h"

typedef struct {
  gboolean reset, json;
} Options;

static int complain(const GError *error) {
  int status = pino_say_error(error);
  return g_error_matches(error, PINO_ERROR, PINO_ERROR_USAGE)       ? PINO_EXIT_USAGE
         : g_error_matches(error, PINO_ERROR, PINO_ERROR_CANCELLED) ? PINO_EXIT_INTERRUPTED
                                                                    : status;
}

/* --- showing ------------------------------------------------------------------------------------------------------- */

static char *value_of(JsonObject *setting) {
  const char *text = pino_text(setting, "value");
  return text != NULL ? g_strdup(text) : g_strdup_printf("%" G_GINT64_FORMAT, pino_number(setting, "value"));
}

/* "DESCRIPTION One of: a, b, c." */
static char *describe(JsonObject *setting) {
  JsonNode *node = json_object_get_member(setting, "values");
  JsonArray *values = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  const char *description = pino_text(setting, "description");
  GString *text = g_string_new(description);
  for (guint i = 0; values != NULL && i < json_array_get_length(values); i++) {
    const char *value = json_array_get_string_element(values, i);
    g_string_append_printf(text, "%s%s", i == 0 ? " One of: " : ", ", value != NULL ? value : "");
  }
  g_string_append(text, values != NULL ? "." : "");
  return g_string_free(text, FALSE);
}

static void print_all(JsonArray *settings) {
  static const char *const heads[] = {"KEY", "VALUE", "SET", "WHAT IT IS", NULL};
  g_autoptr(PinoListing) listing = pino_listing_new(heads);
  for (guint i = 0; i < json_array_get_length(settings); i++) {
    JsonNode *node = json_array_get_element(settings, i);
    if (!JSON_NODE_HOLDS_OBJECT(node))
      continue;
    JsonObject *setting = json_node_get_object(node);
    g_autofree char *value = value_of(setting);
    g_autofree char *text = describe(setting);
    pino_listing_add(listing, pino_text(setting, "key"));
    pino_listing_add(listing, *value != '\0' ? value : "-");
    pino_listing_add(listing,
                     json_object_get_boolean_member_with_default(setting, "set", FALSE) ? "yes" : "no");
    pino_listing_add(listing, text);
  }
  pino_listing_print(listing);
}

/* --- finding ------------------------------------------------------------------------------------------------------- */

/* Borrowed from the array. */
static JsonNode *find(JsonNode *settings, const char *key, GError **error) {
  JsonArray *array = json_node_get_array(settings);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *node = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_OBJECT(node) && g_strcmp0(pino_text(json_node_get_object(node), "key"), key) == 0)
      return node;
  }
  g_autoptr(GError) unknown = g_error_new(PINO_ERROR, PINO_ERROR_USAGE, "there is no setting '%s'", key);
  pino_near_suggest(settings, "key", key, unknown);
  g_propagate_error(error, g_steal_pointer(&unknown));
  return NULL;
}

static int show(PinoClient *client, const char *key, gboolean json) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) settings = pino_client_get_array(client, "/v1/settings", &error);
  JsonNode *shown = settings == NULL || key == NULL ? settings : find(settings, key, &error);
  if (shown == NULL)
    return complain(error);
  if (json) {
    pino_put_json(shown);
  } else if (key == NULL) {
    print_all(json_node_get_array(settings));
  } else {
    g_autofree char *value = value_of(json_node_get_object(shown));
    pino_put_text("%s", value);
  }
  return PINO_EXIT_OK;
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

/* The body; free with pino_secret_free(). "-": the value is read from standard input. */
static char *make_body(const char *key, const char *value, GError **error) {
  g_autofree char *prompt = g_strdup_printf("%s: ", key);
  char *given = NULL;
  if (g_str_equal(value, "-"))
    given = pino_secret_read(prompt, key, error);
  else if (pino_secret_check(value, key, error))
    given = g_strdup(value);
  if (given == NULL)
    return NULL;
  GString *body = g_string_new("{");
  pino_json_append_member(body, "value", given);
  g_string_append_c(body, '}');
  pino_secret_free(given);
  return g_string_free(body, FALSE);
}

/* The key is looked for before anybody is asked for a value. value NULL: it is taken back. */
static gboolean change(PinoClient *client, const char *key, const char *value, GError **error) {
  g_autoptr(JsonNode) settings = pino_client_get_array(client, "/v1/settings", error);
  if (settings == NULL || find(settings, key, error) == NULL)
    return FALSE;
  char *body = value != NULL ? make_body(key, value, error) : NULL;
  if (value != NULL && body == NULL)
    return FALSE;
  g_autofree char *path = pino_client_path("/v1/settings/%s", key);
  g_autoptr(JsonNode) answer =
      pino_client_request(client, value != NULL ? "PUT" : "DELETE", path, body, NULL, error);
  pino_secret_free(body);
  return answer != NULL;
}

static int perform(char **names, const Options *options) {
  g_autoptr(GError) error = NULL;
  const char *key = names[0], *value = key != NULL ? names[1] : NULL;
  gboolean changes = value != NULL || options->reset;
  g_autoptr(PinoClient) client = pino_client_connect(TRUE, &error);
  if (client == NULL || (changes && !change(client, key, value, &error)))
    return complain(error);
  if (!changes || options->json)
    return show(client, key, options->json);
  pino_say(value != NULL ? "%s is set" : "%s is as it was at first", key);
  return PINO_EXIT_OK;
}

static gboolean check(char **names, const Options *options) {
  if (!options->reset || (names[0] != NULL && names[1] == NULL))
    return TRUE;
  pino_command_complain(names[0] == NULL ? "--reset wants a key"
                                         : "settings wants a value or --reset, not both");
  return FALSE;
}

/* The value is hidden from lists of processes once it is known, whether it is a secret or not. */
int pino_command_settings(int argc, char **argv) {
  Options options = {0};
  g_auto(GStrv) names = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"reset", 0, 0, G_OPTION_ARG_NONE, &options.reset, "Take back what was set", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print it as JSON", NULL},
      G_OPTION_ENTRY_NULL,
  };
  /* A list of its own, because parsing takes out of it what it knows. */
  g_autofree char **left = g_memdup2(argv, sizeof *argv * (gsize)(argc + 1));
  if (!pino_command_parse_names("settings [KEY [VALUE|--reset]] [--json]",
                                "Shows the engine's settings, the value of one, or sets it. With - as VALUE "
                                "it is read from standard "
                                "input, on a\nterminal without showing it. Secrets are never shown.",
                                entries, 0, 2, &argc, &left, &names, &status))
    return status;
  if (!check(names, &options))
    return PINO_EXIT_USAGE;
  if (names[0] != NULL && names[1] != NULL && !g_str_equal(names[1], "-"))
    pino_secret_hide(argv, names[1]);
  return perform(names, &options);
}
