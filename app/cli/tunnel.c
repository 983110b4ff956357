/* pinokiocloud tunnel: addresses under which apps are reached from anywhere. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/qr.h"
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/public.h"
#include "cli/table.h"
#include "cli/target.h"

#define CLOSE_LOOK_US 50000
#define CLOSE_LOOKS 200
#define PATIENCE_S 30

typedef struct {
  char *provider, *passcode;
  gboolean json, detach, all, off;
} Options;

/* A client that does not wait for minutes when the engine hangs, because Ctrl-C is kept waiting as well. */
static PinoClient *connect_engine(GError **error) {
  PinoClient *client = pino_client_connect(TRUE, error);
  if (client != NULL)
    pino_client_set_patience(client, PATIENCE_S);
  return client;
}

static int complain(const GError *error) {
  int status = pino_say_error(error);
  return g_error_matches(error, PINO_ERROR, PINO_ERROR_USAGE)       ? PINO_EXIT_USAGE
         : g_error_matches(error, PINO_ERROR, PINO_ERROR_CANCELLED) ? PINO_EXIT_INTERRUPTED
                                                                    : status;
}

static gint64 seconds_since(gint64 ms) {
  return (g_get_real_time() / 1000 - ms) / 1000;
}

static JsonObject *object_at(JsonArray *array, guint at) {
  JsonNode *node = json_array_get_element(array, at);
  return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gboolean flag(JsonObject *object, const char *name) {
  return json_object_get_boolean_member_with_default(object, name, FALSE);
}

/* --- passcodes ----------------------------------------------------------------------------------------------------- */

/* The passcode that an argument stands for, "-" for one that is typed; *out NULL where there was no argument. */
static gboolean take_passcode(const char *argument, char **out, GError **error) {
  *out = NULL;
  if (argument == NULL)
    return TRUE;
  if (g_str_equal(argument, "-"))
    *out = pino_secret_read("Passcode: ", "the passcode", error);
  else if (pino_secret_check(argument, "the passcode", error))
    *out = g_strdup(argument);
  return *out != NULL;
}

/* --- list ---------------------------------------------------------------------------------------------------------- */

static void add_tunnel(PinoTable *table, JsonObject *tunnel) {
  gint64 created = pino_number(tunnel, "created_at");
  g_autofree char *local = pino_public_name(tunnel);
  const char *app = pino_text(tunnel, "app");
  pino_table_add(table, app != NULL ? app : local);
  pino_table_add(table, pino_text(tunnel, "status"));
  pino_table_add(table, pino_public_url(tunnel));
  pino_table_add(table, pino_text(tunnel, "provider"));
  pino_table_take(table, created > 0 ? pino_span(seconds_since(created)) : NULL);
  pino_table_add(table, flag(tunnel, "passcode") ? "yes" : "no");
}

static void print_tunnels(JsonArray *tunnels) {
  static const char *const heads[] = {"APP", "STATUS", "URL", "PROVIDER", ">AGE", "PASSCODE", NULL};
  g_autoptr(PinoTable) table = pino_table_new(heads);
  for (guint i = 0; i < json_array_get_length(tunnels); i++) {
    if (object_at(tunnels, i) != NULL)
      add_tunnel(table, object_at(tunnels, i));
  }
  pino_table_print(table);
  for (guint i = 0; i < json_array_get_length(tunnels); i++) {
    JsonObject *tunnel = object_at(tunnels, i);
    const char *trouble = tunnel != NULL ? pino_text(tunnel, "trouble") : NULL;
    g_autofree char *name = trouble != NULL ? pino_public_name(tunnel) : NULL;
    if (trouble != NULL && !pino_public_is_open(tunnel))
      pino_say("%s: %s", name, trouble);
  }
}

static int list(char **names, const Options *options) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoClient) client = connect_engine(&error);
  g_autoptr(JsonNode) tunnels = client != NULL ? pino_client_get_array(client, "/v1/tunnels", &error) : NULL;
  if (tunnels == NULL)
    return complain(error);
  if (options->json)
    pino_put_json(tunnels);
  else if (json_array_get_length(json_node_get_array(tunnels)) > 0)
    print_tunnels(json_node_get_array(tunnels));
  else
    pino_put_line("No tunnel is open.");
  return PINO_EXIT_OK;
}

/* --- open ---------------------------------------------------------------------------------------------------------- */

static gboolean is_number(const char *text) {
  return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* An address of this machine: only the engine knows which hosts are. */
static gboolean check_url(const char *text, GError **error) {
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri != NULL ? g_uri_get_scheme(uri) : NULL,
             *host = uri != NULL ? g_uri_get_host(uri) : NULL;
  if ((g_strcmp0(scheme, "http") == 0 || g_strcmp0(scheme, "https") == 0) && host != NULL && *host != '\0')
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is no address: it is like http://127.0.0.1:7860/",
              text);
  return FALSE;
}

/* {"app"} or {"port"} or {"url"}, still open. */
static char *begin_body(const char *what, GError **error) {
  GString *body = g_string_new("{");
  guint64 port = 0;
  if (is_number(what)) {
    if (!g_ascii_string_to_unsigned(what, 10, 1, G_MAXUINT16, &port, NULL))
      g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s is no port: it is a number from 1 to 65535", what);
    g_string_append_printf(body, "\"port\":%" G_GUINT64_FORMAT, port);
  } else if (strstr(what, "://") != NULL) {
    if (check_url(what, error))
      pino_json_append_member(body, "url", what);
  } else {
    pino_json_append_member(body, "app", what);
  }
  return g_string_free(body, *error != NULL);
}

static char *make_body(const char *what, const char *provider, const char *passcode, GError **error) {
  g_autofree char *begun = begin_body(what, error);
  if (begun == NULL)
    return NULL;
  GString *body = g_string_new(begun);
  pino_json_append_member(body, "provider", provider);
  pino_json_append_member(body, "passcode", passcode);
  g_string_append_c(body, '}');
  return g_string_free(body, FALSE);
}

/* The tunnel's id. */
static char *ask(PinoClient *client, const char *what, const char *body, gboolean *already, GError **error) {
  g_autoptr(JsonNode) node = pino_client_request(client, "POST", "/v1/tunnels", body, NULL, error);
  if (node == NULL) {
    pino_public_suggest(client, what, error);
    return NULL;
  }
  JsonObject *answer = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *id = answer != NULL ? pino_text(answer, "tunnel") : NULL;
  *already = answer != NULL && flag(answer, "already");
  if (id == NULL)
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED,
                        "the engine opens a tunnel, but did not say as what");
  return g_strdup(id);
}

static void tell_open(JsonObject *tunnel) {
  g_autofree char *name = pino_public_name(tunnel);
  g_autofree char *url = pino_one_line(pino_public_url(tunnel));
  pino_put_line(url);
  pino_qr_print(url);
  if (flag(tunnel, "passcode"))
    pino_say("it asks for the passcode; programs send the token of `pinokiocloud tunnel list --json`");
  else if (g_strcmp0(pino_text(tunnel, "provider"), "platform") != 0)
    pino_say("whoever knows this address can use it; `pinokiocloud tunnel passcode %s` sets a passcode",
             name);
}

static int follow(PinoClient *client, const char *what, const char *provider, const char *id) {
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) tunnel = NULL;
  switch (pino_public_follow(client, id, provider, 0, &tunnel, &error)) {
  case PINO_PUBLIC_OPEN:
    tell_open(json_node_get_object(tunnel));
    return PINO_EXIT_OK;
  case PINO_PUBLIC_FAILED:
    return complain(error);
  default:
    pino_say("it goes on being opened; `pinokiocloud tunnel list` shows it, `pinokiocloud tunnel close %s` "
             "ends it",
             what);
    return PINO_EXIT_INTERRUPTED;
  }
}

static int open_tunnel(char **names, const Options *options) {
  g_autoptr(GError) error = NULL;
  char *passcode = NULL, *body = NULL;
  gboolean already = FALSE;
  if (take_passcode(options->passcode, &passcode, &error))
    body = make_body(names[0], options->provider, passcode, &error);
  pino_secret_free(passcode);
  g_autoptr(PinoClient) client = body != NULL ? connect_engine(&error) : NULL;
  g_autofree char *id = client != NULL ? ask(client, names[0], body, &already, &error) : NULL;
  pino_secret_free(body);
  if (id == NULL)
    return complain(error);
  if (already)
    pino_say("a tunnel is there already");
  if (!options->detach)
    return follow(client, names[0], options->provider, id);
  pino_public_tell_rules(client, options->provider);
  pino_put_line(id);
  return PINO_EXIT_OK;
}

/* --- close --------------------------------------------------------------------------------------------------------- */

/* Those that a word means; an error where it means nothing at all. With none of an app that is there: an empty array. */
static GPtrArray *find_tunnels(PinoClient *client, JsonNode *tunnels, const char *word, GError **error) {
  g_autoptr(GPtrArray) found = pino_public_find(tunnels, word);
  g_autoptr(JsonNode) app = NULL;
  if (found->len > 0)
    return g_steal_pointer(&found);
  if (is_number(word) || strstr(word, "://") != NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no tunnel to %s", word);
    return NULL;
  }
  app = pino_target_app(client, word, error);
  if (app == NULL)
    pino_public_suggest(client, word, error);
  return app != NULL ? g_steal_pointer(&found) : NULL;
}

/* TRUE once it is not there any more. */
static gboolean wait_for_end(PinoClient *client, const char *path, GError **error) {
  for (guint looks = 0; looks < CLOSE_LOOKS; looks++) {
    g_autoptr(GError) failed = NULL;
    g_autoptr(JsonNode) node = pino_client_get_object(client, path, &failed);
    if (node == NULL && g_error_matches(failed, PINO_ERROR, PINO_ERROR_NOT_FOUND))
      return TRUE;
    if (node == NULL) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return FALSE;
    }
    g_usleep(CLOSE_LOOK_US);
  }
  g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "not closed within %d s, it goes on being closed",
              CLOSE_LOOKS * CLOSE_LOOK_US / (int)G_USEC_PER_SEC);
  return FALSE;
}

static gboolean close_tunnel(PinoClient *client, JsonObject *tunnel, GError **error) {
  g_autofree char *name = pino_public_name(tunnel);
  g_autofree char *path = pino_client_path("/v1/tunnels/%s", pino_text(tunnel, "id"));
  g_autoptr(GError) failed = NULL;
  g_autoptr(JsonNode) node = pino_client_request(client, "DELETE", path, NULL, NULL, &failed);
  gboolean gone = node == NULL && g_error_matches(failed, PINO_ERROR, PINO_ERROR_NOT_FOUND);
  if (node == NULL && !gone)
    g_propagate_error(error, g_steal_pointer(&failed));
  if (!gone && (node == NULL || !wait_for_end(client, path, error))) {
    g_prefix_error(error, "the tunnel of %s: ", name);
    return FALSE;
  }
  pino_say("the tunnel of %s is closed", name);
  return TRUE;
}

static GPtrArray *all_tunnels(JsonNode *tunnels) {
  GPtrArray *all = g_ptr_array_new();
  JsonArray *array = json_node_get_array(tunnels);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    if (object_at(array, i) != NULL)
      g_ptr_array_add(all, object_at(array, i));
  }
  return all;
}

static int close_tunnels(char **names, const Options *options) {
  g_autoptr(GError) error = NULL;
  if (options->all == (names[0] != NULL)) {
    pino_command_complain("tunnel close wants an app, a tunnel's id, or --all");
    return PINO_EXIT_USAGE;
  }
  g_autoptr(PinoClient) client = connect_engine(&error);
  g_autoptr(JsonNode) tunnels = client != NULL ? pino_client_get_array(client, "/v1/tunnels", &error) : NULL;
  g_autoptr(GPtrArray) found = tunnels == NULL ? NULL
                               : options->all  ? all_tunnels(tunnels)
                                               : find_tunnels(client, tunnels, names[0], &error);
  if (found == NULL)
    return complain(error);
  for (guint i = 0; i < found->len; i++) {
    if (!close_tunnel(client, found->pdata[i], &error))
      return complain(error);
  }
  if (found->len == 0)
    pino_say(options->all ? "no tunnel was open" : "%s has no tunnel", names[0]);
  return PINO_EXIT_OK;
}

/* --- passcode ------------------------------------------------------------------------------------------------------ */

static gboolean put_passcode(PinoClient *client, JsonObject *tunnel, const char *passcode, GError **error) {
  g_autofree char *path = pino_client_path("/v1/tunnels/%s", pino_text(tunnel, "id"));
  g_autofree char *name = pino_public_name(tunnel);
  GString *body = g_string_new("{");
  pino_json_append_member(body, "passcode", passcode != NULL ? passcode : "");
  g_string_append_c(body, '}');
  char *text = g_string_free(body, FALSE);
  g_autoptr(JsonNode) node = pino_client_request(client, "PUT", path, text, NULL, error);
  pino_secret_free(text);
  if (node != NULL)
    pino_say(passcode != NULL ? "the tunnel of %s asks for the new passcode"
                              : "the tunnel of %s asks for none",
             name);
  return node != NULL;
}

static int set_passcode(PinoClient *client, const char *word, const char *passcode, GError **error) {
  g_autoptr(JsonNode) tunnels = pino_client_get_array(client, "/v1/tunnels", error);
  g_autoptr(GPtrArray) found = tunnels != NULL ? find_tunnels(client, tunnels, word, error) : NULL;
  if (found == NULL)
    return complain(*error);
  if (found->len == 0) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "%s has no tunnel; `pinokiocloud tunnel open %s --passcode -` opens one", word, word);
    return complain(*error);
  }
  for (guint i = 0; i < found->len; i++) {
    if (!put_passcode(client, found->pdata[i], passcode, error))
      return complain(*error);
  }
  return PINO_EXIT_OK;
}

static int change_passcode(char **names, const Options *options) {
  g_autoptr(GError) error = NULL;
  char *passcode = NULL;
  if (options->off && names[1] != NULL) {
    pino_command_complain("tunnel passcode wants a word or --off, not both");
    return PINO_EXIT_USAGE;
  }
  if (!options->off && !take_passcode(names[1] != NULL ? names[1] : "-", &passcode, &error))
    return complain(error);
  g_autoptr(PinoClient) client = connect_engine(&error);
  int status = client != NULL ? set_passcode(client, names[0], passcode, &error) : complain(error);
  pino_secret_free(passcode);
  return status;
}

/* --- providers ----------------------------------------------------------------------------------------------------- */

/* Barred: ms since 1970; below 0: for ever. */
static char *describe_provider(JsonObject *provider, gint64 barred) {
  const char *why = pino_text(provider, "why_not");
  g_autofree char *span = barred > 0 ? pino_span(-seconds_since(barred)) : NULL;
  if (!flag(provider, "available") && why != NULL)
    return g_strdup(why);
  if (barred < 0)
    return g_strdup("was refused; it is tried again with another token");
  return span != NULL ? g_strdup_printf("failed; it may be tried again in %s", span)
                      : g_strdup(pino_text(provider, "name"));
}

static void add_provider(PinoListing *listing, JsonObject *provider) {
  gint64 until = pino_number(provider, "barred_until");
  gint64 barred = until > 0 && seconds_since(until) > 0 ? 0 : until;
  g_autofree char *order = g_strdup_printf("%" G_GINT64_FORMAT, pino_number(provider, "order"));
  g_autofree char *text = describe_provider(provider, barred);
  gboolean can = flag(provider, "available") && barred >= 0;
  pino_listing_add(listing, pino_text(provider, "id"));
  pino_listing_add(listing, pino_number(provider, "order") > 0 ? order : NULL);
  pino_listing_add(listing, !can ? "no" : barred > 0 ? "later" : "yes");
  pino_listing_add(listing, text);
}

static void print_providers(JsonArray *providers) {
  static const char *const heads[] = {"PROVIDER", "ORDER", "USABLE", "WHAT IT IS, OR WHY NOT", NULL};
  g_autoptr(PinoListing) listing = pino_listing_new(heads);
  g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < json_array_get_length(providers); i++) {
    if (object_at(providers, i) != NULL)
      add_provider(listing, object_at(providers, i));
  }
  pino_listing_print(listing);
  for (guint i = 0; i < json_array_get_length(providers); i++) {
    JsonObject *provider = object_at(providers, i);
    const char *rule = provider != NULL ? pino_text(provider, "rule") : NULL;
    if (rule == NULL || !g_hash_table_add(told, (gpointer)rule))
      continue;
    pino_put_line("");
    pino_listing_print_field("Rule", rule);
  }
}

static int show_providers(char **names, const Options *options) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoClient) client = connect_engine(&error);
  g_autoptr(JsonNode) providers =
      client != NULL ? pino_client_get_array(client, "/v1/providers", &error) : NULL;
  if (providers == NULL)
    return complain(error);
  if (options->json)
    pino_put_json(providers);
  else
    print_providers(json_node_get_array(providers));
  return PINO_EXIT_OK;
}

/* --- verbs --------------------------------------------------------------------------------------------------------- */

enum { JSON = 1, PROVIDER = 2, PASSCODE = 4, DETACH = 8, ALL = 16, OFF = 32 };

static const struct Verb {
  const char *name, *usage, *summary;
  guint options, least, most;
  int (*run)(char **names, const Options *options);
} verbs[] = {
    {"list", "tunnel list [--json]", "Shows the public addresses of apps.", JSON, 0, 0, list},
    {"open", "tunnel open APP|PORT|URL [--provider ID] [--passcode WORD] [--detach]",
     "Opens a public address for an app that runs, or for what listens on a port of this machine; prints it "
     "as "
     "soon as it\nworks. Ctrl-C ends only the waiting.",
     PROVIDER | PASSCODE | DETACH, 1, 1, open_tunnel},
    {"close", "tunnel close APP|ID|PORT|--all", "Closes public addresses.", ALL, 0, 1, close_tunnels},
    {"passcode", "tunnel passcode APP|ID [WORD|--off]",
     "Sets the passcode that a public address asks for; the address stays. Without WORD, or with -, it is "
     "read "
     "from standard\ninput, on a terminal without showing it.",
     OFF, 1, 2, change_passcode},
    {"providers", "tunnel providers [--json]",
     "Shows who can give public addresses, in the order in which they are tried, and the platform's rules.",
     JSON, 0, 0, show_providers},
};

static const struct Verb *find_verb(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
    if (g_str_equal(verbs[i].name, name))
      return &verbs[i];
  }
  return NULL;
}

/* argv[0] is the verb. The words of the command line are hidden once they are known. */
static int run_verb(const struct Verb *verb, int argc, char **argv) {
  Options options = {0};
  int status;
  g_auto(GStrv) names = NULL;
  const struct {
    guint bit;
    GOptionEntry entry;
  } all[] = {
      {PROVIDER,
       {"provider", 'p', 0, G_OPTION_ARG_STRING, &options.provider, "Only this one, of `tunnel providers`",
        "ID"}},
      {PASSCODE,
       {"passcode", 0, 0, G_OPTION_ARG_STRING, &options.passcode,
        "Ask visitors for it; -: read it from standard input", "WORD"}},
      {DETACH,
       {"detach", 'd', 0, G_OPTION_ARG_NONE, &options.detach, "Do not wait: print the tunnel's id", NULL}},
      {ALL, {"all", 0, 0, G_OPTION_ARG_NONE, &options.all, "All of them", NULL}},
      {OFF, {"off", 0, 0, G_OPTION_ARG_NONE, &options.off, "Ask for none any more", NULL}},
      {JSON, {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print it as JSON", NULL}},
  };
  GOptionEntry entries[G_N_ELEMENTS(all) + 1] = {0};
  for (guint i = 0, count = 0; i < G_N_ELEMENTS(all); i++) {
    if ((verb->options & all[i].bit) != 0)
      entries[count++] = all[i].entry;
  }
  /* A list of its own, because parsing takes out of it what it knows. */
  g_autofree char **left = g_memdup2(argv, sizeof *argv * (gsize)(argc + 1));
  if (pino_command_parse_names(verb->usage, verb->summary, entries, verb->least, verb->most, &argc, &left,
                               &names, &status)) {
    const char *word = verb->run == change_passcode ? names[1] : options.passcode;
    if (word != NULL && !g_str_equal(word, "-"))
      pino_secret_hide(argv, word);
    status = verb->run(names, &options);
  }
  g_free(options.provider);
  pino_secret_free(options.passcode);
  return status;
}

static void show_help(void) {
  pino_put_line("Usage: pinokiocloud tunnel list|open|close|passcode|providers [ARGUMENTS]\n\n"
                "Public addresses of apps. `pinokiocloud tunnel VERB --help` tells more.\n");
  for (guint i = 0; i < G_N_ELEMENTS(verbs); i++)
    pino_put_text("  %s", verbs[i].usage);
}

int pino_command_tunnel(int argc, char **argv) {
  if (argc > 1 && (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h"))) {
    show_help();
    return PINO_EXIT_OK;
  }
  if (argc == 1 || *argv[1] == '-')
    return run_verb(&verbs[0], argc, argv);
  const struct Verb *verb = find_verb(argv[1]);
  if (verb != NULL)
    return run_verb(verb, argc - 1, argv + 1);
  g_autofree char *shown = pino_one_line(argv[1]);
  g_autofree char *text = g_strdup_printf(
      "tunnel does not know '%s': there are list, open, close, passcode and providers", shown);
  pino_command_complain(text);
  return PINO_EXIT_USAGE;
}
