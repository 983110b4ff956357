#include "cloud/holder.h"

#include <string.h>

#include "cloud/read.h"

/* The kernel's number for the first pid namespace (PROC_PID_INIT_INO). */
#define FIRST_NAMESPACE "pid:[4026531836]"

struct _PinoHolders {
  char *proc;
  gboolean outermost;  /* the driver's pids are ours */
  gboolean sees_outer; /* /proc is of a namespace around ours */
  GHashTable *found;   /* pid of the driver to pid here */
  GHashTable *inner;   /* pid in any namespace to a GArray of guint, its pids in /proc; NULL: not read yet */
};

static char *namespace_of_self(const char *proc) {
  g_autofree char *path = g_build_filename(proc, "self/ns/pid", NULL);
  return g_file_read_link(path, NULL);
}

/* Gives the pids of a process from /proc's namespace inwards; NULL when not told. */
static char **namespace_pids(const char *proc, const char *name) {
  g_autofree char *status = pino_cloud_read(proc, "%s/status", name);
  const char *line = status != NULL ? strstr(status, "\nNSpid:") : NULL;
  if (line == NULL)
    return NULL;
  line += strlen("\nNSpid:");
  g_autofree char *pids = g_strstrip(g_strndup(line, strcspn(line, "\n")));
  return g_strsplit(pids, "\t", -1);
}

PinoHolders *pino_holders_new(const char *root) {
  PinoHolders *holders = g_new0(PinoHolders, 1);
  holders->proc = g_build_filename(root, "proc", NULL);
  g_autofree char *namespace = namespace_of_self(holders->proc);
  g_auto(GStrv) pids = namespace_pids(holders->proc, "self");
  holders->outermost = g_strcmp0(namespace, FIRST_NAMESPACE) == 0;
  holders->sees_outer = pids != NULL && g_strv_length(pids) > 1;
  holders->found = g_hash_table_new(NULL, NULL);
  return holders;
}

void pino_holders_free(PinoHolders *holders) {
  if (holders == NULL)
    return;
  g_hash_table_unref(holders->found);
  g_clear_pointer(&holders->inner, g_hash_table_unref);
  g_free(holders->proc);
  g_free(holders);
}

void pino_holders_forget(PinoHolders *holders) {
  g_hash_table_remove_all(holders->found);
  g_clear_pointer(&holders->inner, g_hash_table_unref);
}

static gboolean is_there(const PinoHolders *holders, guint pid) {
  g_autofree char *path = g_strdup_printf("%s/%u", holders->proc, pid);
  return g_file_test(path, G_FILE_TEST_IS_DIR);
}

/* /dev/nvidiactl, /dev/nvidia0, /dev/nvidia-uvm... */
static gboolean holds_device(const PinoHolders *holders, guint pid) {
  g_autofree char *folder = g_strdup_printf("%s/%u/fd", holders->proc, pid);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *target = g_file_read_link(path, NULL);
    if (target != NULL && g_str_has_prefix(target, "/dev/nvidia"))
      return TRUE;
  }
  return FALSE;
}

static void note_inner(GHashTable *inner, const char *name, char **pids) {
  for (char **pid = pids; *pid != NULL; pid++) {
    gpointer key = GUINT_TO_POINTER((guint)g_ascii_strtoull(*pid, NULL, 10));
    GArray *known = g_hash_table_lookup(inner, key);
    if (known == NULL) {
      known = g_array_new(FALSE, FALSE, sizeof(guint));
      g_hash_table_insert(inner, key, known);
    }
    guint outer = (guint)g_ascii_strtoull(name, NULL, 10);
    g_array_append_val(known, outer);
  }
}

static void read_inner(PinoHolders *holders) {
  holders->inner = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
  g_autoptr(GDir) dir = g_dir_open(holders->proc, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_auto(GStrv) pids = g_ascii_isdigit(*name) ? namespace_pids(holders->proc, name) : NULL;
    if (pids != NULL)
      note_inner(holders->inner, name, pids);
  }
}

/* The one process that has pid in any of its namespaces and holds a device; 0 when none or several do. */
static guint find_inner(PinoHolders *holders, guint pid) {
  if (holders->inner == NULL)
    read_inner(holders);
  const GArray *known = g_hash_table_lookup(holders->inner, GUINT_TO_POINTER(pid));
  guint only = 0;
  for (guint i = 0; known != NULL && i < known->len; i++) {
    guint outer = g_array_index(known, guint, i);
    if (outer == only || !holds_device(holders, outer))
      continue;
    if (only != 0)
      return 0;
    only = outer;
  }
  return only;
}

static guint find(PinoHolders *holders, guint pid) {
  if (holders->outermost)
    return is_there(holders, pid) ? pid : 0;
  if (holders->sees_outer)
    return find_inner(holders, pid);
  return holds_device(holders, pid) ? pid : 0;
}

pid_t pino_holders_find(PinoHolders *holders, guint pid) {
  gpointer known;
  if (g_hash_table_lookup_extended(holders->found, GUINT_TO_POINTER(pid), NULL, &known))
    return (pid_t)GPOINTER_TO_UINT(known);
  guint found = find(holders, pid);
  g_hash_table_insert(holders->found, GUINT_TO_POINTER(pid), GUINT_TO_POINTER(found));
  return (pid_t)found;
}
