/* Free TCP ports for apps, such that no two engines of this machine give the same one.
 *
 * An app listens only some time after its port was chosen. Until then an abstract Unix socket named after the port keeps
 * it: abstract names are of the network namespace, as ports are, and end with the process that holds them. There are two
 * such names for a port: one of the runner, which takes it, and one of the engine, which keeps it after the runner.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PINO_PORT_FIRST 42003 /* where Pinokio starts to look, after its own */
#define PINO_PORT_LAST 59999

/* The lowest port on which nobody listens and that nobody keeps. Gives a descriptor that keeps it until it is closed, -1
 * with error set (PINO_ERROR_FAILED) when none is free. */
int pino_port_take(guint *port, GError **error);

/* Keeps a port that was taken, beside its taker and when that is gone: so it is handed on without a gap. -1 when it is
 * kept already. */
int pino_port_keep(guint port);

/* Whether it is taken or kept, by anybody. */
gboolean pino_port_is_given(guint port);

G_END_DECLS
