/* pinokiocloud-runner serve: started by the engine, with the home and the run folder in the environment. */
#include <string.h>

#include "control/protocol.h"
#include "runner/commands.h"
#include "runner/serve.h"
#include "script/resolve.h"

/* It becomes the name of shells and their files. */
static gboolean is_plain(const char *id) {
  return *id != '\0' && strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(id);
}

int pino_command_serve(int argc, char **argv) {
  g_autofree char *run = NULL;
  g_autofree char *worker = NULL;
  int status;
  const GOptionEntry entries[] = {
      {"run", 0, 0, G_OPTION_ARG_STRING, &run, "Hold this run", "ID"},
      {"worker", 0, 0, G_OPTION_ARG_STRING, &worker, "Evaluate menus", "ID"},
      G_OPTION_ENTRY_NULL,
  };
  if (!pino_command_parse("serve --run ID | --worker ID", "A run of the service; the engine starts it.",
                          entries, 0, &argc, &argv, &status))
    return status;
  const char *id = run != NULL ? run : worker;
  if (id == NULL || (run != NULL && worker != NULL) || !is_plain(id)) {
    pino_command_complain(
        "serve wants --run ID or --worker ID; an id has letters, digits, '.', '_' and '-' only");
    return PINO_EXIT_USAGE;
  }
  g_autofree char *home = pino_home_default();
  const char *named = g_getenv(PINO_CONTROL_RUN_DIR);
  g_autofree char *run_dir =
      named != NULL ? g_canonicalize_filename(named, NULL) : g_build_filename(home, "run", NULL);
  g_unsetenv(PINO_CONTROL_RUN_DIR); /* no business of the scripts' commands */
  PinoServeOptions options = {.home = home, .run_dir = run_dir, .id = id};
  return run != NULL ? pino_serve_run(&options) : pino_serve_menus(&options);
}
