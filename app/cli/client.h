/* The engine's API as a client sees it: requests over HOME/run/engine.sock that are waited for, and WebSockets whose
 * messages come on the thread's default main context. One thread uses a client. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "cli/endpoint.h"

G_BEGIN_DECLS

typedef struct _PinoClient PinoClient;

/* A client of the engine of this place, which it takes over. Nothing is sent yet. Errors: the run folder. */
PinoClient *pino_client_new(PinoEndpoint *place, GError **error);

/* A client of the engine of this PINOKIO_HOME. When nobody answers there: starts one and waits until it is ready, or
 * fails with PINO_ERROR_UNAVAILABLE. */
PinoClient *pino_client_connect(gboolean start_if_missing, GError **error);
void pino_client_free(PinoClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoClient, pino_client_free)

/* How many seconds of silence in an answer are the end of it; 120 unless told. Before the first request. */
void pino_client_set_patience(PinoClient *client, guint seconds);

/* Borrowed. */
const PinoEndpoint *pino_client_place(const PinoClient *client);

/* Sends a request and waits for the answer: its JSON (a null node when it is empty). body may be NULL; status may be
 * NULL. An answer of 400 and above is an error whose text is the problem's detail: NOT_FOUND, USAGE, UNAVAILABLE,
 * FAILED; no answer is UNAVAILABLE, *status is 0 then. */
JsonNode *pino_client_request(PinoClient *client, const char *method, const char *path, const char *body,
                              guint *status, GError **error);

/* GET whose answer is an object. Free with json_node_unref(). */
JsonNode *pino_client_get_object(PinoClient *client, const char *path, GError **error);
/* The same for an array. */
JsonNode *pino_client_get_array(PinoClient *client, const char *path, GError **error);

/* GET of what is no JSON. *next (may be NULL) is the header X-Next-Offset, 0 without it. */
GBytes *pino_client_get_bytes(PinoClient *client, const char *path, guint64 *next, GError **error);

/* "/v1/apps/NAME/stop" from a format whose %s are names: each is percent-encoded. Free with g_free(). */
char *pino_client_path(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* --- WebSockets ---- */

typedef struct _PinoClientSocket PinoClientSocket;

/* What closed tells when the connection broke without a word. */
#define PINO_CLIENT_BROKEN 1006

/* An event may not free the socket. */
typedef struct {
  void (*message)(gboolean is_text, const char *bytes, gsize length, gpointer data);
  /* Once; the last event. reason may be empty. */
  void (*closed)(guint code, const char *reason, gpointer data);
} PinoClientEvents;

/* Opens a WebSocket and waits until it is open; the default context is served meanwhile. */
PinoClientSocket *pino_client_open(PinoClient *client, const char *path, const PinoClientEvents *events,
                                   gpointer data, GCancellable *cancellable, GError **error);
/* Sends one message; nothing after the end. */
void pino_client_send(PinoClientSocket *socket, gboolean is_text, const char *bytes, gsize length);
/* No event comes any more. */
void pino_client_close(PinoClientSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoClientSocket, pino_client_close)

G_END_DECLS
