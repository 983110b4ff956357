#include "shell/message.h"

#include <string.h>

/* Bash's manual, "Reserved Words": the first word of a command must not be one by accident. */
static const char *const RESERVED[] = {"if",   "then", "elif",   "else",   "fi",      "time",
                                       "for",  "in",   "until",  "while",  "do",      "done",
                                       "case", "esac", "coproc", "select", "function"};

static gboolean is_reserved(const char *word) {
  for (gsize i = 0; i < G_N_ELEMENTS(RESERVED); i++)
    if (strcmp(word, RESERVED[i]) == 0)
      return TRUE;
  return FALSE;
}

/* No '=' (an assignment), no '~', nothing that expands. */
static gboolean is_plain(const char *word) {
  if (*word == '\0')
    return FALSE;
  for (const char *at = word; *at; at++)
    if (!g_ascii_isalnum(*at) && !strchr("_-./:@%+,", *at))
      return FALSE;
  return !is_reserved(word);
}

static gboolean has_control(const char *text) {
  for (; *text; text++)
    if (g_ascii_iscntrl(*text))
      return TRUE;
  return FALSE;
}

/* $'...': control characters as three octal digits, which bash ends after the third. */
static char *quote_control(const char *text) {
  GString *word = g_string_new("$'");
  for (const char *at = text; *at; at++) {
    if (g_ascii_iscntrl(*at))
      g_string_append_printf(word, "\\%03o", (guint)(guchar)*at);
    else {
      if (*at == '\'' || *at == '\\')
        g_string_append_c(word, '\\');
      g_string_append_c(word, *at);
    }
  }
  g_string_append_c(word, '\'');
  return g_string_free(word, FALSE);
}

char *pino_shell_quote(const char *text) {
  if (is_plain(text))
    return g_strdup(text);
  return has_control(text) ? quote_control(text) : g_shell_quote(text);
}

static void append_word(GString *line, const char *text) {
  g_autofree char *word = pino_shell_quote(text);
  if (line->len > 0)
    g_string_append_c(line, ' ');
  g_string_append(line, word);
}

char *pino_message_structured(const char *const *positional, const PinoMessageFlag *flags, gsize count) {
  GString *line = g_string_new(NULL);
  for (const char *const *word = positional; word && *word; word++)
    append_word(line, *word);
  for (gsize i = 0; i < count; i++) {
    if (!flags[i].name || *flags[i].name == '\0')
      continue;
    g_autofree char *flag = g_strconcat(flags[i].name[1] ? "--" : "-", flags[i].name, NULL);
    append_word(line, flag);
    if (flags[i].value)
      append_word(line, flags[i].value);
  }
  return g_string_free(line, FALSE);
}

static gboolean is_blank_text(const char *text) {
  while (g_ascii_isspace(*text))
    text++;
  return *text == '\0';
}

char *pino_message_chain(const char *const *commands, char chain) {
  const char *joint = chain == '|' ? " || " : chain == '*' ? " ; " : " && ";
  GString *line = g_string_new(NULL);
  for (; commands && *commands; commands++)
    if (!is_blank_text(*commands))
      g_string_append_printf(line, "%s%s", line->len > 0 ? joint : "", *commands);
  return g_string_free(line, FALSE);
}
