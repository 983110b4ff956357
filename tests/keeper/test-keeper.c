/* Attached keepers: a command lives and ends with the engine that started it. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"

/* Leaves the session and its parent, then waits to be found. */
#define RUNAWAY "( ( setsid sleep 1000 & echo \"runaway:$!\" ) ); "

typedef struct {
  Place place;
  Run run;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
  place_init(&fixture->place);
  run_init(&fixture->run);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
  run_clear(&fixture->run);
  place_clear(&fixture->place);
}

static void assert_exit(const Run *run, int code) {
  g_assert_true(WIFEXITED(run->status));
  g_assert_cmpint(WEXITSTATUS(run->status), ==, code);
}

static void assert_killed(const Run *run, int signum) {
  g_assert_true(WIFSIGNALED(run->status));
  g_assert_cmpint(WTERMSIG(run->status), ==, signum);
}

static gint64 elapsed_ms(gint64 since_us) {
  return (g_get_monotonic_time() - since_us) / 1000;
}

/* ---- how it ends ---- */

static void test_exit_code(Fixture *fixture, gconstpointer data) {
  Run *run = &fixture->run;
  run_bash(run, &fixture->place, "echo out; echo err >&2; exit 7");
  g_assert_cmpint(pino_keeper_pid(run->keeper), >, 0);
  wait_for(run->ended);
  assert_exit(run, 7);
  g_assert_false(run->stopped);
  g_assert_false(pino_keeper_running(run->keeper));
  g_assert_cmpstr(run->out->str, ==, "out\r\nerr\r\n");
  g_assert_cmpuint(pino_keeper_log_offset(run->keeper), ==, 10);
}

static void test_signal_end(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place, "kill -KILL $$");
  wait_for(fixture->run.ended);
  assert_killed(&fixture->run, SIGKILL);
  g_assert_false(fixture->run.stopped);
}

static void test_log_is_appended(Fixture *fixture, gconstpointer data) {
  g_autofree char *text = NULL;
  for (int i = 0; i < 2; i++) {
    Run run;
    run_init(&run);
    run_bash(&run, &fixture->place, "echo line");
    wait_for(run.ended);
    g_assert_cmpstr(run.out->str, ==, "line\r\n");
    run_clear(&run);
  }
  g_assert_true(g_file_get_contents(fixture->place.log, &text, NULL, NULL));
  g_assert_cmpstr(text, ==, "line\r\nline\r\n");
}

static void test_surroundings(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {
      "bash", "-c",
      "echo \"$WHO in $PWD\"; for fd in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || echo leak; "
      "done; tty | cut -c1-9; trap -p; kill -PIPE $$",
      NULL};
  g_autofree char *path = g_strconcat("PATH=", g_getenv("PATH"), NULL);
  const char *env[] = {"WHO=me", path, NULL};
  PinoKeeperSpec spec = {.argv = argv, .env = env, .cwd = "/usr", .log_path = fixture->place.log};
  run_spec(&fixture->run, &spec);
  wait_for(fixture->run.ended);
  g_assert_cmpstr(fixture->run.out->str, ==, "me in /usr\r\n/dev/pts/\r\n");
  assert_killed(&fixture->run, SIGPIPE);
}

/* ---- output ---- */

static char *make_noise(const Place *place, gsize length, char **sum) {
  char *path = place_file(place, "noise");
  g_autofree guint8 *noise = g_malloc(length);
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  for (gsize i = 0; i < length; i++)
    noise[i] = (guint8)g_rand_int(rand);
  g_assert_true(g_file_set_contents(path, (const char *)noise, (gssize)length, NULL));
  *sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, noise, length);
  return path;
}

static void run_noise(Fixture *fixture, gsize length, const char *log, char **sum) {
  g_autofree char *noise = make_noise(&fixture->place, length, sum);
  g_autofree char *script = g_strdup_printf("stty raw; cat '%s'", noise);
  const char *argv[] = {"bash", "-c", script, NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = log};
  fixture->run.keep_nothing = TRUE;
  run_spec(&fixture->run, &spec);
}

static void test_every_byte(Fixture *fixture, gconstpointer data) {
  const gsize length = 10 * 1000 * 1000 + 7;
  g_autofree char *sum = NULL, *log = NULL;
  gsize log_length;
  run_noise(fixture, length, fixture->place.log, &sum);
  wait_for(fixture->run.ended);
  g_assert_cmpuint(fixture->run.bytes, ==, length);
  g_assert_cmpstr(g_checksum_get_string(fixture->run.sum), ==, sum);
  g_assert_true(g_file_get_contents(fixture->place.log, &log, &log_length, NULL));
  g_autofree char *log_sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, (guint8 *)log, log_length);
  g_assert_cmpstr(log_sum, ==, sum);
}

static void test_last_words(Fixture *fixture, gconstpointer data) {
  for (int i = 0; i < 50; i++) {
    Run run;
    run_init(&run);
    run_bash(&run, &fixture->place, "printf '%05000d' 7");
    wait_for(run.ended);
    g_assert_cmpuint(run.bytes, ==, 5000);
    run_clear(&run);
  }
}

static void test_terminal_closed_and_opened(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place,
           "exec </dev/null >/dev/null 2>&1; for i in $(seq 50); do echo $i >/dev/tty; done; exit 4");
  wait_for(fixture->run.ended);
  assert_exit(&fixture->run, 4);
  g_assert_true(g_str_has_suffix(fixture->run.out->str, "\r\n49\r\n50\r\n"));
}

static void test_pause(Fixture *fixture, gconstpointer data) {
  const gsize length = 20 * 1000 * 1000;
  g_autofree char *sum = NULL, *statm = NULL, *done = place_file(&fixture->place, "done");
  g_autofree char *noise = make_noise(&fixture->place, length, &sum);
  g_autofree char *script =
      g_strdup_printf("stty raw; echo keeper:$PPID; cat '%s'; : > '%s'; read x", noise, done);
  fixture->run.keep_nothing = TRUE;
  run_bash(&fixture->run, &fixture->place, script);
  pino_keeper_pause(fixture->run.keeper);
  wait_for(g_file_test(done, G_FILE_TEST_EXISTS));
  g_assert_cmpuint(fixture->run.bytes, ==, 0);
  pino_keeper_resume(fixture->run.keeper);
  wait_for(fixture->run.bytes >= length);
  pino_keeper_pause(fixture->run.keeper);
  pino_keeper_stop(fixture->run.keeper, 1000);
  wait_for(!process_exists(pino_keeper_pid(fixture->run.keeper)));
  g_assert_false(fixture->run.ended);
  pino_keeper_resume(fixture->run.keeper);
  wait_for(fixture->run.ended);
  g_assert_true(fixture->run.stopped);
}

static void test_free_in_event(Fixture *fixture, gconstpointer data) {
  fixture->run.free_after = 1000 * 1000;
  run_bash(&fixture->run, &fixture->place, "yes");
  wait_for(fixture->run.keeper == NULL);
  g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
  g_assert_false(fixture->run.ended);
}

/* ---- a log that cannot be written ---- */

static void test_full_disk(Fixture *fixture, gconstpointer data) {
  const gsize length = 3 * 1000 * 1000;
  g_autofree char *sum = NULL;
  run_noise(fixture, length, "/dev/full", &sum);
  wait_for(fixture->run.ended);
  g_assert_cmpuint(fixture->run.bytes, ==, length);
  g_assert_cmpstr(g_checksum_get_string(fixture->run.sum), ==, sum);
  g_assert_cmpuint(fixture->run.troubles->len, ==, 1);
  g_assert_error((GError *)fixture->run.troubles->pdata[0], PINO_ERRNO, ENOSPC);
  assert_exit(&fixture->run, 0);
}

static void test_full_disk_and_pause(Fixture *fixture, gconstpointer data) {
  const gsize length = 3 * 1000 * 1000;
  g_autofree char *sum = NULL;
  run_noise(fixture, length, "/dev/full", &sum);
  for (gsize next = 1; next < length; next += length / 20) {
    wait_for(fixture->run.bytes >= next);
    pino_keeper_pause(fixture->run.keeper);
    gsize before = fixture->run.bytes;
    turn(G_MAXINT64, "a turn");
    g_assert_cmpuint(fixture->run.bytes, ==, before);
    pino_keeper_resume(fixture->run.keeper);
  }
  wait_for(fixture->run.ended);
  g_assert_cmpstr(g_checksum_get_string(fixture->run.sum), ==, sum);
}

/* A size limit on the keeper stands for a disk that fills up and is freed again. */
static void limit_log(pid_t keeper, rlim_t bytes) {
  struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
  g_assert_cmpint(prlimit(keeper, RLIMIT_FSIZE, &limit, NULL), ==, 0);
}

static void test_log_recovers(Fixture *fixture, gconstpointer data) {
  Run *run = &fixture->run;
  g_autofree char *log = NULL;
  run_bash(run, &fixture->place,
           "stty raw -echo; echo keeper:$PPID; while read -r x; do printf \"<$x>\"; done");
  pid_t keeper = run_pid(run, "keeper");
  g_string_set_size(run->out, 0);
  limit_log(keeper, pino_keeper_log_offset(run->keeper) + 4);
  for (int i = 0; i < 10; i++) {
    g_autofree char *line = g_strdup_printf("word%d\n", i);
    g_autofree char *answer = g_strdup_printf("<word%d>", i);
    if (i == 5)
      limit_log(keeper, RLIM_INFINITY);
    run_write(run, line);
    wait_text(run, answer);
  }
  g_assert_cmpstr(run->out->str, ==,
                  "<word0><word1><word2><word3><word4><word5><word6><word7><word8><word9>");
  g_assert_cmpuint(run->troubles->len, ==, 1);
  g_assert_error((GError *)run->troubles->pdata[0], PINO_ERRNO, EFBIG);
  g_assert_true(g_file_get_contents(fixture->place.log, &log, NULL, NULL));
  g_assert_true(g_str_has_suffix(log, "\n<wor<word5><word6><word7><word8><word9>"));
}

/* ---- stopping ---- */

static void test_stop_finds_runaway(Fixture *fixture, gconstpointer data) {
  Run *run = &fixture->run;
  run_bash(run, &fixture->place, RUNAWAY "sleep 1000");
  pid_t runaway = run_pid(run, "runaway");
  g_assert_true(process_exists(runaway));
  pino_keeper_stop(run->keeper, 10000);
  gint64 start = g_get_monotonic_time();
  wait_for(run->ended);
  g_assert_cmpint(elapsed_ms(start), <, 5000);
  g_assert_false(process_exists(runaway));
  g_assert_true(run->stopped);
  assert_killed(run, SIGTERM);
}

static void test_end_finds_runaway(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place, RUNAWAY "exit 3");
  wait_for(fixture->run.ended);
  g_assert_false(process_exists(run_pid(&fixture->run, "runaway")));
  assert_exit(&fixture->run, 3);
  g_assert_false(fixture->run.stopped);
}

static void test_free_finds_runaway(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place, RUNAWAY "sleep 1000");
  pid_t runaway = run_pid(&fixture->run, "runaway");
  g_clear_pointer(&fixture->run.keeper, pino_keeper_free);
  g_assert_false(process_exists(runaway));
}

static void test_time_to_say_goodbye(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place,
           "trap 'for i in 1 2 3 4 5; do sleep 0.05; done; echo bye; exit 5' TERM; echo ready; "
           "while :; do sleep 0.05; done");
  wait_text(&fixture->run, "ready");
  pino_keeper_stop(fixture->run.keeper, PINO_KEEPER_OWN_GRACE);
  wait_for(fixture->run.ended);
  wait_text(&fixture->run, "bye");
  assert_exit(&fixture->run, 5);
  g_assert_true(fixture->run.stopped);
}

static void test_interactive_shell(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"bash", "--norc", "-i", NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = fixture->place.log};
  run_spec(&fixture->run, &spec);
  run_write(&fixture->run, "sleep 1000 &\necho rea''dy\n");
  wait_text(&fixture->run, "ready\r\n");
  gint64 start = g_get_monotonic_time();
  pino_keeper_stop(fixture->run.keeper, 20000);
  wait_for(fixture->run.ended);
  g_assert_cmpint(elapsed_ms(start), <, 10000);
}

static void test_deaf_child(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place,
           "trap '' TERM HUP; echo keeper:$PPID; while :; do sleep 0.05; done");
  wait_text(&fixture->run, "keeper:");
  gint64 start = g_get_monotonic_time();
  pino_keeper_stop(fixture->run.keeper, 300);
  wait_for(fixture->run.ended);
  g_assert_cmpint(elapsed_ms(start), >=, 299);
  assert_killed(&fixture->run, SIGKILL);
  g_assert_true(fixture->run.stopped);
}

/* As a shell at its prompt does: its line editor catches SIGTERM, and then the shell ignores it again. */
static void test_catches_then_ignores(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place,
           "trap 'trap \"\" TERM' TERM; echo ready; while :; do sleep 0.05; done");
  wait_text(&fixture->run, "ready");
  gint64 start = g_get_monotonic_time();
  pino_keeper_stop(fixture->run.keeper, 20000);
  wait_for(fixture->run.ended);
  g_assert_cmpint(elapsed_ms(start), <, 15000);
  assert_killed(&fixture->run, SIGHUP);
}

static void test_second_stop_shortens(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place, "trap '' TERM HUP; echo ready; while :; do sleep 0.05; done");
  wait_text(&fixture->run, "ready");
  pino_keeper_stop(fixture->run.keeper, 600000);
  pino_keeper_stop(fixture->run.keeper, 0);
  wait_for(fixture->run.ended);
  assert_killed(&fixture->run, SIGKILL);
}

/* Goes on as its own child for ever, deaf and in ever new sessions. The lock tells whether any of it lives. */
_Noreturn static void hop(const char *lock) {
  (void)signal(SIGTERM, SIG_IGN);
  (void)signal(SIGHUP, SIG_IGN);
  int fd = open(lock, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || flock(fd, LOCK_SH) != 0 || write(STDOUT_FILENO, "hopping\n", 8) != 8)
    _exit(1);
  for (;;) {
    pid_t pid = fork();
    if (pid > 0)
      _exit(0);
    (void)setsid();
  }
}

static void test_hopping_processes(Fixture *fixture, gconstpointer data) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL),
                  *lock = place_file(&fixture->place, "lock");
  g_autofree char *script =
      g_strdup_printf("for i in 1 2 3 4; do '%s' --hop '%s' & done; sleep 1000", self, lock);
  run_bash(&fixture->run, &fixture->place, script);
  wait_text(&fixture->run, "hopping\r\nhopping\r\nhopping\r\nhopping\r\n");
  pino_keeper_stop(fixture->run.keeper, 100);
  wait_for(fixture->run.ended);
  g_assert_cmpuint(fixture->run.troubles->len, ==, 0);
  int fd = open(lock, O_RDWR | O_CLOEXEC);
  g_assert_cmpint(flock(fd, LOCK_EX | LOCK_NB), ==, 0);
  close(fd);
}

static void test_stop_while_flooding(Fixture *fixture, gconstpointer data) {
  fixture->run.keep_nothing = TRUE;
  run_bash(&fixture->run, &fixture->place, "yes & yes");
  wait_for(fixture->run.bytes > 1000 * 1000);
  pino_keeper_stop(fixture->run.keeper, 2000);
  wait_for(fixture->run.ended);
  g_assert_true(fixture->run.stopped);
}

/* ---- what the engine's death leaves ---- */

/* Another process holds the client; it prints what the command prints. */
_Noreturn static void hold(const char *log, const char *script) {
  Place place = {.log = (char *)log};
  Run run;
  run_init(&run);
  run_bash(&run, &place, script);
  pid_t runaway = run_pid(&run, "runaway"), keeper = run_pid(&run, "keeper");
  g_print("%d %d\n", (int)runaway, (int)keeper);
  for (;;)
    g_main_context_iteration(NULL, TRUE);
}

static void test_engine_killed(Fixture *fixture, gconstpointer data) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  char *argv[] = {self, (char *)"--hold", fixture->place.log,
                  (char *)(RUNAWAY "echo keeper:$PPID; sleep 1000"), NULL};
  GPid pid;
  int out, runaway, keeper;
  char line[64] = "";
  g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL,
                                         &out, NULL, NULL));
  g_assert_cmpint(read(out, line, sizeof line - 1), >, 0);
  g_assert_cmpint(sscanf(line, "%d %d", &runaway, &keeper), ==, 2);
  g_assert_true(process_exists(runaway));
  g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
  g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
  close(out);
  wait_for(!process_exists(runaway));
}

static void test_keeper_killed(Fixture *fixture, gconstpointer data) {
  Run *run = &fixture->run;
  run_bash(run, &fixture->place, "echo keeper:$PPID; sleep 1000");
  pid_t keeper = run_pid(run, "keeper"), command = pino_keeper_pid(run->keeper);
  g_assert_cmpint(kill(keeper, SIGKILL), ==, 0);
  wait_for(run->ended);
  g_assert_cmpuint(run->troubles->len, ==, 1);
  g_assert_nonnull(strstr(((GError *)run->troubles->pdata[0])->message, "was killed by signal 9"));
  assert_killed(run, SIGKILL);
  g_assert_false(run->stopped);
  g_clear_pointer(&run->keeper, pino_keeper_free);
  wait_for(!process_lives(command));
}

static void test_keeper_terminated(Fixture *fixture, gconstpointer data) {
  Run *run = &fixture->run;
  run_bash(run, &fixture->place, "echo keeper:$PPID; sleep 1000");
  g_assert_cmpint(kill(run_pid(run, "keeper"), SIGTERM), ==, 0);
  wait_for(run->ended);
  g_assert_cmpuint(run->troubles->len, ==, 0);
  g_assert_true(run->stopped);
}

static guint count_descriptors(void) {
  guint count = 0;
  g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
  while (g_dir_read_name(dir) != NULL)
    count++;
  return count;
}

static void test_nothing_leaks(Fixture *fixture, gconstpointer data) {
  guint before = 0;
  for (int i = 0; i < 200; i++) {
    Run run;
    run_init(&run);
    run_bash(&run, &fixture->place, i % 3 == 0 ? "sleep 1000" : "echo x");
    if (i % 3 == 1)
      wait_for(run.ended);
    run_clear(&run);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
    if (i == 3)
      before = count_descriptors();
  }
  g_assert_cmpuint(count_descriptors(), ==, before);
}

/* ---- the terminal ---- */

static void test_window(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"bash", "-c",
                        "stty size; trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done", NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = fixture->place.log, .cols = 101, .rows = 37};
  run_spec(&fixture->run, &spec);
  wait_text(&fixture->run, "37 101\r\nready\r\n");
  pino_keeper_resize(fixture->run.keeper, 120, 40);
  wait_text(&fixture->run, "40 120\r\n");
}

static void test_input(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"cat", NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = fixture->place.log};
  run_spec(&fixture->run, &spec);
  run_write(&fixture->run, "h\xc3\xa9llo\n");
  wait_text(&fixture->run, "h\xc3\xa9llo\r\nh\xc3\xa9llo\r\n");
  run_write(&fixture->run, "\x04");
  wait_for(fixture->run.ended);
  assert_exit(&fixture->run, 0);
  g_assert_false(pino_keeper_write(fixture->run.keeper, "x", 1, NULL));
}

static void test_much_input(Fixture *fixture, gconstpointer data) {
  const gsize length = 5 * 1000 * 1000;
  g_autofree char *text = g_strnfill(length, 'a');
  run_bash(&fixture->run, &fixture->place, "stty raw -echo; echo ready; head -c 5000000 | md5sum");
  wait_text(&fixture->run, "ready");
  g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, text, (gssize)length);
  g_assert_true(pino_keeper_write(fixture->run.keeper, text, length, NULL));
  wait_text(&fixture->run, sum);
}

static void test_unread_input(Fixture *fixture, gconstpointer data) {
  const gsize length = 4 * 1024 * 1024;
  g_autofree char *text = g_strnfill(length, '\n');
  g_autoptr(GError) error = NULL;
  run_bash(&fixture->run, &fixture->place, "stty raw -echo; echo ready; sleep 1000");
  wait_text(&fixture->run, "ready");
  g_assert_true(pino_keeper_write(fixture->run.keeper, text, length, NULL));
  for (int i = 0; i < 50; i++)
    turn(G_MAXINT64, "a turn");
  g_assert_true(pino_keeper_write(fixture->run.keeper, text, length, NULL));
  g_assert_false(pino_keeper_write(fixture->run.keeper, text, length, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_LIMIT);
  pino_keeper_stop(fixture->run.keeper, 1000);
  wait_for(fixture->run.ended);
  g_assert_true(fixture->run.stopped);
}

static void test_free_with_unread_input(Fixture *fixture, gconstpointer data) {
  const gsize length = 4 * 1024 * 1024;
  g_autofree char *text = g_strnfill(length, '\n');
  run_bash(&fixture->run, &fixture->place, "stty raw -echo; echo ready; sleep 1000");
  wait_text(&fixture->run, "ready");
  g_assert_true(pino_keeper_write(fixture->run.keeper, text, length, NULL));
  for (int i = 0; i < 20; i++)
    turn(G_MAXINT64, "a turn");
  gint64 start = g_get_monotonic_time();
  g_clear_pointer(&fixture->run.keeper, pino_keeper_free);
  g_assert_cmpint(elapsed_ms(start), <, 5000);
}

static void test_control_c(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"sleep", "1000", NULL};
  PinoKeeperSpec spec = {.argv = argv, .log_path = fixture->place.log};
  run_spec(&fixture->run, &spec);
  run_write(&fixture->run, "\x03");
  wait_for(fixture->run.ended);
  assert_killed(&fixture->run, SIGINT);
  g_assert_false(fixture->run.stopped);
}

static void test_signal(Fixture *fixture, gconstpointer data) {
  run_bash(&fixture->run, &fixture->place,
           "trap 'echo got; exit 3' USR1; echo ready; while :; do sleep 0.05; done");
  wait_text(&fixture->run, "ready");
  pino_keeper_signal(fixture->run.keeper, SIGUSR1);
  wait_for(fixture->run.ended);
  assert_exit(&fixture->run, 3);
}

/* ---- what cannot start ---- */

static void assert_cannot_start(Fixture *fixture, const char *command, const char *cwd, int code,
                                const char *text) {
  const char *argv[] = {command, NULL};
  g_autoptr(GError) error = NULL;
  PinoKeeperSpec spec = {.argv = argv, .cwd = cwd, .log_path = fixture->place.log};
  g_assert_null(pino_keeper_spawn(&spec, &run_events, &fixture->run, &error));
  g_assert_error(error, PINO_ERRNO, code);
  g_assert_cmpstr(error->message, ==, text);
  g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

static void test_cannot_start(Fixture *fixture, gconstpointer data) {
  assert_cannot_start(fixture, "no-such-command", NULL, ENOENT,
                      "cannot start 'no-such-command': no such file or directory");
  assert_cannot_start(fixture, "/etc/passwd", NULL, EACCES, "cannot start '/etc/passwd': permission denied");
  assert_cannot_start(fixture, "true", "/no/such/folder", ENOENT,
                      "cannot start 'true' in folder '/no/such/folder': no such file or directory");
  g_free(fixture->place.log);
  fixture->place.log = g_strdup("/etc");
  assert_cannot_start(fixture, "true", NULL, EISDIR, "cannot start 'true' with log '/etc': is a directory");
}

static void test_bad_spec(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"true", NULL};
  const PinoKeeperSpec specs[] = {
      {.log_path = fixture->place.log},
      {.argv = argv},
      {.argv = argv, .log_path = fixture->place.log, .id = "../x"},
      {.argv = argv, .log_path = fixture->place.log, .detached = TRUE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(specs); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(pino_keeper_spawn(&specs[i], &run_events, &fixture->run, &error));
    g_assert_error(error, PINO_ERROR, PINO_ERROR_USAGE);
  }
  g_autoptr(GError) error = NULL;
  PinoKeeperSpec lost = {.argv = argv, .log_path = fixture->place.log, .program = "/no/such/keeper"};
  g_assert_null(pino_keeper_spawn(&lost, &run_events, &fixture->run, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
}

static const struct {
  const char *name;
  void (*test)(Fixture *fixture, gconstpointer data);
} tests[] = {
    {"/keeper/tells-the-exit-code", test_exit_code},
    {"/keeper/tells-the-signal", test_signal_end},
    {"/keeper/appends-to-the-log", test_log_is_appended},
    {"/keeper/gives-environment-folder-terminal-and-clean-signals", test_surroundings},
    {"/keeper/hands-out-every-byte-in-order", test_every_byte},
    {"/keeper/hands-out-the-last-words", test_last_words},
    {"/keeper/survives-a-closed-terminal", test_terminal_closed_and_opened},
    {"/keeper/a-client-that-does-not-read-blocks-nothing", test_pause},
    {"/keeper/can-be-freed-in-an-event", test_free_in_event},
    {"/keeper/full-disk-loses-no-byte", test_full_disk},
    {"/keeper/full-disk-with-a-slow-client-loses-no-byte", test_full_disk_and_pause},
    {"/keeper/log-goes-on-when-there-is-room-again", test_log_recovers},
    {"/keeper/stop-ends-setsid-double-forked-grandchild", test_stop_finds_runaway},
    {"/keeper/end-of-command-ends-grandchild", test_end_finds_runaway},
    {"/keeper/free-ends-grandchild", test_free_finds_runaway},
    {"/keeper/stop-leaves-time-to-say-goodbye", test_time_to_say_goodbye},
    {"/keeper/stop-ends-an-interactive-shell", test_interactive_shell},
    {"/keeper/stop-kills-who-ignores-it", test_deaf_child},
    {"/keeper/stop-urges-who-catches-and-then-ignores-it", test_catches_then_ignores},
    {"/keeper/second-stop-shortens-the-grace", test_second_stop_shortens},
    {"/keeper/stop-ends-hopping-processes", test_hopping_processes},
    {"/keeper/stop-ends-a-flood", test_stop_while_flooding},
    {"/keeper/end-of-engine-ends-grandchild", test_engine_killed},
    {"/keeper/killed-keeper-is-told", test_keeper_killed},
    {"/keeper/terminated-keeper-stops-all", test_keeper_terminated},
    {"/keeper/leaves-no-zombie-and-no-descriptor", test_nothing_leaks},
    {"/keeper/window-size-and-resize", test_window},
    {"/keeper/input-is-echoed-and-read", test_input},
    {"/keeper/much-input-arrives", test_much_input},
    {"/keeper/unread-input-is-bounded-and-does-not-block-a-stop", test_unread_input},
    {"/keeper/unread-input-does-not-block-a-free", test_free_with_unread_input},
    {"/keeper/control-c-interrupts", test_control_c},
    {"/keeper/signal-reaches-the-foreground", test_signal},
    {"/keeper/says-why-it-cannot-start", test_cannot_start},
    {"/keeper/refuses-a-bad-spec", test_bad_spec},
};

int main(int argc, char **argv) {
  if (argc == 3 && g_str_equal(argv[1], "--hop"))
    hop(argv[2]);
  if (argc == 4 && g_str_equal(argv[1], "--hold"))
    hold(argv[2], argv[3]);
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
  return g_test_run();
}
