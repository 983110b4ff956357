/* Terminal control is taken out, however the stream is cut. */
#include "terminal/ansi.h"

#include <string.h>

#define LONG_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
  const char *in, *out;
} CASES[] = {
    {"plain text\n\ttab", "plain text\n\ttab"},
    {LONG_A "\x1b[31mred\x1b[0m " LONG_A, LONG_A "red " LONG_A},
    {"a\x1b[?2004hb\x1b[>4;2mc\x1b[!pd\x1b[38:2::1:2:3me", "abcde"},
    {"a\x1b]0;title\x07"
     "b\x1b]8;;http://x\x1b\\c",
     "abc"},
    {"a\x1bPq#0;2;0\x1b\\b\x1b_Gf=1;AA\x1b\\c\x1b^pm\x1b\\d\x1bXsos\x1b\\e", "abcde"},
    {"a\x1b"
     "7b\x1b"
     "8c\x1b=d\x1b>e\x1b(Bf\x1b%Gg\x1b#8h\x1b"
     "Mi",
     "abcdefghi"},
    {"a\xc2\x9b"
     "31mb\xc2\x9d"
     "0;t\xc2\x9c"
     "c\xc2\x90q\x1b\\d",
     "abcd"},
    {"\xc2\xa9\xc2\xb0\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x8e\x89",
     "\xc2\xa9\xc2\xb0\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x8e\x89"},
    {"a\r\nb\rc\r\r\nd\re", "a\nb\nc\nd\ne"},
    {"50%\r\x1b[K100%\r\x1b[K\n", "50%\n100%\n"},
    {"a\x08\x07\x7f\x0e\x0f\x01"
     "b",
     "ab"},
    {"a\vb\fc\x1b"
     "Ed\xc2\x85"
     "e",
     "a\nb\nc\nd\ne"},
    {"a\x1b[3\x18"
     "1mb\x1b[3\x1a"
     "c",
     "a1mbc"},
    {"a\x1b[3\n1mb", "a\nb"},
    {"a\x1b\x1b[1mb\x1b[3\x1b[1mc", "abc"},
    {"a\x1b]0;broken off\x1b[1mb", "ab"},
    {"a\x1b]0;t\xc2\xa9t\xc2\x9c"
     "b",
     "ab"},
    {"a\x1b]0;t\x18"
     "b",
     "ab"},
    {"a\x1bPx\x07y\x1b\\b", "ab"},
    {"a\x1b[\xc3\xa9"
     "b",
     "a\xc3\xa9"
     "b"},
    {"a\x1b[31", "a"},
    {"a\r", "a\n"},
    {"a\xc2", "a\xc2"},
    {"", ""},
};

static char *filter_by(const char *in, gsize len, gsize (*next)(gsize left), gsize *out_len) {
  PinoAnsi ansi;
  GString *out = g_string_new(NULL);
  pino_ansi_init(&ansi, NULL, NULL);
  for (gsize at = 0; at < len;) {
    gsize size = next(len - at);
    /* A copy of its own, so that a sanitizer sees a byte read beyond the chunk. */
    g_autofree char *chunk = g_memdup2(in + at, size);
    pino_ansi_filter(&ansi, chunk, size, out);
    at += size;
  }
  pino_ansi_finish(&ansi, out);
  pino_ansi_clear(&ansi);
  if (out_len)
    *out_len = out->len;
  return g_string_free(out, FALSE);
}

static gsize all(gsize left) {
  return left;
}

static gsize one(gsize left) {
  return 1;
}

static gsize some(gsize left) {
  gsize size = (gsize)g_test_rand_int_range(1, 40);
  return size < left ? size : left;
}

static void test_cases(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *whole = filter_by(CASES[i].in, strlen(CASES[i].in), all, NULL);
    g_assert_cmpstr(whole, ==, CASES[i].out);
    g_autofree char *bytes = filter_by(CASES[i].in, strlen(CASES[i].in), one, NULL);
    g_assert_cmpstr(bytes, ==, CASES[i].out);
  }
}

static void test_any_cut(void) {
  static const char *const PIECES[] = {"\x1b", "[",    "]",    "31",   "m",    "\x07", "\\",       "\r",
                                       "\n",   "\xc2", "\x9b", "\x9d", "P",    "\x9c", "\xc3\xa9", "text",
                                       "\x18", " ",    "(",    "\x00", "\xff", LONG_A};
  for (int round = 0; round < 3000; round++) {
    g_autoptr(GString) in = g_string_new(NULL);
    for (int i = g_test_rand_int_range(0, 60); i > 0; i--) {
      const char *piece = PIECES[g_test_rand_int_range(0, G_N_ELEMENTS(PIECES))];
      g_string_append_len(in, piece, *piece ? (gssize)strlen(piece) : 1);
    }
    gsize whole_len, bytes_len, some_len;
    g_autofree char *whole = filter_by(in->str, in->len, all, &whole_len);
    g_autofree char *bytes = filter_by(in->str, in->len, one, &bytes_len);
    g_autofree char *cut = filter_by(in->str, in->len, some, &some_len);
    g_assert_cmpmem(whole, (int)whole_len, bytes, (int)bytes_len);
    g_assert_cmpmem(whole, (int)whole_len, cut, (int)some_len);
    g_assert_null(memchr(whole, 0x1b, whole_len));
    g_assert_null(memchr(whole, '\r', whole_len));
  }
}

static void keep_osc(const char *payload, gsize len, gsize position, gpointer data) {
  g_string_append_printf(data, "%" G_GSIZE_FORMAT ":%.*s|", position, (int)len, payload);
}

static void test_osc(void) {
  static const char in[] = "ab\x1b]133;A\x07"
                           "c\x1b]\x1b\\\xc2\x9d"
                           "t\xc2\xa9\xc2\x9c"
                           "d\x1b]gone\x1b[1m\x1bPno\x1b\\";
  for (gsize size = 1; size < sizeof in; size++) {
    g_autoptr(GString) told = g_string_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    PinoAnsi ansi;
    pino_ansi_init(&ansi, keep_osc, told);
    for (gsize at = 0; at < sizeof in - 1; at += size)
      pino_ansi_filter(&ansi, in + at, MIN(size, sizeof in - 1 - at), out);
    pino_ansi_clear(&ansi);
    g_assert_cmpstr(told->str, ==, "2:133;A|3:|3:t\xc2\xa9|");
    g_assert_cmpstr(out->str, ==, "abcd");
  }
}

/* A long OSC is passed over, one that never ends does not swallow all that comes. */
static void test_bounds(void) {
  g_autoptr(GString) told = g_string_new(NULL);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autofree char *block = g_strnfill(1024 * 1024, 'x');
  PinoAnsi ansi;
  pino_ansi_init(&ansi, keep_osc, told);
  pino_ansi_filter(&ansi, "\x1b]", 2, out);
  pino_ansi_filter(&ansi, block, 1024 * 1024, out);
  pino_ansi_filter(&ansi,
                   "\x07"
                   "after",
                   6, out);
  g_assert_cmpstr(out->str, ==, "after");
  g_assert_cmpuint(told->len, ==, 0);
  pino_ansi_filter(&ansi, "\x1b]", 2, out);
  for (int i = 0; i < 17; i++)
    pino_ansi_filter(&ansi, block, 1024 * 1024, out);
  g_assert_cmpuint(out->len, ==, 5 + 1024 * 1024);
  pino_ansi_clear(&ansi);
}

static double rate(const char *text, gsize len) {
  g_autoptr(GString) out = g_string_sized_new(len + 1);
  PinoAnsi ansi;
  pino_ansi_init(&ansi, NULL, NULL);
  gint64 before = g_get_monotonic_time();
  for (int i = 0; i < 16; i++) {
    g_string_truncate(out, 0);
    pino_ansi_filter(&ansi, text, len, out);
  }
  gint64 took = g_get_monotonic_time() - before;
  pino_ansi_clear(&ansi);
  return 16.0 * (double)len / (double)MAX(took, 1) / 1000;
}

static void test_speed(void) {
  g_autoptr(GString) lines = g_string_new(NULL), coloured = g_string_new(NULL);
  while (lines->len < 16 * 1024 * 1024) {
    g_string_append(lines,
                    "Collecting torch==2.4.0 (from -r requirements.txt (line 3)), 79.7 MB/s, done\r\n");
    g_string_append(coloured,
                    "\x1b[32mINFO\x1b[0m:     \x1b[1m127.0.0.1:4567\x1b[0m - \"GET / HTTP/1.1\" 200 OK\r\n");
  }
  g_autofree char *plain = g_strnfill(16 * 1024 * 1024, 'x');
  g_test_message("plain %.2f GB/s, lines %.2f GB/s, coloured %.2f GB/s", rate(plain, 16 * 1024 * 1024),
                 rate(lines->str, lines->len), rate(coloured->str, coloured->len));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ansi/cases", test_cases);
  g_test_add_func("/ansi/any-cut-is-the-same", test_any_cut);
  g_test_add_func("/ansi/osc-is-told", test_osc);
  g_test_add_func("/ansi/bounds", test_bounds);
  if (g_test_perf())
    g_test_add_func("/ansi/speed", test_speed);
  return g_test_run();
}
