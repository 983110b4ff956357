#include "base/json.h"
#include "server/internal.h"

#include <string.h>

static void answer_status(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_status(pino_call_engine(call)));
}

static void answer_processes(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_processes(pino_call_engine(call)));
}

static void answer_resources(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_resources(pino_call_engine(call)));
}

static void answer_view(PinoCall *call, GBytes *view, GError *error) {
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

static void answer_idle(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_idle(pino_call_engine(call)));
}

static void answer_settings(PinoCall *call) {
  GError *error = NULL;
  GBytes *view = pino_engine_settings(pino_call_engine(call), &error);
  answer_view(call, view, error);
}

static void set(PinoCall *call, const char *value) {
  GError *error = NULL;
  if (pino_engine_set(pino_call_engine(call), pino_call_name(call, 0), value, &error))
    pino_call_done(call, SOUP_STATUS_OK);
  else
    pino_call_fail(call, error);
}

static void put_setting(PinoCall *call) {
  g_autofree char *value = pino_call_plain(call, "value");
  set(call, value);
}

static void delete_setting(PinoCall *call) {
  set(call, NULL);
}

static void recover(PinoCall *call) {
  GError *error = NULL;
  g_autofree char *report = pino_engine_recover(pino_call_engine(call), &error);
  if (report == NULL) {
    pino_call_fail(call, error);
    return;
  }
  GString *out = g_string_new("{");
  pino_json_append_member(out, "report", report);
  g_string_append(out, "}\n");
  pino_call_answer(call, SOUP_STATUS_OK, NULL, g_string_free_to_bytes(out));
}

static gboolean on_shutdown(gpointer data) {
  PinoServer *server = data;
  server->shutdown_source = 0;
  server->shutdown(server->shutdown_apps, server->data);
  return G_SOURCE_REMOVE;
}

static void shut_down(PinoCall *call) {
  PinoServer *server = pino_call_server(call);
  if (server->shutdown == NULL) {
    pino_call_problem(call, SOUP_STATUS_SERVICE_UNAVAILABLE, "this engine cannot be ended from here");
    return;
  }
  server->shutdown_apps = pino_call_flag(call, "apps");
  /* Low, so that the answer is out before. */
  if (server->shutdown_source == 0)
    server->shutdown_source = g_idle_add_full(G_PRIORITY_LOW, on_shutdown, server, NULL);
  pino_call_done(call, SOUP_STATUS_ACCEPTED);
}

static const PinoMember value_members[] = {{"value", PINO_MEMBER_PLAIN, TRUE, 0, 0}, {NULL, 0, FALSE, 0, 0}};
static const PinoMember shutdown_members[] = {{"apps", PINO_MEMBER_FLAG, FALSE, 0, 0},
                                              {NULL, 0, FALSE, 0, 0}};
static const PinoMember no_members[] = {{NULL, 0, FALSE, 0, 0}};

const PinoRoute pino_routes_engine[] = {
    {"GET", "/", pino_page_handle, PINO_ROUTE_PUBLIC, NULL},
    {"GET", "/v1/status", answer_status, 0, NULL},
    {"WS", "/v1/events", pino_stream_engine, 0, NULL},
    {"GET", "/v1/processes", answer_processes, 0, NULL},
    {"GET", "/v1/resources", answer_resources, 0, NULL},
    {"GET", "/v1/idle", answer_idle, 0, NULL},
    {"GET", "/v1/settings", answer_settings, 0, NULL},
    {"PUT", "/v1/settings/{key}", put_setting, 0, value_members},
    {"DELETE", "/v1/settings/{key}", delete_setting, 0, NULL},
    {"POST", "/v1/recover", recover, 0, no_members},
    {"POST", "/v1/shutdown", shut_down, 0, shutdown_members},
    {NULL, NULL, NULL, 0, NULL},
};
