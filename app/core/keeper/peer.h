/* One client of a keeper: frames in, frames out, never blocking and never growing.
 *
 * Nothing is queued for a client. It is told of a state (how long the log is, how the command ended) when its socket
 * can take that, so one that does not read costs a flag and not memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
  int fd;       /* -1 when it is gone */
  bool control; /* the one that started the keeper */
  bool stalled; /* not read, since there is no room for its input */
  bool greeted, told_end;
  bool wants_room; /* a frame waits for the socket */
  int send_room;   /* what the socket holds for the other side */
  uint64_t told_size;
  int owed_error; /* errno of the log that it must be told, or 0 */

  uint8_t in_head[5], in_small[8];
  size_t in_head_length, in_small_length, in_left;

  uint8_t out[48];
  size_t out_length, out_sent;
  const uint8_t
      *bulk; /* payload that follows out; owned by the caller, who learns of its end by peer_flush */
  size_t bulk_left;
};

/* Takes a frame, or for PINO_FRAME_INPUT a piece of one. */
typedef void (*peer_handler)(void *context, struct peer *peer, uint8_t type, const uint8_t *payload,
                             size_t length);

void peer_init(struct peer *peer, int fd, bool control);
void peer_close(struct peer *peer);

/* Reads once and hands out what came. False: the other side is gone, or breaks the protocol. */
bool peer_read(struct peer *peer, peer_handler handler, void *context);

/* Makes this the frame that goes out next; only after peer_flush said that the last is gone. bulk (may be NULL) is
 * payload that follows. */
void peer_put(struct peer *peer, uint8_t type, const uint8_t *payload, size_t length, const uint8_t *bulk,
              size_t bulk_length);

/* Sends what is left of the frame; true when nothing is. A broken connection is closed. */
bool peer_flush(struct peer *peer);

/* Whether the other side has read nearly all that was sent. Notices wait for that: they would only tell again what
 * it will see anyway, and room is kept for the news of the end. */
bool peer_is_caught_up(const struct peer *peer);
