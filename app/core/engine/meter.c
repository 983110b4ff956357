/* What apps and the machine use. Samples are taken when somebody looks, and not more often than twice a second; GPUs
 * are asked on a thread, since a driver may take its time, and shown as of the last answer. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "cloud/gpu.h"
#include "cloud/machine.h"
#include "cloud/process.h"
#include "engine/internal.h"

#define FRESH_US (G_USEC_PER_SEC / 2)
#define GPU_FRESH_US (2 * G_USEC_PER_SEC)

struct _PinoMeter {
  PinoEngine *engine;
  PinoProcessTable *table;
  gint64 sampled; /* monotonic */
  PinoMachine *machine;
  PinoGpus *gpus; /* of the thread while `asking` */
  gint64 asked;
  gboolean asking;
  gboolean given_up; /* the meter has gone while the thread works: the thread frees */
  char *gpu_json;
  char *gpu_trouble;
  GArray *gpu_processes; /* PinoGpuProcess */
  GHashTable *roots;     /* shell id -> Root */
};

/* The keeper of a shell: the parent of its command. */
typedef struct {
  pid_t pid;
  guint64 start;
} Root;

PinoMeter *pino_meter_new(PinoEngine *engine) {
  PinoMeter *meter = g_new0(PinoMeter, 1);
  meter->engine = engine;
  meter->table = pino_process_table_new();
  meter->machine = pino_machine_new("/");
  meter->gpus = pino_gpus_new("/");
  meter->gpu_processes = g_array_new(FALSE, FALSE, sizeof(PinoGpuProcess));
  meter->roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return meter;
}

static void meter_clear(PinoMeter *meter) {
  pino_gpus_free(meter->gpus);
  g_free(meter->gpu_json);
  g_free(meter->gpu_trouble);
  g_array_unref(meter->gpu_processes);
  g_free(meter);
}

void pino_meter_free(PinoMeter *meter) {
  if (meter == NULL)
    return;
  pino_process_table_free(meter->table);
  pino_machine_free(meter->machine);
  g_hash_table_unref(meter->roots);
  meter->given_up = TRUE;
  if (!meter->asking)
    meter_clear(meter);
}

/* --- GPUs ------------------------------------------------------------------------------------------------------ */

static void ask_gpus(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  PinoGpus *gpus = data;
  g_autoptr(GError) error = NULL;
  pino_gpus_sample(gpus, &error);
  g_task_return_pointer(task, error != NULL ? g_strdup(error->message) : NULL, g_free);
}

static void on_gpus(GObject *source, GAsyncResult *result, gpointer data) {
  PinoMeter *meter = data;
  g_autofree char *trouble = g_task_propagate_pointer(G_TASK(result), NULL);
  meter->asking = FALSE;
  if (meter->given_up) {
    meter_clear(meter);
    return;
  }
  GString *json = g_string_new(NULL);
  pino_gpus_append_json(meter->gpus, json);
  g_free(meter->gpu_json);
  meter->gpu_json = g_string_free(json, FALSE);
  g_free(meter->gpu_trouble);
  meter->gpu_trouble = trouble != NULL ? g_steal_pointer(&trouble) : g_strdup(pino_gpus_trouble(meter->gpus));
  const GArray *processes = pino_gpus_processes(meter->gpus);
  g_array_set_size(meter->gpu_processes, 0);
  if (processes->len > 0)
    g_array_append_vals(meter->gpu_processes, processes->data, processes->len);
}

static void refresh_gpus(PinoMeter *meter) {
  gint64 now = g_get_monotonic_time();
  if (meter->asking || (meter->asked != 0 && now - meter->asked < GPU_FRESH_US))
    return;
  meter->asked = now;
  meter->asking = TRUE;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_gpus, meter);
  g_task_set_task_data(task, meter->gpus, NULL);
  g_task_run_in_thread(task, ask_gpus);
}

/* --- processes ------------------------------------------------------------------------------------------------- */

static pid_t parent_of(gint64 pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
  g_autofree char *text = NULL;
  int parent = 0;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 0;
  const char *end = strrchr(text, ')');
  return end != NULL && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* A pid of the library may be a stranger's by now: only a keeper is a root. */
static gboolean is_keeper(pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
  g_autofree char *name = NULL;
  return g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "pinokiocloud-ke");
}

static const Root *root_of(PinoMeter *meter, const PinoLiveShell *shell) {
  Root *root = g_hash_table_lookup(meter->roots, shell->id);
  if (root != NULL || shell->pid <= 0)
    return root;
  pid_t keeper = parent_of(shell->pid);
  if (keeper <= 1 || !is_keeper(keeper))
    return NULL;
  root = g_new0(Root, 1);
  *root = (Root){.pid = keeper, .start = pino_process_start(keeper)};
  g_hash_table_insert(meter->roots, g_strdup(shell->id), root);
  return root;
}

typedef struct {
  GString *pids;
  double cpu;
  guint64 rss, private_bytes, gpu_memory;
  int gpu_percent; /* -1: not told */
  guint threads;
  gint64 started;
} Sum;

static void add_gpu(PinoMeter *meter, Sum *sum, pid_t pid) {
  for (guint i = 0; i < meter->gpu_processes->len; i++) {
    const PinoGpuProcess *process = &g_array_index(meter->gpu_processes, PinoGpuProcess, i);
    if (process->pid != pid)
      continue;
    if (process->memory != G_MAXUINT64)
      sum->gpu_memory += process->memory;
    if (process->sm >= 0)
      sum->gpu_percent = MAX(sum->gpu_percent, 0) + process->sm;
  }
}

static void add_shell(PinoMeter *meter, Sum *sum, const PinoLiveShell *shell) {
  const Root *root = root_of(meter, shell);
  PinoProcessSum tree;
  if (root == NULL || !pino_process_table_tree(meter->table, root->pid, root->start, &tree))
    return;
  for (guint i = 0; i < tree.count; i++) {
    g_string_append_printf(sum->pids, "%s%d", sum->pids->len > 0 ? "," : "", (int)tree.processes[i].pid);
    add_gpu(meter, sum, tree.processes[i].pid);
  }
  sum->cpu += tree.cpu_percent;
  sum->rss += tree.rss;
  sum->private_bytes += tree.private_bytes;
  sum->threads += tree.threads;
  if (tree.started != 0 && (sum->started == 0 || tree.started < sum->started))
    sum->started = tree.started;
}

static void append_live(GString *out, PinoMeter *meter, const PinoLive *live) {
  g_autoptr(GString) pids = g_string_new(NULL);
  Sum sum = {.pids = pids, .gpu_percent = -1};
  char cpu[G_ASCII_DTOSTR_BUF_SIZE];
  for (guint i = 0; i < live->shells->len; i++) {
    const PinoLiveShell *shell = live->shells->pdata[i];
    if (shell->running)
      add_shell(meter, &sum, shell);
  }
  g_string_append_c(out, '{');
  pino_json_append_member(out, "run", live->row->id);
  if (live->row->app_id != NULL)
    pino_json_append_member(out, "app", live->row->app_id);
  else
    g_string_append(out, ",\"app\":null");
  pino_json_append_member(out, "script", live->row->script);
  pino_json_append_member(out, "state", pino_live_state_name(live->state));
  g_string_append_printf(out, ",\"health\":\"%s\"", pino_health_state_name(live->up));
  g_string_append_printf(out, ",\"pids\":[%s],\"cpu_percent\":%s", pids->str,
                         g_ascii_formatd(cpu, sizeof cpu, "%.1f", sum.cpu));
  g_string_append_printf(out, ",\"rss\":%" G_GUINT64_FORMAT ",\"private\":%" G_GUINT64_FORMAT, sum.rss,
                         sum.private_bytes);
  g_string_append_printf(out, ",\"gpu_memory\":%" G_GUINT64_FORMAT ",\"threads\":%u", sum.gpu_memory,
                         sum.threads);
  if (sum.gpu_percent >= 0)
    g_string_append_printf(out, ",\"gpu_percent\":%d", sum.gpu_percent);
  else
    g_string_append(out, ",\"gpu_percent\":null");
  g_string_append_printf(out, ",\"started_at\":%" G_GINT64_FORMAT ",\"restarts\":%d}", live->row->started_at,
                         live->row->restarts);
}

static gboolean is_gone(gpointer id, gpointer root, gpointer engine) {
  return pino_live_shell_find(engine, id) == NULL;
}

static void sample(PinoMeter *meter) {
  gint64 now = g_get_monotonic_time();
  if (meter->sampled != 0 && now - meter->sampled <= FRESH_US)
    return;
  g_autoptr(GError) error = NULL;
  if (!pino_process_table_sample(meter->table, &error))
    pino_engine_trouble(meter->engine, "the processes cannot be looked at", error);
  meter->sampled = now;
  g_hash_table_foreach_remove(meter->roots, is_gone, meter->engine);
}

GArray *pino_meter_pids(PinoEngine *engine, const PinoLive *live) {
  PinoMeter *meter = engine->meter;
  GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
  sample(meter);
  for (guint i = 0; i < live->shells->len; i++) {
    const PinoLiveShell *shell = live->shells->pdata[i];
    const Root *root = shell->running ? root_of(meter, shell) : NULL;
    PinoProcessSum tree;
    if (root == NULL || !pino_process_table_tree(meter->table, root->pid, root->start, &tree))
      continue;
    for (guint j = 0; j < tree.count; j++)
      g_array_append_val(pids, tree.processes[j].pid);
  }
  return pids;
}

GBytes *pino_engine_processes(PinoEngine *engine) {
  PinoMeter *meter = engine->meter;
  sample(meter);
  refresh_gpus(meter);
  GString *out = g_string_new("[");
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    if (pino_live_is_over(value))
      continue;
    if (out->len > 1)
      g_string_append_c(out, ',');
    append_live(out, meter, value);
  }
  g_string_append_c(out, ']');
  return g_string_free_to_bytes(out);
}

GBytes *pino_engine_resources(PinoEngine *engine) {
  PinoMeter *meter = engine->meter;
  const char *const paths[] = {engine->home, NULL};
  g_autoptr(GError) error = NULL;
  PinoMachineInfo info;
  GString *out = g_string_new("{\"machine\":");
  refresh_gpus(meter);
  if (pino_machine_sample(meter->machine, paths, &info, &error)) {
    pino_machine_append_json(&info, out);
    pino_machine_info_clear(&info);
  } else {
    g_string_append(out, "null");
    pino_engine_trouble(engine, "the machine cannot be looked at", error);
  }
  g_string_append_printf(out, ",\"gpus\":%s", meter->gpu_json != NULL ? meter->gpu_json : "[]");
  if (meter->gpu_trouble != NULL)
    pino_json_append_member(out, "gpu_trouble", meter->gpu_trouble);
  g_string_append_c(out, '}');
  return g_string_free_to_bytes(out);
}
