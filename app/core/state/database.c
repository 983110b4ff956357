#include "state/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "state/fail.h"
#include "state/schema.h"

#define BUSY_MS 2000
/* Beyond what counting versions, or naming them by a year, could ever give: not newer but damaged. */
#define VERSION_MAX 1000000

/* What belongs to a database; -journal only where the file system cannot do WAL. */
static const char *const SUFFIXES[] = {"", "-wal", "-shm", "-journal"};

/* --- failures ---- */

static const struct {
  int code; /* extended, or primary */
  int errnum;
  PinoError error; /* where errnum is 0 */
  const char *advice;
} FAILURES[] = {
    {SQLITE_CONSTRAINT_FOREIGNKEY, 0, PINO_ERROR_NOT_FOUND, "what it belongs to is not in the library"},
    {SQLITE_CONSTRAINT, 0, PINO_ERROR_USAGE, "refused, nothing was changed"},
    {SQLITE_BUSY, 0, PINO_ERROR_UNAVAILABLE, "another process keeps it locked; end that one and try again"},
    {SQLITE_LOCKED, 0, PINO_ERROR_UNAVAILABLE, "another process keeps it locked; end that one and try again"},
    {SQLITE_CORRUPT, 0, PINO_ERROR_FAILED, "it is damaged; run: pinokiocloud recover"},
    {SQLITE_NOTADB, 0, PINO_ERROR_FAILED, "it is damaged; run: pinokiocloud recover"},
    {SQLITE_FULL, ENOSPC, 0, NULL},
    {SQLITE_READONLY, EROFS, 0, NULL},
    {SQLITE_PERM, EACCES, 0, NULL},
};

void pino_database_fail(GError **error, sqlite3 *db, const char *path, int code) {
  const char *text = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  int primary = code & 0xff, errnum = 0;
  if (db != NULL && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))
    errnum = sqlite3_system_errno(db);
  PinoError kind = PINO_ERROR_FAILED;
  const char *advice = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(FAILURES) && advice == NULL && errnum == 0; i++) {
    if (FAILURES[i].code != code && FAILURES[i].code != primary)
      continue;
    errnum = FAILURES[i].errnum;
    kind = FAILURES[i].error;
    advice = FAILURES[i].advice;
  }
  if (errnum != 0)
    advice = pino_state_advice(errnum);
  g_set_error(error, errnum != 0 ? PINO_ERRNO : PINO_ERROR, errnum != 0 ? errnum : (int)kind,
              "library '%s': %s%s%s", path, text, advice != NULL ? "; " : "", advice != NULL ? advice : "");
}

/* Codes that a sound file of ours never gives while it is opened. SQLITE_ERROR: a table or a column is missing, or the
 * file's format is unknown. */
static gboolean tells_damage(int code) {
  int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR;
}

/* --- looking at what is there ---- */

static gint64 size_of(const char *path, const char *suffix) {
  g_autofree char *full = g_strconcat(path, suffix, NULL);
  struct stat st;
  return stat(full, &st) == 0 ? (gint64)st.st_size : -1;
}

/* SQLite says "unable to open" for much; this says why. */
static gboolean look_at_path(const char *path, GError **error) {
  g_autofree char *home = g_path_get_dirname(path);
  struct stat st;
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "'%s' is %s where the library's file should be; move it away", path,
                S_ISDIR(st.st_mode) ? "a folder" : "no file");
    return FALSE;
  }
  if (access(home, W_OK | X_OK) != 0) {
    pino_state_fail(error, errno, "open", home);
    return FALSE;
  }
  /* An existing file is not opened here: closing it would take away the locks of another connection of this process. */
  if (access(path, R_OK | W_OK) == 0)
    return TRUE;
  int fd = errno == ENOENT ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
  if (fd < 0) {
    pino_state_fail(error, errno, "open", path);
    return FALSE;
  }
  close(fd);
  return TRUE;
}

/* --- checks ---- */

static int read_int(sqlite3 *db, const char *sql, gint64 *value) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    *value = sqlite3_column_int64(statement, 0);
    code = SQLITE_OK;
  }
  sqlite3_finalize(statement);
  return code;
}

/* SQLITE_CORRUPT unless SQL gives the one word expected. */
static int expect_word(sqlite3 *db, const char *sql, const char *word) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
    code = g_strcmp0((const char *)sqlite3_column_text(statement, 0), word) == 0 ? SQLITE_OK : SQLITE_CORRUPT;
  sqlite3_finalize(statement);
  return code;
}

/* Reads the version and looks whether all of the file is sound. */
static int check(sqlite3 *db, gint64 *version) {
  gint64 things = 0;
  int code = read_int(db, "PRAGMA user_version", version);
  if (code != SQLITE_OK || (*version > pino_schema_version() && *version <= VERSION_MAX))
    return code;
  if (*version < 0 || *version > VERSION_MAX)
    return SQLITE_CORRUPT;
  code = read_int(db, "SELECT count(*) FROM sqlite_schema", &things);
  if (code != SQLITE_OK)
    return code;
  /* The path can be written: SQLite refuses for a format of the future, which nobody has written. A file of version 0
   * that holds something is somebody else's. */
  if (sqlite3_db_readonly(db, "main") == 1 || (*version == 0 && things > 0))
    return SQLITE_CORRUPT;
  /* Of its indices too, which quick_check leaves out: what is wrong there would come up in every query. */
  return expect_word(db, "PRAGMA integrity_check(1)", "ok");
}

static int migrate(sqlite3 *db, int version) {
  /* Taken even when there is nothing to do: somebody who keeps the file locked is found now. */
  int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
  if (code != SQLITE_OK)
    return code;
  code = pino_schema_migrate(db, version);
  if (code == SQLITE_OK)
    code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
  if (code != SQLITE_OK && !sqlite3_get_autocommit(db))
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  return code;
}

/* --- setting up ---- */

static int set_up(sqlite3 *db) {
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, BUSY_MS);
  /* Until all is checked: closing a connection writes the -wal back, and a damaged file is kept as it is. */
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return sqlite3_exec(db,
                      "PRAGMA cache_size = -256; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                      "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON",
                      NULL, NULL, NULL);
}

/* Where the file system has no shared memory, SQLite stays with its older journal, which needs every sync. */
static int set_journal(sqlite3 *db) {
  int code = expect_word(db, "PRAGMA journal_mode = WAL", "wal");
  if (code != SQLITE_OK && code != SQLITE_CORRUPT)
    return code;
  return sqlite3_exec(db, code == SQLITE_OK ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
                      NULL, NULL, NULL);
}

static int prepare(sqlite3 *db, gint64 *version) {
  int code = set_up(db);
  if (code == SQLITE_OK)
    code = check(db, version);
  if (code != SQLITE_OK || *version > pino_schema_version())
    return code;
  code = set_journal(db);
  if (code == SQLITE_OK)
    code = migrate(db, (int)*version);
  if (code == SQLITE_OK)
    code = pino_schema_check(db);
  if (code == SQLITE_OK)
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return code;
}

/* NULL with *error; *damaged tells whether the file is to be put aside. */
static sqlite3 *open_checked(const char *path, gboolean *damaged, GError **error) {
  sqlite3 *db = NULL;
  gint64 version = 0;
  *damaged = FALSE;
  int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK)
    code = prepare(db, &version);
  if (code == SQLITE_OK && version <= pino_schema_version())
    return db;
  *damaged = tells_damage(code);
  if (code == SQLITE_OK)
    g_set_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE,
                "library '%s' comes from a newer version of PinokioCloud (schema %d, this one knows %d); "
                "use that version",
                path, (int)version, pino_schema_version());
  else
    pino_database_fail(error, db, path, code);
  sqlite3_close(db);
  return NULL;
}

/* --- putting a damaged file aside ---- */

static char *free_name(const char *path) {
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *when = g_date_time_format(now, "%Y%m%d-%H%M%S");
  char *name = g_strdup_printf("%s.damaged-%s", path, when);
  for (guint i = 2; size_of(name, "") >= 0 || size_of(name, "-wal") >= 0; i++) {
    g_free(name);
    name = g_strdup_printf("%s.damaged-%s-%u", path, when, i);
  }
  return name;
}

/* With its companions, so that SQLite's own tools find all of it. */
static char *put_aside(const char *path, GError **error) {
  g_autofree char *name = free_name(path);
  for (gsize i = 0; i < G_N_ELEMENTS(SUFFIXES); i++) {
    g_autofree char *from = g_strconcat(path, SUFFIXES[i], NULL);
    g_autofree char *to = g_strconcat(name, SUFFIXES[i], NULL);
    if (rename(from, to) != 0 && errno != ENOENT) {
      pino_state_fail(error, errno, "rename", from);
      return NULL;
    }
  }
  return g_steal_pointer(&name);
}

static sqlite3 *replace(const char *path, char **aside, GError **error) {
  gboolean damaged;
  g_autofree char *name = put_aside(path, error);
  if (name == NULL || !look_at_path(path, error))
    return NULL;
  if (aside != NULL)
    *aside = g_steal_pointer(&name);
  return open_checked(path, &damaged, error);
}

sqlite3 *pino_database_open(const char *path, PinoLibraryFound *found, char **aside, GError **error) {
  g_autoptr(GError) failure = NULL;
  /* A single byte is nothing to SQLite too. */
  gboolean empty = size_of(path, "") <= 1, damaged = FALSE;
  sqlite3 *db = NULL;
  if (!look_at_path(path, error))
    return NULL;
  /* SQLite would throw away what the -wal of an empty file holds. */
  if (empty && size_of(path, "-wal") > 0)
    damaged = TRUE;
  else
    db = open_checked(path, &damaged, &failure);
  *found = damaged ? PINO_LIBRARY_REPLACED : empty ? PINO_LIBRARY_CREATED : PINO_LIBRARY_OPENED;
  if (damaged)
    return replace(path, aside, error);
  if (db == NULL)
    g_propagate_error(error, g_steal_pointer(&failure));
  return db;
}
