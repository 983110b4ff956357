/* Writes a line with the monotonic clock's nanoseconds, then lives on for a moment: whoever sees the line before the
 * end has seen it live. Usage: stamp [MILLISECONDS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct timespec ts;
  char line[64];
  clock_gettime(CLOCK_MONOTONIC, &ts);
  int length = snprintf(line, sizeof line, "stamp %lld\n", (long long)ts.tv_sec * 1000000000LL + ts.tv_nsec);
  if (write(STDOUT_FILENO, line, (size_t)length) != length)
    return 1;
  usleep((useconds_t)(argc > 1 ? atoi(argv[1]) : 300) * 1000);
  return 0;
}
