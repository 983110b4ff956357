#include "cloud/cgroup.h"

#include <string.h>

#include "cloud/read.h"

static gboolean list_has(const char *list, const char *word) {
  g_auto(GStrv) words = g_strsplit(list, ",", -1);
  return g_strv_contains((const char *const *)words, word);
}

/* Gives our path in the hierarchy that has the controller, of version 1 if there is one, else of version 2. */
static char *own_path(const char *root, const char *controller, gboolean *unified) {
  g_autofree char *text = pino_cloud_read(root, "proc/self/cgroup");
  g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
  g_autofree char *version2 = NULL;
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) parts = g_strsplit(*line, ":", 3); /* number, controllers, path */
    if (g_strv_length(parts) < 3)
      continue;
    *unified = FALSE;
    if (list_has(parts[1], controller))
      return g_strdup(parts[2]);
    if (strcmp(parts[0], "0") == 0 && *parts[1] == '\0' && version2 == NULL)
      version2 = g_strdup(parts[2]);
  }
  *unified = TRUE;
  return g_steal_pointer(&version2);
}

/* What is left of path below top; NULL when it is not below. */
static const char *below(const char *path, const char *top) {
  gsize length = strcmp(top, "/") == 0 ? 0 : strlen(top);
  if (strncmp(path, top, length) != 0 || strstr(path, "/..") != NULL)
    return NULL;
  return path[length] == '/' || path[length] == '\0' ? path + length : NULL;
}

static gboolean is_mount_of(char **fields, gboolean unified, const char *controller) {
  enum { AFTER_TYPE = 2 };
  char **dash = fields;
  while (*dash != NULL && strcmp(*dash, "-") != 0)
    dash++;
  if (*dash == NULL || dash[1] == NULL)
    return FALSE;
  if (unified)
    return strcmp(dash[1], "cgroup2") == 0;
  return strcmp(dash[1], "cgroup") == 0 && dash[AFTER_TYPE] != NULL && dash[AFTER_TYPE + 1] != NULL &&
         list_has(dash[AFTER_TYPE + 1], controller);
}

/* Gives the mount point of the hierarchy, and in *rest our path below it; NULL when it is not mounted. A container that sees
 * a mount of its own group only, under the path of the machine outside, stands at the mount point. */
static char *find_mount(const char *root, gboolean unified, const char *controller, const char *path,
                        char **rest) {
  enum { MOUNT_ROOT = 3, MOUNT_POINT = 4 }; /* fields of mountinfo, from 0 */
  g_autofree char *text = pino_cloud_read(root, "proc/self/mountinfo");
  g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
  g_autofree char *point = NULL;
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) fields = g_strsplit(*line, " ", -1);
    if (g_strv_length(fields) <= MOUNT_POINT || !is_mount_of(fields + MOUNT_POINT, unified, controller))
      continue;
    g_autofree char *top = g_strcompress(fields[MOUNT_ROOT]); /* blanks are \040 */
    const char *inside = below(path, top);
    if (inside == NULL && point != NULL)
      continue;
    g_free(point);
    point = g_strcompress(fields[MOUNT_POINT]);
    g_free(*rest);
    *rest = g_strdup(inside != NULL ? inside : "");
    if (inside != NULL)
      break;
  }
  return g_steal_pointer(&point);
}

PinoCgroup *pino_cgroup_find(const char *root, const char *controller) {
  gboolean unified;
  g_autofree char *path = own_path(root, controller, &unified);
  g_autofree char *rest = NULL;
  g_autofree char *point = path != NULL ? find_mount(root, unified, controller, path, &rest) : NULL;
  if (point == NULL)
    return NULL;
  PinoCgroup *group = g_new0(PinoCgroup, 1);
  group->unified = unified;
  group->levels = g_ptr_array_new_with_free_func(g_free);
  for (char *slash = strrchr(rest, '/'); slash != NULL; slash = strrchr(rest, '/')) {
    if (slash[1] != '\0')
      g_ptr_array_add(group->levels, g_build_filename(root, point, rest, NULL));
    *slash = '\0';
  }
  g_ptr_array_add(group->levels, g_build_filename(root, point, NULL));
  return group;
}

void pino_cgroup_free(PinoCgroup *group) {
  if (group == NULL)
    return;
  g_ptr_array_unref(group->levels);
  g_free(group);
}

static guint level_count(const PinoCgroup *group) {
  return group != NULL ? group->levels->len : 0;
}

static const char *level_at(const PinoCgroup *group, guint level) {
  return g_ptr_array_index(group->levels, level);
}

static double cpu_limit_at(const char *folder, gboolean unified) {
  guint64 quota = G_MAXUINT64, period = 0;
  if (unified) {
    g_autofree char *text = pino_cloud_read(folder, "cpu.max"); /* "max 100000" or "150000 100000" */
    char *rest = text;
    if (text != NULL && g_ascii_isdigit(*text)) {
      quota = g_ascii_strtoull(text, &rest, 10);
      period = g_ascii_strtoull(rest, NULL, 10);
    }
  } else if (!pino_cloud_read_number(&quota, folder, "cpu.cfs_quota_us") ||
             !pino_cloud_read_number(&period, folder, "cpu.cfs_period_us")) {
    return 0;
  }
  return quota != G_MAXUINT64 && period > 0 ? (double)quota / (double)period : 0;
}

double pino_cgroup_cpu_limit(const PinoCgroup *group, guint *level) {
  double tightest = 0;
  for (guint i = 0; i < level_count(group); i++) {
    double limit = cpu_limit_at(level_at(group, i), group->unified);
    if (limit <= 0 || (tightest > 0 && limit >= tightest))
      continue;
    tightest = limit;
    if (level != NULL)
      *level = i;
  }
  return tightest;
}

gboolean pino_cgroup_cpu_used(const PinoCgroup *group, guint level, guint64 *microseconds) {
  if (level >= level_count(group))
    return FALSE;
  if (group->unified) {
    g_autofree char *text = pino_cloud_read(level_at(group, level), "cpu.stat");
    return text != NULL && pino_cloud_keyed_number(text, "usage_usec", microseconds);
  }
  if (!pino_cloud_read_number(microseconds, level_at(group, level), "cpuacct.usage"))
    return FALSE;
  *microseconds /= 1000;
  return TRUE;
}

char *pino_cgroup_cpus(const PinoCgroup *group) {
  static const char *const files[][2] = {{"cpuset.effective_cpus", "cpuset.cpus"},
                                         {"cpuset.cpus.effective", "cpuset.cpus"}};
  for (guint i = 0; i < level_count(group); i++) {
    for (guint file = 0; file < 2; file++) {
      g_autofree char *text = pino_cloud_read(level_at(group, i), "%s", files[group->unified ? 1 : 0][file]);
      if (text != NULL && *g_strstrip(text) != '\0')
        return g_steal_pointer(&text);
    }
  }
  return NULL;
}

typedef struct {
  const char *limit, *used, *cache;
} MemoryFiles;

static const MemoryFiles *memory_files(gboolean unified) {
  static const MemoryFiles files[] = {
      {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
      {"memory.max", "memory.current", "inactive_file"}};
  return &files[unified ? 1 : 0];
}

static guint64 memory_used(const char *folder, const MemoryFiles *files) {
  guint64 used = 0, cache = 0;
  g_autofree char *text = pino_cloud_read(folder, "memory.stat");
  if (!pino_cloud_read_number(&used, folder, "%s", files->used))
    return 0;
  if (text != NULL && pino_cloud_keyed_number(text, files->cache, &cache))
    used -= MIN(cache, used);
  return used;
}

PinoCgroupMemory pino_cgroup_memory(const PinoCgroup *group) {
  PinoCgroupMemory memory = {.limit = G_MAXUINT64, .available = G_MAXUINT64};
  for (guint i = 0; i < level_count(group); i++) {
    const MemoryFiles *files = memory_files(group->unified);
    const char *folder = level_at(group, i);
    guint64 limit;
    if (!pino_cloud_read_number(&limit, folder, "%s", files->limit) || limit == G_MAXUINT64)
      continue;
    guint64 used = memory_used(folder, files);
    memory.available = MIN(memory.available, limit - MIN(used, limit));
    if (limit >= memory.limit)
      continue;
    memory.limit = limit;
    memory.used = used;
  }
  return memory;
}
