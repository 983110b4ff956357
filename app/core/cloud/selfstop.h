/* How a rented machine is stopped from inside: each platform's own call, as its documentation or its client has it (the
 * table in selfstop.c names the sources). Nothing is sent here.
 */
#pragma once

#include "cloud/platform.h"

G_BEGIN_DECLS

typedef struct {
  gboolean possible;
  gboolean destroys;   /* what is on the machine's disk is gone afterwards */
  const char *effect;  /* what a stop does, for a person; static */
  char *why_not;       /* not possible: why, and what to do instead; else NULL */
  const char *method;  /* "PUT", "POST" */
  char *url;           /* NULL when not possible */
  char *body;          /* JSON, or NULL */
  char *authorization; /* value of the header, a secret; NULL: none is wanted */
} PinoSelfStop;

/* How this platform is stopped; never NULL. Free with pino_selfstop_free(). Any thread. */
PinoSelfStop *pino_selfstop_find(const PinoPlatform *platform);
void pino_selfstop_free(PinoSelfStop *stop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoSelfStop, pino_selfstop_free)

/* Appends {possible, destroys, effect, why_not, request}: request is "PUT https://..." or null, without secrets. */
void pino_selfstop_append_json(const PinoSelfStop *stop, GString *out);

G_END_DECLS
