/* The engine as a process in the background: started, found, waited for. */
#pragma once

#include "cli/endpoint.h"

G_BEGIN_DECLS

/* What the engine writes on its ready descriptor: it listens, another engine has the home, or it cannot start. The
 * reason follows the last of these, for its log may be what cannot be written; the descriptor stays until its process
 * has gone. */
#define PINO_DAEMON_READY 'R'
#define PINO_DAEMON_TAKEN 'T'
#define PINO_DAEMON_FAILED 'F'

/* Starts `pinokiocloud engine` with further arguments (may be NULL) in a session of its own, and waits until its API
 * listens. When another process does the same, one engine comes up and all succeed; *started (may be NULL) tells
 * whether it was this one. Errors: the home's folders; the engine's reason when it did not come up, or the last lines
 * of its log when it gave none. */
gboolean pino_daemon_start(const PinoEndpoint *place, const char *const *arguments, gboolean *started,
                           GError **error);

/* A descriptor of that engine's process, to be closed; -1 when it is not the engine that holds the lock. */
int pino_daemon_open(const PinoEndpoint *place, int pid);

/* Waits until that engine has gone (pid 0: whoever holds the lock), and its process (-1: none), ms milliseconds at
 * most. */
gboolean pino_daemon_wait_gone(const PinoEndpoint *place, int pid, int process, guint ms);

/* Sends the signal if the process is the engine that holds the lock; FALSE when it is not, or not any more. */
gboolean pino_daemon_signal(const PinoEndpoint *place, int pid, int number);

G_END_DECLS
