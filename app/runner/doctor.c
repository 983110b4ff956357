/* pinokiocloud doctor: what a person or a bug report needs to know of the machine. */
#include <stdio.h>
#include <sys/statvfs.h>

#include "config.h"
#include "environment/tools.h"
#include "runner/commands.h"
#include "runner/session.h"
#include "script/resolve.h"

static void print_tool(const char *home, const PinoTool *tool) {
  g_autofree char *path = pino_tool_find(home, tool->name);
  if (path == NULL) {
    printf("  %-12s %s: %s\n", tool->name, tool->required ? "MISSING" : "not here", tool->why);
    return;
  }
  g_autoptr(GError) error = NULL;
  g_autofree char *version = pino_tool_version(path, tool->arguments, &error);
  printf("  %-12s %s (%s)\n", tool->name, version != NULL ? version : error->message, path);
}

static gboolean print_tools(const char *home) {
  gsize count;
  gboolean complete = TRUE;
  const PinoTool *tools = pino_tools(&count);
  puts("Tools");
  for (gsize i = 0; i < count; i++) {
    g_autofree char *path = tools[i].required ? pino_tool_find(home, tools[i].name) : NULL;
    complete = complete && (!tools[i].required || path != NULL);
    print_tool(home, &tools[i]);
  }
  return complete;
}

static void print_disk(const char *label, const char *path) {
  g_autofree char *at = g_strdup(path);
  struct statvfs fs;
  while (statvfs(at, &fs) != 0 && !g_str_equal(at, "/")) {
    char *above = g_path_get_dirname(at);
    g_free(at);
    at = above;
  }
  g_autofree char *free_size = g_format_size((guint64)fs.f_bavail * fs.f_frsize);
  g_autofree char *whole = g_format_size((guint64)fs.f_blocks * fs.f_frsize);
  printf("  %-12s %s free of %s (%s)\n", label, free_size, whole, path);
}

static void print_system(void) {
  g_autofree char *system = g_get_os_info(G_OS_INFO_KEY_PRETTY_NAME);
  puts("System");
  printf("  %-12s pinokiocloud " PINO_VERSION ", GLib %u.%u.%u\n", "engine", glib_major_version,
         glib_minor_version, glib_micro_version);
  printf("  %-12s %s\n", "system", system != NULL ? system : "unknown");
  printf("  %-12s %u\n", "processors", g_get_num_processors());
}

static int machine_work(PinoSession *session, PinoRun *run, gpointer data) {
  g_autofree char *text = pino_run_machine(run);
  puts("GPU");
  printf("  %s\n", text);
  return PINO_EXIT_OK;
}

int pino_command_doctor(int argc, char **argv) {
  int status;
  if (!pino_command_parse("doctor", "Shows versions, tools, GPU, Python and disk.", NULL, 0, &argc, &argv,
                          &status))
    return status;
  g_autofree char *home = pino_home_default();
  PinoSessionOptions options = {.output = PINO_OUTPUT_NONE};
  print_system();
  gboolean complete = print_tools(home);
  pino_session_do(&options, machine_work, NULL);
  puts("Disk");
  print_disk("home", home);
  print_disk("temporary", g_get_tmp_dir());
  puts(complete ? "Everything that is needed is here."
                : "Something that is needed is missing: run setup/install.sh.");
  return complete ? PINO_EXIT_OK : PINO_EXIT_FAILED;
}
