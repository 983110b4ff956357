/* Files for fs.js: descriptors and their contents. Each native is one operation of Node's fs, done at once; the
 * .js side checks arguments, and adds syscall and path to what is thrown. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "js/node_internal.h"

/* Node refuses to read a larger file into one Buffer. */
#define MAX_FILE 0x7fffffff
#define CHUNK 65536u

/* --- descriptors ----------------------------------------------------------------------------------------- */

static int open_retrying(const char *path, int flags, mode_t mode) {
  int fd;
  do
    fd = open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

/* (path, flags, mode) -> fd */
static JSValueRef fs_open(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  int fd = open_retrying(path, pino_node_int(js, argc, argv, 1), (mode_t)pino_node_int(js, argc, argv, 2));
  if (fd < 0)
    return pino_node_fail(error, "open", path);
  g_hash_table_add(js->node->files, GINT_TO_POINTER(fd));
  return pino_js_number(js, fd);
}

static JSValueRef fs_close(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_fd(js, argc, argv, 0, "close", error);
  if (fd < 0 || fd <= STDERR_FILENO)
    return NULL;
  g_hash_table_remove(js->node->files, GINT_TO_POINTER(fd));
  return close(fd) == 0 || errno == EINTR ? NULL : pino_node_fail(error, "close", NULL);
}

static JSValueRef fs_fsync(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_fd(js, argc, argv, 0, "fsync", error);
  if (fd < 0)
    return NULL;
  return fsync(fd) == 0 ? NULL : pino_node_fail(error, "fsync", NULL);
}

/* The part of a Buffer that (fd, buffer, offset, length, position) names. */
static gboolean take_part(PinoJs *js, size_t argc, const JSValueRef argv[], PinoSpan *part, GError **error) {
  double offset = pino_node_number(js, argc, argv, 2, 0), length = pino_node_number(js, argc, argv, 3, 0);
  if (!pino_node_span(js, argc, argv, 1, part, error))
    return FALSE;
  if (offset < 0 || length < 0 || offset + length > (double)part->len) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE, "offset and length lie outside of the buffer");
    return FALSE;
  }
  part->data += (gsize)offset;
  part->len = (gsize)length;
  return TRUE;
}

static JSValueRef transfer(PinoJs *js, size_t argc, const JSValueRef argv[], gboolean out, GError **error) {
  const char *syscall = out ? "write" : "read";
  double position = pino_node_number(js, argc, argv, 4, -1);
  PinoSpan part;
  int fd = pino_node_fd(js, argc, argv, 0, syscall, error);
  if (fd < 0 || !take_part(js, argc, argv, &part, error))
    return NULL;
  gssize count;
  do {
    if (out)
      count =
          position < 0 ? write(fd, part.data, part.len) : pwrite(fd, part.data, part.len, (off_t)position);
    else
      count = position < 0 ? read(fd, part.data, part.len) : pread(fd, part.data, part.len, (off_t)position);
  } while (count < 0 && errno == EINTR);
  return count >= 0 ? pino_js_number(js, (double)count) : pino_node_fail(error, syscall, NULL);
}

static JSValueRef fs_read(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return transfer(js, argc, argv, FALSE, error);
}

static JSValueRef fs_write(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return transfer(js, argc, argv, TRUE, error);
}

/* --- whole files ----------------------------------------------------------------------------------------- */

/* A path is opened for this one call; a number is a descriptor that stays open. */
typedef struct {
  int fd;
  char *path; /* NULL for a descriptor */
} Target;

static gboolean target_open(PinoJs *js, size_t argc, const JSValueRef argv[], int flags, mode_t mode,
                            Target *target, GError **error) {
  *target = (Target){-1, NULL};
  if (argc > 0 && JSValueIsNumber(pino_js_context(js), argv[0])) {
    target->fd = pino_node_fd(js, argc, argv, 0, (flags & O_ACCMODE) == O_RDONLY ? "read" : "write", error);
    return target->fd >= 0;
  }
  target->path = pino_node_text(js, argc, argv, 0, error);
  if (target->path == NULL)
    return FALSE;
  target->fd = open_retrying(target->path, flags, mode);
  if (target->fd < 0)
    pino_node_fail(error, "open", target->path);
  return target->fd >= 0;
}

static void target_close(Target *target) {
  if (target->path != NULL && target->fd >= 0)
    close(target->fd);
  g_free(target->path);
}

static guint8 *read_all(int fd, gsize expected, gsize *len, GError **error) {
  gsize room = expected + 1;
  g_autofree guint8 *data = g_malloc(room);
  *len = 0;
  for (;;) {
    if (*len == room) {
      room += MAX(room / 2, CHUNK);
      data = g_realloc(data, room);
    }
    gssize count = read(fd, data + *len, room - *len);
    if (count == 0)
      return g_steal_pointer(&data);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      pino_node_fail(error, "read", NULL);
      return NULL;
    }
    *len += (gsize)count;
    if (*len > MAX_FILE) {
      g_set_error_literal(error, PINO_ERROR, PINO_ERROR_LIMIT,
                          "the file is larger than 2 GiB: read it in parts");
      return NULL;
    }
  }
}

/* (path or fd, flags) -> ArrayBuffer */
static JSValueRef fs_read_file(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  Target target;
  struct stat st;
  gsize len = 0;
  guint8 *data = NULL;
  int flags = argc > 1 ? pino_node_int(js, argc, argv, 1) : O_RDONLY;
  if (target_open(js, argc, argv, flags, 0666, &target, error)) {
    gsize expected =
        fstat(target.fd, &st) == 0 && S_ISREG(st.st_mode) ? (gsize)MIN(st.st_size, MAX_FILE) : CHUNK;
    data = read_all(target.fd, expected, &len, error);
  }
  target_close(&target);
  return data != NULL ? pino_node_take_bytes(js, data, len) : NULL;
}

static gboolean write_all(int fd, PinoSpan span, GError **error) {
  while (span.len > 0) {
    gssize count = write(fd, span.data, span.len);
    if (count < 0 && errno != EINTR) {
      pino_node_fail(error, "write", NULL);
      return FALSE;
    }
    if (count > 0) {
      span.data += count;
      span.len -= (gsize)count;
    }
  }
  return TRUE;
}

/* (path or fd, bytes, flags, mode) */
static JSValueRef fs_write_file(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  Target target;
  PinoSpan span;
  if (!pino_node_span(js, argc, argv, 1, &span, error))
    return NULL;
  int flags = pino_node_int(js, argc, argv, 2);
  if (target_open(js, argc, argv, flags, (mode_t)pino_node_int(js, argc, argv, 3), &target, error))
    write_all(target.fd, span, error);
  target_close(&target);
  return NULL;
}

/* --- what is known of a file ----------------------------------------------------------------------------- */

static JSValueRef stat_array(PinoJs *js, const struct stat *st, const struct timespec *birth) {
  JSContextRef ctx = pino_js_context(js);
  const double values[] = {
      (double)st->st_dev,          (double)st->st_mode,         (double)st->st_nlink,
      (double)st->st_uid,          (double)st->st_gid,          (double)st->st_rdev,
      (double)st->st_blksize,      (double)st->st_ino,          (double)st->st_size,
      (double)st->st_blocks,       (double)st->st_atim.tv_sec,  (double)st->st_atim.tv_nsec,
      (double)st->st_mtim.tv_sec,  (double)st->st_mtim.tv_nsec, (double)st->st_ctim.tv_sec,
      (double)st->st_ctim.tv_nsec, (double)birth->tv_sec,       (double)birth->tv_nsec,
  };
  JSValueRef items[G_N_ELEMENTS(values)];
  for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
    items[i] = JSValueMakeNumber(ctx, values[i]);
  return pino_js_array(js, G_N_ELEMENTS(values), items);
}

/* The birth time comes from statx(), which some sandboxes refuse: then the change time stands for it. */
static JSValueRef stat_at(PinoJs *js, int dir, const char *path, int flags, const char *syscall,
                          GError **error) {
  struct stat st;
  struct statx more;
  if (fstatat(dir, path, &st, flags) != 0)
    return pino_node_fail(error, syscall, path[0] != '\0' || dir == AT_FDCWD ? path : NULL);
  struct timespec birth = st.st_ctim;
  if (statx(dir, path, flags, STATX_BTIME, &more) == 0 && (more.stx_mask & STATX_BTIME))
    birth = (struct timespec){more.stx_btime.tv_sec, more.stx_btime.tv_nsec};
  return stat_array(js, &st, &birth);
}

static JSValueRef fs_stat(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  return path != NULL ? stat_at(js, AT_FDCWD, path, 0, "stat", error) : NULL;
}

static JSValueRef fs_lstat(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  return path != NULL ? stat_at(js, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, "lstat", error) : NULL;
}

static JSValueRef fs_fstat(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_fd(js, argc, argv, 0, "fstat", error);
  return fd >= 0 ? stat_at(js, fd, "", AT_EMPTY_PATH, "fstat", error) : NULL;
}

static JSValueRef fs_access(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  return access(path, MAX(pino_node_int(js, argc, argv, 1), F_OK)) == 0
             ? NULL
             : pino_node_fail(error, "access", path);
}

static JSValueRef fs_exists(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  return path != NULL ? pino_js_bool(js, access(path, F_OK) == 0) : NULL;
}

/* --- changing what is known ------------------------------------------------------------------------------ */

static JSValueRef fs_chmod(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  return chmod(path, (mode_t)pino_node_int(js, argc, argv, 1)) == 0 ? NULL
                                                                    : pino_node_fail(error, "chmod", path);
}

static JSValueRef fs_fchmod(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_fd(js, argc, argv, 0, "fchmod", error);
  if (fd < 0)
    return NULL;
  return fchmod(fd, (mode_t)pino_node_int(js, argc, argv, 1)) == 0 ? NULL
                                                                   : pino_node_fail(error, "fchmod", NULL);
}

/* (path, uid, gid, follow); -1 leaves an owner as it is. */
static JSValueRef fs_chown(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  gboolean follow = pino_node_flag(js, argc, argv, 3);
  uid_t uid = (uid_t)pino_node_int(js, argc, argv, 1);
  gid_t gid = (gid_t)pino_node_int(js, argc, argv, 2);
  if (fchownat(AT_FDCWD, path, uid, gid, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
    return NULL;
  return pino_node_fail(error, follow ? "chown" : "lchown", path);
}

static struct timespec to_timespec(double seconds) {
  double whole = seconds >= 0 ? (double)(gint64)seconds : (double)((gint64)seconds - 1);
  return (struct timespec){(time_t)whole, (long)((seconds - whole) * 1e9)};
}

/* (path, atime, mtime, follow), in seconds. */
static JSValueRef fs_utimes(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  gboolean follow = pino_node_flag(js, argc, argv, 3);
  const struct timespec times[] = {to_timespec(pino_node_number(js, argc, argv, 1, 0)),
                                   to_timespec(pino_node_number(js, argc, argv, 2, 0))};
  if (utimensat(AT_FDCWD, path, times, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
    return NULL;
  return pino_node_fail(error, follow ? "utime" : "lutime", path);
}

static JSValueRef fs_futimes(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_fd(js, argc, argv, 0, "futime", error);
  if (fd < 0)
    return NULL;
  const struct timespec times[] = {to_timespec(pino_node_number(js, argc, argv, 1, 0)),
                                   to_timespec(pino_node_number(js, argc, argv, 2, 0))};
  return futimens(fd, times) == 0 ? NULL : pino_node_fail(error, "futime", NULL);
}

static JSValueRef fs_ftruncate(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  int fd = pino_node_fd(js, argc, argv, 0, "ftruncate", error);
  if (fd < 0)
    return NULL;
  off_t len = (off_t)pino_node_number(js, argc, argv, 1, 0);
  return ftruncate(fd, len) == 0 ? NULL : pino_node_fail(error, "ftruncate", NULL);
}

void pino_node_add_fs(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"open", fs_open},
      {"close", fs_close},
      {"fsync", fs_fsync},
      {"read", fs_read},
      {"write", fs_write},
      {"readFile", fs_read_file},
      {"writeFile", fs_write_file},
      {"stat", fs_stat},
      {"lstat", fs_lstat},
      {"fstat", fs_fstat},
      {"access", fs_access},
      {"exists", fs_exists},
      {"chmod", fs_chmod},
      {"fchmod", fs_fchmod},
      {"chown", fs_chown},
      {"utimes", fs_utimes},
      {"futimes", fs_futimes},
      {"ftruncate", fs_ftruncate},
      {NULL, NULL},
  };
  pino_js_add_natives(js, "fs", entries);
}
