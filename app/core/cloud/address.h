/* The platform's own public address of a port of this machine, and its TLS certificate.
 *
 * Where a platform gives a machine addresses of its own, they come before any tunnel: nothing to install, no third
 * party. Addresses are made of the platform's variables; nobody is asked whether they answer.
 */
#pragma once

#include "cloud/platform.h"

G_BEGIN_DECLS

typedef enum {
  PINO_AUTH_PUBLIC, /* whoever has the address */
  PINO_AUTH_OWNER,  /* the platform asks for a login of the machine's owner */
  PINO_AUTH_TOKEN,  /* the platform's proxy asks for its token */
} PinoAddressAuth;

typedef struct {
  char *url;          /* "https://1.2.3.4:41234" */
  const char *scheme; /* "http" or "https", as the url has it */
  PinoAddressAuth auth;
  gboolean every_interface; /* who listens must do so on 0.0.0.0, not on 127.0.0.1 only */
  gboolean own_tls; /* who listens must speak TLS itself, with the platform's certificate (pino_tls_find()) */
  char *needs;      /* all that must hold for it to work, for a person; may be NULL */
} PinoAddress;

typedef struct {
  GPtrArray *list; /* PinoAddress, the best first; empty: none */
  char *reason;    /* why there is none, or what to know of all of them; may be NULL */
  char *
      proxy_path; /* the path under the notebook server's address where its own proxy shows the port to its user alone
                       ("/studiolab/default/jupyter/proxy/8080/"); NULL: no such proxy */
} PinoAddresses;

/* For a port on which something listens, or will, here. Never fails. */
PinoAddresses *pino_address_find(const PinoPlatform *platform, guint16 port);
void pino_addresses_free(PinoAddresses *addresses);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoAddresses, pino_addresses_free)

/* "public", "owner", "token". Static. */
const char *pino_address_auth_name(PinoAddressAuth auth);

/* Appends {addresses: [{url, scheme, auth, every_interface, own_tls, needs}], reason, proxy_path}; what is NULL is left
 * out. */
void pino_addresses_append_json(const PinoAddresses *addresses, GString *out);

/* --- the certificate that a platform puts on the machine for its public address ---- */

typedef struct {
  char *certificate, *key; /* paths, PEM */
  gboolean readable;       /* both, by us */
  gboolean self_signed;    /* browsers will warn */
} PinoTls;

/* NULL where the platform gives none. */
PinoTls *pino_tls_find(const PinoPlatform *platform);
void pino_tls_free(PinoTls *tls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoTls, pino_tls_free)

/* The last second, since 1970, in which the certificate is good; 0 when it cannot be read. Loads GIO's TLS library, so
 * it is for who wants to show it. root as for pino_platform_detect(). */
gint64 pino_tls_expires(const PinoTls *tls, const char *root);

G_END_DECLS
