#include "environment/env.h"

#include "base/error.h"
#include "environment/dotenv.h"
#include "environment/layers.h"
#include "environment/private.h"

#include <string.h>

/* --- the map ------------------------------------------------------------------------------------------ */

struct _PinoEnv {
  GHashTable *values; /* name -> value; owns both */
  GPtrArray *names;   /* the keys of values, in order */
};

PinoEnv *pino_env_new(void) {
  PinoEnv *env = g_new0(PinoEnv, 1);
  env->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  env->names = g_ptr_array_new();
  return env;
}

void pino_env_free(PinoEnv *env) {
  if (!env)
    return;
  g_ptr_array_unref(env->names);
  g_hash_table_unref(env->values);
  g_free(env);
}

const char *pino_env_get(const PinoEnv *env, const char *name) {
  return g_hash_table_lookup(env->values, name);
}

void pino_env_set(PinoEnv *env, const char *name, const char *value) {
  gpointer key = NULL;
  char *copy = g_strdup(value ? value : "");
  if (g_hash_table_lookup_extended(env->values, name, &key, NULL)) {
    g_hash_table_insert(env->values, g_strdup(name), copy);
    return;
  }
  key = g_strdup(name);
  g_ptr_array_add(env->names, key);
  g_hash_table_insert(env->values, key, copy);
}

void pino_env_unset(PinoEnv *env, const char *name) {
  gpointer key = NULL;
  if (!g_hash_table_lookup_extended(env->values, name, &key, NULL))
    return;
  g_ptr_array_remove(env->names, key);
  g_hash_table_remove(env->values, name);
}

void pino_env_overlay(PinoEnv *env, const PinoEnv *other) {
  for (guint i = 0; i < other->names->len; i++)
    pino_env_set(env, other->names->pdata[i], pino_env_get(other, other->names->pdata[i]));
}

const char **pino_env_names(const PinoEnv *env) {
  const char **names = g_new0(const char *, env->names->len + 1);
  for (guint i = 0; i < env->names->len; i++)
    names[i] = env->names->pdata[i];
  return names;
}

char **pino_env_to_strv(const PinoEnv *env) {
  char **strv = g_new0(char *, env->names->len + 1);
  for (guint i = 0; i < env->names->len; i++)
    strv[i] = g_strdup_printf("%s=%s", (char *)env->names->pdata[i], pino_env_get(env, env->names->pdata[i]));
  return strv;
}

/* --- the layers --------------------------------------------------------------------------------------- */

PinoEnv *pino_env_process(void) {
  PinoEnv *env = pino_env_new();
  g_auto(GStrv) process = g_get_environ();
  for (char **entry = process; *entry; entry++) {
    char *equals = strchr(*entry, '=');
    if (!equals || equals == *entry)
      continue;
    *equals = '\0';
    pino_env_set(env, *entry, equals + 1);
  }
  return env;
}

char *pino_env_file(const char *app_dir) {
  g_autofree char *inner = g_build_filename(app_dir, "pinokio", NULL);
  return g_build_filename(g_file_test(inner, G_FILE_TEST_IS_DIR) ? inner : app_dir, "ENVIRONMENT", NULL);
}

gboolean pino_env_overlay_file(PinoEnv *env, const char *file, const char *folder, GError **error) {
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_load(file, error);
  if (!dotenv)
    return FALSE;
  g_auto(GStrv) keys = pino_dotenv_keys(dotenv);
  for (char **key = keys; *key; key++) {
    g_autofree char *value = pino_dotenv_resolve(dotenv, *key, folder);
    if (value)
      pino_env_set(env, *key, value);
  }
  return TRUE;
}

gboolean pino_env_overlay_files(PinoEnv *env, const char *home, const char *app_dir, GError **error) {
  g_autofree char *system = g_build_filename(home, "ENVIRONMENT", NULL);
  if (!pino_env_overlay_file(env, system, home, error))
    return FALSE;
  g_autofree char *own = app_dir ? pino_env_file(app_dir) : NULL;
  if (own && !pino_env_overlay_file(env, own, app_dir, error))
    return FALSE;
  pino_env_set(env, "PINOKIO_HOME", home);
  return TRUE;
}

PinoEnv *pino_env_for_app(const char *home, const char *app_dir, GError **error) {
  g_autoptr(PinoEnv) env = pino_env_process();
  return pino_env_overlay_files(env, home, app_dir, error) ? g_steal_pointer(&env) : NULL;
}

/* --- settings ----------------------------------------------------------------------------------------- */

static gboolean set_pairs(PinoDotenv *dotenv, const PinoEnvPair *pairs, gsize count, GError **error) {
  for (gsize i = 0; i < count; i++) {
    if (!pairs[i].value)
      pino_dotenv_unset(dotenv, pairs[i].name);
    else if (!pino_dotenv_set(dotenv, pairs[i].name, pairs[i].value, error))
      return FALSE;
  }
  return TRUE;
}

/* Whether the file would read back as it is meant. The values are not told: they may be secrets. */
static gboolean reads_back(PinoDotenv *dotenv, const PinoEnvPair *pairs, gsize count, GError **error) {
  gsize len = 0;
  g_autofree char *text = pino_dotenv_to_text(dotenv, &len);
  g_autoptr(PinoDotenv) read = pino_dotenv_parse(text, (gssize)len);
  if (len > PINO_PRIVATE_FILE_LIMIT) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "that is more than the %d bytes of one file",
                PINO_PRIVATE_FILE_LIMIT);
    return FALSE;
  }
  for (gsize i = 0; i < count; i++) {
    if (g_strcmp0(pino_dotenv_get(dotenv, pairs[i].name), pino_dotenv_get(read, pairs[i].name)) == 0)
      continue;
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the value of %s cannot be written into such a file",
                pairs[i].name);
    return FALSE;
  }
  return TRUE;
}

gboolean pino_env_set_app(const char *app_dir, const PinoEnvPair *pairs, gsize count, GError **error) {
  g_autofree char *file = pino_env_file(app_dir);
  g_autofree char *folder = g_path_get_dirname(file);
  int lock = pino_private_lock(folder, error);
  if (lock < 0)
    return FALSE;
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_load(file, error);
  gboolean done = dotenv != NULL && set_pairs(dotenv, pairs, count, error) &&
                  reads_back(dotenv, pairs, count, error) && pino_dotenv_save(dotenv, file, error);
  pino_private_unlock(lock);
  if (!done)
    g_prefix_error(error, "the settings of '%s': ", app_dir);
  return done;
}
