#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "http-server.h"
#include "storage/archive.h"
#include "storage/download.h"
#include "temp.h"

typedef struct {
  const char *name;
  const char *text; /* of a file */
  const char *link; /* symbolic link */
  const char *hard; /* hard link */
  mode_t type;      /* another type */
} Item;

static void add(struct archive *to, const Item *item) {
  struct archive_entry *entry = archive_entry_new();
  archive_entry_copy_pathname(entry, item->name);
  archive_entry_set_mode(entry, (item->type != 0      ? item->type
                                 : item->link != NULL ? S_IFLNK
                                                      : S_IFREG) |
                                    06755);
  archive_entry_set_size(entry, item->text != NULL ? (la_int64_t)strlen(item->text) : 0);
  archive_entry_set_mtime(entry, 1000000000, 0);
  if (item->link != NULL)
    archive_entry_copy_symlink(entry, item->link);
  if (item->hard != NULL)
    archive_entry_copy_hardlink(entry, item->hard);
  g_assert_cmpint(archive_write_header(to, entry), ==, ARCHIVE_OK);
  if (item->text != NULL)
    archive_write_data(to, item->text, strlen(item->text));
  archive_entry_free(entry);
}

static char *pack(const TestDir *dir, const char *name, int (*format)(struct archive *),
                  int (*filter)(struct archive *), const Item *items, gsize n) {
  char *path = test_path(dir, name);
  struct archive *to = archive_write_new();
  g_assert_cmpint(format(to), ==, ARCHIVE_OK);
  g_assert_cmpint(filter(to), ==, ARCHIVE_OK);
  g_assert_cmpint(archive_write_open_filename(to, path), ==, ARCHIVE_OK);
  for (gsize i = 0; i < n; i++)
    add(to, &items[i]);
  g_assert_cmpint(archive_write_close(to), ==, ARCHIVE_OK);
  archive_write_free(to);
  return path;
}

static void unpacked(const char *file, const TestDir *dir, const char *name) {
  g_autofree char *into = test_path(dir, name);
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_archive_extract(file, into, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
}

/* libarchive writes names of zip and 7z through the locale, so the accented one is for tar only. */
static void test_kinds(void) {
  const struct {
    const char *name;
    int (*format)(struct archive *);
    int (*filter)(struct archive *);
  } kinds[] = {
      {"a.zip", archive_write_set_format_zip, archive_write_add_filter_none},
      {"a.7z", archive_write_set_format_7zip, archive_write_add_filter_none},
      {"a.tar", archive_write_set_format_gnutar, archive_write_add_filter_none},
      {"a.tar.gz", archive_write_set_format_pax, archive_write_add_filter_gzip},
      {"a.tar.bz2", archive_write_set_format_pax, archive_write_add_filter_bzip2},
      {"a.tar.xz", archive_write_set_format_ustar, archive_write_add_filter_xz},
      {"a.tar.zst", archive_write_set_format_pax, archive_write_add_filter_zstd},
  };
  const Item items[] = {
      {.name = "top/run.sh", .text = "#!/bin/sh\n"}, {.name = "top/empty", .text = ""},
      {.name = "top/sp ace/'q'", .text = "q"},       {.name = "top/lib/link", .link = "../run.sh"},
      {.name = "top/folder/", .type = S_IFDIR},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_auto(TestDir) dir = test_dir_make();
    g_autofree char *file =
        pack(&dir, kinds[i].name, kinds[i].format, kinds[i].filter, items, G_N_ELEMENTS(items));
    unpacked(file, &dir, "new/out");
    test_has(&dir, "new/out/top/run.sh", "#!/bin/sh\n");
    test_has(&dir, "new/out/top/lib/link", "#!/bin/sh\n");
    test_has(&dir, "new/out/top/empty", "");
    test_has(&dir, "new/out/top/sp ace/'q'", "q");
    g_assert_cmpuint(test_count(&dir, "new/out/top/folder"), ==, 0);
    g_assert_cmpuint(test_count(&dir, "new/out"), ==, 1);
    struct stat st;
    g_autofree char *run = test_path(&dir, "new/out/top/run.sh");
    g_assert_cmpint(stat(run, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07111, ==, 0111);
    g_assert_cmpint(st.st_mtime, ==, 1000000000);
  }
}

static void test_names(void) {
  g_auto(TestDir) dir = test_dir_make();
  const Item items[] = {{.name = "\xc3\xa9\xf0\x9f\x98\x80", .text = "e"}, {.name = "bad\xff", .text = "b"}};
  g_autofree char *tar =
      pack(&dir, "a.tar", archive_write_set_format_gnutar, archive_write_add_filter_none, items, 2);
  unpacked(tar, &dir, "out");
  test_has(&dir, "out/\xc3\xa9\xf0\x9f\x98\x80", "e");
  test_has(&dir, "out/bad\xff", "b");
  g_autofree char *zip = test_path(&dir, "n.zip");
  const char *const argv[] = {
      "python3", "-c",
      "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('n\\u00e9\\U0001f600.txt', 'z')", zip,
      NULL};
  int status = 1;
  g_assert_true(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint(status, ==, 0);
  unpacked(zip, &dir, "out");
  test_has(&dir, "out/n\xc3\xa9\xf0\x9f\x98\x80.txt", "z");
}

static void test_hostile(void) {
  const struct {
    const char *why;
    Item items[3];
  } cases[] = {
      {"dot-dot", {{.name = "ok", .text = "1"}, {.name = "../evil", .text = "x"}}},
      {"dot-dot inside", {{.name = "a/../../evil", .text = "x"}}},
      {"absolute", {{.name = "/tmp/pino-evil-absolute", .text = "x"}}},
      {"link out", {{.name = "l", .link = "../.."}}},
      {"link to absolute", {{.name = "l", .link = "/etc/passwd"}}},
      {"deep link out", {{.name = "a/b/l", .link = "../../../evil"}}},
      {"link by link", {{.name = "a/d", .link = ".."}, {.name = "e", .link = "a/d/../evil"}}},
      {"write through link",
       {{.name = "sub/x", .text = "1"}, {.name = "l", .link = "sub"}, {.name = "l/evil", .text = "x"}}},
      {"hard link out", {{.name = "h", .hard = "../evil"}}},
      {"hard link to absolute", {{.name = "h", .hard = "/etc/passwd"}}},
      {"pipe", {{.name = "p", .type = S_IFIFO}}},
      {"device", {{.name = "d", .type = S_IFCHR}}},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(TestDir) dir = test_dir_make();
    gsize n = 0;
    while (n < 3 && cases[i].items[n].name != NULL)
      n++;
    g_autofree char *file = pack(&dir, "bad.tar", archive_write_set_format_gnutar,
                                 archive_write_add_filter_none, cases[i].items, n);
    test_put(&dir, "in/out/kept", "k");
    g_autofree char *into = test_path(&dir, "in/out");
    g_autoptr(GError) error = NULL;
    g_test_message("%s", cases[i].why);
    g_assert_false(pino_archive_extract(file, into, NULL, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "nothing was unpacked"));
    g_assert_cmpuint(test_count(&dir, "in/out"), ==, 1);
    g_assert_cmpuint(test_count(&dir, "in"), ==, 1);
    g_assert_cmpuint(test_count(&dir, "."), ==, 2);
  }
  g_assert_false(g_file_test("/tmp/pino-evil-absolute", G_FILE_TEST_EXISTS));
}

static void not_unpacked(const char *file, const TestDir *dir, GQuark domain, int code) {
  g_autofree char *into = test_path(dir, "out");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_archive_extract(file, into, NULL, &error));
  g_assert_error(error, domain, code);
  g_assert_cmpuint(test_count(dir, "out"), ==, 0);
}

static void test_damaged(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *big = g_strnfill(300000, 'x');
  const Item items[] = {{.name = "a", .text = big}, {.name = "b", .text = big}};
  g_autofree char *file =
      pack(&dir, "cut.tar", archive_write_set_format_gnutar, archive_write_add_filter_none, items, 2);
  g_assert_cmpint(truncate(file, 400000), ==, 0);
  not_unpacked(file, &dir, PINO_ERROR, PINO_ERROR_FAILED);
  test_put(&dir, "text.zip", "this is no archive at all");
  test_put(&dir, "empty.zip", "");
  g_autofree char *text = test_path(&dir, "text.zip");
  g_autofree char *empty = test_path(&dir, "empty.zip");
  g_autofree char *missing = test_path(&dir, "missing.zip");
  not_unpacked(text, &dir, PINO_ERROR, PINO_ERROR_FAILED);
  not_unpacked(empty, &dir, PINO_ERROR, PINO_ERROR_FAILED);
  not_unpacked(missing, &dir, PINO_ERRNO, ENOENT);
  not_unpacked(dir.path, &dir, PINO_ERRNO, EISDIR);
}

static void test_merges(void) {
  g_auto(TestDir) dir = test_dir_make();
  const Item items[] = {{.name = "t/a", .text = "new"}, {.name = "t/s/b", .text = "b"}};
  g_autofree char *file =
      pack(&dir, "a.zip", archive_write_set_format_zip, archive_write_add_filter_none, items, 2);
  test_put(&dir, "out/t/a", "old");
  test_put(&dir, "out/t/s/kept", "k");
  unpacked(file, &dir, "out");
  test_has(&dir, "out/t/a", "new");
  test_has(&dir, "out/t/s/b", "b");
  test_has(&dir, "out/t/s/kept", "k");
  test_put(&dir, "clash/t/a/file", "folder where a file is to be");
  g_autofree char *clash = test_path(&dir, "clash");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_archive_extract(file, clash, NULL, &error));
  g_assert_error(error, PINO_ERRNO, EISDIR);
  test_hasnt(&dir, "clash/t/s");
  g_assert_cmpuint(test_count(&dir, "clash"), ==, 1);
}

static int unpack_to_small_disk(const TestDir *dir) {
  if (!test_small_disk(dir, "disk"))
    return 0;
  g_autofree char *file = test_path(dir, "big.tar");
  g_autofree char *disk = test_path(dir, "disk");
  g_autoptr(GError) error = NULL;
  g_assert_false(pino_archive_extract(file, disk, NULL, &error));
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_nonnull(strstr(error->message, "disk full: "));
  g_assert_cmpuint(test_count(dir, "disk"), ==, 0);
  return 0;
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *big = g_strnfill((gsize)3 << 20, 'x');
  const Item items[] = {{.name = "a", .text = big}};
  g_autofree char *file =
      pack(&dir, "big.tar", archive_write_set_format_gnutar, archive_write_add_filter_none, items, 1);
  test_put(&dir, "disk/x", "");
  test_in_child(unpack_to_small_disk, &dir);
}

static void test_download_extracts(void) {
  g_auto(TestDir) dir = test_dir_make();
  const Item items[] = {{.name = "model/weights", .text = "w"}};
  g_autofree char *packed =
      pack(&dir, "m.zip", archive_write_set_format_zip, archive_write_add_filter_none, items, 1);
  g_autofree char *body = NULL;
  TestFile file = {0};
  g_assert_true(g_file_get_contents(packed, &body, &file.len, NULL));
  file.body = body;
  g_auto(TestHttp) http;
  test_http_start(&http, test_http_serve_file, &file);
  g_autofree char *url = test_http_url(&http, "/m.zip");
  g_autofree char *into = test_path(&dir, "into");
  PinoDownload spec = {.url = url, .dir = into, .extract = TRUE, .retries = -1};
  g_autoptr(GError) error = NULL;
  gboolean ok = pino_download(&spec, NULL, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
  test_has(&dir, "into/model/weights", "w");
  g_assert_cmpuint(test_count(&dir, "into"), ==, 2);
  file.body = "no zip";
  file.len = 6;
  g_assert_false(pino_download(&spec, NULL, NULL, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_FAILED);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/storage/archive/kinds", test_kinds);
  g_test_add_func("/storage/archive/names-of-any-alphabet", test_names);
  g_test_add_func("/storage/archive/hostile-leaves-nothing", test_hostile);
  g_test_add_func("/storage/archive/damaged-leaves-nothing", test_damaged);
  g_test_add_func("/storage/archive/merges-or-refuses", test_merges);
  g_test_add_func("/storage/archive/full-disk-leaves-nothing", test_full_disk);
  g_test_add_func("/storage/archive/download-extracts", test_download_extracts);
  return g_test_run();
}
