#include <string.h>

#include "server/doing.h"
#include "server/internal.h"

/* The engine gives the same bytes as long as nothing changed: the tag is made once for them. */
static const char *tag_of(PinoServer *server, GBytes *view) {
  if (server->tagged != view) {
    g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, view);
    g_clear_pointer(&server->tagged, g_bytes_unref);
    server->tagged = g_bytes_ref(view);
    g_free(server->etag);
    server->etag = g_strdup_printf("\"%.32s\"", sum);
  }
  return server->etag;
}

static void answer_apps(PinoCall *call) {
  g_autoptr(GBytes) view = pino_engine_apps(pino_call_engine(call));
  const char *tag = tag_of(pino_call_server(call), view);
  const char *known =
      soup_message_headers_get_list(soup_server_message_get_request_headers(call->message), "If-None-Match");
  pino_call_header(call, "ETag", tag);
  pino_call_header(call, "Cache-Control", "no-cache");
  if (known != NULL && strstr(known, tag) != NULL)
    pino_call_answer(call, SOUP_STATUS_NOT_MODIFIED, NULL, NULL);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, g_steal_pointer(&view));
}

static void answer_app(PinoCall *call) {
  GError *error = NULL;
  GBytes *view = pino_engine_app(pino_call_engine(call), pino_call_name(call, 0), &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

static void on_menu(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCall *call = data;
  GError *error = NULL;
  GBytes *menu = pino_engine_menu_finish(pino_call_engine(call), result, &error);
  if (menu == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, menu);
}

static void answer_menu(PinoCall *call) {
  pino_engine_menu(pino_call_engine(call), pino_call_name(call, 0), NULL, on_menu, pino_call_hold(call));
}

static void on_environment(GObject *source, GAsyncResult *result, gpointer data) {
  PinoCall *call = data;
  GError *error = NULL;
  GBytes *view = pino_engine_environment_finish(result, &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

static void answer_environment(PinoCall *call) {
  pino_engine_environment(pino_call_engine(call), pino_call_name(call, 0), NULL, on_environment,
                          pino_call_hold(call));
}

static void put_environment(PinoCall *call) {
  g_autofree char *values = pino_call_object(call, "values");
  pino_engine_environment(pino_call_engine(call), pino_call_name(call, 0), values, on_environment,
                          pino_call_hold(call));
}

static void start(PinoCall *call) {
  pino_doing_start(call, pino_call_name(call, 0), pino_call_text(call, "script"));
}

static void stop(PinoCall *call) {
  pino_doing_stop(call, pino_call_name(call, 0), NULL);
}

static void restart(PinoCall *call) {
  pino_doing_restart(call, pino_call_name(call, 0));
}

static const PinoMember start_members[] = {
    {"script", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {"input", PINO_MEMBER_OBJECT, FALSE, 0, 0},
    {"cols", PINO_MEMBER_NUMBER, FALSE, 1, 1000},
    {"rows", PINO_MEMBER_NUMBER, FALSE, 1, 1000},
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember values_members[] = {{"values", PINO_MEMBER_OBJECT, TRUE, 0, 0},
                                            {NULL, 0, FALSE, 0, 0}};
static const PinoMember no_members[] = {{NULL, 0, FALSE, 0, 0}};

const PinoRoute pino_routes_apps[] = {
    {"GET", "/v1/apps", answer_apps, 0, NULL},
    {"GET", "/v1/apps/{app}", answer_app, 0, NULL},
    {"GET", "/v1/apps/{app}/menu", answer_menu, 0, NULL},
    {"GET", "/v1/apps/{app}/environment", answer_environment, 0, NULL},
    {"PUT", "/v1/apps/{app}/environment", put_environment, 0, values_members},
    {"POST", "/v1/apps/{app}/start", start, 0, start_members},
    {"POST", "/v1/apps/{app}/stop", stop, 0, no_members},
    {"POST", "/v1/apps/{app}/restart", restart, 0, start_members},
    {NULL, NULL, NULL, 0, NULL},
};
