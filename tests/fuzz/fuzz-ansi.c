/* Output of any bytes, decoded and cleaned, cut in two ways: the text is the same, UTF-8, and without control. */
#include "terminal/ansi.h"
#include "shell/decode.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void note_osc(const char *payload, gsize len, gsize position, gpointer data) {
  GString *told = data;
  g_assert_true(len <= PINO_ANSI_OSC_LIMIT);
  g_string_append_printf(told, "%" G_GSIZE_FORMAT ":", position);
  g_string_append_len(told, payload, (gssize)len);
}

/* Chunks of `size` bytes at most, each in memory of its own. */
static GString *filter(const char *in, gsize len, gsize size, GString *told) {
  GString *out = g_string_new(NULL);
  PinoAnsi ansi;
  pino_ansi_init(&ansi, note_osc, told);
  for (gsize at = 0; at < len; at += size) {
    gsize part = MIN(size, len - at);
    g_autofree char *chunk = g_memdup2(in + at, part);
    pino_ansi_filter(&ansi, chunk, part, out);
  }
  pino_ansi_finish(&ansi, out);
  pino_ansi_clear(&ansi);
  return out;
}

static void check_same(const char *in, gsize len, gsize size) {
  g_autoptr(GString) told_whole = g_string_new(NULL), told_cut = g_string_new(NULL);
  g_autoptr(GString) whole = filter(in, len, MAX(len, 1), told_whole);
  g_autoptr(GString) cut = filter(in, len, size, told_cut);
  g_assert_true(g_string_equal(whole, cut));
  g_assert_true(g_string_equal(told_whole, told_cut));
  for (gsize i = 0; i < whole->len; i++) {
    guchar c = (guchar)whole->str[i];
    g_assert_true((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t');
  }
}

static GString *decode(const char *in, gsize len, gsize size) {
  g_autoptr(PinoDecoder) decoder = pino_decoder_new("UTF-8");
  GString *out = g_string_new(NULL);
  for (gsize at = 0; at < len; at += size)
    pino_decoder_push(decoder, in + at, MIN(size, len - at), out);
  pino_decoder_finish(decoder, out);
  for (gsize at = 0; at < out->len; at += strlen(out->str + at) + 1)
    g_assert_true(g_utf8_validate(out->str + at, -1, NULL));
  return out;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size < 2)
    return 0;
  gsize cut = data[0] % 31 + 1;
  const char *in = (const char *)data + 1;
  check_same(in, size - 1, cut);
  g_autoptr(GString) pieces = decode(in, size - 1, cut);
  (void)pieces;
  g_autoptr(GString) whole = decode(in, size - 1, size);
  check_same(whole->str, whole->len, cut);
  return 0;
}
