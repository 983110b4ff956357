/* What the three parts of the client share: client-start.c makes the connection, client-link.c turns what comes on
 * it into events, client.c is what callers see. */
#pragma once

#include "keeper/client.h"

typedef struct {
  GSource base;
  PinoKeeper *keeper; /* not owned */
} PinoKeeperSource;

struct _PinoKeeper {
  guint refs; /* the caller's, and one while events are handed out */
  PinoKeeperEvents events;
  gpointer user_data;

  char *name; /* of the command, for messages */
  char *log_path;
  char *status_path; /* NULL when attached */
  int fd;            /* -1 after the connection ended */
  int log_fd;        /* -1 until the first byte is to be read */
  pid_t child;       /* the attached keeper, until reaped; else 0 */
  pid_t keeper_pid, command_pid;
  guint grace_ms;

  GSource *source;
  gpointer tag; /* of fd in source; NULL while nothing is wanted of it */
  GByteArray *in, *out;
  guint64 offset, limit; /* of the log: handed out, known to be there */
  gboolean paused, freed, ended, tail_known;
};

/* client-start.c */

/* How a detached command ended, from its status file. FALSE when there is none. */
gboolean pino_keeper_read_status(const char *path, int *wait_status, guint *flags, pid_t *pid);

/* client-link.c */

/* Reads until the keeper said hello (10 s at most); START_FAIL becomes the error. cwd is for the message. */
gboolean pino_keeper_greet(PinoKeeper *keeper, const char *cwd, GError **error);

/* Events come from the calling thread's default context from now on. */
void pino_keeper_watch(PinoKeeper *keeper);
void pino_keeper_rearm(PinoKeeper *keeper);

/* Appends a frame and sends what the socket takes. */
void pino_keeper_send(PinoKeeper *keeper, guint8 type, const void *payload, gsize length);

/* Waits for the attached keeper's process; returns its wait status. */
int pino_keeper_reap(PinoKeeper *keeper);

/* client.c */

/* One reference, no connection yet. */
PinoKeeper *pino_keeper_new(const PinoKeeperEvents *events, gpointer user_data, const char *name,
                            const char *log_path);

/* Gives the memory back with the last reference; the connection is ended by pino_keeper_free. */
void pino_keeper_unref(PinoKeeper *keeper);
