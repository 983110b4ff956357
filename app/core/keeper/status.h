/* How the command of a detached keeper ended, as a file for an engine that was not there. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct ending {
  const char *id;
  pid_t pid;
  int wait_status;
  uint32_t flags; /* pino_exit_flag */
};

/* Puts JSON at path in one step: {"id","pid","exit_code","signal","wait_status","flags","ended_at"}, the first
 * two of the result null when they do not apply. Returns 0 or an errno. */
int status_write(const char *path, const struct ending *ending);
