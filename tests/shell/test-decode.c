/* Output in any charset becomes readable UTF-8. */
#include "shell/decode.h"

#include <string.h>

static char *decode_by(const char *charset, const char *in, gsize len, gsize size, gsize *out_len) {
  g_autoptr(PinoDecoder) decoder = pino_decoder_new(charset);
  GString *out = g_string_new(NULL);
  for (gsize at = 0; at < len; at += size) {
    gsize part = MIN(size, len - at);
    g_autofree char *chunk = g_memdup2(in + at, part);
    pino_decoder_push(decoder, chunk, part, out);
  }
  pino_decoder_finish(decoder, out);
  if (out_len)
    *out_len = out->len;
  return g_string_free(out, FALSE);
}

/* Valid UTF-8, zero bytes too, passes untouched at any cut. */
static void test_utf8(void) {
  static const char text[] = "ascii caf\xc3\xa9 \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x8e\x89\r\n\0 "
                             "\xed\x9f\xbf\xf4\x8f\xbf\xbf end \xc2\x80 "
                             "a long run of plain text, longer than a block \xe2\x9c\x93";
  for (gsize size = 1; size <= sizeof text; size++) {
    gsize len = 0;
    g_autofree char *out = decode_by(NULL, text, sizeof text - 1, size, &len);
    g_assert_cmpmem(out, (int)len, text, (int)sizeof text - 1);
  }
}

static void test_random_utf8(void) {
  for (int round = 0; round < 500; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = g_test_rand_int_range(0, 80); i > 0; i--) {
      gunichar code = (gunichar)g_test_rand_int_range(0, g_test_rand_bit() ? 0x80 : 0x110000);
      g_string_append_unichar(text, code >= 0xd800 && code < 0xe000 ? '\n' : code);
    }
    gsize len = 0;
    g_autofree char *out = decode_by(NULL, text->str, text->len, (gsize)g_test_rand_int_range(1, 20), &len);
    g_assert_cmpmem(out, (int)len, text->str, (int)text->len);
  }
}

static const struct {
  const char *charset; /* what the text is written in */
  const char *text;
} TEXTS[] = {
    {"GB18030", "正在下载模型，请稍候\n"},
    {"GB18030", "错误: 找不到文件 model.bin\n"},
    {"GB18030", "联通\n"},
    {"GB18030", "[INFO] 安装完成。\nplain line\n第二行\n"},
    {"CP932", "エラー: ファイルが見つかりません\n"},
    {"CP932", "ダウンロード中です 50%\n"},
    {"CP932", "これは漢字とかなのテキストです。\n"},
    {"CP1252", "naïve café à Zürich – “déjà vu” 20 €\n"},
    {"CP1252", "Fichier non trouvé\n"},
    {"CP1252", "Größe: 5 µm, Ängström\n"},
    {"ISO-8859-1", "señor ¿qué pasó?\n"},
};

static void test_charsets(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(TEXTS); i++) {
    gsize len = 0;
    g_autofree char *bytes = g_convert(TEXTS[i].text, -1, TEXTS[i].charset, "UTF-8", NULL, &len, NULL);
    g_assert_nonnull(bytes);
    g_autofree char *out = decode_by("UTF-8", bytes, len, len, NULL);
    g_assert_cmpstr(out, ==, TEXTS[i].text);
  }
}

/* A line that chunks cut, within its characters too, is decoded in one charset, as soon as its bytes are there. */
static void test_cut_line(void) {
  static const char text[] = "下载完成的模型文件\n";
  gsize len = 0;
  g_autofree char *bytes = g_convert(text, -1, "GB18030", "UTF-8", NULL, &len, NULL);
  for (gsize first = 4; first < len; first++) {
    g_autoptr(PinoDecoder) decoder = pino_decoder_new("UTF-8");
    g_autoptr(GString) out = g_string_new(NULL);
    pino_decoder_push(decoder, bytes, first, out);
    g_assert_cmpuint(out->len, ==, first / 2 * 3);
    pino_decoder_push(decoder, bytes + first, len - first, out);
    pino_decoder_finish(decoder, out);
    g_assert_cmpstr(out->str, ==, text);
  }
}

static void test_locale(void) {
  g_autofree char *out = decode_by("KOI8-R", "\xf0\xd2\xc9\xd7\xc5\xd4\n", 7, 7, NULL);
  g_assert_cmpstr(out, ==, "Привет\n");
  g_autofree char *unknown = decode_by("NO-SUCH-CHARSET", "caf\xe9\n", 5, 5, NULL);
  g_assert_cmpstr(unknown, ==, "café\n");
}

static void test_flaws(void) {
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"你好世界 \xe9 再见\n", "你好世界 é 再见\n"},
      {"caf\xe9", "café"},
      {"cut \xe4\xbd", "cut \xef\xbf\xbd"},
      {"\x81\n", "\xef\xbf\xbd\n"},
      {"\xed\xa0\x80\n", "í\xc2\xa0€\n"},
      {"\xff\n", "ÿ\n"},
      {"", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *out = pino_decode(cases[i].in, strlen(cases[i].in));
    g_assert_cmpstr(out, ==, cases[i].out);
  }
}

/* Whatever comes, however it is cut, what goes out is UTF-8. */
static void test_noise(void) {
  for (int round = 0; round < 3000; round++) {
    char noise[64];
    for (gsize i = 0; i < sizeof noise; i++)
      noise[i] = (char)g_test_rand_int_range(g_test_rand_bit() ? 0 : 0x80, 0x100);
    gsize len = 0;
    const char *charset = g_test_rand_bit() ? "UTF-8" : "SHIFT_JIS";
    g_autofree char *out = decode_by(charset, noise, sizeof noise, (gsize)g_test_rand_int_range(1, 65), &len);
    for (gsize at = 0; at < len; at += strlen(out + at) + 1)
      g_assert_true(g_utf8_validate(out + at, -1, NULL));
  }
}

static void test_speed(void) {
  gsize len = 64 * 1024 * 1024;
  g_autofree char *text = g_strnfill(len, 'x');
  g_autoptr(GString) out = g_string_sized_new(len + 1);
  g_autoptr(PinoDecoder) decoder = pino_decoder_new(NULL);
  gint64 before = g_get_monotonic_time();
  pino_decoder_push(decoder, text, len, out);
  g_test_message("ascii %.2f GB/s", (double)len / (double)(g_get_monotonic_time() - before) / 1000);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/decode/utf8-untouched", test_utf8);
  g_test_add_func("/decode/random-utf8-untouched", test_random_utf8);
  g_test_add_func("/decode/charsets", test_charsets);
  g_test_add_func("/decode/cut-line", test_cut_line);
  g_test_add_func("/decode/locale", test_locale);
  g_test_add_func("/decode/flaws", test_flaws);
  g_test_add_func("/decode/noise-is-utf8", test_noise);
  if (g_test_perf())
    g_test_add_func("/decode/speed", test_speed);
  return g_test_run();
}
