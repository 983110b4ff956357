/* pinokiocloud-keeper: the small process that owns one terminal.
 *
 * It runs one command on a terminal of its own, appends every byte that the command prints to a log file, tells its
 * clients how long the log is, and leaves no descendant of the command behind. With --listen it goes on without
 * the engine that started it; with only --control it ends what it runs when that engine goes away.
 * It uses nothing but libc.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "keeper/listen.h"
#include "keeper/options.h"
#include "keeper/protocol.h"

/* Without them a terminal or a log could become descriptor 0, 1 or 2 and be overwritten in the child. */
static void fill_standard_descriptors(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd < 3);
  if (fd >= 3)
    close(fd);
}

static int take_signals(void) {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGINT);
  sigaddset(&taken, SIGHUP);
  (void)sigprocmask(SIG_BLOCK, &taken, NULL);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN); /* a log over the size limit is a failed write, not the end */
  return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The first process returns when the socket can be used; the second belongs to no session but its own. It never
 * takes a controlling terminal, since it opens terminals with O_NOCTTY only, so one fork is enough. */
static void leave_starter(void) {
  pid_t pid = fork();
  if (pid < 0)
    _exit(1);
  if (pid > 0)
    _exit(0);
  (void)setsid();
}

int main(int argc, char **argv) {
  struct options options;
  if (!options_parse(&options, argc, argv))
    return 2;
  fill_standard_descriptors();
  if (options.control >= 0 && fcntl(options.control, F_SETFD, FD_CLOEXEC) != 0)
    return 2;
  int listener = -1;
  if (options.listen != NULL) {
    listener = listen_at(options.listen);
    if (listener < 0) {
      keeper_tell_failure(&options, PINO_START_SOCKET, errno);
      return 127;
    }
    if (options.status != NULL)
      (void)unlink(options.status); /* of an earlier life; only now is it sure that no keeper owns it */
    leave_starter();
  }
  int signals = take_signals();
  if (signals < 0) {
    keeper_tell_failure(&options, PINO_START_FORK, errno);
    return 127;
  }
  int result = keeper_run(&options, listener, signals);
  close(signals);
  return result;
}
