/* The params of shell.run and shell.start, from JavaScript's values to those of the rooms below. */
#pragma once

#include "environment/activate.h"
#include "environment/env.h"
#include "script/internal.h"

G_BEGIN_DECLS

typedef struct {
  char *folder;     /* working folder, absolute */
  char *shell;      /* NULL: bash */
  char **commands;  /* each for a shell of its own; blank ones are left out */
  char **env;       /* "NAME=value" */
  char *activation; /* what comes before each command; NULL: nothing */
  char *askpass;    /* script that gives sudo the password, removed with the params; NULL: not needed */
  gboolean sudo;
  gboolean input;
  JSValueRef on;
} PinoShellParams;

/* Reads the params of step; a message may be missing. FALSE with error set. Clear in any case. */
gboolean pino_shell_params_read(PinoStep *step, PinoShellParams *params, GError **error);
/* Works the activation out anew: a command that ran meanwhile may have made, or removed, the environment. */
gboolean pino_shell_params_renew(PinoStep *step, PinoShellParams *params, GError **error);
void pino_shell_params_clear(PinoShellParams *params);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoShellParams, pino_shell_params_clear)

/* The whole text for the shell: activation, then the command, as root if asked for. Free with g_free(). */
char *pino_shell_params_command(PinoStep *step, const PinoShellParams *params, const char *command,
                                GError **error);

/* The message of shell.enter and shell.write as one text. Free with g_free(). */
char *pino_shell_params_message(PinoStep *step, GError **error);

G_END_DECLS
