/* The terminal that a keeper owns, and the start of the command on it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/protocol.h"

/* The keeper holds the slave side open itself. Else a command that closes its terminal and opens it again (by
 * /dev/tty) would look like one that has ended. */
struct pty {
  int master; /* non-blocking */
  int slave;  /* -1 once the end of output is wanted */
};

struct start_failure {
  enum pino_start_stage stage;
  int error;
};

/* Opens a terminal of that size; false sets errno. */
bool pty_open(struct pty *pty, unsigned cols, unsigned rows);

/* Opens the slave side again after a hangup took it away (vhangup); false when that cannot be done. */
bool pty_revive(struct pty *pty);

/* Starts argv on the terminal in a session of its own and in folder cwd (may be NULL). Returns when the command is
 * running (its pid), or -1 with *failure. */
pid_t pty_start(const struct pty *pty, char *const *argv, const char *cwd, struct start_failure *failure);

void pty_resize(const struct pty *pty, unsigned cols, unsigned rows);

/* Sends a signal to the foreground process group; to the group of leader when there is none. */
void pty_signal(const struct pty *pty, int signum, pid_t leader);

/* Ends the keeper's own hold of the slave side: output now ends with its last writer. */
void pty_close_slave(struct pty *pty);
