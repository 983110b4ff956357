/* Which drive belongs to which app: drive/interface.json, app URI -> {name: folder on the drive}, as the desktop
 * program's drive keeps it. Not for other rooms. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoDrives PinoDrives;

/* Opens the memory of the drive folder `dir` (made) and locks it against other runs until it is freed. A damaged
 * interface.json is put aside as interface.json.broken. */
PinoDrives *pino_drives_open(const char *dir, GCancellable *cancellable, GError **error);
void pino_drives_free(PinoDrives *drives);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoDrives, pino_drives_free)

/* The folder of the app's drive (".../peers/dNNN", free), or NULL. URIs match without regard to ".git", a slash at
 * the end, and case. */
char *pino_drives_find(const PinoDrives *drives, const char *uri);

/* The drive that the symbolic link at path leads into, or NULL. */
char *pino_drives_of_link(const PinoDrives *drives, const char *path);

/* Makes a new drive and gives its folder; an empty one that nobody remembers is taken first. */
char *pino_drives_make(const PinoDrives *drives, GError **error);

/* Notes that the app has `name` at `folder`. pino_drives_save() writes it down. */
void pino_drives_set(PinoDrives *drives, const char *uri, const char *name, const char *folder);
gboolean pino_drives_save(const PinoDrives *drives, GError **error);

/* Calls each for every folder that an app is remembered to have on a drive: the app's URI, the folder's name, and the path
 * of the drive (".../peers/dNNN"). Only reads, without waiting for a lock; a memory that is missing or damaged is empty. */
void pino_drives_each(const char *dir,
                      void (*each)(const char *uri, const char *name, const char *drive, gpointer data),
                      gpointer data);

/* A folder on the drive for what is not whole yet; empty when the drives are opened, made by who needs it. */
const char *pino_drives_staging(const PinoDrives *drives);

/* remote.origin.url of the git checkout at folder, or NULL. */
char *pino_drives_remote(const char *folder);

/* Whether two URIs name the same app. */
gboolean pino_drives_same_uri(const char *a, const char *b);

G_END_DECLS
