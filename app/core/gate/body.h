/* Where the body of an HTTP/1 message ends. Bodies pass through as they come; chunks are checked on the way, strictly, and
 * taken apart only for those who cannot read them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  PINO_BODY_NONE,
  PINO_BODY_LENGTH,
  PINO_BODY_CHUNKED,
  PINO_BODY_UNTIL_CLOSE, /* as long as the connection: also what follows after 101 */
} PinoBodyKind;

typedef struct {
  PinoBodyKind kind;
  guint64 left;  /* bytes of the body, or of this chunk */
  guint state;   /* place within the chunks' lines */
  guint line;    /* characters of that line; of the trailers: all of them */
  gboolean bare; /* only what the chunks hold goes on */
  gboolean done; /* the last byte was looked at; UNTIL_CLOSE: set by whoever sees the end */
} PinoBody;

/* length: of a PINO_BODY_LENGTH. */
void pino_body_begin(PinoBody *body, PinoBodyKind kind, guint64 length, gboolean bare);

/* Looks at data[*scan] to data[end - 1]. What may go on is moved (or stays) right before *ready, which moves along with
 * *scan; *ready <= *scan. Stops behind the body's last byte. FALSE: the chunks make no sense. */
gboolean pino_body_scan(PinoBody *body, char *data, gsize *ready, gsize *scan, gsize end);

G_END_DECLS
