/* What the files of this room share. Nobody else includes it.
 *
 * A live run is one that has not ended, or that left something running; it has a PinoLive. Its row is what the library
 * holds. Who works for it at a moment: nobody yet (waiting), a runner (channel), or the engine itself, which then
 * keeps its shells (adopt.c). Everything that changes a run ends in pino_live_changed(), which writes it and then tells
 * whoever watches.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "base/follow.h"
#include "catalog/catalog.h"
#include "control/channel.h"
#include "engine/apps.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/lock.h"
#include "keeper/client.h"
#include "state/journal.h"
#include "state/library.h"

G_BEGIN_DECLS

typedef enum {
  PINO_LIVE_WAITING, /* for what it requires */
  PINO_LIVE_RUNNING, /* its steps are done */
  PINO_LIVE_READY,
  PINO_LIVE_STOPPING,
  PINO_LIVE_FINISHED, /* came to its end */
  PINO_LIVE_STOPPED,  /* somebody stopped it */
  PINO_LIVE_ERROR,
  PINO_LIVE_INTERRUPTED, /* its runner was lost in the middle of its steps */
} PinoLiveState;

typedef struct _PinoLive PinoLive;
typedef struct _PinoEnginePersist PinoEnginePersist;
typedef struct _PinoMenus PinoMenus;
typedef struct _PinoMeter PinoMeter;
typedef struct _PinoIdler PinoIdler;
typedef struct _PinoFinder PinoFinder;
typedef struct _PinoTunnels PinoTunnels;

struct _PinoEngine {
  char *home;
  char *run_dir;
  char *shells_dir;
  char *runner, *keeper, *gate; /* programs */
  gint64 started;               /* ms since 1970 */
  PinoLock *lock;
  PinoLibrary *library;
  PinoApps *apps;
  int control; /* listening */
  guint control_source;
  GPtrArray *lines;         /* Line (runner.c): the channels, owned */
  GHashTable *lives;        /* run id -> PinoLive, owned */
  GHashTable *applications; /* app -> PinoApplication, owned: as in the library */
  GHashTable *outcomes;     /* path -> PinoOutcomeNote: how scripts that are over ended */
  GHashTable *dirty;        /* PinoLive whose row is to be written */
  guint flush_source;
  guint checkpoint_source;
  guint autolaunch_source;
  guint awaited_source; /* runners of an earlier engine are to come back */
  GPtrArray *watches;   /* Watch */
  guint next_watch;
  GQueue *news; /* char *: events to be told in the next turn */
  guint news_source;
  GHashTable *troubles; /* text -> text: what a person should know, told once */
  GBytes *apps_view;    /* NULL: to be made anew */
  PinoMenus *menus;
  PinoMeter *meter;
  PinoIdler *idler;
  PinoHealth *health;
  PinoWatcher *watcher;       /* NULL until something is watched */
  PinoTunnels *tunnels;       /* NULL before the library is open and after its end */
  PinoEnginePersist *persist; /* NULL: there is no persistent side */
  PinoCatalog *catalog;
  GHashTable *again; /* script path -> Again (restart.c) */
  gboolean ended;    /* a run has, since rows were last pruned */
  guint next_question;
  gboolean closing;
};

/* How a script that is over ended. */
typedef struct {
  gboolean finished, failed;
  char *global; /* JSON */
} PinoOutcomeNote;

typedef struct {
  PinoLive *live;
  char *id, *script, *log, *command;
  int index;
  gint64 pid, started, ended;
  guint64 offset; /* of the log: journalled up to here */
  gboolean running, lost;
  int exit_code;      /* -1: none */
  PinoKeeper *keeper; /* the engine's own line to it; NULL while nobody needed one */
  gboolean adopted;   /* the engine journals its output */
  gboolean unwritten; /* the library could not be written */
} PinoLiveShell;

typedef struct {
  char *id;      /* for those who answer */
  gint64 number; /* for the runner */
  char *script;
  char *request; /* JSON */
} PinoQuestion;

/* A script of a run that another run, or a person, wants ended. */
typedef struct {
  char *asker; /* RUN/NUMBER of who asks */
  char *path;
  GTask *task; /* of a person; may be NULL */
} PinoChildStop;

/* One of the apps that a run waits for. */
typedef struct {
  char *app, *script; /* script: NULL for what its menu starts */
  char *run;          /* once it was asked to start */
  char *error;        /* why it cannot */
  gboolean asked;
} PinoRequired;

struct _PinoLive {
  PinoEngine *engine;
  PinoRunRow *row;
  PinoLiveState state;
  GPtrArray *shells;            /* PinoLiveShell, owned */
  GPtrArray *questions;         /* PinoQuestion, owned */
  JsonArray *scripts;           /* as the runner tells them; may be NULL */
  GPtrArray *finished, *failed; /* paths of other scripts that ended in this run; may be NULL */
  guint cols, rows;
  char *method; /* of the present step; may be NULL */
  char *opened; /* the page that a script opened last; may be NULL */
  /* its runner */
  PinoChannel *channel;
  pid_t pid;         /* of the runner, 0: none */
  gboolean is_child; /* of this engine, which reaps it */
  gboolean awaited; /* it lives, without a line: of an earlier engine, or its line broke. It will come back */
  gboolean came;    /* the runner has connected, at some time */
  gboolean begun;   /* it has been given its job */
  gboolean for_stop;   /* it does only `on.stop` */
  gboolean on_stop;    /* a script of it has such steps */
  gboolean leaving;    /* it was told that it may leave */
  gboolean over;       /* the runner has told the end */
  gboolean to_cancel;  /* it came back and is to be asked to end, unless it was asked before */
  GArray *kept;        /* descriptors that keep its app's ports while it has no runner */
  GHashTable *apps;    /* ids of the apps whose scripts it has run */
  GPtrArray *children; /* PinoChildStop, owned: scripts of it that its runner ends for another run */
  /* its end */
  gboolean stop_wanted;
  guint stop_stage;
  guint stop_source;    /* timer */
  GPtrArray *stoppers;  /* GTask */
  PinoJournal *journal; /* while the engine writes it */
  guint64 checkpoint;
  /* what it waits for, or lets wait */
  GPtrArray *required; /* PinoRequired, owned: what must be ready first */
  PinoHealthState up;
  guint health_id;
  char *health_url; /* that is asked */
  /* its address, where the scripts do not tell it */
  PinoFinder *finder; /* while it is looked for */
  char *found;
  char *public_url;    /* that the app has printed itself, such as Gradio's; may be NULL */
  gboolean considered; /* it was shared by itself */
  char *considered_as; /* state and address for which that was decided last */
  gboolean unshared;   /* a person has closed its tunnel */
};

/* --- live.c ---- */

/* As the library has it: "waiting"... */
const char *pino_live_state_name(PinoLiveState state);
/* FALSE, and *state untouched, for another word. */
gboolean pino_live_state_parse(const char *name, PinoLiveState *state);
/* A live run of a row, which it takes over; known to the engine from then on. */
PinoLive *pino_live_new(PinoEngine *engine, PinoRunRow *row);
void pino_live_free(gpointer live);
void pino_required_free(gpointer required);
void pino_outcome_note_free(gpointer note);
PinoLive *pino_live_find(PinoEngine *engine, const char *id);
/* The newest live run whose main script this is; NULL if there is none. */
PinoLive *pino_live_of_script(PinoEngine *engine, const char *path);
/* The run in which a script runs, main or not; *entry (may be NULL) is what is known of it. */
PinoLive *pino_live_with_script(PinoEngine *engine, const char *path, JsonObject **entry);
/* Paths of the scripts of an app that this run has started beside its main one. */
GPtrArray *pino_live_guests(PinoLive *live, const char *app);
PinoLiveShell *pino_live_shell(PinoLive *live, const char *id);
PinoLiveShell *pino_live_shell_find(PinoEngine *engine, const char *id);
/* A new one, or the one of that id. */
PinoLiveShell *pino_live_add_shell(PinoLive *live, const char *id);
/* The library keeps its row. */
void pino_live_drop_shell(PinoLive *live, guint index);
guint pino_live_running_shells(const PinoLive *live);
/* Whether it is over: nothing of it runs and its state is a last one. */
gboolean pino_live_is_over(const PinoLive *live);
/* Its runner is gone, or may go: the ports that it took for the app are kept here, if they are not yet. */
void pino_live_keep_ports(PinoLive *live);
/* Writes it and tells nobody. */
gboolean pino_live_save(PinoLive *live, GError **error);
/* Writes it (at once, or soon when only its step changed), tells the watchers. */
void pino_live_changed(PinoLive *live, gboolean at_once);
void pino_live_shell_changed(PinoLiveShell *shell);
void pino_live_flush(PinoEngine *engine);
/* Sets a state and writes it. */
void pino_live_set_state(PinoLive *live, PinoLiveState state);
/* Its last state: error may be NULL. Journalled unless the runner has done so. The run may be gone afterwards. */
void pino_live_end(PinoLive *live, PinoLiveState state, const char *error);
/* Forgets the run when it is over and nobody holds it. It may be gone afterwards. */
void pino_live_release(PinoLive *live);
/* The journal for the engine's own lines, opened when needed; NULL after a trouble. */
PinoJournal *pino_live_journal(PinoLive *live);
void pino_live_note(PinoLive *live, const char *json);
/* Its address: as its scripts tell it, or as it was found; NULL: not known. Free with g_free(). */
char *pino_live_local_url(PinoLive *live);
/* Whether its scripts tell it. */
gboolean pino_live_has_own_url(const PinoLive *live);

/* A text in the local memory of its scripts; NULL: there is none. Free with g_free(). */
char *pino_live_local_text(const PinoLive *live, const char *name);

/* --- find.c: the addresses that scripts do not tell ---- */

/* Its state or its shells have changed. */
void pino_find_follow(PinoLive *live);
void pino_find_stop(PinoLive *live);

/* --- runner.c: processes that do scripts, and the lines to them ---- */

/* Starts a process for the run; it will connect. */
gboolean pino_runner_spawn(PinoLive *live, GError **error);
/* A process for menus; its pid, 0 with error set. It is reaped. */
pid_t pino_runner_spawn_worker(PinoEngine *engine, const char *worker, GError **error);
gboolean pino_control_open(PinoEngine *engine, GError **error);
void pino_control_close(PinoEngine *engine);
/* Closes a line, the runner's or a worker's. */
void pino_line_close(PinoEngine *engine, PinoChannel *channel);
/* The runners that live on this machine now: run id -> pid. */
GHashTable *pino_runner_alive(void);
/* Whether the run's own process still does its work. */
gboolean pino_runner_lives(const PinoLive *live);
/* Ends the process without asking it. */
void pino_runner_kill(PinoLive *live);

/* --- messages.c: what runners tell ---- */

/* It has connected, for the first time or again. */
void pino_runner_hello(PinoLive *live, JsonObject *hello);
/* Any other message. The run may be gone afterwards. */
void pino_runner_message(PinoLive *live, JsonObject *message);
/* The line is gone. */
void pino_runner_closed(PinoLive *live);
void pino_runner_send(PinoLive *live, const char *type);
/* The job that the runner is there for. */
void pino_runner_send_job(PinoLive *live);

/* Looks after the address of a run that is ready, once it has one. */
void pino_health_follow(PinoLive *live);

/* --- query.c: what runners ask of the other runs ---- */

/* live may be NULL: a menu worker asks. */
void pino_query_answer(PinoEngine *engine, PinoLive *live, PinoChannel *channel, JsonObject *message);
void pino_query_stopped(PinoLive *live, JsonObject *message);
/* Answers a question that its runner still waits with; nothing when the runner is gone. */
void pino_query_reply_text(PinoLive *live, gint64 id, const char *text);
void pino_query_reply_error(PinoLive *live, gint64 id, const char *message);
/* The run's runner is gone, and with it those who would have ended its scripts; stops: PinoChildStop, taken over. */
void pino_query_runner_gone(PinoEngine *engine, const char *run, GPtrArray *stops);
void pino_child_stop_free(gpointer stop);
/* Ends a script that another app's run has started; task (taken over) is told when it is. */
void pino_query_stop_guest(PinoLive *owner, const char *path, GTask *task);

/* --- adopt.c: shells without a runner ---- */

/* Takes up what a runner left behind that did not say goodbye: the journal tells how far it came. The run may be gone
 * afterwards. */
void pino_adopt(PinoLive *live);
/* Only finds its shells: by the journal, by their sockets. */
void pino_adopt_find(PinoLive *live);
/* Takes up those of its shells that nobody keeps. */
void pino_adopt_all(PinoLive *live);
/* The same for a runner that left properly; then what that means for the run. */
void pino_adopt_shells(PinoLive *live);
/* The engine's line to one shell, made when there is none. */
PinoKeeper *pino_adopt_line(PinoLiveShell *shell, GError **error);
/* Decides what it means that the run's commands have ended. */
void pino_adopt_settle(PinoLive *live);

/* --- start.c, stop.c ---- */

/* What a script is for, by its name: "install", "start" or "other". */
const char *pino_start_kind(const char *path);
/* Where a run's journal lies. Free with g_free(). */
char *pino_start_journal(PinoEngine *engine, const char *script, const char *run);
/* An id for a new run of script; free with g_free(). */
char *pino_start_new_id(PinoEngine *engine, const char *script);
/* A new run is saved and told. FALSE, and it is gone, when that cannot be. */
gboolean pino_start_record(PinoLive *live, GError **error);
/* Its runner is started. The run may be gone afterwards. */
void pino_start_begin(PinoLive *live);
/* A run became ready or ended: those that wait for it go on. */
void pino_start_continue(PinoEngine *engine);
/* A start that no person asked for: of an app that crashed, or with the engine. */
void pino_start_again(PinoEngine *engine, const PinoEngineStart *start, guint restarts);

/* Begins its end; again: hastens it. The run may be gone afterwards. */
void pino_stop_live(PinoLive *live);
/* The next stage of its end: called whenever something of it has ended. */
void pino_stop_go_on(PinoLive *live);
/* Ends the commands of one script of a run whose runner has left. */
void pino_stop_script(PinoLive *live, const char *path);
/* Ends its commands. */
void pino_stop_shells(PinoLive *live);
/* A task that is done: it is taken over, and told so in a later turn. */
void pino_stop_tell(GTask *task);
/* Tells those who wait for its end. */
void pino_stop_done(PinoLive *live);
/* The engine ends first. */
void pino_stop_give_up(PinoEngine *engine);
/* Looks after a run that an earlier engine began to stop. */
void pino_stop_watch(PinoLive *live);
/* pino_engine_stop_run() for the engine's own needs: what is to be started again is. */
void pino_stop_run(PinoEngine *engine, const char *run, GAsyncReadyCallback callback, gpointer data);

/* --- operate.c ---- */

/* The kind and operation of a run that the library has lost, from its runner's hello. */
void pino_operate_take(PinoRunRow *row, JsonObject *hello);
/* An operation as it may be shown: without the login in its URL. Free with g_free(). */
char *pino_operate_shown(const char *operation);

/* --- restart.c ---- */

/* It has ended by itself: by its policy it is started again later. */
void pino_restart_consider(PinoLive *live);
/* A person started or stopped it: what was to come does not. */
void pino_restart_forget(PinoEngine *engine, const char *script);
void pino_restart_forget_app(PinoEngine *engine, const char *app);
void pino_autolaunch(PinoEngine *engine);
void pino_restart_again_free(gpointer again);
/* A start of this script is to come. */
gboolean pino_restart_is_coming(PinoEngine *engine, const char *script);
/* A person has closed the address of a run of it that was started again since. */
gboolean pino_restart_is_unshared(PinoEngine *engine, const char *script);
void pino_restart_unshare(PinoEngine *engine, const char *script);

/* --- recover.c ---- */

/* Opens the library and takes up what an earlier engine left. */
gboolean pino_recover_open(PinoEngine *engine, GError **error);
/* Looks every second whether the runners that are awaited still live. */
void pino_recover_await(PinoEngine *engine);

/* --- persist.c: the persistent side of the home ---- */

/* Brings back what is there, before the library is opened; waits for some 13 s at most. */
void pino_engine_persist_open(PinoEngine *engine);
/* Saves what has changed; the library must still be open. Waits for some 20 s at most. */
void pino_engine_persist_close(PinoEngine *engine);

/* --- menu.c ---- */

/* Free with pino_menus_free(). */
PinoMenus *pino_menus_new(PinoEngine *engine);
void pino_menus_free(PinoMenus *menus);
/* A worker said hello; FALSE: there is no such worker. */
gboolean pino_menus_hello(PinoMenus *menus, const char *worker, PinoChannel *channel);
void pino_menus_message(PinoMenus *menus, JsonObject *message);
void pino_menus_closed(PinoMenus *menus);
/* A worker's process has ended and was reaped. */
void pino_menus_gone(PinoMenus *menus, pid_t pid);
/* Looks at an app's launcher in the background: title, description, whether it is installed. */
void pino_menus_describe(PinoMenus *menus, const char *app);
/* {shown, title, installed, install, start, installInput, startInput}. */
void pino_menus_read(PinoMenus *menus, const char *folder, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data);
JsonObject *pino_menus_read_finish(GAsyncResult *result, GError **error);

/* --- application.c: what the library says of apps ---- */

/* What the library knows. */
void pino_application_load(PinoEngine *engine);
/* An app's folder has changed, come or gone. */
void pino_application_look(PinoEngine *engine, const char *app);
/* A run of it has. */
void pino_application_follow(PinoEngine *engine, const char *app);
/* A run has changed: its app, and those whose scripts it started. */
void pino_application_follow_run(PinoLive *live);
/* All of them, and what lies under api/ now. */
void pino_application_follow_all(PinoEngine *engine);
/* What its launcher says (menu.c); menu may be NULL. */
void pino_application_describe(PinoEngine *engine, const char *app, JsonObject *menu);
/* What its menu said is old from now on, also for the next engine. app may be NULL. */
void pino_application_outdate(PinoEngine *engine, const char *app);
/* Its install has begun and not ended: a menu that looks for a folder does not see that. */
gboolean pino_application_is_half(PinoEngine *engine, const char *app);
/* The app that a path lies in, or NULL. Free with g_free(). */
char *pino_application_of(PinoEngine *engine, const char *path);
/* Its folder; NOT_FOUND when there is no such app. Free with g_free(). */
char *pino_application_path(PinoEngine *engine, const char *app, GError **error);

/* --- engine.c ---- */

/* The memory of an engine, held by what may outlast it (`closing` tells then). */
PinoEngine *pino_engine_hold(PinoEngine *engine);
void pino_engine_drop(PinoEngine *engine);
/* Tells the watchers in a later turn; json is taken over. */
void pino_engine_tell(PinoEngine *engine, char *json);
/* Something a person should know. */
void pino_engine_trouble(PinoEngine *engine, const char *about, const GError *error);
gint64 pino_engine_now(void); /* ms since 1970 */
/* Puts a copy of text (may be NULL) in the place of what is there. */
void pino_engine_set_text(char **place, const char *text);
/* Settings in force. */
int pino_engine_setting(PinoEngine *engine, const char *key);

/* --- idle.c ---- */

/* Free with pino_idler_free(). */
PinoIdler *pino_idler_new(PinoEngine *engine);
void pino_idler_free(PinoIdler *idler);
/* A setting of it has changed, or the library was opened. */
void pino_idler_set(PinoIdler *idler);

/* --- tunnels.c, share.c: public addresses ---- */

/* Takes up what an earlier engine left; engine->tunnels is set from the beginning. Free with pino_tunnels_free(): agents
 * and gate go on. */
PinoTunnels *pino_tunnels_new(PinoEngine *engine);
void pino_tunnels_free(PinoTunnels *tunnels);
/* A setting of them has changed. */
void pino_tunnels_set(PinoTunnels *tunnels);
/* Those of ports that belong to no app too. */
void pino_tunnels_close_all(PinoEngine *engine);
/* A run's state or address has changed. */
void pino_tunnels_follow(PinoLive *live);
/* Closes what waits for a run of this script (NULL: of any) that is not to come. */
void pino_tunnels_settle(PinoEngine *engine, const char *script);
/* What a script asks: a tunnel to a page, answered when it is open. */
void pino_share_ask(PinoLive *live, gint64 number, const char *local_url, const char *passcode);
/* Closes it; FALSE: there was none. */
gboolean pino_share_end(PinoEngine *engine, const char *local_url);
/* The public form of a page of this machine; NULL: it has none now. Free with g_free(). */
char *pino_share_public(PinoEngine *engine, const char *local_url);
/* Of an app's page, its own (Gradio's) included; live may be NULL. Free with g_free(). */
char *pino_share_of_app(PinoEngine *engine, const char *app, const PinoLive *live);
/* Appends the member "platform": what the rented machine's own addresses of the run's page are, as
 * pino_addresses_append_json() says, those that want a login too; null where there are none. live may be NULL. */
void pino_share_append_addresses(PinoEngine *engine, const PinoLive *live, GString *out);

/* --- meter.c ---- */

/* Free with pino_meter_free(). */
PinoMeter *pino_meter_new(PinoEngine *engine);
void pino_meter_free(PinoMeter *meter);
/* The processes of a run that are there now, as pid_t. Free with g_array_unref(). */
GArray *pino_meter_pids(PinoEngine *engine, const PinoLive *live);

G_END_DECLS
