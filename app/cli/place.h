/* Where the engine of this PINOKIO_HOME is met: its socket, its lock, its note, its log. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *home;    /* absolute */
  char *run_dir; /* PINOKIO_RUN_DIR, else HOME/run; absolute */
  char *socket;  /* of the API */
  char *lock;
  char *note; /* engine.json */
  char *log;
} PinoPlace;

/* As the environment says; nothing is looked at yet. */
PinoPlace *pino_place_new(void);
void pino_place_free(PinoPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoPlace, pino_place_free)

typedef enum { PINO_PLACE_NOBODY, PINO_PLACE_SERVED, PINO_PLACE_REFUSED } PinoPlaceState;

/* Whether somebody listens on the socket, without asking anything. REFUSED (error set): it cannot be used. */
PinoPlaceState pino_place_look(const PinoPlace *place, GError **error);

/* What the engine wrote down about itself when it came up. */
typedef struct {
  int pid;
  int port;       /* 0: no TCP */
  gint64 started; /* ms since 1970 */
} PinoPlaceNote;

/* FALSE when there is no note, or none that can be read. An engine that was killed leaves its note. */
gboolean pino_place_read_note(const PinoPlace *place, PinoPlaceNote *note);

/* The process that holds the home's lock and has its file open: so it is the engine, and not a stranger that was given
 * an old number. 0 when nobody does, or somebody who cannot be seen from here. */
int pino_place_engine(const PinoPlace *place);
/* Whether anybody holds the lock. */
gboolean pino_place_is_locked(const PinoPlace *place);

G_END_DECLS
