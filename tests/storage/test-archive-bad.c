/* Archives made to do harm, and such as harm was done to; made by libarchive, Python and 7-Zip. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "crash.h"
#include "disk.h"
#include "storage/archive.h"
#include "storage/tree.h"
#include "temp.h"

/* Runs a program; FALSE when it is not installed, which CI does not let pass. */
static gboolean ran(const char *const *argv) {
  int status = 1;
  g_autoptr(GError) error = NULL;
  gboolean found = g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                                NULL, NULL, NULL, NULL, &status, &error);
  g_assert_true(found || g_strcmp0(g_getenv("CI"), "true") != 0);
  g_assert_cmpint(status, ==, found ? 0 : 1);
  return found;
}

/* The script's arguments: the folder of the test. */
static void python(const TestDir *dir, const char *script) {
  const char *const argv[] = {"python3", "-c", script, dir->path, NULL};
  g_assert_true(ran(argv));
}

static gboolean extract(const TestDir *dir, const char *name, const char *into, GError **error) {
  g_autofree char *file = test_path(dir, name);
  g_autofree char *folder = test_path(dir, into);
  return pino_archive_extract(file, folder, NULL, error);
}

static void unpacked(const TestDir *dir, const char *name) {
  g_autoptr(GError) error = NULL;
  gboolean ok = extract(dir, name, "out", &error);
  g_assert_no_error(error);
  g_assert_true(ok);
}

static void refused(const TestDir *dir, const char *name, GQuark domain, int code, const char *text) {
  g_autoptr(GError) error = NULL;
  gboolean ok = extract(dir, name, "out", &error);
  g_test_message("%s: %s", name, error != NULL ? error->message : "");
  g_assert_false(ok);
  g_assert_error(error, domain, code);
  g_assert_nonnull(strstr(error->message, text));
  g_assert_cmpuint(test_count(dir, "out"), ==, 0);
}

/* A tar.zst (or a zst) of `size` equal bytes: some 30 KiB a GiB. */
static void pack_same(const TestDir *dir, const char *name, guint64 size, gboolean tar) {
  g_autofree char *path = test_path(dir, name);
  g_autofree char *block = g_strnfill(1 << 20, 'x');
  struct archive *to = archive_write_new();
  struct archive_entry *entry = archive_entry_new();
  archive_write_add_filter_zstd(to);
  if (tar)
    archive_write_set_format_pax(to);
  else
    archive_write_set_format_raw(to);
  g_assert_cmpint(archive_write_open_filename(to, path), ==, ARCHIVE_OK);
  archive_entry_copy_pathname(entry, "same");
  archive_entry_set_mode(entry, S_IFREG | 0644);
  archive_entry_set_size(entry, (la_int64_t)size);
  g_assert_cmpint(archive_write_header(to, entry), ==, ARCHIVE_OK);
  for (guint64 done = 0; done < size; done += 1 << 20)
    g_assert_cmpint(archive_write_data(to, block, 1 << 20), ==, 1 << 20);
  archive_entry_free(entry);
  g_assert_cmpint(archive_write_close(to), ==, ARCHIVE_OK);
  archive_write_free(to);
}

static const PinoArchiveLimits SMALL = {100, 50, 2 << 20, 0};

static void over_limit(const TestDir *dir, const char *name, const char *text) {
  g_autofree char *file = test_path(dir, name);
  g_autofree char *folder = test_path(dir, "out");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_archive_extract_within(file, folder, &SMALL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
  g_assert_nonnull(strstr(error->message, text));
  g_assert_cmpuint(test_count(dir, "out"), ==, 0);
}

/* One that says how large its files are, and one that does not. */
static void test_bomb(void) {
  g_auto(TestDir) dir = test_dir_make();
  pack_same(&dir, "bomb.tar.zst", 4 << 20, TRUE);
  pack_same(&dir, "bomb.zst", 4 << 20, FALSE);
  over_limit(&dir, "bomb.tar.zst", "as no honest archive's do");
  over_limit(&dir, "bomb.zst", "as no honest archive's do");
  /* What is well packed but small is none. */
  unpacked(&dir, "bomb.tar.zst");
  g_autofree char *same = test_path(&dir, "out/same");
  struct stat st;
  g_assert_cmpint(stat(same, &st), ==, 0);
  g_assert_cmpint(st.st_size, ==, 4 << 20);
}

static void test_many(void) {
  g_auto(TestDir) dir = test_dir_make();
  python(&dir, "import sys, zipfile\n"
               "with zipfile.ZipFile(sys.argv[1] + '/many.zip', 'w') as z:\n"
               "    for i in range(101): z.writestr('d/%d' % i, '')\n");
  over_limit(&dir, "many.zip", "more than 100 files");
}

static int unpack_without_room(const TestDir *dir) {
  const char *const names[] = {"big.tar.zst", "big.zst"};
  if (!test_disk_memory(dir, "disk", "2m"))
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(extract(dir, names[i], "disk", &error));
    g_assert_error(error, PINO_ERRNO, ENOSPC);
    g_assert_nonnull(strstr(error->message, "disk full"));
    g_assert_cmpuint(test_count(dir, "disk"), ==, 0);
  }
  return 0;
}

static void test_room(void) {
  g_auto(TestDir) dir = test_dir_make();
  pack_same(&dir, "big.tar.zst", 8 << 20, TRUE);
  pack_same(&dir, "big.zst", 8 << 20, FALSE);
  test_put(&dir, "disk/x", "");
  test_in_child(unpack_without_room, &dir);
}

static void test_passwords(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_put(&dir, "secret.txt", "secret");
  g_autofree char *file = test_path(&dir, "secret.txt");
  const struct {
    const char *name;
    const char *option;
  } kinds[] = {
      {"a.zip", "-mem=ZipCrypto"}, {"b.zip", "-mem=AES256"}, {"c.7z", "-mhe=off"}, {"d.7z", "-mhe=on"}};
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *path = test_path(&dir, kinds[i].name);
    const char *const names[] = {"7zz", "7z", NULL};
    gboolean made = FALSE;
    for (gsize j = 0; names[j] != NULL && !made; j++) {
      g_autofree char *program = g_find_program_in_path(names[j]);
      const char *const argv[] = {names[j], "a", "-pword", kinds[i].option, path, file, NULL};
      made = program != NULL && ran(argv);
    }
    if (!made) {
      g_assert_cmpstr(g_getenv("CI"), !=, "true");
      g_test_skip("7-Zip is not installed");
      return;
    }
    refused(&dir, kinds[i].name, PINO_ERROR, PINO_ERROR_FAILED, "locked with a password");
  }
}

static const char *const ARCHIVES =
    "import sys, tarfile, zipfile, io, os, random\n"
    "folder = sys.argv[1]\n"
    "random.seed(1)\n"
    "data = [('f%d' % i, random.randbytes(9000 + i * 1111)) for i in range(12)]\n"
    "for name, mode in (('a.tar', 'w'), ('a.tar.gz', 'w:gz'), ('a.tar.bz2', 'w:bz2'), ('a.tar.xz', "
    "'w:xz')):\n"
    "    with tarfile.open(os.path.join(folder, name), mode) as tar:\n"
    "        for name, text in data:\n"
    "            info = tarfile.TarInfo(name); info.size = len(text)\n"
    "            tar.addfile(info, io.BytesIO(text))\n"
    "with zipfile.ZipFile(os.path.join(folder, 'a.zip'), 'w', zipfile.ZIP_DEFLATED) as z:\n"
    "    for name, text in data: z.writestr(name, text)\n";

/* Cut at each twentieth, and at the ends of entries, where it looks most like whole. */
static void test_cut(void) {
  g_auto(TestDir) dir = test_dir_make();
  const char *const names[] = {"a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"};
  python(&dir, ARCHIVES);
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = test_path(&dir, names[i]);
    g_autofree char *data = NULL;
    gsize len = 0;
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    for (guint part = 0; part < 40; part++) {
      g_autofree char *cut = test_path(&dir, "cut");
      gsize at = part < 20 ? len * part / 20 : (gsize)(part - 19) * 9728;
      if (at >= len)
        continue;
      g_assert_true(g_file_set_contents(cut, data, (gssize)at, NULL));
      refused(&dir, "cut", PINO_ERROR, PINO_ERROR_FAILED, "nothing was unpacked");
    }
    g_autofree char *whole = g_strdup_printf("whole/%zu", i);
    g_autoptr(GError) error = NULL;
    g_assert_true(extract(&dir, names[i], whole, &error));
    g_assert_cmpuint(test_count(&dir, whole), ==, 12);
  }
}

static void move(const TestDir *dir, const char *from, const char *to) {
  g_autofree char *old = test_path(dir, from);
  g_autofree char *new = test_path(dir, to);
  g_assert_cmpint(rename(old, new), ==, 0);
}

static void test_suffixes(void) {
  g_auto(TestDir) dir = test_dir_make();
  python(&dir, ARCHIVES);
  move(&dir, "a.tar.gz", "gz.zip");
  move(&dir, "a.zip", "zip.tar.gz");
  move(&dir, "a.tar.xz", "xz");
  move(&dir, "a.tar", "tar.7z");
  const char *const names[] = {"gz.zip", "zip.tar.gz", "xz", "tar.7z"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *into = g_strconcat("into-", names[i], NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(extract(&dir, names[i], into, &error));
    g_assert_cmpuint(test_count(&dir, into), ==, 12);
  }
  test_put(&dir, "page.zip", "<html>404</html>");
  test_put(&dir, "page.gguf.zst", "<html>404</html>");
  refused(&dir, "page.zip", PINO_ERROR, PINO_ERROR_FAILED, "nothing was unpacked");
  refused(&dir, "page.gguf.zst", PINO_ERROR, PINO_ERROR_FAILED, "nothing was unpacked");
}

static void test_single(void) {
  g_auto(TestDir) dir = test_dir_make();
  python(&dir,
         "import sys, gzip, lzma, bz2\n"
         "for name, kind in (('m.gguf.gz', gzip), ('n.bin.XZ', lzma), ('o', bz2), ('bad.tar.gz', gzip)):\n"
         "    kind.open(sys.argv[1] + '/' + name, 'wb').write(b'weights')\n"
         "data = open(sys.argv[1] + '/m.gguf.gz', 'rb').read()\n"
         "open(sys.argv[1] + '/cut.bin.gz', 'wb').write(data[:-6])\n");
  refused(&dir, "bad.tar.gz", PINO_ERROR, PINO_ERROR_FAILED, "nothing was unpacked");
  refused(&dir, "cut.bin.gz", PINO_ERROR, PINO_ERROR_FAILED, "nothing was unpacked");
  unpacked(&dir, "m.gguf.gz");
  unpacked(&dir, "n.bin.XZ");
  unpacked(&dir, "o");
  test_has(&dir, "out/m.gguf", "weights");
  test_has(&dir, "out/n.bin", "weights");
  test_has(&dir, "out/o", "weights");
  g_assert_cmpuint(test_count(&dir, "out"), ==, 3);
}

/* Names as Windows programs write them: in the bytes of some code page, with backslashes. */
static void test_names(void) {
  g_auto(TestDir) dir = test_dir_make();
  python(&dir, "import sys, zipfile\n"
               "def put(name, entry):\n"
               "    placeholder = 'X' * len(entry)\n"
               "    path = sys.argv[1] + '/' + name\n"
               "    zipfile.ZipFile(path, 'w').writestr(placeholder, 'z')\n"
               "    data = open(path, 'rb').read().replace(placeholder.encode(), entry)\n"
               "    open(path, 'wb').write(data)\n"
               "put('cp437.zip', b'caf\\x82.txt')\n"
               "put('sjis.zip', b'\\x83e\\x83X\\x83g.txt')\n"
               "put('line.zip', b'two\\nlines')\n"
               "put('up.zip', b'..\\\\..\\\\evil')\n"
               "put('slash.zip', b'//evil/absolute')\n"
               "put('long.zip', b'n' * 300)\n"
               "put('drive.zip', b'C:\\\\evil')\n");
  unpacked(&dir, "cp437.zip");
  test_has(&dir, "out/caf\x82.txt", "z");
  unpacked(&dir, "sjis.zip");
  test_has(&dir,
           "out/\x83"
           "e\x83X\x83g.txt",
           "z");
  unpacked(&dir, "line.zip");
  test_has(&dir, "out/two\nlines", "z");
  unpacked(&dir, "drive.zip");
  g_assert_cmpuint(test_count(&dir, "out"), ==, 4);
  g_autoptr(GError) error = NULL;
  g_assert_false(extract(&dir, "long.zip", "out", &error));
  g_clear_error(&error);
  /* A backslash is a letter here: whatever it becomes stays inside. */
  (void)extract(&dir, "up.zip", "deep/er/out", NULL);
  g_assert_false(extract(&dir, "slash.zip", "out", &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
  test_hasnt(&dir, "evil");
  test_hasnt(&dir, "deep/evil");
  g_assert_cmpuint(test_count(&dir, "out"), ==, 4);
  g_assert_cmpuint(test_count(&dir, "deep/er"), ==, 1);
}

static int unpack_as_nobody(const TestDir *dir) {
  g_autoptr(GError) error = NULL;
  gboolean ok = extract(dir, "modes.tar", "new", &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  return 0;
}

/* Folders that not even their owner may enter, and bits that would give others his rights. */
static void test_modes(void) {
  g_auto(TestDir) dir = test_dir_make();
  python(
      &dir,
      "import sys, tarfile, io\n"
      "with tarfile.open(sys.argv[1] + '/modes.tar', 'w') as tar:\n"
      "    for name, mode, kind in (('closed', 0o000, tarfile.DIRTYPE), ('ro', 0o555, tarfile.DIRTYPE),\n"
      "                             ('ro/suid', 0o6755, tarfile.REGTYPE), ('closed/f', 0, tarfile.REGTYPE),\n"
      "                             ('sticky', 0o7777, tarfile.DIRTYPE)):\n"
      "        info = tarfile.TarInfo(name); info.mode = mode; info.type = kind\n"
      "        tar.addfile(info)\n");
  test_as_nobody(unpack_as_nobody, &dir);
  const char *const names[] = {"new/closed", "new/ro", "new/ro/suid", "new/closed/f", "new/sticky"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = test_path(&dir, names[i]);
    struct stat st;
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 07000, ==, 0);
    g_assert_cmpuint(st.st_mode & 0600, ==, 0600);
  }
}

static void test_cancelled(void) {
  g_auto(TestDir) dir = test_dir_make();
  python(&dir, ARCHIVES);
  g_autofree char *file = test_path(&dir, "a.zip");
  g_autofree char *folder = test_path(&dir, "out");
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  g_cancellable_cancel(cancellable);
  g_assert_false(pino_archive_extract(file, folder, cancellable, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_CANCELLED);
  g_assert_cmpuint(test_count(&dir, "out"), ==, 0);
}

static int extract_in_child(gpointer data) {
  g_autoptr(GError) error = NULL;
  gboolean ok = extract(data, "a.tar.gz", "out", &error);
  g_assert_no_error(error);
  return ok ? 0 : 1;
}

static void test_killed(void) {
  guint n = 1;
  g_auto(TestDir) made = test_dir_make();
  python(&made, ARCHIVES);
  g_autofree char *source = test_path(&made, "a.tar.gz");
  for (gboolean killed = test_crash_works(); killed; n += 3) {
    g_auto(TestDir) dir = test_dir_make_in_memory();
    g_autofree char *file = test_path(&dir, "a.tar.gz");
    g_autoptr(GError) error = NULL;
    g_assert_true(pino_tree_copy(source, file, PINO_COPY_DEFAULT, NULL, &error));
    killed = test_crash_at(n, extract_in_child, &dir);
    g_assert_cmpint(extract_in_child(&dir), ==, 0);
    g_assert_cmpuint(test_count(&dir, "out"), ==, 12);
  }
  g_assert_true(n > 30 || !test_crash_works());
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/archive-bad/bomb", test_bomb);
  g_test_add_func("/storage/archive-bad/too-many-entries", test_many);
  g_test_add_func("/storage/archive-bad/no-room", test_room);
  g_test_add_func("/storage/archive-bad/passwords", test_passwords);
  g_test_add_func("/storage/archive-bad/cut-anywhere", test_cut);
  g_test_add_func("/storage/archive-bad/suffix-lies", test_suffixes);
  g_test_add_func("/storage/archive-bad/single-file", test_single);
  g_test_add_func("/storage/archive-bad/names-of-other-systems", test_names);
  g_test_add_func("/storage/archive-bad/modes", test_modes);
  g_test_add_func("/storage/archive-bad/cancelled", test_cancelled);
  g_test_add_func("/storage/archive-bad/killed-leaves-nothing", test_killed);
  return g_test_run();
}
