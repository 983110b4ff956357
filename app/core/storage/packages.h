/* The packages of virtual environments that the drive shares (fs.link of a venv). */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *name;
  char *version; /* with a checksum behind it when it did not come from a release */
  char *path;    /* its folder on the drive */
  guint64 size;
  guint users; /* virtual environments in HOME/api that have links to it */
} PinoPackage;

void pino_package_free(PinoPackage *package);

/* Gives those in drives/pip of the drive folder (PinoPackage, freed with the array), by name and version. NULL only when
 * cancelled. */
GPtrArray *pino_packages_list(const char *home, const char *drive_dir, GCancellable *cancellable,
                              GError **error);

/* Removes a package from the drive. A virtual environment outside of HOME/api that has links to it is left with links
 * that lead nowhere, so a person is asked before. */
gboolean pino_package_remove(const char *drive_dir, const PinoPackage *package, GCancellable *cancellable,
                             GError **error);

G_END_DECLS
