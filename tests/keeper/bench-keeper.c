/* What a keeper costs: output through it against a reader that only writes a file, the time of a short command,
 * and its memory. Prints JSON.
 *
 *   bench-keeper [MEGABYTES [ROUNDS]]
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE 80

typedef struct {
  gboolean ended;
  gsize bytes;
  guint64 sum;
  gint64 ended_us;
} Sink;

static void on_output(const guint8 *data, gsize length, gpointer user_data) {
  Sink *sink = user_data;
  sink->bytes += length;
  guint64 sum = 0;
  for (gsize i = 0; i < length; i++)
    sum += data[i];
  sink->sum += sum;
}

static void on_ended(int wait_status, gboolean stopped, gpointer user_data) {
  Sink *sink = user_data;
  sink->ended = TRUE;
  sink->ended_us = g_get_monotonic_time();
}

static const PinoKeeperEvents events = {.output = on_output, .ended = on_ended};

static PinoKeeper *start(const Place *place, const char *const *argv, Sink *sink) {
  g_autoptr(GError) error = NULL;
  PinoKeeperSpec spec = {.argv = argv, .log_path = place->log};
  PinoKeeper *keeper = pino_keeper_spawn(&spec, &events, sink, &error);
  g_assert_no_error(error);
  return keeper;
}

static void make_lines(const char *path, gsize megabytes) {
  char line[LINE + 1];
  FILE *file = fopen(path, "w");
  memset(line, 'x', LINE);
  line[LINE - 1] = '\n';
  line[LINE] = '\0';
  for (gsize i = 0; i < megabytes * 1000 * 1000 / LINE; i++)
    fputs(line, file);
  fclose(file);
}

/* Nothing but read and write: what a terminal can do here. */
static double bare(const Place *place, const char *const *argv) {
  enum { ROOM = 65536 };
  g_autofree char *buffer = g_malloc(ROOM);
  int master;
  gsize bytes = 0;
  ssize_t got;
  gint64 start_us = g_get_monotonic_time();
  int file = open(place->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  pid_t pid = forkpty(&master, NULL, NULL, NULL);
  if (pid == 0) {
    execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  while ((got = read(master, buffer, ROOM)) > 0) {
    g_assert_cmpint(write(file, buffer, (gsize)got), ==, got);
    bytes += (gsize)got;
  }
  waitpid(pid, NULL, 0);
  close(file);
  close(master);
  unlink(place->log);
  return (double)bytes / (double)(g_get_monotonic_time() - start_us);
}

static double through_keeper(const Place *place, const char *const *argv) {
  Sink sink = {0};
  gint64 start_us = g_get_monotonic_time();
  g_autoptr(PinoKeeper) keeper = start(place, argv, &sink);
  while (!sink.ended)
    g_main_context_iteration(NULL, TRUE);
  unlink(place->log);
  return (double)sink.bytes / (double)(sink.ended_us - start_us);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *list, gsize count) {
  qsort(list, count, sizeof *list, compare);
  return list[count / 2];
}

static double spawn_to_ended_ms(const Place *place) {
  enum { COUNT = 100 };
  const char *argv[] = {"true", NULL};
  double times[COUNT];
  for (int i = 0; i < COUNT; i++) {
    Sink sink = {0};
    gint64 start_us = g_get_monotonic_time();
    g_autoptr(PinoKeeper) keeper = start(place, argv, &sink);
    while (!sink.ended)
      g_main_context_iteration(NULL, TRUE);
    times[i] = (double)(sink.ended_us - start_us) / 1000;
  }
  return median(times, COUNT);
}

/* From typing a line that cat repeats to its arrival: keeper, terminal and client, twice. */
static double echo_ms(const Place *place) {
  enum { COUNT = 200 };
  const char *argv[] = {"sh", "-c", "stty raw -echo; echo; exec cat", NULL};
  double times[COUNT];
  Sink sink = {0};
  g_autoptr(PinoKeeper) keeper = start(place, argv, &sink);
  while (sink.bytes == 0)
    g_main_context_iteration(NULL, TRUE);
  for (int i = 0; i < COUNT; i++) {
    gsize before = sink.bytes;
    gint64 start_us = g_get_monotonic_time();
    pino_keeper_write(keeper, "x", 1, NULL);
    while (sink.bytes == before)
      g_main_context_iteration(NULL, TRUE);
    times[i] = (double)(g_get_monotonic_time() - start_us) / 1000;
  }
  return median(times, COUNT);
}

static int memory_kb(pid_t pid, const char *field) {
  g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid), *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return -1;
  const char *line = strstr(text, field);
  return line != NULL ? atoi(line + strlen(field)) : -1;
}

/* Once after some megabytes went through, so that all buffers are there. */
static int keeper_rss_kb(const Place *place) {
  const char *argv[] = {"sh", "-c", "seq 300000; echo $PPID > \"$0.pid\"; read x", place->log, NULL};
  g_autofree char *path = g_strconcat(place->log, ".pid", NULL), *text = NULL;
  Sink sink = {0};
  g_autoptr(PinoKeeper) keeper = start(place, argv, &sink);
  while (!g_file_get_contents(path, &text, NULL, NULL) || *text == '\0') {
    g_clear_pointer(&text, g_free);
    g_main_context_iteration(NULL, FALSE);
  }
  return memory_kb((pid_t)atoi(text), "VmRSS:");
}

int main(int argc, char **argv) {
  gsize megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 300;
  gsize rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 3;
  g_autofree double *plain = g_new(double, rounds), *kept = g_new(double, rounds),
                    *ratio = g_new(double, rounds);
  Place place;
  place_init(&place);
  g_autofree char *lines = place_file(&place, "lines"), *logs = place_file(&place, "logs");
  const char *cat[] = {"cat", lines, NULL};
  g_assert_cmpint(g_mkdir_with_parents(logs, 0700), ==, 0);
  make_lines(lines, megabytes);
  for (gsize i = 0; i < rounds; i++) {
    plain[i] = bare(&place, cat);
    kept[i] = through_keeper(&place, cat);
    ratio[i] = kept[i] / plain[i];
    fprintf(stderr, "round %zu: bare %.1f MB/s, keeper %.1f MB/s\n", i + 1, plain[i], kept[i]);
  }
  /* The ratio is that of neighbours in time: a machine that others use too changes between rounds. */
  g_print("{\"bare_mb_s\": %.1f, \"keeper_mb_s\": %.1f, \"ratio\": %.3f, ", median(plain, rounds),
          median(kept, rounds), median(ratio, rounds));
  g_print("\"spawn_to_ended_ms\": %.2f, \"echo_ms\": %.3f, \"keeper_rss_kb\": %d}\n",
          spawn_to_ended_ms(&place), echo_ms(&place), keeper_rss_kb(&place));
  place_clear(&place);
  return 0;
}
