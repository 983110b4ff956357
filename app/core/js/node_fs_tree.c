/* Folders, links and copies for fs.js. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "js/node_internal.h"

#define COPY_EXCLUSIVE 1
#define COPY_CLONE_ONLY 4

/* Names both paths as Node does: rename 'a' -> 'b'. */
static JSValueRef fail_two(GError **error, const char *syscall, const char *from, const char *to) {
  int problem = errno;
  g_autofree char *both = g_strdup_printf("%s' -> '%s", from, to);
  errno = problem;
  return pino_node_fail(error, syscall, both);
}

/* --- folders --------------------------------------------------------------------------------------------- */

/* Node's numbers for the kinds of a Dirent. */
static int entry_type(int dir, const struct dirent *entry) {
  static const struct {
    unsigned char type;
    mode_t mode;
    int number;
  } types[] = {
      {DT_REG, S_IFREG, 1},   {DT_DIR, S_IFDIR, 2}, {DT_LNK, S_IFLNK, 3}, {DT_FIFO, S_IFIFO, 4},
      {DT_SOCK, S_IFSOCK, 5}, {DT_CHR, S_IFCHR, 6}, {DT_BLK, S_IFBLK, 7},
  };
  struct stat st = {0};
  gboolean unknown = entry->d_type == DT_UNKNOWN;
  if (unknown && fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
    if (unknown ? (st.st_mode & S_IFMT) == types[i].mode : entry->d_type == types[i].type)
      return types[i].number;
  return 0;
}

static gboolean is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

typedef struct {
  char *name;
  int type;
} Entry;

static void entry_clear(gpointer data) {
  g_free(((Entry *)data)->name);
}

static int entry_compare(gconstpointer a, gconstpointer b) {
  return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

/* (path) -> [name, type, name, type, ...] in the order of the names' bytes */
static JSValueRef fs_readdir(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  DIR *dir = opendir(path);
  if (dir == NULL)
    return pino_node_fail(error, "scandir", path);
  g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(Entry));
  g_array_set_clear_func(entries, entry_clear);
  for (struct dirent *found; (found = readdir(dir)) != NULL;) {
    if (is_dots(found->d_name))
      continue;
    Entry entry = {g_strdup(found->d_name), entry_type(dirfd(dir), found)};
    g_array_append_val(entries, entry);
  }
  closedir(dir);
  g_array_sort(entries, entry_compare);
  JSObjectRef list = pino_js_array(js, 0, NULL);
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index(entries, Entry, i);
    JSObjectSetPropertyAtIndex(pino_js_context(js), list, 2 * i, pino_js_string(js, entry->name), NULL);
    JSObjectSetPropertyAtIndex(pino_js_context(js), list, 2 * i + 1, pino_js_number(js, entry->type), NULL);
  }
  return list;
}

static JSValueRef fs_mkdir(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  return mkdir(path, (mode_t)pino_node_int(js, argc, argv, 1)) == 0 ? NULL
                                                                    : pino_node_fail(error, "mkdir", path);
}

static JSValueRef fs_mkdtemp(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *prefix = pino_node_text(js, argc, argv, 0, error);
  if (prefix == NULL)
    return NULL;
  g_autofree char *path = g_strconcat(prefix, "XXXXXX", NULL);
  g_autofree char *pattern = g_strdup(path);
  return mkdtemp(path) != NULL ? pino_js_string(js, path) : pino_node_fail(error, "mkdtemp", pattern);
}

static JSValueRef fs_rmdir(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  return rmdir(path) == 0 ? NULL : pino_node_fail(error, "rmdir", path);
}

static JSValueRef fs_unlink(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  return unlink(path) == 0 ? NULL : pino_node_fail(error, "unlink", path);
}

static int remove_at(int parent, const char *name);

/* One pass over a folder; gives an errno. What is gone already is as good as removed. */
static int remove_entries(DIR *dir) {
  for (struct dirent *found; (found = readdir(dir)) != NULL;) {
    int problem = is_dots(found->d_name) ? 0 : remove_at(dirfd(dir), found->d_name);
    if (problem != 0 && problem != ENOENT)
      return problem;
  }
  return 0;
}

/* Works with descriptors, so that a folder swapped for a symbolic link meanwhile leads nowhere else. */
static int remove_at(int parent, const char *name) {
  if (unlinkat(parent, name, 0) == 0)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return errno;
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  int problem = errno;
  if (dir == NULL) {
    if (fd >= 0)
      close(fd);
    return problem;
  }
  /* Some file systems lose their place when entries go while it is read: look again while it is not empty. */
  for (int pass = 0; pass < 3; pass++) {
    rewinddir(dir);
    problem = remove_entries(dir);
    if (problem == 0)
      problem = unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : errno;
    if (problem != ENOTEMPTY)
      break;
  }
  closedir(dir);
  return problem;
}

/* (path): a file, a link, or a folder with all that is in it */
static JSValueRef fs_remove_tree(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  errno = remove_at(AT_FDCWD, path);
  return errno == 0 ? NULL : pino_node_fail(error, "rm", path);
}

/* --- names and links ------------------------------------------------------------------------------------- */

static JSValueRef two_paths(PinoJs *js, size_t argc, const JSValueRef argv[], const char *syscall,
                            int (*call)(const char *from, const char *to), GError **error) {
  g_autofree char *from = pino_node_text(js, argc, argv, 0, error);
  g_autofree char *to = from != NULL ? pino_node_text(js, argc, argv, 1, error) : NULL;
  if (to == NULL)
    return NULL;
  return call(from, to) == 0 ? NULL : fail_two(error, syscall, from, to);
}

static JSValueRef fs_rename(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return two_paths(js, argc, argv, "rename", rename, error);
}

static JSValueRef fs_symlink(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return two_paths(js, argc, argv, "symlink", symlink, error);
}

static JSValueRef fs_link(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  return two_paths(js, argc, argv, "link", link, error);
}

static JSValueRef fs_readlink(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  char target[PATH_MAX];
  if (path == NULL)
    return NULL;
  gssize len = readlink(path, target, sizeof target);
  return len >= 0 ? pino_js_string_len(js, target, len) : pino_node_fail(error, "readlink", path);
}

static JSValueRef fs_realpath(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *path = pino_node_text(js, argc, argv, 0, error);
  if (path == NULL)
    return NULL;
  char *resolved = realpath(path, NULL);
  if (resolved == NULL)
    return pino_node_fail(error, "realpath", path);
  JSValueRef value = pino_js_string(js, resolved);
  free(resolved);
  return value;
}

/* --- copies ---------------------------------------------------------------------------------------------- */

static gboolean copy_by_hand(int from, int to) {
  char piece[65536];
  for (;;) {
    gssize count = read(from, piece, sizeof piece);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return count == 0;
    for (gssize done = 0; done < count;) {
      gssize written = write(to, piece + done, (gsize)(count - done));
      if (written < 0 && errno != EINTR)
        return FALSE;
      done += MAX(written, 0);
    }
  }
}

/* The kernel copies where it can. It gives up on some pairs of file systems, and says "nothing to copy" for
 * files whose size it does not know (those of /proc): from there on it goes by hand. */
static gboolean copy_bytes(int from, int to) {
  gssize count;
  do
    count = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
  while (count > 0);
  return copy_by_hand(from, to);
}

static gboolean copy_between(int from, const struct stat *st, int to, int flags) {
  if (ftruncate(to, 0) != 0 || fchmod(to, st->st_mode & 07777) != 0)
    return FALSE;
  if (ioctl(to, FICLONE, from) == 0)
    return TRUE;
  return (flags & COPY_CLONE_ONLY) == 0 && copy_bytes(from, to);
}

/* Gives an errno. */
static int copy_file(const char *from_path, const char *to_path, int flags) {
  struct stat from_st, to_st;
  int problem = 0, to = -1;
  int from = open(from_path, O_RDONLY | O_CLOEXEC);
  if (from < 0)
    return errno;
  if (fstat(from, &from_st) != 0)
    problem = errno;
  else if (S_ISDIR(from_st.st_mode))
    problem = EISDIR;
  if (problem == 0) {
    to = open(to_path, O_WRONLY | O_CREAT | O_CLOEXEC | (flags & COPY_EXCLUSIVE ? O_EXCL : 0),
              from_st.st_mode & 0777);
    if (to < 0 || fstat(to, &to_st) != 0)
      problem = errno;
  }
  gboolean same = problem == 0 && from_st.st_dev == to_st.st_dev && from_st.st_ino == to_st.st_ino;
  if (problem == 0 && !same && !copy_between(from, &from_st, to, flags))
    problem = errno;
  close(from);
  if (to >= 0 && close(to) != 0 && problem == 0)
    problem = errno;
  return problem;
}

static JSValueRef fs_copy_file(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  g_autofree char *from = pino_node_text(js, argc, argv, 0, error);
  g_autofree char *to = from != NULL ? pino_node_text(js, argc, argv, 1, error) : NULL;
  if (to == NULL)
    return NULL;
  errno = copy_file(from, to, MAX(pino_node_int(js, argc, argv, 2), 0));
  return errno == 0 ? NULL : fail_two(error, "copyfile", from, to);
}

void pino_node_add_fs_tree(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"readdir", fs_readdir},
      {"mkdir", fs_mkdir},
      {"mkdtemp", fs_mkdtemp},
      {"rmdir", fs_rmdir},
      {"unlink", fs_unlink},
      {"removeTree", fs_remove_tree},
      {"rename", fs_rename},
      {"link", fs_link},
      {"symlink", fs_symlink},
      {"readlink", fs_readlink},
      {"realpath", fs_realpath},
      {"copyFile", fs_copy_file},
      {NULL, NULL},
  };
  pino_js_add_natives(js, "fs", entries);
}
