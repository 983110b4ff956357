#include "crash.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/ptrace.h> and <linux/ptrace.h> cannot both be included. */
extern long ptrace(int request, ...);

static const long CHANGES[] = {
#ifdef SYS_rename
    SYS_rename,          SYS_link,      SYS_symlink,   SYS_unlink,    SYS_mkdir,
    SYS_rmdir,           SYS_chmod,     SYS_open,      SYS_creat,
#endif
    SYS_renameat,        SYS_renameat2, SYS_linkat,    SYS_symlinkat, SYS_unlinkat,
    SYS_mkdirat,         SYS_fchmod,    SYS_fchmodat,  SYS_openat,    SYS_write,
    SYS_pwrite64,        SYS_writev,    SYS_ftruncate, SYS_fsync,     SYS_fdatasync,
    SYS_copy_file_range, SYS_utimensat, SYS_ioctl,     SYS_fallocate, SYS_flock,
};

/* Opening changes something only when it makes or empties a file. */
static gboolean opens_for_reading(const struct ptrace_syscall_info *info) {
  guint64 flags = 0;
  if (info->entry.nr == SYS_openat)
    flags = info->entry.args[2];
#ifdef SYS_open
  else if (info->entry.nr == SYS_open)
    flags = info->entry.args[1];
#endif
  else
    return FALSE;
  return (flags & (O_CREAT | O_TRUNC)) == 0;
}

static gboolean changes(const struct ptrace_syscall_info *info) {
  for (gsize i = 0; i < G_N_ELEMENTS(CHANGES); i++)
    if ((long)info->entry.nr == CHANGES[i])
      return !opens_for_reading(info);
  return FALSE;
}

static int wait_for(pid_t pid) {
  int status = 0;
  g_assert_cmpint(waitpid(pid, &status, __WALL), ==, pid);
  return status;
}

static int run_child(int (*fn)(gpointer), gpointer data) {
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
    return 99;
  raise(SIGSTOP);
  return fn(data);
}

gboolean test_crash_at(guint n, int (*fn)(gpointer), gpointer data) {
  guint seen = 0;
  int pass = 0;
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0)
    _exit(run_child(fn, data));
  int status = wait_for(pid);
  g_assert_true(WIFSTOPPED(status));
  g_assert_cmpint(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), ==, 0);
  for (;;) {
    struct ptrace_syscall_info info = {0};
    g_assert_cmpint(ptrace(PTRACE_SYSCALL, pid, 0, pass), ==, 0);
    status = wait_for(pid);
    if (!WIFSTOPPED(status))
      break;
    pass = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
    if (pass != 0 || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0)
      continue;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes(&info) || ++seen < n)
      continue;
    kill(pid, SIGKILL);
    status = wait_for(pid);
    g_assert_true(WIFSIGNALED(status));
    return TRUE;
  }
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
  return FALSE;
}

gboolean test_crash_works(void) {
  int status = 0;
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0)
    _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 0 : 1);
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  gboolean works = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  g_assert_true(works || g_strcmp0(g_getenv("CI"), "true") != 0);
  return works;
}
