/* The addresses that a line of output mentions: URLs, host:port without a scheme, and "port N".
 *
 * Nothing is said of why the line mentions them. What stands around an address in prose is not of it: quotes, brackets
 * that close one before it, Markdown, punctuation at its end. Path, query, fragment and percent signs stay as printed,
 * but a path of "/" alone is left out.
 */
#pragma once

#include <glib.h>

#include "detect/detect.h"

G_BEGIN_DECLS

typedef enum {
  PINO_MENTION_URL,     /* http: or https: */
  PINO_MENTION_ADDRESS, /* 127.0.0.1:3000, localhost:3000, [::]:3000, *:3000, :3000; only of this machine */
  PINO_MENTION_PORT,    /* "port 3000", "Port: 3000", "port(s): 3000" */
} PinoMentionKind;

typedef enum {
  PINO_HOST_OTHER,
  PINO_HOST_LOOPBACK, /* or every interface */
  PINO_HOST_OWN,      /* one of the names that were given */
  PINO_HOST_TUNNEL,   /* a name that a tunnel gives out */
} PinoHost;

typedef struct {
  PinoMentionKind kind;
  gsize start, end; /* of it in the line */
  gsize touched;    /* how far the line was looked at: if that is its end, more may belong to it */
  PinoHost host;
  const char *tunnel;             /* whose name it is; NULL but for PINO_HOST_TUNNEL */
  guint16 port;                   /* the scheme's own when none is printed */
  gboolean has_port;              /* it is printed */
  char url[PINO_DETECT_URL + 64]; /* as PinoFound has it */
  gsize path;                     /* where in url path, query or fragment begin */
} PinoMention;

/* How an address or a name is compared: IP addresses in their shortest form, names in lower case. Free with g_free(). */
char *pino_mention_canonical(const char *host);

/* Gives the next mention of a kind from *at on and moves *at behind it; FALSE when there is no more. The line ends with
 * NUL at length; own: canonical names of this machine, NULL-terminated, may be NULL. */
gboolean pino_mention_next(const char *line, gsize length, gsize *at, PinoMentionKind kind,
                           const char *const *own, PinoMention *mention);

G_END_DECLS
