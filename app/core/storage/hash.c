#include "storage/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/io.h"

#define STEP ((gsize)1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

static gboolean feed(EVP_MD_CTX *context, const char *path, GCancellable *cancellable, GError **error) {
  g_auto(PinoFd) fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    pino_storage_fail(error, errno, "open", path);
    return FALSE;
  }
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  g_autofree char *buffer = g_malloc(STEP);
  while (pino_storage_go_on(cancellable, error)) {
    ssize_t n = read(fd, buffer, STEP);
    if (n == 0)
      return TRUE;
    if (n < 0 && errno != EINTR) {
      pino_storage_fail(error, errno, "read", path);
      return FALSE;
    }
    if (n > 0 && EVP_DigestUpdate(context, buffer, (gsize)n) != 1) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "OpenSSL could not hash '%s'", path);
      return FALSE;
    }
  }
  return FALSE;
}

char *pino_hash_file(const char *path, const char *kind, GCancellable *cancellable, GError **error) {
  const EVP_MD *digest = EVP_get_digestbyname(kind);
  g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
  if (digest == NULL || context == NULL || EVP_DigestInit_ex(context, digest, NULL) != 1) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "no checksum '%s' here; use sha256 or md5", kind);
    return NULL;
  }
  guint8 sum[EVP_MAX_MD_SIZE];
  guint len = 0;
  if (!feed(context, path, cancellable, error))
    return NULL;
  if (EVP_DigestFinal_ex(context, sum, &len) != 1) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "OpenSSL could not hash '%s'", path);
    return NULL;
  }
  GString *hex = g_string_sized_new(len * 2);
  for (guint i = 0; i < len; i++)
    g_string_append_printf(hex, "%02x", sum[i]);
  return g_string_free(hex, FALSE);
}
