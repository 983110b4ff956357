#include "cloud/read.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { READ_LIMIT = 1024 * 1024 };

static char *read_path(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  char buffer[4096];
  ssize_t got;
  while (text->len < READ_LIMIT &&
         ((got = read(fd, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))) {
    if (got > 0)
      g_string_append_len(text, buffer, got);
  }
  close(fd);
  return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static char *read_below(const char *root, const char *format, va_list parts) {
  g_autofree char *below = g_strdup_vprintf(format, parts);
  g_autofree char *path = g_build_filename(root, below, NULL);
  return read_path(path);
}

char *pino_cloud_read(const char *root, const char *format, ...) {
  va_list parts;
  va_start(parts, format);
  char *text = read_below(root, format, parts);
  va_end(parts);
  return text;
}

gboolean pino_cloud_read_number(guint64 *number, const char *root, const char *format, ...) {
  va_list parts;
  va_start(parts, format);
  g_autofree char *text = read_below(root, format, parts);
  va_end(parts);
  if (text == NULL || *g_strstrip(text) == '\0')
    return FALSE;
  *number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, NULL, 10) : G_MAXUINT64;
  return TRUE;
}

gboolean pino_cloud_keyed_number(const char *text, const char *key, guint64 *number) {
  gsize length = strlen(key);
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, key, length) != 0 || strchr(": \t", line[length]) == NULL || line[length] == '\0')
      continue;
    const char *value = line + length + strspn(line + length, ": \t");
    if (!g_ascii_isdigit(*value))
      return FALSE;
    *number = g_ascii_strtoull(value, NULL, 10);
    return TRUE;
  }
  return FALSE;
}

static void append_name(GString *out, const char *name) {
  char last = out->len > 0 ? out->str[out->len - 1] : '{';
  if (last != '{' && last != '[')
    g_string_append_c(out, ',');
  if (name != NULL)
    g_string_append_printf(out, "\"%s\":", name);
}

void pino_cloud_append_double(GString *out, const char *name, double value, int decimals) {
  char format[16], text[G_ASCII_DTOSTR_BUF_SIZE];
  append_name(out, name);
  g_snprintf(format, sizeof format, "%%.%df", decimals);
  g_string_append(out, isfinite(value) ? g_ascii_formatd(text, sizeof text, format, value) : "null");
}

void pino_cloud_append_number(GString *out, const char *name, guint64 value) {
  append_name(out, name);
  if (value == G_MAXUINT64)
    g_string_append(out, "null");
  else
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
}
