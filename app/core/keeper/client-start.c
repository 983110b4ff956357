#include "keeper/client-private.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "keeper/protocol.h"

#define CONTROL_FD 3
#define DEFAULT_GRACE_MS 5000

extern char **environ;

/* ---- what a spec must be ---- */

static gboolean id_is_plain(const char *id) {
  return id != NULL && *id != '\0' && strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(id);
}

static gboolean check_spec(const PinoKeeperSpec *spec, GError **error) {
  const char *mistake = NULL;
  if (spec->argv == NULL || spec->argv[0] == NULL)
    mistake = "there is no command";
  else if (spec->log_path == NULL)
    mistake = "there is no log file";
  else if (spec->id != NULL && !id_is_plain(spec->id))
    mistake = "the id may hold letters, digits, '.', '_' and '-' only";
  else if (spec->detached && (spec->id == NULL || spec->run_dir == NULL))
    mistake = "a detached command needs an id and a folder for its socket";
  if (mistake == NULL)
    return TRUE;
  g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "cannot start a keeper: %s", mistake);
  return FALSE;
}

static gboolean make_folder(const char *path, GError **error) {
  if (g_mkdir_with_parents(path, 0700) == 0)
    return TRUE;
  pino_error_set_errno(error, errno, "mkdir", path);
  return FALSE;
}

static gboolean make_folders(const PinoKeeperSpec *spec, GError **error) {
  g_autofree char *log_dir = g_path_get_dirname(spec->log_path);
  return make_folder(log_dir, error) && (!spec->detached || make_folder(spec->run_dir, error));
}

static char *find_program(const char *given, GError **error) {
  if (given != NULL)
    return g_canonicalize_filename(given, NULL);
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : g_strdup(".");
  const char *named = g_getenv("PINOKIOCLOUD_KEEPER");
  char *places[] = {
      g_build_filename(folder, "pinokiocloud-keeper", NULL),
      g_build_filename(folder, "..", "libexec", "pinokiocloud", "pinokiocloud-keeper", NULL),
      g_strdup(named != NULL ? named : ""),
  };
  char *found = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
    if (found == NULL && g_file_test(places[i], G_FILE_TEST_IS_EXECUTABLE))
      found = g_canonicalize_filename(places[i], NULL);
    g_free(places[i]);
  }
  if (found == NULL)
    g_set_error(
        error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
        "the program pinokiocloud-keeper is not beside '%s'; install it, or name it in PINOKIOCLOUD_KEEPER",
        self != NULL ? self : "this program");
  return found;
}

/* ---- starting the process ---- */

static void add_option(GPtrArray *args, const char *name, char *value) {
  g_ptr_array_add(args, g_strdup(name));
  g_ptr_array_add(args, value);
}

static char *run_path(const char *run_dir, const char *id, const char *suffix) {
  g_autofree char *name = g_strconcat(id, suffix, NULL);
  g_autofree char *path = g_build_filename(run_dir, name, NULL);
  return g_canonicalize_filename(path, NULL);
}

/* All paths are made absolute: the keeper does not stay in the engine's folder. */
static GPtrArray *build_args(const PinoKeeperSpec *spec, const char *program, guint grace_ms) {
  GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(args, g_strdup(program));
  add_option(args, "--control", g_strdup_printf("%d", CONTROL_FD));
  add_option(args, "--log", g_canonicalize_filename(spec->log_path, NULL));
  add_option(args, "--cols", g_strdup_printf("%u", spec->cols > 0 ? MIN(spec->cols, G_MAXUINT16) : 80));
  add_option(args, "--rows", g_strdup_printf("%u", spec->rows > 0 ? MIN(spec->rows, G_MAXUINT16) : 24));
  add_option(args, "--grace", g_strdup_printf("%u", grace_ms));
  add_option(args, "--cwd",
             spec->cwd != NULL ? g_canonicalize_filename(spec->cwd, NULL) : g_get_current_dir());
  if (spec->id != NULL)
    add_option(args, "--id", g_strdup(spec->id));
  if (spec->detached) {
    add_option(args, "--listen", run_path(spec->run_dir, spec->id, ".sock"));
    add_option(args, "--status", run_path(spec->run_dir, spec->id, ".json"));
  }
  g_ptr_array_add(args, g_strdup("--"));
  for (const char *const *arg = spec->argv; *arg != NULL; arg++)
    g_ptr_array_add(args, g_strdup(*arg));
  g_ptr_array_add(args, NULL);
  return args;
}

/* The keeper gets one descriptor, no signal setting of a thread of ours, and a session of its own: what is typed at
 * the engine's terminal is for the engine. */
static int spawn_keeper(GPtrArray *args, const char *const *env, int control, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  int failed = posix_spawn_file_actions_adddup2(&files, control, CONTROL_FD);
  for (int fd = 0; fd < 3 && failed == 0; fd++)
    failed = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  if (failed == 0)
    failed = posix_spawn_file_actions_addclosefrom_np(&files, CONTROL_FD + 1);
  if (failed == 0)
    failed = posix_spawn_file_actions_addchdir_np(&files, "/");
  if (failed == 0) {
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    failed = posix_spawn(pid, g_ptr_array_index(args, 0), &files, &attributes, (char *const *)args->pdata,
                         env != NULL ? (char *const *)env : environ);
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return failed;
}

static gboolean start_process(PinoKeeper *keeper, const PinoKeeperSpec *spec, GError **error) {
  g_autofree char *program = find_program(spec->program, error);
  if (program == NULL)
    return FALSE;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    pino_error_set_errno(error, errno, "socketpair", NULL);
    return FALSE;
  }
  g_autoptr(GPtrArray) args = build_args(spec, program, keeper->grace_ms);
  int failed = spawn_keeper(args, spec->env, ends[1], &keeper->child);
  close(ends[1]);
  keeper->fd = ends[0];
  if (failed == 0)
    return TRUE;
  keeper->child = 0;
  pino_error_set_errno(error, failed, "posix_spawn", program);
  return FALSE;
}

PinoKeeper *pino_keeper_spawn(const PinoKeeperSpec *spec, const PinoKeeperEvents *events, gpointer user_data,
                              GError **error) {
  if (!check_spec(spec, error) || !make_folders(spec, error))
    return NULL;
  g_autofree char *log_path = g_canonicalize_filename(spec->log_path, NULL);
  g_autoptr(PinoKeeper) keeper = pino_keeper_new(events, user_data, spec->argv[0], log_path);
  keeper->grace_ms = spec->grace_ms > 0 ? spec->grace_ms : DEFAULT_GRACE_MS;
  if (spec->detached)
    keeper->status_path = run_path(spec->run_dir, spec->id, ".json");
  gboolean started = start_process(keeper, spec, error) && pino_keeper_greet(keeper, spec->cwd, error);
  if (spec->detached) /* the keeper itself is a child of that one, which is gone as soon as the socket listens */
    (void)pino_keeper_reap(keeper);
  if (!started)
    return NULL;
  pino_keeper_watch(keeper);
  return g_steal_pointer(&keeper);
}

/* ---- finding a detached one again ---- */

gboolean pino_keeper_read_status(const char *path, int *wait_status, guint *flags, pid_t *pid) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (path == NULL || !json_parser_load_from_file(parser, path, NULL))
    return FALSE;
  JsonNode *root = json_parser_get_root(parser);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  if (object == NULL || !json_object_has_member(object, "wait_status"))
    return FALSE;
  *wait_status = (int)json_object_get_int_member_with_default(object, "wait_status", 0);
  *flags = (guint)json_object_get_int_member_with_default(object, "flags", 0);
  if (pid != NULL)
    *pid = (pid_t)json_object_get_int_member_with_default(object, "pid", 0);
  return TRUE;
}

/* The folder goes by its descriptor, since the path of a socket must be short. Returns a socket, or -1 and errno. */
static int connect_to(const char *run_dir, const char *id) {
  int folder = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return -1;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s.sock", folder, id);
  int fd = -1, failure = ENAMETOOLONG;
  if ((gsize)length < sizeof address.sun_path) {
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    failure = fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
  }
  close(folder);
  if (failure != 0 && fd >= 0)
    close(fd);
  errno = failure;
  return failure == 0 ? fd : -1;
}

PinoKeeper *pino_keeper_attach(const char *run_dir, const char *id, const char *log_path, guint64 offset,
                               const PinoKeeperEvents *events, gpointer user_data, GError **error) {
  if (!id_is_plain(id)) {
    g_set_error(error, PINO_ERROR, PINO_ERROR_USAGE, "'%s' is no name of a keeper", id != NULL ? id : "");
    return NULL;
  }
  g_autofree char *log = g_canonicalize_filename(log_path, NULL);
  g_autoptr(PinoKeeper) keeper = pino_keeper_new(events, user_data, id, log);
  keeper->status_path = run_path(run_dir, id, ".json");
  keeper->fd = connect_to(run_dir, id);
  int failure = keeper->fd < 0 ? errno : 0, wait_status;
  guint flags;
  g_autoptr(GError) silent = NULL;
  if (keeper->fd < 0 || !pino_keeper_greet(keeper, NULL, &silent)) {
    if (!pino_keeper_read_status(keeper->status_path, &wait_status, &flags, &keeper->command_pid)) {
      if (silent != NULL)
        g_propagate_error(error, g_steal_pointer(&silent));
      else
        g_set_error(error, PINO_ERROR, PINO_ERROR_NOT_FOUND,
                    "the keeper '%s' is gone and left no word of its end: %s", id, g_strerror(failure));
      return NULL;
    }
    if (keeper->fd >= 0)
      close(keeper->fd);
    keeper->fd = -1;
    g_byte_array_set_size(keeper->in, 0);
  }
  keeper->offset = offset;
  pino_keeper_watch(keeper);
  return g_steal_pointer(&keeper);
}
