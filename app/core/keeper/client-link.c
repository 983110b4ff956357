#include "keeper/client-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "keeper/protocol.h"

#define READ_CHUNK (256u * 1024)
#define TURN (1024u * 1024) /* bytes handed out before other sources get their turn */
#define IN_BOUND (256u * 1024)
#define GREETING_MS 10000

/* ---- the connection ---- */

int pino_keeper_reap(PinoKeeper *keeper) {
  int status = 0;
  while (keeper->child > 0 && waitpid(keeper->child, &status, 0) < 0 && errno == EINTR)
    continue;
  keeper->child = 0;
  return status;
}

static void flush(PinoKeeper *keeper) {
  while (keeper->out->len > 0) {
    ssize_t sent = send(keeper->fd, keeper->out->data, keeper->out->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0 && errno == EAGAIN)
      return;
    if (sent < 0) /* the end of the connection is told where it is read */
      g_byte_array_set_size(keeper->out, 0);
    else
      g_byte_array_remove_range(keeper->out, 0, (guint)sent);
  }
}

void pino_keeper_send(PinoKeeper *keeper, guint8 type, const void *payload, gsize length) {
  guint8 head[PINO_FRAME_HEADER];
  pino_put_header(head, (enum pino_frame)type, length);
  g_byte_array_append(keeper->out, head, sizeof head);
  g_byte_array_append(keeper->out, payload, (guint)length);
  flush(keeper);
  pino_keeper_rearm(keeper);
}

/* A descriptor that has hung up is ready for ever, so one of which nothing is wanted is taken out. */
void pino_keeper_rearm(PinoKeeper *keeper) {
  if (keeper->source == NULL)
    return;
  gboolean reads = !keeper->paused && keeper->in->len < IN_BOUND;
  GIOCondition wanted = 0;
  if (keeper->fd >= 0)
    wanted = (reads ? G_IO_IN : 0) | (keeper->out->len > 0 ? G_IO_OUT : 0);
  if (keeper->tag != NULL && wanted != 0) {
    g_source_modify_unix_fd(keeper->source, keeper->tag, wanted);
  } else if (keeper->tag != NULL) {
    g_source_remove_unix_fd(keeper->source, keeper->tag);
    keeper->tag = NULL;
  } else if (wanted != 0) {
    keeper->tag = g_source_add_unix_fd(keeper->source, keeper->fd, wanted);
  }
}

static void hang_up(PinoKeeper *keeper) {
  if (keeper->tag != NULL)
    g_source_remove_unix_fd(keeper->source, keeper->tag);
  keeper->tag = NULL;
  close(keeper->fd);
  keeper->fd = -1;
  g_byte_array_set_size(keeper->out, 0);
}

/* FALSE at the end of the connection. */
static gboolean receive(PinoKeeper *keeper) {
  guint8 data[16 * 1024];
  ssize_t got = recv(keeper->fd, data, sizeof data, MSG_DONTWAIT);
  if (got < 0)
    return errno == EAGAIN || errno == EINTR;
  g_byte_array_append(keeper->in, data, (guint)got);
  return got > 0;
}

/* ---- frames ---- */

typedef struct {
  guint8 type;
  const guint8 *payload;
  gsize length;
} Frame;

static gboolean peek_frame(const PinoKeeper *keeper, Frame *frame) {
  if (keeper->in->len < PINO_FRAME_HEADER)
    return FALSE;
  frame->type = keeper->in->data[0];
  frame->length = pino_get_u32(keeper->in->data + 1);
  frame->payload = keeper->in->data + PINO_FRAME_HEADER;
  return keeper->in->len - PINO_FRAME_HEADER >= frame->length;
}

static void drop_frame(PinoKeeper *keeper, const Frame *frame) {
  g_byte_array_remove_range(keeper->in, 0, (guint)(PINO_FRAME_HEADER + frame->length));
}

static void set_start_error(GError **error, const PinoKeeper *keeper, const char *cwd, const Frame *frame) {
  static const struct {
    guint32 stage;
    const char *what, *where;
  } stages[] = {
      {PINO_START_EXEC, "cannot start", NULL},
      {PINO_START_CWD, "cannot start", "in folder"},
      {PINO_START_LOG, "cannot start", "with log"},
      {PINO_START_PTY, "cannot open a terminal for", NULL},
      {PINO_START_SOCKET, "cannot make the socket of", NULL},
      {PINO_START_FORK, "cannot make a process for", NULL},
  };
  int errnum = frame->length >= 8 ? (int)pino_get_u32(frame->payload) : EPROTO;
  guint32 stage = frame->length >= 8 ? pino_get_u32(frame->payload + 4) : PINO_START_FORK;
  gsize i = 0;
  while (i + 1 < G_N_ELEMENTS(stages) && stages[i].stage != stage)
    i++;
  g_autofree char *reason = g_strdup(g_strerror(errnum));
  reason[0] = g_ascii_tolower(reason[0]);
  g_autofree char *where = g_strdup("");
  if (stages[i].where != NULL) {
    g_free(where);
    where = g_strdup_printf(" %s '%s'", stages[i].where,
                            stage == PINO_START_LOG ? keeper->log_path
                            : cwd != NULL           ? cwd
                                                    : ".");
  }
  g_set_error(error, PINO_ERRNO, errnum, "%s '%s'%s: %s", stages[i].what, keeper->name, where, reason);
}

static void take_hello(PinoKeeper *keeper, const guint8 *payload) {
  keeper->command_pid = (pid_t)pino_get_u32(payload + 4);
  keeper->keeper_pid = (pid_t)pino_get_u32(payload + 8);
  keeper->offset = pino_get_u64(payload + 12);
  keeper->limit = pino_get_u64(payload + 20);
}

static gboolean take_greeting(PinoKeeper *keeper, const char *cwd, const Frame *frame, GError **error) {
  if (frame->type == PINO_FRAME_START_FAIL) {
    set_start_error(error, keeper, cwd, frame);
    return FALSE;
  }
  if (frame->type != PINO_FRAME_HELLO || frame->length < PINO_HELLO_LENGTH ||
      pino_get_u32(frame->payload) != PINO_FRAME_VERSION) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED,
                "the keeper of '%s' speaks another version; stop it and start it again", keeper->name);
    return FALSE;
  }
  take_hello(keeper, frame->payload);
  drop_frame(keeper, frame);
  return TRUE;
}

gboolean pino_keeper_greet(PinoKeeper *keeper, const char *cwd, GError **error) {
  gint64 deadline_us = g_get_monotonic_time() + GREETING_MS * 1000;
  Frame frame;
  while (!peek_frame(keeper, &frame)) {
    gint64 left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
    struct pollfd wait = {.fd = keeper->fd, .events = POLLIN};
    int ready = poll(&wait, 1, (int)MAX(left_ms, 0));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0 || !receive(keeper)) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_FAILED, "the keeper of '%s' %s", keeper->name,
                  ready == 0 ? "does not answer" : "ended before it could say anything");
      return FALSE;
    }
  }
  return take_greeting(keeper, cwd, &frame, error);
}

/* ---- events ---- */

static void tell_trouble(PinoKeeper *keeper, GQuark domain, int code, const char *text) {
  g_autoptr(GError) error = g_error_new_literal(domain, code, text);
  if (keeper->events.trouble != NULL)
    keeper->events.trouble(error, keeper->user_data);
}

static void tell_log_trouble(PinoKeeper *keeper, const char *what, int errnum) {
  g_autofree char *text = g_strdup_printf("cannot %s the log '%s' of '%s': %s", what, keeper->log_path,
                                          keeper->name, g_strerror(errnum));
  tell_trouble(keeper, PINO_ERRNO, errnum, text);
}

static void tell_end(PinoKeeper *keeper, int wait_status, guint flags) {
  if ((flags & PINO_EXIT_LEFTOVERS) != 0) {
    g_autofree char *text =
        g_strdup_printf("some processes of '%s' could not be ended: they belong to another user "
                        "or are stuck in the kernel",
                        keeper->name);
    tell_trouble(keeper, PINO_ERROR, PINO_ERROR_FAILED, text);
  }
  keeper->ended = TRUE;
  if (!keeper->freed && keeper->events.ended != NULL)
    keeper->events.ended(wait_status, (flags & PINO_EXIT_STOPPED) != 0, keeper->user_data);
}

/* The kernel hung up the terminal; whoever did not end by that is ended here, so that what is told is true. */
static void tell_lost(PinoKeeper *keeper, int keeper_status) {
  if (getsid(keeper->command_pid) == keeper->command_pid)
    (void)kill(-keeper->command_pid, SIGKILL);
  g_autofree char *how = WIFSIGNALED(keeper_status)
                             ? g_strdup_printf("was killed by signal %d", WTERMSIG(keeper_status))
                             : g_strdup("is gone");
  g_autofree char *text =
      g_strdup_printf("the keeper of '%s' %s; how the command ended is not known, and processes "
                      "that left its session may go on",
                      keeper->name, how);
  tell_trouble(keeper, PINO_ERROR, PINO_ERROR_FAILED, text);
  tell_end(keeper, SIGKILL, 0);
}

static gboolean open_log(PinoKeeper *keeper) {
  if (keeper->log_fd < 0)
    keeper->log_fd = open(keeper->log_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  return keeper->log_fd >= 0;
}

/* Hands out a piece of the log; returns its length. What cannot be read is passed over, and told. */
static gsize give_log(PinoKeeper *keeper) {
  gsize wanted = (gsize)MIN(keeper->limit - keeper->offset, READ_CHUNK);
  g_autofree guint8 *data = g_malloc(wanted);
  ssize_t got = open_log(keeper) ? pread(keeper->log_fd, data, wanted, (off_t)keeper->offset) : -1;
  if (got < 0 && errno == EINTR)
    return 0;
  if (got <= 0) {
    int errnum = got < 0 ? errno : ENODATA; /* somebody cut the file */
    keeper->offset = keeper->limit;
    tell_log_trouble(keeper, "read", errnum);
    return 0;
  }
  keeper->offset += (guint64)got;
  if (keeper->events.output != NULL)
    keeper->events.output(data, (gsize)got, keeper->user_data);
  return (gsize)got;
}

/* A log that got shorter was cut and begins anew. */
static void set_limit(PinoKeeper *keeper, guint64 limit) {
  keeper->limit = limit;
  if (limit < keeper->offset)
    keeper->offset = 0;
}

static gsize take_frame(PinoKeeper *keeper, const Frame *frame) {
  gsize given = 0;
  if (frame->type == PINO_FRAME_DATA) {
    given = frame->length;
    if (keeper->events.output != NULL)
      keeper->events.output(frame->payload, frame->length, keeper->user_data);
  } else if (frame->type == PINO_FRAME_LOG_ERROR && frame->length >= 4) {
    tell_log_trouble(keeper, "write", (int)pino_get_u32(frame->payload));
  } else if (frame->type == PINO_FRAME_EXIT && frame->length >= 8) {
    tell_end(keeper, (int)pino_get_u32(frame->payload), pino_get_u32(frame->payload + 4));
  }
  drop_frame(keeper, frame);
  return given;
}

/* The connection ended without word of the command's end. First time: whatever the log still holds comes. */
static void conclude(PinoKeeper *keeper) {
  struct stat info;
  if (!keeper->tail_known) {
    keeper->tail_known = TRUE;
    if (open_log(keeper) && fstat(keeper->log_fd, &info) == 0 && S_ISREG(info.st_mode))
      keeper->limit = MAX(keeper->limit, (guint64)info.st_size);
    return;
  }
  int keeper_status = pino_keeper_reap(keeper), wait_status;
  guint flags;
  if (pino_keeper_read_status(keeper->status_path, &wait_status, &flags, NULL))
    tell_end(keeper, wait_status, flags);
  else
    tell_lost(keeper, keeper_status);
}

/* Hands out what there is in the order in which it happened. TRUE when a turn was not enough. */
static gboolean deliver(PinoKeeper *keeper) {
  gsize given = 0;
  Frame frame;
  while (!keeper->paused && !keeper->freed && !keeper->ended) {
    if (given >= TURN)
      return TRUE;
    gboolean framed = peek_frame(keeper, &frame);
    if (framed && frame.type == PINO_FRAME_SIZE && frame.length >= 8) {
      set_limit(keeper, pino_get_u64(frame.payload));
      drop_frame(keeper, &frame);
    } else if (keeper->offset < keeper->limit) {
      given += give_log(keeper);
    } else if (framed) {
      given += take_frame(keeper, &frame);
    } else if (keeper->fd < 0) {
      conclude(keeper);
    } else {
      return FALSE;
    }
  }
  return FALSE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  PinoKeeper *keeper = ((PinoKeeperSource *)source)->keeper;
  GIOCondition ready = keeper->tag != NULL ? g_source_query_unix_fd(source, keeper->tag) : 0;
  keeper->refs++;
  if (keeper->fd >= 0 && keeper->out->len > 0)
    flush(keeper);
  if (ready != 0 && !keeper->paused && !receive(keeper))
    hang_up(keeper);
  gboolean more = deliver(keeper);
  if (keeper->ended && keeper->fd < 0 && !keeper->freed)
    (void)pino_keeper_reap(keeper);
  if (!keeper->freed) {
    pino_keeper_rearm(keeper);
    g_source_set_ready_time(source, more ? 0 : -1);
  }
  pino_keeper_unref(keeper);
  return G_SOURCE_CONTINUE;
}

void pino_keeper_watch(PinoKeeper *keeper) {
  static const GSourceFuncs functions = {.dispatch = dispatch};
  keeper->source = g_source_new((GSourceFuncs *)&functions, sizeof(PinoKeeperSource));
  ((PinoKeeperSource *)keeper->source)->keeper = keeper;
  g_source_set_name(keeper->source, "keeper");
  g_source_set_ready_time(keeper->source, 0);
  g_source_attach(keeper->source, g_main_context_get_thread_default());
  pino_keeper_rearm(keeper);
}
