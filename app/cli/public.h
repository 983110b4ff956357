/* Tunnels as the commands know them: found by what a person calls them, and followed until they are open. */
#pragma once

#include "cli/client.h"

G_BEGIN_DECLS

/* The address to be opened, with the path that the app has; NULL until it is known. Borrowed from the tunnel. */
const char *pino_public_url(JsonObject *tunnel);

/* What a person knows it by: the app, else the address here. Control characters are shown as escapes. Free it. */
char *pino_public_name(JsonObject *tunnel);

/* Whether it can be used now. */
gboolean pino_public_is_open(JsonObject *tunnel);

/* Those of the array that a word means: a tunnel's id, an app or a run, a port or an address, here or public.
 * JsonObject* borrowed from it; unref. */
GPtrArray *pino_public_find(JsonNode *tunnels, const char *word);

/* The public address of what a run shows, of GET /v1/tunnels and GET /v1/apps; NULL: none is known. Borrowed. */
const char *pino_public_of_run(JsonNode *tunnels, JsonNode *apps, const char *run);

/* An error NOT_FOUND of an app gets the apps that may have been meant. */
void pino_public_suggest(PinoClient *client, const char *word, GError **error);

typedef enum {
  PINO_PUBLIC_OPEN,
  PINO_PUBLIC_LEFT, /* Ctrl-C */
  PINO_PUBLIC_LATE, /* it took longer than limit_s */
  PINO_PUBLIC_FAILED,
} PinoPublicEnd;

/* Waits until a tunnel is open and tells meanwhile on standard error what is tried, what failed, and, once each, the
 * rules of the platform. wanted: the only provider that may be used, or NULL; limit_s 0: for ever. *tunnel: it, when it is
 * open. Errors: it was closed, no provider can be used, the engine has gone. */
PinoPublicEnd pino_public_follow(PinoClient *client, const char *id, const char *wanted, guint limit_s,
                                 JsonNode **tunnel, GError **error);

/* Tells the rules of the platform on a provider's tunnels (NULL: on those of any), each once. */
void pino_public_tell_rules(PinoClient *client, const char *provider);

G_END_DECLS
