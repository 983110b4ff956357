/* The lock that makes an engine the only one on its home.
 *
 * It is a kernel's lock (flock) on RUN_DIR/engine.lock, held by the open file: it ends with the process, however that
 * ends. What stands in the file is for the message alone; the file itself stays.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct _PinoLock PinoLock;

/* Makes run_dir (0700) where it is missing and takes the lock for as long as the PinoLock lives. home is for the
 * message. Errors: PINO_ERROR_UNAVAILABLE when an engine holds it (naming the process) or the file system has no locks,
 * PINO_ERRNO when the file cannot be made. */
PinoLock *pino_lock_take(const char *run_dir, const char *home, GError **error);
void pino_lock_free(PinoLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinoLock, pino_lock_free)

/* The process that holds the lock, or 0. A file that nobody has locked names nobody. The number is -1 for a holder that
 * does not say who it is. */
pid_t pino_lock_holder(const char *run_dir);

G_END_DECLS
