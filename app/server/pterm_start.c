/* Packets about a script: start it, stop it, is it running, what does it print. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "server/pterm_internal.h"

#define OFFER_SECONDS 30 /* between telling `pterm run` what to start and its starting it */

static gboolean is_set(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

/* pterm ends at the disconnect; without it, it would wait for ever. */
static void refuse(PinoPtermClient *client, const char *id, const GError *error) {
  g_autofree char *line = g_strdup_printf("%s\r\n", error->message);
  pino_pterm_client_print(client, id, line);
  g_autoptr(GString) data = g_string_new(NULL);
  pino_json_append_string(data, error->message, strlen(error->message));
  pino_pterm_client_tell(client, id, "error", data->str);
  pino_pterm_client_tell(client, id, "disconnect", NULL);
}

/* --- start ---- */

typedef struct {
  PinoPtermClient *client;
  char *id, *app;
  PinoPtermPurpose purpose;
} Start;

static void start_free(Start *start) {
  pino_pterm_client_unref(start->client);
  g_free(start->id);
  g_free(start->app);
  g_free(start);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Start, start_free)

static guint64 end_of_journal(PinoEngine *engine, const char *run) {
  g_autofree char *journal = pino_engine_journal(engine, run, NULL);
  GStatBuf about;
  return journal != NULL && g_stat(journal, &about) == 0 ? (guint64)about.st_size : 0;
}

static void on_started(GObject *source, GAsyncResult *result, gpointer data) {
  g_autoptr(Start) start = data;
  PinoPterm *pterm = start->client->pterm;
  if (pterm == NULL)
    return; /* the server went meanwhile */
  g_autoptr(GError) error = NULL;
  gboolean already = FALSE;
  g_autofree char *run = pino_engine_start_finish(pterm->engine, result, &already, &error);
  if (start->client->socket == NULL)
    return; /* the run goes on without it */
  if (run == NULL) {
    refuse(start->client, start->id, error);
    return;
  }
  PinoPtermFollowing following = {
      .id = start->id,
      .run = run,
      .app = start->app,
      .purpose = start->purpose,
      .ran_before = already,
      .offset = already ? end_of_journal(pterm->engine, run) : 0,
  };
  if (start->purpose == PINO_PTERM_FOR_LAUNCHER)
    pino_pterm_follow_supersede(pterm, &following, start->client, &following.offset);
  pino_pterm_follow(start->client, &following);
}

/* Whether `pterm run` was just told to start this. */
static gboolean was_offered(PinoPterm *pterm, const char *path) {
  const gint64 *when = g_hash_table_lookup(pterm->offered, path);
  gboolean offered = when != NULL && g_get_monotonic_time() - *when < OFFER_SECONDS * G_TIME_SPAN_SECOND;
  g_hash_table_remove(pterm->offered, path);
  return offered;
}

static guint size_of(JsonObject *request, const char *name) {
  JsonObject *about = pino_pterm_object_in(request, "client");
  JsonNode *node = about != NULL ? json_object_get_member(about, name) : NULL;
  gint64 size = node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : 0;
  return size > 0 && size <= 1000 ? (guint)size : 0;
}

static void start_script(PinoPtermClient *client, JsonObject *request, const PinoPtermTarget *target) {
  JsonNode *input = json_object_get_member(request, "input");
  g_autofree char *json =
      input != NULL && JSON_NODE_HOLDS_OBJECT(input) ? json_to_string(input, FALSE) : NULL;
  PinoEngineStart wish = {
      .app = target->app,
      .script = target->app != NULL ? target->script : target->path,
      .input = json,
      .cols = size_of(request, "cols"),
      .rows = size_of(request, "rows"),
  };
  Start *start = g_new0(Start, 1);
  start->client = pino_pterm_client_ref(client);
  start->id = g_strdup(target->path);
  start->app = g_strdup(target->app);
  start->purpose = was_offered(client->pterm, target->path) ? PINO_PTERM_FOR_LAUNCHER : PINO_PTERM_FOR_PERSON;
  pino_engine_start(client->pterm->engine, &wish, NULL, on_started, start);
}

static void listen_to(PinoPtermClient *client, const PinoPtermTarget *target, const char *run) {
  PinoPtermFollowing following = {
      .id = target->path,
      .run = run,
      .app = target->app,
      .ran_before = TRUE,
      .offset = end_of_journal(client->pterm->engine, run),
  };
  pino_pterm_follow(client, &following);
}

/* --- stop ---- */

typedef struct {
  PinoPtermClient *client;
  gboolean answers;
} Stop;

static void tell_stopped(PinoPtermClient *client, const GError *error) {
  if (error != NULL)
    pino_pterm_client_fail(client, "kernel.api.stop", error);
  else
    pino_pterm_client_answer(client, "kernel.api.stop", "result", "true");
}

static void on_stopped(GObject *source, GAsyncResult *result, gpointer data) {
  g_autofree Stop *stop = data;
  g_autoptr(PinoPtermClient) client = stop->client;
  g_autoptr(GError) error = NULL;
  if (client->pterm == NULL)
    return;
  pino_engine_stop_finish(client->pterm->engine, result, &error);
  if (stop->answers)
    tell_stopped(client, error);
}

/* A folder is no script: `pterm run` says a stop for its launcher's folder every time, and means nothing by it. */
static void stop_script(PinoPtermClient *client, const PinoPtermTarget *target, gboolean answers) {
  g_autofree char *run = g_strdup(pino_pterm_followed_run(client, target->path));
  if (run == NULL)
    run = pino_pterm_live_run(client->pterm, target);
  if (run == NULL) {
    if (answers)
      tell_stopped(client, NULL);
    return;
  }
  Stop *stop = g_new0(Stop, 1);
  *stop = (Stop){.client = pino_pterm_client_ref(client), .answers = answers};
  pino_engine_stop_run(client->pterm->engine, run, on_stopped, stop);
}

void pino_pterm_stop(PinoPtermClient *client, JsonObject *request) {
  g_auto(PinoPtermTarget) target = {0};
  g_autoptr(GError) error = NULL;
  if (pino_pterm_target_parse(client->pterm, pino_pterm_text(pino_pterm_object_in(request, "params"), "uri"),
                              &target, &error))
    stop_script(client, &target, TRUE);
  else
    tell_stopped(client, error);
}

/* --- any ---- */

void pino_pterm_script(PinoPtermClient *client, JsonObject *request) {
  g_auto(PinoPtermTarget) target = {0};
  g_autoptr(GError) error = NULL;
  const char *uri = pino_pterm_text(request, "uri");
  if (!pino_pterm_target_parse(client->pterm, uri, &target, &error)) {
    refuse(client, uri, error);
    return;
  }
  if (is_set(request, "stop")) {
    stop_script(client, &target, FALSE);
    return;
  }
  gboolean only_listens = g_strcmp0(pino_pterm_text(request, "mode"), "listen") == 0;
  if (!only_listens && !is_set(request, "status")) {
    start_script(client, request, &target);
    return;
  }
  g_autofree char *run = pino_pterm_live_run(client->pterm, &target);
  if (!only_listens)
    pino_pterm_client_send(client, run != NULL ? "{\"data\":true}" : "{\"data\":false}");
  else if (run != NULL)
    listen_to(client, &target, run);
}
