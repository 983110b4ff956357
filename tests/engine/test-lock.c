/* One engine a home, with real processes: this program, started again as `test-lock hold DIR`, is the other engine. */
#include "engine/lock.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What flock() shall fail with on this thread: stands for a file system without locks. */
static GPrivate problem = G_PRIVATE_INIT(NULL);

/* Takes the place of libc's in this program. */
int flock(int fd, int operation) {
  if (g_private_get(&problem) != NULL) {
    errno = GPOINTER_TO_INT(g_private_get(&problem));
    return -1;
  }
  return (int)syscall(SYS_flock, fd, operation);
}

typedef struct {
  char *home, *run;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->home = g_dir_make_tmp("lock-XXXXXX", NULL);
  f->run = g_build_filename(f->home, "deep", "run", NULL);
}

static void tear_down(Fixture *f, gconstpointer data) {
  const char *argv[] = {"rm", "-rf", f->home, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(f->home);
  g_free(f->run);
}

/* --- the other engine: says "held" or "refused", lives until its input ends ---- */

static int hold(const char *run) {
  g_autoptr(GError) error = NULL;
  char end;
  /* All begin at once: the first byte is the start. */
  if (read(STDIN_FILENO, &end, 1) < 0)
    return 2;
  g_autoptr(PinoLock) lock = pino_lock_take(run, "HOME", &error);
  printf("%s\n", lock != NULL ? "held" : error->message);
  fflush(stdout);
  while (read(STDIN_FILENO, &end, 1) > 0)
    ;
  return lock != NULL ? 0 : 1;
}

typedef struct {
  GPid pid;
  int in, out;
} Other;

static Other other_start(const char *run, GSpawnFlags flags) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  const char *argv[] = {self, "hold", run, NULL};
  g_autoptr(GError) error = NULL;
  Other other;
  g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | flags, NULL, NULL,
                           &other.pid, &other.in, &other.out, NULL, &error);
  g_assert_no_error(error);
  return other;
}

static void other_go(Other *other) {
  g_assert_cmpint((int)write(other->in, "g", 1), ==, 1);
}

/* Free with g_free(). */
static char *other_says(Other *other) {
  g_autoptr(GString) line = g_string_new(NULL);
  char c;
  while (read(other->out, &c, 1) == 1 && c != '\n')
    g_string_append_c(line, c);
  return g_string_free(g_steal_pointer(&line), FALSE);
}

static void other_end(Other *other, int signum) {
  int status;
  if (signum != 0)
    kill(other->pid, signum);
  close(other->in);
  g_assert_cmpint(waitpid(other->pid, &status, 0), ==, other->pid);
  close(other->out);
}

/* --- ---- */

static void test_folder_and_file(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_autoptr(PinoLock) lock = pino_lock_take(f->run, f->home, &error);
  g_assert_no_error(error);
  g_autofree char *file = g_build_filename(f->run, "engine.lock", NULL);
  g_autofree char *text = NULL;
  struct stat found;
  g_assert_cmpint(stat(f->run, &found), ==, 0);
  g_assert_cmpint(found.st_mode & 07777, ==, 0700);
  g_assert_cmpint(stat(file, &found), ==, 0);
  g_assert_cmpint(found.st_mode & 07777, ==, 0600);
  g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
  g_assert_cmpint(atoi(text), ==, getpid());
}

static void test_second_is_refused(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  Other other = other_start(f->run, G_SPAWN_DEFAULT);
  other_go(&other);
  g_autofree char *said = other_says(&other);
  g_assert_cmpstr(said, ==, "held");
  g_assert_null(pino_lock_take(f->run, f->home, &error));
  g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
  g_autofree char *process = g_strdup_printf("process %d", (int)other.pid);
  g_assert_nonnull(strstr(error->message, process));
  g_assert_nonnull(strstr(error->message, f->home));
  g_assert_cmpint(pino_lock_holder(f->run), ==, other.pid);
  other_end(&other, 0);
}

static void test_killed_holder(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  Other other = other_start(f->run, G_SPAWN_DEFAULT);
  other_go(&other);
  g_autofree char *said = other_says(&other);
  g_assert_cmpstr(said, ==, "held");
  other_end(&other, SIGKILL);
  /* The file still says the dead one's number. */
  g_assert_cmpint(pino_lock_holder(f->run), ==, 0);
  g_autoptr(PinoLock) lock = pino_lock_take(f->run, f->home, &error);
  g_assert_no_error(error);
  g_assert_cmpint(pino_lock_holder(f->run), ==, getpid());
}

static void test_file_alone_names_nobody(Fixture *f, gconstpointer data) {
  g_autofree char *file = g_build_filename(f->run, "engine.lock", NULL);
  g_autofree char *text = g_strdup_printf("%d\n", (int)getppid());
  g_assert_cmpint(pino_lock_holder(f->run), ==, 0);
  g_mkdir_with_parents(f->run, 0700);
  g_assert_true(g_file_set_contents(file, text, -1, NULL));
  g_assert_cmpint(pino_lock_holder(f->run), ==, 0);
}

static void test_released(Fixture *f, gconstpointer data) {
  PinoLock *lock = pino_lock_take(f->run, f->home, NULL);
  pino_lock_free(lock);
  g_assert_cmpint(pino_lock_holder(f->run), ==, 0);
  lock = pino_lock_take(f->run, f->home, NULL);
  g_assert_nonnull(lock);
  pino_lock_free(lock);
}

static void test_race(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 50; i++) {
    Other others[2] = {other_start(f->run, G_SPAWN_DEFAULT), other_start(f->run, G_SPAWN_DEFAULT)};
    guint held = 0, refused = 0;
    for (guint j = 0; j < 2; j++)
      other_go(&others[j]);
    for (guint j = 0; j < 2; j++) {
      g_autofree char *said = other_says(&others[j]);
      held += g_str_equal(said, "held");
      refused += g_str_has_prefix(said, "an engine already runs on HOME (process ");
    }
    g_assert_cmpuint(held, ==, 1);
    g_assert_cmpuint(refused, ==, 1);
    for (guint j = 0; j < 2; j++)
      other_end(&others[j], 0);
  }
}

static gpointer let_go(gpointer fd) {
  g_usleep(20000);
  close(GPOINTER_TO_INT(fd));
  return NULL;
}

/* Who asks for the holder has the lock himself for a moment: an engine that starts then must not be refused. */
static void test_asking_is_harmless(Fixture *f, gconstpointer data) {
  g_autofree char *file = g_build_filename(f->run, "engine.lock", NULL);
  g_mkdir_with_parents(f->run, 0700);
  g_assert_true(g_file_set_contents(file, "1\n", -1, NULL));
  for (guint i = 0; i < 5; i++) {
    g_autoptr(GError) error = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(flock(fd, LOCK_SH | LOCK_NB), ==, 0);
    GThread *thread = g_thread_new("asks", let_go, GINT_TO_POINTER(fd));
    g_autoptr(PinoLock) lock = pino_lock_take(f->run, f->home, &error);
    g_assert_no_error(error);
    g_thread_join(thread);
  }
}

/* A child of the engine, whatever it is, must not keep the lock after it. */
static void test_children_do_not_hold(Fixture *f, gconstpointer data) {
  PinoLock *lock = pino_lock_take(f->run, f->home, NULL);
  Other child = other_start(f->home, G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
  pino_lock_free(lock);
  lock = pino_lock_take(f->run, f->home, NULL);
  g_assert_nonnull(lock);
  pino_lock_free(lock);
  other_end(&child, SIGKILL);
}

static void test_no_locks_there(Fixture *f, gconstpointer data) {
  static const int numbers[] = {ENOLCK, ENOTSUP, ENOSYS};
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    g_autoptr(GError) error = NULL;
    g_private_set(&problem, GINT_TO_POINTER(numbers[i]));
    g_assert_null(pino_lock_take(f->run, f->home, &error));
    g_assert_cmpint(pino_lock_holder(f->run), ==, 0);
    g_private_set(&problem, NULL);
    g_assert_error(error, PINO_ERROR, PINO_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "local disk"));
  }
}

static void test_in_the_way(Fixture *f, gconstpointer data) {
  g_autoptr(GError) folder = NULL;
  g_autoptr(GError) linked = NULL;
  g_autofree char *file = g_build_filename(f->run, "engine.lock", NULL);
  g_mkdir_with_parents(file, 0700);
  g_assert_null(pino_lock_take(f->run, f->home, &folder));
  g_assert_error(folder, PINO_ERRNO, EISDIR);
  g_assert_cmpint(rmdir(file), ==, 0);
  g_assert_cmpint(symlink("/dev/null", file), ==, 0);
  g_assert_null(pino_lock_take(f->run, f->home, &linked));
  g_assert_error(linked, PINO_ERRNO, ELOOP);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "hold") == 0)
    return hold(argv[2]);
  g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/engine/lock/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("makes-folder-and-file", test_folder_and_file);
  ADD("second-engine-is-refused", test_second_is_refused);
  ADD("ends-with-a-killed-holder", test_killed_holder);
  ADD("the-file-alone-names-nobody", test_file_alone_names_nobody);
  ADD("released", test_released);
  ADD("fifty-races-have-one-winner", test_race);
  ADD("asking-is-harmless", test_asking_is_harmless);
  ADD("children-do-not-hold-it", test_children_do_not_hold);
  ADD("file-system-without-locks", test_no_locks_there);
  ADD("something-in-the-way", test_in_the_way);
  return g_test_run();
}
