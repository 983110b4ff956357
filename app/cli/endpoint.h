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
} PinoEndpoint;

/* As the environment says; nothing is looked at yet. */
PinoEndpoint *pino_endpoint_new(void);
void pino_endpoint_free(PinoEndpoint *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoEndpoint, pino_endpoint_free)

typedef enum { PINO_ENDPOINT_NOBODY, PINO_ENDPOINT_SERVED, PINO_ENDPOINT_REFUSED } PinoEndpointState;

/* Whether somebody listens on the socket, without asking anything. REFUSED (error set): it cannot be used. */
PinoEndpointState pino_endpoint_look(const PinoEndpoint *place, GError **error);

/* What the engine wrote down about itself when it came up. */
typedef struct {
  int pid;
  int port;       /* 0: no TCP */
  gint64 started; /* ms since 1970 */
} PinoEndpointNote;

/* FALSE when there is no note, or none that can be read. An engine that was killed leaves its note. */
gboolean pino_endpoint_read_note(const PinoEndpoint *place, PinoEndpointNote *note);

/* The process that holds the home's lock and has its file open: so it is the engine, and not a stranger that was given
 * an old number. 0 when nobody does, or somebody who cannot be seen from here. */
int pino_endpoint_engine(const PinoEndpoint *place);
/* Whether anybody holds the lock. */
gboolean pino_endpoint_is_locked(const PinoEndpoint *place);

G_END_DECLS
