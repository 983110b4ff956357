#include "state/table.h"

#include "state/library.h"

#define TEXT(type, member)                                                                                   \
  { #member, PINO_COLUMN_TEXT, G_STRUCT_OFFSET(type, member) }
#define INT(type, member)                                                                                    \
  { #member, PINO_COLUMN_INT, G_STRUCT_OFFSET(type, member) }
#define INT64(type, member)                                                                                  \
  { #member, PINO_COLUMN_INT64, G_STRUCT_OFFSET(type, member) }

static const PinoColumn APPLICATIONS[] = {
    TEXT(PinoApplication, id),
    TEXT(PinoApplication, name),
    TEXT(PinoApplication, repository_url),
    TEXT(PinoApplication, install_path),
    TEXT(PinoApplication, state),
    TEXT(PinoApplication, version),
    INT64(PinoApplication, installed_at),
    INT64(PinoApplication, updated_at),
    INT64(PinoApplication, size),
    TEXT(PinoApplication, description),
    TEXT(PinoApplication, icon),
    INT64(PinoApplication, described_at),
    INT(PinoApplication, installed),
};

static const PinoColumn RUNS[] = {
    TEXT(PinoRunRow, id),        TEXT(PinoRunRow, app_id),      TEXT(PinoRunRow, script),
    TEXT(PinoRunRow, kind),      TEXT(PinoRunRow, input),       TEXT(PinoRunRow, state),
    TEXT(PinoRunRow, journal),   INT(PinoRunRow, step),         INT(PinoRunRow, total),
    TEXT(PinoRunRow, error),     TEXT(PinoRunRow, scripts),     TEXT(PinoRunRow, url),
    INT(PinoRunRow, restarts),   INT64(PinoRunRow, started_at), INT64(PinoRunRow, ready_at),
    INT64(PinoRunRow, ended_at), INT64(PinoRunRow, checkpoint), TEXT(PinoRunRow, operation),
};

static const PinoColumn PROCESSES[] = {
    TEXT(PinoProcessRow, id),
    TEXT(PinoProcessRow, run_id),
    TEXT(PinoProcessRow, app_id),
    TEXT(PinoProcessRow, script),
    INT64(PinoProcessRow, pid),
    TEXT(PinoProcessRow, command),
    TEXT(PinoProcessRow, log_file_path),
    INT64(PinoProcessRow, start_time),
    INT64(PinoProcessRow, end_time),
    TEXT(PinoProcessRow, status),
    INT(PinoProcessRow, exit_code),
    INT(PinoProcessRow, step),
    INT64(PinoProcessRow, log_offset),
};

static const PinoColumn TUNNELS[] = {
    TEXT(PinoTunnelRow, id),          TEXT(PinoTunnelRow, app_id),   INT(PinoTunnelRow, local_port),
    TEXT(PinoTunnelRow, public_url),  TEXT(PinoTunnelRow, provider), TEXT(PinoTunnelRow, status),
    INT64(PinoTunnelRow, created_at), TEXT(PinoTunnelRow, details),
};

static const PinoColumn SETTINGS[] = {
    TEXT(PinoSettingRow, key),
    TEXT(PinoSettingRow, value),
};

#undef TEXT
#undef INT
#undef INT64

static const PinoTable TABLES[PINO_N_TABLES] = {
    [PINO_TABLE_APPLICATIONS] = {"applications", sizeof(PinoApplication), G_N_ELEMENTS(APPLICATIONS),
                                 APPLICATIONS},
    [PINO_TABLE_RUNS] = {"runs", sizeof(PinoRunRow), G_N_ELEMENTS(RUNS), RUNS},
    [PINO_TABLE_PROCESSES] = {"processes", sizeof(PinoProcessRow), G_N_ELEMENTS(PROCESSES), PROCESSES},
    [PINO_TABLE_TUNNELS] = {"tunnels", sizeof(PinoTunnelRow), G_N_ELEMENTS(TUNNELS), TUNNELS},
    [PINO_TABLE_SETTINGS] = {"settings", sizeof(PinoSettingRow), G_N_ELEMENTS(SETTINGS), SETTINGS},
};

const PinoTable *pino_table(PinoTableId id) {
  return &TABLES[id];
}

static void append_names(GString *sql, const PinoTable *table) {
  for (guint i = 0; i < table->n_columns; i++)
    g_string_append_printf(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
}

char *pino_table_put_sql(const PinoTable *table) {
  GString *sql = g_string_new("INSERT INTO ");
  g_string_append_printf(sql, "%s (", table->name);
  append_names(sql, table);
  g_string_append(sql, ") VALUES (");
  for (guint i = 0; i < table->n_columns; i++)
    g_string_append(sql, i > 0 ? ", ?" : "?");
  /* Not INSERT OR REPLACE: that deletes first, and takes along what refers to the row. */
  g_string_append_printf(sql, ") ON CONFLICT (%s) DO UPDATE SET ", table->columns[0].name);
  for (guint i = 1; i < table->n_columns; i++) {
    const char *name = table->columns[i].name;
    g_string_append_printf(sql, "%s%s = excluded.%s", i > 1 ? ", " : "", name, name);
  }
  return g_string_free(sql, FALSE);
}

char *pino_table_select_sql(const PinoTable *table, const char *tail) {
  GString *sql = g_string_new("SELECT ");
  append_names(sql, table);
  g_string_append_printf(sql, " FROM %s %s", table->name, tail);
  return g_string_free(sql, FALSE);
}

int pino_table_bind(const PinoTable *table, sqlite3_stmt *statement, gconstpointer row) {
  int code = SQLITE_OK;
  for (guint i = 0; i < table->n_columns && code == SQLITE_OK; i++) {
    const PinoColumn *column = &table->columns[i];
    gconstpointer member = G_STRUCT_MEMBER_P(row, column->at);
    int place = (int)i + 1;
    if (column->kind == PINO_COLUMN_TEXT)
      code = sqlite3_bind_text(statement, place, *(char *const *)member, -1, SQLITE_STATIC);
    else
      code = sqlite3_bind_int64(
          statement, place, column->kind == PINO_COLUMN_INT ? *(const int *)member : *(const gint64 *)member);
  }
  return code;
}

gpointer pino_table_read(const PinoTable *table, sqlite3_stmt *statement) {
  gpointer row = g_malloc0(table->size);
  for (guint i = 0; i < table->n_columns; i++) {
    const PinoColumn *column = &table->columns[i];
    gpointer member = G_STRUCT_MEMBER_P(row, column->at);
    if (column->kind == PINO_COLUMN_TEXT)
      *(char **)member = g_strdup((const char *)sqlite3_column_text(statement, (int)i));
    else if (column->kind == PINO_COLUMN_INT)
      *(int *)member = sqlite3_column_int(statement, (int)i);
    else
      *(gint64 *)member = sqlite3_column_int64(statement, (int)i);
  }
  return row;
}

void pino_table_free_row(const PinoTable *table, gpointer row) {
  if (row == NULL)
    return;
  for (guint i = 0; i < table->n_columns; i++)
    if (table->columns[i].kind == PINO_COLUMN_TEXT)
      g_free(G_STRUCT_MEMBER(char *, row, table->columns[i].at));
  g_free(row);
}
