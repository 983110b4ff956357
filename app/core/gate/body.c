#include "gate/body.h"

#include <string.h>

#include "gate/head.h"

enum { LINE_MAX_LENGTH = 1024, TRAILERS_MAX = 8192, SIZE_DIGITS = 15 };

/* Places within a chunk. */
enum {
  SIZE_FIRST,
  SIZE,
  EXTENSION,
  SIZE_END, /* after CR */
  DATA,
  DATA_CR,
  DATA_END,
  TRAILER_FIRST,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_END,
  LAST_END, /* after the CR of the empty line */
  AFTER,
  WRONG,
};

void pino_body_begin(PinoBody *body, PinoBodyKind kind, guint64 length, gboolean bare) {
  *body = (PinoBody){.kind = kind, .left = length, .bare = bare};
  body->done = kind == PINO_BODY_NONE || (kind == PINO_BODY_LENGTH && length == 0);
}

static guint on_size(PinoBody *body, guchar c) {
  int digit = g_ascii_xdigit_value((char)c);
  if (digit >= 0 && body->line < SIZE_DIGITS) {
    body->left = body->left << 4 | (guint)digit;
    body->line++;
    return SIZE;
  }
  if (body->line == 0 || digit >= 0)
    return WRONG;
  return c == ';' ? EXTENSION : c == '\r' ? SIZE_END : WRONG;
}

static gboolean is_text(guchar c) {
  return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static guint on_extension(PinoBody *body, guchar c) {
  if (c == '\r')
    return SIZE_END;
  return is_text(c) && ++body->line < LINE_MAX_LENGTH ? EXTENSION : WRONG;
}

static guint on_size_end(PinoBody *body, guchar c) {
  body->line = 0;
  if (c != '\n')
    return WRONG;
  return body->left > 0 ? DATA : TRAILER_FIRST;
}

static guint on_data_end(PinoBody *body, guchar c) {
  return c == '\n' ? SIZE_FIRST : WRONG;
}

static guint on_trailer(PinoBody *body, guchar c) {
  if (++body->line > TRAILERS_MAX)
    return WRONG;
  switch (body->state) {
  case TRAILER_FIRST:
    return c == '\r' ? LAST_END : pino_head_is_token(c) ? TRAILER_NAME : WRONG;
  case TRAILER_NAME:
    return c == ':' ? TRAILER_VALUE : pino_head_is_token(c) ? TRAILER_NAME : WRONG;
  case TRAILER_VALUE:
    return c == '\r' ? TRAILER_END : is_text(c) ? TRAILER_VALUE : WRONG;
  case TRAILER_END:
    return c == '\n' ? TRAILER_FIRST : WRONG;
  default:
    return c == '\n' ? AFTER : WRONG;
  }
}

static guint next_state(PinoBody *body, guchar c) {
  switch (body->state) {
  case SIZE_FIRST:
  case SIZE:
    return on_size(body, c);
  case EXTENSION:
    return on_extension(body, c);
  case SIZE_END:
    return on_size_end(body, c);
  case DATA_CR:
    return c == '\r' ? DATA_END : WRONG;
  case DATA_END:
    return on_data_end(body, c);
  default:
    return on_trailer(body, c);
  }
}

static void pass(char *data, gsize *ready, gsize *scan, gsize length) {
  if (*ready != *scan)
    memmove(data + *ready, data + *scan, length);
  *ready += length;
  *scan += length;
}

static gboolean scan_chunks(PinoBody *body, char *data, gsize *ready, gsize *scan, gsize end) {
  while (*scan < end && body->state < AFTER) {
    if (body->state == DATA) {
      gsize length = (gsize)MIN(body->left, (guint64)(end - *scan));
      pass(data, ready, scan, length);
      body->left -= length;
      if (body->left == 0)
        body->state = DATA_CR;
      continue;
    }
    body->state = next_state(body, (guchar)data[*scan]);
    if (body->bare)
      (*scan)++;
    else
      pass(data, ready, scan, 1);
  }
  body->done = body->state == AFTER;
  return body->state != WRONG;
}

gboolean pino_body_scan(PinoBody *body, char *data, gsize *ready, gsize *scan, gsize end) {
  if (body->done || *scan == end)
    return TRUE;
  if (body->kind == PINO_BODY_CHUNKED)
    return scan_chunks(body, data, ready, scan, end);
  gsize length = end - *scan;
  if (body->kind == PINO_BODY_LENGTH) {
    length = (gsize)MIN(body->left, (guint64)length);
    body->left -= length;
    body->done = body->left == 0;
  }
  pass(data, ready, scan, length);
  return TRUE;
}
