/* Starting and stopping, as several routes need it. */
#pragma once

#include "server/call.h"

G_BEGIN_DECLS

/* Holds the call and starts; the body's script, input, cols and rows say how. app NULL: script is absolute. Answers 202
 * {run, already}. */
void pino_doing_start(PinoCall *call, const char *app, const char *script);

/* Stops an app, or a run (one of them is NULL). Answers 200 {"stopped":true} when that is done within the query's wait
 * seconds, 202 {"stopped":false} when not. */
void pino_doing_stop(PinoCall *call, const char *app, const char *run);

/* The same, and then a start like pino_doing_start. */
void pino_doing_restart(PinoCall *call, const char *app);

G_END_DECLS
