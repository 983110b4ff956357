#include "storage/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/content.h"
#include "storage/io.h"
#include "storage/tree.h"
#include "storage/walk.h"

#define COMPARE_STEP ((gsize)256 * 1024)

typedef enum { STEP_MOVED, STEP_ADDED, STEP_FOLDER } StepKind;

typedef struct {
  StepKind kind;
  char *from; /* of what was moved */
  char *to;
} Step;

struct _PinoMerge {
  char *staging;       /* may be NULL */
  GPtrArray *journal;  /* Step */
  GHashTable *settled; /* what stays in `from` because `into` has it, as entry_key() */
};

typedef struct {
  PinoMerge *merge;
  const char *from;
  GPtrArray *into; /* the folders that stand for those on the way, one a level */
  GCancellable *cancellable;
} Pass;

static void step_free(gpointer data) {
  Step *step = data;
  g_free(step->from);
  g_free(step->to);
  g_free(step);
}

PinoMerge *pino_merge_new(const char *staging) {
  PinoMerge *merge = g_new0(PinoMerge, 1);
  merge->staging = g_strdup(staging);
  merge->journal = g_ptr_array_new_with_free_func(step_free);
  merge->settled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return merge;
}

void pino_merge_free(PinoMerge *merge) {
  g_ptr_array_unref(merge->journal);
  g_hash_table_unref(merge->settled);
  g_free(merge->staging);
  g_free(merge);
}

static void note(PinoMerge *merge, StepKind kind, const char *from, const char *to) {
  Step *step = g_new(Step, 1);
  *step = (Step){kind, g_strdup(from), g_strdup(to)};
  g_ptr_array_add(merge->journal, step);
}

static char *entry_key(const char *below, const struct stat *st) {
  return g_strdup_printf("%ld:%ld.%09ld:%s", (long)st->st_size, (long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                         below);
}

/* "model.bin" becomes "model-1.bin", ".keep" becomes ".keep-1". */
static char *numbered(const char *folder, const char *name, guint n) {
  const char *dot = strrchr(name, '.');
  if (dot == NULL || dot == name)
    dot = name + strlen(name);
  g_autofree char *stem = g_strndup(name, (gsize)(dot - name));
  return n == 0 ? g_build_filename(folder, name, NULL) : g_strdup_printf("%s/%s-%u%s", folder, stem, n, dot);
}

static gssize read_block(int fd, char *buffer) {
  gsize have = 0;
  while (have < COMPARE_STEP) {
    ssize_t n = read(fd, buffer + have, COMPARE_STEP - have);
    if (n == 0)
      break;
    if (n < 0 && errno != EINTR)
      return -1;
    have += n > 0 ? (gsize)n : 0;
  }
  return (gssize)have;
}

/* What cannot be read counts as different: both are kept then. */
static gboolean same_bytes(const char *a, const char *b, GCancellable *cancellable) {
  g_auto(PinoFd) one = open(a, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  g_auto(PinoFd) two = open(b, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  g_autofree char *left = g_malloc(COMPARE_STEP);
  g_autofree char *right = g_malloc(COMPARE_STEP);
  gssize n = one >= 0 && two >= 0 ? 1 : -1;
  while (n > 0 && !g_cancellable_is_cancelled(cancellable)) {
    n = read_block(one, left);
    if (n < 0 || read_block(two, right) != n || memcmp(left, right, (gsize)n) != 0)
      return FALSE;
  }
  return n == 0;
}

gboolean pino_merge_same(const char *a, const char *b, GCancellable *cancellable) {
  struct stat sa, sb;
  if (lstat(a, &sa) != 0 || lstat(b, &sb) != 0 || (sa.st_mode & S_IFMT) != (sb.st_mode & S_IFMT))
    return FALSE;
  if (sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino)
    return TRUE;
  if (S_ISREG(sa.st_mode))
    return sa.st_size == sb.st_size && same_bytes(a, b, cancellable);
  g_autofree char *left = S_ISLNK(sa.st_mode) ? g_file_read_link(a, NULL) : NULL;
  g_autofree char *right = left != NULL ? g_file_read_link(b, NULL) : NULL;
  return right != NULL && g_str_equal(left, right);
}

/* For a relative link that leads out of the folder, which would lead elsewhere from its new place: the absolute
 * path that it leads to now. Else NULL. */
static char *outward(const Pass *pass, const PinoPlace *place, const char *path) {
  g_autofree char *text = S_ISLNK(place->st->st_mode) ? g_file_read_link(path, NULL) : NULL;
  if (text == NULL || g_path_is_absolute(text))
    return NULL;
  g_autofree char *folder = g_path_get_dirname(path);
  g_autofree char *target = g_canonicalize_filename(text, folder);
  g_autofree char *top = g_canonicalize_filename(pass->from, NULL);
  gboolean inside =
      g_str_has_prefix(target, top) && (target[strlen(top)] == '/' || target[strlen(top)] == '\0');
  return inside ? NULL : g_steal_pointer(&target);
}

/* What a program writes to its open file would go on into the file that is left behind. */
static gboolean check_unused(const PinoPlace *place, const char *from, GError **error) {
  g_auto(PinoFd) fd =
      S_ISREG(place->st->st_mode) ? open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
  if (fd < 0 || !pino_content_is_written(fd))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
              "'%s' is open for writing; stop the program that writes to it and try again", from);
  return FALSE;
}

/* A copy is made where a crash may leave a part of it, and gets its place by a rename. Gives as bring() does. */
static int copy_far(const Pass *pass, const char *from, const char *to, GError **error) {
  const PinoCopyFlags flags = PINO_COPY_KEEP_OWNER | PINO_COPY_FAIL_EXISTING;
  g_autofree char *staged =
      pass->merge->staging != NULL ? g_build_filename(pass->merge->staging, "copy", NULL) : NULL;
  if (staged != NULL && (!pino_tree_remove(staged, NULL, error) ||
                         !pino_tree_copy(from, staged, flags, pass->cancellable, error)))
    return -1;
  int failed = staged != NULL ? pino_storage_rename(AT_FDCWD, staged, AT_FDCWD, to, FALSE) : EXDEV;
  if (failed != EXDEV)
    return failed;
  /* That place leads to yet another file system. */
  return pino_tree_copy(from, to, flags, pass->cancellable, error) ? 0 : -1;
}

/* Gives 0 or an errno, EEXIST when `to` is taken; or -1 with *error. */
static int bring(Pass *pass, const PinoPlace *place, const char *from, const char *to, GError **error) {
  g_autofree char *target = outward(pass, place, from);
  int failed = target != NULL ? (symlink(target, to) == 0 ? 0 : errno)
                              : pino_storage_rename(AT_FDCWD, from, AT_FDCWD, to, FALSE);
  if (failed == 0)
    note(pass->merge, target != NULL ? STEP_ADDED : STEP_MOVED, from, to);
  if (failed != EXDEV)
    return failed;
  failed = check_unused(place, from, error) ? copy_far(pass, from, to, error) : -1;
  if (failed == 0)
    note(pass->merge, STEP_ADDED, NULL, to);
  return failed;
}

/* Whether `to` is what bring() would make of `from`. */
static gboolean is_brought(const Pass *pass, const PinoPlace *place, const char *from, const char *to) {
  g_autofree char *target = outward(pass, place, from);
  g_autofree char *text = target != NULL ? g_file_read_link(to, NULL) : NULL;
  return target != NULL ? g_strcmp0(text, target) == 0 : pino_merge_same(from, to, pass->cancellable);
}

static gboolean merge_entry(const PinoPlace *place, gpointer data, GError **error) {
  Pass *pass = data;
  g_autofree char *below = pino_place_path(place);
  g_autofree char *from = g_build_filename(pass->from, below, NULL);
  g_autofree char *key = entry_key(below, place->st);
  const char *folder = g_ptr_array_index(pass->into, pass->into->len - 1);
  if (g_hash_table_contains(pass->merge->settled, key))
    return TRUE;
  for (guint n = 0; pino_storage_go_on(pass->cancellable, error); n++) {
    g_autofree char *to = numbered(folder, place->name, n);
    struct stat st;
    gboolean taken = lstat(to, &st) == 0;
    int failed = taken ? EEXIST : bring(pass, place, from, to, error);
    if (failed < 0)
      return FALSE;
    if (failed != 0 && failed != EEXIST)
      return pino_place_fail(place, failed, "rename", error);
    if (failed == 0 || (taken && is_brought(pass, place, from, to))) {
      g_hash_table_add(pass->merge->settled, g_steal_pointer(&key));
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean merge_enter(const PinoPlace *place, gpointer data, GError **error) {
  Pass *pass = data;
  /* The top was given its folder by the caller. */
  if (place->depth == 0)
    return TRUE;
  const char *folder = g_ptr_array_index(pass->into, pass->into->len - 1);
  for (guint n = 0;; n++) {
    g_autofree char *to = numbered(folder, place->name, n);
    gboolean made = mkdir(to, (place->st->st_mode & 07777) | S_IRWXU) == 0;
    if (!made && errno != EEXIST)
      return pino_place_fail(place, errno, "mkdir", error);
    if (!made && !g_file_test(to, G_FILE_TEST_IS_DIR))
      continue;
    if (made)
      note(pass->merge, STEP_FOLDER, NULL, to);
    g_ptr_array_add(pass->into, g_steal_pointer(&to));
    return TRUE;
  }
}

static gboolean merge_leave(const PinoPlace *place, gpointer data, GError **error) {
  Pass *pass = data;
  if (place->depth > 0)
    g_ptr_array_set_size(pass->into, (gint)pass->into->len - 1);
  return TRUE;
}

gboolean pino_merge_folder(PinoMerge *merge, const char *from, const char *into, GCancellable *cancellable,
                           GError **error) {
  const PinoVisit visit = {merge_enter, merge_leave, merge_entry};
  g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(folders, g_strdup(into));
  Pass pass = {merge, from, folders, cancellable};
  if (pino_storage_walk(from, &visit, &pass, cancellable, error))
    return TRUE;
  g_prefix_error(error, "cannot bring '%s' into '%s': ", from, into);
  return FALSE;
}

static int undo_step(const Step *step) {
  if (step->kind == STEP_MOVED)
    return pino_storage_rename(AT_FDCWD, step->to, AT_FDCWD, step->from, FALSE);
  int rc = step->kind == STEP_FOLDER ? rmdir(step->to) : unlink(step->to);
  /* Somebody else's file in a folder that was made here stays, and so does the folder. */
  return rc == 0 || errno == ENOENT || errno == ENOTEMPTY ? 0 : errno;
}

guint pino_merge_steps(const PinoMerge *merge) {
  return merge->journal->len;
}

gboolean pino_merge_undo(PinoMerge *merge, guint steps, GError **error) {
  gboolean ok = TRUE;
  while (merge->journal->len > steps) {
    const Step *step = g_ptr_array_index(merge->journal, merge->journal->len - 1);
    int failed = undo_step(step);
    if (failed != 0 && ok) {
      pino_storage_fail(error, failed, "rename", step->to);
      ok = FALSE;
    }
    g_ptr_array_set_size(merge->journal, (gint)merge->journal->len - 1);
  }
  g_hash_table_remove_all(merge->settled);
  return ok;
}
