#include "storage/content.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/io.h"

/* How much goes between two looks at the cancellable. */
#define KERNEL_STEP ((gsize)64 * 1024 * 1024)
#define BUFFER_STEP ((gsize)1024 * 1024)

#define WRITER_TRIES 10
#define WRITER_WAIT_US 2000

typedef struct {
  int from, to;
  gboolean by_buffer; /* the kernel cannot copy between these two */
  char *buffer;
  gboolean reading;
  GCancellable *cancellable;
} Copying;

int pino_content_share(int from, int to) {
  return ioctl(to, FICLONE, from) == 0 ? 0 : errno;
}

/* What is wrong with the disk would be so in the plain way too. */
static gboolean is_final(int errnum) {
  return errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG || errnum == EIO;
}

/* Copies some of the bytes from *at on. Gives 0 or an errno. */
static int step_by_kernel(Copying *copying, off_t *at, gsize len) {
  off_t in = *at, out = *at;
  ssize_t n = copy_file_range(copying->from, &in, copying->to, &out, MIN(len, KERNEL_STEP), 0);
  if (n < 0 && is_final(errno))
    return errno;
  /* 0 is also what some kernels give for files whose size is not known. */
  if (n == 0 || (n < 0 && errno != EINTR))
    copying->by_buffer = TRUE;
  *at += MAX(n, 0);
  return 0;
}

static int step_by_buffer(Copying *copying, off_t *at, gsize len) {
  if (copying->buffer == NULL)
    copying->buffer = g_malloc(BUFFER_STEP);
  ssize_t n = pread(copying->from, copying->buffer, MIN(len, BUFFER_STEP), *at);
  if (n < 0 && errno != EINTR) {
    copying->reading = TRUE;
    return errno;
  }
  for (ssize_t done = 0; done < n;) {
    ssize_t written = pwrite(copying->to, copying->buffer + done, (gsize)(n - done), *at + done);
    if (written < 0 && errno != EINTR)
      return errno;
    done += MAX(written, 0);
  }
  *at += MAX(n, 0);
  return n == 0 ? ENODATA : 0;
}

/* ENODATA when the file ends before that. */
static int copy_range(Copying *copying, off_t at, off_t end) {
  while (at < end) {
    gsize len = (gsize)(end - at);
    if (g_cancellable_is_cancelled(copying->cancellable))
      return ECANCELED;
    int failed = copying->by_buffer ? step_by_buffer(copying, &at, len) : step_by_kernel(copying, &at, len);
    if (failed != 0)
      return failed;
  }
  return 0;
}

/* Whole stretches of data; what the file system does not tell of holes is one stretch. */
static int copy_stretches(Copying *copying, off_t size) {
  off_t at = 0;
  while (at < size) {
    off_t data = lseek(copying->from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      return 0;
    off_t hole = data >= 0 ? lseek(copying->from, data, SEEK_HOLE) : -1;
    gboolean told = data >= at && hole > data;
    off_t end = told ? MIN(hole, size) : size;
    int failed = copy_range(copying, told ? data : at, end);
    if (failed != 0)
      return failed;
    at = end;
  }
  return 0;
}

/* What was added meanwhile, and what has no size, as in /proc. */
static int copy_rest(Copying *copying, off_t at) {
  copying->by_buffer = TRUE;
  return copy_range(copying, at, G_MAXINT64);
}

int pino_content_copy(int from, int to, GCancellable *cancellable, gboolean *reading) {
  struct stat st;
  Copying copying = {from, to, FALSE, NULL, FALSE, cancellable};
  if (pino_content_share(from, to) == 0)
    return 0;
  int failed = fstat(from, &st) != 0 ? errno : 0;
  if (failed == 0) {
    (void)posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
    failed = copy_stretches(&copying, st.st_size);
  }
  /* A hole at the end. */
  if (failed == 0 && ftruncate(to, st.st_size) != 0)
    failed = errno;
  if (failed == 0)
    failed = copy_rest(&copying, st.st_size);
  /* It ends where it ended: it may have become shorter meanwhile. */
  if (failed == ENODATA)
    failed = 0;
  if (reading != NULL)
    *reading = copying.reading;
  g_free(copying.buffer);
  return failed;
}

/* A read lease is given only when nobody has the file open for writing. It is asked for and given back at once; should
 * somebody open the file in between, the signal that tells so is one that does nothing. */
gboolean pino_content_is_written(int fd) {
  for (int left = WRITER_TRIES; fcntl(fd, F_SETSIG, SIGURG) == 0; left--) {
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
      (void)fcntl(fd, F_SETLEASE, F_UNLCK);
      return FALSE;
    }
    if (errno != EAGAIN)
      return FALSE;
    if (left == 0)
      return TRUE;
    /* A child of this process has all its files until it is another program. */
    g_usleep(WRITER_WAIT_US);
  }
  return FALSE;
}
