/* One child process with pipes on a main context, for the natives of child_process.
 *
 * A child leads a process group of its own (or a session, when detached), so that it can be ended with all that
 * it started. It is watched by its pid alone; its exit and the end of each output are told apart and may come in
 * any order. Our ends never block, and writing to a child that is gone raises no signal.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoChild PinoChild;

enum { PINO_STDIO_PIPE = -1, PINO_STDIO_NULL = -2 }; /* instead of a descriptor */

typedef struct {
  char *file; /* looked up in the PATH of env unless it has a slash */
  char **argv;
  char **env;
  char *cwd; /* may be NULL */
  int stdio[3];
  gboolean detached;
} PinoChildOptions;

/* All are called from the main context; each may drop the child. */
typedef struct {
  /* fd 1 or 2; data NULL means the end of it. */
  void (*output)(PinoChild *child, int fd, const guint8 *data, gsize len, gpointer user);
  /* problem 0: all that was to be written is written; else an errno, and the input is closed. */
  void (*input)(PinoChild *child, int problem, gpointer user);
  void (*ended)(PinoChild *child, int wait_status, gpointer user);
} PinoChildEvents;

void pino_child_options_clear(PinoChildOptions *options);

/* Errors are PINO_ERRNO (ENOENT: the program, or the folder cwd, is not there). */
PinoChild *pino_child_start(const PinoChildOptions *options, GMainContext *context,
                            const PinoChildEvents *events, gpointer user, GError **error);
/* Another owner. */
PinoChild *pino_child_ref(PinoChild *child);
void pino_child_unref(PinoChild *child);
/* No event comes after this; the process itself goes on, and is reaped when it ends. */
void pino_child_drop(PinoChild *child);

/* Stays known after the child has ended. */
pid_t pino_child_pid(const PinoChild *child);
/* FALSE once `ended` was told. */
gboolean pino_child_is_running(const PinoChild *child);
/* Gives how many bytes wait to be written. */
gsize pino_child_write(PinoChild *child, const guint8 *data, gsize len);
/* After what waits is written. */
void pino_child_close_input(PinoChild *child);
void pino_child_pause(PinoChild *child, int fd, gboolean paused);
/* The process itself, or its whole group. FALSE with errno when there is none any more. */
gboolean pino_child_kill(PinoChild *child, int signal, gboolean group);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoChild, pino_child_unref)

G_END_DECLS
