#include "keeper/client-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "keeper/protocol.h"

#define INPUT_LIMIT (8u * 1024 * 1024)
#define KILL_SLACK_MS 12000 /* the keeper gives up on what survives SIGKILL after 10 s */

PinoKeeper *pino_keeper_new(const PinoKeeperEvents *events, gpointer user_data, const char *name,
                            const char *log_path) {
  PinoKeeper *keeper = g_new0(PinoKeeper, 1);
  keeper->refs = 1;
  keeper->events = *events;
  keeper->user_data = user_data;
  keeper->name = g_strdup(name);
  keeper->log_path = g_strdup(log_path);
  keeper->fd = keeper->log_fd = -1;
  keeper->in = g_byte_array_new();
  keeper->out = g_byte_array_new();
  return keeper;
}

void pino_keeper_unref(PinoKeeper *keeper) {
  if (--keeper->refs > 0)
    return;
  g_byte_array_unref(keeper->in);
  g_byte_array_unref(keeper->out);
  g_free(keeper->name);
  g_free(keeper->log_path);
  g_free(keeper->status_path);
  if (keeper->log_fd >= 0)
    close(keeper->log_fd);
  g_free(keeper);
}

static gboolean is_reachable(const PinoKeeper *keeper) {
  return keeper->fd >= 0 && !keeper->ended;
}

gboolean pino_keeper_write(PinoKeeper *keeper, const void *data, gsize length, GError **error) {
  if (!is_reachable(keeper)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "cannot write to '%s': it has ended", keeper->name);
    return FALSE;
  }
  if (length > INPUT_LIMIT || keeper->out->len + length > INPUT_LIMIT) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT, "cannot write to '%s': it does not read its input",
                keeper->name);
    return FALSE;
  }
  if (length > 0)
    pino_keeper_send(keeper, PINO_FRAME_INPUT, data, length);
  return TRUE;
}

void pino_keeper_resize(PinoKeeper *keeper, guint cols, guint rows) {
  guint8 payload[8];
  pino_put_u32(payload, MIN(cols, G_MAXUINT16));
  pino_put_u32(payload + 4, MIN(rows, G_MAXUINT16));
  if (is_reachable(keeper))
    pino_keeper_send(keeper, PINO_FRAME_RESIZE, payload, sizeof payload);
}

void pino_keeper_signal(PinoKeeper *keeper, int signum) {
  guint8 payload[4];
  pino_put_u32(payload, (guint32)signum);
  if (is_reachable(keeper))
    pino_keeper_send(keeper, PINO_FRAME_SIGNAL, payload, sizeof payload);
}

void pino_keeper_stop(PinoKeeper *keeper, guint grace_ms) {
  guint8 payload[4];
  pino_put_u32(payload, grace_ms);
  if (!is_reachable(keeper))
    return;
  if (keeper->out->len == 0)
    pino_keeper_send(keeper, PINO_FRAME_STOP, payload, sizeof payload);
  else /* input that nobody reads is in the way */
    (void)kill(keeper->keeper_pid, SIGTERM);
}

void pino_keeper_pause(PinoKeeper *keeper) {
  keeper->paused = TRUE;
  pino_keeper_rearm(keeper);
}

void pino_keeper_resume(PinoKeeper *keeper) {
  keeper->paused = FALSE;
  pino_keeper_rearm(keeper);
  g_source_set_ready_time(keeper->source, 0);
}

pid_t pino_keeper_pid(const PinoKeeper *keeper) {
  return keeper->command_pid;
}

guint64 pino_keeper_log_offset(const PinoKeeper *keeper) {
  return keeper->offset;
}

gboolean pino_keeper_running(const PinoKeeper *keeper) {
  return !keeper->ended;
}

/* Reads what is still on its way until the keeper closes its side, which it does last. FALSE: not in time. */
static gboolean await_close(int fd, gint64 deadline_us) {
  char scrap[4096];
  for (;;) {
    gint64 left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, (int)CLAMP(left_ms, 0, G_MAXINT));
    if (ready == 0)
      return FALSE;
    ssize_t got = ready > 0 ? recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) : -1;
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
      return TRUE;
  }
}

static void end_attached(PinoKeeper *keeper) {
  gint64 deadline_us = g_get_monotonic_time() + ((gint64)keeper->grace_ms + KILL_SLACK_MS) * 1000;
  if (keeper->fd >= 0) {
    (void)shutdown(keeper->fd, SHUT_WR);
    if (!await_close(keeper->fd, deadline_us))
      (void)kill(keeper->child, SIGKILL);
  }
  (void)pino_keeper_reap(keeper);
}

void pino_keeper_free(PinoKeeper *keeper) {
  if (keeper == NULL || keeper->freed)
    return;
  keeper->freed = TRUE;
  if (keeper->source != NULL) {
    g_source_destroy(keeper->source);
    g_clear_pointer(&keeper->source, g_source_unref);
  }
  if (keeper->child > 0)
    end_attached(keeper);
  if (keeper->fd >= 0)
    close(keeper->fd);
  keeper->fd = -1;
  pino_keeper_unref(keeper);
}
