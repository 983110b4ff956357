#include "terminal/command.h"

#include <stdio.h>

void pino_command_complain(const char *message) {
  fprintf(stderr, "pinokiocloud: %s\n", message);
}

gboolean pino_command_parse(const char *usage, const char *summary, const GOptionEntry *entries,
                            int positional, int *argc, char ***argv, int *status) {
  g_autoptr(GOptionContext) context = g_option_context_new(usage);
  g_autoptr(GError) error = NULL;
  gboolean help = FALSE;
  const GOptionEntry common[] = {
      {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL},
      G_OPTION_ENTRY_NULL,
  };
  g_option_context_set_summary(context, summary);
  g_option_context_set_help_enabled(context, FALSE);
  if (entries != NULL)
    g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_add_main_entries(context, common, NULL);
  gboolean ok = g_option_context_parse(context, argc, argv, &error);
  if (ok && help) {
    g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
    fputs(text, stdout);
    *status = PINO_EXIT_OK;
    return FALSE;
  }
  *status = PINO_EXIT_USAGE;
  if (ok && *argc == positional + 1)
    return TRUE;
  if (!ok)
    pino_command_complain(error->message);
  fprintf(stderr, "Usage: %s %s\nTry --help.\n", g_get_prgname(), usage);
  return FALSE;
}
