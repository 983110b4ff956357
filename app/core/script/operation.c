/* What is done to an app, of which a script is only a part: the run goes on before and after it. */
#include "base/error.h"
#include "base/wait.h"
#include "script/internal.h"

gboolean pino_run_wait(PinoRun *run, guint ms, GError **error) {
  return pino_wait_ms(ms, run->cancellable, error);
}

void pino_run_tell(PinoRun *run, const char *name, const char *json) {
  PinoEvent event = {.type = PINO_EVENT_TOLD, .index = -1, .name = name, .data = json};
  pino_run_emit(run, &event);
}

void pino_run_listen(PinoRun *run, PinoEventSink sink, gpointer data) {
  run->listener = sink;
  run->listener_data = data;
}

void pino_run_begin_operation(PinoRun *run) {
  run->operating = TRUE;
  pino_run_changed(run);
}

char *pino_run_ask(PinoRun *run, const char *request, GError **error) {
  if (run->options.ask != NULL)
    return run->options.ask(request, run->cancellable, run->options.ask_data, error);
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE, "nobody is there to be asked");
  return NULL;
}

void pino_run_end_scripts(PinoRun *run) {
  pino_run_close_all(run, TRUE);
}

gboolean pino_run_is_cancelled(PinoRun *run) {
  return g_cancellable_is_cancelled(run->cancellable);
}

void pino_run_end_operation(PinoRun *run, PinoOutcome outcome, const char *message) {
  pino_run_renew(run);
  pino_run_close_all(run, TRUE);
  run->operating = FALSE;
  pino_run_finish(run, outcome, message, FALSE);
}
