/* Which address an app's page has, from what the app prints.
 *
 * The output of a shell is fed as it comes, of both streams. Terminal control is taken out, then each line is held
 * against the lines that frameworks print (detect/frameworks.h), and after those against words that servers use
 * (detect/words.h). A candidate is only that: whoever asks for it must also ask the address whether it answers.
 *
 * An address counts when it is of this machine: loopback, every interface (0.0.0.0, [::], *), or one of the machine's
 * own. Addresses that a tunnel gave out (gradio.live, trycloudflare.com...) are told apart as public. Everything else,
 * and what a line mentions for another reason (a proxy, a server that is waited for, an allowed origin), is nothing.
 *
 * Memory is bounded: PINO_DETECT_LINE bytes of a line, PINO_DETECT_HISTORY bytes before it, and the last addresses told.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The ranks, best first. A candidate on a network address of the machine (own_addresses) has
 * PINO_FOUND_NETWORK_LESS less than its line would give it, so that loopback is taken where both are printed. */
enum {
  PINO_FOUND_UI = 100,    /* a framework's line that names the page; all public addresses */
  PINO_FOUND_SERVER = 80, /* a server's line (uvicorn, Flask): the page, or an API that stands behind one */
  PINO_FOUND_WORDS = 60,  /* no known line, but words that servers use: "Server running on port 3000" */
  PINO_FOUND_PLAIN = 40,  /* nothing but an address on a line of its own */
  PINO_FOUND_API = 20, /* an API by its line or its path (/v1, /docs): below the page that stands beside it */
  PINO_FOUND_NETWORK_LESS = 15 /* 15 below is still above the next rank */
};

/* A longer line is looked at in overlapping pieces; an address cannot be longer than PINO_DETECT_URL. */
#define PINO_DETECT_LINE 8192
#define PINO_DETECT_URL 2048
#define PINO_DETECT_HISTORY 2048

typedef struct {
  const char *
      url; /* to be asked and opened, as printed, but for: scheme and host in lower case; 0.0.0.0, [::], * and 0 are
                      127.0.0.1; "port 3000" and ":3000" are of localhost. Plain ASCII. NULL when public_url is set */
  const char *public_url; /* an address of a tunnel. NULL when url is set */
  const char *framework;  /* "Gradio", or whose tunnel it is ("ngrok"); NULL: no known line. Static */
  guint16 port;           /* of url or public_url, the scheme's own where none was printed */
  int rank;
} PinoFound;

typedef struct _PinoDetector PinoDetector;

/* found is valid during the call. */
typedef void (*PinoDetectorFound)(const PinoFound *found, gpointer data);

/* own_addresses: what else names this machine besides loopback, addresses and host names, NULL-terminated; may be NULL. */
PinoDetector *pino_detector_new(const char *const *own_addresses);
void pino_detector_free(PinoDetector *detector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoDetector, pino_detector_free)

/* The next bytes as a shell printed them, cut anywhere. A line is looked at when it ends. Length 0 says that nothing more
 * is there now: then a line that has not ended is looked at as it stands, and again when it goes on. That is to be said
 * after a moment of quiet, not between two pieces: an address that is cut at its end is told as it stands.
 *
 * found is called for each candidate: an address of a framework once, any other once for its port; and again only when
 * a later line gives it a higher rank. After 256 other addresses the oldest may be told again. */
void pino_detector_feed(PinoDetector *detector, const char *bytes, gsize length, PinoDetectorFound found,
                        gpointer data);

G_END_DECLS
