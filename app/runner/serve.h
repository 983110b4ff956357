/* The process that holds one run of the service: it does what control/protocol.h says of a runner.
 *
 * The main thread has the line to the engine and the signals, the run's thread everything else: JavaScript, the shells, the
 * journal. What one wants of the other goes through the other's main context. An engine that dies takes nothing with it:
 * the script goes on, and the next engine is told the whole state.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *home;    /* PINOKIO_HOME */
  const char *run_dir; /* holds the engine's socket and the keepers' folder */
  const char *id;      /* of the run, or of the worker */
} PinoServeOptions;

/* Both give the exit status. */
int pino_serve_run(const PinoServeOptions *options);
/* Evaluates menus for the engine (worker.c), until there have been none for 30 s. */
int pino_serve_menus(const PinoServeOptions *options);

G_END_DECLS
