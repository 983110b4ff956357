#include "storage/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "storage/io.h"

/* So many levels keep their descriptor; with two climbs (a copy) that is well under the usual limit of 1024. */
#define KEPT_LEVELS 64

typedef struct {
  dev_t dev;
  ino_t ino;
  int kept; /* the parent's descriptor, or -1 */
} Step;

void pino_climb_start(PinoClimb *climb, int fd) {
  climb->fd = fd;
  climb->trail = g_array_new(FALSE, FALSE, sizeof(Step));
}

int pino_climb_down(PinoClimb *climb, int child, gboolean through_link) {
  struct stat st;
  if (fstat(climb->fd, &st) != 0) {
    int errnum = errno;
    close(child);
    return errnum;
  }
  gboolean keep = through_link || climb->trail->len < KEPT_LEVELS;
  Step step = {st.st_dev, st.st_ino, keep ? climb->fd : -1};
  if (!keep)
    close(climb->fd);
  g_array_append_val(climb->trail, step);
  climb->fd = child;
  return 0;
}

int pino_climb_up(PinoClimb *climb) {
  Step step = g_array_index(climb->trail, Step, climb->trail->len - 1);
  g_auto(PinoFd) parent = step.kept;
  if (parent < 0) {
    parent = openat(climb->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (parent < 0 || fstat(parent, &st) != 0)
      return errno;
    if (st.st_dev != step.dev || st.st_ino != step.ino)
      return ESTALE;
  }
  close(climb->fd);
  climb->fd = pino_fd_steal(&parent);
  g_array_set_size(climb->trail, climb->trail->len - 1);
  return 0;
}

void pino_climb_clear(PinoClimb *climb) {
  if (climb->trail == NULL)
    return;
  for (guint i = 0; i < climb->trail->len; i++)
    pino_fd_close(g_array_index(climb->trail, Step, i).kept);
  pino_fd_close(climb->fd);
  g_array_unref(climb->trail);
  climb->trail = NULL;
}

typedef struct {
  char *name;
  struct stat st;
  GPtrArray *folders; /* names of the folders in it */
  guint next;
} Frame;

typedef struct {
  const char *path;
  const PinoVisit *visit;
  gpointer data;
  GCancellable *cancellable;
  PinoClimb climb;
  GArray *frames;
} Walk;

static void frame_clear(gpointer data) {
  Frame *frame = data;
  g_free(frame->name);
  g_ptr_array_unref(frame->folders);
}

static void walk_clear(Walk *walk) {
  pino_climb_clear(&walk->climb);
  g_array_unref(walk->frames);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static PinoPlace place_of(Walk *walk, const char *name, const struct stat *st) {
  return (PinoPlace){walk->climb.fd, name, st, walk->frames->len, walk};
}

char *pino_place_path(const PinoPlace *place) {
  const Walk *walk = place->walk;
  GString *path = g_string_new(NULL);
  for (guint i = 1; i < place->depth; i++)
    g_string_append_printf(path, "%s/", g_array_index(walk->frames, Frame, i).name);
  return g_string_free(g_string_append(path, place->depth > 0 ? place->name : ""), FALSE);
}

gboolean pino_place_fail(const PinoPlace *place, int errnum, const char *syscall, GError **error) {
  const Walk *walk = place->walk;
  g_autofree char *below = pino_place_path(place);
  g_autofree char *full = below[0] != '\0' ? g_build_filename(walk->path, below, NULL) : g_strdup(walk->path);
  pino_storage_fail(error, errnum, syscall, full);
  return FALSE;
}

static gboolean call(gboolean (*visit)(const PinoPlace *, gpointer, GError **), const PinoPlace *place,
                     gpointer data, GError **error) {
  return visit == NULL || visit(place, data, error);
}

static gboolean scan_entry(Walk *walk, const char *name, GPtrArray *folders, GError **error) {
  struct stat st;
  PinoPlace place = place_of(walk, name, &st);
  if (!pino_storage_go_on(walk->cancellable, error))
    return FALSE;
  if (fstatat(walk->climb.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || pino_place_fail(&place, errno, "lstat", error);
  if (!S_ISDIR(st.st_mode))
    return call(walk->visit->entry, &place, walk->data, error);
  g_ptr_array_add(folders, g_strdup(name));
  return TRUE;
}

/* Reads the folder it stands in; `place` is that folder. */
static gboolean scan(Walk *walk, const PinoPlace *place, GPtrArray *folders, GError **error) {
  int fd = openat(walk->climb.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  if (dir == NULL) {
    int errnum = errno;
    pino_fd_close(fd);
    return pino_place_fail(place, errnum, "scandir", error);
  }
  gboolean ok = TRUE;
  while (ok) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    if (entry == NULL) {
      ok = errno == 0 || pino_place_fail(place, errno, "scandir", error);
      break;
    }
    if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
      ok = scan_entry(walk, entry->d_name, folders, error);
  }
  closedir(dir);
  return ok;
}

static gboolean descend(Walk *walk, const char *name, const struct stat *st, GError **error) {
  PinoPlace place = place_of(walk, name, st);
  if (!call(walk->visit->enter, &place, walk->data, error))
    return FALSE;
  int fd = openat(walk->climb.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int failed = fd < 0 ? errno : pino_climb_down(&walk->climb, fd, FALSE);
  if (failed != 0)
    return pino_place_fail(&place, failed, "scandir", error);
  Frame frame = {g_strdup(name), *st, g_ptr_array_new_with_free_func(g_free), 0};
  g_array_append_val(walk->frames, frame);
  return scan(walk, &place, frame.folders, error);
}

static gboolean step_in(Walk *walk, const char *name, GError **error) {
  struct stat st;
  PinoPlace place = place_of(walk, name, &st);
  if (!pino_storage_go_on(walk->cancellable, error))
    return FALSE;
  if (fstatat(walk->climb.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return (errno == ENOENT && place.depth > 0) || pino_place_fail(&place, errno, "lstat", error);
  if (S_ISDIR(st.st_mode))
    return descend(walk, name, &st, error);
  return call(walk->visit->entry, &place, walk->data, error);
}

static gboolean step_out(Walk *walk, GError **error) {
  guint last = walk->frames->len - 1;
  Frame *frame = &g_array_index(walk->frames, Frame, last);
  g_autofree char *name = g_steal_pointer(&frame->name);
  struct stat st = frame->st;
  int failed = pino_climb_up(&walk->climb);
  g_array_set_size(walk->frames, last);
  PinoPlace place = place_of(walk, name, &st);
  if (failed != 0)
    return pino_place_fail(&place, failed, "open", error);
  return call(walk->visit->leave, &place, walk->data, error);
}

gboolean pino_storage_walk(const char *path, const PinoVisit *visit, gpointer data, GCancellable *cancellable,
                           GError **error) {
  g_autofree char *name = NULL;
  int parent = pino_storage_open_parent(path, &name, error);
  if (parent < 0)
    return FALSE;
  g_auto(Walk) walk = {path, visit, data, cancellable, {0}, g_array_new(FALSE, FALSE, sizeof(Frame))};
  g_array_set_clear_func(walk.frames, frame_clear);
  pino_climb_start(&walk.climb, parent);
  gboolean ok = step_in(&walk, name, error);
  while (ok && walk.frames->len > 0) {
    Frame *frame = &g_array_index(walk.frames, Frame, walk.frames->len - 1);
    if (frame->next < frame->folders->len)
      ok = step_in(&walk, g_ptr_array_index(frame->folders, frame->next++), error);
    else
      ok = step_out(&walk, error);
  }
  return ok;
}
