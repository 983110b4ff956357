/* A run's output for one WebSocket of pterm, read from the run's journal.
 *
 * pterm prints `stream` packets and ends with the `disconnect` packet. `pterm run` also waits for one `result` packet:
 * it then asks what the launcher offers next, and starts that over a connection of its own while the old one stays.
 * Its first `disconnect` on any of them ends it. So for it, a run that has come to its end says `result` and keeps back
 * its `disconnect` until the next thing has started (then it says nothing more) or there is no next thing.
 *
 * A client that reads slowly costs nothing: while its socket is full the journal is not read on.
 */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "server/internal.h"
#include "server/pterm_internal.h"
#include "state/journal.h"

#define BATCH (256 * 1024)
#define NEXT_THING_MS 15000 /* within that, pterm asks for the next thing and starts it */

struct _PinoPtermFollow {
  PinoPtermClient *client; /* owns this */
  char *id, *run, *app;
  PinoPtermPurpose purpose;
  PinoPtermDone done;
  gpointer data;
  GDestroyNotify free_data;
  PinoJournalReader *reader;
  guint watch; /* of the journal */
  guint turn;  /* source: the journal is to be read, or the state looked at */
  guint bye;   /* timer: the disconnect that was kept back */
  int total;
  gboolean news;       /* the run's state is to be looked at */
  gboolean ready;      /* it was, or this client knows */
  gboolean over;       /* nothing more will come */
  gboolean superseded; /* another connection of the same pterm goes on */
  gint64 result_at;    /* 0: none sent */
};

void pino_pterm_follow_free(PinoPtermFollow *follow) {
  if (follow->watch != 0)
    pino_watcher_remove(follow->client->pterm->server->watcher, follow->watch);
  if (follow->turn != 0)
    g_source_remove(follow->turn);
  if (follow->bye != 0)
    g_source_remove(follow->bye);
  if (follow->free_data != NULL)
    follow->free_data(follow->data);
  pino_journal_reader_free(follow->reader);
  g_free(follow->id);
  g_free(follow->run);
  g_free(follow->app);
  g_free(follow);
}

/* --- output ---- */

static void tell_output(PinoPtermFollow *follow, JsonObject *event) {
  const char *raw = pino_pterm_text(event, "raw");
  g_autoptr(GString) packet = g_string_new("{");
  pino_json_append_member(packet, "id", follow->id);
  pino_json_append_member(packet, "type", "stream");
  g_string_append_printf(packet, ",\"index\":%d,\"total\":%d,\"data\":{",
                         (int)json_object_get_int_member_with_default(event, "index", 0), follow->total);
  pino_json_append_member(packet, "id", pino_pterm_text(event, "shell"));
  pino_json_append_member(packet, "raw", raw != NULL ? raw : "");
  g_string_append(packet, "}}");
  pino_pterm_client_send(follow->client, packet->str);
}

/* pterm has no way to answer: the person is told where to. */
static void tell_question(PinoPtermFollow *follow, JsonObject *event) {
  const char *title = pino_pterm_text(pino_pterm_object_in(event, "request"), "title");
  g_autofree char *text =
      g_strdup_printf("\r\nThe script waits for an answer%s%s: give it to run %s with another client.\r\n",
                      title != NULL ? " to " : "", title != NULL ? title : "", follow->run);
  pino_pterm_client_print(follow->client, follow->id, text);
}

static void tell_line(PinoPtermFollow *follow, const char *line, gsize length) {
  g_autoptr(JsonObject) event = pino_pterm_parse(line, (gssize)length);
  const char *type = pino_pterm_text(event, "type");
  if (g_strcmp0(type, "stream") == 0)
    tell_output(follow, event);
  else if (g_strcmp0(type, "ask") == 0)
    tell_question(follow, event);
  else if (g_strcmp0(type, "step") == 0)
    follow->total = (int)json_object_get_int_member_with_default(event, "total", 0);
}

/* Gives FALSE when there was nothing. */
static gboolean read_on(PinoPtermFollow *follow) {
  g_autoptr(GString) lines = g_string_new(NULL);
  if (pino_journal_reader_next(follow->reader, lines, BATCH) == 0)
    return FALSE;
  for (char *line = lines->str; line < lines->str + lines->len;) {
    char *end = strchr(line, '\n');
    gsize length = end != NULL ? (gsize)(end - line) : strlen(line);
    if (!follow->superseded)
      tell_line(follow, line, length);
    line += length + 1;
  }
  return TRUE;
}

/* --- its end ---- */

static void tell_result(PinoPtermFollow *follow) {
  if (follow->result_at != 0)
    return;
  pino_pterm_client_tell(follow->client, follow->id, "result", "null");
  follow->result_at = g_get_monotonic_time();
}

static gboolean say_goodbye(gpointer data) {
  PinoPtermFollow *follow = data;
  follow->bye = 0;
  pino_pterm_client_tell(follow->client, follow->id, "disconnect", NULL);
  g_ptr_array_remove_fast(follow->client->follows, follow);
  return G_SOURCE_REMOVE;
}

static void tell_failure(PinoPtermFollow *follow, const char *state, JsonObject *run) {
  const char *error = pino_pterm_text(run, "error");
  g_autofree char *text = g_strdup_printf("\r\n%s: %s\r\n", state != NULL ? state : "lost",
                                          error != NULL ? error : "the script did not come to its end");
  pino_pterm_client_print(follow->client, follow->id, text);
  g_autoptr(GString) data = g_string_new(NULL);
  pino_json_append_string(data, text, strlen(text));
  pino_pterm_client_tell(follow->client, follow->id, "error", data->str);
}

/* The follow may be gone afterwards. */
static void finish(PinoPtermFollow *follow, JsonObject *run) {
  follow->over = TRUE;
  const char *state = pino_pterm_text(run, "state");
  gboolean finished = g_strcmp0(state, "finished") == 0;
  if (follow->done != NULL) {
    g_autoptr(PinoPtermClient) client = pino_pterm_client_ref(follow->client);
    follow->done(client, state, follow->data);
    g_ptr_array_remove_fast(client->follows, follow);
    return;
  }
  if (!finished && !g_strcmp0(state, "stopped") == 0 && !follow->superseded)
    tell_failure(follow, state, run);
  if (follow->superseded)
    return;
  gboolean goes_on = finished && follow->result_at == 0 && follow->purpose == PINO_PTERM_FOR_LAUNCHER;
  if (finished)
    tell_result(follow);
  if (goes_on)
    follow->bye = g_timeout_add(NEXT_THING_MS, say_goodbye, follow);
  else
    say_goodbye(follow);
}

/* The follow may be gone afterwards. */
static void look(PinoPtermFollow *follow) {
  PinoEngine *engine = follow->client->pterm->engine;
  g_autoptr(GBytes) view = pino_engine_run(engine, follow->run, NULL);
  g_autoptr(JsonObject) run = pino_pterm_object(view);
  g_autoptr(JsonObject) gone = json_object_new(); /* nobody knows it any more */
  const char *state = pino_pterm_text(run, "state");
  if (!pino_pterm_is_live(run)) {
    finish(follow, run != NULL ? run : gone);
    return;
  }
  gboolean is_ready = g_strcmp0(state, "ready") == 0;
  if (is_ready && !follow->ready && !follow->superseded && follow->purpose != PINO_PTERM_FOR_METHOD)
    tell_result(follow);
  follow->ready = follow->ready || is_ready;
}

static void poke(PinoPtermFollow *follow);

/* A state is told after all that the journal held when it came. */
static gboolean on_turn(gpointer data) {
  PinoPtermFollow *follow = data;
  follow->turn = 0;
  if (follow->over || !pino_pterm_client_has_room(follow->client))
    return G_SOURCE_REMOVE; /* the socket says when it has room */
  if (read_on(follow)) {
    poke(follow);
  } else if (follow->news) {
    follow->news = FALSE;
    look(follow);
  }
  return G_SOURCE_REMOVE;
}

static void poke(PinoPtermFollow *follow) {
  if (follow->turn == 0)
    follow->turn = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, follow, NULL);
}

static void on_journal(gpointer data) {
  poke(data);
}

/* --- the outside ---- */

void pino_pterm_follow(PinoPtermClient *client, const PinoPtermFollowing *following) {
  PinoPtermFollow *follow = g_new0(PinoPtermFollow, 1);
  g_autofree char *journal = pino_engine_journal(client->pterm->engine, following->run, NULL);
  *follow = (PinoPtermFollow){
      .client = client,
      .id = g_strdup(following->id),
      .run = g_strdup(following->run),
      .app = g_strdup(following->app),
      .purpose = following->purpose,
      .done = following->done,
      .data = following->data,
      .free_data = following->free_data,
      .reader = pino_journal_reader_new(journal != NULL ? journal : "", following->offset),
      .news = TRUE,
      .ready = following->ran_before, /* else `pterm run` would start what is ready again and again */
  };
  if (journal != NULL)
    follow->watch = pino_watcher_add(client->pterm->server->watcher, journal, on_journal, follow);
  g_ptr_array_add(client->follows, follow);
  poke(follow);
}

void pino_pterm_follow_on(PinoPtermClient *client) {
  for (guint i = 0; i < client->follows->len; i++)
    poke(g_ptr_array_index(client->follows, i));
}

const char *pino_pterm_followed_run(PinoPtermClient *client, const char *id) {
  for (guint i = 0; i < client->follows->len; i++) {
    PinoPtermFollow *follow = g_ptr_array_index(client->follows, i);
    if (g_strcmp0(follow->id, id) == 0)
      return follow->run;
  }
  return NULL;
}

gboolean pino_pterm_follows_shell(PinoPtermClient *client, const char *shell) {
  for (guint i = 0; i < client->follows->len; i++) {
    PinoPtermFollow *follow = g_ptr_array_index(client->follows, i);
    gsize length = strlen(follow->run);
    if (!follow->superseded && strncmp(shell, follow->run, length) == 0 && shell[length] == '.')
      return TRUE;
  }
  return FALSE;
}

typedef void (*Each)(PinoPtermFollow *follow, gconstpointer data);

/* Those may be removed meanwhile by what is called. */
static void each_follow(PinoPterm *pterm, Each each, gconstpointer data) {
  for (guint i = 0; i < pterm->clients->len; i++) {
    PinoPtermClient *client = g_ptr_array_index(pterm->clients, i);
    for (guint j = client->follows->len; j > 0; j--)
      each(g_ptr_array_index(client->follows, j - 1), data);
  }
}

static void hear(PinoPtermFollow *follow, gconstpointer run) {
  if (!g_str_equal(follow->run, run))
    return;
  follow->news = TRUE;
  poke(follow);
}

void pino_pterm_follow_news(PinoPterm *pterm, const char *run) {
  each_follow(pterm, hear, run);
}

/* Whether its pterm has been told a result and may be about to start the next thing. */
static gboolean awaits_next(const PinoPtermFollow *follow, const char *app) {
  return follow->purpose == PINO_PTERM_FOR_LAUNCHER && follow->result_at != 0 && !follow->superseded &&
         g_strcmp0(follow->app, app) == 0 &&
         g_get_monotonic_time() - follow->result_at < NEXT_THING_MS * G_TIME_SPAN_MILLISECOND;
}

typedef struct {
  const PinoPtermFollowing *following;
  const PinoPtermClient *by;
  guint64 *offset;
} Next;

static void supersede(PinoPtermFollow *follow, gconstpointer data) {
  const Next *next = data;
  if (follow->client == next->by || !awaits_next(follow, next->following->app))
    return;
  follow->superseded = TRUE;
  if (follow->bye != 0)
    g_source_remove(follow->bye);
  follow->bye = 0;
  if (g_str_equal(follow->run, next->following->run))
    *next->offset = pino_journal_reader_offset(follow->reader);
}

void pino_pterm_follow_supersede(PinoPterm *pterm, const PinoPtermFollowing *next, const PinoPtermClient *by,
                                 guint64 *offset) {
  each_follow(pterm, supersede, &(Next){.following = next, .by = by, .offset = offset});
}

typedef struct {
  const char *app;
  guint after_ms;
} Farewell;

static void release(PinoPtermFollow *follow, gconstpointer data) {
  const Farewell *farewell = data;
  if (follow->bye == 0 || !awaits_next(follow, farewell->app))
    return;
  g_source_remove(follow->bye);
  follow->bye = g_timeout_add(farewell->after_ms, say_goodbye, follow);
}

void pino_pterm_follow_release(PinoPterm *pterm, const char *app, guint after_ms) {
  each_follow(pterm, release, &(Farewell){.app = app, .after_ms = after_ms});
}
