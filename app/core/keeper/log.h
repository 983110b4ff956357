/* The file that takes every byte which the command prints. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log {
  const char *path;
  int fd;        /* -1 when it could not be opened yet */
  uint64_t size; /* where the last byte ends */
  int error;     /* errno of the run of failed writes that goes on; 0 when all is well */
};

/* Opens for appending, 0600 when it is new. A full disk is no failure: the next write tries again. False sets
 * errno. */
bool log_open(struct log *log, const char *path);

/* Appends; returns how many bytes the file took. When that is not all, log->error says why. */
size_t log_write(struct log *log, const uint8_t *data, size_t length);

void log_close(struct log *log);
