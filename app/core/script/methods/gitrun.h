/* git for scripts: an app that a URI names is cloned when it is not there, and switched as asked. */
#pragma once

#include "script/internal.h"

G_BEGIN_DECLS

typedef struct {
  const char *uri;
  const char *branch; /* NULL: as it is */
  const char *hash;
  gboolean pull;
} PinoGitWish;

/* Clones to a temporary name first, so that a cut clone is never taken for an app. What git prints goes to the step's
 * output. */
gboolean pino_git_fetch_app(PinoStep *step, const PinoGitWish *wish, GError **error);

/* Runs a program (found as tools are) without a terminal in folder, its output printed by the step. FALSE with an
 * error that names the command when it exits with another status than 0. */
gboolean pino_step_run_program(PinoStep *step, const char *folder, const char *const *argv, GError **error);

G_END_DECLS
