#include "lifecycle/usage.h"

#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LINKS 200

/* A file with several names, of which the folder may hold all or only some. */
typedef struct {
  guint64 device, inode; /* the key */
  guint64 bytes;
  guint64 names, seen;
} Linked;

typedef struct {
  PinoUsage *usage;
  const char *folder;
  const char *drive;
  GHashTable *linked; /* of Linked */
} Measure;

static guint linked_hash(gconstpointer key) {
  const Linked *linked = key;
  return (guint)(linked->inode ^ (linked->inode >> 32) ^ linked->device);
}

static gboolean linked_equal(gconstpointer a, gconstpointer b) {
  const Linked *left = a, *right = b;
  return left->inode == right->inode && left->device == right->device;
}

static void link_free(gpointer data) {
  PinoUsageLink *link = data;
  g_free(link->path);
  g_free(link->target);
  g_free(link);
}

static guint64 bytes_of(const struct stat *st) {
  return (guint64)st->st_blocks * 512;
}

static void add_file(Measure *measure, const struct stat *st) {
  measure->usage->files++;
  if (st->st_nlink < 2) {
    measure->usage->freed += bytes_of(st);
    return;
  }
  const Linked key = {.device = st->st_dev, .inode = st->st_ino};
  Linked *linked = g_hash_table_lookup(measure->linked, &key);
  if (linked == NULL) {
    linked = g_new0(Linked, 1);
    *linked = (Linked){st->st_dev, st->st_ino, bytes_of(st), st->st_nlink, 0};
    g_hash_table_add(measure->linked, linked);
  }
  linked->seen++;
}

static gboolean is_under(const char *path, const char *folder) {
  gsize length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* A link to a single file of the drive is one of a shared package's many (fs.link with `venv`): only counted. */
static void add_link(Measure *measure, const char *path) {
  g_autofree char *text = g_file_read_link(path, NULL);
  if (text == NULL || measure->drive == NULL)
    return;
  g_autofree char *parent = g_path_get_dirname(path);
  g_autofree char *target = g_canonicalize_filename(text, parent);
  if (!is_under(target, measure->drive))
    return;
  measure->usage->drive_links++;
  if (measure->usage->links->len >= MAX_LINKS || !g_file_test(target, G_FILE_TEST_IS_DIR))
    return;
  PinoUsageLink *link = g_new0(PinoUsageLink, 1);
  link->path = g_strdup(path + strlen(measure->folder) + 1);
  link->target = g_steal_pointer(&target);
  g_ptr_array_add(measure->usage->links, link);
}

static void add_entry(Measure *measure, const FTSENT *entry) {
  switch (entry->fts_info) {
  case FTS_D:
    measure->usage->freed += bytes_of(entry->fts_statp);
    break;
  case FTS_F:
  case FTS_DEFAULT:
    add_file(measure, entry->fts_statp);
    break;
  case FTS_SL:
  case FTS_SLNONE:
    measure->usage->freed += bytes_of(entry->fts_statp);
    if (entry->fts_level > 0)
      add_link(measure, entry->fts_path);
    break;
  default:
    break;
  }
}

static void add_linked(Measure *measure) {
  GHashTableIter iter;
  gpointer key = NULL;
  g_hash_table_iter_init(&iter, measure->linked);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    const Linked *linked = key;
    *(linked->seen >= linked->names ? &measure->usage->freed : &measure->usage->shared) += linked->bytes;
  }
}

void pino_usage_measure(const char *folder, const char *drive, PinoUsage *usage) {
  *usage = (PinoUsage){.links = g_ptr_array_new_with_free_func(link_free)};
  g_autoptr(GHashTable) table = g_hash_table_new_full(linked_hash, linked_equal, g_free, NULL);
  Measure measure = {.usage = usage, .folder = folder, .drive = drive, .linked = table};
  char *const paths[] = {(char *)folder, NULL};
  FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  for (FTSENT *entry; tree != NULL && (entry = fts_read(tree)) != NULL;)
    add_entry(&measure, entry);
  if (tree != NULL)
    fts_close(tree);
  add_linked(&measure);
}

void pino_usage_clear(PinoUsage *usage) {
  g_clear_pointer(&usage->links, g_ptr_array_unref);
}
