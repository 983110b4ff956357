/* How fast output passes through a shell with a handler that never matches, beside the bare keeper; and the CPU time
 * that this process itself spends on it, which other work on the machine does not change.
 *
 *     bench-shell [MEGABYTES]
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/wait.h"
#include "js/value.h"
#include "keeper/client.h"
#include "shell/shell.h"

typedef struct {
  gboolean ended;
  gsize bytes;
} Bare;

static void on_output(const guint8 *data, gsize length, gpointer user_data) {
  ((Bare *)user_data)->bytes += length;
}

static void on_ended(int wait_status, gboolean stopped, gpointer user_data) {
  ((Bare *)user_data)->ended = TRUE;
}

static void die(const GError *error) {
  g_printerr("bench-shell: %s\n", error->message);
  exit(1);
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(const char *what, gsize megabytes, gint64 began, double cpu) {
  double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
  g_print("%s: %.0f MB/s, %.0f ms of CPU per 100 MB\n", what, (double)megabytes / seconds,
          (cpu_seconds() - cpu) * 1e5 / (double)megabytes);
}

static void run_bare(const char *command, const char *log, gsize megabytes) {
  static const PinoKeeperEvents events = {.output = on_output, .ended = on_ended};
  const char *argv[] = {"bash", "--noprofile", "--norc", "-c", command, NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = log, .cols = 100, .rows = 30};
  Bare bare = {0};
  g_autoptr(GError) error = NULL;
  gint64 began = g_get_monotonic_time();
  double cpu = cpu_seconds();
  g_autoptr(PinoKeeper) keeper = pino_keeper_spawn(&spec, &events, &bare, &error);
  if (keeper == NULL || !pino_wait(&bare.ended, NULL, &error))
    die(error);
  report("bare keeper", megabytes, began, cpu);
}

static void run_shell(PinoJs *js, const char *command, const char *log, const char *on, gsize megabytes) {
  g_autoptr(GError) error = NULL;
  PinoShellSpec spec = {.js = js,
                        .command = command,
                        .log_path = log,
                        .id = "bench",
                        .default_handlers = TRUE,
                        .on = pino_js_eval(js, on, NULL, &error)};
  gint64 began = g_get_monotonic_time();
  double cpu = cpu_seconds();
  g_autoptr(PinoShell) shell = pino_shell_start(&spec, NULL, NULL, &error);
  g_auto(PinoShellResult) result = {0};
  if (shell == NULL || !pino_shell_wait(shell, NULL, &result, &error))
    die(error);
  report(on, megabytes, began, cpu);
}

static gsize resident(void) {
  g_autofree char *statm = NULL;
  if (!g_file_get_contents("/proc/self/statm", &statm, NULL, NULL))
    return 0;
  return (gsize)g_ascii_strtoull(strchr(statm, ' ') + 1, NULL, 10) * (gsize)getpagesize();
}

int main(int argc, char *argv[]) {
  static const char *const handlers[] = {"[]", "[{event: '/http:\\\\/\\\\/[0-9.:]+/', done: true}]",
                                         "[{event: '/[0-9]+%|[A-Z]{9}/', done: true}]"};
  setlocale(LC_ALL, "C.UTF-8");
  gsize megabytes = argc > 1 ? (gsize)atoi(argv[1]) : 400;
  g_autofree char *folder = g_dir_make_tmp("bench-shell-XXXXXX", NULL);
  g_autofree char *log = g_build_filename(folder, "log", NULL);
  g_autofree char *command = g_strdup_printf("yes 'the quick brown fox 12345 jumps over the lazy dog at "
                                             "path/to/file.txt' | head -c %" G_GSIZE_FORMAT,
                                             (megabytes << 20) * 74 / 75);
  g_autoptr(PinoJs) js = pino_js_new(NULL);
  for (guint round = 0; round < 3; round++) {
    run_bare(command, log, megabytes);
    (void)unlink(log);
    for (guint i = 0; i < G_N_ELEMENTS(handlers); i++) {
      run_shell(js, command, log, handlers[i], megabytes);
      (void)unlink(log);
    }
    g_print("resident %" G_GSIZE_FORMAT " MB\n", resident() >> 20);
  }
  (void)rmdir(folder);
  return 0;
}
