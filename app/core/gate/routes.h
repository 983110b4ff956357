/* Which public host leads to which share, as one reading of the configuration says. Kept by everybody who works with it, so
 * that a new one may take its place at any time. */
#pragma once

#include "gate/config.h"
#include "gate/slice.h"

G_BEGIN_DECLS

typedef struct _PinoRoutes PinoRoutes;

/* Takes the configuration over. */
PinoRoutes *pino_routes_new(PinoGateConfig *config);
PinoRoutes *pino_routes_ref(PinoRoutes *routes);
void pino_routes_unref(PinoRoutes *routes);
/* What it was made from. */
const PinoGateConfig *pino_routes_config(const PinoRoutes *routes);
/* The share of a host ("Name:port" too); NULL: none. */
const PinoGateShare *pino_routes_find(const PinoRoutes *routes, PinoSlice host);
/* TRUE when some share leads to that address and port. */
gboolean pino_routes_lead_to(const PinoRoutes *routes, const char *address, guint16 port);

G_END_DECLS
