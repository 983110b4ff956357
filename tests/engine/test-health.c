/* Whether addresses answer, asked over real sockets. */
#include "engine/health.h"
#include "engine/probe.h"

#include "test_server.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a server that can be told how to behave ---- */

typedef enum {
  WELL,
  HEAD_IS_501, /* and GET is 200 */
  HEAD_IS_CUT, /* the connection is closed */
  BROKEN,      /* 500 for everything */
  NO_HTTP,
  REDIRECTS,
} Manner;

typedef struct {
  GSocketService *service;
  guint16 port;
  gint manner; /* Manner; all three atomic: each connection has a thread */
  gint heads, gets;
} Server;

static const char *answer_of(Manner manner, gboolean head) {
  switch (manner) {
  case HEAD_IS_501:
    return head ? "HTTP/1.0 501 Unsupported method\r\n\r\n" : "HTTP/1.0 200 OK\r\n\r\nyes";
  case HEAD_IS_CUT:
    return head ? "" : "HTTP/1.1 200 OK\r\n\r\nyes";
  case BROKEN:
    return "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n";
  case NO_HTTP:
    return "SSH-2.0-nothing\r\n";
  case REDIRECTS:
    return "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n";
  case WELL:
  default:
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
  }
}

static gboolean on_connection(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
                              gpointer data) {
  Server *server = data;
  char question[2048] = "";
  gsize length = 0;
  GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
  while (length < sizeof question - 1 && strstr(question, "\r\n\r\n") == NULL) {
    gssize more = g_input_stream_read(in, question + length, sizeof question - 1 - length, NULL, NULL);
    if (more <= 0)
      return TRUE;
    length += (gsize)more;
  }
  gboolean head = g_str_has_prefix(question, "HEAD ");
  g_atomic_int_inc(head ? &server->heads : &server->gets);
  const char *answer = answer_of((Manner)g_atomic_int_get(&server->manner), head);
  g_output_stream_write_all(out, answer, strlen(answer), NULL, NULL, NULL);
  return TRUE;
}

/* port 0: any. */
static void server_open(Server *server, guint16 port) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new_from_string("127.0.0.1", port);
  g_autoptr(GSocketAddress) found = NULL;
  server->service = g_threaded_socket_service_new(128);
  g_socket_listener_set_backlog(G_SOCKET_LISTENER(server->service), 256);
  g_socket_listener_add_address(G_SOCKET_LISTENER(server->service), wanted, G_SOCKET_TYPE_STREAM,
                                G_SOCKET_PROTOCOL_TCP, NULL, &found, &error);
  g_assert_no_error(error);
  server->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(found));
  g_signal_connect(server->service, "run", G_CALLBACK(on_connection), server);
  g_socket_service_start(server->service);
}

static void server_close(Server *server) {
  if (server->service == NULL)
    return;
  g_socket_service_stop(server->service);
  g_socket_listener_close(G_SOCKET_LISTENER(server->service));
  g_clear_object(&server->service);
}

/* --- ---- */

typedef struct {
  PinoHealth *health;
  Server server;
  GString *news; /* "1up 2down ": what was reported */
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->health = pino_health_new(1);
  f->news = g_string_new(NULL);
  server_open(&f->server, 0);
}

static void tear_down(Fixture *f, gconstpointer data) {
  pino_health_free(f->health);
  server_close(&f->server);
  g_string_free(f->news, TRUE);
}

static void on_changed(PinoHealth *health, guint id, PinoHealthState state, gpointer data) {
  Fixture *f = data;
  g_assert_cmpint((int)pino_health_state(health, id), ==, (int)state);
  g_string_append_printf(f->news, "%u%s ", id, pino_health_state_name(state));
}

static char *url_of(Server *server, const char *path) {
  return g_strdup_printf("http://127.0.0.1:%u%s", server->port, path);
}

static guint watch(Fixture *f, const char *path) {
  g_autofree char *url = url_of(&f->server, path);
  return pino_health_add(f->health, url, on_changed, f);
}

static gboolean on_wake(gpointer data) {
  return G_SOURCE_CONTINUE;
}

typedef gboolean (*Condition)(Fixture *f, gconstpointer data);

static void wait_until(Fixture *f, Condition condition, gconstpointer data) {
  gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
  guint wake = g_timeout_add(10, on_wake, NULL);
  while (!condition(f, data)) {
    if (g_get_monotonic_time() > end)
      g_error("waited in vain; what came: '%s'", f->news->str);
    g_main_context_iteration(NULL, TRUE);
  }
  g_source_remove(wake);
}

static gboolean has_news(Fixture *f, gconstpointer text) {
  return strstr(f->news->str, text) != NULL;
}

static guint asked(Fixture *f) {
  return (guint)(g_atomic_int_get(&f->server.heads) + g_atomic_int_get(&f->server.gets));
}

static gboolean was_asked(Fixture *f, gconstpointer times) {
  return asked(f) >= GPOINTER_TO_UINT(times);
}

static void wait_asked(Fixture *f, guint more) {
  wait_until(f, was_asked, GUINT_TO_POINTER(asked(f) + more));
}

/* --- tests ---- */

static void test_up(Fixture *f, gconstpointer data) {
  gint64 begin = g_get_monotonic_time();
  guint id = watch(f, "/any/path?with=query");
  g_assert_cmpint((int)pino_health_state(f->health, id), ==, PINO_HEALTH_UNKNOWN);
  g_assert_cmpstr(f->news->str, ==, "");
  wait_until(f, has_news, "1up ");
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 2 * G_USEC_PER_SEC);
  wait_asked(f, 2);
  g_assert_cmpstr(f->news->str, ==, "1up ");
  g_assert_cmpint(g_atomic_int_get(&f->server.gets), ==, 0);
}

/* An app that takes its time is asked until it answers; before, it is not down. */
static void test_late(Fixture *f, gconstpointer data) {
  guint16 port = f->server.port;
  server_close(&f->server);
  guint id = watch(f, "/");
  gint64 begin = g_get_monotonic_time();
  while (g_get_monotonic_time() - begin < 2 * G_USEC_PER_SEC)
    g_main_context_iteration(NULL, FALSE);
  g_assert_cmpint((int)pino_health_state(f->health, id), ==, PINO_HEALTH_UNKNOWN);
  g_assert_cmpstr(f->news->str, ==, "");
  server_open(&f->server, port);
  wait_until(f, has_news, "1up ");
}

static void test_down_and_up(Fixture *f, gconstpointer data) {
  guint16 port = f->server.port;
  watch(f, "/");
  wait_until(f, has_news, "1up ");
  server_close(&f->server);
  gint64 begin = g_get_monotonic_time();
  wait_until(f, has_news, "down ");
  /* Three misses, a second apart: not at the first one. */
  g_assert_cmpint(g_get_monotonic_time() - begin, >, (gint64)(1.4 * G_USEC_PER_SEC));
  g_assert_cmpstr(f->news->str, ==, "1up 1down ");
  server_open(&f->server, port);
  wait_until(f, has_news, "1down 1up ");
}

static void test_a_short_miss(Fixture *f, gconstpointer data) {
  watch(f, "/");
  wait_until(f, has_news, "1up ");
  g_atomic_int_set(&f->server.manner, BROKEN);
  wait_asked(f, 2);
  g_atomic_int_set(&f->server.manner, WELL);
  wait_asked(f, 4);
  g_assert_cmpstr(f->news->str, ==, "1up ");
}

static void check_manner(Fixture *f, Manner manner, gboolean alive) {
  g_string_truncate(f->news, 0);
  g_atomic_int_set(&f->server.manner, (int)manner);
  guint id = watch(f, "/");
  if (alive)
    wait_until(f, has_news, "up ");
  else
    wait_asked(f, 4);
  g_assert_cmpint((int)pino_health_state(f->health, id), ==, alive ? PINO_HEALTH_UP : PINO_HEALTH_UNKNOWN);
  pino_health_remove(f->health, id);
  g_assert_cmpint((int)pino_health_state(f->health, id), ==, PINO_HEALTH_UNKNOWN);
}

static void test_manners(Fixture *f, gconstpointer data) {
  check_manner(f, HEAD_IS_501, TRUE);
  check_manner(f, HEAD_IS_CUT, TRUE);
  check_manner(f, REDIRECTS, TRUE);
  check_manner(f, BROKEN, FALSE);
  check_manner(f, NO_HTTP, FALSE);
}

/* Once a server refused HEAD, it is asked with GET at once. */
static void test_get_is_remembered(Fixture *f, gconstpointer data) {
  g_atomic_int_set(&f->server.manner, HEAD_IS_501);
  watch(f, "/");
  wait_until(f, has_news, "up ");
  wait_asked(f, 3);
  g_assert_cmpint(g_atomic_int_get(&f->server.heads), ==, 1);
}

static void test_statuses(Fixture *f, gconstpointer data) {
  static const struct {
    const char *path;
    gboolean alive;
  } cases[] = {{"/hello", TRUE},       {"/missing", TRUE},     {"/status/401", TRUE}, {"/status/204", TRUE},
               {"/status/499", TRUE},  {"/loop", TRUE},        {"/big", TRUE},        {"/slow", TRUE},
               {"/status/500", FALSE}, {"/status/503", FALSE}, {"/silent", FALSE}};
  g_autoptr(TestServer) server = test_server_new();
  guint ids[G_N_ELEMENTS(cases)];
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *url = test_server_url(server, cases[i].path);
    ids[i] = pino_health_add(f->health, url, on_changed, f);
  }
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("%uup ", ids[i]);
    if (cases[i].alive)
      wait_until(f, has_news, text);
  }
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    g_assert_cmpint(pino_health_state(f->health, ids[i]) == PINO_HEALTH_UP, ==, cases[i].alive);
  g_clear_pointer(&f->health, pino_health_free);
}

static void test_addresses(Fixture *f, gconstpointer data) {
  static const char *const good[] = {"http://127.0.0.1:7860", "HTTP://localhost/x?y=z#f",
                                     "https://[::1]:8443/", "http://0.0.0.0:1/"};
  static const char *const bad[] = {"",
                                    "127.0.0.1:7860",
                                    "ftp://127.0.0.1/",
                                    "file:///etc/passwd",
                                    "http://",
                                    "http:///x",
                                    "http://127.0.0.1:99999/",
                                    "http://a/\r\nX: y",
                                    "http://a b/",
                                    "javascript:alert(1)",
                                    "ws://127.0.0.1/"};
  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    g_assert_true(pino_probe_can_ask(good[i]));
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_false(pino_probe_can_ask(bad[i]));
    g_assert_cmpuint(pino_health_add(f->health, bad[i], on_changed, f), ==, 0);
  }
  pino_health_remove(f->health, 0);
  pino_health_remove(f->health, 12345);
}

static void test_removed_in_flight(Fixture *f, gconstpointer data) {
  g_autoptr(TestServer) server = test_server_new();
  g_autofree char *url = test_server_url(server, "/silent");
  for (guint i = 0; i < 40; i++) {
    guint id = pino_health_add(f->health, url, on_changed, f);
    while (i % 2 == 0 && test_server_waiting(server) == 0)
      g_main_context_iteration(NULL, FALSE);
    pino_health_remove(f->health, id);
    while (test_server_waiting(server) > 0)
      g_main_context_iteration(NULL, FALSE);
  }
  g_assert_cmpstr(f->news->str, ==, "");
  /* The ways that they took are free again. */
  guint last = watch(f, "/");
  g_autofree char *up = g_strdup_printf("%uup ", last);
  wait_until(f, has_news, up);
  for (guint i = 0; i < 20; i++)
    pino_health_add(f->health, url, on_changed, f);
  while (test_server_waiting(server) < 10)
    g_main_context_iteration(NULL, FALSE);
  g_clear_pointer(&f->health, pino_health_free);
  while (test_server_waiting(server) > 0)
    g_main_context_iteration(NULL, FALSE);
}

static void remove_itself(PinoHealth *health, guint id, PinoHealthState state, gpointer data) {
  Fixture *f = data;
  on_changed(health, id, state, data);
  pino_health_remove(health, id);
  if (id < 3)
    watch(f, "/");
}

static void test_changes_from_the_callback(Fixture *f, gconstpointer data) {
  g_autofree char *url = url_of(&f->server, "/");
  pino_health_add(f->health, url, remove_itself, f);
  wait_until(f, has_news, "2up ");
  g_assert_cmpstr(f->news->str, ==, "1up 2up ");
}

static void test_interval(Fixture *f, gconstpointer data) {
  pino_health_set_interval(f->health, 3600);
  watch(f, "/");
  watch(f, "/");
  wait_until(f, has_news, "2up ");
  wait_until(f, has_news, "1up ");
  pino_health_set_interval(f->health, 1);
  gint64 begin = g_get_monotonic_time();
  wait_asked(f, 4);
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 6 * G_USEC_PER_SEC);
}

static gboolean all_up(Fixture *f, gconstpointer count) {
  for (guint id = 1; id <= GPOINTER_TO_UINT(count); id++)
    if (pino_health_state(f->health, id) != PINO_HEALTH_UP)
      return FALSE;
  return TRUE;
}

static double cpu_ms(void) {
  struct rusage used;
  getrusage(RUSAGE_THREAD, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static void test_hundred(Fixture *f, gconstpointer data) {
  gint64 begin = g_get_monotonic_time();
  for (guint i = 0; i < 100; i++)
    watch(f, "/");
  wait_until(f, all_up, GUINT_TO_POINTER(100));
  g_test_message("100 of them up after %.0f ms", (double)(g_get_monotonic_time() - begin) / 1000);
  double before = cpu_ms();
  guint first = asked(f);
  begin = g_get_monotonic_time();
  while (asked(f) - first < 300)
    g_main_context_iteration(NULL, TRUE);
  double took = (double)(g_get_monotonic_time() - begin) / 1000;
  double each = (cpu_ms() - before) / 300;
  g_test_message("300 more in %.0f ms, %.3f ms of CPU each: %.2f %% of a core for 100 every 10 s", took, each,
                 each);
  /* Each once a second: not more often, and not left behind. */
  g_assert_cmpfloat(took, >, 1900);
  g_assert_cmpfloat(took, <, 15000);
  g_assert_cmpfloat(each, <, 5);
}

/* Silent ones take their time without taking anybody else's. */
static void test_silent_among_well(Fixture *f, gconstpointer data) {
  g_autoptr(TestServer) server = test_server_new();
  g_autofree char *url = test_server_url(server, "/silent");
  for (guint i = 0; i < 10; i++)
    watch(f, "/");
  for (guint i = 0; i < 10; i++)
    pino_health_add(f->health, url, on_changed, f);
  wait_until(f, all_up, GUINT_TO_POINTER(10));
  gint64 begin = g_get_monotonic_time();
  wait_asked(f, 50);
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 10 * G_USEC_PER_SEC);
  g_clear_pointer(&f->health, pino_health_free);
}

/* GSocketClient tells each of its steps; here they would be ten thousand lines. */
static void drop_message(const char *domain, GLogLevelFlags level, const char *message, gpointer data) {
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_log_set_handler("GLib-GIO", G_LOG_LEVEL_DEBUG, drop_message, NULL);
#define ADD(name, function) g_test_add("/engine/health/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("up", test_up);
  ADD("late", test_late);
  ADD("down-and-up-again", test_down_and_up);
  ADD("two-misses-are-nothing", test_a_short_miss);
  ADD("manners-of-servers", test_manners);
  ADD("get-is-remembered", test_get_is_remembered);
  ADD("statuses", test_statuses);
  ADD("addresses", test_addresses);
  ADD("removed-in-flight", test_removed_in_flight);
  ADD("changes-from-the-callback", test_changes_from_the_callback);
  ADD("interval", test_interval);
  ADD("a-hundred-at-once", test_hundred);
  ADD("silent-among-well", test_silent_among_well);
  return g_test_run();
}
