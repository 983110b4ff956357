#include "cli/secret.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"

#define LONGEST 1000
#define CTRL_C 3

gboolean pino_secret_check(const char *word, const char *what, GError **error) {
  const char *wrong = *word == '\0'                      ? "is empty"
                      : strlen(word) > LONGEST           ? "is longer than 1000 bytes"
                      : !g_utf8_validate(word, -1, NULL) ? "is no UTF-8 text"
                                                         : NULL;
  if (wrong != NULL)
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "%s %s", what, wrong);
  return wrong == NULL;
}

/* Byte by byte: what follows the line is another reader's. FALSE: the input ended. */
static gboolean read_byte(char *byte) {
  gssize count;
  do {
    count = read(STDIN_FILENO, byte, 1);
    if (count < 0 && errno == EAGAIN)
      poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
  } while (count < 0 && (errno == EINTR || errno == EAGAIN));
  return count == 1;
}

/* Of a line too long only the beginning is kept. FALSE: none came. */
static gboolean read_line(char *line, gsize room, gboolean is_tty) {
  gsize length = 0;
  char byte = '\0';
  while (read_byte(&byte) && byte != '\n' && !(is_tty && byte == CTRL_C)) {
    if (length + 1 < room)
      line[length++] = byte;
  }
  if (!is_tty && length > 0 && line[length - 1] == '\r')
    length--;
  line[length] = '\0';
  return byte == '\n' || (!is_tty && length > 0);
}

/* Ctrl-C ends the line instead of the program, which first has to put the terminal right; all other keys go on editing
 * the line. */
static void be_silent(const struct termios *before) {
  struct termios silent = *before;
  silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
  silent.c_cc[VEOL] = CTRL_C;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &silent);
}

char *pino_secret_read(const char *prompt, const char *what, GError **error) {
  struct termios before;
  gboolean is_tty = tcgetattr(STDIN_FILENO, &before) == 0;
  char line[LONGEST + 2];
  if (is_tty) {
    be_silent(&before);
    fputs(prompt, stderr);
  }
  gboolean came = read_line(line, sizeof line, is_tty);
  if (is_tty) {
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    fputc('\n', stderr);
  }
  char *secret = came && pino_secret_check(line, what, error) ? g_strdup(line) : NULL;
  if (!came)
    g_set_error(error, PINO_ERROR, PINO_ERROR_CANCELLED, "%s was not given", what);
  explicit_bzero(line, sizeof line);
  return secret;
}

void pino_secret_hide(char **arguments, const char *word) {
  gsize length = strlen(word);
  for (guint i = 0; length > 0 && arguments[i] != NULL; i++) {
    gsize whole = strlen(arguments[i]);
    char *end = whole >= length ? arguments[i] + whole - length : NULL;
    if (end != NULL && strcmp(end, word) == 0 && (end == arguments[i] || end[-1] == '='))
      memset(end, '*', length);
  }
}

void pino_secret_free(char *secret) {
  if (secret != NULL)
    explicit_bzero(secret, strlen(secret));
  g_free(secret);
}
