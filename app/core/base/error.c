#include "base/error.h"

#include <string.h>

G_DEFINE_QUARK(pino - error, pino_error)
G_DEFINE_QUARK(pino - errno, pino_errno)

const char *pino_errno_name(int errnum) {
  const char *name = strerrorname_np(errnum);
  return name != NULL ? name : "EUNKNOWN";
}

/* libc's sentences start with a capital; Node's, which scripts may look at, do not. */
static char *describe(int errnum) {
  char *text = g_strdup(g_strerror(errnum));
  if (g_ascii_isupper(text[0]) && !g_ascii_isupper(text[1]))
    text[0] = g_ascii_tolower(text[0]);
  return text;
}

void pino_error_set_errno(GError **error, int errnum, const char *syscall, const char *path) {
  g_autofree char *text = describe(errnum);
  if (path != NULL)
    g_set_error(error, PINO_ERRNO, errnum, "%s: %s, %s '%s'", pino_errno_name(errnum), text, syscall, path);
  else
    g_set_error(error, PINO_ERRNO, errnum, "%s: %s, %s", pino_errno_name(errnum), text, syscall);
}
