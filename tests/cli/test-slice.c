/* Pieces of JSON text, whole, strange and cut short. */
#include <glib.h>
#include <string.h>

#include "base/json.h"
#include "cli/slice.h"

static PinoSlice slice(const char *text) {
  return (PinoSlice){.text = text, .length = strlen(text)};
}

static char *text_of(PinoSlice value) {
  return value.text != NULL ? g_strndup(value.text, value.length) : g_strdup("(none)");
}

static void assert_member(const char *object, const char *name, const char *wanted) {
  g_autofree char *got = text_of(pino_slice_member(slice(object), name));
  g_assert_cmpstr(got, ==, wanted);
}

static void test_members(void) {
  const char *object =
      " {\"a\":1, \"b\" : {\"a\":[2,\"}\"]} ,\"c\":\"x\\\"y,\",\"d\":[ ],\"e\":null , \"\":true}" + 1;
  assert_member(object, "a", "1");
  assert_member(object, "b", "{\"a\":[2,\"}\"]}");
  assert_member(object, "c", "\"x\\\"y,\"");
  assert_member(object, "d", "[ ]");
  assert_member(object, "e", "null");
  assert_member(object, "", "true");
  assert_member(object, "f", "(none)");
  assert_member("[1]", "a", "(none)");
  assert_member("{}", "a", "(none)");
  assert_member("{ }", "a", "(none)");
  assert_member("", "a", "(none)");
}

static void test_arrays(void) {
  static const char *const wanted[] = {"{\"type\":\"a,b\"}", "[1,[2]]", "\"]\"", "3"};
  PinoSlice array = slice("[ {\"type\":\"a,b\"},[1,[2]] , \"]\",3 ]"), at = {0};
  guint count = 0;
  for (; pino_slice_next(array, &at); count++) {
    g_autofree char *got = text_of(at);
    g_assert_cmpstr(got, ==, wanted[count]);
  }
  g_assert_cmpuint(count, ==, G_N_ELEMENTS(wanted));
  at = (PinoSlice){0};
  g_assert_false(pino_slice_next(slice("[]"), &at));
  g_assert_false(pino_slice_next(slice("{}"), &at));
  g_assert_false(pino_slice_next((PinoSlice){0}, &at));
}

static void assert_decodes(const char *json, const char *wanted, int length) {
  g_autoptr(GString) out = g_string_new("<");
  pino_slice_decode(slice(json), out);
  g_assert_cmpmem(out->str + 1, (int)out->len - 1, wanted, length);
}

static void test_strings(void) {
  assert_decodes("\"\"", "", 0);
  assert_decodes("\"a\\n\\t\\\\\\/\\\"\\u0041\\r\\b\\f\"", "a\n\t\\/\"A\r\b\f", 10);
  assert_decodes("\"\\u0000x\\u0000\"", "\0x\0", 3);
  assert_decodes("\"\\u00e9\\u65e5\\ud83d\\ude00\"", "\303\251\346\227\245\360\237\230\200", 9);
  assert_decodes("\"\\ud83dx\"", "\357\277\275x", 4);
  assert_decodes("\"\\ude00\"", "\357\277\275", 3);
  assert_decodes("\"\\u12\"", "12", 2);
  assert_decodes("12", "", 0);
  assert_decodes("\"", "", 0);
  g_assert_cmpuint(pino_slice_number(slice("1234567890123")), ==, 1234567890123);
  g_assert_cmpuint(pino_slice_number(slice("x")), ==, 0);
  g_assert_true(pino_slice_is(slice("\"end\""), "end"));
  g_assert_false(pino_slice_is(slice("\"ends\""), "end"));
  g_assert_false(pino_slice_is((PinoSlice){0}, ""));
}

/* What the house's own writer makes comes back byte for byte. */
static void test_round_trip(void) {
  char all[256 + 3];
  gsize length = 0;
  for (int c = 0; c < 128; c++)
    all[length++] = (char)c;
  memcpy(all + length, "\303\251\033", 3);
  length += 3;
  g_autoptr(GString) json = g_string_new("{\"raw\":");
  pino_json_append_string(json, all, length);
  g_string_append_c(json, '}');
  g_autoptr(GString) back = g_string_new(NULL);
  pino_slice_decode(pino_slice_member((PinoSlice){json->str, json->len}, "raw"), back);
  g_assert_cmpmem(back->str, (int)back->len, all, (int)length);
}

static void use_all(PinoSlice text) {
  static const char *const names[] = {"offset", "events", "type", "raw", "none"};
  g_autoptr(GString) out = g_string_new(NULL);
  PinoSlice events = pino_slice_member(text, "events");
  for (PinoSlice at = {0}; pino_slice_next(events, &at);) {
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
      PinoSlice member = pino_slice_member(at, names[i]);
      pino_slice_decode(member, out);
      (void)pino_slice_number(member);
      g_free(pino_slice_text(member));
    }
  }
  g_assert_cmpuint(pino_slice_number(pino_slice_member(text, "offset")), <=, 1230);
}

/* Cut at every byte and with every byte changed; each copy ends where its memory does. */
static void test_damaged(void) {
  const char *whole =
      "{\"offset\":123,\"events\":[{\"type\":\"stream\",\"raw\":\"a\\u0000\\ud83d\\ude00\\\\\"},"
      "{\"type\":\"end\",\"x\":[1,{\"y\":null}]}]}";
  gsize length = strlen(whole);
  for (gsize cut = 0; cut <= length; cut++) {
    g_autofree char *copy = g_memdup2(whole, cut);
    use_all((PinoSlice){.text = copy, .length = cut});
  }
  static const char strange[] = "\"\\[]{},:0 ";
  for (gsize at = 13; at < length; at++) {
    for (gsize i = 0; i < sizeof strange; i++) {
      g_autofree char *copy = g_memdup2(whole, length);
      copy[at] = strange[i];
      use_all((PinoSlice){.text = copy, .length = length});
    }
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cli/slice/members", test_members);
  g_test_add_func("/cli/slice/arrays", test_arrays);
  g_test_add_func("/cli/slice/strings", test_strings);
  g_test_add_func("/cli/slice/what-the-engine-writes-comes-back", test_round_trip);
  g_test_add_func("/cli/slice/damaged-text-is-never-read-beyond", test_damaged);
  return g_test_run();
}
