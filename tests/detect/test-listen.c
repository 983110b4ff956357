/* Real sockets of real processes are found by /proc, and nothing else is. */
#include "detect/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A socket bound to an address; port 0: one is chosen. Gives -1 when this machine has no such address. */
static int bind_socket(const char *address, guint16 port, int type, gboolean reuse) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
  gboolean is_six = strchr(address, ':') != NULL;
  int on = 1, fd = socket(is_six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof on);
  g_assert_cmpint(inet_pton(is_six ? AF_INET6 : AF_INET, address,
                            is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr),
                  ==, 1);
  int bound = is_six ? bind(fd, (struct sockaddr *)&six, sizeof six)
                     : bind(fd, (struct sockaddr *)&four, sizeof four);
  if (bound == 0)
    return fd;
  close(fd);
  return -1;
}

static guint16 port_of(int fd) {
  struct sockaddr_in6 address;
  socklen_t size = sizeof address;
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
  return ntohs(address.sin6_port); /* at the same place in both families */
}

static int listen_at(const char *address, guint16 *port) {
  int fd = bind_socket(address, 0, SOCK_STREAM, FALSE);
  if (fd < 0)
    return -1;
  g_assert_cmpint(listen(fd, 8), ==, 0);
  *port = port_of(fd);
  return fd;
}

/* What is found on one port. */
static guint count_port(const GArray *found, guint16 port, PinoListener *listener) {
  guint count = 0;
  for (guint i = 0; i < found->len; i++) {
    const PinoListener *one = &g_array_index(found, PinoListener, i);
    if (one->port != port)
      continue;
    *listener = *one;
    count++;
  }
  return count;
}

static void check(pid_t pid, guint16 port, const char *address, gboolean every, gboolean loopback) {
  PinoListener listener = {0};
  g_autoptr(GArray) found = pino_listen_find(&pid, 1);
  g_assert_cmpuint(count_port(found, port, &listener), ==, 1);
  g_assert_cmpstr(listener.address, ==, address);
  g_assert_cmpint(listener.every_interface, ==, every);
  g_assert_cmpint(listener.loopback, ==, loopback);
  g_assert_cmpint(listener.pid, ==, pid);
  g_assert_cmpint(pino_listen_on_all(port), ==, every);
}

static void check_nothing(pid_t pid, guint16 port) {
  PinoListener listener;
  g_autoptr(GArray) found = pino_listen_find(&pid, 1);
  g_assert_cmpuint(count_port(found, port, &listener), ==, 0);
}

/* --- addresses ---------------------------------------------------------------------------------------- */

typedef struct {
  const char *name, *address, *shown;
  gboolean every, loopback;
} Address;

static const Address ADDRESSES[] = {
    {"v4-loopback", "127.0.0.1", "127.0.0.1", FALSE, TRUE},
    {"v4-other-loopback", "127.1.2.3", "127.1.2.3", FALSE, TRUE},
    {"v4-every-interface", "0.0.0.0", "0.0.0.0", TRUE, FALSE},
    {"v6-loopback", "::1", "::1", FALSE, TRUE},
    {"both-families", "::", "::", TRUE, FALSE},
    {"v4-in-v6", "::ffff:127.0.0.1", "127.0.0.1", FALSE, TRUE},
};

static void test_address(gconstpointer data) {
  const Address *one = data;
  guint16 port = 0;
  int fd = listen_at(one->address, &port);
  if (fd < 0) {
    g_test_skip("this machine has no such address");
    return;
  }
  check(getpid(), port, one->shown, one->every, one->loopback);
  close(fd);
  check_nothing(getpid(), port);
  g_assert_false(pino_listen_on_all(port));
}

static void test_only_listening(void) {
  guint16 port = 0;
  int bound = bind_socket("127.0.0.1", 0, SOCK_STREAM, FALSE);
  check_nothing(getpid(), port_of(bound));
  int udp = bind_socket("0.0.0.0", 0, SOCK_DGRAM, FALSE);
  check_nothing(getpid(), port_of(udp));
  g_assert_false(pino_listen_on_all(port_of(udp)));
  int server = listen_at("127.0.0.1", &port), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  g_assert_cmpint(connect(client, (struct sockaddr *)&address, sizeof address), ==, 0);
  int accepted = accept(server, NULL, NULL);
  check_nothing(getpid(), port_of(client));
  check(getpid(), port, "127.0.0.1", FALSE, TRUE);
  close(server);
  check_nothing(getpid(), port); /* a connection goes on */
  close(accepted);
  close(client);
  close(udp);
  close(bound);
}

static void test_order(void) {
  guint16 ports[2];
  int first = listen_at("127.0.0.1", &ports[0]), second = listen_at("127.0.0.1", &ports[1]);
  int both = bind_socket("127.0.0.2", ports[0], SOCK_STREAM, FALSE);
  g_assert_cmpint(listen(both, 8), ==, 0);
  pid_t pid = getpid();
  g_autoptr(GArray) found = pino_listen_find(&pid, 1);
  g_assert_cmpuint(found->len, >=, 3);
  for (guint i = 1; i < found->len; i++) {
    const PinoListener *left = &g_array_index(found, PinoListener, i - 1), *right = left + 1;
    g_assert_true(left->port < right->port ||
                  (left->port == right->port && strcmp(left->address, right->address) < 0));
  }
  close(first);
  close(second);
  close(both);
}

/* --- processes ---------------------------------------------------------------------------------------- */

typedef guint16 (*ChildStart)(gpointer data);

/* A child that runs start, tells the port that it gave, and stays until it is ended. Gives 0 for port when start failed. */
static pid_t start_child(ChildStart start, gpointer data, guint16 *port) {
  int told[2];
  g_assert_cmpint(pipe(told), ==, 0);
  pid_t parent = getpid(), pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    guint16 answer = start(data);
    if (write(told[1], &answer, sizeof answer) != sizeof answer || getppid() != parent)
      _exit(1);
    for (;;)
      pause();
  }
  close(told[1]);
  g_assert_cmpint(read(told[0], port, sizeof *port), ==, sizeof *port);
  close(told[0]);
  return pid;
}

static void end_child(pid_t pid) {
  kill(pid, SIGKILL);
  g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static guint16 child_listens(gpointer data) {
  guint16 port = 0;
  return listen_at("127.0.0.1", &port) >= 0 ? port : 0;
}

static void test_child(void) {
  guint16 port;
  pid_t child = start_child(child_listens, NULL, &port);
  check(child, port, "127.0.0.1", FALSE, TRUE);
  check_nothing(getpid(), port);
  pid_t both[] = {getpid(), child};
  PinoListener listener = {0};
  g_autoptr(GArray) found = pino_listen_find(both, 2);
  g_assert_cmpuint(count_port(found, port, &listener), ==, 1);
  g_assert_cmpint(listener.pid, ==, child);
  end_child(child);
  check_nothing(child, port);
}

static guint16 child_inherits(gpointer data) {
  return port_of(*(int *)data);
}

static void test_inherited(void) {
  guint16 port, same;
  int fd = listen_at("127.0.0.1", &port);
  pid_t child = start_child(child_inherits, &fd, &same);
  pid_t orders[2][2] = {{getpid(), child}, {child, getpid()}};
  for (int i = 0; i < 2; i++) {
    PinoListener listener = {0};
    g_autoptr(GArray) found = pino_listen_find(orders[i], 2);
    g_assert_cmpuint(count_port(found, port, &listener), ==, 1);
    g_assert_cmpint(listener.pid, ==, orders[i][0]);
  }
  close(fd);
  check(child, port, "127.0.0.1", FALSE, TRUE);
  end_child(child);
}

static guint16 child_shares(gpointer data) {
  guint16 port = *(guint16 *)data;
  int fd = bind_socket("127.0.0.1", port, SOCK_STREAM, TRUE);
  return fd >= 0 && listen(fd, 8) == 0 ? port : 0;
}

static void test_reuseport(void) {
  int fd = bind_socket("127.0.0.1", 0, SOCK_STREAM, TRUE);
  g_assert_cmpint(listen(fd, 8), ==, 0);
  guint16 port = port_of(fd), same;
  pid_t first = start_child(child_shares, &port, &same);
  g_assert_cmpuint(same, ==, port);
  pid_t second = start_child(child_shares, &port, &same);
  g_assert_cmpuint(same, ==, port);
  pid_t orders[2][2] = {{first, second}, {second, first}};
  for (int i = 0; i < 2; i++) {
    PinoListener listener = {0};
    g_autoptr(GArray) found = pino_listen_find(orders[i], 2);
    g_assert_cmpuint(count_port(found, port, &listener), ==, 1);
    g_assert_cmpint(listener.pid, ==, orders[i][0]);
  }
  end_child(first);
  end_child(second);
  close(fd);
}

static guint16 child_in_own_network(gpointer data) {
  guint16 port = 0;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
    return 0;
  return listen_at("0.0.0.0", &port) >= 0 ? port : 0;
}

static void test_other_network(void) {
  guint16 inside, outside;
  pid_t child = start_child(child_in_own_network, NULL, &inside);
  if (inside == 0) {
    end_child(child);
    g_test_skip("no network namespaces here");
    return;
  }
  int fd = listen_at("127.0.0.1", &outside);
  pid_t both[] = {getpid(), child};
  PinoListener listener = {0};
  g_autoptr(GArray) found = pino_listen_find(both, 2);
  g_assert_cmpuint(count_port(found, inside, &listener), ==, 1);
  g_assert_cmpint(listener.pid, ==, child);
  g_assert_cmpuint(count_port(found, outside, &listener), ==, 1);
  g_assert_cmpint(listener.pid, ==, getpid());
  g_assert_false(pino_listen_on_all(inside)); /* that is not our network */
  close(fd);
  end_child(child);
}

static void test_no_such_process(void) {
  static const pid_t PIDS[] = {0, -1, G_MAXINT, 1 << 30};
  g_autoptr(GArray) found = pino_listen_find(PIDS, G_N_ELEMENTS(PIDS));
  g_assert_cmpuint(found->len, ==, 0);
  g_autoptr(GArray) none = pino_listen_find(NULL, 0);
  g_assert_cmpuint(none->len, ==, 0);
}

/* Processes end at any moment while they are looked at: those that stay are found each time. */
static void test_vanishing(void) {
  guint16 port;
  int fd = listen_at("127.0.0.1", &port);
  for (int round = 0; round < 200; round++) {
    pid_t pids[9];
    for (int i = 0; i < 8; i++) {
      pids[i] = fork();
      if (pids[i] == 0) {
        usleep((useconds_t)(i * 50));
        _exit(0);
      }
    }
    pids[8] = getpid();
    PinoListener listener;
    g_autoptr(GArray) found = pino_listen_find(pids, G_N_ELEMENTS(pids));
    g_assert_cmpuint(count_port(found, port, &listener), ==, 1);
    for (int i = 0; i < 8; i++)
      waitpid(pids[i], NULL, 0);
  }
  close(fd);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(ADDRESSES); i++) {
    g_autofree char *path = g_strdup_printf("/detect/listen/%s", ADDRESSES[i].name);
    g_test_add_data_func(path, &ADDRESSES[i], test_address);
  }
  g_test_add_func("/detect/listen/only-listening-sockets", test_only_listening);
  g_test_add_func("/detect/listen/in-order", test_order);
  g_test_add_func("/detect/listen/child", test_child);
  g_test_add_func("/detect/listen/inherited-once", test_inherited);
  g_test_add_func("/detect/listen/reuseport-once", test_reuseport);
  g_test_add_func("/detect/listen/other-network-namespace", test_other_network);
  g_test_add_func("/detect/listen/no-such-process", test_no_such_process);
  g_test_add_func("/detect/listen/processes-that-vanish", test_vanishing);
  return g_test_run();
}
