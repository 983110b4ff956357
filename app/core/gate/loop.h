/* The gate's one thread: descriptors that are told once what happened to them (edge-triggered epoll), waits of a few
 * fixed lengths, and work that is put off so that nobody keeps the others waiting. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PinoLoop PinoLoop;

/* Embedded in what it is about. */
typedef struct _PinoWatch PinoWatch;
struct _PinoWatch {
  int fd; /* -1: closed */
  void (*ready)(PinoWatch *watch, guint32 events);
};

typedef struct _PinoTimer PinoTimer;
struct _PinoTimer {
  GList link;
  guint kind; /* 0: not set */
  gint64 due;
  void (*fired)(PinoTimer *timer);
};

typedef struct _PinoTask PinoTask;
struct _PinoTask {
  GList link;
  gboolean queued;
  void (*run)(PinoTask *task);
};

/* milliseconds: how long a timer of each kind waits; kind 0 stands for none. NULL with errno when the system has no
 * epoll to give. */
PinoLoop *pino_loop_new(const guint *milliseconds, guint kinds);
void pino_loop_free(PinoLoop *loop);
/* Until pino_loop_quit. */
void pino_loop_run(PinoLoop *loop);
/* Ends pino_loop_run after this round. */
void pino_loop_quit(PinoLoop *loop);
/* Monotonic microseconds at the begin of this round. */
gint64 pino_loop_now(const PinoLoop *loop);

/* Tells about those events (as epoll_ctl takes them) of an open descriptor. FALSE with errno. */
gboolean pino_loop_watch(PinoLoop *loop, PinoWatch *watch, guint32 events);
/* Closes the descriptor; nothing is told any more. */
void pino_loop_close(PinoLoop *loop, PinoWatch *watch);
/* Frees memory after this round, when nobody can look at it any more. */
void pino_loop_bury(PinoLoop *loop, gpointer memory);

/* Starts it anew, or for another kind; kind 0 stops it. */
void pino_timer_set(PinoLoop *loop, PinoTimer *timer, guint kind);
/* The timer of that kind that waits longest; NULL: none does. */
PinoTimer *pino_timer_oldest(PinoLoop *loop, guint kind);
/* Microseconds since it was started. */
gint64 pino_timer_age(const PinoLoop *loop, const PinoTimer *timer);
/* Runs it once in the next round. */
void pino_task_queue(PinoLoop *loop, PinoTask *task);
/* Not any more. */
void pino_task_cancel(PinoLoop *loop, PinoTask *task);

G_END_DECLS
