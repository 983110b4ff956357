/* The machine as this container may use it: CPUs, memory, disks.
 *
 * What the kernel tells of the whole machine is cut down to what the control groups (cloud/cgroup.h), the CPU affinity
 * and the cpuset allow, so that a container of 2 CPUs and 8 GiB on a big host is shown as such.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoMachine PinoMachine;

typedef struct {
  char *path;
  guint64 total, free; /* bytes; free is what a person without privileges can still write */
  int error;           /* errno when the path could not be asked; then both are 0 */
} PinoDisk;

typedef struct {
  double cpus;              /* that may be used at once; 1.5 under a quota of one and a half */
  guint cpus_machine;       /* that the machine has */
  double cpu_percent;       /* of cpus, 0 to 100, since the sample before; -1 at the first */
  double load[3];           /* of the machine, over 1, 5 and 15 minutes; a container's neighbours count */
  guint64 memory_total;     /* bytes: the machine's, or the lowest limit set on us */
  guint64 memory_used;      /* of it; caches that can be dropped are not counted */
  guint64 memory_available; /* before something is killed or swapped; less than total - used on a full host */
  gboolean memory_limited;  /* memory_total is a limit and not the machine's */
  double uptime;            /* seconds, of the machine */
  GArray *disks;            /* PinoDisk, one for each path */
} PinoMachineInfo;

/* root is "/" in the product: proc and sys and all paths are looked for below it. Not for two threads at once. */
PinoMachine *pino_machine_new(const char *root);
void pino_machine_free(PinoMachine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoMachine, pino_machine_free)

/* Fills info (which need not be initialised) with what is now; paths ends with NULL and may be NULL. Free it with
 * pino_machine_info_clear(). Fails with PINO_ERROR_UNAVAILABLE, info all zero, where /proc tells no memory. Asking a disk
 * that is on a dead network mount waits as long as the mount does: where such paths may be, call it on a thread. */
gboolean pino_machine_sample(PinoMachine *machine, const char *const *paths, PinoMachineInfo *info,
                             GError **error);

void pino_machine_info_clear(PinoMachineInfo *info);

/* Appends info as a JSON object: {cpus, cpus_machine, cpu_percent (or null), load: [3], memory: {total, used, available,
 * limited}, uptime, disks: [{path, total, free} or {path, error: "ENOENT"}]}. */
void pino_machine_append_json(const PinoMachineInfo *info, GString *out);

G_END_DECLS
