/* What a runner or a menu worker asks of the other runs. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/internal.h"

/* Who waits for a stop: looked up again when it is done, since either may be gone by then. */
typedef struct {
  PinoEngine *engine;
  char *run; /* NULL: a worker, which does not stop anything */
  gint64 id;
} Asker;

static void asker_free(Asker *asker) {
  pino_engine_drop(asker->engine);
  g_free(asker->run);
  g_free(asker);
}

static void reply(PinoChannel *channel, gint64 id, const char *value) {
  g_autofree char *json =
      g_strdup_printf("{\"type\":\"reply\",\"id\":%" G_GINT64_FORMAT ",\"value\":%s}", id, value);
  pino_channel_send(channel, json);
}

void pino_query_reply_text(PinoLive *live, gint64 id, const char *text) {
  g_autoptr(GString) value = g_string_new(NULL);
  pino_json_append_string(value, text, strlen(text));
  if (live->channel != NULL)
    reply(live->channel, id, value->str);
}

void pino_query_reply_error(PinoLive *live, gint64 id, const char *message) {
  g_autoptr(GString) json = g_string_new("{\"type\":\"reply\"");
  g_string_append_printf(json, ",\"id\":%" G_GINT64_FORMAT, id);
  pino_json_append_member(json, "error", message);
  g_string_append_c(json, '}');
  if (live->channel != NULL)
    pino_channel_send(live->channel, json->str);
}

/* --- one script ------------------------------------------------------------------------------------------------ */

static char *member_json(JsonObject *object, const char *name) {
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && !JSON_NODE_HOLDS_NULL(node) ? json_to_string(node, FALSE) : g_strdup("{}");
}

static char *script_that_runs(const PinoLive *live, JsonObject *entry) {
  g_autofree char *local = member_json(entry, "local");
  g_autofree char *global = member_json(entry, "global");
  gboolean ready = entry != NULL ? json_object_get_boolean_member_with_default(entry, "ready", FALSE)
                                 : live->state == PINO_LIVE_READY;
  return g_strdup_printf("{\"running\":true,\"ready\":%s,\"status\":\"%s\",\"local\":%s,\"global\":%s}",
                         ready ? "true" : "false", ready ? "ready" : "running", local, global);
}

static char *script_that_is_over(PinoEngine *engine, const char *path) {
  const PinoOutcomeNote *note = g_hash_table_lookup(engine->outcomes, path);
  if (note == NULL)
    return g_strdup("null");
  return g_strdup_printf("{\"running\":false,\"ready\":%s,\"status\":\"%s\",\"local\":{},\"global\":%s}",
                         note->finished ? "true" : "false", note->failed ? "error" : "stopped",
                         note->global != NULL ? note->global : "{}");
}

static char *about_script(PinoEngine *engine, const char *path) {
  JsonObject *entry = NULL;
  PinoLive *live = pino_live_with_script(engine, path, &entry);
  return live != NULL ? script_that_runs(live, entry) : script_that_is_over(engine, path);
}

static char *all_running(PinoEngine *engine) {
  g_autoptr(GString) paths = g_string_new("[");
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, engine->lives);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    PinoLive *live = value;
    guint count = live->scripts != NULL ? json_array_get_length(live->scripts) : 0;
    for (guint i = 0; live->state <= PINO_LIVE_STOPPING && i < count; i++) {
      JsonNode *node = json_array_get_element(live->scripts, i);
      const char *path =
          JSON_NODE_HOLDS_OBJECT(node)
              ? json_object_get_string_member_with_default(json_node_get_object(node), "path", NULL)
              : NULL;
      if (path == NULL)
        continue;
      if (paths->len > 1)
        g_string_append_c(paths, ',');
      pino_json_append_string(paths, path, strlen(path));
    }
  }
  g_string_append_c(paths, ']');
  return g_string_free(g_steal_pointer(&paths), FALSE);
}

/* --- stopping -------------------------------------------------------------------------------------------------- */

static void on_stopped(GObject *source, GAsyncResult *result, gpointer data) {
  Asker *asker = data;
  PinoLive *live = asker->engine->closing ? NULL : pino_live_find(asker->engine, asker->run);
  if (live != NULL && live->channel != NULL)
    reply(live->channel, asker->id, "true");
  asker_free(asker);
}

/* task is taken over. */
static void ask_to_stop(PinoLive *owner, const char *path, char *asker, GTask *task) {
  PinoChildStop *stop = g_new0(PinoChildStop, 1);
  *stop = (PinoChildStop){.asker = asker, .path = g_strdup(path), .task = task};
  g_ptr_array_add(owner->children, stop);
  g_autoptr(GString) line = g_string_new("{");
  pino_json_append_member(line, "type", "stop");
  pino_json_append_member(line, "id", asker);
  pino_json_append_member(line, "path", path);
  g_string_append_c(line, '}');
  pino_channel_send(owner->channel, line->str);
}

/* A script that another one started: its runner ends it, or, when that has left, its commands are ended here. */
static void stop_child(PinoLive *owner, const char *path, PinoLive *asking, gint64 id) {
  if (owner->channel != NULL) {
    ask_to_stop(owner, path, g_strdup_printf("%s/%" G_GINT64_FORMAT, asking->row->id, id), NULL);
    return;
  }
  pino_stop_script(owner, path);
  reply(asking->channel, id, "true");
}

void pino_query_stop_guest(PinoLive *owner, const char *path, GTask *task) {
  if (owner->channel != NULL) {
    ask_to_stop(owner, path, g_strdup_printf("-/%u", ++owner->engine->next_question), task);
    return;
  }
  pino_stop_script(owner, path);
  pino_stop_tell(task);
}

static void stop_script(PinoEngine *engine, PinoLive *asking, const char *path, gint64 id) {
  PinoLive *owner = pino_live_with_script(engine, path, NULL);
  g_hash_table_remove(engine->outcomes, path);
  if (owner == NULL || owner == asking) {
    reply(asking->channel, id, "false");
    return;
  }
  if (!g_str_equal(owner->row->script, path)) {
    stop_child(owner, path, asking, id);
    return;
  }
  Asker *asker = g_new0(Asker, 1);
  *asker = (Asker){.engine = pino_engine_hold(engine), .run = g_strdup(asking->row->id), .id = id};
  pino_engine_stop_run(engine, owner->row->id, on_stopped, asker);
}

static void reply_stopped(PinoEngine *engine, const char *asker) {
  const char *slash = strrchr(asker, '/');
  g_autofree char *run = slash != NULL ? g_strndup(asker, (gsize)(slash - asker)) : NULL;
  PinoLive *asking = run != NULL ? pino_live_find(engine, run) : NULL;
  if (asking != NULL && asking->channel != NULL)
    reply(asking->channel, g_ascii_strtoll(slash + 1, NULL, 10), "true");
}

void pino_child_stop_free(gpointer data) {
  PinoChildStop *stop = data;
  if (stop->task != NULL)
    pino_stop_tell(stop->task);
  g_free(stop->asker);
  g_free(stop->path);
  g_free(stop);
}

void pino_query_stopped(PinoLive *live, JsonObject *message) {
  const char *id = json_object_get_string_member_with_default(message, "id", "");
  for (guint i = live->children->len; i > 0; i--) {
    if (g_str_equal(((PinoChildStop *)live->children->pdata[i - 1])->asker, id))
      g_ptr_array_remove_index(live->children, i - 1);
  }
  reply_stopped(live->engine, id);
}

void pino_query_runner_gone(PinoEngine *engine, const char *run, GPtrArray *stops) {
  for (guint i = 0; i < stops->len; i++) {
    const PinoChildStop *stop = stops->pdata[i];
    PinoLive *live = pino_live_find(engine, run);
    if (live != NULL)
      pino_stop_script(live, stop->path);
    reply_stopped(engine, stop->asker);
  }
  g_ptr_array_unref(stops);
}

/* JSON; NULL: null. */
static char *about_url(PinoEngine *engine, const char *what, const char *url) {
  if (g_str_equal(what, "unshare"))
    return g_strdup(pino_share_end(engine, url) ? "true" : "false");
  g_autofree char *public_url = g_str_equal(what, "shared") ? pino_share_public(engine, url) : NULL;
  if (public_url == NULL)
    return NULL;
  g_autoptr(GString) value = g_string_new(NULL);
  pino_json_append_string(value, public_url, strlen(public_url));
  return g_string_free(g_steal_pointer(&value), FALSE);
}

void pino_query_answer(PinoEngine *engine, PinoLive *live, PinoChannel *channel, JsonObject *message) {
  const char *what = json_object_get_string_member_with_default(message, "what", "");
  const char *path = json_object_get_string_member_with_default(message, "path", NULL);
  const char *url = json_object_get_string_member_with_default(message, "url", NULL);
  gint64 id = json_object_get_int_member_with_default(message, "id", 0);
  g_autofree char *value = NULL;
  if (g_str_equal(what, "stop") && path != NULL && live != NULL && live->channel == channel) {
    stop_script(engine, live, path, id);
    return;
  }
  if (g_str_equal(what, "share") && url != NULL && live != NULL && live->channel == channel) {
    pino_share_ask(live, id, url, json_object_get_string_member_with_default(message, "passcode", NULL));
    return;
  }
  if (url != NULL)
    value = about_url(engine, what, url);
  else if (g_str_equal(what, "script") && path != NULL)
    value = about_script(engine, path);
  else if (g_str_equal(what, "running"))
    value = all_running(engine);
  reply(channel, id, value != NULL ? value : "null");
}
