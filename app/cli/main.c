/* pinokiocloud: talks to the engine, is the engine, and hands the commands that need JavaScript over to
 * pinokiocloud-runner. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cloud/platform.h"
#include "config.h"

static int hand_over(int argc, char **argv);

typedef struct {
  const char *title;
  PinoCommand commands[16];
} Group;

static const Group groups[] = {
    {"Apps: found, installed, kept up to date",
     {
         {"search", "WORD...", "look for apps by what they do or are called", pino_command_search},
         {"list", "[--installed]", "show the apps of the catalog", pino_command_list},
         {"info", "APP", "show what an app is, and how it is here", pino_command_info},
         {"install", "APP|URL", "install an app; after a failure, go on where it failed",
          pino_command_install},
         {"update", "APP", "bring an app to its newest version, or back", pino_command_update},
         {"reset", "APP", "bring an app back to how it was before its install", pino_command_reset},
         {"uninstall", "APP", "remove an app; what you made with it is kept", pino_command_uninstall},
     }},
    {"The service: apps go on in the background",
     {
         {"up", "", "start the engine in the background", pino_command_up},
         {"down", "[--apps]", "end the engine; apps go on unless --apps", pino_command_down},
         {"status", "", "show whether it runs, and the apps that do", pino_command_status},
         {"start", "APP [SCRIPT]", "start an app, show its output until it is ready", pino_command_start},
         {"stop", "APP|RUN|--all", "stop an app, a run, or everything", pino_command_stop},
         {"restart", "APP", "stop an app and start it again", pino_command_restart},
         {"logs", "APP|RUN [-f]", "show what an app printed, and goes on to print", pino_command_logs},
         {"ps", "", "show what runs, and what it takes of the machine", pino_command_ps},
         {"attach", "SHELL|APP", "type into a shell of an app that runs", pino_command_attach},
         {"open", "APP", "show an app's addresses, and open it", pino_command_open},
         {"tunnel", "list|open|close", "give apps public addresses", pino_command_tunnel},
         {"idle", "", "stop apps or the machine when nothing goes on", pino_command_idle},
         {"settings", "[KEY [VALUE]]", "show and change the engine's settings", pino_command_settings},
         {"recover", "", "build the library anew from what is there", pino_command_recover},
     }},
    {"Without the service: Ctrl-C ends it",
     {
         {"run", "TARGET", "install an app if it is not, start it, and show its URL", hand_over},
         {"script", "run|show FILE", "run one script, or show it as loaded", hand_over},
         {"menu", "TARGET", "show what an app's launcher offers now", hand_over},
         {"drive", "[share|clean]", "show what apps share, and share more or clean up", pino_command_drive},
         {"doctor", "", "show what this machine has, and what to do about it", pino_command_doctor},
     }},
};

static const PinoCommand hidden[] = {
    {"engine", "", "", pino_command_engine},
    {"localtunnel", "", "", pino_command_localtunnel},
};

/* --- the runner ---------------------------------------------------------------------------------------------------- */

static char *find_runner(void) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : g_strdup(".");
  const char *named = g_getenv("PINOKIOCLOUD_RUNNER");
  if (named != NULL && *named != '\0')
    return g_strdup(named);
  g_autofree char *beside = g_build_filename(folder, "pinokiocloud-runner", NULL);
  g_autofree char *installed =
      g_build_filename(folder, "..", "libexec", "pinokiocloud", "pinokiocloud-runner", NULL);
  if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer(&beside);
  return g_file_test(installed, G_FILE_TEST_IS_EXECUTABLE) ? g_steal_pointer(&installed) : NULL;
}

/* The runner sees the arguments as they were: argv is the program's own, one further on. */
static int hand_over(int argc, char **argv) {
  g_autofree char *runner = find_runner();
  if (runner == NULL) {
    pino_command_complain(
        "the program pinokiocloud-runner is not beside this one and not in ../libexec/pinokiocloud: "
        "install it, or name it in PINOKIOCLOUD_RUNNER");
    return PINO_EXIT_FAILED;
  }
  signal(SIGPIPE, SIG_DFL);
  execv(runner, argv - 1);
  g_autofree char *text = g_strdup_printf("%s cannot be started: %s", runner, g_strerror(errno));
  pino_command_complain(text);
  return PINO_EXIT_FAILED;
}

/* --- */

static void show_help(FILE *to) {
  fprintf(to, "pinokiocloud " PINO_VERSION ": runs Pinokio's apps on rented GPU machines and locally\n\n"
              "Usage: pinokiocloud COMMAND [ARGUMENTS]\n");
  for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
    fprintf(to, "\n%s\n", groups[i].title);
    for (const PinoCommand *command = groups[i].commands; command->name != NULL; command++) {
      g_autofree char *call = g_strdup_printf("%s %s", command->name, command->arguments);
      fprintf(to, "  %-22s %s\n", call, command->summary);
    }
  }
  fprintf(to, "\n  --help, --version      show this, or the version; COMMAND --help tells more\n"
              "  --platform ID COMMAND  on a rented machine that is not recognised: which one it is\n"
              "\nPINOKIO_HOME names the folder of all apps (~/pinokio). NO_COLOR turns colours off.\n");
}

static const PinoCommand *find_command(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
    for (const PinoCommand *command = groups[i].commands; command->name != NULL; command++) {
      if (g_str_equal(command->name, name))
        return command;
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS(hidden); i++) {
    if (g_str_equal(hidden[i].name, name))
      return &hidden[i];
  }
  return NULL;
}

/* `--platform ID` before the command: for this process and those that it starts. */
static gboolean take_platform(int *argc, char ***argv) {
  g_autoptr(GError) error = NULL;
  if (!g_str_equal((*argv)[1], "--platform"))
    return TRUE;
  if (*argc < 4) {
    pino_command_complain("--platform wants the id of a platform, and a command after it");
    return FALSE;
  }
  g_autoptr(PinoPlatform) platform = pino_platform_detect("/", NULL, (*argv)[2], &error);
  if (platform == NULL) {
    pino_command_complain(error->message);
    return FALSE;
  }
  g_setenv("PINOKIO_PLATFORM", platform->id, TRUE);
  (*argv)[2] = (*argv)[0];
  *argv += 2;
  *argc -= 2;
  return TRUE;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
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
  if (!take_platform(&argc, &argv))
    return PINO_EXIT_USAGE;
  const PinoCommand *command = find_command(argv[1]);
  if (command != NULL) {
    signal(SIGPIPE, SIG_IGN);
    return command->run(argc - 1, argv + 1);
  }
  g_autofree char *message = g_strdup_printf("there is no command '%s'", argv[1]);
  pino_command_complain(message);
  show_help(stderr);
  return PINO_EXIT_USAGE;
}
