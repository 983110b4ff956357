/* The schema of library.sqlite by numbered steps. Not for other rooms. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* The number (user_version) of the schema that this program knows. */
int pino_schema_version(void);

/* Brings a file of the version given up to the present one, in the caller's transaction. Gives a code of SQLite. */
int pino_schema_migrate(sqlite3 *db, int version);

/* Whether all is there as the steps have made it, and every table has the columns that table.h names. Gives a code of
 * SQLite: SQLITE_CORRUPT or SQLITE_ERROR when not. */
int pino_schema_check(sqlite3 *db);

G_END_DECLS
