/* What is kept on a persistent folder apart from the home, where a platform has one (cloud/place.h): Google Drive on Colab,
 * /storage on Paperspace.
 *
 *   PERSISTENT/drive/          the virtual drive itself; HOME/drive is a link to it
 *   PERSISTENT/ENVIRONMENT     a copy of HOME/ENVIRONMENT
 *   PERSISTENT/library.sqlite  a copy of HOME/library.sqlite
 *
 * All else (apps, their virtual environments, caches, logs, the pool) is in the home alone: it can be had again, is large,
 * or needs links, locks and speed that such a folder does not have. Over there only plain files and folders are made, no
 * links and no locks; a file is written beside its place and renamed, so that what is read back is always whole, also
 * where a rename cannot replace.
 *
 * ENVIRONMENT, in one rule: the side that was changed since both were last alike is copied to the other. Were both
 * changed, or is it not known, then when the home is opened the persistent side counts, and while it is in use the home
 * does; the text that does not count is kept beside as ENVIRONMENT.kept-XXXXXXXX, and a note says so. What is changed over
 * there during use counts from the next opening on.
 *
 * Every function can be repeated, and killed between any two steps: the next call goes on. HOME/.persistent remembers which
 * folder it was and what both ENVIRONMENTs said. Calls for one home must not overlap. Errors: PINO_ERRNO, PINO_ERROR_USAGE
 * (one folder in the other, a file in the drive's place), PINO_ERROR_NOT_FOUND (the folder is gone), PINO_ERROR_CANCELLED.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  const char *home;
  const char *persistent;                        /* its parent must be there; NULL: there is none now */
  void (*note)(const char *text, gpointer data); /* what a person should know; may be NULL */
  gpointer note_data;
  GCancellable *cancellable; /* may be NULL */
} PinoPersist;

/* All that is to be done before a home is used: pino_persist_restore(), then pino_persist_link_drive(). */
gboolean pino_persist_prepare(const PinoPersist *persist, GError **error);

/* The quick part: ENVIRONMENT by the rule above; library.sqlite when the home has none and the copy is whole. Nobody may
 * have the library open. Without a persistent folder nothing is done. */
gboolean pino_persist_restore(const PinoPersist *persist, GError **error);

/* Makes HOME/drive a link to PERSISTENT/drive. What is in it is merged into that (nothing is lost: other content under a
 * taken name comes in as "name-1.ext"), which takes as long as copying does; on failure it is where it was. A link that
 * leads elsewhere is left alone. Without a persistent folder: a link that an earlier call made and that leads nowhere now
 * becomes a folder again, which a later call merges. */
gboolean pino_persist_link_drive(const PinoPersist *persist, GError **error);

/* What is to be done when something has changed: ENVIRONMENT by the rule above, and library_copy (a consistent copy, as
 * pino_library_backup() makes it; NULL: not now) as PERSISTENT/library.sqlite. Both are tried; the error is the first one's.
 * The persistent folder must be there. */
gboolean pino_persist_save(const PinoPersist *persist, const char *library_copy, GError **error);

/* Whether a home was ever used with a persistent folder: only then there is something to do without one. */
gboolean pino_persist_was_used(const char *home);

G_END_DECLS
