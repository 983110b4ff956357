/* pinokiocloud-runner: whatever needs JavaScript. `pinokiocloud` hands its commands over to it, so it speaks under that
 * name; the engine starts `serve`. */
#include <glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "runner/commands.h"

static const PinoCommand commands[] = {
    {"run", "TARGET", "install an app if it is not, start it, and show its URL", pino_command_run},
    {"script", "run|show FILE", "run one script, or show it as loaded", pino_command_script},
    {"menu", "TARGET", "show what an app's launcher offers now", pino_command_menu},
    {"fetch-agent", "PROGRAM HOME", "fetch a tunnel's program, for the engine", pino_command_fetch_agent},
    {"serve", "--run ID | --worker ID", "a run of the service, for the engine", pino_command_serve},
};

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  signal(SIGPIPE, SIG_IGN);
  g_set_prgname("pinokiocloud");
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++) {
    if (g_str_equal(argv[1], commands[i].name))
      return commands[i].run(argc - 1, argv + 1);
  }
  fputs("pinokiocloud-runner belongs to pinokiocloud: call that\n", stderr);
  return PINO_EXIT_USAGE;
}
