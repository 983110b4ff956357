/* The yardstick for the keeper's throughput: runs a command on a terminal and does no more than write its output to a
 * file. Prints the bytes and the seconds. Usage: ptyread FILE COMMAND [ARGUMENT...] */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int write_all(int fd, const char *data, ssize_t length) {
  while (length > 0) {
    ssize_t done = write(fd, data, (size_t)length);
    if (done < 0 && errno != EINTR)
      return -1;
    if (done > 0) {
      data += done;
      length -= done;
    }
  }
  return 0;
}

/* Copies until the terminal's last user has gone, which Linux tells with EIO. Gives the bytes, or -1. */
static long long copy(int from, int to) {
  char buffer[65536];
  long long total = 0;
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return total;
    if (write_all(to, buffer, got) < 0)
      return -1;
    total += got;
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: ptyread FILE COMMAND [ARGUMENT...]\n");
    return 2;
  }
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    perror(argv[1]);
    return 1;
  }
  struct winsize size = {.ws_row = 30, .ws_col = 100};
  int terminal = -1;
  double start = now();
  pid_t pid = forkpty(&terminal, NULL, NULL, &size);
  if (pid < 0) {
    perror("forkpty");
    return 1;
  }
  if (pid == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  long long bytes = copy(terminal, file);
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%lld %.6f\n", bytes, now() - start);
  return bytes < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}
