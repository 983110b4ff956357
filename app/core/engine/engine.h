/* The engine that stays: apps, their runs, and what the runs leave running.
 *
 * It knows no transport: the server, tests and the daemon's entry call it. All of it lives on the thread that opened it
 * and on that thread's default main context; nothing here blocks. It never links JavaScript: scripts run in processes
 * of their own (control/protocol.h), their shells under keepers (keeper/client.h), so that no script and no end of the
 * engine takes another app with it. What is announced is in library.sqlite and the runs' journals before.
 *
 * Views are JSON, ready to be sent; the caller unrefs them. An app is named by its folder's name under HOME/api.
 */
#pragma once

#include <gio/gio.h>

#include "catalog/catalog.h"

G_BEGIN_DECLS

typedef struct _PinoEngine PinoEngine;

typedef struct {
  const char *home;    /* PINOKIO_HOME, absolute */
  const char *run_dir; /* sockets, lock, token: on a local file system; NULL: HOME/run */
  const char *runner;  /* programs; NULL: beside this one, or as installed */
  const char *keeper;
  gboolean no_autolaunch;
} PinoEngineOptions;

/* Takes the home (PINO_ERROR_UNAVAILABLE naming the process when another engine has it), opens or rebuilds the library,
 * takes up what runs, and starts listening for runners. Autolaunch begins in a later turn of the loop. */
PinoEngine *pino_engine_open(const PinoEngineOptions *options, GError **error);
/* Lets go of everything: runs and apps go on. */
void pino_engine_free(PinoEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoEngine, pino_engine_free)

/* Borrowed. */
const char *pino_engine_home(PinoEngine *engine);
const char *pino_engine_run_dir(PinoEngine *engine);

/* --- watching ---- */

/* Something happened; event is one JSON object: {"type": "app" | "run" | "shell" | "question" | "trouble" | "setting" |
 * "tunnel" | "told", ...ids and the new state}; "told": {run, app, name, data, cut, dropped} as control/protocol.h says. Called from the engine's loop, never from inside a call into it. */
typedef void (*PinoEngineWatch)(const char *event, gsize length, gpointer data);
guint pino_engine_watch(PinoEngine *engine, PinoEngineWatch watch, gpointer data);
void pino_engine_unwatch(PinoEngine *engine, guint id);

/* --- views ---- */

/* {version, pid, home, started, uptime, apps, runs, library: {...}, troubles: [...]}. */
GBytes *pino_engine_status(PinoEngine *engine);
/* [{id, name, state, url, installed, ...}]; kept and given again while nothing changed. */
GBytes *pino_engine_apps(PinoEngine *engine);
/* NOT_FOUND like all that name something. */
GBytes *pino_engine_app(PinoEngine *engine, const char *app, GError **error);
/* app may be NULL; limit 0: 100. Newest first. */
GBytes *pino_engine_runs(PinoEngine *engine, const char *app, guint limit, GError **error);
/* {id, app, script, kind, state, step, total, error, url, scripts, shells, questions: [{id, script, request}], ...} */
GBytes *pino_engine_run(PinoEngine *engine, const char *run, GError **error);
GBytes *pino_engine_shells(PinoEngine *engine);
GBytes *pino_engine_shell(PinoEngine *engine, const char *shell, GError **error);
/* Per app: pids, CPU, memory, GPU, start time, restarts. */
GBytes *pino_engine_processes(PinoEngine *engine);
/* The machine: CPU, memory, disks, GPUs. */
GBytes *pino_engine_resources(PinoEngine *engine);
/* {after_s, action, mode, idle_s, busy, cpu_percent, gpu_percent, network_bytes_per_s, outcome, platform, stop: {possible,
 * destroys, effect, why_not, request}}. */
GBytes *pino_engine_idle(PinoEngine *engine);
/* [{id, app, run, title, local_url, local_port, public_url, open_url, provider, status, passcode, token, trouble, retry_at,
 * created_at, opened_at, reopened, log}], oldest first; status is "opening", "open", "failing" or "waiting". */
GBytes *pino_engine_tunnels(PinoEngine *engine);
GBytes *pino_engine_tunnel(PinoEngine *engine, const char *id, GError **error);
/* [{id, name, order, available, why_not, program, barred_until, rule}] in the order in which they are tried;
 * barred_until: ms since 1970, 0: it is not, -1: until its token is another. */
GBytes *pino_engine_providers(PinoEngine *engine);
GBytes *pino_engine_settings(PinoEngine *engine, GError **error);

/* The catalog: {total, apps: [{...as data/apps.json, own, installed: name of the app under api/ or null}], trouble: what is
 * wrong with HOME/catalog.json, or null}. */
GBytes *pino_engine_catalog(PinoEngine *engine, const PinoCatalogQuery *query);
/* One such app, by its id. */
GBytes *pino_engine_catalog_app(PinoEngine *engine, const char *id, GError **error);
/* {categories: [{name, count}], tags: [{name, count}]}. */
GBytes *pino_engine_catalog_counts(PinoEngine *engine);

/* Path of a run's journal, of a shell's log; free with g_free(). */
char *pino_engine_journal(PinoEngine *engine, const char *run, GError **error);
char *pino_engine_shell_log(PinoEngine *engine, const char *shell, GError **error);
/* TRUE while more may come to the journal. */
gboolean pino_engine_run_is_live(PinoEngine *engine, const char *run);

/* The menu of an app, evaluated now by a worker process; 10 s at most, and what a look at another one
 * that is under way still takes. Errors: NOT_FOUND (no app, no launcher), SCRIPT,
 * LIMIT. finish gives what `pinokiocloud menu --json` prints. */
void pino_engine_menu(PinoEngine *engine, const char *app, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer data);
GBytes *pino_engine_menu_finish(PinoEngine *engine, GAsyncResult *result, GError **error);

/* An app's ENVIRONMENT, made when it is missing: {path, entries: [{key, value, default, description, set, secret, required,
 * known}]} as environment/entries.h says; value is null where there is none, and of a secret always. Values are set before
 * when values is not NULL: JSON of an object by name, of texts and null, which puts a value back to what a new file has
 * there; all of them or none. Done in a thread; it waits up to 10 s for who writes the file. Errors: NOT_FOUND (no app), USAGE for a name
 * or value that no file can hold, LIMIT, UNAVAILABLE, those of reading and writing. finish may be called without an engine. */
void pino_engine_environment(PinoEngine *engine, const char *app, const char *values,
                             GAsyncReadyCallback callback, gpointer data);
GBytes *pino_engine_environment_finish(GAsyncResult *result, GError **error);

/* --- doing ---- */

typedef struct {
  const char *app;    /* or NULL with an absolute script */
  const char *script; /* in the app's folder; NULL: what the menu would start now */
  const char *input;  /* JSON of an object, or NULL */
  guint cols, rows;   /* of its terminals; 0: 100 x 30 */
  gboolean no_requirements;
} PinoEngineStart;

/* Starts a run; finish gives its id as soon as it is in the library (free with g_free()). One that runs already is given
 * back with *already TRUE (may be NULL). Errors: NOT_FOUND, USAGE (a path out of the app's folder, requirements in a
 * circle), SCRIPT (the menu), UNAVAILABLE (nothing to start: not installed). */
void pino_engine_start(PinoEngine *engine, const PinoEngineStart *start, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer data);
char *pino_engine_start_finish(PinoEngine *engine, GAsyncResult *result, gboolean *already, GError **error);

typedef struct {
  const char
      *operation; /* "install", "plan", "update", "back", "reset", "uninstall" (lifecycle/operation.h) */
  const char *
      source; /* an app's name under api/; of install and plan also an id or a name of the catalog, or a git URL */
  const char *name;   /* of the folder that an install makes; NULL: the repository's own */
  const char *branch; /* of what an install clones; may be NULL */
  gboolean from_start, force, purge;
  gboolean ask;     /* of reset and uninstall: the person is asked first, as a question of the run */
  guint cols, rows; /* of its terminals; 0: 100 x 30 */
} PinoEngineOperation;

/* Starts an operation as a run and gives the run's id (free with g_free()); *app (may be NULL; free) is the app's name.
 * The same one that is under way already is given back with *already TRUE (may be NULL). Errors: NOT_FOUND (with what may
 * have been meant), USAGE, UNAVAILABLE (the app runs, or something else is being done to it). */
char *pino_engine_operate(PinoEngine *engine, const PinoEngineOperation *operation, char **app,
                          gboolean *already, GError **error);

/* FALSE with UNAVAILABLE when an operation is under way on the app, which a start or restart would disturb. */
gboolean pino_engine_app_is_free(PinoEngine *engine, const char *app, GError **error);

/* Stops a run; finish is called when nothing of it is left. One that has ended is no error. */
void pino_engine_stop_run(PinoEngine *engine, const char *run, GAsyncReadyCallback callback, gpointer data);
/* Stops all runs of an app; apps that require it go on. app NULL: all runs. */
void pino_engine_stop_app(PinoEngine *engine, const char *app, GAsyncReadyCallback callback, gpointer data);
gboolean pino_engine_stop_finish(PinoEngine *engine, GAsyncResult *result, GError **error);

typedef struct {
  const char *app;      /* whose page; or NULL */
  const char *url;      /* a page of this machine; or NULL */
  guint16 port;         /* when neither is there */
  const char *provider; /* the only one that may be used; NULL: as the settings say */
  const char *passcode; /* visitors must know it; "": none; NULL: as the app's ENVIRONMENT says */
} PinoEngineShare;

/* Gives a page a public address; the tunnel's id comes at once (free with g_free()), its address with the "tunnel" events.
 * One that leads there already is given with *already TRUE (may be NULL). Errors: NOT_FOUND (no such app), USAGE (no page
 * of this machine, no such provider), UNAVAILABLE (the app has no page yet). */
char *pino_engine_tunnel_open(PinoEngine *engine, const PinoEngineShare *share, gboolean *already,
                              GError **error);
/* provider NULL, passcode NULL: as it is. Another provider means another address, a passcode does not, but that a
 * platform's own address has none. A tunnel that waits tries at once: with the provider that is named, be it the present
 * one, or with "" with all that it may use, which stay what they are. */
gboolean pino_engine_tunnel_set(PinoEngine *engine, const char *id, const char *provider,
                                const char *passcode, GError **error);
gboolean pino_engine_tunnel_close(PinoEngine *engine, const char *id, GError **error);

/* Answers a question of a run: JSON of an object by the form's keys. NOT_FOUND when it is no longer asked; USAGE when it
 * is no object. */
gboolean pino_engine_answer(PinoEngine *engine, const char *run, const char *question, const char *answers,
                            GError **error);
/* Nobody will answer: the step fails with reason. */
gboolean pino_engine_refuse(PinoEngine *engine, const char *run, const char *question, const char *reason,
                            GError **error);

/* Types on the shell's terminal. NOT_FOUND, UNAVAILABLE when it has ended, LIMIT when it does not read. */
gboolean pino_engine_shell_write(PinoEngine *engine, const char *shell, const void *bytes, gsize length,
                                 GError **error);
/* Sets its terminal's size. */
gboolean pino_engine_shell_resize(PinoEngine *engine, const char *shell, guint cols, guint rows,
                                  GError **error);
/* Ends all its processes; the run learns of it as of any end. */
gboolean pino_engine_shell_stop(PinoEngine *engine, const char *shell, GError **error);

/* value NULL removes it; what settings there are stands in engine/settings.c. NOT_FOUND for another, USAGE for a value
 * that it may not have. */
gboolean pino_engine_set(PinoEngine *engine, const char *key, const char *value, GError **error);

/* Rebuilds the library from api/, the journals and the keepers' sockets; gives a report for a person. */
char *pino_engine_recover(PinoEngine *engine, GError **error);

G_END_DECLS
