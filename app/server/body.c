#include "server/body.h"

#include <string.h>

#include "base/error.h"

/* --- what is JSON ---- */

typedef struct {
  const char *start, *at, *end;
  guint deepest;
} Text;

static gboolean wrong(const Text *text, const char *what, GError **error) {
  g_set_error(error, PINO_ERROR, PINO_ERROR_SYNTAX, "the body is not JSON: %s at byte %zu", what,
              (gsize)(text->at - text->start));
  return FALSE;
}

static void skip_blanks(Text *text) {
  while (text->at < text->end && strchr(" \t\r\n", *text->at) != NULL && *text->at != '\0')
    text->at++;
}

static gboolean next_is(Text *text, char c) {
  skip_blanks(text);
  if (text->at >= text->end || *text->at != c)
    return FALSE;
  text->at++;
  return TRUE;
}

static gboolean check_escape(Text *text, GError **error) {
  if (text->at >= text->end || *text->at == '\0' || strchr("\"\\/bfnrtu", *text->at) == NULL)
    return wrong(text, "an escape that there is not", error);
  if (*text->at++ != 'u')
    return TRUE;
  for (guint i = 0; i < 4; i++, text->at++)
    if (text->at >= text->end || !g_ascii_isxdigit(*text->at))
      return wrong(text, "an escape that there is not", error);
  if (strncmp(text->at - 4, "0000", 4) == 0)
    return wrong(text, "a NUL character", error); /* C would end the text there */
  return TRUE;
}

/* After the quote. */
static gboolean check_string(Text *text, GError **error) {
  while (text->at < text->end && *text->at != '"') {
    if ((guchar)*text->at < 0x20)
      return wrong(text, "a control character in a string", error);
    if (*text->at++ == '\\' && !check_escape(text, error))
      return FALSE;
  }
  if (text->at >= text->end)
    return wrong(text, "a string without an end", error);
  text->at++;
  return TRUE;
}

static guint take_digits(Text *text) {
  const char *from = text->at;
  while (text->at < text->end && g_ascii_isdigit(*text->at))
    text->at++;
  return (guint)(text->at - from);
}

static gboolean check_number(Text *text, GError **error) {
  if (text->at < text->end && *text->at == '-')
    text->at++;
  gboolean zero = text->at < text->end && *text->at == '0';
  guint digits = take_digits(text);
  if (digits == 0 || (zero && digits > 1))
    return wrong(text, "neither a value nor a number", error);
  if (text->at < text->end && *text->at == '.') {
    text->at++;
    if (take_digits(text) == 0)
      return wrong(text, "a number without decimals", error);
  }
  if (text->at < text->end && (*text->at == 'e' || *text->at == 'E')) {
    text->at++;
    if (text->at < text->end && (*text->at == '+' || *text->at == '-'))
      text->at++;
    if (take_digits(text) == 0)
      return wrong(text, "a number without an exponent", error);
  }
  return TRUE;
}

static gboolean check_value(Text *text, guint depth, GError **error);

/* After the bracket. */
static gboolean check_members(Text *text, gboolean object, guint depth, GError **error) {
  char closing = object ? '}' : ']';
  if (depth > text->deepest)
    return wrong(text, "it is nested too deep", error);
  if (next_is(text, closing))
    return TRUE;
  do {
    if (object && !next_is(text, '"'))
      return wrong(text, "a member's name is wanted", error);
    if (object && !check_string(text, error))
      return FALSE;
    if (object && !next_is(text, ':'))
      return wrong(text, "a colon is wanted", error);
    if (!check_value(text, depth, error))
      return FALSE;
  } while (next_is(text, ','));
  if (!next_is(text, closing))
    return wrong(text, "a comma or the end is wanted", error);
  return TRUE;
}

static gboolean check_value(Text *text, guint depth, GError **error) {
  static const char *const words[] = {"true", "false", "null"};
  skip_blanks(text);
  if (next_is(text, '{'))
    return check_members(text, TRUE, depth + 1, error);
  if (next_is(text, '['))
    return check_members(text, FALSE, depth + 1, error);
  if (next_is(text, '"'))
    return check_string(text, error);
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    gsize length = strlen(words[i]);
    if ((gsize)(text->end - text->at) >= length && memcmp(text->at, words[i], length) == 0) {
      text->at += length;
      return TRUE;
    }
  }
  return check_number(text, error);
}

gboolean pino_body_check(const char *bytes, gsize length, guint deepest, GError **error) {
  Text text = {bytes, bytes, bytes + length, deepest};
  if (!g_utf8_validate_len(bytes, length, &text.at))
    return wrong(&text, "it is not UTF-8", error);
  text.at = bytes;
  if (!check_value(&text, 0, error))
    return FALSE;
  skip_blanks(&text);
  if (text.at < text.end)
    return wrong(&text, "something follows", error);
  return TRUE;
}

/* --- what is wanted ---- */

static gboolean fits(const PinoMember *member, JsonNode *node) {
  GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;
  gint64 number;
  switch (member->type) {
  case PINO_MEMBER_TEXT:
    return type == G_TYPE_STRING;
  case PINO_MEMBER_OBJECT:
    return JSON_NODE_HOLDS_OBJECT(node);
  case PINO_MEMBER_FLAG:
    return type == G_TYPE_BOOLEAN;
  case PINO_MEMBER_PLAIN:
    return type != G_TYPE_NONE;
  default:
    number = type == G_TYPE_INT64 ? json_node_get_int(node) : -1;
    return number >= 0 && (guint64)number >= member->least && (guint64)number <= member->most;
  }
}

static gboolean misfit(const PinoMember *member, GError **error) {
  static const char *const kinds[] = {[PINO_MEMBER_TEXT] = "a string",
                                      [PINO_MEMBER_OBJECT] = "an object",
                                      [PINO_MEMBER_FLAG] = "true or false",
                                      [PINO_MEMBER_PLAIN] = "a string, a number, true or false"};
  if (member->type == PINO_MEMBER_NUMBER)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "'%s' must be a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, member->name,
                member->least, member->most);
  else
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' must be %s", member->name, kinds[member->type]);
  return FALSE;
}

static const PinoMember *find_member(const PinoMember *members, const char *name) {
  for (; members->name != NULL; members++)
    if (strcmp(members->name, name) == 0)
      return members;
  return NULL;
}

static gboolean check_object(JsonObject *object, const PinoMember *members, GError **error) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  json_object_iter_init(&iter, object);
  while (json_object_iter_next(&iter, &name, &node)) {
    const PinoMember *member = find_member(members, name);
    if (member == NULL) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "there is no member '%s' here", name);
      return FALSE;
    }
    if (!fits(member, node))
      return misfit(member, error);
  }
  for (const PinoMember *member = members; member->name != NULL; member++) {
    if (member->needed && !json_object_has_member(object, member->name)) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is needed", member->name);
      return FALSE;
    }
  }
  return TRUE;
}

JsonObject *pino_body_read(const char *text, gsize length, const PinoMember *members, GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (length == 0)
    text = "{}", length = 2;
  if (!pino_body_check(text, length, PINO_BODY_DEEPEST, error))
    return NULL;
  if (!json_parser_load_from_data(parser, text, (gssize)length, error))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "the body must be a JSON object");
    return NULL;
  }
  g_autoptr(JsonObject) object = json_object_ref(json_node_get_object(root));
  return check_object(object, members, error) ? g_steal_pointer(&object) : NULL;
}
