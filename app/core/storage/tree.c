#include "storage/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/walk.h"

/* A folder that others write into while it is removed can be found not empty. */
#define REMOVE_TRIES 5

/* By way of a descriptor that cannot be a link's, since fchmodat(2) follows links. */
static void open_up(const PinoPlace *place) {
  if ((place->st->st_mode & S_IRWXU) == S_IRWXU || geteuid() == 0)
    return;
  g_auto(PinoFd) fd = openat(place->parent, place->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return;
  g_autofree char *alias = g_strdup_printf("/proc/self/fd/%d", fd);
  /* Of another owner: the removal itself then says so, with the path. */
  (void)chmod(alias, (place->st->st_mode & 07777) | S_IRWXU);
}

static gboolean remove_enter(const PinoPlace *place, gpointer data, GError **error) {
  open_up(place);
  return TRUE;
}

static gboolean remove_entry(const PinoPlace *place, gpointer data, GError **error) {
  if (unlinkat(place->parent, place->name, 0) == 0 || errno == ENOENT)
    return TRUE;
  return pino_place_fail(place, errno, "unlink", error);
}

static gboolean remove_leave(const PinoPlace *place, gpointer data, GError **error) {
  if (unlinkat(place->parent, place->name, AT_REMOVEDIR) == 0 || errno == ENOENT)
    return TRUE;
  return pino_place_fail(place, errno, "rmdir", error);
}

gboolean pino_tree_remove(const char *path, GCancellable *cancellable, GError **error) {
  const PinoVisit visit = {remove_enter, remove_leave, remove_entry};
  for (int left = REMOVE_TRIES;; left--) {
    g_autoptr(GError) failed = NULL;
    if (pino_storage_walk(path, &visit, NULL, cancellable, &failed) ||
        g_error_matches(failed, PINO_ERRNO, ENOENT))
      return TRUE;
    if (left > 0 && g_error_matches(failed, PINO_ERRNO, ENOTEMPTY))
      continue;
    g_propagate_prefixed_error(error, g_steal_pointer(&failed), "cannot remove: ");
    return FALSE;
  }
}

typedef struct {
  guint64 bytes;
  guint64 entries;
  GHashTable *linked; /* "dev:ino" of files with several names */
} Tally;

static gboolean tally_entry(const PinoPlace *place, gpointer data, GError **error) {
  Tally *tally = data;
  const struct stat *st = place->st;
  tally->entries++;
  if (!S_ISREG(st->st_mode))
    return TRUE;
  if (st->st_nlink > 1 &&
      !g_hash_table_add(tally->linked, g_strdup_printf("%lx:%lx", (gulong)st->st_dev, (gulong)st->st_ino)))
    return TRUE;
  tally->bytes += (guint64)st->st_size;
  return TRUE;
}

static gboolean tally_enter(const PinoPlace *place, gpointer data, GError **error) {
  ((Tally *)data)->entries++;
  return TRUE;
}

static gboolean tally_tree(const char *path, Tally *tally, GCancellable *cancellable, GError **error) {
  const PinoVisit visit = {tally_enter, NULL, tally_entry};
  g_autoptr(GHashTable) linked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  *tally = (Tally){0, 0, linked};
  gboolean ok = pino_storage_walk(path, &visit, tally, cancellable, error);
  tally->linked = NULL;
  return ok;
}

gboolean pino_tree_size(const char *path, guint64 *bytes, GCancellable *cancellable, GError **error) {
  Tally tally;
  gboolean ok = tally_tree(path, &tally, cancellable, error);
  *bytes = ok ? tally.bytes : 0;
  return ok;
}

static int sync_tree(const char *path) {
  g_auto(PinoFd) fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  /* A link or a device has no content to lose. */
  return fd < 0 || syncfs(fd) == 0 ? 0 : errno;
}

/* Hard links become several files in the copy, so bytes may only grow. */
static gboolean copy_and_check(const char *src, const char *beside, GCancellable *cancellable,
                               GError **error) {
  Tally before, after;
  if (!pino_tree_copy(src, beside, PINO_COPY_KEEP_OWNER, cancellable, error) ||
      !tally_tree(src, &before, cancellable, error) || !tally_tree(beside, &after, cancellable, error))
    return FALSE;
  if (after.entries != before.entries || after.bytes < before.bytes) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "the copy of '%s' differs (%" G_GUINT64_FORMAT " instead of %" G_GUINT64_FORMAT
                " bytes): something wrote into it meanwhile; stop that and try again",
                src, after.bytes, before.bytes);
    return FALSE;
  }
  int failed = sync_tree(beside);
  if (failed != 0)
    pino_storage_fail(error, failed, "syncfs", beside);
  return failed == 0;
}

static gboolean move_far(const char *src, const char *dest, GCancellable *cancellable, GError **error) {
  g_autofree char *folder = g_path_get_dirname(dest);
  char temp[PINO_TEMP_NAME];
  pino_storage_temp_name(temp);
  g_autofree char *beside = g_build_filename(folder, temp, NULL);
  gboolean ok = copy_and_check(src, beside, cancellable, error);
  if (ok && rename(beside, dest) != 0) {
    pino_storage_fail(error, errno, "rename", dest);
    ok = FALSE;
  }
  if (ok)
    return pino_tree_remove(src, NULL, error);
  g_autoptr(GError) left = NULL;
  if (!pino_tree_remove(beside, NULL, &left))
    g_prefix_error(error, "%s; ", left->message);
  return FALSE;
}

gboolean pino_tree_move(const char *src, const char *dest, GCancellable *cancellable, GError **error) {
  g_autofree char *folder = g_path_get_dirname(dest);
  struct stat st;
  if (lstat(src, &st) != 0) {
    pino_storage_fail(error, errno, "rename", src);
    return FALSE;
  }
  if (!pino_storage_go_on(cancellable, error) || !pino_dir_make(folder, error))
    return FALSE;
  if (rename(src, dest) == 0)
    return TRUE;
  if (errno == EXDEV)
    return move_far(src, dest, cancellable, error);
  if (errno == EINVAL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "cannot move '%s' into itself ('%s'); choose another place", src, dest);
  else
    pino_storage_fail(error, errno == EEXIST ? ENOTEMPTY : errno, "rename", dest);
  return FALSE;
}
