/* Making one file a share of another, by reflink or hard link. Not for other rooms. */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

#include "storage/poolstore.h"

G_BEGIN_DECLS

/* Whether a file of this name may be shared by hard link: programs only read such files, or replace them whole. */
gboolean pino_pool_kind_is_read_only(const char *path);

/* Whether files in this folder can share bytes by reflink; leaves no trace. */
gboolean pino_pool_has_reflinks(const char *folder);

/* Makes a new file of a temporary name in the store's tmp that shares with the file `source`, which fd has open. name
 * tells the kind of file. Gives its path (free) and *way; or NULL and *failed: an errno, or 0 when only its kind
 * forbids it. */
char *pino_pool_share_make(const PinoPoolStore *store, int fd, const char *source, const char *name,
                           PinoPoolWay *way, int *failed);

/* Puts temp at path in the place of the file that `old` was of; *swapped tells whether it was still that one, else path
 * is as it was. temp has gone in every case. Gives 0 or an errno. */
int pino_pool_share_swap(const char *temp, const char *path, const struct stat *old, gboolean *swapped);

G_END_DECLS
