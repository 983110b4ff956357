/* What a home shares, and what that saves: its drives, packages, cache of uv and pool, for `pinokiocloud drive` and GET
 * /v1/drive. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Gives it as an object (docs/openapi.yaml, Drive; json_object_unref()). drive_dir as in PinoDriveSpec. Looks at every
 * file that is shared, which takes seconds for large homes: not for the main loop. What is missing or cannot be read
 * counts as nothing; the only error is PINO_ERROR_CANCELLED. Any thread. */
JsonObject *pino_report_drive(const char *home, const char *drive_dir, GCancellable *cancellable,
                              GError **error);

/* The drive folder of the home as its ENVIRONMENT names it (PINOKIO_DRIVE), absolute, links followed where it is there.
 * Free with g_free(). */
char *pino_report_drive_dir(const char *home);

G_END_DECLS
