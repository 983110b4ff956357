#include "state/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "state/database.h"
#include "state/fail.h"
#include "state/table.h"

#define BACKUP_BUSY_MS 2000

/* --- statements ---- */

#define LIVE                                                                                                 \
  "(state IN ('waiting', 'running', 'ready', 'stopping')"                                                    \
  " OR EXISTS (SELECT 1 FROM processes WHERE run_id = runs.id AND status = 'running'))"

typedef enum {
  BEGIN,
  COMMIT,
  ROLLBACK,
  PUT_APPLICATION,
  REMOVE_APPLICATION,
  SET_APPLICATION_STATE,
  APPLICATIONS,
  PUT_RUN,
  RUN,
  RUNS,
  PRUNE_RUNS,
  PUT_PROCESS,
  PROCESSES_OF_RUN,
  PROCESSES_RUNNING,
  PUT_TUNNEL,
  REMOVE_TUNNEL,
  TUNNELS,
  PUT_SETTING,
  REMOVE_SETTING,
  SETTING,
  SETTINGS,
  N_STATEMENTS
} StatementId;

/* PLAIN: text is the statement; SELECT: what follows the table's columns. */
static const struct {
  enum { PLAIN, PUT, SELECT } form;
  PinoTableId table;
  const char *text;
} STATEMENTS[N_STATEMENTS] = {
    [BEGIN] = {PLAIN, 0, "BEGIN IMMEDIATE"},
    [COMMIT] = {PLAIN, 0, "COMMIT"},
    [ROLLBACK] = {PLAIN, 0, "ROLLBACK"},
    [PUT_APPLICATION] = {PUT, PINO_TABLE_APPLICATIONS, NULL},
    [REMOVE_APPLICATION] = {PLAIN, 0, "DELETE FROM applications WHERE id = ?1"},
    [SET_APPLICATION_STATE] = {PLAIN, 0, "UPDATE applications SET state = ?2 WHERE id = ?1"},
    [APPLICATIONS] = {SELECT, PINO_TABLE_APPLICATIONS, "ORDER BY id"},
    [PUT_RUN] = {PUT, PINO_TABLE_RUNS, NULL},
    [RUN] = {SELECT, PINO_TABLE_RUNS, "WHERE id = ?1"},
    [RUNS] = {SELECT, PINO_TABLE_RUNS,
              "WHERE (?1 IS NULL OR app_id = ?1) AND (NOT ?2 OR " LIVE ") ORDER BY number DESC LIMIT ?3"},
    [PRUNE_RUNS] = {PLAIN, 0,
                    "DELETE FROM runs WHERE number IN (SELECT number FROM"
                    " (SELECT number, row_number() OVER (PARTITION BY app_id ORDER BY number DESC) AS place"
                    "  FROM runs WHERE NOT " LIVE ") WHERE place > ?1)"},
    [PUT_PROCESS] = {PUT, PINO_TABLE_PROCESSES, NULL},
    [PROCESSES_OF_RUN] = {SELECT, PINO_TABLE_PROCESSES, "WHERE run_id = ?1 ORDER BY number"},
    [PROCESSES_RUNNING] = {SELECT, PINO_TABLE_PROCESSES, "WHERE status = 'running' ORDER BY number"},
    [PUT_TUNNEL] = {PUT, PINO_TABLE_TUNNELS, NULL},
    [REMOVE_TUNNEL] = {PLAIN, 0, "DELETE FROM tunnels WHERE id = ?1"},
    [TUNNELS] = {SELECT, PINO_TABLE_TUNNELS, "ORDER BY created_at, id"},
    [PUT_SETTING] = {PUT, PINO_TABLE_SETTINGS, NULL},
    [REMOVE_SETTING] = {PLAIN, 0, "DELETE FROM settings WHERE key = ?1"},
    [SETTING] = {SELECT, PINO_TABLE_SETTINGS, "WHERE key = ?1"},
    [SETTINGS] = {SELECT, PINO_TABLE_SETTINGS, "ORDER BY key"},
};

struct _PinoLibrary {
  sqlite3 *db;
  char *path;
  sqlite3_stmt *statements[N_STATEMENTS]; /* made when first needed, and kept */
  guint depth;                            /* of begun transactions */
  gboolean doomed;                        /* an inner one was rolled back */
};

/* A statement in use: ready for the next one when it goes out of scope. */
typedef sqlite3_stmt InUse;

static void done_with(InUse *statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(InUse, done_with)

static void fail(PinoLibrary *library, int code, GError **error) {
  pino_database_fail(error, library->db, library->path, code);
}

static char *statement_text(StatementId id) {
  const PinoTable *table = pino_table(STATEMENTS[id].table);
  if (STATEMENTS[id].form == PUT)
    return pino_table_put_sql(table);
  if (STATEMENTS[id].form == SELECT)
    return pino_table_select_sql(table, STATEMENTS[id].text);
  return g_strdup(STATEMENTS[id].text);
}

static InUse *use(PinoLibrary *library, StatementId id, GError **error) {
  if (library->statements[id] != NULL)
    return library->statements[id];
  g_autofree char *text = statement_text(id);
  int code =
      sqlite3_prepare_v3(library->db, text, -1, SQLITE_PREPARE_PERSISTENT, &library->statements[id], NULL);
  if (code != SQLITE_OK)
    fail(library, code, error);
  return library->statements[id];
}

/* Texts that are NULL bind NULL. They are borrowed: the statement is cleared before its caller returns. */
static void bind_text(InUse *statement, int place, const char *text) {
  sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

/* Runs a statement that gives no rows. */
static gboolean run(PinoLibrary *library, InUse *statement, GError **error) {
  /* A full disk makes SQLite undo the whole transaction; what comes after must not be kept alone. */
  if (library->depth > 0 && sqlite3_get_autocommit(library->db)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "library '%s': the changes before this one failed",
                library->path);
    return FALSE;
  }
  int code = sqlite3_step(statement);
  if (code != SQLITE_DONE)
    fail(library, code, error);
  return code == SQLITE_DONE;
}

/* Runs a statement whose parameters are one or two texts. */
static gboolean run_with(PinoLibrary *library, StatementId id, const char *first, const char *second,
                         GError **error) {
  g_autoptr(InUse) statement = use(library, id, error);
  if (statement == NULL)
    return FALSE;
  bind_text(statement, 1, first);
  if (second != NULL)
    bind_text(statement, 2, second);
  return run(library, statement, error);
}

static gboolean put(PinoLibrary *library, StatementId id, gconstpointer row, GError **error) {
  g_autoptr(InUse) statement = use(library, id, error);
  if (statement == NULL)
    return FALSE;
  int code = pino_table_bind(pino_table(STATEMENTS[id].table), statement, row);
  if (code == SQLITE_OK)
    return run(library, statement, error);
  fail(library, code, error);
  return FALSE;
}

/* All rows that a bound statement gives; free_row frees one. */
static GPtrArray *read_rows(PinoLibrary *library, StatementId id, InUse *statement, GDestroyNotify free_row,
                            GError **error) {
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW)
    g_ptr_array_add(rows, pino_table_read(pino_table(STATEMENTS[id].table), statement));
  if (code == SQLITE_DONE)
    return g_steal_pointer(&rows);
  fail(library, code, error);
  return NULL;
}

static GPtrArray *select_rows(PinoLibrary *library, StatementId id, const char *parameter,
                              GDestroyNotify free_row, GError **error) {
  g_autoptr(InUse) statement = use(library, id, error);
  if (statement == NULL)
    return NULL;
  if (parameter != NULL)
    bind_text(statement, 1, parameter);
  return read_rows(library, id, statement, free_row, error);
}

/* --- the library ---- */

PinoLibrary *pino_library_open(const char *home, PinoLibraryFound *found, char **aside, GError **error) {
  PinoLibraryFound ignored;
  if (aside != NULL)
    *aside = NULL;
  g_autofree char *path = g_build_filename(home, "library.sqlite", NULL);
  sqlite3 *db = pino_database_open(path, found != NULL ? found : &ignored, aside, error);
  if (db == NULL)
    return NULL;
  PinoLibrary *library = g_new0(PinoLibrary, 1);
  library->db = db;
  library->path = g_steal_pointer(&path);
  return library;
}

void pino_library_free(PinoLibrary *library) {
  if (library == NULL)
    return;
  for (gsize i = 0; i < N_STATEMENTS; i++)
    sqlite3_finalize(library->statements[i]);
  sqlite3_close(library->db);
  g_free(library->path);
  g_free(library);
}

/* SQLite fills a file that is there only when it is empty; made here, it has its mode from the start. */
static int make_empty(const char *path) {
  if (unlink(path) != 0 && errno != ENOENT)
    return errno;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno;
  close(fd);
  return 0;
}

/* What SQLite has written there is not on the disk yet. */
static int settle_copy(const char *from, const char *to) {
  int fd = open(from, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
  if (fd >= 0)
    close(fd);
  return failed == 0 && rename(from, to) != 0 ? errno : failed;
}

static gboolean copy_into(PinoLibrary *library, const char *path, GError **error) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_open_v2(library->path, &db, SQLITE_OPEN_READONLY, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_busy_timeout(db, BACKUP_BUSY_MS);
  if (code == SQLITE_OK)
    code = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &statement, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    code = sqlite3_step(statement) == SQLITE_DONE ? SQLITE_OK : sqlite3_extended_errcode(db);
  }
  if (code != SQLITE_OK)
    pino_database_fail(error, db, library->path, code);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return code == SQLITE_OK;
}

gboolean pino_library_backup(PinoLibrary *library, const char *path, GError **error) {
  g_autofree char *temp = g_strconcat(path, ".part", NULL);
  int failed = make_empty(temp);
  if (failed == 0 && !copy_into(library, temp, error)) {
    (void)unlink(temp);
    g_prefix_error(error, "cannot be copied to '%s': ", path);
    return FALSE;
  }
  if (failed == 0)
    failed = settle_copy(temp, path);
  if (failed == 0)
    return TRUE;
  (void)unlink(temp);
  pino_state_fail(error, failed, "write", path);
  return FALSE;
}

gboolean pino_library_begin(PinoLibrary *library, GError **error) {
  if (library->depth == 0) {
    g_autoptr(InUse) statement = use(library, BEGIN, error);
    if (statement == NULL || !run(library, statement, error))
      return FALSE;
    library->doomed = FALSE;
  }
  library->depth++;
  return TRUE;
}

static void undo(PinoLibrary *library) {
  g_autoptr(InUse) statement = sqlite3_get_autocommit(library->db) ? NULL : use(library, ROLLBACK, NULL);
  if (statement != NULL)
    sqlite3_step(statement);
}

gboolean pino_library_commit(PinoLibrary *library, GError **error) {
  g_return_val_if_fail(library->depth > 0, FALSE);
  gboolean whole = !library->doomed && !sqlite3_get_autocommit(library->db);
  if (!whole)
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "library '%s': a part of the changes failed, none was kept", library->path);
  if (library->depth > 1) {
    library->depth--;
    return whole;
  }
  g_autoptr(InUse) statement = whole ? use(library, COMMIT, error) : NULL;
  gboolean done = statement != NULL && run(library, statement, error);
  library->depth = 0;
  if (!done)
    undo(library);
  return done;
}

void pino_library_rollback(PinoLibrary *library) {
  g_return_if_fail(library->depth > 0);
  library->doomed = TRUE;
  if (--library->depth == 0)
    undo(library);
}

/* --- applications ---- */

void pino_application_free(PinoApplication *application) {
  pino_table_free_row(pino_table(PINO_TABLE_APPLICATIONS), application);
}

gboolean pino_library_put_application(PinoLibrary *library, const PinoApplication *application,
                                      GError **error) {
  return put(library, PUT_APPLICATION, application, error);
}

gboolean pino_library_remove_application(PinoLibrary *library, const char *id, GError **error) {
  return run_with(library, REMOVE_APPLICATION, id, NULL, error);
}

gboolean pino_library_set_application_state(PinoLibrary *library, const char *id, const char *state,
                                            GError **error) {
  if (!run_with(library, SET_APPLICATION_STATE, id, state, error))
    return FALSE;
  if (sqlite3_changes(library->db) > 0)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "no app '%s' in the library", id);
  return FALSE;
}

GPtrArray *pino_library_applications(PinoLibrary *library, GError **error) {
  return select_rows(library, APPLICATIONS, NULL, (GDestroyNotify)pino_application_free, error);
}

/* --- runs ---- */

void pino_run_row_free(PinoRunRow *row) {
  pino_table_free_row(pino_table(PINO_TABLE_RUNS), row);
}

gboolean pino_library_put_run(PinoLibrary *library, const PinoRunRow *row, GError **error) {
  return put(library, PUT_RUN, row, error);
}

PinoRunRow *pino_library_run(PinoLibrary *library, const char *id, GError **error) {
  g_autoptr(GPtrArray) rows = select_rows(library, RUN, id, (GDestroyNotify)pino_run_row_free, error);
  if (rows == NULL)
    return NULL;
  if (rows->len > 0)
    return g_ptr_array_steal_index(rows, 0);
  g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND, "no run '%s' in the library", id);
  return NULL;
}

GPtrArray *pino_library_runs(PinoLibrary *library, const char *app_id, gboolean live, guint limit,
                             GError **error) {
  g_autoptr(InUse) statement = use(library, RUNS, error);
  if (statement == NULL)
    return NULL;
  bind_text(statement, 1, app_id);
  sqlite3_bind_int(statement, 2, live ? 1 : 0);
  sqlite3_bind_int64(statement, 3, limit > 0 ? (gint64)limit : -1);
  return read_rows(library, RUNS, statement, (GDestroyNotify)pino_run_row_free, error);
}

gboolean pino_library_prune_runs(PinoLibrary *library, guint keep, GError **error) {
  g_autoptr(InUse) statement = use(library, PRUNE_RUNS, error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64(statement, 1, keep);
  return run(library, statement, error);
}

/* --- processes ---- */

void pino_process_row_free(PinoProcessRow *row) {
  pino_table_free_row(pino_table(PINO_TABLE_PROCESSES), row);
}

gboolean pino_library_put_process(PinoLibrary *library, const PinoProcessRow *row, GError **error) {
  return put(library, PUT_PROCESS, row, error);
}

GPtrArray *pino_library_processes(PinoLibrary *library, const char *run_id, GError **error) {
  return select_rows(library, run_id != NULL ? PROCESSES_OF_RUN : PROCESSES_RUNNING, run_id,
                     (GDestroyNotify)pino_process_row_free, error);
}

/* --- tunnels ---- */

void pino_tunnel_row_free(PinoTunnelRow *row) {
  pino_table_free_row(pino_table(PINO_TABLE_TUNNELS), row);
}

gboolean pino_library_put_tunnel(PinoLibrary *library, const PinoTunnelRow *row, GError **error) {
  return put(library, PUT_TUNNEL, row, error);
}

gboolean pino_library_remove_tunnel(PinoLibrary *library, const char *id, GError **error) {
  return run_with(library, REMOVE_TUNNEL, id, NULL, error);
}

GPtrArray *pino_library_tunnels(PinoLibrary *library, GError **error) {
  return select_rows(library, TUNNELS, NULL, (GDestroyNotify)pino_tunnel_row_free, error);
}

/* --- settings ---- */

static void free_setting(gpointer row) {
  pino_table_free_row(pino_table(PINO_TABLE_SETTINGS), row);
}

char *pino_library_setting(PinoLibrary *library, const char *key, GError **error) {
  g_autoptr(GPtrArray) rows = select_rows(library, SETTING, key, free_setting, error);
  PinoSettingRow *row = rows != NULL && rows->len > 0 ? g_ptr_array_index(rows, 0) : NULL;
  return row != NULL ? g_steal_pointer(&row->value) : NULL;
}

gboolean pino_library_set_setting(PinoLibrary *library, const char *key, const char *value, GError **error) {
  if (value == NULL)
    return run_with(library, REMOVE_SETTING, key, NULL, error);
  return run_with(library, PUT_SETTING, key, value, error);
}

GHashTable *pino_library_settings(PinoLibrary *library, GError **error) {
  g_autoptr(GPtrArray) rows = select_rows(library, SETTINGS, NULL, free_setting, error);
  if (rows == NULL)
    return NULL;
  GHashTable *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < rows->len; i++) {
    PinoSettingRow *row = g_ptr_array_index(rows, i);
    g_hash_table_insert(settings, g_steal_pointer(&row->key), g_steal_pointer(&row->value));
  }
  return settings;
}
