/* A run's journal: what happened in it, one JSON object a line, only ever appended to.
 *
 * The runner writes it while the script's steps go on, the engine afterwards; it is what every listener reads, from
 * any byte on, so a slow one costs nobody anything. A line is appended by one write. What a shell printed stands in
 * the shell's own log; the journal holds short pieces as text and names longer ones by where they are:
 *
 *   {"type":"stream","index":2,"shell":"ID","offset":1234,"raw":"text"}
 *   {"type":"stream","index":2,"shell":"ID","offset":99000,"length":65536,"log":"/path"}
 *
 * offset is the byte of the log after the piece. A reader puts the text in the place of length and log, so what it
 * hands out always has raw, up to 16 KiB of the log a line. Each byte that is no UTF-8 becomes U+FFFD; a character that
 * is cut between two pieces comes with the second one, also when reading begins there.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoJournal PinoJournal;

/* Opens for appending; made with mode 0600, folders too. A last line that a crash cut short is ended with a newline,
 * so that readers can pass over it. */
PinoJournal *pino_journal_open(const char *path, GError **error);
void pino_journal_free(PinoJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoJournal, pino_journal_free)

/* Appends one object: line is JSON of one line, with or without its newline; nothing else is looked at
 * (PINO_ERROR_USAGE for several lines or none). When the disk is full the line is lost, the error (PINO_ERRNO) says so,
 * and {"type":"gap","lines":N} goes before the next line that can be written. */
gboolean pino_journal_append(PinoJournal *journal, const char *line, gsize length, GError **error);

typedef struct {
  const char *script; /* NULL: the run's own */
  const char *shell;
  const char *log;
  int index;
  guint64 offset; /* of the log after these bytes */
} PinoJournalPiece;

/* Appends what a shell printed: up to 512 bytes of text as they are, else references of 64 KiB each. Call it once more
 * with length 0 when the shell has ended, so that a character that its output broke off in is told too. Errors as of
 * pino_journal_append(); what was refused of the output is still in the log. */
gboolean pino_journal_output(PinoJournal *journal, const PinoJournalPiece *piece, const guint8 *bytes,
                             gsize length, GError **error);

typedef struct _PinoJournalReader PinoJournalReader;

/* Reads from a byte on; 0 is the beginning. An offset inside a line starts with the next line. The file may not be
 * there yet, or not be as long yet. Once it was there, reading goes on in that file, also when it is deleted or another
 * one takes its name. One that is cut shorter gives nothing until it is longer than what was read of it. */
PinoJournalReader *pino_journal_reader_new(const char *path, guint64 offset);
void pino_journal_reader_free(PinoJournalReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoJournalReader, pino_journal_reader_free)

/* Appends whole lines to out until there are no more or out holds limit bytes (one line, or one piece of output of up to
 * 64 KiB, more at most). Gives the number of lines; 0: nothing new. Lines that are no JSON object are passed over, as
 * are those longer than 64 MiB. What is gone of a log gives {"type":"stream",...,"raw":"","lost":BYTES}. A log that is
 * not where the journal says is looked for beside the journal. */
guint pino_journal_reader_next(PinoJournalReader *reader, GString *out, gsize limit);
/* Where the next call goes on: give it to pino_journal_reader_new() another time. */
guint64 pino_journal_reader_offset(const PinoJournalReader *reader);

/* Calls each(line, length, data) for every line that is a JSON object, as it stands in the file (not put together, without
 * its newline), from offset on; stops when it gives FALSE. Gives the byte after the last whole line read, offset when
 * the file cannot be read. */
guint64 pino_journal_scan(const char *path, guint64 offset,
                          gboolean (*each)(const char *line, gsize length, gpointer data), gpointer data);

G_END_DECLS
