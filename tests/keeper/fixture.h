/* What the tests of the keeper share: a folder of their own, a record of the events, waiting on conditions. */
#pragma once

#include <glib.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "keeper/client.h"

#define WAIT_SECONDS 30

typedef struct {
  char *dir, *log, *run_dir;
} Place;

typedef struct {
  PinoKeeper *keeper;
  GString *out;
  GPtrArray *troubles; /* GError */
  gboolean ended, stopped, keep_nothing;
  int status;
  gsize bytes;
  GChecksum *sum;
  gsize free_after; /* frees the keeper in the output event after that many bytes; 0: never */
} Run;

void place_init(Place *place);
void place_clear(Place *place);
char *place_file(const Place *place, const char *name);

void run_init(Run *run);
/* Frees the keeper too. */
void run_clear(Run *run);

extern const PinoKeeperEvents run_events;

/* Starts bash -c script (which may be NULL: then argv) and asserts that it runs. */
void run_bash(Run *run, const Place *place, const char *script);
void run_detached(Run *run, const Place *place, const char *id, const char *script);
void run_spec(Run *run, const PinoKeeperSpec *spec);
void run_attach(Run *run, const Place *place, const char *id, guint64 offset);
void run_write(Run *run, const char *text);

/* The number that the command printed after "NAME:", once it is there. */
pid_t run_pid(Run *run, const char *name);

gboolean process_exists(pid_t pid);
/* FALSE for a zombie too, which another parent may not have reaped yet. */
gboolean process_lives(pid_t pid);

/* One turn of the main loop, a few ms at most. Fails the test after the deadline. */
void turn(gint64 deadline_us, const char *condition);

#define wait_for(condition)                                                                                  \
  G_STMT_START {                                                                                             \
    gint64 until_ = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;                                  \
    while (!(condition))                                                                                     \
      turn(until_, #condition);                                                                              \
  }                                                                                                          \
  G_STMT_END

#define wait_text(run, text) wait_for(strstr((run)->out->str, text) != NULL)
