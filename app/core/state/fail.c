#include "state/fail.h"

#include <errno.h>

#include "base/error.h"

static const struct {
  int errnum;
  const char *text;
} ADVICE[] = {
    {ENOSPC, "disk full; free some space and try again"},
    {EDQUOT, "the quota is used up; free some space and try again"},
    {EFBIG, "larger than the largest file allowed here (see ulimit -f)"},
    {EACCES, "not allowed for this user; check who owns it and its mode"},
    {EPERM, "not allowed for this user; check who owns it and its mode"},
    {EROFS, "the file system is mounted read-only; choose another home"},
    {EISDIR, "a folder is in its place; move it away"},
    {ENOTDIR, "a part of the path is a file; move it away"},
    {EMFILE, "too many files are open; raise ulimit -n"},
    {EIO, "the disk or the mount has a fault; check that it is still attached"},
};

const char *pino_state_advice(int errnum) {
  for (gsize i = 0; i < G_N_ELEMENTS(ADVICE); i++)
    if (ADVICE[i].errnum == errnum)
      return ADVICE[i].text;
  return NULL;
}

void pino_state_fail(GError **error, int errnum, const char *syscall, const char *path) {
  const char *advice = pino_state_advice(errnum);
  g_autoptr(GError) plain = NULL;
  pino_error_set_errno(&plain, errnum, syscall, path);
  if (advice == NULL)
    g_propagate_error(error, g_steal_pointer(&plain));
  else
    g_set_error(error, plain->domain, plain->code, "%s (%s)", plain->message, advice);
}
