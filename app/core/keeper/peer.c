#include "keeper/peer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/protocol.h"

void peer_init(struct peer *peer, int fd, bool control) {
  *peer = (struct peer){.fd = fd, .control = control};
  int smallest =
      1; /* the kernel makes it its minimum: a few notices, so that waiting for room means something */
  socklen_t length = sizeof peer->send_room;
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
  (void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &peer->send_room, &length);
}

void peer_close(struct peer *peer) {
  if (peer->fd >= 0)
    close(peer->fd);
  peer->fd = -1;
  peer->bulk_left = 0;
}

/* Takes what it can of the payload; returns how much. */
static size_t take_payload(struct peer *peer, const uint8_t *data, size_t length, peer_handler handler,
                           void *context) {
  size_t part = length < peer->in_left ? length : peer->in_left;
  peer->in_left -= part;
  if (peer->in_head[0] == PINO_FRAME_INPUT) {
    handler(context, peer, PINO_FRAME_INPUT, data, part);
  } else {
    size_t room = sizeof peer->in_small - peer->in_small_length;
    size_t kept = part < room ? part : room;
    memcpy(peer->in_small + peer->in_small_length, data, kept);
    peer->in_small_length += kept;
    if (peer->in_left == 0)
      handler(context, peer, peer->in_head[0], peer->in_small, peer->in_small_length);
  }
  if (peer->in_left == 0)
    peer->in_head_length = 0;
  return part;
}

static void take(struct peer *peer, const uint8_t *data, size_t length, peer_handler handler, void *context) {
  while (length > 0 && peer->fd >= 0) {
    size_t used = 1;
    if (peer->in_head_length < sizeof peer->in_head) {
      peer->in_head[peer->in_head_length++] = *data;
      if (peer->in_head_length == sizeof peer->in_head) {
        peer->in_left = pino_get_u32(peer->in_head + 1);
        peer->in_small_length = 0;
        if (peer->in_left == 0)
          take_payload(peer, data, 0, handler, context);
      }
    } else {
      used = take_payload(peer, data, length, handler, context);
    }
    data += used;
    length -= used;
  }
}

bool peer_read(struct peer *peer, peer_handler handler, void *context) {
  uint8_t data[4096];
  ssize_t got = recv(peer->fd, data, sizeof data, MSG_DONTWAIT);
  if (got < 0)
    return errno == EAGAIN || errno == EINTR;
  take(peer, data, (size_t)got, handler, context);
  return got > 0;
}

void peer_put(struct peer *peer, uint8_t type, const uint8_t *payload, size_t length, const uint8_t *bulk,
              size_t bulk_length) {
  peer->out_length = pino_put_header(peer->out, (enum pino_frame)type, length + bulk_length);
  if (length > 0)
    memcpy(peer->out + peer->out_length, payload, length);
  peer->out_length += length;
  peer->out_sent = 0;
  peer->bulk = bulk;
  peer->bulk_left = bulk_length;
}

/* Returns how much went, 0 when the socket is full or broken. */
static size_t send_some(struct peer *peer, const uint8_t *data, size_t length) {
  for (;;) {
    ssize_t sent = send(peer->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
      return (size_t)sent;
    if (errno == EINTR)
      continue;
    if (errno == EAGAIN)
      peer->wants_room = true;
    else
      peer_close(peer);
    return 0;
  }
}

bool peer_flush(struct peer *peer) {
  while (peer->fd >= 0 && peer->out_sent < peer->out_length) {
    size_t sent = send_some(peer, peer->out + peer->out_sent, peer->out_length - peer->out_sent);
    if (sent == 0)
      return false;
    peer->out_sent += sent;
  }
  while (peer->fd >= 0 && peer->bulk_left > 0) {
    size_t sent = send_some(peer, peer->bulk, peer->bulk_left);
    if (sent == 0)
      return false;
    peer->bulk += sent;
    peer->bulk_left -= sent;
  }
  return peer->fd >= 0;
}

/* Judged as the kernel does for POLLOUT, which is what is waited for else. */
bool peer_is_caught_up(const struct peer *peer) {
  int unread;
  return ioctl(peer->fd, SIOCOUTQ, &unread) != 0 || unread * 4 <= peer->send_room;
}
