/* The form: what it takes, where it may lead, and that nothing breaks out of its page. */
#include <string.h>

#include "gate/page.h"

static PinoSlice slice(const char *text) {
  return (PinoSlice){text, strlen(text)};
}

static void test_values(void) {
  static const struct {
    const char *form, *value;
  } cases[] = {
      {"passcode=abc", "abc"},
      {"next=/&passcode=a+b%20c%26", "a b c&"},
      {"passcode=%C3%A4%22%27", "\303\244\"'"},
      {"passcode=%", "%"},
      {"passcode=%4", "%4"},
      {"passcode=%zz%41", "%zzA"},
      {"passcode=", ""},
      {"passcode", NULL},
      {"xpasscode=a", NULL},
      {"passcodes=a", NULL},
      {"passcode=a%00b", NULL},
      {"", NULL},
      {"&&=&passcode=x&passcode=y", "x"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *value = pino_form_value(slice(cases[i].form), "passcode");
    g_assert_cmpstr(value, ==, cases[i].value);
  }
}

static void test_targets(void) {
  static const struct {
    const char *next, *target;
  } cases[] = {
      {"/", "/"},
      {"/a/b?c=d&e#f", "/a/b?c=d&e#f"},
      {"/\303\244", "/%C3%A4"},
      {NULL, "/"},
      {"", "/"},
      {"a", "/"},
      {"//evil.example", "/"},
      {"/\\evil.example", "/"},
      {"\\\\evil.example", "/"},
      {"/\t/evil.example", "/"},
      {"/a b", "/"},
      {"/a\r\nSet-Cookie: x=y", "/"},
      {"https://evil.example/", "/"},
      {"javascript:alert(1)", "/"},
      {"/.pinokiocloud/passcode", "/"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *target = pino_form_target(cases[i].next);
    g_assert_cmpstr(target, ==, cases[i].target);
  }
}

static void test_escaped(void) {
  g_autofree char *form = pino_page_form("<b>\"A\" & 'b'</b>\xff", "/\"><script>", "<i>");
  g_autofree char *message = pino_page_message("<b>", "\"<i>\"");
  g_autofree char *problem = pino_page_problem(401, "a\"b", "c\n");
  g_assert_null(strstr(form, "<b>"));
  g_assert_null(strstr(form, "<script>"));
  g_assert_null(strstr(form, "<i>"));
  g_assert_nonnull(strstr(form, "&lt;b&gt;&quot;A&quot; &amp; 'b'"));
  g_assert_true(g_utf8_validate(form, -1, NULL));
  g_assert_null(strstr(message, "<i>"));
  g_assert_cmpstr(problem, ==,
                  "{\"type\":\"about:blank\",\"title\":\"a\\\"b\",\"status\":401,\"detail\":\"c \"}\n");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/page/form-values", test_values);
  g_test_add_func("/gate/page/form-leads-to-this-host-only", test_targets);
  g_test_add_func("/gate/page/text-stays-text", test_escaped);
  return g_test_run();
}
