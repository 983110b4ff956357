#include "storage/persistfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/io.h"

/* Such file systems tell at closing what went wrong; that they know no syncing is no failure. Gives 0 or an errno. */
static int fill(const char *path, GBytes *data) {
  gsize length = 0;
  gconstpointer bytes = g_bytes_get_data(data, &length);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno;
  int failed = pino_storage_write_all(fd, bytes, length);
  if (failed == 0 && fsync(fd) != 0 && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
    failed = errno;
  if (close(fd) != 0 && failed == 0 && errno != EINTR)
    failed = errno;
  return failed;
}

static int replace(const char *from, const char *to) {
  if (rename(from, to) == 0)
    return 0;
  if (access(to, F_OK) != 0)
    return errno;
  return unlink(to) == 0 && rename(from, to) == 0 ? 0 : errno;
}

gboolean pino_persist_file_write(const char *path, GBytes *data, GError **error) {
  g_autofree char *part = g_strconcat(path, ".part", NULL);
  g_autofree char *new = g_strconcat(path, ".new", NULL);
  /* Of a crash: it may be the only one that there is. */
  if (access(new, F_OK) == 0 && access(path, F_OK) != 0)
    (void)rename(new, path);
  int failed = fill(part, data);
  if (failed == 0)
    failed = replace(part, new);
  if (failed != 0) {
    (void)unlink(part);
    pino_storage_fail(error, failed, "write", path);
    return FALSE;
  }
  failed = replace(new, path);
  if (failed == 0)
    return TRUE;
  pino_storage_fail(error, failed, "rename", path);
  return FALSE;
}

gboolean pino_persist_file_read(const char *path, GBytes **bytes, GError **error) {
  g_autofree char *new = g_strconcat(path, ".new", NULL);
  const char *const names[] = {path, new};
  *bytes = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GError) failed = NULL;
    *bytes = pino_file_read(names[i], &failed);
    if (*bytes != NULL)
      return TRUE;
    if (g_error_matches(failed, PINO_ERRNO, ENOENT))
      continue;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  return TRUE;
}
