/* One connection of a LocalTunnel: to the server at once, to the app when its first byte comes, raw both ways.
 *
 * Nothing is changed on the way, so the app sees the Host that the visitor asked for. A direction holds 64 KiB at most: who
 * does not read stops who writes. One side's end of sending is passed on and the other direction goes on (half-closed).
 * Without an app the visitor gets a 502. Not for other rooms. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoLocaltunnelLink PinoLocaltunnelLink;

/* Borrowed for the life of the link. */
typedef struct {
  const char *server;
  guint16 server_port;
  const char *local;
  guint16 local_port;
} PinoLocaltunnelEnds;

typedef enum {
  PINO_LINK_USED,    /* it carried something */
  PINO_LINK_UNUSED,  /* the server closed it before anything came */
  PINO_LINK_REFUSED, /* nobody listens at the server's port */
  PINO_LINK_FAILED,  /* the server could not be reached */
} PinoLocaltunnelLinkEnd;

typedef struct {
  void (*connected)(gpointer data); /* with the server */
  /* Whether the app took a connection; why (NULL when it did) is borrowed. */
  void (*local)(gboolean there, const char *why, gpointer data);
  /* Once and last; the link is to be freed, which may be done here. why is borrowed. */
  void (*ended)(PinoLocaltunnelLinkEnd how, const char *why, gpointer data);
} PinoLocaltunnelLinkEvents;

/* Connects. Events come from the main context only, never from within this call; events is borrowed. */
PinoLocaltunnelLink *pino_localtunnel_link_new(const PinoLocaltunnelEnds *ends,
                                               const PinoLocaltunnelLinkEvents *events, gpointer data);
/* Closes both ends; no event comes any more. */
void pino_localtunnel_link_free(PinoLocaltunnelLink *link);

G_END_DECLS
