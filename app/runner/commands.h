/* The commands of `pinokiocloud-runner`: those that need JavaScript, and a run of the service. */
#pragma once

#include "terminal/command.h"

G_BEGIN_DECLS

/* pinokiocloud run TARGET: install if needed, start, show the URL, stay. */
int pino_command_run(int argc, char **argv);
/* pinokiocloud script run|show FILE. */
int pino_command_script(int argc, char **argv);
/* pinokiocloud menu TARGET [--json]. */
int pino_command_menu(int argc, char **argv);
/* pinokiocloud-runner fetch-agent cloudflared|ngrok HOME: started by the engine alone. */
int pino_command_fetch_agent(int argc, char **argv);
/* pinokiocloud-runner serve --run ID | --worker ID: started by the engine alone. */
int pino_command_serve(int argc, char **argv);

G_END_DECLS
