/* The descendants of this process, whatever session or group they put themselves into.
 *
 * The keeper is their subreaper: what loses its parent becomes its child. So everything that a command ever started
 * hangs below the keeper, and waitpid() answering ECHILD means exactly that nothing is left.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pids {
  pid_t *list;
  size_t count, room;
};

/* Which processes were asked to end already; one bit a pid. */
struct tree_asked {
  unsigned char *bits; /* NULL until the first is asked */
};

/* Appends the descendants of root to pids, by the kernel's lists of children, or where it has none by the parents of
 * all processes. What is forked meanwhile may be missed: look again. */
void tree_collect(pid_t root, struct pids *pids);
void tree_collect_by_children(pid_t root, struct pids *pids);
void tree_collect_by_parents(pid_t root, struct pids *pids);

/* Asks every descendant that was not asked before to end. A process that ignores SIGTERM (interactive shells do)
 * gets SIGHUP as well; the others do not, since it would cut short what they do on SIGTERM. */
void tree_ask(struct tree_asked *asked);

/* Sends SIGHUP to the descendants that ignore SIGTERM by now: a shell at its prompt catches it for its line editor first,
 * and goes back to ignoring it. */
void tree_urge(void);

/* To be told of every reaped pid: the number may come again. */
void tree_forget(struct tree_asked *asked, pid_t pid);

/* Sends SIGKILL to every descendant that is seen. */
void tree_kill(void);

void pids_clear(struct pids *pids);
void tree_asked_clear(struct tree_asked *asked);
