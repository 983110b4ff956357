#include "storage/partmap.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "storage/atomic.h"
#include "storage/io.h"
#include "storage/naming.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* URLs hold tokens now and then: the record has a digest to compare and a form to look at. */
static char *digest(const char *url) {
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, url, -1);
}

static char *this_boot(void) {
  char *text = NULL;
  if (!g_file_get_contents(BOOT_ID, &text, NULL, NULL))
    return g_strdup("");
  return g_strstrip(text);
}

static JsonObject *parse_head(const char *text, gsize len, const char *url) {
  g_autoptr(JsonParser) parser = json_parser_new();
  if (len == 0 || !json_parser_load_from_data(parser, text, (gssize)len, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
    return NULL;
  JsonObject *object = json_node_get_object(root);
  g_autofree char *wanted = digest(url);
  const char *got = json_object_get_string_member_with_default(object, "url_sha256", "");
  return g_strcmp0(got, wanted) == 0 ? json_object_ref(object) : NULL;
}

/* Gives the record's first line as an object; *lines (may be NULL) is what follows it (free). */
static JsonObject *load(const char *path, const char *url, char **lines) {
  g_autoptr(GBytes) bytes = pino_file_read(path, NULL);
  gsize len = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &len) : NULL;
  const char *newline = text != NULL ? memchr(text, '\n', len) : NULL;
  if (newline == NULL)
    return NULL;
  if (lines != NULL)
    *lines = g_strndup(newline + 1, len - (gsize)(newline + 1 - text));
  return parse_head(text, (gsize)(newline - text), url);
}

gboolean pino_partmap_is_of(const char *path, const char *url) {
  g_autoptr(JsonObject) head = load(path, url, NULL);
  return head != NULL;
}

/* Reads the number at *at and the character behind it. */
static gboolean take_number(char **at, char behind, guint64 *number) {
  char *end = *at;
  if (!g_ascii_isdigit(**at))
    return FALSE;
  *number = g_ascii_strtoull(*at, &end, 10);
  if (*end != behind)
    return FALSE;
  *at = end + 1;
  return TRUE;
}

/* What stands before the first line that is none: the rest did not reach the disk. Gives how many of the ranges are
 * synced. */
static guint parse_lines(char *text, GArray *ranges) {
  const char *word = "synced ";
  guint64 synced = 0;
  for (char *at = text; *at != '\0';) {
    PinoSpan span;
    if (g_str_has_prefix(at, word)) {
      at += strlen(word);
      if (!take_number(&at, '\n', &span.start) || span.start > ranges->len)
        break;
      synced = MAX(synced, span.start);
      continue;
    }
    if (!take_number(&at, ' ', &span.start) || !take_number(&at, '\n', &span.end) || span.start >= span.end)
      break;
    g_array_append_val(ranges, span);
  }
  return (guint)synced;
}

gboolean pino_partmap_load(PinoPart *part, guint64 length) {
  g_autofree char *lines = NULL;
  g_autoptr(JsonObject) head = load(part->record, part->url, &lines);
  if (head == NULL)
    return FALSE;
  part->total = json_object_get_int_member_with_default(head, "total", -1);
  part->etag = g_strdup(json_object_get_string_member_with_default(head, "etag", NULL));
  part->modified = g_strdup(json_object_get_string_member_with_default(head, "last_modified", NULL));
  g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(PinoSpan));
  guint synced = parse_lines(lines, ranges);
  g_autofree char *boot = this_boot();
  const char *then = json_object_get_string_member_with_default(head, "boot", "");
  guint trusted = g_strcmp0(then, boot) == 0 ? ranges->len : synced;
  for (guint i = 0; i < trusted; i++) {
    const PinoSpan *span = &g_array_index(ranges, PinoSpan, i);
    pino_spans_add(&part->spans, span->start, span->end);
  }
  pino_spans_clip(&part->spans, part->total >= 0 ? MIN(length, (guint64)part->total) : length);
  return TRUE;
}

static char *make_head(const PinoPart *part) {
  g_autoptr(JsonObject) object = json_object_new();
  g_autofree char *sum = digest(part->url);
  g_autofree char *shown = pino_naming_show_url(part->url);
  g_autofree char *boot = this_boot();
  json_object_set_string_member(object, "url", shown);
  json_object_set_string_member(object, "url_sha256", sum);
  json_object_set_int_member(object, "total", part->total);
  if (part->etag != NULL)
    json_object_set_string_member(object, "etag", part->etag);
  if (part->modified != NULL)
    json_object_set_string_member(object, "last_modified", part->modified);
  json_object_set_string_member(object, "boot", boot);
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  return json_to_string(node, FALSE);
}

gboolean pino_partmap_begin(PinoPart *part, GError **error) {
  g_autofree char *head = make_head(part);
  g_autoptr(GString) text = g_string_new(head);
  g_string_append_c(text, '\n');
  for (guint i = 0; i < part->spans.list->len; i++) {
    const PinoSpan *span = &g_array_index(part->spans.list, PinoSpan, i);
    g_string_append_printf(text, PINO_PARTMAP_RANGE, span->start, span->end);
  }
  if (part->spans.list->len > 0)
    g_string_append_printf(text, PINO_PARTMAP_SYNCED, (guint64)part->spans.list->len);
  if (!pino_file_write(part->record, text->str, text->len, 0600, error))
    return FALSE;
  pino_fd_close(part->map);
  part->lines = part->spans.list->len;
  part->map = open(part->record, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (part->map < 0)
    pino_storage_fail(error, errno, "open", part->record);
  return part->map >= 0;
}

int pino_partmap_add(int map, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  return pino_storage_write_all(map, line, strlen(line));
}
