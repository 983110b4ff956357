/* The head of an HTTP/1 message: its first line and its fields.
 *
 * Requests come from the internet and are read strictly: what two programs could read in two ways is refused, so that
 * the app never sees another request than the gate did. Answers come from the app and are read as browsers do, but for
 * what decides where the body ends. */
#pragma once

#include "gate/body.h"
#include "gate/slice.h"

G_BEGIN_DECLS

enum {
  PINO_HEAD_MAX = 32 * 1024, /* bytes of a request's head */
  PINO_HEAD_FIELDS = 200,
};

typedef enum {
  PINO_FIELD_OTHER,
  PINO_FIELD_HOP, /* means something only between two neighbours, and is never passed on */
  PINO_FIELD_ACCEPT,
  PINO_FIELD_AUTHORIZATION,
  PINO_FIELD_CONNECTION,
  PINO_FIELD_CONTENT_LENGTH,
  PINO_FIELD_CONTENT_TYPE,
  PINO_FIELD_COOKIE,
  PINO_FIELD_EXPECT,
  PINO_FIELD_FETCH_SITE,
  PINO_FIELD_FORWARDED_FOR,
  PINO_FIELD_FORWARDED_HOST,
  PINO_FIELD_FORWARDED_PROTO,
  PINO_FIELD_HOST,
  PINO_FIELD_TRANSFER_ENCODING,
  PINO_FIELD_UPGRADE,
} PinoFieldKind;

typedef struct {
  PinoSlice name, value;
  PinoFieldKind kind;
} PinoField;

typedef struct {
  PinoSlice method, target; /* of a request; a target that names a host is split into host and path */
  PinoSlice host;           /* of a request: from the target or the Host field; length 0: none */
  guint status;             /* of an answer */
  PinoSlice reason;         /* of an answer; may be empty */
  guint minor;              /* HTTP/1.minor: 0 or 1 */
  PinoField fields[PINO_HEAD_FIELDS];
  guint count;
  gboolean close, keep_alive; /* what Connection says */
  PinoSlice upgrade;          /* the protocols that are offered (or taken); length 0: none */
  gboolean expects_continue;
  PinoBodyKind body; /* NONE, LENGTH, CHUNKED; of an answer also UNTIL_CLOSE */
  guint64 length;
  gboolean
      both; /* an answer that had a length and chunks: whoever sends that is not to be trusted with more */
} PinoHead;

/* Where the head at data ends (after its empty line); 0: not yet. *looked: how many bytes were looked at before, and
 * now; begin with 0. */
gsize pino_head_end(const char *data, gsize length, gsize *looked);

/* Reads a whole head; its parts point into data. 0, or the status that it is to be refused with: 400, 431, 501, 505. */
guint pino_head_parse_request(PinoHead *head, const char *data, gsize length);
/* The same for an answer; to_head: to a HEAD request. FALSE: it makes no sense. */
gboolean pino_head_parse_response(PinoHead *head, const char *data, gsize length, gboolean to_head);

/* The value of the first field of that kind; length 0: none. */
PinoSlice pino_head_get(const PinoHead *head, PinoFieldKind kind);

/* TRUE for what may name a host, or for nothing at all. */
gboolean pino_head_is_host(PinoSlice host);

/* TRUE for what may stand in a field's name. */
gboolean pino_head_is_token(guchar c);

G_END_DECLS
