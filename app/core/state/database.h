/* Opening library.sqlite, and SQLite's failures in the words of the house. Not for other rooms. */
#pragma once

#include <sqlite3.h>

#include "state/library.h"

G_BEGIN_DECLS

/* Opens or makes the file, checked, brought up to the present schema and set up; as pino_library_open() says. Close with
 * sqlite3_close(). */
sqlite3 *pino_database_open(const char *path, PinoLibraryFound *found, char **aside, GError **error);

/* Sets *error for a code that SQLite gave: what it says, and what to do. db may be NULL. */
void pino_database_fail(GError **error, sqlite3 *db, const char *path, int code);

G_END_DECLS
