/* Bodies end where they end, in whatever pieces they come. */
#include <string.h>

#include "gate/body.h"

/* Feeds text in pieces; gives what went on. *used: bytes that belong to the body. NULL: refused. */
static char *feed(const char *text, PinoBodyKind kind, guint64 length, gboolean bare, gsize piece,
                  gsize *used, gboolean *done) {
  PinoBody body;
  gsize ready = 0, scan = 0, all = strlen(text);
  g_autofree char *data = g_strdup(text);
  pino_body_begin(&body, kind, length, bare);
  for (gsize end = MIN(piece, all);; end = MIN(end + piece, all)) {
    if (!pino_body_scan(&body, data, &ready, &scan, end))
      return NULL;
    if (end == all)
      break;
  }
  *used = scan;
  *done = body.done;
  return g_strndup(data, ready);
}

static void test_length(void) {
  for (gsize piece = 1; piece < 9; piece++) {
    gsize used;
    gboolean done;
    g_autofree char *out = feed("helloGET /", PINO_BODY_LENGTH, 5, FALSE, piece, &used, &done);
    g_assert_cmpstr(out, ==, "hello");
    g_assert_true(done);
    g_assert_cmpuint(used, ==, 5);
  }
}

#define CHUNKS "5\r\nhello\r\n1;a=\"b c\"\r\n!\r\n0\r\nX-End: yes\r\n\r\n"

static void test_chunks(void) {
  for (gsize piece = 1; piece < 50; piece++) {
    gsize used;
    gboolean done;
    g_autofree char *same = feed(CHUNKS "GET /", PINO_BODY_CHUNKED, 0, FALSE, piece, &used, &done);
    g_assert_cmpstr(same, ==, CHUNKS);
    g_assert_true(done);
    g_assert_cmpuint(used, ==, strlen(CHUNKS));
    g_autofree char *bare = feed(CHUNKS "GET /", PINO_BODY_CHUNKED, 0, TRUE, piece, &used, &done);
    g_assert_cmpstr(bare, ==, "hello!");
    g_assert_true(done);
    g_assert_cmpuint(used, ==, strlen(CHUNKS));
  }
}

static void test_unfinished(void) {
  for (gsize length = 0; length < strlen(CHUNKS); length++) {
    gsize used;
    gboolean done = TRUE;
    g_autofree char *text = g_strndup(CHUNKS, length);
    g_autofree char *out = feed(text, PINO_BODY_CHUNKED, 0, FALSE, 7, &used, &done);
    g_assert_nonnull(out);
    g_assert_false(done);
  }
}

static void test_bad_chunks(void) {
  static const char *const bad[] = {
      "5\nhello\r\n",
      "5 \r\nhello\r\n",
      "\r\n",
      "g\r\n",
      "0x5\r\nhello\r\n",
      "-1\r\n",
      "5;a\nb\r\nhello\r\n",
      "5;\001\r\nhello\r\n",
      "5\r\nhello!\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r0\r\n\r\n",
      "0\r\n folded\r\n\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\nA: b\n\r\n",
      "0\r\n\r!",
      "0\r\nA: \001\r\n\r\n",
      "fffffffffffffffff\r\n",
      "00000000000000000000005\r\n",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    gsize used;
    gboolean done;
    g_autofree char *out = feed(bad[i], PINO_BODY_CHUNKED, 0, FALSE, 3, &used, &done);
    if (out != NULL)
      g_test_message("%s", bad[i]);
    g_assert_null(out);
  }
}

static void test_long_lines(void) {
  gsize used;
  gboolean done;
  g_autofree char *many = g_strnfill(9000, 'a');
  g_autofree char *extension = g_strconcat("5;", many, "\r\n", NULL);
  g_autofree char *trailer = g_strconcat("0\r\nA: ", many, "\r\n", NULL);
  g_assert_null(feed(extension, PINO_BODY_CHUNKED, 0, FALSE, 100, &used, &done));
  g_assert_null(feed(trailer, PINO_BODY_CHUNKED, 0, FALSE, 100, &used, &done));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/body/length-in-pieces", test_length);
  g_test_add_func("/gate/body/chunks-in-pieces-kept-and-taken-apart", test_chunks);
  g_test_add_func("/gate/body/no-end-before-the-end", test_unfinished);
  g_test_add_func("/gate/body/bad-chunks-are-refused", test_bad_chunks);
  g_test_add_func("/gate/body/lines-are-bounded", test_long_lines);
  return g_test_run();
}
