/* pinokiocloud-runner fetch-agent PROGRAM HOME: a tunnel provider's program, for the engine. */
#include <stdio.h>

#include "lifecycle/fetch.h"
#include "runner/commands.h"

static void on_line(const char *line, gpointer data) {
  puts(line);
  fflush(stdout);
}

int pino_command_fetch_agent(int argc, char **argv) {
  int status;
  const GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
  if (!pino_command_parse("fetch-agent cloudflared|ngrok HOME", "Fetches a tunnel's program, for the engine.",
                          entries, 2, &argc, &argv, &status))
    return status;
  g_autoptr(GError) error = NULL;
  if (pino_fetch_program(argv[1], argv[2], on_line, NULL, &error))
    return PINO_EXIT_OK;
  pino_command_complain(error->message);
  return PINO_EXIT_FAILED;
}
