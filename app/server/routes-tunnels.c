/* Public addresses: tunnels, and who gives them. */
#include "base/json.h"
#include "server/internal.h"

static void answer(PinoCall *call, GBytes *view, GError *error) {
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

static void list(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_tunnels(pino_call_engine(call)));
}

static void show(PinoCall *call) {
  GError *error = NULL;
  GBytes *view = pino_engine_tunnel(pino_call_engine(call), pino_call_name(call, 0), &error);
  answer(call, view, error);
}

static void list_providers(PinoCall *call) {
  pino_call_answer(call, SOUP_STATUS_OK, NULL, pino_engine_providers(pino_call_engine(call)));
}

static void open_one(PinoCall *call) {
  GError *error = NULL;
  gboolean already = FALSE;
  PinoEngineShare share = {
      .app = pino_call_text(call, "app"),
      .url = pino_call_text(call, "url"),
      .port = (guint16)pino_call_number(call, "port", 0),
      .provider = pino_call_text(call, "provider"),
      .passcode = pino_call_text(call, "passcode"),
  };
  if ((share.app != NULL) + (share.url != NULL) + (share.port != 0) != 1) {
    pino_call_problem(call, SOUP_STATUS_BAD_REQUEST, "one of app, port and url names what is shared");
    return;
  }
  g_autofree char *id = pino_engine_tunnel_open(pino_call_engine(call), &share, &already, &error);
  if (id == NULL) {
    pino_call_fail(call, error);
    return;
  }
  GString *out = g_string_new("{");
  pino_json_append_member(out, "tunnel", id);
  g_string_append_printf(out, ",\"already\":%s}\n", already ? "true" : "false");
  pino_call_answer(call, SOUP_STATUS_ACCEPTED, NULL, g_string_free_to_bytes(out));
}

static void change(PinoCall *call) {
  GError *error = NULL;
  if (pino_engine_tunnel_set(pino_call_engine(call), pino_call_name(call, 0),
                             pino_call_text(call, "provider"), pino_call_text(call, "passcode"), &error))
    pino_call_done(call, SOUP_STATUS_OK);
  else
    pino_call_fail(call, error);
}

static void close_one(PinoCall *call) {
  GError *error = NULL;
  if (pino_engine_tunnel_close(pino_call_engine(call), pino_call_name(call, 0), &error))
    pino_call_done(call, SOUP_STATUS_ACCEPTED);
  else
    pino_call_fail(call, error);
}

static const PinoMember open_members[] = {
    {"app", PINO_MEMBER_TEXT, FALSE, 0, 0},        {"url", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {"port", PINO_MEMBER_NUMBER, FALSE, 1, 65535}, {"provider", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {"passcode", PINO_MEMBER_TEXT, FALSE, 0, 0},   {NULL, 0, FALSE, 0, 0},
};
static const PinoMember change_members[] = {
    {"provider", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {"passcode", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {NULL, 0, FALSE, 0, 0},
};

const PinoRoute pino_routes_tunnels[] = {
    {"GET", "/v1/tunnels", list, 0, NULL},
    {"POST", "/v1/tunnels", open_one, 0, open_members},
    {"GET", "/v1/tunnels/{tunnel}", show, 0, NULL},
    {"PUT", "/v1/tunnels/{tunnel}", change, 0, change_members},
    {"DELETE", "/v1/tunnels/{tunnel}", close_one, 0, NULL},
    {"GET", "/v1/providers", list_providers, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
