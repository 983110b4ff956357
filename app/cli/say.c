#include "cli/say.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "terminal/command.h"

#define LINES "\n\t" /* what a text of several lines may have */

/* kept: control characters that stay as they are. */
static char *escape(const char *text, const char *kept) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *escaped = g_string_new(NULL);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_iscntrl(c) || (c < 0x80 && strchr(kept, (int)c) != NULL))
      g_string_append_unichar(escaped, c);
    else if (c == '\n')
      g_string_append(escaped, "\\n");
    else
      g_string_append_printf(escaped, "\\x%02x", c);
  }
  return g_string_free(escaped, FALSE);
}

char *pino_one_line(const char *text) {
  return escape(text, "");
}

void pino_say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *said = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *text = escape(said, LINES);
  gboolean colours = isatty(STDERR_FILENO) && g_getenv("NO_COLOR") == NULL;
  fprintf(stderr, colours ? "\033[2m[pinokiocloud] %s\033[0m\n" : "[pinokiocloud] %s\n", text);
}

int pino_say_error(const GError *error) {
  g_autofree char *text = escape(error->message, LINES);
  pino_command_complain(text);
  return PINO_EXIT_FAILED;
}

gboolean pino_put(int fd, const void *bytes, gsize length) {
  const char *at = bytes;
  while (length > 0) {
    gssize written = write(fd, at, length);
    if (written < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      poll(&wait, 1, -1);
      continue;
    }
    if (written < 0 && errno != EINTR)
      return FALSE;
    at += MAX(written, 0);
    length -= (gsize)MAX(written, 0);
  }
  return TRUE;
}

void pino_put_line(const char *text) {
  g_autofree char *line = g_strconcat(text, "\n", NULL);
  pino_put(STDOUT_FILENO, line, strlen(line));
}

void pino_put_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *line = pino_one_line(text);
  pino_put_line(line);
}

void pino_put_json(JsonNode *node) {
  g_autofree char *text = json_to_string(node, TRUE);
  pino_put_line(text);
}

char *pino_span(gint64 seconds) {
  seconds = MAX(seconds, 0);
  int minutes = (int)(seconds / 60 % 60), hours = (int)(seconds / 3600 % 24), days = (int)(seconds / 86400);
  if (days > 0)
    return g_strdup_printf("%d d %d h", days, hours);
  if (hours > 0)
    return g_strdup_printf("%d h %d min", hours, minutes);
  return minutes > 0 ? g_strdup_printf("%d min", minutes) : g_strdup_printf("%d s", (int)seconds);
}
