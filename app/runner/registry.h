/* What a run knows of the scripts of other runs: the engine is asked. */
#pragma once

#include "runner/link.h"
#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  PinoLink *link;
  /* Called before each question: what the engine knows of this run is brought up to date. May be NULL. */
  void (*before)(gpointer data);
  gpointer data;
} PinoRegistrySource;

/* source must live as long as the registry is used. */
PinoRegistry pino_registry(PinoRegistrySource *source);

G_END_DECLS
