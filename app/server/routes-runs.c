#include <stdlib.h>
#include <string.h>

#include "server/doing.h"
#include "server/internal.h"
#include "server/tail.h"
#include "state/journal.h"

#define RUNS_MOST 1000
#define EVENTS_MOST (1024 * 1024) /* bytes of one answer */

static void answer_runs(PinoCall *call) {
  GError *error = NULL;
  guint64 limit;
  if (!pino_call_query_number(call, "limit", 0, RUNS_MOST, &limit))
    return;
  GBytes *view = pino_engine_runs(pino_call_engine(call), pino_call_query(call, "app"), (guint)limit, &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

/* Over TCP only what lies in the home, wherever links lead. */
static gboolean may_start(PinoCall *call, const char *script) {
  if (!g_path_is_absolute(script)) {
    pino_call_problem(call, SOUP_STATUS_BAD_REQUEST, "'script' must be an absolute path");
    return FALSE;
  }
  const char *home = pino_call_server(call)->home;
  g_autofree char *real = realpath(script, NULL);
  gsize length = home != NULL ? strlen(home) : 0;
  gboolean inside = real != NULL && home != NULL && strncmp(real, home, length) == 0 && real[length] == '/';
  if (!inside && !pino_call_is_local(call)) {
    pino_call_problem(call, SOUP_STATUS_FORBIDDEN, "'script' must lie in PINOKIO_HOME");
    return FALSE;
  }
  return TRUE;
}

static void start(PinoCall *call) {
  const char *script = pino_call_text(call, "script");
  if (may_start(call, script))
    pino_doing_start(call, NULL, script);
}

static void answer_run(PinoCall *call) {
  GError *error = NULL;
  GBytes *view = pino_engine_run(pino_call_engine(call), pino_call_name(call, 0), &error);
  if (view == NULL)
    pino_call_fail(call, error);
  else
    pino_call_answer(call, SOUP_STATUS_OK, NULL, view);
}

static void stop(PinoCall *call) {
  pino_doing_stop(call, NULL, pino_call_name(call, 0));
}

static void answer_question(PinoCall *call) {
  GError *error = NULL;
  g_autofree char *answers = pino_call_object(call, "answers");
  const char *refusal = pino_call_text(call, "refuse"), *question = pino_call_text(call, "question");
  if ((answers != NULL) == (refusal != NULL)) {
    pino_call_problem(call, SOUP_STATUS_BAD_REQUEST, "either 'answers' or 'refuse' is needed");
    return;
  }
  PinoEngine *engine = pino_call_engine(call);
  gboolean done = answers != NULL
                      ? pino_engine_answer(engine, pino_call_name(call, 0), question, answers, &error)
                      : pino_engine_refuse(engine, pino_call_name(call, 0), question, refusal, &error);
  if (done)
    pino_call_done(call, SOUP_STATUS_OK);
  else
    pino_call_fail(call, error);
}

static void answer_events(PinoCall *call) {
  GError *error = NULL;
  PinoOffset offset;
  if (!pino_call_query_offset(call, "offset", &offset))
    return;
  const char *run = pino_call_name(call, 0);
  g_autofree char *journal = pino_engine_journal(pino_call_engine(call), run, &error);
  if (journal == NULL) {
    pino_call_fail(call, error);
    return;
  }
  /* Asked before reading: what a run that is over wrote is then all there. */
  gboolean live = pino_engine_run_is_live(pino_call_engine(call), run);
  g_autoptr(PinoJournalReader) reader = pino_journal_reader_new(
      journal, offset.from_end ? pino_tail_find(journal, offset.bytes, G_MAXUINT64) : offset.bytes);
  GString *out = g_string_new(NULL);
  pino_journal_reader_next(reader, out, EVENTS_MOST);
  char next[24];
  g_snprintf(next, sizeof next, "%" G_GUINT64_FORMAT, pino_journal_reader_offset(reader));
  pino_call_header(call, "X-Next-Offset", next);
  pino_call_header(call, "X-Run-Live", live ? "true" : "false");
  pino_call_answer(call, SOUP_STATUS_OK, "application/x-ndjson", g_string_free_to_bytes(out));
}

static const PinoMember start_members[] = {
    {"script", PINO_MEMBER_TEXT, TRUE, 0, 0},
    {"input", PINO_MEMBER_OBJECT, FALSE, 0, 0},
    {"cols", PINO_MEMBER_NUMBER, FALSE, 1, 1000},
    {"rows", PINO_MEMBER_NUMBER, FALSE, 1, 1000},
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember answer_members[] = {
    {"question", PINO_MEMBER_TEXT, TRUE, 0, 0},
    {"answers", PINO_MEMBER_OBJECT, FALSE, 0, 0},
    {"refuse", PINO_MEMBER_TEXT, FALSE, 0, 0},
    {NULL, 0, FALSE, 0, 0},
};
static const PinoMember no_members[] = {{NULL, 0, FALSE, 0, 0}};

const PinoRoute pino_routes_runs[] = {
    {"GET", "/v1/runs", answer_runs, 0, NULL},
    {"POST", "/v1/runs", start, 0, start_members},
    {"GET", "/v1/runs/{run}", answer_run, 0, NULL},
    {"POST", "/v1/runs/{run}/stop", stop, 0, no_members},
    {"POST", "/v1/runs/{run}/answer", answer_question, 0, answer_members},
    {"GET", "/v1/runs/{run}/events", answer_events, 0, NULL},
    {"WS", "/v1/runs/{run}/events", pino_stream_run, 0, NULL},
    {NULL, NULL, NULL, 0, NULL},
};
