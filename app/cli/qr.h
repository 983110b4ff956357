/* QR codes on a terminal: two modules a character, with the quiet zone that readers want, in colours of their own so that
 * it makes no difference whether the terminal is light or dark. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The code of a text as lines of UTF-8, each ended. colours: black on white by control sequences; else what is light is
 * drawn, as a dark terminal needs it. NULL: it would take more columns or rows than these (0: any number), or the text is
 * too long for a code. Free with g_free(). */
char *pino_qr_draw(const char *text, guint columns, guint rows, gboolean colours);

/* Prints it on standard output where that is a terminal which can show it whole, with one row to spare; else nothing. */
void pino_qr_print(const char *text);

G_END_DECLS
