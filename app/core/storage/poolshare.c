#include "storage/poolshare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/content.h"
#include "storage/io.h"

/* Ends of the names of files that programs read, and replace whole when they change them at all. Sources: the formats'
 * own documentation; what pip, uv and git write is made under another name and renamed. */
static const char *const READ_ONLY[] = {
    ".safetensors", ".ckpt",    ".pt",    ".pth", ".bin",   ".gguf", ".ggml",  ".onnx",      ".onnx_data",
    ".npz",         ".npy",     ".pkl",   ".h5",  ".keras", ".pb",   ".model", ".msgpack",   ".tflite",
    ".engine",      ".sft",     ".nemo",  ".mar", ".whl",   ".zip",  ".tar",   ".gz",        ".tgz",
    ".bz2",         ".xz",      ".zst",   ".7z",  ".rar",   ".deb",  ".so",    ".a",         ".jar",
    ".pack",        ".parquet", ".arrow", ".ttf", ".otf",   ".ttc",  ".mp4",   ".onnx.data",
};

/* "libtorch.so.2" as well as "libtorch.so". */
static gboolean is_library(const char *name) {
  const char *at = g_strrstr(name, ".so.");
  return at != NULL && strspn(at + 4, "0123456789.") == strlen(at + 4);
}

/* huggingface_hub names its blobs by their SHA-256 and never writes into a finished one. */
static gboolean is_blob(const char *name) {
  return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

gboolean pino_pool_kind_is_read_only(const char *path) {
  g_autofree char *base = g_path_get_basename(path);
  g_autofree char *name = g_ascii_strdown(base, -1);
  for (gsize i = 0; i < G_N_ELEMENTS(READ_ONLY); i++)
    if (g_str_has_suffix(name, READ_ONLY[i]))
      return TRUE;
  return is_library(name) || is_blob(name);
}

gboolean pino_pool_has_reflinks(const char *folder) {
  const char block[4096] = "pinokiocloud";
  g_auto(PinoFd) one = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  g_auto(PinoFd) two = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  return one >= 0 && two >= 0 && pino_storage_write_all(one, block, sizeof block) == 0 &&
         pino_content_share(one, two) == 0;
}

static char *make_reflink(const PinoPoolStore *store, int source, int *failed) {
  char name[PINO_TEMP_NAME];
  g_auto(PinoFd) folder = open(store->tmp, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_auto(PinoFd) fd = folder >= 0 ? pino_storage_temp_at(folder, 0666, name) : -1;
  if (fd < 0) {
    *failed = errno;
    return NULL;
  }
  *failed = pino_content_share(source, fd);
  if (*failed == 0)
    return g_build_filename(store->tmp, name, NULL);
  unlinkat(folder, name, 0);
  return NULL;
}

static char *make_hard_link(const PinoPoolStore *store, const char *source, int *failed) {
  do {
    char name[PINO_TEMP_NAME];
    pino_storage_temp_name(name);
    g_autofree char *temp = g_build_filename(store->tmp, name, NULL);
    *failed = linkat(AT_FDCWD, source, AT_FDCWD, temp, 0) == 0 ? 0 : errno;
    if (*failed == 0)
      return g_steal_pointer(&temp);
  } while (*failed == EEXIST);
  return NULL;
}

char *pino_pool_share_make(const PinoPoolStore *store, int fd, const char *source, const char *name,
                           PinoPoolWay *way, int *failed) {
  char *temp = make_reflink(store, fd, failed);
  *way = temp != NULL ? PINO_POOL_REFLINK : PINO_POOL_PLAIN;
  if (temp != NULL || *failed == ENOSPC || *failed == EDQUOT)
    return temp;
  *failed = 0;
  if (!pino_pool_kind_is_read_only(name))
    return NULL;
  temp = make_hard_link(store, source, failed);
  *way = temp != NULL ? PINO_POOL_HARDLINK : PINO_POOL_PLAIN;
  return temp;
}

static gboolean is_still(const char *path, const struct stat *old) {
  struct stat st;
  return lstat(path, &st) == 0 && st.st_dev == old->st_dev && st.st_ino == old->st_ino &&
         st.st_size == old->st_size && st.st_mtim.tv_sec == old->st_mtim.tv_sec &&
         st.st_mtim.tv_nsec == old->st_mtim.tv_nsec;
}

/* The two names are exchanged first, so that what was there can be looked at once nobody finds it by name any more. */
int pino_pool_share_swap(const char *temp, const char *path, const struct stat *old, gboolean *swapped) {
  int failed = renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_EXCHANGE) == 0 ? 0 : errno;
  if (failed == EINVAL || failed == ENOSYS) {
    *swapped = is_still(path, old);
    failed = *swapped && rename(temp, path) != 0 ? errno : 0;
    *swapped = *swapped && failed == 0;
  } else {
    *swapped = failed == 0 && is_still(temp, old);
    if (failed == 0 && !*swapped)
      failed = rename(temp, path) == 0 ? 0 : errno;
  }
  (void)unlink(temp);
  return failed;
}
