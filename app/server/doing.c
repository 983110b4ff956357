#include "server/doing.h"

#include "base/json.h"
#include "server/internal.h"

#define WAIT_MOST 120 /* seconds */

/* --- starting ---- */

static void on_started(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCall *call = data;
  GError *error = NULL;
  gboolean already = FALSE;
  g_autofree char *run = pino_engine_start_finish(pino_call_engine(call), result, &already, &error);
  if (run == NULL) {
    pino_call_fail(call, error);
    return;
  }
  GString *out = g_string_new("{");
  pino_json_append_member(out, "run", run);
  g_string_append_printf(out, ",\"already\":%s}\n", already ? "true" : "false");
  pino_call_answer(call, SOUP_STATUS_ACCEPTED, NULL, g_string_free_to_bytes(out));
}

static void start_held(PinoCall *call, const char *app, const char *script) {
  g_autofree char *input = pino_call_object(call, "input");
  PinoEngineStart start = {
      .app = app,
      .script = script,
      .input = input,
      .cols = (guint)pino_call_number(call, "cols", 0),
      .rows = (guint)pino_call_number(call, "rows", 0),
  };
  pino_engine_start(pino_call_engine(call), &start, NULL, on_started, call);
}

void pino_doing_start(PinoCall *call, const char *app, const char *script) {
  pino_call_hold(call);
  start_held(call, app, script);
}

/* --- stopping ---- */

typedef struct {
  PinoCall *call; /* NULL: answered because it took too long */
  PinoEngine *engine;
  guint timer;
} Stop;

static void answer_stop(Stop *stop, gboolean stopped) {
  static const char yes[] = "{\"stopped\":true}\n", no[] = "{\"stopped\":false}\n";
  pino_call_answer(stop->call, stopped ? SOUP_STATUS_OK : SOUP_STATUS_ACCEPTED, NULL,
                   stopped ? g_bytes_new_static(yes, sizeof yes - 1) : g_bytes_new_static(no, sizeof no - 1));
  stop->call = NULL;
}

static gboolean on_waited(gpointer data) {
  Stop *stop = data;
  stop->timer = 0;
  answer_stop(stop, FALSE);
  return G_SOURCE_REMOVE;
}

static void on_stopped(GObject *source, GAsyncResult *result, gpointer data) {
  Stop *stop = data;
  GError *error = NULL;
  gboolean done = pino_engine_stop_finish(stop->engine, result, &error);
  g_clear_handle_id(&stop->timer, g_source_remove);
  if (stop->call != NULL && done)
    answer_stop(stop, TRUE);
  else if (stop->call != NULL)
    pino_call_fail(stop->call, error);
  else if (!done)
    g_clear_error(&error); /* the engine tells it as a trouble; this answer is out */
  g_free(stop);
}

/* What is not there is told at once, also to who does not wait. */
static gboolean is_there(PinoCall *call, const char *app, const char *run) {
  GError *error = NULL;
  g_autoptr(GBytes) view = app != NULL ? pino_engine_app(pino_call_engine(call), app, &error)
                                       : pino_engine_run(pino_call_engine(call), run, &error);
  if (view == NULL)
    pino_call_fail(call, error);
  return view != NULL;
}

void pino_doing_stop(PinoCall *call, const char *app, const char *run) {
  guint64 seconds;
  if (!pino_call_query_number(call, "wait", 0, WAIT_MOST, &seconds) || !is_there(call, app, run))
    return;
  Stop *stop = g_new0(Stop, 1);
  stop->call = pino_call_hold(call);
  stop->engine = pino_call_engine(call);
  stop->timer = g_timeout_add((guint)seconds * 1000, on_waited, stop);
  if (app != NULL)
    pino_engine_stop_app(stop->engine, app, on_stopped, stop);
  else
    pino_engine_stop_run(stop->engine, run, on_stopped, stop);
}

/* --- both ---- */

static void on_stopped_to_start(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCall *call = data;
  GError *error = NULL;
  if (!pino_engine_stop_finish(pino_call_engine(call), result, &error))
    pino_call_fail(call, error);
  else
    start_held(call, pino_call_name(call, 0), pino_call_text(call, "script"));
}

void pino_doing_restart(PinoCall *call, const char *app) {
  GError *error = NULL;
  if (!is_there(call, app, NULL))
    return;
  if (!pino_engine_app_is_free(pino_call_engine(call), app, &error))
    pino_call_fail(call, error);
  else
    pino_engine_stop_app(pino_call_engine(call), app, on_stopped_to_start, pino_call_hold(call));
}
