#include "catalog/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "catalog/internal.h"
#include "catalog/needs.h"

#define OWN_FILE "catalog.json"
#define OWN_LARGEST (8 * 1024 * 1024)
#define RESOURCE "/pinokiocloud/catalog/apps.json"

/* Made by the build out of data/apps.json. */
GResource *pinokiocloud_catalog_get_resource(void);

/* What a file was when it was read; all 0: it was not there. */
typedef struct {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
} Stamp;

struct _PinoCatalog {
  char *own_path; /* NULL: none is looked for */
  Stamp stamp;
  PinoEntries *entries; /* NULL: nothing is read */
  PinoIndex *index;     /* NULL: nobody has searched */
  GHashTable *places;   /* of repositories to PinoCatalogApp; NULL: nobody has asked */
  GError *trouble;
};

PinoCatalog *pino_catalog_new(const char *home) {
  PinoCatalog *catalog = g_new0(PinoCatalog, 1);
  catalog->own_path = home != NULL ? g_build_filename(home, OWN_FILE, NULL) : NULL;
  return catalog;
}

static void forget(PinoCatalog *catalog) {
  g_clear_pointer(&catalog->index, pino_index_free);
  g_clear_pointer(&catalog->places, g_hash_table_unref);
  g_clear_pointer(&catalog->entries, pino_entries_free);
  g_clear_error(&catalog->trouble);
}

void pino_catalog_free(PinoCatalog *catalog) {
  if (catalog == NULL)
    return;
  forget(catalog);
  g_free(catalog->own_path);
  g_free(catalog);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static Stamp stamp_of(const struct stat *info) {
  return (Stamp){info->st_dev, info->st_ino, info->st_size, info->st_mtim};
}

static gboolean is_same_stamp(const Stamp *a, const Stamp *b) {
  return a->device == b->device && a->inode == b->inode && a->size == b->size &&
         a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

/* Reads a plain file that is already open; what is no file could keep us waiting. */
static char *read_file(int fd, const char *path, const struct stat *info, gsize *length, GError **error) {
  if (!S_ISREG(info->st_mode)) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_SYNTAX, "it is no file");
    return NULL;
  }
  if (info->st_size > OWN_LARGEST) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_LIMIT, "it is larger than 8 MiB");
    return NULL;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  char block[16 * 1024];
  gssize got = 0;
  while (text->len <= OWN_LARGEST &&
         ((got = read(fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR)))
    g_string_append_len(text, block, MAX(got, 0));
  if (got < 0) {
    pino_error_set_errno(error, errno, "read", path);
    return NULL;
  }
  *length = text->len;
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean add_own(PinoCatalog *catalog, GError **error) {
  int fd = open(catalog->own_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
    return TRUE;
  if (fd < 0) {
    pino_error_set_errno(error, errno, "open", catalog->own_path);
    return FALSE;
  }
  struct stat info = {0};
  gsize length = 0;
  g_autofree char *text = NULL;
  if (fstat(fd, &info) != 0) {
    pino_error_set_errno(error, errno, "fstat", catalog->own_path);
  } else {
    catalog->stamp = stamp_of(&info);
    text = read_file(fd, catalog->own_path, &info, &length, error);
  }
  close(fd);
  return text != NULL && pino_entries_add(catalog->entries, text, length, TRUE, error);
}

static void load(PinoCatalog *catalog) {
  if (catalog->entries != NULL)
    return;
  catalog->entries = pino_entries_new();
  catalog->stamp = (Stamp){0};
  g_autoptr(GBytes) bytes = g_resource_lookup_data(pinokiocloud_catalog_get_resource(), RESOURCE,
                                                   G_RESOURCE_LOOKUP_FLAGS_NONE, &catalog->trouble);
  gsize length = 0;
  const char *json = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
  if (json == NULL || !pino_entries_add(catalog->entries, json, length, FALSE, &catalog->trouble)) {
    g_prefix_error(&catalog->trouble, "the program's own list of apps: ");
    return;
  }
  if (catalog->own_path != NULL && !add_own(catalog, &catalog->trouble))
    g_prefix_error(&catalog->trouble, "%s is passed over: ", catalog->own_path);
}

void pino_catalog_refresh(PinoCatalog *catalog) {
  struct stat info;
  Stamp now = {0};
  if (catalog->entries == NULL || catalog->own_path == NULL)
    return;
  if (stat(catalog->own_path, &info) == 0)
    now = stamp_of(&info);
  if (!is_same_stamp(&now, &catalog->stamp))
    forget(catalog);
}

const GError *pino_catalog_trouble(PinoCatalog *catalog) {
  load(catalog);
  return catalog->trouble;
}

const PinoEntries *pino_catalog_entries(PinoCatalog *catalog) {
  load(catalog);
  return catalog->entries;
}

const PinoIndex *pino_catalog_index(PinoCatalog *catalog) {
  load(catalog);
  if (catalog->index == NULL)
    catalog->index = pino_index_new(catalog->entries);
  return catalog->index;
}

/* --- one entry ---------------------------------------------------------------------------------------------------- */

guint pino_catalog_size(PinoCatalog *catalog) {
  return pino_catalog_entries(catalog)->apps->len;
}

const PinoCatalogApp *pino_catalog_get(PinoCatalog *catalog, guint index) {
  const PinoEntries *entries = pino_catalog_entries(catalog);
  return index < entries->apps->len ? entries->apps->pdata[index] : NULL;
}

gboolean pino_catalog_same(const char *a, const char *b) {
  if (g_str_is_ascii(a) && g_str_is_ascii(b))
    return g_ascii_strcasecmp(a, b) == 0;
  g_autofree char *one = g_utf8_make_valid(a, -1);
  g_autofree char *other = g_utf8_make_valid(b, -1);
  g_autofree char *folded_one = g_utf8_casefold(one, -1);
  g_autofree char *folded_other = g_utf8_casefold(other, -1);
  return g_str_equal(folded_one, folded_other);
}

/* A path without "/" and ".git" at its end, in lower case. */
static char *bare_path(const char *path) {
  g_autofree char *valid = g_utf8_make_valid(path, -1);
  char *bare = g_utf8_casefold(valid, -1);
  gsize length = strlen(bare);
  while (length > 0 && bare[length - 1] == '/')
    bare[--length] = '\0';
  if (g_str_has_suffix(bare, ".git"))
    bare[length - strlen(".git")] = '\0';
  return bare;
}

/* Where a repository is, in a form in which the same place looks the same: "host/owner/name". */
static char *place_of(const char *url) {
  const char *scheme = strstr(url, "://");
  const char *start = scheme != NULL ? scheme + strlen("://") : url;
  gsize host = strcspn(start, "/");
  const char *at = memchr(start, '@', host);
  const char *from = at != NULL ? at + 1 : start;
  g_autofree char *place = g_strndup(from, strcspn(from, "?#"));
  char *colon = scheme == NULL ? memchr(place, ':', strcspn(place, "/")) : NULL;
  if (colon != NULL)
    *colon = '/';
  return bare_path(place);
}

/* Of several that are meant alike: a person's own, else the first. */
static gboolean is_better(const PinoCatalogApp *app, const PinoCatalogApp *than) {
  return than == NULL || (app->own && !than->own);
}

const PinoCatalogApp *pino_catalog_by_id(PinoCatalog *catalog, const char *id) {
  return g_hash_table_lookup(pino_catalog_entries(catalog)->ids, id);
}

const PinoCatalogApp *pino_catalog_by_repository(PinoCatalog *catalog, const char *url) {
  const PinoEntries *entries = pino_catalog_entries(catalog);
  if (catalog->places == NULL) {
    catalog->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < entries->apps->len; i++) {
      PinoCatalogApp *app = entries->apps->pdata[i];
      char *place = place_of(app->repository);
      if (is_better(app, g_hash_table_lookup(catalog->places, place)))
        g_hash_table_replace(catalog->places, place, app);
      else
        g_free(place);
    }
  }
  g_autofree char *place = place_of(url);
  return g_hash_table_lookup(catalog->places, place);
}

static const PinoCatalogApp *by_name(PinoCatalog *catalog, const char *name) {
  const PinoEntries *entries = pino_catalog_entries(catalog);
  const PinoCatalogApp *found = NULL;
  for (guint i = 0; i < entries->apps->len; i++) {
    const PinoCatalogApp *app = entries->apps->pdata[i];
    if (is_better(app, found) && pino_catalog_same(app->name, name))
      found = app;
  }
  return found;
}

const PinoCatalogApp *pino_catalog_find(PinoCatalog *catalog, const char *word) {
  const PinoCatalogApp *app = pino_catalog_by_id(catalog, word);
  if (app == NULL)
    app = by_name(catalog, word);
  return app == NULL && strchr(word, '/') != NULL ? pino_catalog_by_repository(catalog, word) : app;
}

const PinoCatalogApp *pino_catalog_by_folder(PinoCatalog *catalog, const char *name) {
  const PinoEntries *entries = pino_catalog_entries(catalog);
  const PinoCatalogApp *found = NULL;
  g_autofree char *wanted = bare_path(name);
  for (guint i = 0; i < entries->apps->len; i++) {
    const PinoCatalogApp *app = entries->apps->pdata[i];
    g_autofree char *place = place_of(app->repository);
    const char *slash = strrchr(place, '/');
    if (is_better(app, found) && g_str_equal(slash != NULL ? slash + 1 : place, wanted))
      found = app;
  }
  return found;
}

/* --- what there is ------------------------------------------------------------------------------------------------ */

static void count_one(GArray *counts, GHashTable *numbers, const char *name) {
  char *folded = g_utf8_casefold(name, -1);
  guint number = GPOINTER_TO_UINT(g_hash_table_lookup(numbers, folded));
  if (number > 0) {
    g_array_index(counts, PinoCatalogCount, number - 1).count++;
    g_free(folded);
    return;
  }
  PinoCatalogCount count = {name, 1};
  g_array_append_val(counts, count);
  g_hash_table_insert(numbers, folded, GUINT_TO_POINTER(counts->len));
}

static int compare_counts(gconstpointer a, gconstpointer b) {
  const PinoCatalogCount *one = a, *other = b;
  if (one->count != other->count)
    return one->count > other->count ? -1 : 1;
  int order = g_ascii_strcasecmp(one->name, other->name);
  return order != 0 ? order : strcmp(one->name, other->name);
}

static GArray *count_all(PinoCatalog *catalog, gboolean tags) {
  const PinoEntries *entries = pino_catalog_entries(catalog);
  GArray *counts = g_array_new(FALSE, FALSE, sizeof(PinoCatalogCount));
  g_autoptr(GHashTable) numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < entries->apps->len; i++) {
    const PinoCatalogApp *app = entries->apps->pdata[i];
    if (!tags)
      count_one(counts, numbers, app->category);
    for (guint j = 0; tags && app->tags[j] != NULL; j++)
      count_one(counts, numbers, app->tags[j]);
  }
  g_array_sort(counts, compare_counts);
  return counts;
}

GArray *pino_catalog_categories(PinoCatalog *catalog) {
  return count_all(catalog, FALSE);
}

GArray *pino_catalog_tags(PinoCatalog *catalog) {
  return count_all(catalog, TRUE);
}

void pino_catalog_append_json(GString *out, const PinoCatalogApp *app) {
  g_string_append_c(out, '{');
  pino_json_append_member(out, "id", app->id);
  pino_json_append_member(out, "name", app->name);
  pino_json_append_member(out, "repository", app->repository);
  pino_json_append_member(out, "category", app->category);
  g_string_append(out, ",\"tags\":[");
  for (guint i = 0; app->tags[i] != NULL; i++) {
    g_string_append(out, i > 0 ? "," : "");
    pino_json_append_string(out, app->tags[i], strlen(app->tags[i]));
  }
  g_string_append_c(out, ']');
  pino_json_append_member(out, "author", app->author);
  g_string_append_printf(out, ",\"stars\":%" G_GINT64_FORMAT, app->stars);
  pino_json_append_member(out, "installer", app->installer);
  pino_json_append_member(out, "description", app->description);
  g_string_append(out, ",\"needs\":{");
  pino_json_append_nullable(out, "gpu", app->gpu);
  g_string_append(out, ",\"vram_gb\":");
  pino_needs_append_amount(out, app->vram_gb);
  g_string_append_printf(out, "},\"own\":%s", app->own ? "true" : "false");
}
