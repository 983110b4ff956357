/* An app's ENVIRONMENT as a person fills it in: each setting with what it means, what it is without a person's doing, and
 * whether it is a secret.
 *
 * Beside what the file holds there is what a new one would hold, and what the app's scripts in JSON require (`env`, `pre`);
 * scripts in JavaScript are not evaluated here, so what they require is not known.
 */
#pragma once

#include "environment/env.h"

G_BEGIN_DECLS

typedef struct {
  char *key;
  char *value;    /* as it stands in the file; NULL: it does not stand there */
  char *fallback; /* what a new file, or the script, has; NULL: nothing */
  char *
      description; /* "" where nobody says anything; without settings that were commented out and are secrets */
  gboolean secret;   /* by its name, or because its value holds a login: not to be shown */
  gboolean required; /* a script in JSON asks for it */
  gboolean known;    /* one of environment/defaults.h */
} PinoEnvEntry;

/* All settings of the app: those of the file in its order, then the others; the first 1,000. The file is made when it is missing.
 * Reads many files and may wait for a lock: no call for a main loop. Errors: those of reading and writing, PINO_ERROR_LIMIT for a file over 256 KiB. Free with g_ptr_array_unref(). */
GPtrArray *pino_env_entries(const char *home, const char *app_dir, GError **error);

/* Whether it has a value that counts. */
gboolean pino_env_entry_is_set(const PinoEnvEntry *entry);

/* Sets the pairs (each name once); value NULL: what a new file has there, or nothing. Comments and order of the file stay;
 * it is written at once, or not at all. PINO_ERROR_USAGE for a bad name, a value with a newline, or too much. */
gboolean pino_env_change(const char *home, const char *app_dir, const PinoEnvPair *pairs, gsize count,
                         GError **error);

/* Whether the value of a setting is not to be shown; value may be NULL. */
gboolean pino_env_is_secret(const char *key, const char *value);

G_END_DECLS
