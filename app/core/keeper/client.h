/* The engine's side of a keeper: a command on a terminal of its own, in a process of its own.
 *
 * An attached command ends with the engine, whatever way the engine ends. A detached one goes on; the engine finds
 * it again by the folder and the name that it was started with. Output is what the log holds: the keeper says how
 * long the log is and the client reads it, so a client that is slow, or pauses, holds up nothing but itself.
 *
 * A PinoKeeper belongs to the thread that made it: call everything there. Its events come from the main context
 * that was that thread's default when it was made. Any event may call any function here, pino_keeper_free too; while
 * an event runs a nested main loop, no other event of the same keeper comes.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

#define PINO_KEEPER_OWN_GRACE G_MAXUINT32

typedef struct {
  const char *program; /* pinokiocloud-keeper; NULL: beside this program, in ../libexec/pinokiocloud, or
                          $PINOKIOCLOUD_KEEPER */
  const char *const *argv;
  const char *const *env; /* "NAME=value"; NULL: as the engine's own */
  const char *cwd;        /* NULL: as the engine's own */
  const char *log_path;   /* appended to; folders are made */
  const char *id;         /* letters, digits, ".", "_" and "-"; needed when detached */
  const char *run_dir;    /* needed when detached: holds ID.sock, and ID.json after the end; made */
  gboolean detached;
  guint cols, rows; /* 0: 80 x 24 */
  guint grace_ms;   /* how long what is asked to end may take before it is killed; 0: 5000 */
} PinoKeeperSpec;

typedef struct {
  /* What the command printed, byte by byte as it was. */
  void (*output)(const guint8 *data, gsize length, gpointer user_data);
  /* Once, after the last output and when no process of the command is left. wait_status is as of waitpid().
   * stopped: it was asked to end. */
  void (*ended)(int wait_status, gboolean stopped, gpointer user_data);
  /* Something a person should know: the log cannot be written or read, the keeper was killed, a process cannot be
   * ended. The command goes on unless ended follows. */
  void (*trouble)(const GError *error, gpointer user_data);
} PinoKeeperEvents;

typedef struct _PinoKeeper PinoKeeper;

/* Starts the command and returns when it runs; some milliseconds. Fails with PINO_ERRNO when the command cannot be
 * executed, the folder or the log cannot be used; PINO_ERROR_USAGE for a bad spec; PINO_ERROR_NOT_FOUND without a
 * keeper program. Neither spec nor events are used later; an event may be NULL. Free with pino_keeper_free. */
PinoKeeper *pino_keeper_spawn(const PinoKeeperSpec *spec, const PinoKeeperEvents *events, gpointer user_data,
                              GError **error);

/* Takes up a detached command again: output from byte offset of its log on. One that has ended meanwhile is told of
 * like a running one. PINO_ERROR_NOT_FOUND: there is no such keeper and no word of its end. */
PinoKeeper *pino_keeper_attach(const char *run_dir, const char *id, const char *log_path, guint64 offset,
                               const PinoKeeperEvents *events, gpointer user_data, GError **error);

/* Types length bytes on the terminal. Never blocks. PINO_ERROR_LIMIT when the command does not read what is already
 * waiting (8 MiB), PINO_ERROR_FAILED when it has ended. */
gboolean pino_keeper_write(PinoKeeper *keeper, const void *data, gsize length, GError **error);

/* These do nothing once the command has ended. */
void pino_keeper_resize(PinoKeeper *keeper, guint cols, guint rows);
/* To the terminal's foreground process group. */
void pino_keeper_signal(PinoKeeper *keeper, int signum);
/* Asks all processes of the command to end and kills those that are left after grace_ms. A second call can only
 * shorten the wait. `ended` tells when it is done. */
void pino_keeper_stop(PinoKeeper *keeper, guint grace_ms);

/* While paused no event comes; nothing is lost. */
void pino_keeper_pause(PinoKeeper *keeper);
void pino_keeper_resume(PinoKeeper *keeper);

/* Of the command. */
pid_t pino_keeper_pid(const PinoKeeper *keeper);
/* Up to where in the log output was handed out. */
guint64 pino_keeper_log_offset(const PinoKeeper *keeper);
/* FALSE once `ended` was told. */
gboolean pino_keeper_running(const PinoKeeper *keeper);

/* No event comes any more. Attached: ends all processes of the command and waits for that, as long as its grace
 * allows and some seconds more. Detached: lets it go on. */
void pino_keeper_free(PinoKeeper *keeper);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoKeeper, pino_keeper_free)

G_END_DECLS
