#include "storage/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/tree.h"
#include "storage/walk.h"

#define READ_BLOCK ((gsize)256 * 1024)
#define TEMP_PREFIX ".pino-unpack-"
#define TAR_BLOCK 512

/* What no honest archive comes near to. The largest ones that apps ship (a whole CUDA build of PyTorch with its sources)
 * hold some 100,000 entries, a data set of pictures 1.3 million; programs and weights shrink to a third at best, text to a
 * twentieth. */
static const PinoArchiveLimits LIMITS = {5000000, 200, (guint64)1 << 30, (guint64)256 * 1024};

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_free)

typedef struct {
  const char *file;
  const char *into; /* real path, so that only links of the archive are on the way */
  GCancellable *cancellable;
  const PinoArchiveLimits *limits;
  guint64 packed; /* size of the archive */
  guint64 room;   /* what may be written, G_MAXUINT64: unknown */
  guint64 entries;
  guint64 bytes; /* written so far */
} Unpack;

static gboolean refuse(const Unpack *unpack, const char *name, const char *why, GError **error) {
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "refused to unpack '%s': '%s' %s; nothing was unpacked",
              unpack->file, name, why);
  return FALSE;
}

static gboolean refuse_locked(const Unpack *unpack, GError **error) {
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_FAILED,
      "cannot unpack '%s': it is locked with a password; unpack it by hand with a program that asks for "
      "it; nothing was unpacked",
      unpack->file);
  return FALSE;
}

/* libarchive puts the errno of the disk into the archive; those are told as such. */
static gboolean fail(const Unpack *unpack, Archive *archive, const char *name, GError **error) {
  int errnum = archive_errno(archive);
  if (errnum == ENOSPC || errnum == EDQUOT || errnum == EACCES || errnum == EROFS || errnum == EFBIG) {
    pino_storage_fail(error, errnum, "unpack", unpack->into);
    return FALSE;
  }
  const char *text = archive_error_string(archive);
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "cannot unpack '%s'%s%s: %s; nothing was unpacked",
              unpack->file, name != NULL ? " at " : "", name != NULL ? name : "",
              text != NULL ? text : "damaged or not an archive (zip, 7z, tar.*)");
  return FALSE;
}

static gboolean fail_reading(const Unpack *unpack, Archive *archive, const char *name, GError **error) {
  return archive_read_has_encrypted_entries(archive) > 0 ? refuse_locked(unpack, error)
                                                         : fail(unpack, archive, name, error);
}

static gboolean stays_inside(const char *name) {
  if (name[0] == '/')
    return FALSE;
  g_auto(GStrv) parts = g_strsplit(name, "/", -1);
  return !g_strv_contains((const char *const *)parts, "..");
}

/* A link may climb as far as to the top of the archive and then only descend. "a/../b" is not allowed, since a could
 * be a link itself; with this no chain of links leads out. */
static gboolean link_stays_inside(const char *name, const char *target) {
  if (target[0] == '/')
    return FALSE;
  g_auto(GStrv) at = g_strsplit(name, "/", -1);
  guint depth = 0;
  for (guint i = 0; at[i] != NULL && at[i + 1] != NULL; i++)
    depth += at[i][0] != '\0' && !g_str_equal(at[i], ".");
  while (g_str_has_prefix(target, "../") || g_str_has_prefix(target, "./") || g_str_equal(target, "..")) {
    gboolean up = target[1] == '.';
    if (up && depth == 0)
      return FALSE;
    depth -= up;
    target += MIN(strlen(target), up ? 3u : 2u);
    while (target[0] == '/')
      target++;
  }
  return stays_inside(target);
}

/* Checks the entry and turns its names into ones below unpack->into. */
static gboolean vet(const Unpack *unpack, struct archive_entry *entry, GError **error) {
  const char *name = archive_entry_pathname(entry);
  if (name == NULL)
    name = archive_entry_pathname_utf8(entry);
  if (name == NULL || name[0] == '\0')
    return refuse(unpack, "", "has no name that can be read", error);
  const char *hard = archive_entry_hardlink(entry);
  const char *soft = archive_entry_symlink(entry);
  mode_t type = archive_entry_filetype(entry);
  if (!stays_inside(name))
    return refuse(unpack, name, "leads out of the folder", error);
  if (hard != NULL && !stays_inside(hard))
    return refuse(unpack, name, "is a link that leads out of the folder", error);
  if (hard == NULL && type == AE_IFLNK && (soft == NULL || !link_stays_inside(name, soft)))
    return refuse(unpack, name, "is a link that leads out of the folder", error);
  if (hard == NULL && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
    return refuse(unpack, name, "is a device or a pipe", error);
  if (archive_entry_is_encrypted(entry))
    return refuse_locked(unpack, error);
  g_autofree char *full = g_strconcat(unpack->into, "/", name, NULL);
  g_autofree char *full_hard = hard != NULL ? g_strconcat(unpack->into, "/", hard, NULL) : NULL;
  archive_entry_copy_pathname(entry, full);
  if (full_hard != NULL)
    archive_entry_copy_hardlink(entry, full_hard);
  /* What its owner could not open could not be moved in either. */
  archive_entry_set_perm(entry, (archive_entry_perm(entry) & 0777) | (type == AE_IFDIR ? 0700 : 0600));
  return TRUE;
}

/* --- limits ---- */

/* So that a bomb, or an honest archive that is too large, ends before the disk is full. */
static gboolean count_bytes(const Unpack *unpack, guint64 more, GError **error) {
  guint64 bytes = unpack->bytes + more;
  if (bytes > unpack->room) {
    pino_storage_fail(error, ENOSPC, "unpack", unpack->into);
    return FALSE;
  }
  if (bytes < unpack->limits->ratio_from || bytes / unpack->limits->ratio < unpack->packed)
    return TRUE;
  g_autofree char *packed = g_format_size(unpack->packed);
  g_autofree char *size = g_format_size(bytes);
  g_set_error(
      error, PINO_ERROR, PINO_ERROR_LIMIT,
      "refused to unpack '%s': its %s become more than %s, as no honest archive's do; nothing was unpacked",
      unpack->file, packed, size);
  return FALSE;
}

static gboolean count_entry(Unpack *unpack, struct archive_entry *entry, GError **error) {
  if (++unpack->entries > unpack->limits->entries) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT,
                "refused to unpack '%s': it holds more than %" G_GUINT64_FORMAT
                " files, as no honest archive does; nothing was unpacked",
                unpack->file, unpack->limits->entries);
    return FALSE;
  }
  /* What it says of its size may be a lie, but one that is too large needs no look at its data. */
  return !archive_entry_size_is_set(entry) ||
         count_bytes(unpack, (guint64)MAX(archive_entry_size(entry), 0), error);
}

static guint64 room_in(const char *folder, guint64 spare) {
  struct statvfs fs;
  if (statvfs(folder, &fs) != 0 || fs.f_blocks == 0)
    return G_MAXUINT64;
  guint64 available = (guint64)fs.f_bavail * fs.f_frsize;
  return available > spare ? available - spare : 0;
}

/* --- */

static gboolean unpack_data(Unpack *unpack, Archive *from, Archive *to, const char *name, GError **error) {
  while (pino_storage_go_on(unpack->cancellable, error)) {
    const void *block = NULL;
    size_t len = 0;
    la_int64_t offset = 0;
    int rc = archive_read_data_block(from, &block, &len, &offset);
    if (rc == ARCHIVE_EOF)
      return TRUE;
    if (rc < ARCHIVE_WARN)
      return fail_reading(unpack, from, name, error);
    if (!count_bytes(unpack, len, error))
      return FALSE;
    if (archive_write_data_block(to, block, len, offset) < ARCHIVE_OK)
      return fail(unpack, to, name, error);
    unpack->bytes += len;
  }
  return FALSE;
}

/* A compressed file that is no tar: a.gguf.zst becomes a.gguf. */
static gboolean name_single(const Unpack *unpack, Archive *from, struct archive_entry *entry,
                            GError **error) {
  static const char *const suffixes[] = {".zst", ".gz", ".xz", ".bz2", ".lz4", ".lzma", ".z"};
  static const char *const tars[] = {".tar", ".tgz", ".txz", ".tbz2", ".tbz", ".tzst", ".zip", ".7z"};
  if (archive_format(from) != ARCHIVE_FORMAT_RAW)
    return TRUE;
  g_autofree char *name = g_path_get_basename(unpack->file);
  g_autofree char *lower = g_ascii_strdown(name, -1);
  for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++)
    if (g_str_has_suffix(lower, suffixes[i]) && strlen(lower) > strlen(suffixes[i])) {
      name[strlen(name) - strlen(suffixes[i])] = '\0';
      lower[strlen(name)] = '\0';
      break;
    }
  gboolean archive = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(tars); i++)
    archive = archive || g_str_has_suffix(lower, tars[i]);
  /* Without a filter "raw" is any file at all; a tar that is none is damaged. */
  if (archive || archive_filter_count(from) < 2)
    return fail_reading(unpack, from, NULL, error);
  archive_entry_copy_pathname(entry, name);
  return TRUE;
}

static gboolean unpack_entry(Unpack *unpack, Archive *from, Archive *to, struct archive_entry *entry,
                             GError **error) {
  if (!name_single(unpack, from, entry, error) || !count_entry(unpack, entry, error) ||
      !vet(unpack, entry, error))
    return FALSE;
  const char *name = archive_entry_pathname(entry) + strlen(unpack->into) + 1;
  if (archive_write_header(to, entry) < ARCHIVE_WARN)
    return fail(unpack, to, name, error);
  if ((!archive_entry_size_is_set(entry) || archive_entry_size(entry) != 0) &&
      !unpack_data(unpack, from, to, name, error))
    return FALSE;
  return archive_write_finish_entry(to) >= ARCHIVE_WARN || fail(unpack, to, name, error);
}

/* A tar that was cut between two entries looks like a shorter one, but for the empty block that every tar ends with. A
 * compressed one tells that it was cut. */
static gboolean check_end(const Unpack *unpack, Archive *from, GError **error) {
  if ((archive_format(from) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR ||
      archive_filter_count(from) > 1)
    return TRUE;
  const char empty[TAR_BLOCK] = "";
  char last[TAR_BLOCK] = "";
  g_auto(PinoFd) fd = open(unpack->file, O_RDONLY | O_CLOEXEC);
  off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
  if (end < TAR_BLOCK ||
      (pread(fd, last, TAR_BLOCK, end - TAR_BLOCK) == TAR_BLOCK && memcmp(last, empty, TAR_BLOCK) == 0))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
              "cannot unpack '%s': it has no end and was probably cut; get it again; nothing was unpacked",
              unpack->file);
  return FALSE;
}

static gboolean unpack_all(Unpack *unpack, Archive *from, Archive *to, GError **error) {
  while (pino_storage_go_on(unpack->cancellable, error)) {
    struct archive_entry *entry = NULL;
    int rc = archive_read_next_header(from, &entry);
    if (rc == ARCHIVE_EOF)
      /* Times and modes of folders come with the close. */
      return check_end(unpack, from, error) &&
             (archive_write_close(to) >= ARCHIVE_WARN || fail(unpack, to, NULL, error));
    if (rc < ARCHIVE_WARN)
      return fail_reading(unpack, from, NULL, error);
    if (!unpack_entry(unpack, from, to, entry, error))
      return FALSE;
  }
  return FALSE;
}

static Archive *open_archive(Unpack *unpack, GError **error) {
  int (*const support[])(Archive *) = {
      archive_read_support_format_zip,      archive_read_support_format_7zip,
      archive_read_support_format_tar,      archive_read_support_format_gnutar,
      archive_read_support_filter_gzip,     archive_read_support_filter_bzip2,
      archive_read_support_filter_xz,       archive_read_support_filter_lzma,
      archive_read_support_filter_zstd,     archive_read_support_filter_lz4,
      archive_read_support_filter_compress, archive_read_support_format_raw,
  };
  g_autoptr(Archive) archive = archive_read_new();
  for (gsize i = 0; i < G_N_ELEMENTS(support); i++)
    if (support[i](archive) < ARCHIVE_WARN) {
      fail(unpack, archive, NULL, error);
      return NULL;
    }
  struct stat st;
  int errnum = stat(unpack->file, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
  if (errnum != 0) {
    pino_storage_fail(error, errnum, "open", unpack->file);
    return NULL;
  }
  unpack->packed = MAX((guint64)st.st_size, 1);
  unpack->room = room_in(unpack->into, unpack->limits->spare);
  if (archive_read_open_filename(archive, unpack->file, READ_BLOCK) == ARCHIVE_OK)
    return g_steal_pointer(&archive);
  fail(unpack, archive, NULL, error);
  return NULL;
}

static gboolean unpack_into(Unpack *unpack, GError **error) {
  g_autoptr(Archive) from = open_archive(unpack, error);
  if (from == NULL)
    return FALSE;
  g_autoptr(Archive) to = archive_write_disk_new();
  /* SECURE_NOABSOLUTEPATHS cannot be among them, since the paths are made absolute here; vet() does its part. */
  archive_write_disk_set_options(to, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                                         ARCHIVE_EXTRACT_SECURE_SYMLINKS);
  return unpack_all(unpack, from, to, error);
}

typedef struct {
  const char *dir;
} Fit;

/* Nothing of the archive may need what is there already to go. */
static gboolean fits(const PinoPlace *place, gpointer data, GError **error) {
  const Fit *fit = data;
  g_autofree char *below = pino_place_path(place);
  g_autofree char *target = g_build_filename(fit->dir, below, NULL);
  struct stat st;
  if (stat(target, &st) != 0 || S_ISDIR(st.st_mode) == S_ISDIR(place->st->st_mode))
    return TRUE;
  pino_storage_fail(error, S_ISDIR(st.st_mode) ? EISDIR : ENOTDIR, "unpack", target);
  return FALSE;
}

/* Goes only as deep as folders of the same name are there already. */
static gboolean move_in(const char *from, const char *to, GError **error) {
  if (rename(from, to) == 0)
    return TRUE;
  int errnum = errno;
  g_autoptr(GDir) folder = g_file_test(to, G_FILE_TEST_IS_DIR) ? g_dir_open(from, 0, NULL) : NULL;
  if (folder == NULL) {
    pino_storage_fail(error, errnum, "rename", to);
    return FALSE;
  }
  for (const char *name = g_dir_read_name(folder); name != NULL; name = g_dir_read_name(folder)) {
    g_autofree char *part = g_build_filename(from, name, NULL);
    g_autofree char *place = g_build_filename(to, name, NULL);
    if (!move_in(part, place, error))
      return FALSE;
  }
  return TRUE;
}

/* libarchive turns the names of zip and 7z into those of the locale, and a program that did not set one has ASCII. */
static gboolean unpack_with_utf8(Unpack *unpack, GError **error) {
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
  gboolean ok = unpack_into(unpack, error);
  if (utf8 != (locale_t)0) {
    uselocale(before);
    freelocale(utf8);
  }
  return ok;
}

static gboolean unpack_and_move(Unpack *unpack, const char *dir, GError **error) {
  const PinoVisit visit = {fits, NULL, fits};
  Fit fit = {dir};
  return unpack_with_utf8(unpack, error) &&
         pino_storage_walk(unpack->into, &visit, &fit, unpack->cancellable, error) &&
         move_in(unpack->into, dir, error);
}

/* What calls left that were killed: nobody has those locked. */
static void clear_leftovers(const char *dir) {
  g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
  for (const char *name = NULL; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_auto(PinoFd) fd = g_str_has_prefix(name, TEMP_PREFIX)
                            ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                            : -1;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
      (void)pino_tree_remove(path, NULL, NULL);
  }
}

/* Makes the folder that everything is unpacked to first, and locks it. Gives its path, or NULL with errno. */
static char *make_temp(const char *dir, int *lock) {
  for (;;) {
    g_autofree char *path =
        g_strdup_printf("%s/" TEMP_PREFIX "%08x%08x", dir, g_random_int(), g_random_int());
    if (mkdir(path, 0777) != 0)
      return NULL;
    g_auto(PinoFd) fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno != ENOENT)
      return NULL;
    (void)flock(fd, LOCK_EX | LOCK_NB);
    /* Another call may have taken it for a leftover before it was locked. */
    if (fd >= 0 && stat(path, &st) == 0) {
      *lock = pino_fd_steal(&fd);
      return g_steal_pointer(&path);
    }
  }
}

gboolean pino_archive_extract_within(const char *file, const char *dir, const PinoArchiveLimits *limits,
                                     GCancellable *cancellable, GError **error) {
  if (!pino_dir_make(dir, error))
    return FALSE;
  /* libc's allocation, since realpath gives it. */
  char *real = realpath(dir, NULL);
  if (real != NULL)
    clear_leftovers(real);
  g_auto(PinoFd) lock = -1;
  g_autofree char *into = real != NULL ? make_temp(real, &lock) : NULL;
  int failed = errno;
  free(real);
  if (into == NULL) {
    pino_storage_fail(error, failed, "mkdir", dir);
    return FALSE;
  }
  Unpack unpack = {.file = file, .into = into, .cancellable = cancellable, .limits = limits};
  gboolean ok = unpack_and_move(&unpack, dir, error);
  g_autoptr(GError) left = NULL;
  if (pino_tree_remove(into, NULL, &left))
    return ok;
  if (ok)
    g_propagate_error(error, g_steal_pointer(&left));
  else
    g_prefix_error(error, "%s; ", left->message);
  return FALSE;
}

gboolean pino_archive_extract(const char *file, const char *dir, GCancellable *cancellable, GError **error) {
  return pino_archive_extract_within(file, dir, &LIMITS, cancellable, error);
}
