/* What the files of the engine's tunnels share: tunnels.c has all of them, tunnel.c the life of one, gateway.c the gate
 * that they lead to, share.c decides which apps get one by themselves. Nobody else includes it.
 *
 * A tunnel leads to the app, not to an agent: when an agent or its address fails, another one is opened in its place, and
 * the tunnel goes on. What it takes to go on with it after the engine's end is in its row before anybody is told.
 */
#pragma once

#include "cloud/platform.h"
#include "engine/internal.h"
#include "gate/config.h"
#include "tunnel/agent.h"
#include "tunnel/bar.h"
#include "tunnel/check.h"
#include "tunnel/web.h"

G_BEGIN_DECLS

#define PINO_TUNNEL_PLATFORM "platform" /* the provider that is the platform's own address */
#define PINO_TUNNEL_LOCAL "local"       /* the local network: not one of the order */

typedef struct _PinoGateway PinoGateway;

struct _PinoTunnels {
  PinoEngine *engine;
  GHashTable *all; /* id -> PinoTunnel, owned */
  PinoGateway *gateway;
  PinoBars *bars;
  SoupSession *session;   /* NULL until something is asked */
  PinoPlatform *platform; /* never NULL */
  gboolean closing;
};

typedef enum {
  PINO_TUNNEL_OPENING,
  PINO_TUNNEL_OPEN,
  PINO_TUNNEL_FAILING, /* it was open, and another way is being looked for */
  PINO_TUNNEL_WAITING, /* no provider may be tried now */
} PinoTunnelStatus;

/* A script that waits until it is open. */
typedef struct {
  char *run;
  gint64 number; /* of its question */
} PinoTunnelWaiter;

typedef struct {
  PinoTunnels *tunnels;
  char *id;
  char *app, *run; /* that it belongs to; may be NULL */
  char *
      awaits; /* the script whose next run takes it over: its run has ended; NULL: it has one, or needs none */
  char *local_url; /* of the app's page */
  char *address;   /* numeric */
  guint16 port;
  char *wanted;   /* the only provider that may be used; NULL: as the settings say */
  char *provider; /* present or last; NULL: none yet */
  char *public_url, *trouble;
  char *passcode, *token; /* sealed; both NULL without */
  PinoTunnelStatus status;
  gint64 created, opened, retry_at; /* ms since 1970 */
  guint reopened;
  gboolean platform_tried;
  PinoAgent *agent;
  char *agent_id;     /* the last one's */
  guint16 local_port; /* of a tunnel to the local network: where it is to listen; 0: anywhere */
  PinoGateway *own;   /* its own gate; NULL: it shares that of all */
  gint64 addressed;   /* monotonic: since when the address is known */
  guint misses;
  PinoCheck *check;
  guint check_source, retry_source;
  GPtrArray *waiters; /* PinoTunnelWaiter, owned */
} PinoTunnel;

/* --- tunnel.c ---- */

/* A new one that does nothing yet; address and port out of local_url, which must have them. */
PinoTunnel *pino_tunnel_new(PinoTunnels *tunnels, const char *local_url);
/* Lets its agent go on. */
void pino_tunnel_free(gpointer tunnel);
/* Leads to another page of this machine from now on. FALSE: it is no address of this machine. */
gboolean pino_tunnel_lead(PinoTunnel *tunnel, const char *local_url);
/* "opening"... Static. */
const char *pino_tunnel_status_name(PinoTunnelStatus status);
/* Looks for a provider and begins with it; what there was is ended. */
void pino_tunnel_begin(PinoTunnel *tunnel);
/* Goes on with the agent of an earlier engine. */
void pino_tunnel_take_up(PinoTunnel *tunnel);
/* Ends its agent. */
void pino_tunnel_end(PinoTunnel *tunnel);
/* Writes its row and tells the watchers. */
void pino_tunnel_changed(PinoTunnel *tunnel);
/* Its gate learns of it as it is now. */
void pino_tunnel_publish(PinoTunnel *tunnel);
/* passcode "" or NULL: none. */
void pino_tunnel_set_passcode(PinoTunnel *tunnel, const char *passcode);
/* What an agent of it is started with; the texts in it are *texts's (g_ptr_array_unref()). */
PinoAgentSpec pino_tunnel_spec(PinoTunnels *tunnels, const char *id, GPtrArray **texts);

/* --- gateway.c ---- */

/* The gate of all agents, or, with only, that of one tunnel, which all interfaces lead to; port 0: a free one. Takes up the
 * process of an earlier engine. */
PinoGateway *pino_gateway_new(PinoTunnels *tunnels, const char *only, guint16 port);
/* Its process goes on. */
void pino_gateway_free(PinoGateway *gateway);
/* Ends it too. */
void pino_gateway_close(PinoGateway *gateway);
/* The gate knows of all tunnels as they are now; it is started when it is needed, and ended when it is not. */
void pino_gateway_publish(PinoGateway *gateway);
guint16 pino_gateway_port(PinoGateway *gateway);
const char *pino_gateway_key(PinoGateway *gateway);
/* It could not be told of the last change, and will be as soon as that works. */
gboolean pino_gateway_is_stale(const PinoGateway *gateway);

/* --- tunnels.c ---- */

/* In the order of the settings; free with g_strfreev(). */
char **pino_tunnels_order(PinoTunnels *tunnels);
/* Answers those who wait for it; trouble NULL: it is open. */
void pino_tunnels_answer(PinoTunnel *tunnel, const char *trouble);
/* One that leads to that port, or NULL. */
PinoTunnel *pino_tunnels_to(PinoTunnels *tunnels, guint16 port);
PinoTunnel *pino_tunnels_of_app(PinoTunnels *tunnels, const char *app);
/* That to the local network. */
PinoTunnel *pino_tunnels_local_of_run(PinoTunnels *tunnels, const char *run);
/* Any that waits for a run of that script. */
PinoTunnel *pino_tunnels_awaiting(PinoTunnels *tunnels, const char *script);
/* A new one, begun. */
PinoTunnel *pino_tunnels_add(PinoTunnels *tunnels, const char *app, const char *run, const char *local_url,
                             const char *wanted, const char *passcode);
PinoTunnel *pino_tunnels_of_run(PinoTunnels *tunnels, const char *run);
/* The same, to the local network. */
PinoTunnel *pino_tunnels_add_local(PinoTunnels *tunnels, const char *app, const char *run,
                                   const char *local_url, guint16 port);
/* It is gone afterwards. */
void pino_tunnels_remove(PinoTunnel *tunnel);
/* A person's word, or a script's: nothing of this run is shared by itself any more, with the next engine neither. */
void pino_tunnels_note_closed(PinoLive *live);
/* The run is over. */
void pino_tunnels_forget_closed(PinoLive *live);

/* --- share.c ---- */

/* The public address with the path and query of the local one; the tunnel must have one. Free with g_free(). */
char *pino_share_public_form(const PinoTunnel *tunnel, const char *local_url);
/* The passcode that the app's ENVIRONMENT names; NULL: none. live may be NULL. Free with g_free(). */
char *pino_share_passcode(PinoEngine *engine, PinoLive *live);

G_END_DECLS
