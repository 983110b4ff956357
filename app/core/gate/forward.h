/* The heads that go on: what was read, without what is only between two neighbours, and with what the gate has to say. */
#pragma once

#include "gate/head.h"

G_BEGIN_DECLS

typedef struct {
  PinoSlice host;         /* the public host as the client named it */
  gboolean https;         /* how the client came */
  const char *peer;       /* whose connection it is */
  gboolean peer_is_agent; /* a tunnel's agent on this machine: who comes through it stands in what it says */
  gboolean hide_bearer;   /* the Authorization was meant for the gate */
} PinoForward;

/* The head for the app. */
void pino_forward_request(GString *out, const PinoHead *head, const PinoForward *forward);

/* TRUE when the connection may be changed into another protocol by this request. */
gboolean pino_forward_upgrades(const PinoHead *head);

typedef struct {
  gboolean keep;    /* the client may send more on this connection */
  guint minor;      /* the client's version */
  gboolean bare;    /* its body's chunks are taken apart for this client */
  gboolean guarded; /* not for everybody: caches between here and the client must not keep it */
} PinoBack;

/* The head for the client. */
void pino_forward_response(GString *out, const PinoHead *head, const PinoBack *back);

G_END_DECLS
