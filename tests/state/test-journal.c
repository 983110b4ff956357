/* Journals: what is appended comes back, from any byte on, whatever happened to the file and to the logs. */
#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../storage/temp.h"
#include "base/error.h"
#include "state/journal.h"

static PinoJournal *open_journal(const char *path) {
  g_autoptr(GError) error = NULL;
  PinoJournal *journal = pino_journal_open(path, &error);
  g_assert_no_error(error);
  return journal;
}

static void append(PinoJournal *journal, const char *line) {
  g_autoptr(GError) error = NULL;
  gboolean done = pino_journal_append(journal, line, strlen(line), &error);
  g_assert_no_error(error);
  g_assert_true(done);
}

static void write_to(const char *path, int flags, const void *bytes, gsize length) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, bytes, length), ==, (gssize)length);
  close(fd);
}

static gint64 size_of(const char *path) {
  struct stat st;
  g_assert_cmpint(stat(path, &st), ==, 0);
  return st.st_size;
}

/* All that a reader gives, by calls of limit bytes. */
static char *read_from(const char *path, guint64 offset, gsize limit) {
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(path, offset);
  GString *all = g_string_new(NULL);
  g_autoptr(GString) out = g_string_new(NULL);
  while (pino_journal_reader_next(reader, out, limit) > 0) {
    g_string_append_len(all, out->str, (gssize)out->len);
    g_string_truncate(out, 0);
  }
  return g_string_free(all, FALSE);
}

static void assert_reads(const char *path, guint64 offset, const char *expected) {
  g_autofree char *got = read_from(path, offset, 1 << 20);
  g_assert_cmpstr(got, ==, expected);
}

/* Appends what the raw members of the lines hold, NULs included; gives how many bytes were lost. */
static gint64 collect(const char *lines, GString *text) {
  g_auto(GStrv) all = g_strsplit(lines, "\n", -1);
  gint64 lost = 0;
  for (guint i = 0; all[i] != NULL && all[i][0] != '\0'; i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    json_parser_load_from_data(parser, all[i], -1, &error);
    g_assert_no_error(error);
    JsonObject *line = json_node_get_object(json_parser_get_root(parser));
    g_assert_false(json_object_has_member(line, "length") || json_object_has_member(line, "log"));
    g_assert_cmpstr(json_object_get_string_member(line, "shell"), ==, "ID");
    g_string_append(text, json_object_get_string_member(line, "raw"));
    lost += json_object_get_int_member_with_default(line, "lost", 0);
  }
  return lost;
}

/* --- lines ---- */

static void test_lines(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "a folder/with \"quotes\"/run.journal");
  struct stat st;
  g_autoptr(GError) error = NULL;
  assert_reads(path, 0, "");
  g_autoptr(PinoJournal) journal = open_journal(path);
  g_assert_cmpint(stat(path, &st), ==, 0);
  g_assert_cmpint(st.st_mode & 07777, ==, 0600);
  assert_reads(path, 0, "");
  append(journal, "{\"type\":\"a\"}");
  append(journal, "{\"type\":\"b\",\"x\":[1,{\"y\":\"}\"}]}\n");
  g_assert_false(pino_journal_append(journal, "{}\n{}", 5, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_false(pino_journal_append(journal, "\n", 1, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  const char *all = "{\"type\":\"a\"}\n{\"type\":\"b\",\"x\":[1,{\"y\":\"}\"}]}\n";
  assert_reads(path, 0, all);
  for (guint64 at = 1; at <= strlen(all); at++)
    assert_reads(path, at, at <= 13 ? all + 13 : "");
  assert_reads(path, 5000, "");
  g_assert_null(pino_journal_open(dir.path, NULL));
}

static void test_passes_over_nonsense(void) {
  static const char *const BAD[] = {"",
                                    "{",
                                    "{}}",
                                    "[1]",
                                    "1",
                                    "{\"a\":}",
                                    "{\"a\":01}",
                                    "{a:1}",
                                    "{\"a\":1,}",
                                    "{\"a\" 1}",
                                    "{\"a\":tru}",
                                    "{\"a\":\"",
                                    "{\"a\":\"\\x\"}",
                                    "{\"a\":1.}",
                                    "{\"a\":\"\xff\"}",
                                    "{\"a\":[1,2}",
                                    "{\"a\":\"\\u12g4\"}",
                                    "{} {}",
                                    "{,}",
                                    "{\"a\":-}",
                                    "{\"a\":1e}"};
  static const char *const GOOD[] = {"{}",
                                     "{ }",
                                     "{\"a\":-1.5e+10}",
                                     "{\"a\" : [ ] , \"b\" : { } } ",
                                     "{\"a\":0}",
                                     "{\"\":null,\"\\u00e9\\\"\":[true,false,[[\"\"]]]}",
                                     "{\"a\":0.25E-3}"};
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "j");
  g_autoptr(GString) expected = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
    const char *good = GOOD[i % G_N_ELEMENTS(GOOD)];
    write_to(path, O_APPEND, BAD[i], strlen(BAD[i]));
    write_to(path, O_APPEND, "\n", 1);
    write_to(path, O_APPEND, "\0{}\n{\"nul\":\"\0\"}\n", 16);
    write_to(path, O_APPEND, good, strlen(good));
    write_to(path, O_APPEND, "\n", 1);
    g_string_append_printf(expected, "%s\n", good);
  }
  assert_reads(path, 0, expected->str);
  g_autofree char *deep = g_strnfill(4 << 20, '[');
  memcpy(deep, "{\"a\":", 5);
  write_to(path, O_TRUNC, deep, 4 << 20);
  write_to(path, O_APPEND, "\n{}\n", 4);
  assert_reads(path, 0, "{}\n");
}

static void test_crash(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "j");
  write_to(path, 0, "{\"a\":1}\n{\"type\":\"result\",\"data\":{\"b\":2}", 39);
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(path, 0);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_cmpuint(pino_journal_reader_next(reader, out, 1000), ==, 1);
  g_assert_cmpuint(pino_journal_reader_offset(reader), ==, 8);
  g_assert_cmpuint(pino_journal_reader_next(reader, out, 1000), ==, 0);
  g_autoptr(PinoJournal) journal = open_journal(path);
  append(journal, "{\"c\":3}");
  g_assert_cmpuint(pino_journal_reader_next(reader, out, 1000), ==, 1);
  g_assert_cmpstr(out->str, ==, "{\"a\":1}\n{\"c\":3}\n");
  g_assert_cmpuint(pino_journal_reader_offset(reader), ==, (guint64)size_of(path));
}

static void test_long_lines(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "j");
  g_autoptr(PinoJournal) journal = open_journal(path);
  g_autoptr(GString) expected = g_string_new(NULL);
  for (gsize size = 1000; size < 4000000; size = size * 5 / 2) {
    g_autofree char *text = g_strnfill(size, 'x');
    g_autofree char *line = g_strdup_printf("{\"data\":\"%s\"}", text);
    append(journal, line);
    g_string_append_printf(expected, "%s\n", line);
  }
  for (gsize limit = 1; limit < 10000000; limit *= 100) {
    g_autofree char *got = read_from(path, 0, limit);
    g_assert_cmpstr(got, ==, expected->str);
  }
}

/* A reader whose file is deleted, replaced or cut. */
static void test_file_changes(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "j");
  g_autoptr(PinoJournal) journal = open_journal(path);
  append(journal, "{\"old\":1}");
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(path, 0);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_cmpuint(pino_journal_reader_next(reader, out, 1000), ==, 1);
  g_assert_cmpint(g_unlink(path), ==, 0);
  write_to(path, 0, "{\"new\":1}\n{\"new\":2}\n", 20);
  append(journal, "{\"old\":2}");
  g_assert_cmpuint(pino_journal_reader_next(reader, out, 1000), ==, 1);
  g_assert_cmpstr(out->str, ==, "{\"old\":1}\n{\"old\":2}\n");

  g_autoptr(PinoJournalReader) second = pino_journal_reader_new(path, 0);
  g_string_truncate(out, 0);
  g_assert_cmpuint(pino_journal_reader_next(second, out, 1000), ==, 2);
  g_string_truncate(out, 0);
  write_to(path, O_TRUNC, "{\"third\":1}\n", 12);
  g_assert_cmpuint(pino_journal_reader_next(second, out, 1000), ==, 0);
  write_to(path, O_APPEND, "{\"third\":2}\n{\"third\":3}\n", 24);
  g_assert_cmpuint(pino_journal_reader_next(second, out, 1000), ==, 1);
  g_assert_cmpstr(out->str, ==, "{\"third\":3}\n");
}

static gboolean count_until(const char *line, gsize length, gpointer data) {
  guint *left = data;
  g_assert_cmpint(line[0], ==, '{');
  g_assert_cmpint(line[length - 1], ==, '}');
  return --*left > 0;
}

static void test_scan(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "j");
  guint left = 100;
  g_assert_cmpuint(pino_journal_scan(path, 7, count_until, &left), ==, 7);
  write_to(path, 0,
           "{\"a\":1}\nbad\n{\"type\":\"stream\",\"offset\":5,\"length\":5,\"log\":\"/l\"}\n{\"part\"", 70);
  guint64 whole = (guint64)(size_of(path) - 7);
  g_assert_cmpuint(pino_journal_scan(path, 0, count_until, &left), ==, whole);
  g_assert_cmpuint(left, ==, 98);
  left = 1;
  g_assert_cmpuint(pino_journal_scan(path, 0, count_until, &left), ==, 8);
  left = 1;
  g_assert_cmpuint(pino_journal_scan(path, 3, count_until, &left), ==, whole);
}

/* --- output ---- */

typedef struct {
  PinoJournal *journal;
  char *path, *log;
  guint64 offset;
} Printing;

static void printing_start(Printing *printing, const TestDir *dir) {
  printing->path = test_path(dir, "run.journal");
  printing->log = test_path(dir, "shell \"ID\" \xc3\xa9.log");
  printing->journal = open_journal(printing->path);
  printing->offset = 0;
}

static void printing_clear(Printing *printing) {
  pino_journal_free(printing->journal);
  g_free(printing->path);
  g_free(printing->log);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Printing, printing_clear)

static void print(Printing *printing, const void *bytes, gsize length) {
  g_autoptr(GError) error = NULL;
  if (length > 0)
    write_to(printing->log, O_APPEND, bytes, length);
  printing->offset += length;
  PinoJournalPiece piece = {.shell = "ID", .log = printing->log, .index = 2, .offset = printing->offset};
  gboolean done = pino_journal_output(printing->journal, &piece, bytes, length, &error);
  g_assert_no_error(error);
  g_assert_true(done);
}

static void test_short_and_long(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Printing) printing = {0};
  printing_start(&printing, &dir);
  g_autofree char *text = g_strnfill(100000, 'y');
  print(&printing, "short \"\xc3\xa9\"\r\n", 12);
  print(&printing, text, 100000);
  print(&printing, NULL, 0);
  g_autofree char *got = NULL;
  g_assert_true(g_file_get_contents(printing.path, &got, NULL, NULL));
  g_auto(GStrv) lines = g_strsplit(got, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), ==, 4);
  g_assert_cmpstr(lines[0], ==,
                  "{\"type\":\"stream\",\"index\":2,\"shell\":\"ID\",\"offset\":12,\"raw\":\"short "
                  "\\\"\xc3\xa9\\\"\\r\\n\"}");
  g_assert_true(g_str_has_prefix(
      lines[1],
      "{\"type\":\"stream\",\"index\":2,\"shell\":\"ID\",\"offset\":65548,\"length\":65536,\"log\":\""));
  g_assert_nonnull(strstr(lines[2], "\"offset\":100012,\"length\":34464,"));
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(printing.path, 0);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_cmpuint(pino_journal_reader_next(reader, out, 1 << 20), ==, 1 + 4 + 3);
  g_autoptr(GString) all = g_string_new(NULL);
  g_assert_cmpint(collect(out->str, all), ==, 0);
  g_assert_cmpuint(all->len, ==, 100012);
  g_assert_nonnull(strstr(out->str, "\"offset\":16396,\"raw\":\"yyy"));
  g_assert_nonnull(strstr(out->str, "\"offset\":100012,\"raw\":\"yyy"));
}

/* Bytes of which half is text in several alphabets and the rest is anything but NUL, which json-glib's strings end at. */
static GByteArray *random_bytes(gsize length) {
  static const char *const PARTS[] = {"plain ",   "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\xa8",
                                      "\x1b[31m", "\r\n",     "\"\\"};
  GByteArray *bytes = g_byte_array_new();
  while (bytes->len < length) {
    const char *part = PARTS[g_test_rand_int_range(0, G_N_ELEMENTS(PARTS))];
    guint8 byte = (guint8)g_test_rand_int_range(1, 256);
    if (g_test_rand_int_range(0, 4) > 0)
      g_byte_array_append(bytes, (const guint8 *)part, (guint)strlen(part));
    else
      g_byte_array_append(bytes, &byte, 1);
  }
  return bytes;
}

static void print_in_pieces(Printing *printing, const GByteArray *bytes) {
  for (guint at = 0; at < bytes->len;) {
    guint most = g_test_rand_int_range(0, 10) == 0 ? 200000 : g_test_rand_int_range(0, 3) == 0 ? 600 : 5;
    guint length = (guint)g_test_rand_int_range(1, (gint32)most);
    length = MIN(length, bytes->len - at);
    print(printing, bytes->data + at, length);
    at += length;
    /* Another writer takes over, and does not know what came before. */
    if (g_test_rand_int_range(0, 20) == 0) {
      pino_journal_free(printing->journal);
      printing->journal = open_journal(printing->path);
    }
  }
  print(printing, NULL, 0);
}

static void test_random_pieces(void) {
  for (guint round = 0; round < 40; round++) {
    g_auto(TestDir) dir = test_dir_make();
    g_auto(Printing) printing = {0};
    printing_start(&printing, &dir);
    g_autoptr(GByteArray) bytes = random_bytes(round < 30 ? 3000 : 400000);
    print_in_pieces(&printing, bytes);
    g_autofree char *whole = g_utf8_make_valid((const char *)bytes->data, bytes->len);
    g_autofree char *lines = read_from(printing.path, 0, 1 << 16);
    g_autoptr(GString) text = g_string_new(NULL);
    g_assert_cmpint(collect(lines, text), ==, 0);
    g_assert_true(g_str_equal(text->str, whole));

    /* A new reader at each step, from where the last one was. */
    guint64 offset = 0;
    guint count;
    g_string_truncate(text, 0);
    do {
      g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(printing.path, offset);
      g_autoptr(GString) out = g_string_new(NULL);
      count = pino_journal_reader_next(reader, out, 1);
      offset = pino_journal_reader_offset(reader);
      collect(out->str, text);
    } while (count > 0);
    g_assert_true(g_str_equal(text->str, whole));
  }
}

static void test_nul_bytes(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Printing) printing = {0};
  printing_start(&printing, &dir);
  print(&printing, "a\0b", 3);
  print(&printing, "\xe2\x82", 2);
  print(&printing, NULL, 0);
  assert_reads(printing.path, 0,
               "{\"type\":\"stream\",\"index\":2,\"shell\":\"ID\",\"offset\":3,\"raw\":\"a\\u0000b\"}\n"
               "{\"type\":\"stream\",\"index\":2,\"shell\":\"ID\",\"offset\":5,\"raw\":"
               "\"\xef\xbf\xbd\xef\xbf\xbd\"}\n");
}

static void test_log_has_gone(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Printing) printing = {0};
  printing_start(&printing, &dir);
  g_autofree char *text = g_strnfill(30000, 'y');
  print(&printing, text, 30000);
  g_assert_cmpint(truncate(printing.log, 20000), ==, 0);
  g_autofree char *part = read_from(printing.path, 0, 1 << 20);
  g_autoptr(GString) got = g_string_new(NULL);
  g_assert_cmpint(collect(part, got), ==, 10000);
  g_assert_cmpuint(got->len, ==, 20000);
  g_assert_cmpint(g_unlink(printing.log), ==, 0);
  const char *lost =
      "{\"type\":\"stream\",\"index\":2,\"shell\":\"ID\",\"offset\":30000,\"raw\":\"\",\"lost\":30000}\n";
  assert_reads(printing.path, 0, lost);
  g_assert_cmpint(mkfifo(printing.log, 0600), ==, 0);
  assert_reads(printing.path, 0, lost);

  /* Lengths that nobody wrote are not believed. */
  write_to(printing.path, O_TRUNC, "", 0);
  append(printing.journal,
         "{\"type\":\"stream\",\"offset\":9000000000,\"length\":9000000000,\"log\":\"/dev/zero\"}");
  append(printing.journal, "{\"type\":\"stream\",\"offset\":1,\"length\":2,\"log\":\"/dev/zero\"}");
  append(printing.journal, "{\"type\":\"stream\",\"offset\":1,\"length\":-2,\"log\":\"/dev/zero\"}");
  assert_reads(printing.path, 0,
               "{\"type\":\"stream\",\"offset\":9000000000,\"raw\":\"\",\"lost\":9000000000}\n"
               "{\"type\":\"stream\",\"offset\":1,\"raw\":\"\",\"lost\":2}\n"
               "{\"type\":\"stream\",\"offset\":1,\"length\":-2,\"log\":\"/dev/zero\"}\n");
}

/* A home that was moved: the log is beside the journal. */
static void test_moved_home(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_auto(Printing) printing = {0};
  printing_start(&printing, &dir);
  g_autofree char *text = g_strnfill(3000, 'y');
  print(&printing, text, 3000);
  g_autofree char *home = test_path(&dir, "moved");
  g_assert_cmpint(g_mkdir(home, 0700), ==, 0);
  g_autofree char *path = g_build_filename(home, "run.journal", NULL);
  g_autofree char *name = g_path_get_basename(printing.log);
  g_autofree char *log = g_build_filename(home, name, NULL);
  g_assert_cmpint(g_rename(printing.path, path), ==, 0);
  g_assert_cmpint(g_rename(printing.log, log), ==, 0);
  g_autofree char *lines = read_from(path, 0, 1 << 20);
  g_autoptr(GString) got = g_string_new(NULL);
  g_assert_cmpint(collect(lines, got), ==, 0);
  g_assert_cmpstr(got->str, ==, text);
}

/* --- a reader that follows a writer ---- */

static void write_slowly(const TestDir *dir) {
  g_auto(Printing) printing = {0};
  printing_start(&printing, dir);
  for (guint i = 0; i < 3000; i++) {
    g_autofree char *text = g_strdup_printf("%*s%u\n", (int)(i % 700), "", i);
    print(&printing, text, strlen(text));
    if (i % 100 == 0)
      g_usleep(2000);
  }
  append(printing.journal, "{\"type\":\"end\"}");
}

static void test_follows(void) {
  g_auto(TestDir) dir = test_dir_make();
  g_autofree char *path = test_path(&dir, "run.journal");
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0) {
    write_slowly(&dir);
    _exit(0);
  }
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(path, 0);
  g_autoptr(GString) all = g_string_new(NULL);
  gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
  while (!g_str_has_suffix(all->str, "{\"type\":\"end\"}\n") && g_get_monotonic_time() < until)
    if (pino_journal_reader_next(reader, all, all->len + 1000) == 0)
      g_usleep(200);
  int status;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_cmpint(status, ==, 0);
  g_assert_true(g_str_has_suffix(all->str, "{\"type\":\"end\"}\n"));
  g_string_truncate(all, all->len - strlen("{\"type\":\"end\"}\n"));
  g_autoptr(GString) text = g_string_new(NULL);
  g_assert_cmpint(collect(all->str, text), ==, 0);
  g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), ==, 3001);
  for (guint i = 0; i < 3000; i++)
    g_assert_cmpuint(g_ascii_strtoull(g_strchug(lines[i]), NULL, 10), ==, i);
}

/* --- a full disk ---- */

static int write_to_full_disk(const TestDir *dir) {
  const struct rlimit limit = {10000, 10000};
  g_autofree char *path = test_path(dir, "j");
  g_autofree char *line = g_strdup_printf("{\"data\":\"%*s\"}", 1000, "");
  g_autoptr(PinoJournal) journal = open_journal(path);
  signal(SIGXFSZ, SIG_IGN);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
  guint written = 0, lost = 0;
  for (guint i = 0; i < 15; i++) {
    g_autoptr(GError) error = NULL;
    if (pino_journal_append(journal, line, strlen(line), &error)) {
      written++;
    } else {
      g_assert_true(error->domain == PINO_ERRNO && error->code == EFBIG);
      lost++;
    }
  }
  g_assert_cmpuint(written, ==, 9);
  g_assert_cmpint(size_of(path), ==, 10000);
  /* A line that is cut leaves the end free for another writer and for the gap. */
  g_assert_cmpint(truncate(path, 9500), ==, 0);
  append(journal, "{\"after\":1}");
  g_autofree char *got = read_from(path, 0, 1 << 20);
  g_autofree char *end = g_strdup_printf("\n{\"type\":\"gap\",\"lines\":%u}\n{\"after\":1}\n", lost);
  g_assert_true(g_str_has_suffix(got, end));
  g_assert_cmpuint(strlen(got), ==, written * (strlen(line) + 1) + strlen(end) - 1);
  append(journal, "{\"after\":2}");
  g_autofree char *more = read_from(path, 0, 1 << 20);
  g_assert_true(g_str_has_suffix(more, "{\"after\":1}\n{\"after\":2}\n"));
  return 0;
}

/* The disk fills at each byte of a line once, and is free again after. */
static int write_at_every_byte(const TestDir *dir) {
  g_autofree char *path = test_path(dir, "j");
  const char *first = "{\"first\":1}\n", *second = "{\"second\":2}\n", *third = "{\"third\":3}\n";
  signal(SIGXFSZ, SIG_IGN);
  for (rlim_t room = 0; room <= strlen(second); room++) {
    g_unlink(path);
    g_autoptr(PinoJournal) journal = open_journal(path);
    append(journal, first);
    struct rlimit limit = {strlen(first) + room, RLIM_INFINITY};
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    gboolean whole = pino_journal_append(journal, second, strlen(second), NULL);
    g_assert_cmpint(whole, ==, room == strlen(second));
    limit.rlim_cur = RLIM_INFINITY;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    append(journal, third);
    const char *between = room + 1 >= strlen(second) ? second : "{\"type\":\"gap\",\"lines\":1}\n";
    g_autofree char *expected = g_strconcat(first, between, third, NULL);
    assert_reads(path, 0, expected);
  }
  return 0;
}

static int write_to_small_disk(const TestDir *dir) {
  if (!test_small_disk(dir, "."))
    return 0;
  TestDir disk = {test_path(dir, ".")};
  g_autofree char *path = test_path(&disk, "j");
  g_autofree char *big = test_path(&disk, "big");
  g_autofree char *zeros = g_malloc0(700 << 10);
  g_autofree char *line = g_strdup_printf("{\"data\":\"%*s\"}", 5000, "");
  write_to(big, 0, zeros, 700 << 10);
  g_autoptr(PinoJournal) journal = open_journal(path);
  g_autoptr(GError) error = NULL;
  guint lost = 0;
  for (; lost < 3; lost += error != NULL) {
    g_clear_error(&error);
    pino_journal_append(journal, line, strlen(line), &error);
  }
  g_assert_error(error, PINO_ERRNO, ENOSPC);
  g_assert_nonnull(strstr(error->message, "disk full"));
  g_assert_cmpint(g_unlink(big), ==, 0);
  append(journal, "{\"after\":1}");
  g_autofree char *got = read_from(path, 0, 1 << 20);
  g_assert_true(g_str_has_suffix(got, "\"}\n{\"type\":\"gap\",\"lines\":3}\n{\"after\":1}\n"));
  g_free(disk.path);
  return 0;
}

static void test_full_disk(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_in_child(write_to_full_disk, &dir);
  test_in_child(write_at_every_byte, &dir);
  test_in_child(write_to_small_disk, &dir);
}

/* --- much output ---- */

/* Under AddressSanitizer what was freed is kept a while. */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_MAX (300 << 20)
#else
#define MEMORY_MAX (4 << 20)
#endif

static gint64 resident(void) {
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
  g_auto(GStrv) fields = g_strsplit(text, " ", -1);
  return g_ascii_strtoll(fields[1], NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int read_much(const TestDir *dir) {
  const gsize total = 100 << 20, piece = 65536;
  g_auto(Printing) printing = {0};
  printing_start(&printing, dir);
  g_autofree char *text = g_malloc(piece);
  for (gsize i = 0; i < piece; i++)
    text[i] = i % 80 == 79 ? '\n' : (char)('a' + i % 26);
  for (gsize done = 0; done < total; done += piece)
    print(&printing, text, piece);
  gint64 journal = size_of(printing.path);
  g_assert_cmpint(journal, <, 512 << 10);

  gint64 before = resident(), most = 0, start = g_get_monotonic_time();
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(printing.path, 0);
  g_autoptr(GString) out = g_string_new(NULL);
  gsize bytes = 0;
  while (pino_journal_reader_next(reader, out, 65536) > 0) {
    g_assert_cmpuint(out->len, <, 65536 + 80000);
    for (const char *at = out->str; (at = strstr(at, "\"raw\":\"")) != NULL; at++)
      bytes++;
    most = MAX(most, resident());
    g_string_truncate(out, 0);
  }
  g_test_message("journal: %d KiB; read in %d ms; memory: %d KiB more", (int)(journal >> 10),
                 (int)((g_get_monotonic_time() - start) / 1000), (int)((most - before) >> 10));
  g_assert_cmpuint(bytes, ==, total / 16384);
  g_assert_cmpint(most - before, <, MEMORY_MAX);
  return 0;
}

static void test_much_output(void) {
  g_auto(TestDir) dir = test_dir_make();
  test_in_child(read_much, &dir);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/journal/lines-from-any-byte", test_lines);
  g_test_add_func("/state/journal/passes-over-what-is-no-object", test_passes_over_nonsense);
  g_test_add_func("/state/journal/line-cut-by-a-crash", test_crash);
  g_test_add_func("/state/journal/long-lines", test_long_lines);
  g_test_add_func("/state/journal/deleted-replaced-cut", test_file_changes);
  g_test_add_func("/state/journal/scan", test_scan);
  g_test_add_func("/state/journal/short-as-text-long-as-reference", test_short_and_long);
  g_test_add_func("/state/journal/random-pieces-read-as-the-whole", test_random_pieces);
  g_test_add_func("/state/journal/nul-bytes-and-a-cut-end", test_nul_bytes);
  g_test_add_func("/state/journal/log-has-gone", test_log_has_gone);
  g_test_add_func("/state/journal/moved-home", test_moved_home);
  g_test_add_func("/state/journal/reader-follows-a-writer", test_follows);
  g_test_add_func("/state/journal/gap-after-a-full-disk", test_full_disk);
  g_test_add_func("/state/journal/100-mb-of-output", test_much_output);
  return g_test_run();
}
