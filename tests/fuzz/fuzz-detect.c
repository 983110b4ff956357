/* Output of any bytes, cut in two ways: the same addresses are found, each of this machine or of a tunnel, plain ASCII and
 * a valid URI. */
#include "detect/detect.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void note(const PinoFound *found, gpointer data) {
  GString *told = data;
  const char *url = found->url != NULL ? found->url : found->public_url;
  g_assert_true((found->url != NULL) != (found->public_url != NULL));
  g_assert_true(found->port > 0 && found->rank > 0 && found->rank <= PINO_FOUND_UI);
  g_assert_true(g_str_has_prefix(url, "http://") || g_str_has_prefix(url, "https://"));
  g_assert_true(g_str_is_ascii(url) && strlen(url) < PINO_DETECT_URL);
  g_assert_true(strpbrk(url, " \"<>\\^`{}|\n\r\t") == NULL);
  g_string_append_printf(told, "%d %s %s\n", found->rank, found->framework, url);
}

/* Chunks of `size` bytes at most, each in memory of its own. */
static GString *detect(const char *in, gsize length, gsize size) {
  static const char *const OWN[] = {"192.0.2.10", "box", NULL};
  g_autoptr(PinoDetector) detector = pino_detector_new(OWN);
  GString *told = g_string_new(NULL);
  for (gsize at = 0; at < length; at += size) {
    gsize part = MIN(size, length - at);
    g_autofree char *chunk = g_memdup2(in + at, part);
    pino_detector_feed(detector, chunk, part, note, told);
  }
  pino_detector_feed(detector, NULL, 0, note, told);
  return told;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size < 2)
    return 0;
  gsize cut = data[0] % 61 + 1;
  const char *in = (const char *)data + 1;
  g_autoptr(GString) whole = detect(in, size - 1, size);
  g_autoptr(GString) pieces = detect(in, size - 1, cut);
  g_assert_true(g_string_equal(whole, pieces));
  return 0;
}
