/* The port on which clients come. */
#pragma once

#include "gate/gate.h"

G_BEGIN_DECLS

typedef struct _PinoListener PinoListener;

/* Listens as the configuration says. NULL with an error that names the port. */
PinoListener *pino_listener_new(PinoGate *gate, const PinoGateConfig *config, GError **error);
/* TRUE when another configuration wants the same. */
gboolean pino_listener_suits(const PinoListener *listener, const PinoGateConfig *config);
/* The port that it has. */
guint16 pino_listener_port(const PinoListener *listener);
/* Ends it; connections that came through it stay. */
void pino_listener_close(PinoListener *listener);

G_END_DECLS
