#include "keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/listen.h"
#include "keeper/log.h"
#include "keeper/peer.h"
#include "keeper/protocol.h"
#include "keeper/pty.h"
#include "keeper/queue.h"
#include "keeper/status.h"
#include "keeper/tree.h"

#define CHUNK (64u * 1024)
#define READ_ROOM 4096u /* what one read of a terminal gives at most */
#define INPUT_BOUND (1024u * 1024)
#define KILL_LIMIT_MS 10000 /* what survives SIGKILL that long is stuck in the kernel, or not ours to kill */
#define KILL_PAUSE_MAX_MS 50
#define URGE_PAUSE_MS 50 /* then doubled each time */
#define PEER_BOUND 256
#define REVIVALS 3     /* in a row, without a byte between them */
#define FINAL_READS 64 /* a terminal holds far less than this many chunks; an outsider may go on writing */

enum phase { PHASE_RUNNING, PHASE_ENDING, PHASE_KILLING, PHASE_FINAL, PHASE_TELLING, PHASE_OVER };
enum slot { SLOT_SIGNALS, SLOT_PTY, SLOT_LISTENER, SLOT_PEERS };

struct keeper {
  const struct options *options;
  int signals, listener;
  struct pty pty;
  struct log log;
  uint64_t log_start;
  struct queue input;

  struct peer *peers;
  size_t peer_count;
  struct pollfd *polls;

  pid_t command;
  bool command_ended, tree_empty, tree_changed;
  int wait_status;
  uint32_t flags;

  enum phase phase;
  int64_t deadline, next_kill; /* monotonic ms */
  int64_t next_urge;
  int urge_pause_ms, kill_pause_ms, final_reads, revivals;
  struct tree_asked asked;

  size_t chunk_length; /* of what the log could not take and the control client must get */
  uint8_t chunk[CHUNK];
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_detached(const struct keeper *keeper) {
  return keeper->options->listen != NULL;
}

static struct peer *find_control(struct keeper *keeper) {
  for (size_t i = 0; i < keeper->peer_count; i++) {
    if (keeper->peers[i].control && keeper->peers[i].fd >= 0)
      return &keeper->peers[i];
  }
  return NULL;
}

static void add_peer(struct keeper *keeper, int fd, bool control) {
  size_t count = keeper->peer_count + 1;
  struct peer *peers = realloc(keeper->peers, count * sizeof *peers);
  if (peers != NULL)
    keeper->peers = peers;
  struct pollfd *polls = peers == NULL ? NULL : realloc(keeper->polls, (SLOT_PEERS + count) * sizeof *polls);
  if (polls == NULL) {
    close(fd);
    return;
  }
  keeper->polls = polls;
  peer_init(&peers[keeper->peer_count], fd, control);
  peers[keeper->peer_count].owed_error = keeper->log.error;
  keeper->peer_count = count;
}

/* ---- the end ---- */

static void begin_end(struct keeper *keeper, uint32_t grace_ms, uint32_t flags) {
  int64_t deadline = now_ms() + grace_ms;
  if (keeper->phase > PHASE_ENDING)
    return;
  keeper->flags |= flags;
  if (keeper->phase == PHASE_ENDING) {
    keeper->deadline = deadline < keeper->deadline ? deadline : keeper->deadline;
    return;
  }
  keeper->phase = PHASE_ENDING;
  keeper->deadline = deadline;
  keeper->urge_pause_ms = URGE_PAUSE_MS;
  keeper->next_urge = now_ms() + URGE_PAUSE_MS;
  if (!keeper->tree_empty)
    tree_ask(&keeper->asked);
}

static void stop(struct keeper *keeper, uint32_t grace_ms) {
  begin_end(keeper, grace_ms == PINO_FRAME_OWN_GRACE ? keeper->options->grace_ms : grace_ms,
            keeper->command_ended ? 0 : PINO_EXIT_STOPPED);
}

static void reap(struct keeper *keeper) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    keeper->tree_changed = true;
    tree_forget(&keeper->asked, pid);
    if (pid != keeper->command)
      continue;
    keeper->command_ended = true;
    keeper->wait_status = status;
  }
  keeper->tree_empty = pid < 0 && errno == ECHILD;
}

static void kill_again(struct keeper *keeper, int64_t now) {
  if (now >= keeper->deadline) {
    keeper->flags |= PINO_EXIT_LEFTOVERS;
    if (!keeper->command_ended)
      keeper->wait_status = SIGKILL;
    keeper->phase = PHASE_FINAL;
    return;
  }
  if (now < keeper->next_kill && !keeper->tree_changed)
    return;
  tree_kill();
  reap(keeper);
  keeper->next_kill = now + keeper->kill_pause_ms;
  keeper->kill_pause_ms =
      keeper->kill_pause_ms * 2 < KILL_PAUSE_MAX_MS ? keeper->kill_pause_ms * 2 : KILL_PAUSE_MAX_MS;
}

static void stop_listening(struct keeper *keeper) {
  if (keeper->listener < 0)
    return;
  unlink(keeper->options->listen);
  close(keeper->listener);
  keeper->listener = -1;
}

/* Whoever hears of the end may start another keeper of this name at once, so the name is free before that. */
static void tell_end(struct keeper *keeper) {
  struct ending ending = {.id = keeper->options->id,
                          .pid = keeper->command,
                          .wait_status = keeper->wait_status,
                          .flags = keeper->flags};
  if (is_detached(keeper) && keeper->options->status != NULL)
    (void)status_write(keeper->options->status, &ending);
  stop_listening(keeper);
  keeper->phase = PHASE_TELLING;
}

static void urge(struct keeper *keeper, int64_t now) {
  if (keeper->tree_changed)
    tree_ask(&keeper->asked);
  if (now < keeper->next_urge)
    return;
  tree_urge();
  keeper->urge_pause_ms *= 2;
  keeper->next_urge = now + keeper->urge_pause_ms;
}

static void advance(struct keeper *keeper) {
  if (keeper->phase == PHASE_RUNNING && keeper->command_ended)
    begin_end(keeper, keeper->options->grace_ms, 0);
  if (keeper->phase == PHASE_ENDING && !keeper->tree_empty) {
    int64_t now = now_ms();
    if (now >= keeper->deadline) {
      keeper->phase = PHASE_KILLING;
      keeper->deadline = now + KILL_LIMIT_MS;
      keeper->next_kill = now;
      keeper->kill_pause_ms = 1;
    } else {
      urge(keeper, now);
    }
  }
  if (keeper->phase == PHASE_KILLING && !keeper->tree_empty)
    kill_again(keeper, now_ms());
  keeper->tree_changed = false;
  if ((keeper->phase == PHASE_ENDING || keeper->phase == PHASE_KILLING) && keeper->tree_empty)
    keeper->phase = PHASE_FINAL;
  if (keeper->phase == PHASE_FINAL)
    pty_close_slave(&keeper->pty);
}

/* ---- output ---- */

static void keep(struct keeper *keeper, size_t length) {
  int before = keeper->log.error;
  size_t kept = log_write(&keeper->log, keeper->chunk, length);
  if (kept == length)
    return;
  if (before == 0) {
    for (size_t i = 0; i < keeper->peer_count; i++)
      keeper->peers[i].owed_error = keeper->log.error;
  }
  if (find_control(keeper) == NULL)
    return;
  memmove(keeper->chunk, keeper->chunk + kept, length - kept);
  keeper->chunk_length = length - kept;
}

/* Only a hangup by the command ends the output while the keeper holds the slave side. */
static void revive_terminal(struct keeper *keeper) {
  if (keeper->phase < PHASE_FINAL && ++keeper->revivals <= REVIVALS && !pty_revive(&keeper->pty))
    keeper->revivals = REVIVALS + 1;
}

/* Reads what is there, at most a chunk, and keeps it. True when there was no more to read. */
static bool read_output(struct keeper *keeper) {
  size_t length = 0;
  bool drained = false, ended = false;
  while (!drained && length + READ_ROOM <= CHUNK) {
    ssize_t got = read(keeper->pty.master, keeper->chunk + length, CHUNK - length);
    if (got > 0)
      length += (size_t)got;
    drained = got == 0 || (got < 0 && errno != EINTR);
    ended = drained && (got == 0 || errno != EAGAIN);
  }
  if (length > 0) {
    keeper->revivals = 0;
    keep(keeper, length);
  } else if (ended) {
    revive_terminal(keeper);
  }
  return drained;
}

static void finish_output(struct keeper *keeper) {
  while (keeper->phase == PHASE_FINAL && keeper->chunk_length == 0) {
    if (read_output(keeper) || ++keeper->final_reads > FINAL_READS) {
      if (keeper->chunk_length == 0)
        tell_end(keeper);
      else
        keeper->final_reads = 0;
    }
  }
}

/* ---- clients ---- */

static void write_input(struct keeper *keeper) {
  while (keeper->input.length > 0) {
    ssize_t wrote = write(keeper->pty.master, queue_head(&keeper->input), keeper->input.length);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0 && errno != EAGAIN)
      queue_clear(&keeper->input);
    if (wrote <= 0)
      break;
    queue_drop(&keeper->input, (size_t)wrote);
  }
  for (size_t i = 0; keeper->input.length <= INPUT_BOUND / 2 && i < keeper->peer_count; i++)
    keeper->peers[i].stalled = false;
}

static void take_frame(void *context, struct peer *peer, uint8_t type, const uint8_t *payload,
                       size_t length) {
  struct keeper *keeper = context;
  switch (type) {
  case PINO_FRAME_INPUT:
    if (!queue_add(&keeper->input, payload, length))
      peer_close(peer);
    peer->stalled = keeper->input.length >= INPUT_BOUND;
    break;
  case PINO_FRAME_RESIZE:
    if (length == 8)
      pty_resize(&keeper->pty, pino_get_u32(payload), pino_get_u32(payload + 4));
    break;
  case PINO_FRAME_SIGNAL:
    if (length == 4 && !keeper->command_ended && pino_get_u32(payload) < NSIG)
      pty_signal(&keeper->pty, (int)pino_get_u32(payload), keeper->command);
    break;
  case PINO_FRAME_STOP:
    if (length == 4)
      stop(keeper, pino_get_u32(payload));
    break;
  default:
    break;
  }
}

/* Chooses the next frame for a client that has none on its way. The order is that of what happened: the log grew,
 * then it failed, then bytes went around it; the end is last. */
static bool next_frame(struct keeper *keeper, struct peer *peer) {
  uint8_t payload[PINO_HELLO_LENGTH];
  if (!peer->greeted) {
    pino_put_u32(payload, PINO_FRAME_VERSION);
    pino_put_u32(payload + 4, (uint32_t)keeper->command);
    pino_put_u32(payload + 8, (uint32_t)getpid());
    pino_put_u64(payload + 12, keeper->log_start);
    pino_put_u64(payload + 20, keeper->log.size);
    peer->greeted = true;
    peer->told_size = keeper->log.size;
    peer_put(peer, PINO_FRAME_HELLO, payload, PINO_HELLO_LENGTH, NULL, 0);
  } else if (peer->told_size != keeper->log.size) {
    if (keeper->phase < PHASE_TELLING && !peer_is_caught_up(peer)) {
      peer->wants_room = true;
      return false;
    }
    peer->told_size = keeper->log.size;
    pino_put_u64(payload, keeper->log.size);
    peer_put(peer, PINO_FRAME_SIZE, payload, 8, NULL, 0);
  } else if (peer->owed_error != 0) {
    pino_put_u32(payload, (uint32_t)peer->owed_error);
    peer->owed_error = 0;
    peer_put(peer, PINO_FRAME_LOG_ERROR, payload, 4, NULL, 0);
  } else if (peer->control && keeper->chunk_length > 0) {
    peer_put(peer, PINO_FRAME_DATA, NULL, 0, keeper->chunk, keeper->chunk_length);
  } else if (keeper->phase == PHASE_TELLING && !peer->told_end) {
    pino_put_u32(payload, (uint32_t)keeper->wait_status);
    pino_put_u32(payload + 4, keeper->flags);
    peer->told_end = true;
    peer_put(peer, PINO_FRAME_EXIT, payload, 8, NULL, 0);
  } else {
    return false;
  }
  return true;
}

static void tell(struct keeper *keeper, struct peer *peer) {
  peer->wants_room = false;
  do {
    bool was_bulk = peer->bulk != NULL;
    if (!peer_flush(peer))
      break;
    if (was_bulk) {
      peer->bulk = NULL;
      keeper->chunk_length = 0;
    }
  } while (next_frame(keeper, peer));
  if (peer->fd < 0 && peer->control)
    keeper->chunk_length = 0;
}

static void tell_all(struct keeper *keeper) {
  bool waiting = false;
  for (size_t i = 0; i < keeper->peer_count; i++) {
    struct peer *peer = &keeper->peers[i];
    if (peer->fd < 0)
      continue;
    tell(keeper, peer);
    waiting = waiting || (peer->control && peer->wants_room);
  }
  if (keeper->phase == PHASE_TELLING && !waiting)
    keeper->phase = PHASE_OVER;
}

/* When attached the control client is all that the command lives for. */
static void drop_peers(struct keeper *keeper) {
  size_t left = 0;
  for (size_t i = 0; i < keeper->peer_count; i++) {
    if (keeper->peers[i].fd >= 0) {
      keeper->peers[left++] = keeper->peers[i];
      continue;
    }
    if (keeper->peers[i].control && !is_detached(keeper))
      stop(keeper, PINO_FRAME_OWN_GRACE);
  }
  keeper->peer_count = left;
}

/* ---- the loop ---- */

static void take_signals(struct keeper *keeper) {
  struct signalfd_siginfo info;
  while (read(keeper->signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD)
      reap(keeper);
    else if (!is_detached(keeper) || info.ssi_signo == SIGTERM)
      stop(keeper, PINO_FRAME_OWN_GRACE);
  }
}

static size_t set_polls(struct keeper *keeper) {
  struct pollfd *polls = keeper->polls;
  bool reads = keeper->chunk_length == 0 && keeper->phase < PHASE_FINAL;
  short pty_events = (short)((reads ? POLLIN : 0) | (keeper->input.length > 0 ? POLLOUT : 0));
  bool pty_polled = pty_events != 0 && keeper->phase < PHASE_FINAL && keeper->revivals <= REVIVALS;
  polls[SLOT_SIGNALS] = (struct pollfd){.fd = keeper->signals, .events = POLLIN};
  polls[SLOT_PTY] = (struct pollfd){.fd = pty_polled ? keeper->pty.master : -1, .events = pty_events};
  polls[SLOT_LISTENER] =
      (struct pollfd){.fd = keeper->peer_count < PEER_BOUND ? keeper->listener : -1, .events = POLLIN};
  for (size_t i = 0; i < keeper->peer_count; i++) {
    const struct peer *peer = &keeper->peers[i];
    short events = (short)((peer->stalled ? 0 : POLLIN) | (peer->wants_room ? POLLOUT : 0));
    if (peer->control && peer->stalled)
      events |= POLLRDHUP; /* the starter's end is not to wait for room */
    polls[SLOT_PEERS + i] = (struct pollfd){.fd = peer->fd, .events = events};
  }
  return SLOT_PEERS + keeper->peer_count;
}

static int wait_ms(const struct keeper *keeper) {
  int64_t until = keeper->deadline;
  if (keeper->phase == PHASE_FINAL && keeper->chunk_length == 0)
    return 0;
  if (keeper->phase != PHASE_ENDING && keeper->phase != PHASE_KILLING)
    return -1;
  if (keeper->phase == PHASE_KILLING && keeper->next_kill < until)
    until = keeper->next_kill;
  if (keeper->phase == PHASE_ENDING && keeper->next_urge < until)
    until = keeper->next_urge;
  int64_t left = until - now_ms();
  return left > 0 ? (int)left : 0;
}

static void serve(struct keeper *keeper, size_t polled) {
  const struct pollfd *polls = keeper->polls;
  if (polls[SLOT_SIGNALS].revents != 0)
    take_signals(keeper);
  if ((polls[SLOT_PTY].revents & ~POLLOUT) != 0 && keeper->chunk_length == 0)
    (void)read_output(keeper);
  for (size_t i = 0; i < polled - SLOT_PEERS; i++) {
    struct peer *peer = &keeper->peers[i];
    short events = polls[SLOT_PEERS + i].revents;
    bool gone = (events & POLLIN) == 0 && (events & (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP)) != 0;
    if (peer->fd >= 0 && (gone || ((events & POLLIN) != 0 && !peer_read(peer, take_frame, keeper))))
      peer_close(peer);
    if (peer->fd < 0 && peer->control)
      keeper->chunk_length = 0;
  }
  if (keeper->input.length > 0)
    write_input(keeper);
  int fd;
  while (keeper->polls[SLOT_LISTENER].revents != 0 && (fd = listen_accept(keeper->listener)) >= 0)
    add_peer(keeper, fd, false);
}

static void loop(struct keeper *keeper) {
  while (keeper->phase != PHASE_OVER) {
    size_t polled = set_polls(keeper);
    if (poll(keeper->polls, polled, wait_ms(keeper)) >= 0)
      serve(keeper, polled);
    advance(keeper);
    finish_output(keeper);
    tell_all(keeper);
    drop_peers(keeper);
  }
}

void keeper_tell_failure(const struct options *options, int stage, int error) {
  uint8_t frame[PINO_FRAME_HEADER + 8];
  size_t length = pino_put_header(frame, PINO_FRAME_START_FAIL, 8);
  pino_put_u32(frame + length, (uint32_t)error);
  pino_put_u32(frame + length + 4, (uint32_t)stage);
  if (options->control >= 0)
    (void)send(options->control, frame, sizeof frame, MSG_NOSIGNAL);
  struct ending ending = {.id = options->id, .wait_status = 127 << 8};
  if (options->listen != NULL && options->status != NULL && stage != PINO_START_SOCKET)
    (void)status_write(options->status, &ending); /* without the socket the file may be another keeper's */
}

static bool start(struct keeper *keeper) {
  const struct options *options = keeper->options;
  struct start_failure failure;
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!log_open(&keeper->log, options->log)) {
    failure = (struct start_failure){PINO_START_LOG, errno};
  } else if (!pty_open(&keeper->pty, options->cols, options->rows)) {
    failure = (struct start_failure){PINO_START_PTY, errno};
  } else {
    keeper->log_start = keeper->log.size;
    keeper->command = pty_start(&keeper->pty, options->argv, options->cwd, &failure);
    if (keeper->command > 0)
      return true;
  }
  keeper_tell_failure(options, failure.stage, failure.error);
  return false;
}

static void clear(struct keeper *keeper) {
  if (keeper->pty.master >= 0)
    close(keeper->pty.master);
  pty_close_slave(&keeper->pty);
  log_close(&keeper->log);
  queue_clear(&keeper->input);
  tree_asked_clear(&keeper->asked);
  for (size_t i = 0; i < keeper->peer_count; i++)
    peer_close(&keeper->peers[i]);
  free(keeper->peers);
  free(keeper->polls);
  free(keeper);
}

int keeper_run(const struct options *options, int listener, int signals) {
  struct keeper *keeper = calloc(1, sizeof *keeper);
  if (keeper == NULL || (keeper->polls = calloc(SLOT_PEERS, sizeof *keeper->polls)) == NULL) {
    free(keeper);
    return 1;
  }
  keeper->options = options;
  keeper->listener = listener;
  keeper->signals = signals;
  keeper->pty = (struct pty){-1, -1};
  bool started = start(keeper);
  if (options->control >= 0)
    add_peer(keeper, options->control, true);
  if (started) {
    tell_all(keeper);
    loop(keeper);
  }
  stop_listening(keeper);
  clear(keeper);
  return started ? 0 : 127;
}
