/* How an interactive shell is made to tell where its prompt is.
 *
 * Its prompts carry a control sequence that no terminal shows (an OSC of our own, with a word that only we know): at
 * the prompt with the exit code of the last command, and right before a command runs. So the end of a command is
 * known exactly, and what it printed is told from the echo of the typed line. A shell inside the shell inherits
 * nothing of it, and would be known by its process id.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoDialect PinoDialect;

typedef enum {
  PINO_MARK_OTHER,  /* not ours */
  PINO_MARK_PROMPT, /* a command has ended, the prompt is there */
  PINO_MARK_MORE,   /* the typed command is not complete */
  PINO_MARK_BEGIN,  /* the typed command runs from here on */
} PinoMarkKind;

typedef struct {
  PinoMarkKind kind;
  int exit_code;  /* PROMPT */
  int jobs;       /* PROMPT: commands in the background */
  gint64 pid;     /* of the shell that says so */
  guint64 serial; /* PROMPT: another one for each prompt, the same when one is drawn again */
} PinoMark;

/* The dialect of a shell, by its name or path. NULL: not known, only pino_dialect_command() works. */
const PinoDialect *pino_dialect_find(const char *shell);

/* Whether the dialect tells when a command begins; otherwise it begins with the line after the typed one. */
gboolean pino_dialect_marks_begin(const PinoDialect *dialect);

/* argv that runs one command and ends. dialect may be NULL. Free with g_strfreev(). */
char **pino_dialect_command(const PinoDialect *dialect, const char *shell, const char *command);

/* argv and environment of an interactive shell; nonce: the word, letters and digits. Free with g_strfreev(). */
char **pino_dialect_interactive(const PinoDialect *dialect, const char *shell);
char **pino_dialect_environment(const PinoDialect *dialect, const char *const *env, const char *nonce);

/* What to type so that message is read as one command: one line of plain ASCII without the Enter at its end. Free
 * with g_free(). */
char *pino_dialect_line(const PinoDialect *dialect, const char *message);

/* Reads the payload of an OSC. */
PinoMark pino_mark_read(const char *payload, gsize len, const char *nonce);

G_END_DECLS
