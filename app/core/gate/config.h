/* What the engine tells the gate: which public host leads to which port, and who may pass. A file that the engine
 * writes and that the gate takes up at once. */
#pragma once

#include <glib.h>

#include "gate/seal.h"

G_BEGIN_DECLS

/* Asked with ?nonce=N (1 to 64 letters and digits) the gate answers this itself, on any host, with pino_gate_proof(). */
#define PINO_GATE_CHECK_PATH "/.pinokiocloud/gate"

#define PINO_GATE_ANY_HOST "*" /* among the hosts of a share: all that no other one has */

typedef struct {
  char *id;       /* cookies are good for one id */
  char **hosts;   /* public names, lower case, without port */
  char *address;  /* where the app listens: "127.0.0.1" or "::1" */
  guint16 port;   /* and its port */
  char *title;    /* for people */
  char *passcode; /* sealed (gate/seal.h); NULL: whoever has the address may pass */
  char *token;    /* for programs, as Authorization: Bearer; NULL: none */
} PinoGateShare;

typedef struct {
  guint16 port;             /* of the gate; 0: any that is free */
  gboolean every_interface; /* FALSE: 127.0.0.1 only */
  char *key;                /* for cookies and proofs */
  GPtrArray *shares;        /* of PinoGateShare */
} PinoGateConfig;

/* An empty one, with a fresh key. Its shares are freed with it. */
PinoGateConfig *pino_gate_config_new(void);
void pino_gate_config_free(PinoGateConfig *config);
/* An empty one: address "127.0.0.1", no hosts. */
PinoGateShare *pino_gate_share_new(void);
void pino_gate_share_free(PinoGateShare *share);

/* Whole or unchanged, readable by its owner alone. */
gboolean pino_gate_config_write(const PinoGateConfig *config, const char *path, GError **error);
/* SYNTAX errors say what is wrong with which share. */
PinoGateConfig *pino_gate_config_read(const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoGateConfig, pino_gate_config_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoGateShare, pino_gate_share_free)

G_END_DECLS
