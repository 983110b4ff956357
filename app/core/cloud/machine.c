#include "cloud/machine.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/json.h"
#include "cloud/cgroup.h"
#include "cloud/read.h"

#define SHORTEST_WINDOW (G_USEC_PER_SEC / 10) /* the kernel counts in hundredths */

/* CPU time used and CPU time there was, in the same unit. */
typedef struct {
  double used, whole;
  double quota; /* that they are reckoned by; 0: by the machine's CPUs */
  gint64 time;  /* monotonic, microseconds; 0: never */
} CpuMark;

struct _PinoMachine {
  char *root;
  PinoCgroup *cpu, *cpuacct, *cpuset, *memory;
  CpuMark mark;
  double cpu_percent;
};

PinoMachine *pino_machine_new(const char *root) {
  PinoMachine *machine = g_new0(PinoMachine, 1);
  machine->root = g_strdup(root);
  machine->cpu = pino_cgroup_find(root, "cpu");
  machine->cpuacct = pino_cgroup_find(root, "cpuacct");
  machine->cpuset = pino_cgroup_find(root, "cpuset");
  machine->memory = pino_cgroup_find(root, "memory");
  machine->cpu_percent = -1;
  return machine;
}

void pino_machine_free(PinoMachine *machine) {
  if (machine == NULL)
    return;
  g_clear_pointer(&machine->cpu, pino_cgroup_free);
  g_clear_pointer(&machine->cpuacct, pino_cgroup_free);
  g_clear_pointer(&machine->cpuset, pino_cgroup_free);
  g_clear_pointer(&machine->memory, pino_cgroup_free);
  g_free(machine->root);
  g_free(machine);
}

/* list is as the kernel writes it ("0-3,8"); NULL has all. */
static gboolean list_has(const char *list, guint64 cpu) {
  const char *at = list;
  while (at != NULL && g_ascii_isdigit(*at)) {
    char *end;
    guint64 first = g_ascii_strtoull(at, &end, 10);
    guint64 last = *end == '-' ? g_ascii_strtoull(end + 1, &end, 10) : first;
    if (cpu >= first && cpu <= last)
      return TRUE;
    at = *end == ',' ? end + 1 : end;
  }
  return list == NULL;
}

static guint list_count(const char *list) {
  guint count = 0;
  const char *at = list;
  while (at != NULL && g_ascii_isdigit(*at)) {
    char *end;
    guint64 first = g_ascii_strtoull(at, &end, 10);
    guint64 last = *end == '-' ? g_ascii_strtoull(end + 1, &end, 10) : first;
    count += last >= first ? (guint)(last - first + 1) : 0;
    at = *end == ',' ? end + 1 : end;
  }
  return count;
}

typedef struct {
  guint allowed, machine; /* CPUs */
  double used, whole;     /* of those allowed, in ticks */
} CpuTimes;

/* Adds what a line of /proc/stat after "cpuN" tells: user nice system idle iowait irq softirq steal. */
static void add_times(CpuTimes *times, const char *numbers) {
  enum { IDLE = 3, IOWAIT = 4, COUNT = 8 };
  char *rest = (char *)numbers;
  for (int i = 0; i < COUNT; i++) {
    double ticks = (double)g_ascii_strtoull(rest, &rest, 10);
    times->whole += ticks;
    times->used += i == IDLE || i == IOWAIT ? 0 : ticks;
  }
}

/* allowed and cpuset may be NULL. */
static CpuTimes read_times(const char *text, const char *allowed, const char *cpuset) {
  CpuTimes times = {0};
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, "cpu", 3) != 0 || !g_ascii_isdigit(line[3]))
      continue;
    char *numbers;
    guint64 cpu = g_ascii_strtoull(line + 3, &numbers, 10);
    times.machine++;
    if (!list_has(allowed, cpu) || !list_has(cpuset, cpu))
      continue;
    times.allowed++;
    add_times(&times, numbers);
  }
  return times;
}

static char *allowed_cpus(const char *root) {
  g_autofree char *status = pino_cloud_read(root, "proc/self/status");
  const char *line = status != NULL ? strstr(status, "\nCpus_allowed_list:") : NULL;
  if (line == NULL)
    return NULL;
  line = strchr(line, ':') + 1;
  line += strspn(line, " \t");
  return g_strndup(line, strcspn(line, "\n"));
}

/* Where the numbers of /proc/stat are a container's own (lxcfs counts them from 0), no line need be in the lists. */
static CpuTimes cpu_times(PinoMachine *machine) {
  g_autofree char *text = pino_cloud_read(machine->root, "proc/stat");
  g_autofree char *allowed = allowed_cpus(machine->root);
  g_autofree char *cpuset = pino_cgroup_cpus(machine->cpuset);
  CpuTimes times = read_times(text, allowed, cpuset);
  if (times.allowed > 0)
    return times;
  guint least =
      MIN(allowed != NULL ? list_count(allowed) : G_MAXUINT, cpuset != NULL ? list_count(cpuset) : G_MAXUINT);
  times = read_times(text, NULL, NULL);
  if (times.allowed == 0)
    times.allowed = times.machine = least != G_MAXUINT && least > 0 ? least : g_get_num_processors();
  else if (least > 0)
    times.allowed = MIN(times.allowed, least);
  return times;
}

static void sample_percent(PinoMachine *machine, CpuMark now) {
  CpuMark *mark = &machine->mark;
  gboolean comparable = mark->time != 0 && mark->quota == now.quota;
  if (comparable && now.time - mark->time < SHORTEST_WINDOW)
    return;
  double whole = now.whole - mark->whole;
  if (comparable && whole > 0)
    machine->cpu_percent = CLAMP(100 * (now.used - mark->used) / whole, 0, 100);
  *mark = now;
}

/* Under a quota the use is that of the groups which share the quota; else that of the CPUs we may run on. */
static void sample_cpu(PinoMachine *machine, PinoMachineInfo *info) {
  guint level = 0;
  guint64 used;
  CpuTimes times = cpu_times(machine);
  double quota = pino_cgroup_cpu_limit(machine->cpu, &level);
  info->cpus_machine = times.machine;
  info->cpus = times.allowed;
  CpuMark now = {times.used, times.whole, 0, g_get_monotonic_time()};
  if (quota > 0 && quota < info->cpus) {
    info->cpus = quota;
    const PinoCgroup *usage = machine->cpu->unified ? machine->cpu : machine->cpuacct;
    if (pino_cgroup_cpu_used(usage, level, &used)) {
      now.quota = quota;
      now.used = (double)used;
      now.whole = (double)now.time * quota;
    }
  }
  sample_percent(machine, now);
  info->cpu_percent = machine->cpu_percent;
}

static void sample_load(PinoMachine *machine, PinoMachineInfo *info) {
  g_autofree char *load = pino_cloud_read(machine->root, "proc/loadavg");
  char *rest = load;
  for (guint i = 0; rest != NULL && i < G_N_ELEMENTS(info->load); i++)
    info->load[i] = g_ascii_strtod(rest, &rest);
  g_autofree char *uptime = pino_cloud_read(machine->root, "proc/uptime");
  info->uptime = uptime != NULL ? g_ascii_strtod(uptime, NULL) : 0;
}

/* In bytes; kernels before 3.14 had no MemAvailable. */
static guint64 machine_available(const char *meminfo) {
  static const char *const parts[] = {"MemFree", "Buffers", "Cached"};
  guint64 available = 0, part;
  if (pino_cloud_keyed_number(meminfo, "MemAvailable", &available))
    return available * 1024;
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    available += pino_cloud_keyed_number(meminfo, parts[i], &part) ? part * 1024 : 0;
  return available;
}

static gboolean sample_memory(PinoMachine *machine, PinoMachineInfo *info, GError **error) {
  guint64 total;
  g_autofree char *text = pino_cloud_read(machine->root, "proc/meminfo");
  if (text == NULL || !pino_cloud_keyed_number(text, "MemTotal", &total)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "the machine's memory is not known: no MemTotal in '%s/proc/meminfo'; is /proc mounted?",
                strcmp(machine->root, "/") == 0 ? "" : machine->root);
    return FALSE;
  }
  total *= 1024;
  guint64 available = MIN(machine_available(text), total);
  PinoCgroupMemory group = pino_cgroup_memory(machine->memory);
  info->memory_limited = group.limit < total;
  info->memory_total = MIN(total, group.limit);
  info->memory_used = info->memory_limited ? group.used : total - available;
  info->memory_available = MIN(available, group.available);
  return TRUE;
}

static void clear_disk(gpointer data) {
  g_free(((PinoDisk *)data)->path);
}

static void add_disk(PinoMachine *machine, const char *path, GArray *disks) {
  struct statvfs about;
  PinoDisk disk = {.path = g_strdup(path)};
  g_autofree char *full = g_build_filename(machine->root, path, NULL);
  int failed;
  do
    failed = statvfs(full, &about);
  while (failed != 0 && errno == EINTR);
  if (failed != 0) {
    disk.error = errno;
  } else {
    guint64 unit = about.f_frsize != 0 ? about.f_frsize : about.f_bsize;
    disk.total = about.f_blocks * unit;
    disk.free = about.f_bavail * unit;
  }
  g_array_append_val(disks, disk);
}

gboolean pino_machine_sample(PinoMachine *machine, const char *const *paths, PinoMachineInfo *info,
                             GError **error) {
  *info = (PinoMachineInfo){0};
  if (!sample_memory(machine, info, error))
    return FALSE;
  sample_cpu(machine, info);
  sample_load(machine, info);
  info->disks = g_array_new(FALSE, FALSE, sizeof(PinoDisk));
  g_array_set_clear_func(info->disks, clear_disk);
  for (; paths != NULL && *paths != NULL; paths++)
    add_disk(machine, *paths, info->disks);
  return TRUE;
}

void pino_machine_info_clear(PinoMachineInfo *info) {
  g_clear_pointer(&info->disks, g_array_unref);
}

static void append_disks(const GArray *disks, GString *out) {
  g_string_append(out, ",\"disks\":[");
  for (guint i = 0; disks != NULL && i < disks->len; i++) {
    const PinoDisk *disk = &g_array_index(disks, PinoDisk, i);
    g_string_append(out, i == 0 ? "{" : ",{");
    pino_json_append_member(out, "path", disk->path);
    if (disk->error != 0) {
      pino_json_append_member(out, "error", pino_errno_name(disk->error));
    } else {
      pino_cloud_append_number(out, "total", disk->total);
      pino_cloud_append_number(out, "free", disk->free);
    }
    g_string_append_c(out, '}');
  }
  g_string_append_c(out, ']');
}

void pino_machine_append_json(const PinoMachineInfo *info, GString *out) {
  g_string_append_c(out, '{');
  pino_cloud_append_double(out, "cpus", info->cpus, 2);
  pino_cloud_append_number(out, "cpus_machine", info->cpus_machine);
  pino_cloud_append_double(out, "cpu_percent", info->cpu_percent < 0 ? NAN : info->cpu_percent, 1);
  g_string_append(out, ",\"load\":[");
  for (guint i = 0; i < G_N_ELEMENTS(info->load); i++)
    pino_cloud_append_double(out, NULL, info->load[i], 2);
  g_string_append(out, "],\"memory\":{");
  pino_cloud_append_number(out, "total", info->memory_total);
  pino_cloud_append_number(out, "used", info->memory_used);
  pino_cloud_append_number(out, "available", info->memory_available);
  g_string_append_printf(out, ",\"limited\":%s}", info->memory_limited ? "true" : "false");
  pino_cloud_append_double(out, "uptime", info->uptime, 2);
  append_disks(info->disks, out);
  g_string_append_c(out, '}');
}
