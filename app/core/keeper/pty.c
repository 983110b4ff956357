#include "keeper/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Opening by the master works where /dev/pts belongs to another mount; older kernels only know the name. */
static int open_slave(int master) {
  const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  int fd = ioctl(master, TIOCGPTPEER, flags);
  char name[PATH_MAX];
  if (fd < 0 && ptsname_r(master, name, sizeof name) == 0)
    fd = open(name, flags);
  return fd;
}

bool pty_open(struct pty *pty, unsigned cols, unsigned rows) {
  pty->slave = -1;
  pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (pty->master < 0 || grantpt(pty->master) != 0 || unlockpt(pty->master) != 0)
    return false;
  pty->slave = open_slave(pty->master);
  if (pty->slave < 0)
    return false;
  struct termios modes;
  if (tcgetattr(pty->slave, &modes) == 0) {
    modes.c_iflag |= IUTF8; /* so that erasing takes a whole character */
    (void)tcsetattr(pty->slave, TCSANOW, &modes);
  }
  pty_resize(pty, cols, rows);
  return true;
}

bool pty_revive(struct pty *pty) {
  pty_close_slave(pty);
  pty->slave = open_slave(pty->master);
  return pty->slave >= 0;
}

static void reset_signals(void) {
  for (int signum = 1; signum < NSIG; signum++)
    (void)signal(signum, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void fail_in_child(int report, enum pino_start_stage stage) {
  struct start_failure failure = {.stage = stage, .error = errno};
  ssize_t written = write(report, &failure, sizeof failure);
  _exit(written == (ssize_t)sizeof failure ? 127 : 126);
}

_Noreturn static void become_command(int slave, int report, char *const *argv, const char *cwd) {
  if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) != 0)
    fail_in_child(report, PINO_START_PTY);
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(slave, fd) < 0)
      fail_in_child(report, PINO_START_PTY);
  }
  if (report != 3) {
    if (dup3(report, 3, O_CLOEXEC) < 0)
      fail_in_child(report, PINO_START_PTY);
    report = 3;
  }
  closefrom(4);
  reset_signals();
  if (cwd != NULL && chdir(cwd) != 0)
    fail_in_child(report, PINO_START_CWD);
  execvp(argv[0], argv);
  fail_in_child(report, PINO_START_EXEC);
}

pid_t pty_start(const struct pty *pty, char *const *argv, const char *cwd, struct start_failure *failure) {
  int report[2];
  *failure = (struct start_failure){.stage = PINO_START_FORK};
  if (pipe2(report, O_CLOEXEC) != 0) {
    failure->error = errno;
    return -1;
  }
  pid_t pid = fork();
  if (pid == 0)
    become_command(pty->slave, report[1], argv, cwd);
  failure->error = errno;
  close(report[1]);
  ssize_t got = 0;
  while (pid > 0 && (got = read(report[0], failure, sizeof *failure)) < 0 && errno == EINTR)
    continue;
  close(report[0]);
  if (pid > 0 && got > 0) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
      continue;
    return -1;
  }
  return pid;
}

void pty_resize(const struct pty *pty, unsigned cols, unsigned rows) {
  struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
  (void)ioctl(pty->master, TIOCSWINSZ, &size);
}

void pty_signal(const struct pty *pty, int signum, pid_t leader) {
  pid_t group = tcgetpgrp(pty->master);
  if (group <= 0 || kill(-group, signum) != 0)
    (void)kill(-leader, signum);
}

void pty_close_slave(struct pty *pty) {
  if (pty->slave >= 0)
    close(pty->slave);
  pty->slave = -1;
}
