/* Pages are found in what frameworks print, nothing is found in what looks like it, and whatever comes, memory and time
 * stay small. */
#include "cases.h"

#include <locale.h>
#include <malloc.h>
#include <string.h>

#include "detect/frameworks.h"

static const char *const OWN[] = {"192.0.2.10", "my-machine", "2001:db8::1", NULL};

typedef struct {
  GString *all; /* "RANK FRAMEWORK URL\n" for each */
  char *framework, *url, *public_url;
  int rank;
} Seen;

static void seen_clear(Seen *seen) {
  g_string_free(seen->all, TRUE);
  g_free(seen->framework);
  g_free(seen->url);
  g_free(seen->public_url);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Seen, seen_clear)

static void on_found(const PinoFound *found, gpointer data) {
  Seen *seen = data;
  g_assert_true((found->url != NULL) != (found->public_url != NULL));
  g_assert_cmpint(found->rank, >, 0);
  g_assert_cmpint(found->port, >, 0);
  g_string_append_printf(seen->all, "%d %s %s%s\n", found->rank, found->framework,
                         found->url != NULL ? "" : "public ",
                         found->url != NULL ? found->url : found->public_url);
  if (found->public_url != NULL) {
    g_free(seen->public_url);
    seen->public_url = g_strdup(found->public_url);
  }
  if (found->rank <= seen->rank || (found->public_url != NULL && seen->url != NULL))
    return;
  g_free(seen->framework);
  g_free(seen->url);
  seen->framework = g_strdup(found->framework);
  seen->url = g_strdup(found->url);
  seen->rank = found->rank;
}

/* Each chunk is a copy of its own, so that a sanitizer sees a byte read beyond it. */
static void feed(PinoDetector *detector, const char *text, gsize length, Seen *seen) {
  g_autofree char *chunk = g_memdup2(text, length);
  if (length > 0)
    pino_detector_feed(detector, chunk, length, on_found, seen);
}

/* cut: where the text is cut in two; step: into how many bytes each. */
static Seen look(const char *text, gsize length, gsize cut, gsize step) {
  Seen seen = {.all = g_string_new(NULL)};
  g_autoptr(PinoDetector) detector = pino_detector_new(OWN);
  feed(detector, text, cut, &seen);
  for (gsize at = cut; at < length; at += MIN(step, length - at))
    feed(detector, text + at, MIN(step, length - at), &seen);
  return seen;
}

static Seen look_whole(const char *text) {
  return look(text, strlen(text), 0, G_MAXSIZE);
}

static char *with_crlf(const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  return g_strjoinv("\r\n", lines);
}

/* --- what is found ------------------------------------------------------------------------------------ */

static void check_every_cut(const char *text, const char *expected) {
  gsize length = strlen(text);
  for (gsize cut = 1; cut < length; cut++) {
    g_auto(Seen) seen = look(text, length, cut, G_MAXSIZE);
    g_assert_cmpstr(seen.all->str, ==, expected);
  }
  g_auto(Seen) bytes = look(text, length, 0, 1);
  g_assert_cmpstr(bytes.all->str, ==, expected);
}

static void test_found(gconstpointer data) {
  const FoundCase *one = data;
  g_auto(Seen) seen = look_whole(one->text);
  g_assert_cmpstr(seen.url, ==, one->url);
  g_assert_cmpstr(seen.framework, ==, one->framework);
  g_assert_cmpint(seen.rank, ==, one->rank);
  check_every_cut(one->text, seen.all->str);
  g_autofree char *crlf = with_crlf(one->text);
  g_auto(Seen) second = look_whole(crlf);
  g_assert_cmpstr(second.all->str, ==, seen.all->str);
}

static void test_public(gconstpointer data) {
  const FoundCase *one = data;
  g_auto(Seen) seen = look_whole(one->text);
  g_assert_cmpstr(seen.public_url, ==, one->url);
  g_assert_cmpstr(seen.framework, ==, one->framework);
  g_assert_null(seen.url);
  check_every_cut(one->text, seen.all->str);
}

static void test_nothing(gconstpointer data) {
  const NothingCase *one = data;
  g_auto(Seen) seen = look_whole(one->text);
  g_assert_cmpstr(seen.all->str, ==, "");
  check_every_cut(one->text, "");
}

/* All of them as the output of one app, in one go: none depends on what another left behind but by its own lines. */
static void test_all_at_once(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (const NothingCase *one = LOOK_ALIKES; one->name != NULL; one++)
    g_string_append(text, one->text);
  g_auto(Seen) seen = look_whole(text->str);
  g_assert_cmpstr(seen.all->str, ==, "");
}

/* --- how it is told ----------------------------------------------------------------------------------- */

static void test_once(void) {
  g_auto(Seen) seen =
      look_whole("http://localhost:3000\nServer running on port 3000\nhttp://localhost:3000\n"
                 "Local URL: http://localhost:3000\nLocal URL: http://localhost:3000/\n"
                 "Visit http://localhost:3000/other\nLocal URL: http://localhost:3000/more\n");
  g_assert_cmpstr(seen.all->str, ==,
                  "40 (null) http://localhost:3000\n60 (null) http://localhost:3000\n"
                  "100 Streamlit http://localhost:3000\n100 Streamlit http://localhost:3000/more\n");
}

static void test_unfinished_line(void) {
  Seen seen = {.all = g_string_new(NULL)};
  g_autoptr(PinoDetector) detector = pino_detector_new(NULL);
  static const char first[] = "Local URL: http://localhost:78", second[] = "60", third[] = "/lab\n";
  feed(detector, first, strlen(first), &seen);
  feed(detector, second, strlen(second), &seen);
  g_assert_cmpstr(seen.all->str, ==, "");
  pino_detector_feed(detector, "", 0, on_found, &seen);
  pino_detector_feed(detector, NULL, 0, on_found, &seen);
  g_assert_cmpstr(seen.all->str, ==, "100 Streamlit http://localhost:7860\n");
  feed(detector, third, strlen(third), &seen);
  g_assert_cmpstr(seen.all->str, ==,
                  "100 Streamlit http://localhost:7860\n100 Streamlit http://localhost:7860/lab\n");
  seen_clear(&seen);
}

static void test_many_addresses(void) {
  Seen seen = {.all = g_string_new(NULL)};
  g_autoptr(PinoDetector) detector = pino_detector_new(NULL);
  for (guint i = 0; i < 1000; i++) {
    g_autofree char *line =
        g_strdup_printf("http://localhost:3000/page/%u\nhttp://127.0.0.1:3000/?n=%u\n", i, i);
    feed(detector, line, strlen(line), &seen);
  }
  g_assert_cmpstr(seen.all->str, ==, "40 (null) http://localhost:3000/page/0\n");
  seen_clear(&seen);
}

/* --- bounds ------------------------------------------------------------------------------------------- */

static void count_found(const PinoFound *found, gpointer data) {
  (*(guint *)data)++;
}

/* What a detector holds after a flood; mallinfo2 counts nothing under a sanitizer, where leaks are seen anyway. */
static gsize memory_after(const char *text, gsize length, gsize total, guint *found) {
  gsize before = mallinfo2().uordblks;
  g_autoptr(PinoDetector) detector = pino_detector_new(NULL);
  for (gsize done = 0; done < total; done += length)
    pino_detector_feed(detector, text, length, count_found, found);
  pino_detector_feed(detector, "", 0, count_found, found);
  gsize after = mallinfo2().uordblks;
  return after > before ? after - before : 0;
}

static void test_line_without_end(void) {
  static const char *const LINES[] = {
      "a",      "http://",    "http://localhost:3000/", "port 1 ",  "localhost:1 ",
      "[::1]:", ":",          "https://x.gradio.live ", "\x1b[31m", "\xe2\x9e\x9c ",
      "[",      "at http:// "};
  for (gsize i = 0; i < G_N_ELEMENTS(LINES); i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < 64 * 1024)
      g_string_append(text, LINES[i]);
    guint found = 0;
    g_assert_cmpuint(memory_after(text->str, text->len, 4 * 1024 * 1024, &found), <, 512 * 1024);
    g_assert_cmpuint(found, <=, 1);
  }
}

/* An address is found wherever it stands in a long line, whole, and once. */
static void test_long_line(void) {
  for (gsize before = PINO_DETECT_LINE - 60; before < PINO_DETECT_LINE + 10; before++) {
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < before)
      g_string_append_c(text, '.');
    g_string_append(text, " Running on local URL:  http://127.0.0.1:7860/?a=0123456789 ");
    while (text->len < 3 * PINO_DETECT_LINE)
      g_string_append_c(text, '.');
    g_string_append_c(text, '\n');
    g_auto(Seen) whole = look(text->str, text->len, 0, G_MAXSIZE), cut = look(text->str, text->len, 1, 1009);
    g_assert_cmpstr(whole.all->str, ==, "100 Gradio http://127.0.0.1:7860/?a=0123456789\n");
    g_assert_cmpstr(cut.all->str, ==, whole.all->str);
  }
}

/* A piece of a long line that begins or ends with an address is not a line that says nothing else. */
static void test_piece_is_no_line(void) {
  for (gsize before = 1; before < PINO_DETECT_LINE; before += before < 5600 ? 100 : 1) {
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < before)
      g_string_append_c(text, 'a');
    g_string_append(text, " http://localhost:3000 ");
    while (text->len < PINO_DETECT_LINE + 2100)
      g_string_append_c(text, '.');
    g_string_append_c(text, '\n');
    g_auto(Seen) whole = look(text->str, text->len, 0, G_MAXSIZE), cut = look(text->str, text->len, 1, 1009);
    g_assert_cmpstr(whole.all->str, ==, "");
    g_assert_cmpstr(cut.all->str, ==, "");
  }
}

/* What stands too far above is forgotten, whether it came in the same piece or not. */
static void test_far_banner(void) {
  g_autoptr(GString) text = g_string_new("  VITE v5.4.1  ready in 312 ms\n");
  while (text->len < PINO_DETECT_HISTORY + 100)
    g_string_append(text, "transforming...\n");
  g_string_append(text, "  Local:   http://localhost:5173/\n");
  g_auto(Seen) whole = look_whole(text->str), bytes = look(text->str, text->len, 0, 1);
  g_assert_cmpstr(whole.all->str, ==, "60 (null) http://localhost:5173\n");
  g_assert_cmpstr(bytes.all->str, ==, whole.all->str);
}

static void test_long_address(void) {
  g_autoptr(GString) text = g_string_new("Local URL: http://localhost:3000/");
  for (int i = 0; i < PINO_DETECT_URL; i++)
    g_string_append_c(text, 'a');
  g_string_append(text, "\nLocal URL: http://localhost:3001/\n");
  g_auto(Seen) seen = look_whole(text->str);
  g_assert_cmpstr(seen.all->str, ==, "100 Streamlit http://localhost:3001\n");
}

static void test_any_bytes(void) {
  static const char *const PARTS[] = {"http://",   "localhost", "127.0.0.1", ":",    "[::1]", "3000",  "/",
                                      "Local URL", "port ",     " on ",      "\n",   "\r",    "\x1b[", "\xc2",
                                      "\xff",      "running",   "at:\n",     "0.0.", ",",     "(",     "]"};
  for (int round = 0; round < 400; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 60; i++) {
      if (g_test_rand_int_range(0, 8) == 0)
        g_string_append_c(text, (char)g_test_rand_int_range(0, 256));
      else
        g_string_append(text, PARTS[g_test_rand_int_range(0, G_N_ELEMENTS(PARTS))]);
    }
    gsize cut = (gsize)g_test_rand_int_range(0, (gint32)text->len), step = (gsize)g_test_rand_int_range(1, 9);
    g_auto(Seen) whole = look(text->str, text->len, 0, G_MAXSIZE);
    g_auto(Seen) pieces = look(text->str, text->len, cut, step);
    g_assert_cmpstr(pieces.all->str, ==, whole.all->str);
    g_assert_true(g_str_is_ascii(whole.all->str));
  }
}

/* --- speed -------------------------------------------------------------------------------------------- */

static double megabytes_a_second(const char *text, gsize length) {
  guint found = 0;
  gsize total = 100 * 1024 * 1024;
  gint64 start = g_get_monotonic_time();
  memory_after(text, length, total, &found);
  return (double)total / (double)(g_get_monotonic_time() - start);
}

static void test_speed(void) {
  g_autoptr(GString) plain = g_string_new(NULL), dense = g_string_new(NULL), dots = g_string_new(NULL);
  while (plain->len < 64 * 1024)
    g_string_append_printf(plain,
                           "2026-01-01 10:00:%02zu,123 INFO model.loader: step %zu of 9000, loss=0.123\n",
                           plain->len % 60, plain->len);
  while (dots->len < 64 * 1024)
    g_string_append_c(dots, '.');
  while (dense->len < 64 * 1024)
    g_string_append_printf(dense,
                           "INFO: 127.0.0.1:52314 - \"GET http://localhost:8000/file/%zu HTTP/1.1\" 200 OK\n",
                           dense->len);
  double speed = megabytes_a_second(plain->str, plain->len);
  g_test_maximized_result(speed, "%.0f MB/s of lines without an address (200 wanted)", speed);
  g_assert_cmpfloat(speed, >=, 200);
  speed = megabytes_a_second(dots->str, dots->len);
  g_test_maximized_result(speed, "%.0f MB/s of a line without end", speed);
  speed = megabytes_a_second(dense->str, dense->len);
  g_test_maximized_result(speed, "%.0f MB/s of lines that all name an address", speed);
}

/* --- the table ---------------------------------------------------------------------------------------- */

static void test_table(void) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (const PinoFramework *row = pino_frameworks(); row->before != NULL; row++) {
    g_assert_true(row->framework != NULL || (row->flags & PINO_FRAMEWORK_BANNER) != 0);
    g_assert_cmpstr(row->before, !=, "");
    g_assert_true(row->rank == UI || row->rank == SERVER || row->rank == API);
    g_assert_true(row->source != NULL && *row->source != '\0');
    if (row->framework != NULL)
      g_hash_table_add(names, (gpointer)row->framework);
  }
  g_assert_cmpuint(g_hash_table_size(names), >=, 36);
}

static void add_found(const char *group, const FoundCase *cases, GTestDataFunc test) {
  for (; cases->name != NULL; cases++) {
    g_autofree char *path = g_strdup_printf("/detect/%s/%s", group, cases->name);
    g_test_add_data_func(path, cases, test);
  }
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  g_test_init(&argc, &argv, NULL);
  if (g_test_perf()) {
    g_test_add_func("/detect/speed", test_speed);
    return g_test_run();
  }
  add_found("framework", FRAMEWORK_CASES, test_found);
  add_found("other", OTHER_CASES, test_found);
  add_found("public", PUBLIC_CASES, test_public);
  for (const NothingCase *one = LOOK_ALIKES; one->name != NULL; one++) {
    g_autofree char *path = g_strdup_printf("/detect/look-alike/%s", one->name);
    g_test_add_data_func(path, one, test_nothing);
  }
  g_test_add_func("/detect/look-alike/all-at-once", test_all_at_once);
  g_test_add_func("/detect/told/once-and-again-when-surer", test_once);
  g_test_add_func("/detect/told/unfinished-line-when-nothing-more-is-there", test_unfinished_line);
  g_test_add_func("/detect/told/a-thousand-addresses-of-a-port-once", test_many_addresses);
  g_test_add_func("/detect/bounds/line-without-end", test_line_without_end);
  g_test_add_func("/detect/bounds/address-anywhere-in-a-long-line", test_long_line);
  g_test_add_func("/detect/bounds/piece-of-a-line-is-no-line", test_piece_is_no_line);
  g_test_add_func("/detect/bounds/far-banner-is-forgotten", test_far_banner);
  g_test_add_func("/detect/bounds/long-address-is-none", test_long_address);
  g_test_add_func("/detect/bounds/any-bytes-any-cut-is-the-same", test_any_bytes);
  g_test_add_func("/detect/table", test_table);
  return g_test_run();
}
