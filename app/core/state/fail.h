/* Failed system calls of this room, told with what a person can do about them. Not for other rooms. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sets *error like pino_error_set_errno() and adds what to do about errnum where that is known. */
void pino_state_fail(GError **error, int errnum, const char *syscall, const char *path);

/* What to do about errnum, NULL where that is not known. Static. */
const char *pino_state_advice(int errnum);

G_END_DECLS
