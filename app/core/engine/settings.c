#include "engine/settings.h"

#include "base/error.h"
#include "base/json.h"

#include <string.h>

typedef struct {
  const char *key;
  const char *description;
  /* A number has a range, a choice has values, a text has a text. */
  int number, min, max;
  const char *const *values;             /* the first one is the default; NULL: a number or a text */
  const char *text;                      /* the default; NULL: no text */
  gboolean (*allowed)(const char *text); /* of a text */
  gboolean secret;                       /* shown masked */
} Setting;

static const char *const idle_actions[] = {"tell", "stop-apps", "stop", NULL};
static const char *const idle_modes[] = {"dry-run", "real", "lose-data", NULL};
static const char *const restart_values[] = {"no", "on-failure", "always", NULL};

/* What is shown of a secret. */
#define MASK "********"

/* Ids of the providers, each once at most. */
static gboolean are_providers(const char *text) {
  static const char *const known[] = {"platform", "ngrok", "cloudflare", "localtunnel", "ssh", NULL};
  g_auto(GStrv) names = g_strsplit(text, ",", -1);
  for (guint i = 0; names[i] != NULL; i++) {
    if (!g_strv_contains(known, names[i]))
      return FALSE;
    for (guint j = 0; j < i; j++)
      if (g_str_equal(names[i], names[j]))
        return FALSE;
  }
  return names[0] != NULL;
}

/* [USER@]HOST[:PORT], of which nothing can be taken for an option of ssh. */
static gboolean is_ssh_target(const char *text) {
  return g_regex_match_simple("^([A-Za-z0-9_][A-Za-z0-9_.+-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$",
                              text, G_REGEX_DOLLAR_ENDONLY, 0);
}

static gboolean is_token(const char *text) {
  return g_regex_match_simple("^[A-Za-z0-9_.-]{1,200}$", text, G_REGEX_DOLLAR_ENDONLY, 0);
}

static const char *const auto_values[] = {"cloud", "always", "never", NULL};

#define NUMBER(name, text_of_it, usual, least, most)                                                         \
  { .key = name, .description = text_of_it, .number = usual, .min = least, .max = most }
#define CHOICE(name, text_of_it, all)                                                                        \
  { .key = name, .description = text_of_it, .values = all }
#define TEXT(name, text_of_it, usual, is_allowed)                                                            \
  { .key = name, .description = text_of_it, .text = usual, .allowed = is_allowed }

static const Setting settings[] = {
    NUMBER("health.interval_s", "Seconds between two looks at an app's address (most apps log each).", 60, 1,
           3600),
    CHOICE("idle.action",
           "What is done when nothing has been going on: told, the apps stopped, or the rented machine too.",
           idle_actions),
    NUMBER("idle.after_s", "Seconds without work of GPU, CPU and network after which that is done; 0: never.",
           0, 0, 604800),
    /* An idle web interface whose page is open, an idle Jupyter and the engine itself stay well below these. */
    NUMBER("idle.cpu_percent", "Work of all CPUs, in percent, that counts as something going on.", 5, 1,
           1000),
    NUMBER("idle.gpu_percent", "The same for the busiest GPU.", 5, 1, 1000),
    CHOICE("idle.mode", "Whether it is done, or only told; lose-data: also where a stop loses data.",
           idle_modes),
    NUMBER("idle.network_kib", "The same for KiB a second in and out over the network.", 50, 1, 1000000),
    CHOICE("restart.policy",
           "Whether an app that ended by itself is started again; its PINOKIO_RESTART goes before.",
           restart_values),
    NUMBER("runs.keep", "Ended runs of each app that are remembered.", 50, 1, 10000),
    NUMBER("stop.grace_ms", "Milliseconds that an app gets to end by itself before it is killed.", 5000, 0,
           60000),
    CHOICE("tunnel.auto", "Whether an app gets a public address as soon as it is ready: on rented machines.",
           auto_values),
    NUMBER("tunnel.check_s", "Seconds between two looks whether a public address still leads here.", 30, 1,
           3600),
    {.key = "tunnel.ngrok_token",
     .description = "The token of an ngrok account; NGROK_AUTHTOKEN serves too.",
     .text = "",
     .allowed = is_token,
     .secret = TRUE},
    TEXT("tunnel.providers", "Who gives public addresses, in the order in which they are tried.",
         "platform,ngrok,cloudflare,localtunnel,ssh", are_providers),
    TEXT("tunnel.ssh", "The SSH server that gives public addresses: USER@HOST[:PORT].", "nokey@localhost.run",
         is_ssh_target),
};

static const Setting *find(const char *key) {
  for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
    if (strcmp(settings[i].key, key) == 0)
      return &settings[i];
  return NULL;
}

static gboolean parse_number(const Setting *setting, const char *value, int *number) {
  guint64 parsed = 0;
  if (!g_ascii_string_to_unsigned(value, 10, (guint64)setting->min, (guint64)setting->max, &parsed, NULL))
    return FALSE;
  *number = (int)parsed;
  return TRUE;
}

/* The table's own text of the value, or NULL. */
static const char *parse_choice(const Setting *setting, const char *value) {
  for (guint i = 0; setting->values[i] != NULL; i++)
    if (strcmp(setting->values[i], value) == 0)
      return setting->values[i];
  return NULL;
}

static void set_not_allowed(GError **error, const Setting *setting, const char *value) {
  if (setting->text != NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s cannot be '%s': %s", setting->key,
                setting->secret ? MASK : value, setting->description);
    return;
  }
  g_autofree char *choices = setting->values != NULL ? g_strjoinv(", ", (char **)setting->values) : NULL;
  if (choices != NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s cannot be '%s': it is one of %s", setting->key,
                value, choices);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s cannot be '%s': it is a whole number from %d to %d",
                setting->key, value, setting->min, setting->max);
}

gboolean pino_setting_check(const char *key, const char *value, GError **error) {
  const Setting *setting = find(key);
  int number;
  if (setting == NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no setting '%s'", key);
    return FALSE;
  }
  if (setting->text != NULL     ? setting->allowed(value)
      : setting->values != NULL ? parse_choice(setting, value) != NULL
                                : parse_number(setting, value, &number))
    return TRUE;
  set_not_allowed(error, setting, value);
  return FALSE;
}

/* --- values --------------------------------------------------------------------------------------------- */

static int number_of(const Setting *setting, const char *kept) {
  int number = setting->number;
  return kept != NULL && parse_number(setting, kept, &number) ? number : setting->number;
}

static const char *choice_of(const Setting *setting, const char *kept) {
  const char *choice = kept != NULL ? parse_choice(setting, kept) : NULL;
  return choice != NULL ? choice : setting->values[0];
}

int pino_setting_int(PinoLibrary *library, const char *key) {
  const Setting *setting = find(key);
  g_return_val_if_fail(setting != NULL && setting->values == NULL && setting->text == NULL, 0);
  g_autofree char *kept = pino_library_setting(library, key, NULL);
  return number_of(setting, kept);
}

const char *pino_setting_text(PinoLibrary *library, const char *key) {
  const Setting *setting = find(key);
  g_return_val_if_fail(setting != NULL && setting->values != NULL, "");
  g_autofree char *kept = pino_library_setting(library, key, NULL);
  return choice_of(setting, kept);
}

char *pino_setting_string(PinoLibrary *library, const char *key) {
  const Setting *setting = find(key);
  g_return_val_if_fail(setting != NULL && setting->text != NULL, NULL);
  g_autofree char *kept = pino_library_setting(library, key, NULL);
  return g_strdup(kept != NULL && setting->allowed(kept) ? kept : setting->text);
}

static void append_text(GString *out, const Setting *setting, const char *kept) {
  gboolean good = kept != NULL && setting->allowed(kept);
  pino_json_append_member(out, "type", setting->secret ? "secret" : "text");
  pino_json_append_member(out, "value", !good ? setting->text : setting->secret ? MASK : kept);
  pino_json_append_member(out, "default", setting->text);
}

static void append_choice(GString *out, const Setting *setting, const char *kept) {
  pino_json_append_member(out, "type", "choice");
  pino_json_append_member(out, "value", choice_of(setting, kept));
  pino_json_append_member(out, "default", setting->values[0]);
  g_string_append(out, ",\"values\":[");
  for (guint i = 0; setting->values[i] != NULL; i++) {
    g_string_append(out, i > 0 ? "," : "");
    pino_json_append_string(out, setting->values[i], strlen(setting->values[i]));
  }
  g_string_append_c(out, ']');
}

static void append_number(GString *out, const Setting *setting, const char *kept) {
  pino_json_append_member(out, "type", "number");
  g_string_append_printf(out, ",\"value\":%d,\"default\":%d,\"min\":%d,\"max\":%d", number_of(setting, kept),
                         setting->number, setting->min, setting->max);
}

char *pino_settings_json(PinoLibrary *library, GError **error) {
  g_autoptr(GHashTable) kept = pino_library_settings(library, error);
  if (kept == NULL)
    return NULL;
  g_autoptr(GString) out = g_string_new("[");
  for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
    const char *value = g_hash_table_lookup(kept, settings[i].key);
    g_string_append(out, i > 0 ? ",{" : "{");
    pino_json_append_member(out, "key", settings[i].key);
    pino_json_append_member(out, "description", settings[i].description);
    (settings[i].text != NULL     ? append_text
     : settings[i].values != NULL ? append_choice
                                  : append_number)(out, &settings[i], value);
    g_string_append_printf(out, ",\"set\":%s}", value != NULL ? "true" : "false");
  }
  g_string_append_c(out, ']');
  return g_string_free(g_steal_pointer(&out), FALSE);
}
