/* One client's connection: requests one after the other, each answered by the gate itself or by the app that the request's
 * host leads to. */
#pragma once

#include <netinet/in.h>

#include "gate/gate.h"
#include "gate/upstream.h"

G_BEGIN_DECLS

typedef enum {
  PINO_AT_HEAD,     /* reads a request's head, or waits for one */
  PINO_AT_FORM,     /* reads a form that is meant for the gate */
  PINO_AT_EXCHANGE, /* the app answers */
  PINO_AT_ANSWER,   /* the gate's own answer is written */
  PINO_AT_LINGER,   /* all is written; the client may still write for a moment, so that it can read that */
  PINO_AT_END,      /* closed; freed after this round */
} PinoPlace;

typedef struct {
  PinoSocket socket; /* first */
  PinoGate *gate;
  PinoPlace place;
  char peer[INET6_ADDRSTRLEN];
  gboolean peer_is_agent; /* it comes from this machine */
  PinoStream up;          /* to the app */
  PinoStream down;        /* to the client */
  gsize looked;           /* of the head that is being read, from either side */
  gboolean keep;          /* another request may follow */
  gsize lingered;         /* bytes that came after the last answer */
  PinoTimer timer;
  PinoTask task;

  /* The present request. */
  guint minor;
  gboolean head_only, html, https, idempotent, upgrade;
  char client[64];    /* whom wrong passcodes are counted for */
  PinoRoutes *routes; /* keeps the share */
  const PinoGateShare *share;
  PinoUpstream *upstream;
  gboolean answered;  /* the head of the app's answer went on */
  gboolean retried;   /* on a second connection */
  gboolean app_keeps; /* the app leaves its connection open */
  gboolean cut;       /* the answer ended before its end */
  gboolean told_end;  /* of a changed protocol: the app knows that the client writes no more */
  gboolean told_back; /* and the client that the app does not */
} PinoConnection;

/* Takes an accepted descriptor over. */
void pino_connection_new(PinoGate *gate, int fd, const struct sockaddr *peer);
/* At once, with the connection to the app. */
void pino_connection_close(PinoConnection *connection);
/* Reads what the client has sent on. TRUE: something came, or it is gone and the connection closed. */
gboolean pino_connection_read(PinoConnection *connection);
/* Ends those that are with an app for which another passcode was set since: PinoGate.routes are new ones. */
void pino_connection_recheck(PinoGate *gate);
/* Goes on as far as it can; to be called when something happened. */
void pino_connection_run(PinoConnection *connection);
/* After the last byte of an answer: the next request, or the end. */
void pino_connection_next(PinoConnection *connection);
/* Lets go of the share and of the connection to the app. */
void pino_connection_release(PinoConnection *connection);

G_END_DECLS
