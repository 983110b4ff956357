/* Where the last bytes of a file begin, for those who follow it from its end. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The byte that is so many bytes before the end of a file now, moved on to the beginning of the next line where one begins
 * at most `within` bytes later and holds anything, else past a UTF-8 character that it would cut. 0 when the file is shorter, or not there. */
guint64 pino_tail_find(const char *path, guint64 bytes, guint64 within);

G_END_DECLS
