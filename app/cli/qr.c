#include "cli/qr.h"

#include <qrencode.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "cli/screen.h"

#define QUIET 4 /* modules on each side, as the standard has it */
#define IS_DARK 1

/* Of the fixed part of the 256 colours: the first 16 are what a theme makes of them. */
#define BLACK_ON_WHITE "\033[38;5;16;48;5;231m"
#define PLAIN "\033[0m"

static gboolean is_dark(const QRcode *code, int x, int y) {
  gboolean inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
  return inside && (code->data[y * code->width + x] & IS_DARK) != 0;
}

/* One character: the module at (x, y) above the one below it. */
static const char *cell(const QRcode *code, int x, int y, gboolean dark_is_drawn) {
  static const char *const halves[2][2] = {{" ", "▄"}, {"▀", "█"}};
  gboolean above = is_dark(code, x, y) == dark_is_drawn;
  gboolean below = is_dark(code, x, y + 1) == dark_is_drawn;
  return halves[above][below];
}

static char *draw(const QRcode *code, gboolean colours) {
  GString *out = g_string_new(NULL);
  for (int y = -QUIET; y < code->width + QUIET; y += 2) {
    g_string_append(out, colours ? BLACK_ON_WHITE : "");
    for (int x = -QUIET; x < code->width + QUIET; x++)
      g_string_append(out, cell(code, x, y, colours));
    g_string_append(out, colours ? PLAIN "\n" : "\n");
  }
  return g_string_free(out, FALSE);
}

char *pino_qr_draw(const char *text, guint columns, guint rows, gboolean colours) {
  /* The least correction: a screen has no dirt, and the code stays small. */
  QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, TRUE);
  char *drawn = NULL;
  if (code == NULL)
    return NULL;
  guint across = (guint)code->width + 2 * QUIET, down = (across + 1) / 2;
  if ((columns == 0 || across <= columns) && (rows == 0 || down <= rows))
    drawn = draw(code, colours);
  QRcode_free(code);
  return drawn;
}

void pino_qr_print(const char *text) {
  guint columns, rows;
  pino_screen_size(&columns, &rows);
  gboolean shows = isatty(STDOUT_FILENO) && columns > 0 && rows > 1 && g_get_charset(NULL) &&
                   g_strcmp0(g_getenv("TERM"), "dumb") != 0;
  g_autofree char *drawn = shows ? pino_qr_draw(text, columns, rows - 1, g_getenv("NO_COLOR") == NULL) : NULL;
  if (drawn != NULL)
    pino_put(STDOUT_FILENO, drawn, strlen(drawn));
}
