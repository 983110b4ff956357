#include "gate/head.h"

#include <string.h>

static const struct {
  const char *name;
  guint length;
  PinoFieldKind kind;
} known_fields[] = {
    {"te", 2, PINO_FIELD_HOP},
    {"host", 4, PINO_FIELD_HOST},
    {"proxy", 5, PINO_FIELD_HOP}, /* no header of HTTP, but CGI would make HTTP_PROXY of it */
    {"accept", 6, PINO_FIELD_ACCEPT},
    {"cookie", 6, PINO_FIELD_COOKIE},
    {"expect", 6, PINO_FIELD_EXPECT},
    {"trailer", 7, PINO_FIELD_HOP},
    {"upgrade", 7, PINO_FIELD_UPGRADE},
    {"forwarded", 9, PINO_FIELD_HOP}, /* what the gate knows is in X-Forwarded-*: this could say otherwise */
    {"connection", 10, PINO_FIELD_CONNECTION},
    {"keep-alive", 10, PINO_FIELD_HOP},
    {"content-type", 12, PINO_FIELD_CONTENT_TYPE},
    {"authorization", 13, PINO_FIELD_AUTHORIZATION},
    {"content-length", 14, PINO_FIELD_CONTENT_LENGTH},
    {"sec-fetch-site", 14, PINO_FIELD_FETCH_SITE},
    {"x-forwarded-for", 15, PINO_FIELD_FORWARDED_FOR},
    {"x-forwarded-host", 16, PINO_FIELD_FORWARDED_HOST},
    {"transfer-encoding", 17, PINO_FIELD_TRANSFER_ENCODING},
    {"x-forwarded-proto", 17, PINO_FIELD_FORWARDED_PROTO},
};

/* One bit a character: letters, digits and !#$%&'*+-.^_`|~ */
static const guint32 token_bits[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

gboolean pino_head_is_token(guchar c) {
  return (token_bits[c >> 5] >> (c & 31) & 1) != 0;
}

static gboolean is_named(PinoSlice name, const char *known) {
  for (gsize i = 0; i < name.length; i++) {
    if ((name.text[i] == '_' ? '-' : g_ascii_tolower(name.text[i])) != known[i])
      return FALSE;
  }
  return TRUE;
}

/* What CGI and its heirs take for one of these, because they make '_' of '-', is never passed on. */
static PinoFieldKind kind_of(PinoSlice name) {
  for (gsize i = 0; i < G_N_ELEMENTS(known_fields); i++) {
    if (known_fields[i].length == name.length && is_named(name, known_fields[i].name))
      return memchr(name.text, '_', name.length) != NULL ? PINO_FIELD_HOP : known_fields[i].kind;
  }
  if (name.length > 6 && g_ascii_strncasecmp(name.text, "proxy-", 6) == 0)
    return PINO_FIELD_HOP;
  return PINO_FIELD_OTHER;
}

gsize pino_head_end(const char *data, gsize length, gsize *looked) {
  gsize at = *looked;
  const char *newline;
  while (at < length && (newline = memchr(data + at, '\n', length - at)) != NULL) {
    gsize after = (gsize)(newline - data) + 1;
    if (after < length && data[after] == '\n')
      return after + 1;
    if (after + 1 < length && data[after] == '\r' && data[after + 1] == '\n')
      return after + 2;
    if (after + 1 >= length) {
      *looked = after - 1; /* the empty line may begin here */
      return 0;
    }
    at = after;
  }
  *looked = length;
  return 0;
}

/* Takes the next line, without its end, off the front. strict: its end must be CR LF. FALSE: it has none. */
static gboolean next_line(PinoSlice *rest, PinoSlice *line, gboolean strict) {
  const char *newline = rest->length > 0 ? memchr(rest->text, '\n', rest->length) : NULL;
  if (newline == NULL)
    return FALSE;
  gsize length = (gsize)(newline - rest->text);
  gboolean carriage = length > 0 && newline[-1] == '\r';
  if (strict && !carriage)
    return FALSE;
  *line = (PinoSlice){rest->text, carriage ? length - 1 : length};
  rest->text += length + 1;
  rest->length -= length + 1;
  return TRUE;
}

static gboolean is_clean(PinoSlice value) {
  for (gsize i = 0; i < value.length; i++) {
    guchar c = (guchar)value.text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return FALSE;
  }
  return TRUE;
}

static gsize token_length(PinoSlice text) {
  gsize length = 0;
  while (length < text.length && pino_head_is_token((guchar)text.text[length]))
    length++;
  return length;
}

/* One field's line. 0, or a status. */
static guint read_field(PinoHead *head, PinoSlice line, gboolean strict) {
  gsize name = token_length(line), colon = name;
  while (!strict && colon < line.length && line.text[colon] == ' ')
    colon++;
  PinoSlice value = {line.text + colon + 1, line.length - MIN(line.length, colon + 1)};
  if (name == 0 || colon == line.length || line.text[colon] != ':')
    return strict || line.text[0] == ' ' || line.text[0] == '\t' ? 400
                                                                 : 0; /* an app's odd line is left out */
  if (!is_clean(value))
    return 400;
  if (head->count == PINO_HEAD_FIELDS)
    return 431;
  PinoField *field = &head->fields[head->count++];
  field->name = (PinoSlice){line.text, name};
  field->value = pino_slice_trim(value);
  field->kind = kind_of(field->name);
  return 0;
}

static guint read_fields(PinoHead *head, PinoSlice rest, gboolean strict) {
  PinoSlice line;
  while (next_line(&rest, &line, strict)) {
    if (line.length == 0)
      return rest.length == 0 ? 0 : 400;
    guint status = read_field(head, line, strict);
    if (status != 0)
      return status;
  }
  return 400;
}

PinoSlice pino_head_get(const PinoHead *head, PinoFieldKind kind) {
  for (guint i = 0; i < head->count; i++) {
    if (head->fields[i].kind == kind)
      return head->fields[i].value;
  }
  return (PinoSlice){NULL, 0};
}

/* Fields that Connection names are for this connection alone; what routes and frames a message cannot be. */
static void drop_named(PinoHead *head, PinoSlice name) {
  for (guint i = 0; i < head->count; i++) {
    PinoField *field = &head->fields[i];
    if (field->name.length == name.length &&
        g_ascii_strncasecmp(field->name.text, name.text, name.length) == 0 &&
        (field->kind == PINO_FIELD_OTHER || field->kind == PINO_FIELD_ACCEPT ||
         field->kind == PINO_FIELD_COOKIE || field->kind == PINO_FIELD_EXPECT))
      field->kind = PINO_FIELD_HOP;
  }
}

static void read_connection(PinoHead *head) {
  gboolean upgrade = FALSE;
  for (guint i = 0; i < head->count; i++) {
    PinoSlice list = head->fields[i].value, item;
    while (head->fields[i].kind == PINO_FIELD_CONNECTION && pino_slice_next(&list, ',', &item)) {
      if (pino_slice_is(item, "close"))
        head->close = TRUE;
      else if (pino_slice_is(item, "keep-alive"))
        head->keep_alive = TRUE;
      else if (pino_slice_is(item, "upgrade"))
        upgrade = TRUE;
      else if (item.length > 0)
        drop_named(head, item);
    }
  }
  if (upgrade && head->minor == 1)
    head->upgrade = pino_head_get(head, PINO_FIELD_UPGRADE);
}

/* Digits and nothing else; 18 of them fit. */
static gboolean read_number(PinoSlice text, guint64 *number) {
  *number = 0;
  for (gsize i = 0; i < text.length; i++) {
    if (!g_ascii_isdigit(text.text[i]))
      return FALSE;
    *number = *number * 10 + (guint64)(text.text[i] - '0');
  }
  return text.length > 0 && text.length <= 18;
}

typedef struct {
  guint lengths, encodings;
  gboolean equal; /* all lengths are numbers, and the same */
  gboolean chunked;
  guint64 length;
} Framing;

static Framing read_framing(const PinoHead *head) {
  Framing framing = {.equal = TRUE};
  for (guint i = 0; i < head->count; i++) {
    const PinoField *field = &head->fields[i];
    if (field->kind == PINO_FIELD_CONTENT_LENGTH) {
      guint64 length;
      if (!read_number(field->value, &length) || (framing.lengths > 0 && length != framing.length))
        framing.equal = FALSE;
      framing.length = length;
      framing.lengths++;
    } else if (field->kind == PINO_FIELD_TRANSFER_ENCODING) {
      framing.chunked = framing.encodings++ == 0 && pino_slice_is(field->value, "chunked");
    }
  }
  return framing;
}

static guint frame_request(PinoHead *head) {
  Framing framing = read_framing(head);
  if (framing.encodings > 0) {
    if (!framing.chunked || framing.lengths > 0 || head->minor == 0)
      return 400;
    head->body = PINO_BODY_CHUNKED;
  } else if (framing.lengths > 0) {
    if (framing.lengths > 1 || !framing.equal)
      return 400;
    head->body = PINO_BODY_LENGTH;
    head->length = framing.length;
  }
  return 0;
}

static gboolean frame_response(PinoHead *head, gboolean to_head) {
  Framing framing = read_framing(head);
  if (head->status == 101)
    head->body = PINO_BODY_UNTIL_CLOSE;
  else if (to_head || head->status < 200 || head->status == 204 || head->status == 304)
    head->body = PINO_BODY_NONE;
  else if (framing.encodings > 0)
    head->body = PINO_BODY_CHUNKED;
  else
    head->body = framing.lengths > 0 ? PINO_BODY_LENGTH : PINO_BODY_UNTIL_CLOSE;
  head->length = framing.length;
  head->both = framing.encodings > 0 && framing.lengths > 0;
  if (framing.encodings > 0)
    return framing.chunked;
  return framing.equal;
}

gboolean pino_head_is_host(PinoSlice host) {
  for (gsize i = 0; i < host.length; i++) {
    guchar c = (guchar)host.text[i];
    if (!g_ascii_isalnum(c) && strchr("-._~:[]", c) == NULL)
      return FALSE;
  }
  return host.length <= 255;
}

/* "http://host/path" is split; a path, and "*" of OPTIONS, stay. */
static gboolean split_target(PinoHead *head) {
  static const char *const schemes[] = {"http://", "https://"};
  PinoSlice target = head->target;
  if (target.text[0] == '/')
    return TRUE;
  if (target.length == 1 && target.text[0] == '*')
    return pino_slice_is(head->method, "OPTIONS");
  for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
    gsize length = strlen(schemes[i]);
    if (target.length <= length || g_ascii_strncasecmp(target.text, schemes[i], length) != 0)
      continue;
    PinoSlice rest = {target.text + length, target.length - length};
    const char *slash = memchr(rest.text, '/', rest.length);
    gsize host = slash != NULL ? (gsize)(slash - rest.text) : rest.length;
    head->host = (PinoSlice){rest.text, host};
    head->target = slash != NULL ? (PinoSlice){slash, rest.length - host} : (PinoSlice){"/", 1};
    return host > 0;
  }
  return FALSE;
}

static guint read_host(PinoHead *head) {
  guint hosts = 0;
  for (guint i = 0; i < head->count; i++)
    hosts += head->fields[i].kind == PINO_FIELD_HOST;
  PinoSlice host = pino_head_get(head, PINO_FIELD_HOST);
  if (hosts > 1 || (hosts == 0 && head->minor == 1) || !pino_head_is_host(host))
    return 400;
  if (!split_target(head) || !pino_head_is_host(head->host))
    return 400;
  if (head->host.length == 0)
    head->host = host;
  return 0;
}

static guint read_version(PinoHead *head, PinoSlice version) {
  if (version.length != 8 || memcmp(version.text, "HTTP/", 5) != 0 || version.text[6] != '.' ||
      !g_ascii_isdigit(version.text[5]) || !g_ascii_isdigit(version.text[7]))
    return 400;
  head->minor = version.text[7] == '0' ? 0 : 1;
  return version.text[5] == '1' && version.text[7] <= '1' ? 0 : 505;
}

static guint read_request_line(PinoHead *head, PinoSlice line) {
  gsize method = token_length(line), target = 0;
  if (method == 0 || method > 32 || method >= line.length || line.text[method] != ' ')
    return 400;
  head->method = (PinoSlice){line.text, method};
  PinoSlice rest = {line.text + method + 1, line.length - method - 1};
  while (target < rest.length && (guchar)rest.text[target] > 0x20 && rest.text[target] != 0x7f)
    target++;
  if (target == 0 || target >= rest.length || rest.text[target] != ' ')
    return 400;
  head->target = (PinoSlice){rest.text, target};
  return read_version(head, (PinoSlice){rest.text + target + 1, rest.length - target - 1});
}

/* The fields are filled one after the other: only the rest is cleared. */
static void clear(PinoHead *head) {
  head->method = head->target = head->host = head->reason = head->upgrade = (PinoSlice){NULL, 0};
  head->status = head->count = head->minor = 0;
  head->close = head->keep_alive = head->expects_continue = head->both = FALSE;
  head->body = PINO_BODY_NONE;
  head->length = 0;
}

guint pino_head_parse_request(PinoHead *head, const char *data, gsize length) {
  PinoSlice rest = {data, length}, line;
  clear(head);
  if (!next_line(&rest, &line, TRUE))
    return 400;
  guint status = read_request_line(head, line);
  if (status == 0)
    status = read_fields(head, rest, TRUE);
  if (status == 0)
    status = read_host(head);
  if (status == 0)
    status = frame_request(head);
  if (status != 0)
    return status;
  head->expects_continue =
      head->minor == 1 && pino_slice_is(pino_head_get(head, PINO_FIELD_EXPECT), "100-continue");
  read_connection(head);
  return pino_slice_is(head->method, "CONNECT") ? 501 : 0;
}

static gboolean read_status_line(PinoHead *head, PinoSlice line) {
  if (line.length < 12 || read_version(head, (PinoSlice){line.text, 8}) == 400 || line.text[8] != ' ')
    return FALSE;
  for (guint i = 9; i < 12; i++) {
    if (!g_ascii_isdigit(line.text[i]))
      return FALSE;
    head->status = head->status * 10 + (guint)(line.text[i] - '0');
  }
  if (line.length > 12)
    head->reason = pino_slice_trim((PinoSlice){line.text + 12, line.length - 12});
  return head->status >= 100 && (line.length == 12 || line.text[12] == ' ') && is_clean(head->reason);
}

gboolean pino_head_parse_response(PinoHead *head, const char *data, gsize length, gboolean to_head) {
  PinoSlice rest = {data, length}, line;
  clear(head);
  if (!next_line(&rest, &line, FALSE) || !read_status_line(head, line) || read_fields(head, rest, FALSE) != 0)
    return FALSE;
  read_connection(head);
  return frame_response(head, to_head);
}
