/* The errors of the house.
 *
 * Every room fails through GError with PINO_ERROR and one of the codes below. A message tells a person what
 * failed, on what, and what to do; it starts in lower case and callers put a prefix before it. A failed system
 * call is PINO_ERRNO with the errno as its code, so that the JavaScript side can show Node's names (ENOENT...).
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PINO_ERROR (pino_error_quark())
#define PINO_ERRNO (pino_errno_quark())

typedef enum {
  PINO_ERROR_FAILED,      /* what was asked for did not work */
  PINO_ERROR_USAGE,       /* the person asked for something that makes no sense */
  PINO_ERROR_SYNTAX,      /* a file or an expression does not parse */
  PINO_ERROR_SCRIPT,      /* a script, or JavaScript in it, went wrong */
  PINO_ERROR_LIMIT,       /* a time or size limit ended it */
  PINO_ERROR_NOT_FOUND,   /* a script, program, host or file is not there */
  PINO_ERROR_UNAVAILABLE, /* known, but not available here */
  PINO_ERROR_CANCELLED,   /* the person ended it */
  PINO_ERROR_NETWORK,     /* a request or a download failed */
} PinoError;

GQuark pino_error_quark(void);
GQuark pino_errno_quark(void);

/* Sets *error to "CODE: text, SYSCALL 'PATH'" (Node's form) with domain PINO_ERRNO and code errnum.
 * path may be NULL. */
void pino_error_set_errno(GError **error, int errnum, const char *syscall, const char *path);

/* Gives the symbolic name of an errno ("ENOENT"), or "EUNKNOWN". Static. */
const char *pino_errno_name(int errnum);

G_END_DECLS
