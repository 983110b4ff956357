/* What the files of pterm's side share. Nobody else includes it. */
#pragma once

#include <json-glib/json-glib.h>

#include "server/pterm.h"

G_BEGIN_DECLS

struct _PinoPterm {
  PinoServer *server;
  PinoEngine *engine;
  char *home;
  char *real_home; /* without links */
  char *version;
  GPtrArray *clients;  /* PinoPtermClient, one reference each */
  GHashTable *offered; /* path of a script -> gint64: when `pterm run` was told to start it */
  guint watch;
};

/* One WebSocket. Counted: work that is under way outlives the connection. */
typedef struct {
  PinoPterm *pterm;   /* NULL once the server goes */
  PinoSocket *socket; /* NULL once it is closed */
  GPtrArray *follows; /* PinoPtermFollow, owned */
} PinoPtermClient;

typedef struct _PinoPtermFollow PinoPtermFollow;

/* A path that a client named, inside of the home. */
typedef struct {
  char *path;   /* absolute, as the engine says it */
  char *app;    /* NULL: not under api/ */
  char *script; /* in the app's folder; NULL: the folder itself */
} PinoPtermTarget;

/* --- pterm.c ---- */

/* An object out of its text; NULL when it is none. */
JsonObject *pino_pterm_parse(const char *text, gssize length);
/* The whole of a view; NULL when it is not what it should be. */
JsonObject *pino_pterm_object(GBytes *view);
JsonArray *pino_pterm_array(GBytes *view);
/* Members of that type; NULL for others, and when object is NULL. Borrowed. */
const char *pino_pterm_text(JsonObject *object, const char *name);
JsonObject *pino_pterm_object_in(JsonObject *object, const char *name);

/* --- pterm_target.c ---- */

void pino_pterm_target_clear(PinoPtermTarget *target);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPtermTarget, pino_pterm_target_clear)
/* uri: an absolute path in the home, or an http(s) URL of an app that is here. */
gboolean pino_pterm_target_parse(PinoPterm *pterm, const char *uri, PinoPtermTarget *target, GError **error);
/* A name of an app's folder: no path, not hidden behind dots. */
gboolean pino_pterm_name_is_plain(const char *name);
/* The run of this script that has not ended, or NULL. Free with g_free(). */
char *pino_pterm_live_run(PinoPterm *pterm, const PinoPtermTarget *target);
/* Whether a run (its view) goes on, or left something running. */
gboolean pino_pterm_is_live(JsonObject *run);

/* --- pterm_socket.c ---- */

/* The handshake of a WebSocket. */
void pino_pterm_socket_route(PinoCall *call);
void pino_pterm_clients_drop(PinoPterm *pterm);
PinoPtermClient *pino_pterm_client_ref(PinoPtermClient *client);
void pino_pterm_client_unref(PinoPtermClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPtermClient, pino_pterm_client_unref)
/* FALSE while what was sent before has not gone out: send nothing that can wait. */
gboolean pino_pterm_client_has_room(PinoPtermClient *client);
void pino_pterm_client_send(PinoPtermClient *client, const char *json);
/* {"id":id,"type":type,"data":data}; data is JSON or NULL. */
void pino_pterm_client_tell(PinoPtermClient *client, const char *id, const char *type, const char *data);
/* Text for the person, as pterm prints it. */
void pino_pterm_client_print(PinoPtermClient *client, const char *id, const char *text);
/* {"kernel":true,"id":method,...}: the answer to a method. */
void pino_pterm_client_answer(PinoPtermClient *client, const char *method, const char *type,
                              const char *data);
void pino_pterm_client_fail(PinoPtermClient *client, const char *method, const GError *error);

/* --- pterm_open.c ---- */

/* The item of a menu (pino_engine_menu_finish()) that is its default and leads somewhere; NULL: there is none. */
JsonObject *pino_pterm_default_of(JsonObject *menu);
/* {"mode":"open"}: what a launcher would do now. */
void pino_pterm_open(PinoPtermClient *client, JsonObject *request);

/* --- pterm_start.c ---- */

/* {"uri":...}: starts, stops, asks for, or listens to a script. */
void pino_pterm_script(PinoPtermClient *client, JsonObject *request);
void pino_pterm_stop(PinoPtermClient *client, JsonObject *request);

/* --- pterm_follow.c ---- */

typedef enum {
  PINO_PTERM_FOR_PERSON,   /* pterm start: until its end */
  PINO_PTERM_FOR_LAUNCHER, /* pterm run: its end is followed by the next thing the launcher offers */
  PINO_PTERM_FOR_METHOD,   /* on behalf of a method, which gives the answer itself */
} PinoPtermPurpose;

typedef void (*PinoPtermDone)(PinoPtermClient *client, const char *state, gpointer data);

typedef struct {
  const char *id; /* what packets name */
  const char *run;
  const char *app; /* may be NULL */
  PinoPtermPurpose purpose;
  gboolean ran_before;
  guint64 offset;     /* of the journal: from there on */
  PinoPtermDone done; /* FOR_METHOD */
  gpointer data;
  GDestroyNotify free_data;
} PinoPtermFollowing;

/* Hands the run's output to the client until the run is over. */
void pino_pterm_follow(PinoPtermClient *client, const PinoPtermFollowing *following);
/* Its socket has room again. */
void pino_pterm_follow_on(PinoPtermClient *client);
void pino_pterm_follow_free(PinoPtermFollow *follow);
/* The run that this client started under that id, or NULL. Borrowed. */
const char *pino_pterm_followed_run(PinoPtermClient *client, const char *id);
/* Whether this client is the one that shows that shell's output. */
gboolean pino_pterm_follows_shell(PinoPtermClient *client, const char *shell);
/* Something happened to a run. */
void pino_pterm_follow_news(PinoPterm *pterm, const char *run);
/* `pterm run` goes on with app's next thing, over another connection: those that waited for it keep quiet from now on.
 * Where it is the same run again, *offset becomes the byte of its journal that one of them had reached. */
void pino_pterm_follow_supersede(PinoPterm *pterm, const PinoPtermFollowing *next, const PinoPtermClient *by,
                                 guint64 *offset);
/* `pterm run` has nothing more to start: those that waited may say goodbye, after so many milliseconds. */
void pino_pterm_follow_release(PinoPterm *pterm, const char *app, guint after_ms);

/* --- pterm_download.c ---- */

/* {"method":"app.download","params":{uri, name?, branch?}} */
void pino_pterm_download(PinoPtermClient *client, JsonObject *request);
/* {"method":"shell.run","params":{message: "git clone URI [NAME] [-b BRANCH]"}}; no other command is run. */
void pino_pterm_clone_line(PinoPtermClient *client, JsonObject *request);
/* {"method":"kernel.bin.path_exists","params":{uri}}: true or false. */
void pino_pterm_path_exists(PinoPtermClient *client, JsonObject *request);
/* Removes what downloads of an earlier engine left in the run folder. */
void pino_pterm_download_clean(PinoPterm *pterm);

/* --- pterm_status.c ---- */

/* How a ref names this machine's control plane. */
typedef struct {
  char *host;
  guint port;
} PinoPtermPlace;

void pino_pterm_place_clear(PinoPtermPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PinoPtermPlace, pino_pterm_place_clear)

/* pinokio://HOST:PORT/api/APP */
char *pino_pterm_ref(const PinoPtermPlace *place, const char *app);
/* Answers with what is known of an app, its launcher's default included. */
void pino_pterm_status_answer(PinoCall *call, const char *app, const PinoPtermPlace *place);
/* The apps, each as the status without what asks its launcher. */
JsonArray *pino_pterm_apps(PinoPterm *pterm, const PinoPtermPlace *place);

/* --- pterm_search.c, pterm_log.c ---- */

/* The URL's query: q, mode, min_match, limit. */
void pino_pterm_search_answer(PinoCall *call, const PinoPtermPlace *place);
/* The URL's query: script, tail. */
void pino_pterm_log_answer(PinoCall *call, const char *app, const PinoPtermPlace *place);

/* --- pterm.c: HTTP answers ---- */

/* NULL when the server went while the call was held: the call is answered then. */
PinoPterm *pino_pterm_of(PinoCall *call);

/* Takes the builder, which holds one whole value. */
void pino_pterm_reply(PinoCall *call, guint status, JsonBuilder *builder);
/* {"error": message} */
void pino_pterm_reply_error(PinoCall *call, const GError *error);
void pino_pterm_add_text(JsonBuilder *builder, const char *name, const char *value); /* NULL: null */
void pino_pterm_add_flag(JsonBuilder *builder, const char *name, gboolean value);
void pino_pterm_add_number(JsonBuilder *builder, const char *name, gint64 value);

G_END_DECLS
