/* Real trees of processes, as /proc shows them. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cloud/process.h"

#define PATIENCE (30 * G_USEC_PER_SEC)

typedef void (*Work)(void);

typedef struct {
  pid_t pid;
  guint64 start;
} Root;

/* A keeper as far as /proc is concerned: whatever work starts stays below it. It is there when work has returned. */
static Root begin(Work work) {
  int ends[2];
  char byte;
  g_assert_cmpint(pipe(ends), ==, 0);
  Root root = {.pid = fork()};
  g_assert_cmpint(root.pid, >=, 0);
  if (root.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGCHLD, SIG_IGN);
    work();
    if (write(ends[1], "x", 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
  close(ends[0]);
  close(ends[1]);
  root.start = pino_process_start(root.pid);
  g_assert_cmpuint(root.start, >, 0);
  return root;
}

static gboolean look(PinoProcessTable *table, Root root, PinoProcessSum *sum) {
  g_autoptr(GError) error = NULL;
  pino_process_table_sample(table, &error);
  g_assert_no_error(error);
  return pino_process_table_tree(table, root.pid, root.start, sum);
}

/* Samples until the tree has count processes. */
static void look_for(PinoProcessTable *table, Root root, guint count, PinoProcessSum *sum) {
  gint64 end = g_get_monotonic_time() + PATIENCE;
  while (!look(table, root, sum) || sum->count != count) {
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_usleep(2000);
  }
}

/* What is forked while it is looked for may be missed once, hence several looks. */
static void end(Root root) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  for (int empty = 0; empty < 3; empty++) {
    g_assert_true(look(table, root, &sum));
    for (guint i = 0; i < sum.count; i++)
      kill(sum.processes[i].pid, SIGKILL);
    if (sum.count > 0)
      empty = -1;
  }
  kill(root.pid, SIGKILL);
  g_assert_cmpint(waitpid(root.pid, NULL, 0), ==, root.pid);
}

static const PinoProcess *named(const PinoProcessSum *sum, const char *name) {
  for (guint i = 0; i < sum->count; i++) {
    if (strcmp(sum->processes[i].name, name) == 0)
      return &sum->processes[i];
  }
  return NULL;
}

static guint count_named(const PinoProcessSum *sum, const char *name) {
  guint count = 0;
  for (guint i = 0; i < sum->count; i++)
    count += strcmp(sum->processes[i].name, name) == 0;
  return count;
}

/* Forks; the child calls work and stays. */
static pid_t child(Work work) {
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    for (;;)
      pause();
  }
  return pid;
}

/* Right after exec a process has none. */
static gboolean all_have_memory(const PinoProcessSum *sum) {
  for (guint i = 0; i < sum->count; i++) {
    if (sum->processes[i].shared == 0)
      return FALSE;
  }
  return TRUE;
}

static void run_bash(void) {
  execlp("bash", "bash", "-c", "sleep 60 & (sleep 60; true) & wait", NULL);
  _exit(127);
}

static void start_bash(void) {
  child(run_bash);
}

static void test_tree(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(start_bash);
  do
    look_for(table, root, 4, &sum); /* bash, sleep, bash, sleep */
  while (count_named(&sum, "bash") != 2 || count_named(&sum, "sleep") != 2 || !all_have_memory(&sum));
  const PinoProcess *top = &sum.processes[0];
  g_assert_cmpstr(top->name, ==, "bash");
  g_assert_cmpint(top->parent, ==, root.pid);
  guint64 rss = 0;
  for (guint i = 0; i < sum.count; i++) {
    const PinoProcess *process = &sum.processes[i];
    g_assert_cmpuint(process->start, ==, pino_process_start(process->pid));
    g_assert_cmpuint(process->threads, ==, 1);
    g_assert_cmpuint(process->rss, >, 0);
    g_assert_cmpuint(process->shared, <=, process->rss);
    gint64 age = g_get_real_time() / G_USEC_PER_SEC - process->started;
    g_assert_cmpint(age, >=, -2);
    g_assert_cmpint(age, <, 60);
    rss += process->rss;
  }
  g_assert_cmpuint(sum.rss, ==, rss);
  g_assert_cmpuint(sum.private_bytes, <, rss);
  g_assert_cmpuint(sum.threads, ==, 4);
  g_assert_cmpint(sum.started, ==, top->started);
  end(root);
}

#define ODD_NAME "a) S 1 (b\n 2) "

static void rename_and_fork(void) {
  prctl(PR_SET_NAME, ODD_NAME);
  pid_t pid = fork();
  if (pid == 0)
    prctl(PR_SET_NAME, ")");
}

static void start_odd(void) {
  child(rename_and_fork);
}

static void test_odd_names(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(start_odd);
  do
    look_for(table, root, 2, &sum);
  while (named(&sum, ODD_NAME) == NULL || named(&sum, ")") == NULL);
  g_assert_cmpint(named(&sum, ODD_NAME)->parent, ==, root.pid);
  g_assert_cmpint(named(&sum, ")")->parent, ==, named(&sum, ODD_NAME)->pid);
  g_assert_cmpuint(pino_process_start(sum.processes[0].pid), ==, sum.processes[0].start);
  end(root);
}

static void daemonize(void) {
  if (fork() != 0)
    _exit(0);
  setsid();
  if (fork() != 0)
    _exit(0);
  prctl(PR_SET_NAME, "lost-one");
}

static void start_daemon(void) {
  child(daemonize);
}

/* Whose one process has lost its parent, and been given to the root. */
static Root begin_daemon(PinoProcessTable *table, PinoProcessSum *sum) {
  Root root = begin(start_daemon);
  do
    look_for(table, root, 1, sum);
  while (named(sum, "lost-one") == NULL || sum->processes[0].parent != root.pid);
  return root;
}

static void test_double_fork(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin_daemon(table, &sum);
  g_assert_cmpuint(sum.count, ==, 1);
  end(root);
}

static void spin(void) {
  prctl(PR_SET_NAME, "busy");
  for (volatile unsigned i = 0;; i++)
    continue;
}

static void idle(void) {
  prctl(PR_SET_NAME, "idle");
}

static void start_busy(void) {
  child(spin);
  child(idle);
}

static double cpu_seconds(pid_t pid) {
  clockid_t clock;
  struct timespec time;
  g_assert_cmpint(clock_getcpuclockid(pid, &clock), ==, 0);
  g_assert_cmpint(clock_gettime(clock, &time), ==, 0);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The machine may be busy with other things: what a busy loop got of it is told by its own clock. */
static void test_cpu(void) {
  enum { ROUNDS = 4, POINTS = 15 };
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(start_busy);
  do
    look_for(table, root, 2, &sum);
  while (named(&sum, "busy") == NULL || named(&sum, "idle") == NULL);
  pid_t busy = named(&sum, "busy")->pid;
  double all = 0;
  for (int i = 0; i < ROUNDS; i++) {
    look_for(table, root, 2, &sum);
    double before = cpu_seconds(busy);
    gint64 begun = g_get_monotonic_time();
    g_usleep(G_USEC_PER_SEC * 3 / 4);
    double used = cpu_seconds(busy) - before;
    double took = (double)(g_get_monotonic_time() - begun) / G_USEC_PER_SEC;
    look_for(table, root, 2, &sum);
    g_assert_cmpfloat_with_epsilon(named(&sum, "busy")->cpu_percent, 100 * used / took, POINTS);
    g_assert_cmpfloat(named(&sum, "idle")->cpu_percent, <, 10);
    all += named(&sum, "busy")->cpu_percent;
  }
  g_test_message("a busy loop: %.1f %%", all / ROUNDS);
  g_assert_cmpfloat(all / ROUNDS, >, 1);
  g_assert_cmpfloat_with_epsilon(sum.cpu_percent,
                                 named(&sum, "busy")->cpu_percent + named(&sum, "idle")->cpu_percent, 0.001);

  /* A second look right after the first must not divide a tick by next to nothing. */
  for (int i = 0; i < 200; i++) {
    look_for(table, root, 2, &sum);
    g_assert_cmpfloat(named(&sum, "busy")->cpu_percent, >, 0);
    g_assert_cmpfloat(named(&sum, "busy")->cpu_percent, <, 115);
  }

  /* A table that has never looked tells of the life so far. */
  g_autoptr(PinoProcessTable) fresh = pino_process_table_new();
  look_for(fresh, root, 2, &sum);
  g_assert_cmpfloat(named(&sum, "busy")->cpu_percent, >, 5);
  g_assert_cmpfloat(named(&sum, "busy")->cpu_percent, <, 115);
  end(root);
}

static void *wait_here(void *data) {
  for (;;)
    pause();
  return NULL;
}

static void make_threads(void) {
  pthread_t thread;
  for (int i = 0; i < 5; i++)
    pthread_create(&thread, NULL, wait_here, NULL);
  prctl(PR_SET_NAME, "threads");
}

static void start_threads(void) {
  child(make_threads);
}

static void test_threads(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(start_threads);
  do
    look_for(table, root, 1, &sum);
  while (sum.threads != 6);
  g_assert_cmpuint(sum.processes[0].threads, ==, 6);
  end(root);
}

#define MIB (1024 * 1024)

/* 64 MiB in use, and a GiB that is only reserved. */
static void take_memory(void) {
  enum { FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
  char *used = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, FLAGS, -1, 0);
  if (used == MAP_FAILED || mmap(NULL, 1024 * MIB, PROT_READ | PROT_WRITE, FLAGS, -1, 0) == MAP_FAILED)
    _exit(1);
  memset(used, 1, 64 * MIB);
  prctl(PR_SET_NAME, "memory");
}

static void start_memory(void) {
  child(take_memory);
}

static void test_memory(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(start_memory);
  do
    look_for(table, root, 1, &sum);
  while (named(&sum, "memory") == NULL);
  g_assert_cmpuint(sum.rss, >, 60 * MIB);
  g_assert_cmpuint(sum.rss, <, 500 * MIB);
  g_assert_cmpuint(sum.private_bytes, >, 60 * MIB);
  end(root);
}

static void test_reused_pid(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin_daemon(table, &sum);
  g_assert_false(pino_process_table_tree(table, root.pid, root.start + 1, &sum));
  g_assert_cmpuint(sum.count, ==, 0);
  g_assert_false(pino_process_table_tree(table, root.pid, root.start - 1, &sum));
  g_assert_false(pino_process_table_tree(table, root.pid, 0, &sum));
  g_assert_true(pino_process_table_tree(table, root.pid, root.start, &sum));
  end(root);
  g_assert_true(pino_process_table_tree(table, root.pid, root.start, &sum)); /* as of the last sample */
  g_assert_false(look(table, root, &sum));
  g_assert_cmpuint(sum.count, ==, 0);
  g_assert_cmpuint(pino_process_start(root.pid), ==, 0);
}

static void do_nothing(void) {
}

static void test_dead_root(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(do_nothing);
  g_assert_true(look(table, root, &sum));
  kill(root.pid, SIGKILL);
  siginfo_t about;
  g_assert_cmpint(waitid(P_PID, (id_t)root.pid, &about, WEXITED | WNOWAIT), ==, 0);
  g_assert_false(look(table, root, &sum)); /* a zombie: the pid is not free yet, but nothing lives */
  g_assert_cmpuint(pino_process_start(root.pid), ==, 0);
  g_assert_cmpint(waitpid(root.pid, NULL, 0), ==, root.pid);
  g_assert_cmpuint(pino_process_start(-1), ==, 0);
  g_assert_cmpuint(pino_process_start(0), ==, 0);
}

static void test_many_roots(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sums[3], all;
  Root roots[3];
  for (int i = 0; i < 3; i++)
    roots[i] = begin(start_bash);
  for (int i = 0; i < 3; i++)
    look_for(table, roots[i], 4, &sums[i]);
  Root self = {getpid(), pino_process_start(getpid())};
  g_assert_true(look(table, self, &all));
  g_assert_cmpuint(all.count, ==, 15);
  for (int i = 0; i < 3; i++) {
    g_assert_true(pino_process_table_tree(table, roots[i].pid, roots[i].start, &sums[i]));
    g_assert_cmpuint(sums[i].count, ==, 4);
    g_assert_cmpint(sums[i].processes[0].parent, ==, roots[i].pid);
  }
  for (int i = 0; i < 3; i++)
    end(roots[i]);
}

static void fork_storm(void) {
  execlp("bash", "bash", "-c", "while :; do (true; (true)) & (true); done", NULL);
  _exit(127);
}

static void start_storm(void) {
  child(fork_storm);
}

static void test_storm(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  PinoProcessSum sum;
  Root root = begin(start_storm);
  for (int i = 0; i < 100; i++) {
    g_assert_true(look(table, root, &sum));
    for (guint p = 0; p < sum.count; p++)
      g_assert_cmpuint(sum.processes[p].start, >=, root.start);
  }
  end(root);
}

static void test_no_descriptors(void) {
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  g_autoptr(GError) error = NULL;
  PinoProcessSum sum;
  struct rlimit limit;
  Root root = begin_daemon(table, &sum);
  g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
  struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
  gboolean done = pino_process_table_sample(table, &error);
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_false(done);
  g_assert_error(error, PINO_ERRNO, EMFILE);
  g_assert_true(pino_process_table_tree(table, root.pid, root.start, &sum));
  g_assert_cmpuint(sum.count, ==, 1);
  end(root);
}

static void start_two(void) {
  child(idle);
  child(idle);
}

/* What one sample of 100 apps with three processes each, the keeper counted, costs (run with -m perf). */
static void bench(void) {
  enum { APPS = 100, ROUNDS = 50 };
  g_autoptr(PinoProcessTable) table = pino_process_table_new();
  Root roots[APPS];
  PinoProcessSum sum;
  double best = G_MAXDOUBLE, whole = 0;
  for (int i = 0; i < APPS; i++) {
    roots[i] = begin(start_two);
    look_for(table, roots[i], 2, &sum);
  }
  for (int round = 0; round < ROUNDS; round++) {
    gint64 before = g_get_monotonic_time();
    g_assert_true(pino_process_table_sample(table, NULL));
    for (int i = 0; i < APPS; i++)
      g_assert_true(pino_process_table_tree(table, roots[i].pid, roots[i].start, &sum));
    double took = (double)(g_get_monotonic_time() - before) / 1000;
    best = MIN(best, took);
    whole += took;
  }
  g_test_message("a sample and %d trees: mean %.2f ms, best %.2f ms", APPS, whole / ROUNDS, best);
  g_test_minimized_result(whole / ROUNDS, "ms for a sample");
  for (int i = 0; i < APPS; i++)
    end(roots[i]);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cloud/process/a-tree-of-bash", test_tree);
  g_test_add_func("/cloud/process/names-with-blanks-and-parentheses", test_odd_names);
  g_test_add_func("/cloud/process/a-double-fork-stays-in-the-tree", test_double_fork);
  g_test_add_func("/cloud/process/cpu-of-busy-and-idle", test_cpu);
  g_test_add_func("/cloud/process/threads", test_threads);
  g_test_add_func("/cloud/process/memory-in-use-and-reserved", test_memory);
  g_test_add_func("/cloud/process/another-start-is-another-process", test_reused_pid);
  g_test_add_func("/cloud/process/a-zombie-is-no-root", test_dead_root);
  g_test_add_func("/cloud/process/many-roots-in-one-sample", test_many_roots);
  g_test_add_func("/cloud/process/sampling-in-a-storm-of-forks", test_storm);
  g_test_add_func("/cloud/process/no-descriptors-keeps-the-last-sample", test_no_descriptors);
  if (g_test_perf())
    g_test_add_func("/cloud/process/bench", bench);
  return g_test_run();
}
