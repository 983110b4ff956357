/* What an installer of Python packages leaves half-made when it is killed. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Looks at the virtual environments below an app's folder, four levels deep at most, and takes away the *.dist-info of
 * packages that are not whole, so that the next installer puts those in anew; uv stops at some of them, and takes others
 * for installed. A package is whole when METADATA, RECORD and INSTALLER are there: pip and uv write INSTALLER after the
 * package's files (PEP 376; uv's install-wheel-rs, pip's _internal/operations/install/wheel.py). *removed (free with
 * g_ptr_array_unref()) names their folders; what cannot be read is passed over. */
gboolean pino_venvs_mend(const char *folder, GPtrArray **removed, GError **error);

G_END_DECLS
