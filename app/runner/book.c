#include "runner/book.h"

#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "script/resolve.h"
#include "state/journal.h"

struct _PinoBook {
  PinoJournal *journal;
  GString *line; /* kept for its memory */
  guint shells;
  gboolean failing;
};

static void tell_failure(PinoBook *book, const GError *error) {
  if (!book->failing)
    g_printerr("the run's journal cannot be written: %s\n", error->message);
  book->failing = TRUE;
}

static void append(PinoBook *book) {
  g_autoptr(GError) error = NULL;
  if (pino_journal_append(book->journal, book->line->str, book->line->len, &error))
    book->failing = FALSE;
  else
    tell_failure(book, error);
}

/* {"type":"shell",...} is how the runner writes it; the number is what its id ends with. */
static gboolean count_shell(const char *line, gsize length, gpointer data) {
  static const char head[] = "{\"type\":\"shell\"";
  guint *last = data;
  if (length < sizeof head || strncmp(line, head, sizeof head - 1) != 0)
    return TRUE;
  const char *id = g_strstr_len(line, (gssize)length, "\"shell\":\"");
  const char *end = id != NULL ? memchr(id + 9, '"', length - (gsize)(id + 9 - line)) : NULL;
  const char *dot = end != NULL ? g_strrstr_len(id, end - id, ".") : NULL;
  if (dot != NULL)
    *last = MAX(*last, (guint)g_ascii_strtoull(dot + 1, NULL, 10));
  return TRUE;
}

static void append_first(PinoBook *book, const char *home, const char *run, const char *script) {
  g_autofree char *folder = pino_app_folder(home, script);
  g_autofree char *api = g_build_filename(home, "api", NULL);
  g_autofree char *parent = g_path_get_dirname(folder);
  g_autofree char *app = g_path_get_basename(folder);
  g_string_assign(book->line, "{");
  pino_json_append_member(book->line, "type", "run");
  pino_json_append_member(book->line, "run", run);
  if (g_str_equal(parent, api))
    pino_json_append_member(book->line, "app", app);
  else
    g_string_append(book->line, ",\"app\":null");
  pino_json_append_member(book->line, "script", script);
  g_string_append_printf(book->line, ",\"time\":%" G_GINT64_FORMAT "}", g_get_real_time() / 1000);
  append(book);
}

PinoBook *pino_book_open(const char *path, const char *home, const char *run, const char *script,
                         GError **error) {
  struct stat info;
  gboolean is_new = stat(path, &info) != 0 || info.st_size == 0;
  PinoJournal *journal = pino_journal_open(path, error);
  if (journal == NULL)
    return NULL;
  PinoBook *book = g_new0(PinoBook, 1);
  book->journal = journal;
  book->line = g_string_new(NULL);
  if (is_new)
    append_first(book, home, run, script);
  else
    pino_journal_scan(path, 0, count_shell, &book->shells);
  return book;
}

void pino_book_free(PinoBook *book) {
  if (book == NULL)
    return;
  pino_journal_free(book->journal);
  g_string_free(book->line, TRUE);
  g_free(book);
}

guint pino_book_shells(PinoBook *book) {
  return book->shells;
}

static void note_output(PinoBook *book, const PinoEvent *event, const guint8 *bytes, gsize length) {
  g_autoptr(GError) error = NULL;
  PinoJournalPiece piece = {
      .script = event->script,
      .shell = event->shell,
      .log = event->log,
      .index = event->index,
      .offset = event->offset,
  };
  if (pino_journal_output(book->journal, &piece, bytes, length, &error))
    book->failing = FALSE;
  else
    tell_failure(book, error);
}

/* A shell's output goes by its bytes; what else is printed, and what a log could not take, by its text. */
void pino_book_note(const PinoEvent *event, gpointer data) {
  PinoBook *book = data;
  gboolean in_log = event->shell != NULL && event->log != NULL;
  if (event->type == PINO_EVENT_STREAM && in_log) {
    if (event->bytes_len > 0)
      note_output(book, event, event->bytes, event->bytes_len);
    return;
  }
  if (event->type == PINO_EVENT_EXIT && in_log)
    note_output(book, event, NULL, 0);
  g_string_truncate(book->line, 0);
  pino_event_to_json(event, book->line);
  append(book);
}
