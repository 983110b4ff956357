/* ENVIRONMENT files: what is read from them, and what stays of them when they change. */
#include "environment/dotenv.h"

#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  const char *text, *key, *value; /* value NULL: no such key */
} Reading;

static const Reading READINGS[] = {
    {"A=1\n", "A", "1"},
    {"A=1", "A", "1"},
    {"  export A = one two  \n", "A", "one two"},
    {"export=1\n", "export", "1"},
    {"A=\n", "A", ""},
    {"A= # none\n", "A", ""},
    {"A=1 # one\n", "A", "1"},
    {"A=#fff\n", "A", "#fff"},
    {"A=http://h/#x\n", "A", "http://h/#x"},
    {"A=b=c\n", "A", "b=c"},
    {"A='it # is' # c\n", "A", "it # is"},
    {"A='a\\n'\n", "A", "a\\n"},
    {"A=`a'b\"c`\n", "A", "a'b\"c"},
    {"A=\"a\\nb\\\"c\\\\d\\e\"\n", "A", "a\nb\"c\\d\\e"},
    {"A=\"one\ntwo\" # c\nB=2\n", "A", "one\ntwo"},
    {"A=\"one\ntwo\"\nB=2\n", "B", "2"},
    {"A=\"open\nB=2\n", "A", "\"open"},
    {"A=\"open\nB=2\n", "B", "2"},
    {"A='x' y\n", "A", "'x' y"},
    {"A=1\r\nB=2\r\n", "A", "1"},
    {"A=1\r\nB=2\r\n", "B", "2"},
    {"A=1\rB=2\r", "B", "2"},
    {"\xef\xbb\xbf"
     "A=1\n",
     "A", "1"},
    {"A=1\nA=2\n", "A", "2"},
    {"A=1\nA=\n", "A", ""},
    {"# A=1\n", "A", NULL},
    {"A B=1\n", "A", NULL},
    {"A B=1\n", "B", NULL},
    {"=1\n", "", NULL},
    {"just words\n", "just", NULL},
    {"A.b-c=1\n", "A.b-c", "1"},
    {"", "A", NULL},
};

static void test_reads(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(READINGS); i++) {
    g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(READINGS[i].text, -1);
    g_test_message("%s in %s", READINGS[i].key, READINGS[i].text);
    g_assert_cmpstr(pino_dotenv_get(dotenv, READINGS[i].key), ==, READINGS[i].value);
    g_autofree char *text = pino_dotenv_to_text(dotenv, NULL);
    g_assert_cmpstr(text, ==, READINGS[i].text);
  }
}

static void test_reads_utf16(void) {
  g_autoptr(PinoDotenv) little = pino_dotenv_parse("\xff\xfe"
                                                   "A\0=\0"
                                                   "1\0\n\0",
                                                   10);
  g_assert_cmpstr(pino_dotenv_get(little, "A"), ==, "1");
  g_autoptr(PinoDotenv) odd = pino_dotenv_parse("\xff\xfe"
                                                "A",
                                                3);
  gsize len = 0;
  g_autofree char *text = pino_dotenv_to_text(odd, &len);
  g_assert_cmpmem(text, (int)len,
                  "\xff\xfe"
                  "A",
                  3);
}

static void test_keeps_bytes_with_zero(void) {
  static const char raw[] = "A=1\0 2\nB=\"x\0y\"\nC=3\n";
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(raw, sizeof raw - 1);
  g_assert_null(pino_dotenv_get(dotenv, "A"));
  g_assert_cmpstr(pino_dotenv_get(dotenv, "C"), ==, "3");
  gsize len = 0;
  g_autofree char *text = pino_dotenv_to_text(dotenv, &len);
  g_assert_cmpmem(text, (int)len, raw, sizeof raw - 1);
}

typedef struct {
  const char *before;
  const char *key[3], *value[3];
  const char *after;
} Change;

static const Change CHANGES[] = {
    {"OLD=1\n", {"NEW_KEY"}, {"v1"}, "OLD=1\n\nNEW_KEY=v1\n"},
    {"# keep me\nA=1\nC=3\n", {"A", "B"}, {"2", "x y"}, "# keep me\nA=2\nC=3\n\nB=x y\n"},
    {"", {"A", "B"}, {"1", "2"}, "A=1\nB=2\n"},
    {"OLD=1", {"A", "B"}, {"1", "2"}, "OLD=1\n\nA=1\nB=2"},
    {"A=1\r\n", {"B"}, {"2"}, "A=1\r\n\r\nB=2\r\n"},
    {"export A = 'x' # why\n", {"A"}, {"y"}, "export A = y # why\n"},
    {"A='x'#why\n", {"A"}, {"y"}, "A=y #why\n"},
    {"A= # why\n", {"A"}, {"y"}, "A=y # why\n"},
    {"A=1\nA=2\nnot a line\n", {"A"}, {"3"}, "A=1\nA=3\nnot a line\n"},
    {"A=\"one\ntwo\"\nB=1\n", {"A"}, {"three"}, "A=three\nB=1\n"},
    {"\xef\xbb\xbf"
     "A=1\n",
     {"A"},
     {"2"},
     "\xef\xbb\xbf"
     "A=2\n"},
    {"A=1\n", {"A"}, {""}, "A=\n"},
    {"A=1\n", {"A"}, {"a#b"}, "A='a#b'\n"},
    {"A=1\n", {"A"}, {"it's"}, "A=it's\n"},
    {"A=1\n", {"A"}, {"it's #1"}, "A=\"it's #1\"\n"},
    {"A=1\n", {"A"}, {"a\nb"}, "A=\"a\\nb\"\n"},
    {"A=1\n", {"A"}, {" a "}, "A=' a '\n"},
    {"A=1\n", {"A"}, {"\"q\""}, "A='\"q\"'\n"},
};

static void test_changes(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(CHANGES); i++) {
    g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(CHANGES[i].before, -1);
    for (gsize k = 0; CHANGES[i].key[k]; k++) {
      g_autoptr(GError) error = NULL;
      pino_dotenv_set(dotenv, CHANGES[i].key[k], CHANGES[i].value[k], &error);
      g_assert_no_error(error);
    }
    g_autofree char *text = pino_dotenv_to_text(dotenv, NULL);
    g_assert_cmpstr(text, ==, CHANGES[i].after);
  }
}

/* Any value is read back as it was set, from a new line as from an old one. */
static void test_values_come_back(void) {
  static const char PIECES[] = " \t'\"`#\\\n\r=$ab\xc3\xa9\xff";
  for (int round = 0; round < 20000; round++) {
    char value[8] = "";
    int len = g_test_rand_int_range(0, sizeof value);
    for (int i = 0; i < len; i++)
      value[i] = PIECES[g_test_rand_int_range(0, sizeof PIECES - 1)];
    value[len] = '\0';
    g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse("OLD='x' # c\n", -1);
    g_assert_true(pino_dotenv_set(dotenv, "OLD", value, NULL));
    g_assert_true(pino_dotenv_set(dotenv, "NEW", value, NULL));
    g_autofree char *text = pino_dotenv_to_text(dotenv, NULL);
    g_autoptr(PinoDotenv) again = pino_dotenv_parse(text, -1);
    g_assert_cmpstr(pino_dotenv_get(again, "OLD"), ==, value);
    g_assert_cmpstr(pino_dotenv_get(again, "NEW"), ==, value);
  }
}

static void test_unset(void) {
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse("A=1\n# c\nB=2\nA=3\n", -1);
  g_assert_true(pino_dotenv_unset(dotenv, "A"));
  g_assert_false(pino_dotenv_unset(dotenv, "A"));
  g_autofree char *text = pino_dotenv_to_text(dotenv, NULL);
  g_assert_cmpstr(text, ==, "# c\nB=2\n");
}

static void test_refuses_keys(void) {
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse("", -1);
  const char *keys[] = {"", "A B", "A=B", "A\nB", "#A", "\xc3\xa9"};
  for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(pino_dotenv_set(dotenv, keys[i], "1", &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
}

static void test_keys_and_paths(void) {
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse("B=./x/../y\nA= \nB=./z\nC=./\nD=.x\n", -1);
  g_auto(GStrv) keys = pino_dotenv_keys(dotenv);
  g_autofree char *joined = g_strjoinv(",", keys);
  g_assert_cmpstr(joined, ==, "B,A,C,D");
  g_autofree char *b = pino_dotenv_resolve(dotenv, "B", "/home/app");
  g_assert_cmpstr(b, ==, "/home/app/z");
  g_autofree char *c = pino_dotenv_resolve(dotenv, "C", "/home/app");
  g_assert_cmpstr(c, ==, "/home/app");
  g_autofree char *d = pino_dotenv_resolve(dotenv, "D", "/home/app");
  g_assert_cmpstr(d, ==, ".x");
  g_assert_null(pino_dotenv_resolve(dotenv, "A", "/home/app"));
  g_assert_null(pino_dotenv_resolve(dotenv, "X", "/home/app"));
}

/* A file with keys in it is for its owner alone, and stays where a link put it. */
static void test_files(void) {
  g_autofree char *folder = g_dir_make_tmp("dotenv-XXXXXX", NULL);
  g_autofree char *real = g_build_filename(folder, "kept", NULL);
  g_autofree char *link = g_build_filename(folder, "ENVIRONMENT", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(symlink("kept", link), ==, 0);

  g_autoptr(PinoDotenv) dotenv = pino_dotenv_load(link, &error);
  g_assert_no_error(error);
  g_assert_true(pino_dotenv_set(dotenv, "A", "1", &error));
  g_assert_true(pino_dotenv_save(dotenv, link, &error));
  g_assert_no_error(error);
  g_assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
  struct stat info;
  g_assert_cmpint(stat(real, &info), ==, 0);
  g_assert_cmpint(info.st_mode & 0777, ==, 0600);

  g_assert_true(g_file_set_contents(real, "B=2\n", -1, NULL));
  g_chmod(real, 0644);
  g_assert_true(pino_dotenv_save(dotenv, link, NULL));
  g_assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
  g_assert_cmpint(stat(real, &info), ==, 0);
  g_assert_cmpint(info.st_mode & 0777, ==, 0600);

  g_assert_null(pino_dotenv_load(folder, &error));
  g_assert_nonnull(error);
  g_unlink(link);
  g_unlink(real);
  g_rmdir(folder);
}

static void test_comments(void) {
  static const struct {
    const char *text, *key, *comment;
  } cases[] = {
      {"# one\n#two  \nA=1\n", "A", "one\ntwo"},
      {"# of B\nB=1\nA=1\n", "A", ""},
      {"# apart\n\nA=1\n", "A", ""},
      {"####\n#\n# first\n#  ----\n# second\n####\nexport A='x'\n", "A", "first\n\nsecond"},
      {"\xef\xbb\xbf# mark\r\nA=1\r\n", "A", "mark"},
      {"# early\nA=1\n# late\nA=2\n", "A", "late"},
      {"# gr\xc3\xbc\xc3\x9f\nA=1\n# end", "A", "gr\xc3\xbc\xc3\x9f"},
      {"#B=2\nA=1\n", "A", "B=2"},
      {"A=1\n", "A", ""},
      {"# x\nA=1\n", "NO", ""},
      {"B=\"\n# in a value\n\"\nA=1\n", "A", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse(cases[i].text, -1);
    g_autofree char *comment = pino_dotenv_comment(dotenv, cases[i].key);
    g_assert_cmpstr(comment, ==, cases[i].comment);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/dotenv/reads", test_reads);
  g_test_add_func("/dotenv/reads-utf16", test_reads_utf16);
  g_test_add_func("/dotenv/keeps-bytes-with-zero", test_keeps_bytes_with_zero);
  g_test_add_func("/dotenv/changes-keep-the-rest", test_changes);
  g_test_add_func("/dotenv/values-come-back", test_values_come_back);
  g_test_add_func("/dotenv/unset", test_unset);
  g_test_add_func("/dotenv/refuses-keys", test_refuses_keys);
  g_test_add_func("/dotenv/keys-and-paths", test_keys_and_paths);
  g_test_add_func("/dotenv/files", test_files);
  g_test_add_func("/dotenv/comments", test_comments);
  return g_test_run();
}
