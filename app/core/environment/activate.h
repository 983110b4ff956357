/* What a shell runs before its message, so that conda and a virtual environment are there and active.
 *
 * The text is a sequence of bash commands for one line, joined by " ; ". An environment that is missing or half made
 * is made first. When one cannot be made or activated, the shell prints "error: ..." and ends with status 1: the
 * message must not run in another Python, and the default handler for "error:" then halts the step.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A step's `conda`. Nothing set is the managed base. */
typedef struct {
  gboolean skip;           /* no conda at all */
  const char *path, *name; /* path: relative to the step's folder */
  const char *python;      /* "3.11", or a conda spec such as "python=3.11"; NULL: 3.10 */
  const char *const *args; /* further arguments of `conda create`, each reaching it unchanged; may be NULL */
  const char *const
      *activate;        /* commands that take the place of the activation; {"minimal"}: the base alone */
  gboolean no_activate; /* made, not activated */
} PinoConda;

/* A step's `venv`. */
typedef struct {
  const char *path; /* relative to the step's folder; NULL or "": none */
  const char
      *python; /* a version; NULL: that of a broken environment there, conda's, else 3.10 if it can be had */
} PinoVenv;

typedef struct {
  char *commands;         /* NULL: nothing to do */
  gboolean conda_missing; /* conda was wanted (the base too), but miniforge is not installed: tell so once */
  gboolean conda_base;    /* the shell runs in conda's base (see PinoEnvShell) */
} PinoActivation;

/* Builds it. conda and venv may be NULL (the base, none). folder is the step's working folder. FALSE with
 * PINO_ERROR_USAGE for a conda object that names nothing. Clear the result with pino_activation_clear(). */
gboolean pino_activation_build(const char *home, const char *folder, const PinoConda *conda,
                               const PinoVenv *venv, PinoActivation *activation, GError **error);
void pino_activation_clear(PinoActivation *activation);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoActivation, pino_activation_clear)

G_END_DECLS
