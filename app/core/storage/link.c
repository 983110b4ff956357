#include "storage/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "storage/atomic.h"
#include "storage/drive.h"
#include "storage/io.h"
#include "storage/merge.h"
#include "storage/tree.h"

G_GNUC_PRINTF(2, 3) static void note(const PinoDriveSpec *spec, const char *format, ...) {
  if (spec->note == NULL)
    return;
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  spec->note(text, spec->note_data);
}

static gboolean passable(const char *path) {
  return path[0] != '\0' && path[0] != '.' && !g_path_is_absolute(path);
}

static gboolean mapping_counts(const PinoDriveMapping *mapping) {
  g_auto(GStrv) parts = g_strsplit(mapping->name, "/", -1);
  gboolean ok = passable(mapping->name) && !g_strv_contains((const char *const *)parts, "..");
  for (gsize i = 0; ok && mapping->folders[i] != NULL; i++)
    ok = passable(mapping->folders[i]);
  return ok;
}

/* The real path of what need not be there: that of its nearest parent, and the rest. */
static char *real_path(const char *path) {
  char *real = realpath(path, NULL);
  if (real != NULL) {
    char *copy = g_strdup(real);
    free(real);
    return copy;
  }
  g_autofree char *folder = g_path_get_dirname(path);
  g_autofree char *name = g_path_get_basename(path);
  if (g_str_equal(folder, path))
    return g_strdup(path);
  g_autofree char *above = real_path(folder);
  return g_build_filename(above, name, NULL);
}

static gboolean is_in(const char *path, const char *folder) {
  gsize len = strlen(folder);
  return g_str_has_prefix(path, folder) && path[len] == '/';
}

/* What is beside the folder while it is replaced: first the link, then, when both were exchanged, the folder. Its name
 * is always the same for a folder, so that the next call finds what a crash left. */
static char *temp_beside(const char *folder) {
  g_autofree char *above = g_path_get_dirname(folder);
  g_autofree char *name = g_path_get_basename(folder);
  g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
  g_autofree char *temp = g_strdup_printf(".pino-link-%.16s", sum);
  return g_build_filename(above, temp, NULL);
}

/* Where it is when the kernel cannot exchange two names. */
static char *aside_of(const char *temp) {
  return g_strconcat(temp, "-old", NULL);
}

/* Makes the link beside folder; gives its path. */
static char *make_link(const char *folder, const char *target, GError **error) {
  g_autofree char *above = g_path_get_dirname(folder);
  g_autofree char *temp = temp_beside(folder);
  if (!pino_dir_make(above, error))
    return NULL;
  if (symlink(target, temp) == 0)
    return g_steal_pointer(&temp);
  pino_storage_fail(error, errno, "symlink", folder);
  return NULL;
}

/* Where the kernel cannot exchange two names, the folder goes aside and comes back if the link cannot follow. */
static int exchange(const char *folder, const char *temp) {
  if (renameat2(AT_FDCWD, temp, AT_FDCWD, folder, RENAME_EXCHANGE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  g_autofree char *aside = aside_of(temp);
  if (rename(folder, aside) != 0)
    return errno;
  int failed = rename(temp, folder) == 0 ? 0 : errno;
  if (rename(aside, failed != 0 ? folder : temp) != 0)
    return errno;
  return failed;
}

static void roll_back(PinoMerge *merge, guint steps, const char *folder, GError **error) {
  g_autoptr(GError) failed = NULL;
  if (!pino_merge_undo(merge, steps, &failed))
    g_prefix_error(error, "'%s' is not wholly as it was (%s): ", folder, failed->message);
}

/* The folder was moved to temp and the link is in its place: brings in what was written meanwhile. */
static gboolean finish(const PinoDriveSpec *spec, PinoMerge *merge, const char *folder, const char *temp,
                       const char *target, GError **error) {
  guint before = pino_merge_steps(merge);
  g_autoptr(GError) left = NULL;
  if (pino_merge_folder(merge, temp, target, spec->cancellable, error)) {
    if (!pino_tree_remove(temp, NULL, &left))
      note(spec, "copies of what is on the drive stay in %s: %s", temp, left->message);
    return TRUE;
  }
  /* First what came from temp, while it has that name. */
  roll_back(merge, before, folder, error);
  int failed = exchange(folder, temp);
  if (failed != 0) {
    g_prefix_error(error, "what is not on the drive yet is in '%s' (%s): ", temp, g_strerror(failed));
    return FALSE;
  }
  (void)unlink(temp);
  roll_back(merge, 0, folder, error);
  return FALSE;
}

static gboolean replace_folder(const PinoDriveSpec *spec, PinoMerge *merge, const char *folder,
                               const char *target, GError **error) {
  g_autofree char *temp = NULL;
  int failed = 0;
  if (pino_merge_folder(merge, folder, target, spec->cancellable, error) &&
      (temp = make_link(folder, target, error)) != NULL) {
    failed = exchange(folder, temp);
    if (failed == 0)
      return finish(spec, merge, folder, temp, target, error);
    (void)unlink(temp);
    pino_storage_fail(error, failed, "rename", folder);
  }
  roll_back(merge, 0, folder, error);
  return FALSE;
}

/* For a folder that is not there, or a link that leads nowhere. */
static gboolean place_link(const char *folder, const char *target, GError **error) {
  g_autofree char *temp = make_link(folder, target, error);
  if (temp == NULL)
    return FALSE;
  if (rename(temp, folder) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "rename", folder);
  (void)unlink(temp);
  return FALSE;
}

/* --- after a crash --- */

/* Without an exchange there is a moment without the folder, and one in which it waits aside for its name of a temporary
 * one. */
static gboolean put_back(const char *folder, const char *temp, GError **error) {
  struct stat st;
  g_autofree char *aside = aside_of(temp);
  if (lstat(aside, &st) != 0)
    return TRUE;
  if (lstat(temp, &st) == 0 && S_ISLNK(st.st_mode))
    (void)unlink(temp);
  const char *place = lstat(folder, &st) != 0 ? folder : temp;
  if (rename(aside, place) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "rename", aside);
  return FALSE;
}

/* Takes back or completes what an earlier call did not come to the end of. */
static gboolean recover(const PinoDriveSpec *spec, PinoMerge *merge, const char *folder, const char *target,
                        GError **error) {
  struct stat st;
  g_autofree char *temp = temp_beside(folder);
  if (!put_back(folder, temp, error))
    return FALSE;
  if (lstat(temp, &st) != 0)
    return TRUE;
  if (S_ISDIR(st.st_mode)) {
    note(spec, "%s was left half linked and is completed", folder);
    return pino_merge_folder(merge, temp, target, spec->cancellable, error) &&
           pino_tree_remove(temp, NULL, error);
  }
  if (unlink(temp) == 0)
    return TRUE;
  pino_storage_fail(error, errno, "unlink", temp);
  return FALSE;
}

/* --- */

static gboolean check_circle(const char *folder, const char *real, const char *target, GError **error) {
  if (!is_in(real, target) && !is_in(target, real))
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
              "cannot link '%s' to the drive's '%s': one lies in the other; choose another folder", folder,
              target);
  return FALSE;
}

static gboolean link_folder(const PinoDriveSpec *spec, const char *staging, const char *folder,
                            const char *target, GError **error) {
  g_autoptr(PinoMerge) left = pino_merge_new(staging);
  g_autoptr(PinoMerge) merge = pino_merge_new(staging);
  if (!recover(spec, left, folder, target, error))
    return FALSE;
  g_autofree char *real = real_path(folder);
  g_autofree char *real_target = real_path(target);
  struct stat st;
  gboolean there = lstat(folder, &st) == 0;
  if (g_str_equal(real, real_target)) {
    note(spec, "%s is linked already", folder);
    return TRUE;
  }
  if (there && S_ISLNK(st.st_mode) && g_file_test(folder, G_FILE_TEST_EXISTS)) {
    note(spec, "%s leads to %s already and is left alone", folder, real);
    return TRUE;
  }
  if (there && !S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "cannot link '%s': it is a file; move it away or name a folder", folder);
    return FALSE;
  }
  gboolean dangling = there && S_ISLNK(st.st_mode);
  g_autofree char *above = g_path_get_dirname(folder);
  g_autofree char *real_above = real_path(above);
  g_autofree char *name = g_path_get_basename(folder);
  g_autofree char *place = g_build_filename(real_above, name, NULL);
  if (!check_circle(folder, place, real_target, error))
    return FALSE;
  gboolean ok = there && !dangling ? replace_folder(spec, merge, folder, target, error)
                                   : place_link(folder, target, error);
  if (ok)
    note(spec, "%s -> %s", folder, target);
  return ok;
}

static char *app_identity(const PinoDriveSpec *spec, const char *app_dir) {
  char *uri = spec->app_uri != NULL ? g_strdup(spec->app_uri) : pino_drives_remote(app_dir);
  if (uri != NULL)
    return uri;
  g_autofree char *home = g_canonicalize_filename(spec->home, NULL);
  const char *below = is_in(app_dir, home) ? app_dir + strlen(home) + 1 : app_dir;
  return g_utf8_validate(below, -1, NULL) ? g_strdup(below) : g_uri_escape_string(below, "/", FALSE);
}

/* An app that was linked before it had a remote is remembered by its path. */
static char *find_peer(const PinoDriveSpec *spec, const PinoDrives *drives, const char *peer) {
  char *drive = pino_drives_find(drives, peer);
  g_autofree char *api = g_build_filename(spec->home, "api", NULL);
  g_autoptr(GDir) apps = drive == NULL ? g_dir_open(api, 0, NULL) : NULL;
  const char *name = NULL;
  while (drive == NULL && apps != NULL && (name = g_dir_read_name(apps)) != NULL) {
    g_autofree char *folder = g_build_filename(api, name, NULL);
    g_autofree char *remote = pino_drives_remote(folder);
    g_autofree char *below = g_build_filename("api", name, NULL);
    if (remote != NULL && pino_drives_same_uri(remote, peer))
      drive = pino_drives_find(drives, below);
  }
  return drive;
}

/* What a lost interface.json said can be read from the links themselves. */
static char *find_by_links(const PinoDriveSpec *spec, const PinoDrives *drives, const char *cwd) {
  char *drive = NULL;
  for (gsize i = 0; drive == NULL && i < spec->n_mappings; i++) {
    if (!mapping_counts(&spec->mappings[i]))
      continue;
    for (gsize j = 0; drive == NULL && spec->mappings[i].folders[j] != NULL; j++) {
      g_autofree char *folder = g_canonicalize_filename(spec->mappings[i].folders[j], cwd);
      drive = pino_drives_of_link(drives, folder);
    }
  }
  return drive;
}

static char *choose_drive(const PinoDriveSpec *spec, const PinoDrives *drives, const char *identity,
                          const char *cwd, GError **error) {
  char *drive = pino_drives_find(drives, identity);
  for (gsize i = 0; drive == NULL && spec->peers != NULL && spec->peers[i] != NULL; i++)
    drive = find_peer(spec, drives, spec->peers[i]);
  if (drive == NULL)
    drive = find_by_links(spec, drives, cwd);
  return drive != NULL ? drive : pino_drives_make(drives, error);
}

static gboolean link_mapping(const PinoDriveSpec *spec, const char *staging, const PinoDriveMapping *mapping,
                             const char *target, const char *cwd, GError **error) {
  if (!pino_dir_make(target, error))
    return FALSE;
  for (gsize i = 0; mapping->folders[i] != NULL; i++) {
    g_autofree char *folder = g_canonicalize_filename(mapping->folders[i], cwd);
    if (!pino_storage_go_on(spec->cancellable, error) || !link_folder(spec, staging, folder, target, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean link_all(const PinoDriveSpec *spec, PinoDrives *drives, const char *app_dir, const char *cwd,
                         GError **error) {
  g_autofree char *identity = app_identity(spec, app_dir);
  g_autofree char *drive = choose_drive(spec, drives, identity, cwd, error);
  if (drive == NULL)
    return FALSE;
  g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
  for (gsize i = 0; i < spec->n_mappings; i++) {
    const PinoDriveMapping *mapping = &spec->mappings[i];
    gboolean counts = mapping_counts(mapping);
    g_ptr_array_add(targets, counts ? g_canonicalize_filename(mapping->name, drive) : NULL);
    if (counts)
      pino_drives_set(drives, identity, mapping->name, g_ptr_array_index(targets, i));
    else
      note(spec, "%s is passed over: its name or a folder of it is absolute, empty or begins with a dot",
           mapping->name);
  }
  const char *staging = pino_drives_staging(drives);
  /* Before anything moves: after a crash the next call goes on with the same drive. */
  if (!pino_drives_save(drives, error))
    return FALSE;
  for (gsize i = 0; i < spec->n_mappings; i++) {
    const char *target = g_ptr_array_index(targets, i);
    if (target != NULL && !link_mapping(spec, staging, &spec->mappings[i], target, cwd, error))
      return FALSE;
  }
  return TRUE;
}

gboolean pino_drive_link(const PinoDriveSpec *spec, GError **error) {
  g_autofree char *app_dir = g_canonicalize_filename(spec->app_dir, NULL);
  g_autofree char *cwd = spec->cwd != NULL ? g_canonicalize_filename(spec->cwd, NULL) : g_strdup(app_dir);
  g_autofree char *dir =
      spec->drive_dir != NULL ? g_strdup(spec->drive_dir) : g_build_filename(spec->home, "drive", NULL);
  g_autoptr(PinoDrives) drives = pino_drives_open(dir, spec->cancellable, error);
  return drives != NULL && link_all(spec, drives, app_dir, cwd, error);
}
