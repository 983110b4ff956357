/* The virtual drive on the persistent side. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/drive.h"
#include "storage/io.h"
#include "storage/merge.h"
#include "storage/persistnote.h"
#include "storage/tree.h"

#define DRIVE "drive"
#define LOCK_POLL_US 20000
/* First the new link, then, once both have changed places, what the drive was: all of it is over there by then but what
 * was written at the last moment. */
#define MOVED ".drive-moved"

static char *in_home(const PinoPersist *persist, const char *name) {
  return g_build_filename(persist->home, name, NULL);
}

static gboolean is_link(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static gboolean on_one_disk(const char *a, const char *b) {
  struct stat sa, sb;
  return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev;
}

/* What a call left that was cut off is brought into the drive `into`, which `drives` holds. */
static gboolean finish_moved(const PinoPersist *persist, const PinoDrives *drives, const char *into,
                             GError **error) {
  g_autofree char *moved = in_home(persist, MOVED);
  g_autoptr(PinoMerge) merge = pino_merge_new(pino_drives_staging(drives));
  if (is_link(moved))
    (void)unlink(moved);
  if (!g_file_test(moved, G_FILE_TEST_IS_DIR))
    return TRUE;
  return pino_merge_folder(merge, moved, into, persist->cancellable, error) &&
         pino_tree_remove(moved, NULL, error);
}

/* Where there is nothing, or a link. */
static gboolean place_link(const PinoPersist *persist, const char *target, GError **error) {
  g_autofree char *drive = in_home(persist, DRIVE);
  g_autofree char *moved = in_home(persist, MOVED);
  int failed = symlink(target, moved) == 0 ? 0 : errno;
  if (failed == 0)
    failed = pino_storage_rename(AT_FDCWD, moved, AT_FDCWD, drive, is_link(drive));
  if (failed == 0) {
    pino_persist_note(persist, "the drive is in %s", target);
    return TRUE;
  }
  if (is_link(moved))
    (void)unlink(moved);
  pino_storage_fail(error, failed, "symlink", drive);
  return FALSE;
}

/* The folder and the link change places: in one step, or, where the system cannot, in two. */
static int exchange(const char *drive, const char *moved, const char *target) {
  if (renameat2(AT_FDCWD, moved, AT_FDCWD, drive, RENAME_EXCHANGE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  if (unlink(moved) != 0 || rename(drive, moved) != 0)
    return errno;
  if (symlink(target, drive) == 0)
    return 0;
  int failed = errno;
  return rename(moved, drive) == 0 ? failed : errno;
}

static gboolean swap(const PinoPersist *persist, const char *target, GError **error) {
  g_autofree char *drive = in_home(persist, DRIVE);
  g_autofree char *moved = in_home(persist, MOVED);
  int failed = symlink(target, moved) == 0 ? exchange(drive, moved, target) : errno;
  if (failed == 0) {
    pino_persist_note(persist, "the drive is in %s", target);
    return TRUE;
  }
  if (is_link(moved))
    (void)unlink(moved);
  pino_storage_fail(error, failed, "rename", drive);
  return FALSE;
}

/* Copies that a cancelled call has made stay, since nothing was taken away for them and the next call goes on from
 * there. What was moved, or fails for another reason (a full disk), is taken back. */
static void take_back(const PinoPersist *persist, PinoMerge *merge, const char *drive, const char *target,
                      GError **error) {
  g_autoptr(GError) failed = NULL;
  if (g_cancellable_is_cancelled(persist->cancellable) && !on_one_disk(drive, target))
    return;
  if (!pino_merge_undo(merge, 0, &failed))
    g_prefix_error(error, "'%s' is not wholly as it was (%s): ", drive, failed->message);
}

/* Others that work on the drive wait meanwhile (storage/drive.h has the same lock). Opened for reading only: what is open
 * for writing cannot be merged. */
static int lock_drive(const PinoPersist *persist, const char *drive, GError **error) {
  g_autofree char *path = g_build_filename(drive, ".lock", NULL);
  g_auto(PinoFd) fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return -1;
  }
  while (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (!pino_storage_go_on(persist->cancellable, error))
      return -1;
    g_usleep(LOCK_POLL_US);
  }
  return pino_fd_steal(&fd);
}

static gboolean move_drive(const PinoPersist *persist, const PinoDrives *drives, const char *target,
                           GError **error) {
  g_autofree char *drive = in_home(persist, DRIVE);
  g_autoptr(PinoMerge) merge = pino_merge_new(pino_drives_staging(drives));
  g_auto(PinoFd) lock = lock_drive(persist, drive, error);
  if (lock < 0)
    return FALSE;
  if (pino_merge_folder(merge, drive, target, persist->cancellable, error) && swap(persist, target, error))
    return TRUE;
  take_back(persist, merge, drive, target, error);
  return FALSE;
}

/* A link that this program made to a folder that is gone. */
static gboolean is_stale_link(const PinoPersist *persist, const char *drive, const char *leads_to) {
  g_auto(PinoPersistRecord) record = {0};
  pino_persist_record_read(persist->home, &record);
  return g_strcmp0(leads_to, record.drive) == 0 && !g_file_test(drive, G_FILE_TEST_EXISTS);
}

static gboolean link_now(const PinoPersist *persist, const PinoDrives *drives, const char *target,
                         GError **error) {
  g_autofree char *drive = in_home(persist, DRIVE);
  g_autofree char *leads_to = g_file_read_link(drive, NULL);
  struct stat st;
  if (lstat(drive, &st) != 0)
    return place_link(persist, target, error);
  if (leads_to != NULL && g_str_equal(leads_to, target))
    return TRUE;
  if (leads_to != NULL && is_stale_link(persist, drive, leads_to))
    return place_link(persist, target, error);
  if (leads_to != NULL) {
    pino_persist_note(persist, "%s leads to %s and is left alone: it is not in the persistent folder", drive,
                      leads_to);
    return TRUE;
  }
  if (S_ISDIR(st.st_mode))
    return move_drive(persist, drives, target, error);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is a file where the drive should be; move it away",
              drive);
  return FALSE;
}

static gboolean remember(const PinoPersist *persist, const char *target, GError **error) {
  g_auto(PinoPersistRecord) record = {0};
  pino_persist_record_read(persist->home, &record);
  g_free(record.drive);
  record.drive = g_strdup(target);
  return pino_persist_record_write(persist->home, &record, error);
}

/* Known before the link is there, unless another one has to be known still. */
static gboolean announce(const PinoPersist *persist, const char *target, GError **error) {
  g_auto(PinoPersistRecord) record = {0};
  pino_persist_record_read(persist->home, &record);
  return record.drive != NULL || remember(persist, target, error);
}

static gboolean attach_to(const PinoPersist *persist, const PinoDrives *drives, const char *target,
                          GError **error) {
  g_autofree char *drive = in_home(persist, DRIVE);
  if (!finish_moved(persist, drives, target, error) || !announce(persist, target, error) ||
      !link_now(persist, drives, target, error))
    return FALSE;
  g_autofree char *leads_to = g_file_read_link(drive, NULL);
  return finish_moved(persist, drives, target, error) &&
         (g_strcmp0(leads_to, target) != 0 || remember(persist, target, error));
}

static gboolean attach(const PinoPersist *persist, GError **error) {
  g_autofree char *target = g_build_filename(persist->persistent, DRIVE, NULL);
  if (!pino_persist_check(persist, TRUE, error))
    return FALSE;
  g_autoptr(PinoDrives) drives = pino_drives_open(target, persist->cancellable, error);
  return drives != NULL && attach_to(persist, drives, target, error);
}

static gboolean detach(const PinoPersist *persist, GError **error) {
  g_autofree char *drive = in_home(persist, DRIVE);
  g_autofree char *leads_to = g_file_read_link(drive, NULL);
  if (!pino_persist_was_used(persist->home))
    return TRUE;
  if (leads_to != NULL && is_stale_link(persist, drive, leads_to)) {
    (void)unlink(drive);
    pino_persist_note(persist, "%s is not there: the drive is in the home until it is again", leads_to);
  }
  g_autoptr(PinoDrives) drives = pino_drives_open(drive, persist->cancellable, error);
  return drives != NULL && finish_moved(persist, drives, drive, error);
}

gboolean pino_persist_link_drive(const PinoPersist *persist, GError **error) {
  gboolean done = persist->persistent != NULL ? attach(persist, error) : detach(persist, error);
  if (!done)
    g_prefix_error(error, "the drive is not in the persistent folder: ");
  return done;
}
