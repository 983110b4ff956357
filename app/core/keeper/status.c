#include "keeper/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void put_number(char text[16], int applies, int number) {
  if (applies)
    snprintf(text, 16, "%d", number);
  else
    snprintf(text, 16, "null");
}

static size_t format(char *text, size_t room, const struct ending *ending) {
  char code[16], signum[16], when[32];
  int status = ending->wait_status;
  put_number(code, WIFEXITED(status), WEXITSTATUS(status));
  put_number(signum, WIFSIGNALED(status), WTERMSIG(status));
  struct timespec now;
  struct tm parts;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &parts);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
  int length = snprintf(text, room,
                        "{\"id\":\"%s\",\"pid\":%d,\"exit_code\":%s,\"signal\":%s,\"wait_status\":%d,"
                        "\"flags\":%u,\"ended_at\":\"%s.%03ldZ\"}\n",
                        ending->id, (int)ending->pid, code, signum, status, (unsigned)ending->flags, when,
                        now.tv_nsec / 1000000);
  return length > 0 && (size_t)length < room ? (size_t)length : 0;
}

int status_write(const char *path, const struct ending *ending) {
  char draft[PATH_MAX], text[1024];
  size_t length = format(text, sizeof text, ending);
  int path_length = snprintf(draft, sizeof draft, "%s.new", path);
  if (length == 0 || path_length < 0 || (size_t)path_length >= sizeof draft)
    return ENAMETOOLONG;
  int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno;
  ssize_t wrote = write(fd, text, length);
  int error = wrote == (ssize_t)length ? 0 : wrote < 0 ? errno : ENOSPC;
  close(fd);
  if (error == 0 && rename(draft, path) != 0)
    error = errno;
  if (error != 0)
    unlink(draft);
  return error;
}
