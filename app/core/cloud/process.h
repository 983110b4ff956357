/* What an app's processes are and use: one look at /proc for all apps at once.
 *
 * The processes of an app hang below its keepers (keeper/tree.h), so a tree is named by a keeper's pid together with its
 * start time, which no later owner of that pid can have. A sample reads every process's stat once, joins parents and
 * children, and lays the processes out so that each tree is one piece of an array. Processes that /proc does not show
 * (hidepid, another pid namespace) are not there, nor what hangs below them.
 *
 * No clock that a person can set has a part in CPU figures: CPU time is divided by monotonic time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct _PinoProcessTable PinoProcessTable;

typedef struct {
  pid_t pid, parent;
  guint64 start;  /* clock ticks since boot; with pid it names the process for good */
  gint64 started; /* seconds since 1970, by the clock as it is set now */
  char name[64];  /* what the kernel calls it: any bytes, mostly 15 at most */
  char state;     /* R S D T t Z I, as ps shows it */
  guint threads;
  double cpu_percent; /* since the sample before; 100 is one CPU. One that was not seen then: of its life */
  guint64 rss;        /* bytes in memory */
  guint64 shared;     /* bytes of rss that others may have in memory too (libraries, files, shared memory) */
} PinoProcess;

typedef struct {
  guint count;                  /* processes below the root, the root itself left out */
  const PinoProcess *processes; /* parents before their children; the table's, until its next sample */
  guint threads;
  double cpu_percent;    /* of all together */
  guint64 rss;           /* sum: pages shared by two processes count twice */
  guint64 private_bytes; /* sum of rss - shared: what would be free if all of them ended, at least */
  gint64 started;        /* of the oldest; 0 when there is none */
} PinoProcessSum;

/* An empty table; nothing is opened before the first sample. Not for two threads at once. */
PinoProcessTable *pino_process_table_new(void);
void pino_process_table_free(PinoProcessTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoProcessTable, pino_process_table_free)

/* Looks at all processes. CPU figures span the time since the sample before, but never less than a quarter of a second
 * when older samples allow it: the kernel counts in hundredths. On error (/proc cannot be read, no more descriptors) the
 * sample before stays. What is forked meanwhile may be missed until the next, so a tree that is empty in one sample is
 * not proof that nothing is left of it. */
gboolean pino_process_table_sample(PinoProcessTable *table, GError **error);

/* Sums up what hangs below root as of the last sample. FALSE, and sum all zero, when root was not alive then or is
 * another process than the one that started at root_start (pino_process_start()). A root below another's tree
 * is counted in both. */
gboolean pino_process_table_tree(PinoProcessTable *table, pid_t root, guint64 root_start,
                                 PinoProcessSum *sum);

/* When a process started, in clock ticks since boot; 0 when it is not there, or dead and only waited for. */
guint64 pino_process_start(pid_t pid);

G_END_DECLS
