#include "environment/entries.h"

#include "base/error.h"
#include "base/json.h"
#include "environment/defaults.h"

#include <string.h>
#include <sys/stat.h>

/* No app's own come near these; an engine that serves others must not be held up by one that means to. */
#define FILE_LARGEST (256 * 1024)
#define ENTRIES_MOST 1000
#define SCRIPTS_MOST 20
#define SCRIPT_LARGEST (256 * 1024)

static void entry_free(gpointer data) {
  PinoEnvEntry *entry = data;
  g_free(entry->key);
  g_free(entry->value);
  g_free(entry->fallback);
  g_free(entry->description);
  g_free(entry);
}

gboolean pino_env_entry_is_set(const PinoEnvEntry *entry) {
  return entry->value && entry->value[strspn(entry->value, " \t\r\n\v\f")] != '\0';
}

/* --- secrets ------------------------------------------------------------------------------------------ */

static gboolean is_secret_word(const char *word) {
  static const char *const endings[] = {"TOKEN",   "KEY",      "SECRET",     "PASSWORD",   "PASSWD",
                                        "SECRETS", "PASSCODE", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"};
  for (gsize i = 0; i < G_N_ELEMENTS(endings); i++)
    if (g_str_has_suffix(word, endings[i]))
      return TRUE;
  return FALSE;
}

/* scheme://user:password@host */
static gboolean holds_login(const char *value) {
  return value && g_regex_match_simple("://[^/\\s:@]*:[^/\\s@]+@", value, G_REGEX_RAW, 0);
}

gboolean pino_env_is_secret(const char *key, const char *value) {
  g_autofree char *upper = g_ascii_strup(key, -1);
  g_auto(GStrv) words = g_strsplit_set(upper, "_.-", -1);
  guint count = g_strv_length(words);
  static const char *const places[] = {"PATH", "FILE", "DIR", "FOLDER", NULL};
  gboolean is_place = count > 1 && g_strv_contains(places, words[count - 1]);
  for (guint i = 0; !is_place && i < count; i++)
    if (is_secret_word(words[i]))
      return TRUE;
  return holds_login(value);
}

/* --- what scripts require ----------------------------------------------------------------------------- */

static const char *text_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

/* Entries in their order, and by their keys. */
typedef struct {
  GPtrArray *list;
  GHashTable *by_key; /* the keys are the entries' */
} Wanted;

static void take_wanted(Wanted *wanted, JsonNode *node) {
  JsonObject *item = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *key = item ? text_of(item, "key") : NULL;
  if (item && !key)
    key = text_of(item, "env");
  if (!key || !pino_dotenv_is_key(key) || wanted->list->len == ENTRIES_MOST ||
      g_hash_table_contains(wanted->by_key, key))
    return;
  const char *title = text_of(item, "title"), *description = text_of(item, "description");
  PinoEnvEntry *entry = g_new0(PinoEnvEntry, 1);
  entry->key = g_strdup(key);
  entry->fallback = g_strdup(text_of(item, "default"));
  entry->description = g_strdup(description ? description : title ? title : "");
  entry->required = TRUE;
  g_ptr_array_add(wanted->list, entry);
  g_hash_table_insert(wanted->by_key, entry->key, entry);
}

static void read_script(Wanted *wanted, const char *path) {
  static const char *const members[] = {"env", "pre"};
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > SCRIPT_LARGEST)
    return;
  g_autoptr(JsonObject) script = pino_json_read_object(path);
  for (gsize i = 0; script && i < G_N_ELEMENTS(members); i++) {
    JsonNode *node = json_object_get_member(script, members[i]);
    JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint j = 0; list && j < json_array_get_length(list); j++)
      take_wanted(wanted, json_array_get_element(list, j));
  }
}

static gint by_name(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the scripts in JSON beside the file, in the order of their names. */
static void read_scripts(Wanted *wanted, const char *file) {
  g_autofree char *folder = g_path_get_dirname(file);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  GDir *dir = g_dir_open(folder, 0, NULL); /* what cannot be looked at requires nothing that is known */
  const char *name;
  while (dir && (name = g_dir_read_name(dir)))
    if (g_str_has_suffix(name, ".json"))
      g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
  if (dir)
    g_dir_close(dir);
  g_ptr_array_sort(paths, by_name);
  for (guint i = 0; i < MIN(paths->len, SCRIPTS_MOST); i++)
    read_script(wanted, paths->pdata[i]);
}

/* --- the list ----------------------------------------------------------------------------------------- */

static const PinoEnvDefault *default_of(const char *key) {
  gsize count = 0;
  const PinoEnvDefault *defaults = pino_env_defaults(&count);
  for (gsize i = 0; i < count; i++)
    if (strcmp(defaults[i].name, key) == 0)
      return &defaults[i];
  return NULL;
}

typedef struct {
  PinoDotenv *now, *fresh;
  Wanted wanted;
} Sources;

/* What was commented out may be the secret of before. */
static gboolean tells_secret(const char *line) {
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(line, -1);
  g_auto(GStrv) keys = pino_dotenv_keys(dotenv);
  const char *value = *keys ? pino_dotenv_get(dotenv, *keys) : NULL;
  return (value && *value && pino_env_is_secret(*keys, value)) || holds_login(line);
}

static char *without_secrets(const char *said) {
  g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
  g_autoptr(GString) kept = g_string_new(NULL);
  for (char **line = lines; *line; line++)
    if (!tells_secret(*line))
      g_string_append_printf(kept, "%s%s", kept->len > 0 ? "\n" : "", *line);
  return g_string_free(g_steal_pointer(&kept), FALSE);
}

/* The first that says anything: the file, a new one, the script, the table. */
static char *describe(const Sources *sources, const char *key, const PinoEnvEntry *wanted,
                      const PinoEnvDefault *known) {
  g_autofree char *now = pino_dotenv_comment(sources->now, key);
  g_autofree char *fresh = pino_dotenv_comment(sources->fresh, key);
  const char *said = *now                      ? now
                     : *fresh                  ? fresh
                     : wanted                  ? wanted->description
                     : known && known->comment ? known->comment
                                               : "";
  return without_secrets(said);
}

static void add(GPtrArray *entries, const Sources *sources, const char *key) {
  if (entries->len == ENTRIES_MOST)
    return;
  const PinoEnvEntry *wanted = g_hash_table_lookup(sources->wanted.by_key, key);
  const PinoEnvDefault *known = default_of(key);
  const char *fresh = pino_dotenv_get(sources->fresh, key);
  PinoEnvEntry *entry = g_new0(PinoEnvEntry, 1);
  entry->key = g_strdup(key);
  entry->value = g_strdup(pino_dotenv_get(sources->now, key));
  entry->fallback = g_strdup(fresh ? fresh : wanted ? wanted->fallback : NULL);
  entry->description = describe(sources, key, wanted, known);
  entry->secret = pino_env_is_secret(key, entry->value) || holds_login(entry->fallback);
  entry->required = wanted != NULL;
  entry->known = known != NULL;
  g_ptr_array_add(entries, entry);
}

static GPtrArray *list(const Sources *sources) {
  GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);
  g_auto(GStrv) now = pino_dotenv_keys(sources->now);
  g_auto(GStrv) fresh = pino_dotenv_keys(sources->fresh);
  for (char **key = now; *key; key++)
    add(entries, sources, *key);
  for (char **key = fresh; *key; key++)
    if (!pino_dotenv_get(sources->now, *key))
      add(entries, sources, *key);
  for (guint i = 0; i < sources->wanted.list->len; i++) {
    const char *key = ((const PinoEnvEntry *)sources->wanted.list->pdata[i])->key;
    if (!pino_dotenv_get(sources->now, key) && !pino_dotenv_get(sources->fresh, key))
      add(entries, sources, key);
  }
  return entries;
}

static gboolean is_small(PinoDotenv *dotenv, const char *file, GError **error) {
  gsize len = 0;
  g_autofree char *text = pino_dotenv_to_text(dotenv, &len);
  if (len > FILE_LARGEST)
    g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "'%s' is over %d bytes: that is to be edited by hand",
                file, FILE_LARGEST);
  return len <= FILE_LARGEST;
}

GPtrArray *pino_env_entries(const char *home, const char *app_dir, GError **error) {
  if (!pino_env_prepare_app(home, app_dir, error))
    return NULL;
  g_autofree char *file = pino_env_file(app_dir);
  g_autoptr(PinoDotenv) now = pino_dotenv_load(file, error);
  g_autoptr(PinoDotenv) fresh = now ? pino_env_new_app_file(home, app_dir, error) : NULL;
  if (!fresh || !is_small(now, file, error) || !is_small(fresh, file, error))
    return NULL;
  g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(entry_free);
  g_autoptr(GHashTable) by_key = g_hash_table_new(g_str_hash, g_str_equal);
  Sources sources = {now, fresh, {wanted, by_key}};
  read_scripts(&sources.wanted, file);
  return list(&sources);
}

/* --- changing ----------------------------------------------------------------------------------------- */

static gboolean may_be_set(const PinoEnvPair *pair, GError **error) {
  if (pair->value && strpbrk(pair->value, "\r\n")) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the value of '%s' holds a newline", pair->name);
    return FALSE;
  }
  if (pino_dotenv_is_key(pair->name))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "'%s' cannot be the name of a setting: use letters, digits, '_', '.' and '-'", pair->name);
  return FALSE;
}

gboolean pino_env_change(const char *home, const char *app_dir, const PinoEnvPair *pairs, gsize count,
                         GError **error) {
  for (gsize i = 0; i < count; i++)
    if (!may_be_set(&pairs[i], error))
      return FALSE;
  if (!pino_env_prepare_app(home, app_dir, error))
    return FALSE;
  g_autoptr(PinoDotenv) fresh = pino_env_new_app_file(home, app_dir, error);
  if (!fresh)
    return FALSE;
  g_autofree PinoEnvPair *set = g_new(PinoEnvPair, count + 1);
  for (gsize i = 0; i < count; i++) {
    set[i] = pairs[i];
    if (!set[i].value)
      set[i].value = pino_dotenv_get(fresh, set[i].name);
  }
  return pino_env_set_app(app_dir, set, count, error);
}
