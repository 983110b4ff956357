/* What is kept on a persistent side: the drive, ENVIRONMENT, the library; by whom which text wins; and every way in which
 * it can be cut off. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "crash.h"
#include "disk.h"
#include "storage/persist.h"
#include "temp.h"

typedef struct {
  TestDir dir;
  char *home, *kept;
  GString *notes;
  PinoPersist persist;
} Sides;

static void on_note(const char *text, gpointer data) {
  g_string_append_printf(data, "%s\n", text);
}

static void sides_at(Sides *sides, const char *path) {
  sides->home = g_build_filename(path, "home", NULL);
  sides->kept = g_build_filename(path, "mount", "pinokio", NULL);
  sides->notes = g_string_new(NULL);
  sides->persist = (PinoPersist){
      .home = sides->home, .persistent = sides->kept, .note = on_note, .note_data = sides->notes};
}

static Sides sides_make(void) {
  Sides sides = {.dir = test_dir_make()};
  sides_at(&sides, sides.dir.path);
  g_autofree char *mount = test_path(&sides.dir, "mount");
  g_assert_cmpint(g_mkdir_with_parents(sides.home, 0755), ==, 0);
  g_assert_cmpint(g_mkdir_with_parents(mount, 0755), ==, 0);
  return sides;
}

static void sides_clear(Sides *sides) {
  test_dir_clear(&sides->dir);
  g_free(sides->home);
  g_free(sides->kept);
  g_string_free(sides->notes, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sides, sides_clear)

static void prepare(Sides *sides) {
  g_autoptr(GError) error = NULL;
  pino_persist_prepare(&sides->persist, &error);
  g_assert_no_error(error);
}

static void save(Sides *sides, const char *library) {
  g_autoptr(GError) error = NULL;
  pino_persist_save(&sides->persist, library, &error);
  g_assert_no_error(error);
}

/* The machine is gone, and all that was on it. */
static void lose_home(Sides *sides) {
  g_autofree char *old = g_strconcat(sides->home, "-lost", NULL);
  g_assert_cmpint(rename(sides->home, old), ==, 0);
  g_assert_cmpint(g_mkdir_with_parents(sides->home, 0755), ==, 0);
}

static void drive_leads(const Sides *sides, const char *wanted) {
  g_autofree char *drive = test_path(&sides->dir, "home/drive");
  g_autofree char *target = g_file_read_link(drive, NULL);
  g_assert_cmpstr(target, ==, wanted);
}

static void drive_is_kept(const Sides *sides) {
  g_autofree char *kept = test_path(&sides->dir, "mount/pinokio/drive");
  drive_leads(sides, kept);
  test_hasnt(&sides->dir, "home/.drive-moved");
}

static guint count_kept_texts(const Sides *sides, const char *folder) {
  g_autofree char *path = test_path(&sides->dir, folder);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  guint count = 0;
  for (const char *name = NULL; (name = g_dir_read_name(dir)) != NULL;)
    count += g_str_has_prefix(name, "ENVIRONMENT.kept-") ? 1 : 0;
  return count;
}

/* --- ENVIRONMENT ---- */

static void test_comes_back(void) {
  g_auto(Sides) sides = sides_make();
  test_put(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  prepare(&sides);
  test_has(&sides.dir, "mount/pinokio/ENVIRONMENT", "A=1\n");
  lose_home(&sides);
  prepare(&sides);
  test_has(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  g_autofree char *path = test_path(&sides.dir, "home/ENVIRONMENT");
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 07777, ==, 0600);
}

typedef enum { NEITHER, HOME, KEPT, BOTH } Changed;

static const struct {
  const char *name;
  Changed changed;
  gboolean opening;
  const char *home, *kept; /* afterwards */
  guint aside_home, aside_kept;
} EDITS[] = {
    {"none/at-opening", NEITHER, TRUE, "A=1\n", "A=1\n", 0, 0},
    {"none/in-use", NEITHER, FALSE, "A=1\n", "A=1\n", 0, 0},
    {"home/at-opening", HOME, TRUE, "A=home\n", "A=home\n", 0, 0},
    {"home/in-use", HOME, FALSE, "A=home\n", "A=home\n", 0, 0},
    {"persistent/at-opening", KEPT, TRUE, "A=kept\n", "A=kept\n", 0, 0},
    {"persistent/in-use-waits", KEPT, FALSE, "A=1\n", "A=kept\n", 0, 0},
    {"both/at-opening", BOTH, TRUE, "A=kept\n", "A=kept\n", 1, 0},
    {"both/in-use", BOTH, FALSE, "A=home\n", "A=home\n", 0, 1},
};

static void test_edit(gconstpointer data) {
  gsize i = GPOINTER_TO_SIZE(data);
  g_auto(Sides) sides = sides_make();
  test_put(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  prepare(&sides);
  g_string_truncate(sides.notes, 0);
  if (EDITS[i].changed == HOME || EDITS[i].changed == BOTH)
    test_put(&sides.dir, "home/ENVIRONMENT", "A=home\n");
  if (EDITS[i].changed == KEPT || EDITS[i].changed == BOTH)
    test_put(&sides.dir, "mount/pinokio/ENVIRONMENT", "A=kept\n");
  for (int again = 0; again < 2; again++) {
    if (EDITS[i].opening)
      prepare(&sides);
    else
      save(&sides, NULL);
  }
  test_has(&sides.dir, "home/ENVIRONMENT", EDITS[i].home);
  test_has(&sides.dir, "mount/pinokio/ENVIRONMENT", EDITS[i].kept);
  g_assert_cmpuint(count_kept_texts(&sides, "home"), ==, EDITS[i].aside_home);
  g_assert_cmpuint(count_kept_texts(&sides, "mount/pinokio"), ==, EDITS[i].aside_kept);
  g_assert_cmpint(strstr(sides.notes->str, ".kept-") != NULL, ==, EDITS[i].changed == BOTH);
}

/* A new machine has made its defaults before the persistent side was mounted. */
static void test_defaults_give_way(void) {
  g_auto(Sides) sides = sides_make();
  test_put(&sides.dir, "mount/pinokio/ENVIRONMENT", "HF_TOKEN=mine\n");
  test_put(&sides.dir, "home/ENVIRONMENT", "DEFAULTS=\n");
  prepare(&sides);
  test_has(&sides.dir, "home/ENVIRONMENT", "HF_TOKEN=mine\n");
  g_assert_cmpuint(count_kept_texts(&sides, "home"), ==, 1);
}

/* What was agreed on with one folder says nothing of another. */
static void test_another_folder(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *other = test_path(&sides.dir, "mount/other");
  test_put(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  test_put(&sides.dir, "mount/other/ENVIRONMENT", "A=1\n");
  prepare(&sides);
  test_put(&sides.dir, "home/ENVIRONMENT", "A=2\n");
  sides.persist.persistent = other;
  g_autoptr(GError) error = NULL;
  g_assert_true(pino_persist_restore(&sides.persist, &error));
  test_has(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  g_assert_cmpuint(count_kept_texts(&sides, "home"), ==, 1);
}

/* A rename that first deletes, cut off: what is whole has the name NAME.new. */
static void test_cut_off_replacing(void) {
  g_auto(Sides) sides = sides_make();
  test_put(&sides.dir, "mount/pinokio/ENVIRONMENT.new", "A=whole\n");
  test_put(&sides.dir, "mount/pinokio/ENVIRONMENT.part", "A=ha");
  prepare(&sides);
  test_has(&sides.dir, "home/ENVIRONMENT", "A=whole\n");
  test_put(&sides.dir, "home/ENVIRONMENT", "A=2\n");
  save(&sides, NULL);
  test_has(&sides.dir, "mount/pinokio/ENVIRONMENT", "A=2\n");
  test_hasnt(&sides.dir, "mount/pinokio/ENVIRONMENT.new");
  test_hasnt(&sides.dir, "mount/pinokio/ENVIRONMENT.part");
}

static void test_big(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *big = g_strnfill(10 * 1024 * 1024, 'x');
  test_put(&sides.dir, "home/ENVIRONMENT", big);
  prepare(&sides);
  lose_home(&sides);
  prepare(&sides);
  test_has(&sides.dir, "home/ENVIRONMENT", big);
}

/* --- the library ---- */

/* 2 pages of 512 bytes. */
static void put_database(const TestDir *dir, const char *name, gsize length) {
  g_autofree char *path = test_path(dir, name);
  g_autofree char *folder = g_path_get_dirname(path);
  char data[1024] = "SQLite format 3";
  g_autoptr(GError) error = NULL;
  data[16] = 2;
  data[31] = 2;
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  g_file_set_contents(path, data, (gssize)length, &error);
  g_assert_no_error(error);
}

static gsize size_of(const TestDir *dir, const char *name) {
  g_autofree char *path = test_path(dir, name);
  struct stat st;
  return stat(path, &st) == 0 ? (gsize)st.st_size : 0;
}

static void test_library_comes_back(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *copy = test_path(&sides.dir, "copy");
  put_database(&sides.dir, "copy", 1024);
  prepare(&sides);
  save(&sides, copy);
  g_assert_cmpuint(size_of(&sides.dir, "mount/pinokio/library.sqlite"), ==, 1024);
  lose_home(&sides);
  test_put(&sides.dir, "home/library.sqlite-wal", "of an older one");
  prepare(&sides);
  g_assert_cmpuint(size_of(&sides.dir, "home/library.sqlite"), ==, 1024);
  test_hasnt(&sides.dir, "home/library.sqlite-wal");
  test_hasnt(&sides.dir, "home/library.sqlite.restored");
}

static void test_library_of_home_stays(void) {
  g_auto(Sides) sides = sides_make();
  put_database(&sides.dir, "mount/pinokio/library.sqlite", 1024);
  test_put(&sides.dir, "home/library.sqlite", "mine");
  test_put(&sides.dir, "home/library.sqlite-wal", "mine too");
  prepare(&sides);
  test_has(&sides.dir, "home/library.sqlite", "mine");
  test_has(&sides.dir, "home/library.sqlite-wal", "mine too");
}

static void test_damaged_copy(void) {
  static const gsize LENGTHS[] = {0, 10, 100, 512, 1023};
  for (gsize i = 0; i < G_N_ELEMENTS(LENGTHS); i++) {
    g_auto(Sides) sides = sides_make();
    put_database(&sides.dir, "mount/pinokio/library.sqlite", LENGTHS[i]);
    prepare(&sides);
    test_hasnt(&sides.dir, "home/library.sqlite");
    g_assert_nonnull(strstr(sides.notes->str, "damaged"));
    g_assert_cmpuint(size_of(&sides.dir, "mount/pinokio/library.sqlite"), ==, LENGTHS[i]);
  }
}

/* --- the drive ---- */

static void test_drive_of_a_new_home(void) {
  g_auto(Sides) sides = sides_make();
  test_put(&sides.dir, "mount/pinokio/drive/models/a.bin", "model");
  prepare(&sides);
  drive_is_kept(&sides);
  test_has(&sides.dir, "home/drive/models/a.bin", "model");
  prepare(&sides);
  drive_is_kept(&sides);
}

static void put_drive(const TestDir *dir) {
  test_put(dir, "home/drive/models/a.bin", "home's");
  test_put(dir, "home/drive/models/same.bin", "same");
  test_put(dir, "home/drive/only/here.bin", "here");
  test_put(dir, "home/drive/.lock", "");
  test_put(dir, "mount/pinokio/drive/models/a.bin", "kept");
  test_put(dir, "mount/pinokio/drive/models/same.bin", "same");
}

static void has_merged(const TestDir *dir) {
  test_has(dir, "home/drive/models/a.bin", "kept");
  test_has(dir, "home/drive/models/a-1.bin", "home's");
  test_has(dir, "home/drive/models/same.bin", "same");
  test_hasnt(dir, "home/drive/models/same-1.bin");
  test_has(dir, "home/drive/only/here.bin", "here");
}

static void test_drive_is_merged(void) {
  g_auto(Sides) sides = sides_make();
  put_drive(&sides.dir);
  prepare(&sides);
  drive_is_kept(&sides);
  has_merged(&sides.dir);
}

static int merge_to_other_disk(const TestDir *dir) {
  Sides sides = {.dir = *dir};
  sides_at(&sides, dir->path);
  if (!test_disk_memory(dir, "mount", "20m"))
    return 0;
  put_drive(dir);
  prepare(&sides);
  drive_is_kept(&sides);
  has_merged(dir);
  test_hasnt(dir, "mount/pinokio/drive/.lock-1");
  return 0;
}

static void test_drive_is_merged_to_another_disk(void) {
  g_auto(Sides) sides = sides_make();
  test_in_child(merge_to_other_disk, &sides.dir);
}

static void test_link_elsewhere_stays(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *mine = test_path(&sides.dir, "mine");
  g_autofree char *drive = test_path(&sides.dir, "home/drive");
  g_assert_cmpint(symlink(mine, drive), ==, 0);
  for (int there = 0; there < 2; there++) {
    prepare(&sides);
    drive_leads(&sides, mine);
    g_assert_nonnull(strstr(sides.notes->str, "left alone"));
    sides.persist.persistent = NULL;
    g_autoptr(GError) error = NULL;
    (void)pino_persist_prepare(&sides.persist, &error);
    drive_leads(&sides, mine);
    sides.persist.persistent = sides.kept;
    test_put(&sides.dir, "mine/x", "");
  }
}

static void test_file_in_its_place(void) {
  g_auto(Sides) sides = sides_make();
  g_autoptr(GError) error = NULL;
  test_put(&sides.dir, "home/drive", "a file");
  g_assert_false(pino_persist_prepare(&sides.persist, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  test_has(&sides.dir, "home/drive", "a file");
}

/* The mount is gone: the home must be usable, and what is put there comes over when it is back. */
static void test_mount_comes_and_goes(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *mount = test_path(&sides.dir, "mount");
  g_autofree char *away = test_path(&sides.dir, "away");
  test_put(&sides.dir, "home/drive/a", "1");
  prepare(&sides);
  g_assert_cmpint(rename(mount, away), ==, 0);
  sides.persist.persistent = NULL;
  prepare(&sides);
  drive_leads(&sides, NULL);
  test_put(&sides.dir, "home/drive/b", "2");
  test_hasnt(&sides.dir, "mount");
  g_assert_cmpint(rename(away, mount), ==, 0);
  sides.persist.persistent = sides.kept;
  prepare(&sides);
  drive_is_kept(&sides);
  test_has(&sides.dir, "home/drive/a", "1");
  test_has(&sides.dir, "home/drive/b", "2");
}

static void test_mount_elsewhere(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *mount = test_path(&sides.dir, "mount");
  g_autofree char *moved = test_path(&sides.dir, "moved");
  g_autofree char *kept = test_path(&sides.dir, "moved/pinokio");
  g_autofree char *drive = test_path(&sides.dir, "moved/pinokio/drive");
  test_put(&sides.dir, "home/drive/a", "1");
  test_put(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  prepare(&sides);
  g_assert_cmpint(rename(mount, moved), ==, 0);
  sides.persist.persistent = kept;
  prepare(&sides);
  drive_leads(&sides, drive);
  test_has(&sides.dir, "home/drive/a", "1");
}

/* A second one beside it takes nothing away from what the drive holds. */
static void test_another_side(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *other = test_path(&sides.dir, "mount/other");
  test_put(&sides.dir, "home/drive/a", "1");
  prepare(&sides);
  sides.persist.persistent = other;
  prepare(&sides);
  drive_is_kept(&sides);
  test_has(&sides.dir, "home/drive/a", "1");
  g_assert_nonnull(strstr(sides.notes->str, "left alone"));
}

static void test_without_any(void) {
  g_auto(Sides) sides = sides_make();
  sides.persist.persistent = NULL;
  test_put(&sides.dir, "home/drive/a", "1");
  prepare(&sides);
  save(&sides, NULL);
  g_assert_cmpuint(test_count(&sides.dir, "home"), ==, 1);
  g_assert_cmpuint(test_count(&sides.dir, "home/drive"), ==, 1);
  g_assert_false(pino_persist_was_used(sides.home));
}

static void test_in_one_another(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *inside = test_path(&sides.dir, "home/drive");
  const char *const kept[] = {sides.home, inside, sides.dir.path};
  test_put(&sides.dir, "home/drive/a", "1");
  for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
    g_autoptr(GError) error = NULL;
    sides.persist.persistent = kept[i];
    g_assert_false(pino_persist_prepare(&sides.persist, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
  test_has(&sides.dir, "home/drive/a", "1");
}

/* --- a persistent side that fails ---- */

/* A folder in the mount's place would be in the mount's way. */
static void test_mount_is_not_made(void) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *mount = test_path(&sides.dir, "mount");
  g_assert_cmpint(rmdir(mount), ==, 0);
  for (int saving = 0; saving < 2; saving++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(saving ? pino_persist_save(&sides.persist, NULL, &error)
                          : pino_persist_prepare(&sides.persist, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
    test_hasnt(&sides.dir, "mount");
  }
}

static int use_read_only(const TestDir *dir) {
  Sides sides = {.dir = *dir};
  sides_at(&sides, dir->path);
  g_autofree char *mount_point = test_path(dir, "mount");
  if (!test_disk_memory(dir, "mount", "20m"))
    return 0;
  test_put(dir, "mount/pinokio/ENVIRONMENT", "A=kept\n");
  test_put(dir, "mount/pinokio/drive/a", "1");
  g_assert_cmpint(mount(NULL, mount_point, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) drive_error = NULL;
  g_autoptr(GError) save_error = NULL;
  g_assert_true(pino_persist_restore(&sides.persist, &error));
  test_has(dir, "home/ENVIRONMENT", "A=kept\n");
  test_put(dir, "home/drive/b", "2");
  g_assert_false(pino_persist_link_drive(&sides.persist, &drive_error));
  g_assert_error(drive_error, PINO_ERRNO, EROFS);
  test_has(dir, "home/drive/b", "2");
  test_put(dir, "home/ENVIRONMENT", "A=2\n");
  g_assert_false(pino_persist_save(&sides.persist, NULL, &save_error));
  g_assert_error(save_error, PINO_ERRNO, EROFS);
  test_has(dir, "home/ENVIRONMENT", "A=2\n");
  test_has(dir, "mount/pinokio/ENVIRONMENT", "A=kept\n");
  return 0;
}

static void test_read_only(void) {
  g_auto(Sides) sides = sides_make();
  test_in_child(use_read_only, &sides.dir);
}

static int use_full(const TestDir *dir) {
  Sides sides = {.dir = *dir};
  sides_at(&sides, dir->path);
  g_autofree char *big = g_strnfill(900 * 1024, 'x');
  g_autofree char *copy = test_path(dir, "copy");
  if (!test_small_disk(dir, "mount"))
    return 0;
  test_put(dir, "home/ENVIRONMENT", "A=1\n");
  prepare(&sides);
  test_put(dir, "mount/filler", big);
  g_string_assign(sides.notes, "");
  g_autofree char *more = g_strconcat(big, big, NULL);
  test_put(dir, "home/ENVIRONMENT", more);
  put_database(dir, "copy", 1024);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_persist_save(&sides.persist, copy, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  test_has(dir, "mount/pinokio/ENVIRONMENT", "A=1\n");
  test_hasnt(dir, "mount/pinokio/ENVIRONMENT.part");
  /* What has room is kept all the same. */
  g_assert_cmpuint(size_of(dir, "mount/pinokio/library.sqlite"), ==, 1024);
  return 0;
}

static int merge_to_full(const TestDir *dir) {
  Sides sides = {.dir = *dir};
  sides_at(&sides, dir->path);
  g_autofree char *big = g_strnfill(700 * 1024, 'x');
  if (!test_small_disk(dir, "mount"))
    return 0;
  test_put(dir, "home/drive/one/a.bin", big);
  test_put(dir, "home/drive/two/b.bin", big);
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_persist_prepare(&sides.persist, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  drive_leads(&sides, NULL);
  test_has(dir, "home/drive/one/a.bin", big);
  test_has(dir, "home/drive/two/b.bin", big);
  test_hasnt(dir, "mount/pinokio/drive/one");
  test_hasnt(dir, "mount/pinokio/drive/two");
  return 0;
}

static void test_full(void) {
  g_auto(Sides) sides = sides_make();
  test_in_child(use_full, &sides.dir);
  g_auto(Sides) others = sides_make();
  test_in_child(merge_to_full, &others.dir);
}

static void test_cancelled(void) {
  g_auto(Sides) sides = sides_make();
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  put_drive(&sides.dir);
  g_cancellable_cancel(cancellable);
  sides.persist.cancellable = cancellable;
  g_assert_false(pino_persist_link_drive(&sides.persist, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  sides.persist.cancellable = NULL;
  prepare(&sides);
  has_merged(&sides.dir);
}

/* --- killed between any two steps ---- */

static int do_prepare(gpointer data) {
  return pino_persist_prepare(&((Sides *)data)->persist, NULL) ? 0 : 1;
}

static int do_save(gpointer data) {
  Sides *sides = data;
  g_autofree char *copy = test_path(&sides->dir, "copy");
  return pino_persist_save(&sides->persist, copy, NULL) ? 0 : 1;
}

/* A conflict, a library to restore and a drive to merge, all in one. */
static gboolean crash_while_preparing(guint n) {
  g_auto(Sides) sides = sides_make();
  put_drive(&sides.dir);
  test_put(&sides.dir, "home/ENVIRONMENT", "A=home\n");
  test_put(&sides.dir, "mount/pinokio/ENVIRONMENT", "A=kept\n");
  put_database(&sides.dir, "mount/pinokio/library.sqlite", 1024);
  gboolean cut = test_crash_at(n, do_prepare, &sides);
  prepare(&sides);
  drive_is_kept(&sides);
  has_merged(&sides.dir);
  g_assert_cmpuint(test_count(&sides.dir, "home/drive/models"), ==, 3);
  g_assert_cmpuint(test_count(&sides.dir, "home/drive/only"), ==, 1);
  g_assert_cmpuint(test_count(&sides.dir, "home/drive"), ==, 4); /* with .lock and drives */
  test_has(&sides.dir, "home/ENVIRONMENT", "A=kept\n");
  g_assert_cmpuint(count_kept_texts(&sides, "home"), ==, 1);
  g_assert_cmpuint(size_of(&sides.dir, "home/library.sqlite"), ==, 1024);
  return cut;
}

/* Cut off while the drive moved, and then the persistent side is gone: all is on one side or the other. */
static gboolean crash_and_unmount(guint n) {
  g_auto(Sides) sides = sides_make();
  g_autofree char *mount = test_path(&sides.dir, "mount");
  g_autofree char *away = test_path(&sides.dir, "away");
  put_drive(&sides.dir);
  gboolean cut = test_crash_at(n, do_prepare, &sides);
  g_assert_cmpint(rename(mount, away), ==, 0);
  sides.persist.persistent = NULL;
  prepare(&sides);
  drive_leads(&sides, NULL);
  test_hasnt(&sides.dir, "home/.drive-moved");
  test_put(&sides.dir, "home/drive/later", "3");
  g_assert_cmpint(rename(away, mount), ==, 0);
  sides.persist.persistent = sides.kept;
  prepare(&sides);
  drive_is_kept(&sides);
  has_merged(&sides.dir);
  test_has(&sides.dir, "home/drive/later", "3");
  return cut;
}

static gboolean crash_while_saving(guint n) {
  g_auto(Sides) sides = sides_make();
  test_put(&sides.dir, "home/ENVIRONMENT", "A=1\n");
  prepare(&sides);
  put_database(&sides.dir, "mount/pinokio/library.sqlite", 1024);
  put_database(&sides.dir, "copy", 1024);
  test_put(&sides.dir, "home/ENVIRONMENT", "A=2\n");
  gboolean cut = test_crash_at(n, do_save, &sides);
  lose_home(&sides);
  prepare(&sides);
  g_autofree char *path = test_path(&sides.dir, "home/ENVIRONMENT");
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_true(g_str_equal(text, "A=1\n") || g_str_equal(text, "A=2\n"));
  g_assert_true(cut || g_str_equal(text, "A=2\n"));
  g_assert_cmpuint(size_of(&sides.dir, "home/library.sqlite"), ==, 1024);
  return cut;
}

static void crash_everywhere(gconstpointer data) {
  gboolean (*crash)(guint n) = (gboolean(*)(guint))data;
  if (!test_crash_works()) {
    g_test_skip("a process may not be traced here");
    return;
  }
  guint n = 1;
  while (crash(n))
    n++;
  g_test_message("%u places to be cut off at", n - 1);
  g_assert_cmpuint(n, >, 5);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/persist/environment/comes-back", test_comes_back);
  for (gsize i = 0; i < G_N_ELEMENTS(EDITS); i++) {
    g_autofree char *path = g_strconcat("/storage/persist/environment/changed/", EDITS[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_edit);
  }
  g_test_add_func("/storage/persist/environment/defaults-give-way", test_defaults_give_way);
  g_test_add_func("/storage/persist/environment/another-folder", test_another_folder);
  g_test_add_func("/storage/persist/environment/cut-off-replacing", test_cut_off_replacing);
  g_test_add_func("/storage/persist/environment/big", test_big);
  g_test_add_func("/storage/persist/library/comes-back", test_library_comes_back);
  g_test_add_func("/storage/persist/library/of-home-stays", test_library_of_home_stays);
  g_test_add_func("/storage/persist/library/damaged-copy", test_damaged_copy);
  g_test_add_func("/storage/persist/drive/of-a-new-home", test_drive_of_a_new_home);
  g_test_add_func("/storage/persist/drive/is-merged", test_drive_is_merged);
  g_test_add_func("/storage/persist/drive/is-merged-to-another-disk", test_drive_is_merged_to_another_disk);
  g_test_add_func("/storage/persist/drive/link-elsewhere-stays", test_link_elsewhere_stays);
  g_test_add_func("/storage/persist/drive/file-in-its-place", test_file_in_its_place);
  g_test_add_func("/storage/persist/drive/mount-comes-and-goes", test_mount_comes_and_goes);
  g_test_add_func("/storage/persist/drive/mount-elsewhere", test_mount_elsewhere);
  g_test_add_func("/storage/persist/drive/another-side", test_another_side);
  g_test_add_func("/storage/persist/without-any", test_without_any);
  g_test_add_func("/storage/persist/in-one-another", test_in_one_another);
  g_test_add_func("/storage/persist/mount-is-not-made", test_mount_is_not_made);
  g_test_add_func("/storage/persist/read-only", test_read_only);
  g_test_add_func("/storage/persist/full", test_full);
  g_test_add_func("/storage/persist/cancelled", test_cancelled);
  g_test_add_data_func("/storage/persist/killed/preparing", (gconstpointer)crash_while_preparing,
                       crash_everywhere);
  g_test_add_data_func("/storage/persist/killed/then-unmounted", (gconstpointer)crash_and_unmount,
                       crash_everywhere);
  g_test_add_data_func("/storage/persist/killed/saving", (gconstpointer)crash_while_saving, crash_everywhere);
  return g_test_run();
}
