#include <glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "command.h"
#include "config.h"

static const PinoCommand commands[] = {
    {"run", "TARGET", "install an app if it is not, start it, and show its URL", pino_command_run},
    {"script", "run|show FILE", "run one script, or show it as loaded", pino_command_script},
    {"menu", "TARGET", "show what an app's launcher offers now", pino_command_menu},
    {"doctor", "", "show versions, tools, GPU, Python and disk", pino_command_doctor},
};

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

static void show_help(FILE *to) {
  fprintf(to, "pinokiocloud " PINO_VERSION ": runs Pinokio's apps on rented GPU machines and locally\n\n"
              "Usage: pinokiocloud COMMAND [ARGUMENTS]\n\n");
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
    g_autofree char *call = g_strdup_printf("%s %s", commands[i].name, commands[i].arguments);
    fprintf(to, "  %-22s %s\n", call, commands[i].summary);
  }
  fprintf(to, "\n  --help, --version      show this, or the version; COMMAND --help tells more\n"
              "\nPINOKIO_HOME names the folder of all apps (~/pinokio). NO_COLOR turns colours off.\n");
}

static int usage_error(const char *name) {
  g_autofree char *message = g_strdup_printf("there is no command '%s'", name);
  pino_command_complain(message);
  show_help(stderr);
  return PINO_EXIT_USAGE;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  signal(SIGPIPE, SIG_IGN);
  g_set_prgname("pinokiocloud");
  if (argc < 2) {
    show_help(stderr);
    return PINO_EXIT_USAGE;
  }
  if (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h") || g_str_equal(argv[1], "help")) {
    show_help(stdout);
    return PINO_EXIT_OK;
  }
  if (g_str_equal(argv[1], "--version")) {
    puts("pinokiocloud " PINO_VERSION);
    return PINO_EXIT_OK;
  }
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
    if (g_str_equal(argv[1], commands[i].name))
      return commands[i].run(argc - 1, argv + 1);
  }
  return usage_error(argv[1]);
}
