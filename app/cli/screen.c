#include "cli/screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/say.h"

/* Modes of the terminal that a program sets with CSI ? NUMBER h and that would trouble the shell after it. */
static const struct {
  guint number;
  const char *undo;
} modes[] = {
    {1049, "\033[?1049l"}, {1047, "\033[?1047l"}, {47, "\033[?47l"},     {1, "\033[?1l"},
    {1000, "\033[?1000l"}, {1002, "\033[?1002l"}, {1003, "\033[?1003l"}, {1004, "\033[?1004l"},
    {1006, "\033[?1006l"}, {2004, "\033[?2004l"},
};

#define MOST_NUMBERS 8

typedef enum { PLAIN, ESCAPE, BRACKET, NUMBER } State;

struct _PinoScreen {
  struct termios before;
  State state; /* of what is being shown */
  guint numbers[MOST_NUMBERS], count;
  gboolean is_on[G_N_ELEMENTS(modes)];
  gboolean hidden; /* its cursor */
};

PinoScreen *pino_screen_take(GError **error) {
  struct termios before;
  if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) {
    g_set_error_literal(error, PINO_ERROR, PINO_ERROR_USAGE,
                        "attach needs a terminal; `pinokiocloud logs -f` shows output without one");
    return NULL;
  }
  PinoScreen *screen = g_new0(PinoScreen, 1);
  struct termios raw = before;
  screen->before = before;
  cfmakeraw(&raw);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  return screen;
}

void pino_screen_free(PinoScreen *screen) {
  for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
    if (screen->is_on[i])
      pino_put(STDOUT_FILENO, modes[i].undo, strlen(modes[i].undo));
  }
  if (screen->hidden)
    pino_put(STDOUT_FILENO, "\033[?25h", 6);
  pino_put(STDOUT_FILENO, "\033[0m\r\n", 6);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
  g_free(screen);
}

static void take_mode(PinoScreen *screen, guint number, gboolean on) {
  if (number == 25)
    screen->hidden = !on;
  for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
    if (modes[i].number == number)
      screen->is_on[i] = on;
  }
}

/* Behind "CSI ?": numbers, then what is done with them. */
static void take_number(PinoScreen *screen, char c) {
  guint *last = &screen->numbers[screen->count - 1];
  if (g_ascii_isdigit(c) && *last < 100000) {
    *last = *last * 10 + (guint)(c - '0');
    return;
  }
  if (c == ';' && screen->count < MOST_NUMBERS) {
    screen->numbers[screen->count++] = 0;
    return;
  }
  for (guint i = 0; (c == 'h' || c == 'l') && i < screen->count; i++)
    take_mode(screen, screen->numbers[i], c == 'h');
  screen->state = PLAIN;
}

static void watch(PinoScreen *screen, char c) {
  switch (screen->state) {
  case PLAIN:
    screen->state = c == '\033' ? ESCAPE : PLAIN;
    break;
  case ESCAPE:
    screen->state = c == '[' ? BRACKET : c == '\033' ? ESCAPE : PLAIN;
    break;
  case BRACKET:
    screen->state = c == '?' ? NUMBER : PLAIN;
    screen->numbers[0] = 0;
    screen->count = 1;
    break;
  case NUMBER:
    take_number(screen, c);
    break;
  }
}

gboolean pino_screen_put(PinoScreen *screen, const char *bytes, gsize length) {
  for (gsize i = 0; i < length; i++)
    watch(screen, bytes[i]);
  return pino_put(STDOUT_FILENO, bytes, length);
}

void pino_screen_size(guint *cols, guint *rows) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
    size = (struct winsize){0};
  *cols = size.ws_col;
  *rows = size.ws_row;
}

void pino_screen_append_size(GString *out) {
  guint cols, rows;
  pino_screen_size(&cols, &rows);
  if (cols > 0 && rows > 0)
    g_string_append_printf(out, "%s\"cols\":%u,\"rows\":%u", g_str_has_suffix(out->str, "{") ? "" : ",", cols,
                           rows);
}
