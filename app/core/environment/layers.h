/* What the files of this room share among themselves. */
#pragma once

#include "environment/env.h"

G_BEGIN_DECLS

/* Lays an ENVIRONMENT file's settings over env; a missing file has none. */
gboolean pino_env_overlay_file(PinoEnv *env, const char *file, const char *folder, GError **error);

/* Lays the home's and the app's files over env (app_dir may be NULL), and sets PINOKIO_HOME. */
gboolean pino_env_overlay_files(PinoEnv *env, const char *home, const char *app_dir, GError **error);

G_END_DECLS
