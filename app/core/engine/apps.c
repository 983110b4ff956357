#include "engine/apps.h"

#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define QUIET_MS 50
#define LOOK_SECONDS 5
#define EVENT_BYTES 65536
/* One for all folders: two links to a folder share its watch, and with it the mask. */
#define WATCHED                                                                                              \
  (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF |    \
   IN_ONLYDIR)
#define NO_WATCH 0 /* the kernel counts from 1 */

/* What is watched of a folder under api/. */
typedef enum { PLACE_ROOT, PLACE_INNER, PLACE_COMMITS, PLACES } Place;

typedef struct {
  char *id;
  PinoApp *app; /* NULL: a folder that is none, so far */
  int watches[PLACES];
} Entry;

struct _PinoApps {
  GMainContext *context;
  char *home, *api;
  PinoAppsEvents events;
  gpointer data;
  int notify;     /* the kernel's watches; -1: it gives none */
  GSource *input; /* of notify */
  int home_watch, api_watch;
  GHashTable *entries; /* id -> Entry, owned */
  GHashTable *dirty;   /* ids to be looked at */
  gboolean all_dirty;
  GSource *later;  /* looks at them */
  gboolean blind;  /* some folder cannot be watched */
  GSource *looker; /* while blind */
  GHashTable *told;
  gboolean quiet; /* the first look */
};

static void look_at_all(PinoApps *apps);

static void entry_free(gpointer data) {
  Entry *entry = data;
  pino_app_free(entry->app);
  g_free(entry->id);
  g_free(entry);
}

static void stop_source(GSource **source) {
  if (*source == NULL)
    return;
  g_source_destroy(*source);
  g_clear_pointer(source, g_source_unref);
}

static GSource *start_source(PinoApps *apps, GSource *source, GSourceFunc callback) {
  g_source_set_callback(source, callback, apps, NULL);
  g_source_attach(source, apps->context);
  return source;
}

static void report(PinoApps *apps, PinoAppsChange change, const char *id) {
  if (!apps->quiet && apps->events.changed != NULL)
    apps->events.changed(apps, change, id, apps->data);
}

static void tell(PinoApps *apps, const char *about, const GError *error) {
  g_autofree char *valid = g_utf8_make_valid(about, -1);
  if (!g_hash_table_add(apps->told, g_strdup(about)) || apps->events.trouble == NULL)
    return;
  apps->events.trouble(valid, error, apps->data);
}

/* --- the kernel's watches ------------------------------------------------------------------------------- */

/* A folder that another entry leads to as well loses its watch with this; the kernel tells that (IN_IGNORED), and the
 * other one is looked at and watched anew. A number whose watch has gone already is no harm: none comes twice. */
static void drop_watch(PinoApps *apps, int *watch) {
  if (*watch != NO_WATCH)
    inotify_rm_watch(apps->notify, *watch);
  *watch = NO_WATCH;
}

static void tell_blind(PinoApps *apps, const char *path, int problem) {
  gboolean full = problem == ENOSPC || problem == ENOMEM || problem == EMFILE || problem == ENFILE;
  g_autoptr(GError) error = NULL;
  apps->blind = TRUE;
  if (full)
    g_set_error(&error, PINO_ERROR, PINO_ERROR_LIMIT,
                "the system watches no more folders (%s): changes are seen every %d s only. Raise "
                "fs.inotify.max_user_watches and fs.inotify.max_user_instances",
                g_strerror(problem), LOOK_SECONDS);
  else
    g_set_error(&error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "the folder cannot be watched (%s): changes are seen every %d s only", g_strerror(problem),
                LOOK_SECONDS);
  tell(apps, full ? apps->api : path, error);
}

/* Watches the folder from now on; path may be NULL: none. One that is not there is no problem. */
static void set_watch(PinoApps *apps, int *watch, const char *path) {
  int found = NO_WATCH;
  if (path != NULL && apps->notify >= 0) {
    found = inotify_add_watch(apps->notify, path, WATCHED);
    if (found < 0 && errno != ENOENT && errno != ENOTDIR)
      tell_blind(apps, path, errno);
  }
  if (found < 0)
    found = NO_WATCH;
  if (found == *watch)
    return;
  drop_watch(apps, watch);
  *watch = found;
}

static void watch_entry(PinoApps *apps, Entry *entry) {
  g_autofree char *root = g_build_filename(apps->api, entry->id, NULL);
  g_autofree char *inner = g_build_filename(root, PINO_APP_INNER, NULL);
  set_watch(apps, &entry->watches[PLACE_ROOT], root);
  set_watch(apps, &entry->watches[PLACE_INNER], inner);
  g_autofree char *commits = pino_app_commit_folder(root);
  set_watch(apps, &entry->watches[PLACE_COMMITS], commits);
}

/* --- looking -------------------------------------------------------------------------------------------- */

static gboolean is_folder(PinoApps *apps, const char *id) {
  g_autofree char *path = g_build_filename(apps->api, id, NULL);
  return g_file_test(path, G_FILE_TEST_IS_DIR);
}

static void forget(PinoApps *apps, const char *id) {
  Entry *entry = g_hash_table_lookup(apps->entries, id);
  if (entry == NULL)
    return;
  g_hash_table_steal(apps->entries, id);
  for (guint i = 0; i < PLACES; i++)
    drop_watch(apps, &entry->watches[i]);
  if (entry->app != NULL)
    report(apps, PINO_APPS_REMOVED, entry->id);
  entry_free(entry);
}

static Entry *entry_of(PinoApps *apps, const char *id) {
  Entry *entry = g_hash_table_lookup(apps->entries, id);
  if (entry != NULL)
    return entry;
  entry = g_new0(Entry, 1);
  entry->id = g_strdup(id);
  g_hash_table_insert(apps->entries, entry->id, entry);
  return entry;
}

static void tell_unreadable_name(PinoApps *apps, const char *id) {
  g_autofree char *path = g_build_filename(apps->api, id, NULL);
  g_autoptr(GError) error = g_error_new(PINO_ERROR, PINO_ERROR_USAGE,
                                        "the folder's name is no UTF-8 text: it is passed over. Rename it");
  tell(apps, path, error);
}

static void look_at(PinoApps *apps, const char *id) {
  if (id[0] == '.')
    return;
  if (!is_folder(apps, id)) {
    forget(apps, id);
    return;
  }
  if (!g_utf8_validate(id, -1, NULL)) {
    tell_unreadable_name(apps, id);
    return;
  }
  Entry *entry = entry_of(apps, id);
  /* First the watch, then the look: what changes between them is seen twice, not never. */
  watch_entry(apps, entry);
  g_autoptr(PinoApp) before = g_steal_pointer(&entry->app);
  entry->app = pino_app_read(apps->api, id);
  if (entry->app == NULL && before != NULL)
    report(apps, PINO_APPS_REMOVED, id);
  else if (entry->app != NULL && before == NULL)
    report(apps, PINO_APPS_ADDED, id);
  else if (entry->app != NULL && !pino_app_equal(entry->app, before))
    report(apps, PINO_APPS_CHANGED, id);
}

static gboolean on_look(gpointer data) {
  look_at_all(data);
  return G_SOURCE_CONTINUE;
}

/* Looks every few seconds as long as something goes unwatched. */
static void set_looker(PinoApps *apps) {
  if (!apps->blind)
    stop_source(&apps->looker);
  else if (apps->looker == NULL)
    apps->looker = start_source(apps, g_timeout_source_new_seconds(LOOK_SECONDS), on_look);
}

/* All names that are there, and all that were. */
static GHashTable *all_names(PinoApps *apps) {
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GDir) dir = g_dir_open(apps->api, 0, NULL);
  GHashTableIter iter;
  gpointer key;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
    g_hash_table_add(names, g_strdup(name));
  g_hash_table_iter_init(&iter, apps->entries);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    g_hash_table_add(names, g_strdup(key));
  return names;
}

static void look_at_each(PinoApps *apps, GHashTable *names) {
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, names);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    look_at(apps, key);
  set_looker(apps);
}

/* --- what the kernel tells ------------------------------------------------------------------------------ */

static gboolean on_later(gpointer data) {
  PinoApps *apps = data;
  stop_source(&apps->later);
  g_autoptr(GHashTable) dirty = g_steal_pointer(&apps->dirty);
  apps->dirty = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (apps->all_dirty)
    look_at_all(apps);
  else
    look_at_each(apps, dirty);
  return G_SOURCE_REMOVE;
}

static void mark(PinoApps *apps, const char *id) {
  if (id == NULL)
    apps->all_dirty = TRUE;
  else
    g_hash_table_add(apps->dirty, g_strdup(id));
  if (apps->later == NULL)
    apps->later = start_source(apps, g_timeout_source_new(QUIET_MS), on_later);
}

/* Whether a name in a watched place means anything. Which place it is matters little: a look too many costs nothing. */
static gboolean is_telling(const char *name) {
  static const char *const folders[] = {PINO_APP_INNER, ".git", "HEAD", "logs"};
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
    if (strcmp(folders[i], name) == 0)
      return TRUE;
  return pino_app_is_launcher_name(name);
}

/* The folder itself, or its watch, has moved or gone when there is no name. */
static void mark_entries(PinoApps *apps, int watch, const char *name) {
  GHashTableIter iter;
  gpointer value;
  if (name != NULL && !is_telling(name))
    return;
  g_hash_table_iter_init(&iter, apps->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Entry *entry = value;
    for (guint i = 0; i < PLACES; i++)
      if (entry->watches[i] == watch)
        mark(apps, entry->id);
  }
}

static void take_event(PinoApps *apps, const struct inotify_event *event) {
  const char *name = event->len > 0 ? event->name : NULL;
  if (event->mask & IN_Q_OVERFLOW) {
    mark(apps, NULL);
    return;
  }
  if (event->wd == apps->home_watch && (name == NULL || strcmp(name, "api") == 0))
    mark(apps, NULL);
  if (event->wd == apps->api_watch)
    mark(apps, name);
  mark_entries(apps, event->wd, name);
}

static gboolean on_input(int fd, GIOCondition condition, gpointer data) {
  PinoApps *apps = data;
  char buffer[EVENT_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
  ssize_t length = read(fd, buffer, sizeof buffer);
  for (ssize_t at = 0; at < length;) {
    const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
    take_event(apps, event);
    at += (ssize_t)(sizeof *event + event->len);
  }
  return G_SOURCE_CONTINUE;
}

static void open_notify(PinoApps *apps) {
  if (apps->notify >= 0)
    return;
  apps->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (apps->notify < 0) {
    tell_blind(apps, apps->api, errno);
    return;
  }
  apps->input = g_unix_fd_source_new(apps->notify, G_IO_IN);
  start_source(apps, apps->input, G_SOURCE_FUNC(on_input));
}

static void look_at_all(PinoApps *apps) {
  apps->all_dirty = FALSE;
  apps->blind = FALSE;
  open_notify(apps);
  set_watch(apps, &apps->home_watch, apps->home);
  set_watch(apps, &apps->api_watch, apps->api);
  g_autoptr(GHashTable) names = all_names(apps);
  look_at_each(apps, names);
}

/* --- for those who ask ---------------------------------------------------------------------------------- */

PinoApps *pino_apps_new(const char *home, const PinoAppsEvents *events, gpointer data) {
  PinoApps *apps = g_new0(PinoApps, 1);
  apps->context = g_main_context_ref_thread_default();
  apps->home = g_strdup(home);
  apps->api = g_build_filename(home, "api", NULL);
  apps->events = *events;
  apps->data = data;
  apps->notify = -1;
  apps->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
  apps->dirty = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  apps->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  apps->quiet = TRUE;
  look_at_all(apps);
  apps->quiet = FALSE;
  return apps;
}

void pino_apps_free(PinoApps *apps) {
  if (apps == NULL)
    return;
  stop_source(&apps->input);
  stop_source(&apps->later);
  stop_source(&apps->looker);
  if (apps->notify >= 0)
    close(apps->notify);
  g_hash_table_unref(apps->entries);
  g_hash_table_unref(apps->dirty);
  g_hash_table_unref(apps->told);
  g_main_context_unref(apps->context);
  g_free(apps->home);
  g_free(apps->api);
  g_free(apps);
}

const PinoApp *pino_apps_find(PinoApps *apps, const char *id) {
  const Entry *entry = g_hash_table_lookup(apps->entries, id);
  return entry != NULL ? entry->app : NULL;
}

static int by_id(gconstpointer a, gconstpointer b) {
  const PinoApp *const *first = a, *const *second = b;
  return strcmp((*first)->id, (*second)->id);
}

GPtrArray *pino_apps_list(PinoApps *apps) {
  GPtrArray *list = g_ptr_array_sized_new(g_hash_table_size(apps->entries));
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, apps->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const Entry *entry = value;
    if (entry->app != NULL)
      g_ptr_array_add(list, entry->app);
  }
  g_ptr_array_sort(list, by_id);
  return list;
}

void pino_apps_refresh(PinoApps *apps, const char *id) {
  if (id == NULL) {
    look_at_all(apps);
    return;
  }
  look_at(apps, id);
  set_looker(apps);
}

static gboolean is_plain_name(const char *id) {
  return *id != '\0' && strchr(id, '/') == NULL && strcmp(id, ".") != 0 && strcmp(id, "..") != 0 &&
         g_utf8_validate(id, -1, NULL);
}

char *pino_apps_path(PinoApps *apps, const char *id, GError **error) {
  if (!is_plain_name(id)) {
    g_autofree char *valid = g_utf8_make_valid(id, -1);
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is no app's name: it is that of a folder under %s",
                valid, apps->api);
    return NULL;
  }
  if (id[0] != '.' && is_folder(apps, id))
    return g_build_filename(apps->api, id, NULL);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "there is no app '%s' under %s", id, apps->api);
  return NULL;
}

static gboolean is_under(const char *path, const char *folder) {
  gsize length = strlen(folder);
  return strncmp(path, folder, length) == 0 && path[length] == '/';
}

char *pino_apps_file(PinoApps *apps, const char *id, const char *relative, GError **error) {
  g_autofree char *folder = pino_apps_path(apps, id, error);
  if (folder == NULL)
    return NULL;
  g_autofree char *path = g_canonicalize_filename(relative, folder);
  gboolean inside = *relative != '/' && is_under(path, folder);
  if (inside) {
    g_autofree char *real = realpath(path, NULL);
    g_autofree char *real_folder = realpath(folder, NULL);
    if (real == NULL || real_folder == NULL) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "the app '%s' has no file '%s'", id, relative);
      return NULL;
    }
    inside = is_under(real, real_folder);
  }
  if (inside)
    return g_steal_pointer(&path);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' leads out of the folder of the app '%s'", relative,
              id);
  return NULL;
}
