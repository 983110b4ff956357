/* What a clone has beside its own files: submodules, and large files in Git LFS. Not for other rooms.
 *
 * Neither is needed for an app to be there, so what fails is told as `trouble` and the clone stays as it is. */
#pragma once

#include "script/run.h"

G_BEGIN_DECLS

typedef struct {
  const char *stage;  /* of the `stage` events */
  const char *folder; /* of the clone */
  const char *shown;  /* the folder as it will be when all is done, for what a person is told to type */
  const char *url;
  guint tries, wait_ms;
} PinoExtraSpec;

/* Fetches both where the clone names them. FALSE only when the run was cancelled. */
gboolean pino_extra_fetch(PinoRun *run, const PinoExtraSpec *spec, GError **error);

/* The files of the clone that are LFS pointers at present. Free with g_ptr_array_unref(). */
GPtrArray *pino_extra_pointers(const char *folder);

G_END_DECLS
