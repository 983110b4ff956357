/* ENVIRONMENT files of any bytes: nothing breaks, nothing is lost, and what is set is there. */
#include "environment/dotenv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  g_autoptr(PinoDotenv) dotenv = pino_dotenv_parse((const char *)data, (gssize)size);
  gsize len = 0;
  g_autofree char *text = pino_dotenv_to_text(dotenv, &len);
  gboolean utf16 = size >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0);
  if (!utf16)
    g_assert_true(len == size && memcmp(text, data, size) == 0);

  g_auto(GStrv) keys = pino_dotenv_keys(dotenv);
  for (char **key = keys; *key; key++) {
    g_assert_true(pino_dotenv_is_key(*key));
    g_assert_nonnull(pino_dotenv_get(dotenv, *key));
    g_autofree char *path = pino_dotenv_resolve(dotenv, *key, "/folder");
    (void)path;
  }

  /* The input as a value, in the place of the last key and of a new one. A quote that was left open before it could
   * reach into it, so that only a text without quotes is read again. */
  g_autofree char *value = g_strndup((const char *)data, size);
  guint count = g_strv_length(keys);
  const char *last = count > 0 ? keys[count - 1] : "FRESH";
  g_assert_true(pino_dotenv_set(dotenv, last, value, NULL));
  g_assert_true(pino_dotenv_set(dotenv, "ADDED", value, NULL));
  g_assert_cmpstr(pino_dotenv_get(dotenv, "ADDED"), ==, value);
  g_autofree char *changed = pino_dotenv_to_text(dotenv, &len);
  g_autoptr(PinoDotenv) again = pino_dotenv_parse(changed, (gssize)len);
  gboolean quotes = strpbrk(text, "'\"`") != NULL;
  if (!quotes && !utf16 && strlen(text) == size) {
    g_assert_cmpstr(pino_dotenv_get(again, last), ==, pino_dotenv_get(dotenv, last));
    g_assert_cmpstr(pino_dotenv_get(again, "ADDED"), ==, value);
  }
  pino_dotenv_unset(dotenv, last);
  g_assert_null(pino_dotenv_get(dotenv, last));
  return 0;
}
