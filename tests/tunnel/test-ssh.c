/* ssh -R to a real server on loopback: the address leads to the gate's port. */
#include <arpa/inet.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watch.h"

#define SSHD "/usr/sbin/sshd"
#define QUIET (G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL)
#define ANSWER "it is the gate"

typedef struct {
  Watch watch;
  guint16 port;          /* of the SSH server */
  pid_t server, keyring; /* 0: none */
  GSocketService *gate;
  char *name; /* user@127.0.0.1:PORT */
} Fixture;

/* --- what is outside -------------------------------------------------------------------------------------- */

static gboolean succeeds(const char *const *argv) {
  g_autoptr(GError) error = NULL;
  int status;
  g_spawn_sync(NULL, (char **)argv, NULL, QUIET | G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
               &error);
  g_assert_no_error(error);
  return status == 0;
}

/* What helps a test ends with it, even one that was aborted. Only async-signal-safe calls here. */
static void die_with_parent(gpointer data) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static pid_t spawn(const char *const *argv) {
  g_autoptr(GError) error = NULL;
  GPid pid = 0;
  g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | QUIET, die_with_parent, NULL, &pid,
                &error);
  g_assert_no_error(error);
  return pid;
}

static void end(pid_t *pid) {
  if (*pid == 0)
    return;
  (void)kill(*pid, SIGTERM);
  (void)waitpid(*pid, NULL, 0);
  *pid = 0;
}

/* A socket connected to that port of loopback, or -1. */
static int connect_to(guint16 port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close(fd);
  return -1;
}

static gboolean listens(guint16 port) {
  int fd = connect_to(port);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

static guint16 free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
  close(fd);
  return ntohs(address.sin_port);
}

static gboolean on_visitor(GSocketService *service, GSocketConnection *visitor, GObject *source,
                           gpointer data) {
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(visitor));
  (void)g_output_stream_write_all(out, ANSWER, strlen(ANSWER), NULL, NULL, NULL);
  (void)g_io_stream_close(G_IO_STREAM(visitor), NULL, NULL);
  return TRUE;
}

static void make_key(Fixture *fixture, const char *name) {
  g_autofree char *path = place_file(&fixture->watch.place, name);
  const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, NULL};
  g_assert_true(succeeds(argv));
}

/* options: of the user's key, as authorized_keys takes them. */
static void allow_key(Fixture *fixture, const char *options) {
  g_autofree char *key = watch_read(&fixture->watch, "key.pub");
  g_autofree char *line = g_strconcat(options, " ", key, NULL);
  g_autofree char *path = place_file(&fixture->watch.place, "allowed");
  g_assert_true(g_file_set_contents(path, g_strchug(line), -1, NULL));
}

/* The server does as root what it does for any user, but wants a folder that only the system's start makes. */
static void start_server(Fixture *fixture) {
  const char *dir = fixture->watch.place.dir;
  g_autofree char *config = place_file(&fixture->watch.place, "sshd_config");
  g_autofree char *text =
      g_strdup_printf("ListenAddress 127.0.0.1:%u\nHostKey %s/host\nAuthorizedKeysFile %s/allowed\n"
                      "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n"
                      "KbdInteractiveAuthentication no\nPermitRootLogin yes\n",
                      fixture->port, dir, dir);
  const char *argv[] = {SSHD, "-D", "-e", "-f", config, NULL};
  g_assert_true(g_file_set_contents(config, text, -1, NULL));
  if (getuid() == 0)
    (void)g_mkdir_with_parents("/run/sshd", 0755);
  fixture->server = spawn(argv);
  wait_for(listens(fixture->port));
}

/* ssh looks for keys in the home that the system names, so the test's own comes from an agent of keys. */
static void start_keyring(Fixture *fixture) {
  g_autofree char *socket = place_file(&fixture->watch.place, "keys.sock");
  g_autofree char *key = place_file(&fixture->watch.place, "key");
  const char *argv[] = {"/usr/bin/ssh-agent", "-D", "-a", socket, NULL},
             *add[] = {"ssh-add", "-q", key, NULL};
  fixture->keyring = spawn(argv);
  g_setenv("SSH_AUTH_SOCK", socket, TRUE);
  wait_for(succeeds(add));
}

static void set_up(Fixture *fixture, gconstpointer data) {
  watch_init(&fixture->watch);
  fixture->gate = g_socket_service_new();
  fixture->watch.spec.gate_port =
      g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(fixture->gate), NULL, NULL);
  g_signal_connect(fixture->gate, "incoming", G_CALLBACK(on_visitor), NULL);
  fixture->port = free_port();
  fixture->name = g_strdup_printf("%s@127.0.0.1:%u", g_get_user_name(), fixture->port);
  fixture->watch.spec.ssh = fixture->name;
  if (!g_file_test(SSHD, G_FILE_TEST_IS_EXECUTABLE))
    return;
  make_key(fixture, "host");
  make_key(fixture, "key");
  allow_key(fixture, "");
  start_server(fixture);
  start_keyring(fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
  watch_clear(&fixture->watch);
  end(&fixture->server);
  end(&fixture->keyring);
  g_unsetenv("SSH_AUTH_SOCK");
  g_socket_service_stop(fixture->gate);
  g_socket_listener_close(G_SOCKET_LISTENER(fixture->gate));
  g_object_unref(fixture->gate);
  g_free(fixture->name);
}

/* --- the tests ------------------------------------------------------------------------------------------ */

/* What a visitor of http://127.0.0.1:PORT gets; NULL when nobody listens. */
static char *visit(const char *address) {
  const char *colon = strrchr(address, ':');
  char got[64] = "";
  gsize length = 0;
  ssize_t now = 1;
  int fd = connect_to((guint16)g_ascii_strtoull(colon + 1, NULL, 10));
  if (fd < 0)
    return NULL;
  gint64 until = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;
  while (now != 0 && length < strlen(ANSWER)) {
    turn(until, "an answer through the tunnel");
    now = recv(fd, got + length, sizeof got - 1 - length, MSG_DONTWAIT);
    length += now > 0 ? (gsize)now : 0;
  }
  close(fd);
  return g_strdup(got);
}

static void assert_leads_here(const char *address) {
  g_assert_true(g_str_has_prefix(address, "http://127.0.0.1:"));
  g_autofree char *answer = visit(address);
  g_assert_cmpstr(answer, ==, ANSWER);
}

static void test_address(Fixture *fixture, gconstpointer data) {
  watch_start(&fixture->watch, "ssh");
  assert_leads_here(watch_address(&fixture->watch, 1));
  g_autofree char *hosts = watch_read(&fixture->watch, "run/tunnels/known_hosts");
  g_assert_nonnull(strstr(hosts, "ssh-ed25519"));
}

/* ssh ends with the session; the tunnel must not. */
static void test_no_session(Fixture *fixture, gconstpointer data) {
  allow_key(fixture, "command=\"echo this account is not available; exit 1\"");
  watch_start(&fixture->watch, "ssh");
  wait_for(watch_said(&fixture->watch, "this account is not available"));
  assert_leads_here(watch_address(&fixture->watch, 2));
}

static void test_refused(Fixture *fixture, gconstpointer data) {
  end(&fixture->keyring);
  g_unsetenv("SSH_AUTH_SOCK");
  watch_start(&fixture->watch, "ssh");
  watch_failure(&fixture->watch, PINO_TUNNEL_TOKEN, "Permission denied (publickey");
}

static void test_forwarding_refused(Fixture *fixture, gconstpointer data) {
  allow_key(fixture, "no-port-forwarding");
  watch_start(&fixture->watch, "ssh");
  watch_failure(&fixture->watch, PINO_TUNNEL_ENDED, "remote port forwarding failed");
}

static void test_nobody_there(Fixture *fixture, gconstpointer data) {
  end(&fixture->server);
  watch_start(&fixture->watch, "ssh");
  watch_failure(&fixture->watch, PINO_TUNNEL_ENDED, "Connection refused");
}

/* The key of a server that was met before must not change. */
static void test_other_server(Fixture *fixture, gconstpointer data) {
  g_autofree char *folder = g_build_filename(fixture->watch.place.run_dir, "tunnels", NULL);
  g_autofree char *path = g_build_filename(folder, "known_hosts", NULL),
                  *key = watch_read(&fixture->watch, "key.pub");
  g_autofree char *line = g_strdup_printf("[127.0.0.1]:%u %s", fixture->port, key);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, line, -1, NULL));
  watch_start(&fixture->watch, "ssh");
  watch_failure(&fixture->watch, PINO_TUNNEL_ENDED, "Host key verification failed");
}

/* The processes of the server that serve our connection. */
static void cut_connection(Fixture *fixture) {
  g_autofree char *path =
      g_strdup_printf("/proc/%d/task/%d/children", (int)fixture->server, (int)fixture->server);
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_auto(GStrv) pids = g_strsplit(g_strstrip(text), " ", -1);
  g_assert_nonnull(pids[0]);
  for (char **pid = pids; *pid != NULL; pid++)
    (void)kill((pid_t)g_ascii_strtoll(*pid, NULL, 10), SIGKILL);
}

static void test_cut(Fixture *fixture, gconstpointer data) {
  watch_start(&fixture->watch, "ssh");
  watch_address(&fixture->watch, 1);
  cut_connection(fixture);
  wait_for(fixture->watch.failed);
  const char *text = fixture->watch.text; /* depends on whether ssh was reading or writing */
  g_assert_cmpint(fixture->watch.why, ==, PINO_TUNNEL_ENDED);
  g_assert_true(strstr(text, "closed by remote host") != NULL || strstr(text, "send disconnect") != NULL);
}

static void test_stop(Fixture *fixture, gconstpointer data) {
  watch_start(&fixture->watch, "ssh");
  g_autofree char *address = g_strdup(watch_address(&fixture->watch, 1));
  pino_agent_stop(fixture->watch.agent);
  g_clear_pointer(&fixture->watch.agent, pino_agent_free);
  guint16 port = (guint16)g_ascii_strtoull(strrchr(address, ':') + 1, NULL, 10);
  wait_for(!listens(port));
}

static void needing_a_server(Fixture *fixture, gconstpointer data) {
  void (*const *test)(Fixture * fixture, gconstpointer data) = data;
  if (fixture->server == 0)
    g_test_skip(SSHD " is not here");
  else
    (*test)(fixture, NULL);
}

static const struct {
  const char *name;
  void (*test)(Fixture *fixture, gconstpointer data);
} tests[] = {
    {"/tunnel/ssh/address-leads-here", test_address},
    {"/tunnel/ssh/an-account-without-a-session", test_no_session},
    {"/tunnel/ssh/a-key-that-is-refused", test_refused},
    {"/tunnel/ssh/forwarding-that-is-refused", test_forwarding_refused},
    {"/tunnel/ssh/nobody-listens", test_nobody_there},
    {"/tunnel/ssh/another-server-with-the-name", test_other_server},
    {"/tunnel/ssh/a-connection-that-is-cut", test_cut},
    {"/tunnel/ssh/stop-closes-the-port", test_stop},
};

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, &tests[i].test, set_up, needing_a_server, tear_down);
  return g_test_run();
}
