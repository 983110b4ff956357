#include "keeper/queue.h"

#include <stdlib.h>
#include <string.h>

bool queue_add(struct queue *queue, const uint8_t *data, size_t length) {
  if (length == 0)
    return true;
  if (queue->start + queue->length + length > queue->room && queue->start > 0) {
    memmove(queue->data, queue->data + queue->start, queue->length);
    queue->start = 0;
  }
  if (queue->length + length > queue->room) {
    size_t room = (queue->length + length) * 2;
    uint8_t *grown = realloc(queue->data, room);
    if (grown == NULL)
      return false;
    queue->data = grown;
    queue->room = room;
  }
  memcpy(queue->data + queue->start + queue->length, data, length);
  queue->length += length;
  return true;
}

const uint8_t *queue_head(const struct queue *queue) {
  return queue->data + queue->start;
}

void queue_drop(struct queue *queue, size_t length) {
  queue->start += length;
  queue->length -= length;
  if (queue->length == 0)
    queue_clear(queue);
}

void queue_clear(struct queue *queue) {
  free(queue->data);
  *queue = (struct queue){0};
}
