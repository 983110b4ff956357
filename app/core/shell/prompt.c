#include "shell/prompt.h"

#include <stdlib.h>
#include <string.h>

/* No terminal knows this number; XTerm's "Operating System Commands" end far below. */
#define MARK "7717"

#define COUNTER "PINO_PROMPT"

/* Prompts are written with %s for the nonce. The counter is raised whenever the shell makes a new prompt, not when
 * it draws the same again. */
struct _PinoDialect {
  const char *names[4];
  const char *plain[4];       /* options for one command; -c follows */
  const char *interactive[5]; /* options for a person */
  const char *ps0, *ps1, *ps2;
  const char *startup;  /* PROMPT_COMMAND */
  const char *quote[2]; /* around text in octal escapes that gives the text back */
  gboolean percent;     /* % is special within these */
};

/* Bash's manual, "Controlling the Prompt": \j jobs, $$ the shell, \[ \] around what takes no room; PS0 is shown
 * before a command runs (4.4). +H: a "!" is nothing special. The variables are ours and not for what runs inside. */
#define BASH                                                                                                 \
  {"--noprofile", "--norc", NULL}, {"--noprofile", "--norc", "+H", "-i", NULL}, "\\e]" MARK ";%s;C;$$\\a",   \
      "\\[\\e]" MARK ";%s;D;$?;\\j;$$;$((" COUNTER "+=1))\\a\\]\\$ ", "\\[\\e]" MARK ";%s;M;$$\\a\\]> ",     \
      "export -n PS0 PS1 PS2 " COUNTER " PROMPT_COMMAND; PROMPT_COMMAND=", {"$'", "'"}, FALSE

/* POSIX, "Shell Variables": PS1 and PS2 are expanded. Escapes are not, so the characters themselves stand here. */
#define POSIX                                                                                                \
  {NULL}, {"-i", NULL}, NULL, "\033]" MARK ";%s;D;$?;0;$$;$((" COUNTER "+=1))\a$ ",                          \
      "\033]" MARK ";%s;M;$$\a> ", NULL, {"\"$(printf '", "')\""}, TRUE

static const PinoDialect dialects[] = {
    {{"bash", NULL}, BASH},
    {{"sh", "dash", "ash", NULL}, POSIX},
};

const PinoDialect *pino_dialect_find(const char *shell) {
  g_autofree char *name = g_path_get_basename(shell);
  for (guint i = 0; i < G_N_ELEMENTS(dialects); i++)
    for (guint k = 0; k < G_N_ELEMENTS(dialects[i].names) && dialects[i].names[k] != NULL; k++)
      if (g_str_equal(dialects[i].names[k], name))
        return &dialects[i];
  return NULL;
}

gboolean pino_dialect_marks_begin(const PinoDialect *dialect) {
  return dialect->ps0 != NULL;
}

static void add_all(GStrvBuilder *argv, const char *const *options) {
  for (; *options != NULL; options++)
    g_strv_builder_add(argv, *options);
}

char **pino_dialect_command(const PinoDialect *dialect, const char *shell, const char *command) {
  g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
  g_strv_builder_add(argv, shell);
  if (dialect != NULL)
    add_all(argv, dialect->plain);
  g_strv_builder_add(argv, "-c");
  g_strv_builder_add(argv, command);
  return g_strv_builder_end(argv);
}

char **pino_dialect_interactive(const PinoDialect *dialect, const char *shell) {
  g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
  g_strv_builder_add(argv, shell);
  add_all(argv, dialect->interactive);
  return g_strv_builder_end(argv);
}

static char **set_prompt(char **env, const char *name, const char *pattern, const char *nonce) {
  if (pattern == NULL)
    return g_environ_unsetenv(env, name);
  g_auto(GStrv) parts = g_strsplit(pattern, "%s", 2);
  g_autofree char *value = g_strjoinv(nonce, parts);
  return g_environ_setenv(env, name, value, TRUE);
}

char **pino_dialect_environment(const PinoDialect *dialect, const char *const *env, const char *nonce) {
  char **own = env != NULL ? g_strdupv((char **)env) : g_get_environ();
  own = set_prompt(own, "PS0", dialect->ps0, nonce);
  own = set_prompt(own, "PS1", dialect->ps1, nonce);
  own = set_prompt(own, "PS2", dialect->ps2, nonce);
  own = set_prompt(own, "PROMPT_COMMAND", dialect->startup, nonce);
  return g_environ_setenv(own, COUNTER, "0", TRUE);
}

/* A control character would be a key of the line editor, and so may be what is not ASCII in some locales. */
static gboolean is_typeable(const char *text) {
  for (; *text != '\0'; text++)
    if ((guchar)*text >= 0x7f || g_ascii_iscntrl(*text))
      return FALSE;
  return TRUE;
}

char *pino_dialect_line(const PinoDialect *dialect, const char *message) {
  g_autofree char *text = g_strdup(message);
  while (g_str_has_suffix(text, "\n") || g_str_has_suffix(text, "\r"))
    text[strlen(text) - 1] = '\0';
  if (is_typeable(text))
    return g_steal_pointer(&text);
  GString *line = g_string_new("eval ");
  g_string_append(line, dialect->quote[0]);
  for (const char *at = text; *at != '\0'; at++) {
    if ((guchar)*at >= 0x7f || g_ascii_iscntrl(*at) || *at == '\'')
      g_string_append_printf(line, "\\%03o", (guint)(guchar)*at);
    else if (*at == '\\' || (*at == '%' && dialect->percent))
      g_string_append_printf(line, "%c%c", *at, *at);
    else
      g_string_append_c(line, *at);
  }
  g_string_append(line, dialect->quote[1]);
  return g_string_free(line, FALSE);
}

PinoMark pino_mark_read(const char *payload, gsize len, const char *nonce) {
  PinoMark mark = {PINO_MARK_OTHER, 0, 0, 0, 0};
  g_autofree char *text = g_strndup(payload, len);
  g_auto(GStrv) fields = g_strsplit(text, ";", 8);
  guint count = g_strv_length(fields);
  if (count < 4 || !g_str_equal(fields[0], MARK) || !g_str_equal(fields[1], nonce))
    return mark;
  if (g_str_equal(fields[2], "D") && count == 7) {
    mark.kind = PINO_MARK_PROMPT;
    mark.exit_code = atoi(fields[3]);
    mark.jobs = atoi(fields[4]);
    mark.pid = g_ascii_strtoll(fields[5], NULL, 10);
    mark.serial = g_ascii_strtoull(fields[6], NULL, 10);
  } else if (g_str_equal(fields[2], "M") || g_str_equal(fields[2], "C")) {
    mark.kind = fields[2][0] == 'M' ? PINO_MARK_MORE : PINO_MARK_BEGIN;
    mark.pid = g_ascii_strtoll(fields[3], NULL, 10);
  }
  return mark;
}
