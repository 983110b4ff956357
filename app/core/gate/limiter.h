/* Who may try a passcode, and when: five wrong tries within a minute, then one after waits that double from a second to
 * a quarter of an hour. Who has many addresses, or a tunnel that lets one make them up, gets no further: a share takes so
 * many wrong tries of all, then one every few seconds. And so many tries a second in all, so that checking them never
 * fills the gate's time. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

enum {
  PINO_LIMITER_FREE_TRIES = 5,
  PINO_LIMITER_ENTRIES = 4096,    /* who tried longest ago is forgotten first */
  PINO_LIMITER_SHARE_TRIES = 100, /* wrong ones of all clients at one share, */
  PINO_LIMITER_SHARE_SECONDS = 5, /* of which one comes back after so long */
  PINO_LIMITER_RATE = 20,         /* tries a second of all clients */
  PINO_LIMITER_BURST = 10,
};

typedef struct _PinoLimiter PinoLimiter;

/* One for all shares. */
PinoLimiter *pino_limiter_new(void);
void pino_limiter_free(PinoLimiter *limiter);

/* Whom tries are counted for: an address without port, an IPv6 network of 64 bits, or "?" for what is no address. key
 * gets at most 63 characters. */
void pino_limiter_client(const char *address, gsize length, char key[64]);

/* Seconds that this client must wait for its next try at this share; 0: now, and the try is taken as made. now:
 * monotonic microseconds, never going back. */
guint pino_limiter_wait(PinoLimiter *limiter, const char *share, const char *client, gint64 now);
/* That try was wrong: gives the seconds until the next one, 0 as long as tries are free. */
guint pino_limiter_wrong(PinoLimiter *limiter, const char *share, const char *client, gint64 now);
/* It was right: nothing is held against the client any more. */
void pino_limiter_right(PinoLimiter *limiter, const char *share, const char *client);
/* Clients that are remembered. */
guint pino_limiter_count(const PinoLimiter *limiter);

G_END_DECLS
