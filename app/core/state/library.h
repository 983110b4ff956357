/* library.sqlite: what the engine knows of apps, runs, processes and tunnels, and the settings.
 *
 * One connection, used by the thread that opened it. Every change is in the file (WAL) when its function returns, so an
 * engine that is killed loses nothing that it has announced. The schema has a number (user_version); an older file is
 * brought up step by step in one transaction. Times are milliseconds since 1970.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoLibrary PinoLibrary;

typedef enum {
  PINO_LIBRARY_OPENED,  /* as it was */
  PINO_LIBRARY_CREATED, /* there was none */
  PINO_LIBRARY_REPLACED /* it was damaged: kept aside, a new one made */
} PinoLibraryFound;

/* Opens HOME/library.sqlite, or makes it (mode 0600). A file that SQLite finds damaged, or that is no library, is
 * renamed to library.sqlite.damaged-TIME (with its -wal and -shm) and *aside (may be NULL; free) names it. found may be
 * NULL; an empty file counts as none. Errors: PINO_ERROR_UNAVAILABLE when another process keeps it locked (after 2 s) or
 * it comes from a newer version (nothing is touched then), PINO_ERRNO when the folder or the file cannot be written or
 * the disk is full, PINO_ERROR_FAILED for a folder in its place.
 *
 * All functions below fail with PINO_ERROR_UNAVAILABLE (locked for 2 s), PINO_ERROR_FAILED (found damaged: the text says
 * `pinokiocloud recover`), PINO_ERRNO (ENOSPC: the disk is full); what changes something also with PINO_ERROR_USAGE (an
 * unknown state, a text that is needed is NULL). Then nothing was changed. */
PinoLibrary *pino_library_open(const char *home, PinoLibraryFound *found, char **aside, GError **error);
void pino_library_free(PinoLibrary *library);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoLibrary, pino_library_free)

/* Makes path a consistent copy of the library as it is now, whole or not at all, mode 0600. Works on a connection of its
 * own: any thread, also while the library is used by its own, which is not held up; the library must stay open
 * meanwhile. */
gboolean pino_library_backup(PinoLibrary *library, const char *path, GError **error);

/* Several changes as one: all or none. Nested calls are one transaction: what an inner one rolls back makes the outer
 * commit fail. After a commit that failed there is nothing to roll back. */
gboolean pino_library_begin(PinoLibrary *library, GError **error);
gboolean pino_library_commit(PinoLibrary *library, GError **error);
void pino_library_rollback(PinoLibrary *library);

/* --- applications ---- */

/* States: CLONED INSTALLING INSTALLED STARTING RUNNING STOPPING ERROR UNINSTALLING. */
typedef struct {
  char *id;   /* the folder's name under HOME/api */
  char *name; /* title; may be NULL */
  char *repository_url;
  char *install_path;
  char *state;
  char *version;                   /* commit; may be NULL */
  gint64 installed_at, updated_at; /* 0: not yet */
  gint64 size;                     /* bytes; -1: not measured */
  char *description, *icon;        /* as the launcher says; may be NULL */
  gint64 described_at;             /* the launcher's modification time when it was looked at; 0: not yet */
  gboolean installed;              /* what its menu said then */
} PinoApplication;

void pino_application_free(PinoApplication *application);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoApplication, pino_application_free)

/* Inserts or replaces by id. */
gboolean pino_library_put_application(PinoLibrary *library, const PinoApplication *application,
                                      GError **error);
/* Its tunnels go with it, its runs stay. One that is not there is no error. */
gboolean pino_library_remove_application(PinoLibrary *library, const char *id, GError **error);
/* NOT_FOUND without such an app. */
gboolean pino_library_set_application_state(PinoLibrary *library, const char *id, const char *state,
                                            GError **error);
/* All, by id: PinoApplication, freed with the array. */
GPtrArray *pino_library_applications(PinoLibrary *library, GError **error);

/* --- runs ---- */

/* One run of a script. state: waiting running ready stopping finished stopped error interrupted. */
typedef struct {
  char *id;
  char *app_id; /* may be NULL: a script outside of api/; its application need not be there */
  char *script; /* absolute path */
  char *kind;   /* install, start, other; of operations: install, update, reset, uninstall, plan */
  char *input;  /* JSON or NULL */
  char *state;
  char *journal;   /* path */
  int step, total; /* reached; -1: none */
  char *error;     /* may be NULL */
  char *scripts;   /* JSON: the memory of its scripts (control/protocol.h); may be NULL */
  char *url;       /* may be NULL */
  int restarts;
  gint64 started_at, ready_at, ended_at; /* 0: not yet */
  gint64 checkpoint; /* byte of the journal up to which the processes' log offsets below are true */
  char *operation;   /* JSON (lifecycle/operation.h): more is done than a script; NULL: the script is all */
} PinoRunRow;

void pino_run_row_free(PinoRunRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoRunRow, pino_run_row_free)

/* Inserts or replaces by id. */
gboolean pino_library_put_run(PinoLibrary *library, const PinoRunRow *row, GError **error);
PinoRunRow *pino_library_run(PinoLibrary *library, const char *id, GError **error); /* NOT_FOUND */
/* Newest first: those put last, whatever the clock said. app_id may be NULL: all; live: only those that have not ended (waiting running ready stopping, or with
 * a process that runs); limit 0: all. */
GPtrArray *pino_library_runs(PinoLibrary *library, const char *app_id, gboolean live, guint limit,
                             GError **error);
/* Forgets ended runs but the newest `keep` of each app. Their journals stay. */
gboolean pino_library_prune_runs(PinoLibrary *library, guint keep, GError **error);

/* --- processes: the shells of runs ---- */

typedef struct {
  char *id;     /* of the shell and its keeper: RUN.NUMBER */
  char *run_id; /* deleting the run deletes it */
  char *app_id; /* may be NULL */
  char *script;
  gint64 pid;    /* of the command */
  char *command; /* what the process list shows; no arguments that may hold secrets; may be NULL */
  char *log_file_path;
  gint64 start_time, end_time;
  char *status;  /* running, ended, lost */
  int exit_code; /* -1: none */
  int step;
  gint64 log_offset; /* journalled up to this byte of the log, as of the run's checkpoint */
} PinoProcessRow;

void pino_process_row_free(PinoProcessRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoProcessRow, pino_process_row_free)

/* Inserts or replaces by id; NOT_FOUND when its run is not there. */
gboolean pino_library_put_process(PinoLibrary *library, const PinoProcessRow *row, GError **error);
/* run_id may be NULL: all that run. In the order they were put first. */
GPtrArray *pino_library_processes(PinoLibrary *library, const char *run_id, GError **error);

/* --- tunnels ---- */

typedef struct {
  char *id;
  char *app_id; /* may be NULL */
  int local_port;
  char *public_url; /* may be NULL */
  char *provider;
  char *status;
  gint64 created_at;
  char *details; /* JSON: what it takes to go on with it (engine/tunnels.c); may be NULL */
} PinoTunnelRow;

void pino_tunnel_row_free(PinoTunnelRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoTunnelRow, pino_tunnel_row_free)

/* Inserts or replaces by id; NOT_FOUND when it names an app that is not there. */
gboolean pino_library_put_tunnel(PinoLibrary *library, const PinoTunnelRow *row, GError **error);
/* One that is not there is no error. */
gboolean pino_library_remove_tunnel(PinoLibrary *library, const char *id, GError **error);
/* All, oldest first: PinoTunnelRow, freed with the array. */
GPtrArray *pino_library_tunnels(PinoLibrary *library, GError **error);

/* --- settings ---- */

/* NULL without error when unset; free with g_free(). */
char *pino_library_setting(PinoLibrary *library, const char *key, GError **error);
/* value NULL removes it. */
gboolean pino_library_set_setting(PinoLibrary *library, const char *key, const char *value, GError **error);
/* Keys and values, by key: char* to char*. Free with g_hash_table_unref(). */
GHashTable *pino_library_settings(PinoLibrary *library, GError **error);

G_END_DECLS
