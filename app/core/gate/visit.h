/* What is done with a request: who may pass is led to the app, the others are asked for the passcode. */
#pragma once

#include "gate/connection.h"

G_BEGIN_DECLS

/* Begins with the gate's present head (PinoGate.head). */
void pino_visit_begin(PinoConnection *connection);
/* Reads the form of a passcode; TRUE when something moved. */
gboolean pino_visit_read_form(PinoConnection *connection);

G_END_DECLS
