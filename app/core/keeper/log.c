#include "keeper/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void note_size(struct log *log, int whence) {
  off_t end = lseek(log->fd, 0, whence);
  if (end >= 0)
    log->size = (uint64_t)end;
}

bool log_open(struct log *log, const char *path) {
  log->path = path;
  log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
  if (log->fd < 0)
    return errno == ENOSPC || errno == EDQUOT;
  note_size(log, SEEK_END);
  return true;
}

size_t log_write(struct log *log, const uint8_t *data, size_t length) {
  size_t done = 0;
  if (log->fd < 0 && (!log_open(log, log->path) || log->fd < 0)) {
    log->error = errno;
    return 0;
  }
  while (done < length) {
    ssize_t wrote = write(log->fd, data + done, length - done);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0) {
      log->error = wrote < 0 ? errno : EIO;
      break;
    }
    done += (size_t)wrote;
  }
  if (done == length)
    log->error = 0;
  if (done > 0)
    note_size(log, SEEK_CUR); /* asked, not counted: somebody may have cut the file */
  return done;
}

void log_close(struct log *log) {
  if (log->fd >= 0)
    close(log->fd);
  log->fd = -1;
}
