/* Installing apps and what else is done to them as a whole: each is a run. */
#include <string.h>

#include "base/json.h"
#include "server/internal.h"

static void operate(PinoCall *call, const char *operation, const char *source, gboolean purge, gboolean ask) {
  GError *error = NULL;
  gboolean already = FALSE;
  g_autofree char *app = NULL;
  PinoEngineOperation wish = {
      .operation = operation,
      .source = source,
      .name = pino_call_text(call, "name"),
      .branch = pino_call_text(call, "branch"),
      .from_start = pino_call_flag(call, "from_start"),
      .force = pino_call_flag(call, "force"),
      .purge = purge,
      .ask = ask,
      .cols = (guint)pino_call_number(call, "cols", 0),
      .rows = (guint)pino_call_number(call, "rows", 0),
  };
  g_autofree char *run = pino_engine_operate(pino_call_engine(call), &wish, &app, &already, &error);
  if (run == NULL) {
    pino_call_fail(call, error);
    return;
  }
  GString *out = g_string_new("{");
  pino_json_append_member(out, "run", run);
  pino_json_append_member(out, "app", app);
  g_string_append_printf(out, ",\"already\":%s}\n", already ? "true" : "false");
  pino_call_answer(call, SOUP_STATUS_ACCEPTED, NULL, g_string_free_to_bytes(out));
}

static void install_source(PinoCall *call) {
  operate(call, "install", pino_call_text(call, "source"), FALSE, FALSE);
}

static void plan_source(PinoCall *call) {
  operate(call, "plan", pino_call_text(call, "source"), FALSE, FALSE);
}

static void install_app(PinoCall *call) {
  operate(call, "install", pino_call_name(call, 0), FALSE, FALSE);
}

static void update(PinoCall *call) {
  operate(call, "update", pino_call_name(call, 0), FALSE, FALSE);
}

static void back(PinoCall *call) {
  operate(call, "back", pino_call_name(call, 0), FALSE, FALSE);
}

static void reset(PinoCall *call) {
  operate(call, "reset", pino_call_name(call, 0), pino_call_flag(call, "purge"), pino_call_flag(call, "ask"));
}

static void uninstall(PinoCall *call) {
  guint64 purge, ask;
  if (pino_call_query_number(call, "purge", 0, 1, &purge) && pino_call_query_number(call, "ask", 0, 1, &ask))
    operate(call, "uninstall", pino_call_name(call, 0), purge != 0, ask != 0);
}

#define SIZE_MEMBERS                                                                                         \
  {"cols", PINO_MEMBER_NUMBER, FALSE, 1, 1000}, {                                                            \
    "rows", PINO_MEMBER_NUMBER, FALSE, 1, 1000                                                               \
  }

static const PinoMember source_members[] = {
    {"source", PINO_MEMBER_TEXT, TRUE, 0, 0},
    {"name", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {"branch", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {"from_start", PINO_MEMBER_FLAG, FALSE, 0, 0},
    {"force", PINO_MEMBER_FLAG, FALSE, 0, 0},
    SIZE_MEMBERS,
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember install_members[] = {
    {"from_start", PINO_MEMBER_FLAG, FALSE, 0, 0},
    {"force", PINO_MEMBER_FLAG, FALSE, 0, 0},
    SIZE_MEMBERS,
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember force_members[] = {
    {"force", PINO_MEMBER_FLAG, FALSE, 0, 0},
    SIZE_MEMBERS,
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember purge_members[] = {
    {"purge", PINO_MEMBER_FLAG, FALSE, 0, 0},
    {"ask", PINO_MEMBER_FLAG, FALSE, 0, 0},
    SIZE_MEMBERS,
    {NULL, 0, FALSE, 0, 0},
};

const PinoRoute pino_routes_operations[] = {
    {"POST", "/v1/apps", install_source, 0, source_members},
    {"POST", "/v1/plans", plan_source, 0, source_members},
    {"POST", "/v1/apps/{app}/install", install_app, 0, install_members},
    {"POST", "/v1/apps/{app}/update", update, 0, force_members},
    {"POST", "/v1/apps/{app}/back", back, 0, force_members},
    {"POST", "/v1/apps/{app}/reset", reset, 0, purge_members},
    {"DELETE", "/v1/apps/{app}", uninstall, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
