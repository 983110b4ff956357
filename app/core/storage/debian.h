/* Repositories and packages of Debian, as far as one program can be fetched out of them on any Linux, without apt. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Orders two versions ("[EPOCH:]UPSTREAM[-REVISION]") as Debian does: below, equal to or above 0. */
int pino_debian_compare(const char *a, const char *b);

typedef struct {
  char *version;
  char *filename; /* below the repository's address */
  char *sha256;   /* lower-case hex */
  guint64 size;   /* bytes; 0: not told */
} PinoDebianPackage;

/* The newest version of the package in a repository's index (the content of a file Packages; need not end with NUL) for
 * that architecture. NULL with error set: PINO_ERROR_NOT_FOUND when there is none that has a file name and a checksum. */
PinoDebianPackage *pino_debian_choose(const char *index, gsize length, const char *package,
                                      const char *architecture, GError **error);
void pino_debian_package_free(PinoDebianPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoDebianPackage, pino_debian_package_free)

/* Takes one regular file out of the package's file deb and writes it to path (mode 0755, replaced, brought to the disk):
 * the first that has one of names (NULL-terminated, "usr/bin/x"). On failure nothing is left at path. Errors:
 * PINO_ERROR_FAILED (damaged, no package, no regular file), PINO_ERROR_NOT_FOUND (no such file in it), PINO_ERROR_LIMIT
 * (too large to be true), PINO_ERRNO. */
gboolean pino_debian_take(const char *deb, const char *const *names, const char *path, GError **error);

G_END_DECLS
