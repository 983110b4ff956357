#include "gate/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256 };

struct _PinoLoop {
  int epoll;
  gboolean quit;
  gint64 now;
  guint kinds;
  guint *milliseconds;
  GQueue *timers; /* one a kind: all wait equally long, so they stand in the order in which they fire */
  GQueue tasks;
  GPtrArray *buried;
};

PinoLoop *pino_loop_new(const guint *milliseconds, guint kinds) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0)
    return NULL;
  PinoLoop *loop = g_new0(PinoLoop, 1);
  loop->epoll = epoll;
  loop->kinds = kinds;
  loop->milliseconds = g_memdup2(milliseconds, kinds * sizeof *milliseconds);
  loop->timers = g_new0(GQueue, kinds);
  loop->buried = g_ptr_array_new_with_free_func(g_free);
  loop->now = g_get_monotonic_time();
  return loop;
}

void pino_loop_free(PinoLoop *loop) {
  if (loop == NULL)
    return;
  close(loop->epoll);
  g_ptr_array_unref(loop->buried);
  g_free(loop->milliseconds);
  g_free(loop->timers);
  g_free(loop);
}

void pino_loop_quit(PinoLoop *loop) {
  loop->quit = TRUE;
}

gint64 pino_loop_now(const PinoLoop *loop) {
  return loop->now;
}

gboolean pino_loop_watch(PinoLoop *loop, PinoWatch *watch, guint32 events) {
  struct epoll_event event = {.events = events, .data.ptr = watch};
  return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void pino_loop_close(PinoLoop *loop, PinoWatch *watch) {
  if (watch->fd >= 0)
    close(watch->fd);
  watch->fd = -1;
}

void pino_loop_bury(PinoLoop *loop, gpointer memory) {
  g_ptr_array_add(loop->buried, memory);
}

void pino_timer_set(PinoLoop *loop, PinoTimer *timer, guint kind) {
  if (timer->kind != 0)
    g_queue_unlink(&loop->timers[timer->kind], &timer->link);
  timer->kind = kind;
  if (kind == 0)
    return;
  timer->link.data = timer;
  timer->due = loop->now + (gint64)loop->milliseconds[kind] * 1000;
  g_queue_push_tail_link(&loop->timers[kind], &timer->link);
}

PinoTimer *pino_timer_oldest(PinoLoop *loop, guint kind) {
  return g_queue_peek_head(&loop->timers[kind]);
}

gint64 pino_timer_age(const PinoLoop *loop, const PinoTimer *timer) {
  return loop->now - (timer->due - (gint64)loop->milliseconds[timer->kind] * 1000);
}

void pino_task_queue(PinoLoop *loop, PinoTask *task) {
  if (task->queued)
    return;
  task->queued = TRUE;
  task->link.data = task;
  g_queue_push_tail_link(&loop->tasks, &task->link);
}

void pino_task_cancel(PinoLoop *loop, PinoTask *task) {
  if (task->queued)
    g_queue_unlink(&loop->tasks, &task->link);
  task->queued = FALSE;
}

/* Milliseconds until the next timer; -1: there is none. */
static int time_left(PinoLoop *loop) {
  gint64 next = G_MAXINT64;
  if (!g_queue_is_empty(&loop->tasks))
    return 0;
  for (guint kind = 1; kind < loop->kinds; kind++) {
    const PinoTimer *timer = g_queue_peek_head(&loop->timers[kind]);
    if (timer != NULL)
      next = MIN(next, timer->due);
  }
  if (next == G_MAXINT64)
    return -1;
  return (int)CLAMP((next - loop->now + 999) / 1000, 0, G_MAXINT);
}

static void fire_timers(PinoLoop *loop) {
  for (guint kind = 1; kind < loop->kinds; kind++) {
    PinoTimer *timer;
    while ((timer = g_queue_peek_head(&loop->timers[kind])) != NULL && timer->due <= loop->now) {
      pino_timer_set(loop, timer, 0);
      timer->fired(timer);
    }
  }
}

/* Those that were there when it began: what they put off again waits for the next round. */
static void run_tasks(PinoLoop *loop) {
  for (guint left = g_queue_get_length(&loop->tasks); left > 0 && !g_queue_is_empty(&loop->tasks); left--) {
    PinoTask *task = g_queue_peek_head(&loop->tasks);
    pino_task_cancel(loop, task);
    task->run(task);
  }
}

void pino_loop_run(PinoLoop *loop) {
  struct epoll_event events[EVENTS];
  while (!loop->quit) {
    int count = epoll_wait(loop->epoll, events, EVENTS, time_left(loop));
    loop->now = g_get_monotonic_time();
    for (int i = 0; i < count; i++) {
      PinoWatch *watch = events[i].data.ptr;
      if (watch->fd >= 0)
        watch->ready(watch, events[i].events);
    }
    fire_timers(loop);
    run_tasks(loop);
    g_ptr_array_set_size(loop->buried, 0);
  }
}
