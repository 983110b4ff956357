/* A request that goes to an app, and the app's answer: both ways at the same time, each only as fast as its reader. */
#pragma once

#include "gate/connection.h"
#include "gate/forward.h"

G_BEGIN_DECLS

/* Sends the gate's present head (PinoGate.head) on, to the app of the connection's share. */
void pino_exchange_begin(PinoConnection *connection, const PinoForward *forward);
/* Moves what can be moved; TRUE when something was. */
gboolean pino_exchange_step(PinoConnection *connection);
/* What is waited for when nothing can be moved. */
PinoWait pino_exchange_wait(const PinoConnection *connection);
/* The app took too long. */
void pino_exchange_give_up(PinoConnection *connection);

G_END_DECLS
