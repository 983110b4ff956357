#include "server/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((guint64)64 * 1024)

/* The byte after the first newline in [from, to); `otherwise` when there is none. */
static guint64 after_newline(int fd, guint64 from, guint64 to, guint64 otherwise) {
  g_autofree char *block = g_malloc(BLOCK);
  while (from < to) {
    gssize count = pread(fd, block, (gsize)MIN(BLOCK, to - from), (off_t)from);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    const char *found = memchr(block, '\n', (gsize)count);
    if (found != NULL)
      return from + (guint64)(found - block) + 1;
    from += (guint64)count;
  }
  return otherwise;
}

/* Past the rest of a UTF-8 character that begins before. */
static guint64 next_character(int fd, guint64 from) {
  guchar bytes[4];
  gssize count = pread(fd, bytes, sizeof bytes, (off_t)from), rest = 0;
  while (rest < count && (bytes[rest] & 0xc0) == 0x80)
    rest++;
  return rest < 4 && rest < count ? from + (guint64)rest : from;
}

guint64 pino_tail_find(const char *path, guint64 bytes, guint64 within) {
  struct stat st;
  guint64 start = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return 0;
  if (fstat(fd, &st) == 0 && (guint64)st.st_size > bytes) {
    guint64 end = (guint64)st.st_size;
    start = end - bytes;
    /* From the byte before on: a line that begins just there is not moved past. */
    guint64 until = end - start < within ? end : start + within;
    guint64 line = after_newline(fd, start - 1, until, end);
    start = line < end ? line : next_character(fd, start);
  }
  close(fd);
  return start;
}
