/* Bringing a folder's content into another one so that nothing is lost and everything can be undone. Not for other
 * rooms. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PinoMerge PinoMerge;

/* Remembers what was done, so that it can be undone. staging: a folder, made when it is needed, where copies from other
 * file systems grow until they are whole; NULL: beside their place. Free with pino_merge_free(). */
PinoMerge *pino_merge_new(const char *staging);
void pino_merge_free(PinoMerge *merge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoMerge, pino_merge_free)

/* Moves (to another file system: copies) what is in `from` into the folder `into`. What has the same content there
 * stays where it is; what differs comes in as "name-1.ext" (the next free number). Symbolic links that led out of
 * `from` go on leading there. A file that would have to be copied while a program has it open for writing is
 * PINO_ERROR_UNAVAILABLE. Afterwards `from` holds nothing that `into` lacks. Can be called again for the same
 * content under another path: what was settled is not compared anew. */
gboolean pino_merge_folder(PinoMerge *merge, const char *from, const char *into, GCancellable *cancellable,
                           GError **error);

/* How many steps were done so far. */
guint pino_merge_steps(const PinoMerge *merge);

/* Takes back, in reverse, what was done after the first `steps` steps. On failure the rest is still taken back and
 * *error tells of the first. */
gboolean pino_merge_undo(PinoMerge *merge, guint steps, GError **error);

/* Whether two paths (links not followed) hold the same. What cannot be read counts as different. */
gboolean pino_merge_same(const char *a, const char *b, GCancellable *cancellable);

G_END_DECLS
