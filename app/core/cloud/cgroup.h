/* Where this process stands in the control groups of version 1 and 2, and what they allow.
 *
 * A limit holds for all groups below the one that has it, so what matters is the tightest between our own group and the
 * topmost that is mounted here; who uses how much is asked of the group that has the limit.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gboolean unified;  /* version 2 */
  GPtrArray *levels; /* folders below root, ours first, the mounted top last */
} PinoCgroup;

/* Finds our groups for a controller ("cpu", "memory"...) by root's /proc/self/{cgroup,mountinfo}; NULL when there are
 * none. */
PinoCgroup *pino_cgroup_find(const char *root, const char *controller);
void pino_cgroup_free(PinoCgroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoCgroup, pino_cgroup_free)

/* The tightest limit of CPU time in CPUs (1.5); 0 when there is none. *level (may be NULL) is where it is set. group may be
 * NULL here and below. */
double pino_cgroup_cpu_limit(const PinoCgroup *group, guint *level);

/* CPU time used by a level's groups in microseconds; usage is the group of "cpu" for version 2, of "cpuacct" for
 * version 1. */
gboolean pino_cgroup_cpu_used(const PinoCgroup *group, guint level, guint64 *microseconds);

/* The CPUs that we may run on as the kernel writes lists ("0-3,8"); NULL when all. Free with g_free(). */
char *pino_cgroup_cpus(const PinoCgroup *group);

typedef struct {
  guint64 limit;     /* bytes, the tightest; G_MAXUINT64: none */
  guint64 used;      /* by the groups of that limit; caches that can be dropped are not counted */
  guint64 available; /* the least that any of the limits leaves */
} PinoCgroupMemory;

/* Version 1 has no word for "no limit": such a limit is larger than any machine's memory. */
PinoCgroupMemory pino_cgroup_memory(const PinoCgroup *group);

G_END_DECLS
