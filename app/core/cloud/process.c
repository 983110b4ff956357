#include "cloud/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define SHORTEST_WINDOW (G_USEC_PER_SEC / 4)
#define NONE G_MAXUINT

enum { STAT_SIZE = 1024 }; /* the fields up to the start take less, whatever is in them */

/* Fields of /proc/PID/stat, counted from 1 as in proc(5). */
enum { FIELD_PARENT = 4, FIELD_USER = 14, FIELD_SYSTEM = 15, FIELD_THREADS = 20, FIELD_START = 22 };

/* A process of a scan. Scans are sorted by pid; the links are places in the scan. */
typedef struct {
  PinoProcess process;
  guint64 ticks;
  guint up, child, sibling;
  guint place, end; /* of it and of what follows its tree in table->processes */
} Seen;

typedef struct {
  pid_t pid;
  guint64 start, ticks;
} Mark;

/* What the CPU times were. Sorted by pid. */
typedef struct {
  GArray *marks;
  gint64 time; /* monotonic; 0: never */
} Marks;

struct _PinoProcessTable {
  DIR *proc;
  GArray *scan, *scratch; /* Seen */
  GArray *processes;      /* PinoProcess, each before its descendants; rss is G_MAXUINT64 until read */
  Marks base, next;       /* what figures count from, and what will take its place */
  gint64 boot;            /* seconds since 1970; 0: not known yet */
  guint64 ticks, page;    /* clock ticks in a second, bytes in a page */
};

PinoProcessTable *pino_process_table_new(void) {
  PinoProcessTable *table = g_new0(PinoProcessTable, 1);
  table->scan = g_array_new(FALSE, FALSE, sizeof(Seen));
  table->scratch = g_array_new(FALSE, FALSE, sizeof(Seen));
  table->processes = g_array_new(FALSE, FALSE, sizeof(PinoProcess));
  table->base.marks = g_array_new(FALSE, FALSE, sizeof(Mark));
  table->next.marks = g_array_new(FALSE, FALSE, sizeof(Mark));
  table->ticks = (guint64)sysconf(_SC_CLK_TCK);
  table->page = (guint64)sysconf(_SC_PAGESIZE);
  return table;
}

void pino_process_table_free(PinoProcessTable *table) {
  if (table == NULL)
    return;
  if (table->proc != NULL)
    closedir(table->proc);
  g_array_unref(table->scan);
  g_array_unref(table->scratch);
  g_array_unref(table->processes);
  g_array_unref(table->base.marks);
  g_array_unref(table->next.marks);
  g_free(table);
}

/* Gives the bytes read, or -1 with errno. */
static gssize read_at(int dir, const char *path, char *text, gsize size) {
  int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  gssize got;
  do
    got = read(fd, text, size - 1);
  while (got < 0 && errno == EINTR);
  int saved = errno;
  close(fd);
  errno = saved;
  if (got >= 0)
    text[got] = '\0';
  return got;
}

/* The name may hold blanks, parentheses and newlines; what comes after it holds none of ')'. */
static gboolean parse_stat(const char *text, gsize length, Seen *seen) {
  const char *name = memchr(text, '(', length);
  const char *after = memrchr(text, ')', length);
  if (name == NULL || after == NULL || after < name || after[1] != ' ' || after[2] == '\0')
    return FALSE;
  guint64 fields[FIELD_START + 1];
  char *rest = (char *)after + 3;
  for (int field = FIELD_PARENT; field <= FIELD_START; field++) {
    char *end;
    fields[field] = strtoull(rest, &end, 10);
    if (end == rest)
      return FALSE;
    rest = end;
  }
  PinoProcess *process = &seen->process;
  gsize size = MIN((gsize)(after - name - 1), sizeof process->name - 1);
  memcpy(process->name, name + 1, size);
  process->name[size] = '\0';
  process->state = after[2];
  process->parent = (pid_t)fields[FIELD_PARENT];
  process->threads = (guint)fields[FIELD_THREADS];
  process->start = fields[FIELD_START];
  seen->ticks = fields[FIELD_USER] + fields[FIELD_SYSTEM];
  return TRUE;
}

static gboolean is_alive(const PinoProcess *process) {
  return process->state != 'Z' && process->state != 'X';
}

guint64 pino_process_start(pid_t pid) {
  char path[32], text[STAT_SIZE];
  Seen seen;
  g_snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  gssize got = pid > 0 ? read_at(AT_FDCWD, path, text, sizeof text) : -1;
  if (got <= 0 || !parse_stat(text, (gsize)got, &seen) || !is_alive(&seen.process))
    return 0;
  return seen.process.start;
}

/* What has ended meanwhile and what others hide from us is no error. */
static gboolean is_absence(int errnum) {
  return errnum == ENOENT || errnum == ESRCH || errnum == EACCES || errnum == EPERM;
}

static gboolean scan_process(PinoProcessTable *table, const char *name, GError **error) {
  char path[32], text[STAT_SIZE];
  Seen seen = {.up = NONE, .child = NONE, .sibling = NONE, .place = NONE};
  seen.process.pid = (pid_t)strtol(name, NULL, 10);
  g_snprintf(path, sizeof path, "%s/stat", name);
  gssize got = read_at(dirfd(table->proc), path, text, sizeof text);
  if (got < 0 && !is_absence(errno)) {
    int errnum = errno;
    g_autofree char *full = g_strconcat("/proc/", path, NULL);
    pino_error_set_errno(error, errnum, "open", full);
    return FALSE;
  }
  if (got > 0 && parse_stat(text, (gsize)got, &seen))
    g_array_append_val(table->scratch, seen);
  return TRUE;
}

static int compare_seen(const void *a, const void *b) {
  pid_t left = ((const Seen *)a)->process.pid, right = ((const Seen *)b)->process.pid;
  return (left > right) - (left < right);
}

static int compare_mark(const void *a, const void *b) {
  pid_t left = ((const Mark *)a)->pid, right = ((const Mark *)b)->pid;
  return (left > right) - (left < right);
}

static gboolean scan_all(PinoProcessTable *table, GError **error) {
  if (table->proc == NULL && (table->proc = opendir("/proc")) == NULL) {
    pino_error_set_errno(error, errno, "opendir", "/proc");
    return FALSE;
  }
  g_array_set_size(table->scratch, 0);
  rewinddir(table->proc);
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(table->proc);
    if (entry == NULL && errno != 0) {
      pino_error_set_errno(error, errno, "readdir", "/proc");
      return FALSE;
    }
    if (entry == NULL)
      break;
    if (g_ascii_isdigit(entry->d_name[0]) && !scan_process(table, entry->d_name, error))
      return FALSE;
  }
  g_array_sort(table->scratch, compare_seen);
  GArray *old = table->scan;
  table->scan = table->scratch;
  table->scratch = old;
  return TRUE;
}

static Seen *seen_at(PinoProcessTable *table, guint index) {
  return &g_array_index(table->scan, Seen, index);
}

static guint find_seen(PinoProcessTable *table, pid_t pid) {
  Seen key = {.process.pid = pid};
  guint place;
  return g_array_binary_search(table->scan, &key, compare_seen, &place) ? place : NONE;
}

/* Gives the first of those without a parent here. A "parent" that is younger has its pid from the real one, which ended
 * during the scan. */
static guint link_parents(PinoProcessTable *table) {
  guint top = NONE;
  for (guint i = table->scan->len; i-- > 0;) {
    Seen *seen = seen_at(table, i);
    guint up = find_seen(table, seen->process.parent);
    if (up == i || (up != NONE && seen_at(table, up)->process.start > seen->process.start))
      up = NONE;
    guint *first = up == NONE ? &top : &seen_at(table, up)->child;
    seen->up = up;
    seen->sibling = *first;
    *first = i;
  }
  return top;
}

/* What a torn scan joined in a circle hangs below nothing and is left out. */
static void lay_out(PinoProcessTable *table) {
  g_array_set_size(table->processes, 0);
  guint at = link_parents(table);
  while (at != NONE) {
    Seen *seen = seen_at(table, at);
    seen->place = table->processes->len;
    g_array_append_val(table->processes, seen->process);
    guint next = seen->child;
    while (next == NONE && at != NONE) {
      seen = seen_at(table, at);
      seen->end = table->processes->len;
      next = seen->sibling;
      at = seen->up;
    }
    at = next;
  }
}

static double seconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The difference of two clocks and not btime of /proc/stat: that one is the container's start under lxcfs, and moves by a
 * second on older kernels. It is kept unless the clock was set, so that a process's start does not flicker. */
static void learn_boot(PinoProcessTable *table) {
  double boot = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
  double moved = boot - (double)table->boot;
  if (table->boot == 0 || moved < -1.5 || moved > 1.5)
    table->boot = (gint64)(boot + 0.5);
}

/* window is the seconds since the base, 0 without one. */
static double cpu_percent(const PinoProcessTable *table, const Seen *seen, double window, double uptime) {
  Mark key = {.pid = seen->process.pid};
  guint place;
  const Mark *mark = NULL;
  if (g_array_binary_search(table->base.marks, &key, compare_mark, &place))
    mark = &g_array_index(table->base.marks, Mark, place);
  double hertz = (double)table->ticks;
  guint64 ticks = seen->ticks;
  if (mark != NULL && mark->start == seen->process.start) {
    ticks -= MIN(mark->ticks, ticks);
  } else {
    double age = uptime - (double)seen->process.start / hertz;
    window = MAX(window, MAX(age, 1 / hertz));
  }
  return window > 0 ? 100 * (double)ticks / hertz / window : 0;
}

static void mark_times(PinoProcessTable *table, gint64 now) {
  Marks old = table->base;
  table->base = table->next;
  table->next = old;
  table->next.time = now;
  g_array_set_size(table->next.marks, 0);
  for (guint i = 0; i < table->scan->len; i++) {
    const Seen *seen = seen_at(table, i);
    Mark mark = {seen->process.pid, seen->process.start, seen->ticks};
    g_array_append_val(table->next.marks, mark);
  }
}

static void reckon(PinoProcessTable *table, gint64 now, double uptime) {
  double window = table->base.time != 0 ? (double)(now - table->base.time) / G_USEC_PER_SEC : 0;
  for (guint i = 0; i < table->scan->len; i++) {
    Seen *seen = seen_at(table, i);
    seen->process.started = table->boot + (gint64)(seen->process.start / table->ticks);
    seen->process.cpu_percent = cpu_percent(table, seen, window, uptime);
    seen->process.rss = G_MAXUINT64;
  }
}

gboolean pino_process_table_sample(PinoProcessTable *table, GError **error) {
  gint64 now = g_get_monotonic_time();
  double uptime = seconds_of(CLOCK_BOOTTIME);
  if (!scan_all(table, error)) {
    g_prefix_error(error, "cannot look at the processes: ");
    return FALSE;
  }
  if (table->next.time == 0 || now - table->next.time >= SHORTEST_WINDOW)
    mark_times(table, now);
  learn_boot(table);
  reckon(table, now, uptime);
  lay_out(table);
  return TRUE;
}

/* Of statm and not of stat: since Linux 6.2 the latter leaves out what each CPU has yet to add. */
static void read_memory(const PinoProcessTable *table, PinoProcess *process) {
  char path[32], text[256];
  unsigned long long size, resident = 0, shared = 0;
  g_snprintf(path, sizeof path, "%d/statm", (int)process->pid);
  if (read_at(dirfd(table->proc), path, text, sizeof text) <= 0 ||
      sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3)
    resident = shared = 0; /* it has ended meanwhile */
  process->rss = resident * table->page;
  process->shared = MIN(shared, resident) * table->page;
}

gboolean pino_process_table_tree(PinoProcessTable *table, pid_t root, guint64 root_start,
                                 PinoProcessSum *sum) {
  *sum = (PinoProcessSum){0};
  guint index = find_seen(table, root);
  if (index == NONE)
    return FALSE;
  const Seen *top = seen_at(table, index);
  if (top->process.start != root_start || !is_alive(&top->process) || top->place == NONE)
    return FALSE;
  PinoProcess *first = &g_array_index(table->processes, PinoProcess, top->place) + 1;
  sum->count = top->end - top->place - 1;
  sum->processes = first;
  for (PinoProcess *process = first; process < first + sum->count; process++) {
    if (process->rss == G_MAXUINT64)
      read_memory(table, process);
    sum->threads += process->threads;
    sum->cpu_percent += process->cpu_percent;
    sum->rss += process->rss;
    sum->private_bytes += process->rss - process->shared;
    sum->started = sum->started == 0 ? process->started : MIN(sum->started, process->started);
  }
  return TRUE;
}
