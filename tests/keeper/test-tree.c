/* Finding every descendant, in both ways that kernels offer. */
#include <glib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/tree.h"

enum { DEPTH = 4 };

/* Each level makes the next; all are in sessions of their own. The last one writes a byte when it is there. */
_Noreturn static void descend(int report) {
  int depth = 1;
  while (setsid() > 0 && depth < DEPTH && fork() == 0)
    depth++;
  if (depth == DEPTH && write(report, "x", 1) != 1)
    _exit(1);
  for (;;)
    pause();
}

static pid_t make_tree(void) {
  int ends[2];
  char byte;
  g_assert_cmpint(pipe(ends), ==, 0);
  pid_t top = fork();
  if (top == 0)
    descend(ends[1]);
  g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
  close(ends[0]);
  close(ends[1]);
  return top;
}

static void wait_for_none(void) {
  pid_t pid;
  while ((pid = waitpid(-1, NULL, 0)) > 0)
    continue;
}

static void test_both_ways_agree(void) {
  (void)make_tree();
  struct pids by_children = {0}, by_parents = {0};
  tree_collect_by_parents(getpid(), &by_parents);
  g_assert_cmpuint(by_parents.count, ==, DEPTH);
  if (access("/proc/thread-self/children", R_OK) == 0) {
    tree_collect_by_children(getpid(), &by_children);
    g_assert_cmpuint(by_children.count, ==, DEPTH);
    for (gsize i = 0; i < DEPTH; i++)
      g_assert_cmpint(by_children.list[i], ==, by_parents.list[i]);
  }
  pids_clear(&by_children);
  pids_clear(&by_parents);
  tree_kill();
  wait_for_none();
}

static void test_asks_each_once(void) {
  struct tree_asked asked = {0};
  pid_t top = make_tree();
  tree_ask(&asked);
  wait_for_none();
  g_assert_cmpint(kill(top, 0), ==, -1);
  tree_asked_clear(&asked);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  g_test_add_func("/keeper/tree/both-ways-find-the-same", test_both_ways_agree);
  g_test_add_func("/keeper/tree/asking-ends-a-nested-tree", test_asks_each_once);
  return g_test_run();
}
