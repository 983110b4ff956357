/* What is sent over WebSockets: a run's events, the engine's, a shell's terminal.
 *
 * A follower reads a file and sends a piece; it reads the next when the kernel has taken that one. So a client that reads
 * slowly costs one piece of memory, and holds up neither the file's writer nor another client. The engine's own events
 * stand in no file: those that wait are counted, and who has too many is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "server/body.h"
#include "server/internal.h"
#include "server/tail.h"
#include "state/journal.h"

#define PIECE (64 * 1024)
#define EVENTS_MOST 1000
#define EVENTS_BYTES (1024 * 1024)
#define TOLD_SHARE 4 /* what apps say may be such a part of what waits */

typedef struct _Follower Follower;

typedef struct {
  /* Sends the next piece; FALSE: there is none now. */
  gboolean (*send)(Follower *follower);
  gboolean (*is_over)(Follower *follower);
  const char *farewell;
} Kind;

struct _Follower {
  const Kind *kind;
  PinoServer *server;
  PinoSocket *socket;
  char *id; /* of the run, of the shell */
  PinoJournalReader *reader;
  int log; /* -1: not opened yet */
  char *path;
  guint64 offset;
  guint watch, engine_watch, later, look;
  gboolean over; /* nothing more will be written */
};

/* --- following a file ---- */

static void follower_free(gpointer data) {
  Follower *follower = data;
  if (follower->watch != 0)
    pino_watcher_remove(follower->server->watcher, follower->watch);
  if (follower->engine_watch != 0)
    pino_engine_unwatch(follower->server->engine, follower->engine_watch);
  g_clear_handle_id(&follower->later, g_source_remove);
  g_clear_handle_id(&follower->look, g_source_remove);
  g_clear_pointer(&follower->reader, pino_journal_reader_free);
  if (follower->log >= 0)
    close(follower->log);
  g_free(follower->id);
  g_free(follower->path);
  g_free(follower);
}

static void pump(Follower *follower) {
  if (!pino_socket_is_open(follower->socket) || pino_socket_waiting(follower->socket) > 0)
    return;
  if (follower->kind->send(follower))
    return;
  if (follower->over) {
    pino_socket_close(follower->socket, PINO_SOCKET_NORMAL, follower->kind->farewell);
    return;
  }
  /* What was written between the last look and its end is read once more. */
  follower->over = follower->kind->is_over(follower);
  if (follower->over)
    pump(follower);
}

static gboolean on_later(gpointer data) {
  Follower *follower = data;
  follower->later = 0;
  pump(follower);
  return G_SOURCE_REMOVE;
}

/* In a later turn: many lines that come together go together, and nobody is called back from inside a call. */
static void pump_soon(gpointer data) {
  Follower *follower = data;
  if (follower->later == 0 && pino_socket_waiting(follower->socket) == 0)
    follower->later = g_idle_add(on_later, follower);
}

static void on_news(const char *event, gsize length, gpointer data) {
  Follower *follower = data;
  /* Only to learn of the end; what is written the file itself tells. */
  if (!follower->over && follower->later == 0 && strstr(event, follower->id) != NULL)
    pump_soon(follower);
}

/* A run is over when its runner has gone too, which the engine need not tell. */
static gboolean on_look(gpointer data) {
  pump_soon(data);
  return G_SOURCE_CONTINUE;
}

static void on_drained(PinoSocket *socket, gpointer data) {
  pump(data);
}

static char *on_stalled(PinoSocket *socket, gpointer data) {
  Follower *follower = data;
  return g_strdup_printf("too far behind: go on from offset %" G_GUINT64_FORMAT, follower->offset);
}

static Follower *follow(PinoServer *server, PinoSocket *socket, const Kind *kind, const char *id, char *path,
                        guint64 offset) {
  Follower *follower = g_new0(Follower, 1);
  follower->kind = kind;
  follower->server = server;
  follower->socket = socket;
  follower->id = g_strdup(id);
  follower->path = path;
  follower->offset = offset;
  follower->log = -1;
  follower->watch = pino_watcher_add(server->watcher, path, pump_soon, follower);
  follower->engine_watch = pino_engine_watch(server->engine, on_news, follower);
  follower->later = g_idle_add(on_later, follower);
  follower->look = g_timeout_add_seconds(1, on_look, follower);
  return follower;
}

/* Who asked for the end of a file is told first where that begins. */
static void send_place(Follower *follower, const char *members) {
  g_autofree char *text = g_strdup_printf("{\"offset\":%" G_GUINT64_FORMAT "%s}", follower->offset, members);
  pino_socket_send(follower->socket, TRUE, text, strlen(text));
}

/* --- a run's events ---- */

static gboolean send_events(Follower *follower) {
  g_autoptr(GString) out = g_string_sized_new(PIECE + 1024);
  if (pino_journal_reader_next(follower->reader, out, PIECE) == 0)
    return FALSE;
  follower->offset = pino_journal_reader_offset(follower->reader);
  for (char *at = out->str; (at = memchr(at, '\n', (gsize)(out->str + out->len - at))) != NULL;)
    *at++ = ',';
  if (out->str[out->len - 1] == ',')
    g_string_truncate(out, out->len - 1);
  char head[64];
  g_snprintf(head, sizeof head, "{\"offset\":%" G_GUINT64_FORMAT ",\"events\":[", follower->offset);
  g_string_prepend(out, head);
  g_string_append(out, "]}");
  pino_socket_send(follower->socket, TRUE, out->str, out->len);
  return TRUE;
}

static gboolean run_is_over(Follower *follower) {
  return !pino_engine_run_is_live(follower->server->engine, follower->id);
}

static void run_opened(PinoServer *server, PinoSocket *socket, gpointer data) {
  static const Kind kind = {send_events, run_is_over, "the run is over"};
  static const PinoSocketEvents events = {
      .drained = on_drained, .stalled = on_stalled, .closed = follower_free};
  PinoCall *call = data;
  const char *run = pino_call_name(call, 0);
  char *path = pino_engine_journal(server->engine, run, NULL);
  PinoOffset from;
  if (path == NULL || !pino_call_query_offset(call, "offset", &from)) {
    /* forgotten between the handshake's two halves */
    g_free(path);
    pino_socket_drop(socket);
    return;
  }
  guint64 offset = from.from_end ? pino_tail_find(path, from.bytes, G_MAXUINT64) : from.bytes;
  Follower *follower = follow(server, socket, &kind, run, path, offset);
  follower->reader = pino_journal_reader_new(path, offset);
  pino_socket_listen(socket, &events, follower);
  if (from.from_end)
    send_place(follower, ",\"events\":[]");
}

/* TRUE: it may be followed from the query's offset. */
static gboolean may_follow(PinoCall *call,
                           char *(*path_of)(PinoEngine *engine, const char *id, GError **error)) {
  GError *error = NULL;
  PinoOffset offset;
  if (!pino_call_query_offset(call, "offset", &offset))
    return FALSE;
  g_autofree char *path = path_of(pino_call_engine(call), pino_call_name(call, 0), &error);
  if (path == NULL)
    pino_call_fail(call, error);
  return path != NULL;
}

void pino_stream_run(PinoCall *call) {
  if (may_follow(call, pino_engine_journal))
    pino_call_upgrade(call, run_opened, call);
}

/* --- a shell's terminal ---- */

static gboolean send_output(Follower *follower) {
  if (follower->log < 0)
    follower->log = open(follower->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (follower->log < 0)
    return FALSE;
  g_autofree char *bytes = g_malloc(PIECE);
  gssize count = pread(follower->log, bytes, PIECE, (off_t)follower->offset);
  if (count <= 0)
    return FALSE;
  follower->offset += (guint64)count;
  pino_socket_send(follower->socket, FALSE, bytes, (gsize)count);
  return TRUE;
}

static gboolean shell_is_over(Follower *follower) {
  g_autoptr(GBytes) view = pino_engine_shell(follower->server->engine, follower->id, NULL);
  if (view == NULL)
    return TRUE;
  gsize length;
  const char *text = g_bytes_get_data(view, &length);
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!json_parser_load_from_data(parser, text, (gssize)length, NULL))
    return TRUE;
  JsonNode *root = json_parser_get_root(parser);
  return !JSON_NODE_HOLDS_OBJECT(root) ||
         !json_object_get_boolean_member_with_default(json_node_get_object(root), "running", FALSE);
}

static const PinoMember resize_members[] = {{"resize", PINO_MEMBER_OBJECT, TRUE, 0, 0},
                                            {NULL, 0, FALSE, 0, 0}};

static gboolean resize(Follower *follower, const char *text, gsize length, GError **error) {
  g_autoptr(JsonObject) message = pino_body_read(text, length, resize_members, error);
  if (message == NULL)
    return FALSE;
  JsonObject *size = json_object_get_object_member(message, "resize");
  gint64 cols = json_object_get_int_member_with_default(size, "cols", 0);
  gint64 rows = json_object_get_int_member_with_default(size, "rows", 0);
  if (cols < 1 || cols > 1000 || rows < 1 || rows > 1000) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "resize: cols and rows must be from 1 to 1000");
    return FALSE;
  }
  return pino_engine_shell_resize(follower->server->engine, follower->id, (guint)cols, (guint)rows, error);
}

static void on_typed(PinoSocket *socket, gboolean text, const char *bytes, gsize length, gpointer data) {
  Follower *follower = data;
  g_autoptr(GError) error = NULL;
  if (text && resize(follower, bytes, length, &error))
    return;
  if (!text &&
      (length == 0 || pino_engine_shell_write(follower->server->engine, follower->id, bytes, length, &error)))
    return;
  if (text && error->domain != PINO_ERROR)
    pino_socket_close(socket, PINO_SOCKET_BAD_DATA, error->message);
  else if (text)
    pino_socket_close(socket, PINO_SOCKET_WRONG_KIND, error->message);
  else if (!shell_is_over(
               follower)) /* one that has ended takes no input, and its last output is still to be sent */
    pino_socket_close(socket, PINO_SOCKET_TRY_LATER, error->message);
}

static void shell_opened(PinoServer *server, PinoSocket *socket, gpointer data) {
  static const Kind kind = {send_output, shell_is_over, "the shell has ended"};
  static const PinoSocketEvents events = {
      .message = on_typed, .drained = on_drained, .stalled = on_stalled, .closed = follower_free};
  PinoCall *call = data;
  const char *shell = pino_call_name(call, 0);
  char *path = pino_engine_shell_log(server->engine, shell, NULL);
  PinoOffset from;
  if (path == NULL || !pino_call_query_offset(call, "offset", &from)) {
    /* forgotten between the handshake's two halves */
    g_free(path);
    pino_socket_drop(socket);
    return;
  }
  guint64 offset = from.from_end ? pino_tail_find(path, from.bytes, PINO_LOG_LINE) : from.bytes;
  Follower *follower = follow(server, socket, &kind, shell, path, offset);
  pino_socket_listen(socket, &events, follower);
  if (from.from_end)
    send_place(follower, "");
}

void pino_stream_shell(PinoCall *call) {
  if (may_follow(call, pino_engine_shell_log))
    pino_call_upgrade(call, shell_opened, call);
}

/* --- the engine's events ---- */

typedef struct {
  PinoServer *server;
  PinoSocket *socket;
  guint watch;
  GQueue waiting; /* GBytes */
  gsize bytes;
  guint left_out; /* of what apps say */
} Feed;

static void feed_free(gpointer data) {
  Feed *feed = data;
  pino_engine_unwatch(feed->server->engine, feed->watch);
  g_queue_clear_full(&feed->waiting, (GDestroyNotify)g_bytes_unref);
  g_free(feed);
}

static void send_left_out(Feed *feed) {
  g_autofree char *event = g_strdup_printf("{\"type\":\"told\",\"dropped\":%u}", feed->left_out);
  feed->left_out = 0;
  pino_socket_send(feed->socket, TRUE, event, strlen(event));
}

static void feed_next(PinoSocket *socket, gpointer data) {
  Feed *feed = data;
  g_autoptr(GBytes) event = g_queue_pop_head(&feed->waiting);
  if (event == NULL && feed->left_out > 0)
    send_left_out(feed);
  if (event == NULL)
    return;
  gsize length;
  const char *bytes = g_bytes_get_data(event, &length);
  feed->bytes -= length;
  pino_socket_send(socket, TRUE, bytes, length);
}

/* Talkative apps must not cost a slow client its connection: what they say is not the engine's state. */
static gboolean may_be_left_out(const Feed *feed, const char *event, gsize length) {
  return g_str_has_prefix(event, "{\"type\":\"told\"") && (feed->waiting.length >= EVENTS_MOST / TOLD_SHARE ||
                                                           feed->bytes + length > EVENTS_BYTES / TOLD_SHARE);
}

static void on_event(const char *event, gsize length, gpointer data) {
  Feed *feed = data;
  if (!pino_socket_is_open(feed->socket))
    return;
  if (may_be_left_out(feed, event, length)) {
    feed->left_out++;
    return;
  }
  if (feed->waiting.length >= EVENTS_MOST || feed->bytes + length > EVENTS_BYTES) {
    pino_socket_close(feed->socket, PINO_SOCKET_TRY_LATER, "too far behind: ask for the state again");
    g_queue_clear_full(&feed->waiting, (GDestroyNotify)g_bytes_unref);
    return;
  }
  g_queue_push_tail(&feed->waiting, g_bytes_new(event, length));
  feed->bytes += length;
  if (pino_socket_waiting(feed->socket) == 0)
    feed_next(feed->socket, feed);
}

static void engine_opened(PinoServer *server, PinoSocket *socket, gpointer data) {
  static const PinoSocketEvents events = {.drained = feed_next, .closed = feed_free};
  Feed *feed = g_new0(Feed, 1);
  feed->server = server;
  feed->socket = socket;
  g_queue_init(&feed->waiting);
  feed->watch = pino_engine_watch(server->engine, on_event, feed);
  pino_socket_listen(socket, &events, feed);
}

void pino_stream_engine(PinoCall *call) {
  pino_call_upgrade(call, engine_opened, NULL);
}
