/* What all connections of the gate share. */
#pragma once

#include "gate/head.h"
#include "gate/limiter.h"
#include "gate/loop.h"
#include "gate/routes.h"
#include "gate/stream.h"

G_BEGIN_DECLS

/* What is waited for, at most how long (pinokiocloud-gate --help names the figures). */
typedef enum {
  PINO_WAIT_NOTHING,
  PINO_WAIT_HEAD,    /* the rest of a request's head, or of a form */
  PINO_WAIT_IDLE,    /* the next request */
  PINO_WAIT_BODY,    /* more of an upload */
  PINO_WAIT_CONNECT, /* the app takes a connection */
  PINO_WAIT_ANSWER,  /* the app begins to answer */
  PINO_WAIT_GONE,    /* something still moves after one side has said that it writes no more */
  PINO_WAIT_LINGER,  /* the client reads the last answer */
  PINO_WAIT_POOL,    /* an open connection to an app is of use again */
  PINO_WAIT_ACCEPT,  /* there may be descriptors again */
  PINO_WAITS,
} PinoWait;

typedef struct {
  PinoLoop *loop;
  PinoBlocks *blocks;
  PinoRoutes *routes; /* the present ones */
  PinoLimiter *limiter;
  GHashTable *pools;   /* of upstream.c */
  PinoHead head;       /* the one that is looked at now */
  GHashTable *clients; /* all connections, as a set */
  guint most_clients;  /* beyond that: 503 */
} PinoGate;

G_END_DECLS
