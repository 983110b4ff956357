#include "state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "state/fail.h"
#include "state/line.h"

/* Up to here a piece is worth its place in the journal. */
#define INLINE_MAX 512
/* A reader hands out a piece as a whole, so it must not be long. */
#define PIECE_MAX ((gsize)64 << 10)
/* Shells whose last bytes are remembered; more than ever print at the same time. */
#define SHELLS_MAX 64

struct _PinoJournal {
  int fd;
  char *path;
  guint64 lost;      /* lines since the last one that was written */
  gboolean torn;     /* the file ends within a line */
  GHashTable *tails; /* shell: Tail */
};

/* The last bytes that a shell printed. */
typedef struct {
  guint8 bytes[3];
  gsize length;
} Tail;

/* --- opening ---- */

static gboolean ends_within_line(int fd) {
  struct stat st;
  char last = '\n';
  return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

static int open_file(const char *path, GError **error) {
  struct stat st;
  g_autofree char *folder = g_path_get_dirname(path);
  if (g_mkdir_with_parents(folder, 0700) != 0) {
    pino_state_fail(error, errno, "mkdir", folder);
    return -1;
  }
  int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (fd < 0) {
    pino_state_fail(error, errno, "open", path);
    return -1;
  }
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
    return fd;
  close(fd);
  g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "'%s' is no file; move it away", path);
  return -1;
}

PinoJournal *pino_journal_open(const char *path, GError **error) {
  int fd = open_file(path, error);
  if (fd < 0)
    return NULL;
  PinoJournal *journal = g_new0(PinoJournal, 1);
  journal->fd = fd;
  journal->path = g_strdup(path);
  journal->tails = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  /* When the disk is full the newline goes before the next line. */
  journal->torn = ends_within_line(fd) && write(fd, "\n", 1) != 1;
  return journal;
}

void pino_journal_free(PinoJournal *journal) {
  if (journal == NULL)
    return;
  close(journal->fd);
  g_free(journal->path);
  g_hash_table_unref(journal->tails);
  g_free(journal);
}

/* --- appending ---- */

/* One write, and more only when the system took a part. Gives the bytes written; fewer than length: errno tells why. */
static gsize write_all(int fd, const char *bytes, gsize length) {
  gsize done = 0;
  while (done < length) {
    ssize_t n = write(fd, bytes + done, length - done);
    if (n > 0)
      done += (gsize)n;
    else if (n == 0 || errno != EINTR)
      break;
  }
  return done;
}

gboolean pino_journal_append(PinoJournal *journal, const char *line, gsize length, GError **error) {
  if (length > 0 && line[length - 1] == '\n')
    length--;
  if (length == 0 || memchr(line, '\n', length) != NULL) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "a journal takes one line at a time");
    return FALSE;
  }
  g_autoptr(GString) text = g_string_sized_new(length + 64);
  if (journal->torn)
    g_string_append_c(text, '\n');
  if (journal->lost > 0)
    g_string_append_printf(text, "{\"type\":\"gap\",\"lines\":%" G_GUINT64_FORMAT "}\n", journal->lost);
  gsize before = text->len;
  g_string_append_len(text, line, (gssize)length);
  g_string_append_c(text, '\n');

  gsize done = write_all(journal->fd, text->str, text->len);
  int reason = errno;
  if (done > 0)
    journal->torn = text->str[done - 1] != '\n';
  if (done >= before)
    journal->lost = 0;
  if (done == text->len)
    return TRUE;
  /* Without its newline alone, the line comes with the next one. */
  if (done + 1 < text->len)
    journal->lost++;
  pino_state_fail(error, reason, "write", journal->path);
  return FALSE;
}

/* --- output ---- */

/* NULL: not known, because what came before was written by somebody else or long ago. */
static Tail *tail_of(PinoJournal *journal, const PinoJournalPiece *piece, gsize length) {
  Tail *tail = g_hash_table_lookup(journal->tails, piece->shell);
  if (tail != NULL || (piece->offset != length && length < sizeof tail->bytes))
    return tail;
  if (g_hash_table_size(journal->tails) >= SHELLS_MAX)
    g_hash_table_remove_all(journal->tails);
  tail = g_new0(Tail, 1);
  g_hash_table_insert(journal->tails, g_strdup(piece->shell), tail);
  return tail;
}

static void push_tail(Tail *tail, const guint8 *bytes, gsize length) {
  guint8 joined[2 * sizeof tail->bytes];
  gsize take = MIN(length, sizeof tail->bytes), all = tail->length + take;
  memcpy(joined, tail->bytes, tail->length);
  memcpy(joined + tail->length, bytes + length - take, take);
  tail->length = MIN(all, sizeof tail->bytes);
  memcpy(tail->bytes, joined + all - tail->length, tail->length);
}

static void append_head(GString *line, const PinoJournalPiece *piece, guint64 offset) {
  g_string_append(line, "{\"type\":\"stream\"");
  pino_json_append_member(line, "script", piece->script);
  if (piece->index >= 0)
    g_string_append_printf(line, ",\"index\":%d", piece->index);
  pino_json_append_member(line, "shell", piece->shell);
  g_string_append_printf(line, ",\"offset\":%" G_GUINT64_FORMAT, offset);
}

static gboolean append_text(PinoJournal *journal, const PinoJournalPiece *piece, const guint8 *bytes,
                            gsize length, GError **error) {
  g_autoptr(GString) line = g_string_sized_new(length + 160);
  append_head(line, piece, piece->offset);
  g_string_append(line, ",\"raw\":");
  pino_json_append_string(line, (const char *)bytes, length);
  g_string_append_c(line, '}');
  return pino_journal_append(journal, line->str, line->len, error);
}

static gboolean append_reference(PinoJournal *journal, const PinoJournalPiece *piece, guint64 offset,
                                 gsize length, GError **error) {
  g_autoptr(GString) line = g_string_sized_new(256);
  append_head(line, piece, offset);
  g_string_append_printf(line, ",\"length\":%" G_GSIZE_FORMAT, length);
  pino_json_append_member(line, "log", piece->log);
  g_string_append_c(line, '}');
  return pino_journal_append(journal, line->str, line->len, error);
}

/* The end of a shell's output: a character that was cut there is told to readers as such. */
static gboolean append_end(PinoJournal *journal, const PinoJournalPiece *piece, GError **error) {
  const Tail *tail = g_hash_table_lookup(journal->tails, piece->shell);
  gboolean whole = piece->offset == 0 || (tail != NULL && pino_utf8_cut(tail->bytes, tail->length) == 0);
  g_hash_table_remove(journal->tails, piece->shell);
  return whole || append_reference(journal, piece, piece->offset, 0, error);
}

gboolean pino_journal_output(PinoJournal *journal, const PinoJournalPiece *piece, const guint8 *bytes,
                             gsize length, GError **error) {
  if (length == 0)
    return append_end(journal, piece, error);
  gboolean known = piece->offset == length || g_hash_table_contains(journal->tails, piece->shell);
  Tail *tail = tail_of(journal, piece, length);
  gboolean alone = known && pino_utf8_cut(tail->bytes, tail->length) == 0;
  if (tail != NULL)
    push_tail(tail, bytes, length);
  if (alone && length <= INLINE_MAX && g_utf8_validate_len((const char *)bytes, length, NULL))
    return append_text(journal, piece, bytes, length, error);
  guint64 start = piece->offset - length;
  for (gsize done = 0; done < length;) {
    gsize part = MIN(length - done, PIECE_MAX);
    done += part;
    if (!append_reference(journal, piece, start + done, part, error))
      return FALSE;
  }
  return TRUE;
}
