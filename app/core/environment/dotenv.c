#include "environment/dotenv.h"

#include "base/error.h"
#include "environment/private.h"

#include <string.h>

/* One line, or the lines that one quoted value spans. */
typedef struct {
  GString *text; /* with its line end */
  char *key;     /* NULL: no assignment */
  char *value;
  gsize start, length; /* where in text the value is written, quotes included */
} Line;

struct _PinoDotenv {
  GPtrArray *lines;   /* of Line */
  GHashTable *by_key; /* the line that counts; its key is the line's own */
  const char *newline;
  gboolean appended; /* a line was added already: no further blank line */
};

static void line_free(gpointer data) {
  Line *line = data;
  g_string_free(line->text, TRUE);
  g_free(line->key);
  g_free(line->value);
  g_free(line);
}

static gboolean is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static gboolean is_key_char(char c) {
  return g_ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
}

gboolean pino_dotenv_is_key(const char *text) {
  const char *at = text;
  while (is_key_char(*at))
    at++;
  return at != text && *at == '\0';
}

/* --- reading ------------------------------------------------------------------------------------------ */

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && is_blank(*at))
    at++;
  return at;
}

/* The first byte of the line end, or end. */
static const char *line_stop(const char *at, const char *end) {
  while (at < end && *at != '\n' && *at != '\r')
    at++;
  return at;
}

static const char *after_newline(const char *at, const char *end) {
  if (at < end && *at == '\r')
    at++;
  else if (at < end)
    return at + 1;
  return at < end && *at == '\n' ? at + 1 : at;
}

static char *unescape(const char *at, const char *end) {
  GString *text = g_string_sized_new((gsize)(end - at) + 1);
  for (; at < end; at++) {
    char next = *at == '\\' && at + 1 < end ? at[1] : '\0';
    if (next == 'n' || next == 'r')
      g_string_append_c(text, next == 'n' ? '\n' : '\r');
    else if (next == '"' || next == '\\')
      g_string_append_c(text, next);
    else {
      g_string_append_c(text, *at);
      continue;
    }
    at++;
  }
  return g_string_free(text, FALSE);
}

/* Reads the quoted value at `at`. Gives where it ends, or NULL when it is not closed or more than a comment
 * follows it. */
static const char *read_quoted(const char *at, const char *end, char **value) {
  char quote = *at;
  const char *close = at + 1;
  while (close < end && *close != quote && *close != '\0')
    close += *close == '\\' && quote == '"' && close + 1 < end && close[1] != '\0' ? 2 : 1;
  if (close >= end || *close != quote)
    return NULL;
  const char *rest = skip_blanks(close + 1, end);
  if (rest < end && *rest != '#' && *rest != '\n' && *rest != '\r')
    return NULL;
  *value = quote == '"' ? unescape(at + 1, close) : g_strndup(at + 1, (gsize)(close - at - 1));
  return close + 1;
}

/* A bare value ends before a comment that follows a blank; `from` is the first byte after the '='. */
static const char *bare_end(const char *from, const char *start, const char *stop) {
  const char *at = start;
  while (at < stop && !(*at == '#' && at > from && is_blank(at[-1])))
    at++;
  while (at > start && is_blank(at[-1]))
    at--;
  return at;
}

/* Reads the assignment at text, if it is one, into line. Gives where the line's own text stops. */
static const char *read_assignment(const char *text, const char *at, const char *end, Line *line) {
  const char *stop = line_stop(at, end);
  at = skip_blanks(at, stop);
  if (stop - at > 7 && strncmp(at, "export", 6) == 0 && is_blank(at[6]))
    at = skip_blanks(at + 6, stop);
  const char *key = at;
  while (at < stop && is_key_char(*at))
    at++;
  const char *key_end = at;
  at = skip_blanks(at, stop);
  if (key_end == key || at >= stop || *at != '=' || memchr(text, '\0', (gsize)(stop - text)))
    return stop;

  const char *from = at + 1;
  const char *start = skip_blanks(from, stop);
  const char *value_end = NULL;
  if (start < stop && strchr("'\"`", *start))
    value_end = read_quoted(start, end, &line->value);
  if (value_end) {
    stop = line_stop(value_end, end);
  } else {
    value_end = bare_end(from, start, stop);
    if (value_end == start)
      start = value_end = from;
    line->value = g_strndup(start, (gsize)(value_end - start));
  }
  line->key = g_strndup(key, (gsize)(key_end - key));
  line->start = (gsize)(start - text);
  line->length = (gsize)(value_end - start);
  return stop;
}

static char *from_utf16(const char *text, gsize len, gsize *converted) {
  const char *charset = memcmp(text, "\xff\xfe", 2) == 0   ? "UTF-16LE"
                        : memcmp(text, "\xfe\xff", 2) == 0 ? "UTF-16BE"
                                                           : NULL;
  return charset ? g_convert(text + 2, (gssize)len - 2, "UTF-8", charset, NULL, converted, NULL) : NULL;
}

static void add_line(PinoDotenv *dotenv, Line *line) {
  g_ptr_array_add(dotenv->lines, line);
  if (line->key)
    g_hash_table_replace(dotenv->by_key, line->key, line);
}

PinoDotenv *pino_dotenv_parse(const char *text, gssize len) {
  gsize size = len < 0 ? strlen(text) : (gsize)len, converted_size = 0;
  g_autofree char *converted = size >= 2 ? from_utf16(text, size, &converted_size) : NULL;
  if (converted)
    size = converted_size;
  const char *at = converted ? converted : text, *end = at + size;

  PinoDotenv *dotenv = g_new0(PinoDotenv, 1);
  dotenv->lines = g_ptr_array_new_with_free_func(line_free);
  dotenv->by_key = g_hash_table_new(g_str_hash, g_str_equal);
  dotenv->newline = "\n";
  const char *body = size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0 ? at + 3 : at;
  while (at < end) {
    Line *line = g_new0(Line, 1);
    const char *stop = read_assignment(at, body, end, line);
    const char *next = after_newline(stop, end);
    if (dotenv->lines->len == 0 && next - stop == 2)
      dotenv->newline = "\r\n";
    line->text = g_string_new_len(at, next - at);
    add_line(dotenv, line);
    at = body = next;
  }
  return dotenv;
}

void pino_dotenv_free(PinoDotenv *dotenv) {
  if (!dotenv)
    return;
  g_hash_table_unref(dotenv->by_key);
  g_ptr_array_unref(dotenv->lines);
  g_free(dotenv);
}

PinoDotenv *pino_dotenv_load(const char *path, GError **error) {
  gsize len = 0;
  GError *failed = NULL;
  g_autofree char *text = pino_private_read(path, &len, &failed);
  if (failed) {
    g_propagate_error(error, failed);
    return NULL;
  }
  return pino_dotenv_parse(text ? text : "", (gssize)len);
}

/* --- asking ------------------------------------------------------------------------------------------- */

const char *pino_dotenv_get(PinoDotenv *dotenv, const char *key) {
  const Line *line = key ? g_hash_table_lookup(dotenv->by_key, key) : NULL;
  return line ? line->value : NULL;
}

char *pino_dotenv_resolve(PinoDotenv *dotenv, const char *key, const char *folder) {
  const char *value = pino_dotenv_get(dotenv, key);
  if (!value || value[strspn(value, " \t\r\n\v\f")] == '\0')
    return NULL;
  return g_str_has_prefix(value, "./") ? g_canonicalize_filename(value, folder) : g_strdup(value);
}

char **pino_dotenv_keys(PinoDotenv *dotenv) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *keys = g_ptr_array_new();
  for (guint i = 0; i < dotenv->lines->len; i++) {
    Line *line = dotenv->lines->pdata[i];
    if (line->key && g_hash_table_add(seen, line->key))
      g_ptr_array_add(keys, g_strdup(line->key));
  }
  g_ptr_array_add(keys, NULL);
  return (char **)g_ptr_array_free(keys, FALSE);
}

/* --- comments ----------------------------------------------------------------------------------------- */

/* What a comment line says, "" for one without words; NULL for any other line. */
static char *comment_of(const Line *line) {
  const char *at = line->text->str;
  if (g_str_has_prefix(at, "\xef\xbb\xbf"))
    at += 3;
  while (is_blank(*at))
    at++;
  if (line->key || *at != '#')
    return NULL;
  gboolean words = FALSE;
  while (*at == '#')
    at++;
  for (const char *c = at; *c; c++)
    words = words || g_ascii_isalnum(*c) || (guchar)*c >= 0x80;
  return words ? g_strstrip(g_strdup(at)) : g_strdup("");
}

/* Of the line before this one up to the first that is no comment: the first such line. */
static guint first_comment(PinoDotenv *dotenv, guint line) {
  for (; line > 0; line--) {
    g_autofree char *said = comment_of(dotenv->lines->pdata[line - 1]);
    if (!said)
      break;
  }
  return line;
}

char *pino_dotenv_comment(PinoDotenv *dotenv, const char *key) {
  GString *text = g_string_new(NULL);
  guint end = 0;
  Line *line = key ? g_hash_table_lookup(dotenv->by_key, key) : NULL;
  gboolean parted = FALSE;
  if (!line || !g_ptr_array_find(dotenv->lines, line, &end))
    return g_string_free(text, FALSE);
  for (guint i = first_comment(dotenv, end); i < end; i++) {
    g_autofree char *said = comment_of(dotenv->lines->pdata[i]);
    if (*said && text->len > 0)
      g_string_append(text, parted ? "\n\n" : "\n");
    parted = !*said;
    g_string_append(text, said);
  }
  return g_string_free(text, FALSE);
}

/* --- changing ----------------------------------------------------------------------------------------- */

/* Pinokio reads these files too, and knows no escape but \n and \r: single quotes, which both take as they stand,
 * come first. It also begins a comment at any '#', so that a value with one is quoted. */
static char *written(const char *value) {
  gsize len = strlen(value);
  gboolean breaks = strpbrk(value, "\r\n") != NULL;
  gboolean bare = !breaks && !strchr(value, '#') &&
                  (len == 0 || (!strchr("'\"`", *value) && !is_blank(*value) && !is_blank(value[len - 1])));
  if (bare)
    return g_strdup(value);
  if (!breaks && !strchr(value, '\''))
    return g_strdup_printf("'%s'", value);

  GString *text = g_string_new("\"");
  for (const char *at = value; *at; at++) {
    if (*at == '\n' || *at == '\r')
      g_string_append(text, *at == '\n' ? "\\n" : "\\r");
    else {
      if (*at == '"' || *at == '\\')
        g_string_append_c(text, '\\');
      g_string_append_c(text, *at);
    }
  }
  g_string_append_c(text, '"');
  return g_string_free(text, FALSE);
}

static gboolean ends_line(Line *line) {
  char last = line->text->len > 0 ? line->text->str[line->text->len - 1] : '\0';
  return last == '\n' || last == '\r';
}

static void append_line(PinoDotenv *dotenv, const char *key, const char *value, const char *text) {
  GPtrArray *lines = dotenv->lines;
  gboolean empty = lines->len == 0;
  gboolean closed = empty || ends_line(lines->pdata[lines->len - 1]);
  if (!closed)
    g_string_append(((Line *)lines->pdata[lines->len - 1])->text, dotenv->newline);
  if (!empty && !dotenv->appended) {
    Line *blank = g_new0(Line, 1);
    blank->text = g_string_new(dotenv->newline);
    g_ptr_array_add(lines, blank);
  }
  dotenv->appended = TRUE;

  Line *line = g_new0(Line, 1);
  line->text = g_string_new(NULL);
  g_string_printf(line->text, "%s=%s%s", key, text, closed ? dotenv->newline : "");
  line->key = g_strdup(key);
  line->value = g_strdup(value);
  line->start = strlen(key) + 1;
  line->length = strlen(text);
  add_line(dotenv, line);
}

gboolean pino_dotenv_set(PinoDotenv *dotenv, const char *key, const char *value, GError **error) {
  if (!pino_dotenv_is_key(key)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE,
                "'%s' cannot be the name of a setting: use letters, digits, '_', '.' and '-'", key);
    return FALSE;
  }
  g_autofree char *text = written(value);
  Line *line = g_hash_table_lookup(dotenv->by_key, key);
  if (!line) {
    append_line(dotenv, key, value, text);
    return TRUE;
  }
  g_string_erase(line->text, (gssize)line->start, (gssize)line->length);
  /* What followed a quoted value may be a comment without a blank before it. */
  if (line->start < line->text->len && line->text->str[line->start] == '#')
    g_string_insert_c(line->text, (gssize)line->start, ' ');
  g_string_insert(line->text, (gssize)line->start, text);
  line->length = strlen(text);
  g_free(line->value);
  line->value = g_strdup(value);
  return TRUE;
}

gboolean pino_dotenv_unset(PinoDotenv *dotenv, const char *key) {
  guint before = dotenv->lines->len;
  if (!g_hash_table_remove(dotenv->by_key, key))
    return FALSE;
  for (guint i = before; i > 0; i--) {
    Line *line = dotenv->lines->pdata[i - 1];
    if (g_strcmp0(line->key, key) == 0)
      g_ptr_array_remove_index(dotenv->lines, i - 1);
  }
  return dotenv->lines->len < before;
}

/* --- writing ------------------------------------------------------------------------------------------ */

char *pino_dotenv_to_text(PinoDotenv *dotenv, gsize *len) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < dotenv->lines->len; i++) {
    Line *line = dotenv->lines->pdata[i];
    g_string_append_len(text, line->text->str, (gssize)line->text->len);
  }
  if (len)
    *len = text->len;
  return g_string_free(text, FALSE);
}

gboolean pino_dotenv_save(PinoDotenv *dotenv, const char *path, GError **error) {
  gsize len = 0;
  g_autofree char *text = pino_dotenv_to_text(dotenv, &len);
  return pino_private_write(path, text, len, error);
}
