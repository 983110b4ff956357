/* A .deb: an archive of ar that holds data.tar.*, in which the files are. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/debian.h"
#include "storage/io.h"

#define BLOCK ((gsize)64 * 1024)
#define MOST ((guint64)1 << 30) /* bytes of a program */

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_free)

typedef struct {
  const char *deb;
  Archive *outer;
  char block[BLOCK];
} Package;

static gboolean damaged(const Package *package, Archive *archive, GError **error) {
  const char *text = archive != NULL ? archive_error_string(archive) : NULL;
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "'%s' is damaged or no package of Debian: %s",
              package->deb, text != NULL ? text : "it has no data.tar");
  return FALSE;
}

static la_ssize_t read_outer(Archive *inner, void *data, const void **block) {
  Package *package = data;
  la_ssize_t count = archive_read_data(package->outer, package->block, BLOCK);
  if (count < 0)
    archive_set_error(inner, EIO, "%s", archive_error_string(package->outer));
  *block = package->block;
  return count;
}

/* Goes to data.tar.*. */
static gboolean open_outer(Package *package, GError **error) {
  struct archive_entry *entry = NULL;
  int rc = archive_read_support_format_ar(package->outer);
  if (rc >= ARCHIVE_WARN)
    rc = archive_read_open_filename(package->outer, package->deb, BLOCK);
  while (rc >= ARCHIVE_WARN && (rc = archive_read_next_header(package->outer, &entry)) >= ARCHIVE_WARN &&
         rc != ARCHIVE_EOF) {
    const char *name = archive_entry_pathname(entry);
    if (name != NULL && g_str_has_prefix(name, "data.tar"))
      return TRUE;
  }
  return damaged(package, rc == ARCHIVE_EOF ? NULL : package->outer, error);
}

static gboolean open_inner(Package *package, Archive *inner, GError **error) {
  int (*const support[])(Archive *) = {
      archive_read_support_format_tar,  archive_read_support_format_gnutar, archive_read_support_filter_gzip,
      archive_read_support_filter_xz,   archive_read_support_filter_zstd,   archive_read_support_filter_bzip2,
      archive_read_support_filter_lzma,
  };
  for (gsize i = 0; i < G_N_ELEMENTS(support); i++)
    if (support[i](inner) < ARCHIVE_WARN)
      return damaged(package, inner, error);
  return archive_read_open(inner, package, NULL, read_outer, NULL) >= ARCHIVE_WARN ||
         damaged(package, inner, error);
}

/* Goes to the entry that is wanted. */
static gboolean find(Package *package, Archive *inner, const char *const *names, GError **error) {
  struct archive_entry *entry = NULL;
  int rc;
  while ((rc = archive_read_next_header(inner, &entry)) >= ARCHIVE_WARN && rc != ARCHIVE_EOF) {
    const char *name = archive_entry_pathname(entry);
    while (name != NULL && (g_str_has_prefix(name, "./") || *name == '/'))
      name += *name == '/' ? 1 : 2;
    if (name == NULL || !g_strv_contains(names, name))
      continue;
    if (archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == NULL)
      return TRUE;
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "'%s' in '%s' is no regular file", name, package->deb);
    return FALSE;
  }
  if (rc != ARCHIVE_EOF)
    return damaged(package, inner, error);
  g_autofree char *wanted = g_strjoinv(" nor ", (char **)names);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "'%s' holds no %s", package->deb, wanted);
  return FALSE;
}

static gboolean write_out(Package *package, Archive *inner, int fd, const char *path, GError **error) {
  g_autofree char *block = g_malloc(BLOCK);
  guint64 written = 0;
  la_ssize_t count;
  while ((count = archive_read_data(inner, block, BLOCK)) > 0) {
    written += (guint64)count;
    if (written > MOST) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "the program in '%s' is larger than any honest one",
                  package->deb);
      return FALSE;
    }
    int errnum = pino_storage_write_all(fd, block, (gsize)count);
    if (errnum != 0) {
      pino_storage_fail(error, errnum, "write", path);
      return FALSE;
    }
  }
  if (count < 0)
    return damaged(package, inner, error);
  if (fchmod(fd, 0755) == 0 && fsync(fd) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "fsync", path);
  return FALSE;
}

static gboolean write_file(Package *package, Archive *inner, const char *path, GError **error) {
  (void)unlink(path);
  g_auto(PinoFd) fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  if (write_out(package, inner, fd, path, error))
    return TRUE;
  (void)unlink(path);
  return FALSE;
}

gboolean pino_debian_take(const char *deb, const char *const *names, const char *path, GError **error) {
  g_autoptr(Archive) outer = archive_read_new();
  g_autoptr(Archive) inner = archive_read_new();
  g_autofree Package *package = g_new0(Package, 1);
  package->deb = deb;
  package->outer = outer;
  return open_outer(package, error) && open_inner(package, inner, error) &&
         find(package, inner, names, error) && write_file(package, inner, path, error);
}
