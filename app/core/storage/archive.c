#include "storage/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/tree.h"
#include "storage/walk.h"

#define READ_BLOCK ((gsize)256 * 1024)

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_free)

typedef struct {
  const char *file;
  const char *into; /* real path, so that only links of the archive are on the way */
  GCancellable *cancellable;
} Unpack;

static gboolean refuse(const Unpack *unpack, const char *name, const char *why, GError **error) {
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "refused to unpack '%s': '%s' %s; nothing was unpacked",
              unpack->file, name, why);
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
  g_autofree char *full = g_strconcat(unpack->into, "/", name, NULL);
  g_autofree char *full_hard = hard != NULL ? g_strconcat(unpack->into, "/", hard, NULL) : NULL;
  archive_entry_copy_pathname(entry, full);
  if (full_hard != NULL)
    archive_entry_copy_hardlink(entry, full_hard);
  return TRUE;
}

static gboolean unpack_data(const Unpack *unpack, Archive *from, Archive *to, const char *name,
                            GError **error) {
  while (pino_storage_go_on(unpack->cancellable, error)) {
    const void *block = NULL;
    size_t len = 0;
    la_int64_t offset = 0;
    int rc = archive_read_data_block(from, &block, &len, &offset);
    if (rc == ARCHIVE_EOF)
      return TRUE;
    if (rc < ARCHIVE_WARN)
      return fail(unpack, from, name, error);
    if (archive_write_data_block(to, block, len, offset) < ARCHIVE_OK)
      return fail(unpack, to, name, error);
  }
  return FALSE;
}

static gboolean unpack_entry(const Unpack *unpack, Archive *from, Archive *to, struct archive_entry *entry,
                             GError **error) {
  if (!vet(unpack, entry, error))
    return FALSE;
  const char *name = archive_entry_pathname(entry) + strlen(unpack->into) + 1;
  if (archive_write_header(to, entry) < ARCHIVE_WARN)
    return fail(unpack, to, name, error);
  if ((!archive_entry_size_is_set(entry) || archive_entry_size(entry) != 0) &&
      !unpack_data(unpack, from, to, name, error))
    return FALSE;
  return archive_write_finish_entry(to) >= ARCHIVE_WARN || fail(unpack, to, name, error);
}

static gboolean unpack_all(const Unpack *unpack, Archive *from, Archive *to, GError **error) {
  while (pino_storage_go_on(unpack->cancellable, error)) {
    struct archive_entry *entry = NULL;
    int rc = archive_read_next_header(from, &entry);
    if (rc == ARCHIVE_EOF)
      /* Times and modes of folders come with the close. */
      return archive_write_close(to) >= ARCHIVE_WARN || fail(unpack, to, NULL, error);
    if (rc < ARCHIVE_WARN)
      return fail(unpack, from, NULL, error);
    if (!unpack_entry(unpack, from, to, entry, error))
      return FALSE;
  }
  return FALSE;
}

static Archive *open_archive(const Unpack *unpack, GError **error) {
  int (*const support[])(Archive *) = {
      archive_read_support_format_zip,      archive_read_support_format_7zip,
      archive_read_support_format_tar,      archive_read_support_format_gnutar,
      archive_read_support_filter_gzip,     archive_read_support_filter_bzip2,
      archive_read_support_filter_xz,       archive_read_support_filter_lzma,
      archive_read_support_filter_zstd,     archive_read_support_filter_lz4,
      archive_read_support_filter_compress,
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
  if (archive_read_open_filename(archive, unpack->file, READ_BLOCK) == ARCHIVE_OK)
    return g_steal_pointer(&archive);
  fail(unpack, archive, NULL, error);
  return NULL;
}

static gboolean unpack_into(const Unpack *unpack, GError **error) {
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
static gboolean unpack_with_utf8(const Unpack *unpack, GError **error) {
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
  gboolean ok = unpack_into(unpack, error);
  if (utf8 != (locale_t)0) {
    uselocale(before);
    freelocale(utf8);
  }
  return ok;
}

static gboolean unpack_and_move(const Unpack *unpack, const char *dir, GError **error) {
  const PinoVisit visit = {fits, NULL, fits};
  Fit fit = {dir};
  return unpack_with_utf8(unpack, error) &&
         pino_storage_walk(unpack->into, &visit, &fit, unpack->cancellable, error) &&
         move_in(unpack->into, dir, error);
}

gboolean pino_archive_extract(const char *file, const char *dir, GCancellable *cancellable, GError **error) {
  if (!pino_dir_make(dir, error))
    return FALSE;
  char name[PINO_TEMP_NAME];
  pino_storage_temp_name(name);
  /* libc's allocation, since realpath gives it. */
  char *real = realpath(dir, NULL);
  g_autofree char *into = real != NULL ? g_build_filename(real, name, NULL) : NULL;
  free(real);
  if (into == NULL || mkdir(into, 0777) != 0) {
    pino_storage_fail(error, errno, "mkdir", dir);
    return FALSE;
  }
  Unpack unpack = {file, into, cancellable};
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
