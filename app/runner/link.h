/* The runner's line to the engine. It is made again whenever the engine has gone, and whatever was asked and not answered
 * is asked again.
 *
 * The link belongs to the main thread and its default main context, on which its events come. Other threads may post and
 * ask.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _PinoLink PinoLink;

typedef struct {
  /* There is an engine: what is to be said first is said now. */
  void (*up)(PinoLink *link, gpointer data);
  void (*down)(PinoLink *link, gpointer data);
  /* Everything but replies and answers. */
  void (*message)(PinoLink *link, const char *type, JsonObject *message, gpointer data);
} PinoLinkEvents;

/* Connects in a later turn of the loop. */
PinoLink *pino_link_new(const char *socket, const PinoLinkEvents *events, gpointer data);
/* No other thread may use it any more. */
void pino_link_free(PinoLink *link);

/* What is asked from now on has higher numbers than this one: another process of the same run has used those below. */
void pino_link_count_from(PinoLink *link, gint64 number);
/* On the main thread; does nothing without an engine. */
void pino_link_send(PinoLink *link, const char *json);
gboolean pino_link_flush(PinoLink *link, guint timeout_ms);

/* Calls function(data) on the main thread, in the order of the calls of this and the next two functions. */
void pino_link_invoke(PinoLink *link, GSourceFunc function, gpointer data);
/* Sends json (taken over) from any thread. */
void pino_link_post(PinoLink *link, char *json);

/* Asks the engine: {"type": type, "id": NUMBER, members}, and waits for the answer's value; NULL with error set when the
 * engine refuses (PINO_ERROR_FAILED), nobody answers within timeout_ms (PINO_ERROR_UNAVAILABLE; 0: no limit) or it is
 * cancelled. serve: the calling thread's main context is served meanwhile. Free with json_node_unref(). */
JsonNode *pino_link_ask(PinoLink *link, const char *type, const char *members, gboolean serve,
                        guint timeout_ms, GCancellable *cancellable, GError **error);

G_END_DECLS
