/* One direction of a connection: what was read from one socket and not yet written to the other, never more than one
 * block and the head before it. A full block is not read into: so whoever sends waits for whoever is slow. */
#pragma once

#include "gate/body.h"
#include "gate/loop.h"

G_BEGIN_DECLS

enum { PINO_BLOCK = 64 * 1024 };

/* Blocks that are free, so that those in use need not be asked from the system each time. */
typedef struct _PinoBlocks PinoBlocks;
PinoBlocks *pino_blocks_new(void);
void pino_blocks_free(PinoBlocks *blocks);

typedef struct {
  PinoWatch watch;             /* first: what epoll hands over is this */
  gboolean readable, writable; /* as far as is known */
  gboolean hangup;             /* the other side writes no more: what can be read ends */
  gboolean ended;              /* all of it was read */
  gboolean broken;             /* an error ended that */
  gboolean deaf;               /* it takes nothing more */
} PinoSocket;

/* Notes what epoll tells. */
void pino_socket_note(PinoSocket *socket, guint32 events);
/* A fresh descriptor: not readable, writable. */
void pino_socket_open(PinoSocket *socket, int fd, void (*ready)(PinoWatch *watch, guint32 events));

typedef struct {
  GString *head; /* goes before the bytes */
  gsize head_sent;
  char *block;        /* NULL while there is nothing */
  gsize start, ready; /* may be written */
  gsize scan, end;    /* not yet looked at */
  PinoBody body;
  guint64 sent; /* bytes of the body that were written */
} PinoStream;

typedef enum {
  PINO_IO_MOVED,
  PINO_IO_LATER, /* the socket has nothing, or takes nothing, now */
  PINO_IO_FULL,  /* there is no room, or nothing to write */
  PINO_IO_ENDED,
  PINO_IO_BROKEN,
} PinoIo;

/* An empty one. */
void pino_stream_init(PinoStream *stream);
void pino_stream_clear(PinoStream *stream, PinoBlocks *blocks);
/* Reads once. */
PinoIo pino_stream_fill(PinoStream *stream, PinoBlocks *blocks, PinoSocket *from);
/* Writes all that may be written. */
PinoIo pino_stream_drain(PinoStream *stream, PinoSocket *to);
/* TRUE when all that may be written was. */
gboolean pino_stream_is_drained(const PinoStream *stream);
/* Forgets what was read. */
void pino_stream_drop(PinoStream *stream, PinoBlocks *blocks);
/* Gives its block back when that holds nothing. */
void pino_stream_rest(PinoStream *stream, PinoBlocks *blocks);
/* Gives the memory of a large head back, when that was written. */
void pino_stream_shrink(PinoStream *stream);

G_END_DECLS
