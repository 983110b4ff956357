/* The command line of pinokiocloud-keeper. */
#pragma once

#include <stdbool.h>

struct options {
  int control;        /* a connected socket, or -1 */
  const char *listen; /* path of the socket to serve: the keeper goes on without its starter. May be NULL */
  const char *status; /* file that tells how the command ended. May be NULL */
  const char *log;
  const char *cwd; /* of the command; may be NULL */
  const char *id;
  unsigned cols, rows, grace_ms;
  char **argv; /* of the command */
};

/* Fills options; on a mistake tells it on stderr and returns false. */
bool options_parse(struct options *options, int argc, char **argv);
