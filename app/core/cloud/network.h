/* What this machine has of a network: whether it reaches out, through which proxies, and what its own addresses are.
 *
 * Reaching out is tried by connecting to a few well-known hosts and closing again; no byte is sent. All of it takes
 * limit_ms at most: call it on a thread where that matters.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *host; /* a name, or an address: then no name has to be found */
  guint port;
  const char *what; /* for a person: what does not work without it */
} PinoNetworkHost;

/* The hosts that `doctor` tries, ended by one without a name. Static. */
const PinoNetworkHost *pino_network_hosts(void);

typedef struct {
  char *host;
  guint port;
  char *what;
  gboolean reached;
  int ms;        /* that it took; -1: not reached */
  char *trouble; /* why not, for a person */
} PinoReach;

typedef struct {
  char *address;
  gboolean is_public; /* by its range: whether something in between lets anybody in is not known */
  gboolean is_ipv6;
} PinoAddressInfo;

typedef struct {
  gboolean tried;    /* to reach out */
  GArray *reached;   /* PinoReach, in the order of the hosts; a proxy of the environment comes last */
  gboolean online;   /* at least one was reached, or the proxy */
  gboolean names;    /* names are found; TRUE when none was looked for */
  char **proxies;    /* "https_proxy=http://user:***@host:3128"; ends with NULL */
  gboolean can_bind; /* a port can be listened on */
  GArray *addresses; /* PinoAddressInfo of this machine but for loopback and link-local */
  gboolean ipv6;     /* it has an address of IPv6 that others can reach */
} PinoNetwork;

/* hosts ends with one without a name; NULL: nobody is tried. env (NAME=value, ends with NULL) is looked through for proxies;
 * NULL: the process's own. Any thread, with a main context of its own meanwhile. */
PinoNetwork *pino_network_look(const PinoNetworkHost *hosts, guint limit_ms, const char *const *env);
void pino_network_free(PinoNetwork *network);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoNetwork, pino_network_free)

/* A proxy's URL without the password and token that it may hold. Free with g_free(). */
char *pino_network_mask(const char *url);

/* Appends {tried, online (null when not tried), names, reached: [{host, port, what, reached, ms, trouble}], proxies: [], can_bind,
 * addresses: [{address, public, ipv6}], ipv6}. */
void pino_network_append_json(const PinoNetwork *network, GString *out);

G_END_DECLS
