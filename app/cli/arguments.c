#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static gboolean are_good(char **names, guint least, guint most) {
  guint count = g_strv_length(names);
  for (guint i = 0; i < count; i++) {
    if (*names[i] == '\0')
      return FALSE;
  }
  return count >= least && count <= most;
}

gboolean pino_command_parse_names(const char *usage, const char *summary, const GOptionEntry *entries,
                                  guint least, guint most, int *argc, char ***argv, char ***names,
                                  int *status) {
  g_auto(GStrv) found = NULL;
  gsize count = 0;
  while (entries != NULL && entries[count].long_name != NULL)
    count++;
  g_autofree GOptionEntry *all = g_new0(GOptionEntry, count + 2);
  for (gsize i = 0; i < count; i++)
    all[i] = entries[i];
  all[count] =
      (GOptionEntry){.long_name = G_OPTION_REMAINING, .arg = G_OPTION_ARG_FILENAME_ARRAY, .arg_data = &found};
  *names = NULL;
  if (!pino_command_parse(usage, summary, all, 0, argc, argv, status))
    return FALSE;
  if (found == NULL)
    found = g_new0(char *, 1);
  if (!are_good(found, least, most)) {
    fprintf(stderr, "Usage: %s %s\nTry --help.\n", g_get_prgname(), usage);
    *status = PINO_EXIT_USAGE;
    return FALSE;
  }
  *names = g_steal_pointer(&found);
  return TRUE;
}
