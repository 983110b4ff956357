/* Events as lines of JSON: whatever is in them, a parser reads the same (specification, section 9). */
#include "base/json.h"
#include "script/event.h"

#include <json-glib/json-glib.h>
#include <string.h>

static JsonObject *parse(const PinoEvent *event, JsonParser *parser) {
  g_autoptr(GString) line = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  pino_event_to_json(event, line);
  g_assert_true(g_str_has_suffix(line->str, "}\n"));
  g_assert_null(memchr(line->str, '\n', line->len - 1));
  json_parser_load_from_data(parser, line->str, (gssize)line->len, &error);
  g_assert_no_error(error);
  return json_node_get_object(json_parser_get_root(parser));
}

static void check_text(const char *text, gsize len, const char *wanted) {
  g_autoptr(JsonParser) parser = json_parser_new();
  PinoEvent event = {.type = PINO_EVENT_STREAM, .index = 2, .text = text, .text_len = len};
  JsonObject *object = parse(&event, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "raw"), ==, wanted);
  g_assert_cmpint(json_object_get_int_member(object, "index"), ==, 2);
}

static void test_texts(void) {
  static const char *const texts[] = {
      "",  "plain",        "a\"b\\c/d", "\t\n\r\b\f\v\a\033[31m", "\001\037\177", "äöü €",
      "😀", "\xe2\x80\xa8", "{\"a\":1}"};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    check_text(texts[i], strlen(texts[i]), texts[i]);
}

static void test_every_control_character(void) {
  for (int c = 1; c < 128; c++) {
    const char text[] = {'a', (char)c, 'b', '\0'};
    check_text(text, 3, text);
  }
}

static void test_invalid_utf8(void) {
  check_text("a\xff\xfe"
             "b",
             4,
             "a\xef\xbf\xbd\xef\xbf\xbd"
             "b");
  check_text("cut \xe2\x82", 6, "cut \xef\xbf\xbd\xef\xbf\xbd");
}

/* NUL is no end: what stands after it is there, and the line is UTF-8 even beside invalid bytes. */
static void test_nul(void) {
  static const struct {
    const char *text;
    gsize len;
  } texts[] = {{"a\0b", 3},
               {"a\0\xff"
                "b",
                4},
               {"\0", 1}};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GString) line = g_string_new(NULL);
    pino_json_append_string(line, texts[i].text, texts[i].len);
    g_assert_true(g_utf8_validate(line->str, (gssize)line->len, NULL));
    g_assert_nonnull(strstr(line->str, "\\u0000"));
    if (i < 2)
      g_assert_true(g_str_has_suffix(line->str, "b\""));
  }
}

static void test_fields(void) {
  g_autoptr(JsonParser) parser = json_parser_new();
  PinoEvent step = {.type = PINO_EVENT_STEP, .index = 0, .total = 3, .method = "log", .script = "/a\"b"};
  JsonObject *object = parse(&step, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "type"), ==, "step");
  g_assert_cmpint(json_object_get_int_member(object, "total"), ==, 3);
  g_assert_cmpstr(json_object_get_string_member(object, "method"), ==, "log");
  g_assert_cmpstr(json_object_get_string_member(object, "script"), ==, "/a\"b");
  PinoEvent result = {.type = PINO_EVENT_RESULT, .index = 1};
  object = parse(&result, parser);
  g_assert_true(json_object_get_null_member(object, "data"));
  PinoEvent told = {.type = PINO_EVENT_TOLD, .name = "notify", .index = 1, .data = "{\"html\":\"x\"}"};
  object = parse(&told, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "type"), ==, "notify");
  g_assert_nonnull(json_object_get_object_member(object, "data"));
  PinoEvent broken = {.type = PINO_EVENT_ERROR, .index = 1, .message = "m", .data = "[\"e\"]"};
  object = parse(&broken, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "message"), ==, "m");
  g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(object, "event"), 0), ==, "e");
  PinoEvent end = {.type = PINO_EVENT_END, .index = -1, .name = "daemon", .data = "{\"url\":1}"};
  object = parse(&end, parser);
  g_assert_false(json_object_has_member(object, "index"));
  g_assert_cmpstr(json_object_get_string_member(object, "outcome"), ==, "daemon");
  g_assert_nonnull(json_object_get_object_member(object, "local"));
}

static void test_service(void) {
  g_autoptr(JsonParser) parser = json_parser_new();
  PinoEvent shell = {.type = PINO_EVENT_SHELL, .index = 2, .shell = "r.1", .log = "/l\"g", .pid = 7};
  JsonObject *object = parse(&shell, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "type"), ==, "shell");
  g_assert_cmpstr(json_object_get_string_member(object, "shell"), ==, "r.1");
  g_assert_cmpstr(json_object_get_string_member(object, "log"), ==, "/l\"g");
  g_assert_cmpint(json_object_get_int_member(object, "pid"), ==, 7);
  PinoEvent end = {.type = PINO_EVENT_EXIT, .index = 2, .shell = "r.1", .code = 137, .signal = 9};
  object = parse(&end, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "type"), ==, "exit");
  g_assert_cmpint(json_object_get_int_member(object, "code"), ==, 137);
  g_assert_cmpint(json_object_get_int_member(object, "signal"), ==, 9);
  PinoEvent ready = {.type = PINO_EVENT_READY, .index = -1, .data = "{\"url\":1}"};
  object = parse(&ready, parser);
  g_assert_cmpstr(json_object_get_string_member(object, "type"), ==, "ready");
  g_assert_nonnull(json_object_get_object_member(object, "local"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/event/texts", test_texts);
  g_test_add_func("/event/every-control-character", test_every_control_character);
  g_test_add_func("/event/invalid-utf8", test_invalid_utf8);
  g_test_add_func("/event/nul", test_nul);
  g_test_add_func("/event/fields", test_fields);
  g_test_add_func("/event/of-the-service", test_service);
  return g_test_run();
}
