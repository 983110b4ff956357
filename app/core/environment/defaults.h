/* The facts behind the environment: which settings a new ENVIRONMENT holds, which inherited variables a shell must
 * not see, which it gets. Each table names its source. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One line of a new ENVIRONMENT. */
typedef struct {
  const char *name;
  const char *value;
  gboolean home, app;  /* in which file it is written */
  gboolean folder;     /* a folder that must be there before a program uses it */
  const char *comment; /* may be NULL; lines parted by \n */
} PinoEnvDefault;

/* The lines of a new ENVIRONMENT, in their order. */
const PinoEnvDefault *pino_env_defaults(gsize *count);

/* Whether a shell must not inherit the variable from the process. */
gboolean pino_env_is_dropped(const char *name);

/* Whether the name belongs to the state of an activated conda environment. */
gboolean pino_env_is_conda_state(const char *name);

/* A variable of every shell. */
typedef struct {
  const char *name;
  const char *value; /* "./" is a path under the home */
  gboolean forced;   /* else only where nothing gave it a value */
  const char *file;  /* only where this file is; NULL: always */
} PinoEnvFixed;

/* The variables that every shell gets. */
const PinoEnvFixed *pino_env_fixed(gsize *count);

G_END_DECLS
