#include "storage/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/content.h"
#include "storage/hash.h"
#include "storage/io.h"
#include "storage/poolshare.h"
#include "storage/poolstore.h"

/* One file on its way into the pool or out of it. */
typedef struct {
  PinoPoolStore *store;
  PinoPoolRecord *record;
  const char *sha256;
  const char *path;
  char *object;
  PinoPoolResult *result;
  GCancellable *cancellable;
} Deal;

const char *pino_pool_way_name(PinoPoolWay way) {
  return way == PINO_POOL_REFLINK ? "reflink" : way == PINO_POOL_HARDLINK ? "hardlink" : "plain";
}

void pino_pool_result_clear(PinoPoolResult *result) {
  g_free(result->sha256);
  g_free(result->why);
  *result = (PinoPoolResult){0};
}

static gboolean is_cancelled(const GError *error) {
  return g_error_matches(error, PINO_ERROR, PINO_ERROR_CANCELLED);
}

static char *normal_sha256(const char *text, GError **error) {
  g_autofree char *lower = g_ascii_strdown(text, -1);
  if (strlen(lower) == 64 && strspn(lower, "0123456789abcdef") == 64)
    return g_steal_pointer(&lower);
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is no SHA-256: it has 64 hexadecimal digits", text);
  return NULL;
}

static void deal_open(Deal *deal) {
  deal->record = pino_pool_record_load(deal->store, deal->sha256);
  deal->object = pino_pool_store_path(deal->store, "sha256", deal->sha256);
}

static void deal_clear(Deal *deal) {
  g_clear_pointer(&deal->record, pino_pool_record_free);
  g_clear_pointer(&deal->object, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Deal, deal_clear)

static void tell(const Deal *deal, int errnum) {
  if (deal->result->why == NULL && errnum != 0)
    deal->result->why = pino_pool_store_tell_once(deal->store, errnum, deal->path);
}

/* The object got or lost a name, which changed its ctime; what is known of its content holds on as long as the rest is as
 * it was. */
static gboolean renew(Deal *deal, const struct stat *before) {
  struct stat now;
  g_autofree char *was = pino_pool_user_stamp(before);
  g_autofree char *is = lstat(deal->object, &now) == 0 ? pino_pool_user_stamp(&now) : NULL;
  gboolean same = g_strcmp0(is, was) == 0;
  g_free(deal->record->stamp);
  deal->record->stamp = same ? pino_pool_stamp(&now) : NULL;
  return same;
}

static void write_down(Deal *deal, PinoPoolWay way) {
  if (deal->record->way == PINO_POOL_PLAIN)
    deal->record->way = way;
  deal->record->used = g_get_real_time() / G_USEC_PER_SEC;
  pino_pool_record_prune(deal->store, deal->record);
  pino_pool_record_add_user(deal->store, deal->record, deal->path);
  pino_pool_record_save(deal->store, deal->sha256, deal->record);
  deal->result->way = way;
}

/* Whether the open file is as it was, ctime included. */
static gboolean is_unchanged(int fd, const struct stat *st) {
  struct stat now;
  g_autofree char *was = pino_pool_stamp(st);
  g_autofree char *is = fstat(fd, &now) == 0 ? pino_pool_stamp(&now) : NULL;
  return g_strcmp0(was, is) == 0;
}

/* Whether the open file still holds what was hashed. A ctime that moved alone may come of a name that it got or lost; a
 * hash tells. *st is brought up to date. */
static gboolean is_same_content(const Deal *deal, int fd, struct stat *st) {
  struct stat now;
  if (is_unchanged(fd, st))
    return TRUE;
  g_autofree char *was = pino_pool_user_stamp(st);
  g_autofree char *is = fstat(fd, &now) == 0 ? pino_pool_user_stamp(&now) : NULL;
  g_autofree char *sum =
      g_strcmp0(was, is) == 0 ? pino_hash_file(deal->path, "sha256", deal->cancellable, NULL) : NULL;
  *st = now;
  return g_strcmp0(sum, deal->sha256) == 0 && is_unchanged(fd, st);
}

/* --- in ---- */

/* The file's content becomes the object. */
static void make_object(Deal *deal, int fd, const struct stat *st) {
  PinoPoolWay way = PINO_POOL_PLAIN;
  int failed = 0;
  g_autofree char *folder = g_path_get_dirname(deal->object);
  g_autofree char *temp = pino_pool_share_make(deal->store, fd, deal->path, deal->path, &way, &failed);
  gboolean hard = way == PINO_POOL_HARDLINK;
  g_auto(PinoFd) made = temp != NULL ? open(temp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
  struct stat now = {0};
  /* A link was made by name: it must be the file that was hashed. A reflink was made of the open file, which must not
   * have been written to. */
  gboolean right = made >= 0 && fstat(made, &now) == 0 &&
                   (hard ? now.st_ino == st->st_ino && now.st_mtim.tv_sec == st->st_mtim.tv_sec &&
                               now.st_mtim.tv_nsec == st->st_mtim.tv_nsec && now.st_size == st->st_size
                         : is_unchanged(fd, st));
  if (right && fdatasync(made) == 0 && g_mkdir_with_parents(folder, 0777) == 0 &&
      rename(temp, deal->object) == 0) {
    /* The owner's to do; root and who is let in write all the same, which is why objects are looked at before use. */
    (void)fchmod(made, now.st_mode & 07555);
    (void)fstat(made, &now);
    g_free(deal->record->stamp);
    deal->record->stamp = pino_pool_stamp(&now);
    deal->record->way = way;
    write_down(deal, way);
    return;
  }
  if (temp != NULL)
    (void)unlink(temp);
  else
    tell(deal, failed);
}

static void dress(const char *temp, const struct stat *old) {
  const struct timespec times[2] = {old->st_atim, old->st_mtim};
  /* A share with another owner or time has the same content. */
  (void)lchown(temp, old->st_uid, old->st_gid);
  (void)chmod(temp, old->st_mode & 07777);
  (void)utimensat(AT_FDCWD, temp, times, AT_SYMLINK_NOFOLLOW);
}

/* The file gives way to a share of the object. */
static void replace(Deal *deal, int object, const struct stat *object_st, const struct stat *st) {
  PinoPoolWay way = PINO_POOL_PLAIN;
  int failed = 0;
  gboolean swapped = FALSE;
  if (object_st->st_dev == st->st_dev && object_st->st_ino == st->st_ino) {
    write_down(deal, PINO_POOL_HARDLINK);
    return;
  }
  if (pino_pool_record_has_user(deal->store, deal->record, deal->path)) {
    write_down(deal, deal->record->way);
    return;
  }
  g_autofree char *temp = pino_pool_share_make(deal->store, object, deal->object, deal->path, &way, &failed);
  if (temp != NULL && way == PINO_POOL_REFLINK)
    dress(temp, st);
  gboolean right = renew(deal, object_st);
  if (temp != NULL && right)
    failed = pino_pool_share_swap(temp, deal->path, st, &swapped);
  else if (temp != NULL)
    (void)unlink(temp);
  tell(deal, failed);
  if (!right || !renew(deal, object_st)) {
    pino_pool_store_drop(deal->store, deal->sha256);
    return;
  }
  if (!swapped) {
    pino_pool_record_save(deal->store, deal->sha256, deal->record);
    return;
  }
  /* A file with other names goes on taking its room. */
  deal->result->saved = st->st_nlink == 1 ? (guint64)st->st_size : 0;
  write_down(deal, way);
}

static gboolean put_in(Deal *deal, int fd, struct stat *st, const char *url, const char *validator,
                       GError **error) {
  g_autoptr(GError) failed = NULL;
  struct stat object_st;
  if (!pino_pool_store_lock(deal->store, deal->cancellable, &failed)) {
    if (is_cancelled(failed)) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return FALSE;
    }
    deal->result->why = g_strdup_printf("large files cannot be shared: %s", failed->message);
    return TRUE;
  }
  deal_open(deal);
  g_auto(PinoFd) object = pino_pool_store_open_object(deal->store, deal->sha256, deal->record, &object_st,
                                                      deal->cancellable, &failed);
  if (failed != NULL) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  /* Somebody wrote to it while it was hashed, or while others had the pool. */
  if (pino_content_is_written(fd) || !is_same_content(deal, fd, st))
    return TRUE;
  if (object < 0)
    make_object(deal, fd, st);
  else if (object_st.st_size == st->st_size)
    replace(deal, object, &object_st, st);
  if (deal->result->way != PINO_POOL_PLAIN)
    pino_pool_index_set(deal->store, url, validator, deal->sha256);
  return TRUE;
}

gboolean pino_pool_add(const char *home, const char *path, const char *sha256, const char *url,
                       const char *validator, PinoPoolResult *result, GCancellable *cancellable,
                       GError **error) {
  g_auto(PinoPoolResult) unused = {0};
  PinoPoolResult *out = result != NULL ? result : &unused;
  *out = (PinoPoolResult){0};
  struct stat st;
  g_auto(PinoFd) fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ELOOP)
    return TRUE;
  if (fd < 0 || fstat(fd, &st) != 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  if (!S_ISREG(st.st_mode) || (guint64)st.st_size < PINO_POOL_LEAST)
    return TRUE;
  g_autofree char *sum =
      sha256 != NULL ? normal_sha256(sha256, error) : pino_hash_file(path, "sha256", cancellable, error);
  if (sum == NULL)
    return FALSE;
  g_autoptr(PinoPoolStore) store = pino_pool_store_new(home);
  g_auto(Deal) deal = {store, NULL, sum, path, NULL, out, cancellable};
  if (!put_in(&deal, fd, &st, url, validator, error)) {
    pino_pool_result_clear(out);
    return FALSE;
  }
  out->sha256 = g_steal_pointer(&sum);
  return TRUE;
}

/* --- out ---- */

/* For a target that cannot share. */
static gboolean copy_out(const Deal *deal, int object, GError **error) {
  g_autofree char *name = NULL;
  g_auto(PinoFd) folder = pino_storage_open_parent(deal->path, &name, error);
  if (folder < 0)
    return FALSE;
  char temp[PINO_TEMP_NAME];
  g_auto(PinoFd) fd = pino_storage_temp_at(folder, 0666, temp);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", deal->path);
    return FALSE;
  }
  int failed = pino_content_copy(object, fd, deal->cancellable, NULL);
  if (failed == 0 && renameat(folder, temp, folder, name) != 0)
    failed = errno;
  if (failed == 0)
    return TRUE;
  unlinkat(folder, temp, 0);
  if (failed != ECANCELED || pino_storage_go_on(deal->cancellable, error))
    pino_storage_fail(error, failed, "copyfile", deal->path);
  return FALSE;
}

static gboolean hand_out(Deal *deal, int object, const struct stat *object_st, gboolean *taken,
                         GError **error) {
  PinoPoolWay way = PINO_POOL_PLAIN;
  int failed = 0;
  g_autofree char *temp = pino_pool_share_make(deal->store, object, deal->object, deal->path, &way, &failed);
  if (temp != NULL && rename(temp, deal->path) != 0) {
    failed = errno;
    way = PINO_POOL_PLAIN;
    (void)unlink(temp);
  }
  /* Renaming a name to another one of the same file does nothing, and leaves it. */
  if (temp != NULL)
    (void)unlink(temp);
  tell(deal, way == PINO_POOL_PLAIN ? failed : 0);
  if (way == PINO_POOL_PLAIN && !copy_out(deal, object, error))
    return FALSE;
  if (!renew(deal, object_st)) {
    /* Written to in this very moment: what was handed out is not what was asked for. */
    pino_pool_store_drop(deal->store, deal->sha256);
    (void)unlink(deal->path);
    return TRUE;
  }
  *taken = TRUE;
  deal->result->saved = way != PINO_POOL_PLAIN ? (guint64)object_st->st_size : 0;
  if (way != PINO_POOL_PLAIN)
    write_down(deal, way);
  else
    pino_pool_record_save(deal->store, deal->sha256, deal->record);
  return TRUE;
}

static gboolean take_out(Deal *deal, gboolean *taken, GError **error) {
  g_autoptr(GError) failed = NULL;
  g_autofree char *folder = g_path_get_dirname(deal->path);
  struct stat st;
  deal_open(deal);
  g_auto(PinoFd) object =
      pino_pool_store_open_object(deal->store, deal->sha256, deal->record, &st, deal->cancellable, &failed);
  if (failed != NULL) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  return object < 0 || (pino_dir_make(folder, error) && hand_out(deal, object, &st, taken, error));
}

gboolean pino_pool_take(const char *home, const char *sha256, const char *url, const char *validator,
                        const char *target, gboolean *taken, PinoPoolResult *result,
                        GCancellable *cancellable, GError **error) {
  g_auto(PinoPoolResult) unused = {0};
  PinoPoolResult *out = result != NULL ? result : &unused;
  *out = (PinoPoolResult){0};
  *taken = FALSE;
  g_autoptr(PinoPoolStore) store = pino_pool_store_new(home);
  if (!pino_pool_store_exists(store))
    return TRUE;
  g_autofree char *wanted = sha256 != NULL ? normal_sha256(sha256, error) : NULL;
  if (sha256 != NULL && wanted == NULL)
    return FALSE;
  g_autoptr(GError) failed = NULL;
  if (wanted == NULL)
    wanted = pino_pool_index_find(store, url, validator);
  if (wanted == NULL)
    return TRUE;
  if (!pino_pool_store_lock(store, cancellable, &failed)) {
    /* A pool that cannot be used has nothing. */
    if (!is_cancelled(failed))
      return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  g_auto(Deal) deal = {store, NULL, wanted, target, NULL, out, cancellable};
  if (!take_out(&deal, taken, error)) {
    pino_pool_result_clear(out);
    return FALSE;
  }
  if (*taken)
    out->sha256 = g_steal_pointer(&wanted);
  return TRUE;
}
