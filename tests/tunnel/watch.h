/* What the tests of agents share: a home of their own with stand-in programs, and a record of an agent's events. */
#pragma once

#include "../keeper/fixture.h"
#include "tunnel/agent.h"

typedef struct {
  Place place;
  PinoAgentSpec spec; /* points into place and to statics */
  PinoAgent *agent;
  GPtrArray *addresses, *lines; /* char * */
  gboolean failed;
  PinoTunnelFailure why;
  char *text;
  gint64 failed_at;
  /* Frees the agent in that event. */
  gboolean free_at_address, free_at_failure, free_at_line;
} Watch;

void watch_init(Watch *watch);
/* Stops the agent and waits until its process is gone. */
void watch_clear(Watch *watch);

/* Writes HOME/bin/NAME, a shell script. */
void watch_program(Watch *watch, const char *name, const char *script);

void watch_start(Watch *watch, const char *provider);
void watch_attach(Watch *watch, const char *provider);

/* The address that came as the number-th, once it is there. */
const char *watch_address(Watch *watch, guint number);

/* Waits for the failure and asserts its kind and that its text has these words. */
void watch_failure(Watch *watch, PinoTunnelFailure why, const char *words);

gboolean watch_said(Watch *watch, const char *words);

/* A file of the home; NULL when there is none. Free with g_free(). */
char *watch_read(Watch *watch, const char *name);
