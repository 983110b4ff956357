/* Detached keepers: a command outlives the engine that started it and is found again. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-glib/json-glib.h>

#include "base/error.h"

#define ECHO_LOOP "stty -echo; echo ready; while read -r x; do echo \"got $x\"; done"

typedef struct {
  Place place;
  Run run, other;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data) {
  place_init(&fixture->place);
  run_init(&fixture->run);
  run_init(&fixture->other);
}

/* Every test ends what it started; the keeper goes last. */
static void tear_down(Fixture *fixture, gconstpointer data) {
  run_clear(&fixture->run);
  run_clear(&fixture->other);
  while (waitpid(-1, NULL, 0) > 0)
    continue;
  g_assert_cmpint(errno, ==, ECHILD);
  place_clear(&fixture->place);
}

static void stop_and_wait(Run *run) {
  pino_keeper_stop(run->keeper, 2000);
  wait_for(run->ended);
}

static char *run_file(const Place *place, const char *name) {
  return g_build_filename(place->run_dir, name, NULL);
}

static gboolean file_exists(const char *path) {
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void test_goes_on_alone(Fixture *fixture, gconstpointer data) {
  Run *first = &fixture->run, *second = &fixture->other;
  run_detached(first, &fixture->place, "app", ECHO_LOOP);
  wait_text(first, "ready");
  run_write(first, "a\n");
  wait_text(first, "got a\r\n");
  guint64 offset = pino_keeper_log_offset(first->keeper);
  pid_t command = pino_keeper_pid(first->keeper);
  run_write(first, "b\n");
  g_clear_pointer(&first->keeper, pino_keeper_free);
  g_assert_true(process_exists(command));

  run_attach(second, &fixture->place, "app", offset);
  g_assert_cmpint(pino_keeper_pid(second->keeper), ==, command);
  wait_text(second, "got b\r\n");
  run_write(second, "c\n");
  wait_text(second, "got c\r\n");
  g_assert_cmpstr(second->out->str, ==, "got b\r\ngot c\r\n");
  run_write(second, "\x04");
  wait_for(second->ended);
  g_assert_true(WIFEXITED(second->status));
  g_assert_false(second->stopped);
}

static void test_two_clients(Fixture *fixture, gconstpointer data) {
  run_detached(&fixture->run, &fixture->place, "app", "echo ready; read x; seq 100000; exit 5");
  wait_text(&fixture->run, "ready");
  run_attach(&fixture->other, &fixture->place, "app", 0);
  run_write(&fixture->other, "go\n");
  wait_for(fixture->run.ended && fixture->other.ended);
  g_assert_cmpstr(fixture->run.out->str, ==, fixture->other.out->str);
  g_assert_true(g_str_has_suffix(fixture->run.out->str, "\r\n100000\r\n"));
  g_assert_cmpint(WEXITSTATUS(fixture->run.status), ==, 5);
  g_assert_cmpint(WEXITSTATUS(fixture->other.status), ==, 5);
}

static void test_found_after_its_end(Fixture *fixture, gconstpointer data) {
  g_autofree char *status = run_file(&fixture->place, "app.json"),
                  *sock = run_file(&fixture->place, "app.sock");
  run_detached(&fixture->run, &fixture->place, "app", "echo one; read x; echo two; exit 9");
  wait_text(&fixture->run, "one\r\n");
  guint64 offset = pino_keeper_log_offset(fixture->run.keeper);
  pid_t command = pino_keeper_pid(fixture->run.keeper);
  run_write(&fixture->run, "x\n");
  g_clear_pointer(&fixture->run.keeper, pino_keeper_free);
  wait_for(file_exists(status) && !file_exists(sock));

  run_attach(&fixture->other, &fixture->place, "app", offset);
  g_assert_cmpint(pino_keeper_pid(fixture->other.keeper), ==, command);
  wait_for(fixture->other.ended);
  g_assert_cmpint(WEXITSTATUS(fixture->other.status), ==, 9);
  g_assert_cmpstr(fixture->other.out->str, ==, "x\r\ntwo\r\n");
  g_assert_cmpuint(fixture->other.troubles->len, ==, 0);
}

static JsonObject *read_status(const char *path, JsonParser *parser) {
  g_autoptr(GError) error = NULL;
  json_parser_load_from_file(parser, path, &error);
  g_assert_no_error(error);
  return json_node_get_object(json_parser_get_root(parser));
}

static void test_status_file(Fixture *fixture, gconstpointer data) {
  g_autofree char *path = run_file(&fixture->place, "app.json");
  g_autoptr(JsonParser) parser = json_parser_new();
  run_detached(&fixture->run, &fixture->place, "app", "exit 9");
  wait_for(fixture->run.ended);
  JsonObject *status = read_status(path, parser);
  g_assert_cmpstr(json_object_get_string_member(status, "id"), ==, "app");
  g_assert_cmpint(json_object_get_int_member(status, "pid"), ==, pino_keeper_pid(fixture->run.keeper));
  g_assert_cmpint(json_object_get_int_member(status, "exit_code"), ==, 9);
  g_assert_true(json_object_get_null_member(status, "signal"));
  g_autoptr(GDateTime) ended =
      g_date_time_new_from_iso8601(json_object_get_string_member(status, "ended_at"), NULL);
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_assert_cmpint(ABS(g_date_time_difference(now, ended)), <, 60 * G_USEC_PER_SEC);
  g_assert_false(g_file_test(fixture->place.run_dir, G_FILE_TEST_IS_REGULAR));

  run_detached(&fixture->other, &fixture->place, "app", "sleep 1000");
  g_assert_false(file_exists(path));
  stop_and_wait(&fixture->other);
  status = read_status(path, parser);
  g_assert_cmpint(json_object_get_int_member(status, "signal"), ==, SIGTERM);
  g_assert_true(json_object_get_null_member(status, "exit_code"));
}

static void test_cannot_start(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"no-such-command", NULL};
  g_autoptr(GError) error = NULL;
  g_autofree char *sock = run_file(&fixture->place, "app.sock");
  PinoKeeperSpec spec = {.argv = argv,
                         .log_path = fixture->place.log,
                         .id = "app",
                         .run_dir = fixture->place.run_dir,
                         .detached = TRUE};
  g_assert_null(pino_keeper_spawn(&spec, &run_events, &fixture->run, &error));
  g_assert_error(error, PINO_ERRNO, ENOENT);
  g_assert_cmpstr(error->message, ==, "cannot start 'no-such-command': no such file or directory");
  wait_for(!file_exists(sock));
  run_attach(&fixture->other, &fixture->place, "app", 0);
  wait_for(fixture->other.ended);
  g_assert_cmpint(WEXITSTATUS(fixture->other.status), ==, 127);
}

static void test_name_is_free_at_the_end(Fixture *fixture, gconstpointer data) {
  g_autofree char *sock = run_file(&fixture->place, "app.sock");
  for (int i = 0; i < 100; i++) {
    Run run;
    run_init(&run);
    run_detached(&run, &fixture->place, "app", "exit 6");
    wait_for(run.ended);
    g_assert_false(file_exists(sock));
    g_assert_cmpint(WEXITSTATUS(run.status), ==, 6);
    run_clear(&run);
  }
}

static void test_unknown_name(Fixture *fixture, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_assert_null(pino_keeper_attach(fixture->place.run_dir, "nobody", fixture->place.log, 0, &run_events,
                                   &fixture->run, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND);
}

static void test_name_is_taken(Fixture *fixture, gconstpointer data) {
  const char *argv[] = {"true", NULL};
  g_autoptr(GError) error = NULL;
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP);
  wait_text(&fixture->run, "ready");
  PinoKeeperSpec spec = {.argv = argv,
                         .log_path = fixture->place.log,
                         .id = "app",
                         .run_dir = fixture->place.run_dir,
                         .detached = TRUE};
  g_assert_null(pino_keeper_spawn(&spec, &run_events, &fixture->other, &error));
  g_assert_error(error, PINO_ERRNO, EADDRINUSE);
  run_attach(&fixture->other, &fixture->place, "app", 0);
  run_write(&fixture->other, "still\n");
  wait_text(&fixture->other, "got still");
  stop_and_wait(&fixture->run);
}

/* Somebody else's process starts a detached command and is killed. */
_Noreturn static void hold(const char *dir) {
  g_autofree char *log = g_build_filename(dir, "logs", "command.log", NULL);
  g_autofree char *run_dir = g_build_filename(dir, "run", NULL);
  Place place = {.log = log, .run_dir = run_dir};
  Run run;
  run_init(&run);
  run_detached(&run, &place, "app", ECHO_LOOP);
  wait_text(&run, "ready");
  g_print("ready\n");
  for (;;)
    g_main_context_iteration(NULL, TRUE);
}

static void test_engine_killed(Fixture *fixture, gconstpointer data) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  char *argv[] = {self, (char *)"--hold", fixture->place.dir, NULL};
  GPid pid;
  int out;
  char line[16] = "";
  g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL,
                                         &out, NULL, NULL));
  g_assert_cmpint(read(out, line, sizeof line - 1), >, 0);
  g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
  g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
  /* Nothing of it holds on to what the engine had open: this is the end of the pipe. */
  g_assert_cmpint(read(out, line, sizeof line), ==, 0);
  close(out);
  run_attach(&fixture->run, &fixture->place, "app", 0);
  run_write(&fixture->run, "alive\n");
  wait_text(&fixture->run, "got alive");
  stop_and_wait(&fixture->run);
  g_assert_true(fixture->run.stopped);
}

static pid_t keeper_of(pid_t command) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)command), *text = NULL;
  int parent = 0;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_cmpint(sscanf(strrchr(text, ')') + 1, " %*c %d", &parent), ==, 1);
  return (pid_t)parent;
}

static void test_keeper_killed(Fixture *fixture, gconstpointer data) {
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP);
  wait_text(&fixture->run, "ready");
  pid_t command = pino_keeper_pid(fixture->run.keeper);
  g_assert_cmpint(kill(keeper_of(command), SIGKILL), ==, 0);
  wait_for(fixture->run.ended);
  g_assert_cmpuint(fixture->run.troubles->len, ==, 1);
  wait_for(!process_lives(command));
  /* The dead socket does not stand in the way of the next one. */
  run_detached(&fixture->other, &fixture->place, "app", "exit 3");
  wait_for(fixture->other.ended);
  g_assert_cmpint(WEXITSTATUS(fixture->other.status), ==, 3);
}

static void test_keeper_terminated(Fixture *fixture, gconstpointer data) {
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP);
  wait_text(&fixture->run, "ready");
  pid_t keeper = keeper_of(pino_keeper_pid(fixture->run.keeper));
  g_assert_cmpint(kill(keeper, SIGHUP), ==, 0);
  g_assert_cmpint(kill(keeper, SIGINT), ==, 0);
  run_write(&fixture->run, "unmoved\n");
  wait_text(&fixture->run, "got unmoved");
  g_assert_cmpint(kill(keeper, SIGTERM), ==, 0);
  wait_for(fixture->run.ended);
  g_assert_true(fixture->run.stopped);
}

static int connect_raw(const Place *place, const char *name) {
  int folder = open(place->run_dir, O_PATH | O_CLOEXEC), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
  int failed = connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
  close(folder);
  if (failed == 0)
    return fd;
  close(fd);
  errno = failed;
  return -1;
}

static void test_silent_client(Fixture *fixture, gconstpointer data) {
  run_detached(&fixture->run, &fixture->place, "app",
               "echo ready; read x; stty raw; head -c 20000000 /dev/zero");
  wait_text(&fixture->run, "ready");
  int silent = connect_raw(&fixture->place, "app.sock");
  g_assert_cmpint(silent, >=, 0);
  fixture->run.keep_nothing = TRUE;
  run_write(&fixture->run, "go\n");
  wait_for(fixture->run.ended);
  g_assert_cmpuint(fixture->run.bytes, >=, 20000000);
  /* What waited for it is small, and ends with the news of the end. */
  guint8 frames[65536];
  gsize length = 0;
  ssize_t got;
  while ((got = read(silent, frames + length, sizeof frames - length)) > 0)
    length += (gsize)got;
  g_assert_cmpuint(length, <, 200);
  g_assert_cmpint(frames[length - 13], ==, 'X');
  close(silent);
}

static void test_nonsense_client(Fixture *fixture, gconstpointer data) {
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP);
  wait_text(&fixture->run, "ready");
  g_autoptr(GRand) rand = g_rand_new_with_seed(3);
  for (int i = 0; i < 50; i++) {
    int fd = connect_raw(&fixture->place, "app.sock");
    guint8 noise[4000];
    for (gsize k = 0; k < sizeof noise; k++)
      noise[k] = (guint8)(g_rand_int(rand) | 0x80); /* no type that means something */
    g_assert_cmpint(send(fd, noise, sizeof noise, MSG_NOSIGNAL), >, 0);
    close(fd);
  }
  run_write(&fixture->run, "fine\n");
  wait_text(&fixture->run, "got fine");
  stop_and_wait(&fixture->run);
}

static void test_private_socket(Fixture *fixture, gconstpointer data) {
  g_autofree char *sock = run_file(&fixture->place, "app.sock");
  struct stat info;
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP "; umask");
  wait_text(&fixture->run, "ready");
  g_assert_cmpint(stat(sock, &info), ==, 0);
  g_assert_true(S_ISSOCK(info.st_mode));
  g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
  g_assert_cmpint(stat(fixture->place.log, &info), ==, 0);
  g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
  stop_and_wait(&fixture->run);
}

/* Only root can become somebody else. */
static void test_other_user(Fixture *fixture, gconstpointer data) {
  if (geteuid() != 0) {
    g_test_skip("needs root");
    return;
  }
  g_autofree char *sock = run_file(&fixture->place, "app.sock");
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP);
  wait_text(&fixture->run, "ready");
  g_assert_cmpint(chmod(sock, 0666), ==, 0); /* as if the mode did not hold */
  g_assert_cmpint(chmod(fixture->place.dir, 0755), ==, 0);
  g_assert_cmpint(chmod(fixture->place.run_dir, 0755), ==, 0);
  pid_t pid = fork();
  if (pid == 0) {
    char byte;
    int fd = setuid(65534) == 0 ? connect_raw(&fixture->place, "app.sock") : -1;
    _exit(fd >= 0 ? (int)(read(fd, &byte, 1) > 0) : 2);
  }
  int status;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_cmpint(status, ==, 0);
  stop_and_wait(&fixture->run);
}

static void test_long_path(Fixture *fixture, gconstpointer data) {
  g_autofree char *part = g_strnfill(120, 'd');
  g_free(fixture->place.run_dir);
  fixture->place.run_dir = g_build_filename(fixture->place.dir, part, part, NULL);
  run_detached(&fixture->run, &fixture->place, "app", ECHO_LOOP);
  run_attach(&fixture->other, &fixture->place, "app", 0);
  wait_text(&fixture->other, "ready");
  stop_and_wait(&fixture->other);
  wait_for(fixture->run.ended);
}

static void test_own_thread(Fixture *fixture, gconstpointer data) {
  g_autoptr(GMainContext) context = g_main_context_new();
  g_main_context_push_thread_default(context);
  run_detached(&fixture->run, &fixture->place, "app", "echo ready; exit 2");
  g_main_context_pop_thread_default(context);
  gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC / 5;
  while (g_get_monotonic_time() < until)
    turn(G_MAXINT64, "a turn");
  g_assert_false(fixture->run.ended);
  while (!fixture->run.ended)
    g_main_context_iteration(context, TRUE);
  g_assert_cmpstr(fixture->run.out->str, ==, "ready\r\n");
  g_clear_pointer(&fixture->run.keeper, pino_keeper_free);
}

static const struct {
  const char *name;
  void (*test)(Fixture *fixture, gconstpointer data);
} tests[] = {
    {"/keeper/detached/goes-on-alone-and-nothing-is-missed", test_goes_on_alone},
    {"/keeper/detached/serves-two-clients", test_two_clients},
    {"/keeper/detached/is-found-after-its-end", test_found_after_its_end},
    {"/keeper/detached/writes-the-status", test_status_file},
    {"/keeper/detached/says-why-it-cannot-start", test_cannot_start},
    {"/keeper/detached/unknown-name", test_unknown_name},
    {"/keeper/detached/a-taken-name-stays-with-its-owner", test_name_is_taken},
    {"/keeper/detached/a-name-is-free-when-its-end-is-told", test_name_is_free_at_the_end},
    {"/keeper/detached/survives-a-killed-engine", test_engine_killed},
    {"/keeper/detached/killed-keeper-is-told-and-replaced", test_keeper_killed},
    {"/keeper/detached/only-sigterm-ends-it", test_keeper_terminated},
    {"/keeper/detached/silent-client-costs-nothing", test_silent_client},
    {"/keeper/detached/nonsense-does-no-harm", test_nonsense_client},
    {"/keeper/detached/socket-and-log-are-private", test_private_socket},
    {"/keeper/detached/other-users-are-turned-away", test_other_user},
    {"/keeper/detached/long-paths", test_long_path},
    {"/keeper/detached/events-come-from-the-callers-context", test_own_thread},
};

int main(int argc, char **argv) {
  if (argc == 3 && g_str_equal(argv[1], "--hold"))
    hold(argv[2]);
  g_test_init(&argc, &argv, NULL);
  /* Detached keepers come back to this process, so that it can see that they are gone. */
  g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
  return g_test_run();
}
