/* Reading journals: lines as they stand, or with the shells' output put in from their logs. */
#include "state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "state/line.h"

/* The writer's pieces are not longer; a length beyond is no piece of ours. */
#define PIECE_MAX ((guint64)64 << 10)
/* As much of a shell's output as one line holds. */
#define RAW_MAX ((gsize)16 << 10)
/* A UTF-8 character that began before the piece. */
#define BEFORE 3

struct _PinoJournalReader {
  char *path;
  int fd; /* -1: not there yet */
  PinoLines lines;
  char *log; /* of log_fd; only during a call */
  int log_fd;
};

static int open_for_reading(const char *path) {
  return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

PinoJournalReader *pino_journal_reader_new(const char *path, guint64 offset) {
  PinoJournalReader *reader = g_new0(PinoJournalReader, 1);
  reader->path = g_strdup(path);
  reader->fd = reader->log_fd = -1;
  pino_lines_init(&reader->lines, -1, offset);
  return reader;
}

static void close_log(PinoJournalReader *reader) {
  if (reader->log_fd >= 0)
    close(reader->log_fd);
  reader->log_fd = -1;
  g_clear_pointer(&reader->log, g_free);
}

void pino_journal_reader_free(PinoJournalReader *reader) {
  if (reader == NULL)
    return;
  close_log(reader);
  pino_lines_pause(&reader->lines);
  if (reader->fd >= 0)
    close(reader->fd);
  g_free(reader->path);
  g_free(reader);
}

guint64 pino_journal_reader_offset(const PinoJournalReader *reader) {
  return reader->lines.offset;
}

/* --- pieces of output ---- */

/* A piece that the journal names: bytes [end - length, end) of a log. */
typedef struct {
  const PinoLine *line;
  guint64 end, length;
} Reference;

static gboolean find_reference(const PinoLine *line, Reference *reference) {
  const PinoMember *type = pino_line_member(line, "type"), *end = pino_line_member(line, "offset");
  const PinoMember *length = pino_line_member(line, "length");
  *reference = (Reference){.line = line};
  if (type == NULL || type->value_len != strlen("\"stream\"") ||
      memcmp(type->value, "\"stream\"", type->value_len) != 0)
    return FALSE;
  if (end == NULL || length == NULL || pino_line_member(line, "log") == NULL ||
      line->n_members > PINO_LINE_MEMBERS)
    return FALSE;
  return pino_member_number(end, &reference->end) && pino_member_number(length, &reference->length);
}

/* A home that was moved, or whose path is no UTF-8, still has its logs beside the journal. */
static gboolean open_log(PinoJournalReader *reader, const Reference *reference) {
  g_autofree char *log = pino_member_text(pino_line_member(reference->line, "log"));
  if (log == NULL)
    return FALSE;
  if (g_strcmp0(log, reader->log) == 0)
    return reader->log_fd >= 0;
  close_log(reader);
  reader->log_fd = open_for_reading(log);
  if (reader->log_fd < 0) {
    g_autofree char *folder = g_path_get_dirname(reader->path);
    g_autofree char *name = g_path_get_basename(log);
    g_autofree char *beside = g_build_filename(folder, name, NULL);
    reader->log_fd = open_for_reading(beside);
  }
  reader->log = g_steal_pointer(&log);
  return reader->log_fd >= 0;
}

/* Gives how many bytes are there. */
static gsize read_log(PinoJournalReader *reader, guint8 *to, gsize length, guint64 offset) {
  gsize done = 0;
  while (done < length) {
    ssize_t n = pread(reader->log_fd, to + done, length - done, (off_t)(offset + done));
    if (n > 0)
      done += (gsize)n;
    else if (n == 0 || errno != EINTR)
      break;
  }
  return done;
}

/* The line of the reference with text, or what was lost, in the place of length and log. */
static void append_piece(GString *out, const Reference *reference, guint64 offset, const guint8 *bytes,
                         gsize length, guint64 lost) {
  g_string_append_c(out, '{');
  for (guint i = 0; i < reference->line->n_members; i++) {
    const PinoMember *member = &reference->line->members[i];
    if (member == pino_line_member(reference->line, "length") ||
        member == pino_line_member(reference->line, "log"))
      continue;
    g_string_append_printf(out, "%s\"", i > 0 ? "," : "");
    g_string_append_len(out, member->name, (gssize)member->name_len);
    g_string_append(out, "\":");
    if (member == pino_line_member(reference->line, "offset"))
      g_string_append_printf(out, "%" G_GUINT64_FORMAT, offset);
    else
      g_string_append_len(out, member->value, (gssize)member->value_len);
  }
  g_string_append(out, ",\"raw\":");
  pino_json_append_string(out, (const char *)bytes, length);
  if (lost > 0)
    g_string_append_printf(out, ",\"lost\":%" G_GUINT64_FORMAT, lost);
  g_string_append(out, "}\n");
}

/* Hands out what is there of a piece. A character belongs to the line that has its last byte: the bytes before are
 * looked up in the log, so that a reader can begin anywhere. */
static guint append_output(PinoJournalReader *reader, const Reference *reference, GString *out) {
  guint64 start = reference->end - reference->length;
  gsize before = (gsize)MIN(start, BEFORE), all = before + (gsize)reference->length;
  g_autofree guint8 *bytes = g_malloc(all + 1);
  gsize have = read_log(reader, bytes, all, start - before);
  gsize at = MIN(before, have), to = at;
  gboolean last = reference->length == 0 && have == all; /* nothing will follow */
  guint count = 0;
  at -= pino_utf8_cut(bytes, at);
  do {
    to = MIN(to + RAW_MAX, have);
    gsize until = last ? to : to - pino_utf8_cut(bytes, to);
    if (until > at) {
      append_piece(out, reference, start - before + to, bytes + at, until - at, 0);
      at = until;
      count++;
    }
  } while (to < have);
  if (have == all || reference->length == 0)
    return count;
  append_piece(out, reference, reference->end, NULL, 0, MIN(all - have, reference->length));
  return count + 1;
}

static guint append_reference(PinoJournalReader *reader, const Reference *reference, GString *out) {
  if (reference->length <= MIN(reference->end, PIECE_MAX) && open_log(reader, reference))
    return append_output(reader, reference, out);
  if (reference->length == 0)
    return 0;
  append_piece(out, reference, reference->end, NULL, 0, reference->length);
  return 1;
}

/* --- lines ---- */

static guint append_line(PinoJournalReader *reader, const char *text, gsize length, GString *out) {
  PinoLine line;
  Reference reference;
  if (!pino_line_parse(text, length, &line))
    return 0;
  if (find_reference(&line, &reference))
    return append_reference(reader, &reference, out);
  g_string_append_len(out, text, (gssize)length);
  g_string_append_c(out, '\n');
  return 1;
}

guint pino_journal_reader_next(PinoJournalReader *reader, GString *out, gsize limit) {
  const char *text;
  gsize length;
  guint count = 0;
  if (reader->fd < 0)
    reader->lines.fd = reader->fd = open_for_reading(reader->path);
  if (reader->fd < 0)
    return 0;
  while (out->len < limit && pino_lines_next(&reader->lines, &text, &length))
    count += append_line(reader, text, length, out);
  pino_lines_pause(&reader->lines);
  close_log(reader);
  return count;
}

guint64 pino_journal_scan(const char *path, guint64 offset,
                          gboolean (*each)(const char *line, gsize length, gpointer data), gpointer data) {
  PinoLines lines;
  PinoLine parsed;
  const char *text;
  gsize length;
  int fd = open_for_reading(path);
  if (fd < 0)
    return offset;
  pino_lines_init(&lines, fd, offset);
  while (pino_lines_next(&lines, &text, &length))
    if (pino_line_parse(text, length, &parsed) && !each(text, length, data))
      break;
  pino_lines_pause(&lines);
  close(fd);
  return lines.offset;
}
