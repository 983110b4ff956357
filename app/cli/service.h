/* What the engine serves, as said on the command line of `up` and handed on to `engine`. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  int port;     /* 0: 42000, or the next that is free */
  char *listen; /* address; NULL: loopback */
  char **hosts;
  gboolean local_clients;
  gboolean no_autolaunch;
  int ready_fd; /* told when the API listens; 0: nobody waits */
} PinoService;

/* The options, then those of more (may be NULL), for g_option_context_add_main_entries(). Free with g_free(). */
GOptionEntry *pino_service_entries(PinoService *service, const GOptionEntry *more);
/* Whether what was given makes sense; tells what does not. */
gboolean pino_service_check(const PinoService *service);
/* As arguments of `engine`; g_strfreev(). NULL when nothing was said. */
char **pino_service_arguments(const PinoService *service);
void pino_service_clear(PinoService *service);

/* Is the engine: returns when it was told to end; gives the exit status. */
int pino_service_run(const PinoService *service);

G_END_DECLS
