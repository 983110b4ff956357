/* The commands of `pinokiocloud` that talk to the engine. */
#pragma once

#include "terminal/command.h"

G_BEGIN_DECLS

/* Further exit statuses: `status` without an engine, as systemctl gives it; Ctrl-C, as shells give it. */
enum { PINO_EXIT_NOT_RUNNING = 3, PINO_EXIT_INTERRUPTED = 130 };

/* The engine: up, down, status; engine is its own process. */
int pino_command_up(int argc, char **argv);
int pino_command_engine(int argc, char **argv);
int pino_command_down(int argc, char **argv);
int pino_command_status(int argc, char **argv);
/* A LocalTunnel in a process of its own; started by the engine. */
int pino_command_localtunnel(int argc, char **argv);
/* Apps and their runs. */
int pino_command_start(int argc, char **argv);
int pino_command_stop(int argc, char **argv);
int pino_command_restart(int argc, char **argv);
int pino_command_logs(int argc, char **argv);
int pino_command_ps(int argc, char **argv);
int pino_command_attach(int argc, char **argv);
int pino_command_open(int argc, char **argv);
int pino_command_tunnel(int argc, char **argv);
/* Whole apps. */
int pino_command_install(int argc, char **argv);
int pino_command_update(int argc, char **argv);
int pino_command_reset(int argc, char **argv);
int pino_command_uninstall(int argc, char **argv);
/* The catalog. */
int pino_command_search(int argc, char **argv);
int pino_command_list(int argc, char **argv);
int pino_command_info(int argc, char **argv);
/* The machine. */
int pino_command_doctor(int argc, char **argv);
/* The machine. */
int pino_command_idle(int argc, char **argv);
/* The engine's settings. */
int pino_command_settings(int argc, char **argv);
/* What apps share. */
int pino_command_drive(int argc, char **argv);
/* The library. */
int pino_command_recover(int argc, char **argv);

/* As pino_command_parse(), with least to most further arguments, which are given in *names (g_strfreev()); none of them
 * is empty. entries end with a row of zeros. */
gboolean pino_command_parse_names(const char *usage, const char *summary, const GOptionEntry *entries,
                                  guint least, guint most, int *argc, char ***argv, char ***names,
                                  int *status);

G_END_DECLS
