/* The scanner of templates (specification, section 3). What counts as an expression is simple here: balanced brackets
 * and no brace. */
#include "script/template.h"

#include <string.h>

static gboolean parses(const char *text, gsize len, gpointer data) {
  int depth = 0;
  guint *asked = data;
  if (asked != NULL)
    (*asked)++;
  for (gsize i = 0; i < len; i++) {
    if (text[i] == '(' || text[i] == '{')
      depth++;
    else if ((text[i] == ')' || text[i] == '}') && --depth < 0)
      return FALSE;
  }
  g_autofree char *stripped = g_strstrip(g_strndup(text, len));
  return depth == 0 && *stripped != '\0' && strstr(stripped, "{{") == NULL;
}

/* Literals and expressions joined: "a|x|b". */
static char *split(const char *text, gssize len) {
  g_autoptr(GPtrArray) parts = pino_template_split(text, len < 0 ? strlen(text) : (gsize)len, parses, NULL);
  g_assert_cmpuint(parts->len % 2, ==, 1);
  g_ptr_array_add(parts, NULL);
  return g_strjoinv("|", (char **)parts->pdata);
}

typedef struct {
  const char *name, *text, *parts;
} Case;

static const Case cases[] = {
    {"empty", "", ""},
    {"literal", "plain", "plain"},
    {"whole", "{{x}}", "|x|"},
    {"inside-text", "a{{x}}b", "a|x|b"},
    {"several", "{{x}} and {{y}}", "|x| and |y|"},
    {"blanks-are-kept", "{{ x }}", "| x |"},
    {"nested-innermost-first", "{{env.{{platform}}_PATH}}", "{{env.|platform|_PATH}}"},
    {"nested-twice", "{{a.{{b.{{c}}}}}}", "{{a.{{b.|c|}}}}"},
    {"triple-is-literal", "{{{x}}}", "{{{x}}}"},
    {"triple-in-text", "a {{{x}}} {{y}}", "a {{{x}}} |y|"},
    {"open-only", "{{x", "{{x"},
    {"close-only", "x}}", "x}}"},
    {"single-braces", "{x} }{", "{x} }{"},
    {"object-inside", "{{f({a: {b: 1}})}}", "|f({a: {b: 1}})|"},
    {"does-not-parse", "{{(}} {{y}}", "{{(}} |y|"},
    {"empty-expression", "{{}} {{y}}", "{{}} |y|"},
    {"lines", "a\n{{x\n}}\nb", "a\n|x\n|\nb"},
    {"utf8", "ä{{ö}}ü", "ä|ö|ü"},
};

static void test_case(gconstpointer data) {
  const Case *entry = data;
  g_autofree char *parts = split(entry->text, -1);
  g_assert_cmpstr(parts, ==, entry->parts);
}

static void test_odd_bytes(void) {
  g_autofree char *parts = split("\xff{{x}}\xfe", -1);
  g_assert_cmpstr(parts, ==, "\xff|x|\xfe");
  static const char zero[] = "a\0{{x}}b";
  g_autoptr(GPtrArray) whole = pino_template_split(zero, sizeof zero - 1, parses, NULL);
  g_assert_cmpuint(whole->len, ==, 3);
  g_assert_cmpstr(whole->pdata[1], ==, "x");
  g_assert_cmpstr(whole->pdata[2], ==, "b");
}

/* What is asked of the parser is what costs: it may grow with the text, not with its square. */
static void test_many(const char *unit, const char *end) {
  guint asked = 0;
  g_autoptr(GString) text = g_string_new(NULL);
  while (text->len < 100000)
    g_string_append(text, unit);
  g_string_append(text, end);
  gint64 start = g_get_monotonic_time();
  g_autoptr(GPtrArray) parts = pino_template_split(text->str, text->len, parses, &asked);
  g_assert_cmpuint(asked, <=, 16 * (guint)(text->len / strlen(unit)) + 16);
  g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
}

static void test_braces(gconstpointer unit) {
  test_many(unit, "");
  test_many(unit, "}}");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/template/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], test_case);
  }
  g_test_add_func("/template/odd-bytes", test_odd_bytes);
  static const char *const units[] = {"{",   "}",   "{{",   "}}",   "{{}}",  "{{x}}",
                                      "{{{", "{{x", "{{x}", "}}{{", "{{(}}", "{{("};
  for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autofree char *path = g_strdup_printf("/template/100000-bytes-of-braces/%" G_GSIZE_FORMAT, i);
    g_test_add_data_func(path, units[i], test_braces);
  }
  return g_test_run();
}
