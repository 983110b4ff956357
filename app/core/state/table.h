/* The tables of library.sqlite as C sees them: per table one list of columns, each with its place in a struct. What is
 * written, read and freed follows from the list. Not for other rooms. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

typedef struct {
  const char *name;
  enum { PINO_COLUMN_TEXT, PINO_COLUMN_INT, PINO_COLUMN_INT64 } kind;
  gsize at; /* in the struct */
} PinoColumn;

/* The first column is the key. */
typedef struct {
  const char *name;
  gsize size; /* of the struct */
  guint n_columns;
  const PinoColumn *columns;
} PinoTable;

/* A row of the table settings. */
typedef struct {
  char *key, *value;
} PinoSettingRow;

typedef enum {
  PINO_TABLE_APPLICATIONS,
  PINO_TABLE_RUNS,
  PINO_TABLE_PROCESSES,
  PINO_TABLE_TUNNELS,
  PINO_TABLE_SETTINGS,
  PINO_N_TABLES
} PinoTableId;

/* Static. */
const PinoTable *pino_table(PinoTableId id);

/* SQL that inserts a row or replaces what stands there by its key: parameters are the columns. Free with g_free(). */
char *pino_table_put_sql(const PinoTable *table);
/* SQL that selects all columns; tail is what follows the table's name. Free with g_free(). */
char *pino_table_select_sql(const PinoTable *table, const char *tail);

/* Binds row's members to the parameters of pino_table_put_sql(); texts are borrowed until the statement is cleared.
 * Gives a code of SQLite. */
int pino_table_bind(const PinoTable *table, sqlite3_stmt *statement, gconstpointer row);
/* Makes a struct of the row that a statement of pino_table_select_sql() stands on. */
gpointer pino_table_read(const PinoTable *table, sqlite3_stmt *statement);
/* Frees a struct and its texts; NULL does nothing. */
void pino_table_free_row(const PinoTable *table, gpointer row);

G_END_DECLS
