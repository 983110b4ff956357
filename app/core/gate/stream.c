#include "gate/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { KEPT_BLOCKS = 32, KEPT_HEAD = 4096, FIRST_HEAD = 1024 };

struct _PinoBlocks {
  GPtrArray *free;
};

PinoBlocks *pino_blocks_new(void) {
  PinoBlocks *blocks = g_new0(PinoBlocks, 1);
  blocks->free = g_ptr_array_new_with_free_func(g_free);
  return blocks;
}

void pino_blocks_free(PinoBlocks *blocks) {
  if (blocks == NULL)
    return;
  g_ptr_array_unref(blocks->free);
  g_free(blocks);
}

static char *take_block(PinoBlocks *blocks) {
  if (blocks->free->len == 0)
    return g_malloc(PINO_BLOCK);
  return g_ptr_array_steal_index_fast(blocks->free, blocks->free->len - 1);
}

static void give_block(PinoBlocks *blocks, char *block) {
  if (blocks->free->len < KEPT_BLOCKS)
    g_ptr_array_add(blocks->free, block);
  else
    g_free(block);
}

void pino_socket_note(PinoSocket *socket, guint32 events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    socket->readable = TRUE;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
    socket->writable = TRUE;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    socket->hangup = TRUE;
}

void pino_socket_open(PinoSocket *socket, int fd, void (*ready)(PinoWatch *watch, guint32 events)) {
  *socket = (PinoSocket){.watch = {fd, ready}, .writable = TRUE};
}

void pino_stream_init(PinoStream *stream) {
  *stream = (PinoStream){.head = g_string_sized_new(FIRST_HEAD)};
}

void pino_stream_clear(PinoStream *stream, PinoBlocks *blocks) {
  pino_stream_drop(stream, blocks);
  g_string_free(stream->head, TRUE);
}

void pino_stream_drop(PinoStream *stream, PinoBlocks *blocks) {
  if (stream->block != NULL)
    give_block(blocks, stream->block);
  stream->block = NULL;
  stream->start = stream->ready = stream->scan = stream->end = 0;
}

void pino_stream_rest(PinoStream *stream, PinoBlocks *blocks) {
  if (stream->start == stream->ready && stream->scan == stream->end)
    pino_stream_drop(stream, blocks);
}

void pino_stream_shrink(PinoStream *stream) {
  if (stream->head_sent < stream->head->len || stream->head->allocated_len <= KEPT_HEAD)
    return;
  g_string_free(stream->head, TRUE);
  stream->head = g_string_sized_new(FIRST_HEAD);
  stream->head_sent = 0;
}

/* Moves what is there to the block's begin, when that gives much room. */
static void compact(PinoStream *stream) {
  if (stream->start == stream->ready && stream->scan == stream->end) {
    stream->start = stream->ready = stream->scan = stream->end = 0;
    return;
  }
  gsize ready = stream->ready - stream->start, rest = stream->end - stream->scan;
  if (ready + rest > PINO_BLOCK / 2)
    return;
  memmove(stream->block, stream->block + stream->start, ready);
  memmove(stream->block + ready, stream->block + stream->scan, rest);
  stream->start = 0;
  stream->ready = stream->scan = ready;
  stream->end = ready + rest;
}

PinoIo pino_stream_fill(PinoStream *stream, PinoBlocks *blocks, PinoSocket *from) {
  if (from->broken)
    return PINO_IO_BROKEN;
  if (from->ended)
    return PINO_IO_ENDED;
  if (!from->readable)
    return PINO_IO_LATER;
  if (stream->block == NULL)
    stream->block = take_block(blocks);
  if (stream->end > PINO_BLOCK / 2 || stream->start == stream->end)
    compact(stream);
  gsize room = PINO_BLOCK - stream->end;
  if (room == 0)
    return PINO_IO_FULL;
  gssize got;
  do
    got = recv(from->watch.fd, stream->block + stream->end, room, 0);
  while (got < 0 && errno == EINTR);
  if (got > 0) {
    stream->end += (gsize)got;
    /* Less than was asked for: nothing more is there. Unless the end is, of which epoll may have told already. */
    from->readable = (gsize)got == room || from->hangup;
    return PINO_IO_MOVED;
  }
  from->readable = FALSE;
  if (got < 0 && errno == EAGAIN)
    return PINO_IO_LATER;
  from->ended = got == 0;
  from->broken = got < 0;
  return got == 0 ? PINO_IO_ENDED : PINO_IO_BROKEN;
}

static void note_written(PinoStream *stream, gsize count) {
  gsize head = MIN(count, stream->head->len - stream->head_sent);
  stream->head_sent += head;
  stream->start += count - head;
  stream->sent += count - head;
}

PinoIo pino_stream_drain(PinoStream *stream, PinoSocket *to) {
  while (!pino_stream_is_drained(stream)) {
    if (to->deaf)
      return PINO_IO_BROKEN;
    if (!to->writable)
      return PINO_IO_LATER;
    struct iovec parts[] = {
        {stream->head->str + stream->head_sent, stream->head->len - stream->head_sent},
        {stream->block != NULL ? stream->block + stream->start : NULL, stream->ready - stream->start}};
    gsize all = parts[0].iov_len + parts[1].iov_len;
    gboolean skip = parts[0].iov_len == 0;
    gssize count = writev(to->watch.fd, parts + skip, skip || parts[1].iov_len == 0 ? 1 : 2);
    if (count >= 0) {
      note_written(stream, (gsize)count);
      to->writable = (gsize)count == all;
    } else if (errno == EAGAIN) {
      to->writable = FALSE;
    } else if (errno != EINTR) {
      to->deaf = TRUE;
    }
  }
  return PINO_IO_FULL;
}

gboolean pino_stream_is_drained(const PinoStream *stream) {
  return stream->head_sent == stream->head->len && stream->start == stream->ready;
}
