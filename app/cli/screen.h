/* The terminal that `attach` takes over: raw while it lasts, and as it was afterwards. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoScreen PinoScreen;

/* Makes the terminal on standard input raw. FALSE with error: it is none. */
PinoScreen *pino_screen_take(GError **error);
/* Gives it back: settings, and what the program in it switched on and did not switch off (other screen, mouse...). */
void pino_screen_free(PinoScreen *screen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoScreen, pino_screen_free)

/* Shows output. FALSE: nobody is there to see it. */
gboolean pino_screen_put(PinoScreen *screen, const char *bytes, gsize length);

/* Columns and rows; 0 when they are not known. */
void pino_screen_size(guint *cols, guint *rows);
/* Appends them to a JSON object as "cols" and "rows", where they are known. */
void pino_screen_append_size(GString *out);

G_END_DECLS
