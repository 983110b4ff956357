#include "state/schema.h"

#include <string.h>

#include "state/table.h"

/* A run and its processes name an app without a reference to it: they are put while the app's row is not there yet
 * (recovery goes by journals and keepers), and a run's history stays when its app goes. `number` is the order in which
 * rows came; the clock may jump. */
static const char *const VERSION_1 = "CREATE TABLE applications ("
                                     " id TEXT PRIMARY KEY NOT NULL,"
                                     " name TEXT,"
                                     " repository_url TEXT,"
                                     " install_path TEXT,"
                                     " state TEXT NOT NULL CHECK (state IN ('CLONED', 'INSTALLING', "
                                     "'INSTALLED', 'STARTING', 'RUNNING', 'STOPPING',"
                                     "  'ERROR', 'UNINSTALLING')),"
                                     " version TEXT,"
                                     " installed_at INTEGER NOT NULL,"
                                     " updated_at INTEGER NOT NULL,"
                                     " size INTEGER NOT NULL,"
                                     " description TEXT,"
                                     " icon TEXT,"
                                     " described_at INTEGER NOT NULL,"
                                     " installed INTEGER NOT NULL) STRICT;"
                                     "CREATE TABLE runs ("
                                     " number INTEGER PRIMARY KEY,"
                                     " id TEXT NOT NULL UNIQUE,"
                                     " app_id TEXT,"
                                     " script TEXT NOT NULL,"
                                     " kind TEXT NOT NULL,"
                                     " input TEXT,"
                                     " state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'ready', "
                                     "'stopping', 'finished', 'stopped', 'error',"
                                     "  'interrupted')),"
                                     " journal TEXT NOT NULL,"
                                     " step INTEGER NOT NULL,"
                                     " total INTEGER NOT NULL,"
                                     " error TEXT,"
                                     " scripts TEXT,"
                                     " url TEXT,"
                                     " restarts INTEGER NOT NULL,"
                                     " started_at INTEGER NOT NULL,"
                                     " ready_at INTEGER NOT NULL,"
                                     " ended_at INTEGER NOT NULL,"
                                     " checkpoint INTEGER NOT NULL) STRICT;"
                                     "CREATE INDEX runs_by_app ON runs (app_id, number);"
                                     "CREATE INDEX runs_by_state ON runs (state);"
                                     "CREATE TABLE processes ("
                                     " number INTEGER PRIMARY KEY,"
                                     " id TEXT NOT NULL UNIQUE,"
                                     " run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
                                     " app_id TEXT,"
                                     " script TEXT,"
                                     " pid INTEGER NOT NULL,"
                                     " command TEXT,"
                                     " log_file_path TEXT,"
                                     " start_time INTEGER NOT NULL,"
                                     " end_time INTEGER NOT NULL,"
                                     " status TEXT NOT NULL CHECK (status IN ('running', 'ended', 'lost')),"
                                     " exit_code INTEGER NOT NULL,"
                                     " step INTEGER NOT NULL,"
                                     " log_offset INTEGER NOT NULL) STRICT;"
                                     "CREATE INDEX processes_by_run ON processes (run_id);"
                                     "CREATE INDEX processes_by_status ON processes (status);"
                                     "CREATE TABLE tunnels ("
                                     " id TEXT PRIMARY KEY NOT NULL,"
                                     " app_id TEXT REFERENCES applications (id) ON DELETE CASCADE,"
                                     " local_port INTEGER NOT NULL CHECK (local_port BETWEEN 0 AND 65535),"
                                     " public_url TEXT,"
                                     " provider TEXT,"
                                     " status TEXT NOT NULL,"
                                     " created_at INTEGER NOT NULL) STRICT;"
                                     "CREATE INDEX tunnels_by_app ON tunnels (app_id);"
                                     "CREATE TABLE settings ("
                                     " key TEXT PRIMARY KEY NOT NULL,"
                                     " value TEXT NOT NULL) STRICT;";

static const char *const VERSION_2 = "ALTER TABLE runs ADD COLUMN operation TEXT";

static const char *const VERSION_3 = "ALTER TABLE tunnels ADD COLUMN details TEXT";

/* Step N brings version N to N + 1. What has been released is never changed: a new step is added. */
static const char *const *const STEPS[] = {&VERSION_1, &VERSION_2, &VERSION_3};

int pino_schema_version(void) {
  return (int)G_N_ELEMENTS(STEPS);
}

int pino_schema_migrate(sqlite3 *db, int version) {
  int code = SQLITE_OK;
  if (version == pino_schema_version())
    return code;
  for (; version < pino_schema_version() && code == SQLITE_OK; version++)
    code = sqlite3_exec(db, *STEPS[version], NULL, NULL, NULL);
  g_autofree char *sql = g_strdup_printf("PRAGMA user_version = %d", version);
  return code == SQLITE_OK ? sqlite3_exec(db, sql, NULL, NULL, NULL) : code;
}

/* SQLite keeps the text of a statement as it was given, and puts columns that come later before its last bracket
 * (sqlite.org/schematab.html). */
static gboolean is_kept(const char *made, const char *kept) {
  const char *end = g_str_has_prefix(made, "CREATE TABLE") ? strrchr(made, ')') : made + strlen(made);
  return kept != NULL && strncmp(made, kept, (gsize)(end - made)) == 0;
}

/* Whether what a statement has made is there as it was made: a damaged word in a CHECK would refuse good rows. */
static int check_made(sqlite3 *db, const char *made) {
  g_auto(GStrv) words = g_strsplit(made, " ", 4); /* CREATE, TABLE or INDEX, its name */
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE name = ?1", -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_bind_text(statement, 1, words[2], -1, SQLITE_STATIC);
  if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
    code = is_kept(made, (const char *)sqlite3_column_text(statement, 0)) ? SQLITE_OK : SQLITE_CORRUPT;
  else if (code == SQLITE_DONE)
    code = SQLITE_CORRUPT;
  sqlite3_finalize(statement);
  return code;
}

int pino_schema_check(sqlite3 *db) {
  g_auto(GStrv) made = g_strsplit(VERSION_1, ";", -1);
  int code = SQLITE_OK;
  for (guint i = 0; made[i] != NULL && code == SQLITE_OK; i++)
    if (*made[i] != '\0')
      code = check_made(db, made[i]);
  for (int id = 0; id < PINO_N_TABLES && code == SQLITE_OK; id++) {
    g_autofree char *sql = pino_table_select_sql(pino_table((PinoTableId)id), "");
    sqlite3_stmt *statement = NULL;
    code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    sqlite3_finalize(statement);
  }
  return code;
}
