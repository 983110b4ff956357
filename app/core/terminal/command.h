/* What the programs' commands have in common: their tables, arguments, exit statuses and complaints. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Exit statuses (specification, section 9). */
enum { PINO_EXIT_OK = 0, PINO_EXIT_FAILED = 1, PINO_EXIT_USAGE = 2 };

/* A command parses its own arguments and gives the process's exit status. */
typedef struct {
  const char *name;
  const char *arguments; /* after the name, for the usage line */
  const char *summary;
  int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} PinoCommand;

/* Parses options with GLib; FALSE after telling what is wrong, or after --help (then *status is 0, else 2). usage is the
 * command's line after the program's name (g_get_prgname()); positional says how many further arguments are wanted. */
gboolean pino_command_parse(const char *usage, const char *summary, const GOptionEntry *entries,
                            int positional, int *argc, char ***argv, int *status);

/* "pinokiocloud: MESSAGE" on standard error. */
void pino_command_complain(const char *message);

G_END_DECLS
