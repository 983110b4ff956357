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

G_END_DECLS
