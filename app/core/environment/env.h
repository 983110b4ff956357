/* The variables that scripts and their shells see.
 *
 * Three layers, a later one over the earlier: the process, HOME/ENVIRONMENT, APP/ENVIRONMENT (APP/pinokio/ENVIRONMENT
 * where an app keeps its launcher in pinokio/). In a file an empty value counts as unset, and one that starts with
 * "./" is a path under HOME or APP.
 */
#pragma once

#include <glib.h>

#include "environment/dotenv.h"

G_BEGIN_DECLS

/* Texts by name, in the order in which the names came. */
typedef struct _PinoEnv PinoEnv;

/* An empty map. */
PinoEnv *pino_env_new(void);
void pino_env_free(PinoEnv *env);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoEnv, pino_env_free)

const char *pino_env_get(const PinoEnv *env, const char *name); /* NULL when unset; the map owns it */
/* Copies both; value NULL is "". A name keeps its place. */
void pino_env_set(PinoEnv *env, const char *name, const char *value);
/* Takes a variable out, if it is there. */
void pino_env_unset(PinoEnv *env, const char *name);
/* Lays other's variables over env's. */
void pino_env_overlay(PinoEnv *env, const PinoEnv *other);
/* The names in order; free with g_free(), the names are the map's. Ends with NULL. */
const char **pino_env_names(const PinoEnv *env);
/* NAME=value for each; free with g_strfreev(). */
char **pino_env_to_strv(const PinoEnv *env);

/* The process's own variables. */
PinoEnv *pino_env_process(void);

/* What a script of the app sees (env, envs): the three layers, and PINOKIO_HOME. app_dir may be NULL: none. */
PinoEnv *pino_env_for_app(const char *home, const char *app_dir, GError **error);

/* Where the app's settings are kept; free with g_free(). */
char *pino_env_file(const char *app_dir);

/* Makes what an app's first run needs: its ENVIRONMENT, of its own _ENVIRONMENT and the defaults that it does not
 * name itself. One that is there is never touched. */
gboolean pino_env_prepare_app(const char *home, const char *app_dir, GError **error);

/* Makes the home's folders, its ENVIRONMENT when it is missing, and in bin/ links to the engine's own tools. */
gboolean pino_env_prepare_home(const char *home, GError **error);

/* What such a new file holds. Free with pino_dotenv_free(). */
PinoDotenv *pino_env_new_app_file(const char *home, const char *app_dir, GError **error);

typedef struct {
  const char *name;
  const char *value; /* NULL: it is taken out */
} PinoEnvPair;

/* Writes settings into the app's ENVIRONMENT (made when missing): all of them at once, mode 0600. PINO_ERROR_USAGE, and
 * nothing is written, for a name that no file can hold, a value that would not read back, and too much for one file. */
gboolean pino_env_set_app(const char *app_dir, const PinoEnvPair *pairs, gsize count, GError **error);

/* --- shells ------------------------------------------------------------------------------------------- */

/* One entry of a step's `env`: a text, or a list, whose items come before what is there, joined by ':'. PATH is
 * always taken as a list. */
typedef struct {
  const char *name;
  const char *const *values; /* ends with NULL */
  gboolean list;
} PinoEnvExtra;

typedef struct {
  const PinoEnvExtra *extra; /* a step's `env`, in order */
  gsize extra_count;
  const char *const *drop; /* names to take out at the end; may be NULL */
  gboolean conda_base;     /* the shell runs in conda's base: pip there is refused */
} PinoEnvShell;

/* The environment of a shell, for execve; free with g_strfreev(). Folders that its cache variables name are made
 * when they are missing under home. */
char **pino_env_for_shell(const char *home, const char *app_dir, const PinoEnvShell *shell, GError **error);

G_END_DECLS
