#include "gate/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/error.h"

struct _PinoFileWatch {
  PinoWatch watch; /* first */
  PinoLoop *loop;
  char *name;
  void (*changed)(gpointer user);
  gpointer user;
};

/* TRUE when one of the events is about the file, or some were lost. */
static gboolean names_it(const PinoFileWatch *watch, const char *events, gssize length) {
  for (gssize at = 0; at < length;) {
    struct inotify_event event;
    memcpy(&event, events + at, sizeof event);
    const char *name = events + at + sizeof event;
    if (event.mask & IN_Q_OVERFLOW || (event.len > 0 && strcmp(name, watch->name) == 0))
      return TRUE;
    at += (gssize)(sizeof event + event.len);
  }
  return FALSE;
}

static void on_ready(PinoWatch *base, guint32 events) {
  PinoFileWatch *watch = (PinoFileWatch *)base;
  char buffer[4096];
  gboolean changed = FALSE;
  gssize length;
  while ((length = read(watch->watch.fd, buffer, sizeof buffer)) > 0)
    changed = names_it(watch, buffer, length) || changed;
  if (changed)
    watch->changed(watch->user);
}

PinoFileWatch *pino_file_watch_new(PinoLoop *loop, const char *path, void (*changed)(gpointer user),
                                   gpointer user, GError **error) {
  g_autofree char *folder = g_path_get_dirname(path);
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    pino_error_set_errno(error, errno, "inotify_init1", NULL);
    return NULL;
  }
  if (inotify_add_watch(fd, folder, IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE) < 0) {
    pino_error_set_errno(error, errno, "inotify_add_watch", folder);
    close(fd);
    return NULL;
  }
  PinoFileWatch *watch = g_new0(PinoFileWatch, 1);
  watch->watch = (PinoWatch){fd, on_ready};
  watch->loop = loop;
  watch->name = g_path_get_basename(path);
  watch->changed = changed;
  watch->user = user;
  if (pino_loop_watch(loop, &watch->watch, EPOLLIN))
    return watch;
  pino_error_set_errno(error, errno, "epoll_ctl", NULL);
  pino_file_watch_free(watch);
  return NULL;
}

void pino_file_watch_free(PinoFileWatch *watch) {
  if (watch == NULL)
    return;
  pino_loop_close(watch->loop, &watch->watch);
  g_free(watch->name);
  g_free(watch);
}
