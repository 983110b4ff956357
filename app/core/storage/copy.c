#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/content.h"
#include "storage/io.h"
#include "storage/tree.h"
#include "storage/walk.h"

typedef struct {
  const char *dest; /* as the caller named it, for messages */
  const char *name; /* what the copy is called */
  PinoClimb into;   /* the folder of the copy that stands for place->parent */
  GByteArray *made; /* one a level of `into`: whether this copy made the folder */
  PinoCopyFlags flags;
  GCancellable *cancellable;
} Copy;

static void copy_clear(Copy *copy) {
  pino_climb_clear(&copy->into);
  g_byte_array_unref(copy->made);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Copy, copy_clear)

static const char *copy_name(const Copy *copy, const PinoPlace *place) {
  return place->depth == 0 ? copy->name : place->name;
}

/* For what went wrong on the side of the copy: its path, its disk. */
static gboolean copy_fail(const Copy *copy, const PinoPlace *place, int errnum, const char *syscall,
                          GError **error) {
  g_autofree char *below = pino_place_path(place);
  g_autofree char *full = below[0] != '\0' ? g_build_filename(copy->dest, below, NULL) : g_strdup(copy->dest);
  pino_storage_fail(error, errnum, syscall, full);
  return FALSE;
}

static gboolean copy_content(const Copy *copy, const PinoPlace *place, int from, int to, GError **error) {
  gboolean reading = FALSE;
  int failed = pino_content_copy(from, to, copy->cancellable, &reading);
  if (failed == 0)
    return TRUE;
  if (failed == ECANCELED && !pino_storage_go_on(copy->cancellable, error))
    return FALSE;
  return reading ? pino_place_fail(place, failed, "read", error)
                 : copy_fail(copy, place, failed, "copyfile", error);
}

/* A mounted cloud drive may know neither owners nor modes nor times: the content is what matters there. */
static int failure_that_counts(void) {
  static const int harmless[] = {EPERM, ENOSYS, EOPNOTSUPP, EINVAL};
  for (guint i = 0; i < G_N_ELEMENTS(harmless); i++)
    if (errno == harmless[i])
      return 0;
  return errno;
}

static int dress(int fd, const struct stat *st, PinoCopyFlags flags) {
  const struct timespec times[2] = {st->st_atim, st->st_mtim};
  int failed = 0;
  if ((flags & PINO_COPY_KEEP_OWNER) != 0 && fchown(fd, st->st_uid, st->st_gid) != 0)
    failed = failure_that_counts();
  if (failed == 0 && fchmod(fd, st->st_mode & 07777) != 0)
    failed = failure_that_counts();
  if (failed == 0 && futimens(fd, times) != 0)
    failed = failure_that_counts();
  return failed;
}

/* Puts a finished temporary in its place, or takes it away. */
static gboolean settle(const Copy *copy, const PinoPlace *place, const char *temp, GError **error) {
  gboolean replace = (copy->flags & PINO_COPY_FAIL_EXISTING) == 0;
  int failed = pino_storage_rename(copy->into.fd, temp, copy->into.fd, copy_name(copy, place), replace);
  if (failed == 0)
    return TRUE;
  unlinkat(copy->into.fd, temp, 0);
  return copy_fail(copy, place, failed, "copyfile", error);
}

static gboolean copy_file(const Copy *copy, const PinoPlace *place, GError **error) {
  g_auto(PinoFd) from = openat(place->parent, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0)
    return pino_place_fail(place, errno, "open", error);
  char temp[PINO_TEMP_NAME];
  g_auto(PinoFd) to = pino_storage_temp_at(copy->into.fd, 0600, temp);
  if (to < 0)
    return copy_fail(copy, place, errno, "copyfile", error);
  gboolean ok = copy_content(copy, place, from, to, error);
  int failed = ok ? dress(to, place->st, copy->flags) : 0;
  if (failed != 0)
    ok = copy_fail(copy, place, failed, "copyfile", error);
  if (ok)
    return settle(copy, place, temp, error);
  unlinkat(copy->into.fd, temp, 0);
  return FALSE;
}

static int link_text(const PinoPlace *place, char *text, gsize room) {
  ssize_t n = readlinkat(place->parent, place->name, text, room);
  if (n < 0)
    return errno;
  if ((gsize)n == room)
    return ENAMETOOLONG;
  text[n] = '\0';
  return 0;
}

/* Links, pipes, sockets and devices: made anew under a temporary name. */
static gboolean copy_special(const Copy *copy, const PinoPlace *place, GError **error) {
  char text[4097], temp[PINO_TEMP_NAME];
  gboolean link = S_ISLNK(place->st->st_mode);
  int failed = link ? link_text(place, text, sizeof text) : 0;
  if (failed != 0)
    return pino_place_fail(place, failed, "readlink", error);
  int rc = -1;
  do {
    pino_storage_temp_name(temp);
    rc = link ? symlinkat(text, copy->into.fd, temp)
              : mknodat(copy->into.fd, temp, place->st->st_mode, place->st->st_rdev);
  } while (rc != 0 && errno == EEXIST);
  if (rc != 0)
    return copy_fail(copy, place, errno, link ? "symlink" : "mknod", error);
  const struct timespec times[2] = {place->st->st_atim, place->st->st_mtim};
  /* A file system without times of links keeps the link all the same. */
  (void)utimensat(copy->into.fd, temp, times, AT_SYMLINK_NOFOLLOW);
  if ((copy->flags & PINO_COPY_KEEP_OWNER) != 0)
    (void)fchownat(copy->into.fd, temp, place->st->st_uid, place->st->st_gid, AT_SYMLINK_NOFOLLOW);
  return settle(copy, place, temp, error);
}

static gboolean copy_entry(const PinoPlace *place, gpointer data, GError **error) {
  const Copy *copy = data;
  struct stat old;
  gboolean exists = fstatat(copy->into.fd, copy_name(copy, place), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && S_ISDIR(old.st_mode))
    return copy_fail(copy, place, EISDIR, "copyfile", error);
  if (exists && (copy->flags & PINO_COPY_FAIL_EXISTING) != 0)
    return copy_fail(copy, place, EEXIST, "copyfile", error);
  if (exists && (copy->flags & PINO_COPY_KEEP_EXISTING) != 0)
    return TRUE;
  return S_ISREG(place->st->st_mode) ? copy_file(copy, place, error) : copy_special(copy, place, error);
}

static gboolean copy_enter(const PinoPlace *place, gpointer data, GError **error) {
  Copy *copy = data;
  const char *name = copy_name(copy, place);
  guint8 made = mkdirat(copy->into.fd, name, 0700) == 0;
  struct stat st;
  if (!made && errno != EEXIST)
    return copy_fail(copy, place, errno, "mkdir", error);
  gboolean link = !made && fstatat(copy->into.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
  int fd = openat(copy->into.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failed = fd < 0 ? errno : pino_climb_down(&copy->into, fd, link);
  if (failed != 0)
    return copy_fail(copy, place, failed, "mkdir", error);
  g_byte_array_append(copy->made, &made, 1);
  return TRUE;
}

static gboolean copy_leave(const PinoPlace *place, gpointer data, GError **error) {
  Copy *copy = data;
  guint last = copy->made->len - 1;
  int failed = copy->made->data[last] ? dress(copy->into.fd, place->st, copy->flags) : 0;
  g_byte_array_set_size(copy->made, last);
  if (failed == 0)
    failed = pino_climb_up(&copy->into);
  return failed == 0 || copy_fail(copy, place, failed, "mkdir", error);
}

/* Looks from dest upwards, by descriptors, for the folder that is to be copied. */
static gboolean lies_in(int folder, const struct stat *src) {
  g_auto(PinoFd) at = dup(folder);
  struct stat st, above;
  gboolean found = FALSE, top = at < 0 || fstat(at, &st) != 0;
  while (!top && !(found = st.st_dev == src->st_dev && st.st_ino == src->st_ino)) {
    int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fstat(parent, &above) != 0)
      top = TRUE;
    else
      top = above.st_dev == st.st_dev && above.st_ino == st.st_ino;
    st = above;
    pino_fd_close(at);
    at = parent;
  }
  return found;
}

static gboolean refuse(const char *src, const char *dest, GError **error) {
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "cannot copy '%s' into itself ('%s'); choose another place", src, dest);
  return FALSE;
}

/* The first folder of path's parents that is there, so that a copy into itself is refused before anything is
 * made. */
static char *nearest_folder(const char *path) {
  g_autofree char *at = g_path_get_dirname(path);
  while (!g_file_test(at, G_FILE_TEST_IS_DIR) && strlen(at) > 1) {
    char *up = g_path_get_dirname(at);
    g_free(at);
    at = up;
  }
  return g_steal_pointer(&at);
}

/* A missing src is left for the walk to tell. */
static gboolean check(const char *src, const char *dest, GError **error) {
  struct stat from, to;
  if (lstat(src, &from) != 0)
    return TRUE;
  gboolean folder = S_ISDIR(from.st_mode);
  if ((folder ? stat(dest, &to) : lstat(dest, &to)) == 0 && to.st_dev == from.st_dev &&
      to.st_ino == from.st_ino)
    return refuse(src, dest, error);
  g_autofree char *near = nearest_folder(dest);
  g_auto(PinoFd) fd = open(near, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return !folder || fd < 0 || !lies_in(fd, &from) || refuse(src, dest, error);
}

gboolean pino_tree_copy(const char *src, const char *dest, PinoCopyFlags flags, GCancellable *cancellable,
                        GError **error) {
  g_autofree char *folder = g_path_get_dirname(dest);
  g_autofree char *name = NULL;
  if (!check(src, dest, error) || !pino_dir_make(folder, error))
    return FALSE;
  int parent = pino_storage_open_parent(dest, &name, error);
  if (parent < 0)
    return FALSE;
  g_auto(Copy) copy = {dest, name, {0}, g_byte_array_new(), flags, cancellable};
  pino_climb_start(&copy.into, parent);
  const PinoVisit visit = {copy_enter, copy_leave, copy_entry};
  if (pino_storage_walk(src, &visit, &copy, cancellable, error))
    return TRUE;
  g_prefix_error(error, "cannot copy '%s': ", src);
  return FALSE;
}
