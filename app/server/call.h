/* A request under way, as a route sees it, and the routes themselves.
 *
 * A route's handler is called when the request is whole and has passed every check that its row asks for. It answers at
 * once, or holds the call and answers later, exactly once.
 */
#pragma once

#include "engine/engine.h"
#include "server/websocket.h"

G_BEGIN_DECLS

typedef struct _PinoServer PinoServer;
typedef struct _PinoCall PinoCall;

typedef enum {
  PINO_MEMBER_TEXT,
  PINO_MEMBER_OBJECT,
  PINO_MEMBER_NUMBER,
  PINO_MEMBER_FLAG,
  PINO_MEMBER_PLAIN
} PinoMemberType;

/* One member of a JSON body; numbers are whole and lie between least and most; a plain one is text, a number or a flag. */
typedef struct {
  const char *name;
  PinoMemberType type;
  gboolean needed;
  guint64 least, most;
} PinoMember;

typedef enum {
  PINO_ROUTE_PUBLIC = 1 << 0, /* wants no token */
  PINO_ROUTE_LOCAL =
      1 << 1, /* there only when local clients are let in; from loopback it then wants no token */
  PINO_ROUTE_RAW = 1 << 2, /* takes any bytes */
} PinoRouteFlags;

typedef struct {
  const char *method;  /* GET is HEAD too; "WS": the handshake of a WebSocket */
  const char *pattern; /* "/v1/apps/{app}": a name in braces takes one segment, decoded */
  void (*handle)(PinoCall *call);
  guint flags;
  const PinoMember *members; /* what a JSON body may have, up to a row without a name; NULL: takes no JSON */
} PinoRoute;

/* routes: count rows that stay. */
void pino_server_add_routes(PinoServer *server, const PinoRoute *routes, gsize count);

/* --- what was asked ---- */

/* NULL in a call that was held until after the server's end. */
PinoServer *pino_call_server(PinoCall *call);
PinoEngine *pino_call_engine(PinoCall *call);
/* TRUE: over the Unix socket. */
gboolean pino_call_is_local(PinoCall *call);
/* What stands for the braces of the pattern, from 0 on: UTF-8 without "/", and neither "." nor ".."; control
 * characters only in an {app}. */
const char *pino_call_name(PinoCall *call, guint index);
/* Members of the body; NULL, otherwise and FALSE when they are not there. */
const char *pino_call_text(PinoCall *call, const char *member);
guint64 pino_call_number(PinoCall *call, const char *member, guint64 otherwise);
gboolean pino_call_flag(PinoCall *call, const char *member);
/* A plain member as text; NULL when it is not there. Free with g_free(). */
char *pino_call_plain(PinoCall *call, const char *member);
/* JSON of a member that is an object; free with g_free(). */
char *pino_call_object(PinoCall *call, const char *member);
/* The body as it came. */
GBytes *pino_call_body(PinoCall *call);
/* From the address's query; NULL when it is not there. */
const char *pino_call_query(PinoCall *call, const char *name);
/* A number from there. FALSE when it is none or too large: then the call is answered. */
gboolean pino_call_query_number(PinoCall *call, const char *name, guint64 otherwise, guint64 most,
                                guint64 *value);

/* A place in a file from there: a byte of it, 0 by default, or with "-" in front so many bytes before its end. FALSE as
 * above. */
typedef struct {
  guint64 bytes;
  gboolean from_end;
} PinoOffset;
gboolean pino_call_query_offset(PinoCall *call, const char *name, PinoOffset *offset);

/* --- the answer ---- */

/* Sets a header of the answer. */
void pino_call_header(PinoCall *call, const char *name, const char *value);
/* type NULL: application/json. body is taken over, and handed on without a copy; NULL: none. */
void pino_call_answer(PinoCall *call, guint status, const char *type, GBytes *body);
/* An empty object: it is done (200), or begun (202). There is no 204 here: after one libsoup closes the connection. */
void pino_call_done(PinoCall *call, guint status);
/* detail tells a person what is wrong. */
void pino_call_problem(PinoCall *call, guint status, const char *detail);
/* A problem out of an error, which is freed. */
void pino_call_fail(PinoCall *call, GError *error);

/* The answer comes later, from any callback of the main loop. An answer to a client that has gone is dropped. */
PinoCall *pino_call_hold(PinoCall *call);

/* Of a "WS" route: says yes to the handshake. When the socket is there, opened is called with it; it is the server's. It
 * may be that opened is never called: data must belong to something else (call lives until then). */
typedef void (*PinoCallOpened)(PinoServer *server, PinoSocket *socket, gpointer data);
void pino_call_upgrade(PinoCall *call, PinoCallOpened opened, gpointer data);

G_END_DECLS
