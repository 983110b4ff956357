/* Connections to the apps. Those that an app leaves open after an answer are kept for a while for the next request. */
#pragma once

#include "gate/gate.h"

G_BEGIN_DECLS

typedef struct _PinoUpstream PinoUpstream;
typedef struct _PinoPool PinoPool;

struct _PinoUpstream {
  PinoSocket socket; /* first */
  PinoGate *gate;
  PinoPool *pool;
  gboolean connected;
  gboolean reused;                /* it has answered before, and the app may have closed it meanwhile */
  void (*changed)(gpointer user); /* something happened to the socket */
  gpointer user;
  PinoTimer timer;
  GList link;
};

/* A connection to a share's app; fresh: none that was used before. Comes before it is connected. NULL with errno when
 * it is refused at once. */
PinoUpstream *pino_upstream_open(PinoGate *gate, const PinoGateShare *share, gboolean fresh,
                                 void (*changed)(gpointer user), gpointer user);
/* Keeps it for another request. */
void pino_upstream_keep(PinoUpstream *upstream);
/* Closes it; what it points to stays until the end of this round. */
void pino_upstream_close(PinoUpstream *upstream);

/* After a new configuration: closes what is kept for apps that no share leads to any more. */
void pino_upstream_prune(PinoGate *gate);
/* For PinoGate.pools. */
GHashTable *pino_pools_new(void);
/* Closes all that are kept. */
void pino_pools_free(GHashTable *pools);

G_END_DECLS
