#include "base/follow.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LOOK_MS 250

typedef struct {
  char *path;
  int wd; /* -1: none */
  void (*changed)(gpointer data);
  gpointer data;
} Watch;

struct _PinoWatcher {
  int fd;              /* -1: the system gives none */
  GHashTable *watches; /* id -> Watch */
  guint next;
  guint source, look;
};

static void watch_free(gpointer data) {
  Watch *watch = data;
  g_free(watch->path);
  g_free(watch);
}

/* A callback may add and remove watches. */
static void tell(PinoWatcher *watcher, gboolean (*wanted)(Watch *watch, int wd), int wd) {
  g_autoptr(GList) ids = g_hash_table_get_keys(watcher->watches);
  for (GList *link = ids; link != NULL; link = link->next) {
    Watch *watch = g_hash_table_lookup(watcher->watches, link->data);
    if (watch != NULL && wanted(watch, wd))
      watch->changed(watch->data);
  }
}

static gboolean has_wd(Watch *watch, int wd) {
  return watch->wd == wd;
}

static gboolean is_any(Watch *watch, int wd) {
  return TRUE;
}

static void begin(PinoWatcher *watcher, Watch *watch) {
  watch->wd = watcher->fd >= 0 ? inotify_add_watch(watcher->fd, watch->path, IN_MODIFY) : -1;
}

static gboolean on_look(gpointer data) {
  PinoWatcher *watcher = data;
  GHashTableIter iter;
  gpointer value;
  guint without = 0;
  tell(watcher, has_wd, -1);
  g_hash_table_iter_init(&iter, watcher->watches);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Watch *watch = value;
    if (watch->wd < 0)
      begin(watcher, watch);
    without += watch->wd < 0;
  }
  if (without > 0)
    return G_SOURCE_CONTINUE;
  watcher->look = 0;
  return G_SOURCE_REMOVE;
}

static void look_later(PinoWatcher *watcher) {
  if (watcher->look == 0)
    watcher->look = g_timeout_add(LOOK_MS, on_look, watcher);
}

/* The file was deleted: one of the same name may come. */
static void lost(PinoWatcher *watcher, int wd) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, watcher->watches);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Watch *watch = value;
    if (watch->wd == wd) {
      watch->wd = -1;
      look_later(watcher);
    }
  }
}

static gboolean on_events(int fd, GIOCondition condition, gpointer data) {
  PinoWatcher *watcher = data;
  char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
  gssize length = read(fd, buffer, sizeof buffer);
  int last = -1;
  for (gssize at = 0; at < length;) {
    const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
    at += (gssize)(sizeof *event + event->len);
    if ((event->mask & IN_Q_OVERFLOW) != 0)
      tell(watcher, is_any, 0);
    else if ((event->mask & IN_IGNORED) != 0)
      lost(watcher, event->wd);
    else if (event->wd != last)
      tell(watcher, has_wd, event->wd);
    last = event->wd;
  }
  return G_SOURCE_CONTINUE;
}

PinoWatcher *pino_watcher_new(void) {
  PinoWatcher *watcher = g_new0(PinoWatcher, 1);
  watcher->watches = g_hash_table_new_full(NULL, NULL, NULL, watch_free);
  watcher->next = 1;
  watcher->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watcher->fd >= 0)
    watcher->source = g_unix_fd_add(watcher->fd, G_IO_IN, on_events, watcher);
  return watcher;
}

void pino_watcher_free(PinoWatcher *watcher) {
  if (watcher == NULL)
    return;
  g_clear_handle_id(&watcher->source, g_source_remove);
  g_clear_handle_id(&watcher->look, g_source_remove);
  if (watcher->fd >= 0)
    close(watcher->fd);
  g_hash_table_unref(watcher->watches);
  g_free(watcher);
}

guint pino_watcher_add(PinoWatcher *watcher, const char *path, void (*changed)(gpointer data),
                       gpointer data) {
  Watch *watch = g_new0(Watch, 1);
  *watch = (Watch){g_strdup(path), -1, changed, data};
  begin(watcher, watch);
  if (watch->wd < 0)
    look_later(watcher);
  guint id = watcher->next++;
  g_hash_table_insert(watcher->watches, GUINT_TO_POINTER(id), watch);
  return id;
}

void pino_watcher_remove(PinoWatcher *watcher, guint id) {
  Watch *watch = g_hash_table_lookup(watcher->watches, GUINT_TO_POINTER(id));
  if (watch == NULL)
    return;
  int wd = watch->wd;
  gboolean shared = FALSE;
  g_hash_table_remove(watcher->watches, GUINT_TO_POINTER(id));
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, watcher->watches);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    shared = shared || ((Watch *)value)->wd == wd;
  if (wd >= 0 && !shared)
    inotify_rm_watch(watcher->fd, wd);
}
