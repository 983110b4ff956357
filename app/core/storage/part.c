#include "storage/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/partmap.h"

#define PART ".part"
#define SYNC_EVERY_US (5 * G_USEC_PER_SEC)

char *pino_part_find(const char *dir, const char *url) {
  g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    if (!g_str_has_suffix(name, PINO_PARTMAP_SUFFIX))
      continue;
    g_autofree char *path = g_build_filename(dir, name, NULL);
    if (pino_partmap_is_of(path, url))
      return g_strndup(path, strlen(path) - strlen(PINO_PARTMAP_SUFFIX));
  }
  return NULL;
}

/* Gives a locked descriptor of what is now at path: the download that had the lock before may have renamed it away
 * between the open and the lock. -1 with errno. */
static int open_locked(const char *path) {
  struct stat held, there;
  for (;;) {
    g_auto(PinoFd) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
      return -1;
    /* A file system without locks has none to lose. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return -1;
    if (fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino)
      return pino_fd_steal(&fd);
  }
}

/* The new record says that what is there is on the disk, so it goes there first. */
static gboolean take_up(PinoPart *part, GError **error) {
  struct stat st;
  if (fstat(part->fd, &st) != 0 || !pino_partmap_load(part, (guint64)st.st_size))
    return TRUE;
  part->have = pino_spans_bytes(&part->spans);
  if (part->have == 0)
    return TRUE;
  if (fdatasync(part->fd) != 0) {
    pino_storage_fail(error, errno, "fdatasync", part->path);
    return FALSE;
  }
  return pino_partmap_begin(part, error);
}

gboolean pino_part_open(PinoPart *part, const char *target, const char *url, GError **error) {
  g_autofree char *folder = g_path_get_dirname(target);
  if (!pino_dir_make(folder, error))
    return FALSE;
  if (g_file_test(target, G_FILE_TEST_IS_DIR)) {
    pino_storage_fail(error, EISDIR, "open", target);
    return FALSE;
  }
  g_autofree char *path = g_strconcat(target, PART, NULL);
  g_auto(PinoFd) fd = open_locked(path);
  if (fd < 0 && errno == EWOULDBLOCK) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "'%s' is being downloaded already; wait for that one", target);
    return FALSE;
  }
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  pino_part_clear(part);
  *part = (PinoPart){.target = g_strdup(target),
                     .path = g_steal_pointer(&path),
                     .record = g_strconcat(target, PINO_PARTMAP_SUFFIX, NULL),
                     .url = g_strdup(url),
                     .fd = pino_fd_steal(&fd),
                     .map = -1,
                     .total = -1,
                     .synced_at = g_get_monotonic_time(),
                     .syncing = g_atomic_rc_box_new0(gint)};
  pino_spans_init(&part->spans);
  if (!take_up(part, error))
    return FALSE;
  return part->have > 0 || pino_part_restart(part, -1, NULL, NULL, error);
}

gboolean pino_part_restart(PinoPart *part, gint64 total, const char *etag, const char *modified,
                           GError **error) {
  g_autofree char *new_etag = g_strdup(etag);
  g_autofree char *new_modified = g_strdup(modified);
  /* First to nothing, so that no hole has bytes of before. */
  if (ftruncate(part->fd, 0) != 0) {
    pino_storage_fail(error, errno, "truncate", part->path);
    return FALSE;
  }
  pino_spans_clip(&part->spans, 0);
  part->have = 0;
  part->total = total;
  g_free(part->etag);
  part->etag = g_steal_pointer(&new_etag);
  g_free(part->modified);
  part->modified = g_steal_pointer(&new_modified);
  if (!pino_partmap_begin(part, error) || !pino_part_fits(part, error))
    return FALSE;
  /* A file system that cannot make it so long at once makes it longer with what is written. */
  if (total > 0 && ftruncate(part->fd, total) != 0 && errno == EFBIG) {
    pino_storage_fail(error, errno, "truncate", part->path);
    return FALSE;
  }
  return TRUE;
}

static guint64 still_to_come(const PinoPart *part) {
  return part->total >= 0 && (guint64)part->total > part->have ? (guint64)part->total - part->have : 0;
}

/* Tells how much the disk lacks, where it is known. */
static void fail_full(const PinoPart *part, guint64 free_bytes, GError **error) {
  guint64 need = still_to_come(part);
  g_autofree char *wanted = g_format_size_full(need, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *there = g_format_size_full(free_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *lack = g_format_size_full(need - MIN(need, free_bytes), G_FORMAT_SIZE_IEC_UNITS);
  g_set_error(
      error, PINO_ERRNO, ENOSPC,
      "ENOSPC: no space left on device, write '%s' (disk full: %s are still to come and %s are free there; "
      "free %s and try again: what has come is kept)",
      part->path, wanted, there, lack);
}

gboolean pino_part_fits(const PinoPart *part, GError **error) {
  struct statvfs fs;
  /* Some file systems of the cloud count no blocks. */
  if (fstatvfs(part->fd, &fs) != 0 || fs.f_blocks == 0)
    return TRUE;
  guint64 free_bytes = (guint64)fs.f_bavail * fs.f_frsize;
  if (still_to_come(part) <= free_bytes)
    return TRUE;
  fail_full(part, free_bytes, error);
  return FALSE;
}

gboolean pino_part_write(PinoPart *part, guint64 at, gconstpointer data, gsize len, GError **error) {
  const char *from = data;
  while (len > 0) {
    ssize_t n = pwrite(part->fd, from, len, (off_t)at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      int failed = errno;
      if (failed != ENOSPC || pino_part_fits(part, error))
        pino_storage_fail(error, failed, "write", part->path);
      return FALSE;
    }
    from += n;
    at += (guint64)n;
    len -= (gsize)n;
    part->have += (guint64)n;
  }
  return TRUE;
}

gboolean pino_part_note(PinoPart *part, guint64 start, guint64 end, GError **error) {
  if (start >= end)
    return TRUE;
  int failed = pino_partmap_add(part->map, PINO_PARTMAP_RANGE, start, end);
  if (failed != 0) {
    pino_storage_fail(error, failed, "write", part->record);
    return FALSE;
  }
  part->lines++;
  pino_spans_add(&part->spans, start, end);
  /* Sets the disk to work early: the sync at the end then has little left to wait for. */
  (void)sync_file_range(part->fd, (off_t)start, (off_t)(end - start), SYNC_FILE_RANGE_WRITE);
  return TRUE;
}

typedef struct {
  int data;
  int map;
  guint64 lines;
  gint *syncing;
} Sync;

/* A sync that fails is no loss: its line is missing, and those bytes come again after a boot. */
static gpointer sync_now(gpointer data) {
  Sync *sync = data;
  if (fdatasync(sync->data) == 0 && pino_partmap_add(sync->map, PINO_PARTMAP_SYNCED, sync->lines) == 0)
    (void)fdatasync(sync->map);
  pino_fd_close(sync->data);
  pino_fd_close(sync->map);
  g_atomic_int_set(sync->syncing, FALSE);
  g_atomic_rc_box_release(sync->syncing);
  g_free(sync);
  return NULL;
}

/* The file is opened once more, since a duplicate would keep the lock, and nobody waits for the thread. */
void pino_part_sync(PinoPart *part) {
  gint64 now = g_get_monotonic_time();
  if (now - part->synced_at < SYNC_EVERY_US || part->lines == 0 || g_atomic_int_get(part->syncing))
    return;
  part->synced_at = now;
  g_auto(PinoFd) data = open(part->path, O_RDONLY | O_CLOEXEC);
  g_auto(PinoFd) map = fcntl(part->map, F_DUPFD_CLOEXEC, 0);
  if (data < 0 || map < 0)
    return;
  Sync *sync = g_new(Sync, 1);
  *sync = (Sync){data, map, part->lines, g_atomic_rc_box_acquire(part->syncing)};
  g_atomic_int_set(part->syncing, TRUE);
  GThread *thread = g_thread_try_new("part-sync", sync_now, sync, NULL);
  if (thread == NULL) {
    g_atomic_int_set(part->syncing, FALSE);
    g_atomic_rc_box_release(sync->syncing);
    g_free(sync);
    return;
  }
  pino_fd_steal(&data);
  pino_fd_steal(&map);
  g_thread_unref(thread);
}

gboolean pino_part_finish(PinoPart *part, GError **error) {
  if (fsync(part->fd) != 0) {
    pino_storage_fail(error, errno, "fsync", part->path);
    return FALSE;
  }
  if (rename(part->path, part->target) != 0) {
    pino_storage_fail(error, errno, "rename", part->target);
    return FALSE;
  }
  /* A record without its part is harmless. */
  (void)unlink(part->record);
  pino_fd_close(pino_fd_steal(&part->fd));
  return TRUE;
}

void pino_part_discard(PinoPart *part) {
  (void)unlink(part->path);
  (void)unlink(part->record);
}

void pino_part_clear(PinoPart *part) {
  pino_fd_close(part->fd);
  pino_fd_close(part->map);
  g_free(part->target);
  g_free(part->path);
  g_free(part->record);
  g_free(part->url);
  g_free(part->etag);
  g_free(part->modified);
  if (part->spans.list != NULL)
    pino_spans_clear(&part->spans);
  g_clear_pointer(&part->syncing, g_atomic_rc_box_release);
  *part = PINO_PART_CLOSED;
}
