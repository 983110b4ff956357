/* The virtual drive: folders of apps that live outside of them, so that models are shared between apps and survive
 * the app.
 *
 * A drive is a folder drives/peers/d<milliseconds> of the drive folder. interface.json beside "drives" remembers
 * which app has which. Links are absolute. Errors: PINO_ERRNO, PINO_ERROR_USAGE (a circle, a file where a folder is
 * to be), PINO_ERROR_CANCELLED. Any thread; concurrent calls wait for each other. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  const char *name;           /* folder on the drive, may be deep ("sd/ckpt") */
  const char *const *folders; /* of the app, NULL-terminated; relative to cwd */
} PinoDriveMapping;

typedef struct {
  const char *home;      /* PINOKIO_HOME */
  const char *drive_dir; /* PINOKIO_DRIVE resolved to an absolute path; NULL: home/drive */
  const char *app_dir;   /* the app; its git remote.origin.url identifies it, without one its path in home */
  const char *app_uri;   /* identifies it instead when not NULL */
  const char *cwd;       /* the script's folder; NULL: app_dir */
  const PinoDriveMapping *mappings;
  gsize n_mappings;
  const char *const *peers; /* git URIs of apps whose drive this one shares if it has none yet; may be NULL */
  void (*note)(const char *text,
               gpointer data); /* told what was done and what was passed over; may be NULL */
  gpointer note_data;
  GCancellable *cancellable; /* may be NULL */
} PinoDriveSpec;

/* Puts each folder of the mappings on the app's drive: what is in it is merged into the drive (nothing is lost: other
 * content under a taken name comes in as "name-1.ext"), then a symbolic link takes its place in one step. A folder
 * that is missing becomes just the link; one that is linked already is left alone, also one that the person linked
 * elsewhere. A mapping with a name or folder that is absolute or begins with a dot is passed over, as is a name with
 * "..". On failure that folder is as it was; those before it stay linked, and the call can be repeated. */
gboolean pino_drive_link(const PinoDriveSpec *spec, GError **error);

typedef struct {
  guint packages;
  guint linked; /* files */
  guint kept;   /* files that differ from the shared ones of the same version, and so stay */
} PinoVenvTally;

/* Shares the installed packages of a venv: each file that a package's RECORD lists in site-packages goes to
 * drives/pip/<package>/<version>/lib/pythonX.Y/site-packages/ of the drive folder, once for all venvs, and a symbolic
 * link takes its place. Files, not folders, are linked: pip and uv then replace links when they upgrade or remove a
 * package, and never write into what others share; packages that share a folder (nvidia/...) need no special care.
 * What a package put outside of site-packages (its programs in bin/ name this venv), its dist-info and byte code stay,
 * as do editable installs. An install from a URL or folder is kept apart from the release of the same version. May
 * be repeated. drive_dir as above; tally may be NULL. */
gboolean pino_drive_link_venv(const char *home, const char *drive_dir, const char *venv_dir,
                              PinoVenvTally *tally, GCancellable *cancellable, GError **error);

G_END_DECLS
