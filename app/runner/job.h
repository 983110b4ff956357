/* What the engine wants a runner to do (control/protocol.h). */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct {
  gboolean stop;              /* only the `on.stop` of scripts */
  char *path;                 /* of the main script */
  char *input;                /* JSON, or NULL */
  char *journal;              /* path */
  char *scripts;              /* JSON of a list; of stop */
  char *operation;            /* JSON; NULL: path is a script to run */
  guint cols, rows, grace_ms; /* 0: the usual */
} PinoJob;

/* NULL with error set (PINO_ERROR_USAGE) when something that is needed is missing. */
PinoJob *pino_job_parse(JsonObject *message, GError **error);
void pino_job_free(PinoJob *job);

G_END_DECLS
