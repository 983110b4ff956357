/* What a keeper and its clients say to each other on a stream socket.
 *
 * A frame is one byte of type, four bytes of payload length, then the payload; all numbers are little endian.
 * A keeper never sends what the command printed: it appends that to the log and says how long the log is now. Only
 * while the log cannot be written do the bytes travel as DATA, and only to the client that started the keeper.
 * Frames come in the order in which things happened, so a client that has read the log up to the last SIZE before
 * a DATA or EXIT frame has every byte in order. A receiver skips the types that it does not know.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PINO_FRAME_VERSION 1u
#define PINO_FRAME_HEADER 5u
#define PINO_FRAME_OWN_GRACE UINT32_MAX

enum pino_frame {
  /* client to keeper */
  PINO_FRAME_INPUT = 'i',  /* bytes for the terminal */
  PINO_FRAME_RESIZE = 'r', /* u32 columns, u32 rows */
  PINO_FRAME_SIGNAL = 's', /* u32 signal, for the terminal's foreground process group */
  PINO_FRAME_STOP = 't',   /* u32 grace in ms, or PINO_FRAME_OWN_GRACE for what the keeper was started with */
  /* keeper to client */
  PINO_FRAME_HELLO = 'H', /* u32 version, u32 command pid, u32 keeper pid, u64 log size at start, u64 now */
  PINO_FRAME_SIZE = 'S',  /* u64 log size */
  PINO_FRAME_DATA = 'D',  /* bytes that the log could not take */
  PINO_FRAME_LOG_ERROR = 'L', /* u32 errno, once for each run of failed writes */
  PINO_FRAME_EXIT = 'X',      /* i32 wait status of the command, u32 pino_exit_flag */
  PINO_FRAME_START_FAIL =
      'F', /* u32 errno, u32 pino_start_stage: nothing was started, the keeper is ending */
};

enum pino_exit_flag {
  PINO_EXIT_STOPPED = 1,   /* it was asked to stop */
  PINO_EXIT_LEFTOVERS = 2, /* some descendants could not be killed (other user, stuck in the kernel) */
};

enum pino_start_stage {
  PINO_START_PTY = 'p',
  PINO_START_FORK = 'f',
  PINO_START_CWD = 'c',
  PINO_START_EXEC = 'e',
  PINO_START_LOG = 'l',
  PINO_START_SOCKET = 's',
};

#define PINO_HELLO_LENGTH 28u

/* Writes 4 bytes. */
static inline void pino_put_u32(uint8_t *to, uint32_t value) {
  for (unsigned i = 0; i < 4; i++)
    to[i] = (uint8_t)(value >> (8 * i));
}

/* Writes 8 bytes. */
static inline void pino_put_u64(uint8_t *to, uint64_t value) {
  for (unsigned i = 0; i < 8; i++)
    to[i] = (uint8_t)(value >> (8 * i));
}

/* Reads 4 bytes. */
static inline uint32_t pino_get_u32(const uint8_t *from) {
  uint32_t value = 0;
  for (unsigned i = 0; i < 4; i++)
    value |= (uint32_t)from[i] << (8 * i);
  return value;
}

/* Reads 8 bytes. */
static inline uint64_t pino_get_u64(const uint8_t *from) {
  return (uint64_t)pino_get_u32(from) | (uint64_t)pino_get_u32(from + 4) << 32;
}

/* Writes a frame's header; gives its length. */
static inline size_t pino_put_header(uint8_t *to, enum pino_frame type, size_t length) {
  to[0] = (uint8_t)type;
  pino_put_u32(to + 1, (uint32_t)length);
  return PINO_FRAME_HEADER;
}
