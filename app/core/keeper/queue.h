/* Bytes that wait to be written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
  uint8_t *data;
  size_t start, length, room;
};

/* False when there is no memory; nothing is added then. */
bool queue_add(struct queue *queue, const uint8_t *data, size_t length);
const uint8_t *queue_head(const struct queue *queue);

/* Takes the first length bytes away; an empty queue gives its memory back. */
void queue_drop(struct queue *queue, size_t length);
void queue_clear(struct queue *queue);
